package call

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oklog/ulid/v2"

	"cagri/internal/directory"
	"cagri/internal/event"
	"cagri/internal/ivr"
	"cagri/internal/media"
	"cagri/internal/media/sdp"
	"cagri/internal/prompt"
	"cagri/internal/sip"
	"cagri/internal/workforce"
)

// Config is what an Exchange needs to know.
type Config struct {
	Directory *directory.Directory
	Flows     map[string]*ivr.Flow
	Prompts   *prompt.Library
	// MaxCalls is the most calls at once; beyond it callers get 503 with
	// RetryAfter. 0 means CallsPerCore for each core.
	MaxCalls   int
	RetryAfter time.Duration
	// HoldProbe is how often who sends no sound in a held call is asked whether it is
	// still there; 0 means 30 s.
	HoldProbe time.Duration
	// RecordDir is where recordings go; empty turns recording off.
	RecordDir string
	// SRTP is the policy for legs whose signalling is TLS; others use plain RTP.
	SRTP sdp.SRTPPolicy
	// TrunksOut are the trunks for calls out, in order of preference.
	TrunksOut []string
	// Returning are agents who were at work when the run before ended, shortly ago: they
	// are signed in again, and rung as soon as their phones are heard of.
	Returning []Returning
	// Promises are the calls back that an earlier run promised and did not make.
	Promises []Promise
	// Snapshot is the directory's book at the start: what services, skills and rights
	// routing must obey. nil: no more than Directory says.
	Snapshot *directory.Snapshot
	// Live is the ledger of live service (clause 2.6), brought up to the present moment;
	// the Exchange owns it from here on. nil: nobody counts and nothing is limited.
	Live *workforce.Ledger
	// House answers what flows ask; nil: always open, no times to book.
	House House
	// OutsideAllow are beginnings of numbers that phones, transfers and numbers keyed in
	// for a call back may lead to; "*" is every number. OutsideCalls is the most calls out
	// at once; 0: no bound.
	OutsideAllow []string
	OutsideCalls int
	// Version is written into server.started.
	Version string
}

// CallsPerCore is the admission limit for each core when none is configured:
// half of what one core carried in the benchmark, so that signalling, TLS and
// the disk keep their share (docs/benchmarks.md).
const CallsPerCore = 400

// Errors of the Exchange's doors.
var (
	ErrNoSuchAgent  = errors.New("call: no such agent")
	ErrNoSuchCall   = errors.New("call: no such call")
	ErrNoSuchCode   = errors.New("call: no such action")
	ErrNotTalking   = errors.New("call: only a talk with an agent can be transferred")
	ErrOutside      = errors.New("call: calls to that number are not allowed; outside.allow lists the beginnings of those that are")
	ErrNoSuchTarget = errors.New("call: target is no agent, queue, own number or number outside")
)

// Exchange takes calls in and keeps track of those that live. It implements
// sip.Handler.
type Exchange struct {
	cfg     Config
	ua      *sip.UA
	plane   *media.Plane
	journal Journal
	scribe  *scribe
	router  *router
	log     *slog.Logger

	world atomic.Pointer[world] // what the directory says at present

	mu       sync.Mutex // guards calls, parties, engaged, stopping
	calls    map[string]*actor
	parties  map[*sip.Dialog]*party
	engaged  map[string]string // agent -> call, of those who talk or are rung by a colleague
	stopping bool
	ended    chan struct{} // closed when stopping and the last call is gone

	wg      sync.WaitGroup // actors
	refused atomic.Uint64  // calls refused by the admission limit
	arrived atomic.Uint64
}

