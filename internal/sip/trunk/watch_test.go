package trunk

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cagri/internal/sip/digest"
)

var one, two = netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")

// record collects events.
type record struct {
	mu   sync.Mutex // guards list
	list []Event
}

func (r *record) observe(e Event) {
	r.mu.Lock()
	r.list = append(r.list, e)
	r.mu.Unlock()
}

func (r *record) take() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for _, e := range r.list {
		name := map[EventKind]string{TargetDown: "down", TargetUp: "up", Registered: "registered", RegistrationFailed: "failed", ResolveFailed: "unresolved", NetworksChanged: "networks"}[e.Kind]
		if e.Target.Addr.IsValid() {
			name += " " + e.Target.Addr.Addr().String()
		}
		out = append(out, name)
	}
	r.list = nil
	return strings.Join(out, ", ")
}

func account() *Registration {
	return &Registration{Domain: "carrier.az", User: "994125551234", AuthUser: "auth-user", Password: "right", Contact: "line", Expires: 10 * time.Minute, Retry: 4 * time.Second, RetryMax: time.Minute}
}

// bubble runs f with a started set of one trunk in fake time.
func bubble(t *testing.T, c Config, opt Options, f func(t *testing.T, s *Set, rec *record)) {
	synctest.Test(t, func(t *testing.T) {
		rec := &record{}
		opt.Observe, opt.Random = rec.observe, half
		c.Name = "t"
		s, err := NewSet([]Config{c}, opt)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Start(context.Background()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		f(t, s, rec)
		s.Stop()
	})
}

func after(d time.Duration) {
	time.Sleep(d) // fake time: this does not wait
	synctest.Wait()
}

func TestHealth(t *testing.T) {
	car := newCarrier()
	cfg := Config{Targets: []string{"192.0.2.1", "192.0.2.2"}, Health: Health{Interval: 10 * time.Second, Timeout: time.Second, DownAfter: 3, UpAfter: 2}}
	bubble(t, cfg, Options{Requester: car}, func(t *testing.T, s *Set, rec *record) {
		state := func(want string) {
			t.Helper()
			if got := fmt.Sprint(s.Targets("t")[0].Addr.Addr(), s.Targets("t")[1].Up); got != want {
				t.Errorf("first and second's state: %s, expected %s", got, want)
			}
		}
		state("192.0.2.1 true")
		m := car.take()[0].m
		if m.Method != "OPTIONS" || m.RequestURI != "sip:"+m.Target.Addr.Addr().String() || m.Expires != NoExpires || m.CallID == "" || m.AuthName != "" {
			t.Errorf("%+v", m)
		}
		car.set(func() { car.dead[one] = true })
		after(22 * time.Second) // two failures
		state("192.0.2.1 true")
		after(12 * time.Second)
		state("192.0.2.2 false")
		if got := rec.take(); got != "down 192.0.2.1" {
			t.Errorf("told: %s", got)
		}
		car.set(func() { car.dead[one] = false })
		after(12 * time.Second)
		state("192.0.2.2 false")
		after(10 * time.Second)
		state("192.0.2.1 true")
		if got := rec.take(); got != "up 192.0.2.1" {
			t.Errorf("told: %s", got)
		}

		// A call that fails is enough; OPTIONS brings the target back.
		s.MarkFailed(s.Targets("t")[0], 0, "no connection")
		state("192.0.2.2 false")
		after(20 * time.Second)
		state("192.0.2.1 true")
		// With Retry-After it stays away for that time, whatever OPTIONS says, and its return is told.
		s.MarkFailed(s.Targets("t")[0], time.Minute, "503")
		after(55 * time.Second)
		state("192.0.2.2 false")
		rec.take()
		after(15 * time.Second)
		state("192.0.2.1 true")
		if got := rec.take(); got != "up 192.0.2.1" {
			t.Errorf("told: %s", got)
		}

		// 503 is no life, other refusals are.
		for code, up := range map[int]bool{200: true, 403: true, 404: true, 405: true, 481: true, 500: true, 408: false, 502: false, 503: false, 504: false} {
			car.set(func() { car.codes[one] = Reply{Code: code, RetryAfter: time.Second} })
			after(50 * time.Second)
			if got := s.Targets("t")[0].Addr.Addr() == one; got != up {
				t.Errorf("%d: up %v", code, got)
			}
		}
	})
	if n := car.options[two]; n < 10 {
		t.Errorf("%d OPTIONS to the second machine", n)
	}
}

func TestHealthIsJittered(t *testing.T) {
	for lot, want := range map[float64]time.Duration{0: 24 * time.Second, 0.5: 30 * time.Second, 0.999: 36 * time.Second} {
		s := &Set{opt: Options{Random: func() float64 { return lot }}}
		if got := s.jitter(30*time.Second, 0.2); (got - want).Abs() > 20*time.Millisecond {
			t.Errorf("%g: %v", lot, got)
		}
	}
}

// fakeNames is a Resolver for fake time, where real sockets cannot be used; resolve_test.go has the real one.
type fakeNames struct {
	mu    sync.Mutex // guards everything below
	addrs map[string][]netip.Addr
	err   error
}

func (f *fakeNames) LookupSRV(context.Context, string, string, string) (string, []*net.SRV, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return "", nil, f.err
	}
	return "", nil, &net.DNSError{Err: "no such host", IsNotFound: true}
}

