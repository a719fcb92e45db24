package sip

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"cagri/internal/sip/guard"
	"cagri/internal/sip/trunk"
)

func out(p *peer) DialRequest {
	return DialRequest{Targets: []Target{p.target()}, FromNumber: "500", FromName: `Çağrı "1"`, SDP: []byte(offer)}
}

func TestOutgoingCallIsAnsweredAndEndedByUs(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			r := start(t)
			p := newPeer(r, network, carrierIP)
			if network == "tcp" { // the user agent connects by itself: use the connection the peer has made
				p.send(p.text("OPTIONS", ""))
				p.take("200 OPTIONS")
			}
			c := r.dial(out(p))
			inv := p.take("INVITE")
			if inv.body != offer || inv.h("From") == "" || !strings.HasPrefix(inv.h("From"), `"Çağrı \"1\"" <sip:500@`) || inv.h("Session-Expires") != "1800" {
				t.Fatalf("%v", inv.head)
			}
			for range 20 { // no limit on the number of provisional responses
				p.reply(inv, 180, "")
			}
			p.reply(inv, 183, answer)
			if e := wait[Provisional](t, c); e.Code != 180 {
				t.Fatalf("%+v", e)
			}
			if e := wait[Provisional](t, c); e.Code != 183 || string(e.SDP) != answer {
				t.Fatalf("%+v", e)
			}
			p.reply(inv, 200, answer)
			p.take("ACK")
			if e := wait[Answered](t, c); string(e.SDP) != answer {
				t.Fatalf("%q", e.SDP)
			}
			p.reply(inv, 200, answer) // the ACK was lost
			p.take("ACK")
			_ = c.End(Reason{Code: 16})
			bye := p.take("BYE")
			p.reply(bye, 200, "")
			if e := wait[Ended](t, c); e.By != Local {
				t.Fatalf("%+v", e)
			}
			r.empty()
		})
	}
}

func TestOutgoingCallEndedByPeer(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	c := establishOut(r, p)
	p.send(p.text("BYE", ""))
	p.take("200 BYE")
	if e := wait[Ended](t, c); e.By != Remote {
		t.Fatalf("%+v", e)
	}
	r.empty()
}

func TestByeEndsTheDialogWhateverTheReply(t *testing.T) {
	t.Parallel()
	for _, code := range []int{401, 408, 481, 500} {
		r := start(t)
		p := newPeer(r, "udp", carrierIP)
		c := establishOut(r, p)
		_ = c.End(Reason{})
		p.reply(p.take("BYE"), code, "")
		wait[Ended](t, c)
		r.empty()
	}
}

func TestByeWithoutReplyEndsTheDialog(t *testing.T) {
	t.Parallel()
	r := start(t, shortT1(10*time.Millisecond))
	p := newPeer(r, "udp", carrierIP)
	c := establishOut(r, p)
	_ = c.End(Reason{})
	wait[Ended](t, c)
	r.empty()
}

func TestRefusedCallFailsWithItsCode(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	c := r.dial(out(p))
	inv := p.take("INVITE")
	p.reply(inv, 486, "", "Retry-After: 30 (lunch)")
	ack := p.take("ACK")
	if ack.h("Via") != inv.h("Via") || ack.tag("To") != p.tag {
		t.Fatal("the ACK of a refusal belongs to the INVITE's transaction")
	}
	p.reply(inv, 486, "") // repeated: ACK again at once
	p.take("ACK")
	if e := wait[Failed](t, c); e.Code != 486 || e.RetryAfter != 30*time.Second {
		t.Fatalf("%+v", e)
	}
	r.empty()
}

