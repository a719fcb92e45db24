package routing

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var t0 = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// chaosConfig draws a router with a few queues of different temper.
func chaosConfig(t *rapid.T, check bool) Config {
	secs := func(name string, lo, hi int) time.Duration {
		return time.Duration(rapid.IntRange(lo, hi).Draw(t, name)) * time.Second
	}
	cfg := Config{MaxMisses: rapid.SampledFrom([]int{0, 1, 2, -1}).Draw(t, "misses"), Queues: map[QueueID]QueueConfig{}}
	if check {
		cfg.CheckEvery = 20 * time.Second
		cfg.CheckGrace = 5 * time.Second
	}
	for _, id := range []QueueID{"q1", "q2", "q3"} {
		cfg.Queues[id] = QueueConfig{
			RingTimeout: secs("ring", 1, 20), WrapUp: secs("wrap", 0, 20), SetAside: secs("aside", 0, 20),
			MaxWait: secs("wait", 0, 90), There: rapid.SampledFrom([]Presence{"", SignedIn, Working, Always}).Draw(t, "there"),
		}
	}
	return cfg
}

var (
	someAgents = []AgentID{"a1", "a2", "a3", "a4"}
	someCalls  = []CallID{"c1", "c2", "c3", "c4", "c5", "c6"}
	someQueues = []QueueID{"q1", "q2", "q3", "later"}
)

// anyEvent draws an event about anything, sensible or not.
func anyEvent(t *rapid.T, s *State, now time.Time) Event {
	agent := rapid.SampledFrom(someAgents).Draw(t, "agent")
	call := rapid.SampledFrom(someCalls).Draw(t, "call")
	offer := OfferID(0)
	if s.nextOffer > 0 {
		offer = s.nextOffer + 1 - OfferID(rapid.IntRange(0, int(min(s.nextOffer, 8))).Draw(t, "offer"))
	}
	switch rapid.IntRange(0, 26).Draw(t, "event") {
	case 26:
		e := AgentBudget{Agent: agent, Left: time.Duration(rapid.IntRange(-10, 300).Draw(t, "left")) * time.Second,
			Reserve: time.Duration(rapid.IntRange(0, 60).Draw(t, "reserve")) * time.Second, NextLeft: time.Duration(rapid.IntRange(0, 600).Draw(t, "next left")) * time.Second}
		if rapid.Bool().Draw(t, "week ends") {
			e.WeekEnds = now.Add(time.Duration(rapid.IntRange(-100, 300).Draw(t, "week ends in")) * time.Second)
		}
		return e
	case 0, 1, 2:
		return AgentSignedIn{Agent: agent, Ready: rapid.Bool().Draw(t, "ready"),
			Queues: rapid.SliceOfN(rapid.SampledFrom(someQueues), 0, 4).Draw(t, "queues")}
	case 3, 4:
		return AgentReady{agent}
	case 5:
		e := AgentPaused{Agent: agent, Reason: rapid.SampledFrom([]string{"", "lunch"}).Draw(t, "reason")}
		if rapid.Bool().Draw(t, "return") {
			e.Return = now.Add(time.Duration(rapid.IntRange(-5, 60).Draw(t, "in")) * time.Second)
		}
		return e
	case 6:
		return AgentSignedOut{agent, rapid.Bool().Draw(t, "forced")}
	case 7:
		return StationUp{agent}
	case 8:
		return StationDown{agent}
	case 9, 10, 11, 12, 13:
		e := CallQueued{Call: call, Queue: rapid.SampledFrom([]QueueID{"q1", "q2", "q3", "q1", "q2", "q3", "nowhere", "later"}).Draw(t, "queue"),
			Priority: rapid.IntRange(0, 1).Draw(t, "priority"), Head: rapid.IntRange(0, 4).Draw(t, "head") == 0,
			Entry: rapid.SampledFrom([]int{0, 0, 0, 1, 2}).Draw(t, "entry")}
		if rapid.Bool().Draw(t, "since") {
			e.Since = now.Add(-time.Duration(rapid.IntRange(-3, 100).Draw(t, "ago")) * time.Second)
		}
		return e
	case 14, 15:
		return CallLeft{Call: call}
	case 16, 17, 18, 19:
		return OfferAnswered{offer}
	case 20:
		return OfferFailed{offer, rapid.SampledFrom([]Failure{NoAnswer, Busy, Declined, StationUnreachable, "?"}).Draw(t, "failure")}
	case 21:
		if a := s.agents[agent]; a != nil && a.on != "" {
			call = a.on
		}
		return TalkEnded{Agent: agent, Call: call}
	case 22:
		if rapid.Bool().Draw(t, "extend") {
			return WrapUpExtended{agent, time.Duration(rapid.IntRange(-1, 30).Draw(t, "for")) * time.Second}
		}
		return WrapUpDone{agent}
	case 23:
		return AgentTaken{agent, rapid.SampledFrom([]CallID{call, "direct"}).Draw(t, "taken")}
	case 24:
		if rapid.Bool().Draw(t, "of agent") {
			return StillHere{call, agent}
		}
		return StillHere{Call: call}
	default:
		if rapid.Bool().Draw(t, "change") {
			return QueueChanged{rapid.SampledFrom(someQueues).Draw(t, "changed"), QueueConfig{There: rapid.SampledFrom([]Presence{Always, Working}).Draw(t, "now there")}}
		}
		return Tick{}
	}
}

