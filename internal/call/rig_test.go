package call

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"cagri/internal/directory"
	"cagri/internal/ivr"
	"cagri/internal/journal"
	"cagri/internal/media"
	"cagri/internal/media/tone"
	"cagri/internal/prompt"
	"cagri/internal/sip"
	"cagri/internal/sip/digest"
	"cagri/internal/sip/guard"
	"cagri/internal/sip/registrar"
	"cagri/internal/sip/trunk"
	"cagri/internal/store"
	"cagri/internal/verify"
	"cagri/internal/workforce"
)

const (
	phoneIP   = "127.0.0.1"
	carrierIP = "127.0.0.2"
	// patience is how long a test waits for something that must come. Only a failing
	// test ever waits so long.
	patience = 30 * time.Second
)

// teller is what testing.T and rapid.T have in common.
type teller interface {
	Helper()
	Logf(string, ...any)
	Errorf(string, ...any)
	Fatalf(string, ...any)
}

// plan is how a rig is made.
type plan struct {
	Agents    int
	Queues    []directory.Queue // default: one named "general"
	MaxCalls  int
	Silence   time.Duration // default one hour
	T1        time.Duration // default 50 ms
	Probe     time.Duration // of held calls; default one hour
	Sky       weather       // between people and server
	Flow      string        // of the first queue; default: flowText
	House     House
	Live      *workforce.Ledger
	Home      string      // address of the telephone that calls out by the carrier reach; empty: no calls out
	Promises  []Promise   // of an earlier run
	Returning []Returning // of an earlier run
	Seed      uint64
}

// rig is a whole exchange on loopback: real SIP, sound, journal and database; and
// people who call it.
type rig struct {
	t     teller
	plan  plan
	dir   string
	log   *slog.Logger
	x     *Exchange
	ua    *sip.UA
	plane *media.Plane
	j     *journal.Journal
	tap   *tap
	store *store.Store
	proj  *store.Projector

	folk    *media.Plane // the people's sound
	callers *sip.UA
	line    *wire // the callers'
	phones  []*phone
	closed  bool
}

// flows: a notice, then the queue; each way out has its reason.
const flowText = `
flow: %[1]s
language: az
start: notice
nodes:
  notice: {notice: [notice.recorded], next: queue}
  queue: {queue: %[1]s, no_agents: nobody, timed_out: late, closed: shut}
  nobody: {end: no_agents, reason: no_agents}
  late: {end: queue.timed_out, reason: timed_out}
  shut: {end: closed, reason: closed}
`

// Pitches of what callers hear, to tell them apart.
const (
	pitchNotice  = 1000
	pitchMusic   = 600
	pitchApology = 1400
	pitchPrompt  = 800
)

// sounds replaces the voice by beeps: the notice and everything else last a tenth
// of a second, so that a test needs no patience.
func sounds() (*prompt.Library, error) {
	lib, err := prompt.Embedded()
	if err != nil {
		return nil, err
	}
	own := fstest.MapFS{"music.al": {Data: tone.Sine(pitchMusic, time.Second, 0.3)}}
	for _, id := range lib.IDs() {
		pitch := float64(pitchPrompt)
		d := 100 * time.Millisecond
		switch id {
		case "notice.recorded":
			pitch = pitchNotice
		case "queue.apology":
			pitch, d = pitchApology, 400*time.Millisecond
		}
		own["az/"+id+".al"] = &fstest.MapFile{Data: tone.Sine(pitch, d, 0.3)}
	}
	return lib, lib.Override(own)
}

func agentName(i int) string { return fmt.Sprintf("%d", 101+i) }

