package mix

import (
	"math/rand/v2"
	"testing"
	"time"

	"cagri/internal/media/g711"
	"pgregory.net/rapid"
)

// voice is the audio of a sender: the byte at an RTP time, loud and never
// silent, so that a played byte can be checked against its place.
func voice(at uint32) byte { return 0x80 | byte(at*7%64) }

func packet(at uint32, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = voice(at + uint32(i))
	}
	return b
}

// arrival is a packet on its way.
type arrival struct {
	at      time.Duration // of arrival
	rtpTime uint32
	ssrc    uint32
	length  int
}

// line makes a stream of packets of 20 ms with a delay of its own for each;
// a negative delay loses the packet.
func line(n int, start uint32, delay func(i int) time.Duration) []arrival {
	var list []arrival
	for i := range n {
		if d := delay(i); d >= 0 {
			list = append(list, arrival{time.Duration(i)*20*time.Millisecond + d, start + uint32(i)*160, 1, 160})
		}
	}
	return list
}

// heard is what came out of one frame.
type heard struct {
	at     uint32 // RTP time of its first sample
	real   int    // samples that are the sender's own
	voiced bool
}

// run lets packets arrive and asks for a frame every 20 ms, at an odd phase.
func run(t interface{ Fatalf(string, ...any) }, p *Playout, list []arrival, length time.Duration) []heard {
	var out []heard
	frame := make([]byte, 160)
	pending := append([]arrival(nil), list...)
	for now := 13 * time.Millisecond; now < length; now += 20 * time.Millisecond {
		for {
			first := -1
			for i, a := range pending {
				if a.at <= now && (first < 0 || a.at < pending[first].at) {
					first = i
				}
			}
			if first < 0 {
				break
			}
			a := pending[first]
			pending = append(pending[:first], pending[first+1:]...)
			p.Put(a.rtpTime, a.ssrc, packet(a.rtpTime, a.length))
		}
		h := heard{at: p.next}
		before := p.count.Concealed
		h.voiced = p.Next(frame)
		made := p.count.Concealed - before
		for i, b := range frame {
			if b == voice(h.at+uint32(i)) {
				h.real++
			}
		}
		if !h.voiced {
			for _, b := range frame {
				if b != g711.ALawSilence {
					t.Fatalf("an unvoiced frame holds %#02x", b)
				}
			}
		}
		if h.voiced && h.real == 0 && made == 0 {
			t.Fatalf("a voiced frame holds nothing of the sender and nothing made up")
		}
		out = append(out, h)
	}
	return out
}

func constant(d time.Duration) func(int) time.Duration { return func(int) time.Duration { return d } }

func wholeFrames(out []heard) (n int) {
	for _, h := range out {
		if h.real == 160 {
			n++
		}
	}
	return n
}

func TestEvenStreamIsPlayedWhole(t *testing.T) {
	var p Playout
	out := run(t, &p, line(500, 0xFFFF0000, constant(0)), 11*time.Second)
	if n := wholeFrames(out); n < 495 {
		t.Errorf("%d of 500 frames heard", n)
	}
	s := p.Stats()
	if s.Late != 0 || s.Packets != 500 {
		t.Errorf("%+v", s)
	}
	if s.Delay != minDelay {
		t.Errorf("a quiet line waits %d ms", s.Delay/ms)
	}
}

func TestStartsWithTheWaitAndNotBefore(t *testing.T) {
	var p Playout
	frame := make([]byte, 160)
	if p.Next(frame) || frame[0] != g711.ALawSilence {
		t.Error("an empty buffer is voiced")
	}
	p.Put(1000, 1, packet(1000, 160))
	for i := range startDelay / 160 {
		if p.Next(frame) {
			t.Errorf("frame %d is voiced, %d ms too early", i, startDelay/ms-20*i)
		}
	}
	if !p.Next(frame) || frame[0] != voice(1000) {
		t.Error("the packet is not heard after the wait")
	}
}

func TestOrderIsRestored(t *testing.T) {
	var p Playout
	out := run(t, &p, line(300, 5000, func(i int) time.Duration {
		if i%5 == 2 { // every fifth overtaken by the next
			return 25 * time.Millisecond
		}
		return 0
	}), 7*time.Second)
	if n := wholeFrames(out[50:]); n < 245 {
		t.Errorf("%d of 250 frames heard in order", n)
	}
}

func TestJitterIsAbsorbedOnceKnown(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var p Playout
	list := line(1000, 0, func(int) time.Duration { return time.Duration(random.IntN(70)) * time.Millisecond })
	out := run(t, &p, list, 20*time.Second)
	late := p.Stats().Late
	if n := wholeFrames(out[100:]); n < (900 * 97 / 100) {
		t.Errorf("%d of about 900 frames whole with a jitter of 70 ms, %d late", n, late)
	}
	if d := p.Stats().Delay; d <= minDelay || d > maxDelay {
		t.Errorf("waits %d ms", d/ms)
	}
}

