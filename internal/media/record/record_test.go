package record

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"cagri/internal/media/g711"
	"cagri/internal/media/tone"
	"pgregory.net/rapid"
)

// started gives a running pool that ends with the test.
func started(t testing.TB, cfg PoolConfig) *Pool {
	t.Helper()
	p := NewPool(cfg, nil)
	if err := p.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p
}

func create(t testing.TB, p *Pool, path string, onFail func(error)) *Recording {
	t.Helper()
	r, err := p.Create(path, onFail)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// at converts a position in a call into an arrival; the epoch is arbitrary.
func at(d time.Duration) int64 { return 1_000_000_007 + int64(d) }

// talk writes audio of ch in packets of 20 ms, from a time of the call on.
func talk(r *Recording, ch Channel, ssrc uint32, from time.Duration, alaw []byte) {
	base := uint32(sampleCount(from)) + 0xFFFF0000*ssrc
	for i := 0; i < len(alaw); i += 160 {
		frame := alaw[i:min(i+160, len(alaw))]
		r.Write(ch, ssrc, base+uint32(i), at(from+sampleTime(int64(i))), frame)
		breathe(r, i)
	}
}

// breathe lets the disk keep up once per second of audio: tests write faster
// than anybody speaks.
func breathe(r *Recording, sample int) {
	for sample%SampleRate == 0 && r.pool.Stats().Waiting > 0 {
		time.Sleep(time.Millisecond)
	}
}

func closed(t testing.TB, r *Recording, end time.Duration) Summary {
	t.Helper()
	s, err := r.Close(at(end))
	if err != nil {
		t.Fatalf("close: %v", err)
	}
	return s
}

func voices(t testing.TB, path string) (caller, agent []byte) {
	t.Helper()
	caller, agent, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(caller) != len(agent) {
		t.Fatalf("%d samples left, %d right", len(caller), len(agent))
	}
	return caller, agent
}

func isSilent(b []byte) bool { return len(bytes.Trim(b, "\xD5")) == 0 }

func TestBothVoicesInOneFile(t *testing.T) {
	p := started(t, PoolConfig{})
	path := filepath.Join(t.TempDir(), "2026", "11", "call.wav")
	r := create(t, p, path, func(err error) { t.Errorf("failed: %v", err) })
	citizen := tone.SpeechLike(1, 5*time.Second, tone.Pilot(1))
	clerk := tone.SpeechLike(2, 4*time.Second, tone.Pilot(9))
	var both sync.WaitGroup
	both.Go(func() { talk(r, Caller, 11, 0, citizen) })
	both.Wait()
	s := closed(t, r, 5*time.Second)
	if s.Duration != 5*time.Second || s.Voiced[Agent] != 0 || s.Voiced[Caller] < time.Second {
		t.Errorf("one voice: %+v", s)
	}

	path = filepath.Join(t.TempDir(), "call.wav")
	r = create(t, p, path, nil)
	r.Begin(at(0))
	talk2(r, citizen, clerk, time.Second)
	s = closed(t, r, 5500*time.Millisecond)
	caller, agent := voices(t, path)
	if !bytes.Equal(caller[:5*SampleRate], citizen) || !isSilent(caller[5*SampleRate:]) {
		t.Error("the caller's side is not what the caller said")
	}
	if !isSilent(agent[:SampleRate]) || !bytes.Equal(agent[SampleRate:5*SampleRate], clerk) || !isSilent(agent[5*SampleRate:]) {
		t.Error("the agent's side is not what the agent said, from 1 s on")
	}
	if !tone.Marked(caller, tone.Pilot(1)) || tone.Marked(caller, tone.Pilot(9)) ||
		!tone.Marked(agent, tone.Pilot(9)) || tone.Marked(agent, tone.Pilot(1)) {
		t.Error("the pilots are not where they belong")
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	if s.SHA256 != hex.EncodeToString(sum[:]) || s.Bytes != int64(len(content)) || s.Path != path ||
		s.Duration != 5500*time.Millisecond || s.Err != "" || s.DroppedBlocks != 0 || s.LatePackets != 0 {
		t.Errorf("summary %+v", s)
	}
	if s.Voiced[Caller] < time.Second || s.Voiced[Agent] < time.Second || s.Voiced[Caller] > 4*time.Second {
		t.Errorf("voiced %v", s.Voiced)
	}
	for _, name := range []string{path, filepath.Dir(filepath.Dir(path))} {
		if info, err := os.Stat(name); err != nil || name == path && info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", name, info.Mode(), err)
		}
	}
	if again, err := r.Close(at(time.Hour)); err != nil || again.SHA256 != s.SHA256 {
		t.Errorf("a second Close gives %+v, %v", again, err)
	}
}

// talk2 writes both sides as they would arrive, interleaved.
func talk2(r *Recording, caller, agent []byte, agentFrom time.Duration) {
	lag := int(sampleCount(agentFrom))
	for i := 0; i < max(len(caller), lag+len(agent)); i += 160 {
		arrival := at(sampleTime(int64(i)))
		if i < len(caller) {
			r.Write(Caller, 1, uint32(i), arrival, caller[i:i+160])
		}
		breathe(r, i)
		if k := i - lag; k >= 0 && k < len(agent) {
			r.Write(Agent, 2, uint32(k), arrival, agent[k:k+160])
		}
	}
}

func TestModesOfNewFiles(t *testing.T) {
	p := started(t, PoolConfig{})
	dir := filepath.Join(t.TempDir(), "a", "b")
	r := create(t, p, filepath.Join(dir, "x.wav"), nil)
	closed(t, r, 0)
	for name, want := range map[string]os.FileMode{filepath.Dir(dir): 0o700, dir: 0o700, filepath.Join(dir, "x.wav"): 0o600} {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: mode %v, %v; want %v", name, info.Mode().Perm(), err, want)
		}
	}
}

