package quality

import "time"

// Limits of RFC 3550 Appendix A.1.
const (
	maxDropout  = 3000 // a jump ahead of less is loss
	maxMisorder = 100  // a step back of less is reordering
	noBadSeq    = 1 << 16
)

const (
	// depth is how many packets back a late one still counts as received and a
	// second copy is known as a duplicate. A packet's fate is judged when it
	// leaves this window: 64 packets are 1.28 s at 20 ms.
	depth = 64
	// window is the length of one quality window in ns.
	window = int64(10 * time.Second)
	// Least packets of a window that gets a MOS: 2 s of sound, or half a second
	// when the call has nothing better.
	leastWindow = 100
	leastCall   = 25
	// playout in ms: a packet that comes later than this after the fastest of
	// late is useless to a listener, whose buffer is at most that deep.
	playout = 120
	// lateRun: so many late packets in a row are not late packets, but a path
	// that has become longer; a listener's buffer has followed by then.
	lateRun = 10
)

// Receiver holds the statistics of a received stream. The zero value is ready;
// it belongs to one goroutine.
type Receiver struct {
	// The current source, RFC 3550 A.1.
	ssrc     uint32
	active   bool
	maxSeq   uint16
	cycles   uint32 // wraps × 65536
	baseSeq  uint32
	badSeq   uint32
	received uint32 // with duplicates, as the RFC counts
	dups     uint32

	// History of the last 64 sequence numbers; bit 0 is maxSeq.
	seen    uint64 // arrived
	good    uint64 // arrived in time to be played
	pending int    // history positions that hold a real packet, ≤ 64

	// A.8
	rate      uint32
	transit   uint32 // arrival - RTP time, timestamp units mod 2^32
	lastTime  uint32
	jitter    uint32 // ×16
	maxJitter uint32 // ×16

	// Playout estimate, timestamp units.
	base    uint32 // transit of the fastest packet
	winMin  uint32 // same within the current window
	tooLate int    // late packets in a row

	// A.3, for the next report block.
	expectedPrior uint32
	receivedPrior uint32
	lsr           uint32 // middle bits of the last SR's NTP time
	lsrAt         int64  // its arrival, ns

	cand struct { // a source on probation
		ssrc uint32
		next uint16
		on   bool
	}

	past  totals // sources before the current one
	tally totals // the current one, what is not derived from the fields above
	first int64
	last  int64

	loss clusters
	win  windowState
	mos  verdicts
	rtt  time.Duration
}

// totals are counts that outlive a source.
type totals struct {
	expected, received, dups, late, discarded, stray uint64
	sources                                          int
}

// windowState is the current 10 s.
type windowState struct {
	end      int64
	expected uint32
	lost     uint32 // lost or too late
	runs     uint32 // runs of consecutive losses
}

// verdicts sums up the windows.
type verdicts struct {
	n                   int
	sum, weight, lowest float64
	last                float64
}

// Packet takes one valid RTP packet of the leg: arrival in monotonic ns, RTP
// time and clock rate in timestamp units and Hz. A new SSRC counts from its
// second packet in a row on (MIN_SEQUENTIAL of A.1), so that one stray packet
// changes nothing.
func (r *Receiver) Packet(ssrc uint32, seq uint16, rtpTime uint32, arrival int64, clockRate uint32) {
	if !r.active || ssrc != r.ssrc {
		if !r.admit(ssrc, seq, rtpTime, arrival, clockRate) {
			return
		}
	} else if clockRate != r.rate {
		r.reanchor(rtpTime, arrival, clockRate)
	}
	if arrival >= r.win.end {
		r.roll(arrival)
	}
	r.last = arrival

	step := seq - r.maxSeq
	switch {
	case step == 0:
		r.received++
		r.dups++
		return
	case step < maxDropout:
		if seq < r.maxSeq {
			r.cycles += 1 << 16
		}
		r.maxSeq = seq
		r.received++
		r.badSeq = noBadSeq
		r.advance(uint32(step))
		r.seen |= 1
		if r.timing(rtpTime, arrival) {
			r.good |= 1
		}
	case step <= 1<<16-1-maxMisorder:
		// A large jump. Two in sequence mean that the sender started anew (A.1).
		if uint32(seq) == r.badSeq {
			r.restart(seq, rtpTime, arrival, clockRate)
			return
		}
		r.badSeq = uint32(seq + 1)
		r.tally.stray++
	default:
		r.behind(r.maxSeq-seq, rtpTime, arrival)
	}
}