func TestWaitShrinksWhenTheLineCalms(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	var p Playout
	list := line(1000, 0, func(i int) time.Duration {
		if i < 300 {
			return time.Duration(random.IntN(90)) * time.Millisecond
		}
		return 0
	})
	run(t, &p, list, 20*time.Second)
	s := p.Stats()
	if s.Delay != minDelay {
		t.Errorf("still aims for %d ms", s.Delay/ms)
	}
	if wait := int(int32(p.end - p.next)); wait > minDelay+insistAfter+160 {
		t.Errorf("%d ms are buffered", wait/ms)
	}
}

func TestLossIsBridgedThenSilent(t *testing.T) {
	var p Playout
	list := line(100, 0, func(i int) time.Duration {
		if i >= 50 && i < 58 {
			return -1
		}
		return 0
	})
	out := run(t, &p, list, 2*time.Second)
	var bridged, silent int
	for _, h := range out {
		if h.at >= 50*160 && h.at < 58*160 {
			if h.voiced {
				bridged++
			} else {
				silent++
			}
		}
	}
	if bridged < 3 || bridged > 4 || silent < 4 {
		t.Errorf("%d frames bridged and %d silent of 8 lost", bridged, silent)
	}
}

func TestBridgeFades(t *testing.T) {
	var p Playout
	loud := frameOf(10000, 160)
	for i := range uint32(5) {
		p.Put(i*160, 1, loud)
	}
	frame := make([]byte, 160)
	for range startDelay/160 + 5 {
		p.Next(frame)
	}
	before := int16(10100)
	for range concealFor / 160 {
		if !p.Next(frame) {
			t.Fatal("the bridge is too short")
		}
		for _, b := range frame {
			v := g711.ALawToLinear(b)
			if v > before {
				t.Fatalf("rises from %d to %d", before, v)
			}
			before = v
		}
	}
	if before > 300 {
		t.Errorf("ends at %d", before)
	}
	if p.Next(frame) {
		t.Error("goes on for ever")
	}
}

// A sender whose clock differs by 0.2 % (far more than any real one) is
// followed for ten minutes without the wait growing or running dry.
func TestDrift(t *testing.T) {
	for _, ppm := range []int64{2000, -2000} {
		var p Playout
		const n = 30000
		list := make([]arrival, n)
		for i := range list {
			at := time.Duration(int64(i) * int64(20*time.Millisecond) * (1_000_000 - ppm) / 1_000_000)
			list[i] = arrival{at, uint32(i) * 160, 1, 160}
		}
		frame := make([]byte, 160)
		next, missing := 0, 0
		for now := 13 * time.Millisecond; next < n; now += 20 * time.Millisecond {
			for next < n && list[next].at <= now {
				p.Put(list[next].rtpTime, 1, packet(list[next].rtpTime, 160))
				next++
			}
			if wait := int(int32(p.end - p.next)); next > 100 && (wait > overfull || wait < 0) {
				t.Fatalf("%d ppm: %d ms buffered after %v", ppm, wait/ms, now)
			}
			if !p.Next(frame) && now > 200*time.Millisecond {
				missing++
			}
		}
		if s := p.Stats(); missing > 0 || s.Restarts > 0 {
			t.Errorf("%d ppm: %d silent frames, %+v", ppm, missing, s)
		}
	}
}

func TestNewSSRCStartsAfresh(t *testing.T) {
	var p Playout
	list := line(50, 0, constant(0))
	for i := range 50 {
		list = append(list, arrival{time.Second + time.Duration(i)*20*time.Millisecond, 0x70000000 + uint32(i)*160, 2, 160})
	}
	out := run(t, &p, list, 2*time.Second+200*time.Millisecond)
	if n := wholeFrames(out); n < 92 {
		t.Errorf("%d of 100 frames heard", n)
	}
	if s := p.Stats(); s.Restarts != 1 {
		t.Errorf("%d restarts", s.Restarts)
	}
}

func TestJumpOfTimeStampsIsFollowed(t *testing.T) {
	for _, jump := range []uint32{8000 * 60, ^uint32(8000*60) + 1} {
		var p Playout
		list := line(100, 1<<30, constant(0))
		for i := 50; i < 100; i++ {
			list[i].rtpTime += jump
		}
		out := run(t, &p, list, 2*time.Second+200*time.Millisecond)
		if n := wholeFrames(out); n < 85 {
			t.Errorf("jump %d: %d of 100 frames heard", int32(jump), n)
		}
	}
}

func TestOneStraggleIsNotFollowed(t *testing.T) {
	var p Playout
	list := line(100, 1<<30, constant(0))
	list = append(list, arrival{time.Second + time.Millisecond, 77, 1, 160})
	run(t, &p, list, 2*time.Second)
	if s := p.Stats(); s.Restarts != 0 {
		t.Errorf("%d restarts for one stray packet", s.Restarts)
	}
}

