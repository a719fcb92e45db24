package sip

import (
	"net"
	"strings"
	"testing"
	"time"

	"cagri/internal/sip/guard"
)

func TestByeOfATargetThatLostDoesNotEndTheCall(t *testing.T) {
	t.Parallel()
	r := start(t)
	a, b := newPeer(r, "udp", carrierIP), newPeer(r, "udp", carrierIP)
	c := r.dial(DialRequest{Targets: []Target{a.target(), b.target()}, SDP: []byte(offer)})
	ia, ib := a.take("INVITE"), b.take("INVITE")
	a.reply(ia, 180, "")
	b.reply(ib, 180, "") // from here on B's dialog is known
	wait[Provisional](t, c)
	wait[Provisional](t, c)
	a.reply(ia, 200, answer)
	a.take("ACK")
	wait[Answered](t, c)
	b.reply(ib, 200, sdpOf(9)) // picked up at the same moment …
	b.take("ACK")
	bye := b.take("BYE")
	b.seq = 100
	b.send(b.text("UPDATE", sdpOf(8)))
	b.take("481 UPDATE")
	b.send(b.text("BYE", "")) // … and hung up before our BYE arrived
	b.take("200 BYE")
	b.reply(bye, 200, "")
	none[Ended](t, c)
	none[Offered](t, c)
	a.seq = 100
	a.send(a.text("OPTIONS", ""))
	a.take("200 OPTIONS") // the call lives
	_ = c.End(Reason{})
	a.reply(a.take("BYE"), 200, "")
	r.empty()
}

func TestPrackThatCrossesThe200IsAnswered(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	p.invite(offer, "Require: 100rel")
	c := r.call()
	_ = c.Ring()
	m := p.take("180 INVITE")
	_ = c.Answer([]byte(answer)) // a 1xx without SDP may be overtaken
	ok := p.take("200 INVITE")
	p.learn(m)
	p.send(p.text("PRACK", "", "RAck: "+m.h("RSeq")+" 1 INVITE"))
	p.take("200 PRACK") // 481 would end the call at many a peer (RFC 5057)
	p.seq = 1
	p.ack(ok, "")
	wait[Confirmed](t, c)
}

func TestSessionTimerOfAnEarlyUpdateWaitsForTheAnswer(t *testing.T) {
	t.Parallel()
	r := start(t, timers(time.Second, time.Second))
	short := []string{"Supported: timer", "Session-Expires: 1;refresher=uac"}
	t.Run("outgoing", func(t *testing.T) {
		p := newPeer(r, "udp", carrierIP)
		c := r.dial(out(p))
		inv := p.take("INVITE")
		p.reply(inv, 180, "")
		wait[Provisional](t, c)
		p.seq = 100
		p.send(p.text("UPDATE", "", short...))
		p.take("200 UPDATE")
		c.Dialog.mu.Lock()
		if c.Dialog.session.interval != time.Second || c.Dialog.session.expiry != nil {
			t.Errorf("the timer runs already: %+v", c.Dialog.session)
		}
		c.Dialog.mu.Unlock()
		p.reply(inv, 200, answer)
		wait[Answered](t, c)
	})
	t.Run("incoming", func(t *testing.T) {
		p := newPeer(r, "udp", carrierIP)
		p.invite(offer, "Supported: timer")
		c := r.call()
		_ = c.Ring()
		p.learn(p.take("180 INVITE"))
		p.send(p.text("UPDATE", "", short...))
		p.take("200 UPDATE")
		c.Dialog.mu.Lock()
		if c.Dialog.session.interval != time.Second || c.Dialog.session.expiry != nil {
			t.Errorf("the timer runs already: %+v", c.Dialog.session)
		}
		c.Dialog.mu.Unlock()
		_ = c.Reject(486, "", 0)
	})
}

