package sound

import "math"

const (
	// SpeechLevel is the level prompts are brought to, in dB of full scale, measured
	// over the parts with speech in them.
	SpeechLevel = -20.0
	// Ceiling is the highest peak a prompt may have.
	Ceiling = 0.85

	frame     = Rate / 100 // 10 ms
	gate      = -46.0      // dBFS after levelling: quieter frames count as silence
	leadKeep  = 20         // ms kept before the first sound, so that soft starts are not cut
	trailKeep = 60         // ms kept after the last sound
)

// Trim cuts the silence at both ends of x, leaving 20 ms before and 60 ms after the
// sound, with a fade of 5 ms at both ends. x is at the telephone's rate and at
// speech level; all silent gives nil.
func Trim(x []float64) []float64 {
	first, last := -1, -1
	for i := 0; i < len(x); i += frame {
		if DB(RMS(x[i:min(i+frame, len(x))])) > gate {
			if first < 0 {
				first = i
			}
			last = min(i+frame, len(x))
		}
	}
	if first < 0 {
		return nil
	}
	first = max(0, first-leadKeep*Rate/1000)
	last = min(len(x), last+trailKeep*Rate/1000)
	out := append([]float64(nil), x[first:last]...)
	fade := min(Rate/200, len(out)/2)
	for i := range fade {
		w := float64(i) / float64(fade)
		out[i] *= w
		out[len(out)-1-i] *= w
	}
	return out
}

// Level brings speech to SpeechLevel and bends what would pass the Ceiling softly
// under it. Silence stays silence.
func Level(x []float64) []float64 {
	out := make([]float64, len(x))
	copy(out, x)
	mean := 0.0
	for _, v := range out {
		mean += v
	}
	mean /= float64(max(1, len(out)))
	for i := range out {
		out[i] -= mean
	}
	// Twice, because bending the peaks costs a little level.
	for range 3 {
		level := ActiveRMS(out)
		if level == 0 {
			return out
		}
		gain := math.Pow(10, SpeechLevel/20) / level
		for i, v := range out {
			out[i] = bend(v * gain)
		}
	}
	return out
}

// bend leaves samples below half the ceiling alone and bends the rest so that they
// approach the ceiling.
func bend(v float64) float64 {
	const knee = Ceiling / 2
	a := math.Abs(v)
	if a <= knee {
		return v
	}
	return math.Copysign(knee+(Ceiling-knee)*math.Tanh((a-knee)/(Ceiling-knee)), v)
}
