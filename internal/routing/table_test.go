package routing

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// readTable returns header and rows of the table after the marker in docs/routing.md.
func readTable(t *testing.T, name string) [][]string {
	t.Helper()
	b, err := os.ReadFile("../../docs/routing.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(b), "<!-- table:"+name+" -->\n")
	if !ok {
		t.Fatalf("docs/routing.md has no table %q", name)
	}
	body, _, _ := strings.Cut(rest, "<!-- end -->")
	var rows [][]string
	for line := range strings.Lines(body) {
		if strings.HasPrefix(line, "|---") {
			continue
		}
		var cells []string
		for _, c := range strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|") {
			cells = append(cells, strings.TrimSpace(c))
		}
		rows = append(rows, cells)
	}
	return rows
}

// story is a router with a clock, for stories.
type story struct {
	*testing.T
	s   *State
	now time.Time
	all []Decision // of the latest step
}

func newStory(t *testing.T, cfg Config) *story {
	return &story{T: t, s: New(cfg), now: t0}
}

// after lets d pass, then ev happens.
func (st *story) after(d time.Duration, ev Event) []Decision {
	st.Helper()
	st.now = st.now.Add(d)
	st.all = slices.Clone(Apply(st.s, ev, st.now))
	if err := st.s.check(); err != nil {
		st.Fatalf("after %#v: %v", ev, err)
	}
	return st.all
}

func (st *story) do(ev Event) []Decision { st.Helper(); return st.after(time.Millisecond, ev) }

// tick goes to the next deadline.
func (st *story) tick() []Decision {
	st.Helper()
	at, ok := st.s.NextDeadline()
	if !ok {
		st.Fatal("nothing is due")
	}
	return st.after(at.Sub(st.now), Tick{})
}

func (st *story) agent(id AgentID) AgentView {
	for _, a := range st.s.Snapshot(st.now).Agents {
		if a.Agent == id {
			return a
		}
	}
	return AgentView{State: SignedOut}
}

func (st *story) call(id CallID) CallView {
	for _, c := range st.s.Snapshot(st.now).Calls {
		if c.Call == id {
			return c
		}
	}
	return CallView{State: "gone"}
}

// one returns the only decision of that kind in the latest step.
func (st *story) one(k DecisionKind) Decision {
	st.Helper()
	var found []Decision
	for _, d := range st.all {
		if d.Kind == k {
			found = append(found, d)
		}
	}
	if len(found) != 1 {
		st.Fatalf("%d decisions %v instead of 1 in %+v", len(found), k, st.all)
	}
	return found[0]
}

func (st *story) none(k DecisionKind) {
	st.Helper()
	for _, d := range st.all {
		if d.Kind == k {
			st.Fatalf("unexpected: %+v", d)
		}
	}
}

const (
	ring  = 15 * time.Second
	wrap  = 30 * time.Second
	aside = 60 * time.Second
)

func tableConfig() Config {
	return Config{CheckEvery: time.Hour, Queues: map[QueueID]QueueConfig{
		"q": {RingTimeout: ring, WrapUp: wrap, SetAside: aside, MaxWait: 10 * time.Minute}}}
}

// agentIn makes agent "a" of queue "q" stand in a state.
func agentIn(t *testing.T, state string) *story {
	st := newStory(t, tableConfig())
	in := AgentSignedIn{Agent: "a", Queues: []QueueID{"q"}, Ready: true}
	offered := func() {
		st.do(in)
		st.do(CallQueued{Call: "c", Queue: "q"})
	}
	switch state {
	case "SignedOut":
		in.Ready = false
		st.do(in)
		st.do(AgentSignedOut{Agent: "a"})
	case "Ready":
		st.do(in)
	case "Offered":
		offered()
	case "Talking":
		offered()
		st.do(OfferAnswered{1})
	case "WrapUp":
		offered()
		st.do(OfferAnswered{1})
		st.do(TalkEnded{Agent: "a", Call: "c"})
	case "Paused":
		in.Ready = false
		st.do(in)
	case "SetAside":
		offered()
		st.do(OfferFailed{1, NoAnswer})
		st.do(CallLeft{Call: "c"})
	case "Unreachable":
		offered()
		st.do(OfferFailed{1, StationUnreachable})
		st.do(CallLeft{Call: "c"})
	default:
		t.Fatalf("the table has an unknown state %q", state)
	}
	if got := strings.ReplaceAll(st.agent("a").State.String(), "_", ""); got != strings.ToLower(state) {
		t.Fatalf("wanted the agent in %s, is %s", state, got)
	}
	return st
}

