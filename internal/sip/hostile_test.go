package sip

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"cagri/internal/sip/guard"
)

// A lone line feed ends no line for us; for others it may. Nothing that a peer wrote may come out of us as a line of its own.
func TestLoneLineFeedsDoNotBecomeHeaders(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	p.local = "\"Evil\nX-Evil: 1\" <sip:caller@" + p.addr() + ">;tag=" + p.tag
	p.callID = "id\nX-Evil: 2"
	p.send(p.text("INVITE", offer, "Record-Route: <sip:"+p.addr()+";lr>;x=\"\nX-Evil: 3\"", "Timestamp: 1\nX-Evil: 4"))
	if m := p.look("400 INVITE", patience/20); m == nil { // refusing it would be as good
		c := r.call()
		if strings.ContainsAny(c.in.CallingName, "\r\n") {
			t.Errorf("%q", c.in.CallingName)
		}
		_ = c.Answer([]byte(answer))
		p.take("200 INVITE")
		_ = c.End(Reason{})
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.seen {
		for _, h := range append(m.head, m.start) {
			if strings.Contains(h, "\n") {
				t.Errorf("%q", h)
			}
		}
	}
}

func TestEscapedLineEndsInNumbers(t *testing.T) {
	t.Parallel()
	u, ok := parseURI("sip:12%0d%0aX-Evil:%201@host")
	if n := number(u); !ok || strings.ContainsAny(n, "\r\n") {
		t.Fatalf("%q", n)
	}
}

func TestNamesAreFitToBeShown(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Əli Məmmədov":                 "Əli Məmmədov",
		"Caf\xe9":                      "Caf\uFFFD",
		"a\x00b\x1b[31m\nc":            "ab[31mc",
		strings.Repeat("ğ", 200):       strings.Repeat("ğ", 64),
		"x" + strings.Repeat("ğ", 200): "x" + strings.Repeat("ğ", 63),
	} {
		if got := shown(in); got != want || !utf8.ValidString(got) || len(got) > maxName {
			t.Errorf("%q: %q", in, got)
		}
	}
}

func TestTargetsThatAreNoURIFail(t *testing.T) {
	t.Parallel()
	r := start(t)
	for _, uri := range []string{"sip:1 2@127.0.0.1", "sip:1@127.0.0.1\r\nX-Evil: 1", "sip:1@127.0.0.1>", "http://127.0.0.1", ""} {
		c := r.dial(DialRequest{Targets: []Target{{URI: uri, Network: "udp", Addr: netip.MustParseAddrPort("127.0.0.1:9")}}, SDP: []byte(offer)})
		if e := wait[Failed](t, c); e.Code != 503 {
			t.Errorf("%q: %+v", uri, e)
		}
	}
}

func TestContactIsReadAsARequestURI(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	p.send(p.text("INVITE", offer, "Contact: <sip:a b@"+p.addr()+">", "-Contact"))
	p.refuseAck(p.take("400 INVITE"))
	p.send(p.text("INVITE", offer, "Contact: <sip:a?b@"+p.addr()+";x=1?Subject=hi>", "-Contact"))
	c := r.call()
	_ = c.Answer([]byte(answer))
	p.ack(p.take("200 INVITE"), "")
	_ = c.End(Reason{})
	bye := p.take("BYE")
	p.reply(bye, 200, "")
	if strings.Contains(bye.uri(), "Subject") {
		t.Fatal("headers of a URI have no place in a request line: ", bye.uri())
	}
}

func TestLargeMessagesToManyPeersAreNotRemembered(t *testing.T) {
	t.Parallel()
	r := start(t)
	for i := range 5000 {
		r.ua.largeMessage(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 2000)
	}
	if n := len(r.ua.large); n > 1024 {
		t.Fatal(n)
	}
}

func TestUnknownNamesAreNotLookedUpAgainAndAgain(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	r.ua.names.put("phone.invalid", netip.Addr{}) // as a look-up that failed does
	p.send(p.text("INVITE", offer, "Contact: <sip:x@phone.invalid>", "-Contact"))
	c := r.call()
	_ = c.Answer([]byte(answer))
	p.ack(p.take("200 INVITE"), "")
	wait[Confirmed](t, c)
	_ = c.End(Reason{})
	p.reply(p.take("BYE"), 200, "") // at once, the way the peer was heard
	d := r.dial(DialRequest{Targets: []Target{{URI: "sip:x@phone.invalid"}}, SDP: []byte(offer)})
	if e := wait[Failed](t, d); e.Code != 503 {
		t.Fatalf("%+v", e)
	}
}

