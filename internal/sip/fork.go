package sip

import (
	"errors"
	"slices"
	"strconv"
	"time"

	"cagri/internal/sip/trunk"
)

// fork is the INVITE to one target. Each has its own Call-ID, so that a peer reached twice does not see a merged request. Guarded
// by the Dialog's mutex.
type fork struct {
	d      *Dialog
	target Target
	carr   *trunk.Target // to report health

	callID, localTag string
	uri, from, to    string
	routes           []string
	seq              uint32
	link             link
	auth             *authState
	tx               *clientTx
	branch           string
	tries            int // INVITEs sent: challenges, 422

	early    map[string]*leg // by the peer's tag
	lastCode int
	lastSDP  map[string][]byte // from unreliable 1xx, by tag
	asked    time.Duration     // session interval of the last INVITE

	cancelled  bool // CANCEL is wanted
	cancelSent bool
	reason     Reason
	silent     *time.Timer // no answer at all: go on to the next target
	started    bool
	left       bool // it stayed silent, the next target has its turn
	done       bool
	code       int // final response other than 2xx
	phrase     string
	retryAfter time.Duration

	acked map[string]*leg // every 2xx by the peer's tag, for repeated ones
}

// on takes what comes back for the INVITE numbered seq. d.mu is held.
func (f *fork) on(seq uint32, in *message, err error) {
	if err != nil {
		if seq == f.seq {
			f.failed(err)
		}
		return
	}
	code := in.res.StatusCode
	if code < 300 && code != 100 && in.toTag == "" {
		if code < 200 {
			code = 100 // makes no dialog; it is a sign of life
		}
	}
	switch {
	case code >= 200 && code < 300:
		f.success(seq, in)
		return
	case seq != f.seq:
		return
	}
	if f.silent != nil {
		f.silent.Stop()
	}
	switch {
	case code < 200:
		f.provisional(code, in)
	case (code == 401 || code == 407) && !f.cancelled && f.d.state == early && f.tries < 5 && f.auth.challenged(in):
		f.invite()
	case code == 422 && !f.cancelled && f.d.state == early && f.d.session.tooSmall(in, f.asked, f.tries):
		f.invite()
	default:
		f.finish(code, in.res.Reason, time.Duration(max(seconds(in.retryAfter), 0))*time.Second)
	}
}

// provisional takes a 1xx. d.mu is held.
func (f *fork) provisional(code int, in *message) {
	d := f.d
	if f.carr != nil {
		d.ua.trunks.MarkOK(*f.carr)
		f.carr = nil
	}
	if f.cancelled {
		f.sendCancel()
		return
	}
	if code == 100 || d.state != early {
		return
	}
	g := f.early[in.toTag]
	if g == nil {
		if len(f.early) >= maxTargets { // a proxy that forks without end
			return
		}
		g = f.newLeg(in)
		f.early[in.toTag] = g
		d.table(g)
	} else if c := in.contactURI(); c != "" {
		g.target = c
	}
	sdp, _ := in.sdp()
	if in.require&opt100rel != 0 && in.rseq != "" {
		if !f.prack(g, in) {
			return
		}
		if sdp != nil {
			g.agreed = sdp
		}
	}
	if sdp != nil {
		if same(sdp, f.lastSDP[in.toTag]) && code == f.lastCode {
			return
		}
		f.lastSDP[in.toTag] = sdp
	} else if code == f.lastCode {
		return
	}
	f.lastCode = code
	d.tell(Provisional{Code: code, SDP: sdp})
}

// prack acknowledges a reliable 1xx (RFC 3262 section 4) and says whether it is new and in order.
func (f *fork) prack(g *leg, in *message) bool {
	n := seconds(in.rseq)
	if n <= 0 || n > 1<<32-1 || g.lastRel != 0 && uint32(n) != g.lastRel+1 {
		return false
	}
	g.lastRel = uint32(n)
	rack := "RAck: " + strconv.FormatInt(n, 10) + " " + strconv.FormatUint(uint64(f.seq), 10) + " INVITE\r\n"
	f.d.ask(g, "PRACK", []string{rack}, "", nil, func(*message, error) {
		// If the PRACK is lost for good the peer ends the call with 5xx.
	})
	return true
}

