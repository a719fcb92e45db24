package store

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"cagri/internal/journal"
)

const (
	batchEvents = 2000
	batchWait   = 50 * time.Millisecond
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
	wait := 100 * time.Millisecond
	for {
		err := p.j.Consume(ctx, projectionName, batchEvents, batchWait, func(batch []journal.Stored) error {
			// Retried here and not by redelivery, which would wait for a minute.
			for pause := 100 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
				err := p.s.Project(ctx, batch)
				if err == nil {
					wait = 100 * time.Millisecond
					return nil
				}
				if ctx.Err() != nil {
					return ctx.Err()
				}
				if pause == 100*time.Millisecond {
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
		if ctx.Err() != nil {
			return
		}
		p.log.Warn("the projection begins anew", "err", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		wait = min(2*wait, 5*time.Second)
	}
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