func newRig(t teller, p plan) *rig {
	t.Helper()
	if p.T1 == 0 {
		p.T1 = 50 * time.Millisecond
	}
	if p.Silence == 0 {
		p.Silence = time.Hour
	}
	if p.Probe == 0 {
		p.Probe = time.Hour
	}
	if len(p.Queues) == 0 {
		p.Queues = []directory.Queue{{ID: "general", Ring: 10 * time.Second, SetAside: time.Second}}
	}
	r := &rig{t: t, plan: p, log: slog.New(slog.DiscardHandler)}
	if os.Getenv("CAGRI_TEST_LOG") != "" {
		r.log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	if err := r.start(); err != nil {
		r.close()
		t.Fatalf("the rig does not start: %v", err)
	}
	return r
}

// rigFor is newRig for one test, with the checks at its end.
func rigFor(t *testing.T, p plan) *rig {
	t.Helper()
	r := newRig(t, p)
	t.Cleanup(r.finish)
	return r
}

func (r *rig) start() (err error) {
	if r.dir, err = os.MkdirTemp("", "call-test-"); err != nil {
		return err
	}
	lib, err := sounds()
	if err != nil {
		return err
	}
	dir := &directory.Directory{Bodies: []directory.Body{{ID: "b", Name: "Body"}}}
	flows := map[string]*ivr.Flow{}
	for i, q := range r.plan.Queues {
		q.Body, q.Name = "b", q.ID
		dir.Queues = append(dir.Queues, q)
		dir.Numbers = append(dir.Numbers, directory.Number{Dial: r.number(i), Body: "b", Flow: q.ID})
		text := fmt.Appendf(nil, flowText, q.ID)
		if i == 0 && r.plan.Flow != "" {
			text = []byte(r.plan.Flow)
		}
		if flows[q.ID], err = ivr.Load(q.ID, text, ivr.Limits{Has: lib.Has, Duration: lib.Duration}); err != nil {
			return err
		}
	}
	for i := range r.plan.Agents {
		a := directory.Agent{ID: "agent" + agentName(i), Name: "Agent", Body: "b", Phone: agentName(i)}
		for _, q := range dir.Queues {
			a.Queues = append(a.Queues, q.ID)
		}
		dir.Agents = append(dir.Agents, a)
		dir.Phones = append(dir.Phones, directory.Phone{User: a.Phone, Password: "pw" + a.Phone})
	}
	if r.j, err = journal.Open(journal.Config{Dir: filepath.Join(r.dir, "journal")}, r.log); err != nil {
		return err
	}
	if r.store, err = store.Open(context.Background(), store.Config{Driver: "sqlite", DSN: filepath.Join(r.dir, "db")}); err != nil {
		return err
	}
	r.tap = newTap(r.j)
	r.proj = store.NewProjector(r.j, r.store, func(what string, err error) { r.t.Logf("alarm %s: %v", what, err) }, r.log)
	if err = r.proj.Start(context.Background()); err != nil {
		return err
	}
	local := netip.MustParseAddr("127.0.0.1")
	for _, p := range []struct {
		plane   **media.Plane
		min     uint16
		silence time.Duration
	}{{&r.plane, 20000, r.plan.Silence}, {&r.folk, 10000, time.Hour}} {
		// The people's ports are below those that the system gives to anybody.
		if *p.plane, err = media.New(media.Config{
			BindIP: local, PortMin: p.min, PortMax: p.min + 9999, Silence: p.silence, Pollers: 1, Wheels: 1, Quarantine: time.Second,
		}, r.log); err != nil {
			return err
		}
		if err = (*p.plane).Start(context.Background()); err != nil {
			return err
		}
	}
	var out, targets []string
	if r.plan.Home != "" {
		out, targets = []string{"carrier"}, []string{r.plan.Home}
	}
	if r.x, err = New(Config{
		Directory: dir, Flows: flows, Prompts: lib, MaxCalls: r.plan.MaxCalls, RetryAfter: 7 * time.Second,
		RecordDir: filepath.Join(r.dir, "recordings"), Version: "test", House: r.plan.House, Live: r.plan.Live, Promises: r.plan.Promises, Returning: r.plan.Returning, TrunksOut: out, OutsideAllow: []string{"0"}, OutsideCalls: 2,
	}, r.plane, r.tap, r.log); err != nil {
		return err
	}
	free := guard.Unlimited()
	limits := guard.Limits{
		Phones: []netip.Prefix{netip.MustParsePrefix(phoneIP + "/32")}, AllPhones: free,
		Trunk: guard.Rates{Invite: free, Register: free, Options: free, Other: free, InCall: free},
	}
	limits.Phone = limits.Trunk
	if r.ua, err = sip.New(sip.Config{
		Listen: []sip.Listen{{Network: "udp", Addr: "127.0.0.1:0"}}, T1: r.plan.T1, T2: 8 * r.plan.T1, Realm: "test", Limits: limits,
		Trunks: []trunk.Config{{Name: "carrier", Sources: []string{carrierIP + "/32"}, Targets: targets, Health: trunk.Health{Off: true}, Numbers: asIs}},
		Accounts: func(user string) (registrar.Account, bool) {
			for _, p := range dir.Phones {
				if p.User == user {
					return registrar.Account{User: user, Secret: digest.Secret{Password: p.Password}}, true
				}
			}
			return registrar.Account{}, false
		},
	}, r.x, r.log); err != nil {
		return err
	}
	r.x.cfg.HoldProbe = r.plan.Probe
	if err = r.x.Start(context.Background(), r.ua); err != nil {
		return err
	}
	if err = r.ua.Start(context.Background()); err != nil {
		return err
	}
	return r.people()
}

var asIs = trunk.Numbers{Format: trunk.FormatAsIs}

// number is what is dialled for the i-th queue.
func (r *rig) number(i int) string { return fmt.Sprintf("%d", 1080+i) }

func (r *rig) server() netip.AddrPort { return netip.MustParseAddrPort(r.ua.Addrs()[0].Addr) }

// people starts the callers' user agent and one for each phone, which registers.
func (r *rig) people() (err error) {
	if r.line, err = newWire(carrierIP, r.server(), r.plan.Sky, r.plan.Seed); err != nil {
		return err
	}
	if r.callers, err = sip.New(sip.Config{
		Listen: []sip.Listen{{Network: "udp", Addr: carrierIP + ":0"}}, T1: r.plan.T1, T2: 8 * r.plan.T1,
		Trunks: []trunk.Config{{Name: "server", Targets: []string{r.line.addr()}, Health: trunk.Health{Off: true}, Numbers: asIs}},
	}, nobody{}, r.log); err != nil {
		return err
	}
	if err = r.callers.Start(context.Background()); err != nil {
		return err
	}
	r.line.start(r.callers.Addrs()[0].Addr)
	for i := range r.plan.Agents {
		p, err := newPhone(r, agentName(i), r.plan.Seed+uint64(i)+1)
		if err != nil {
			return err
		}
		r.phones = append(r.phones, p)
	}
	for _, p := range r.phones {
		r.await("phone "+p.user+" registers", func() bool { return len(r.ua.Contacts(p.user)) > 0 })
	}
	return nil
}

// nobody is the handler of the callers' user agent: nobody calls them.
type nobody struct{}

func (nobody) Invite(d *sip.Dialog, _ sip.Incoming) {
	d.SetSink(func(sip.Event) {})
	_ = d.Reject(404, "", 0)
}
func (nobody) PhoneChanged(string, bool) {}
func (nobody) Alarm(string, error)       {}

// await waits until f is true.
func (r *rig) await(what string, f func() bool) {
	r.t.Helper()
	for end := time.Now().Add(patience); !f(); time.Sleep(4 * time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatalf("never: %s\n%s", what, r.picture())
		}
	}
}