func TestAgentTable(t *testing.T) {
	events := map[string]Event{
		"AgentSignedIn, same queues":      AgentSignedIn{Agent: "a", Queues: []QueueID{"q"}},
		"AgentSignedIn, ready":            AgentSignedIn{Agent: "a", Queues: []QueueID{"q"}, Ready: true},
		"AgentReady":                      AgentReady{"a"},
		"AgentPaused":                     AgentPaused{Agent: "a", Reason: "lunch"},
		"AgentSignedOut":                  AgentSignedOut{Agent: "a"},
		"AgentSignedOut, forced":          AgentSignedOut{Agent: "a", Forced: true},
		"StationUp":                       StationUp{"a"},
		"StationDown":                     StationDown{"a"},
		"CallQueued":                      CallQueued{Call: "new", Queue: "q"},
		"CallLeft, the agent's call":      CallLeft{Call: "c"},
		"OfferAnswered, the latest offer": OfferAnswered{1},
		"OfferFailed, no answer":          OfferFailed{1, NoAnswer},
		"OfferFailed, busy":               OfferFailed{1, Busy},
		"OfferFailed, declined":           OfferFailed{1, Declined},
		"OfferFailed, unreachable":        OfferFailed{1, StationUnreachable},
		"TalkEnded":                       TalkEnded{Agent: "a", Call: "c"},
		"TalkEnded, line lost":            TalkEnded{Agent: "a", Call: "c", Lost: true},
		"WrapUpDone":                      WrapUpDone{"a"},
		"WrapUpExtended":                  WrapUpExtended{Agent: "a"},
		"AgentTaken":                      AgentTaken{"a", "other"},
		"StillHere":                       StillHere{"c", "a"},
		"AgentBudget, used up":            AgentBudget{Agent: "a"},
		"time is over":                    nil,
	}
	rows := readTable(t, "agent")
	if len(rows) != len(events)+1 {
		t.Errorf("%d events in the table, %d known", len(rows)-1, len(events))
	}
	for _, row := range rows[1:] {
		ev, ok := events[row[0]]
		if !ok {
			t.Errorf("the table has an unknown event %q", row[0])
		}
		for i, cell := range row[1:] {
			state := rows[0][i+1]
			t.Run(row[0]+"/"+state, func(t *testing.T) {
				st := agentIn(t, state)
				ignored := st.s.Ignored
				st.all = nil
				if ev != nil {
					st.do(ev)
				} else if _, due := st.s.NextDeadline(); due {
					st.tick()
				}
				if (st.s.Ignored > ignored) != (cell == "·") {
					t.Errorf("ignored: %v, the table says %q", st.s.Ignored > ignored, cell)
				}
				late := strings.HasPrefix(row[0], "OfferAnswered") && state != "Offered" && state != "Talking" && state != "WrapUp"
				if late {
					st.one(DropLeg) // the offer is over or never was; all the other ignored events lead to nothing
				} else if cell == "·" && len(st.all) > 0 {
					t.Errorf("ignored and yet: %+v", st.all)
				}
				moved := ""
				for _, d := range st.all {
					if d.Kind == AgentMoved {
						moved = d.To.String()
					}
				}
				want, later := strings.CutPrefix(cell, "later ")
				name := ""
				switch {
				case later:
					if n := strings.ReplaceAll(st.agent("a").Next.String(), "_", ""); n != strings.ToLower(want) {
						t.Errorf("next is %q, the table says %q", n, cell)
					}
				case want != "·" && want != "=":
					name = strings.ToLower(want)
				}
				if got := strings.ReplaceAll(moved, "_", ""); got != name {
					t.Errorf("moved to %q, the table says %q", got, cell)
				}
			})
		}
	}
}

