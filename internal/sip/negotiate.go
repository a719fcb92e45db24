package sip

import (
	"errors"
	"math/rand/v2"
	"strconv"
	"time"
)

// negotiation is a re-INVITE or UPDATE of ours in progress.
type negotiation struct {
	method  string
	sdp     []byte
	refresh bool // of the session timer: nobody asked for it
	tries   int
	asked   time.Duration // session interval
}

// peerOffer is a re-INVITE, UPDATE or PRACK that waits for AnswerOffer or RefuseOffer.
type peerOffer struct {
	tx     *serverTx
	in     *message
	leg    *leg
	sdp    []byte // nil: it asks for our offer
	update bool
	timer  *time.Timer
}

// busy says whether an offer is open in either direction, so that another one must wait.
func (d *Dialog) busy() bool {
	return d.mine != nil || d.peers != nil || d.ack != nil || d.ackDue != nil || d.backoff != nil
}

// Reinvite offers sdp to the peer: hold, resume, or a move of the media. Negotiated or NegotiationFailed tells the outcome. While
// another negotiation is open it waits; of several waiting only the last is sent.
func (d *Dialog) Reinvite(sdp []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(sdp) == 0 || d.byeDue != nil || d.state != confirmed && d.state != answered {
		return ErrState
	}
	if d.busy() {
		d.waiting = &sdp
		return nil
	}
	d.negotiate(&negotiation{method: "INVITE", sdp: sdp})
	return nil
}

// resume starts what waited for the end of a negotiation. d.mu is held.
func (d *Dialog) resume() {
	if d.waiting == nil || d.state != confirmed || d.busy() {
		return
	}
	sdp := *d.waiting
	d.waiting = nil
	d.negotiate(&negotiation{method: "INVITE", sdp: sdp})
}

// negotiate sends a re-INVITE or UPDATE. d.mu is held.
func (d *Dialog) negotiate(n *negotiation) {
	n.tries++
	d.mine = n
	n.asked = d.session.wish(d.ua, true)
	g := d.leg
	headers := []string{allowed, supported, d.session.offer(d, true)}
	d.ask(g, n.method, headers, sdpType, n.sdp, func(in *message, err error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.negotiated(n, g, in, err)
	})
}

func (d *Dialog) negotiated(n *negotiation, g *leg, in *message, err error) {
	if err != nil {
		if d.mine == n {
			d.mine = nil
			d.unanswered(err)
		}
		return
	}
	code := in.res.StatusCode
	if code < 300 && n.method == "INVITE" {
		if d.mine != n { // a repeated 2xx, or one after the end
			if g.ackSeq == in.seq {
				d.againAck(g, in.seq)
			} else {
				d.sendAck(g, in.seq, nil)
			}
			return
		}
		d.sendAck(g, in.seq, nil)
	}
	if d.mine != n {
		return
	}
	d.mine = nil
	if d.state == over {
		return
	}
	switch {
	case code < 300:
		g.refreshTarget(in.contactURI())
		g.update = g.update || in.allowUpdate
		d.session.agreed(d.ua, in)
		d.session.begin(d)
		if len(n.sdp) > 0 {
			d.localSDP = n.sdp
			sdp, _ := in.sdp()
			changed := !same(sdp, d.remoteSDP)
			if sdp != nil {
				d.remoteSDP = sdp
			}
			switch {
			case sdp == nil && !n.refresh:
				d.tell(NegotiationFailed{Code: code}) // a 2xx without answer: nothing was agreed
			case !n.refresh || changed && sdp != nil:
				d.tell(Negotiated{SDP: sdp})
			}
		}
	case code == 481 || code == 408:
		// RFC 3261 section 12.2.1.2 and RFC 5057: the peer does not know the dialog any more.
		if code == 408 {
			d.bye(Reason{Protocol: "SIP", Code: 408})
			d.tell(Ended{By: Timeout, Code: code, Reason: in.res.Reason})
			return
		}
		d.lost(Timeout, code, in.res.Reason)
		return
	case code == 491 && n.tries < 10:
		d.backOff(n)
		return
	case code == 422 && d.session.tooSmall(in, n.asked, n.tries):
		d.negotiate(n)
		return
	case code == 500 && in.retryAfter != "" && n.tries < 4:
		wait := d.ua.scaled(time.Duration(min(max(seconds(in.retryAfter), 0), 10)) * time.Second)
		d.retryIn(n, wait+d.ua.t1/5)
		return
	case n.refresh && n.method == "UPDATE" && len(d.localSDP) > 0:
		// It allows UPDATE and refuses it: a re-INVITE is the other way.
		g.update = false
		d.negotiate(&negotiation{method: "INVITE", refresh: true, sdp: d.localSDP})
		return
	case !n.refresh:
		d.tell(NegotiationFailed{Code: code})
	}
	d.resume()
}

