package verify

import (
	"context"
	"fmt"
	"time"

	"cagri/internal/journal"
	"cagri/internal/store"
)

// projection compares the database with the rebuilt one, both at the same place of
// the journal: the one at which a snapshot of the database stands. What a running
// server writes meanwhile lies behind it for both.
func (p *pass) projection(ctx context.Context, j *journal.Journal, s *store.Store, wait time.Duration) (*Check, error) {
	c := newCheck(CheckProjection, "rows", "the database is what the journal says")
	catch, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	late := s.CatchUp(catch, p.last)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	got, err := s.Snapshot(ctx)
	if err != nil {
		c.breach(Finding{Reason: "the database cannot be read: " + err.Error()})
		return c, ctx.Err()
	}
	defer got.Close()
	switch at := got.Position(); {
	case at < p.last:
		reason := fmt.Sprintf("the database stands at place %d and the journal at %d: it did not catch up within %v", at, p.last, wait)
		if late != nil && catch.Err() == nil {
			reason += ": " + late.Error()
		}
		c.breach(Finding{Place: at, Reason: reason})
		return c, nil
	case at > p.last:
		end, err := j.LastSeq(ctx)
		if err != nil {
			return nil, fmt.Errorf("verify: %w", err)
		}
		if at > end {
			c.breach(Finding{Place: at, Reason: fmt.Sprintf("the database has seen place %d and the journal ends at %d: it belongs to another journal, or the end of this one is gone", at, end)})
			return c, nil
		}
		if err := p.read(ctx, j, at); err != nil {
			return nil, err
		}
	}
	want, err := p.rebuilt.Snapshot(ctx)
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	defer want.Close()
	tables, err := store.Compare(ctx, got, want, keep)
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	for _, t := range tables {
		c.Checked += t.Rows
		for _, d := range t.First {
			f := Finding{Reason: fmt.Sprintf("table %s, row %s: %s", t.Table, d.Key, d.What)}
			switch t.Table {
			case "calls":
				f.Call = d.Key
			case "call_steps", "agent_moves", "alarms":
				f.Event = d.Key
			}
			c.breach(f)
		}
		c.Breaches += t.Different - uint64(len(t.First))
	}
	if p.repeats > 0 {
		c.note("%d events stand more than once in the journal and count once", p.repeats)
	}
	return c, nil
}
