package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// Why a database cannot be used now; Diagnose tells them apart.
var (
	// ErrAway: it does not answer. It may at any moment.
	ErrAway = errors.New("the database does not answer")
	// ErrRefused: it answers, and does not let this server in. Somebody has to act.
	ErrRefused = errors.New("the database refuses this server: check user, password and database name in store.dsn, and the rights there")
	// ErrNewer: its tables were made by a newer program. To go on would spoil them.
	ErrNewer = errors.New("the database is of a newer program")
)

// answerIn bounds how long a database may take to say that it is there.
const answerIn = 5 * time.Second

// OpenLater opens a database that may be away: a PostgreSQL is not asked anything
// yet. Prepare must have succeeded once before anything else is done with it.
func OpenLater(cfg Config) (*Store, error) {
	if cfg.Driver != "postgres" {
		ctx, cancel := context.WithTimeout(context.Background(), answerIn)
		defer cancel()
		return connect(ctx, cfg)
	}
	c, err := pgx.ParseConfig(cfg.DSN)
	if err != nil {
		return nil, fmt.Errorf("store.dsn: %w", err)
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = answerIn
	}
	dialer := &net.Dialer{
		Timeout:         c.ConnectTimeout,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3},
		Control:         notForEver,
	}
	c.DialFunc = dialer.DialContext
	db := stdlib.OpenDB(*c)
	db.SetMaxOpenConns(8)
	return &Store{driver: cfg.Driver, db: bun.NewDB(db, pgdialect.New())}, nil
}

// Prepare asks whether the database is there and brings it to the newest version.
// It may be called again and again. Its errors are diagnosed.
func (s *Store) Prepare(ctx context.Context) error {
	if err := s.Ping(ctx); err != nil {
		return err
	}
	is, known, err := s.Versions(ctx)
	if err != nil {
		return err
	}
	if is > known {
		return fmt.Errorf("%w: it stands at version %d and this program knows up to %d; start the newer program, or bring the database back with its `cagri migrate --to %d`", ErrNewer, is, known, known)
	}
	_, _, err = s.Migrate(ctx, -1)
	return Diagnose(err)
}

// Versions gives the version the database stands at and the newest this program
// knows.
func (s *Store) Versions(ctx context.Context) (is, known int64, err error) {
	files, err := fs.Sub(migrations, "migrations/"+s.driver)
	if err != nil {
		return 0, 0, fmt.Errorf("store: %w", err)
	}
	dialect := goose.DialectSQLite3
	if s.driver == "postgres" {
		dialect = goose.DialectPostgres
	}
	p, err := goose.NewProvider(dialect, s.db.DB, files)
	if err != nil {
		return 0, 0, fmt.Errorf("store: migrations: %w", err)
	}
	if is, known, err = p.GetVersions(ctx); err != nil {
		return 0, 0, Diagnose(fmt.Errorf("store: migrations: %w", err))
	}
	return is, known, nil
}

// Ping asks whether the database answers, at most five seconds long.
func (s *Store) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerIn)
	defer cancel()
	return Diagnose(s.db.PingContext(ctx))
}

// Diagnose marks an error of the database with ErrAway or ErrRefused when that is
// what is behind it, and gives every other error back as it is.
func Diagnose(err error) error {
	for _, known := range []error{nil, ErrAway, ErrRefused, ErrNewer, ErrNotFound} {
		if errors.Is(err, known) {
			return err
		}
	}
	var said *pgconn.PgError
	if errors.As(err, &said) {
		switch {
		case len(said.Code) != 5:
			return err
		case said.Code[:2] == "28", said.Code == "3D000", said.Code == "42501":
			// Authorisation, no such database, no rights.
			return fmt.Errorf("%w: %w", ErrRefused, err)
		case said.Code[:2] == "08", said.Code[:3] == "57P", said.Code == "53300":
			// Connection, shutting down or starting up, no connection left.
			return fmt.Errorf("%w: %w", ErrAway, err)
		}
		return err
	}
	var connecting *pgconn.ConnectError
	var network net.Error
	away := errors.As(err, &connecting) || errors.As(err, &network) || pgconn.SafeToRetry(err)
	for _, sign := range []error{driver.ErrBadConn, sql.ErrConnDone, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, context.DeadlineExceeded} {
		away = away || errors.Is(err, sign)
	}
	if away {
		return fmt.Errorf("%w: %w", ErrAway, err)
	}
	return err
}
