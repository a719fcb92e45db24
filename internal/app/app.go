package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
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
	plane     *media.Plane
	exchange  *call.Exchange
	ua        *sip.UA
	api       *api.Server
	tokenFile string

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
	if err := a.startState(ctx); err != nil {
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
	live, liveErr := a.livetime(ctx)
	if a.exchange, err = call.New(call.Config{
		Live:      live,
		Directory: a.cfg.Directory(), Flows: flows, Prompts: lib, MaxCalls: a.cfg.Limits.Calls, RetryAfter: a.cfg.Limits.RetryAfter,
		RecordDir: recordings, SRTP: srtpPolicy(a.cfg.Media.SRTP), TrunksOut: trunksOut(a.cfg), Version: a.version,
	}, a.plane, a.journal, a.log); err != nil {
		return err
	}
	if liveErr != nil {
		// An outside journal is away. Citizens are answered all the same; whoever passes
		// the limit meanwhile is found when the journal can be read again.
		a.exchange.Alarm("live_time_unknown", liveErr)
	}
	if err := a.recover(ctx, recordings); err != nil {
		return err
	}
	if err := a.plane.Start(ctx); err != nil {
		return err
	}
	a.later(a.plane.Stop)
	return a.startDoors(ctx, recordings)
}

// startState opens the journal and the database.
func (a *App) startState(ctx context.Context) (err error) {
	if a.journal, err = journal.Open(journalConfig(a.cfg), a.log); err != nil {
		return err
	}
	a.later(a.journal.Stop)
	if a.store, err = store.Open(ctx, storeConfig(a.cfg)); err != nil {
		return err
	}
	a.later(func() { _ = a.store.Close() })
	a.projector = store.NewProjector(a.journal, a.store, func(what string, err error) {
		if a.exchange != nil {
			a.exchange.Alarm(what, err)
		}
	}, a.log)
	if err := a.projector.Start(ctx); err != nil {
		return err
	}
	a.later(a.projector.Stop)
	return nil
}

// startDoors opens SIP and HTTP, and says where in the data folder.
func (a *App) startDoors(ctx context.Context, recordings string) error {
	scfg, err := sipConfig(a.cfg)
	if err != nil {
		return err
	}
	if a.ua, err = sip.New(scfg, a.exchange, a.log); err != nil {
		return err
	}
	if err := a.exchange.Start(ctx, a.ua); err != nil {
		return err
	}
	a.later(a.exchange.Stop)
	if err := a.ua.Start(ctx); err != nil {
		return err
	}
	a.later(a.ua.Stop)
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
		Exchange: a.exchange, Store: a.store, Register: a.directory(), RecordDir: recordings, Metrics: reg, Version: a.version,
		Verify: func(ctx context.Context, files bool) (verify.Report, error) {
			return verify.Run(ctx, a.journal, a.store, verify.Options{RecordDir: recordings, Files: files})
		},
	}, tok, a.log); err != nil {
		return err
	}
	if err := a.api.Start(a.cfg.HTTP.Listen); err != nil {
		return err
	}
	a.later(a.api.Stop)
	b, err := json.Marshal(a.Running())
	if err != nil {
		return err
	}
	note := filepath.Join(a.cfg.Data, client.RunFile)
	if err := os.WriteFile(note, append(b, '\n'), 0o600); err != nil {
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
	if a.journal != nil {
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
	if err := a.startState(ctx); err != nil {
		return verify.Report{}, err
	}
	return verify.Run(ctx, a.journal, a.store, verify.Options{RecordDir: recordDir(cfg), Files: files})
}

// Migrate brings the database of cfg to version to; -1 is the newest.
func Migrate(ctx context.Context, cfg *config.Config, to int64, _ *slog.Logger) (before, after int64, err error) {
	s, err := store.OpenAsIs(ctx, storeConfig(cfg))
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return s.Migrate(ctx, to)
}
