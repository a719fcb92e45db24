package record

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"cagri/internal/media/tone"
	"golang.org/x/sys/unix"
)

// badFile is a real file on a disk with moods.
type badFile struct {
	file
	disk *badDisk
}

type badDisk struct {
	room  atomic.Int64  // bytes the disk still takes
	stuck chan struct{} // not nil: writes wait for it
}

func (b *badFile) WriteAt(p []byte, at int64) (int, error) {
	if b.disk.stuck != nil {
		<-b.disk.stuck
	}
	if at < headerSize { // has its place already
		return b.file.WriteAt(p, at)
	}
	if left := b.disk.room.Add(-int64(len(p))); left < 0 {
		n := max(0, int64(len(p))+left)
		b.disk.room.Store(0)
		m, _ := b.file.WriteAt(p[:n], at)
		return m, &os.PathError{Op: "write", Path: "test", Err: syscall.ENOSPC}
	}
	return b.file.WriteAt(p, at)
}

// on puts the pool's files on a disk.
func on(p *Pool, d *badDisk) {
	p.open = func(path string) (file, error) {
		f, err := createFile(path)
		if err != nil {
			return nil, err
		}
		return &badFile{f, d}, nil
	}
}

func TestDiskFull(t *testing.T) {
	p := NewPool(PoolConfig{}, nil)
	disk := &badDisk{}
	disk.room.Store(2*blockBytes + 101)
	on(p, disk)
	if err := p.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	path := filepath.Join(t.TempDir(), "x.wav")
	failures := make(chan error, 10)
	r := create(t, p, path, func(err error) { failures <- err })
	said := tone.SpeechLike(5, 4*time.Second, 1000)
	talk(r, Caller, 1, 0, said)
	s, err := r.Close(at(4 * time.Second))
	if !errors.Is(err, syscall.ENOSPC) || s.Err == "" || s.DroppedBlocks == 0 {
		t.Errorf("%+v, %v", s, err)
	}
	if err := <-failures; !errors.Is(err, syscall.ENOSPC) || len(failures) != 0 {
		t.Errorf("told %v, and %d more", err, len(failures))
	}
	// What fitted is a good recording.
	caller, _ := voices(t, path)
	if n := len(caller); n != (2*blockBytes+100)/2 || !bytes.Equal(caller, said[:n]) {
		t.Errorf("%d samples are there", n)
	}
	if s.Duration != sampleTime(int64(len(caller))) || s.SHA256 == "" {
		t.Errorf("%+v", s)
	}
	if st := p.Stats(); st.Failed != 1 || st.BlocksDropped == 0 || st.Open != 0 {
		t.Errorf("%+v", st)
	}
}

// When there is room again recording goes on, with silence where it was not.
func TestDiskFullForAWhile(t *testing.T) {
	p := NewPool(PoolConfig{}, nil)
	disk := &badDisk{}
	disk.room.Store(blockBytes)
	on(p, disk)
	if err := p.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	path := filepath.Join(t.TempDir(), "x.wav")
	failed := make(chan error, 1)
	r := create(t, p, path, func(err error) { failed <- err })
	said := tone.Sine(440, 10*time.Second, 0.4)
	talk(r, Caller, 1, 0, said[:3*SampleRate])
	<-failed
	disk.room.Store(1 << 30)
	// The disk is let alone for a second of real time, whatever the call says.
	waitFor(t, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return !r.queued
	})
	time.Sleep(retryAfter)
	talk(r, Caller, 1, 6*time.Second, said[6*SampleRate:])
	s, err := r.Close(at(10 * time.Second))
	if !errors.Is(err, syscall.ENOSPC) || s.Duration != 10*time.Second {
		t.Errorf("%+v, %v", s, err)
	}
	caller, _ := voices(t, path)
	if !bytes.Equal(caller[:4000], said[:4000]) || !bytes.Equal(caller[6*SampleRate:], said[6*SampleRate:]) || !isSilent(caller[4000:8000]) || !isSilent(caller[3*SampleRate:6*SampleRate]) {
		t.Error("what fitted is not where it belongs, or the rest is not silent")
	}
}

