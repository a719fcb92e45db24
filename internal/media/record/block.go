package record

import (
	"bytes"
	"sync"

	"cagri/internal/media/g711"
)

const (
	// blockSamples is what goes to disk at once: half a second.
	blockSamples = SampleRate / 2
	blockBytes   = blockSamples * channels

	// reservePerRecording is how many blocks the reserve holds for each open
	// recording: two that are being filled as a rule, four at most, and the
	// rest on their way to the disk. While the disk is slow there are up to
	// reserveSlack more: 5 × 8 kB with the Recording itself stays under 48 kB.
	reservePerRecording = 3
	reserveSlack        = 2
	reserveFloor        = 32
)

// block is half a second of both channels. A block that nobody uses is silent.
type block struct {
	index int64 // it starts at sample index × blockSamples
	dirty bool  // holds something that is not on disk
	audio [channels][blockSamples]byte
}

// silent is what an unused block holds, and what gaps are filled with.
var silent = bytes.Repeat([]byte{g711.ALawSilence}, 8*blockBytes)

func (b *block) silence() {
	for ch := range b.audio {
		copy(b.audio[ch][:], silent)
	}
	b.dirty = false
}

// interleave writes the first n samples of the block in file order.
func (b *block) interleave(dst *[blockBytes]byte, n int) []byte {
	left, right := b.audio[Caller][:n], b.audio[Agent][:n]
	out := dst[:n*channels]
	for i := range left {
		out[2*i] = left[i]
		out[2*i+1] = right[i]
	}
	return out
}

// reserve is the stock of blocks all recordings share. Its size follows the
// number of open recordings; taking from it never allocates.
type reserve struct {
	mu    sync.Mutex // guards all below
	free  []*block
	total int // free and in use
	want  int
	open  int // recordings
	slack int // more blocks for each, while the disk is slow
}

// resize adapts the stock to the number of open recordings.
func (s *reserve) resize(open int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = open
	s.fit()
}

// adapt is called now and then, more often than blocks fill up: it makes room
// while the disk is slow and gives it back afterwards.
func (s *reserve) adapt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case len(s.free) < s.open/2 && s.slack < reserveSlack:
		s.slack++
	case len(s.free) > 2*s.open && s.slack > 0:
		s.slack--
	default:
		return
	}
	s.fit()
}

// fit brings the stock to what is wanted. s.mu is held.
func (s *reserve) fit() {
	s.want = max(reserveFloor, s.open*(reservePerRecording+s.slack))
	for s.total < s.want {
		b := &block{}
		b.silence()
		s.free = append(s.free, b)
		s.total++
	}
	for s.total > s.want && len(s.free) > 0 {
		s.drop()
	}
}

// drop gives one free block to the garbage collector. The caller holds mu.
func (s *reserve) drop() {
	last := len(s.free) - 1
	s.free[last] = nil
	s.free = s.free[:last]
	s.total--
}

// take gives a silent block, or nil when all are waiting for the disk.
func (s *reserve) take(index int64) *block {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := len(s.free) - 1
	if last < 0 {
		return nil
	}
	b := s.free[last]
	s.free[last] = nil
	s.free = s.free[:last]
	b.index = index
	return b
}

// put takes a block back.
func (s *reserve) put(b *block) {
	b.silence()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = append(s.free, b)
	if s.total > s.want {
		s.drop()
	}
}
