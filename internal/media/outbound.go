package media

import (
	"encoding/binary"
	"math/rand/v2"
	"time"

	"github.com/pion/rtcp"

	"cagri/internal/media/g711"
	"cagri/internal/media/quality"
)

// kind is what a relayed payload is.
type kind uint8

const (
	kindALaw kind = iota
	kindULaw
	kindEvent
	kindNoise
)

const reportEvery = 5 * time.Second

// forward sends a packet that came along r from another leg on this one: own SSRC,
// numbers that go on from what was sent before, the payload type of this leg.
func (l *Leg) forward(r *route, h rtpHeader, k kind, now int64) {
	n := l.neg.Load()
	if n == nil {
		return
	}
	o := &l.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.feed != r || !o.known || !n.sends || o.player != nil || o.digit != nil || l.closed.Load() {
		return
	}
	pt := n.sendPT
	switch k {
	case kindEvent:
		if !n.dtmf.OK {
			o.relay.seqDiff-- // left out: the far end must not see a loss
			return
		}
		pt = n.dtmf.PT
	case kindNoise:
		if !n.cn.OK {
			o.relay.seqDiff--
			return
		}
		pt = n.cn.PT
	}
	marker := h.marker
	if !o.relay.on || o.relay.ssrc != h.ssrc || o.leaps(h.seq) {
		o.resume(now)
		o.relay = relay{on: true, ssrc: h.ssrc, seqDiff: o.seq + 1 - h.seq, tsDiff: o.ts - h.ts}
		marker = true
	}
	seq, ts := h.seq+o.relay.seqDiff, h.ts+o.relay.tsDiff
	b := o.head(pt, marker, seq, ts, len(h.payload))
	switch {
	case k == kindALaw && n.ulaw:
		translate(b[12:], h.payload, &g711.ALawToULaw)
	case k == kindULaw && !n.ulaw:
		translate(b[12:], h.payload, &g711.ULawToALaw)
	default:
		copy(b[12:], h.payload)
	}
	if int16(seq-o.seq) > 0 || !o.begun {
		o.seq, o.at = seq, now
		o.last = 0
		switch k {
		case kindALaw, kindULaw:
			o.last = uint32(len(h.payload))
			o.ts = ts + o.last
		case kindEvent: // its time stamp is that of the press, however long that lasts
			o.ts = ts
			if len(h.payload) >= 4 {
				o.ts += uint32(binary.BigEndian.Uint16(h.payload[2:]))
			}
		case kindNoise:
			o.ts = ts
		}
	}
	l.emit(b, ts, now)
}

// leaps tells that the numbers of the relayed stream are elsewhere than they were:
// its sender has begun anew, and what we send goes on all the same. The bounds are
// MAX_DROPOUT and MAX_MISORDER of RFC 3550 appendix A.1.
func (o *outbound) leaps(seq uint16) bool {
	d := int16(seq + o.relay.seqDiff - o.seq)
	return d > 3000 || d < -100
}

func translate(dst, src []byte, table *[256]byte) {
	for i, c := range src {
		dst[i] = table[c]
	}
}

// frame sends one frame of our own making (A-law) as the next of the stream;
// skipped frames before it were due but could not be sent in time. out.mu is held.
func (l *Leg) frame(n *negotiated, alaw []byte, skipped int, now int64) {
	o := &l.out
	if o.relay.on { // the stream was a relayed one until now
		o.relay.on = false
		o.mark = true
	}
	if o.mark {
		o.resume(now)
	} else { // the far end hears a gap, not a shift
		o.ts += uint32(skipped * 160)
	}
	o.seq++
	b := o.head(n.sendPT, o.mark, o.seq, o.ts, len(alaw))
	o.mark = false
	if n.ulaw {
		translate(b[12:], alaw, &g711.ALawToULaw)
	} else {
		copy(b[12:], alaw)
	}
	ts := o.ts
	o.last = uint32(len(alaw))
	o.ts += o.last
	o.at = now
	l.emit(b, ts, now)
}

// resume moves the time stamp on by the time that nothing was sent, so that it
// never runs behind the clock the far end plays by. out.mu is held.
func (o *outbound) resume(now int64) {
	if o.begun {
		if gap := (now-o.at)*8/int64(time.Millisecond) - int64(o.last); gap > 0 {
			o.ts += uint32(gap)
			o.at, o.last = now, 0
		}
	}
}

// head writes a header and gives the packet with room for its payload.
func (o *outbound) head(pt uint8, marker bool, seq uint16, ts uint32, payload int) []byte {
	b := o.buf[:12+payload]
	b[0] = 0x80
	b[1] = pt
	if marker {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], seq)
	binary.BigEndian.PutUint32(b[4:], ts)
	binary.BigEndian.PutUint32(b[8:], o.ssrc)
	return b
}

// emit encrypts if need be and sends. out.mu is held.
func (l *Leg) emit(b []byte, ts uint32, now int64) {
	o := &l.out
	if o.shut {
		return
	}
	o.begun = true
	o.stats.Packet(o.ssrc, ts, len(b)-12, now, 8000)
	if o.srtp != nil {
		sealed, err := o.srtp.EncryptRTP(o.sealed[:0], b, &o.header)
		if err != nil {
			return
		}
		o.sealed, b = sealed, sealed
	}
	l.rtp.send(b, &o.to)
}

// look is the sweep's visit: a report that is due, a line gone silent.
func (l *Leg) look(now int64) {
	n := l.neg.Load()
	if n == nil || l.closed.Load() {
		return
	}
	l.in.mu.Lock()
	quiet := now - l.in.lastAt
	silent := n.receives && !l.in.silent && quiet > int64(l.plane.cfg.Silence)
	if silent {
		l.in.silent = true
	}
	l.in.mu.Unlock()
	if silent {
		l.opt.Sink(Silent{l, time.Duration(quiet)})
	}
	l.out.mu.Lock()
	due := l.out.nextRep != 0 && now >= l.out.nextRep
	if due {
		l.out.nextRep = now + int64(quality.Interval(rand.Float64()))
	}
	l.out.mu.Unlock()
	if due {
		l.report(now, false)
	}
}

// report sends RTCP: SR or RR, our name, and BYE at the end (RFC 3550 section 6).
func (l *Leg) report(now int64, bye bool) {
	n := l.neg.Load()
	if n == nil {
		return
	}
	var reports []rtcp.ReceptionReport
	l.in.mu.Lock()
	if l.in.quality.Active() {
		reports = append(reports, l.in.quality.Report(now))
	}
	l.in.mu.Unlock()
	o := &l.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.shut || !o.known || !o.begun && len(reports) == 0 {
		return
	}
	out := quality.Outgoing{SSRC: o.ssrc, CNAME: l.plane.cname, Reports: reports, Bye: bye}
	if sr, ok := o.stats.Report(now, l.plane.clock); ok {
		out.Sender = &sr
	}
	b, err := quality.Build(out)
	if err != nil {
		return
	}
	if o.srtcp != nil {
		if b, err = o.srtcp.EncryptRTCP(nil, b, nil); err != nil {
			return
		}
	}
	switch {
	case n.mux:
		l.rtp.send(b, &o.to)
	case o.knownRTCP:
		l.rtcp.send(b, &o.toRTCP)
	}
}
