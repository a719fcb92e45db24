package trunk

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
	"pgregory.net/rapid"
)

// zone is a small real name server on loopback, so that the real resolver is tested and not a picture of it.
type zone struct {
	conn net.PacketConn
	done sync.WaitGroup

	mu    sync.Mutex // guards everything below
	srv   map[string][]dnsmessage.SRVResource
	addrs map[string][]netip.Addr
	fail  bool // answer SERVFAIL
	asked []string
}

func newZone(t *testing.T) (*zone, *net.Resolver) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	z := &zone{conn: conn, srv: map[string][]dnsmessage.SRVResource{}, addrs: map[string][]netip.Addr{}}
	z.done.Go(z.serve)
	t.Cleanup(func() { conn.Close(); z.done.Wait() })
	return z, &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func (z *zone) serve() {
	buf := make([]byte, 1500)
	for {
		n, from, err := z.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(buf[:n]) != nil || len(m.Questions) != 1 {
			continue
		}
		out, err := z.answer(m)
		if err == nil {
			_, _ = z.conn.WriteTo(out, from) // lost answers are repeated by the resolver
		}
	}
}

func (z *zone) answer(m dnsmessage.Message) ([]byte, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	q := m.Questions[0]
	name := strings.ToLower(strings.TrimSuffix(q.Name.String(), "."))
	z.asked = append(z.asked, name)
	m.Response, m.Authoritative, m.RecursionAvailable, m.Additionals = true, true, true, nil
	head := dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 60}
	_, hasSRV := z.srv[name]
	_, hasAddr := z.addrs[name]
	switch {
	case z.fail:
		m.RCode = dnsmessage.RCodeServerFailure
	case !hasSRV && !hasAddr:
		m.RCode = dnsmessage.RCodeNameError
	case q.Type == dnsmessage.TypeSRV:
		for _, r := range z.srv[name] {
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &r})
		}
	default:
		for _, a := range z.addrs[name] {
			switch {
			case a.Is4() && q.Type == dnsmessage.TypeA:
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AResource{A: a.As4()}})
			case a.Is6() && q.Type == dnsmessage.TypeAAAA:
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}})
			}
		}
	}
	return m.Pack()
}

func (z *zone) set(f func()) {
	z.mu.Lock()
	defer z.mu.Unlock()
	f()
}

func srv(priority, weight, port uint16, target string) dnsmessage.SRVResource {
	return dnsmessage.SRVResource{Priority: priority, Weight: weight, Port: port, Target: dnsmessage.MustNewName(target + ".")}
}

func show(targets []Target) string {
	var out []string
	for _, t := range targets {
		out = append(out, fmt.Sprintf("%v;%s", t.Addr, t.Transport))
	}
	return strings.Join(out, " ")
}

