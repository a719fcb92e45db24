package quality

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

const (
	frame = int64(20 * time.Millisecond)
	rate  = 8000
)

// stream feeds packets of 20 ms in order.
type stream struct {
	r    *Receiver
	ssrc uint32
	seq  uint16
	ts   uint32
	now  int64
}

func newStream(ssrc uint32, seq uint16) *stream {
	return &stream{r: &Receiver{}, ssrc: ssrc, seq: seq, ts: 12345, now: int64(time.Hour)}
}

func (s *stream) send(n int) {
	for range n {
		s.r.Packet(s.ssrc, s.seq, s.ts, s.now, rate)
		s.skip(1)
	}
}

func (s *stream) skip(n int) { // n packets are lost
	s.seq += uint16(n)
	s.ts += uint32(160 * n)
	s.now += int64(n) * frame
}

// late sends the packet that is back places before the next one.
func (s *stream) late(back int) {
	s.r.Packet(s.ssrc, s.seq-uint16(back), s.ts-uint32(160*back), s.now, rate)
}

func check(t *testing.T, r *Receiver, want Snapshot) {
	t.Helper()
	got := r.Snapshot()
	if got.Received != want.Received || got.Expected != want.Expected || got.Lost != want.Lost || got.Duplicates != want.Duplicates ||
		got.Late != want.Late || got.Discarded != want.Discarded || got.Stray != want.Stray || got.Sources != want.Sources {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestPerfectStream(t *testing.T) {
	s := newStream(7, 65000)
	s.send(1500) // over the wrap, 30 s
	check(t, s.r, Snapshot{Received: 1500, Expected: 1500, Sources: 1})
	got := s.r.Snapshot()
	if got.HighestSeq != 65000+1499 || got.SSRC != 7 || got.Jitter != 0 || got.MaxJitter != 0 || got.LossRate() != 0 {
		t.Errorf("%+v", got)
	}
	if got.Windows != 3 || got.MOSMin < 4.3 || got.MOSAvg != got.MOSMin || got.MOS != got.MOSMin {
		t.Errorf("%d windows, MOS %v %v %v", got.Windows, got.MOS, got.MOSMin, got.MOSAvg)
	}
	if got.Duration != 1498*20*time.Millisecond {
		t.Errorf("duration %v", got.Duration)
	}
}

func TestNothingReceived(t *testing.T) {
	var r Receiver
	got := r.Snapshot()
	if got != (Snapshot{}) || r.Active() {
		t.Errorf("%+v", got)
	}
	if rep := r.Report(1); rep.TotalLost != 0 || rep.FractionLost != 0 || rep.LastSequenceNumber != 0 {
		t.Errorf("%+v", rep)
	}
	r.Packet(1, 1, 1, 1, rate) // on probation
	if r.Active() || r.Snapshot().Received != 0 {
		t.Error("one packet is no stream")
	}
}

func TestProbation(t *testing.T) {
	s := newStream(1, 10)
	s.send(100)
	// Single packets of other sources, as an attacker or a wrong port may send.
	for i := range 5 {
		s.r.Packet(uint32(1000+i), uint16(i), 0, s.now, rate)
		s.send(10)
	}
	check(t, s.r, Snapshot{Received: 150, Expected: 150, Sources: 1, Stray: 4}) // the fifth is still on probation
	if s.r.Snapshot().SSRC != 1 {
		t.Error("a single packet took over")
	}
	// Two of one source, but not in a row, do not take over either.
	s.r.Packet(5000, 1, 0, s.now, rate)
	s.r.Packet(5000, 9, 0, s.now, rate)
	if s.r.Snapshot().SSRC != 1 {
		t.Error("two packets out of sequence took over")
	}
}

func TestLossAndLateness(t *testing.T) {
	s := newStream(1, 10)
	s.send(100)
	s.skip(3)
	s.send(50)
	check(t, s.r, Snapshot{Received: 150, Expected: 153, Lost: 3, Sources: 1})
	s.late(52) // one of the lost three comes after all, a second late
	got := s.r.Snapshot()
	if got.Lost != 2 || got.Late != 1 || got.Discarded != 1 {
		t.Errorf("%+v", got)
	}
	s.late(52) // and once more
	if got = s.r.Snapshot(); got.Lost != 2 || got.Duplicates != 1 || got.Late != 1 {
		t.Errorf("%+v", got)
	}
	s.send(200)
	s.late(90) // too far back to know whether it is a copy
	if got = s.r.Snapshot(); got.Late != 2 || got.Discarded != 2 {
		t.Errorf("%+v", got)
	}
}

func TestReorderingIsNoLoss(t *testing.T) {
	s := newStream(1, 65530)
	s.send(20)
	for range 100 { // every pair swapped
		s.skip(1)
		s.send(1)
		s.late(2)
	}
	got := s.r.Snapshot()
	if got.Lost != 0 || got.Late != 100 || got.Expected != 220 || got.Received != 220 || got.Discarded != 0 || got.Duplicates != 0 {
		t.Errorf("%+v", got)
	}
}

func TestDuplicatesDoNotHideLoss(t *testing.T) {
	s := newStream(1, 1)
	s.send(10)
	s.skip(5)
	for range 20 {
		s.send(1)
		s.late(1) // again
		s.late(2) // and the one before
	}
	got := s.r.Snapshot()
	// The very first late(2) is one of the five.
	if got.Lost != 4 || got.Late != 1 || got.Duplicates != 39 || got.Received != 30+39+1 {
		t.Errorf("%+v", got)
	}
}

func TestNewSSRCKeepsTheTotals(t *testing.T) {
	s := newStream(1, 100)
	s.send(100)
	s.skip(2)
	s.send(10)
	s.ssrc, s.seq, s.ts = 2, 60000, 99
	s.send(50)
	check(t, s.r, Snapshot{Received: 160, Expected: 162, Lost: 2, Sources: 2})
	got := s.r.Snapshot()
	if got.SSRC != 2 || got.HighestSeq != 60049 {
		t.Errorf("%+v", got)
	}
	if got.Jitter > time.Millisecond {
		t.Errorf("the jump of RTP time counts as jitter %v", got.Jitter)
	}
	// The report is about the new source only.
	if rep := s.r.Report(s.now); rep.SSRC != 2 || rep.TotalLost != 0 || rep.LastSequenceNumber != 60049 {
		t.Errorf("%+v", rep)
	}
}

// A.1: a jump of 3000 or more is taken for a restart once two packets follow each other.
func TestSequenceRestart(t *testing.T) {
	s := newStream(1, 100)
	s.send(100)
	s.seq += 20000
	s.send(1)
	if got := s.r.Snapshot(); got.Stray != 1 || got.Expected != 100 {
		t.Errorf("%+v", got)
	}
	s.send(49)
	check(t, s.r, Snapshot{Received: 150, Expected: 150, Sources: 1})
	// One wild packet alone is stray.
	s.r.Packet(1, s.seq+9000, s.ts, s.now, rate)
	s.send(10)
	check(t, s.r, Snapshot{Received: 160, Expected: 160, Stray: 1, Sources: 1})
}

func TestDropoutBelowTheLimitIsLoss(t *testing.T) {
	s := newStream(1, 100)
	s.send(200)
	s.skip(maxDropout - 2)
	s.send(200)
	check(t, s.r, Snapshot{Received: 400, Expected: 400 + maxDropout - 2, Lost: maxDropout - 2, Sources: 1})
	if b := s.r.Snapshot().Bursts; b.Count != 1 || b.MeanBurst != maxDropout-2 || b.BurstDensity != 1 {
		t.Errorf("%+v", b)
	}
}

func TestPacketsBeforeTheFirst(t *testing.T) {
	s := newStream(1, 100)
	s.send(3)
	s.late(10)
	check(t, s.r, Snapshot{Received: 3, Expected: 3, Stray: 1, Sources: 1})
}

// A.8: with D alternating ±x the estimate settles at x.
func TestJitter(t *testing.T) {
	for _, ms := range []int64{1, 5, 20} {
		s := newStream(1, 1)
		for i := range 2000 {
			s.r.Packet(s.ssrc, s.seq, s.ts, s.now+int64(i%2)*ms*1e6, rate)
			s.skip(1)
		}
		got := s.r.Snapshot().Jitter
		want := time.Duration(ms) * time.Millisecond
		if d := got - want; d < -want/8 || d > want/8 {
			t.Errorf("±%d ms gives jitter %v", ms, got)
		}
	}
}

// The first steps by hand: D = 16 units, J = 16/16 = 1 (kept ×16 as 16), then
// J += 16 - (16+8)/16 = 31 (×16), then 31 + 16 - (31+8)/16 = 45.
func TestJitterArithmetic(t *testing.T) {
	var r Receiver
	now, ts := int64(0), uint32(0)
	for i, want := range []uint32{0, 0, 16, 31, 45} {
		r.Packet(1, uint16(i), ts, now, rate)
		if r.jitter != want {
			t.Errorf("packet %d: %d/16, want %d/16", i, r.jitter, want)
		}
		ts += 160
		now += frame
		if i > 0 {
			now += 2 * int64(time.Millisecond) // 16 units later each time
		}
	}
}

func TestKeyPressesAreNoJitter(t *testing.T) {
	s := newStream(1, 1)
	s.send(100)
	for range 20 { // one timestamp for 400 ms
		s.r.Packet(s.ssrc, s.seq, s.ts, s.now, rate)
		s.seq++
		s.now += frame
	}
	s.ts += 20 * 160
	s.send(100)
	if got := s.r.Snapshot(); got.MaxJitter > 2*time.Millisecond || got.Discarded != 0 || got.Lost != 0 {
		t.Errorf("%+v", got)
	}
}

func TestHoldIsNoJitterAndNoLoss(t *testing.T) {
	s := newStream(1, 1)
	s.send(100)
	s.now += int64(40 * time.Second) // silence, timestamps stand still
	s.send(100)
	s.ts += 1 << 30 // the sender's clock leaps
	s.send(100)
	got := s.r.Snapshot()
	if got.MaxJitter != 0 || got.Lost != 0 || got.Discarded != 0 || got.MOSMin < 4.3 {
		t.Errorf("%+v", got)
	}
	if got.Windows > 3 {
		t.Errorf("%d windows, silence is none", got.Windows)
	}
}

func TestTooLateToPlay(t *testing.T) {
	s := newStream(1, 1)
	s.send(100)
	s.r.Packet(s.ssrc, s.seq, s.ts, s.now+int64(130*time.Millisecond), rate)
	s.skip(1)
	s.r.Packet(s.ssrc, s.seq, s.ts, s.now+int64(110*time.Millisecond), rate)
	s.skip(1)
	s.send(100)
	if got := s.r.Snapshot(); got.Discarded != 1 || got.Lost != 0 || got.LossRate() != 1.0/202 {
		t.Errorf("%+v", got)
	}
	// A path that becomes 300 ms longer for good costs ten packets, not all.
	s.now += int64(300 * time.Millisecond)
	s.send(100)
	if got := s.r.Snapshot(); got.Discarded != 1+lateRun {
		t.Errorf("%+v", got)
	}
}

// A clock 100 ppm fast drifts 120 ms in 20 minutes; that is not lateness.
func TestClockDrift(t *testing.T) {
	s := newStream(1, 1)
	for range 60 * 60 * 50 {
		s.r.Packet(s.ssrc, s.seq, s.ts, s.now, rate)
		s.skip(1)
		s.now += frame / 10000
	}
	if got := s.r.Snapshot(); got.Discarded != 0 || got.MOSMin < 4.3 {
		t.Errorf("%+v", got)
	}
}

func TestClockRateChange(t *testing.T) {
	s := newStream(1, 1)
	s.send(100)
	for range 100 {
		s.r.Packet(s.ssrc, s.seq, s.ts, s.now, 16000)
		s.skip(1)
		s.ts += 160
	}
	if got := s.r.Snapshot(); got.MaxJitter != 0 || got.Received != 200 {
		t.Errorf("%+v", got)
	}
}

func TestWindowsFindTheBadTenSeconds(t *testing.T) {
	s := newStream(1, 1)
	s.send(500)
	for range 50 { // 10 % loss for ten seconds
		s.send(9)
		s.skip(1)
	}
	s.send(1000)
	got := s.r.Snapshot()
	if got.MOSMin > 3.7 || got.MOSMin < 2.8 || got.MOSAvg < 4 || got.MOS < 4.3 {
		t.Errorf("MOS min %.2f avg %.2f last %.2f", got.MOSMin, got.MOSAvg, got.MOS)
	}
	// and the worst is what the formula says of 10 % random loss, near enough
	// (the verdict lags by 64 packets, which mixes two windows)
	if want := MOS(0.10, 1, 60*time.Millisecond); got.MOSMin < want-0.02 || got.MOSMin > want+0.35 {
		t.Errorf("MOS min %.2f, formula %.2f", got.MOSMin, want)
	}
}

// The last moments of a call do not decide its worst ten seconds; the only
// moments of a very short one do.
func TestShortWindows(t *testing.T) {
	s := newStream(1, 1)
	s.send(20)
	if got := s.r.Snapshot(); got.Windows != 0 || got.MOS != 0 {
		t.Errorf("20 packets: %+v", got)
	}
	s.send(10)
	if got := s.r.Snapshot(); got.Windows != 1 || got.MOS < 4.3 {
		t.Errorf("30 packets: %+v", got)
	}
	s.send(500 - 30) // the history carries its 64 packets into the next window
	s.send(10)
	s.skip(10)
	s.send(10)
	if got := s.r.Snapshot(); got.Windows != 1 || got.MOSMin < 4.3 || got.Lost != 10 {
		t.Errorf("%+v", got)
	}
}

func TestSnapshotChangesNothing(t *testing.T) {
	a, b := newStream(1, 1), newStream(1, 1)
	for i := range 2000 {
		for _, s := range []*stream{a, b} {
			switch {
			case i%17 == 0:
				s.skip(1)
			case i%23 == 0:
				s.send(1)
				s.late(3)
			default:
				s.send(1)
			}
		}
		a.r.Snapshot()
	}
	if *a.r != *b.r || a.r.Snapshot() != b.r.Snapshot() {
		t.Error("looking changed the figures")
	}
}

func TestLongDelayCostsQuality(t *testing.T) {
	near, far := newStream(1, 1), newStream(1, 1)
	far.r.SetRTT(800 * time.Millisecond)
	near.send(1000)
	far.send(1000)
	if n, f := near.r.Snapshot().MOSMin, far.r.Snapshot().MOSMin; f > n-0.8 {
		t.Errorf("MOS %.2f near, %.2f with 800 ms round trip", n, f)
	}
}

// Units must not overflow after weeks of uptime, nor lose precision.
func TestUnits(t *testing.T) {
	for _, d := range []time.Duration{0, time.Millisecond, time.Second, 400 * 24 * time.Hour} {
		for _, hz := range []uint32{8000, 16000, 48000, 90000} {
			want := uint32(uint64(d/time.Millisecond) * uint64(hz) / 1000)
			if got := units(int64(d), hz); got != want {
				t.Errorf("%v at %d Hz: %d, want %d", d, hz, got, want)
			}
		}
	}
}

// Against a simple model that keeps every sequence number it saw.
func TestCountsAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := rapid.Uint16().Draw(t, "start")
		n := rapid.IntRange(2, 600).Draw(t, "packets")
		loss := rapid.IntRange(0, 60).Draw(t, "loss %")
		type packet struct{ i int }
		var sent []packet
		for i := range n {
			if i > 1 && rapid.IntRange(0, 99).Draw(t, "lose") < loss {
				continue
			}
			sent = append(sent, packet{i})
			if i > 1 && rapid.IntRange(0, 9).Draw(t, "double") == 0 {
				sent = append(sent, packet{i})
			}
		}
		for range rapid.IntRange(0, 50).Draw(t, "swaps") { // reorder within the window, after probation
			if len(sent) < 5 {
				break
			}
			i := rapid.IntRange(2, len(sent)-1).Draw(t, "from")
			j := min(len(sent)-1, i+rapid.IntRange(0, 5).Draw(t, "reach"))
			sent[i], sent[j] = sent[j], sent[i]
		}
		var r Receiver
		seen := map[int]bool{}
		highest, dups := 0, 0
		for k, p := range sent {
			if highest-p.i >= 60 {
				return // further back than the history: other tests
			}
			r.Packet(9, start+uint16(p.i), uint32(p.i)*160, int64(k)*frame, rate)
			if seen[p.i] {
				dups++
			}
			seen[p.i] = true
			highest = max(highest, p.i)
		}
		got := r.Snapshot()
		want := Snapshot{Expected: uint64(highest + 1), Received: uint64(len(sent)), Duplicates: uint64(dups), Lost: uint64(highest + 1 - len(seen))}
		if got.Expected != want.Expected || got.Received != want.Received || got.Duplicates != want.Duplicates || got.Lost != want.Lost || got.Stray != 0 {
			t.Fatalf("got %+v\nwant %+v", got, want)
		}
		if b := got.Bursts; b.BurstDensity < 0 || b.BurstDensity > 1 || b.GapDensity < 0 || b.GapDensity > 1 {
			t.Fatalf("%+v", b)
		}
	})
}

