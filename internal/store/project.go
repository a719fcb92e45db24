package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/uptrace/bun"

	"cagri/internal/event"
	"cagri/internal/journal"
)

// projectionName is the row of the position.
const projectionName = "store"

// insertRows bounds one INSERT, well below the limits of parameters and length.
const insertRows = 500

// Project takes events into the database, in one transaction together with the
// position reached. Events that are there already change nothing.
func (s *Store) Project(ctx context.Context, batch []journal.Stored) error {
	_, err := s.ProjectFresh(ctx, batch)
	return err
}

// ProjectFresh is Project, and gives the ids of those events of calls that were new.
func (s *Store) ProjectFresh(ctx context.Context, batch []journal.Stored) (fresh []string, err error) {
	if len(batch) == 0 {
		return nil, nil
	}
	var moves []AgentMove
	var alarms []AlarmRow
	var skipped []skippedRow // one for a place, whatever the number of its events
	steps := make([]Step, 0, len(batch))
	events := make(map[string]event.Event, len(batch))
	last, part := int64(0), 0
	for _, b := range batch {
		last = max(last, int64(b.Seq))
		skip := func(err error) {
			reason := clean(err.Error())
			if n := len(skipped) - 1; n >= 0 && skipped[n].Seq == int64(b.Seq) {
				if b.Part > part {
					skipped[n].Reason, part = skipped[n].Reason+"; "+reason, b.Part
				}
				return
			}
			part = b.Part
			skipped = append(skipped, skippedRow{Seq: int64(b.Seq), Reason: reason})
		}
		h, err := b.Head, b.Err
		if err != nil {
			// Of an unreadable payload nothing is said here before it is needed.
			if h, err = event.DecodeHead(b.Raw); err != nil {
				skip(err)
				continue
			}
		}
		kind := h.Kind
		own := kind == movedKind || kind == alarmKind
		if h.Call == "" && !own {
			continue // the router's inputs and the machine's own events stay in the journal
		}
		e := event.Event{ID: clean(h.ID), At: h.At, Body: clean(h.Body), Call: clean(h.Call), Agent: clean(h.Agent), Seq: h.Seq}
		if own || counts(kind) {
			if e.Data, err = event.DecodePayload(kind, h.Version, h.Data); err != nil {
				skip(err)
				continue
			}
		}
		switch d := e.Data.(type) {
		case event.AgentMoved:
			moves = append(moves, AgentMove{EventID: e.ID, Agent: e.Agent, Body: e.Body, At: At(e.At), From: clean(d.From), To: clean(d.To), Reason: clean(d.Reason), Call: clean(d.Call)})
		case event.Alarm:
			alarms = append(alarms, AlarmRow{EventID: e.ID, At: At(e.At), What: clean(d.What), Detail: clean(d.Detail)})
		default:
			if _, twice := events[e.ID]; twice {
				continue // the first one counts, here as in the table
			}
			events[e.ID] = e
			steps = append(steps, Step{EventID: e.ID, Call: e.Call, Seq: int64(e.Seq), At: At(e.At), Body: e.Body, Agent: e.Agent, Kind: string(kind), Version: h.Version, Data: payload(h.Data)})
		}
	}
	var statements []*sql.Stmt
	for i := range groups {
		st, err := s.statement(ctx, i)
		if err != nil {
			return nil, err
		}
		statements = append(statements, st)
	}
	write := func(ctx context.Context, tx bun.Tx) error {
		if statements == nil {
			var err error
			if fresh, err = insertSteps(ctx, tx, steps); err != nil {
				return err
			}
		} else {
			if err := s.insertNew(ctx, tx, statements, steps); err != nil {
				return err
			}
			fresh = make([]string, len(steps))
			for i, st := range steps {
				fresh[i] = st.EventID
			}
		}
		if err := s.projectCalls(ctx, tx, fresh, events); err != nil {
			return err
		}
		if err := insertAll(ctx, tx, moves); err != nil {
			return err
		}
		if err := insertAll(ctx, tx, alarms); err != nil {
			return err
		}
		if err := insertAll(ctx, tx, skipped); err != nil {
			return err
		}
		_, err := tx.NewInsert().Model(&projectionRow{Name: projectionName, Seq: last}).
			On("CONFLICT (name) DO UPDATE").Set("seq = CASE WHEN EXCLUDED.seq > projection_row.seq THEN EXCLUDED.seq ELSE projection_row.seq END").Exec(ctx)
		if err != nil {
			return fmt.Errorf("store: position: %w", err)
		}
		return nil
	}
	err = s.db.RunInTx(ctx, nil, write)
	if errors.Is(err, errRepeats) {
		statements = nil
		err = s.db.RunInTx(ctx, nil, write)
	}
	if err != nil {
		return nil, err
	}
	return fresh, nil
}

var movedKind, alarmKind = event.AgentMoved{}.Kind(), event.Alarm{}.Kind()

// payload is data as both databases take it, which is nearly always data itself.
func payload(data json.RawMessage) json.RawMessage {
	switch {
	case len(data) == 0:
		return json.RawMessage("null")
	case utf8.Valid(data):
		return data
	}
	return json.RawMessage(clean(string(data)))
}