func TestEmptyRecording(t *testing.T) {
	p := started(t, PoolConfig{})
	path := filepath.Join(t.TempDir(), "x.wav")
	s := closed(t, create(t, p, path, nil), 0)
	if s.Duration != 0 || s.Bytes != headerSize {
		t.Errorf("%+v", s)
	}
	if caller, _ := voices(t, path); len(caller) != 0 {
		t.Errorf("%d samples", len(caller))
	}
}

func TestLongSilenceIsFilled(t *testing.T) {
	p := started(t, PoolConfig{})
	path := filepath.Join(t.TempDir(), "x.wav")
	r := create(t, p, path, nil)
	word := tone.Sine(700, 100*time.Millisecond, 0.5)
	talk(r, Caller, 1, 0, word)
	talk(r, Agent, 2, 61*time.Second, word)
	s := closed(t, r, 100*time.Second)
	caller, agent := voices(t, path)
	if s.Duration != 100*time.Second || len(caller) != 100*SampleRate {
		t.Fatalf("%v, %d samples", s.Duration, len(caller))
	}
	if !bytes.Equal(caller[:800], word) || !isSilent(caller[800:]) {
		t.Error("caller's side is wrong")
	}
	if !isSilent(agent[:61*SampleRate]) || !bytes.Equal(agent[61*SampleRate:61*SampleRate+800], word) || !isSilent(agent[61*SampleRate+800:]) {
		t.Error("agent's side is wrong")
	}
}

func TestReorderedAndLatePackets(t *testing.T) {
	p := started(t, PoolConfig{})
	path := filepath.Join(t.TempDir(), "x.wav")
	r := create(t, p, path, nil)
	said := tone.SpeechLike(3, 10*time.Second, 0)
	for i := 0; i+320 <= len(said); i += 320 { // pairs in the wrong order
		now := at(sampleTime(int64(i + 160)))
		r.Write(Caller, 1, uint32(i+160), now, said[i+160:i+320])
		r.Write(Caller, 1, uint32(i), now+100, said[i:i+160])
		breathe(r, i)
	}
	closed(t, r, 10*time.Second)
	caller, _ := voices(t, path)
	// The first packet to arrive is number 1; number 0 lies before the start.
	if !bytes.Equal(caller[160:len(said)-160], said[320:]) {
		t.Error("reordered packets are not in order in the file")
	}
}

