package store

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// CallFilter narrows a list of calls; empty fields do not.
type CallFilter struct {
	From, To time.Time // arrived at or after From, before To
	Body     string
	Number   string // called or calling
	Agent    string
	Queue    string
	Outcome  string
	Limit    int    // default 50, at most 1000
	After    string // id of the last call of the former page
}

// see narrows a question to the bodies of the scope.
func (sc Scope) see(q *bun.SelectQuery) *bun.SelectQuery {
	switch {
	case sc.all:
		return q
	case len(sc.bodies) == 0:
		return q.Where("1 = 0")
	}
	return q.Where("body IN (?)", bun.List(sc.bodies))
}

// ListCalls gives calls, newest first. A call's id sorts by its time of arrival, so
// paging by id never skips or repeats a call.
func (s *Store) ListCalls(ctx context.Context, sc Scope, f CallFilter) ([]Call, error) {
	out := []Call{}
	q := sc.see(s.db.NewSelect().Model(&out))
	if !f.From.IsZero() {
		q = q.Where("arrived_at >= ?", At(f.From))
	}
	if !f.To.IsZero() {
		q = q.Where("arrived_at < ?", At(f.To))
	}
	for col, v := range map[string]string{"body": f.Body, "agent": f.Agent, "queue": f.Queue, "outcome": f.Outcome} {
		if v != "" {
			q = q.Where("? = ?", bun.Ident(col), v)
		}
	}
	if f.Number != "" {
		q = q.Where("(called = ? OR calling = ?)", f.Number, f.Number)
	}
	if f.After != "" {
		q = q.Where("id < ?", f.After)
	}
	limit := int64(f.Limit)
	if limit <= 0 {
		limit = 50
	}
	if err := q.OrderExpr("id DESC").Limit(min(limit, 1000)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("store: list calls: %w", err)
	}
	return out, nil
}

// GetCall gives a call with all its steps.
func (s *Store) GetCall(ctx context.Context, sc Scope, id string) (*CallDetail, error) {
	var rows []Call
	if err := sc.see(s.db.NewSelect().Model(&rows)).Where("id = ?", id).Scan(ctx); err != nil {
		return nil, fmt.Errorf("store: call %s: %w", id, err)
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("%w: there is no call %q", ErrNotFound, id)
	}
	d := &CallDetail{Call: rows[0], Steps: []Step{}}
	if err := s.db.NewSelect().Model(&d.Steps).Where("call = ?", id).Order("seq", "event_id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("store: steps of %s: %w", id, err)
	}
	events, err := decodeSteps(d.Steps, records)
	if err != nil {
		return nil, err
	}
	d.Recordings = recordings(events)
	return d, nil
}

// AgentMoves gives the changes of an agent's state in a time, oldest first.
func (s *Store) AgentMoves(ctx context.Context, sc Scope, agent string, from, to time.Time) ([]AgentMove, error) {
	out := []AgentMove{}
	err := sc.see(s.db.NewSelect().Model(&out)).Where("agent = ?", agent).Where("at >= ?", At(from)).Where("at < ?", At(to)).Order("at", "event_id").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("store: moves of %s: %w", agent, err)
	}
	return out, nil
}

// Alarms gives the newest alarms. They concern the machine, so only a scope of all
// bodies sees them.
func (s *Store) Alarms(ctx context.Context, sc Scope, limit int) ([]AlarmRow, error) {
	out := []AlarmRow{}
	if !sc.all {
		return out, nil
	}
	if err := s.db.NewSelect().Model(&out).OrderExpr("at DESC, event_id DESC").Limit(int64(limit)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("store: alarms: %w", err)
	}
	return out, nil
}

// OpenCalls gives the calls without an end, oldest first: those that live now, or
// those that a crash has cut.
func (s *Store) OpenCalls(ctx context.Context) ([]Call, error) {
	out := []Call{}
	if err := s.db.NewSelect().Model(&out).Where("ended_at = 0").OrderExpr("id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("store: open calls: %w", err)
	}
	return out, nil
}
