package app

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"cagri/internal/calendar"
	"cagri/internal/call"
	"cagri/internal/declare"
	"cagri/internal/directory"
	"cagri/internal/ivr"
	"cagri/internal/sip/digest"
	"cagri/internal/sip/registrar"
)

const (
	// bookRetry is the pause after the directory could not be read.
	bookRetry = 5 * time.Second
	// bookEvery bounds how long what another process applied goes unseen, and opening
	// hours are worked out anew at least as often.
	bookEvery = 5 * time.Minute
)

// present keeps the running exchange at what the directory says now: after each
// apply, and when a version begins or ends. While nothing was ever applied, the
// configuration file's directory counts; from the first apply on, it does not.
type present struct {
	a        *App
	register *declare.Register
	flows    map[string]*ivr.Flow
	days     *calendar.Calendar

	accounts atomic.Pointer[map[string]registrar.Account] // nil: those of the configuration
	revision atomic.Int64                                 // of the book in force; 0: the configuration
	kept     atomic.Int64                                 // revision of the copy on disk, if this run wrote it

	wake   chan struct{}
	cancel context.CancelFunc
	done   chan struct{}
}

func newPresent(a *App, register *declare.Register, flows map[string]*ivr.Flow) (*present, error) {
	days, err := calendar.State()
	if err != nil {
		return nil, err
	}
	p := &present{a: a, register: register, flows: flows, days: days, wake: make(chan struct{}, 1), done: make(chan struct{})}
	register.OnApplied(func(*directory.Snapshot) {
		select {
		case p.wake <- struct{}{}:
		default:
		}
	})
	return p, nil
}

// start reads the directory once, if it can be read within a moment, and then keeps
// up with it until stop. While its database is away, the copy of the last run counts.
func (p *present) start(ctx context.Context) {
	next, err := time.Time{}, p.a.database.Err()
	if err == nil {
		first, cancel := context.WithTimeout(ctx, 2*time.Second)
		next, err = p.load(first)
		cancel()
	}
	if err != nil {
		p.fromCopy()
	}
	ctx, p.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go p.run(ctx, next, err)
}

func (p *present) stop() {
	p.cancel()
	<-p.done
}

func (p *present) run(ctx context.Context, next time.Time, err error) {
	defer close(p.done)
	told := false
	for {
		wait := bookEvery
		switch {
		case err != nil:
			wait = bookRetry
			if !told {
				told = true
				p.a.log.Warn("the directory cannot be read; what is known of it stays in force", "err", err)
			}
		case !next.IsZero():
			wait = min(wait, max(time.Until(next), 0))
		}
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
		case <-time.After(wait):
		}
		if next, err = p.load(ctx); err == nil {
			told = false
		}
	}
}

// load puts the directory of this moment in force, and says when it changes by itself.
func (p *present) load(ctx context.Context) (next time.Time, err error) {
	book, err := p.register.Book(ctx)
	if err != nil {
		return time.Time{}, err
	}
	if book.Empty() {
		return time.Time{}, nil
	}
	if p.copies() && p.kept.Swap(book.Revision()) != book.Revision() {
		if err := keepCopy(p.a.cfg.Data, book); err != nil {
			p.kept.Store(0)
			p.a.exchange.Alarm("directory_copy", err)
		}
	}
	return p.force(book)
}

// copies tells whether the directory can be away, so that a copy of it is of use.
func (p *present) copies() bool { return p.a.cfg.Store.Driver == "postgres" }

// fromCopy puts the copy in force, if there is one.
func (p *present) fromCopy() {
	if !p.copies() {
		return
	}
	book, err := readCopy(p.a.cfg.Data)
	if err == nil && book != nil {
		p.a.log.Warn("the directory cannot be read; the copy of the last run is in force until it can", "revision", book.Revision())
		_, err = p.force(book)
	}
	if err != nil {
		p.a.exchange.Alarm("directory_copy", err)
	}
}

// force puts what the book says of this moment in force.
func (p *present) force(book *directory.Book) (next time.Time, err error) {
	now := time.Now()
	s := book.At(now)
	w, err := p.world(book, s)
	if err != nil {
		return time.Time{}, err
	}
	if err := p.a.exchange.Change(w); err != nil {
		p.a.exchange.Alarm("directory_refused", err)
		return book.Next(now), nil // nothing will be better before somebody applies something
	}
	accounts := map[string]registrar.Account{}
	for _, ph := range directory.List[*directory.Phone](s) {
		accounts[ph.User] = registrar.Account{User: ph.User, Secret: digest.Secret{HA1SHA256: ph.HA1, HA1MD5: ph.HA1MD5}}
	}
	p.accounts.Store(&accounts)
	if p.revision.Swap(s.Revision) != s.Revision {
		p.a.log.Info("the directory is in force", "revision", s.Revision, "records", len(s.Refs()))
	}
	return book.Next(now), nil
}

func (p *present) world(book *directory.Book, s *directory.Snapshot) (call.World, error) {
	house, err := newOffice(book, s, p.days)
	if err != nil {
		return call.World{}, err
	}
	d := s.Directory()
	for _, n := range d.Numbers {
		if p.flows[n.Flow] == nil {
			return call.World{}, fmt.Errorf("number %s: there is no flow %q; put %s.yaml into flows.dir and start again, or give the number another flow", n.Dial, n.Flow, n.Flow)
		}
	}
	return call.World{Directory: d, Snapshot: s, Flows: p.flows, House: house}, nil
}

// account finds a phone: in the directory once something was applied, else in the
// configuration.
func (p *present) account(config func(string) (registrar.Account, bool)) func(string) (registrar.Account, bool) {
	return func(user string) (registrar.Account, bool) {
		m := p.accounts.Load()
		if m == nil {
			return config(user)
		}
		acc, ok := (*m)[user]
		return acc, ok
	}
}
