package sip

import (
	"strings"
	"testing"
	"time"
)

func TestPeerHoldsAndResumes(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	c := establish(r, p)
	p.send(p.text("INVITE", sdpOf(5)))
	p.take("100 INVITE")
	if e := wait[Offered](t, c); string(e.SDP) != sdpOf(5) || e.Update {
		t.Fatalf("%+v", e)
	}
	if err := c.AnswerOffer([]byte(sdpOf(6))); err != nil {
		t.Fatal(err)
	}
	ok := p.take("200 INVITE")
	if ok.body != sdpOf(6) {
		t.Fatal(ok.body)
	}
	p.ack(ok, "")
	if err := c.AnswerOffer(nil); err == nil {
		t.Fatal("answered twice")
	}
	p.send(p.text("INVITE", sdpOf(7)))
	wait[Offered](t, c)
	if err := c.RefuseOffer(488, ""); err != nil {
		t.Fatal(err)
	}
	p.refuseAck(p.take("488 INVITE"))
	// The same SDP again is a refresh and not worth an event.
	p.send(p.text("INVITE", sdpOf(5)))
	ok = p.take("200 INVITE")
	if ok.body != sdpOf(6) {
		t.Fatal("a refresh must get our last SDP unchanged")
	}
	p.ack(ok, "")
	none[Offered](t, c)
	none[Ended](t, c)
}

func TestPeerAsksForOurOfferWithinTheCall(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	c := establish(r, p)
	p.send(p.text("INVITE", ""))
	if e := wait[Offered](t, c); e.SDP != nil {
		t.Fatalf("%+v", e)
	}
	_ = c.AnswerOffer([]byte(sdpOf(6)))
	p.ack(p.take("200 INVITE"), sdpOf(7))
	if e := wait[Negotiated](t, c); string(e.SDP) != sdpOf(7) {
		t.Fatalf("%q", e.SDP)
	}
}

func TestUnansweredOfferIsRefused(t *testing.T) {
	t.Parallel()
	r := start(t, shortT1(20*time.Millisecond))
	p := newPeer(r, "udp", carrierIP)
	c := establish(r, p)
	p.send(p.text("UPDATE", sdpOf(5)))
	if e := wait[Offered](t, c); !e.Update {
		t.Fatalf("%+v", e)
	}
	p.take("488 UPDATE")
	none[Ended](t, c)
}

func TestOwnReinvite(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	c := establish(r, p)
	if err := c.Reinvite([]byte(sdpOf(5))); err != nil {
		t.Fatal(err)
	}
	inv := p.take("INVITE")
	if inv.body != sdpOf(5) || inv.tag("To") != p.tag {
		t.Fatalf("%v", inv)
	}
	// A second and a third wait; of those only the last is sent.
	_ = c.Reinvite([]byte(sdpOf(6)))
	_ = c.Reinvite([]byte(sdpOf(7)))
	p.reply(inv, 200, sdpOf(8))
	p.take("ACK")
	if e := wait[Negotiated](t, c); string(e.SDP) != sdpOf(8) {
		t.Fatalf("%q", e.SDP)
	}
	inv2 := p.take("INVITE")
	if inv2.body != sdpOf(7) {
		t.Fatal(inv2.body)
	}
	p.reply(inv, 200, sdpOf(8)) // a repeated 2xx of the first: no panic, nothing told
	p.reply(inv2, 488, "")
	p.take("ACK")
	if e := wait[NegotiationFailed](t, c); e.Code != 488 {
		t.Fatalf("%+v", e)
	}
	none[Negotiated](t, c)
}

func TestGlareTheirs491Ours(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	c := establish(r, p)
	_ = c.Reinvite([]byte(sdpOf(5)))
	inv := p.take("INVITE")
	p.send(p.text("INVITE", sdpOf(6))) // crosses ours
	p.refuseAck(p.take("491 INVITE"))
	p.reply(inv, 491, "")
	p.take("ACK")
	again := p.take("INVITE") // after the back-off
	if again.body != sdpOf(5) || again.h("CSeq") == inv.h("CSeq") {
		t.Fatalf("%v", again)
	}
	p.reply(again, 200, sdpOf(7))
	p.take("ACK")
	wait[Negotiated](t, c)
	none[NegotiationFailed](t, c)
	none[Offered](t, c)
}