// Packets that come seconds late (a duplicate from a slow path) have no place
// any more, and do not pull the stream with them.
func TestStragglersDoNotDisturb(t *testing.T) {
	p := started(t, PoolConfig{})
	path := filepath.Join(t.TempDir(), "x.wav")
	r := create(t, p, path, nil)
	said := tone.SpeechLike(4, 8*time.Second, 1000)
	for i := 0; i < len(said); i += 160 {
		now := at(sampleTime(int64(i)))
		r.Write(Caller, 1, uint32(i), now, said[i:i+160])
		if i%8000 == 1600 && i > 3*SampleRate {
			for k := range 1 + i/8000%3 {
				old := i - 2*SampleRate + 160*k
				r.Write(Caller, 1, uint32(old), now+5, said[old:old+160])
			}
		}
		breathe(r, i)
	}
	closed(t, r, 8*time.Second)
	if caller, _ := voices(t, path); !bytes.Equal(caller, said) {
		t.Error("the file is not what was said")
	}
}

func TestPauseIsNotKept(t *testing.T) {
	p := started(t, PoolConfig{})
	path := filepath.Join(t.TempDir(), "x.wav")
	r := create(t, p, path, nil)
	said := tone.Sine(500, 6*time.Second, 0.3)
	frames := len(said) / 160
	for i := range frames {
		now := frameTime(i)
		switch now {
		case 2 * time.Second:
			r.Pause(at(now))
			r.Pause(at(now)) // no effect
		case 4 * time.Second:
			r.Resume(at(now))
			r.Resume(at(now))
			// What was said in the pause and comes late is not kept either.
			for k := i - 5; k < i; k++ {
				r.Write(Caller, 1, uint32(k*160), at(now), said[k*160:(k+1)*160])
			}
		}
		r.Write(Caller, 1, uint32(i*160), at(now), said[i*160:(i+1)*160])
	}
	s := closed(t, r, 6*time.Second)
	caller, _ := voices(t, path)
	if !bytes.Equal(caller[:2*SampleRate], said[:2*SampleRate]) || !bytes.Equal(caller[4*SampleRate:], said[4*SampleRate:]) {
		t.Error("what was said outside of the pause is not there")
	}
	if !isSilent(caller[2*SampleRate : 4*SampleRate]) {
		t.Error("the pause is not silent")
	}
	want := []Pause{{2 * time.Second, 4 * time.Second}}
	if len(s.Pauses) != 1 || s.Pauses[0] != want[0] {
		t.Errorf("pauses %v", s.Pauses)
	}
	again, err := Repair(path) // a sound file: reads the marks from it
	if err != nil || len(again.Pauses) != 1 || again.Pauses[0] != want[0] || again.SHA256 != s.SHA256 {
		t.Errorf("from the file: %+v, %v", again, err)
	}
	if again.Voiced != s.Voiced || again.Duration != s.Duration || again.Bytes != s.Bytes {
		t.Errorf("from the file: %+v, from the recording: %+v", again, s)
	}
}

func TestPauseOpenAtTheEnd(t *testing.T) {
	p := started(t, PoolConfig{})
	path := filepath.Join(t.TempDir(), "x.wav")
	r := create(t, p, path, nil)
	r.Begin(at(0))
	r.Pause(at(time.Second))
	talk(r, Caller, 1, time.Second, tone.Sine(500, time.Second, 0.3))
	s := closed(t, r, 3*time.Second)
	if len(s.Pauses) != 1 || s.Pauses[0] != (Pause{time.Second, 3 * time.Second}) || s.Duration != 3*time.Second {
		t.Errorf("%+v", s)
	}
	if caller, _ := voices(t, path); !isSilent(caller) {
		t.Error("kept something")
	}
}

func TestManyPauses(t *testing.T) {
	p := started(t, PoolConfig{})
	path := filepath.Join(t.TempDir(), "x.wav")
	r := create(t, p, path, nil)
	for i := range 2 * maxMarks {
		r.Pause(at(time.Duration(2*i) * time.Second))
		r.Resume(at(time.Duration(2*i+1) * time.Second))
	}
	s := closed(t, r, time.Duration(4*maxMarks)*time.Second)
	if len(s.Pauses) != 2*maxMarks {
		t.Errorf("%d pauses", len(s.Pauses))
	}
	again, err := Repair(path)
	if err != nil || len(again.Pauses) != maxMarks || again.Pauses[maxMarks-1] != s.Pauses[maxMarks-1] {
		t.Errorf("%d pauses from the file, %v", len(again.Pauses), err)
	}
}