// newLeg makes the dialog that a response creates (RFC 3261 section 12.1.2).
func (f *fork) newLeg(in *message) *leg {
	g := &leg{
		d: f.d, callID: f.callID, localTag: f.localTag, remoteTag: in.toTag, local: f.from, remote: in.toValue(),
		user: f.d.dial.contactUser(), seq: f.seq, target: in.contactURI(), link: f.link, byFlow: f.target.flow != nil,
		update: in.allowUpdate, auth: f.auth,
	}
	if g.target == "" {
		g.target = f.uri
	}
	g.routes = slices.Clone(in.recordRoute)
	slices.Reverse(g.routes)
	return g
}

// success takes a 2xx: the first one of the call wins, every other is acknowledged and hung up. d.mu is held.
func (f *fork) success(seq uint32, in *message) {
	d := f.d
	if g := f.acked[in.toTag]; g != nil {
		d.againAck(g, seq)
		return
	}
	if len(f.acked) >= maxTargets {
		return
	}
	g := f.early[in.toTag]
	if g == nil {
		g = f.newLeg(in)
	}
	g.seq = max(g.seq, f.seq)
	g.refreshTarget(in.contactURI())
	g.update = in.allowUpdate
	g.routes = slices.Clone(in.recordRoute)
	slices.Reverse(g.routes)
	g.remote = in.toValue()
	f.acked[in.toTag] = g
	f.auth.accepted()
	if f.silent != nil {
		f.silent.Stop()
	}
	if f.carr != nil {
		d.ua.trunks.MarkOK(*f.carr)
		f.carr = nil
	}
	f.done = true
	if d.state != early {
		// It crossed our CANCEL, or came after another target had answered.
		f.hangUp(g, seq)
		return
	}
	for _, e := range f.early {
		if e != g {
			d.untable(e)
		}
	}
	d.state = confirmed
	d.leg = g
	d.next = len(d.dial.Targets)
	d.table(g)
	d.ring.Stop()
	for _, o := range d.forks {
		if o != f {
			o.cancel(Reason{Protocol: "SIP", Code: 200, Text: "Call completed elsewhere"})
		}
	}
	sdp, _ := in.sdp()
	offer := sdp
	switch {
	case len(d.dial.SDP) == 0:
	case g.agreed != nil:
		sdp = g.agreed
	case sdp == nil:
		// Not allowed, but seen: the answer only in an unreliable 183.
		sdp = f.lastSDP[in.toTag]
	}
	d.remoteSDP = sdp
	d.session.agreed(d.ua, in)
	if len(d.dial.SDP) == 0 && offer != nil {
		d.ackDue, d.ackFork = in, f
	} else {
		d.sendAck(g, seq, nil)
	}
	d.session.begin(d)
	d.tell(Answered{SDP: sdp})
}

// settleAckDue sends the ACK that waited for our answer; without one when the call ends first. d.mu is held.
func (d *Dialog) settleAckDue(sdp []byte) {
	in := d.ackDue
	if in == nil {
		return
	}
	d.ackDue = nil
	if len(sdp) > 0 {
		d.localSDP = sdp
	}
	d.sendAck(d.leg, in.seq, sdp)
}

// hangUp acknowledges a 2xx nobody wants and ends its dialog. d.mu is held.
func (f *fork) hangUp(g *leg, seq uint32) {
	d := f.d
	d.sendAck(g, seq, nil)
	d.ask(g, "BYE", []string{reasonHeader(f.reason)}, "", nil, func(*message, error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.untable(g)
		if d.state == over && !d.forksOpen() && d.leg == nil {
			d.retire()
		}
	})
}