func TestCancelOfOutgoingCall(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	c := r.dial(out(p))
	inv := p.take("INVITE")
	p.reply(inv, 180, "")
	wait[Provisional](t, c)
	_ = c.End(Reason{Protocol: "SIP", Code: 200, Text: "Call completed elsewhere"})
	if e := wait[Ended](t, c); e.By != Local {
		t.Fatalf("%+v", e)
	}
	cancel := p.take("CANCEL")
	if cancel.h("Via") != inv.h("Via") || cancel.h("Reason") != `SIP;cause=200;text="Call completed elsewhere"` || cancel.h("CSeq") != "1 CANCEL" {
		t.Fatalf("%v", cancel.head)
	}
	p.reply(cancel, 200, "")
	p.reply(inv, 487, "")
	p.take("ACK")
	r.empty()
}

func TestCancelWaitsForASignOfLife(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	c := r.dial(out(p))
	inv := p.take("INVITE")
	_ = c.End(Reason{})
	wait[Ended](t, c)
	if p.count("CANCEL") != 0 {
		t.Fatal("CANCEL before any response (RFC 3261 section 9.1)")
	}
	p.reply(inv, 100, "")
	p.reply(p.take("CANCEL"), 200, "")
	p.reply(inv, 487, "")
	p.take("ACK")
	r.empty()
}

func TestCancelCrossing200IsAckedThenBye(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	c := r.dial(out(p))
	inv := p.take("INVITE")
	p.reply(inv, 180, "")
	wait[Provisional](t, c)
	_ = c.End(Reason{})
	cancel := p.take("CANCEL")
	p.reply(inv, 200, answer) // was under way
	p.take("ACK")
	bye := p.take("BYE")
	p.reply(cancel, 200, "")
	p.reply(inv, 200, answer) // repeated: ACK again, no second BYE
	p.take("ACK")
	p.reply(bye, 200, "")
	wait[Ended](t, c)
	none[Answered](t, c)
	r.empty()
	if p.count("BYE") != 1 {
		t.Fatalf("%d BYEs", p.count("BYE"))
	}
}

func TestAnswerBeforeAnySignOfLifeAfterEnd(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	c := r.dial(out(p))
	inv := p.take("INVITE")
	_ = c.End(Reason{})
	p.reply(inv, 200, answer)
	p.take("ACK")
	p.reply(p.take("BYE"), 200, "")
	wait[Ended](t, c)
	if p.count("CANCEL") != 0 {
		t.Fatal("CANCEL without reason")
	}
	r.empty()
}

func TestRingTimeoutFailsWith408(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	req := out(p)
	req.RingTimeout = 50 * time.Millisecond
	c := r.dial(req)
	inv := p.take("INVITE")
	p.reply(inv, 180, "")
	if e := wait[Failed](t, c); e.Code != 408 {
		t.Fatalf("%+v", e)
	}
	p.reply(p.take("CANCEL"), 200, "")
	p.reply(inv, 487, "")
	p.take("ACK")
	r.empty()
}

func TestSilentTargetFailsWith408At64T1(t *testing.T) {
	t.Parallel()
	r := start(t, shortT1(8*time.Millisecond))
	p := newPeer(r, "udp", carrierIP)
	c := r.dial(out(p))
	if e := wait[Failed](t, c); e.Code != 408 {
		t.Fatalf("%+v", e)
	}
	if n := p.count("INVITE"); n < 4 || n > 8 { // 0, 1, 3, 7, 15, 31, 63 times T1
		t.Fatalf("%d INVITEs", n)
	}
	r.empty()
}

func TestUnreachableTargetFailsWith503(t *testing.T) {
	t.Parallel()
	r := start(t)
	for _, uri := range []string{"sip:x@127.0.0.1:1;transport=tcp", "sip:x@[2001:db8::1]:5060", "tel:+994125551234", "nonsense"} {
		c := r.dial(DialRequest{Targets: []Target{{URI: uri}}, SDP: []byte(offer)})
		if e := wait[Failed](t, c); e.Code != 503 {
			t.Fatalf("%s: %+v", uri, e)
		}
	}
	c := r.dial(DialRequest{})
	if e := wait[Failed](t, c); e.Code != 480 {
		t.Fatalf("%+v", e)
	}
	r.empty()
}

