package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cagri/internal/api"
	"cagri/internal/api/client"
	"cagri/internal/call"
	"cagri/internal/config"
	"cagri/internal/ivr"
	"cagri/internal/journal"
	"cagri/internal/media"
	"cagri/internal/sip"
	"cagri/internal/store"
	"cagri/internal/verify"
)

// App is the whole server.
type App struct {
	cfg     *config.Config
	version string
	log     *slog.Logger

	journal   *journal.Journal
	store     *store.Store
	projector *store.Projector
	database  *database
	plane     *media.Plane
	exchange  *call.Exchange
	present   *present
	ua        *sip.UA
	api       *api.Server
	tokenFile string
	began     time.Time   // of Start
	open      atomic.Bool // the doors are, or are about to be: calls may live

	undo []func() // what Stop has to do, last first
}

// New checks everything that can be checked before something is started.
func New(cfg *config.Config, version string, log *slog.Logger) (*App, error) {
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	return &App{cfg: cfg, version: version, log: log}, nil
}

// storeConfig resolves the database.
func storeConfig(cfg *config.Config) store.Config {
	dsn := cfg.Store.DSN
	if cfg.Store.Driver == "sqlite" && dsn == "" {
		dsn = filepath.Join(cfg.Data, "cagri.db")
	}
	return store.Config{Driver: cfg.Store.Driver, DSN: dsn}
}

func journalConfig(cfg *config.Config) journal.Config {
	return journal.Config{Dir: filepath.Join(cfg.Data, "journal"), URL: cfg.Journal.URL, Replicas: cfg.Journal.Replicas}
}

// Start builds and starts all rooms in order. When it fails, what was started is
// stopped again.
func (a *App) Start(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			a.unwind()
		}
	}()
	a.began = time.Now()
	lib, err := loadPrompts(a.cfg.Prompts.Dir)
	if err != nil {
		return err
	}
	limits := ivr.Limits{Has: lib.Has, Duration: lib.Duration}
	for _, q := range a.cfg.Queues {
		limits.Queues = append(limits.Queues, q.ID)
	}
	flows, err := loadFlows(a.cfg.Flows.Dir, limits)
	if err != nil {
		return err
	}
	if err := a.openJournal(); err != nil {
		return err
	}
	mcfg, err := mediaConfig(a.cfg)
	if err != nil {
		return err
	}
	if a.plane, err = media.New(mcfg, a.log); err != nil {
		return err
	}
	recordings := recordDir(a.cfg)
	if recordings != "" {
		if err := os.MkdirAll(recordings, 0o700); err != nil {
			return fmt.Errorf("recording.dir: %w", err)
		}
	}
	before, pastErr := a.readPast(ctx)
	if a.exchange, err = call.New(call.Config{
		Live: before.live, Promises: before.promises, Returning: before.agents,
		Directory: a.cfg.Directory(), Flows: flows, Prompts: lib, MaxCalls: a.cfg.Limits.Calls, RetryAfter: a.cfg.Limits.RetryAfter,
		RecordDir: recordings, SRTP: srtpPolicy(a.cfg.Media.SRTP), TrunksOut: trunksOut(a.cfg), Version: a.version,
		OutsideAllow: a.cfg.Outside.Allow, OutsideCalls: a.cfg.Outside.Calls,
	}, a.plane, a.journal, a.log); err != nil {
		return err
	}
	if pastErr != nil {
		// An outside journal is away. Citizens are answered all the same; whoever passes
		// the limit meanwhile is found when the journal can be read again.
		a.exchange.Alarm("past_unknown", pastErr)
	}
	if err := a.watchDatabase(ctx); err != nil {
		return err
	}
	if err := a.recover(ctx, recordings); err != nil {
		return err
	}
	if err := a.plane.Start(ctx); err != nil {
		return err
	}
	a.later(a.plane.Stop)
	return a.startDoors(ctx, recordings, flows)
}

// openJournal opens the journal, which also takes the data folder for this process.
func (a *App) openJournal() (err error) {
	a.journal, err = journal.Open(journalConfig(a.cfg), a.log)
	switch {
	case errors.Is(err, journal.ErrLocked):
		return fmt.Errorf("data: %s belongs to a server that runs already: %w", a.cfg.Data, err)
	case err != nil:
		return fmt.Errorf("data: %w", err)
	}
	a.later(a.journal.Stop)
	return nil
}

// openDatabase opens the database without asking a PostgreSQL, and makes the
// projector.
func (a *App) openDatabase(alarm func(what string, err error)) (err error) {
	if a.store, err = store.OpenLater(storeConfig(a.cfg)); err != nil {
		return err
	}
	a.later(func() { _ = a.store.Close() })
	a.projector = store.NewProjector(a.journal, a.store, alarm, a.log)
	a.later(a.projector.Stop)
	return nil
}

// watchDatabase opens the database and keeps watch over it. A PostgreSQL may be away:
// then the projection begins when it appears. A file of our own must be good now.
func (a *App) watchDatabase(ctx context.Context) error {
	err := a.openDatabase(func(what string, err error) {
		if !a.database.met(err) {
			a.exchange.Alarm(what, err)
		}
	})
	if err != nil {
		return err
	}
	if a.cfg.Store.Driver != "postgres" {
		if err := a.store.Prepare(ctx); err != nil {
			return err
		}
	}
	a.database = newDatabase(a.store, a.exchange.Alarm, func(ctx context.Context) { _ = a.projector.Start(ctx) }, a.log)
	a.database.start(ctx)
	a.later(a.database.stop)
	select {
	case err := <-a.database.fatal:
		return err
	default:
		return nil
	}
}

// Fatal gives an error with which a running server must be stopped: its database
// turned out to be of a newer program.
func (a *App) Fatal() <-chan error { return a.database.fatal }

