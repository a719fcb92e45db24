package ivr

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"cagri/internal/prompt"

	"pgregory.net/rapid"
)

// witness stands beside a machine as a call would and holds it to its promises:
//
//   - after every input the machine waits for exactly one bounded thing, or has ended;
//   - no queue before a notice that was played to its end, and no notice counted that was not;
//   - no action after the end; an input that means nothing changes nothing.
type witness struct {
	m       *Machine
	phase   string // what a call would be doing: start, play, key, queue, hours, slots, promise, transfer, message, end
	playing Play
	noticed bool
}

type failer interface{ Fatalf(string, ...any) }

func (w *witness) handle(t failer, in Input) {
	before := w.phase
	actions := w.m.Handle(in)
	if before == "end" && len(actions) > 0 {
		t.Fatalf("%T after the end gives %+v", in, actions)
	}
	waits := 0
	for i, a := range actions {
		switch a := a.(type) {
		case Play:
			w.phase, w.playing = "play", a
			waits++
		case Await:
			if a.Timeout < minTimeout || a.Timeout > maxTimeout || a.Keys == "" {
				t.Fatalf("waits for %q, %s", a.Keys, a.Timeout)
			}
			w.phase = "key"
			waits++
		case Enqueue:
			if !w.noticed {
				t.Fatalf("queue %s before the notice of recording", a.Queue)
			}
			if a.Queue == "" {
				t.Fatalf("a queue without a name")
			}
			w.phase = "queue"
			waits++
		case AskHours, AskSlots, Callback, Book, Transfer, Voicemail:
			w.phase = map[string]string{
				"ivr.AskHours": "hours", "ivr.AskSlots": "slots", "ivr.Callback": "promise", "ivr.Book": "promise", "ivr.Transfer": "transfer", "ivr.Voicemail": "message",
			}[fmt.Sprintf("%T", a)]
			if w.phase == "message" && !w.noticed {
				t.Fatalf("a message is recorded before the notice of recording")
			}
			waits++
		case Rate:
			if a.Mark < 1 || a.Mark > 5 {
				t.Fatalf("mark %d", a.Mark)
			}
		case End:
			if i != len(actions)-1 {
				t.Fatalf("actions after the end: %+v", actions)
			}
			w.phase = "end"
			waits++
		case NoticePlayed:
			if _, ok := in.(Played); !ok || before != "play" || w.playing.Interrupt || !isNotice(w.playing) {
				t.Fatalf("%T in phase %s (%v) counts as a notice", in, before, w.playing.Parts)
			}
			w.noticed = true
		case Language:
			if !a.Language.Valid() || w.m.Language() == "" {
				t.Fatalf("language %q", a.Language)
			}
		case Step:
			if a.Outcome == "" || a.Node == "" {
				t.Fatalf("step without words: %+v", a)
			}
		default:
			t.Fatalf("unknown action %T", a)
		}
	}
	if waits > 1 {
		t.Fatalf("%T gives more than one thing to wait for: %+v", in, actions)
	}
	if d, ok := in.(Done); ok && d.OK && before == "transfer" {
		w.phase = "end" // connected: the flow is over
		waits++
	}
	if waits == 0 && len(actions) > 0 {
		t.Fatalf("%T gives actions but nothing to wait for: %+v", in, actions)
	}
	if _, ok := in.(Start); ok && before == "start" && waits == 0 {
		t.Fatalf("dead air after start")
	}
	// What ought to move a call on must move it on.
	switch in.(type) {
	case Played:
		if before == "play" && waits == 0 {
			t.Fatalf("dead air after %v", w.playing.Parts)
		}
	case Timeout:
		if (before == "key" || before == "play") && waits == 0 {
			t.Fatalf("dead air after silence")
		}
	case Queue:
		if before == "queue" && waits == 0 {
			t.Fatalf("dead air after the queue")
		}
	case Hours:
		if before == "hours" && waits == 0 {
			t.Fatalf("dead air after the hours")
		}
	case Slots:
		if before == "slots" && waits == 0 {
			t.Fatalf("dead air after the times")
		}
	case Done:
		if (before == "promise" || before == "transfer" || before == "message") && waits == 0 {
			t.Fatalf("dead air after %s", before)
		}
	}
	if w.m.Ended() != (w.phase == "end") || w.m.Noticed() != w.noticed {
		t.Fatalf("ended %v in phase %s, noticed %v", w.m.Ended(), w.phase, w.m.Noticed())
	}
}

func isNotice(p Play) bool {
	for _, part := range p.Parts {
		if part.Kind != prompt.KindSay || !strings.HasPrefix(part.ID, "notice.") && !strings.HasPrefix(part.ID, "own.notice") {
			return false
		}
	}
	return len(p.Parts) > 0
}

