package sip

import (
	"context"
	"flag"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"cagri/internal/sip/guard"
)

// These tests wait far more than they work: for timers, and for silence. Six at a time keep a small machine from idling.
func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("test.parallel").Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		_ = flag.Set("test.parallel", "6")
	}
	os.Exit(m.Run())
}

func TestDeadListenerIsRestartedWithAnAlarm(t *testing.T) {
	t.Parallel()
	r := start(t)
	for _, l := range r.ua.listeners {
		addr := l.bound
		l.close() // as if the system had taken the socket away
		select {
		case a := <-r.alarms:
			if !strings.Contains(a, l.network) {
				t.Fatal(a)
			}
		case <-time.After(patience):
			t.Fatal("no alarm")
		}
		eventually(t, "listener back", func() bool {
			p := newPeer(r, "udp", carrierIP)
			if l.network == "tcp" {
				c, err := (&dialer).Dial("tcp", r.addr["tcp"])
				if err != nil {
					return false
				}
				c.Close()
				return true
			}
			p.send(p.text("OPTIONS", ""))
			return p.look("200 OPTIONS", 200*time.Millisecond) != nil
		})
		if l.bound != addr {
			t.Fatalf("moved from %v to %v", addr, l.bound)
		}
	}
}

func TestConfigurationMistakesAreNamed(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Config){
		"at least one address": func(c *Config) { c.Listen = nil },
		"certificate":          func(c *Config) { c.Listen = []Listen{{"tls", "127.0.0.1:0"}} },
		"sctp":                 func(c *Config) { c.Listen = []Listen{{"sctp", "127.0.0.1:0"}} },
		"T1":                   func(c *Config) { c.T2 = 1 },
	} {
		cfg := base()
		change(&cfg)
		if _, err := New(cfg, &rig{}, nil); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := New(base(), nil, nil); err == nil {
		t.Error("no handler")
	}
}

func TestPortInUseIsReportedAndNothingStays(t *testing.T) {
	t.Parallel()
	r := start(t)
	cfg := base()
	cfg.Listen = []Listen{{"udp", "127.0.0.1:0"}, {"udp", r.addr["udp"]}}
	ua, err := New(cfg, &rig{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := ua.Start(context.Background()); err == nil || !strings.Contains(err.Error(), r.addr["udp"]) {
		t.Fatal(err)
	}
	ua.Stop()
	ua.Stop()
}

func TestStopEndsEverything(t *testing.T) {
	t.Parallel()
	r := start(t)
	p, q := newPeer(r, "udp", carrierIP), newPeer(r, "udp", carrierIP)
	a := establish(r, p)
	b := r.dial(out(q))
	q.take("INVITE")
	w := newPeer(r, "udp", carrierIP)
	w.invite(offer)
	c := r.call()
	done := make(chan struct{})
	go func() { r.ua.Stop(); close(done) }()
	p.reply(p.take("BYE"), 200, "")
	w.take("503 INVITE")
	for _, x := range []*call{a, b, c} {
		if e := wait[Ended](t, x); e.By != Local {
			t.Fatalf("%+v", e)
		}
	}
	<-done
	if _, err := r.ua.Dial(out(q), nil); err != ErrStopped {
		t.Fatal(err)
	}
	if s := r.ua.Stats(); s.Dialogs+s.ClientTransactions+s.ServerTransactions+s.Streams != 0 {
		t.Fatalf("%+v", s)
	}
	_ = a.End(Reason{})
	_ = a.Reinvite([]byte(offer))
	_ = a.NotifyRefer(200, "", true)
}

func TestStreamMayBeCutAnywhere(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "tcp", carrierIP)
	for cut := 1; ; cut += 7 {
		s := "\r\n" + p.text("OPTIONS", "x")
		if cut >= len(s) {
			break
		}
		p.send(s[:cut])
		p.send(s[cut:])
		p.take("200 OPTIONS")
	}
	s := p.text("OPTIONS", "abc")
	for i := range len(s) { // one byte at a time, and at every line end
		p.send(s[i : i+1])
		if s[i] == '\n' {
			runtime.Gosched()
		}
	}
	p.take("200 OPTIONS")
	lines := strings.SplitAfter(p.text("OPTIONS", ""), "\r\n")
	for _, l := range lines { // each header line drains sipgo's buffer: the empty line is not a keep-alive
		p.send(l)
		time.Sleep(2 * time.Millisecond)
	}
	p.take("200 OPTIONS")
	p.send(p.text("OPTIONS", "") + p.text("OPTIONS", ""))
	p.take("200 OPTIONS")
	p.take("200 OPTIONS")
}

// goroutines waits until no more than limit run and returns how many there are.
func goroutines(limit int) (n int) {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if n = runtime.NumGoroutine(); n <= limit {
			return n
		}
	}
	return n
}