func TestHallBehindOneAddressMayHaveManyConnections(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *Config) {
		c.Limits = guard.Limits{Phones: []netip.Prefix{netip.MustParsePrefix(phoneIP + "/32")}, BanAuth: 2}
	})
	// One of its phones has a wrong password: the guard slows the address down, its phones can still connect.
	bad := newPeer(r, "udp", phoneIP)
	for range 4 {
		bad.register("101", "wrong", 60)
	}
	eventually(t, "slowed down", func() bool { return r.ua.guard.Banned(netip.MustParseAddr(phoneIP)) })
	for range 2 * maxStreamsStranger {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(phoneIP)}}
		c, err := d.Dial("tcp", r.addr["tcp"])
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	eventually(t, "all connected", func() bool { return r.ua.Stats().Streams == 2*maxStreamsStranger })
}

func TestConnectionsAreCountedBySubscriber(t *testing.T) {
	t.Parallel()
	table := streamTable{byPeer: map[streamKey]*stream{}, perIP: map[netip.Addr]int{}}
	add := func(a string, known bool) bool {
		addr := netip.MustParseAddr(a)
		return table.admit(addr, known) && table.add(&stream{network: "tcp", remote: netip.AddrPortFrom(addr, uint16(len(table.byPeer)+1))})
	}
	for i := range maxStreamsStranger {
		if !add(fmt.Sprintf("2001:db8::%x", i+1), false) {
			t.Fatal(i)
		}
	}
	if add("2001:db8::ffff:1", false) {
		t.Error("one IPv6 subscriber must not have more than one IPv4 address")
	}
	if !add("2001:db8:0:1::1", false) || !add("192.0.2.1", false) {
		t.Error("others must get in")
	}
	for i := 0; len(table.byPeer) < maxStreamsStrange; i++ {
		if !add(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}).String(), false) {
			t.Fatal(i)
		}
	}
	if add("192.0.2.9", false) || !add("192.0.2.9", true) {
		t.Error("strangers must leave room for known peers")
	}
	for _, s := range table.shut() {
		table.drop(s)
	}
	if len(table.perIP) != 0 || len(table.byPeer) != 0 {
		t.Error("left: ", len(table.perIP), len(table.byPeer))
	}
}

func TestConnectionOfAKnownPeerOverItsBudgetStaysOpen(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *Config) {
		c.Limits = guard.Limits{Trunk: guard.Rates{Options: guard.Rate{PerSecond: 0.001, Burst: 1}}}
	})
	p := newPeer(r, "tcp", carrierIP)
	p.send(p.text("OPTIONS", ""))
	p.take("200 OPTIONS")
	p.send(p.text("OPTIONS", ""))
	if m := p.take("503 OPTIONS"); m.h("Retry-After") == "" {
		t.Fatal(m.head)
	}
	c := establish(r, p) // calls go on over the same connection
	_ = c.End(Reason{})
	p.reply(p.take("BYE"), 200, "")
}

func TestTelURIsAndNamesInManyScripts(t *testing.T) {
	t.Parallel()
	r := start(t)
	for i, c := range []struct{ uri, from, called, calling, name string }{
		{"tel:+994125551234;phone-context=x", `"Əli Ç." <tel:+994-50-123-45-67>`, "+994125551234", "+994501234567", "Əli Ç."},
		{"tel:108", `"Leyla" <tel:0501234567>`, "108", "0501234567", "Leyla"},
		{"sip:108@host", `"Quote \" \\ it" <sip:1@host>`, "108", "1", `Quote " \ it`},
		{"sip:108@host", `"<sip:9@x>, ;tag=q" <sip:1@host>`, "108", "1", `<sip:9@x>, ;tag=q`},
	} {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			p := newPeer(r, "udp", carrierIP)
			p.uri, p.local = c.uri, c.from+";tag="+p.tag
			p.remote = "<" + c.uri + ">"
			p.invite(offer)
			k := r.call()
			if k.in.Called != c.called || k.in.Calling != c.calling || k.in.CallingName != c.name {
				t.Errorf("%+v", k.in)
			}
			_ = k.Answer([]byte(answer))
			ok := p.take("200 INVITE")
			if ok.h("From") != p.local {
				t.Errorf("From came back as %q", ok.h("From"))
			}
			p.ack(ok, "")
			_ = k.End(Reason{})
			bye := p.take("BYE")
			p.reply(bye, 200, "")
			if bye.h("To") != p.local {
				t.Errorf("To of our BYE is %q", bye.h("To"))
			}
		})
	}
}
