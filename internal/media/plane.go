package media

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"cagri/internal/media/pace"
	"cagri/internal/media/quality"
	"cagri/internal/media/record"
)

// MaxPollers bounds the default of Config.Pollers.
const MaxPollers = 4

// Config of the media plane. Zero values mean the defaults given.
type Config struct {
	BindIP      netip.Addr // where sockets are bound; required
	AdvertiseIP netip.Addr // what session descriptions say; default BindIP
	PortMin     uint16     // RTP/RTCP ports, both included; default 20000–27999
	PortMax     uint16
	Pollers     int           // threads that read packets; default one per CPU, at most 4
	Wheels      int           // goroutines that play; default one per CPU
	Silence     time.Duration // no packet for so long is reported as Silent; default 20 s
	Quarantine  time.Duration // rest of a port pair; default 30 s
}

// Plane owns the sockets, the threads that read them, the wheels that play and the
// pool that records.
type Plane struct {
	cfg     Config
	log     *slog.Logger
	epoch   time.Time
	clock   quality.Clock
	cname   string // of all our streams, RFC 7022: says nothing about anybody
	ports   *ports
	pollers []*poller
	wheels  *pace.Wheels
	pool    *record.Pool

	joins sync.Mutex // held while a leg's place in a bridge or conference changes

	mu      sync.Mutex // guards legs, running, over
	legs    map[*Leg]struct{}
	running bool
	over    bool
	quit    chan struct{}
	swept   chan struct{}
}

// New makes a plane.
func New(cfg Config, log *slog.Logger) (*Plane, error) {
	if !cfg.BindIP.IsValid() {
		return nil, fmt.Errorf("media: BindIP is missing")
	}
	if !cfg.AdvertiseIP.IsValid() {
		cfg.AdvertiseIP = cfg.BindIP
	}
	if cfg.PortMin == 0 {
		cfg.PortMin, cfg.PortMax = 20000, 27999
	}
	if cfg.PortMax <= cfg.PortMin {
		return nil, fmt.Errorf("media: ports %d to %d hold no pair: media.port_max must be greater than media.port_min", cfg.PortMin, cfg.PortMax)
	}
	if cfg.Pollers == 0 {
		cfg.Pollers = min(runtime.GOMAXPROCS(0), MaxPollers)
	}
	if cfg.Wheels == 0 {
		cfg.Wheels = runtime.GOMAXPROCS(0)
	}
	if cfg.Silence == 0 {
		cfg.Silence = 20 * time.Second
	}
	if cfg.Quarantine == 0 {
		cfg.Quarantine = 30 * time.Second
	}
	p := &Plane{
		cfg: cfg, log: log, epoch: time.Now(), ports: newPorts(cfg.PortMin, cfg.PortMax, cfg.Quarantine),
		wheels: pace.New(cfg.Wheels), pool: record.NewPool(record.PoolConfig{}, log),
		legs: map[*Leg]struct{}{}, quit: make(chan struct{}), swept: make(chan struct{}),
	}
	p.clock = quality.NewClock(p.epoch, 0)
	p.cname = rand.Text()
	for range cfg.Pollers {
		pl, err := newPoller()
		if err != nil {
			p.Stop()
			return nil, err
		}
		p.pollers = append(p.pollers, pl)
	}
	return p, nil
}

// Start starts everything. The plane ends with Stop, not with ctx, so that calls
// can be wound up in order.
func (p *Plane) Start(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.over:
		return errOver
	case p.running:
		return nil
	}
	ctx = context.WithoutCancel(ctx)
	if err := p.pool.Start(ctx); err != nil {
		return err
	}
	if err := p.wheels.Start(ctx); err != nil {
		return err
	}
	for _, pl := range p.pollers {
		pl.start()
	}
	go p.sweep()
	p.running = true
	return nil
}

var errOver = errors.New("media: the plane has been stopped")

// Stop closes every leg, finishes every recording and ends. Safe when called twice
// or never started.
func (p *Plane) Stop() {
	p.mu.Lock()
	if p.over {
		p.mu.Unlock()
		return
	}
	started := p.running
	p.running, p.over = false, true
	left := make([]*Leg, 0, len(p.legs))
	for l := range p.legs {
		left = append(left, l)
	}
	p.mu.Unlock()
	for _, l := range left {
		l.Close()
	}
	if started {
		close(p.quit)
		<-p.swept
	}
	p.wheels.Stop()
	for _, pl := range p.pollers {
		pl.stop()
	}
	p.pool.Stop()
}

// Now is the plane's time: monotonic ns.
func (p *Plane) Now() int64 { return int64(time.Since(p.epoch)) }

// Record begins a recording; see record.Pool.Create.
func (p *Plane) Record(path string, onFail func(error)) (*record.Recording, error) {
	return p.pool.Create(path, onFail)
}

// Stats of the plane, for metrics.
type PlaneStats struct {
	Legs   int
	Pace   pace.Stats
	Record record.PoolStats
}

// Stats reports the counters.
func (p *Plane) Stats() PlaneStats {
	p.mu.Lock()
	n := len(p.legs)
	p.mu.Unlock()
	return PlaneStats{Legs: n, Pace: p.wheels.Stats(), Record: p.pool.Stats()}
}

// sweep looks after all legs ten times a second: RTCP that is due, lines that have
// gone silent.
func (p *Plane) sweep() {
	defer close(p.swept)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	var legs []*Leg
	for {
		select {
		case <-p.quit:
			return
		case <-tick.C:
		}
		p.mu.Lock()
		legs = legs[:0]
		for l := range p.legs {
			legs = append(legs, l)
		}
		p.mu.Unlock()
		now := p.Now()
		for _, l := range legs {
			l.look(now)
		}
		clear(legs)
	}
}
