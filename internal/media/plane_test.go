package media

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cagri/internal/media/record"
	"cagri/internal/media/tone"
)

func TestPorts(t *testing.T) {
	now := time.Unix(1000, 0)
	for _, c := range []struct {
		low, high uint16
		want      []uint16
	}{
		{20000, 20005, []uint16{20000, 20002, 20004}},
		{20001, 20006, []uint16{20002, 20004}}, // an odd port is no RTP port, and its pair must fit
		{65530, 65535, []uint16{65530, 65532, 65534}},
		{20000, 20000, nil},
	} {
		p := newPorts(c.low, c.high, time.Minute)
		var got []uint16
		for {
			port, ok := p.take(now)
			if !ok {
				break
			}
			got = append(got, port)
		}
		slices.Sort(got)
		if !slices.Equal(got, c.want) {
			t.Errorf("%d to %d: pairs %v, want %v", c.low, c.high, got, c.want)
		}
	}
	p := newPorts(20000, 20003, leastRest)
	a, _ := p.take(now)
	b, _ := p.take(now)
	p.give(a, now)
	p.give(b, now.Add(time.Millisecond))
	if port, ok := p.take(now.Add(leastRest - 1)); ok {
		t.Errorf("port %d did not rest", port)
	}
	if port, ok := p.take(now.Add(leastRest)); !ok || port != a {
		t.Errorf("after its rest %d is not %d", port, a)
	}
	if port, ok := p.take(now.Add(leastRest)); ok {
		t.Errorf("port %d did not rest", port)
	}
	p.untake(a) // never used: no rest
	if port, ok := p.take(now); !ok || port != a {
		t.Errorf("unused %d is not %d", port, a)
	}
}

// All ports gone: a clear error, and after the rest they are there again.
func TestPortsRunOut(t *testing.T) {
	p := newTestPlane(t, func(c *Config) { c.PortMin, c.PortMax, c.Quarantine = 21000, 21005, 200*time.Millisecond })
	var legs []*Leg
	seen := map[uint16]bool{}
	for range 3 {
		l, err := p.NewLeg(LegOptions{})
		if err != nil {
			t.Fatal(err)
		}
		seen[l.port] = true
		legs = append(legs, l)
	}
	if len(seen) != 3 {
		t.Fatalf("ports %v", seen)
	}
	if _, err := p.NewLeg(LegOptions{}); !errors.Is(err, ErrNoPorts) || !strings.Contains(err.Error(), "port_max") {
		t.Fatalf("one too many: %v", err)
	}
	legs[1].Close()
	if _, err := p.NewLeg(LegOptions{}); !errors.Is(err, ErrNoPorts) {
		t.Fatalf("the closed leg's ports do not rest: %v", err)
	}
	var l *Leg
	until(t, "the ports have rested", func() bool { var err error; l, err = p.NewLeg(LegOptions{}); return err == nil })
	if l.port != legs[1].port {
		t.Errorf("port %d, want %d", l.port, legs[1].port)
	}
}

// Another program in our range: its ports are passed over.
func TestForeignPorts(t *testing.T) {
	for _, odd := range []int{0, 1} {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: here.AsSlice(), Port: 21002 + odd})
		if err != nil {
			t.Fatal(err)
		}
		p := newTestPlane(t, func(c *Config) { c.PortMin, c.PortMax, c.Quarantine = 21000, 21003, time.Hour })
		l, err := p.NewLeg(LegOptions{})
		if err != nil || l.port != 21000 {
			t.Fatalf("leg: %v", err)
		}
		if _, err := p.NewLeg(LegOptions{}); !errors.Is(err, ErrNoPorts) {
			t.Fatalf("a foreign port is used: %v", err)
		}
		_ = c.Close()
		p.Stop()
	}
}

// What has nothing to do with ports is not blamed on them, and costs none.
func TestWrongAddress(t *testing.T) {
	p := newTestPlane(t, func(c *Config) {
		c.BindIP, c.PortMin, c.PortMax = netip.MustParseAddr("192.0.2.1"), 21000, 21003
	})
	for range 5 {
		if _, err := p.NewLeg(LegOptions{}); err == nil || errors.Is(err, ErrNoPorts) || !strings.Contains(err.Error(), "192.0.2.1") {
			t.Fatalf("an address that is not ours: %v", err)
		}
	}
}

func TestConfig(t *testing.T) {
	for name, c := range map[string]Config{
		"no address":     {},
		"ports reversed": {BindIP: here, PortMin: 2000, PortMax: 1000},
		"half a range":   {BindIP: here, PortMin: 2000},
	} {
		if p, err := New(c, nil); err == nil {
			p.Stop()
			t.Errorf("%s: no error", name)
		}
	}
	p := newTestPlane(t)
	if _, err := p.NewLeg(LegOptions{Codecs: []string{"opus"}}); err == nil {
		t.Error("a codec that we have not")
	}
	if s := p.Stats(); s.Legs != 0 {
		t.Errorf("%d legs", s.Legs)
	}
}