// unanswered ends the dialog after a request in it got no final response. d.mu is held.
func (d *Dialog) unanswered(err error) {
	if d.state == over {
		return
	}
	if errors.Is(err, errTransport) {
		d.lost(Transport, 503, "the peer cannot be reached")
		return
	}
	// RFC 3261 section 12.2.1.2: a timeout is treated as 408; a BYE tells the peer in case only one way is lost.
	d.bye(Reason{Protocol: "SIP", Code: 408, Text: "No answer within the dialog"})
	d.tell(Ended{By: Timeout, Code: 408, Reason: "the peer did not answer a request within the call"})
}

// backOff waits after a 491 (RFC 3261 section 14.1): 2.1 to 4 s for whoever owns the Call-ID, else 0 to 2 s.
func (d *Dialog) backOff(n *negotiation) {
	wait := time.Duration(rand.IntN(201)) * 10 * time.Millisecond
	if d.uac {
		wait = 2100*time.Millisecond + time.Duration(rand.IntN(191))*10*time.Millisecond
	}
	d.retryIn(n, d.ua.scaled(wait))
}

func (d *Dialog) retryIn(n *negotiation, wait time.Duration) {
	var t *time.Timer
	t = time.AfterFunc(wait, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.backoff != t {
			return
		}
		d.backoff = nil
		if d.state != confirmed {
			return
		}
		if d.waiting != nil && !n.refresh { // a newer wish replaces this one
			n.sdp, d.waiting = *d.waiting, nil
		}
		if d.busy() {
			d.retryIn(n, d.ua.t1)
			return
		}
		d.negotiate(n)
	})
	d.backoff = t
}

// onOffer takes a re-INVITE or an UPDATE. d.mu is held.
func (d *Dialog) onOffer(g *leg, tx *serverTx, in *message) {
	update := in.method == "UPDATE"
	sdp, ok := in.sdp()
	// An ACK that was lost or overtaken: the peer goes on only because it has our 2xx.
	if a := d.ack; a != nil && in.seq > a.seq && !a.late {
		a.timer.Stop()
		d.ack = nil
		d.acked(a, nil)
		if d.state == over {
			_ = tx.reply(481, reasonPhrase(481))
			return
		}
	}
	switch {
	case !ok:
		_ = tx.reply(415, reasonPhrase(415), accepted)
		return
	case d.ua.tooShort(in):
		_ = tx.reply(422, reasonPhrase(422), d.ua.minSEHeader())
		return
	case update && sdp == nil: // a refresh of session timer or target
		g.refreshTarget(in.contactURI())
		extra := d.offerHeaders(g, in)
		_ = tx.respond(200, d.ua.response(in, 200, "OK", g.localTag, "", nil, extra))
		d.session.begin(d)
		return
	case d.peers != nil || d.ack != nil:
		// RFC 3261 section 14.2, RFC 3311 section 5.2: the answer to an earlier one is still due.
		_ = tx.reply(500, reasonPhrase(500), "Retry-After: "+strconv.Itoa(rand.IntN(11))+"\r\n")
		return
	case d.mine != nil && (d.mine.method == "INVITE" || len(d.mine.sdp) > 0):
		_ = tx.reply(491, reasonPhrase(491))
		return
	case d.state == early && !d.uac && !d.answerSent, d.state == early && d.uac && g.agreed == nil, d.ackDue != nil:
		_ = tx.reply(491, reasonPhrase(491)) // the first offer and answer are not complete
		return
	case !update && d.state == early:
		_ = tx.reply(491, reasonPhrase(491))
		return
	}
	if sdp != nil && same(sdp, d.remoteSDP) && len(d.localSDP) > 0 && d.state == confirmed {
		d.peers = &peerOffer{tx: tx, in: in, leg: g, sdp: sdp, update: update}
		_ = d.answerOffer(d.localSDP)
		return
	}
	d.offered(g, tx, in, sdp, update)
}