// FuzzReceiver: whatever headers come, no panic and figures that make sense.
func FuzzReceiver(f *testing.F) {
	f.Add([]byte{0, 1, 0, 0, 0, 2, 0, 1, 0, 3, 0, 1, 9, 9, 0, 1})
	f.Add([]byte{1, 255, 255, 200, 0, 0, 1, 1, 128, 0, 0, 1, 128, 1, 0, 1})
	f.Fuzz(func(t *testing.T, in []byte) {
		var r Receiver
		now := int64(0)
		for k := 0; len(in) >= 4; k++ {
			ssrc := uint32(in[0] & 3)
			seq := uint16(in[1])<<8 | uint16(in[2])
			now += int64(in[3]) * 10e6
			clock := uint32(8000)
			if in[0]&4 != 0 {
				clock = 48000
			}
			r.Packet(ssrc, seq, uint32(in[2])*uint32(in[3])*7919, now, clock)
			if k%7 == 0 {
				r.Report(now)
			}
			in = in[4:]
		}
		s := r.Snapshot()
		if s.Lost > s.Expected || s.Duplicates > s.Received || s.MOSMin > s.MOSAvg+1e-9 || s.MOS != 0 && (s.MOSMin < 1 || s.MOSAvg > 4.5) || s.Jitter < 0 || s.LossRate() > 1 {
			t.Fatalf("%+v", s)
		}
	})
}

func TestPacketDoesNotAllocate(t *testing.T) {
	s := newStream(1, 1)
	s.send(10)
	if n := testing.AllocsPerRun(2000, func() { s.send(1); s.skip(1); s.late(1) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkPacket(b *testing.B) {
	s := newStream(1, 1)
	b.ReportAllocs()
	for b.Loop() {
		s.send(1)
	}
}

func BenchmarkPacketWithLoss(b *testing.B) {
	s := newStream(1, 1)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.send(1)
		if i&15 == 0 {
			s.skip(1)
		}
	}
}
