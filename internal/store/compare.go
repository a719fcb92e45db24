package store

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/uptrace/bun"

	"cagri/internal/event"
)

// TableDifference is how a table of one database differs from that of another.
type TableDifference struct {
	Table     string
	Rows      uint64 // compared, on either side
	Different uint64
	First     []RowDifference // up to the limit given to Compare
}

// RowDifference is one row that differs.
type RowDifference struct {
	Key  string
	What string // "is missing", "is not known to the other", or the columns that differ
}

// Compare holds got against want, row by row, and names the first most rows of each
// table that differ. Memory does not grow with the databases.
func Compare(ctx context.Context, got, want *Snapshot, most int) ([]TableDifference, error) {
	out := make([]TableDifference, 0, len(tables))
	for _, t := range tables {
		d, err := compareTable(ctx, got, want, t, most)
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}

func compareTable(ctx context.Context, got, want *Snapshot, t table, most int) (TableDifference, error) {
	d := TableDifference{Table: t.name}
	note := func(key, what string) {
		d.Different++
		if len(d.First) < most {
			d.First = append(d.First, RowDifference{Key: key, What: what})
		}
	}
	nextA, stopA := iter.Pull2(got.rows(ctx, t))
	defer stopA()
	nextB, stopB := iter.Pull2(want.rows(ctx, t))
	defer stopB()
	a, errA, okA := nextA()
	b, errB, okB := nextB()
	for okA || okB {
		if errA != nil {
			return d, errA
		}
		if errB != nil {
			return d, errB
		}
		d.Rows++
		switch {
		case !okB || okA && a.Key < b.Key:
			note(a.Key, "stands in the database and not in the journal")
			a, errA, okA = nextA()
		case !okA || b.Key < a.Key:
			note(b.Key, "is missing from the database")
			b, errB, okB = nextB()
		default:
			if what := columnsApart(a, b); what != "" {
				note(a.Key, what)
			}
			a, errA, okA = nextA()
			b, errB, okB = nextB()
		}
	}
	return d, nil
}

// columnsApart names the columns in which two rows of one key differ.
func columnsApart(got, want Row) string {
	var out []string
	for i, c := range got.Columns {
		if got.Values[i] != want.Values[i] {
			out = append(out, fmt.Sprintf("%s is %s, by the journal %s", c, show(got.Values[i]), show(want.Values[i])))
		}
	}
	return strings.Join(out, "; ")
}

func show(v any) string {
	const most = 80
	s := fmt.Sprintf("%v", v)
	if str, ok := v.(string); ok {
		s = fmt.Sprintf("%q", str)
	}
	if len(s) > most {
		s = s[:most] + "…"
	}
	return s
}

// OpenScratch opens an empty database that vanishes when it is closed: a file in
// the folder for temporary files, since a journal may be larger than the memory.
func OpenScratch(ctx context.Context) (*Store, error) {
	dir, err := os.MkdirTemp("", "cagri-rebuild-")
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	s, err := Open(ctx, Config{Driver: "sqlite", DSN: filepath.Join(dir, "scratch.db"), forgetful: true})
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	s.scratch = dir
	return s, nil
}

// KnownCalls tells which of ids have a row.
func (s *Store) KnownCalls(ctx context.Context, ids []string) (map[string]bool, error) {
	out := map[string]bool{}
	for len(ids) > 0 {
		part := ids[:min(len(ids), insertRows)]
		ids = ids[len(part):]
		var found []string
		if err := s.db.NewSelect().Model((*Call)(nil)).Column("id").Where("id IN (?)", bun.List(part)).Scan(ctx, &found); err != nil {
			return nil, fmt.Errorf("store: calls: %w", err)
		}
		for _, id := range found {
			out[id] = true
		}
	}
	return out, nil
}

// StepByID gives one event of a call as it is kept.
func (s *Store) StepByID(ctx context.Context, id string) (Step, error) {
	var rows []Step
	if err := s.db.NewSelect().Model(&rows).Where("event_id = ?", id).Scan(ctx); err != nil {
		return Step{}, fmt.Errorf("store: step %s: %w", id, err)
	}
	if len(rows) == 0 {
		return Step{}, fmt.Errorf("%w: there is no step %q", ErrNotFound, id)
	}
	return rows[0], nil
}

// StepsOfKind gives every event of calls of one kind, by id.
func (s *Store) StepsOfKind(ctx context.Context, kind string, f func(Step) error) error {
	const page = 500
	for after := ""; ; {
		var rows []Step
		if err := s.db.NewSelect().Model(&rows).Where("kind = ?", kind).Where("event_id > ?", after).OrderExpr("event_id").Limit(page).Scan(ctx); err != nil {
			return fmt.Errorf("store: steps of kind %s: %w", kind, err)
		}
		for _, r := range rows {
			if err := f(r); err != nil {
				return err
			}
			after = r.EventID
		}
		if len(rows) < page {
			return nil
		}
	}
}

// SameStep tells whether old, as it is kept, is the event of this head.
func SameStep(old Step, h event.Head) bool {
	return old.Call == clean(h.Call) && old.Seq == int64(h.Seq) && old.At.Equal(At(h.At).Time) && old.Body == clean(h.Body) && old.Agent == clean(h.Agent) &&
		old.Kind == string(h.Kind) && old.Version == h.Version && bytes.Equal(old.Data, payload(h.Data))
}
