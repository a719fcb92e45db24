package sip

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"cagri/internal/sip/digest"
	"cagri/internal/sip/guard"
	"cagri/internal/sip/registrar"
	"cagri/internal/sip/trunk"
)

// UA is the user agent. New, Start, Stop; a stopped one is not started again.
type UA struct {
	cfg     Config
	handler Handler
	log     *slog.Logger
	agent   string
	idHost  string // right side of Call-IDs: says nothing about the machine
	t1, t2  time.Duration

	sessionExpires, minSE time.Duration
	serverTLS, clientTLS  *tls.Config

	parser    *gosip.Parser // read only
	guard     *guard.Guard
	registrar *registrar.Registrar
	digest    *digest.Server
	trunks    *trunk.Set
	accounts  map[string]*digest.Session // our logins at carriers, by trunk; read only
	names     names
	peers     peerSet
	streams   streamTable
	counts    counts

	listeners []*listener // fixed at Start
	cancel    context.CancelFunc
	ctx       context.Context
	tasks     sync.WaitGroup // listeners, sweeper, look-ups
	streamsUp sync.WaitGroup // readers and writers
	sinks     sync.WaitGroup // deliveries to sinks
	stopOnce  sync.Once

	txMu      sync.Mutex // guards the four below
	serverTxs map[string]*serverTx
	clientTxs map[string]*clientTx
	merged    map[string]*serverTx
	stopped   bool

	legMu   sync.RWMutex // guards the three below
	legs    map[string]*leg
	dialogs map[*Dialog]struct{}
	running bool

	localMu sync.Mutex                // guards the two below
	locals  map[netip.Addr]netip.Addr // our address towards a peer's
	large   map[netip.Addr]bool       // peers about whose long messages was told
}

// counts are counters since the start.
type counts struct {
	malformed, requests, responses, strays atomic.Uint64
}

// Stats are counters and gauges for metrics and tests.
type Stats struct {
	Dialogs, ServerTransactions, ClientTransactions, Streams int
	Requests, Responses, Malformed, Strays                   uint64 // received; strays are responses nobody waits for
	PhoneUsers, PhoneContacts                                int
	Guard                                                    guard.Stats
}