func TestNoGoroutineSurvivesStop(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 30 {
		cfg := base()
		cfg.T1 = 20 * time.Millisecond
		withTLS(&cfg)
		r := &rig{t: t, calls: make(chan *call, 8), changes: make(chan string, 8), alarms: make(chan string, 8)}
		ua, err := New(cfg, r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := ua.Start(context.Background()); err != nil {
			t.Fatal(err)
		}
		if _, err := ua.Dial(DialRequest{Targets: []Target{{URI: "sip:1@" + ua.Addrs()[0].Addr}, {URI: "sip:1@" + ua.Addrs()[2].Addr + ";transport=tls"}}, SDP: []byte(offer)}, func(Event) {}); err != nil {
			t.Fatal(err)
		}
		ua.Stop()
	}
	if n := goroutines(before); n > before {
		buf := make([]byte, 1<<20)
		t.Fatalf("%d goroutines, %d before\n%s", n, before, buf[:runtime.Stack(buf, true)])
	}
}

func TestTablesAndGoroutinesReturnToBaseAfter500Calls(t *testing.T) {
	a := start(t, shortT1(30*time.Millisecond), func(c *Config) { c.Limits.Trunk.Invite = guard.Unlimited() })
	b := start(t, shortT1(30*time.Millisecond))
	base := runtime.NumGoroutine()
	var arrived [500]chan *call
	for i := range arrived {
		arrived[i] = make(chan *call, 1)
	}
	b.whenCalled(func(c *call) {
		_ = c.Ring()
		_ = c.Answer([]byte(answer))
		i, _ := strconv.Atoi(c.in.Called)
		arrived[i] <- c
	})
	var wg sync.WaitGroup
	slots := make(chan struct{}, 50)
	for i := range 500 {
		wg.Add(1)
		slots <- struct{}{}
		go func() {
			defer func() { <-slots; wg.Done() }()
			network := []string{"udp", "tcp"}[i%2]
			c := a.dial(DialRequest{Targets: []Target{{URI: "sip:" + strconv.Itoa(i) + "@" + b.addr[network] + ";transport=" + network}}, SDP: []byte(offer)})
			wait[Answered](t, c)
			in := <-arrived[i]
			wait[Confirmed](t, in)
			if i%3 == 0 {
				_ = c.End(Reason{})
			} else {
				_ = in.End(Reason{})
			}
			wait[Ended](t, in)
			wait[Ended](t, c)
		}()
	}
	wg.Wait()
	for _, r := range []*rig{a, b} {
		eventually(t, "tables empty", func() bool {
			s := r.ua.Stats()
			r.ua.peers.mu.RLock()
			defer r.ua.peers.mu.RUnlock()
			return s.Dialogs == 0 && s.ClientTransactions == 0 && s.ServerTransactions == 0 && len(r.ua.peers.n) == 0
		})
		r.ua.txMu.Lock()
		if len(r.ua.merged) != 0 {
			t.Errorf("%d merge keys left", len(r.ua.merged))
		}
		r.ua.txMu.Unlock()
	}
	if n := goroutines(base + 8); n > base+8 { // readers and writers of the two connections stay
		t.Fatalf("%d goroutines, %d before", n, base)
	}
}

// TestShuffledMessagesEndEveryDialogOnce lets both sides do everything at random moments, loses, doubles and reorders messages, and
// checks that every dialog hears exactly one terminal event, nothing after it and nothing at the same time (newCall.sink checks).
func TestShuffledMessagesEndEveryDialogOnce(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	a := start(t, shortT1(8*time.Millisecond))
	b := start(t, shortT1(8*time.Millisecond))
	via := newMangler(t, a, b, rnd.Uint64())
	calls := 150
	if testing.Short() {
		calls = 40
	}
	var wg sync.WaitGroup
	deeds := func(c *call, rnd *rand.Rand) {
		for range 1 + rnd.IntN(6) {
			time.Sleep(time.Duration(rnd.IntN(8000)) * time.Microsecond)
			switch rnd.IntN(10) {
			case 0:
				_ = c.Ring()
			case 1:
				_ = c.Progress([]byte(answer))
			case 2, 3:
				_ = c.Answer([]byte(answer))
			case 4:
				_ = c.Reinvite([]byte(sdpOf(rnd.IntN(50))))
			case 5:
				_ = c.AnswerOffer([]byte(sdpOf(rnd.IntN(50))))
			case 6:
				_ = c.RefuseOffer(488, "")
			case 7:
				_ = c.Reject(486, "", 0)
			case 8:
				_ = c.AcceptRefer()
			case 9:
				_ = c.NotifyRefer(180, "", false)
			}
		}
		_ = c.End(Reason{Code: 16})
	}
	b.whenCalled(func(c *call) {
		wg.Add(1)
		s := rand.Uint64()
		go func() {
			defer wg.Done()
			deeds(c, rand.New(rand.NewPCG(s, 2)))
			waitTerminal(t, c)
		}()
	})
	for range calls {
		wg.Add(1)
		s := rnd.Uint64()
		go func() {
			defer wg.Done()
			rnd := rand.New(rand.NewPCG(s, 3))
			c := a.dial(DialRequest{Targets: []Target{{URI: "sip:102@" + b.addr["udp"], Addr: via}}, SDP: []byte(offer), RingTimeout: 200 * time.Millisecond})
			deeds(c, rnd)
			waitTerminal(t, c)
		}()
		time.Sleep(time.Duration(rnd.IntN(1500)) * time.Microsecond)
	}
	wg.Wait()
	for len(b.calls) > 0 {
		waitTerminal(t, <-b.calls)
	}
	a.empty()
	b.empty()
}

func waitTerminal(t *testing.T, c *call) {
	t.Helper()
	deadline := time.After(patience)
	for {
		c.mu.Lock()
		n := 0
		for _, e := range c.heard {
			if terminal(e) {
				n++
			}
		}
		c.mu.Unlock()
		if n > 1 {
			t.Error("more than one terminal event")
		}
		if n == 1 {
			return
		}
		select {
		case <-c.more:
		case <-deadline:
			t.Errorf("no terminal event; heard %v", c.heard)
			return
		}
	}
}
