package sip

import (
	"strings"
	"testing"
	"time"
)

func TestIncomingCallIsAnsweredAndEndedByCaller(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			r := start(t)
			p := newPeer(r, network, carrierIP)
			p.invite(offer)
			p.take("100 INVITE")
			c := r.call()
			if string(c.in.SDP) != offer || c.in.Called != "102" || c.in.Source.Kind != FromTrunk || c.in.Source.Name != "carrier" || c.in.Source.Transport != network {
				t.Fatalf("incoming %+v", c.in)
			}
			if err := c.Ring(); err != nil {
				t.Fatal(err)
			}
			ring := p.take("180 INVITE")
			if ring.tag("To") == "" || ring.contact() == "" {
				t.Fatalf("180 without tag or Contact: %v", ring.head)
			}
			if err := c.Answer([]byte(answer)); err != nil {
				t.Fatal(err)
			}
			ok := p.take("200 INVITE")
			if ok.body != answer || ok.tag("To") != ring.tag("To") || ok.h("Allow") == "" || ok.h("Supported") == "" {
				t.Fatalf("200: %v", ok)
			}
			p.ack(ok, "")
			wait[Confirmed](t, c)
			p.send(p.text("BYE", "", `Reason: Q.850;cause=16;text="done"`))
			p.take("200 BYE")
			if e := wait[Ended](t, c); e.By != Remote || e.Code != 16 || e.Reason != "done" {
				t.Fatalf("%+v", e)
			}
			r.empty()
		})
	}
}

func TestLateOfferIsAnsweredInAck(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	p.invite("")
	c := r.call()
	if c.in.SDP != nil {
		t.Fatal("an offer out of nothing")
	}
	_ = c.Answer([]byte(offer))
	ok := p.take("200 INVITE")
	if ok.body != offer {
		t.Fatal("our 200 must carry the offer")
	}
	p.ack(ok, answer)
	if e := wait[Confirmed](t, c); string(e.SDP) != answer {
		t.Fatalf("%q", e.SDP)
	}
}

func TestOwnByeAndItsCrossing(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	c := establish(r, p)
	_ = c.End(Reason{Protocol: "Q.850", Code: 16, Text: "Normal"})
	_ = c.End(Reason{})
	bye := p.take("BYE")
	if bye.h("Reason") != `Q.850;cause=16;text="Normal"` || bye.tag("From") == "" || bye.tag("To") != p.tag {
		t.Fatalf("%v", bye.head)
	}
	p.send(p.text("BYE", "")) // crosses
	p.take("200 BYE")
	p.reply(bye, 200, "")
	if e := wait[Ended](t, c); e.By != Local {
		t.Fatalf("%+v", e)
	}
	r.empty()
	p.send(p.text("BYE", ""))
	p.take("481 BYE")
}

func TestCancelBeforeAnswer(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	p.invite(offer)
	c := r.call()
	_ = c.Ring()
	p.take("180 INVITE")
	p.send(p.text("CANCEL", "", `Reason: SIP;cause=200;text="Call completed elsewhere"`))
	p.take("200 CANCEL")
	end := p.take("487 INVITE")
	p.refuseAck(end)
	if e := wait[Cancelled](t, c); e.Reason.Code != 200 {
		t.Fatalf("%+v", e)
	}
	if err := c.Answer([]byte(answer)); err == nil {
		t.Fatal("answered a cancelled call")
	}
	_ = c.End(Reason{})
	r.empty()
}

func TestCancelAfterAnswerChangesNothing(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	p.invite(offer)
	c := r.call()
	_ = c.Answer([]byte(answer))
	ok := p.take("200 INVITE")
	p.send(p.text("CANCEL", ""))
	p.take("200 CANCEL")
	p.ack(ok, "")
	wait[Confirmed](t, c)
	none[Cancelled](t, c)
	p.send(p.text("BYE", ""))
	p.take("200 BYE")
	wait[Ended](t, c)
}

func TestUnmatchedCancelGets481(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	p.branch = "z9hG4bKnothing"
	p.seq = 1
	p.send(p.text("CANCEL", ""))
	p.take("481 CANCEL")
}

func TestByeInEarlyDialogEndsIt(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	p.invite(offer)
	c := r.call()
	_ = c.Ring()
	p.learn(p.take("180 INVITE"))
	p.send(p.text("BYE", ""))
	p.take("200 BYE")
	p.take("487 INVITE")
	if e := wait[Ended](t, c); e.By != Remote {
		t.Fatalf("%+v", e)
	}
	r.empty()
}

