package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/uptrace/bun"
)

// Steps are nine tenths of what is written. They go in by statements that are
// prepared once, in groups of these sizes; everything else by the query builder.
var groups = [...]int{64, 8, 1}

const stepColumns = "event_id, call, seq, at, body, agent, kind, version, data"

// prepared are the statements that insert a group of steps.
type prepared struct {
	mu   sync.Mutex // guards list
	list [len(groups)]*sql.Stmt
}

func (p *prepared) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var err error
	for i, st := range p.list {
		if st != nil {
			err = errors.Join(err, st.Close())
		}
		p.list[i] = nil
	}
	return err
}

// statement gives the one for groups[i].
func (s *Store) statement(ctx context.Context, i int) (*sql.Stmt, error) {
	p := &s.prepared
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.list[i] != nil {
		return p.list[i], nil
	}
	var b strings.Builder
	b.WriteString("INSERT INTO call_steps (" + stepColumns + ") VALUES ")
	columns := strings.Count(stepColumns, ",") + 1
	for n := range groups[i] * columns {
		switch {
		case n == 0:
			b.WriteByte('(')
		case n%columns == 0:
			b.WriteString("),(")
		default:
			b.WriteByte(',')
		}
		if s.driver == "postgres" {
			b.WriteString("$" + strconv.Itoa(n+1))
		} else {
			b.WriteByte('?')
		}
	}
	b.WriteString(") ON CONFLICT (event_id) DO NOTHING")
	st, err := s.db.DB.PrepareContext(ctx, b.String())
	if err != nil {
		return nil, fmt.Errorf("store: steps: %w", err)
	}
	p.list[i] = st
	return st, nil
}

// errRepeats: some of the steps were there already.
var errRepeats = errors.New("store: steps that are there")

// insertNew inserts steps none of which should be there, which is how it nearly
// always is; otherwise errRepeats, and the transaction must be given up.
func (s *Store) insertNew(ctx context.Context, tx bun.Tx, statements []*sql.Stmt, steps []Step) error {
	var args []any
	for i, st := range statements {
		n := groups[i]
		if len(steps) < n {
			continue
		}
		in := tx.StmtContext(ctx, st)
		for len(steps) >= n {
			args = args[:0]
			for _, p := range steps[:n] {
				args = append(args, p.EventID, p.Call, p.Seq, micro(p.At), p.Body, p.Agent, p.Kind, p.Version, string(p.Data))
			}
			r, err := in.ExecContext(ctx, args...)
			if err != nil {
				return fmt.Errorf("store: steps: %w", err)
			}
			if got, err := r.RowsAffected(); err != nil || got != int64(n) {
				return errors.Join(errRepeats, err)
			}
			steps = steps[n:]
		}
	}
	return nil
}
