package dtmf

import (
	"encoding/binary"
	"fmt"
	"time"
)

const (
	clockRate = 8000
	endTimes  = 3 // the last packet is sent three times, RFC 4733 §2.5.1.4
	// volume is the power of the tone below 0 dBm0; -10 dBm0 is the middle of
	// what networks use (ITU-T Q.24 accepts -3 … -24).
	volume = 10
	// Shortest and Longest bound the length of a press: ITU-T Q.24 detectors must
	// take 40 ms; above a minute something is stuck.
	Shortest = 40 * time.Millisecond
	Longest  = time.Minute
)

// Packet is one RTP packet of an event. It shares sequence numbers and SSRC
// with the audio (RFC 4733 §2.2).
type Packet struct {
	Payload   [4]byte
	Timestamp uint32 // RTP timestamp of the event or segment, not of the packet
	Marker    bool   // first packet of the event
	End       bool   // the end bit is set
}

// Sender produces the packets of one press, one for every packet time. Audio is
// not sent meanwhile. It belongs to one goroutine.
type Sender struct {
	code    uint8
	start   uint32 // of the whole event
	total   uint32 // length, timestamp units
	step    uint32 // timestamp units per packet
	segment uint32 // where the current segment begins, relative to start
	elapsed uint32 // packet times gone, timestamp units
	at      uint32 // duration reached, relative to start
	ends    int    // end packets sent
	sent    uint32 // packets
}

// NewSender prepares one press of a key ('0'..'9', '*', '#', 'A'..'D') of length
// d, which is rounded up to whole packets. start is the RTP timestamp at which
// the audio stops; ptime is the packet length in ms.
func NewSender(digit byte, d time.Duration, start uint32, ptime int) (*Sender, error) {
	code, ok := Code(digit)
	switch {
	case !ok:
		return nil, fmt.Errorf("dtmf: %q is not a key; keys are 0-9 * # A-D", digit)
	case d < Shortest || d > Longest:
		return nil, fmt.Errorf("dtmf: length %v of a press is not between %v and %v", d, Shortest, Longest)
	case ptime < 10 || ptime > 60:
		return nil, fmt.Errorf("dtmf: packet length %d ms is not 10..60", ptime)
	}
	step := uint32(ptime) * clockRate / 1000
	units := uint32(d * clockRate / time.Second)
	packets := (units + step - 1) / step
	return &Sender{code: code, start: start, total: packets * step, step: step}, nil
}

// Next gives the packet due now; ok is false when the press is over; then
// audio goes on at Resume.
func (s *Sender) Next() (p Packet, ok bool) {
	if s.ends == endTimes {
		return Packet{}, false
	}
	p.Marker = s.sent == 0
	s.sent++
	if s.ends == 0 {
		s.advance()
	}
	if s.at == s.total {
		s.ends++
		p.End = true
	}
	p.Timestamp = s.start + s.segment
	p.Payload[0] = s.code
	p.Payload[1] = volume
	if p.End {
		p.Payload[1] |= endBit
	}
	binary.BigEndian.PutUint16(p.Payload[2:], uint16(s.at-s.segment))
	return p, true
}

// advance moves on by one packet time. A segment that would grow beyond 0xFFFF
// is first reported full, without the end bit; the packet after it opens the
// next segment (RFC 4733 §2.5.1.3) and catches up, so that the packets stay on
// the grid of the audio.
func (s *Sender) advance() {
	s.elapsed += s.step
	if s.at-s.segment == longest {
		s.segment = s.at
	}
	s.at = min(s.elapsed, s.segment+longest, s.total)
}

// Resume is the RTP timestamp at which audio goes on after the last packet: one
// packet time for each packet that was sent. It is known once Next has told that
// the press is over.
func (s *Sender) Resume() uint32 { return s.start + s.sent*s.step }