func (f *fakeNames) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return nil, f.err
	}
	return f.addrs[host], nil
}

func TestNamesAreLookedUpAnew(t *testing.T) {
	names := &fakeNames{addrs: map[string][]netip.Addr{"carrier.az": {one}}}
	set := func(a []netip.Addr, err error) {
		names.mu.Lock()
		names.addrs["carrier.az"], names.err = a, err
		names.mu.Unlock()
	}
	cfg := Config{Targets: []string{"carrier.az", "192.0.2.99"}, AcceptFromTargets: true}
	bubble(t, cfg, Options{Resolver: names, ResolveEvery: time.Minute}, func(t *testing.T, s *Set, rec *record) {
		if got := show(s.Targets("t")); got != "192.0.2.1:5060;udp 192.0.2.99:5060;udp" {
			t.Errorf("after Start: %s", got)
		}
		if got := rec.take(); got != "networks" {
			t.Errorf("told: %s", got)
		}
		s.MarkFailed(s.Targets("t")[0], time.Hour, "503")
		set([]netip.Addr{one, two}, nil)
		after(time.Minute)
		if got := show(s.Targets("t")); got != "192.0.2.2:5060;udp 192.0.2.99:5060;udp 192.0.2.1:5060;udp" {
			t.Errorf("a second address: %s (health of the first must be kept)", got)
		}
		if _, ok := s.Match(two, ""); !ok {
			t.Error("the new address may not call in")
		}
		rec.take()
		set(nil, errors.New("name server is ill"))
		after(time.Minute)
		if got := len(s.Targets("t")); got != 3 || rec.take() != "unresolved" {
			t.Errorf("%d targets while the name server is ill", got)
		}
		set([]netip.Addr{two}, nil)
		after(time.Minute)
		if _, ok := s.Match(one, ""); ok || rec.take() != "networks" {
			t.Error("the old address may still call in")
		}
		after(time.Minute)
		if got := rec.take(); got != "" {
			t.Errorf("nothing changed, told %s", got)
		}
	})
}

func TestStartDoesNotWaitForIllNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := NewSet([]Config{{Name: "t", Targets: []string{"carrier.az"}, Registration: account()}}, Options{Resolver: hanging{}, Requester: newCarrier()})
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		if err := s.Start(context.Background()); err != nil || time.Since(begin) != 3*time.Second {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		s.Stop()
	})
}

type hanging struct{}

func (hanging) LookupSRV(ctx context.Context, _, _, _ string) (string, []*net.SRV, error) {
	<-ctx.Done()
	return "", nil, ctx.Err()
}