func TestLostAckEndsWithByeAt64T1(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			const t1 = 15 * time.Millisecond
			r := start(t, shortT1(t1))
			p := newPeer(r, network, carrierIP)
			p.invite(offer)
			c := r.call()
			began := time.Now()
			_ = c.Answer([]byte(answer))
			p.learn(p.take("200 INVITE"))
			bye := p.take("BYE")
			if since := time.Since(began); since < 63*t1 {
				t.Fatalf("BYE after %v, 64*T1 is %v", since, 64*t1)
			}
			// 1, 2, 4, 8, 8 … times T1: nine repetitions within 64*T1, if the machine keeps up.
			if n := p.count("200 INVITE"); n < 4 || n > 11 {
				t.Fatalf("%d 200s", n)
			}
			p.reply(bye, 200, "")
			if e := wait[Ended](t, c); e.By != NoAck {
				t.Fatalf("%+v", e)
			}
			none[Confirmed](t, c)
			r.empty()
		})
	}
}

func TestRepetitionOf200StopsWithAck(t *testing.T) {
	t.Parallel()
	r := start(t, shortT1(20*time.Millisecond))
	p := newPeer(r, "udp", carrierIP)
	p.invite(offer)
	c := r.call()
	_ = c.Answer([]byte(answer))
	p.take("200 INVITE")
	ok := p.take("200 INVITE") // at least one repetition
	p.ack(ok, "")
	wait[Confirmed](t, c)
	n := p.count("200 INVITE")
	time.Sleep(200 * time.Millisecond)
	if m := p.count("200 INVITE"); m > n+1 { // one may have been under way
		t.Fatalf("%d more 200s after the ACK", m-n)
	}
	p.ack(ok, "") // a second ACK is harmless
	p.send(p.text("BYE", ""))
	p.take("200 BYE")
}

func TestEndBeforeAckWaitsForIt(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	p.invite(offer)
	c := r.call()
	_ = c.Answer([]byte(answer))
	ok := p.take("200 INVITE")
	_ = c.End(Reason{Code: 16})
	if e := wait[Ended](t, c); e.By != Local {
		t.Fatalf("%+v", e)
	}
	if p.count("BYE") != 0 {
		t.Fatal("BYE before the ACK (RFC 3261 section 15)")
	}
	p.ack(ok, "")
	p.reply(p.take("BYE"), 200, "")
	r.empty()
}

func TestRejectDoesNotBlockAndIsRepeatedUntilAck(t *testing.T) {
	t.Parallel()
	r := start(t, shortT1(20*time.Millisecond))
	p := newPeer(r, "udp", carrierIP)
	p.invite(offer)
	c := r.call()
	if err := c.Reject(503, "Queue full", 1500*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	m := p.take("503 INVITE")
	if m.h("Retry-After") != "2" || !strings.HasSuffix(m.start, "Queue full") {
		t.Fatalf("%v %v", m.start, m.head)
	}
	p.take("503 INVITE")
	p.refuseAck(m)
	if e := wait[Ended](t, c); e.By != Local || e.Code != 503 {
		t.Fatalf("%+v", e)
	}
	r.empty()
}

func TestEndChoosesTheResponse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		r    Reason
		want string
	}{
		{Reason{Protocol: "SIP", Code: 486}, "486 INVITE"},
		{Reason{Protocol: "Q.850", Code: 17}, "486 INVITE"},
		{Reason{Protocol: "Q.850", Code: 21}, "603 INVITE"},
		{Reason{Protocol: "Q.850", Code: 38}, "503 INVITE"},
		{Reason{}, "480 INVITE"},
	} {
		r := start(t)
		p := newPeer(r, "udp", carrierIP)
		p.invite(offer)
		_ = r.call().End(c.r)
		p.refuseAck(p.take(c.want))
	}
}

func TestHandlerWithoutSinkIsRefused(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	r.whenCalled(func(c *call) { c.SetSink(nil) })
	p.invite(offer)
	p.take("480 INVITE")
	r.empty()
}

func TestRepeatedInviteGetsTheLastResponseAgain(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	s := p.invite(offer)
	c := r.call()
	_ = c.Ring()
	p.take("180 INVITE")
	p.send(s)
	p.take("180 INVITE")
	r.noCall()
}

func TestMergedRequestGets482(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	s := p.invite(offer)
	r.call()
	p.send(strings.Replace(s, p.branch, "z9hG4bKother", 1))
	p.take("482 INVITE")
	r.noCall()
}

