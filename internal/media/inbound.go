package media

import (
	"encoding/binary"
	"net/netip"
	"time"

	"cagri/internal/media/g711"
	"cagri/internal/media/quality"
)

// rtpHeader is the fixed part of RFC 3550 section 5.1, read in place.
type rtpHeader struct {
	marker  bool
	pt      uint8
	seq     uint16
	ts      uint32
	ssrc    uint32
	payload []byte
}

// parseRTP reads a packet; false for what is none. It copies nothing.
func parseRTP(b []byte) (h rtpHeader, ok bool) {
	if len(b) < 12 || b[0]>>6 != 2 {
		return h, false
	}
	h.marker, h.pt = b[1]&0x80 != 0, b[1]&0x7f
	h.seq, h.ts, h.ssrc = binary.BigEndian.Uint16(b[2:]), binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])
	at := 12 + 4*int(b[0]&0x0f)
	if b[0]&0x10 != 0 { // header extension
		if len(b) < at+4 {
			return h, false
		}
		at += 4 + 4*int(binary.BigEndian.Uint16(b[at+2:]))
	}
	end := len(b)
	if b[0]&0x20 != 0 { // padding; its length counts itself
		if b[end-1] == 0 {
			return h, false
		}
		end -= int(b[end-1])
	}
	if at > end {
		return h, false
	}
	h.payload = b[at:end]
	return h, true
}

// reopen is the silence after which a leg takes a new source without a new
// description: a phone that changed its network and has not said so yet.
const reopen = int64(3 * time.Second)

// packet implements receiver: a datagram on one of the leg's sockets.
func (l *Leg) packet(b []byte, from netip.AddrPort, rtcp bool) {
	if l.closed.Load() {
		return
	}
	n := l.neg.Load()
	if rtcp || len(b) > 1 && b[1] >= 192 && b[1] <= 223 { // RFC 5761 section 4
		l.takeRTCP(n, b, from, rtcp)
		return
	}
	now := l.plane.Now()
	l.in.mu.Lock()
	h, ok := l.accept(n, b, from, now)
	l.in.mu.Unlock()
	if !ok {
		return
	}
	switch {
	case h.pt == n.recvPT:
		l.speech(n, h, now)
	case n.dtmf.OK && h.pt == n.dtmf.RecvPT:
		l.in.mu.Lock()
		digit, first := l.in.digits.Packet(h.ts, h.payload)
		ours := h.ssrc == l.in.stream.ssrc // RFC 4733 section 2.2; some gateways differ
		l.in.mu.Unlock()
		if r := l.route.Load(); r != nil && r.peer != nil && ours {
			r.peer.forward(r, h, kindEvent, now)
		}
		if first {
			l.opt.Sink(Digit{l, digit})
		}
	default: // comfort noise
		if r := l.route.Load(); r != nil && r.peer != nil {
			r.peer.forward(r, h, kindNoise, now)
		}
	}
}

// accept checks source, form and key of a packet and counts it. in.mu is held.
func (l *Leg) accept(n *negotiated, b []byte, from netip.AddrPort, now int64) (h rtpHeader, ok bool) {
	if n == nil {
		l.in.invalid++
		return h, false
	}
	// Whoever else has been latched on to in a silence: the address that the description
	// names has the first claim, and takes the leg back with two packets in a row.
	named := from != l.in.source && from == n.remote && l.in.claim.holds(b)
	if from != l.in.source && !named && !l.may(n, from, now) {
		l.in.wrong++
		return h, false
	}
	if l.in.srtp != nil {
		plain, err := l.in.srtp.DecryptRTP(l.in.plain[:0], b, &l.in.header)
		if err != nil {
			l.in.invalid++
			return h, false
		}
		b = plain
	}
	h, ok = parseRTP(b)
	if !ok || !n.knows(h.pt) || len(h.payload) == 0 || len(h.payload) > 8*120 {
		l.in.invalid++
		return h, false
	}
	key := n.dtmf.OK && h.pt == n.dtmf.RecvPT
	if named && !key {
		l.in.stream = streamID{} // the other one's packets must not keep its stream out
	}
	ours := l.in.stream.takes(h.ssrc, h.seq, key)
	if !ours && !key {
		l.in.invalid++
		return h, false
	}
	if from == l.in.source {
		l.in.open = false
	} else { // latch, for good with the next packet
		l.in.source = from
		if named {
			l.in.open = false
		}
		l.out.mu.Lock()
		l.out.to, l.out.known = toSockaddr(from), true
		l.out.mu.Unlock()
	}
	l.in.lastAt, l.in.silent = now, false
	if ours {
		l.in.quality.Packet(h.ssrc, h.seq, h.ts, now, 8000)
	}
	return h, true
}