// behind is a packet older than the newest: late, or a duplicate.
func (r *Receiver) behind(back uint16, rtpTime uint32, arrival int64) {
	if uint32(back) > r.extended()-r.baseSeq {
		r.tally.stray++ // older than the first packet of the stream
		return
	}
	r.received++
	if back >= depth {
		r.tally.late++
		r.tally.discarded++ // judged lost long ago; nobody can play it now
		return
	}
	bit := uint64(1) << back
	if r.seen&bit != 0 {
		r.dups++
		return
	}
	r.seen |= bit
	r.tally.late++
	switch {
	case r.far(rtpTime, arrival): // lateness this time, not the sender's clock
		r.tally.discarded++
	case r.timing(rtpTime, arrival):
		r.good |= bit
	}
}

// admit puts an unknown source on probation or, on its second packet in a row,
// makes it the current one; then it tells true and the packet counts.
func (r *Receiver) admit(ssrc uint32, seq uint16, rtpTime uint32, arrival int64, clockRate uint32) bool {
	if !r.cand.on || r.cand.ssrc != ssrc || r.cand.next != seq {
		if r.cand.on {
			r.tally.stray++
		}
		r.cand.ssrc, r.cand.next, r.cand.on = ssrc, seq+1, true
		return false
	}
	r.cand.on = false
	r.begin(ssrc, seq-1, rtpTime, arrival, clockRate)
	return true
}

// restart is begin for a sender that kept its SSRC but jumped in sequence.
func (r *Receiver) restart(seq uint16, rtpTime uint32, arrival int64, clockRate uint32) {
	r.tally.stray-- // the packet before this one was the first of the new run
	r.begin(r.ssrc, seq-1, rtpTime, arrival, clockRate)
	r.Packet(r.ssrc, seq, rtpTime, arrival, clockRate)
}

// begin starts counting at seq, which has been received. What was counted
// before is kept.
func (r *Receiver) begin(ssrc uint32, seq uint16, rtpTime uint32, arrival int64, clockRate uint32) {
	if r.active {
		r.flush()
		r.past = r.sum()
		r.tally = totals{}
	} else {
		r.first = arrival
		r.win.end = arrival + window
	}
	if ssrc != r.ssrc || !r.active {
		r.lsr, r.lsrAt = 0, 0 // an SR belongs to its source
		r.jitter = 0
		r.tally.sources = 1
	}
	r.active, r.ssrc = true, ssrc
	r.maxSeq, r.cycles, r.baseSeq, r.badSeq = seq, 0, uint32(seq), noBadSeq
	r.received, r.dups = 1, 0
	r.expectedPrior, r.receivedPrior = 0, 0
	r.seen, r.good, r.pending = 1, 1, 1
	r.reanchor(rtpTime, arrival, clockRate)
}

func (r *Receiver) extended() uint32 { return r.cycles + uint32(r.maxSeq) }

func (r *Receiver) expected() uint32 {
	if !r.active {
		return 0
	}
	return r.extended() - r.baseSeq + 1
}

// advance moves the history on by n sequence numbers and judges those that
// leave it.
func (r *Receiver) advance(n uint32) {
	if n == 1 && r.pending == depth { // nearly always
		out := r.good >> (depth - 1)
		r.seen <<= 1
		r.good <<= 1
		r.win.expected++
		if out != 0 {
			r.loss.run++
			return
		}
		r.lose(1)
		return
	}
	for ; n > 0; n-- {
		if r.pending == depth {
			if r.seen == 0 { // a long loss: all that leaves is lost
				r.win.expected += n
				r.lose(n)
				return
			}
			r.judge(r.good>>(depth-1) != 0)
		} else {
			r.pending++
		}
		r.seen <<= 1
		r.good <<= 1
	}
}

// judge settles the fate of one packet, in order of sequence.
func (r *Receiver) judge(ok bool) {
	r.win.expected++
	if ok {
		r.loss.run++
		return
	}
	r.lose(1)
}

