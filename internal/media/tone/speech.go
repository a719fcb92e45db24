package tone

import (
	"math"
	"math/rand/v2"
	"time"
)

// How SpeechLike sounds: about four syllables a second in phrases of two to
// six, with pauses between phrases: the rhythm of telephone speech, in which a
// side talks somewhat less than half of the time.
const (
	syllableMin = 120 * time.Millisecond
	syllableMax = 260 * time.Millisecond
	breakMin    = 20 * time.Millisecond
	breakMax    = 80 * time.Millisecond
	phraseMin   = 250 * time.Millisecond
	phraseMax   = 900 * time.Millisecond
	speechLevel = 0.12  // RMS in the middle of a syllable
	pilotLevel  = 0.006 // amplitude; −47 dB RMS, below what counts as a voice
)

// Pilot frequencies for SpeechLike are multiples of PilotStep from PilotFirst
// on: whole periods in an analysis block, so that Marked tells neighbours apart.
const (
	PilotFirst = 1000.0
	PilotStep  = 60.0
	pilotCount = 34 // up to 2980 Hz
)

// Pilot gives the n-th pilot frequency in Hz; it repeats after 34.
func Pilot(n int) float64 {
	n %= pilotCount
	if n < 0 {
		n += pilotCount
	}
	return PilotFirst + PilotStep*float64(n)
}

// SpeechLike gives syllable-shaped bursts of coloured noise with pauses, and
// under them, without a break, a quiet pilot tone of markHz (0: none) by which
// Marked finds this voice again in a recording. Each seed is another voice.
func SpeechLike(seed uint64, d time.Duration, markHz float64) []byte {
	random := newRand(seed)
	n := Samples(d)
	envelope := syllables(random, n)
	formant := 350 + 350*random.Float64() // each voice has its own colour
	var low, high resonator
	high.tune(formant*3.2, 400)
	low.tune(formant, 180)
	return render(n, func(i int) float64 {
		white := random.NormFloat64()
		voice := low.step(white) + 0.5*high.step(white)
		out := envelope[i] * voice
		if markHz > 0 {
			out += pilotLevel * wave(markHz, i)
		}
		return out
	})
}

// syllables gives the loudness of each of n samples.
func syllables(random *rand.Rand, n int) []float64 {
	between := func(lo, hi time.Duration) int {
		return Samples(lo + time.Duration(random.Int64N(int64(hi-lo))))
	}
	envelope := make([]float64, n)
	at := between(0, phraseMin)
	for at < n {
		for count := 2 + random.IntN(5); count > 0 && at < n; count-- {
			length := between(syllableMin, syllableMax)
			strength := speechLevel * (0.7 + 0.6*random.Float64())
			for i := 0; i < length && at+i < n; i++ {
				envelope[at+i] = strength * math.Sin(math.Pi*float64(i)/float64(length))
			}
			at += length + between(breakMin, breakMax)
		}
		at += between(phraseMin, phraseMax)
	}
	return envelope
}

// resonator is a two-pole band-pass with an output RMS near 1 for white noise
// of RMS 1.
type resonator struct{ a, b, gain, y1, y2 float64 }

func (r *resonator) tune(centre, width float64) {
	radius := math.Exp(-math.Pi * width / SampleRate)
	r.a = 2 * radius * math.Cos(2*math.Pi*centre/SampleRate)
	r.b = -radius * radius
	// Variance of an AR(2) process with these coefficients and unit input.
	variance := (1 - r.b) / ((1 + r.b) * ((1-r.b)*(1-r.b) - r.a*r.a))
	r.gain = 1 / math.Sqrt(variance)
}

func (r *resonator) step(in float64) float64 {
	y := in + r.a*r.y1 + r.b*r.y2
	r.y2, r.y1 = r.y1, y
	return r.gain * y
}