func TestTalkAfterAPauseStartsAfresh(t *testing.T) {
	var p Playout
	list := line(50, 0, constant(0))
	for i := range 50 { // the time stamps stood still during the hold
		list = append(list, arrival{6*time.Second + time.Duration(i)*20*time.Millisecond, uint32(50+i) * 160, 1, 160})
	}
	out := run(t, &p, list, 8*time.Second)
	if n := wholeFrames(out); n < 95 {
		t.Errorf("%d of 100 frames heard", n)
	}
}

func TestBurstAfterAHoleCatchesUp(t *testing.T) {
	var p Playout
	list := line(200, 0, func(i int) time.Duration {
		if i >= 50 && i < 75 { // the line stood still for half a second
			return time.Duration(75-i) * 20 * time.Millisecond
		}
		return 0
	})
	run(t, &p, list, 3*time.Second)
	if wait := int(int32(p.end - p.next)); wait > overfull {
		t.Errorf("%d ms behind after a burst", wait/ms)
	}
}

func TestPacketLengths(t *testing.T) {
	for _, length := range []int{80, 160, 240, 320, 480} {
		var p Playout
		var list []arrival
		for at := 0; at < 10*8000; at += length {
			list = append(list, arrival{time.Duration(at+length) * time.Second / 8000, uint32(at), 1, length})
		}
		out := run(t, &p, list, 10*time.Second)
		if n := wholeFrames(out); n < 480 {
			t.Errorf("packets of %d ms: %d of 500 frames heard, %+v", length/ms, n, p.Stats())
		}
	}
}

func TestOddPackets(t *testing.T) {
	var p Playout
	p.Put(0, 1, nil)
	if p.running {
		t.Error("an empty packet starts the stream")
	}
	p.Put(0, 1, make([]byte, 5000))
	frame := make([]byte, 160)
	for range 40 {
		p.Next(frame)
	}
	p.Next(nil)
}

// Whatever arrives: frames are full, the buffered audio is bounded, and once
// the stream is even again it is heard whole within two seconds.
func TestSurvivesAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p Playout
		frame := make([]byte, 160)
		base := rapid.Uint32().Draw(t, "start")
		at := base
		for range rapid.IntRange(1, 150).Draw(t, "events") {
			switch rapid.SampledFrom([]string{"put", "put", "put", "next", "next", "next", "lose", "dup", "jump", "ssrc", "late"}).Draw(t, "what") {
			case "put":
				n := rapid.SampledFrom([]int{1, 80, 160, 161, 320, 480, 900}).Draw(t, "length")
				p.Put(at, 1, packet(at, n))
				at += uint32(n)
			case "dup":
				p.Put(at-160, 1, packet(at-160, 160))
			case "late":
				d := uint32(rapid.IntRange(0, 4000).Draw(t, "by"))
				p.Put(at-d, 1, packet(at-d, 160))
			case "lose":
				at += 160
			case "jump":
				at += rapid.Uint32().Draw(t, "by")
			case "ssrc":
				p.Put(at, rapid.Uint32().Draw(t, "ssrc"), packet(at, 160))
			case "next":
				p.Next(frame)
			}
			if wait := int32(p.end - p.next); p.running && wait > ring {
				t.Fatalf("%d samples buffered", wait)
			}
		}
		whole := 0
		for range 150 {
			p.Put(at, 1, packet(at, 160))
			at += 160
			want := p.next
			p.Next(frame)
			same := 0
			for i, b := range frame {
				if b == voice(want+uint32(i)) {
					same++
				}
			}
			if same == 160 {
				whole++
			}
		}
		if whole < 50 {
			t.Fatalf("only %d of the last 150 frames are whole", whole)
		}
	})
}

// The leg's goroutine puts, the wheel's takes.
func TestTwoGoroutines(t *testing.T) {
	var p Playout
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range uint32(5000) {
			p.Put(i*160, 1, packet(i*160, 160))
		}
	}()
	frame := make([]byte, 160)
	for {
		select {
		case <-done:
			if s := p.Stats(); s.Packets != 5000 {
				t.Errorf("%+v", s)
			}
			return
		default:
			p.Next(frame)
		}
	}
}

func TestPlayoutDoesNotAllocate(t *testing.T) {
	var p Playout
	frame, in := make([]byte, 160), packet(0, 160)
	at := uint32(0)
	if n := testing.AllocsPerRun(500, func() {
		p.Put(at, at/16000, in)
		p.Next(frame)
		at += 160
	}); n != 0 {
		t.Errorf("%v allocations per packet", n)
	}
}

func BenchmarkPlayout(b *testing.B) {
	var p Playout
	frame, in := make([]byte, 160), packet(0, 160)
	at := uint32(0)
	b.ReportAllocs()
	for b.Loop() {
		p.Put(at, 1, in)
		p.Next(frame)
		at += 160
	}
}