// The packet path does not notice a disk that hangs; blocks are dropped, and
// told once.
func TestHangingDisk(t *testing.T) {
	p := NewPool(PoolConfig{}, nil)
	disk := &badDisk{stuck: make(chan struct{})}
	disk.room.Store(1 << 40)
	on(p, disk)
	if err := p.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	var failures atomic.Int32
	path := filepath.Join(t.TempDir(), "x.wav")
	r := create(t, p, path, func(err error) {
		if !errors.Is(err, ErrOverload) {
			t.Errorf("told %v", err)
		}
		failures.Add(1)
	})
	frame := tone.Sine(500, 20*time.Millisecond, 0.5)
	for i := range 60 * 50 { // a minute; it would never end if Write waited
		r.Write(Caller, 1, uint32(i*160), at(frameTime(i)), frame)
	}
	p.reserve.mu.Lock()
	total := p.reserve.total
	p.reserve.mu.Unlock()
	if total > reserveFloor {
		t.Errorf("%d blocks in memory", total)
	}
	close(disk.stuck)
	s, err := r.Close(at(time.Minute))
	if !errors.Is(err, ErrOverload) || s.DroppedBlocks < 80 || s.DroppedBlocks > 120 {
		t.Errorf("%+v, %v", s, err)
	}
	if failures.Load() != 1 {
		t.Errorf("told %d times", failures.Load())
	}
	if caller, _ := voices(t, path); len(caller) != 60*SampleRate || !bytes.Equal(caller[:160], frame) {
		t.Errorf("%d samples are there", len(caller))
	}
	if st := p.Stats(); st.BlocksDropped != uint64(s.DroppedBlocks) {
		t.Errorf("%+v", st)
	}
}

func TestDirectoryCannotBeMade(t *testing.T) {
	p := started(t, PoolConfig{})
	file := save(t, "file", nil)
	failed := make(chan error, 1)
	r := create(t, p, filepath.Join(file, "x.wav"), func(err error) { failed <- err })
	talk(r, Caller, 1, 0, tone.Sine(500, time.Second, 0.5))
	s, err := r.Close(at(time.Second))
	if !errors.Is(err, syscall.ENOTDIR) || s.Err == "" {
		t.Errorf("%+v, %v", s, err)
	}
	if err := <-failed; !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("told %v", err)
	}
}

// A really full file system, where the machine lets us make one.
func TestFullTmpfs(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("SKIPPED: cannot mount a small tmpfs here: %v", err)
	}
	defer func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	}()
	p := started(t, PoolConfig{})
	var list []*Recording
	var failures atomic.Int32
	said := tone.SpeechLike(5, 5*time.Second, 1000)
	for i := range 3 {
		r := create(t, p, filepath.Join(dir, fmt.Sprint(i)), func(error) { failures.Add(1) })
		talk(r, Caller, 1, 0, said)
		list = append(list, r)
	}
	for _, r := range list {
		s, err := r.Close(at(5 * time.Second))
		if err != nil && !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%v", err)
		}
		if s.Bytes == 0 { // not even its header fitted
			continue
		}
		caller, _ := voices(t, s.Path)
		if len(caller) > len(said) || !bytes.Equal(caller, said[:len(caller)]) && s.DroppedBlocks == 0 {
			t.Errorf("%+v: %d samples", s, len(caller))
		}
	}
	if failures.Load() < 2 {
		t.Errorf("%d recordings told that 64 kB are full", failures.Load())
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*"+partSuffix)); len(left) > 0 {
		for _, name := range left {
			info, _ := os.Stat(name)
			t.Errorf("left over: %s, %d bytes", name, info.Size())
		}
	}
}

// Without any packet the file still gets what has been said, within a second.
func TestQuietCallReachesTheDisk(t *testing.T) {
	p := started(t, PoolConfig{SyncEvery: time.Millisecond})
	path := filepath.Join(t.TempDir(), "x.wav")
	r := create(t, p, path, nil)
	said := tone.Sine(500, 300*time.Millisecond, 0.5)
	talk(r, Agent, 1, 0, said)
	waitFor(t, func() bool {
		_, agent, err := ReadFile(path + partSuffix)
		return err == nil && len(agent) >= 2400 && bytes.Equal(agent[:2400], said)
	})
	waitFor(t, func() bool { return p.Stats().Syncs > 0 })
	more := tone.Sine(700, 300*time.Millisecond, 0.5)
	talk(r, Agent, 1, 300*time.Millisecond, more) // the same half second again
	closed(t, r, time.Second)
	_, agent := voices(t, path)
	if !bytes.Equal(agent[:2400], said) || !bytes.Equal(agent[2400:4800], more) {
		t.Error("what came after the flush is missing")
	}
}

// The header never says more than there is, and is at most two blocks behind.
func TestHeaderIsKeptCurrent(t *testing.T) {
	p := started(t, PoolConfig{})
	path := filepath.Join(t.TempDir(), "x.wav")
	r := create(t, p, path, nil)
	frame := tone.Sine(500, 20*time.Millisecond, 0.5)
	for i := range 500 {
		r.Write(Caller, 1, uint32(i*160), at(frameTime(i)), frame)
		if i%10 != 9 {
			continue
		}
		waitFor(t, func() bool { return p.Stats().Waiting == 0 })
		waitFor(t, func() bool {
			f, err := os.Open(path + partSuffix)
			if err != nil {
				return false
			}
			defer f.Close()
			l, err := readLayout(f, headerSize)
			if err != nil {
				return false
			}
			info, err := f.Stat()
			return err == nil && l.dataAt+l.dataLen <= info.Size() &&
				sampleTime(l.dataLen/channels) >= frameTime(i)-time.Second
		})
	}
	closed(t, r, 10*time.Second)
}
