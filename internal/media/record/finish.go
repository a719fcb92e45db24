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

// job is work for a finisher: a sync on the way, or the end of a recording.
type job struct {
	r    *Recording
	sync bool
}

// finish is a finisher's goroutine.
func (p *Pool) finish() {
	buf := make([]byte, scanBuffer)
	for {
		j, ok := p.finishers.pop()
		if !ok {
			return
		}
		if j.sync {
			p.syncOne(j.r)
		} else {
			p.complete(j.r, buf)
		}
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

// complete ends a recording.
func (p *Pool) complete(r *Recording, buf []byte) {
	s := &r.file
	s.mu.Lock()
	f := s.f
	s.f = nil
	s.mu.Unlock()

	r.mu.Lock()
	r.summary = Summary{
		Path: r.path, DroppedBlocks: r.dropped, LatePackets: r.latePack,
		Pauses: append([]Pause(nil), r.pauses...),
	}
	for i := range r.streams {
		r.summary.Reanchors += r.streams[i].reanchors
	}
	r.mu.Unlock()

	if f != nil {
		err := p.seal(r, f, buf)
		if err != nil && s.written == 0 {
			err = errors.Join(err, os.Remove(r.path+partSuffix)) // it holds nothing
		}
		if err != nil {
			p.fail(r, fmt.Errorf("record: finish %s: %w", r.path, err))
		}
	}
	if err := s.failed; err != nil {
		r.summary.Err = err.Error()
		r.err = err
	}
	p.count.closed.Add(1)
	p.forget(r)
	close(r.done)
}

// seal syncs, hashes and names the file.
func (p *Pool) seal(r *Recording, f file, buf []byte) (err error) {
	part := r.path + partSuffix
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
		if err == nil {
			err = rename(part, r.path)
		}
		if err == nil {
			err = syncDir(filepath.Dir(r.path))
		}
	}()
	p.count.syncs.Add(1)
	if err := f.Sync(); err != nil {
		return err
	}
	size := headerSize + r.file.written
	found, err := scan(f, size, headerSize, buf)
	if err != nil {
		return err
	}
	r.summary.Bytes = size
	r.summary.Duration = sampleTime(r.file.written / channels)
	r.summary.SHA256, r.summary.Voiced = found.sha, found.voiced
	return nil
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
