package sip

import (
	"bytes"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
)

type dialogState uint8

const (
	early     dialogState = iota // no final response yet, in either direction
	answered                     // we sent 2xx and wait for the ACK
	confirmed                    // established
	over                         // ended; what is left are transactions that finish by themselves
)

// Dialog is one call leg: an INVITE we received, or one Dial with all its forks. All methods may be called from any goroutine, also
// from the sink. docs/sip.md has the table of states and events.
type Dialog struct {
	ua     *UA
	uac    bool
	source Source

	mu    sync.Mutex // guards everything below
	state dialogState
	leg   *leg // nil while an outgoing call has no 2xx
	id    string

	localSDP, remoteSDP []byte // last ones agreed or offered, for refreshes

	// Incoming call.
	in          *message
	invite      *serverTx
	reliable    *reliable // 1xx waiting for its PRACK
	relQueue    []provisional
	relCode     int      // of the last reliable 1xx, 0: none
	overtaken   []string // RAck of reliable 1xx whose PRACK the final response did not wait for
	rseq        uint32
	answerSent  bool   // a reliable 1xx carried our SDP
	heldAnswer  []byte // Answer waiting for PRACK
	answerHeld  bool
	prackAnswer []byte // the peer's answer when our reliable 1xx carried an offer
	byeDue      *Reason
	provisional []byte // last 1xx that was not reliable
	minutes     int    // unanswered so far

	// Outgoing call.
	dial    DialRequest
	forks   []*fork
	next    int      // first target not tried yet
	ackDue  *message // 2xx with an offer that waits for AnswerOffer
	ackFork *fork
	release func()      // gives back the carrier's place, of incoming calls too
	ring    *time.Timer // of incoming calls: see minute

	// Within the call.
	ack     *awaitAck    // our 2xx without ACK
	mine    *negotiation // our re-INVITE or UPDATE in progress
	peers   *peerOffer   // the peer's, waiting for AnswerOffer
	waiting *[]byte      // Reinvite that waits for one of those
	backoff *time.Timer  // after 491
	session session
	refer   referral
	probing bool // an OPTIONS of Probe is without answer

	// Towards the owner.
	sink     func(Event)
	queue    []any // Event or func()
	draining bool
	told     bool // the terminal event is in the queue
	retired  bool
}

// leg is one dialog of RFC 3261 section 12: what is needed to send and judge requests within it. Guarded by the Dialog's mutex;
// what makes up key never changes.
type leg struct {
	d                           *Dialog
	callID, localTag, remoteTag string

	local, remote string // From and To values as we send them, with tags
	user          string // user part of our Contact
	seq           uint32 // last CSeq we used
	remoteSeq     uint32 // last CSeq of the peer; 0: none yet
	target        string // remote target URI
	routes        []string
	link          link // the way the peer's last message came
	byFlow        bool // the peer sits behind NAT or is a registered phone: nothing but link reaches it
	update        bool // the peer allows UPDATE
	auth          *authState
	ackSeq        uint32 // of the last ACK we sent
	ackRaw        []byte
	lastRel       uint32     // RSeq of the last reliable 1xx taken
	agreed        []byte     // the peer's SDP, agreed on before the call is answered: from a reliable 1xx, or a later UPDATE
	tabled        bool       // stands in the UA's table
	counted       netip.Addr // in the UA's set of peers
}

func legKey(callID, localTag, remoteTag string) string {
	return callID + "\x00" + localTag + "\x00" + remoteTag
}

func (g *leg) key() string { return legKey(g.callID, g.localTag, g.remoteTag) }

// ID is Call-ID and both tags. Of an outgoing call that nobody answered yet, it is made of the first target's Call-ID.
func (d *Dialog) ID() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.leg != nil {
		return d.leg.callID + ";local=" + d.leg.localTag + ";remote=" + d.leg.remoteTag
	}
	return d.id
}

// SetSink says who hears the events: in order, one at a time. f must not block. Events from before are kept for it.
func (d *Dialog) SetSink(f func(Event)) {
	d.mu.Lock()
	d.sink = f
	d.mu.Unlock()
}

