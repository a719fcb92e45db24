package routing

import (
	"strings"
	"testing"
	"time"
)

// callbackIn makes callback "v" stand in a state in queue "q" with agent "a".
func callbackIn(t *testing.T, state string) *story {
	st := newStory(t, tableConfig())
	st.do(AgentSignedIn{Agent: "a", Queues: []QueueID{"q"}, Ready: state == "ringing" || state == "talking"})
	switch state {
	case "booked":
		st.do(CallbackBooked{Call: "v", Queue: "q", Caller: "k", Due: st.now.Add(time.Hour)})
	case "waiting", "ringing", "talking":
		st.do(CallbackBooked{Call: "v", Queue: "q", Caller: "k"})
	}
	if state == "talking" {
		st.do(OfferAnswered{1})
	}
	want := state
	if state == "unknown" {
		want = "gone"
	}
	if got := st.call("v").State; got != want {
		t.Fatalf("wanted the callback %s, is %s", want, got)
	}
	return st
}

func TestCallbackTable(t *testing.T) {
	events := map[string]func(st *story){
		"CallbackBooked, the same name": func(st *story) {
			st.do(CallbackBooked{Call: "v", Queue: "q", Caller: "k", Due: st.now.Add(time.Hour)})
		},
		"CallQueued, the same name":         func(st *story) { st.do(CallQueued{Call: "v", Queue: "q", Priority: 5}) },
		"its hour has come":                 func(st *story) { st.after(time.Hour, Tick{}) },
		"CallbackWanted, of it":             func(st *story) { st.do(CallbackWanted{Call: "v", As: "w"}) },
		"CallbackReached":                   func(st *story) { st.do(CallbackReached{"v"}) },
		"CallLeft":                          func(st *story) { st.do(CallLeft{Call: "v"}) },
		"the agent becomes ready":           func(st *story) { st.do(AgentReady{"a"}) },
		"the agent signs out":               func(st *story) { st.do(AgentSignedOut{Agent: "a"}) },
		"a live call of the caller":         func(st *story) { st.do(CallQueued{Call: "live", Queue: "q", Caller: "k", Priority: -9}) },
		"a live call elsewhere is answered": func(st *story) { st.served("elsewhere") },
		"AgentTaken, by another agent": func(st *story) {
			st.do(AgentSignedIn{Agent: "b", Queues: []QueueID{"elsewhere"}, Ready: true})
			st.do(AgentTaken{"b", "v"})
		},
	}
	rows := readTable(t, "callback")
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
				st := callbackIn(t, state)
				ignored := st.s.Ignored
				do(st)
				if (st.s.Ignored > ignored) != (cell == "·") {
					t.Errorf("ignored: %v, the table says %q", st.s.Ignored > ignored, cell)
				}
				want := cell
				if cell == "·" || cell == "=" {
					want = strings.Replace(state, "unknown", "gone", 1)
				}
				if got := st.call("v").State; got != want {
					t.Errorf("the callback is %s, the table says %q", got, cell)
				}
			})
		}
	}
}

// served lets the caller be served in another queue without a body: no business of q.
func (st *story) served(queue QueueID) {
	st.do(QueueChanged{queue, QueueConfig{There: Always}})
	st.do(CallQueued{Call: "x", Queue: queue, Caller: "k"})
	st.do(AgentSignedIn{Agent: "b", Queues: []QueueID{queue}, Ready: true})
	st.do(OfferAnswered{st.s.nextOffer})
}