// Several goroutines write at once, with arrivals that are not quite in order.
func TestConcurrentWriters(t *testing.T) {
	p := started(t, PoolConfig{})
	dir := t.TempDir()
	var all sync.WaitGroup
	for i := range 8 {
		path := filepath.Join(dir, string(rune('a'+i)))
		r := create(t, p, path, func(err error) { t.Errorf("failed: %v", err) })
		r.Begin(at(0))
		voice := [2][]byte{tone.SpeechLike(uint64(i), 4*time.Second, 1000), tone.SpeechLike(uint64(i+100), 4*time.Second, 2000)}
		all.Go(func() {
			var legs sync.WaitGroup
			step := make(chan struct{}) // keeps the two within one packet of each other
			legs.Go(func() {
				for k := 0; k < len(voice[0]); k += 160 {
					r.Write(Caller, 1, uint32(k), at(sampleTime(int64(k))), voice[0][k:k+160])
					step <- struct{}{}
				}
			})
			legs.Go(func() {
				for k := 0; k < len(voice[1]); k += 160 {
					r.Write(Agent, 2, uint32(k), at(sampleTime(int64(k))), voice[1][k:k+160])
					<-step
				}
			})
			legs.Wait()
			s, err := r.Close(at(4 * time.Second))
			if err != nil || s.DroppedBlocks > 0 {
				t.Errorf("%+v, %v", s, err)
			}
			caller, agent, err := ReadFile(path)
			if err != nil || !bytes.Equal(caller, voice[0]) || !bytes.Equal(agent, voice[1]) {
				t.Errorf("recording %d is not what was said (%v)", i, err)
			}
		})
	}
	all.Wait()
}

// Whatever packets of whatever lengths arrive with jitter below 200 ms: the
// file holds, at each place, what was said there.
func TestFileEqualsSpeech(t *testing.T) {
	p := started(t, PoolConfig{})
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		path := filepath.Join(dir, "r"+string(rune('0'+n%10))+time.Duration(n).String())
		r, err := p.Create(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Begin(at(0))
		want := bytes.Repeat([]byte{g711.ALawSilence}, 4*SampleRate)
		start := rapid.Uint32().Draw(t, "rtp start")
		r.Write(Agent, 9, start, at(0), want[:1]) // anchors at 0
		lag := int64(0)
		for pos := 0; pos < len(want)-800; {
			size := rapid.SampledFrom([]int{80, 160, 240, 320, 480}).Draw(t, "size")
			if rapid.IntRange(0, 9).Draw(t, "lost") > 0 {
				for i := range size {
					want[pos+i] = byte(1 + (pos+i)%200)
				}
				lag = max(lag-rapid.Int64Range(0, 20).Draw(t, "less"), rapid.Int64Range(0, 150).Draw(t, "lag"))
				now := at(sampleTime(int64(pos)) + time.Duration(lag)*time.Millisecond)
				r.Write(Agent, 9, start+uint32(pos), now, want[pos:pos+size])
			}
			pos += size
		}
		if _, err := r.Close(at(4 * time.Second)); err != nil {
			t.Fatal(err)
		}
		_, agent, err := ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(agent) < len(want) || !bytes.Equal(agent[:len(want)], want) {
			t.Fatal("the file differs from what was said")
		}
		os.Remove(path)
	})
}

func TestWriteIgnoresNonsense(t *testing.T) {
	p := started(t, PoolConfig{})
	path := filepath.Join(t.TempDir(), "x.wav")
	r := create(t, p, path, nil)
	r.Write(Caller, 1, 0, at(0), nil)
	r.Write(2, 1, 0, at(0), make([]byte, 160))
	r.Write(-1, 1, 0, at(0), make([]byte, 160))
	r.Write(Caller, 1, 0, at(0), make([]byte, 100000)) // cut to 200 ms
	s := closed(t, r, 0)
	if s.Duration != 200*time.Millisecond {
		t.Errorf("%v", s.Duration)
	}
	r.Write(Caller, 1, 160, at(0), make([]byte, 160)) // after the end
	r.Pause(at(0))
	r.Resume(at(0))
}

