package tone

import (
	"math"
	"math/rand/v2"
	"time"

	"cagri/internal/media/g711"
)

// SampleRate of all audio in this package, in Hz.
const SampleRate = 8000

// Samples converts a duration to a number of samples, rounded down.
func Samples(d time.Duration) int { return int(d * SampleRate / time.Second) }

// Duration converts a number of samples to time.
func Duration(samples int) time.Duration {
	return time.Duration(samples) * time.Second / SampleRate
}

// Silence gives d of A-law silence.
func Silence(d time.Duration) []byte {
	b := make([]byte, Samples(d))
	for i := range b {
		b[i] = g711.ALawSilence
	}
	return b
}

// Sine gives a sine of freqHz with an amplitude of level (0..1 of full scale).
func Sine(freqHz float64, d time.Duration, level float64) []byte {
	return render(Samples(d), func(i int) float64 { return level * wave(freqHz, i) })
}

// Mix adds tones of the same amplitude (level each, 0..1 of full scale).
func Mix(d time.Duration, level float64, freqHz ...float64) []byte {
	return render(Samples(d), func(i int) float64 {
		var sum float64
		for _, f := range freqHz {
			sum += level * wave(f, i)
		}
		return sum
	})
}

// Noise gives white noise with an RMS of level (0..1 of full scale).
func Noise(seed uint64, d time.Duration, level float64) []byte {
	random := newRand(seed)
	return render(Samples(d), func(int) float64 { return level * random.NormFloat64() })
}

// Add gives the sample-wise sum of a and b, saturated, as long as the longer.
func Add(a, b []byte) []byte {
	return render(max(len(a), len(b)), func(i int) float64 {
		var sum float64
		if i < len(a) {
			sum += sample(a[i])
		}
		if i < len(b) {
			sum += sample(b[i])
		}
		return sum
	})
}

func newRand(seed uint64) *rand.Rand {
	return rand.New(rand.NewPCG(seed, 0x9E3779B97F4A7C15))
}

func wave(freqHz float64, i int) float64 {
	return math.Sin(2 * math.Pi * freqHz * float64(i) / SampleRate)
}

// sample gives an A-law byte as −1..1.
func sample(b byte) float64 { return float64(g711.ALawToLinear(b)) / 32768 }

// code gives the A-law byte of −1..1, saturated.
func code(v float64) byte {
	return g711.LinearToALaw(int16(math.Round(max(-32768, min(32767, v*32768)))))
}

func render(n int, at func(i int) float64) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = code(at(i))
	}
	return b
}