// calls lets a few callers through a flow: one who never presses anything, whom every
// queue lets go, and some who press what the bytes of seed say.
func calls(t failer, f *Flow, seed []byte, checked bool) {
	silent := &witness{m: NewMachine(f), phase: "start"}
	silent.handle(t, Start{})
	for n := 0; silent.phase != "end"; n++ {
		if n > 20*maxNodes*(maxRepeat+1) {
			t.Fatalf("a silent caller is still in the flow after %d inputs", n)
		}
		switch silent.phase {
		case "play":
			silent.handle(t, Played{})
		case "key":
			silent.handle(t, Timeout{})
		case "queue":
			silent.handle(t, Queue{Outcome(1 + n%3)})
		case "hours":
			silent.handle(t, Hours{Open: n%2 == 0})
		case "slots":
			silent.handle(t, Slots{[]Slot{{SlotTomorrow, 10}}})
		case "transfer", "message", "promise":
			silent.handle(t, Done{Reason: "busy"})
		}
		if checked && silent.m.forced {
			t.Fatalf("a checked flow came to queue %s without a notice of its own", silent.m.Node())
		}
	}
	w := &witness{m: NewMachine(f), phase: "start"}
	for _, b := range seed[:min(len(seed), 300)] {
		w.handle(t, anyInput(b))
		if checked && w.m.forced {
			t.Fatalf("a checked flow came to queue %s without a notice of its own", w.m.Node())
		}
	}
}

// anyInput is some input for each byte.
func anyInput(b byte) Input {
	switch b % 12 {
	case 0:
		return Start{Withheld: b > 100}
	case 6:
		return Hours{Open: b > 100}
	case 7:
		return Done{OK: b > 100}
	case 8:
		return Slots{[]Slot{{SlotDay(b % 16), int(b) % 30}, {SlotMonday, 9}, {SlotToday, 12}}[:b%4]}
	case 9:
		return Served{}
	case 1, 2:
		return Played{}
	case 3:
		return Timeout{}
	case 4:
		return Queue{Outcome(b / 12)}
	case 5:
		return Key{b}
	}
	return Key{"0123456789*#"[int(b/12)%12]}
}

// anyFlow is a flow of whatever shape, whole or broken.
func anyFlow(broken bool) *rapid.Generator[*Flow] {
	return rapid.Custom(func(t *rapid.T) *Flow {
		n := rapid.IntRange(1, 12).Draw(t, "nodes")
		f := &Flow{Name: "any", File: "any.yaml", Language: rapid.SampledFrom(prompt.Languages()).Draw(t, "language"), Start: "n0", Nodes: map[string]*Node{}}
		way := func() Way {
			top := n - 1
			if broken {
				top = n // one beyond: leads nowhere
			}
			return Way{To: fmt.Sprintf("n%d", rapid.IntRange(0, top).Draw(t, "to"))}
		}
		parts := func(id string) []prompt.Part {
			if broken && rapid.IntRange(0, 9).Draw(t, "mute") == 0 {
				return nil
			}
			p := prompt.Say(id)
			if rapid.Bool().Draw(t, "in") {
				p = p.In(rapid.SampledFrom(prompt.Languages()).Draw(t, "lang"))
			}
			return []prompt.Part{p}
		}
		if rapid.Bool().Draw(t, "operator") {
			f.Operator = way().To
		}
		for i := range n {
			name := fmt.Sprintf("n%d", i)
			node := &Node{Name: name, Kind: rapid.SampledFrom(kinds).Draw(t, "kind")}
			node.Timeout = time.Duration(rapid.IntRange(1, 30).Draw(t, "timeout")) * time.Second
			node.Repeat = rapid.IntRange(0, maxRepeat).Draw(t, "repeat")
			node.Next, node.Otherwise = way(), way()
			node.OnNobody, node.OnTimeout, node.OnClosed = way(), way(), way()
			node.OnOpen, node.OnFailed, node.OnDeclined = way(), way(), way()
			if rapid.Bool().Draw(t, "stay") {
				node.OnServed = way()
			}
			node.Limit = time.Duration(rapid.IntRange(10, 100).Draw(t, "limit")) * time.Second
			node.Default = rapid.SampledFrom(prompt.Languages()).Draw(t, "default")
			switch node.Kind {
			case KindNotice:
				node.Parts = []prompt.Part{prompt.Say("notice.recorded")}
			case KindQueue, KindHours, KindCallback, KindBooking:
				node.Queue = "general"
				node.Parts = parts("callback.offer")
			case KindTransfer:
				node.Number = "0124931122"
			case KindEnd:
				node.Reason = name
				node.Parts = parts("goodbye")
			default:
				node.Parts = parts("menu.main")
			}
			for _, key := range rapid.SliceOfNDistinct(rapid.SampledFrom([]byte("0123456789*#")), 1, 4, rapid.ID).Draw(t, "keys") {
				node.Keys = append(node.Keys, Choice{Key: key, To: way(), Language: rapid.SampledFrom(prompt.Languages()).Draw(t, "choice")})
			}
			f.Nodes[name] = node
			f.Order = append(f.Order, name)
		}
		return f
	})
}