// Peer is the address the peer was last heard from (or is being called at).
func (d *Dialog) Peer() netip.AddrPort {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.leg != nil:
		return d.leg.link.remote
	case len(d.forks) > 0:
		return d.forks[0].link.remote
	}
	return d.source.Addr
}

// Secure says whether the signalling of this leg is encrypted, so that SRTP keys may travel in its SDP.
func (d *Dialog) Secure() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.leg != nil:
		return d.leg.link.network() == "tls"
	case len(d.forks) > 0:
		for _, f := range d.forks {
			if f.link.network() != "tls" {
				return false
			}
		}
		return true
	}
	return d.source.Transport == "tls"
}

// tell queues an event. Nothing follows a terminal event. d.mu is held.
func (d *Dialog) tell(e Event) {
	if d.told {
		return
	}
	switch e.(type) {
	case Failed, Cancelled, Ended:
		d.told = true
		if d.release != nil {
			d.release()
			d.release = nil
		}
	}
	d.enqueue(e)
}

func (d *Dialog) enqueue(item any) {
	d.queue = append(d.queue, item)
	if d.draining {
		return
	}
	d.draining = true
	d.ua.sinks.Add(1)
	go d.drain()
}

// drain empties the queue. At most one runs per dialog.
func (d *Dialog) drain() {
	defer d.ua.sinks.Done()
	for {
		d.mu.Lock()
		if len(d.queue) == 0 {
			d.draining = false
			if d.told {
				d.sink = nil // transactions keep us for 64*T1 to come, and need not keep the owner
			}
			d.mu.Unlock()
			return
		}
		items, sink := d.queue, d.sink
		d.queue = nil
		d.mu.Unlock()
		for _, item := range items {
			switch item := item.(type) {
			case func():
				item()
				d.mu.Lock()
				sink = d.sink
				d.mu.Unlock()
			case Event:
				if sink != nil {
					sink(item)
				}
			}
		}
	}
}

// table makes a leg findable and its peer's packets welcome. d.mu is held.
func (d *Dialog) table(g *leg) {
	if g.tabled || d.retired {
		return
	}
	g.tabled = true
	g.counted = g.link.remote.Addr()
	d.ua.peers.add(g.counted, 1)
	d.ua.legMu.Lock()
	d.ua.legs[g.key()] = g
	d.ua.legMu.Unlock()
}

func (d *Dialog) untable(g *leg) {
	if !g.tabled {
		return
	}
	g.tabled = false
	d.ua.peers.add(g.counted, -1)
	d.ua.legMu.Lock()
	delete(d.ua.legs, g.key())
	d.ua.legMu.Unlock()
}

// retire forgets the dialog: no request finds it any more. d.mu is held.
func (d *Dialog) retire() {
	d.stopTimers()
	d.retired = true
	if d.leg != nil {
		d.untable(d.leg)
	}
	for _, f := range d.forks {
		for _, g := range f.early {
			d.untable(g)
		}
	}
	d.in, d.localSDP, d.remoteSDP = nil, nil, nil
	d.ua.legMu.Lock()
	delete(d.ua.dialogs, d)
	d.ua.legMu.Unlock()
}

func (d *Dialog) stopTimers() {
	d.session.stop()
	for _, t := range []*time.Timer{d.ring, d.backoff} {
		if t != nil {
			t.Stop()
		}
	}
	if d.ack != nil {
		d.ack.timer.Stop()
		d.ack = nil
	}
	if d.reliable != nil {
		d.reliable.timer.Stop()
		d.reliable = nil
	}
	if d.peers != nil && d.peers.timer != nil {
		d.peers.timer.Stop()
	}
	d.refer.stop()
}

// End ends the call from our side: CANCEL, a final response, BYE, whatever the state asks for. It may be called in every state and
// any number of times; only the first has an effect. Before an incoming call is answered, a SIP status in r (300 to 699) becomes the
// response, a Q.850 cause its customary status.
func (d *Dialog) End(r Reason) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.end(r, Ended{By: Local, Code: r.Code, Reason: r.Text})
	return nil
}

