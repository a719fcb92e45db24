package sip

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// provisional is a 1xx that waits for the PRACK of the one before (RFC 3262 section 3).
type provisional struct {
	code int
	sdp  []byte
}

// reliable is a reliable 1xx without PRACK.
type reliable struct {
	rseq   uint32
	raw    []byte
	offer  bool // it carried our offer, PRACK brings the answer
	timer  *time.Timer
	waited time.Duration
	spent  time.Duration
}

// awaitAck is a 2xx of ours without ACK.
type awaitAck struct {
	seq     uint32
	raw     []byte
	link    link // the way it went
	initial bool
	late    bool // it carried our offer; the ACK brings the answer
	timer   *time.Timer
	wait    time.Duration
	spent   time.Duration
}

// newIncoming makes the dialog for an INVITE that was let in and tells the handler.
func (u *UA) newIncoming(in *message, tx *serverTx, src Source, desc Incoming, auth *authState, release func()) {
	user := ""
	if called, ok := parseURI(in.req.Recipient.String()); ok {
		user = called.user
	}
	d := &Dialog{ua: u, source: src, in: in, invite: tx, release: release, rseq: 1 + uint32(time.Now().UnixNano()&0xffff)}
	g := &leg{
		d: d, callID: in.callID, localTag: tx.toTag, remoteTag: in.fromTag,
		local: withTag(in.toValue(), tx.toTag), remote: in.fromValue(), user: user,
		remoteSeq: in.seq, target: in.contactURI(), link: in.link, update: in.allowUpdate, auth: auth,
		byFlow: src.Kind == FromPhone,
	}
	g.routes = append(g.routes, in.recordRoute...)
	d.leg = g
	d.remoteSDP = desc.SDP
	tx.mu.Lock()
	tx.dialog = d
	tx.mu.Unlock()
	u.legMu.Lock()
	u.dialogs[d] = struct{}{}
	u.legMu.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.table(g)
	_ = tx.respond(100, u.response(in, 100, "Trying", "", "", nil))
	d.ring = time.AfterFunc(u.scaled(time.Minute), d.minute)
	d.enqueue(func() {
		u.handler.Invite(d, desc)
		d.mu.Lock()
		unheard := d.sink == nil
		d.mu.Unlock()
		if unheard {
			_ = d.Reject(480, "", 0)
		}
	})
}

// maxEarly is how many minutes an incoming call may stay unanswered. Callers give up long before; one that vanished never says so.
const maxEarly = 10

// minute repeats the last provisional response, so that proxies on the way do not give the call up (RFC 3261 section 13.3.1.1), and
// ends a call that nobody answered for maxEarly minutes.
func (d *Dialog) minute() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.state != early {
		return
	}
	if d.minutes++; d.minutes >= maxEarly {
		d.end(Reason{Protocol: "SIP", Code: 480}, Ended{By: Timeout, Code: 480, Reason: "unanswered for too long"})
		return
	}
	switch {
	case d.reliable != nil: // is being repeated anyway
	case d.relCode != 0:
		_ = d.sendReliable(d.relCode, nil)
	case d.provisional != nil:
		_ = d.invite.respond(180, d.provisional)
	}
	d.ring.Reset(d.ua.scaled(time.Minute))
}

// withTag puts our tag behind a To value that has none.
func withTag(value, tag string) string {
	if strings.Contains(value, ";tag=") {
		return value
	}
	return value + ";tag=" + tag
}

// dialogHeaders are the lines every response that makes or keeps a dialog carries.
func (d *Dialog) dialogHeaders(l link) string {
	return "Contact: " + d.ua.contact(l, d.leg.user) + "\r\n" + allowed + supported
}

// Ring sends 180.
func (d *Dialog) Ring() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.progress(180, nil)
}

// Progress sends 183 with a session description: early media. It is sent reliably (RFC 3262) when the peer supports that. When the
// INVITE carried no offer, sdp is ours and can only go in a reliable 183; to a peer without 100rel it is left out (RFC 3261 section
// 13.2.1: the offer must come in a reliable message).
func (d *Dialog) Progress(sdp []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.progress(183, sdp)
}

