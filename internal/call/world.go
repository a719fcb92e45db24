package call

import (
	"fmt"
	"reflect"
	"slices"

	"cagri/internal/directory"
	"cagri/internal/ivr"
	"cagri/internal/routing"
)

// World is what may change while calls run.
type World struct {
	Directory *directory.Directory
	Snapshot  *directory.Snapshot // nil: no more than Directory says
	Flows     map[string]*ivr.Flow
	House     House // nil: always open, no times to book
}

// world is a World with its indexes. It never changes; calls look into the present
// one, and hold on to what they have found in it.
type world struct {
	dir   *directory.Directory
	snap  *directory.Snapshot
	flows map[string]*ivr.Flow
	house House

	numbers map[string]directory.Number // by what is dialled
	agents  map[string]directory.Agent  // by id
	phones  map[string]string           // phone user -> agent id
	queues  map[string]directory.Queue
}

func newWorld(in World) *world {
	w := &world{
		dir: in.Directory, snap: in.Snapshot, flows: in.Flows, house: in.House,
		numbers: map[string]directory.Number{}, agents: map[string]directory.Agent{}, phones: map[string]string{}, queues: map[string]directory.Queue{},
	}
	for _, n := range w.dir.Numbers {
		w.numbers[n.Dial] = n
	}
	for _, a := range w.dir.Agents {
		w.agents[a.ID] = a
		w.phones[a.Phone] = a.ID
	}
	for _, q := range w.dir.Queues {
		w.queues[q.ID] = q
	}
	return w
}

// known is what the directory says at present.
func (x *Exchange) known() *world { return x.world.Load() }

// Change puts another directory in force. Running calls go on; who waits keeps the
// place, and who waits in a queue that is gone goes the flow's way for that. Agents
// who are gone are signed out after their talk.
func (x *Exchange) Change(in World) error {
	if err := in.Directory.Check(func(n string) bool { return in.Flows[n] != nil }); err != nil {
		return fmt.Errorf("call: directory: %w", err)
	}
	next := newWorld(in)
	x.mu.Lock()
	before := x.world.Swap(next)
	x.router.box.post(changeMsg{before, next})
	x.mu.Unlock()
	return nil
}

// changeMsg tells the router, in the order of the changes.
type changeMsg struct{ before, next *world }

// change gives the router what is different, as events that a replay sees too.
func (r *router) change(m changeMsg) {
	cfg := routingConfig(m.next.dir, m.next.snap)
	if !reflect.DeepEqual(cfg, r.cfg) {
		r.cfg = cfg
		r.apply(routing.Configured{Config: cfg})
	}
	r.comeBack(m.next)
	homeless := r.homeless
	r.homeless = nil
	for _, p := range homeless {
		r.promise(p)
	}
	signed := map[routing.AgentID]routing.AgentState{}
	for _, a := range r.state.Snapshot(r.now()).Agents {
		signed[a.Agent] = a.State
	}
	for _, a := range m.before.dir.Agents {
		if _, still := m.next.agents[a.ID]; !still {
			r.apply(routing.AgentSignedOut{Agent: routing.AgentID(a.ID), Forced: true})
		}
	}
	for _, a := range m.next.dir.Agents {
		id := routing.AgentID(a.ID)
		old, was := m.before.agents[a.ID]
		if !was || old.Phone != a.Phone {
			if r.x.ua != nil && len(r.x.ua.Contacts(a.Phone)) > 0 {
				r.apply(routing.StationUp{Agent: id})
			} else {
				r.apply(routing.StationDown{Agent: id})
			}
		}
		if p, ok := agentProfile(m.next.snap, a.ID); ok {
			if q, had := agentProfile(m.before.snap, a.ID); !had || !reflect.DeepEqual(p, q) {
				r.apply(p)
			}
		}
		if state, ok := signed[id]; ok && state != routing.SignedOut && was && !slices.Equal(old.Queues, a.Queues) {
			r.apply(routing.AgentSignedIn{Agent: id, Queues: queueIDs(a.Queues), Ready: state == routing.Ready})
		}
		if r.live != nil && (!was || !slices.Equal(old.Queues, a.Queues)) {
			r.live.ledger.Serves(id, a.Queues...)
			r.apply(r.live.ledger.Budget(id, r.now()))
		}
	}
}

func queueIDs(in []string) []routing.QueueID {
	out := make([]routing.QueueID, len(in))
	for i, q := range in {
		out[i] = routing.QueueID(q)
	}
	return out
}