func TestRequestsThatCannotBeServed(t *testing.T) {
	t.Parallel()
	r := start(t)
	for _, c := range []struct {
		name, want, header, value string
		send                      func(p *peer) string
	}{
		{name: "unknown extension", want: "420 INVITE", header: "Unsupported", value: "foo, bar", send: func(p *peer) string { return p.text("INVITE", offer, "Require: foo, timer", "Require: bar") }},
		{name: "unknown method", want: "405 PUBLISH", header: "Allow", value: "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, REFER, NOTIFY, REGISTER", send: func(p *peer) string { return p.text("PUBLISH", "") }},
		{name: "max-forwards", want: "483 INVITE", send: func(p *peer) string {
			return strings.Replace(p.text("INVITE", offer), "Max-Forwards: 70", "Max-Forwards: 0", 1)
		}},
		{name: "scheme", want: "416 INVITE", send: func(p *peer) string { p.uri = "http://example.com"; return p.text("INVITE", offer) }},
		{name: "version", want: "505 INVITE", send: func(p *peer) string {
			return strings.Replace(p.text("INVITE", offer), " SIP/2.0\r\nVia", " SIP/7.0\r\nVia", 1)
		}},
		{name: "no dialog", want: "481 BYE", send: func(p *peer) string { p.remote += ";tag=unknown"; return p.text("BYE", "") }},
		{name: "info outside", want: "481 INFO", send: func(p *peer) string { return p.text("INFO", "") }},
		{name: "content", want: "415 INVITE", header: "Accept", value: "application/sdp", send: func(p *peer) string {
			return strings.Replace(p.text("INVITE", offer), "application/sdp", "application/xml", 1)
		}},
		{name: "no contact", want: "400 INVITE", send: func(p *peer) string { return p.text("INVITE", offer, "-Contact") }},
		{name: "cseq method", want: "400", send: func(p *peer) string {
			return strings.Replace(p.text("INVITE", offer), "1 INVITE", "1 BYE", 1)
		}},
		{name: "bad replaces", want: "400 INVITE", send: func(p *peer) string { return p.text("INVITE", offer, "Replaces: x;to-tag=1") }},
		{name: "session too short", want: "422 INVITE", header: "Min-SE", value: "90", send: func(p *peer) string {
			return p.text("INVITE", offer, "Supported: timer", "Session-Expires: 60")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPeer(r, "udp", carrierIP)
			p.t = t
			p.send(c.send(p))
			m := p.take(c.want)
			if c.header != "" && m.h(c.header) != c.value {
				t.Fatalf("%s: %q", c.header, m.h(c.header))
			}
		})
	}
	r.noCall()
}

func TestOptionsIsAnswered(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	p.send(strings.Replace(p.text("OPTIONS", ""), "Max-Forwards: 70", "Max-Forwards: 0", 1))
	m := p.take("200 OPTIONS")
	if m.h("Allow") == "" || m.h("Accept") != "application/sdp" || m.h("Supported") != "100rel, timer, replaces" {
		t.Fatalf("%v", m.head)
	}
}

func TestViaReceivedAndRport(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	s := p.text("OPTIONS", "")
	s = strings.Replace(s, "UDP "+p.addr(), "UDP pc.example.com:9", 1)
	p.send(s)
	m := p.take("200 OPTIONS")
	port := strings.Split(p.addr(), ":")[1]
	if v := m.h("Via"); !strings.Contains(v, "rport="+port) || !strings.Contains(v, "received=127.0.0.1") {
		t.Fatal(v)
	}
}

func TestContactAndViaCarryTheAdvertisedHost(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *Config) { c.AdvertiseHost = "sip.example.az" })
	p := newPeer(r, "udp", carrierIP)
	p.invite(offer)
	c := r.call()
	_ = c.Answer([]byte(answer))
	ok := p.take("200 INVITE")
	if !strings.Contains(ok.contact(), "@sip.example.az:") {
		t.Fatal(ok.contact())
	}
	uri := p.uri
	p.ack(ok, "")
	p.uri = uri
	wait[Confirmed](t, c)
	_ = c.End(Reason{})
	if bye := p.take("BYE"); !strings.HasPrefix(bye.h("Via"), "SIP/2.0/UDP sip.example.az:") {
		t.Fatal(bye.h("Via"))
	}
}

func TestHairpinCallsAreTwoDialogs(t *testing.T) {
	t.Parallel()
	// Our own outgoing call comes back to us: same Call-ID, two dialogs.
	r := start(t)
	out := r.dial(DialRequest{Targets: []Target{{URI: "sip:102@" + r.addr["udp"]}}, FromNumber: "500", SDP: []byte(offer)})
	in := r.call()
	if in.in.CallID == "" || in.ID() == out.ID() {
		t.Fatal("one dialog instead of two")
	}
	_ = in.Ring()
	wait[Provisional](t, out)
	_ = in.Answer([]byte(answer))
	wait[Answered](t, out)
	wait[Confirmed](t, in)
	_ = out.End(Reason{Code: 16})
	if e := wait[Ended](t, in); e.By != Remote {
		t.Fatalf("%+v", e)
	}
	wait[Ended](t, out)
	r.empty()
}