func TestFirstAnswerWinsOthersAreCancelled(t *testing.T) {
	t.Parallel()
	r := start(t)
	a, b, z := newPeer(r, "udp", carrierIP), newPeer(r, "udp", carrierIP), newPeer(r, "udp", carrierIP)
	c := r.dial(DialRequest{Targets: []Target{a.target(), b.target(), z.target()}, SDP: []byte(offer)})
	ia, ib, iz := a.take("INVITE"), b.take("INVITE"), z.take("INVITE")
	a.reply(ia, 180, "")
	b.reply(ib, 180, "")
	z.reply(iz, 486, "")
	z.take("ACK")
	wait[Provisional](t, c)
	a.reply(ia, 200, answer)
	a.take("ACK")
	wait[Answered](t, c)
	b.reply(b.take("CANCEL"), 200, "")
	b.reply(ib, 200, sdpOf(9)) // answered at the same moment
	b.take("ACK")
	b.reply(b.take("BYE"), 200, "")
	none[Ended](t, c)
	none[Failed](t, c)
	_ = c.End(Reason{})
	a.reply(a.take("BYE"), 200, "")
	r.empty()
}

func TestExtra2xxOfAForkingProxyIsAckedAndHungUp(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	c := r.dial(out(p))
	inv := p.take("INVITE")
	p.reply(inv, 200, answer)
	p.take("ACK")
	wait[Answered](t, c)
	first := p.tag
	p.tag = "otherphone"
	p.reply(inv, 200, sdpOf(7))
	ack := p.take("ACK")
	bye := p.take("BYE")
	if ack.tag("To") != "otherphone" || bye.tag("To") != "otherphone" {
		t.Fatalf("%v %v", ack.head, bye.head)
	}
	p.reply(bye, 200, "")
	p.tag = first
	none[Ended](t, c)
	_ = c.End(Reason{})
	bye = p.take("BYE")
	if bye.tag("To") != first {
		t.Fatal("hung up the wrong dialog")
	}
	p.reply(bye, 200, "")
	r.empty()
}

func TestBestFailureOfAllTargets(t *testing.T) {
	t.Parallel()
	r := start(t)
	a, b, z := newPeer(r, "udp", carrierIP), newPeer(r, "udp", carrierIP), newPeer(r, "udp", carrierIP)
	c := r.dial(DialRequest{Targets: []Target{a.target(), b.target(), z.target()}, SDP: []byte(offer)})
	a.reply(a.take("INVITE"), 503, "")
	b.reply(b.take("INVITE"), 480, "")
	z.reply(z.take("INVITE"), 486, "")
	if e := wait[Failed](t, c); e.Code != 486 {
		t.Fatalf("%+v", e)
	}
	r.empty()
}

func Test6xxStopsTheSearch(t *testing.T) {
	t.Parallel()
	r := start(t)
	a, b := newPeer(r, "udp", carrierIP), newPeer(r, "udp", carrierIP)
	c := r.dial(DialRequest{Targets: []Target{a.target(), b.target()}, SDP: []byte(offer)})
	ib := b.take("INVITE")
	b.reply(ib, 180, "")
	wait[Provisional](t, c)
	a.reply(a.take("INVITE"), 603, "")
	if e := wait[Failed](t, c); e.Code != 603 {
		t.Fatalf("%+v", e)
	}
	b.reply(b.take("CANCEL"), 200, "")
	b.reply(ib, 487, "")
	b.take("ACK")
	r.empty()
}

