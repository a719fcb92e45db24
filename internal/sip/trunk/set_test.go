package trunk

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"cagri/internal/sip/digest"
)

func mustSet(t *testing.T, opt Options, configs ...Config) *Set {
	t.Helper()
	s, err := NewSet(configs, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

func half() float64 { return 0.5 }

func TestMatch(t *testing.T) {
	secret := digest.Secret{Password: "x"}
	s := mustSet(t, Options{},
		Config{Name: "wide", Sources: []string{"203.0.113.0/24", "2001:db8::/32"}},
		Config{Name: "narrow", Sources: []string{"203.0.113.64/26", "203.0.113.200"}},
		Config{Name: "account-1", Sources: []string{"192.0.2.1"}, Targets: []string{"192.0.2.1"}, Registration: &Registration{User: "1001"}},
		Config{Name: "account-2", Sources: []string{"192.0.2.1"}, Targets: []string{"192.0.2.1"}, Registration: &Registration{User: "1002"}},
		Config{Name: "from-targets", AcceptFromTargets: true, Targets: []string{"198.51.100.7:5080"}},
		Config{Name: "out-only", Targets: []string{"198.51.100.8"}},
		Config{Name: "login-anywhere", Login: &Login{User: "roamer", Secret: secret}},
		Config{Name: "login-here", Login: &Login{User: "homer", Secret: secret}, Sources: []string{"192.0.2.128/25"}},
	)
	for _, c := range []struct{ src, user, want string }{
		{"203.0.113.1", "", "wide"}, {"203.0.113.65", "", "narrow"}, {"203.0.113.200", "", "narrow"}, {"203.0.113.201", "", "wide"},
		{"::ffff:203.0.113.65", "", "narrow"}, {"2001:db8:5::1", "", "wide"}, {"203.0.114.1", "", ""},
		{"192.0.2.1", "1001", "account-1"}, {"192.0.2.1", "1002", "account-2"}, {"192.0.2.1", "other", "account-1"}, {"192.0.2.1", "", "account-1"},
		{"198.51.100.7", "", "from-targets"}, {"198.51.100.8", "", ""}, {"192.0.2.200", "", "login-here"}, {"8.8.8.8", "", ""},
	} {
		got := ""
		if tr, ok := s.Match(netip.MustParseAddr(c.src), c.user); ok {
			got = tr.Name()
		}
		if got != c.want {
			t.Errorf("%s to %q: %q, expected %q", c.src, c.user, got, c.want)
		}
	}
	if _, ok := s.Match(netip.Addr{}, ""); ok {
		t.Error("no address matched")
	}
	for _, c := range []struct {
		user, src, want string
		ok              bool
	}{{"roamer", "8.8.8.8", "login-anywhere", true}, {"homer", "192.0.2.129", "login-here", true}, {"homer", "8.8.8.8", "login-here", false}} {
		tr, ok := s.MatchLogin(c.user, netip.MustParseAddr(c.src))
		if ok != c.ok || tr.Name() != c.want || !tr.NeedsLogin() {
			t.Errorf("%s from %s: %v %v", c.user, c.src, tr.Name(), ok)
		}
	}
	if _, ok := s.MatchLogin("nobody", netip.MustParseAddr("8.8.8.8")); ok {
		t.Error("nobody is somebody")
	}
	if sec, ok := s.Login("homer"); !ok || sec != secret {
		t.Error("secret of a login")
	}
	if _, ok := s.Login("nobody"); ok || !s.TakesStrangers() {
		t.Error("logins")
	}
	want := "[192.0.2.1/32 192.0.2.128/25 198.51.100.7/32 198.51.100.8/32 203.0.113.0/24 203.0.113.64/26 203.0.113.200/32 2001:db8::/32]"
	if got := fmt.Sprint(s.Networks()); got != want {
		t.Errorf("networks %s", got)
	}
	if tr, ok := s.Trunk("wide"); !ok || tr.ReadNumber("0125551234") != "+994125551234" || tr.WriteNumber("+994125551234") != "+994125551234" || len(s.All()) != 8 {
		t.Error("by name")
	}
}

func TestTargetsHealthyFirst(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	var events []string
	s := mustSet(t, Options{Random: half, Now: func() time.Time { return now }, Observe: func(e Event) { events = append(events, fmt.Sprint(e.Kind == TargetUp, " ", e.Target.Addr.Addr())) }},
		Config{Name: "a", Targets: []string{"192.0.2.1", "192.0.2.2", "192.0.2.3;tcp", "192.0.2.1:5060;udp"}, Health: Health{Off: true}},
		Config{Name: "b", Targets: []string{"192.0.2.9"}})
	order := func() string {
		var out []string
		for _, x := range s.Targets("a") {
			out = append(out, fmt.Sprintf("%v%v", x.Addr.Addr().As4()[3], map[bool]string{true: "+", false: "-"}[x.Up]))
		}
		return strings.Join(out, " ")
	}
	expect := func(want string) {
		t.Helper()
		if got := order(); got != want {
			t.Errorf("%s, expected %s", got, want)
		}
	}
	expect("1+ 2+ 3+") // the same place named twice is one
	list := s.Targets("a")
	s.MarkFailed(list[0], 0, "408")
	s.MarkFailed(list[0], 0, "408 again")
	expect("2+ 3+ 1-")
	s.MarkFailed(list[1], time.Minute, "503")
	expect("3+ 1- 2-")
	s.MarkFailed(list[2], 10*time.Hour, "503")
	expect("1- 2- 3-") // all down: still offered
	now = now.Add(30 * time.Second)
	expect("1+ 2- 3-")
	s.MarkOK(list[1])
	expect("1+ 2+ 3-")
	now = now.Add(time.Hour) // a Retry-After counts for an hour at most
	expect("1+ 2+ 3+")
	s.MarkOK(list[0])
	s.MarkFailed(Target{Trunk: "a"}, 0, "unknown target")
	s.MarkFailed(Target{Trunk: "nobody"}, 0, "unknown trunk")
	if got := fmt.Sprint(events); got != "[false 192.0.2.1 false 192.0.2.2 false 192.0.2.3 true 192.0.2.2 true 192.0.2.1]" {
		t.Errorf("told %s", got)
	}
	if len(s.Targets("nobody")) != 0 {
		t.Error("targets of nobody")
	}
}

func TestLimits(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	s := mustSet(t, Options{Now: func() time.Time { return now }},
		Config{Name: "calls", Sources: []string{"192.0.2.1"}, MaxCalls: 2},
		Config{Name: "rate", Sources: []string{"192.0.2.2"}, MaxCallsPerSecond: 5},
		Config{Name: "slow", Sources: []string{"192.0.2.3"}, MaxCallsPerSecond: 0.5},
		Config{Name: "free", Sources: []string{"192.0.2.4"}})
	get := func(n string) *Trunk { tr, _ := s.Trunk(n); return tr }

	end1, err1 := get("calls").Begin()
	_, err2 := get("calls").Begin()
	_, err3 := get("calls").Begin()
	if err1 != nil || err2 != nil || !errors.Is(err3, ErrTooManyCalls) || get("calls").Calls() != 2 {
		t.Errorf("%v %v %v", err1, err2, err3)
	}
	end1()
	end1() // given back once only
	if got := get("calls").Calls(); got != 1 {
		t.Errorf("%d calls", got)
	}
	if _, err := get("calls").Begin(); err != nil {
		t.Error(err)
	}

	begin := func(name string, n int) (ok int) {
		for range n {
			if end, err := get(name).Begin(); err == nil {
				ok++
				end()
			} else if !errors.Is(err, ErrTooFast) {
				t.Error(err)
			}
		}
		return ok
	}
	if got := begin("rate", 20); got != 5 {
		t.Errorf("%d at once at five a second", got)
	}
	now = now.Add(400 * time.Millisecond)
	if got := begin("rate", 20); got != 2 {
		t.Errorf("%d after 0.4 s", got)
	}
	if got := begin("slow", 5); got != 1 {
		t.Errorf("%d at once at one in two seconds", got)
	}
	now = now.Add(time.Second)
	if got := begin("slow", 5); got != 0 {
		t.Errorf("%d after a second", got)
	}
	now = now.Add(time.Second)
	if got := begin("slow", 5); got != 1 {
		t.Errorf("%d after two", got)
	}
	if got := begin("free", 10_000); got != 10_000 {
		t.Errorf("%d", got)
	}
}

func TestLimitHoldsUnderLoad(t *testing.T) {
	s := mustSet(t, Options{}, Config{Name: "a", Sources: []string{"192.0.2.1"}, MaxCalls: 7})
	tr, _ := s.Trunk("a")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 1000 {
				end, err := tr.Begin()
				if n := tr.Calls(); n > 7 {
					t.Errorf("%d calls", n)
				}
				if err == nil {
					end()
				}
			}
		})
	}
	wg.Wait()
	if n := tr.Calls(); n != 0 {
		t.Errorf("%d calls left", n)
	}
}
