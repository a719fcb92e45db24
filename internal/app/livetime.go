package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cagri/internal/event"
	"cagri/internal/journal"
	"cagri/internal/routing"
	"cagri/internal/workforce"
)

// ledgerBack is how far back moves are read at a start: the rolling 168 hours, and
// the calendar week in which they begin.
const ledgerBack = 15 * 24 * time.Hour

// livetime builds the ledger of live service (clause 2.6) from the journal, so that
// neither a crash nor a lost database gives anybody hours back. With an error the
// ledger is empty.
func (a *App) livetime(ctx context.Context) (*workforce.Ledger, error) {
	l := workforce.New(workforce.Readings{})
	now := time.Now()
	var seen time.Time
	err := a.journal.ReplaySince(ctx, now.Add(-ledgerBack), func(st journal.Stored) error {
		if st.Err != nil {
			return nil // verify names it
		}
		switch st.Head.Kind {
		case movedKind, beatKind, startedKind:
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
		case event.Heartbeat:
			l.Beat(ev.At)
		case event.AgentMoved:
			m, err := moveOf(ev, d)
			if err != nil {
				return fmt.Errorf("place %d: %w", st.Seq, err)
			}
			l.Apply(m)
		}
		seen = ev.At
		return nil
	})
	if err != nil {
		return workforce.New(workforce.Readings{}), fmt.Errorf("the ledger of live service cannot be built: %w", err)
	}
	// Whoever was signed in when the server went is signed out now; what of it was told
	// before is told again by nobody.
	l.Restart(now, seen)
	return l, nil
}

var (
	movedKind   = event.AgentMoved{}.Kind()
	beatKind    = event.Heartbeat{}.Kind()
	startedKind = event.ServerStarted{}.Kind()
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
