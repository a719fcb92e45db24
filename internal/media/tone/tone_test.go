package tone

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"cagri/internal/media/g711"
	"pgregory.net/rapid"
)

func TestSineIsWhereItShouldBe(t *testing.T) {
	for _, f := range []float64{300, 425, 697, 1000, 1633, 3000} {
		s := Sine(f, time.Second, 0.5)
		if len(s) != SampleRate {
			t.Fatalf("%d samples in a second", len(s))
		}
		if p := Power(s, f); p < 0.99 {
			t.Errorf("%v Hz: share %.3f at its own frequency", f, p)
		}
		for _, other := range []float64{f - 50, f + 50, f + 500} {
			if p := Power(s, other); p > 0.01 {
				t.Errorf("%v Hz: share %.3f at %v Hz", f, p, other)
			}
		}
		if r := RMS(s); math.Abs(r-0.5/math.Sqrt2) > 0.01 {
			t.Errorf("%v Hz: RMS %.3f", f, r)
		}
	}
}

func TestPowerOfMixtures(t *testing.T) {
	if p := Power(Silence(time.Second), 1000); p > 0.01 {
		t.Errorf("silence: %.3f", p)
	}
	if p := Power(nil, 1000); p != 0 {
		t.Errorf("nothing: %.3f", p)
	}
	two := Mix(time.Second, 0.3, 700, 1900)
	for _, f := range []float64{700, 1900} {
		if p := Power(two, f); math.Abs(p-0.5) > 0.02 {
			t.Errorf("one of two tones holds %.3f", p)
		}
	}
	if p := Power(Noise(1, 5*time.Second, 0.1), 1000); p > 0.02 {
		t.Errorf("white noise holds %.3f at 1000 Hz", p)
	}
}

// A gap in the middle, after which the phase is another, costs one block.
func TestPowerSurvivesAGap(t *testing.T) {
	s := append(Sine(1000, 2*time.Second, 0.3), Silence(333*time.Millisecond)...)
	s = append(s, Sine(1000, 2*time.Second, 0.3)[3:]...)
	if p := Power(s, 1000); p < 0.97 {
		t.Errorf("share %.3f", p)
	}
}

func TestPowerIsAShare(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.Byte(), 0, 2000).Draw(t, "audio")
		f := rapid.Float64Range(1, 4000).Draw(t, "frequency")
		if p := Power(b, f); !(p >= 0 && p <= 1) {
			t.Fatalf("share %v", p)
		}
		if r := RMS(b); !(r >= 0 && r <= 1) {
			t.Fatalf("RMS %v", r)
		}
	})
}

func TestRMS(t *testing.T) {
	if r := RMS(nil); r != 0 {
		t.Errorf("of nothing: %v", r)
	}
	if r := RMS(Silence(time.Second)); r > 0.001 {
		t.Errorf("of silence: %v", r)
	}
	if r := RMS(bytes.Repeat([]byte{0xAA}, 100)); r < 0.98 {
		t.Errorf("of full scale: %v", r)
	}
	if r := RMS(Noise(7, 2*time.Second, 0.1)); math.Abs(r-0.1) > 0.005 {
		t.Errorf("of noise of 0.1: %v", r)
	}
}

func TestSameSeedSameSound(t *testing.T) {
	a, b := SpeechLike(42, 3*time.Second, 1060), SpeechLike(42, 3*time.Second, 1060)
	if !bytes.Equal(a, b) {
		t.Error("the same seed sounds different")
	}
	if bytes.Equal(a, SpeechLike(43, 3*time.Second, 1060)) {
		t.Error("another seed sounds the same")
	}
	if !bytes.Equal(Noise(1, time.Second, 0.1), Noise(1, time.Second, 0.1)) {
		t.Error("noise is not repeatable")
	}
}

// Every voice carries its own pilot and no other's, whatever the seed.
func TestPilotsAreFoundInSpeech(t *testing.T) {
	for n := range pilotCount {
		voice := SpeechLike(uint64(1000+n), 4*time.Second, Pilot(n))
		for other := range pilotCount {
			if got, want := Marked(voice, Pilot(other)), n == other; got != want {
				t.Errorf("voice with pilot %d: pilot %d found %v, level %.1f", n, other, got, MarkLevel(voice, Pilot(other)))
			}
		}
	}
	if Pilot(-1) != Pilot(pilotCount-1) || Pilot(pilotCount) != Pilot(0) {
		t.Error("pilots do not repeat")
	}
}