// New checks the configuration and makes a user agent. Nothing is opened before Start.
func New(cfg Config, h Handler, log *slog.Logger) (*UA, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if h == nil {
		return nil, errors.New("sip: a Handler is needed")
	}
	orDuration := func(v, d time.Duration) time.Duration {
		if v == 0 {
			return d
		}
		return v
	}
	u := &UA{
		cfg: cfg, handler: h, log: log, agent: cfg.UserAgent, idHost: "cagri.invalid",
		t1: orDuration(cfg.T1, 500*time.Millisecond), t2: orDuration(cfg.T2, 4*time.Second),
		sessionExpires: orDuration(cfg.SessionExpires, 30*time.Minute), minSE: orDuration(cfg.MinSE, 90*time.Second),
		parser: newParser(), serverTxs: map[string]*serverTx{}, clientTxs: map[string]*clientTx{}, merged: map[string]*serverTx{},
		legs: map[string]*leg{}, dialogs: map[*Dialog]struct{}{}, accounts: map[string]*digest.Session{},
		locals: map[netip.Addr]netip.Addr{}, large: map[netip.Addr]bool{},
	}
	u.peers.n = map[netip.Addr]int{}
	u.streams.byPeer, u.streams.perIP = map[streamKey]*stream{}, map[netip.Addr]int{}
	if u.agent = line(u.agent); u.agent == "" {
		u.agent = "Cagri"
	}
	if u.t1 < 0 || u.t2 < u.t1 {
		return nil, fmt.Errorf("sip: T1 %v and T2 %v: T1 must be above zero and T2 not below it", u.t1, u.t2)
	}
	if len(cfg.Listen) == 0 {
		return nil, errors.New("sip: at least one address to listen on is needed")
	}
	for _, l := range cfg.Listen {
		switch l.Network {
		case "udp", "tcp":
		case "tls":
			if cfg.TLS == nil || len(cfg.TLS.Certificates) == 0 && cfg.TLS.GetCertificate == nil && cfg.TLS.GetConfigForClient == nil {
				return nil, fmt.Errorf("sip: listening on tls %s needs a certificate in TLS", l.Addr)
			}
		default:
			return nil, fmt.Errorf("sip: network %q of %s is not udp, tcp or tls", l.Network, l.Addr)
		}
	}
	if err := errors.Join(cfg.Limits.Validate(), cfg.Registrar.Validate()); err != nil {
		return nil, err
	}
	u.serverTLS, u.clientTLS = &tls.Config{MinVersion: tls.VersionTLS12}, &tls.Config{MinVersion: tls.VersionTLS12}
	if cfg.TLS != nil {
		u.serverTLS = cfg.TLS.Clone()
		u.clientTLS = cfg.TLS.Clone()
		for _, c := range []*tls.Config{u.serverTLS, u.clientTLS} {
			c.MinVersion = max(c.MinVersion, tls.VersionTLS12)
		}
	}
	set, err := trunk.NewSet(cfg.Trunks, trunk.Options{Requester: requester{u}, Log: log, Observe: u.observe})
	if err != nil {
		return nil, err
	}
	u.trunks = set
	for _, t := range set.All() {
		if r := t.Config().Registration; r != nil {
			u.accounts[t.Name()] = digest.NewSession(r.AuthUser, r.Password)
		}
	}
	limits := cfg.Limits
	limits.Trunks = append(slices.Clone(limits.Trunks), set.Networks()...)
	u.guard = guard.New(limits, nil)
	u.registrar = registrar.New(cfg.Registrar, time.Now, h.PhoneChanged)
	realm := cfg.Realm
	if realm == "" {
		realm = cfg.AdvertiseHost
	}
	if realm == "" {
		realm = "cagri"
	}
	key := make([]byte, 32)
	rand.Read(key) //nolint:errcheck // crypto/rand.Read never fails since Go 1.24: it ends the program instead
	var hosts []string
	if cfg.AdvertiseHost != "" {
		hosts = append(hosts, cfg.AdvertiseHost)
	}
	options := []digest.Option{digest.WithHosts(hosts...)}
	if len(cfg.Digest) > 0 {
		options = append(options, digest.WithAlgorithms(cfg.Digest...))
	}
	u.digest = digest.NewServer(realm, key, time.Now, options...)
	return u, nil
}

// Start opens all listeners; if one cannot be opened, none is. Everything started here ends with Stop or with ctx.
func (u *UA) Start(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	if err := u.open(ctx, cancel); err != nil {
		cancel()
		return err
	}
	if err := u.trunks.Start(ctx); err != nil {
		u.Stop()
		return err
	}
	context.AfterFunc(ctx, u.Stop)
	return nil
}

func (u *UA) open(ctx context.Context, cancel context.CancelFunc) error {
	u.legMu.Lock()
	defer u.legMu.Unlock()
	if u.cancel != nil {
		return errors.New("sip: started twice")
	}
	for _, l := range u.cfg.Listen {
		o := &listener{ua: u, network: l.Network, want: l.Addr}
		if err := o.open(ctx); err != nil {
			for _, o := range u.listeners {
				o.close()
			}
			u.listeners = nil
			return fmt.Errorf("sip: listen on %s %s: %w", l.Network, l.Addr, err)
		}
		u.listeners = append(u.listeners, o)
	}
	u.ctx, u.cancel, u.running = ctx, cancel, true
	for _, l := range u.listeners {
		u.tasks.Go(func() { l.run(ctx) })
	}
	u.tasks.Go(func() { u.sweep(ctx) })
	return nil
}

// Stop hangs up what is left, takes our registrations back, closes everything and waits for it. It may be called twice and on a
// user agent that never started; not from within a sink or a Handler method.
func (u *UA) Stop() {
	u.stopOnce.Do(u.stop)
}