func (d *Dialog) progress(code int, sdp []byte) error {
	if d.uac || d.state != early || d.answerHeld {
		return ErrState
	}
	rel := d.in.require&opt100rel != 0 || len(sdp) > 0 && d.in.supported&opt100rel != 0
	if !rel {
		if d.lateOffer() {
			sdp = nil
		}
		raw := d.ua.response(d.in, code, reasonPhrase(code), d.leg.localTag, sdpType, sdp, d.dialogHeaders(d.leg.link))
		if len(sdp) > 0 {
			d.localSDP = sdp
		}
		d.provisional = raw
		return d.invite.respond(code, raw)
	}
	if d.reliable != nil {
		if len(d.relQueue) < 8 { // more than that is a peer that never acknowledges
			d.relQueue = append(d.relQueue, provisional{code, sdp})
		}
		return nil
	}
	return d.sendReliable(code, sdp)
}

// lateOffer says whether the INVITE came without SDP and we have not offered yet.
func (d *Dialog) lateOffer() bool { return len(d.remoteSDP) == 0 }

func (d *Dialog) sendReliable(code int, sdp []byte) error {
	if d.answerSent {
		sdp = nil // offer and answer are complete; a 1xx cannot change them
	}
	d.rseq++
	extra := d.dialogHeaders(d.leg.link) + "Require: 100rel\r\nRSeq: " + strconv.FormatUint(uint64(d.rseq), 10) + "\r\n"
	raw := d.ua.response(d.in, code, reasonPhrase(code), d.leg.localTag, sdpType, sdp, extra)
	r := &reliable{rseq: d.rseq, raw: raw, offer: len(sdp) > 0 && d.lateOffer(), waited: d.ua.t1}
	if len(sdp) > 0 {
		d.localSDP, d.answerSent = sdp, true
	}
	if err := d.invite.respond(code, raw); err != nil {
		return err
	}
	d.reliable, d.relCode = r, code
	r.timer = time.AfterFunc(r.waited, func() { d.againReliable(r) })
	return nil
}

// againReliable repeats a reliable 1xx and gives up after 64*T1 (RFC 3262 section 3).
func (d *Dialog) againReliable(r *reliable) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.reliable != r || d.state != early {
		return
	}
	if r.spent += r.waited; r.spent >= 64*d.ua.t1 {
		d.refuse(504, "No PRACK", "")
		d.tell(Ended{By: Timeout, Code: 504, Reason: "no PRACK for a reliable provisional response"})
		d.retire()
		return
	}
	_ = d.invite.respond(d.relCode, r.raw)
	r.waited *= 2
	r.timer.Reset(min(r.waited, 64*d.ua.t1-r.spent))
}

// onPrack takes a PRACK. d.mu is held.
func (d *Dialog) onPrack(tx *serverTx, in *message) {
	r := d.reliable
	f := strings.Fields(in.rack)
	if slices.Contains(d.overtaken, strings.Join(f, " ")) {
		_ = tx.reply(200, "OK")
		return
	}
	if r == nil || d.in == nil || len(f) != 3 || f[0] != strconv.FormatUint(uint64(r.rseq), 10) || f[1] != strconv.FormatUint(uint64(d.in.seq), 10) || f[2] != "INVITE" {
		_ = tx.reply(481, reasonPhrase(481))
		return
	}
	sdp, ok := in.sdp()
	if !ok {
		_ = tx.reply(415, reasonPhrase(415), accepted)
		return
	}
	r.timer.Stop()
	d.reliable = nil
	switch {
	case sdp != nil && r.offer:
		d.prackAnswer, d.remoteSDP = sdp, sdp
		_ = tx.reply(200, "OK")
	case sdp != nil && d.answerSent: // a new offer within PRACK
		d.offered(d.leg, tx, in, sdp, true)
	default:
		_ = tx.reply(200, "OK")
	}
	if len(d.relQueue) > 0 {
		p := d.relQueue[0]
		d.relQueue = d.relQueue[1:]
		_ = d.sendReliable(p.code, p.sdp)
		return
	}
	if d.answerHeld {
		d.answerHeld = false
		_ = d.accept(d.heldAnswer)
	}
}

// Answer sends 200: with the answer to the peer's offer, or with our offer when there was none (the peer's answer then comes in
// Confirmed). While a reliable 183 with SDP is unacknowledged it waits for the PRACK (RFC 3262 section 3).
func (d *Dialog) Answer(sdp []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.uac || d.state != early || d.answerHeld {
		return ErrState
	}
	if d.reliable != nil && d.answerSent {
		d.heldAnswer, d.answerHeld = sdp, true
		d.relQueue = nil
		return nil
	}
	return d.accept(sdp)
}