// startDoors opens SIP and HTTP, and says where in the data folder.
func (a *App) startDoors(ctx context.Context, recordings string, flows map[string]*ivr.Flow) error {
	scfg, err := sipConfig(a.cfg)
	if err != nil {
		return err
	}
	register := a.directory(func(name string) bool { return flows[name] != nil })
	if a.present, err = newPresent(a, register, flows); err != nil {
		return err
	}
	scfg.Accounts = a.present.account(scfg.Accounts)
	if a.ua, err = sip.New(scfg, a.exchange, a.log); err != nil {
		return err
	}
	if err := a.exchange.Start(ctx, a.ua); err != nil {
		return err
	}
	a.later(a.exchange.Stop)
	a.present.start(ctx)
	a.later(a.present.stop)
	tok, file, err := token(a.cfg)
	if err != nil {
		return fmt.Errorf("http.token: %w", err)
	}
	a.tokenFile = file
	reg := prometheus.NewRegistry()
	if err := registerMetrics(reg, a); err != nil {
		return err
	}
	if a.api, err = api.New(api.Deps{
		Exchange: a.exchange, Store: a.store, Register: a.present.register, Database: a.database.Err, Look: a.database.look,
		RecordDir: recordings, Metrics: reg, Version: a.version,
		Verify: func(ctx context.Context, files bool) (verify.Report, error) {
			return verify.Run(ctx, a.journal, a.store, verify.Options{RecordDir: recordings, Files: files})
		},
	}, tok, a.log); err != nil {
		return err
	}
	if err := a.api.Start(a.cfg.HTTP.Listen); err != nil {
		return listening("http.listen", err)
	}
	a.later(a.api.Stop)
	// Last of all: whoever calls finds everything behind it running.
	a.open.Store(true)
	if err := a.ua.Start(ctx); err != nil {
		return listening("sip.listen", err)
	}
	a.later(a.ua.Stop)
	b, err := json.Marshal(a.Running())
	if err != nil {
		return err
	}
	// Whoever looks for the server finds the whole note or none.
	note := filepath.Join(a.cfg.Data, client.RunFile)
	if err := os.WriteFile(note+".new", append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("data: %w", err)
	}
	if err := os.Rename(note+".new", note); err != nil {
		return fmt.Errorf("data: %w", err)
	}
	a.later(func() { _ = os.Remove(note) })
	return nil
}

// Running says where the server is to be found.
func (a *App) Running() client.Running {
	r := client.Running{PID: os.Getpid(), HTTP: a.api.Addr(), Data: a.cfg.Data, Token: a.tokenFile}
	for _, l := range a.ua.Addrs() {
		r.SIP = append(r.SIP, l.Network+":"+l.Addr)
	}
	return r
}

// Stop takes no new calls, lets the running ones go on until ctx is over, and then
// stops everything in the reverse order of its start.
func (a *App) Stop(ctx context.Context) error {
	if a.exchange != nil {
		a.exchange.Drain(ctx)
		a.exchange.Stop()
	}
	if a.journal != nil && a.database != nil && a.database.Err() == nil {
		// The last events of the last calls reach the database before it closes.
		flush, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := a.journal.Flush(flush); err == nil {
			if last, err := a.journal.LastSeq(flush); err == nil {
				_ = a.store.CatchUp(flush, last)
			}
		}
	}
	a.unwind()
	return nil
}

// listening says which key of the configuration an address that cannot be listened on
// comes from, and what to do.
func listening(key string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s: %w: another program has this port; stop that one, or set another port in %s", key, err, key)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%s: %w: this machine has no such address; set one of its own in %s", key, err, key)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%s: %w: ports below 1024 need the right CAP_NET_BIND_SERVICE, or set another port in %s", key, err, key)
	}
	return fmt.Errorf("%s: %w", key, err)
}

func (a *App) later(f func()) { a.undo = append(a.undo, f) }

func (a *App) unwind() {
	for i := len(a.undo) - 1; i >= 0; i-- {
		a.undo[i]()
	}
	a.undo = nil
}

// Verify opens the data of a server that does not run, and verifies it.
func Verify(ctx context.Context, cfg *config.Config, files bool, log *slog.Logger) (verify.Report, error) {
	if _, err := os.Stat(filepath.Join(cfg.Data, "journal")); err != nil {
		return verify.Report{}, fmt.Errorf("there is no journal in %s: %w", cfg.Data, err)
	}
	a, err := New(cfg, "", log)
	if err != nil {
		return verify.Report{}, err
	}
	defer a.unwind()
	if err := a.openJournal(); err != nil {
		return verify.Report{}, err
	}
	if err := a.openDatabase(nil); err != nil {
		return verify.Report{}, err
	}
	if err := a.store.Prepare(ctx); err != nil {
		return verify.Report{}, err
	}
	if err := a.projector.Start(ctx); err != nil {
		return verify.Report{}, err
	}
	return verify.Run(ctx, a.journal, a.store, verify.Options{RecordDir: recordDir(cfg), Files: files})
}

// Migrate brings the database of cfg to version to; -1 is the newest.
func Migrate(ctx context.Context, cfg *config.Config, to int64, _ *slog.Logger) (before, after int64, err error) {
	s, err := store.OpenLater(storeConfig(cfg))
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.Ping(ctx); err != nil {
		return 0, 0, err
	}
	is, known, err := s.Versions(ctx)
	switch {
	case err != nil:
		return 0, 0, err
	case is > known:
		return is, is, fmt.Errorf("%w: it stands at version %d and this program knows up to %d; the program that made it can bring it back", store.ErrNewer, is, known)
	case to > known:
		return is, is, fmt.Errorf("--to %d: this program knows versions up to %d", to, known)
	}
	return s.Migrate(ctx, to)
}
