package sip

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func FuzzAddress(f *testing.F) {
	for _, s := range []string{`"A \" B" <sip:a;b=c@h:5060;x?y=z>;tag=1`, "sip:a@h;tag=1", "<tel:+994(12)5551234;ext=5>", "<sip:[2001:db8::1]:5061;transport=tls>", `"`, "<", "<>", "a<b>c", "sip:@", "<sip:%41%zz@h>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, ok := parseAddress(s)
		if !ok {
			return
		}
		if strings.ContainsAny(a.uri, " \r\n<>\"") || a.uri == "" {
			t.Fatalf("%q from %q", a.uri, s)
		}
		u, ok := parseURI(a.uri)
		if !ok {
			return
		}
		if e := escapeUser(u.user); strings.ContainsAny(e, "@<>\" \r\n:") || unescape(e) != u.user && !strings.Contains(e, "%") {
			t.Fatalf("%q escapes to %q", u.user, e)
		}
		_, _, _, _ = u.where()
		_ = number(u)
		if q := quoted(a.name); strings.ContainsAny(q, "\r\n") {
			t.Fatalf("%q", q)
		}
	})
}

func FuzzRefer(f *testing.F) {
	f.Add("<sip:7@h?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2>", "<sip:1@h>", "a@b;to-tag=1;from-tag=2;early-only")
	f.Add("sip:7@h", "", ";;;")
	f.Add("<sip:a?b@h?Replaces=%>", "\"", "x;to-tag=;from-tag=1")
	f.Fuzz(func(t *testing.T, to, by, replaces string) {
		if r, ok := readRefer(to, by); ok && strings.ContainsAny(r.To, " \r\n<>") {
			t.Fatalf("%q", r.To)
		}
		r, ok := readReplaces(replaces)
		if !ok {
			return
		}
		again, ok := readReplaces(strings.TrimSuffix(strings.TrimPrefix(r.header(), "Replaces: "), "\r\n"))
		if !ok || again != r {
			if strings.IndexFunc(replaces, func(c rune) bool { return c < ' ' || c == 0x7f }) < 0 {
				t.Fatalf("%+v became %+v", r, again)
			}
		}
	})
}

func FuzzIdentity(f *testing.F) {
	f.Add("<sip:1@h>", "<sip:2@h>, <tel:3>", "id;critical", "<sip:4@h>;reason=x", "<sip:5@h>;index=1, <sip:6@h>;index=1.1", "SIP;cause=200;text=\"x\"")
	f.Add("\"", ",,,", ";;", "<", ">", ";")
	f.Fuzz(func(t *testing.T, from, asserted, privacy, diversion, history, reason string) {
		clean := func(s string) string { return line(s) }
		raw := "INVITE sip:102@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: " + clean(from) + "\r\nTo: <sip:102@h>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nP-Asserted-Identity: " + clean(asserted) +
			"\r\nPrivacy: " + clean(privacy) + "\r\nDiversion: " + clean(diversion) + "\r\nHistory-Info: " + clean(history) + "\r\nReason: " + clean(reason) + "\r\nContent-Length: 0\r\n\r\n"
		m, err := newParser().ParseSIP([]byte(raw))
		if err != nil {
			return
		}
		in := read(m, link{})
		_ = readReason(in.reason)
		if in.malformed != "" {
			return
		}
		_ = called(in, "x")
		_, _, _ = caller(in, true)
		if n := diverted(in); len(n) > maxDiversions {
			t.Fatal(len(n))
		}
	})
}

// FuzzPacket throws datagrams at a running user agent, with and without a call it could disturb.
func FuzzPacket(f *testing.F) {
	r := start(f, shortT1(5*time.Millisecond))
	sink, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(carrierIP)})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { sink.Close() })
	p := &peer{t: f, network: "udp", udp: sink, to: r.addr["udp"], tag: "t", uri: "sip:102@h"}
	p.local, p.remote, p.callID = "<sip:a@h>;tag=t", "<sip:102@h>", "id"
	for _, c := range tortures {
		f.Add([]byte(p.torture(c.text)))
	}
	for _, m := range []string{"INVITE", "ACK", "BYE", "CANCEL", "PRACK", "UPDATE", "REFER", "REGISTER", "NOTIFY"} {
		f.Add([]byte(p.text(m, offer, "Require: 100rel", "Session-Expires: 90;refresher=uas", "Refer-To: <sip:1@h>", "RAck: 1 1 INVITE")))
	}
	f.Add([]byte("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=2\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n\r\n"))
	l := link{udp: r.ua.listeners[0], remote: sink.LocalAddr().(*net.UDPAddr).AddrPort()}
	r.whenCalled(func(c *call) {
		_ = c.Progress([]byte(answer))
		_ = c.Answer([]byte(answer))
		_ = c.AcceptRefer()
		_ = c.End(Reason{Code: 16})
	})
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > maxDatagram {
			return
		}
		r.ua.datagram(l, b)
		for len(r.calls) > 0 {
			<-r.calls
		}
	})
}

func TestWayChoosesTheListenerThatCanReachThePeer(t *testing.T) {
	t.Parallel()
	mk := func(a string) *listener { return &listener{network: "udp", bound: netip.MustParseAddrPort(a)} }
	loop, lan, any6 := mk("127.0.0.1:5060"), mk("192.0.2.1:5060"), mk("[::]:5060")
	u := &UA{listeners: []*listener{loop, lan}}
	for _, c := range []struct {
		to   string
		want *listener
	}{{"127.0.0.9", loop}, {"198.51.100.7", lan}, {"2001:db8::1", nil}} {
		if got := u.udpFor(netip.MustParseAddr(c.to)); got != c.want {
			t.Errorf("%s: %v", c.to, got)
		}
	}
	u.listeners = append(u.listeners, any6)
	if u.udpFor(netip.MustParseAddr("2001:db8::1")) != any6 {
		t.Error("IPv6")
	}
}