func (d *Dialog) accept(sdp []byte) error {
	late := d.lateOffer() && !d.answerSent
	body := sdp
	if d.answerSent {
		body = nil // the reliable 183 carried it; a second answer would be a protocol error
	} else if len(sdp) > 0 {
		d.localSDP = sdp
	}
	if r := d.reliable; r != nil {
		// One without SDP may be overtaken by the final response; its PRACK may still be on the way (RFC 3262 section 3).
		r.timer.Stop()
		d.reliable = nil
		d.overtaken = append(d.overtaken, fmt.Sprintf("%d %d INVITE", r.rseq, d.in.seq))
	}
	extra := d.dialogHeaders(d.leg.link) + d.session.respond(d, d.in)
	raw := d.ua.response(d.in, 200, "OK", d.leg.localTag, sdpType, body, extra)
	if err := d.invite.respond(200, raw); err != nil && d.invite.answered() {
		// A lost packet or connection does not matter yet: the 2xx is repeated until the ACK comes.
		d.ua.log.Debug("200 not sent at the first try", "err", err)
	}
	d.state = answered
	d.provisional = nil
	d.ring.Stop()
	d.expectAck(d.in.seq, raw, d.invite.way(), true, late)
	d.session.begin(d)
	return nil
}

// expectAck repeats a 2xx until its ACK comes, over every transport (RFC 3261 section 13.3.1.4). d.mu is held.
func (d *Dialog) expectAck(seq uint32, raw []byte, l link, initial, late bool) {
	a := &awaitAck{seq: seq, raw: raw, link: l, initial: initial, late: late, wait: d.ua.t1}
	d.ack = a
	a.timer = time.AfterFunc(a.wait, func() { d.again2xx(a) })
}

func (d *Dialog) again2xx(a *awaitAck) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ack != a || d.state == over {
		return
	}
	if a.spent += a.wait; a.spent >= 64*d.ua.t1 {
		d.ack = nil
		r := Reason{Protocol: "SIP", Code: 408, Text: "ACK missing"}
		if d.byeDue != nil {
			r = *d.byeDue
		}
		d.bye(r)
		d.tell(Ended{By: NoAck, Code: 408, Reason: "no ACK for our 200"})
		return
	}
	if !a.link.alive() {
		a.link = d.leg.link // where the peer was heard last
	}
	_ = a.link.send(a.raw)
	a.wait = min(2*a.wait, d.ua.t2, 64*d.ua.t1-a.spent)
	a.timer.Reset(a.wait)
}

// onAck takes an ACK for a 2xx. d.mu is held.
func (d *Dialog) onAck(g *leg, in *message) {
	a := d.ack
	if a == nil || in.seq != a.seq || g != d.leg || d.state == over {
		return
	}
	a.timer.Stop()
	d.ack = nil
	sdp, _ := in.sdp()
	d.acked(a, sdp)
}

func (d *Dialog) acked(a *awaitAck, sdp []byte) {
	if d.state == answered {
		d.state = confirmed
	}
	if d.byeDue != nil {
		d.bye(*d.byeDue)
		return
	}
	if a.late && sdp != nil {
		d.remoteSDP = sdp
	}
	switch {
	case a.initial:
		if a.late {
			d.tell(Confirmed{SDP: sdp})
		} else {
			d.tell(Confirmed{SDP: d.prackAnswer})
		}
		d.in = nil
	case a.late && sdp != nil:
		d.tell(Negotiated{SDP: sdp})
	case a.late:
		d.tell(NegotiationFailed{})
	}
	d.resume()
}

// Reject refuses an incoming call with a final response of 300 to 699; an empty reason gets the customary phrase, retryAfter is
// told to the peer when it is above zero. The terminal event is Ended{By: Local}.
func (d *Dialog) Reject(code int, reason string, retryAfter time.Duration) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.uac || d.state != early {
		return ErrState
	}
	if code < 300 || code > 699 {
		code = 480
	}
	if reason == "" {
		reason = reasonPhrase(code)
	}
	extra := ""
	if retryAfter > 0 {
		extra = "Retry-After: " + strconv.Itoa(int((retryAfter+time.Second-1)/time.Second)) + "\r\n"
	}
	d.refuse(code, reason, extra)
	d.tell(Ended{By: Local, Code: code, Reason: reason})
	d.retire()
	return nil
}

// refuse sends the final response to the INVITE. d.mu is held.
func (d *Dialog) refuse(code int, reason, extra string) {
	d.state = over
	_ = d.invite.reply(code, reason, extra)
}

// onCancel takes a CANCEL that was matched to our INVITE transaction.
func (d *Dialog) onCancel(in *message) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.state != early { // it crossed our final response
		return
	}
	d.refuse(487, "Request Terminated", "")
	d.tell(Cancelled{Reason: readReason(in.reason)})
	d.retire()
}
