package store

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"cagri/internal/journal"
)

const (
	batchEvents = 4000
	batchWait   = 200 * time.Millisecond

	// Pauses between attempts, doubled each time.
	leastWait = 100 * time.Millisecond
	mostWait  = 5 * time.Second
)

// Projector carries events from the journal into the database for as long as it
// runs. While the database is away it tries again and again; calls go on and the
// journal keeps what is to come.
type Projector struct {
	j      *journal.Journal
	s      *Store
	log    *slog.Logger
	alarm  func(what string, err error)
	mu     sync.Mutex // guards cancel
	cancel context.CancelFunc
	done   chan struct{}
}

// NewProjector makes one; alarm may be nil.
func NewProjector(j *journal.Journal, s *Store, alarm func(string, error), log *slog.Logger) *Projector {
	if alarm == nil {
		alarm = func(string, error) {}
	}
	return &Projector{j: j, s: s, log: log, alarm: alarm}
}

// Start begins.
func (p *Projector) Start(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	ctx, p.cancel = context.WithCancel(context.WithoutCancel(ctx))
	p.done = make(chan struct{})
	go p.run(ctx)
	return nil
}

// Stop ends after the batch under way. Safe when never started or stopped before.
func (p *Projector) Stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cancel != nil {
		p.cancel()
		<-p.done
		p.cancel = nil
	}
}

func (p *Projector) run(ctx context.Context) {
	defer close(p.done)
	wait := leastWait
	for {
		from, err := p.next(ctx)
		if err == nil {
			err = p.consume(ctx, from, func() { wait = leastWait })
		}
		if ctx.Err() != nil {
			return
		}
		p.log.Warn("the projection begins anew", "err", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		wait = min(2*wait, mostWait)
	}
}

// next is the place at which the projection goes on: behind the last one whose
// events were written, in the same transaction.
func (p *Projector) next(ctx context.Context) (uint64, error) {
	at, err := p.s.Position(ctx)
	if err != nil {
		if ctx.Err() == nil {
			p.alarm("database_away", err)
		}
		return 0, err
	}
	last, err := p.j.LastSeq(ctx)
	if err != nil {
		return 0, err
	}
	if at > last {
		// Not to go on would be worse: events of the journal that is there are new.
		err := fmt.Errorf("store: the database stands at place %d and the journal ends at %d; they do not belong together, rebuild the database", at, last)
		p.log.Error("the database is of another journal", "err", err)
		p.alarm("database_ahead", err)
		return 1, nil
	}
	return at + 1, nil
}

// consume projects batch after batch; written is called after each.
func (p *Projector) consume(ctx context.Context, from uint64, written func()) error {
	return p.j.Consume(ctx, from, batchEvents, batchWait, func(batch []journal.Stored) error {
		// Retried here, with the batch in hand, and not by reading it anew.
		for pause := leastWait; ; pause = min(2*pause, mostWait) {
			err := p.s.Project(ctx, batch)
			if err == nil {
				written()
				return nil
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if pause == leastWait {
				p.log.Error("the database does not take events; they wait in the journal", "err", err)
				p.alarm("database_away", err)
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(pause):
			}
		}
	})
}

// CatchUp waits until the database has everything up to place seq of the journal.
func (s *Store) CatchUp(ctx context.Context, seq uint64) error {
	for {
		at, err := s.Position(ctx)
		if err != nil {
			return err
		}
		if at >= seq {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}