func (hanging) LookupNetIP(ctx context.Context, _, _ string) ([]netip.Addr, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestRegistrationLives(t *testing.T) {
	for _, proxy := range []bool{false, true} {
		car := newCarrier()
		car.proxy, car.grant = proxy, 120
		challenge := "401"
		if proxy {
			challenge = "407"
		}
		cfg := Config{Targets: []string{"192.0.2.1"}, Registration: account(), Health: Health{Off: true}}
		bubble(t, cfg, Options{Requester: car}, func(t *testing.T, s *Set, rec *record) {
			tr, _ := s.Trunk("t")
			if until, ok, err := tr.Registered(); !ok || err != nil || time.Until(until) != 2*time.Minute || !car.isBound() {
				t.Errorf("%v %v %v", until, ok, err)
			}
			if got := codes(car.take()); got != challenge+" 200" {
				t.Errorf("at first: %s", got)
			}
			// Refreshed at half of what was granted, with the known nonce at once.
			for i := range 5 {
				after(time.Minute - time.Second)
				if got := codes(car.take()); got != "" {
					t.Errorf("too early: %s", got)
				}
				after(time.Second)
				l := car.take()
				if got := codes(l); got != "200" || !strings.Contains(l[0].m.AuthValue, fmt.Sprintf("nc=%08x", i+2)) {
					t.Errorf("refresh %d: %s %s", i, got, l[0].m.AuthValue)
				}
			}
			// The nonce expires: stale, and on.
			after(time.Hour)
			if got := codes(car.take()); !strings.Contains(got, challenge+" 200") || strings.Count(got, challenge) != 1 || !car.isBound() {
				t.Errorf("an hour: %s", got)
			}
			if got := rec.take(); got != "registered 192.0.2.1" {
				t.Errorf("told: %s", got)
			}
			s.Stop()
			l := car.take()
			if len(l) == 0 || l[len(l)-1].m.Expires != 0 || l[len(l)-1].code != 200 || car.isBound() {
				t.Errorf("Stop did not take it back: %v", l)
			}
			if _, ok, _ := tr.Registered(); ok {
				t.Error("registered after Stop")
			}
		})
	}
}

func TestIntervalTooBrief(t *testing.T) {
	car := newCarrier()
	car.least = 1800
	bubble(t, Config{Targets: []string{"192.0.2.1"}, Registration: account(), Health: Health{Off: true}}, Options{Requester: car}, func(t *testing.T, s *Set, rec *record) {
		l := car.take()
		if got := codes(l); got != "401 423 200" || l[2].m.Expires != 1800 {
			t.Errorf("%s, %d s", got, l[len(l)-1].m.Expires)
		}
		after(15 * time.Minute)
		if got := codes(car.take()); got != "200" { // the carrier's least is remembered
			t.Errorf("refresh: %s", got)
		}
	})
	// A carrier that calls everything too brief does not make us ask for ever.
	car = newCarrier()
	car.codes[one] = Reply{Code: 423, MinExpires: 10}
	bubble(t, Config{Targets: []string{"192.0.2.1"}, Registration: account(), Health: Health{Off: true}}, Options{Requester: car}, func(t *testing.T, s *Set, rec *record) {
		if got := codes(car.take()); got != "423" {
			t.Errorf("%s", got)
		}
	})
}

func TestRegistrationFailsOver(t *testing.T) {
	car := newCarrier()
	car.dead[one] = true
	bubble(t, Config{Targets: []string{"192.0.2.1", "192.0.2.2"}, Registration: account(), Health: Health{Off: true}}, Options{Requester: car}, func(t *testing.T, s *Set, rec *record) {
		after(attemptTime)
		tr, _ := s.Trunk("t")
		if _, ok, err := tr.Registered(); !ok {
			t.Fatal(err)
		}
		if got := rec.take(); got != "registered 192.0.2.2" {
			t.Errorf("told: %s", got)
		}
		// 5xx tries the next machine too; 403 is the carrier's own word.
		car.set(func() { car.dead[one] = false; car.codes[one] = Reply{Code: 503, Reason: "busy"} })
		car.take()
		after(5 * time.Minute)
		if got := codes(car.take()); got != "503 200" {
			t.Errorf("after 503: %s", got)
		}
		car.set(func() { car.codes[one] = Reply{Code: 403, Reason: "no"} })
		after(5 * time.Minute)
		if got := codes(car.take()); !strings.HasPrefix(got, "403") || strings.Contains(got, "200") {
			t.Errorf("after 403: %s", got)
		}
		// A failed refresh does not end what was granted.
		if _, ok, _ := tr.Registered(); !ok {
			t.Error("the registration ended before its time")
		}
		after(5*time.Minute + time.Minute)
		if _, ok, err := tr.Registered(); ok || err == nil || !strings.Contains(err.Error(), "403 no") {
			t.Errorf("it did not end: %v", err)
		}
		if got := rec.take(); got != "failed" {
			t.Errorf("told: %s", got)
		}
		car.set(func() { delete(car.codes, one) })
		after(2 * time.Minute)
		if got := rec.take(); got != "registered 192.0.2.1" {
			t.Errorf("told: %s", got)
		}
	})
}

func TestBackOff(t *testing.T) {
	car := newCarrier()
	car.codes[one] = Reply{Code: 500}
	bubble(t, Config{Targets: []string{"192.0.2.1"}, Registration: account(), Health: Health{Off: true}}, Options{Requester: car}, func(t *testing.T, s *Set, rec *record) {
		after(10 * time.Minute)
		l := car.take()
		var pauses []time.Duration
		for i := range l[1:] {
			pauses = append(pauses, l[i+1].at.Sub(l[i].at))
		}
		// 4 s doubling to 60 s, of which half to all, here 3/4.
		if got := fmt.Sprint(pauses[:6]); got != "[3s 6s 12s 24s 45s 45s]" {
			t.Errorf("pauses %s", got)
		}
		if got := rec.take(); got != "failed" { // told once, not at every attempt
			t.Errorf("told: %s", got)
		}
		// Retry-After is the least to wait.
		car.set(func() { car.codes[one] = Reply{Code: 503, RetryAfter: 5 * time.Minute} })
		after(46 * time.Second)
		car.take()
		after(5*time.Minute - 47*time.Second)
		if got := codes(car.take()); got != "" {
			t.Errorf("before Retry-After: %s", got)
		}
	})
	b := &binding{cfg: *account(), set: &Set{opt: Options{Random: func() float64 { return 0.999 }}}}
	for _, fails := range []int{1, 5, 31, 64, 1 << 20} {
		if d := b.backOff(fails, errNoAnswer); d <= 0 || d > time.Minute {
			t.Errorf("%d failures: %v", fails, d)
		}
	}
}

// A wrong password is tried once with credentials and then left alone for the longest pause: carriers lock accounts.
func TestWrongPassword(t *testing.T) {
	car := newCarrier()
	car.password = "another"
	bubble(t, Config{Targets: []string{"192.0.2.1", "192.0.2.2"}, Registration: account(), Health: Health{Off: true}}, Options{Requester: car}, func(t *testing.T, s *Set, rec *record) {
		if got := codes(car.take()); got != "401 401" {
			t.Errorf("%s", got)
		}
		after(44 * time.Second)
		if got := codes(car.take()); got != "" {
			t.Errorf("too early again: %s", got)
		}
		tr, _ := s.Trunk("t")
		if _, ok, err := tr.Registered(); ok || !errors.Is(err, digest.ErrRefused) {
			t.Errorf("%v", err)
		}
		car.set(func() { car.password = "right" })
		after(2 * time.Second)
		if got := codes(car.take()); got != "401 200" || rec.take() != "failed, registered 192.0.2.1" {
			t.Errorf("after the password was set right: %s", got)
		}
	})
}

func TestLifeCycle(t *testing.T) {
	never := mustSet(t, Options{}, Config{Name: "t", Targets: []string{"192.0.2.1"}})
	never.Stop()
	never.Stop()
	if err := never.Start(t.Context()); err == nil {
		t.Error("started after Stop")
	}

	before := runtime.NumGoroutine()
	for range 100 {
		car := newCarrier()
		s, err := NewSet([]Config{
			{Name: "t", Targets: []string{"192.0.2.1", "192.0.2.2"}, Registration: account()},
			{Name: "u", Targets: []string{"192.0.2.1"}},
		}, Options{Requester: car})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		if err := s.Start(ctx); err != nil {
			t.Fatal(err)
		}
		if err := s.Start(ctx); err == nil {
			t.Fatal("started twice")
		}
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(s.Stop)
		}
		wg.Go(cancel)
		wg.Wait()
		if car.isBound() {
			t.Fatal("left a registration behind")
		}
	}
	deadline := time.Now().Add(5 * time.Second)
	for runtime.NumGoroutine() > before {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
		runtime.Gosched()
	}
}