// cancel withdraws the INVITE, now or as soon as the peer has shown a sign of life (RFC 3261 section 9.1). d.mu is held.
func (f *fork) cancel(r Reason) {
	if f.done || f.cancelled {
		return
	}
	f.cancelled, f.reason = true, r
	if f.silent != nil {
		f.silent.Stop()
	}
	if f.tx != nil && f.tx.provisional() {
		f.sendCancel()
	}
	if !f.started {
		f.done = true
	}
}

func (f *fork) sendCancel() {
	if f.cancelSent {
		return
	}
	f.cancelSent = true
	d, u := f.d, f.d.ua
	raw := u.write(request{
		method: "CANCEL", uri: f.uri, link: f.link, branch: f.branch, from: f.from, to: f.to, callID: f.callID, seq: f.seq, routes: f.routes,
		headers: []string{reasonHeader(f.reason)},
	})
	tx := f.tx
	u.start(f.link, f.branch, "CANCEL", raw, nil, func(*message, error) {})
	// RFC 3261 section 9.1: without a final response within 64*T1 the INVITE is over.
	time.AfterFunc(64*u.t1, func() { tx.fail(errTimeout) })
	_ = d
}

// giveUp is the end of patience with a target that has not said anything.
func (f *fork) giveUp() {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if f.done || f.cancelled || f.d.state != early || f.lastCode != 0 || f.tx != nil && f.tx.provisional() {
		return
	}
	if f.carr != nil {
		f.d.ua.trunks.MarkFailed(*f.carr, 0, "no answer to INVITE")
		f.carr = nil
	}
	f.left, f.code, f.phrase = true, 408, "No answer"
	f.cancel(Reason{Protocol: "SIP", Code: 408, Text: "No answer"})
	if f.d.next < len(f.d.dial.Targets) {
		f.d.nextFork()
	}
}

// failed is an INVITE without final response. d.mu is held.
func (f *fork) failed(err error) {
	code, phrase := 503, "The target cannot be reached"
	if errors.Is(err, errTimeout) {
		code, phrase = 408, "No answer"
	}
	f.finish(code, phrase, 0)
}

// finish notes the final result of a target other than 2xx and goes on. d.mu is held.
func (f *fork) finish(code int, phrase string, retryAfter time.Duration) {
	if f.done {
		return
	}
	d := f.d
	f.done = true
	if f.silent != nil {
		f.silent.Stop()
	}
	if !f.left {
		f.code, f.phrase, f.retryAfter = code, phrase, retryAfter
	}
	for _, g := range f.early {
		d.untable(g)
	}
	if f.carr != nil && !f.cancelled {
		if code == 503 || code == 408 {
			d.ua.trunks.MarkFailed(*f.carr, retryAfter, strconv.Itoa(code)+" to INVITE")
		} else {
			d.ua.trunks.MarkOK(*f.carr)
		}
		f.carr = nil
	}
	switch d.state {
	case over:
		if !d.forksOpen() && d.leg == nil {
			d.retire()
		}
		return
	case early:
	default:
		return
	}
	if d.dial.Sequential && !f.left && d.next < len(d.dial.Targets) && (code == 408 || code >= 500 && code < 600) {
		d.nextFork()
		return
	}
	if code >= 600 || d.dial.Sequential && !f.left && code != 408 && code < 500 {
		// RFC 3261 section 16.7 step 5: 6xx is the last word of the called party; 3xx and 4xx are that of a carrier.
		for _, o := range d.forks {
			o.cancel(Reason{})
		}
		d.next = len(d.dial.Targets)
		d.fail(code, phrase, retryAfter)
		return
	}
	if !d.forksOpen() && d.next >= len(d.dial.Targets) {
		b := d.best()
		d.fail(b.code, b.phrase, b.retryAfter)
	}
}