func (r *Receiver) lose(n uint32) {
	if r.loss.run > 0 || r.win.runs == 0 {
		r.win.runs++
	}
	r.win.lost += n
	r.loss.lose(n)
}

// flush judges everything still in the history.
func (r *Receiver) flush() {
	for ; r.pending > 0; r.pending-- {
		r.judge(r.good>>(r.pending-1)&1 != 0)
	}
	r.seen, r.good = 0, 0
}

// units turns a monotonic time into timestamp units, modulo 2^32.
func units(ns int64, rate uint32) uint32 {
	sec := ns / 1e9
	return uint32(sec)*rate + uint32((ns-sec*1e9)*int64(rate)/1e9)
}

func (r *Receiver) reanchor(rtpTime uint32, arrival int64, clockRate uint32) {
	r.rate = clockRate
	r.transit = units(arrival, clockRate) - rtpTime
	r.lastTime = rtpTime
	r.base, r.winMin, r.tooLate = r.transit, r.transit, 0
}

// timing updates the jitter (A.8) and tells whether the packet came in time to
// be played. Packets that share a timestamp, as those of a key press do, say
// nothing about the network. A leap of more than a second is the sender's clock,
// for example after hold, and starts the measurement anew.
func (r *Receiver) timing(rtpTime uint32, arrival int64) bool {
	if rtpTime == r.lastTime {
		return true
	}
	r.lastTime = rtpTime
	transit := units(arrival, r.rate) - rtpTime
	d := int32(transit - r.transit)
	r.transit = transit
	if d < 0 {
		d = -d
	}
	if uint32(d) > r.rate {
		r.base, r.winMin, r.tooLate = transit, transit, 0
		return true
	}
	r.jitter += uint32(d) - (r.jitter+8)>>4
	r.maxJitter = max(r.maxJitter, r.jitter)

	if int32(transit-r.winMin) < 0 {
		r.winMin = transit
		if int32(transit-r.base) < 0 {
			r.base = transit
		}
	}
	if int32(transit-r.base) <= int32(r.rate/1000*playout) {
		r.tooLate = 0
		return true
	}
	if r.tooLate++; r.tooLate >= lateRun {
		r.base, r.winMin, r.tooLate = transit, transit, 0
	}
	r.tally.discarded++
	return false
}

// far tells a packet more than a second off from those before it.
func (r *Receiver) far(rtpTime uint32, arrival int64) bool {
	d := int32(units(arrival, r.rate) - rtpTime - r.transit)
	return d > int32(r.rate) || d < -int32(r.rate)
}

// roll closes the quality window and opens the next one at arrival.
func (r *Receiver) roll(arrival int64) {
	r.mos.add(r.win, r.oneWay())
	r.win = windowState{end: r.win.end + window}
	if r.win.end <= arrival { // silence in between
		r.win.end = arrival + window
	}
	r.base, r.winMin = r.winMin, r.transit // follow a drifting clock
}

// SetRTT tells the round-trip time known from RTCP, for the delay part of the
// MOS of windows that close from now on. Without one, network delay counts as 0.
func (r *Receiver) SetRTT(rtt time.Duration) { r.rtt = max(0, rtt) }

// oneWay estimates mouth-to-ear delay: half the round trip, one packet of 20 ms
// and a listener's buffer of twice the jitter, 40..120 ms.
func (r *Receiver) oneWay() time.Duration {
	buffer := min(max(2*r.jitterTime(r.jitter), 40*time.Millisecond), playout*time.Millisecond)
	return r.rtt/2 + 20*time.Millisecond + buffer
}

func (r *Receiver) jitterTime(x16 uint32) time.Duration {
	if r.rate == 0 {
		return 0
	}
	return time.Duration(uint64(x16) * uint64(time.Second) / 16 / uint64(r.rate))
}

// sum is past and current together.
func (r *Receiver) sum() totals {
	t := r.past
	t.expected += uint64(r.expected())
	t.received += uint64(r.received)
	t.dups += uint64(r.dups)
	t.late += r.tally.late
	t.discarded += r.tally.discarded
	t.stray += r.tally.stray
	t.sources += r.tally.sources
	return t
}
