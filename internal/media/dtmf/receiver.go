package dtmf

import "encoding/binary"

const (
	// payloadLen is an event block: event, E R volume, duration (RFC 4733 §2.3).
	payloadLen = 4
	endBit     = 0x80
	// longest is the greatest duration a segment can state, in timestamp units;
	// an event that lasts longer goes on in a new segment (RFC 4733 §2.5.1.3).
	longest = 0xFFFF
	// memory is how many events are remembered to know their late packets.
	memory = 16
	// horizon is how far back, in timestamp units (10 s at 8000 Hz), a packet
	// can be late. A timestamp further off means the sender started anew.
	horizon = 80000
)

// seen is an event, or a segment of a long one, that has been reported.
type seen struct {
	start    uint32 // RTP timestamp
	code     uint8
	ended    bool   // a packet with the end bit arrived
	duration uint16 // greatest stated, timestamp units
}

// Receiver finds key presses in the packets of the telephone-event payload
// type. The zero value is ready. It belongs to one goroutine.
type Receiver struct {
	ring   [memory]seen
	n      int    // entries in use
	next   int    // where the next one goes
	newest uint32 // greatest timestamp reported
}

// Reset forgets the stream: call it when the SSRC changes.
func (r *Receiver) Reset() { *r = Receiver{} }

// Packet takes the RTP timestamp and payload of one packet. ok is true on the
// first packet of each key press that arrives, be it the start, an update or
// one of the three ends; digit is '0'..'9', '*', '#' or 'A'..'D'. Volume, the
// reserved bit and the marker mean nothing to it. A payload shorter than four
// bytes or an event that is no key is ignored.
//
// An event is known by its timestamp and key (RFC 4733 §2.2.1: the timestamp
// is constant over an event). Two presses of one key therefore count as two if
// their timestamps differ, except when the later one is the next segment of a
// press longer than 0xFFFF units.
func (r *Receiver) Packet(rtpTime uint32, payload []byte) (digit byte, ok bool) {
	if len(payload) < payloadLen {
		return 0, false
	}
	digit, ok = Digit(payload[0])
	if !ok {
		return 0, false
	}
	ev := seen{
		start:    rtpTime,
		code:     payload[0],
		ended:    payload[1]&endBit != 0,
		duration: binary.BigEndian.Uint16(payload[2:]),
	}
	if r.n == 0 {
		r.newest = rtpTime
		r.remember(ev)
		return digit, true
	}
	ahead := int32(rtpTime - r.newest)
	if ahead < -horizon || ahead > 1<<30 {
		// Too far off to be late or next: the sender restarted its clock.
		r.Reset()
		r.newest = rtpTime
		r.remember(ev)
		return digit, true
	}
	if e := r.find(ev); e != nil {
		e.ended = e.ended || ev.ended
		e.duration = max(e.duration, ev.duration)
		return 0, false
	}
	if ahead < 0 && r.forgotten(rtpTime) {
		return 0, false
	}
	if ahead > 0 {
		r.newest = rtpTime
	}
	goesOn := r.continues(ev)
	r.remember(ev)
	if goesOn {
		return 0, false
	}
	return digit, true
}

func (r *Receiver) remember(e seen) {
	r.ring[r.next] = e
	r.next = (r.next + 1) % memory
	r.n = min(r.n+1, memory)
}

func (r *Receiver) find(ev seen) *seen {
	for i := range r.ring[:r.n] {
		if e := &r.ring[i]; e.start == ev.start && e.code == ev.code {
			return e
		}
	}
	return nil
}

// forgotten: with a full memory, an event older than all in it may have been
// reported before; better to lose a press that came seconds late than to double one.
func (r *Receiver) forgotten(start uint32) bool {
	if r.n < memory {
		return false
	}
	for _, e := range r.ring {
		if int32(start-e.start) > 0 {
			return false
		}
	}
	return true
}

// continues tells whether ev is a further segment of a press already reported:
// same key, the end not seen before it, and it starts where the earlier segment
// was full. Some senders end a segment at their last whole frame before 0xFFFF,
// so a segment seen to be nearly full may also end a little earlier. When
// segments in between were lost, whole multiples count. The earlier segment may
// also be the one that arrives late.
func (r *Receiver) continues(ev seen) bool {
	const nearlyFull = 0xF000
	for _, other := range r.ring[:r.n] {
		if other.code != ev.code {
			continue
		}
		first, gap := other, ev.start-other.start
		if int32(gap) < 0 {
			first, gap = ev, -gap
		}
		if first.ended {
			continue
		}
		switch {
		case gap%longest == 0 && gap/longest <= 8:
			return true
		case first.duration >= nearlyFull && gap >= uint32(first.duration) && gap <= longest:
			return true
		}
	}
	return false
}