// anyStep draws the next time: mostly small steps, sometimes back, sometimes far.
func anyStep(t *rapid.T, now time.Time) time.Time {
	switch rapid.IntRange(0, 19).Draw(t, "step") {
	case 0:
		return now.Add(-time.Duration(rapid.IntRange(1, 7200).Draw(t, "back")) * time.Second)
	case 1:
		return now.Add(time.Duration(rapid.IntRange(60, 7200).Draw(t, "jump")) * time.Second)
	case 2, 3, 4, 5:
		return now
	}
	return now.Add(time.Duration(rapid.IntRange(1, 8000).Draw(t, "ms")) * time.Millisecond)
}

// checkDecisions: every decision survives the journal and its reasons can be.
func checkDecisions(t *rapid.T, s *State, ds []Decision) {
	for _, d := range ds {
		b, err := EncodeDecision(d)
		if err != nil {
			t.Fatal(err)
		}
		back, err := DecodeDecision(b)
		if err != nil || back != d {
			t.Fatalf("decision changed on the way: %s: %+v, %v", b, back, err)
		}
		switch d.Kind {
		case Offer:
			w := d.Why
			if w.Choices < 1 || w.Waiting < 1 || w.Ready < 1 || w.Waited < 0 || w.Idle < 0 || w.NextIdle > w.Idle && !w.Held || w.Passed >= w.Choices || (w.Rival == "") != (w.Choices == 1) || w.Unfit < 0 || w.Unfit >= w.Ready+1 {
				t.Fatalf("reasons that cannot be: %+v", w)
			}
			if w.Passed > 0 && w.RivalWaited > w.Waited && (w.Rule == BySince || w.Rule == ByArrival || w.Rule == "") {
				t.Fatalf("passed without a rule: %+v", w)
			}
		case AgentMoved:
			if d.From == 0 || d.To == 0 {
				t.Fatalf("move without states: %+v", d)
			}
		}
	}
}

// drain lets only time pass and demands that everything comes to rest.
func drain(t *rapid.T, s *State) {
	for range 2000 {
		at, due := s.NextDeadline()
		if !due {
			break
		}
		Apply(s, Tick{}, at)
		if err := s.check(); err != nil {
			t.Fatalf("while draining: %v", err)
		}
		if stable(s) == nil {
			return
		}
	}
	// A call that nobody takes back and nobody answers rings for ever where neither
	// misses pause an agent nor MaxWait ends the wait; check has seen that every ring
	// has an end.
	if err := stable(s); err != nil && s.cfg.MaxMisses > 0 {
		t.Fatal(err)
	}
}

// stable says what still hangs in the air.
func stable(s *State) error {
	for _, a := range s.agents {
		switch a.state {
		case Offered, WrapUp, SetAside, Unreachable:
			return fmt.Errorf("agent %q is still %v", a.id, a.state)
		case Talking:
			if s.cfg.CheckEvery > 0 {
				return fmt.Errorf("agent %q still talks", a.id)
			}
		}
	}
	for _, c := range s.calls {
		if c.state == ringing {
			return fmt.Errorf("call %q still rings", c.id)
		}
	}
	return nil
}

func testChaos(t *rapid.T, check bool) { chaos(t, chaosConfig(t, check), anyEvent) }

func chaos(t *rapid.T, cfg Config, next func(*rapid.T, *State, time.Time) Event) {
	s := New(cfg)
	fail := func(format string, args ...any) { t.Fatalf(format, args...) }
	s.audit = fair(s, fail)
	now := t0
	var log []Recorded
	steps := rapid.IntRange(1, 120).Draw(t, "steps")
	twinAt := rapid.IntRange(0, steps).Draw(t, "twin")
	var twin *State
	for i := range steps {
		if i == twinAt {
			b, err := s.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if twin, err = Decode(b); err != nil {
				t.Fatalf("own state refused: %v", err)
			}
			again, err := twin.Encode()
			if err != nil || !bytes.Equal(b, again) {
				t.Fatalf("state changed by decoding:\n%s\n%s", b, again)
			}
		}
		now = anyStep(t, now)
		ev := next(t, s, now)
		ds := slices.Clone(Apply(s, ev, now))
		if err := s.check(); err != nil {
			t.Fatalf("after %#v: %v", ev, err)
		}
		resting(s, fail)
		checkDecisions(t, s, ds)
		log = append(log, Recorded{uint64(i + 1), now, ev, ds})
		if twin != nil {
			if got := Apply(twin, ev, now); !slices.Equal(got, ds) {
				t.Fatalf("the restored router decides otherwise on %#v:\n%+v\n%+v", ev, ds, got)
			}
		}
	}
	if n, diff := Replay(New(cfg), slices.Values(log)); diff != nil || n != steps {
		t.Fatalf("replay differs after %d: %v", n, diff)
	}
	drain(t, s)
}

func TestAnythingInAnyOrder(t *testing.T) {
	for range 6 { // rapid's 100 runs are few for this many interleavings
		rapid.Check(t, func(t *rapid.T) { testChaos(t, false) })
	}
}

func TestAnythingInAnyOrderWithChecks(t *testing.T) {
	for range 6 {
		rapid.Check(t, func(t *rapid.T) { testChaos(t, true) })
	}
}
