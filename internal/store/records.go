package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"cagri/internal/directory"
)

// recordRow is one version of a record of the directory. Rows are only ever added: of
// two that speak for the same moment, the higher version counts.
type recordRow struct {
	bun.BaseModel `bun:"table:records,alias:records"`

	Kind       string         `bun:"kind,pk"`
	ID         string         `bun:"id,pk"`
	Version    int64          `bun:"version,pk"`
	ValidFrom  int64          `bun:"valid_from"`         // microseconds since 1970, may be negative
	ValidUntil sql.NullInt64  `bun:"valid_until"`        // none: for good
	Body       string         `bun:"body"`               // whose; empty: everybody's
	Document   sql.NullString `bun:"document,type:text"` // none: there is no such record in this time
	AppliedBy  string         `bun:"applied_by"`
	AppliedAt  int64          `bun:"applied_at"`
	Reason     string         `bun:"reason"`
	Revision   int64          `bun:"revision"`
}

type revisionRow struct {
	bun.BaseModel `bun:"table:record_revisions,alias:record_revisions"`

	Revision  int64  `bun:"revision,pk"`
	AppliedBy string `bun:"applied_by"`
	AppliedAt int64  `bun:"applied_at"`
	Versions  int64  `bun:"versions"`
}

// recordsAtOnce is how many versions go into one statement: eleven values each, within
// the limits of both databases (32,766 and 65,535).
const recordsAtOnce = 500

// RecordFilter narrows a question about records; empty fields do not.
type RecordFilter struct {
	Kind directory.Kind
	ID   string
	// Private lets records through that are left out of lists otherwise
	// (accommodations of persons with disabilities).
	Private bool
}

