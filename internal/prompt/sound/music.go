package sound

import "math"

// MusicLevel is the level of the music on hold in dB of full scale: below speech, so
// that an announcement is heard over the change.
const MusicLevel = -26.0

const (
	chordTime = 5.0 // seconds per chord
	notes     = 8   // plucked notes per chord
)

// chords are the harmony of the loop, as semitones from A3 (220 Hz); four voices, all
// between 175 and 500 Hz, where a telephone is good.
var chords = [...][4]float64{
	{0, 3, 7, 12},  // Am
	{-4, 3, 8, 12}, // F
	{-2, 3, 7, 10}, // C over G
	{-2, 2, 5, 10}, // G
	{0, 5, 8, 12},  // Dm over A
	{0, 3, 7, 10},  // Am7
	{-4, 0, 5, 8},  // Dm7 over F
	{-1, 2, 7, 11}, // E
}

// Music makes the music on hold: soft chords with a slow figure of plucked notes over
// them, 40 s long. It is built in a ring (whatever still sounds at the end goes on at
// the beginning), so that the loop has no seam. All partials lie below 2,000 Hz.
func Music() []float64 {
	n := int(chordTime*Rate) * len(chords)
	out := make([]float64, n)
	for c, chord := range chords {
		start := int(chordTime*Rate) * c
		for v, semitone := range chord {
			pad(out, start, pitch(semitone), 0.16, float64(v))
		}
		// Up and down the chord an octave higher.
		order := [notes]int{0, 2, 1, 3, 2, 3, 1, 2}
		for i, v := range order {
			at := start + int(chordTime*Rate)*i/notes
			pluck(out, at, pitch(chord[v]+12), 0.22)
		}
	}
	gain := math.Pow(10, MusicLevel/20) / RMS(out)
	for i := range out {
		out[i] *= gain
	}
	return out
}

// pitch is the frequency so many semitones above A3.
func pitch(semitone float64) float64 { return 220 * math.Pow(2, semitone/12) }

// pad adds a held note that swells in, overlaps the next chord and dies away.
func pad(out []float64, start int, f, level, voice float64) {
	length := int((chordTime + 2) * Rate)
	start -= Rate // it begins a second early, under the end of the chord before
	for i := range length {
		t := float64(i) / Rate
		w := math.Sin(math.Pi * float64(i) / float64(length))
		w *= w
		// A slow beat between two voices a fraction of a hertz apart warms the sound.
		s := math.Sin(2*math.Pi*f*t) + 0.6*math.Sin(2*math.Pi*(f+0.4+0.1*voice)*t) +
			0.25*math.Sin(4*math.Pi*f*t) + 0.08*math.Sin(6*math.Pi*f*t)
		add(out, start+i, level*w*s)
	}
}

// pluck adds a note like that of a soft mallet: quick start, long decay.
func pluck(out []float64, start int, f, level float64) {
	for i := range 3 * Rate {
		t := float64(i) / Rate
		w := math.Exp(-2.2*t) * math.Min(1, t/0.015) * math.Min(1, (3-t)/0.1)
		s := math.Sin(2*math.Pi*f*t) + 0.2*math.Exp(-4*t)*math.Sin(4*math.Pi*f*t)
		add(out, start+i, level*w*s)
	}
}

func add(out []float64, at int, v float64) {
	n := len(out)
	out[((at%n)+n)%n] += v
}
