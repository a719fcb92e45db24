package sound

import (
	"encoding/binary"
	"math"
	"testing"

	"cagri/internal/media/g711"
)

func tone(freq, level float64, rate, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = level * math.Sin(2*math.Pi*freq*float64(i)/float64(rate))
	}
	return x
}

// This room may not import the media room, so it has its own G.711; the two must agree.
func TestALawAgreesWithTheMediaRoom(t *testing.T) {
	for b := range 256 {
		if got, want := DecodeALaw(byte(b)), g711.ALawToLinear(byte(b)); got != want {
			t.Errorf("DecodeALaw(%#x) = %d, want %d", b, got, want)
		}
		if got := EncodeALaw(DecodeALaw(byte(b))); got != byte(b) {
			t.Errorf("%#x comes back as %#x", b, got)
		}
	}
	for s := math.MinInt16; s <= math.MaxInt16; s++ {
		if got, want := EncodeALaw(int16(s)), g711.LinearToALaw(int16(s)); got != want {
			t.Fatalf("EncodeALaw(%d) = %#x, want %#x", s, got, want)
		}
	}
	if EncodeALaw(0) != Silence {
		t.Errorf("zero is %#x", EncodeALaw(0))
	}
}

func TestALawClipsLoudSamples(t *testing.T) {
	for _, b := range ToALaw([]float64{2, -2, math.Inf(1)}) {
		if v := DecodeALaw(b); v > -32000 && v < 32000 {
			t.Errorf("a sample out of range became %d", v)
		}
	}
}

func TestResampleKeepsTheBandAndStopsTheRest(t *testing.T) {
	for _, from := range []int{8000, 11025, 16000, 22050, 44100, 48000} {
		for _, freq := range []float64{100, 300, 1000, 3000, 3400} {
			y, err := Resample(tone(freq, 0.5, from, from), from, Rate)
			if err != nil {
				t.Fatal(err)
			}
			if n := len(y); n < Rate-1 || n > Rate+1 {
				t.Errorf("%d Hz: a second became %d samples", from, n)
			}
			if change := DB(RMS(y[400:7600])) - DB(0.5/math.Sqrt2); math.Abs(change) > 0.3 {
				t.Errorf("%d Hz: a tone of %.0f Hz changed by %.2f dB", from, freq, change)
			}
		}
		for _, freq := range []float64{4200, 4600, 5000, 6000} {
			if freq*2 >= float64(from) {
				continue
			}
			y, err := Resample(tone(freq, 0.5, from, from), from, Rate)
			if err != nil {
				t.Fatal(err)
			}
			if left := DB(RMS(y[400:7600])); left > -60 {
				t.Errorf("%d Hz: of a tone at %.0f Hz %.1f dBFS are left", from, freq, left)
			}
		}
	}
	if _, err := Resample(nil, 100, Rate); err == nil {
		t.Error("a rate of 100 Hz was taken")
	}
	if y, err := Resample(nil, 16000, Rate); err != nil || len(y) != 0 {
		t.Errorf("nothing became %d samples, %v", len(y), err)
	}
}

func TestLevelBringsSpeechToMinusTwenty(t *testing.T) {
	for _, level := range []float64{0.001, 0.05, 0.9} {
		// Bursts with pauses, on an offset: pauses and offset must not count.
		var x []float64
		for range 5 {
			x = append(x, tone(400, level, Rate, 2000)...)
			x = append(x, make([]float64, 2000)...)
		}
		for i := range x {
			x[i] += 0.02 * level
		}
		y := Level(x)
		if got := DB(ActiveRMS(y)); math.Abs(got-SpeechLevel) > 0.5 {
			t.Errorf("from %.3f: level %.1f dBFS", level, got)
		}
		if p := Peak(y); p > Ceiling {
			t.Errorf("from %.3f: peak %.2f", level, p)
		}
	}
	if y := Level(make([]float64, 1000)); RMS(y) != 0 {
		t.Error("silence became loud")
	}
	spike := tone(400, 0.1, Rate, 8000)
	spike[4000] = 1
	if p := Peak(Level(spike)); p > Ceiling {
		t.Errorf("a click reaches %.2f", p)
	}
}

func TestTrimCutsSilenceOnly(t *testing.T) {
	speech := tone(400, 0.14, Rate, 8000)
	x := append(append(make([]float64, 5000), speech...), make([]float64, 9000)...)
	y := Trim(x)
	if extra := len(y) - len(speech); extra < 0 || extra > Rate/8 {
		t.Errorf("%d samples more than the speech", extra)
	}
	lead, trail := Edges(y)
	if lead > 400 || trail > 700 {
		t.Errorf("edges of %d and %d samples", lead, trail)
	}
	if y[0] != 0 || math.Abs(y[len(y)-1]) > 0.001 {
		t.Error("the clip does not begin and end at zero")
	}
	if Trim(make([]float64, 500)) != nil || Trim(nil) != nil {
		t.Error("silence is left of silence")
	}
	if n := len(Trim(tone(400, 0.1, Rate, 30))); n > 30 {
		t.Errorf("a very short sound became %d samples", n)
	}
}

func TestAnalyseFindsATone(t *testing.T) {
	for _, freq := range []float64{300, 1000, 3000} {
		if s := Analyse(tone(freq, 0.3, Rate, Rate)); math.Abs(s.Centroid-freq) > 10 || s.InBand < 0.999 {
			t.Errorf("%.0f Hz: centre %.0f, in band %.3f", freq, s.Centroid, s.InBand)
		}
	}
	if s := Analyse(nil); s != (Spectrum{}) {
		t.Errorf("nothing has the spectrum %v", s)
	}
	if DB(0) != -120 || RMS(nil) != 0 || ActiveRMS(nil) != 0 {
		t.Error("nothing has a level")
	}
}

func FuzzReadWAV(f *testing.F) {
	head := func(tag, channels uint16, rate uint32, bits uint16, size uint32, body ...byte) []byte {
		b := []byte("RIFF\xff\xff\xff\xffWAVEfmt \x10\x00\x00\x00")
		b = binary.LittleEndian.AppendUint16(b, tag)
		b = binary.LittleEndian.AppendUint16(b, channels)
		b = binary.LittleEndian.AppendUint32(b, rate)
		b = append(b, 0, 0, 0, 0, 0, 0)
		b = binary.LittleEndian.AppendUint16(b, bits)
		b = append(b, "data"...)
		b = binary.LittleEndian.AppendUint32(b, size)
		return append(b, body...)
	}
	f.Add(head(1, 1, 8000, 16, 4, 1, 2, 3, 4))
	f.Add(head(6, 1, 8000, 8, 0xFFFFFFFF, 1, 2, 3))
	f.Add(head(1, 2, 8000, 16, 4, 1, 2, 3, 4))
	f.Add(head(0xFFFE, 1, 8000, 16, 4, 1, 2, 3, 4))
	f.Add([]byte("RIFF\x00\x00\x00\x00WAVELIST\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		w, err := ReadWAV(data)
		if err == nil && (len(w.Samples) == 0 || w.ALaw != nil && len(w.ALaw) != len(w.Samples)) {
			t.Fatalf("%d samples, %d A-law bytes", len(w.Samples), len(w.ALaw))
		}
		if err != nil && err.Error() == "" {
			t.Fatal("an error without words")
		}
	})
}
