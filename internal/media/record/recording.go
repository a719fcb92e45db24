package record

import (
	"sync"
	"time"

	"cagri/internal/media/g711"
)

const (
	// lateRoom is how long a block stays open after its end, for packets that
	// come late.
	lateRoom = SampleRate * 3 / 10 // 300 ms
	// openBlocks span everything from the oldest late packet to the furthest
	// lead: 300 ms + one block + 400 ms + one packet.
	openBlocks = 4
	// maxPending bounds the blocks of one recording that wait for the disk.
	maxPending = 16
	// maxPacket is the longest packet placed, in samples: 200 ms.
	maxPacket = SampleRate / 5
	// quietLimit is the magnitude (of 32768) below which a sample is no voice.
	quietLimit = 500
)

// longest is the last arrival that has a place in a file, with room for a
// stream's lead: 74 hours.
var longest = sampleTime(maxSamples - openBlocks*blockSamples)

// Recording is one recording in progress. It comes from Pool.Create, takes
// packets from any number of goroutines, and ends with Close.
//
// Its time starts at the first call of Begin, Write, Pause or Resume. Where
// arrival is asked for, it is monotonic time in ns of any epoch, the same for
// all calls. After a failure audio is dropped while the disk refuses it; what
// fits later is kept again.
type Recording struct {
	pool   *Pool
	writer *fifo[*Recording] // the queue of the goroutine that writes this file
	path   string
	onFail func(error)

	mu      sync.Mutex // guards all below; held for a copy of one packet
	begun   bool
	zero    int64 // arrival of position 0
	now     int64 // latest position by arrival, in samples
	extent  int64 // end of what has been placed
	floor   int64 // first block that is not handed over yet
	open    [openBlocks]*block
	streams [channels]stream

	paused   bool
	keepFrom int64 // nothing before is kept: the end of the last pause
	pauses   []Pause
	marked   bool // pauses changed since the header was written

	pending  []*block // handed over, in order
	queued   bool     // in the writer's queue
	flush    bool     // the writer is asked to write open blocks too
	quiet    int      // sweeps since the last hand-over
	closing  bool
	dropped  int   // blocks
	lastDrop int64 // index of the last dropped block
	overload error // told to the writer: onFail must not be called here
	latePack int

	file fileState // owned by the writer, then by the finisher

	done    chan struct{} // closed when summary and err are final
	summary Summary
	err     error
}

// Begin sets position 0 to arrival. It has an effect only before everything
// else.
func (r *Recording) Begin(arrival int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begin(arrival)
}

func (r *Recording) begin(arrival int64) {
	if !r.begun {
		r.begun, r.zero = true, arrival
	}
}

// position converts an arrival into a sample position; ok is false beyond the
// end of what a file can hold.
func (r *Recording) position(arrival int64) (pos int64, ok bool) {
	r.begin(arrival)
	switch since := time.Duration(arrival - r.zero); {
	case since <= 0:
		return 0, since > -time.Hour // far before the start: another epoch
	case since > longest:
		return 0, false
	default:
		return sampleCount(since), true
	}
}

