package sound

import (
	"math"
	"math/cmplx"
)

// RMS is the root mean square of x, 0..1.
func RMS(x []float64) float64 {
	if len(x) == 0 {
		return 0
	}
	sum := 0.0
	for _, v := range x {
		sum += v * v
	}
	return math.Sqrt(sum / float64(len(x)))
}

// DB is a level in decibels of full scale; nothing at all is -120.
func DB(level float64) float64 {
	if level < 1e-6 {
		return -120
	}
	return 20 * math.Log10(level)
}

// Peak is the largest absolute sample.
func Peak(x []float64) float64 {
	p := 0.0
	for _, v := range x {
		p = math.Max(p, math.Abs(v))
	}
	return p
}

// ActiveRMS is the RMS of the parts of x with speech in them: of the 10 ms frames at
// most 30 dB below the loudest.
func ActiveRMS(x []float64) float64 {
	loudest := 0.0
	for i := 0; i < len(x); i += frame {
		loudest = math.Max(loudest, RMS(x[i:min(i+frame, len(x))]))
	}
	sum, n := 0.0, 0
	for i := 0; i < len(x); i += frame {
		part := x[i:min(i+frame, len(x))]
		if r := RMS(part); r > 0 && r >= loudest/31.6 {
			sum += r * r * float64(len(part))
			n += len(part)
		}
	}
	if n == 0 {
		return 0
	}
	return math.Sqrt(sum / float64(n))
}

// Edges is how many samples at the beginning and end of x are silence.
func Edges(x []float64) (lead, trail int) {
	const frame = Rate / 200
	level := math.Pow(10, gate/20)
	for lead < len(x) && RMS(x[lead:min(lead+frame, len(x))]) < level {
		lead += frame
	}
	for trail < len(x) && RMS(x[max(0, len(x)-trail-frame):len(x)-trail]) < level {
		trail += frame
	}
	return min(lead, len(x)), min(trail, len(x))
}

// Spectrum is what Analyse finds: the centre of gravity of the power spectrum and the
// share of the power inside the telephone band.
type Spectrum struct {
	Centroid float64 // Hz
	InBand   float64 // share of power between 80 and 3,800 Hz, 0..1
}

// Analyse measures the spectrum of x (at the telephone's rate) over windows of 32 ms.
func Analyse(x []float64) Spectrum {
	const n = 256
	var power [n / 2]float64
	buf := make([]complex128, n)
	for at := 0; at+n <= len(x); at += n / 2 {
		for i := range buf {
			w := 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/n)
			buf[i] = complex(x[at+i]*w, 0)
		}
		fft(buf)
		for k := range power {
			a := cmplx.Abs(buf[k])
			power[k] += a * a
		}
	}
	var total, weighted, in float64
	for k, p := range power {
		f := float64(k) * Rate / n
		total += p
		weighted += p * f
		if f >= 80 && f <= 3800 {
			in += p
		}
	}
	if total == 0 {
		return Spectrum{}
	}
	return Spectrum{Centroid: weighted / total, InBand: in / total}
}

// fft is the radix-2 transform in place; the length is a power of two.
func fft(a []complex128) {
	n := len(a)
	for i, j := 1, 0; i < n; i++ {
		bit := n >> 1
		for ; j&bit != 0; bit >>= 1 {
			j ^= bit
		}
		j ^= bit
		if i < j {
			a[i], a[j] = a[j], a[i]
		}
	}
	for size := 2; size <= n; size <<= 1 {
		step := cmplx.Rect(1, -2*math.Pi/float64(size))
		for at := 0; at < n; at += size {
			w := complex(1, 0)
			for k := range size / 2 {
				u, v := a[at+k], a[at+k+size/2]*w
				a[at+k], a[at+k+size/2] = u+v, u-v
				w *= step
			}
		}
	}
}
