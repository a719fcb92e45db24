package record

import "time"

const (
	// tolerance is how far RTP position and arrival position may differ before
	// a stream is placed anew.
	tolerance = SampleRate / 5 // 200 ms
	// lead is how far ahead of its arrival an unbroken stream may be placed:
	// what a burst after a hole brings at once.
	lead = 2 * tolerance
	// jump is how far a packet may lie from the one before it and still be taken
	// for reordered or for the next after a loss: 100 ms.
	jump = SampleRate / 10
	// lateness is how long packets may be late beyond the tolerance before
	// that counts as a shift. A burst after a hole is shorter: its packets are
	// all where their time stamps say.
	lateness = 60 * time.Millisecond
)

// anchor ties an RTP time to a position in the file.
type anchor struct {
	time uint32
	pos  int64
	set  bool
}

// at gives the position of an RTP time.
func (a anchor) at(rtpTime uint32) int64 { return a.pos + int64(int32(rtpTime-a.time)) }

// stream places one channel's packets. RTP time says where a packet belongs
// relative to the others of its stream, so jitter, reordering and loss do no
// harm; arrival says where the stream belongs in the call.
type stream struct {
	ssrc      uint32
	anchor    anchor
	old       anchor // the one before, of the same SSRC: a hole may end and it be right again
	changed   int64  // arrival, ns, at which anchor was set
	lateSince int64  // arrival, ns, of the first of a row of late packets
	late      bool
	end       int64 // after the newest sample placed
	seen      int64 // position of the packet before this one, kept or not
	reanchors int
}

// place gives the position of a packet that arrives when the call is at sample
// now (and at arrival ns); floor is the first position not yet on disk. It
// reports false for a packet that has no place. quiet tells whether nothing
// loud has been placed in a stretch of this channel.
func (s *stream) place(ssrc, rtpTime uint32, arrival, now, floor int64, quiet func(from, to int64) bool) (pos int64, ok bool) {
	if !s.anchor.set || ssrc != s.ssrc {
		first := !s.anchor.set
		s.ssrc = ssrc
		s.tie(rtpTime, arrival, now)
		s.old = anchor{}
		if first {
			s.reanchors = 0
		}
		return s.anchor.pos, true
	}
	pos = s.anchor.at(rtpTime)
	step := pos - s.seen
	s.seen = pos
	ahead := pos - now
	if ahead >= -tolerance && ahead <= tolerance {
		s.late = false
		return pos, true
	}
	if s.old.set {
		if p := s.old.at(rtpTime); p-now >= -tolerance && p-now <= tolerance {
			s.anchor, s.old = s.old, s.anchor
			s.changed, s.seen = arrival, p
			s.late = false
			s.reanchors++
			return p, true
		}
	}
	if ahead < 0 {
		return s.placeLate(rtpTime, arrival, now, floor, pos)
	}
	s.late = false
	switch {
	case step > jump, step < -jump: // of the time stamps
		s.tie(rtpTime, arrival, now)
	case quiet(now, s.end): // a fast clock, corrected where nobody speaks
		s.end = now
		s.tie(rtpTime, arrival, now)
	case ahead <= lead:
		return pos, true
	case arrival-s.changed >= int64(lead)*int64(time.Second)/SampleRate:
		s.tie(rtpTime, arrival, now)
	default: // a burst of more than can be kept
		return 0, false
	}
	return s.anchor.pos, true
}

// placeLate decides about a packet that comes later than its position.
func (s *stream) placeLate(rtpTime uint32, arrival, now, floor, pos int64) (int64, bool) {
	if !s.late {
		s.late, s.lateSince = true, arrival
	}
	if pos >= floor && arrival-s.lateSince < int64(lateness) {
		return pos, true
	}
	s.late = false
	s.tie(rtpTime, arrival, now)
	return s.anchor.pos, true
}

// tie anchors the stream anew: a packet belongs where the call is now, but what
// has just been placed is not overwritten.
func (s *stream) tie(rtpTime uint32, arrival, now int64) {
	pos := now
	if s.end > now && s.end-now <= tolerance {
		pos = s.end
	}
	s.old = s.anchor
	s.anchor = anchor{time: rtpTime, pos: pos, set: true}
	s.changed, s.seen = arrival, pos
	s.reanchors++
}

// placed notes that audio up to end has been kept.
func (s *stream) placed(end int64) { s.end = max(s.end, end) }
