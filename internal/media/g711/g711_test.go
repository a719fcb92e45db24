package g711

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// Values of G.711 Tables 1a/1b/2a/2b, scaled to 16 bits, with the wire codes of
// the recommendation.
func TestKnownValues(t *testing.T) {
	alaw := map[byte]int16{
		0xD5: 8, 0x55: -8, 0xD4: 24, 0x54: -24,
		0xC5: 264, 0x45: -264, // first step of segment 2
		0xF5: 528, 0x75: -528, // of segment 3
		0xAA: 32256, 0x2A: -32256, // virtual decision value ±4096
		0x80: 5504, 0x00: -5504,
	}
	for code, want := range alaw {
		if got := ALawToLinear(code); got != want {
			t.Errorf("A-law %#02x decodes to %d, want %d", code, got, want)
		}
	}
	ulaw := map[byte]int16{
		0xFF: 0, 0x7F: 0, 0xFE: 8, 0x7E: -8, 0xEF: 132, 0x6F: -132,
		0x80: 32124, 0x00: -32124, 0x8F: 16764, 0xDF: 396,
	}
	for code, want := range ulaw {
		if got := ULawToLinear(code); got != want {
			t.Errorf("µ-law %#02x decodes to %d, want %d", code, got, want)
		}
	}
	type enc struct {
		in   int16
		a, u byte
	}
	for _, c := range []enc{
		{0, 0xD5, 0xFF}, {-1, 0x55, 0x7F}, {3, 0xD5, 0xFF}, {4, 0xD5, 0xFE}, {-4, 0x55, 0x7F}, {-5, 0x55, 0x7E},
		{15, 0xD5, 0xFD}, {16, 0xD4, 0xFD}, {-16, 0x55, 0x7D}, {-17, 0x54, 0x7D},
		{32767, 0xAA, 0x80}, {-32768, 0x2A, 0x00}, {1000, 0xFA, 0xCE},
	} {
		if got := LinearToALaw(c.in); got != c.a {
			t.Errorf("%d encodes to A-law %#02x, want %#02x", c.in, got, c.a)
		}
		if got := LinearToULaw(c.in); got != c.u {
			t.Errorf("%d encodes to µ-law %#02x, want %#02x", c.in, got, c.u)
		}
	}
}

// G.711 Table 5 and 6: the digital milliwatt, a 1 kHz sine of 0 dBm0. Its RMS
// must be 3.14 dB (A) and 3.17 dB (µ) below the overload point of a sine.
func TestDigitalMilliwatt(t *testing.T) {
	for _, c := range []struct {
		law    string
		codes  [8]byte
		decode func(byte) int16
		square float64 // mean square it must have
	}{
		{"A", [8]byte{0x34, 0x21, 0x21, 0x34, 0xB4, 0xA1, 0xA1, 0xB4}, ALawToLinear, 0.5 * 32768 * 32768 / 2.0606},
		{"µ", [8]byte{0x1E, 0x0B, 0x0B, 0x1E, 0x9E, 0x8B, 0x8B, 0x9E}, ULawToLinear, 0.5 * 32636 * 32636 / 2.0749},
	} {
		var sum float64
		for _, b := range c.codes {
			sum += float64(c.decode(b)) * float64(c.decode(b))
		}
		if r := sum / 8 / c.square; r < 0.99 || r > 1.01 {
			t.Errorf("%s-law milliwatt is %.3f of the power it must have", c.law, r)
		}
	}
}

func TestEveryCodeSurvivesDecodeEncode(t *testing.T) {
	for b := range 256 {
		if got := LinearToALaw(ALawToLinear(byte(b))); got != byte(b) {
			t.Errorf("A-law %#02x comes back as %#02x", b, got)
		}
		want := byte(b)
		if want == 0x7F { // negative zero has no linear value of its own
			want = 0xFF
		}
		if got := LinearToULaw(ULawToLinear(byte(b))); got != want {
			t.Errorf("µ-law %#02x comes back as %#02x", b, got)
		}
	}
}

// Every one of the 65536 samples is coded by searching the decision values of
// the tables directly, the slow way.
func TestEncoderAgainstDecisionValues(t *testing.T) {
	for s := -32768; s <= 32767; s++ {
		magnitude, sign := s, byte(0)
		if s < 0 {
			magnitude, sign = ^s, signBit
		}
		var a, u int
		for n := range levels {
			if magnitude >= alawDecision(n)<<4 {
				a = n
			}
			if magnitude >= ulawDecision(n)<<2 {
				u = n
			}
		}
		if got, want := LinearToALaw(int16(s)), ALawSilence^byte(a)^sign; got != want {
			t.Fatalf("%d: A-law %#02x, want %#02x", s, got, want)
		}
		if got, want := LinearToULaw(int16(s)), ULawSilence^byte(u)^sign; got != want {
			t.Fatalf("%d: µ-law %#02x, want %#02x", s, got, want)
		}
	}
}

func TestErrorIsAtMostHalfAStep(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.Int16().Draw(t, "sample")
		abs := int(s)
		if abs < 0 {
			abs = -abs
		}
		// Half a step: 1/32 of the value in the logarithmic part, 8 (A) or 4
		// (µ) in the linear part; beyond the top level the coder clips.
		limitA, limitU := max(8, abs/32)+1, max(4, abs/32+4)+1
		if d := distance(int(ALawToLinear(LinearToALaw(s))), int(s)); d > limitA && abs < 32256 {
			t.Fatalf("A-law error %d for %d, allowed %d", d, s, limitA)
		}
		if d := distance(int(ULawToLinear(LinearToULaw(s))), int(s)); d > limitU && abs < 32124 {
			t.Fatalf("µ-law error %d for %d, allowed %d", d, s, limitU)
		}
	})
}

