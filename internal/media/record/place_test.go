package record

import (
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// track plays packets into a stream and keeps what lies where.
type track struct {
	s     stream
	audio map[int64]int // position → packet number
	loud  bool
	lost  int
}

func newTrack() *track { return &track{audio: map[int64]int{}, loud: true} }

const packetSamples = 160

// put lets packet number n with an RTP time arrive at a time.
func (k *track) put(n int, ssrc, rtpTime uint32, at time.Duration) {
	now := sampleCount(at)
	floor := max(0, now-lateRoom) / blockSamples * blockSamples
	pos, ok := k.s.place(ssrc, rtpTime, int64(at), now, floor, func(int64, int64) bool { return !k.loud })
	if !ok || pos < floor {
		k.lost++
		return
	}
	for i := range int64(packetSamples) {
		k.audio[pos+i] = n
	}
	k.s.placed(pos + packetSamples)
}

// whole counts the packets of which every sample has stayed.
func (k *track) whole() int {
	count := map[int]int{}
	for _, n := range k.audio {
		count[n]++
	}
	whole := 0
	for _, c := range count {
		if c == packetSamples {
			whole++
		}
	}
	return whole
}

// frameTime is when packet n is sent.
func frameTime(n int) time.Duration { return time.Duration(n) * 20 * time.Millisecond }

func TestJitterDoesNotMoveAudio(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := newTrack()
		start := rapid.Uint32().Draw(t, "start")
		order := rapid.SliceOfN(rapid.IntRange(0, 180), 60, 60).Draw(t, "delays, ms")
		order[0] = 0
		type arrival struct {
			n  int
			at time.Duration
		}
		var list []arrival
		for n, d := range order {
			list = append(list, arrival{n, frameTime(n) + time.Duration(d)*time.Millisecond})
		}
		for len(list) > 0 { // in order of arrival
			first := 0
			for i := range list {
				if list[i].at < list[first].at {
					first = i
				}
			}
			k.put(list[first].n, 7, start+uint32(list[first].n)*packetSamples, list[first].at)
			list = append(list[:first], list[first+1:]...)
		}
		for pos, n := range k.audio {
			if int64(n) != pos/packetSamples {
				t.Fatalf("packet %d lies at %d", n, pos)
			}
		}
		if k.whole() != 60 || k.s.reanchors != 0 {
			t.Fatalf("%d of 60 packets, %d re-anchors", k.whole(), k.s.reanchors)
		}
	})
}

func TestDuplicateIsOverwrittenNotShifted(t *testing.T) {
	k := newTrack()
	for n := range 50 {
		k.put(n, 7, uint32(n)*160, frameTime(n))
		k.put(n, 7, uint32(n)*160, frameTime(n)+time.Millisecond)
	}
	if k.s.end != 50*160 || k.whole() != 50 {
		t.Errorf("ends at %d with %d packets", k.s.end, k.whole())
	}
}

func TestLossLeavesItsPlace(t *testing.T) {
	k := newTrack()
	for n := range 50 {
		if n < 20 || n >= 30 {
			k.put(n, 7, uint32(n)*160, frameTime(n))
		}
	}
	if _, there := k.audio[25*160]; there || k.audio[30*160] != 30 || k.whole() != 40 {
		t.Error("packets after a loss lie wrong")
	}
}

func TestNewSSRCIsPlacedByArrival(t *testing.T) {
	k := newTrack()
	for n := range 50 {
		k.put(n, 7, uint32(n)*160, frameTime(n))
	}
	for n := range 50 {
		k.put(100+n, 8, 0xFFFFFF00+uint32(n)*160, 3*time.Second+frameTime(n))
	}
	if k.audio[3*SampleRate] != 100 || k.whole() != 100 || k.s.reanchors != 1 {
		t.Errorf("%d at 3 s, %d whole, %d re-anchors", k.audio[3*SampleRate], k.whole(), k.s.reanchors)
	}
}

// A transfer: the new source starts a little before the old one's last packet
// has ended by arrival. Nothing that was heard is overwritten.
func TestNewSSRCDoesNotOverwrite(t *testing.T) {
	k := newTrack()
	for n := range 50 {
		k.put(n, 7, uint32(n)*160, frameTime(n))
	}
	for n := range 50 {
		k.put(100+n, 8, 5000+uint32(n)*160, frameTime(49)+5*time.Millisecond+frameTime(n))
	}
	if k.whole() != 100 {
		t.Errorf("%d of 100 packets whole", k.whole())
	}
}

func TestTimeStampJumpIsReanchored(t *testing.T) {
	for _, jump := range []int32{-80000, -4000, 4000, 80000, 1 << 30, -1 << 30} {
		k := newTrack()
		for n := range 100 {
			rtpTime := uint32(n) * 160
			if n >= 50 {
				rtpTime += uint32(jump)
			}
			k.put(n, 7, 1<<31+rtpTime, frameTime(n))
		}
		// The last packet lies where it belongs by arrival, give or take.
		if d := k.s.end - 100*160; d < -tolerance || d > tolerance {
			t.Errorf("jump %d: the end is %d samples off", jump, d)
		}
		if w := k.whole(); w < 95 {
			t.Errorf("jump %d: %d of 100 packets whole", jump, w)
		}
	}
}