// The way through a call: converted to µ-law and back, some packets lost, put
// in a file with an offset.
func TestPilotSurvivesTheWay(t *testing.T) {
	voice := SpeechLike(5, 6*time.Second, Pilot(7))
	g711.Convert(voice, &g711.ALawToULaw)
	g711.Convert(voice, &g711.ULawToALaw)
	for i := 0; i+160 <= len(voice); i += 160 * 20 { // 5 % loss
		copy(voice[i:i+160], Silence(20*time.Millisecond))
	}
	file := append(Silence(777*time.Millisecond), voice...)
	if !Marked(file, Pilot(7)) || Marked(file, Pilot(8)) {
		t.Errorf("levels %.1f and %.1f", MarkLevel(file, Pilot(7)), MarkLevel(file, Pilot(8)))
	}
}

func TestNothingIsNotMarked(t *testing.T) {
	for name, s := range map[string][]byte{
		"nothing": nil, "silence": Silence(5 * time.Second), "noise": Noise(3, 5*time.Second, 0.1),
		"speech": SpeechLike(9, 5*time.Second, 0), "short": Sine(1000, 50*time.Millisecond, 0.5),
	} {
		for n := range pilotCount {
			if Marked(s, Pilot(n)) {
				t.Errorf("%s: pilot %d found, level %.1f", name, n, MarkLevel(s, Pilot(n)))
			}
		}
	}
}

// It has the rhythm of speech: it is loud for a part of the time and pauses.
func TestSpeechLikeHasPauses(t *testing.T) {
	for seed := range uint64(10) {
		voice := SpeechLike(seed, 20*time.Second, Pilot(int(seed)))
		r := RMS(voice)
		if r < 0.02 || r > 0.2 {
			t.Errorf("seed %d: RMS %.3f", seed, r)
		}
		longest := LongestSilence(voice, 0.01)
		if longest < 200*time.Millisecond || longest > 1200*time.Millisecond {
			t.Errorf("seed %d: longest pause %v", seed, longest)
		}
		if gap := LongestSilence(voice, 0.001); gap > 20*time.Millisecond {
			t.Errorf("seed %d: no pilot for %v", seed, gap)
		}
		clipped := bytes.Count(voice, []byte{0xAA}) + bytes.Count(voice, []byte{0x2A})
		if clipped > len(voice)/1000 {
			t.Errorf("seed %d: %d samples clip", seed, clipped)
		}
	}
}

func TestGaps(t *testing.T) {
	s := Silence(100 * time.Millisecond)
	s = append(s, Sine(500, 300*time.Millisecond, 0.3)...)
	s = append(s, Silence(250*time.Millisecond)...)
	s = append(s, Sine(500, 100*time.Millisecond, 0.3)...)
	s = append(s, Silence(50*time.Millisecond)...)
	want := []Gap{
		{0, 100 * time.Millisecond},
		{400 * time.Millisecond, 250 * time.Millisecond},
		{750 * time.Millisecond, 50 * time.Millisecond},
	}
	got := Gaps(s, 0.01, 0)
	if len(got) != len(want) {
		t.Fatalf("gaps %v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("gap %d is %v, want %v", i, got[i], want[i])
		}
	}
	if long := Gaps(s, 0.01, 100*time.Millisecond); len(long) != 2 {
		t.Errorf("gaps of 100 ms and more: %v", long)
	}
	if l := LongestSilence(s, 0.01); l != 250*time.Millisecond {
		t.Errorf("longest %v", l)
	}
	if l := LongestSilence(nil, 0.01); l != 0 {
		t.Errorf("of nothing: %v", l)
	}
	if l := LongestSilence(Silence(1005*time.Millisecond), 0.01); l != 1005*time.Millisecond {
		t.Errorf("of silence: %v", l)
	}
}