func TestSequentialGoesOnAfter5xxAndSilence(t *testing.T) {
	t.Parallel()
	r := start(t, shortT1(20*time.Millisecond))
	a, b, z := newPeer(r, "udp", carrierIP), newPeer(r, "udp", carrierIP), newPeer(r, "udp", carrierIP)
	c := r.dial(DialRequest{Targets: []Target{a.target(), b.target(), z.target()}, SDP: []byte(offer), Sequential: true})
	ia := a.take("INVITE")
	if b.count("INVITE") != 0 {
		t.Fatal("not one after the other")
	}
	a.reply(ia, 503, "")
	a.take("ACK")
	ib := b.take("INVITE") // stays silent
	iz := z.take("INVITE")
	z.reply(iz, 200, answer)
	z.take("ACK")
	wait[Answered](t, c)
	b.reply(ib, 200, answer) // wakes up too late
	b.take("ACK")
	b.reply(b.take("BYE"), 200, "")
	_ = c.End(Reason{})
	z.reply(z.take("BYE"), 200, "")
	r.empty()
}

func TestSequentialStopsAtBusy(t *testing.T) {
	t.Parallel()
	r := start(t)
	a, b := newPeer(r, "udp", carrierIP), newPeer(r, "udp", carrierIP)
	c := r.dial(DialRequest{Targets: []Target{a.target(), b.target()}, SDP: []byte(offer), Sequential: true})
	a.reply(a.take("INVITE"), 486, "")
	if e := wait[Failed](t, c); e.Code != 486 {
		t.Fatalf("%+v", e)
	}
	if b.count("INVITE") != 0 {
		t.Fatal("a busy line is not a reason to try another way")
	}
}

func TestLateOfferDialIsAnsweredInAck(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	c := r.dial(DialRequest{Targets: []Target{p.target()}, FromNumber: "500"})
	inv := p.take("INVITE")
	if inv.body != "" || strings.Contains(inv.h("Supported"), "100rel") {
		t.Fatalf("%v", inv)
	}
	p.reply(inv, 200, offer)
	if e := wait[Answered](t, c); string(e.SDP) != offer {
		t.Fatalf("%q", e.SDP)
	}
	if p.count("ACK") != 0 {
		t.Fatal("ACK before the answer")
	}
	if err := c.AnswerOffer([]byte(answer)); err != nil {
		t.Fatal(err)
	}
	if ack := p.take("ACK"); ack.body != answer {
		t.Fatal(ack.body)
	}
}

func TestChallengeIsAnsweredOncePerNonce(t *testing.T) {
	t.Parallel()
	p0 := trunk.Config{Name: "reg", Numbers: trunk.Numbers{Format: trunk.FormatAsIs}, Health: trunk.Health{Off: true}, SendIdentity: true}
	r0 := start(t)
	p := newPeer(r0, "udp", carrierIP) // a socket first: its address goes into the configuration
	p0.Targets = []string{p.addr() + ";udp"}
	p0.Registration = &trunk.Registration{User: "kol", Password: "secret", Domain: "carrier.example"}
	r := start(t, func(c *Config) { c.Trunks = []trunk.Config{p0} })
	p.to = r.addr["udp"]
	reg := p.take("REGISTER")
	p.reply(reg, 401, "", `WWW-Authenticate: Digest realm="c", nonce="n0", qop="auth", algorithm=MD5`)
	reg = p.take("REGISTER")
	if !strings.Contains(reg.h("Authorization"), `username="kol"`) {
		t.Fatal(reg.h("Authorization"))
	}
	p.reply(reg, 200, "", "Contact: <"+reg.contact()+">;expires=600", "-Contact")

	c := r.dial(DialRequest{Targets: r.ua.TrunkTargets("reg", "0125551234"), FromNumber: "102", Trunk: "reg", SDP: []byte(offer), Anonymous: true})
	inv := p.take("INVITE")
	if inv.h("Privacy") != "id" || inv.h("P-Asserted-Identity") != "<sip:102@carrier.example>" || !strings.Contains(inv.h("From"), "anonymous.invalid") {
		t.Fatalf("%v", inv.head)
	}
	p.reply(inv, 407, "", `Proxy-Authenticate: Digest realm="c", nonce="n1", qop="auth", algorithm=SHA-256`, `Proxy-Authenticate: Digest realm="c", nonce="n1", qop="auth", algorithm=MD5`)
	p.take("ACK")
	inv2 := p.take("INVITE")
	if !strings.Contains(inv2.h("Proxy-Authorization"), "SHA-256") || inv2.h("CSeq") != "2 INVITE" || inv2.h("Call-ID") != inv.h("Call-ID") || inv2.tag("From") != inv.tag("From") {
		t.Fatalf("%v", inv2.head)
	}
	p.reply(inv2, 407, "", `Proxy-Authenticate: Digest realm="c", nonce="n2", qop="auth", algorithm=SHA-256`)
	p.take("ACK")
	if e := wait[Failed](t, c); e.Code != 407 {
		t.Fatalf("%+v", e)
	}
	if p.count("INVITE") != 2 {
		t.Fatal("a refused password must not be tried again")
	}
}

