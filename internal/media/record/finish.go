package record

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"cagri/internal/media/g711"
	"golang.org/x/sys/unix"
)

// job is work for a finisher, who lends it a buffer.
type job func(buf []byte)

// finish is a finisher's goroutine.
func (p *Pool) finish() {
	buf := make([]byte, scanBuffer)
	for {
		j, ok := p.finishers.pop()
		if !ok {
			return
		}
		j(buf)
		p.finishers.done()
	}
}

// syncOne makes what is on file so far survive a power cut. A failure is left
// to the end: the next sync will report it again.
func (p *Pool) syncOne(r *Recording) {
	s := &r.file
	defer s.syncing.Store(false)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.f == nil {
		return
	}
	p.count.syncs.Add(1)
	if err := s.f.Sync(); err != nil {
		p.log.Warn("recording not synced", "path", r.path, "err", err)
	}
}

// sealing is a recording on its way to its final name.
type sealing struct {
	r   *Recording
	f   file // nil when the disk never took one
	err error
}

// cede takes the file from the recording.
func (r *Recording) cede() *sealing {
	s := &r.file
	s.mu.Lock()
	f := s.f
	s.f = nil
	s.mu.Unlock()

	r.mu.Lock()
	defer r.mu.Unlock()
	r.summary = Summary{
		Path: r.path, DroppedBlocks: r.dropped, LatePackets: r.latePack,
		Pauses: append([]Pause(nil), r.pauses...),
	}
	for i := range r.streams {
		r.summary.Reanchors += r.streams[i].reanchors
	}
	return &sealing{r: r, f: f}
}

// name syncs the file unless that was done, hashes it and gives it its name.
func (s *sealing) name(synced bool, buf []byte) {
	if s.f == nil {
		return
	}
	r := s.r
	if !synced {
		r.pool.count.syncs.Add(1)
		s.err = s.f.Sync()
	}
	if s.err == nil {
		var found finding
		size := headerSize + r.file.written
		if found, s.err = scan(s.f, size, headerSize, buf); s.err == nil {
			r.summary.Bytes = size
			r.summary.Duration = sampleTime(r.file.written / channels)
			r.summary.SHA256, r.summary.Voiced = found.sha, found.voiced
		}
	}
	if e := s.f.Close(); s.err == nil {
		s.err = e
	}
	if s.err == nil {
		s.err = rename(r.path+partSuffix, r.path)
	}
}

// conclude tells the owner. The name is on the disk, or err says why not.
func (s *sealing) conclude(p *Pool) {
	r := s.r
	if s.err != nil {
		if r.file.written == 0 {
			s.err = errors.Join(s.err, os.Remove(r.path+partSuffix)) // it holds nothing
		}
		p.fail(r, fmt.Errorf("record: finish %s: %w", r.path, s.err))
	}
	if err := r.file.failed; err != nil {
		r.summary.Err = err.Error()
		r.err = err
	}
	p.count.closed.Add(1)
	p.forget(r)
	close(r.done)
}

// seal does it all for one recording.
func (p *Pool) seal(r *Recording, buf []byte) {
	s := r.cede()
	s.name(false, buf)
	if s.f != nil && s.err == nil {
		s.err = syncDir(filepath.Dir(r.path))
	}
	s.conclude(p)
}

// syncDir makes a name survive a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, unix.EINVAL) { // some file systems cannot
		return err
	}
	return nil
}

const (
	scanBuffer = 64 << 10
	// voiceFrame is the grain of Voiced: 20 ms.
	voiceFrame = SampleRate / 50
	// voiceStride: every second sample tells the energy well enough.
	voiceStride = 2
	// voiceLimit is the sum of squares from which 20 ms count as voiced: an RMS
	// of 164 of 32768, −46 dB, above the noise of a line and below quiet speech.
	voiceLimit = 164 * 164 * voiceFrame / voiceStride / 256
)

// squares gives the power of an A-law code, 16-bit PCM squared over 256.
var squares = func() (t [256]uint32) {
	for i := range t {
		v := int32(g711.ALawToLinear(byte(i)))
		t[i] = uint32(v * v >> 8)
	}
	return t
}()

// finding is what reading a whole file tells.
type finding struct {
	sha    string
	voiced [channels]time.Duration
}

// scan reads the first size bytes of a file once: its hash, and for how long
// there is a voice on each channel of the audio from dataAt on.
func scan(f io.ReaderAt, size, dataAt int64, buf []byte) (finding, error) {
	var found finding
	hash := sha256.New()
	meter := meter{}
	for at := int64(0); at < size; {
		n := int(min(int64(len(buf)), size-at))
		if at < dataAt {
			n = int(min(int64(n), dataAt-at))
		}
		if _, err := f.ReadAt(buf[:n], at); err != nil {
			return found, fmt.Errorf("read at %d: %w", at, err)
		}
		hash.Write(buf[:n])
		if at >= dataAt {
			meter.feed(buf[:n])
		}
		at += int64(n)
	}
	found.sha = hex.EncodeToString(hash.Sum(nil))
	for ch, frames := range meter.frames {
		found.voiced[ch] = sampleTime(frames * voiceFrame)
	}
	return found, nil
}

// meter counts voiced frames in interleaved audio.
type meter struct {
	sum    [channels]uint64
	fill   int // samples of the frame so far
	frames [channels]int64
}

// feed takes whole samples.
func (m *meter) feed(b []byte) {
	for len(b) >= channels {
		n := min(voiceFrame-m.fill, len(b)/channels)
		var left, right uint64
		part := b[:n*channels]
		for i := 0; i+1 < len(part); i += voiceStride * channels {
			left += uint64(squares[part[i]])
			right += uint64(squares[part[i+1]])
		}
		m.sum[Caller] += left
		m.sum[Agent] += right
		b = b[n*channels:]
		if m.fill += n; m.fill == voiceFrame {
			for ch := range m.sum {
				if m.sum[ch] >= voiceLimit {
					m.frames[ch]++
				}
			}
			m.sum, m.fill = [channels]uint64{}, 0
		}
	}
}