// end does what End says and tells e. d.mu is held.
func (d *Dialog) end(r Reason, e Event) {
	switch {
	case d.state == over:
		return
	case d.uac && d.leg == nil:
		d.state = over
		d.stopTimers()
		for _, f := range d.forks {
			f.cancel(r)
		}
		d.next = len(d.dial.Targets)
		d.tell(e)
		if !d.forksOpen() {
			d.retire()
		}
	case d.state == early:
		code, phrase := finalFor(r)
		d.refuse(code, phrase, reasonHeader(r))
		d.tell(e)
		d.retire()
	case d.state == answered && d.ack != nil && !d.uac:
		// RFC 3261 section 15: no BYE before the ACK came or the wait for it is over.
		if d.byeDue == nil {
			d.byeDue = &r
			d.session.stop()
			d.tell(e)
		}
	default:
		d.bye(r)
		d.tell(e)
	}
}

// finalFor is the status that tells a caller why we do not answer.
func finalFor(r Reason) (code int, phrase string) {
	if strings.EqualFold(r.Protocol, "SIP") && r.Code >= 300 && r.Code <= 699 {
		return r.Code, reasonPhrase(r.Code)
	}
	// RFC 3398 section 8.2.6.1, as far as a call centre has such causes.
	switch r.Code {
	case 1, 2, 3, 22:
		code = 404
	case 17:
		code = 486
	case 18, 19, 20, 31, 16:
		code = 480
	case 21:
		code = 603
	case 28:
		code = 484
	case 34, 38, 41, 42, 47:
		code = 503
	case 57, 55:
		code = 403
	case 58, 65, 70, 79, 88:
		code = 488
	case 102:
		code = 504
	default:
		code = 480
	}
	return code, reasonPhrase(code)
}

// reasonHeader is the Reason header line (RFC 3326), empty when there is nothing to say.
func reasonHeader(r Reason) string {
	if r.Code <= 0 {
		return ""
	}
	p := r.Protocol
	if p == "" {
		p = "Q.850"
	}
	s := "Reason: " + line(p) + ";cause=" + strconv.Itoa(r.Code)
	if r.Text != "" {
		s += ";text=" + quoted(r.Text)
	}
	return s + "\r\n"
}

// readReason reads the value of a Reason header; a zero Reason when there is none.
func readReason(value string) (r Reason) {
	values := split(value, ',')
	if len(values) == 0 {
		return r
	}
	proto, params, _ := strings.Cut(values[0], ";")
	r.Protocol = strings.TrimSpace(proto)
	if c, ok := param(params, "cause"); ok {
		r.Code = int(max(seconds(c), 0))
	}
	r.Text, _ = param(params, "text")
	return r
}

// bye sends BYE and ends everything else. d.mu is held; the caller tells the event.
func (d *Dialog) bye(r Reason) {
	d.state = over
	d.stopTimers()
	d.settleAckDue(nil)
	d.dropPeerRequests()
	d.ask(d.leg, "BYE", []string{reasonHeader(r)}, "", nil, func(*message, error) {
		// Whatever the peer says, or nothing: the call is over.
		d.mu.Lock()
		d.retire()
		d.mu.Unlock()
	})
}

// dropPeerRequests answers what the peer still waits for when the call ends (RFC 3261 section 15.1.2: 487).
func (d *Dialog) dropPeerRequests() {
	if p := d.peers; p != nil {
		d.peers = nil
		_ = p.tx.reply(487, "Request Terminated")
	}
	if tx := d.refer.tx; tx != nil {
		d.refer.tx = nil
		_ = tx.reply(603, "Decline")
	}
}

// lost ends the dialog because the peer cannot be reached or does not know it any more: no BYE could help. d.mu is held.
func (d *Dialog) lost(by By, code int, text string) {
	if d.state == over {
		return
	}
	d.state = over
	d.dropPeerRequests()
	d.tell(Ended{By: by, Code: code, Reason: text})
	d.retire()
}

// same reports whether two SDPs are the same bytes. nil is equal to nothing.
func same(a, b []byte) bool { return a != nil && b != nil && bytes.Equal(a, b) }
