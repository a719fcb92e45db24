package call

import (
	"sort"
	"time"

	"cagri/internal/routing"
)

// View is a living call as a board shows it.
type View struct {
	ID      string    `json:"id"`
	Body    string    `json:"body"`
	Called  string    `json:"called"`
	Calling string    `json:"calling,omitempty"`
	State   string    `json:"state"`
	Queue   string    `json:"queue,omitempty"`
	Agent   string    `json:"agent,omitempty"`
	Arrived time.Time `json:"arrived"`
	Since   time.Time `json:"since"` // of the state
}

// publish makes the present picture visible to boards.
func (a *actor) publish() {
	old := a.view.Load()
	v := View{
		ID: a.id, Body: a.body, Called: a.in.Called, Calling: a.in.Calling, State: a.phase.String(),
		Arrived: a.arrived, Since: time.Now(),
	}
	if a.phase == waiting || a.phase == talking {
		v.Queue = a.wait.queue.ID
	}
	if a.agent != nil {
		v.Agent = a.agent.agent.ID
	}
	if old != nil {
		if old.State == v.State && old.Agent == v.Agent && old.Queue == v.Queue {
			return
		}
		if old.State == v.State {
			v.Since = old.Since
		}
	}
	a.view.Store(&v)
}

// Board is everything that lives at one moment.
type Board struct {
	At      time.Time        `json:"at"`
	Calls   []View           `json:"calls"`
	Routing routing.Snapshot `json:"routing"`
	Arrived uint64           `json:"arrived"`
	Refused uint64           `json:"refused"`
	Limit   int              `json:"limit"`
}

// Board takes the picture. It waits for the router at most a second.
func (x *Exchange) Board() Board {
	b := Board{At: time.Now().UTC(), Arrived: x.arrived.Load(), Refused: x.refused.Load(), Limit: x.cfg.MaxCalls}
	x.mu.Lock()
	for _, a := range x.calls {
		if v := a.view.Load(); v != nil {
			b.Calls = append(b.Calls, *v)
		}
	}
	x.mu.Unlock()
	sort.Slice(b.Calls, func(i, j int) bool { return b.Calls[i].ID < b.Calls[j].ID })
	got := make(chan routing.Snapshot, 1)
	if x.router.ask(func(s *routing.State, now time.Time) { got <- s.Snapshot(now) }) {
		select {
		case b.Routing = <-got:
		case <-time.After(time.Second):
		}
	}
	return b
}

// AgentView is an agent with what is known of the person and of the moment.
type AgentView struct {
	ID     string    `json:"id" doc:"The person's key"`
	Name   string    `json:"name"`
	Body   string    `json:"body"`
	Phone  string    `json:"phone" doc:"SIP account of the person's phone"`
	Queues []string  `json:"queues"`
	State  string    `json:"state" enum:"signed_out,ready,offered,talking,wrap_up,paused,set_aside,unreachable"`
	Reason string    `json:"reason,omitempty"`
	Since  time.Time `json:"since"`
	Call   string    `json:"call,omitempty"`
}

// Agents lists every agent of the directory.
func (x *Exchange) Agents() []AgentView {
	live := map[string]routing.AgentView{}
	for _, v := range x.Board().Routing.Agents {
		live[string(v.Agent)] = v
	}
	out := make([]AgentView, 0, len(x.known().dir.Agents))
	for _, a := range x.known().dir.Agents {
		v := AgentView{ID: a.ID, Name: a.Name, Body: a.Body, Phone: a.Phone, Queues: a.Queues, State: routing.SignedOut.String()}
		if l, ok := live[a.ID]; ok {
			v.State, v.Reason, v.Since, v.Call = l.State.String(), string(l.Reason), l.Since, string(l.Call)
		}
		out = append(out, v)
	}
	return out
}

// Counts are the calls now, all that arrived, and those refused by the limit.
func (x *Exchange) Counts() (now int, arrived, refused uint64) {
	x.mu.Lock()
	now = len(x.calls)
	x.mu.Unlock()
	return now, x.arrived.Load(), x.refused.Load()
}
