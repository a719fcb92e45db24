package quality

import (
	"time"

	"github.com/pion/rtcp"
)

// Snapshot is the state of a received stream at one moment, over all its
// sources. It is a copy.
type Snapshot struct {
	SSRC       uint32 // current source
	Sources    int    // how many there have been
	Received   uint64 // packets, duplicates included
	Expected   uint64 // by sequence numbers
	Lost       uint64 // expected and never arrived; duplicates do not hide a loss here
	Duplicates uint64
	Late       uint64        // arrived after a later one, in time or not
	Discarded  uint64        // arrived, but too late to be played
	Stray      uint64        // not part of any stream: single SSRCs, wild sequence numbers
	HighestSeq uint32        // extended, current source
	Jitter     time.Duration // RFC 3550 interarrival jitter, current
	MaxJitter  time.Duration
	Duration   time.Duration // first to last packet
	Bursts     Bursts

	Windows int     // quality windows of 10 s, the current one included if long enough
	MOS     float64 // of the last window, 1..4.5; 0 = too little received to tell
	MOSMin  float64
	MOSAvg  float64 // weighted by packets
}

// LossRate is the share of expected packets that never arrived or came too late, 0..1.
func (s Snapshot) LossRate() float64 {
	if s.Expected == 0 {
		return 0
	}
	return min(1, float64(s.Lost+s.Discarded)/float64(s.Expected))
}

// Snapshot sums up everything received so far; the packets that are still
// within reach of a late arrival count as they are now.
func (r *Receiver) Snapshot() Snapshot {
	t := r.sum()
	end := *r // flush a copy: the state itself waits for late packets
	end.flush()
	end.mos.add(end.win, end.oneWay())
	s := Snapshot{
		SSRC: r.ssrc, Sources: t.sources,
		Received: t.received, Expected: t.expected, Duplicates: t.dups,
		Late: t.late, Discarded: t.discarded, Stray: t.stray,
		Jitter: r.jitterTime(r.jitter), MaxJitter: r.jitterTime(r.maxJitter),
		Duration: time.Duration(r.last - r.first),
		Bursts:   end.loss.summary(),
		Windows:  end.mos.n, MOS: end.mos.last, MOSMin: end.mos.lowest,
	}
	if r.active {
		s.HighestSeq = r.extended()
	}
	if arrived := t.received - t.dups; t.expected > arrived {
		s.Lost = t.expected - arrived
	}
	if end.mos.weight > 0 {
		s.MOSAvg = end.mos.sum / end.mos.weight
	}
	return s
}

// Active tells whether a source has passed probation, so that Report is worth sending.
func (r *Receiver) Active() bool { return r.active }

// SenderReport notes the arrival (monotonic ns) of an SR of the current source;
// SRs of others are ignored.
func (r *Receiver) SenderReport(ssrc uint32, ntp uint64, now int64) {
	if r.active && ssrc == r.ssrc {
		r.lsr, r.lsrAt = uint32(ntp>>16), now
	}
}

// Report makes the report block of the current source (RFC 3550 §6.4.1, A.3)
// and begins the next interval. now is monotonic ns.
func (r *Receiver) Report(now int64) rtcp.ReceptionReport {
	expected := r.expected()
	lost := int64(expected) - int64(r.received) // negative with duplicates, as the RFC wants
	dExpected := expected - r.expectedPrior
	dReceived := r.received - r.receivedPrior
	r.expectedPrior, r.receivedPrior = expected, r.received
	rep := rtcp.ReceptionReport{
		SSRC:      r.ssrc,
		TotalLost: uint32(min(max(lost, -1<<23), 1<<23-1)) & 0xFFFFFF,
		Jitter:    r.jitter >> 4,
	}
	if r.active {
		rep.LastSequenceNumber = r.extended()
	}
	if dLost := int64(dExpected) - int64(dReceived); dExpected > 0 && dLost > 0 {
		rep.FractionLost = uint8(min(255, dLost<<8/int64(dExpected)))
	}
	if r.lsr != 0 {
		rep.LastSenderReport = r.lsr
		rep.Delay = ntpShort(time.Duration(now - r.lsrAt))
	}
	return rep
}