// claim is the last packet of the address that the description names, while another
// one is the source.
type claim struct {
	next uint16
	on   bool
}

// holds takes a packet of that address; true when it follows on the one before.
func (c *claim) holds(b []byte) bool {
	if len(b) < 12 {
		return false
	}
	seq := binary.BigEndian.Uint16(b[2:])
	ok := c.on && seq == c.next
	c.next, c.on = seq+1, true
	return ok
}

// streamID is the stream that a leg takes from its source. Another SSRC becomes it
// with two packets in a row (RFC 3550 appendix A.1) and none of the old stream
// between them, so that strays and forgeries do not tear up what the far end hears.
// The first stream is taken at once; keys never make a stream out of another SSRC.
type streamID struct {
	ssrc  uint32
	known bool
	trial struct {
		ssrc uint32
		next uint16
		on   bool
	}
}

func (s *streamID) takes(ssrc uint32, seq uint16, key bool) bool {
	if key && s.known && ssrc != s.ssrc {
		return false
	}
	if s.known && ssrc != s.ssrc && !(s.trial.on && s.trial.ssrc == ssrc && s.trial.next == seq) {
		s.trial.ssrc, s.trial.next, s.trial.on = ssrc, seq+1, true
		return false
	}
	s.ssrc, s.known, s.trial.on = ssrc, true, false
	return true
}

// may tells whether a packet from an address that is not the source so far may
// become it: nothing valid has come since the peer named its address, or nothing for
// a while, and the address is one that the description or the signalling vouches for.
func (l *Leg) may(n *negotiated, from netip.AddrPort, now int64) bool {
	if !l.in.open && now-l.in.lastAt < reopen {
		return false
	}
	return l.opt.NAT || from.Addr() == n.remote.Addr() || l.opt.Signalling.IsValid() && from.Addr() == l.opt.Signalling.Unmap()
}

func (n *negotiated) knows(pt uint8) bool {
	return pt == n.recvPT || n.dtmf.OK && pt == n.dtmf.RecvPT || n.cn.OK && pt == n.cn.RecvPT
}

// speech passes on what the peer says: to the recording, and along the route.
func (l *Leg) speech(n *negotiated, h rtpHeader, now int64) {
	t, r := l.tap.Load(), l.route.Load()
	if t == nil && r == nil {
		return
	}
	alaw := h.payload
	if n.ulaw && (t != nil || r.conf != nil) {
		alaw = l.in.alaw[:len(h.payload)]
		for i, c := range h.payload {
			alaw[i] = g711.ULawToALaw[c]
		}
	}
	if t != nil {
		t.r.Write(t.ch, h.ssrc, h.ts, now, alaw)
	}
	switch {
	case r == nil:
	case r.peer != nil:
		kind := kindALaw
		if n.ulaw {
			kind = kindULaw
		}
		r.peer.forward(r, h, kind, now)
	case r.conf != nil:
		r.end.Put(h.ts, h.ssrc, alaw)
	}
}

// takeRTCP reads the peer's reports; own tells that they came on the RTCP port.
func (l *Leg) takeRTCP(n *negotiated, b []byte, from netip.AddrPort, own bool) {
	now := l.plane.Now()
	l.in.mu.Lock()
	defer l.in.mu.Unlock()
	if n == nil || !own && !n.mux || len(b) > quality.MaxCompound {
		l.in.invalid++
		return
	}
	if from.Addr() != l.in.source.Addr() {
		l.in.wrong++
		return
	}
	if l.in.srtcp != nil {
		plain, err := l.in.srtcp.DecryptRTCP(nil, b, nil)
		if err != nil {
			l.in.invalid++
			return
		}
		b = plain
	}
	in, err := quality.Parse(b)
	if err != nil {
		l.in.invalid++
		return
	}
	if own && l.opt.NAT { // what the description says of the port is not true outside
		l.out.mu.Lock()
		l.out.toRTCP, l.out.knownRTCP = toSockaddr(from), true
		l.out.mu.Unlock()
	}
	if in.Sender != nil {
		l.in.quality.SenderReport(in.SSRC, in.Sender.NTPTime, now)
	}
	if l.in.far.Take(in, l.out.ssrc, quality.Short(l.plane.clock.NTP(now))) {
		l.in.quality.SetRTT(l.in.far.RTT)
	}
}
