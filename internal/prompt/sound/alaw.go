package sound

import "math"

// Rate is the sample rate of the telephone, in Hz.
const Rate = 8000

// Silence is the A-law byte of a zero sample (ITU-T G.711, even bits inverted).
const Silence = 0xD5

// DecodeALaw is the 16-bit linear value of one A-law byte (G.711 table 1a; the 13-bit
// values are scaled to 16).
func DecodeALaw(b byte) int16 {
	b ^= 0x55
	exponent, mantissa := (b>>4)&7, int(b&15)
	v := mantissa<<4 + 8
	if exponent > 0 {
		v = (v + 0x100) << (exponent - 1)
	}
	if b&0x80 == 0 {
		v = -v
	}
	return int16(v)
}

// EncodeALaw is the A-law byte nearest to a 16-bit linear sample.
func EncodeALaw(s int16) byte {
	v, sign := int(s), byte(0x80)
	if v < 0 {
		// One's complement keeps both halves alike and -32768 in range.
		v, sign = ^v, 0
	}
	exponent := 0
	for limit := 0x100; exponent < 7 && v >= limit; limit <<= 1 {
		exponent++
	}
	shift := 4
	if exponent > 1 {
		shift = exponent + 3
	}
	return (sign | byte(exponent)<<4 | byte(v>>shift)&15) ^ 0x55
}

// ToALaw encodes samples of -1..1; what lies outside is clipped.
func ToALaw(x []float64) []byte {
	out := make([]byte, len(x))
	for i, v := range x {
		out[i] = EncodeALaw(int16(math.Round(max(-32768, min(32767, v*32768)))))
	}
	return out
}

// FromALaw decodes A-law to samples of -1..1.
func FromALaw(b []byte) []float64 {
	out := make([]float64, len(b))
	for i, v := range b {
		out[i] = float64(DecodeALaw(v)) / 32768
	}
	return out
}
