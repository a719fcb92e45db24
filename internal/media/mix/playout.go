package mix

import (
	"sync"

	"cagri/internal/media/g711"
)

// All lengths below are in samples at 8 kHz: 8 to the millisecond.
const (
	ms = 8

	minDelay   = 40 * ms  // the buffer never aims for less …
	maxDelay   = 120 * ms // … nor for more
	startDelay = 60 * ms  // before anything is known about the line
	step       = 20 * ms  // the delay changes by this much at a time
	safety     = 20 * ms  // kept beyond the jitter seen

	ring      = 4096      // capacity: 512 ms, a power of two
	tooEarly  = 400 * ms  // a packet this far ahead is of another time line
	tooLate   = -400 * ms // and so is one this far behind
	overfull  = 240 * ms  // the wait is cut at once, even in the middle of a word
	longest   = 100 * ms  // a packet's audio beyond this is dropped: the ring must hold it
	strangers = 3         // packets of another time line in a row to follow it

	talkPause   = 200 * ms // after so long with nothing to play the next packet starts afresh
	history     = 50       // packets per half of the window in which jitter is measured
	settleTime  = 100 * ms // at least this long between two changes of the delay
	concealFor  = 60 * ms  // a loss is bridged by a fading repetition for this long
	quietPeak   = 500      // a frame whose samples all stay below (of 32768) is a pause
	insistAfter = 60 * ms  // this much too long a wait is shortened even in speech
)

// Delivery counts what a Playout has done, in packets or samples.
type Delivery struct {
	Packets   int // taken
	Late      int // came when their time had passed
	Concealed int // samples made up for lost ones
	Skipped   int // samples left out to shorten the wait
	Inserted  int // samples made up to lengthen the wait
	Restarts  int // new time lines: SSRC changes, jumps, talk after a pause
	Delay     int // wait now aimed for, in samples
}

// Playout turns packets that arrive as they like into frames of even time. It
// waits 40 to 120 ms, as the jitter of the last one to two seconds demands, puts
// packets in order by RTP time, bridges a loss of up to 60 ms by a fading
// repetition, follows the sender's clock by leaving out or inserting 20 ms, in
// pauses where it can, and starts afresh on a new SSRC, a jump of the time
// stamps or after a pause.
//
// The zero value is ready. Put and Next may be called from two goroutines.
type Playout struct {
	mu sync.Mutex // guards all below; held for a copy of one packet at most

	running bool
	ssrc    uint32
	next    uint32 // RTP time of the next sample to play
	end     uint32 // RTP time after the newest sample taken
	audio   [ring]byte
	have    [ring]bool

	delay     int // wait aimed for
	window    [2]spread
	filled    int // packets in window[0]
	settled   int // samples played since the delay changed
	idle      int // samples played since there was something to play
	odd       int // packets in a row of another time line
	oddTime   uint32
	last      [step]byte // the newest samples played, for repetition
	lastLen   int
	concealed int // samples concealed in a row

	count Delivery
}

// spread is the range of how early packets came, in samples.
type spread struct {
	min, max int
	any      bool
}

func (s *spread) add(v int) {
	if !s.any {
		*s = spread{v, v, true}
		return
	}
	s.min, s.max = min(s.min, v), max(s.max, v)
}

func (s *spread) shift(by int) { s.min, s.max = s.min+by, s.max+by }

// Put takes one packet. Audio beyond 100 ms in one packet is dropped.
func (p *Playout) Put(rtpTime, ssrc uint32, alaw []byte) {
	if len(alaw) == 0 {
		return
	}
	alaw = alaw[:min(len(alaw), longest)]
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count.Packets++
	if !p.running || ssrc != p.ssrc || p.idle >= talkPause {
		p.restart(rtpTime, ssrc)
	}
	early := int(int32(rtpTime - p.next))
	if early > tooEarly || early < tooLate {
		if !p.followStranger(rtpTime) {
			return
		}
		early = int(int32(rtpTime - p.next))
	} else {
		p.odd = 0
	}
	p.observe(early)
	if early+len(alaw) <= 0 {
		p.count.Late++
		p.lengthen(true)
		return
	}
	if early < 0 {
		p.count.Late++
		alaw = alaw[-early:]
		rtpTime = p.next
	}
	p.store(rtpTime, alaw)
	p.adapt()
}

// store copies a packet into the ring; it may wrap around its end.
func (p *Playout) store(rtpTime uint32, alaw []byte) {
	if end := rtpTime + uint32(len(alaw)); int32(end-p.end) > 0 {
		p.end = end
	}
	at := int(rtpTime % ring)
	n := copy(p.audio[at:], alaw)
	copy(p.audio[:], alaw[n:])
	for i := range n {
		p.have[at+i] = true
	}
	for i := range len(alaw) - n {
		p.have[i] = true
	}
}

