package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"iter"
	"strings"

	"github.com/uptrace/bun"
)

// table is how a table is written down: its key first, then every other column.
type table struct {
	name, key string
	whole     bool // the key is a whole number
	columns   []string
}

// tables are all that are built from the journal. The position is not among them:
// it says how far the picture goes and is no part of it.
var tables = []table{
	{name: "calls", key: "id", columns: callColumns},
	{name: "call_steps", key: "event_id", columns: []string{"call", "seq", "at", "body", "agent", "kind", "version", "data"}},
	{name: "agent_moves", key: "event_id", columns: []string{"agent", "body", "at", "from_state", "to_state", "reason", "call"}},
	{name: "alarms", key: "event_id", columns: []string{"at", "what", "detail"}},
	{name: "skipped", key: "seq", whole: true, columns: []string{"reason"}},
}

// Row is one row of a table, the same on every database: whole numbers as int64,
// truths as 0 and 1, text as string.
type Row struct {
	Key     string   // whole numbers with leading zeros, so that keys sort as text
	Columns []string // names, the same slice for all rows of a table
	Values  []any
}

// Snapshot is the database at one moment, however much is written meanwhile. It
// holds a connection until Close.
type Snapshot struct {
	tx       bun.Tx
	driver   string
	position uint64
}

// Snapshot opens a picture of this moment. It never makes writers wait.
func (s *Store) Snapshot(ctx context.Context) (*Snapshot, error) {
	tx, err := s.db.BeginTx(ctx, &sql.TxOptions{Isolation: s.isolation(), ReadOnly: true})
	if err != nil {
		return nil, fmt.Errorf("store: snapshot: %w", err)
	}
	sn := &Snapshot{tx: tx, driver: s.driver}
	// The first question fixes the moment.
	if sn.position, err = position(ctx, tx); err != nil {
		_ = tx.Rollback()
		return nil, err
	}
	return sn, nil
}

// isolation is the level at which all questions of a transaction see one moment.
func (s *Store) isolation() sql.IsolationLevel {
	if s.driver == "postgres" {
		return sql.LevelRepeatableRead
	}
	return sql.LevelDefault // a transaction of SQLite always does
}

// Position is the place in the journal that the picture shows: everything up to it
// and nothing after it.
func (sn *Snapshot) Position() uint64 { return sn.position }

// Close lets go of it. Safe to call twice.
func (sn *Snapshot) Close() error {
	if err := sn.tx.Rollback(); err != nil && err != sql.ErrTxDone {
		return fmt.Errorf("store: snapshot: %w", err)
	}
	return nil
}

// rows gives the rows of t by key, bytewise. Only one of a snapshot can be read at
// a time.
func (sn *Snapshot) rows(ctx context.Context, t table) iter.Seq2[Row, error] {
	order := t.key
	if sn.driver == "postgres" && !t.whole {
		order += ` COLLATE "C"` // other locales sort otherwise than SQLite and Go do
	}
	names := append([]string{t.key}, t.columns...)
	query := "SELECT " + strings.Join(names, ", ") + " FROM " + t.name + " ORDER BY " + order
	return func(yield func(Row, error) bool) {
		list, err := sn.tx.Tx.QueryContext(ctx, query)
		if err != nil {
			yield(Row{}, fmt.Errorf("store: read %s: %w", t.name, err))
			return
		}
		defer list.Close()
		for list.Next() {
			values := make([]any, len(names))
			into := make([]any, len(names))
			for i := range values {
				into[i] = &values[i]
			}
			if err := list.Scan(into...); err != nil {
				yield(Row{}, fmt.Errorf("store: read %s: %w", t.name, err))
				return
			}
			for i, v := range values {
				values[i] = plain(v)
			}
			r := Row{Columns: t.columns, Values: values[1:]}
			if n, ok := values[0].(int64); ok {
				r.Key = fmt.Sprintf("%020d", n)
			} else {
				r.Key = fmt.Sprint(values[0])
			}
			if !yield(r, nil) {
				return
			}
		}
		if err := list.Err(); err != nil {
			yield(Row{}, fmt.Errorf("store: read %s: %w", t.name, err))
		}
	}
}

// plain makes a value of either driver the same.
func plain(v any) any {
	switch v := v.(type) {
	case bool:
		if v {
			return int64(1)
		}
		return int64(0)
	case []byte:
		return string(v)
	}
	return v
}

// Fingerprint is what a database holds, in short: two databases with equal tables
// hold the same.
type Fingerprint struct {
	Position uint64            `json:"position"`
	Rows     map[string]uint64 `json:"rows"`
	SHA256   map[string]string `json:"sha256"` // of the rows in the order of their keys
}

// Fingerprint reads everything.
func (s *Store) Fingerprint(ctx context.Context) (Fingerprint, error) {
	f := Fingerprint{Rows: map[string]uint64{}, SHA256: map[string]string{}}
	sn, err := s.Snapshot(ctx)
	if err != nil {
		return f, err
	}
	defer sn.Close()
	f.Position = sn.position
	for _, t := range tables {
		h := sha256.New()
		for r, err := range sn.rows(ctx, t) {
			if err != nil {
				return f, err
			}
			b, err := json.Marshal([]any{r.Key, r.Values})
			if err != nil {
				return f, fmt.Errorf("store: %s: %w", t.name, err)
			}
			h.Write(b)
			f.Rows[t.name]++
		}
		f.SHA256[t.name] = hex.EncodeToString(h.Sum(nil))
	}
	return f, nil
}

// Dump gives every row of every table, table by table, by key.
func (s *Store) Dump(ctx context.Context, f func(table string, r Row) error) error {
	sn, err := s.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer sn.Close()
	for _, t := range tables {
		for r, err := range sn.rows(ctx, t) {
			if err != nil {
				return err
			}
			if err := f(t.name, r); err != nil {
				return err
			}
		}
	}
	return nil
}