func TestSecondOfferBeforeTheFirstIsAnsweredGets500(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	c := establish(r, p)
	p.send(p.text("UPDATE", sdpOf(5)))
	wait[Offered](t, c)
	p.send(p.text("UPDATE", sdpOf(6)))
	if m := p.take("500 UPDATE"); m.h("Retry-After") == "" {
		t.Fatal("500 needs Retry-After (RFC 3311 section 5.2)")
	}
	_ = c.AnswerOffer([]byte(sdpOf(7)))
	if m := p.take("200 UPDATE"); m.body != sdpOf(7) || m.contact() == "" {
		t.Fatalf("%v", m)
	}
}

func TestReinviteOvertakesTheAck(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	p.invite(offer)
	c := r.call()
	_ = c.Answer([]byte(answer))
	ok := p.take("200 INVITE")
	p.learn(ok)
	p.send(p.text("INVITE", sdpOf(5)))
	wait[Confirmed](t, c)
	wait[Offered](t, c)
	_ = c.AnswerOffer([]byte(sdpOf(6)))
	p.ack(p.take("200 INVITE"), "")
	none[Ended](t, c)
}

func TestLostAckOfReinviteEndsTheCall(t *testing.T) {
	t.Parallel()
	r := start(t, shortT1(10*time.Millisecond))
	p := newPeer(r, "udp", carrierIP)
	c := establish(r, p)
	p.send(p.text("INVITE", sdpOf(5)))
	wait[Offered](t, c)
	_ = c.AnswerOffer([]byte(sdpOf(6)))
	p.reply(p.take("BYE"), 200, "")
	if e := wait[Ended](t, c); e.By != NoAck {
		t.Fatalf("%+v", e)
	}
}

func TestReinvite481EndsTheCall(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	c := establish(r, p)
	_ = c.Reinvite([]byte(sdpOf(5)))
	p.reply(p.take("INVITE"), 481, "")
	if e := wait[Ended](t, c); e.By != Timeout || e.Code != 481 {
		t.Fatalf("%+v", e)
	}
	r.empty()
}

func TestReinviteWithoutAnswerEndsTheCallWithBye(t *testing.T) {
	t.Parallel()
	r := start(t, shortT1(10*time.Millisecond))
	p := newPeer(r, "udp", carrierIP)
	c := establish(r, p)
	_ = c.Reinvite([]byte(sdpOf(5)))
	p.reply(p.take("BYE"), 200, "")
	if e := wait[Ended](t, c); e.By != Timeout || e.Code != 408 {
		t.Fatalf("%+v", e)
	}
	r.empty()
}

func TestByeDuringReinvite(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	c := establish(r, p)
	p.send(p.text("INVITE", sdpOf(5)))
	wait[Offered](t, c)
	p.send(p.text("BYE", ""))
	p.take("487 INVITE")
	wait[Ended](t, c)
	if err := c.AnswerOffer([]byte(answer)); err == nil {
		t.Fatal("answered after the end")
	}
	r.empty()
}

func TestStaleCSeqGets500(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	p.seq = 10
	establish(r, p)
	p.branch = "z9hG4bK" + newTag()
	p.send(p.textAs("INFO", 5, ""))
	p.take("500 INFO")
	p.branch = "z9hG4bK" + newTag()
	p.send(p.textAs("INFO", 20, "")) // numbers may be left out
	p.take("200 INFO")
}

func TestInfoNotifyOptionsWithinTheCall(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	c := establish(r, p)
	p.send(strings.Replace(p.text("INFO", "Signal=5\r\nDuration=160\r\n"), "application/sdp", "application/dtmf-relay", 1))
	p.take("200 INFO")
	if e := wait[Info](t, c); e.ContentType != "application/dtmf-relay" || string(e.Body) != "Signal=5\r\nDuration=160\r\n" {
		t.Fatalf("%+v", e)
	}
	p.send(p.text("NOTIFY", "", "Event: message-summary"))
	p.take("200 NOTIFY")
	p.send(p.text("OPTIONS", ""))
	p.take("200 OPTIONS")
	p.send(p.text("MESSAGE", ""))
	p.take("405 MESSAGE")
}

func TestUpdateWithoutSDPRefreshesTheTarget(t *testing.T) {
	t.Parallel()
	r := start(t)
	p, moved := newPeer(r, "udp", carrierIP), newPeer(r, "udp", carrierIP)
	c := establish(r, p)
	p.send(p.text("UPDATE", "", "Contact: <sip:new@"+moved.addr()+">", "-Contact"))
	p.take("200 UPDATE")
	_ = c.End(Reason{})
	if bye := moved.take("BYE"); bye.uri() != "sip:new@"+moved.addr() {
		t.Fatal(bye.uri())
	}
}