func TestNeverDeadAir(t *testing.T) {
	for _, flows := range []*rapid.Generator[*Flow]{anyFlow(false), anyFlow(true), tidyFlow()} {
		rapid.Check(t, func(t *rapid.T) {
			f := flows.Draw(t, "flow")
			seed := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "inputs")
			problems := f.Check(Limits{Has: anyPhrase, Duration: threeSeconds})
			calls(t, f, seed, len(problems) == 0)
		})
	}
}

// tidyFlow is a flow that has a fair chance to pass the check: it begins with a notice,
// ways that are taken by themselves lead forward, and nodes nobody comes to are left out.
func tidyFlow() *rapid.Generator[*Flow] {
	return rapid.Custom(func(t *rapid.T) *Flow {
		f := anyFlow(false).Draw(t, "any")
		last := len(f.Order) - 1
		for i, name := range f.Order {
			n := f.Nodes[name]
			switch {
			case i == last:
				n.Kind, n.Reason = KindEnd, name
			case i == last-1:
				n.Kind, n.Queue = KindQueue, "general"
				f.Operator = name
			case i == 0:
				n.Kind = KindNotice
			}
			if n.Kind == KindNotice {
				n.Parts = []prompt.Part{prompt.Say("notice.recorded")}
			}
			forward := func() Way {
				return Way{To: fmt.Sprintf("n%d", rapid.IntRange(min(i+1, last), last).Draw(t, "forward"))}
			}
			n.Next, n.Otherwise, n.OnNobody, n.OnTimeout, n.OnClosed = forward(), forward(), forward(), forward(), forward()
			n.OnOpen, n.OnFailed, n.OnDeclined, n.OnServed = forward(), forward(), forward(), Way{}
			if i == 0 {
				n.Next = Way{To: f.Order[min(1, last)]}
			}
		}
		reachable := f.reachable()
		f.Order = slices.DeleteFunc(f.Order, func(name string) bool { return !reachable[name] })
		maps.DeleteFunc(f.Nodes, func(name string, _ *Node) bool { return !reachable[name] })
		if !reachable[f.Operator] {
			f.Operator = ""
		}
		return f
	})
}

// In a flow that passed the check a caller who presses nothing passes each node at most
// once, so the guard against circles is never needed.
func TestACheckedFlowNeverNeedsTheGuards(t *testing.T) {
	checked := 0
	rapid.Check(t, func(t *rapid.T) {
		f := tidyFlow().Draw(t, "flow")
		if len(f.Check(Limits{Has: anyPhrase, Duration: threeSeconds, MaxToHuman: time.Hour})) > 0 {
			return
		}
		checked++
		m := NewMachine(f)
		inputs := []Input{Start{}}
		seen := map[string]bool{}
		for len(inputs) > 0 {
			in := inputs[0]
			inputs = inputs[1:]
			for _, a := range m.Handle(in) {
				switch a := a.(type) {
				case Play:
					inputs = append(inputs, Played{})
				case Await:
					inputs = append(inputs, Timeout{})
				case Enqueue:
					inputs = append(inputs, Queue{NoAgents})
				case AskHours:
					inputs = append(inputs, Hours{Open: true})
				case AskSlots:
					inputs = append(inputs, Slots{[]Slot{{SlotToday, 15}}})
				case Transfer, Voicemail, Callback, Book:
					inputs = append(inputs, Done{})
				case Step:
					if a.Outcome == "otherwise" || a.Outcome == "next" {
						if seen[a.Node] {
							t.Fatalf("a silent caller passes %s twice", a.Node)
						}
						seen[a.Node] = true
					}
				case End:
					if _, known := f.Nodes[a.Reason]; !known {
						t.Fatalf("the call was given up: %s", a.Reason)
					}
				}
			}
		}
		if !m.Ended() {
			t.Fatalf("a silent caller is left at %s", m.Node())
		}
	})
	if checked == 0 {
		t.Error("no random flow passed the check; the test tests nothing")
	}
	t.Logf("%d random flows passed the check", checked)
}

func TestTheMachineIsDeterministic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFlow(true).Draw(t, "flow")
		a, b := NewMachine(f), NewMachine(f)
		for _, x := range rapid.SliceOfN(rapid.Byte(), 0, 60).Draw(t, "inputs") {
			if got, want := a.Handle(anyInput(x)), b.Handle(anyInput(x)); !reflect.DeepEqual(got, want) {
				t.Fatalf("%+v and %+v", got, want)
			}
		}
	})
}

// A machine must not write into the flow that all calls share.
func TestTheFlowIsSharedByAllCalls(t *testing.T) {
	f, fresh := Default(), Default()
	done := make(chan struct{})
	for range 8 {
		go func() {
			defer func() { done <- struct{}{} }()
			m := NewMachine(f)
			for b := range 256 {
				m.Handle(anyInput(byte(b * 7)))
			}
			w := NewMachine(f)
			for _, in := range []Input{Start{}, Played{}, Played{}, Key{'9'}, Key{'1'}, Key{'8'}, Key{'7'}} {
				w.Handle(in)
			}
		}()
	}
	for range 8 {
		<-done
	}
	if !reflect.DeepEqual(f, fresh) {
		t.Error("the flow has changed")
	}
}