func TestGapsCoverWhatIsQuiet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s []byte
		var quiet, longest, row time.Duration
		for range rapid.IntRange(0, 30).Draw(t, "pieces") {
			d := time.Duration(rapid.IntRange(1, 20).Draw(t, "x10 ms")) * 10 * time.Millisecond
			if rapid.Bool().Draw(t, "loud") {
				s = append(s, Sine(700, d, 0.3)...)
				row = 0
			} else {
				s = append(s, Silence(d)...)
				quiet += d
				row += d
				longest = max(longest, row)
			}
		}
		var sum time.Duration
		for _, g := range Gaps(s, 0.01, 0) {
			sum += g.For
		}
		if sum != quiet || LongestSilence(s, 0.01) != longest {
			t.Fatalf("%v quiet, longest %v; want %v, %v", sum, LongestSilence(s, 0.01), quiet, longest)
		}
	})
}

func TestAdd(t *testing.T) {
	a, b := Sine(500, time.Second, 0.3), Sine(1500, 500*time.Millisecond, 0.3)
	sum := Add(a, b)
	if len(sum) != len(a) || Power(sum[:4000], 500) < 0.48 || Power(sum[:4000], 1500) < 0.48 || Power(sum[4000:], 500) < 0.98 {
		t.Error("a sum does not hold its parts")
	}
	if loud := Add(Sine(500, time.Second, 0.9), Sine(500, time.Second, 0.9)); RMS(loud) > 1 {
		t.Error("a loud sum wraps around")
	}
}

func TestCadences(t *testing.T) {
	ring := Ringback(10 * time.Second)
	if len(ring) != 10*SampleRate || Power(ring, ProgressHz) < 0.97 {
		t.Errorf("ringing: %d samples, share %.3f", len(ring), Power(ring, ProgressHz))
	}
	gaps := Gaps(ring, 0.005, 100*time.Millisecond)
	if len(gaps) != 2 || gaps[0].At != time.Second || gaps[0].For != 4*time.Second {
		t.Errorf("ringing pauses: %v", gaps)
	}
	busy := Gaps(Busy(7*time.Second), 0.005, 100*time.Millisecond)
	if len(busy) != 10 || busy[0].At != 350*time.Millisecond || busy[0].For != 350*time.Millisecond {
		t.Errorf("busy pauses: %v", busy)
	}
	if l := LongestSilence(Dial(time.Second), 0.005); l != 0 {
		t.Errorf("dial tone has a gap of %v", l)
	}
	if p := Power(CadenceCongestion.For(3*time.Second), ProgressHz); p < 0.8 { // beats shorter than two blocks
		t.Errorf("congestion: share %.3f", p)
	}
	if b := (Cadence{}).For(time.Second); LongestSilence(b, 0.01) != time.Second {
		t.Error("an empty cadence is not silent")
	}
	// The edges are soft: no click at either end of a beat.
	period := CadenceRinging.Period()
	for _, i := range []int{0, SampleRate - 1, SampleRate} {
		if v := g711.ALawToLinear(period[i]); v > 100 || v < -100 {
			t.Errorf("sample %d of ringing is %d", i, v)
		}
	}
}

func TestLengths(t *testing.T) {
	if Samples(20*time.Millisecond) != 160 || Duration(160) != 20*time.Millisecond || Samples(0) != 0 {
		t.Error("20 ms are not 160 samples")
	}
}

const allKeys = "0123456789*#ABCD"