func TestResolveOrderOfRFC3263(t *testing.T) {
	z, r := newZone(t)
	a := func(s ...string) (out []netip.Addr) {
		for _, x := range s {
			out = append(out, netip.MustParseAddr(x))
		}
		return out
	}
	z.set(func() {
		z.addrs["sbc1.carrier.az"] = a("192.0.2.1", "2001:db8::1")
		z.addrs["sbc2.carrier.az"] = a("192.0.2.2")
		z.addrs["plain.az"] = a("192.0.2.9")
		z.addrs["carrier.az"] = a("192.0.2.66") // must not be used: there is SRV
		z.addrs["broken.az"] = a("192.0.2.67")  // must not be used either: SRV points to nothing
		z.addrs["closed.az"] = a("192.0.2.68")
		z.srv["_sip._udp.carrier.az"] = []dnsmessage.SRVResource{srv(20, 0, 5080, "sbc2.carrier.az"), srv(10, 0, 5060, "sbc1.carrier.az")}
		z.srv["_sips._tcp.carrier.az"] = []dnsmessage.SRVResource{srv(1, 0, 5061, "sbc2.carrier.az")}
		z.srv["_sip._tcp.tcponly.az"] = []dnsmessage.SRVResource{srv(1, 0, 5060, "sbc2.carrier.az")}
		z.srv["_sip._udp.broken.az"] = []dnsmessage.SRVResource{srv(1, 0, 5060, "nowhere.carrier.az")}
		z.srv["_sip._udp.half.az"] = []dnsmessage.SRVResource{srv(1, 0, 5060, "nowhere.carrier.az"), srv(2, 0, 5060, "sbc2.carrier.az")}
		z.srv["_sip._udp.closed.az"] = []dnsmessage.SRVResource{{Target: dnsmessage.MustNewName(".")}}
	})
	for in, want := range map[string]string{
		"carrier.az":           "192.0.2.1:5060;udp [2001:db8::1]:5060;udp 192.0.2.2:5080;udp",
		"carrier.az;tls":       "192.0.2.2:5061;tls",
		"tcponly.az":           "192.0.2.2:5060;tcp",
		"plain.az":             "192.0.2.9:5060;udp",
		"plain.az;tls":         "192.0.2.9:5061;tls",
		"plain.az;tcp":         "192.0.2.9:5060;tcp",
		"carrier.az:5070":      "192.0.2.66:5070;udp", // with a port no SRV is asked for (RFC 3263 section 4.2)
		"carrier.az:5070;tcp":  "192.0.2.66:5070;tcp",
		"half.az":              "192.0.2.2:5060;udp",
		"192.0.2.77":           "192.0.2.77:5060;udp",
		"sbc1.carrier.az:5060": "192.0.2.1:5060;udp [2001:db8::1]:5060;udp",
	} {
		l, err := parseTarget(in)
		if err != nil {
			t.Fatal(err)
		}
		hosts, err := resolve(t.Context(), r, "t", l)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if got := show(order(hosts, rand.Float64)); got != want {
			t.Errorf("%s: %s, expected %s", in, got, want)
		}
	}
	for in, say := range map[string]string{"broken.az": "nowhere.carrier.az", "nothing.az": "address of nothing.az", "closed.az": "no such service"} {
		l, _ := parseTarget(in)
		if hosts, err := resolve(t.Context(), r, "t", l); err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%s: %v %v", in, hosts, err)
		}
	}
	// While the name server is ill, addresses are not asked for instead: the SRV records may exist.
	z.set(func() { z.fail = true })
	l, _ := parseTarget("plain.az")
	if _, err := resolve(t.Context(), r, "t", l); err == nil || !strings.Contains(err.Error(), "SRV") {
		t.Errorf("ill server: %v", err)
	}
}

func TestOrderDrawsByWeight(t *testing.T) {
	mk := func(priority, weight uint16, n byte) host {
		return host{priority, weight, []Target{{Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, n}), 5060), Transport: "udp"}}}
	}
	hosts := []host{mk(1, 60, 1), mk(1, 20, 2), mk(1, 20, 3), mk(1, 0, 4), mk(2, 1, 5)}
	rnd := rand.New(rand.NewPCG(1, 2))
	first := map[byte]int{}
	const rounds = 10_000
	for range rounds {
		got := order(hosts, rnd.Float64)
		if len(got) != 5 || got[4].Addr.Addr().As4()[3] != 5 {
			t.Fatalf("priorities: %s", show(got))
		}
		first[got[0].Addr.Addr().As4()[3]]++
	}
	for n, share := range map[byte]float64{1: .60, 2: .20, 3: .20, 4: .01} {
		if got := float64(first[n]) / rounds; got < share*0.9-0.005 || got > share*1.1+0.005 {
			t.Errorf("host %d is first in %.3f of the cases, expected about %.2f", n, got, share)
		}
	}
}

// Whatever the records, every target comes exactly once and no priority is overtaken.
func TestOrderIsAPermutation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var hosts []host
		priority := map[netip.AddrPort]uint16{}
		for i := range rapid.IntRange(0, 12).Draw(t, "records") {
			h := host{priority: uint16(rapid.IntRange(0, 3).Draw(t, "priority")), weight: rapid.SampledFrom([]uint16{0, 0, 1, 5, 65535}).Draw(t, "weight")}
			for j := range rapid.IntRange(1, 3).Draw(t, "addresses") {
				a := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i), byte(j)}), 5060)
				h.targets = append(h.targets, Target{Addr: a})
				priority[a] = h.priority
			}
			hosts = append(hosts, h)
		}
		slices.SortStableFunc(hosts, func(a, b host) int { return int(a.priority) - int(b.priority) })
		got := order(hosts, func() float64 { return rapid.Float64Range(0, 0.999999).Draw(t, "lot") })
		if len(got) != len(priority) {
			t.Fatalf("%d of %d", len(got), len(priority))
		}
		last := uint16(0)
		for _, g := range got {
			p, ok := priority[g.Addr]
			if !ok || p < last {
				t.Fatalf("%v twice, or its priority was overtaken", g.Addr)
			}
			delete(priority, g.Addr)
			last = p
		}
	})
}

func TestResolveErrorsAreWrapped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	l, _ := parseTarget("carrier.az")
	_, r := newZone(t)
	if _, err := resolve(ctx, r, "t", l); err == nil || !errors.As(err, new(*net.DNSError)) {
		t.Errorf("%v", err)
	}
}