func TestTrunkFailoverAndLimit(t *testing.T) {
	t.Parallel()
	r0 := start(t)
	a, b := newPeer(r0, "udp", carrierIP), newPeer(r0, "udp", carrierIP)
	r := start(t, func(c *Config) {
		c.Trunks = []trunk.Config{{
			Name: "two", Targets: []string{a.addr() + ";udp", b.addr() + ";udp"}, Health: trunk.Health{Off: true}, MaxCalls: 1,
			Numbers: trunk.Numbers{Format: trunk.FormatAsIs},
		}}
	})
	a.to, b.to = r.addr["udp"], r.addr["udp"]
	c := r.dial(DialRequest{Targets: r.ua.TrunkTargets("two", "555"), FromNumber: "102", Trunk: "two", SDP: []byte(offer)})
	over := r.dial(DialRequest{Targets: r.ua.TrunkTargets("two", "555"), Trunk: "two", SDP: []byte(offer)})
	if e := wait[Failed](t, over); e.Code != 503 {
		t.Fatalf("%+v", e)
	}
	a.reply(a.take("INVITE"), 503, "", "Retry-After: 60")
	b.reply(b.take("INVITE"), 200, answer)
	b.take("ACK")
	wait[Answered](t, c)
	if ts := r.ua.TrunkTargets("two", "555"); len(ts) != 2 || ts[0].Addr != b.addrPort() {
		t.Fatalf("the target that failed must come last: %+v", ts)
	}
	_ = c.End(Reason{})
	b.reply(b.take("BYE"), 200, "")
	r.empty()
	c = r.dial(DialRequest{Targets: r.ua.TrunkTargets("two", "555"), Trunk: "two", SDP: []byte(offer)}) // the place is free again
	b.reply(b.take("INVITE"), 486, "")
	wait[Failed](t, c)
}

func TestTargetRefreshAndRouteSet(t *testing.T) {
	t.Parallel()
	r := start(t)
	p, moved := newPeer(r, "udp", carrierIP), newPeer(r, "udp", carrierIP)
	c := r.dial(out(p))
	inv := p.take("INVITE")
	rr := "<sip:" + moved.addr() + ";lr>"
	p.reply(inv, 200, answer, "Record-Route: <sip:far@192.0.2.9;lr>, "+rr)
	ack := moved.take("ACK") // through the nearest proxy of the route set
	wait[Answered](t, c)
	if got := ack.all("Route"); len(got) != 2 || got[0] != rr || got[1] != "<sip:far@192.0.2.9;lr>" {
		t.Fatalf("route set %q", got)
	}
	if ack.uri() != "sip:callee@"+p.addr()+";transport=udp" {
		t.Fatal(ack.uri())
	}
	// The peer moves: a re-INVITE with another Contact.
	p.send(p.text("INVITE", sdpOf(3), "Contact: <sip:new@"+p.addr()+">", "-Contact"))
	wait[Offered](t, c)
	_ = c.AnswerOffer([]byte(answer))
	p.ack(p.take("200 INVITE"), "")
	eventually(t, "ACK taken", func() bool { c.Dialog.mu.Lock(); defer c.Dialog.mu.Unlock(); return c.Dialog.ack == nil })
	_ = c.End(Reason{})
	bye := moved.take("BYE")
	if bye.uri() != "sip:new@"+p.addr() {
		t.Fatal(bye.uri())
	}
	moved.reply(bye, 200, "")
}

