package tone

import "time"

// Call-progress tones of the national plan: one frequency, told apart by their
// rhythm (ITU-T E.180/Q.35: 425 Hz; ringing 1 s of 5 s; busy and congestion by
// the length of even beats).
const (
	ProgressHz    = 425.0
	progressLevel = 0.1 // −20 dB of full scale: a tone must not shout
)

// Cadence is a rhythm: On with tone, Off without.
type Cadence struct {
	On, Off time.Duration
}

var (
	// CadenceRinging: the called side is alerted.
	CadenceRinging = Cadence{On: time.Second, Off: 4 * time.Second}
	// CadenceBusy: the called side is engaged.
	CadenceBusy = Cadence{On: 350 * time.Millisecond, Off: 350 * time.Millisecond}
	// CadenceCongestion: the network has no way through.
	CadenceCongestion = Cadence{On: 175 * time.Millisecond, Off: 175 * time.Millisecond}
)

// Period gives one beat of the cadence as audio that loops without a click.
func (c Cadence) Period() []byte {
	on := Samples(c.On)
	ramp := min(Samples(5*time.Millisecond), on/2)
	return render(on+Samples(c.Off), func(i int) float64 {
		if i >= on {
			return 0
		}
		level := progressLevel
		if edge := min(i, on-1-i); edge < ramp {
			level *= float64(edge) / float64(ramp)
		}
		return level * wave(ProgressHz, i)
	})
}

// For gives the cadence for d.
func (c Cadence) For(d time.Duration) []byte {
	period, out := c.Period(), make([]byte, Samples(d))
	if len(period) == 0 {
		return Silence(d)
	}
	for at := 0; at < len(out); at += len(period) {
		copy(out[at:], period)
	}
	return out
}

// Dial gives d of dial tone. A duration of whole multiples of 40 ms loops
// without a click (17 periods).
func Dial(d time.Duration) []byte { return Sine(ProgressHz, d, progressLevel) }

// Ringback gives d of ringing tone.
func Ringback(d time.Duration) []byte { return CadenceRinging.For(d) }

// Busy gives d of busy tone.
func Busy(d time.Duration) []byte { return CadenceBusy.For(d) }
