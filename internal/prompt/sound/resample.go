package sound

import (
	"fmt"
	"math"
)

const (
	// kernelHalf is how many zero crossings of the sinc each side of a sample are
	// used; 32 with beta 9 stops more than 80 dB within 300 Hz at 8 kHz.
	kernelHalf = 32
	kaiserBeta = 9.0
	// passShare is the part of the lower Nyquist frequency that is kept: 3,640 Hz of
	// 4,000, so that the stop band is reached before the spectrum folds.
	passShare = 0.91
)

// Resample converts x from one sample rate to another with a windowed-sinc low-pass
// below the lower of the two Nyquist frequencies. Rates are 4,000–192,000 Hz.
func Resample(x []float64, from, to int) ([]float64, error) {
	for _, r := range []int{from, to} {
		if r < 4000 || r > 192000 {
			return nil, fmt.Errorf("sample rate %d Hz is not supported; use 8000–48000", r)
		}
	}
	if from == to || len(x) == 0 {
		return append([]float64(nil), x...), nil
	}
	g := gcd(from, to)
	up, down := to/g, from/g
	// Cut-off as a share of the input rate.
	cut := passShare * 0.5 * math.Min(1, float64(to)/float64(from))
	half := int(math.Ceil(kernelHalf / (2 * cut)))
	kernels := make([][]float64, up)
	n := (len(x)*up + down - 1) / down
	out := make([]float64, n)
	for i := range out {
		pos := i * down
		centre, phase := pos/up, pos%up
		k := kernels[phase]
		if k == nil {
			k = kernel(float64(phase)/float64(up), cut, half)
			kernels[phase] = k
		}
		sum := 0.0
		for j, w := range k {
			if at := centre - half + 1 + j; at >= 0 && at < len(x) {
				sum += w * x[at]
			}
		}
		out[i] = sum
	}
	return out, nil
}

// kernel is the filter for output samples that lie frac of an input sample after
// their left neighbour; its sum is 1.
func kernel(frac, cut float64, half int) []float64 {
	k := make([]float64, 2*half)
	sum := 0.0
	for j := range k {
		t := float64(j-half+1) - frac
		w := sinc(2*cut*t) * kaiser(t/float64(half))
		k[j] = w
		sum += w
	}
	for j := range k {
		k[j] /= sum
	}
	return k
}

func sinc(t float64) float64 {
	if t == 0 {
		return 1
	}
	return math.Sin(math.Pi*t) / (math.Pi * t)
}

func kaiser(t float64) float64 {
	if t <= -1 || t >= 1 {
		return 0
	}
	return bessel0(kaiserBeta*math.Sqrt(1-t*t)) / bessel0(kaiserBeta)
}

// bessel0 is the modified Bessel function of order zero, by its power series.
func bessel0(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > 1e-12*sum; k++ {
		term *= x * x / (4 * k * k)
		sum += term
	}
	return sum
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
