package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // driver "pgx"
	"github.com/pressly/goose/v3"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	_ "modernc.org/sqlite" // driver "sqlite"
)

//go:embed migrations
var migrations embed.FS

// Config says where the database is.
type Config struct {
	Driver string // "sqlite" or "postgres"
	DSN    string // file of SQLite (":memory:" for none), connection string of PostgreSQL

	forgetful bool          // SQLite need not survive a crash
	busy      time.Duration // how long SQLite waits for a lock of another process; 0 means 10 s
}

// ErrNotFound: what was asked for is not there, or not within the scope.
var ErrNotFound = errors.New("store: not found")

// Store is an open database.
type Store struct {
	db      *bun.DB
	driver  string
	scratch string // folder to remove on Close

	prepared prepared
}

// Open opens the database and brings it to the newest version.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	s, err := connect(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if _, _, err := s.Migrate(ctx, -1); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

// OpenAsIs opens the database without migrating it.
func OpenAsIs(ctx context.Context, cfg Config) (*Store, error) { return connect(ctx, cfg) }

func connect(ctx context.Context, cfg Config) (*Store, error) {
	s := &Store{driver: cfg.Driver}
	switch cfg.Driver {
	case "sqlite":
		dsn, err := sqliteDSN(cfg)
		if err != nil {
			return nil, err
		}
		db, err := sql.Open("sqlite", dsn)
		if err != nil {
			return nil, fmt.Errorf("store: %w", err)
		}
		// One connection writes and reads in turn: SQLite has one writer anyway, and
		// an in-memory database exists once for each connection.
		if cfg.DSN == ":memory:" {
			db.SetMaxOpenConns(1)
		} else {
			db.SetMaxOpenConns(4)
		}
		s.db = bun.NewDB(db, sqlitedialect.New())
	case "postgres":
		db, err := sql.Open("pgx", cfg.DSN)
		if err != nil {
			return nil, fmt.Errorf("store: %w", err)
		}
		db.SetMaxOpenConns(8)
		s.db = bun.NewDB(db, pgdialect.New())
	default:
		return nil, fmt.Errorf("store: driver %q is neither sqlite nor postgres", cfg.Driver)
	}
	if err := s.db.PingContext(ctx); err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("store: %s does not answer: %w", cfg.Driver, err)
	}
	return s, nil
}

func sqliteDSN(cfg Config) (string, error) {
	file, busy := cfg.DSN, cfg.busy
	if busy == 0 {
		busy = 10 * time.Second
	}
	wait := fmt.Sprintf("busy_timeout(%d)", busy.Milliseconds())
	q := url.Values{"_pragma": {wait, "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)"}, "_txlock": {"immediate"}}
	if cfg.forgetful {
		q["_pragma"] = []string{wait, "journal_mode(MEMORY)", "synchronous(OFF)"}
	}
	if file == ":memory:" {
		return "file::memory:?" + q.Encode(), nil
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return "", fmt.Errorf("store: %w", err)
	}
	return (&url.URL{Scheme: "file", Opaque: filepath.ToSlash(file), RawQuery: q.Encode()}).String(), nil
}

// Close closes the database.
func (s *Store) Close() error {
	err := errors.Join(s.prepared.close(), s.db.Close())
	if s.scratch != "" {
		err = errors.Join(err, os.RemoveAll(s.scratch))
	}
	return err
}

// Migrate goes to version to, up or down; -1 is the newest. It gives the versions
// before and after.
func (s *Store) Migrate(ctx context.Context, to int64) (before, after int64, err error) {
	dir, dialect := "migrations/sqlite", goose.DialectSQLite3
	if s.driver == "postgres" {
		dir, dialect = "migrations/postgres", goose.DialectPostgres
	}
	files, err := fs.Sub(migrations, dir)
	if err != nil {
		return 0, 0, fmt.Errorf("store: %w", err)
	}
	p, err := goose.NewProvider(dialect, s.db.DB, files)
	if err != nil {
		return 0, 0, fmt.Errorf("store: migrations: %w", err)
	}
	if before, err = p.GetDBVersion(ctx); err != nil {
		return 0, 0, fmt.Errorf("store: migrations: %w", err)
	}
	switch {
	case to < 0:
		_, err = p.Up(ctx)
	case to < before:
		_, err = p.DownTo(ctx, to)
	default:
		_, err = p.UpTo(ctx, to)
	}
	if err != nil {
		return before, before, fmt.Errorf("store: migrations: %w", err)
	}
	after, err = p.GetDBVersion(ctx)
	return before, after, err
}