func TestEncodersRise(t *testing.T) {
	for s := -32768; s < 32767; s++ {
		if ALawToLinear(LinearToALaw(int16(s))) > ALawToLinear(LinearToALaw(int16(s+1))) {
			t.Fatalf("A-law falls between %d and %d", s, s+1)
		}
		if ULawToLinear(LinearToULaw(int16(s))) > ULawToLinear(LinearToULaw(int16(s+1))) {
			t.Fatalf("µ-law falls between %d and %d", s, s+1)
		}
	}
}

// run is a stretch of a conversion table: levels from..from+count-1 map to
// to, to+step, to+2·step …
type run struct{ from, count, to, num, den int }

func expand(t *testing.T, runs []run) [levels]int {
	t.Helper()
	var table [levels]int
	next := 0
	for _, r := range runs {
		if r.from != next {
			t.Fatalf("run starts at %d, expected %d", r.from, next)
		}
		for i := range r.count {
			table[r.from+i] = r.to + i*r.num/r.den
		}
		next += r.count
	}
	if next != levels {
		t.Fatalf("runs cover %d levels", next)
	}
	return table
}

// G.711 Table 3, written as stretches of equal slope (levels count from 0).
func TestTable3MuToA(t *testing.T) {
	want := expand(t, []run{
		{0, 16, 0, 1, 2}, {16, 17, 8, 1, 1}, {33, 4, 26, 2, 1}, {37, 11, 33, 1, 1},
		{48, 1, 45, 1, 1}, {49, 15, 47, 1, 1}, {64, 17, 63, 1, 1}, {81, 47, 81, 1, 1},
	})
	for n := range levels {
		for _, sign := range []byte{0, signBit} {
			in := ULawSilence ^ byte(n) ^ sign
			if got, w := ULawToALaw[in], ALawSilence^byte(want[n])^sign; got != w {
				t.Errorf("µ level %d (code %#02x): A code %#02x, want %#02x", n, in, got, w)
			}
		}
	}
}

// G.711 Table 4, written as stretches of equal slope.
func TestTable4AToMu(t *testing.T) {
	want := expand(t, []run{
		{0, 8, 1, 2, 1}, {8, 16, 16, 1, 1}, {24, 8, 32, 1, 2}, {32, 12, 36, 1, 1},
		{44, 4, 48, 1, 2}, {48, 14, 50, 1, 1}, {62, 2, 64, 1, 2}, {64, 16, 65, 1, 1}, {80, 48, 80, 1, 1},
	})
	for n := range levels {
		for _, sign := range []byte{0, signBit} {
			in := ALawSilence ^ byte(n) ^ sign
			if got, w := ALawToULaw[in], ULawSilence^byte(want[n])^sign; got != w {
				t.Errorf("A level %d (code %#02x): µ code %#02x, want %#02x", n, in, got, w)
			}
		}
	}
}

// A second conversion there and back changes nothing any more: tandem
// connections do not add distortion.
func TestTandemIsStable(t *testing.T) {
	for b := range 256 {
		once := ULawToALaw[ALawToULaw[b]]
		if twice := ULawToALaw[ALawToULaw[once]]; twice != once {
			t.Errorf("A %#02x → %#02x → %#02x", b, once, twice)
		}
		once = ALawToULaw[ULawToALaw[b]]
		if twice := ALawToULaw[ULawToALaw[once]]; twice != once {
			t.Errorf("µ %#02x → %#02x → %#02x", b, once, twice)
		}
	}
}

func TestConversionKeepsLevelAndSign(t *testing.T) {
	for b := range 256 {
		a, u := int(ALawToLinear(byte(b))), int(ULawToLinear(ALawToULaw[b]))
		if (a < 0) != (u < 0) && u != 0 {
			t.Errorf("A %#02x: sign lost", b)
		}
		if d := distance(a, u); d > max(16, distance(a, 0)/16) {
			t.Errorf("A %#02x: %d becomes %d", b, a, u)
		}
	}
}

func TestBuffers(t *testing.T) {
	in := []int16{0, 1000, -1000, 32767, -32768}
	alaw := make([]byte, 3)
	if n := PCMToALaw(alaw, in); n != 3 {
		t.Fatalf("encoded %d samples into 3 bytes", n)
	}
	out := make([]int16, 8)
	if n := ALawToPCM(out, alaw); n != 3 {
		t.Fatalf("decoded %d samples from 3 bytes", n)
	}
	for i, b := range alaw {
		if b != LinearToALaw(in[i]) || out[i] != ALawToLinear(b) {
			t.Errorf("sample %d: %#02x, %d", i, b, out[i])
		}
	}
	Convert(alaw, &ALawToULaw)
	for i, b := range alaw {
		if b != ALawToULaw[LinearToALaw(in[i])] {
			t.Errorf("converted sample %d is %#02x", i, b)
		}
	}
}

func ExampleLinearToALaw() {
	fmt.Printf("%#02x %#02x\n", LinearToALaw(0), LinearToALaw(32767))
	// Output: 0xd5 0xaa
}

func BenchmarkConvertFrame(b *testing.B) {
	frame := make([]byte, 160)
	b.SetBytes(160)
	for b.Loop() {
		Convert(frame, &ALawToULaw)
	}
}

func BenchmarkDecodeEncodeFrame(b *testing.B) {
	frame, pcm := make([]byte, 160), make([]int16, 160)
	b.SetBytes(160)
	for b.Loop() {
		ALawToPCM(pcm, frame)
		PCMToALaw(frame, pcm)
	}
}
