package call

import (
	"maps"
	"slices"

	"cagri/internal/routing"
)

// Returning is an agent who was at work when the run before ended.
type Returning struct {
	Agent  string
	Paused bool
	Reason string // of the pause
}

// comeBack signs agents in again whom the directory knows. What they were doing is
// over; who was paused is paused.
func (r *router) comeBack(w *world) {
	for _, id := range slices.Sorted(maps.Keys(r.returning)) {
		a, ok := w.agents[id]
		if !ok {
			continue
		}
		back := r.returning[id]
		delete(r.returning, id)
		r.apply(routing.AgentSignedIn{Agent: routing.AgentID(id), Queues: queueIDs(a.Queues), Ready: !back.Paused})
		if back.Paused {
			r.apply(routing.AgentPaused{Agent: routing.AgentID(id), Reason: back.Reason})
		}
	}
}
