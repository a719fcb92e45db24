package call

import (
	"fmt"
	"sync/atomic"
	"time"

	"cagri/internal/event"
)

// Journal takes what happened. Append must not block and must keep the order of
// one call's events.
type Journal interface {
	Append(event.Event)
}

// scribe writes the events that belong to no call: agents, router, machine.
// Their ids are unique because run is unique to this start of the process.
type scribe struct {
	journal Journal
	run     string
	n       atomic.Uint64
}

func (s *scribe) write(body, agent string, p event.Payload) { s.writeAs(s.id(), body, agent, p) }

// id is for an event that somebody else has to know of before it is written.
func (s *scribe) id() string { return fmt.Sprintf("%s-%d", s.run, s.n.Add(1)) }

func (s *scribe) writeAs(id, body, agent string, p event.Payload) {
	s.journal.Append(event.Event{ID: id, At: time.Now().UTC(), Body: body, Agent: agent, Data: p})
}