// The sender's time stamps stand still while nothing is sent (a hold): the talk
// afterwards lies where it was heard.
func TestFrozenTimeStamps(t *testing.T) {
	for _, hold := range []time.Duration{300 * time.Millisecond, 700 * time.Millisecond, 10 * time.Second} {
		k := newTrack()
		for n := range 100 {
			at := frameTime(n)
			if n >= 50 {
				at += hold
			}
			k.put(n, 7, uint32(n)*160, at)
		}
		want := 100*160 + sampleCount(hold)
		if d := k.s.end - want; d < -tolerance || d > tolerance {
			t.Errorf("hold of %v: the end is %d samples off", hold, d)
		}
		if w := k.whole(); w < 99 {
			t.Errorf("hold of %v: %d of 100 packets whole", hold, w)
		}
	}
}

// The network stands still and then delivers everything at once: the packets
// are late but their time stamps are right.
func TestBurstAfterAHole(t *testing.T) {
	for _, c := range []struct {
		hole time.Duration
		lose int // at most
	}{
		{150 * time.Millisecond, 0}, {300 * time.Millisecond, 0}, {450 * time.Millisecond, 8},
		{time.Second, 42}, {3 * time.Second, 142},
	} {
		k := newTrack()
		held := int(c.hole / (20 * time.Millisecond))
		const n = 400
		for i := range n {
			at := frameTime(i)
			if i >= 100 && i < 100+held {
				at = frameTime(100+held) + time.Duration(i-100)*100*time.Microsecond
			}
			k.put(i, 7, uint32(i)*160, at)
		}
		if d := k.s.end - n*160; d < -tolerance || d > lead {
			t.Errorf("hole of %v: the end is %d samples off", c.hole, d)
		}
		if w := k.whole(); w < n-c.lose {
			t.Errorf("hole of %v: %d of %d packets whole, %d lost, %d re-anchors", c.hole, w, n, k.lost, k.s.reanchors)
		}
	}
}

// A first packet that comes late makes all others look early.
func TestLateFirstPacket(t *testing.T) {
	k := newTrack()
	for n := range 200 {
		at := frameTime(n)
		if at < 320*time.Millisecond {
			at = 320*time.Millisecond + time.Duration(n)*time.Microsecond
		}
		k.put(n, 7, uint32(n)*160, at)
	}
	if w := k.whole(); w != 200 {
		t.Errorf("%d of 200 packets whole", w)
	}
}

// A cheap phone's clock, 100 ppm off, for two hours of talk with pauses.
func TestDriftingClockLosesNoSpeech(t *testing.T) {
	for _, ppm := range []float64{100, -100} {
		k := newTrack()
		const n = 2 * 3600 * 50
		spoken := 0
		var worst int64
		for i := range n {
			at := time.Duration(float64(frameTime(i)) * (1 - ppm/1e6))
			k.loud = i%200 < 150 // 3 s of talk, 1 s of pause
			before := k.s.reanchors
			now := sampleCount(at)
			pos, ok := k.s.place(7, uint32(i)*160, int64(at), now, max(0, now-lateRoom), func(from, to int64) bool {
				return !k.loud && i%200 > 170 // what lies there is quiet only deep in a pause
			})
			if !ok {
				t.Fatalf("%v ppm: packet %d has no place", ppm, i)
			}
			if k.s.reanchors != before && ppm > 0 && k.loud {
				t.Fatalf("%v ppm: re-anchored in the middle of speech", ppm)
			}
			k.s.placed(pos + 160)
			worst = max(worst, pos-now, now-pos)
			spoken++
		}
		if worst > lead {
			t.Errorf("%v ppm: up to %d samples off", ppm, worst)
		}
		if k.s.reanchors < 2 || k.s.reanchors > 6 {
			t.Errorf("%v ppm: %d re-anchors in two hours", ppm, k.s.reanchors)
		}
	}
}

// Anything may arrive: a position is never far from the call's time.
func TestPositionsStayNearTheCall(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := newTrack()
		var at time.Duration
		var rtpTime uint32
		for range rapid.IntRange(1, 200).Draw(t, "packets") {
			at += time.Duration(rapid.IntRange(0, 100).Draw(t, "wait")) * time.Millisecond
			switch rapid.IntRange(0, 4).Draw(t, "how") {
			case 0:
				rtpTime = rapid.Uint32().Draw(t, "rtp time")
			case 1:
				rtpTime += uint32(rapid.IntRange(-8000, 8000).Draw(t, "jump"))
			default:
				rtpTime += 160
			}
			k.loud = rapid.Bool().Draw(t, "loud")
			now := sampleCount(at)
			floor := max(0, now-lateRoom) / blockSamples * blockSamples
			ssrc := uint32(rapid.IntRange(0, 20).Draw(t, "ssrc") / 20)
			pos, ok := k.s.place(ssrc, rtpTime, int64(at), now, floor, func(int64, int64) bool { return !k.loud })
			if ok {
				if pos > now+lead || pos < floor && pos < now-tolerance {
					t.Fatalf("placed at %d, the call is at %d", pos, now)
				}
				k.s.placed(pos + 160)
			}
		}
	})
}

func BenchmarkPlace(b *testing.B) {
	var s stream
	random := rand.New(rand.NewPCG(1, 1))
	delays := make([]int64, 1024)
	for i := range delays {
		delays[i] = random.Int64N(240)
	}
	quiet := func(int64, int64) bool { return false }
	i := int64(0)
	b.ReportAllocs()
	for b.Loop() {
		now := i*160 + delays[i%1024]
		pos, _ := s.place(1, uint32(i*160), now*125000, now, now-lateRoom, quiet)
		s.placed(pos + 160)
		i++
	}
}