// picture tells what lives, for a failing test.
func (r *rig) picture() string {
	var b strings.Builder
	if r.x == nil || r.x.ua == nil {
		return ""
	}
	for _, c := range r.x.Board().Calls {
		fmt.Fprintf(&b, "call %s %s from %s agent %s since %v\n", c.ID, c.State, c.Calling, c.Agent, time.Since(c.Since).Round(time.Millisecond))
		b.WriteString(r.tap.story(c.ID))
	}
	for _, a := range r.x.Agents() {
		fmt.Fprintf(&b, "%s %s %s call %s\n", a.ID, a.State, a.Reason, a.Call)
	}
	return b.String()
}

// agent is the router's view of the i-th agent.
func (r *rig) agent(i int) AgentView {
	for _, a := range r.x.Agents() {
		if a.Phone == agentName(i) {
			return a
		}
	}
	return AgentView{}
}

func (r *rig) do(i int, action AgentAction) {
	r.t.Helper()
	if err := r.x.AgentDo("agent"+agentName(i), action, ""); err != nil {
		r.t.Errorf("%s of agent %d: %v", action, i, err)
	}
}

// signIn signs the agents in and waits until they are ready.
func (r *rig) signIn(agents ...int) {
	r.t.Helper()
	for _, i := range agents {
		r.do(i, SignIn)
		r.await(fmt.Sprintf("agent %d ready", i), func() bool { return r.agent(i).State == "ready" })
	}
}

