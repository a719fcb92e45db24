package app

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"cagri/internal/store"
)

const (
	// firstAnswer is how long a start waits for a database that may be away.
	firstAnswer = 3 * time.Second
	// Pauses between attempts while the database cannot be used, doubled each time.
	leastPause = 200 * time.Millisecond
	mostPause  = 2 * time.Second
	// checkEvery is how often a database that is well is asked whether it still is.
	checkEvery = 5 * time.Second
	// tellEvery is how often the log says again that it still cannot be used.
	tellEvery = time.Minute
)

// database keeps watch over the database of a running server. Calls never wait for
// it: the journal keeps what happens, and opened is called once, when the database
// can be used for the first time.
type database struct {
	s      *store.Store
	log    *slog.Logger
	alarm  func(what string, err error)
	opened func(ctx context.Context)

	mu    sync.Mutex // guards err and since
	err   error      // why it cannot be used now; nil when it can
	since time.Time  // of err

	first  chan struct{} // closed after the first attempt
	usable chan struct{} // closed once it could be used
	fatal  chan error    // at most one: the server must not go on
	hint   chan struct{} // somebody met an error: look now
	cancel context.CancelFunc
	done   chan struct{}
}

// errNotAsked is what Err gives before the first attempt has ended.
var errNotAsked = errors.New("the database has not answered yet")

func newDatabase(s *store.Store, alarm func(string, error), opened func(context.Context), log *slog.Logger) *database {
	return &database{
		s: s, log: log, alarm: alarm, opened: opened, err: errNotAsked, since: time.Now(),
		first: make(chan struct{}), usable: make(chan struct{}), fatal: make(chan error, 1), hint: make(chan struct{}, 1),
		done: make(chan struct{}),
	}
}

// start begins to watch, and waits a moment for the first answer.
func (d *database) start(ctx context.Context) {
	watching, cancel := context.WithCancel(context.WithoutCancel(ctx))
	d.cancel = cancel
	go d.run(watching)
	select {
	case <-d.first:
	case <-ctx.Done():
	case <-time.After(firstAnswer):
		d.log.Warn("the database has not answered yet; the server starts without it", "waited", firstAnswer)
	}
}

// stop ends the watch and waits for it.
func (d *database) stop() {
	d.cancel()
	<-d.done
}

// Err tells why the database cannot be used now; nil when it can.
func (d *database) Err() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}

// look asks for an attempt now.
func (d *database) look() {
	select {
	case d.hint <- struct{}{}:
	default:
	}
}

// met takes an error that somebody else had with the database, and tells whether it
// is for the watch to speak of.
func (d *database) met(err error) bool {
	err = store.Diagnose(err)
	if !errors.Is(err, store.ErrAway) && !errors.Is(err, store.ErrRefused) {
		return false
	}
	d.look()
	return true
}

func (d *database) run(ctx context.Context) {
	defer close(d.done)
	pause, told, began := leastPause, time.Time{}, false
	for {
		err := d.attempt(ctx)
		if ctx.Err() != nil {
			return
		}
		told = d.note(err, told)
		if err == nil && !began {
			began = true
			d.opened(ctx)
			close(d.usable)
		}
		if errors.Is(err, store.ErrNewer) {
			d.fatal <- err
		}
		select {
		case <-d.first:
		default:
			close(d.first)
		}
		if errors.Is(err, store.ErrNewer) {
			return
		}
		wait := checkEvery
		if err != nil {
			wait, pause = pause, min(2*pause, mostPause)
		} else {
			pause = leastPause
		}
		if !d.wait(ctx, wait, err == nil) {
			return
		}
	}
}

// wait pauses until the next attempt; a hint shortens the pause of a database that
// was well, though never to nothing.
func (d *database) wait(ctx context.Context, pause time.Duration, hinted bool) bool {
	t := time.NewTimer(leastPause)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
	}
	t.Reset(pause - leastPause)
	hint := d.hint
	if !hinted {
		hint = nil
	}
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
	case <-hint:
	}
	return true
}

// attempt asks a database that is well whether it still is, and prepares any other.
func (d *database) attempt(ctx context.Context) error {
	if d.Err() == nil {
		return d.s.Ping(ctx)
	}
	return d.s.Prepare(ctx)
}

// note keeps the outcome of an attempt and says what is new; told is when the log
// spoke of trouble last.
func (d *database) note(err error, told time.Time) time.Time {
	now := time.Now()
	d.mu.Lock()
	before, since := d.err, d.since
	d.err = err
	what := trouble(err)
	if trouble(before) == "" {
		d.since = now
	}
	d.mu.Unlock()
	const meanwhile = "calls are taken and the journal keeps everything; lists of calls, recordings and the proof cannot be read until it is back"
	switch {
	case err == nil && before == nil:
	case err == nil && before == errNotAsked:
		d.log.Info("the database is there")
	case err == nil:
		d.log.Warn("the database is there again: what waits in the journal is written to it now", "missing", now.Sub(since).Round(time.Millisecond))
	case what != trouble(before):
		switch what {
		case "database_away":
			d.log.Error("the database is away, tried again and again: "+meanwhile, "err", err)
		case "database_refused":
			d.log.Error("the database refuses this server, tried again and again: check user, password and database name in store.dsn, and the rights there; "+meanwhile, "err", err)
		case "database_newer":
			d.log.Error("the database is of a newer program; this one must not touch it and ends", "err", err)
		default:
			d.log.Error("the database cannot be prepared, tried again and again: "+meanwhile, "err", err)
		}
		d.alarm(what, err)
		return now
	case now.Sub(told) >= tellEvery:
		d.log.Warn("the database still cannot be used", "for", now.Sub(since).Round(time.Second), "waiting", "in the journal", "err", err)
		return now
	}
	return told
}

// trouble names the kind of an error, as alarms do; "" is none.
func trouble(err error) string {
	switch {
	case err == nil, err == errNotAsked:
		return ""
	case errors.Is(err, store.ErrNewer):
		return "database_newer"
	case errors.Is(err, store.ErrRefused):
		return "database_refused"
	case errors.Is(err, store.ErrAway):
		return "database_away"
	}
	return "database_unfit"
}