// A REGISTER whose answer did not come before Stop may have been carried out: it is taken back too.
func TestStopWhileRegistering(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		car := newCarrier()
		lossy := requesterFunc(func(ctx context.Context, m Message) (Reply, error) {
			r, err := car.Do(ctx, m)
			if r.Code == 200 && m.Expires > 0 { // carried out, the answer is lost
				<-ctx.Done()
				return Reply{}, ctx.Err()
			}
			return r, err
		})
		s, err := NewSet([]Config{{Name: "t", Targets: []string{"192.0.2.1"}, Registration: account(), Health: Health{Off: true}}}, Options{Requester: lossy})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Start(context.Background()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if !car.isBound() {
			t.Fatal("not under way")
		}
		s.Stop()
		if car.isBound() {
			t.Error("left a registration behind")
		}
	})
}

type requesterFunc func(context.Context, Message) (Reply, error)

func (f requesterFunc) Do(ctx context.Context, m Message) (Reply, error) { return f(ctx, m) }

// Stop does not hang on a carrier that is dead, and says nothing about its health.
func TestStopWithDeadCarrier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		car := newCarrier()
		rec := &record{}
		s, err := NewSet([]Config{{Name: "t", Targets: []string{"192.0.2.1"}, Registration: account(), Health: Health{DownAfter: 1}}}, Options{Requester: car, Observe: rec.observe, Random: half})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Start(context.Background()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		car.set(func() { car.dead[one] = true })
		time.Sleep(31 * time.Second) // an OPTIONS is on its way
		begin := time.Now()
		s.Stop()
		if d := time.Since(begin); d > 2*time.Second {
			t.Errorf("Stop took %v", d)
		}
		if got := rec.take(); got != "registered 192.0.2.1" {
			t.Errorf("told: %s", got)
		}
	})
}