// New makes an Exchange; Start needs the user agent, which in turn needs the
// Exchange as its handler.
func New(cfg Config, plane *media.Plane, journal Journal, log *slog.Logger) (*Exchange, error) {
	if err := cfg.Directory.Check(func(n string) bool { return cfg.Flows[n] != nil }); err != nil {
		return nil, fmt.Errorf("call: directory: %w", err)
	}
	if cfg.MaxCalls == 0 {
		cfg.MaxCalls = CallsPerCore * runtime.GOMAXPROCS(0)
	}
	if cfg.HoldProbe == 0 {
		cfg.HoldProbe = holdProbe
	}
	x := &Exchange{
		cfg: cfg, plane: plane, journal: journal, log: log,
		scribe:  &scribe{journal: journal, run: ulid.Make().String()},
		calls:   map[string]*actor{},
		parties: map[*sip.Dialog]*party{},
		engaged: map[string]string{},
		ended:   make(chan struct{}),
	}
	x.world.Store(newWorld(World{Directory: cfg.Directory, Snapshot: cfg.Snapshot, Flows: cfg.Flows, House: cfg.House}))
	x.router = newRouter(x)
	return x, nil
}

// Start begins to take calls from ua.
func (x *Exchange) Start(_ context.Context, ua *sip.UA) error {
	x.ua = ua
	x.scribe.write("-", "", event.ServerStarted{Program: x.cfg.Version})
	x.router.start()
	return nil
}

// Drain refuses new calls and waits until the running ones have ended by
// themselves, or ctx is over.
func (x *Exchange) Drain(ctx context.Context) {
	x.mu.Lock()
	if !x.stopping {
		x.stopping = true
		if len(x.calls) == 0 {
			close(x.ended)
		}
	}
	x.mu.Unlock()
	select {
	case <-x.ended:
	case <-ctx.Done():
	}
}

// Stop ends what is left and returns when every call has its last event.
func (x *Exchange) Stop() {
	done, cancel := context.WithCancel(context.Background())
	cancel()
	x.Drain(done)
	x.mu.Lock()
	left := make([]*actor, 0, len(x.calls))
	for _, a := range x.calls {
		left = append(left, a)
	}
	x.mu.Unlock()
	for _, a := range left {
		a.box.post(stopMsg{})
	}
	x.wg.Wait()
	if x.router.stop() {
		x.scribe.write("-", "", event.ServerStopped{Reason: "asked"})
	}
}

// admit registers a new call, or says with which SIP status to refuse it.
func (x *Exchange) admit(a *actor) (status int, reason string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case x.stopping:
		return 503, "stopping"
	case len(x.calls) >= x.cfg.MaxCalls:
		x.refused.Add(1)
		return 503, "overload"
	}
	x.calls[a.id] = a
	x.parties[a.caller.dialog] = a.caller
	x.wg.Add(1)
	return 0, ""
}

// forget is the last thing an actor does.
func (x *Exchange) forget(a *actor) {
	x.mu.Lock()
	delete(x.calls, a.id)
	for agent, call := range x.engaged {
		if call == a.id { // only after a fault
			delete(x.engaged, agent)
		}
	}
	if x.stopping && len(x.calls) == 0 {
		close(x.ended)
	}
	x.mu.Unlock()
	x.wg.Done()
}

// call finds a living call.
func (x *Exchange) call(id string) *actor {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.calls[id]
}

// Invite implements sip.Handler: a new call, or a phone that takes over a running one.
func (x *Exchange) Invite(d *sip.Dialog, in sip.Incoming) {
	if in.Replaces != nil {
		x.replace(d, in)
		return
	}
	x.arrived.Add(1)
	a := newActor(x, d, in)
	if status, reason := x.admit(a); status != 0 {
		a.refuse(status, reason)
		return
	}
	go a.run()
}

// PhoneChanged implements sip.Handler.
func (x *Exchange) PhoneChanged(user string, registered bool) {
	agent, ok := x.known().phones[user]
	if !ok {
		return
	}
	x.scribe.write(x.known().agents[agent].Body, agent, event.PhoneChanged{Phone: user, Registered: registered})
	x.router.station(agent, registered)
}

// Alarm implements sip.Handler and serves every other part that must be heard.
func (x *Exchange) Alarm(what string, err error) {
	detail := ""
	if err != nil {
		detail = err.Error()
	}
	x.log.Error("alarm", "what", what, "err", err)
	x.scribe.write("-", "", event.Alarm{What: what, Detail: detail})
}

// newCallID is unique, and sorts by time of arrival.
func newCallID() string { return ulid.Make().String() }
