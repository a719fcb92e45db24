package record

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// partSuffix marks a file that is being written, or was when the power went.
const partSuffix = ".part"

// retryAfter is how long a recording lets the disk alone after a failure.
const retryAfter = time.Second

// file is what the pool needs of an *os.File.
type file interface {
	io.ReaderAt
	io.WriterAt
	Sync() error
	Close() error
}

// createFile makes a new file and its directory.
func createFile(path string) (file, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err // a plain return would make a non-nil interface
	}
	return f, nil
}

// fileState is a recording's file. The recording's writer owns it until it
// hands it to a finisher; syncAt belongs to the sweeper.
type fileState struct {
	f       file
	written int64 // audio bytes in the file, without a hole
	retryAt time.Time
	final   bool  // the failure is for good
	failed  error // the first failure
	syncAt  time.Time
	syncing atomic.Bool // a sync is in the finishers' queue: a slow disk gets no second
	mu      sync.Mutex  // held by a finisher while it syncs or closes f
}

// order is what a writer takes out of a recording at once.
type order struct {
	blocks  []*block
	flush   bool
	marked  bool
	closing bool
	end     int64 // samples; when closing
	failed  error
}

// write is a writer's goroutine.
func (p *Pool) write(queue *fifo[*Recording]) {
	w := &writer{pool: p}
	for {
		r, ok := queue.pop()
		if !ok {
			return
		}
		w.serve(r)
		queue.done()
	}
}

// writer holds the buffers of one writer's goroutine.
type writer struct {
	pool *Pool
	out  [blockBytes]byte
	page [headerSize]byte
	list [maxPending + openBlocks]*block
}

// serve does what a recording has waiting.
func (w *writer) serve(r *Recording) {
	r.mu.Lock()
	o := order{
		blocks: append(w.list[:0], r.pending...),
		flush:  r.flush, marked: r.marked, closing: r.closing, end: r.extent, failed: r.overload,
	}
	clear(r.pending)
	r.pending = r.pending[:0]
	r.queued, r.flush, r.marked = false, false, false
	r.mu.Unlock()

	if o.failed != nil {
		w.pool.fail(r, o.failed)
	}
	before := r.file.written
	fresh := r.file.f == nil
	usable := w.ready(r, o.closing)
	for _, b := range o.blocks {
		if b.dirty { // not flushed since
			usable = usable && w.store(r, b.index*blockSamples, b.interleave(&w.out, blockSamples), o)
			if usable {
				w.pool.count.written.Add(1)
			} else {
				w.lose(r)
			}
		}
		w.pool.reserve.put(b)
	}
	clear(o.blocks)
	if o.flush && usable {
		usable = w.flush(r)
	}
	if o.closing && usable {
		w.fill(r, o.end*channels)
	}
	if r.file.f != nil && (fresh || o.marked || o.closing || r.file.written != before) {
		w.header(r) // its place is there even on a full disk
	}
	if o.closing {
		w.pool.ended.push(r)
	}
}

// ready says whether the file takes writes now, and makes it if it is not there.
// The last chance is taken however short ago the disk refused.
func (w *writer) ready(r *Recording, lastChance bool) bool {
	s := &r.file
	if s.final || !lastChance && time.Now().Before(s.retryAt) {
		return false
	}
	if s.f != nil {
		return true
	}
	if _, err := os.Lstat(r.path); err == nil {
		s.final = true
		w.pool.fail(r, fmt.Errorf("%w: %s", ErrExists, r.path))
		return false
	}
	f, err := w.pool.open(r.path + partSuffix)
	if err != nil {
		if errors.Is(err, fs.ErrExist) {
			s.final = true
			err = fmt.Errorf("%w: %s is left over from a crash; repair it first", ErrExists, r.path+partSuffix)
		}
		w.refuse(r, err)
		return false
	}
	s.mu.Lock()
	s.f = f
	s.mu.Unlock()
	return true
}

// store writes interleaved audio at a position, after filling the gap before
// it. A closing recording's last block is cut at its end.
func (w *writer) store(r *Recording, pos int64, audio []byte, o order) bool {
	if o.closing {
		audio = audio[:max(0, min(int64(len(audio)), (o.end-pos)*channels))]
	}
	return w.fill(r, pos*channels) && w.writeAt(r, audio, pos*channels)
}

// fill writes silence from the end of the file up to the byte to.
func (w *writer) fill(r *Recording, to int64) bool {
	for r.file.written < to {
		n := min(int64(len(silent)), to-r.file.written)
		if !w.writeAt(r, silent[:n], r.file.written) {
			return false
		}
	}
	return true
}

func (w *writer) writeAt(r *Recording, b []byte, at int64) bool {
	n, err := r.file.f.WriteAt(b, headerSize+at)
	n -= n % channels
	end := max(r.file.written, at+int64(n))
	w.pool.count.bytes.Add(uint64(end - r.file.written))
	r.file.written = end
	if err != nil {
		w.refuse(r, err)
		return false
	}
	return true
}

// flush writes what is in the open blocks so far.
func (w *writer) flush(r *Recording) bool {
	for i := range openBlocks {
		r.mu.Lock()
		b := r.open[(r.floor+int64(i))%openBlocks]
		if b == nil || !b.dirty {
			r.mu.Unlock()
			continue
		}
		pos := b.index * blockSamples
		audio := b.interleave(&w.out, int(max(0, min(blockSamples, r.extent-pos))))
		b.dirty = false
		r.mu.Unlock()
		if !w.store(r, pos, audio, order{}) {
			r.mu.Lock() // it is still the recording's, open or handed over
			b.dirty = true
			r.mu.Unlock()
			return false
		}
	}
	return true
}

// header brings the header up to what is in the file.
func (w *writer) header(r *Recording) {
	r.mu.Lock()
	pauses := slices.Clone(r.pauses) // the last one may still change
	r.mu.Unlock()
	putHeader(&w.page, r.file.written/channels, pauses)
	if _, err := r.file.f.WriteAt(w.page[:], 0); err != nil {
		w.refuse(r, err)
	}
}

// refuse notes that the disk did not take something, and leaves it alone for a
// while.
func (w *writer) refuse(r *Recording, err error) {
	r.file.retryAt = time.Now().Add(retryAfter)
	w.pool.fail(r, err)
}

// lose counts a block that the disk did not take.
func (w *writer) lose(r *Recording) {
	w.pool.count.dropped.Add(1)
	r.mu.Lock()
	r.dropped++
	r.mu.Unlock()
}

// fail notes the first failure of a recording and tells its owner. It is called
// by the goroutine that has the file: its writer, in the end a finisher.
func (p *Pool) fail(r *Recording, err error) {
	if r.file.failed != nil {
		return
	}
	r.file.failed = err
	p.count.failed.Add(1)
	p.log.Error("recording loses audio; the call goes on", "path", r.path, "err", err)
	if r.onFail != nil {
		r.onFail(err)
	}
}