func TestReferIsAbsorbedAndReported(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	c := establish(r, p)
	p.send(p.text("REFER", "", "Refer-To: <sip:*70%2355@host;user=phone?Replaces=abc%40host%3Bto-tag%3D7743%3Bfrom-tag%3D6472>", "Referred-By: <sip:101@host>"))
	e := wait[Refer](t, c)
	if e.User != "*70#55" || e.To != "sip:*70%2355@host;user=phone" || e.ReferredBy != "sip:101@host" || e.Replaces == nil ||
		*e.Replaces != (Replaces{CallID: "abc@host", ToTag: "7743", FromTag: "6472"}) {
		t.Fatalf("%+v %+v", e, e.Replaces)
	}
	if err := c.AcceptRefer(); err != nil {
		t.Fatal(err)
	}
	if m := p.take("202 REFER"); m.contact() == "" {
		t.Fatal("202 makes a subscription and needs a Contact")
	}
	n := p.take("NOTIFY")
	if n.h("Event") != "refer" || !strings.HasPrefix(n.h("Subscription-State"), "active") || n.body != "SIP/2.0 100 Trying\r\n" || n.h("Content-Type") != "message/sipfrag;version=2.0" {
		t.Fatalf("%v %q", n.head, n.body)
	}
	p.reply(n, 200, "")
	if err := c.NotifyRefer(200, "", true); err != nil {
		t.Fatal(err)
	}
	n = p.take("NOTIFY")
	if !strings.HasPrefix(n.h("Subscription-State"), "terminated") || n.body != "SIP/2.0 200 OK\r\n" {
		t.Fatalf("%v %q", n.head, n.body)
	}
	p.reply(n, 481, "") // a forgotten subscription does not end the call
	if err := c.NotifyRefer(200, "", true); err == nil {
		t.Fatal("reported after the final report")
	}
	none[Ended](t, c)
	p.send(p.text("REFER", "", "Refer-To: <sip:7@host>"))
	wait[Refer](t, c)
	_ = c.RefuseRefer(603)
	p.take("603 REFER")
	p.send(p.text("REFER", ""))
	p.take("400 REFER")
	p.send(p.text("REFER", "", "Refer-To: <http://example.com>"))
	p.take("400 REFER")
}

func TestReplacesOnInviteIsReadAndFound(t *testing.T) {
	t.Parallel()
	r := start(t)
	p, q := newPeer(r, "udp", carrierIP), newPeer(r, "udp", carrierIP)
	c := establish(r, p)
	c.Dialog.mu.Lock()
	mine := c.Dialog.leg.localTag
	c.Dialog.mu.Unlock()
	q.invite(offer, "Require: replaces", "Replaces: "+p.callID+";from-tag="+p.tag+";to-tag="+mine)
	d := r.call()
	if d.in.Replaces == nil || r.ua.FindReplaces(*d.in.Replaces) != c.Dialog {
		t.Fatalf("%+v", d.in.Replaces)
	}
	early := *d.in.Replaces
	early.EarlyOnly = true
	if r.ua.FindReplaces(early) != nil {
		t.Fatal("early-only must not find an answered call")
	}
	if r.ua.FindReplaces(Replaces{p.callID, p.tag, mine, false}) != nil {
		t.Fatal("tags the wrong way round")
	}
	_ = d.Answer([]byte(answer))
	q.ack(q.take("200 INVITE"), "")
	_ = c.End(Reason{})
	p.reply(p.take("BYE"), 200, "")
	eventually(t, "replaced call gone", func() bool { return r.ua.FindReplaces(*d.in.Replaces) == nil })
}