func TestAnotherEpochFailsTheRecordingOnly(t *testing.T) {
	p := started(t, PoolConfig{})
	failed := make(chan error, 10)
	r := create(t, p, filepath.Join(t.TempDir(), "x.wav"), func(err error) { failed <- err })
	talk(r, Caller, 1, 0, tone.Sine(500, time.Second, 0.5))
	r.Write(Caller, 1, 8000, time.Now().UnixNano(), make([]byte, 160))
	for shift := range 62 { // no wrap-around brings a wild arrival back into range
		if wild := int64(1) << shift; time.Duration(wild) > longest {
			r.Write(Caller, 1, 8000, wild+at(0), make([]byte, 160))
			r.Write(Caller, 1, 8000, at(0)-wild, make([]byte, 160))
		}
	}
	s, err := r.Close(1 << 62)
	if !errors.Is(err, ErrTooLong) || s.Err == "" || s.Duration != time.Second {
		t.Errorf("%+v, %v", s, err)
	}
	if err := <-failed; !errors.Is(err, ErrTooLong) || len(failed) != 0 {
		t.Errorf("told %v, and %d more", err, len(failed))
	}
}

func TestExistingFilesAreNotTouched(t *testing.T) {
	p := started(t, PoolConfig{})
	dir := t.TempDir()
	for _, name := range []string{"a", "b" + partSuffix} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("precious"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"a", "b"} {
		failed := make(chan error, 1)
		r := create(t, p, filepath.Join(dir, name), func(err error) { failed <- err })
		talk(r, Caller, 1, 0, tone.Sine(500, 3*time.Second, 0.5))
		s, err := r.Close(at(3 * time.Second))
		if !errors.Is(err, ErrExists) || s.Err == "" || s.DroppedBlocks == 0 {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
		if err := <-failed; !errors.Is(err, ErrExists) {
			t.Errorf("%s: told %v", name, err)
		}
	}
	for _, name := range []string{"a", "b" + partSuffix} {
		if b, _ := os.ReadFile(filepath.Join(dir, name)); string(b) != "precious" {
			t.Errorf("%s is now %q", name, b)
		}
	}
	if s := p.Stats(); s.Failed != 2 || s.Closed != 2 || s.Open != 0 {
		t.Errorf("%+v", s)
	}
}

// The final name may be taken while the call goes on.
func TestFinalNameTakenMeanwhile(t *testing.T) {
	p := started(t, PoolConfig{})
	path := filepath.Join(t.TempDir(), "x.wav")
	r := create(t, p, path, nil)
	talk(r, Caller, 1, 0, tone.Sine(500, time.Second, 0.5))
	waitFor(t, func() bool { _, err := os.Stat(path + partSuffix); return err == nil })
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Close(at(time.Second)); !errors.Is(err, ErrExists) {
		t.Errorf("%v", err)
	}
	if b, _ := os.ReadFile(path); string(b) != "precious" {
		t.Errorf("overwritten by %d bytes", len(b))
	}
	if caller, _, err := ReadFile(path + partSuffix); err != nil || len(caller) != SampleRate {
		t.Errorf("the recording is gone: %d samples, %v", len(caller), err)
	}
}

// waitFor waits for a condition that another goroutine or process brings about.
func waitFor(t testing.TB, what func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !what() {
		if time.Now().After(deadline) {
			t.Fatal("waited 20 s in vain")
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func TestPoolLife(t *testing.T) {
	p := NewPool(PoolConfig{}, nil)
	if _, err := p.Create("x", nil); !errors.Is(err, ErrNotRunning) {
		t.Errorf("before Start: %v", err)
	}
	p.Stop()
	p.Stop()
	if err := p.Start(context.Background()); err == nil {
		t.Error("started after Stop")
	}
	p = started(t, PoolConfig{MaxOpen: 1})
	if err := p.Start(context.Background()); err == nil {
		t.Error("started twice")
	}
	for _, bad := range []string{"", "/"} {
		if _, err := p.Create(bad, nil); err == nil {
			t.Errorf("%q is taken for a file name", bad)
		}
	}
	path := filepath.Join(t.TempDir(), "x.wav")
	r := create(t, p, path, nil)
	if _, err := p.Create(path+"2", nil); !errors.Is(err, ErrTooMany) {
		t.Errorf("beyond the limit: %v", err)
	}
	talk(r, Caller, 1, 0, tone.Sine(500, time.Second, 0.5))
	p.Stop() // finishes what is open
	if _, err := p.Create(path+"3", nil); !errors.Is(err, ErrNotRunning) {
		t.Errorf("after Stop: %v", err)
	}
	s := closed(t, r, time.Hour) // says what Stop has done
	if s.Duration != time.Second || s.SHA256 == "" {
		t.Errorf("%+v", s)
	}
	if caller, _ := voices(t, path); len(caller) != SampleRate {
		t.Errorf("%d samples", len(caller))
	}
}

func TestStartStopManyTimes(t *testing.T) {
	before := runtime.NumGoroutine()
	dir := t.TempDir()
	for i := range 100 {
		ctx, cancel := context.WithCancel(context.Background())
		p := NewPool(PoolConfig{}, nil)
		if err := p.Start(ctx); err != nil {
			t.Fatal(err)
		}
		r := create(t, p, filepath.Join(dir, time.Duration(i).String()), nil)
		if i%2 == 0 {
			cancel() // stops it as well
		}
		p.Stop()
		if _, err := r.Close(0); err != nil {
			t.Fatal(err)
		}
		p.Stop()
		cancel()
	}
	waitFor(t, func() bool { return runtime.NumGoroutine() <= before })
}

func TestWriteDoesNotAllocate(t *testing.T) {
	p := started(t, PoolConfig{})
	r := create(t, p, filepath.Join(t.TempDir(), "x.wav"), nil)
	frame := tone.Sine(500, 20*time.Millisecond, 0.5)
	i := 0
	n := testing.AllocsPerRun(2000, func() { // 40 s of call: 80 blocks on their way
		r.Write(Caller, 1, uint32(i*160), at(frameTime(i)), frame)
		r.Write(Agent, 2, uint32(i*160), at(frameTime(i)+time.Millisecond), frame)
		i++
		if i%50 == 0 { // the disk keeps up in real time; here time is faster
			waitFor(t, func() bool { return p.Stats().Waiting == 0 })
		}
	})
	if n >= 1 { // the writer's own are counted too, and are far below one per packet
		t.Errorf("%v allocations per two packets", n)
	}
	closed(t, r, frameTime(i))
}

// Memory per open recording, the shared blocks included.
func TestMemoryPerRecording(t *testing.T) {
	p := started(t, PoolConfig{})
	dir := t.TempDir()
	const count = 200
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	frame := tone.Sine(500, 20*time.Millisecond, 0.5)
	before := heap()
	list := make([]*Recording, count)
	for i := range list {
		list[i] = create(t, p, filepath.Join(dir, time.Duration(i).String()), nil)
	}
	for k := range 150 {
		for _, r := range list {
			r.Write(Caller, 1, uint32(k*160), at(frameTime(k)), frame)
			r.Write(Agent, 2, uint32(k*160), at(frameTime(k)), frame)
		}
		if k%25 == 0 {
			waitFor(t, func() bool { return p.Stats().Waiting == 0 })
		}
	}
	per := (int64(heap()) - int64(before)) / count
	t.Logf("%d bytes per recording", per)
	if per > 48<<10 {
		t.Errorf("%d bytes per recording, more than 48 kB", per)
	}
	for _, r := range list {
		if s := closed(t, r, frameTime(150)); s.DroppedBlocks > 0 {
			t.Errorf("%+v", s)
		}
	}
	p.reserve.mu.Lock()
	defer p.reserve.mu.Unlock()
	if p.reserve.total > reserveFloor || len(p.reserve.free) != p.reserve.total {
		t.Errorf("%d blocks kept, %d of them free, after all recordings ended", p.reserve.total, len(p.reserve.free))
	}
}