// offered keeps the peer's offer until the owner has decided. d.mu is held.
func (d *Dialog) offered(g *leg, tx *serverTx, in *message, sdp []byte, update bool) {
	if d.told {
		_ = tx.reply(488, reasonPhrase(488))
		return
	}
	p := &peerOffer{tx: tx, in: in, leg: g, sdp: sdp, update: update}
	if !update {
		_ = tx.respond(100, d.ua.response(in, 100, "Trying", "", "", nil))
	}
	p.timer = time.AfterFunc(20*d.ua.t1, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.peers == p {
			d.refuseOffer(488, "")
		}
	})
	d.peers = p
	d.tell(Offered{SDP: sdp, Update: update})
}

// offerHeaders are the lines of our 2xx to a re-INVITE or UPDATE.
func (d *Dialog) offerHeaders(g *leg, in *message) string {
	return "Contact: " + d.ua.contact(g.link, g.user) + "\r\n" + allowed + supported + d.session.respond(d, in)
}

// AnswerOffer replies to Offered: with the answer, or with our offer when the peer asked for it (its answer comes as Negotiated).
// It also answers the offer in the 2xx to an INVITE that we sent without SDP.
func (d *Dialog) AnswerOffer(sdp []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ackDue != nil && d.state != over {
		d.settleAckDue(sdp)
		d.resume()
		return nil
	}
	if d.peers == nil || d.state == over {
		return ErrState
	}
	return d.answerOffer(sdp)
}

func (d *Dialog) answerOffer(sdp []byte) error {
	p := d.peers
	d.peers = nil
	if p.timer != nil {
		p.timer.Stop()
	}
	g := p.leg
	g.refreshTarget(p.in.contactURI())
	g.update = g.update || p.in.allowUpdate
	extra := ""
	if p.in.method == "PRACK" {
		extra = allowed
	} else {
		extra = d.offerHeaders(g, p.in)
	}
	raw := d.ua.response(p.in, 200, "OK", g.localTag, sdpType, sdp, extra)
	_ = p.tx.respond(200, raw) // a lost 200 is repeated below, or asked for again
	if len(sdp) > 0 {
		d.localSDP = sdp
	}
	if p.sdp != nil {
		d.remoteSDP = p.sdp
	}
	if d.uac && d.state == early {
		g.agreed = p.sdp // newer than the answer to our INVITE
	}
	if p.in.method == "INVITE" {
		d.expectAck(p.in.seq, raw, p.tx.way(), false, p.sdp == nil)
	}
	if p.in.method != "PRACK" {
		d.session.begin(d)
	}
	d.resume()
	return nil
}

// RefuseOffer refuses what Offered told, usually with 488; the session goes on as it was.
func (d *Dialog) RefuseOffer(code int, reason string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.peers == nil || d.state == over {
		return ErrState
	}
	d.refuseOffer(code, reason)
	return nil
}

func (d *Dialog) refuseOffer(code int, reason string) {
	p := d.peers
	d.peers = nil
	if p.timer != nil {
		p.timer.Stop()
	}
	if code < 300 || code > 699 {
		code = 488
	}
	if reason == "" {
		reason = reasonPhrase(code)
	}
	_ = p.tx.reply(code, reason)
	d.resume()
}
