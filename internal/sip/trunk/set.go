package trunk

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"cagri/internal/sip/digest"
)

// Options are what a Set needs of its surroundings. All but Requester have a default.
type Options struct {
	Requester Requester        // nil: no OPTIONS, no REGISTER
	Resolver  Resolver         // default net.DefaultResolver
	Now       func() time.Time // default time.Now
	Random    func() float64   // in [0,1), safe for concurrent use; default math/rand/v2
	Log       *slog.Logger     // default: nothing
	// Observe hears of changes. It is called from the set's goroutines and from MarkFailed and MarkOK, without locks held, and must
	// not block.
	Observe func(Event)
	// ResolveEvery is how often names are looked up anew (default 1 min; net.Resolver does not tell the TTL).
	ResolveEvery time.Duration
}

// EventKind says what happened.
type EventKind uint8

// The kinds of events.
const (
	TargetDown         EventKind = iota + 1 // Target, Err
	TargetUp                                // Target
	Registered                              // Target
	RegistrationFailed                      // Err; told at the first failure of a row and when it turns out that the password is wrong
	ResolveFailed                           // Err; the addresses known before are kept
	NetworksChanged                         // Networks() gives another list now
)

// Event is one change worth an alarm or an end of alarm.
type Event struct {
	Kind   EventKind
	Trunk  string
	Target Target
	Err    error
}

// Set is all trunks of the system. Its list never changes after NewSet. Safe for concurrent use.
type Set struct {
	list   []*Trunk // in the order of the configuration
	byName map[string]*Trunk
	opt    Options

	mu     sync.Mutex // guards everything below
	cancel context.CancelFunc
	done   sync.WaitGroup // Add only before Stop waits
}

