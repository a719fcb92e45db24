package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"cagri/internal/call"
	"cagri/internal/event"
	"cagri/internal/journal"
	"cagri/internal/routing"
	"cagri/internal/workforce"
)

// ledgerBack is how far back moves are read at a start: the rolling 168 hours, and
// the calendar week in which they begin.
const ledgerBack = 15 * 24 * time.Hour

// returnWithin is how long after its end the next run signs the agents in again who
// were at work then. After a longer one they are asked to say so themselves.
const returnWithin = 10 * time.Minute

// past is what a start takes over from the runs before.
type past struct {
	live     *workforce.Ledger
	promises []call.Promise // calls back that were promised and not made
	agents   []call.Returning
}

// readPast builds the ledger of live service (clause 2.6) and the open promises from
// the journal, so that neither a crash nor a lost database gives anybody hours back
// or breaks a word. With an error the past is empty.
func (a *App) readPast(ctx context.Context) (past, error) {
	l := workforce.New(workforce.Readings{})
	open := map[string]call.Promise{}
	var order []string
	at := map[string]event.AgentMoved{}
	now := time.Now()
	var seen time.Time
	err := a.journal.ReplaySince(ctx, now.Add(-ledgerBack), func(st journal.Stored) error {
		if st.Err != nil {
			return nil // verify names it
		}
		switch st.Head.Kind {
		case movedKind, beatKind, startedKind, promisedKind, closedKind:
		default:
			return nil
		}
		ev, err := st.Head.Event()
		if err != nil {
			return fmt.Errorf("place %d: %w", st.Seq, err)
		}
		switch d := ev.Data.(type) {
		case event.ServerStarted:
			l.Restart(ev.At, seen)
			if ev.At.Sub(seen) > returnWithin {
				clear(at)
			}
		case event.CallbackPromised:
			order = append(order, ev.Call)
			p := call.Promise{
				Of: ev.Call, Queue: d.Queue, Body: ev.Body, Called: d.Called, Number: d.Number, Language: d.Language, Priority: d.Priority, Since: time.UnixMilli(d.SinceMS),
			}
			if d.DueMS != 0 {
				p.Due = time.UnixMilli(d.DueMS)
			}
			open[ev.Call] = p
		case event.CallbackClosed:
			delete(open, d.Of)
		case event.Heartbeat:
			l.Beat(ev.At)
		case event.AgentMoved:
			m, err := moveOf(ev, d)
			if err != nil {
				return fmt.Errorf("place %d: %w", st.Seq, err)
			}
			l.Apply(m)
			if at[ev.Agent] = d; d.To == "signed_out" {
				delete(at, ev.Agent)
			}
		}
		seen = ev.At
		return nil
	})
	if err != nil {
		return past{live: workforce.New(workforce.Readings{})}, fmt.Errorf("live service and promises of the past are not known: %w", err)
	}
	// Whoever was signed in when the server went is signed out now; what of it was told
	// before is told again by nobody.
	l.Restart(now, seen)
	p := past{live: l}
	if now.Sub(seen) <= returnWithin {
		for _, id := range slices.Sorted(maps.Keys(at)) {
			// Rest, pause for missed calls and the like are over; the limit of the week is
			// found anew.
			d := at[id]
			paused := d.To == "paused" && d.Reason != string(routing.ReasonWeeklyLimit)
			p.agents = append(p.agents, call.Returning{Agent: id, Paused: paused, Reason: d.Reason})
		}
	}
	for _, id := range order {
		if promise, ok := open[id]; ok {
			p.promises = append(p.promises, promise)
			delete(open, id)
		}
	}
	return p, nil
}

var (
	movedKind   = event.AgentMoved{}.Kind()
	beatKind    = event.Heartbeat{}.Kind()
	startedKind = event.ServerStarted{}.Kind()

	promisedKind = event.CallbackPromised{}.Kind()
	closedKind   = event.CallbackClosed{}.Kind()
)

func moveOf(ev event.Event, d event.AgentMoved) (workforce.Move, error) {
	m := workforce.Move{
		ID: ev.ID, Person: routing.AgentID(ev.Agent), At: ev.At, Body: ev.Body, Call: d.Call, Queue: d.Queue, Reason: routing.Reason(d.Reason),
	}
	if d.Remote {
		m.Station = workforce.AtHome()
	} else if d.Hall != "" {
		m.Station = workforce.InHall(d.Hall)
	}
	return m, errors.Join(m.From.UnmarshalText([]byte(d.From)), m.To.UnmarshalText([]byte(d.To)))
}