// Book reads every version of every record.
func (s *Store) Book(ctx context.Context) (*directory.Book, error) {
	tx, err := s.db.BeginTx(ctx, &sql.TxOptions{Isolation: s.isolation(), ReadOnly: true})
	if err != nil {
		return nil, fmt.Errorf("store: records: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	revision, err := bookRevision(ctx, tx)
	if err != nil {
		return nil, err
	}
	var rows []recordRow
	if err := tx.NewSelect().Model(&rows).Scan(ctx); err != nil {
		return nil, fmt.Errorf("store: records: %w", err)
	}
	versions := make([]directory.Version, len(rows))
	for i := range rows {
		if versions[i], err = rows[i].version(); err != nil {
			return nil, err
		}
	}
	return directory.NewBook(revision, versions), nil
}

func bookRevision(ctx context.Context, db bun.IDB) (n int64, err error) {
	err = db.NewSelect().Model((*revisionRow)(nil)).ColumnExpr("COALESCE(MAX(revision), 0)").Scan(ctx, &n)
	if err != nil {
		return 0, fmt.Errorf("store: records: %w", err)
	}
	return n, nil
}

// AppendRecords writes versions in one transaction, provided that the records still
// stand at the revision; else it gives directory.ErrStale and writes nothing.
func (s *Store) AppendRecords(ctx context.Context, revision int64, versions []directory.Version) error {
	if len(versions) == 0 {
		return nil
	}
	rows := make([]recordRow, len(versions))
	for i := range versions {
		rows[i] = rowOf(&versions[i], revision+1)
	}
	err := s.db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		now, err := bookRevision(ctx, tx)
		if err != nil {
			return err
		}
		if now != revision {
			return directory.ErrStale
		}
		// Two writers may have read the same revision: its row is there once.
		mark := &revisionRow{Revision: revision + 1, AppliedBy: rows[0].AppliedBy, AppliedAt: rows[0].AppliedAt, Versions: int64(len(rows))}
		res, err := tx.NewInsert().Model(mark).On("CONFLICT DO NOTHING").Exec(ctx)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n != 1 {
			return errors.Join(err, directory.ErrStale)
		}
		for rest := rows; len(rest) > 0; {
			part := rest[:min(len(rest), recordsAtOnce)]
			rest = rest[len(part):]
			if _, err := tx.NewInsert().Model(&part).Exec(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, directory.ErrStale) {
		return fmt.Errorf("store: records: %w", err)
	}
	return err
}

// RecordsOn are the records as they were at a moment, by kind and id.
func (s *Store) RecordsOn(ctx context.Context, sc Scope, at time.Time, f RecordFilter) ([]directory.Version, error) {
	moment := at.UnixMicro()
	var rows []recordRow
	// The highest version that speaks for the moment; a later one may say that there is
	// no such record then.
	last := s.db.NewSelect().Model((*recordRow)(nil)).ModelTableExpr("records AS later").ColumnExpr("MAX(later.version)").
		Where("later.kind = records.kind AND later.id = records.id").
		Where("later.valid_from <= ?", moment).Where("(later.valid_until IS NULL OR later.valid_until > ?)", moment)
	q := s.db.NewSelect().Model(&rows).Where("records.version = (?)", last).Where("records.document IS NOT NULL")
	return scanRecords(ctx, sc, q, &rows, f)
}

// RecordHistory are all versions, by kind, id and version, ends included.
func (s *Store) RecordHistory(ctx context.Context, sc Scope, f RecordFilter) ([]directory.Version, error) {
	var rows []recordRow
	return scanRecords(ctx, sc, s.db.NewSelect().Model(&rows), &rows, f)
}

func scanRecords(ctx context.Context, sc Scope, q *bun.SelectQuery, rows *[]recordRow, f RecordFilter) ([]directory.Version, error) {
	if f.Kind != "" {
		q = q.Where("records.kind = ?", string(f.Kind))
	}
	if f.ID != "" {
		q = q.Where("records.id = ?", f.ID)
	}
	for _, k := range directory.Kinds() {
		if k.Private() && !f.Private {
			q = q.Where("records.kind <> ?", string(k))
		}
	}
	if !sc.all {
		// What is everybody's (skills, readings of the law) is seen by everybody.
		q = q.Where("records.body IN (?)", bun.List(append([]string{""}, sc.bodies...)))
	}
	if err := q.OrderExpr("records.kind, records.id, records.version").Scan(ctx); err != nil {
		return nil, fmt.Errorf("store: records: %w", err)
	}
	out := make([]directory.Version, len(*rows))
	for i := range *rows {
		var err error
		if out[i], err = (*rows)[i].version(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func rowOf(v *directory.Version, revision int64) recordRow {
	r := recordRow{
		Kind: string(v.Kind), ID: v.ID, Version: int64(v.N), ValidFrom: v.From.UnixMicro(), Body: v.Body,
		AppliedBy: clean(v.By), AppliedAt: v.At.UnixMicro(), Reason: clean(v.Reason), Revision: revision,
	}
	if !v.Until.IsZero() {
		r.ValidUntil = sql.NullInt64{Int64: v.Until.UnixMicro(), Valid: true}
	}
	if v.Record != nil {
		r.Document = sql.NullString{String: string(directory.Encode(v.Record, true).JSON()), Valid: true}
	}
	return r
}

// version reads a row. What this program cannot read stops it: half a directory would
// send calls astray.
func (r *recordRow) version() (directory.Version, error) {
	v := directory.Version{
		Ref: directory.Ref{Kind: directory.Kind(r.Kind), ID: r.ID}, N: int(r.Version), From: time.UnixMicro(r.ValidFrom).UTC(), Body: r.Body,
		By: r.AppliedBy, At: time.UnixMicro(r.AppliedAt).UTC(), Reason: r.Reason, Revision: r.Revision,
	}
	if r.ValidUntil.Valid {
		v.Until = time.UnixMicro(r.ValidUntil.Int64).UTC()
	}
	if !r.Document.Valid {
		return v, nil
	}
	n, err := directory.ParseJSON([]byte(r.Document.String))
	if err != nil {
		return v, fmt.Errorf("store: record %s %s version %d: %w", r.Kind, r.ID, r.Version, err)
	}
	if directory.New(v.Kind, v.ID) == nil {
		return v, fmt.Errorf("store: record %s %s: this program does not know the kind; a newer one has written it", r.Kind, r.ID)
	}
	record, problems := directory.Decode(v.Kind, v.ID, n)
	if len(problems) > 0 {
		return v, fmt.Errorf("store: record %s %s version %d was written by another program: %w", r.Kind, r.ID, r.Version, problems)
	}
	v.Record = record
	return v, nil
}