// NewSet checks all configurations and reports everything that is wrong with any of them, naming trunk and field.
func NewSet(configs []Config, opt Options) (*Set, error) {
	if opt.Resolver == nil {
		opt.Resolver = net.DefaultResolver
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Random == nil {
		opt.Random = rand.Float64
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Observe == nil {
		opt.Observe = func(Event) {}
	}
	if opt.ResolveEvery <= 0 {
		opt.ResolveEvery = time.Minute
	}
	s := &Set{byName: make(map[string]*Trunk, len(configs)), opt: opt}
	var errs []error
	for i, c := range configs {
		t, err := newTrunk(c, i, opt.Now)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if s.byName[c.Name] != nil {
			errs = append(errs, c.problem("name", "another trunk has the same name"))
			continue
		}
		for _, o := range s.list {
			errs = append(errs, clash(t, o)...)
		}
		s.list = append(s.list, t)
		s.byName[c.Name] = t
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return s, nil
}

// clash reports what would make a call match two trunks. The same network is allowed to two accounts with one carrier, which the
// Request-URI tells apart (see Match).
func clash(t, o *Trunk) (errs []error) {
	if a, b := t.cfg.Login, o.cfg.Login; a != nil && b != nil && a.User == b.User {
		errs = append(errs, t.cfg.problem("login.user", "%q is also the login of trunk %q", a.User, o.cfg.Name))
	}
	if t.contact() != "" && o.contact() != "" && t.contact() != o.contact() {
		return errs
	}
	for _, p := range t.sources {
		if slices.Contains(o.sources, p) {
			errs = append(errs, t.cfg.problem("sources", "%v also belongs to trunk %q", p, o.cfg.Name))
		}
	}
	return errs
}

func (t *Trunk) contact() string {
	if t.cfg.Registration == nil {
		return ""
	}
	return t.cfg.Registration.Contact
}

// Trunk returns a trunk by name.
func (s *Set) Trunk(name string) (*Trunk, bool) {
	t, ok := s.byName[name]
	return t, ok
}

// All returns the trunks in the order of the configuration.
func (s *Set) All() []*Trunk { return slices.Clone(s.list) }

// Match finds whose call comes from src. Of several trunks the one with the longest matching network wins; among equals the one
// whose registered contact is requestUser (the user part of the Request-URI), then the first configured. If the trunk NeedsLogin,
// the call has to be challenged before it is let in.
func (s *Set) Match(src netip.Addr, requestUser string) (*Trunk, bool) {
	src = src.Unmap().WithZone("")
	var best *Trunk
	bestBits := -1
	for _, t := range s.list {
		bits := t.allows(src)
		better := bits > bestBits || bits == bestBits && bits >= 0 && requestUser != "" && t.contact() == requestUser && best.contact() != requestUser
		if better {
			best, bestBits = t, bits
		}
	}
	return best, best != nil
}

// MatchLogin finds the trunk of a login that was checked, provided that the call comes from where that trunk may call from.
func (s *Set) MatchLogin(user string, src netip.Addr) (*Trunk, bool) {
	src = src.Unmap().WithZone("")
	for _, t := range s.list {
		if l := t.cfg.Login; l != nil && l.User == user {
			return t, len(t.sources) == 0 && !t.cfg.AcceptFromTargets || t.allows(src) >= 0
		}
	}
	return nil, false
}

// Login returns the secret of a trunk's inbound login, for digest.Server.Check.
func (s *Set) Login(user string) (digest.Secret, bool) {
	for _, t := range s.list {
		if l := t.cfg.Login; l != nil && l.User == user {
			return l.Secret, true
		}
	}
	return digest.Secret{}, false
}

// TakesStrangers says whether some trunk may call in from anywhere with a login, so that unknown sources must be challenged
// instead of refused.
func (s *Set) TakesStrangers() bool {
	return slices.ContainsFunc(s.list, func(t *Trunk) bool {
		return t.cfg.Login != nil && len(t.sources) == 0 && !t.cfg.AcceptFromTargets
	})
}

// Networks returns where carriers speak from, for guard.Limits.Trunks: all sources, and the addresses of all targets, which answer
// our requests even where they may not call in.
func (s *Set) Networks() []netip.Prefix {
	var out []netip.Prefix
	for _, t := range s.list {
		out = append(out, t.sources...)
		t.mu.Lock()
		for k := range t.ends {
			out = append(out, netip.PrefixFrom(k.addr.Addr(), k.addr.Addr().BitLen()))
		}
		t.mu.Unlock()
	}
	slices.SortFunc(out, func(a, b netip.Prefix) int {
		if c := a.Addr().Compare(b.Addr()); c != 0 {
			return c
		}
		return a.Bits() - b.Bits()
	})
	return slices.Compact(out)
}

// Targets returns where a call through the trunk may be sent, best first: those that are up before those that are down, by
// configuration and SRV within. Each call draws the SRV lots anew. It is empty for an unknown trunk, for one without targets, and
// while no name could be resolved yet.
func (s *Set) Targets(name string) []Target {
	t, ok := s.byName[name]
	if !ok {
		return nil
	}
	return t.targets(s.opt.Random)
}

// MarkFailed notes that a request to a target failed for a reason that lies with the target (no answer, no connection, 503). It is
// down at once: for pause (a 503's Retry-After), and until OPTIONS says otherwise; without health checks for pause or 30 s.
func (s *Set) MarkFailed(target Target, pause time.Duration, why string) {
	s.note(target, false, true, min(max(pause, 0), time.Hour), why)
}

// MarkOK notes that a target answered a call. It is up at once.
func (s *Set) MarkOK(target Target) { s.note(target, true, true, 0, "") }

func (s *Set) note(target Target, alive, sure bool, pause time.Duration, why string) {
	t, ok := s.byName[target.Trunk]
	if !ok {
		return
	}
	now, changed := t.note(target.key(), alive, sure, pause)
	switch {
	case !changed:
	case now.Up:
		s.opt.Log.Info("trunk target is up", "trunk", now.Trunk, "target", now.Addr, "transport", now.Transport)
		s.opt.Observe(Event{Kind: TargetUp, Trunk: now.Trunk, Target: now})
	default:
		s.opt.Log.Warn("trunk target is down", "trunk", now.Trunk, "target", now.Addr, "transport", now.Transport, "why", why)
		s.opt.Observe(Event{Kind: TargetDown, Trunk: now.Trunk, Target: now, Err: errors.New(why)})
	}
}