// insertSteps inserts and gives the ids of those that were not there.
func insertSteps(ctx context.Context, tx bun.Tx, steps []Step) ([]string, error) {
	var fresh []string
	for len(steps) > 0 {
		part := steps[:min(len(steps), insertRows)]
		steps = steps[len(part):]
		var ids []string // scanning begins a slice anew, so each part has its own
		if err := tx.NewInsert().Model(&part).On("CONFLICT (event_id) DO NOTHING").Returning("event_id").Scan(ctx, &ids); err != nil {
			return nil, fmt.Errorf("store: steps: %w", err)
		}
		fresh = append(fresh, ids...)
	}
	return fresh, nil
}

func insertAll[T any](ctx context.Context, tx bun.Tx, rows []T) error {
	for len(rows) > 0 {
		part := rows[:min(len(rows), insertRows)]
		rows = rows[len(part):]
		if _, err := tx.NewInsert().Model(&part).On("CONFLICT DO NOTHING").Exec(ctx); err != nil {
			return fmt.Errorf("store: %T: %w", part, err)
		}
	}
	return nil
}

// projectCalls brings the rows of the calls concerned up to date. Events that
// follow on what the row has are added to it; a call whose events come out of
// order is built anew from all its steps.
func (s *Store) projectCalls(ctx context.Context, tx bun.Tx, fresh []string, events map[string]event.Event) error {
	if len(fresh) == 0 {
		return nil
	}
	byCall := map[string][]event.Event{}
	for _, id := range fresh {
		e := events[id]
		byCall[e.Call] = append(byCall[e.Call], e)
	}
	ids := make([]string, 0, len(byCall))
	for id := range byCall {
		ids = append(ids, id)
	}
	sort.Strings(ids)
	known := map[string]Call{}
	for part := ids; len(part) > 0; {
		n := min(len(part), insertRows)
		var rows []Call
		if err := tx.NewSelect().Model(&rows).Where("id IN (?)", bun.List(part[:n])).Scan(ctx); err != nil {
			return fmt.Errorf("store: calls: %w", err)
		}
		part = part[n:]
		for _, r := range rows {
			known[r.ID] = r
		}
	}
	out := make([]Call, 0, len(ids))
	for _, id := range ids {
		c, list := known[id], byCall[id]
		sort.Slice(list, func(i, j int) bool { return list[i].Seq < list[j].Seq })
		follows := true
		for i, e := range list {
			follows = follows && int64(e.Seq) == c.LastSeq+int64(i)+1
		}
		if follows {
			for _, e := range list {
				c.apply(e)
			}
		} else {
			all, err := callEvents(ctx, tx, id)
			if err != nil {
				return err
			}
			c = fold(all)
		}
		c.clean()
		out = append(out, c)
	}
	for len(out) > 0 {
		part := out[:min(len(out), insertRows)]
		out = out[len(part):]
		q := tx.NewInsert().Model(&part).On("CONFLICT (id) DO UPDATE")
		for _, col := range callColumns {
			q = q.Set("? = EXCLUDED.?", bun.Ident(col), bun.Ident(col))
		}
		if _, err := q.Exec(ctx); err != nil {
			return fmt.Errorf("store: calls: %w", err)
		}
	}
	return nil
}

// clean makes text from outside fit for every database: PostgreSQL takes neither a
// zero byte nor broken UTF-8, and one caller's header must not stop the projection.
func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

func (c *Call) clean() {
	for _, s := range []*string{
		&c.ID, &c.Body, &c.Called, &c.Calling, &c.Trunk, &c.SIPCallID, &c.Language, &c.Queue, &c.Agent, &c.Outcome, &c.EndedBy, &c.Reason,
	} {
		*s = clean(*s)
	}
}

var callColumns = []string{"body", "called", "calling", "anonymous", "trunk", "sip_call_id", "language", "queue", "agent", "arrived_at", "answered_at", "bridged_at", "ended_at",
	"wait_ms", "talk_ms", "total_ms", "outcome", "ended_by", "reason", "status", "last_seq"}

// callEvents reads all events of a call, in order.
func callEvents(ctx context.Context, db bun.IDB, call string) ([]event.Event, error) {
	var steps []Step
	if err := db.NewSelect().Model(&steps).Where("call = ?", call).Order("seq", "event_id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("store: steps of %s: %w", call, err)
	}
	return decodeSteps(steps, counts)
}

// decodeSteps gives the events of steps, with payloads of those kinds that are
// wanted.
func decodeSteps(steps []Step, wanted func(event.Kind) bool) ([]event.Event, error) {
	out := make([]event.Event, 0, len(steps))
	for _, st := range steps {
		e := event.Event{ID: st.EventID, At: st.At.Time, Body: st.Body, Call: st.Call, Agent: st.Agent, Seq: uint64(st.Seq)}
		if kind := event.Kind(st.Kind); wanted(kind) {
			var err error
			if e.Data, err = event.DecodePayload(kind, st.Version, st.Data); err != nil {
				return nil, fmt.Errorf("store: step %s: %w", st.EventID, err)
			}
		}
		out = append(out, e)
	}
	return out, nil
}

// Position is the place in the journal up to which the database has everything.
func (s *Store) Position(ctx context.Context) (uint64, error) { return position(ctx, s.db) }

func position(ctx context.Context, db bun.IDB) (uint64, error) {
	var rows []projectionRow
	if err := db.NewSelect().Model(&rows).Where("name = ?", projectionName).Scan(ctx); err != nil {
		return 0, fmt.Errorf("store: position: %w", err)
	}
	if len(rows) == 0 {
		return 0, nil
	}
	return uint64(rows[0].Seq), nil
}