func TestReliable183WaitsForPrackAndAnswerForBoth(t *testing.T) {
	t.Parallel()
	r := start(t, shortT1(40*time.Millisecond))
	p := newPeer(r, "udp", carrierIP)
	p.invite(offer, "Supported: 100rel")
	c := r.call()
	_ = c.Ring() // not reliable: the peer only supports it and there is no SDP
	if m := p.take("180 INVITE"); m.h("RSeq") != "" {
		t.Fatalf("%v", m.head)
	}
	_ = c.Progress([]byte(answer))
	m := p.take("183 INVITE")
	if m.h("Require") != "100rel" || m.h("RSeq") == "" || m.body != answer {
		t.Fatalf("%v", m.head)
	}
	if err := c.Answer([]byte(answer)); err != nil {
		t.Fatal(err)
	}
	again := p.take("183 INVITE") // repeated until PRACK
	if again.h("RSeq") != m.h("RSeq") || p.count("200 INVITE") != 0 {
		t.Fatal("200 before the PRACK (RFC 3262 section 3)")
	}
	p.learn(m)
	p.send(p.text("PRACK", "", "RAck: 1 1 INVITE"))
	p.take("481 PRACK")
	p.send(p.text("PRACK", "", "RAck: "+m.h("RSeq")+" 1 INVITE"))
	p.take("200 PRACK")
	ok := p.take("200 INVITE")
	if ok.body != "" {
		t.Fatal("the answer was in the reliable 183 already")
	}
	p.branch = "z9hG4bK" + newTag()
	p.send(p.textAs("ACK", 1, ""))
	wait[Confirmed](t, c)
}

func TestRequired100relMakesEveryProvisionalReliableInOrder(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	p.invite(offer, "Require: 100rel")
	c := r.call()
	_ = c.Ring()
	_ = c.Progress([]byte(answer))
	m := p.take("180 INVITE")
	if m.h("RSeq") == "" || p.count("183 INVITE") != 0 {
		t.Fatal("the second must wait for the PRACK of the first")
	}
	p.learn(m)
	p.send(p.text("PRACK", "", "RAck: "+m.h("RSeq")+" 1 INVITE"))
	p.take("200 PRACK")
	m2 := p.take("183 INVITE")
	if seconds(m2.h("RSeq")) != seconds(m.h("RSeq"))+1 {
		t.Fatal("RSeq must rise by one")
	}
}

func TestMissingPrackEndsTheCallWith504(t *testing.T) {
	t.Parallel()
	r := start(t, shortT1(10*time.Millisecond))
	p := newPeer(r, "udp", carrierIP)
	p.invite(offer, "Require: 100rel")
	c := r.call()
	_ = c.Ring()
	p.refuseAck(p.take("504 INVITE"))
	if e := wait[Ended](t, c); e.By != Timeout {
		t.Fatalf("%+v", e)
	}
	r.empty()
}

func TestLateOfferInReliable183IsAnsweredInPrack(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	p.invite("", "Supported: 100rel")
	c := r.call()
	_ = c.Progress([]byte(offer))
	m := p.take("183 INVITE")
	if m.body != offer {
		t.Fatal("offer missing")
	}
	p.learn(m)
	p.send(p.text("PRACK", answer, "RAck: "+m.h("RSeq")+" 1 INVITE"))
	p.take("200 PRACK")
	_ = c.Answer([]byte(offer))
	ok := p.take("200 INVITE")
	if ok.body != "" {
		t.Fatal("offer and answer are complete")
	}
	p.branch = "z9hG4bK" + newTag()
	p.send(p.textAs("ACK", 1, ""))
	if e := wait[Confirmed](t, c); string(e.SDP) != answer {
		t.Fatalf("%q", e.SDP)
	}
}

func TestOwnPrackForReliable183(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	c := r.dial(out(p))
	inv := p.take("INVITE")
	p.reply(inv, 183, answer, "Require: 100rel", "RSeq: 50")
	pr := p.take("PRACK")
	if pr.h("RAck") != "50 1 INVITE" || pr.h("CSeq") != "2 PRACK" || pr.tag("To") != p.tag {
		t.Fatalf("%v", pr.head)
	}
	p.reply(inv, 183, answer, "Require: 100rel", "RSeq: 50") // repeated
	p.reply(inv, 180, "", "Require: 100rel", "RSeq: 52")     // out of order
	p.reply(pr, 200, "")
	wait[Provisional](t, c)
	// The callee changes its mind about the media while it rings.
	p.seq = 100
	p.send(p.text("UPDATE", sdpOf(5)))
	if e := wait[Offered](t, c); !e.Update {
		t.Fatalf("%+v", e)
	}
	_ = c.AnswerOffer([]byte(sdpOf(6)))
	if m := p.take("200 UPDATE"); m.body != sdpOf(6) || m.tag("To") != inv.tag("From") {
		t.Fatalf("%v %q", m.head, m.body)
	}
	p.reply(inv, 200, "")
	p.take("ACK")
	if e := wait[Answered](t, c); string(e.SDP) != sdpOf(5) {
		t.Fatalf("the answer came in the reliable 183, and an UPDATE changed it: %q", e.SDP)
	}
	if p.count("PRACK") != 1 {
		t.Fatalf("%d PRACKs", p.count("PRACK"))
	}
	none[Provisional](t, c)
	_ = c.End(Reason{})
	if bye := p.take("BYE"); bye.h("CSeq") != "3 BYE" {
		t.Fatal(bye.h("CSeq"))
	}
}

