package trunk

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// Why a call is not let through a trunk. Answer 503 with Retry-After, or try the next trunk.
var (
	ErrTooManyCalls = errors.New("trunk has its highest number of calls")
	ErrTooFast      = errors.New("trunk has its highest rate of new calls")
)

// Trunk is one carrier. Safe for concurrent use.
type Trunk struct {
	cfg     Config
	place   int // in the configuration: the first wins where several fit
	sources []netip.Prefix
	lines   []line
	now     func() time.Time

	mu         sync.Mutex // guards everything below
	hosts      [][]host   // per line; kept when a later look-up fails
	ends       map[key]*end
	registered *registered // nil: not registered now
	lastError  error       // of the last registration attempt
	calls      int
	full       time.Time // when the bucket of new calls will be full again
}

type registered struct {
	until time.Time
	at    Target
}

// end is what is known of one target's health.
type end struct {
	target     Target
	up         bool
	fails, oks int
	until      time.Time // down at least until then, whatever OPTIONS says
	told       bool      // the state last told
}

func newTrunk(c Config, place int, now func() time.Time) (*Trunk, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c = c.withDefaults()
	t := &Trunk{cfg: c, place: place, now: now, hosts: make([][]host, len(c.Targets)), ends: make(map[key]*end)}
	for _, s := range c.Sources {
		p, err := parseSource(s)
		if err != nil {
			return nil, err
		}
		t.sources = append(t.sources, p)
	}
	for i, s := range c.Targets {
		l, err := parseTarget(s)
		if err != nil {
			return nil, err
		}
		t.lines = append(t.lines, l)
		if l.addr.IsValid() {
			hosts, err := resolve(context.Background(), nil, c.Name, l) // a literal asks nobody
			if err != nil {
				return nil, err
			}
			t.setHosts(i, hosts)
		}
	}
	return t, nil
}

// Name is the trunk's name in the configuration.
func (t *Trunk) Name() string { return t.cfg.Name }

// Config returns the trunk's configuration with defaults filled in.
func (t *Trunk) Config() Config { return t.cfg }

// NeedsLogin says whether a call of this carrier has to present credentials, even if its address is right.
func (t *Trunk) NeedsLogin() bool { return t.cfg.Login != nil }

// ReadNumber turns a number as the carrier writes it into ours (E.164, or short as it is).
func (t *Trunk) ReadNumber(s string) string { return t.cfg.Numbers.Read(s) }

// WriteNumber turns one of our numbers into the carrier's way.
func (t *Trunk) WriteNumber(s string) string { return t.cfg.Numbers.Write(s) }

// Begin takes a place for one call, in or out. end gives it back and may be called any number of times. The error wraps
// ErrTooManyCalls or ErrTooFast.
func (t *Trunk) Begin() (end func(), err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if m := t.cfg.MaxCalls; m > 0 && t.calls >= m {
		return nil, fmt.Errorf("%w: %s, %d", ErrTooManyCalls, t.cfg.Name, m)
	}
	if r := t.cfg.MaxCallsPerSecond; r > 0 && !t.token(r) {
		return nil, fmt.Errorf("%w: %s, %g per second", ErrTooFast, t.cfg.Name, r)
	}
	t.calls++
	var once sync.Once
	return func() {
		once.Do(func() {
			t.mu.Lock()
			t.calls--
			t.mu.Unlock()
		})
	}, nil
}

// token is a token bucket of one second's worth of calls. The mutex is held.
func (t *Trunk) token(perSecond float64) bool {
	now := t.now()
	step := time.Duration(float64(time.Second) / perSecond)
	burst := max(time.Second-step, 0)
	if t.full.Sub(now) > burst {
		return false
	}
	if t.full.Before(now) {
		t.full = now
	}
	t.full = t.full.Add(step)
	return true
}

// Calls is the number of places taken.
func (t *Trunk) Calls() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.calls
}

// Registered says until when we are registered with the carrier; ok is false when we are not, err is then why, if known.
func (t *Trunk) Registered() (until time.Time, ok bool, err error) {
	now := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.registered == nil || !t.registered.until.After(now) {
		return time.Time{}, false, t.lastError
	}
	return t.registered.until, true, nil
}

// allows says with how long a prefix the trunk's sources hold a, -1 when not at all.
func (t *Trunk) allows(a netip.Addr) int {
	best := -1
	for _, p := range t.sources {
		if p.Contains(a) {
			best = max(best, p.Bits())
		}
	}
	if !t.cfg.AcceptFromTargets {
		return best
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for k := range t.ends {
		if k.addr.Addr() == a {
			return a.BitLen()
		}
	}
	return best
}

// setHosts takes the result of a look-up, keeps the health of targets that stay and forgets those that are gone. The caller is
// the trunk's watch loop, or newTrunk.
func (t *Trunk) setHosts(lineNo int, hosts []host) (changed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hosts[lineNo] = hosts
	wanted := make(map[key]bool)
	for _, l := range t.hosts {
		for _, h := range l {
			for _, target := range h.targets {
				k := target.key()
				wanted[k] = true
				if t.ends[k] == nil {
					t.ends[k] = &end{target: target, up: true, told: true}
					changed = true
				}
			}
		}
	}
	for k := range t.ends {
		if !wanted[k] {
			delete(t.ends, k)
			changed = true
		}
	}
	return changed
}

// targets returns where to send, all that are up before all that are down, each part in the order of configuration and SRV.
func (t *Trunk) targets(random func() float64) []Target {
	t.mu.Lock()
	defer t.mu.Unlock()
	var up, down []Target
	seen := make(map[key]bool)
	for _, l := range t.hosts {
		for _, target := range order(l, random) {
			k := target.key()
			if seen[k] {
				continue
			}
			seen[k] = true
			if target.Up = t.isUp(t.ends[k]); target.Up {
				up = append(up, target)
			} else {
				down = append(down, target)
			}
		}
	}
	return append(up, down...)
}

// isUp: the mutex is held.
func (t *Trunk) isUp(e *end) bool {
	now := t.now()
	if e.until.After(now) {
		return false
	}
	return e.up || t.cfg.Health.Off // without OPTIONS only the pause after a failure keeps a target down
}

// penalty is how long a target without health checks is avoided after a failure.
const penalty = 30 * time.Second

// note takes the result of an OPTIONS, or of a call when sure is set, and reports whether the target's state is another than
// was last told.
func (t *Trunk) note(k key, alive, sure bool, pause time.Duration) (target Target, changed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.ends[k]
	if e == nil {
		return Target{}, false
	}
	if alive {
		e.oks, e.fails = e.oks+1, 0
		if sure {
			e.until = time.Time{}
		}
		if sure || e.oks >= t.cfg.Health.UpAfter {
			e.up = true
		}
	} else {
		e.fails, e.oks = e.fails+1, 0
		if sure || e.fails >= t.cfg.Health.DownAfter {
			e.up = false
		}
		if sure && pause == 0 && t.cfg.Health.Off {
			pause = penalty
		}
		if pause > 0 {
			e.until = t.now().Add(pause)
		}
	}
	target = e.target
	target.Up = t.isUp(e)
	changed = target.Up != e.told
	e.told = target.Up
	return target, changed
}