// quiet waits until no call, dialog, leg, bridge or recording is left, and says
// what is.
func (r *rig) quiet() {
	r.t.Helper()
	r.await("all calls over", func() bool { n, _, _ := r.x.Counts(); return n == 0 })
	r.await("all offers and talks over at the router", func() bool {
		for _, a := range r.x.Agents() {
			if a.State == "offered" || a.State == "talking" || a.State == "wrap_up" {
				return false
			}
		}
		for _, c := range r.x.Board().Routing.Calls {
			if !c.Callback || c.State == "ringing" || c.State == "talking" { // promises may wait for agents who are gone
				return false
			}
		}
		return true
	})
	r.await("all dialogs over", func() bool { return r.ua.Stats().Dialogs == 0 })
	r.await("all parties forgotten", func() bool {
		r.x.mu.Lock()
		defer r.x.mu.Unlock()
		return len(r.x.parties) == 0
	})
	if s := r.plane.Stats(); s.Legs != 0 || s.Record.Open != 0 {
		r.t.Errorf("after the last call: %d legs and %d recordings are open", s.Legs, s.Record.Open)
	}
}

// prove has the journal verified.
func (r *rig) prove() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := r.j.Flush(ctx); err != nil {
		r.t.Errorf("journal: %v", err)
		return
	}
	rep, err := verify.Run(ctx, r.j, r.store, verify.Options{RecordDir: filepath.Join(r.dir, "recordings"), Files: true})
	if err != nil {
		r.t.Errorf("verify: %v", err)
		return
	}
	if !rep.OK() {
		r.t.Errorf("%s", rep.Text())
	}
}

// finish ends everybody's calls and checks what must hold after them.
func (r *rig) finish() {
	r.t.Helper()
	if r.closed {
		return
	}
	defer r.close()
	for _, p := range r.phones {
		p.hangUpAll()
	}
	r.quiet()
	r.prove()
	for _, wrong := range r.tap.wrongs() {
		r.t.Errorf("%s", wrong)
	}
}

// close stops everything, whatever state it is in.
func (r *rig) close() {
	if r.closed {
		return
	}
	r.closed = true
	for _, p := range r.phones {
		p.stop()
	}
	if r.callers != nil {
		r.callers.Stop()
	}
	if r.line != nil {
		r.line.stop()
	}
	if r.x != nil && r.x.ua != nil {
		r.x.Stop()
	}
	if r.ua != nil {
		r.ua.Stop()
	}
	for _, p := range []*media.Plane{r.plane, r.folk} {
		if p != nil {
			p.Stop()
		}
	}
	if r.proj != nil {
		r.proj.Stop()
	}
	if r.store != nil {
		_ = r.store.Close()
	}
	if r.j != nil {
		r.j.Stop()
	}
	_ = os.RemoveAll(r.dir)
}

// leftover lists goroutines of ours that still run.
func leftover() []string {
	buf := make([]byte, 8<<20)
	buf = buf[:runtime.Stack(buf, true)]
	var out []string
	for _, g := range bytes.Split(buf, []byte("\n\n")) {
		if bytes.Contains(g, []byte("cagri/internal/")) && !bytes.Contains(g, []byte("call.leftover")) {
			out = append(out, string(g))
		}
	}
	return out
}
