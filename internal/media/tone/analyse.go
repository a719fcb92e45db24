package tone

import (
	"math"
	"time"
)

// block is the length of one analysis block: 100 ms, bins of 10 Hz. Energies
// of blocks are added, not phases, so a gap or a jump in the middle of a
// recording costs one block and not the whole measurement.
const block = SampleRate / 10

// Power gives the share of the total energy that is at freqHz, 0..1, by the
// Goertzel algorithm over blocks of 100 ms. A pure tone gives nearly 1, and
// silence 0. The resolution is ±10 Hz.
func Power(alaw []byte, freqHz float64) float64 {
	at, total := energyAt(alaw, freqHz)
	if total == 0 {
		return 0
	}
	return min(1, at/total)
}

// Marked says whether the pilot tone freqHz is in alaw: in the typical block it
// stands well out of its surroundings. Speech and noise do not do that.
func Marked(alaw []byte, freqHz float64) bool { return MarkLevel(alaw, freqHz) >= markThreshold }

// markThreshold is 9 dB: noise alone stays under 4 over a second, a pilot of
// SpeechLike is beyond 30.
const markThreshold = 8

// MarkLevel gives how many times stronger alaw is at freqHz than around it (20
// and 30 Hz to both sides). Each block is weighed by its inverse loudness, so
// that the pauses of a voice, where a pilot stands alone, count most. 1 means
// that nothing is there; 0 that there is no sound at all.
func MarkLevel(alaw []byte, freqHz float64) float64 {
	var here, around float64
	for start := 0; start+block <= len(alaw); start += block {
		b := alaw[start : start+block]
		total := energy(b)
		if total/block < silentPower {
			continue
		}
		here += goertzel(b, freqHz) / total
		for _, offset := range []float64{-30, -20, 20, 30} {
			around += goertzel(b, freqHz+offset) / total / 4
		}
	}
	if here == 0 {
		return 0
	}
	// The floor keeps a tone in digital silence finite.
	return here / max(around, here*1e-6)
}

// silentPower is the power of a line on which there is only quantisation noise.
const silentPower = 4e-7

// RMS gives the root mean square, 0..1 of full scale.
func RMS(alaw []byte) float64 {
	if len(alaw) == 0 {
		return 0
	}
	return math.Sqrt(energy(alaw) / float64(len(alaw)))
}

func energy(alaw []byte) float64 {
	var sum float64
	for _, b := range alaw {
		v := sample(b)
		sum += v * v
	}
	return sum
}

// energyAt gives the energy at freqHz and the total energy, blockwise.
func energyAt(alaw []byte, freqHz float64) (at, total float64) {
	for start := 0; start < len(alaw); start += block {
		b := alaw[start:min(start+block, len(alaw))]
		at += goertzel(b, freqHz)
		total += energy(b)
	}
	return at, total
}

// goertzel gives the energy of the component at freqHz, in the units of energy.
func goertzel(alaw []byte, freqHz float64) float64 {
	n := float64(len(alaw))
	if n == 0 {
		return 0
	}
	w := 2 * math.Pi * freqHz / SampleRate
	c := 2 * math.Cos(w)
	var s1, s2 float64
	for _, b := range alaw {
		s1, s2 = sample(b)+c*s1-s2, s1
	}
	return 2 / n * (s1*s1 + s2*s2 - c*s1*s2)
}

// Gap is a stretch without sound.
type Gap struct {
	At, For time.Duration
}

// gapFrame is the grain in which silence is looked for.
const gapFrame = SampleRate / 100

// Gaps lists all stretches of at least shortest whose RMS stays below level
// (0..1 of full scale) in every 10 ms. Stretches start and end on 10 ms.
func Gaps(alaw []byte, level float64, shortest time.Duration) []Gap {
	var gaps []Gap
	start := -1
	end := func(at int) {
		if start >= 0 && Duration(at-start) >= shortest {
			gaps = append(gaps, Gap{At: Duration(start), For: Duration(at - start)})
		}
		start = -1
	}
	for at := 0; at < len(alaw); at += gapFrame {
		quiet := RMS(alaw[at:min(at+gapFrame, len(alaw))]) < level
		switch {
		case quiet && start < 0:
			start = at
		case !quiet:
			end(at)
		}
	}
	end(len(alaw))
	return gaps
}

// LongestSilence gives the longest stretch whose RMS stays below level (0..1 of
// full scale) in every 10 ms.
func LongestSilence(alaw []byte, level float64) time.Duration {
	var longest time.Duration
	for _, g := range Gaps(alaw, level, 0) {
		longest = max(longest, g.For)
	}
	return longest
}