func TestOfferInUpdateBeforeTheFirstIsAnsweredGets491(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	c := r.dial(out(p))
	inv := p.take("INVITE")
	p.reply(inv, 180, "")
	wait[Provisional](t, c)
	p.seq = 100
	p.send(p.text("UPDATE", sdpOf(5)))
	p.take("491 UPDATE")
	p.reply(inv, 200, answer)
	if e := wait[Answered](t, c); string(e.SDP) != answer {
		t.Fatalf("%q", e.SDP)
	}
	none[Offered](t, c)
}

func TestReinviteWithTryingAndNothingMoreEndsTheCall(t *testing.T) {
	t.Parallel()
	r := start(t, shortT1(10*time.Millisecond))
	p := newPeer(r, "udp", carrierIP)
	c := establishOut(r, p)
	_ = c.Reinvite([]byte(sdpOf(3)))
	p.reply(p.take("INVITE"), 100, "")
	bye := p.take("BYE")
	p.reply(bye, 200, "")
	if e := wait[Ended](t, c); e.By != Timeout {
		t.Fatalf("%+v", e)
	}
	r.empty()
	eventually(t, "no transaction left", func() bool { return r.ua.Stats().ClientTransactions == 0 })
}

func TestTwoTargetsWithTheSameMinimumInterval(t *testing.T) {
	t.Parallel()
	r := start(t)
	a, b := newPeer(r, "udp", carrierIP), newPeer(r, "udp", carrierIP)
	c := r.dial(DialRequest{Targets: []Target{a.target(), b.target()}, SDP: []byte(offer)})
	ia, ib := a.take("INVITE"), b.take("INVITE")
	for _, x := range []struct {
		p   *peer
		inv *msg
	}{{a, ia}, {b, ib}} {
		x.p.reply(x.inv, 422, "", "Min-SE: 3600")
		x.p.take("ACK")
		if again := x.p.take("INVITE"); again.h("Session-Expires") != "3600" {
			t.Fatalf("%v", again.head)
		}
	}
	none[Failed](t, c)
}

func TestTinySessionIntervalIsNotCarriedOut(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	p.invite(offer, "Session-Expires: 1") // without Supported: timer there is no 422
	c := r.call()
	_ = c.Answer([]byte(answer))
	ok := p.take("200 INVITE")
	if ok.h("Session-Expires") != "90;refresher=uas" {
		t.Fatal(ok.h("Session-Expires"))
	}
	p.ack(ok, "")
	q := newPeer(r, "udp", carrierIP)
	d := establishOut(r, q, "Session-Expires: 1;refresher=uas", "Require: timer")
	d.Dialog.mu.Lock()
	defer d.Dialog.mu.Unlock()
	if d.Dialog.session.interval != 90*time.Second {
		t.Fatalf("%+v", d.Dialog.session)
	}
}

// A caller that loses its connection while the telephone rings listens at the port in its Via (RFC 3261 section 18.2.2).
func TestAnswerFindsACallerWhoseConnectionIsGone(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *Config) { c.Limits = guard.Limits{} })
	p := newPeer(r, "tcp", carrierIP)
	l, err := net.Listen("tcp", carrierIP+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p.send(strings.Replace(p.text("INVITE", offer), p.addr()+";branch", l.Addr().String()+";branch", 1))
	c := r.call()
	p.take("100 INVITE")
	p.tcp.Close()
	eventually(t, "connection noticed", func() bool { return r.ua.Stats().Streams == 0 })
	_ = c.Answer([]byte(answer))
	_ = l.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
	p.tcp, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer p.tcp.Close()
	go p.readTCP(p.tcp)
	p.ack(p.take("200 INVITE"), "")
	wait[Confirmed](t, c)
	p.send(p.text("BYE", ""))
	p.take("200 BYE")
	wait[Ended](t, c)
	r.empty()
}

