package sip

import (
	"strconv"
	"strings"
	"time"
)

// inDialog takes a request whose tags name one of our dialogs.
func (u *UA) inDialog(g *leg, tx *serverTx, in *message) {
	d := g.d
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.retired {
		_ = tx.reply(481, reasonPhrase(481))
		return
	}
	// RFC 3261 section 12.2.2. A request with the same number as an earlier one, yet of another transaction, is as stale as one
	// with a lower number.
	if g.remoteSeq != 0 && in.seq <= g.remoteSeq {
		_ = tx.reply(500, "CSeq out of order")
		return
	}
	g.remoteSeq = in.seq
	if g.byFlow || g.link.network() == in.link.network() && g.link.remote == in.link.remote || !g.link.alive() {
		g.link = in.link
	}
	if d.state == over {
		code := 481
		if in.method == "BYE" {
			code = 200 // it crossed ours
		}
		_ = tx.reply(code, reasonPhrase(code))
		return
	}
	if d.leg != nil && g != d.leg {
		// A target that lost: its dialog is being hung up, and whatever it wants is nothing to the call. Its BYE crossed ours.
		if in.method == "BYE" {
			_ = tx.reply(200, "OK")
		} else {
			_ = tx.reply(481, reasonPhrase(481))
		}
		return
	}
	switch in.method {
	case "BYE":
		d.onBye(g, tx, in)
	case "INVITE", "UPDATE":
		d.onOffer(g, tx, in)
	case "PRACK":
		d.onPrack(tx, in)
	case "INFO":
		_ = tx.reply(200, "OK")
		d.tell(Info{ContentType: in.contentType, Body: in.body()})
	case "REFER":
		d.onRefer(tx, in)
	case "NOTIFY": // of a subscription we never made, or the rest of a REFER; politely ignored
		_ = tx.reply(200, "OK")
	case "OPTIONS":
		_ = tx.reply(200, "OK", allowed, accepted, supported)
	default:
		_ = tx.reply(405, reasonPhrase(405), allowed)
	}
}

// onBye ends the call from the peer's side. d.mu is held.
func (d *Dialog) onBye(g *leg, tx *serverTx, in *message) {
	if d.uac && d.leg == nil {
		// RFC 3261 section 15: the called party must not end an early dialog with BYE.
		_ = tx.reply(481, reasonPhrase(481))
		return
	}
	_ = tx.reply(200, "OK")
	r := readReason(in.reason)
	if d.state == early {
		d.refuse(487, "Request Terminated", "")
	}
	d.settleAckDue(nil)
	d.dropPeerRequests()
	d.state = over
	d.tell(Ended{By: Remote, Code: r.Code, Reason: r.Text})
	d.retire()
}

// referral is a REFER of the peer and the subscription it makes (RFC 3515).
type referral struct {
	tx     *serverTx
	in     *message
	active bool
	first  bool // the subscription is of the first REFER: no id
	id     uint32
	quiet  bool // Refer-Sub: false (RFC 4488)
	timer  *time.Timer
	count  int
}

func (r *referral) stop() {
	if r.timer != nil {
		r.timer.Stop()
	}
}

// onRefer absorbs a REFER: it becomes an event, nothing is sent on. d.mu is held.
func (d *Dialog) onRefer(tx *serverTx, in *message) {
	if in.referTos != 1 {
		_ = tx.reply(400, "Exactly one Refer-To")
		return
	}
	ev, ok := readRefer(in.referTo, in.referredBy)
	switch {
	case !ok:
		_ = tx.reply(400, "Refer-To")
		return
	case d.refer.tx != nil:
		_ = tx.reply(491, reasonPhrase(491))
		return
	case d.state == early || d.told:
		_ = tx.reply(603, "Decline")
		return
	}
	d.refer.stop()
	d.refer.count++
	d.refer = referral{tx: tx, in: in, id: in.seq, first: d.refer.count == 1, count: d.refer.count, quiet: strings.EqualFold(strings.TrimSpace(in.referSub), "false")}
	d.refer.timer = time.AfterFunc(20*d.ua.t1, func() { _ = d.RefuseRefer(603) })
	d.tell(ev)
}

// AcceptRefer answers a REFER with 202 and starts to report: NOTIFY with "100 Trying".
func (d *Dialog) AcceptRefer() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	tx := d.refer.tx
	if tx == nil || d.state == over {
		return ErrState
	}
	d.refer.stop()
	d.refer.tx = nil
	extra := "Contact: " + d.ua.contact(d.leg.link, d.leg.user) + "\r\n"
	if d.refer.quiet {
		extra += "Refer-Sub: false\r\n"
	}
	if err := tx.reply(202, "Accepted", extra); err != nil {
		return err
	}
	d.refer.active = !d.refer.quiet
	if d.refer.active {
		d.notify(100, "Trying", false)
	}
	return nil
}

// RefuseRefer refuses a REFER with a final response.
func (d *Dialog) RefuseRefer(code int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	tx := d.refer.tx
	if tx == nil {
		return ErrState
	}
	d.refer.stop()
	d.refer.tx = nil
	if code < 300 || code > 699 {
		code = 603
	}
	return tx.reply(code, reasonPhrase(code))
}

// NotifyRefer reports how the transfer goes (RFC 3515 section 2.4.5); final ends the reporting.
func (d *Dialog) NotifyRefer(code int, reason string, final bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.refer.quiet && d.state != over {
		return nil
	}
	if !d.refer.active || d.state != confirmed && d.state != answered {
		return ErrState
	}
	d.notify(code, reason, final)
	return nil
}

func (d *Dialog) notify(code int, reason string, final bool) {
	if reason == "" {
		reason = reasonPhrase(code)
	}
	event := "Event: refer"
	if !d.refer.first {
		event += ";id=" + strconv.FormatUint(uint64(d.refer.id), 10)
	}
	state := "Subscription-State: active;expires=60\r\n"
	if final {
		state = "Subscription-State: terminated;reason=noresource\r\n"
		d.refer.active = false
	}
	body := []byte("SIP/2.0 " + strconv.Itoa(code) + " " + line(reason) + "\r\n")
	d.ask(d.leg, "NOTIFY", []string{event + "\r\n", state, allowed}, "message/sipfrag;version=2.0", body, func(in *message, err error) {
		// The peer may have forgotten the subscription (481) or vanished; the call itself goes on until a request of the call fails.
		if in != nil && in.res.StatusCode == 481 {
			d.mu.Lock()
			d.refer.active = false
			d.mu.Unlock()
		}
	})
}