// Write places one packet of ch by its RTP time. It never blocks on anything
// but another Write's copy, and never allocates. A packet that comes twice is
// placed twice on the same spot; one that comes late is placed while its half
// second is open (300 ms after its end) and counted otherwise. Nothing that
// arrives during a pause is kept, nor anything that was said during it.
func (r *Recording) Write(ch Channel, ssrc, rtpTime uint32, arrival int64, alaw []byte) {
	if len(alaw) == 0 || ch < 0 || ch >= channels {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing {
		return
	}
	now, ok := r.position(arrival)
	if !ok {
		r.tell(ErrTooLong)
		return
	}
	r.advance(now)
	if r.paused {
		return
	}
	alaw = alaw[:min(len(alaw), maxPacket)]
	s := &r.streams[ch]
	pos, ok := s.place(ssrc, rtpTime, arrival, now, r.floor*blockSamples, func(from, to int64) bool {
		return r.isQuiet(ch, from, to)
	})
	if !ok {
		r.latePack++
		return
	}
	if first := max(r.floor*blockSamples, r.keepFrom); pos < first {
		missing := first - pos
		if missing >= int64(len(alaw)) {
			r.latePack++
			return
		}
		alaw, pos = alaw[missing:], first
	}
	r.put(ch, pos, alaw)
	s.placed(pos + int64(len(alaw)))
	r.extent = max(r.extent, pos+int64(len(alaw)))
}

// put copies audio into the open blocks.
func (r *Recording) put(ch Channel, pos int64, alaw []byte) {
	for len(alaw) > 0 {
		index, at := pos/blockSamples, pos%blockSamples
		if index >= r.floor+openBlocks {
			return
		}
		n := min(int64(len(alaw)), blockSamples-at)
		if b := r.block(index); b != nil {
			copy(b.audio[ch][at:], alaw[:n])
			b.dirty = true
		}
		alaw, pos = alaw[n:], pos+n
	}
}

// block gives the open block of an index, a fresh one if need be, nil when the
// reserve is used up.
func (r *Recording) block(index int64) *block {
	slot := &r.open[index%openBlocks]
	if *slot == nil {
		if *slot = r.pool.reserve.take(index); *slot == nil {
			r.drop(index)
		}
	}
	return *slot
}

// drop counts a block that is lost because the disk does not keep up.
func (r *Recording) drop(index int64) {
	if index <= r.lastDrop {
		return
	}
	r.lastDrop = index
	r.dropped++
	r.pool.count.dropped.Add(1)
	r.tell(ErrOverload)
}

// tell lets the writer report a failure that was noticed here.
func (r *Recording) tell(err error) {
	if r.overload == nil {
		r.overload = err
		r.schedule()
	}
}

// isQuiet says whether ch holds no loud sample in a stretch that is still open.
func (r *Recording) isQuiet(ch Channel, from, to int64) bool {
	for from < to {
		index, at := from/blockSamples, from%blockSamples
		n := min(to-from, blockSamples-at)
		if index >= r.floor && index < r.floor+openBlocks {
			if b := r.open[index%openBlocks]; b != nil {
				for _, c := range b.audio[ch][at : at+n] {
					if v := g711.ALawToLinear(c); v > quietLimit || v < -quietLimit {
						return false
					}
				}
			}
		}
		from += n
	}
	return true
}

// advance moves the call to position now and hands over what can no longer
// change.
func (r *Recording) advance(now int64) {
	if now <= r.now {
		return
	}
	r.now = now
	r.handOver((now - lateRoom) / blockSamples)
}

// handOver gives all blocks below floor to the writer, in order.
func (r *Recording) handOver(floor int64) {
	if floor <= r.floor {
		return
	}
	for index := r.floor; index < min(floor, r.floor+openBlocks); index++ {
		slot := &r.open[index%openBlocks]
		b := *slot
		if b == nil {
			continue
		}
		*slot = nil
		if len(r.pending) >= maxPending {
			r.drop(index)
			r.pool.reserve.put(b)
			continue
		}
		r.pending = append(r.pending, b)
		r.quiet = 0
		r.schedule()
	}
	r.floor = floor
}

// schedule puts the recording into its writer's queue, once.
func (r *Recording) schedule() {
	if !r.queued {
		r.queued = true
		r.writer.push(r)
	}
}

// Pause stops keeping audio from arrival on; the time goes on in the file, as
// silence. A second Pause has no effect.
func (r *Recording) Pause(arrival int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing || r.paused {
		return
	}
	now, ok := r.position(arrival)
	if !ok {
		r.tell(ErrTooLong)
		return
	}
	r.advance(now)
	r.paused, r.marked = true, true
	r.pauses = append(r.pauses, Pause{From: sampleTime(now)})
	r.schedule()
}

// Resume keeps audio again that arrives from now on and was said from now on.
func (r *Recording) Resume(arrival int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing || !r.paused {
		return
	}
	now, ok := r.position(arrival)
	if !ok {
		r.tell(ErrTooLong)
		return
	}
	r.advance(now)
	r.endPause(now)
	r.schedule()
}

// endPause closes the open pause at now.
func (r *Recording) endPause(now int64) {
	last := &r.pauses[len(r.pauses)-1]
	last.To = max(last.From, sampleTime(now))
	r.paused, r.marked = false, true
	r.keepFrom = now
}

// Close finishes the recording: everything up to arrival is written, silence
// where nothing was heard, the header is set, the file is synced, hashed and
// given its final name. It waits for that and may take as long as the disk
// does, so it is not for the packet path. The error is the reason why audio is
// missing, if any; the summary is valid all the same. Further calls give the
// same answer.
func (r *Recording) Close(arrival int64) (Summary, error) {
	r.end(&arrival)
	<-r.done
	return r.summary, r.err
}

// end begins to close; without an arrival the recording ends with its audio.
func (r *Recording) end(arrival *int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing {
		return
	}
	r.closing = true
	end := max(r.now, r.extent)
	if arrival != nil {
		if now, ok := r.position(*arrival); ok {
			end = max(now, r.extent)
		} else {
			r.tell(ErrTooLong)
		}
	}
	if r.paused {
		r.endPause(end)
	}
	r.extent = end
	for index := r.floor; index < r.floor+openBlocks; index++ {
		if b := r.open[index%openBlocks]; b != nil {
			r.open[index%openBlocks] = nil
			r.pending = append(r.pending, b)
		}
	}
	r.schedule()
}

// sweep asks the writer for open blocks when the stream itself has not moved
// any to disk for a while: after a hold, or when both sides are silent.
func (r *Recording) sweep() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.quiet++; r.quiet < sweepsToFlush || r.closing {
		return
	}
	for _, b := range r.open {
		if b != nil && b.dirty {
			r.flush, r.quiet = true, 0
			r.schedule()
			return
		}
	}
}