func TestRepeated200OfAReinviteGoesWhereItWasAsked(t *testing.T) {
	t.Parallel()
	r := start(t, shortT1(40*time.Millisecond))
	p, q := newPeer(r, "udp", phoneIP), newPeer(r, "udp", phoneIP)
	p.register("101", "pw101", 300)
	p.remote, p.uri = "<sip:102@"+p.to+">", "sip:102@"+p.to
	p.invite(offer)
	m := p.take("401 INVITE")
	p.refuseAck(m)
	p.invite(offer, p.authorized(m, "INVITE", p.uri, "101", "pw101"))
	c := r.call()
	_ = c.Answer([]byte(answer))
	p.ack(p.take("200 INVITE"), "")
	wait[Confirmed](t, c)
	// The phone's router gives it another port.
	q.tag, q.callID, q.seq, q.uri, q.remote, q.local = p.tag, p.callID, p.seq, p.uri, p.remote, p.local
	q.invite(sdpOf(3))
	wait[Offered](t, c)
	_ = c.AnswerOffer([]byte(sdpOf(4)))
	q.take("200 INVITE")
	q.ack(q.take("200 INVITE"), "") // the first one was lost
	if n := p.count("200 INVITE"); n != 1 {
		t.Fatalf("%d went to the old port", n-1)
	}
}

func TestReliableProvisionalIsRepeatedEveryMinute(t *testing.T) {
	t.Parallel()
	r := start(t, shortT1(10*time.Millisecond)) // a minute is 1.2 s
	p := newPeer(r, "udp", carrierIP)
	p.invite(offer, "Require: 100rel")
	c := r.call()
	_ = c.Ring()
	m := p.take("180 INVITE")
	p.learn(m)
	p.send(p.text("PRACK", "", "RAck: "+m.h("RSeq")+" 1 INVITE"))
	p.take("200 PRACK")
	var m2 *msg
	for m2 = p.take("180 INVITE"); m2.h("RSeq") == m.h("RSeq"); m2 = p.take("180 INVITE") {
	}
	if seconds(m2.h("RSeq")) != seconds(m.h("RSeq"))+1 {
		t.Fatal(m2.head)
	}
	p.send(p.text("PRACK", "", "RAck: "+m2.h("RSeq")+" 1 INVITE"))
	p.take("200 PRACK")
	_ = c.Reject(486, "", 0)
}

func TestReplacesOfNoCallIsRefused(t *testing.T) {
	t.Parallel()
	r := start(t)
	p, q, z := newPeer(r, "udp", carrierIP), newPeer(r, "udp", carrierIP), newPeer(r, "udp", carrierIP)
	c := establish(r, p)
	mine := c.Dialog.leg.localTag
	q.invite(offer, "Replaces: nobody;from-tag=a;to-tag=b")
	q.refuseAck(q.take("481 INVITE"))
	q.invite(offer, "Replaces: "+p.callID+";from-tag="+p.tag+";to-tag="+mine+";early-only")
	q.refuseAck(q.take("486 INVITE"))
	z.invite(offer) // rings; only who called may be replaced before the answer
	d := r.call()
	q.invite(offer, "Replaces: "+z.callID+";from-tag="+z.tag+";to-tag="+d.Dialog.leg.localTag)
	q.refuseAck(q.take("481 INVITE"))
	named := p.callID + ";from-tag=" + p.tag + ";to-tag=" + mine
	for _, wrong := range [][]string{
		{"Replaces: " + named + ";to-tag=" + mine},
		{"Replaces: " + p.callID + ";from-tag=" + p.tag},
		{"Replaces: ;from-tag=" + p.tag + ";to-tag=" + mine},
		{"Replaces: "},
		{"Replaces: " + named, "Replaces: " + named},
		{"Replaces: " + named, "Join: " + named}, // RFC 3911 section 4
	} {
		q.invite(offer, wrong...)
		q.refuseAck(q.take("400 INVITE"))
	}
	r.noCall()
	q.invite(offer, "Join: "+named) // not understood, as nothing requires it: a new call
	_ = r.call().Reject(486, "", 0)
	q.refuseAck(q.take("486 INVITE"))
	q.invite(offer, "Require: join", "Join: "+named)
	if m := q.take("420 INVITE"); m.h("Unsupported") != "join" {
		t.Errorf("%v", m.head)
	}
}
