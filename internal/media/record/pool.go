package record

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

const (
	sweepEvery    = 250 * time.Millisecond
	sweepsToFlush = 3 // without a hand-over: 500 to 750 ms

	defaultWriters   = 2
	defaultFinishers = 8
	defaultMaxOpen   = 4096
	defaultSyncEvery = 15 * time.Second
)

// Pool is the bounded set of goroutines that do the disk work of all
// recordings. Writers write blocks and headers, each for a fixed share of the
// recordings, so that a file is written in order by one goroutine; finishers do
// what may take long: fsync, the hash, the final name. When many end together one
// sync serves them all; see gather.
type Pool struct {
	cfg     PoolConfig
	log     *slog.Logger
	reserve reserve
	open    func(path string) (file, error)

	writers   []*fifo[*Recording]
	finishers *fifo[job]
	ended     *fifo[*Recording] // written to the end, to be sealed
	hurry     chan struct{}     // closed by Stop: nothing waits for company

	mu      sync.Mutex // guards all below
	state   poolState
	cancel  func() // ends the sweeper
	live    map[*Recording]struct{}
	next    int           // writer of the next recording
	stopped chan struct{} // closed when Stop is through
	threads sync.WaitGroup

	count struct {
		created, closed, failed, written, dropped, bytes, syncs atomic.Uint64
	}
}

type poolState int

const (
	poolNew poolState = iota
	poolRunning
	poolStopping
)

// NewPool makes a pool; Start sets it to work. log may be nil.
func NewPool(cfg PoolConfig, log *slog.Logger) *Pool {
	setDefault := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	setDefault(&cfg.Writers, defaultWriters)
	setDefault(&cfg.Finishers, defaultFinishers)
	setDefault(&cfg.MaxOpen, defaultMaxOpen)
	if cfg.SyncEvery == 0 {
		cfg.SyncEvery = defaultSyncEvery
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	p := &Pool{
		cfg: cfg, log: log, open: createFile,
		finishers: newFIFO[job](2 * cfg.MaxOpen),
		ended:     newFIFO[*Recording](cfg.MaxOpen),
		hurry:     make(chan struct{}),
		live:      map[*Recording]struct{}{},
		stopped:   make(chan struct{}),
	}
	for range cfg.Writers {
		p.writers = append(p.writers, newFIFO[*Recording](cfg.MaxOpen))
	}
	p.reserve.resize(0)
	return p
}

// Start starts the goroutines. They end with Stop or when ctx does; a pool
// cannot be started twice.
func (p *Pool) Start(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state != poolNew {
		return errors.New("record: a pool can be started only once")
	}
	p.state = poolRunning
	parent := ctx
	ctx, cancel := context.WithCancel(parent)
	unlink := context.AfterFunc(parent, p.Stop)
	p.cancel = func() { unlink(); cancel() }
	for _, q := range p.writers {
		p.threads.Go(func() { p.write(q) })
	}
	for range p.cfg.Finishers {
		p.threads.Go(func() { p.finish() })
	}
	p.threads.Go(func() { p.gather() })
	p.threads.Go(func() { p.sweep(ctx) })
	return nil
}

// Stop finishes all open recordings, as Close does, and waits for the
// goroutines. It may be called more than once and before Start.
func (p *Pool) Stop() {
	p.mu.Lock()
	if p.state != poolRunning {
		started := p.state == poolStopping && p.cancel != nil
		p.state = poolStopping
		p.mu.Unlock()
		if started {
			<-p.stopped
		}
		return
	}
	p.state = poolStopping
	cancel := p.cancel
	var open []*Recording
	for r := range p.live {
		open = append(open, r)
	}
	p.mu.Unlock()

	close(p.hurry)
	for _, r := range open {
		r.end(nil)
	}
	for _, r := range open {
		<-r.done
	}
	cancel()
	for _, q := range p.writers {
		q.close()
	}
	p.ended.close()
	p.finishers.close()
	p.threads.Wait()
	close(p.stopped)
}

// Create begins a recording that will be the file path when it is closed, and
// path with ".part" added until then. It returns at once: the file is made by
// the pool, which also makes missing directories (mode 0700; files 0600).
// onFail, if not nil, is called at most once, from a goroutine of the pool, when
// audio is being lost; it must not block and must not call Close.
func (p *Pool) Create(path string, onFail func(error)) (*Recording, error) {
	if path == "" || filepath.Base(path) == string(filepath.Separator) {
		return nil, fmt.Errorf("record: %q is not a file name", path)
	}
	r := &Recording{
		pool: p, path: path, onFail: onFail, lastDrop: -1,
		pending: make([]*block, 0, maxPending),
		done:    make(chan struct{}),
	}
	r.file.syncAt = time.Now().Add(p.cfg.SyncEvery)
	p.mu.Lock()
	switch {
	case p.state != poolRunning:
		p.mu.Unlock()
		return nil, ErrNotRunning
	case len(p.live) >= p.cfg.MaxOpen:
		p.mu.Unlock()
		return nil, fmt.Errorf("%w: %d; raise the limit or admit fewer calls", ErrTooMany, p.cfg.MaxOpen)
	}
	p.live[r] = struct{}{}
	r.writer = p.writers[p.next%len(p.writers)]
	p.next++
	p.reserve.resize(len(p.live))
	p.mu.Unlock()

	p.count.created.Add(1)
	r.mu.Lock()
	r.schedule()
	r.mu.Unlock()
	return r, nil
}

// forget takes a finished recording off the list.
func (p *Pool) forget(r *Recording) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.live, r)
	p.reserve.resize(len(p.live))
}

// Stats reports the counters.
func (p *Pool) Stats() PoolStats {
	p.mu.Lock()
	s := PoolStats{Open: len(p.live)}
	p.mu.Unlock()
	for _, q := range p.writers {
		s.Waiting += q.waiting()
	}
	s.Created = p.count.created.Load()
	s.Closed = p.count.closed.Load()
	s.Failed = p.count.failed.Load()
	s.BlocksWritten = p.count.written.Load()
	s.BlocksDropped = p.count.dropped.Load()
	s.BytesWritten = p.count.bytes.Load()
	s.Syncs = p.count.syncs.Load()
	return s
}

// sweep looks after recordings that get no packets, and after the fsync
// cadence.
func (p *Pool) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	var list []*Recording
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		p.reserve.adapt()
		p.mu.Lock()
		for r := range p.live {
			list = append(list, r)
		}
		p.mu.Unlock()
		now := time.Now()
		for _, r := range list {
			r.sweep()
			if p.cfg.SyncEvery > 0 && now.After(r.file.syncAt) && r.file.syncing.CompareAndSwap(false, true) {
				r.file.syncAt = now.Add(p.cfg.SyncEvery)
				p.finishers.push(func([]byte) { p.syncOne(r) })
			}
		}
		clear(list)
		list = list[:0]
	}
}