func timers(se, min time.Duration) func(*Config) {
	return func(c *Config) { c.SessionExpires, c.MinSE = se, min }
}

func TestSessionTimerWeRefreshByUpdate(t *testing.T) {
	t.Parallel()
	r := start(t, timers(2*time.Second, time.Second))
	p := newPeer(r, "udp", carrierIP)
	c := establishOut(r, p, "Session-Expires: 2;refresher=uac", "Require: timer", "Allow: INVITE, UPDATE")
	up := p.take("UPDATE")
	if up.h("Session-Expires") != "2;refresher=uac" || up.body != "" {
		t.Fatalf("%v", up.head)
	}
	p.reply(up, 200, "", "Session-Expires: 2;refresher=uac")
	up = p.take("UPDATE") // and again
	p.reply(up, 405, "")  // now it refuses UPDATE: the other way
	inv := p.take("INVITE")
	if inv.body != offer {
		t.Fatal("a refresh repeats the last SDP unchanged")
	}
	p.reply(inv, 200, answer, "Session-Expires: 2;refresher=uac")
	p.take("ACK")
	none[Negotiated](t, c)
	none[Ended](t, c)
}

func TestSessionTimerWithoutRefreshEndsWithBye(t *testing.T) {
	t.Parallel()
	r := start(t, timers(2*time.Second, time.Second))
	p := newPeer(r, "udp", carrierIP)
	began := time.Now()
	p.invite(offer, "Supported: timer", "Session-Expires: 2;refresher=uac")
	c := r.call()
	_ = c.Answer([]byte(answer))
	ok := p.take("200 INVITE")
	if ok.h("Session-Expires") != "2;refresher=uac" || ok.h("Require") != "timer" {
		t.Fatalf("%v", ok.head)
	}
	p.ack(ok, "")
	wait[Confirmed](t, c)
	time.Sleep(800 * time.Millisecond)
	p.send(p.text("UPDATE", "", "Supported: timer", "Session-Expires: 2;refresher=uac")) // one refresh …
	if m := p.take("200 UPDATE"); m.h("Session-Expires") != "2;refresher=uac" {
		t.Fatalf("%v", m.head)
	}
	bye := p.take("BYE") // … and then none
	if time.Since(began) < 1800*time.Millisecond {
		t.Fatal("the refresh did not count")
	}
	p.reply(bye, 200, "")
	if e := wait[Ended](t, c); e.By != SessionTimer {
		t.Fatalf("%+v", e)
	}
}

func TestSessionTimer422IsRetriedWithTheirMinimum(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	c := r.dial(out(p))
	inv := p.take("INVITE")
	p.reply(inv, 422, "", "Min-SE: 3600")
	p.take("ACK")
	inv2 := p.take("INVITE")
	if inv2.h("Session-Expires") != "3600" || inv2.h("Min-SE") != "3600" || inv2.h("Call-ID") != inv.h("Call-ID") || inv2.h("CSeq") != "2 INVITE" {
		t.Fatalf("%v", inv2.head)
	}
	p.reply(inv2, 200, answer)
	wait[Answered](t, c)
}

func TestSessionTimerRoles(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ supported, expires, want string }{
		{"timer", "1800", "1800;refresher=uac"},
		{"timer", "1800;refresher=uas", "1800;refresher=uas"},
		{"timer", "7200", "1800;refresher=uac"}, // we may lower it
		{"timer", "", "1800;refresher=uac"},     // we may ask for one
		{"100rel", "600", "600;refresher=uas"},  // a proxy asked; only we can do it
		{"100rel", "", ""},
	} {
		r := start(t)
		p := newPeer(r, "udp", carrierIP)
		head := []string{"Supported: " + c.supported}
		if c.expires != "" {
			head = append(head, "Session-Expires: "+c.expires)
		}
		p.invite(offer, head...)
		k := r.call()
		_ = k.Answer([]byte(answer))
		ok := p.take("200 INVITE")
		if ok.h("Session-Expires") != c.want || strings.HasSuffix(c.want, "uac") != (ok.h("Require") == "timer") {
			t.Fatalf("%+v: %q %q", c, ok.h("Session-Expires"), ok.h("Require"))
		}
		p.ack(ok, "")
	}
}