// callIn makes call "c" stand in a state in queue "q" with agent "a".
func callIn(t *testing.T, state string, cfg Config) *story {
	st := newStory(t, cfg)
	st.do(AgentSignedIn{Agent: "a", Queues: []QueueID{"q"}, Ready: state == "ringing" || state == "talking"})
	if state != "unknown" {
		st.do(CallQueued{Call: "c", Queue: "q", Since: st.now})
	}
	if state == "talking" {
		st.do(OfferAnswered{1})
	}
	want := state
	if state == "unknown" {
		want = "gone"
	}
	if got := st.call("c").State; got != want {
		t.Fatalf("wanted the call %s, is %s", want, got)
	}
	return st
}

func TestCallTable(t *testing.T) {
	events := map[string]func(st *story){
		"CallQueued, the same again":  func(st *story) { st.do(CallQueued{Call: "c", Queue: "q"}) },
		"CallQueued, higher priority": func(st *story) { st.do(CallQueued{Call: "c", Queue: "q", Priority: 1}) },
		"CallQueued, head":            func(st *story) { st.do(CallQueued{Call: "c", Queue: "q", Head: true}) },
		"CallQueued, unknown queue":   func(st *story) { st.do(CallQueued{Call: "c", Queue: "?"}) },
		"CallLeft":                    func(st *story) { st.do(CallLeft{Call: "c"}) },
		"the agent becomes ready":     func(st *story) { st.do(AgentReady{"a"}) },
		"the agent signs out":         func(st *story) { st.do(AgentSignedOut{Agent: "a"}) },
		"OfferAnswered":               func(st *story) { st.do(OfferAnswered{1}) },
		"OfferFailed, no answer":      func(st *story) { st.do(OfferFailed{1, NoAnswer}) },
		"StationDown of the agent":    func(st *story) { st.do(StationDown{"a"}) },
		"TalkEnded":                   func(st *story) { st.do(TalkEnded{Agent: "a", Call: "c"}) },
		"AgentTaken, by another agent": func(st *story) {
			st.do(AgentSignedIn{Agent: "b", Queues: []QueueID{"elsewhere"}, Ready: true})
			st.do(AgentTaken{"b", "c"})
		},
		"ring time is over": func(st *story) { st.after(ring, Tick{}) },
		"MaxWait is over":   func(st *story) { st.after(10*time.Minute, Tick{}) },
	}
	rows := readTable(t, "call")
	if len(rows) != len(events)+1 {
		t.Errorf("%d events in the table, %d known", len(rows)-1, len(events))
	}
	for _, row := range rows[1:] {
		do, ok := events[row[0]]
		if !ok {
			t.Fatalf("the table has an unknown event %q", row[0])
		}
		for i, cell := range row[1:] {
			state := rows[0][i+1]
			t.Run(row[0]+"/"+state, func(t *testing.T) {
				cfg := tableConfig()
				if row[0] == "MaxWait is over" { // while it still rings
					cfg.Queues["q"] = QueueConfig{RingTimeout: time.Hour, MaxWait: 10 * time.Minute}
				}
				st := callIn(t, state, cfg)
				ignored := st.s.Ignored
				do(st)
				if (st.s.Ignored > ignored) != (cell == "·") {
					t.Errorf("ignored: %v, the table says %q", st.s.Ignored > ignored, cell)
				}
				want := cell
				if cell == "·" || cell == "=" {
					want = strings.Replace(state, "unknown", "gone", 1)
				}
				if got := st.call("c").State; got != want {
					t.Errorf("the call is %s, the table says %q", got, cell)
				}
			})
		}
	}
}