// restart begins a new time line with the packet of rtpTime.
func (p *Playout) restart(rtpTime, ssrc uint32) {
	if p.running {
		p.count.Restarts++
	}
	if !p.running || ssrc != p.ssrc {
		p.delay = startDelay
		p.window, p.filled = [2]spread{}, 0
	} else if s := p.seen(); s.any {
		// The line is as it was; this packet is taken for one of the early ones.
		p.shift(p.delay - s.max)
	}
	p.running, p.ssrc = true, ssrc
	p.next = rtpTime - uint32(p.delay)
	p.end = rtpTime
	clear(p.have[:])
	p.settled, p.idle, p.odd = 0, 0, 0
}

// followStranger decides about a packet far from the present time line: one may
// be a straggler, several that fit each other are where the sender now is.
func (p *Playout) followStranger(rtpTime uint32) bool {
	if d := int32(rtpTime - p.oddTime); p.odd > 0 && (d < -200*ms || d > 200*ms) {
		p.odd = 0
	}
	p.odd++
	p.oddTime = rtpTime
	if p.odd < strangers {
		return false
	}
	p.restart(rtpTime, p.ssrc)
	return true
}

// observe notes how early a packet came.
func (p *Playout) observe(early int) {
	if p.filled == history {
		p.window[1], p.window[0], p.filled = p.window[0], spread{}, 0
	}
	p.window[0].add(early)
	p.filled++
}

// seen gives the range of earliness over the last one to two seconds.
func (p *Playout) seen() spread {
	s := p.window[0]
	if p.window[1].any {
		s.add(p.window[1].min)
		s.add(p.window[1].max)
	}
	return s
}

// adapt holds the wait against what the line needs: packets as much later than
// the earliest as were seen, and 20 ms more.
func (p *Playout) adapt() {
	s := p.seen()
	p.delay = max(minDelay, min(maxDelay, s.max-s.min+safety))
	if wait := int(int32(p.end - p.next)); wait > overfull {
		// A burst after a hole: what is too old to say is left out.
		p.skip(wait - p.delay)
		return
	}
	if p.settled < settleTime {
		return
	}
	switch excess := s.max - p.delay; {
	case excess <= -2*step, excess <= -step && p.quietAhead():
		p.lengthen(false)
	case excess >= insistAfter, excess >= step && p.quietAhead():
		p.skip(step)
	}
}

// lengthen makes the wait 20 ms longer, by playing 20 ms less of the time line;
// urgent when a packet has come too late already.
func (p *Playout) lengthen(urgent bool) {
	if p.settled < settleTime && !urgent {
		return
	}
	if s := p.seen(); s.max+step > maxDelay {
		return
	}
	p.next -= step
	// What was played is not played again: the room is concealed or silent.
	for i := range uint32(step) {
		p.have[(p.next+i)%ring] = false
	}
	p.shift(step)
	p.settled = 0
	p.count.Inserted += step
}

// skip leaves out n samples.
func (p *Playout) skip(n int) {
	for range n {
		p.have[p.next%ring] = false
		p.next++
	}
	p.shift(-n)
	p.settled = 0
	p.count.Skipped += n
}

// shift keeps what was measured in step with a changed wait.
func (p *Playout) shift(by int) {
	p.window[0].shift(by)
	p.window[1].shift(by)
}

// quietAhead says whether the next 20 ms are a pause.
func (p *Playout) quietAhead() bool {
	for i := range uint32(step) {
		at := (p.next + i) % ring
		if !p.have[at] {
			continue
		}
		if v := g711.ALawToLinear(p.audio[at]); v > quietPeak || v < -quietPeak {
			return false
		}
	}
	return true
}

// Next fills frame with the next audio and moves on by its length. It reports
// false, and silence, when there is nothing to hear: the line is idle, or a loss
// has outlasted its bridging.
func (p *Playout) Next(frame []byte) (voiced bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.running {
		fillSilence(frame)
		return false
	}
	taken, concealed := 0, p.count.Concealed
	for i := range frame {
		at := p.next % ring
		if p.have[at] {
			p.have[at] = false
			frame[i] = p.audio[at]
			p.remember(frame[i])
			taken++
		} else {
			frame[i] = p.conceal()
		}
		p.next++
	}
	p.settled += len(frame)
	if taken > 0 {
		p.idle = 0
		return true
	}
	p.idle = min(p.idle+len(frame), talkPause)
	return p.count.Concealed > concealed
}

// remember keeps the newest 20 ms that really were heard.
func (p *Playout) remember(b byte) {
	p.concealed = 0
	p.last[p.lastLen%step] = b
	p.lastLen++
	if p.lastLen >= 2*step {
		p.lastLen -= step
	}
}

// conceal gives one sample for a missing one: the last 20 ms again, fading.
func (p *Playout) conceal() byte {
	if p.lastLen < step || p.concealed >= concealFor {
		return g711.ALawSilence
	}
	old := g711.ALawToLinear(p.last[(p.lastLen+p.concealed)%step])
	left := int32(concealFor - p.concealed)
	p.concealed++
	p.count.Concealed++
	return g711.LinearToALaw(int16(int32(old) * left / concealFor))
}

// Stats reports the counters.
func (p *Playout) Stats() Delivery {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.count
	d.Delay = p.delay
	return d
}

func fillSilence(frame []byte) {
	for i := range frame {
		frame[i] = g711.ALawSilence
	}
}