func TestStrictRouterGetsItselfInTheRequestURI(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	p.invite(offer, "Record-Route: <sip:strict@"+p.addr()+">, <sip:second@192.0.2.1;lr>")
	c := r.call()
	_ = c.Answer([]byte(answer))
	ok := p.take("200 INVITE")
	if rr := ok.all("Record-Route"); len(rr) != 2 {
		t.Fatalf("%q", rr)
	}
	p.ack(ok, "")
	wait[Confirmed](t, c)
	_ = c.End(Reason{})
	bye := p.take("BYE")
	routes := bye.all("Route")
	if bye.uri() != "sip:strict@"+p.addr() || len(routes) != 2 || routes[0] != "<sip:second@192.0.2.1;lr>" || !strings.HasPrefix(routes[1], "<sip:caller@") {
		t.Fatalf("%s %q", bye.uri(), routes)
	}
}

func TestPrivateContactBehindNATIsReachedByItsSource(t *testing.T) {
	t.Parallel()
	a := netip.MustParseAddr
	for _, c := range []struct {
		a    string
		want bool
	}{{"10.0.0.1", true}, {"100.64.3.4", true}, {"192.168.1.1", true}, {"203.0.113.5", false}, {"fd00::1", true}} {
		if private(a(c.a)) != c.want {
			t.Errorf("%s", c.a)
		}
	}
	l := link{udp: &listener{}, remote: netip.MustParseAddrPort("203.0.113.5:4000")}
	u := &UA{}
	if got := u.towards(l, "udp", netip.MustParseAddrPort("10.0.0.7:5060"), ""); got != l {
		t.Fatal("a private Contact behind a public source is not reachable")
	}
}

func TestCallerHeadersAreCleanAndReservedOnesRefused(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	if _, err := r.ua.Dial(DialRequest{Headers: map[string]string{"Via": "x"}}, nil); err == nil {
		t.Fatal("Via may not be set")
	}
	if _, err := r.ua.Dial(DialRequest{Headers: map[string]string{"X-A\r\nY": "x"}}, nil); err == nil {
		t.Fatal("header name with a line end")
	}
	req := out(p)
	req.Headers = map[string]string{"Alert-Info": "auto\r\nX-Evil: 1", "X-Call": "7"}
	req.FromName = "a\r\nX-Evil: 1"
	req.FromNumber = "5 0@<>"
	r.dial(req)
	inv := p.take("INVITE")
	if inv.h("X-Evil") != "" || inv.h("X-Call") != "7" || inv.h("Alert-Info") != "autoX-Evil: 1" || !strings.Contains(inv.h("From"), "<sip:5%200%40%3C%3E@") {
		t.Fatalf("%v", inv.head)
	}
}

func TestLargeMessagesOverUDPAreSent(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	big := offer + strings.Repeat("a=candidate:1 1 UDP 1 192.0.2.1 4000 typ host\r\n", 60)
	c := r.dial(DialRequest{Targets: []Target{p.target()}, SDP: []byte(big)})
	inv := p.take("INVITE")
	if inv.body != big {
		t.Fatal("cut")
	}
	p.reply(inv, 200, big)
	if e := wait[Answered](t, c); string(e.SDP) != big {
		t.Fatal("cut")
	}
}

func TestConnectionLossFailsTheCall(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *Config) { c.Limits = guard.Limits{} })
	p := newPeer(r, "tcp", carrierIP)
	p.send(p.text("OPTIONS", ""))
	p.take("200 OPTIONS")
	c := r.dial(out(p))
	p.take("INVITE")
	p.tcp.Close()
	if e := wait[Failed](t, c); e.Code != 503 {
		t.Fatalf("%+v", e)
	}
	r.empty()
}
