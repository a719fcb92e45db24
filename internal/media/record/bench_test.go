package record

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"cagri/internal/media/tone"
)

// BenchmarkWrite is the packet path: one packet of 20 ms into one of 200
// recordings, both sides in turn. The disk work is done meanwhile by the pool
// and shows up only where it takes the same core.
func BenchmarkWrite(b *testing.B) {
	p := started(b, PoolConfig{})
	dir := b.TempDir()
	const count = 200
	list := make([]*Recording, count)
	for i := range list {
		list[i] = create(b, p, filepath.Join(dir, fmt.Sprint(i)), nil)
	}
	frame := tone.Sine(500, 20*time.Millisecond, 0.5)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		k := i / (2 * count) // frame
		r, ch := list[i%count], Channel(i/count%2)
		r.Write(ch, uint32(ch), uint32(k*160), at(frameTime(k)), frame)
		i++
		if i%(50*count) == 0 { // the call runs far faster than real time
			b.StopTimer()
			for p.Stats().Waiting > 0 {
				time.Sleep(time.Millisecond)
			}
			b.StartTimer()
		}
	}
	b.StopTimer()
	for _, r := range list {
		r.end(nil)
	}
	for _, r := range list {
		<-r.done
	}
	if d := p.Stats().BlocksDropped; d > 0 {
		b.Logf("%d blocks dropped", d)
	}
}

// BenchmarkCallSecond is everything a second of a recorded call costs, disk
// work and closing included: CPU of the whole process, 200 calls of 30 s.
func BenchmarkCallSecond(b *testing.B) {
	dir := b.TempDir()
	voice := [2][]byte{tone.SpeechLike(1, 30*time.Second, 1000), tone.SpeechLike(2, 30*time.Second, 2000)}
	const count = 200
	var used time.Duration
	rounds := 0
	for b.Loop() {
		p := NewPool(PoolConfig{}, nil)
		if err := p.Start(b.Context()); err != nil {
			b.Fatal(err)
		}
		list := make([]*Recording, count)
		before := cpuTime(b)
		for i := range list {
			list[i] = create(b, p, filepath.Join(dir, fmt.Sprint(rounds), fmt.Sprint(i)), nil)
		}
		for k := 0; k < len(voice[0]); k += 160 {
			for _, r := range list {
				r.Write(Caller, 1, uint32(k), at(sampleTime(int64(k))), voice[0][k:k+160])
				r.Write(Agent, 2, uint32(k), at(sampleTime(int64(k))), voice[1][k:k+160])
			}
			for k%4000 == 0 && p.Stats().Waiting > 0 {
				time.Sleep(time.Millisecond)
			}
		}
		p.Stop()
		used += cpuTime(b) - before
		if d := p.Stats().BlocksDropped; d > 0 {
			b.Errorf("%d blocks dropped", d)
		}
		rounds++
	}
	b.ReportMetric(float64(used.Microseconds())/float64(rounds*count*30), "cpu-µs/call-second")
}

func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkOpenClose is a whole short recording: made, a second of audio,
// synced, hashed, named; 64 at a time.
func BenchmarkOpenClose(b *testing.B) {
	p := started(b, PoolConfig{})
	dir := b.TempDir()
	voice := tone.SpeechLike(1, time.Second, 1000)
	var group sync.WaitGroup
	slots := make(chan struct{}, 64)
	var creating time.Duration
	i := 0
	for b.Loop() {
		slots <- struct{}{}
		path := filepath.Join(dir, fmt.Sprint(i%100), fmt.Sprint(i))
		began := time.Now()
		r, err := p.Create(path, nil)
		if err != nil {
			b.Fatal(err)
		}
		creating += time.Since(began)
		group.Go(func() {
			defer func() { <-slots }()
			for k := 0; k < len(voice); k += 160 {
				r.Write(Caller, 1, uint32(k), at(sampleTime(int64(k))), voice[k:k+160])
			}
			if _, err := r.Close(at(time.Second)); err != nil {
				b.Error(err)
			}
		})
		i++
	}
	group.Wait()
	b.ReportMetric(float64(i)/b.Elapsed().Seconds(), "recordings/s")
	b.ReportMetric(float64(creating.Microseconds())/float64(i), "µs/Create")
}

// BenchmarkScan is what Close costs per second of audio: hash and voice.
func BenchmarkScan(b *testing.B) {
	voice := tone.SpeechLike(1, 10*time.Second, 1000)
	f, err := os.Create(filepath.Join(b.TempDir(), "x"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	content := whole(stereo(voice, voice), nil)
	if _, err := f.Write(content); err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, scanBuffer)
	for b.Loop() {
		if _, err := scan(f, int64(len(content)), headerSize, buf); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/10, "µs/call-second")
}