func (u *UA) stop() {
	u.legMu.Lock()
	if u.cancel == nil {
		u.legMu.Unlock()
		return
	}
	u.running = false
	open := slices.Collect(maps.Keys(u.dialogs))
	u.legMu.Unlock()
	for _, d := range open {
		_ = d.End(Reason{Protocol: "Q.850", Code: 38, Text: "Server is stopping"})
	}
	if len(open) > 0 {
		// Peers that are alive answer BYE within a round trip; nobody waits for the others.
		for end := time.Now().Add(min(2*u.t1, time.Second)); time.Now().Before(end) && u.Stats().Dialogs > 0; {
			time.Sleep(5 * time.Millisecond)
		}
	}
	u.trunks.Stop()
	u.cancel()
	for _, l := range u.listeners {
		l.close()
	}
	u.txMu.Lock()
	u.stopped = true
	clients, servers := slices.Collect(maps.Values(u.clientTxs)), slices.Collect(maps.Values(u.serverTxs))
	u.txMu.Unlock()
	for _, s := range u.streams.shut() {
		s.close(ErrStopped)
	}
	for _, tx := range clients {
		tx.fail(errTransport)
		tx.close()
	}
	for _, tx := range servers {
		tx.close()
	}
	u.legMu.RLock()
	open = slices.Collect(maps.Keys(u.dialogs))
	u.legMu.RUnlock()
	for _, d := range open {
		d.mu.Lock()
		d.tell(Ended{By: Local, Code: 38, Reason: "Server is stopping"})
		d.state = over
		d.retire()
		d.mu.Unlock()
	}
	u.tasks.Wait()
	u.streamsUp.Wait()
	u.sinks.Wait()
}

// Addrs returns where the user agent listens, with real ports, in the order of Config.Listen.
func (u *UA) Addrs() []Listen {
	u.legMu.RLock()
	defer u.legMu.RUnlock()
	out := make([]Listen, 0, len(u.listeners))
	for _, l := range u.listeners {
		out = append(out, Listen{Network: l.network, Addr: l.bound.String()})
	}
	return out
}

// Stats returns counters and gauges.
func (u *UA) Stats() Stats {
	s := Stats{
		Requests: u.counts.requests.Load(), Responses: u.counts.responses.Load(), Malformed: u.counts.malformed.Load(),
		Strays: u.counts.strays.Load(), Guard: u.guard.Stats(),
	}
	s.PhoneUsers, s.PhoneContacts = u.registrar.Size()
	u.legMu.RLock()
	s.Dialogs = len(u.dialogs)
	u.legMu.RUnlock()
	u.txMu.Lock()
	s.ServerTransactions, s.ClientTransactions = len(u.serverTxs), len(u.clientTxs)
	u.txMu.Unlock()
	u.streams.mu.Lock()
	s.Streams = len(u.streams.byPeer)
	u.streams.mu.Unlock()
	return s
}

// Trunks gives read access to the carriers: their state and rules.
func (u *UA) Trunks() *trunk.Set { return u.trunks }

// Contacts returns where a phone user is registered, for boards and the API.
func (u *UA) Contacts(user string) []registrar.Contact { return u.registrar.Contacts(user) }

func (u *UA) alarm(what string, err error) {
	u.log.Warn(what, "err", err)
	u.handler.Alarm(what, err)
}

// scaled turns a wait that an RFC gives in seconds into one for our T1.
func (u *UA) scaled(d time.Duration) time.Duration {
	return time.Duration(float64(d) * float64(u.t1) / float64(500*time.Millisecond))
}

// FindReplaces returns the dialog that a Replaces header names, nil when there is none or (EarlyOnly) it is answered already.
func (u *UA) FindReplaces(r Replaces) *Dialog {
	g := u.findLeg(r.CallID, r.ToTag, r.FromTag)
	if g == nil {
		return nil
	}
	d := g.d
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.state == over || d.told || r.EarlyOnly && d.state != early {
		return nil
	}
	return d
}

// replaceable says why a Replaces of an INVITE cannot be carried out (RFC 3891 section 3), as a status code; 0: it can.
func (u *UA) replaceable(r Replaces) int {
	g := u.findLeg(r.CallID, r.ToTag, r.FromTag)
	if g == nil {
		return 481
	}
	d := g.d
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.state == over || d.told:
		return 603
	case d.state == early && !d.uac: // only the caller can be replaced before the answer
		return 481
	case d.state != early && r.EarlyOnly:
		return 486
	}
	return 0
}

func (u *UA) findLeg(callID, localTag, remoteTag string) *leg {
	u.legMu.RLock()
	defer u.legMu.RUnlock()
	return u.legs[legKey(callID, localTag, remoteTag)]
}