// Started twice, stopped twice, never started, used afterwards.
func TestLifeOfAPlane(t *testing.T) {
	before := open(t)
	for _, start := range []bool{false, true} {
		p, err := New(Config{BindIP: here, PortMin: 21000, PortMax: 22000}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if start {
			for range 2 {
				if err := p.Start(context.Background()); err != nil {
					t.Fatal(err)
				}
			}
		}
		l, err := p.NewLeg(LegOptions{})
		if err != nil {
			t.Fatal(err)
		}
		p.Stop()
		p.Stop()
		l.Close()
		if _, err := l.Offer(); err != nil {
			t.Error(err)
		}
		l.Play(Playlist{Clips: [][]byte{tone.Silence(time.Second)}})
		if _, err := p.NewLeg(LegOptions{}); !errors.Is(err, errOver) {
			t.Errorf("a leg after the end: %v", err)
		}
		if err := p.Start(context.Background()); !errors.Is(err, errOver) {
			t.Errorf("started after the end: %v", err)
		}
	}
	until(t, "all sockets are closed", func() bool { return open(t) <= before })
}

// open is the number of descriptors of this process.
func open(t testing.TB) int {
	t.Helper()
	d, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		if runtime.GOOS == "linux" || os.Getenv("CAGRI_TEST_REQUIRE") != "" {
			t.Fatal(err)
		}
		t.Skip("NOT TESTED: open sockets can be counted on Linux only: ", err)
	}
	return len(d)
}

// Two thousand legs with everything a leg can have leave nothing behind.
func TestNothingLeaks(t *testing.T) {
	p := newTestPlane(t)
	phone := udp(t, "127.0.0.1")
	f := &far{t: t, rtp: phone, mapping: pcma}
	round := func(n int) {
		var legs []*Leg
		for range n {
			l, err := p.NewLeg(LegOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := l.Answer(f.description("sendrecv")); err != nil {
				t.Fatal(err)
			}
			legs = append(legs, l)
		}
		c := p.Conference()
		var bridges []*Bridge
		for i, l := range legs {
			switch i % 4 {
			case 0:
				l.Play(Playlist{Clips: [][]byte{tone.Silence(time.Second)}, Loop: true})
			case 1:
				bridges = append(bridges, p.Bridge(l, legs[(i+7)%n]))
			case 2:
				_ = c.Add(l)
			case 3:
				if err := l.SendDigit('1', time.Second); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, l := range legs {
			l.Close()
		}
		for _, b := range bridges {
			b.Close()
		}
		c.Close()
	}
	round(8)
	settled := func() bool { return p.Stats().Legs == 0 && p.Stats().Pace.Seats == 0 }
	until(t, "first round over", settled)
	time.Sleep(150 * time.Millisecond) // the pollers close their sockets
	files, routines := open(t), runtime.NumGoroutine()
	for range 20 {
		round(100)
	}
	until(t, "all rounds over", settled)
	until(t, "sockets closed", func() bool { return open(t) <= files })
	until(t, "goroutines ended", func() bool { return runtime.NumGoroutine() <= routines })
	p.ports.mu.Lock()
	ports := len(p.ports.free) + len(p.ports.resting)
	p.ports.mu.Unlock()
	if want := (29999 - 21000 + 1) / 2; ports != want {
		t.Errorf("%d pairs of ports left of %d", ports, want)
	}
	for _, pl := range p.pollers {
		pl.mu.Lock()
		for _, c := range pl.slots {
			if c != nil {
				t.Error("a poller still holds a socket")
			}
		}
		pl.mu.Unlock()
	}
}

// Legs are closed, bridged, recorded and played to while packets pour in from all
// sides. The race detector watches.
func TestCloseInAFlood(t *testing.T) {
	p := newTestPlane(t)
	rec, err := p.Record(t.TempDir()+"/flood.wav", nil)
	if err != nil {
		t.Fatal(err)
	}
	const slots = 4
	var now [slots]atomic.Pointer[far]
	var over atomic.Bool
	var all sync.WaitGroup
	for i := range slots {
		all.Go(func() { // the phones
			c := udp(t, "127.0.0.1")
			for n := 0; !over.Load(); n++ {
				f := now[i].Load()
				if f == nil {
					runtime.Gosched()
					continue
				}
				_, _ = f.rtp.WriteToUDPAddrPort(raw(8, false, uint16(n), uint32(n*160), f.ssrc, numbered(n, 160)), f.to())
				if n%16 == 0 {
					_, _ = c.WriteToUDPAddrPort(raw(101, true, uint16(n), uint32(n*160), f.ssrc, []byte{1, 10, 0, 160}), f.to())
				}
			}
		})
	}
	var bridge *Bridge
	var c *Conference
	for n := range 200 {
		i := n % slots
		if f := now[i].Load(); f != nil {
			f.leg.Close()
			f.leg.Stats()
			_ = f.rtp.Close()
		}
		f := call(t, p, pcma, LegOptions{NAT: true})
		f.leg.RecordTo(rec, record.Channel(n%2))
		now[i].Store(f)
		o := now[(n+1)%slots].Load()
		if o == nil {
			continue
		}
		switch n % 5 {
		case 0:
			bridge = p.Bridge(f.leg, o.leg)
		case 1:
			f.leg.Play(Playlist{Clips: [][]byte{tone.Silence(time.Second)}, Loop: true})
		case 2:
			if c != nil {
				c.Close()
			}
			c = p.Conference()
			_, _ = c.Add(f.leg), c.Add(o.leg)
		case 3:
			_ = f.leg.SendDigit('7', 100*time.Millisecond)
			f.offer("sendonly")
		case 4:
			if bridge != nil {
				bridge.Close()
			}
		}
	}
	over.Store(true)
	all.Wait()
	if _, err := rec.Close(p.Now()); err != nil {
		t.Error(err)
	}
}