func TestEveryKeyIsRecognised(t *testing.T) {
	var s []byte
	for i := range len(allKeys) {
		signal, err := DTMF(allKeys[i], 70*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		s = append(append(s, signal...), Silence(60*time.Millisecond)...)
	}
	if got := Keys(s); got != allKeys {
		t.Errorf("recognised %q, want %q", got, allKeys)
	}
	if _, err := DTMF('x', time.Second); err == nil {
		t.Error("x is taken for a key")
	}
}

// Feeding in pieces of any size gives the same keys, each press once.
func TestKeysInPieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.StringOfN(rapid.RuneFrom([]rune(allKeys)), 1, 8, -1).Draw(t, "keys")
		var s []byte
		for i := range len(want) {
			press := time.Duration(rapid.IntRange(65, 400).Draw(t, "press, ms")) * time.Millisecond
			signal, err := DTMF(want[i], press)
			if err != nil {
				t.Fatal(err)
			}
			gap := time.Duration(rapid.IntRange(65, 300).Draw(t, "gap, ms")) * time.Millisecond
			s = append(append(s, signal...), Silence(gap)...)
		}
		s = Add(s, Noise(uint64(len(s)), Duration(len(s)), 0.003))
		var d Detector
		var got []byte
		for len(s) > 0 {
			n := min(len(s), rapid.SampledFrom([]int{80, 160, 161, 480}).Draw(t, "piece"))
			got = d.Feed(got, s[:n])
			s = s[n:]
		}
		if string(got) != want {
			t.Fatalf("recognised %q, want %q", got, want)
		}
	})
}

func TestNoKeyInOtherSounds(t *testing.T) {
	sounds := map[string][]byte{
		"silence": Silence(5 * time.Second), "noise": Noise(1, 20*time.Second, 0.2),
		"ringing": Ringback(10 * time.Second), "one low tone": Sine(770, 2*time.Second, 0.5),
		"one high tone": Sine(1336, 2*time.Second, 0.5), "two low tones": Mix(2*time.Second, 0.3, 697, 852),
		"a quiet key":  Add(Silence(time.Second), Mix(time.Second, 0.002, 697, 1209)),
		"a short key":  append(Mix(20*time.Millisecond, 0.25, 697, 1209), Silence(time.Second)...),
		"twisted":      Add(Sine(697, time.Second, 0.5), Sine(1209, time.Second, 0.08)),
		"three tones":  Mix(time.Second, 0.2, 697, 1209, 1477),
		"off the grid": Mix(time.Second, 0.3, 730, 1270),
	}
	for name, s := range sounds {
		if got := Keys(s); got != "" {
			t.Errorf("%s: %q", name, got)
		}
	}
	for seed := range uint64(20) {
		if got := Keys(SpeechLike(seed, 30*time.Second, Pilot(int(seed)))); got != "" {
			t.Errorf("speech %d: %q", seed, got)
		}
	}
}

func TestKeyOverSpeech(t *testing.T) {
	signal, err := DTMF('5', 150*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	quiet := Noise(1, 400*time.Millisecond, 0.02)
	if got := Keys(Add(append(Silence(100*time.Millisecond), signal...), quiet)); got != "5" {
		t.Errorf("recognised %q", got)
	}
}

func TestDetectorDoesNotAllocate(t *testing.T) {
	var d Detector
	frame := Mix(20*time.Millisecond, 0.25, 697, 1209)
	keys := make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(200, func() { keys = d.Feed(keys[:0], frame) }); n != 0 {
		t.Errorf("%v allocations per frame", n)
	}
}

func FuzzDetector(f *testing.F) {
	f.Add([]byte(strings.Repeat("\xD5", 400)), 160)
	signal, _ := DTMF('7', 100*time.Millisecond)
	f.Add(signal, 80)
	f.Fuzz(func(t *testing.T, s []byte, piece int) {
		var d Detector
		var keys []byte
		piece = max(1, min(piece, 1000))
		for rest := s; len(rest) > 0; rest = rest[min(len(rest), piece):] {
			keys = d.Feed(keys, rest[:min(len(rest), piece)])
		}
		if len(keys) > 1+len(s)/(dtmfOnset*dtmfHop) {
			t.Fatalf("%d keys in %d samples", len(keys), len(s))
		}
	})
}

func BenchmarkDetectorFrame(b *testing.B) {
	var d Detector
	frame := Noise(1, 20*time.Millisecond, 0.1)
	keys := make([]byte, 0, 16)
	b.ReportAllocs()
	for b.Loop() {
		keys = d.Feed(keys[:0], frame)
	}
}

func BenchmarkPowerSecond(b *testing.B) {
	s := SpeechLike(1, time.Second, 1000)
	for b.Loop() {
		Power(s, 1000)
	}
}

func BenchmarkSpeechLikeSecond(b *testing.B) {
	for b.Loop() {
		SpeechLike(1, time.Second, 1000)
	}
}
