package g711

const (
	// ALawSilence is the A-law code of the smallest positive value (+8 of
	// 32768): what a quiet line sends and what fills gaps.
	ALawSilence = 0xD5
	// ULawSilence is the µ-law code of positive zero.
	ULawSilence = 0xFF
)

// Wire forms. G.711 §3.1: A-law inverts the even bits of the character signal;
// §3.2: µ-law inverts all of it. In both, the sign bit on the wire is 1 for a
// positive value, so XOR with the code of positive level 0 gives
// sign (1 = negative), segment and step as a plain number.
const (
	signBit   = 0x80
	levels    = 128 // magnitudes per sign
	ulawBias  = 33  // G.711 Table 2: µ-law levels are (2·step+33)·2^segment − 33
	alawShift = 3   // 13-bit A-law values (±4096) to 16-bit PCM
	ulawShift = 2   // 14-bit µ-law values (±8159) to 16-bit PCM
)

var (
	alawToLinear [256]int16
	ulawToLinear [256]int16
	// The finest A-law interval is 16 and the finest µ-law interval 4 steps of
	// 16-bit PCM wide, and all decision values are multiples of that, so these
	// shorter tables lose nothing and stay in the cache.
	linearToALaw [1 << 12]byte
	linearToULaw [1 << 14]byte
)

// ALawToULaw converts one wire byte by G.711 Table 4, ULawToALaw by Table 3.
// Read only. A code and its sign survive; the two directions are inverse to
// each other wherever the recommendation makes them so.
var ALawToULaw, ULawToALaw [256]byte

// ALawToLinear gives the 16-bit PCM value of an A-law byte, within ±32256.
func ALawToLinear(b byte) int16 { return alawToLinear[b] }

// ULawToLinear gives the 16-bit PCM value of a µ-law byte, within ±32124.
func ULawToLinear(b byte) int16 { return ulawToLinear[b] }

// LinearToALaw gives the A-law byte whose decision interval holds s. Negative
// values are quantised by their ones' complement, as the reference coder of
// ITU-T G.191 does, so −1 is the smallest negative code and not zero.
func LinearToALaw(s int16) byte { return linearToALaw[uint16(s)>>4] }

// LinearToULaw gives the µ-law byte whose decision interval holds s; see
// LinearToALaw for the treatment of negative values.
func LinearToULaw(s int16) byte { return linearToULaw[uint16(s)>>2] }

func init() {
	for n := range levels {
		a, u := alawLevel(n)<<alawShift, ulawLevel(n)<<ulawShift
		alawToLinear[ALawSilence^n] = int16(a)
		alawToLinear[ALawSilence^n^signBit] = int16(-a)
		ulawToLinear[ULawSilence^n] = int16(u)
		ulawToLinear[ULawSilence^n^signBit] = int16(-u)
	}
	fill(linearToALaw[:], ALawSilence, alawDecision)
	fill(linearToULaw[:], ULawSilence, ulawDecision)
	for n := range levels {
		a2u, u2a := byte(alawToULawLevel(n)), byte(ulawToALawLevel(n))
		for _, sign := range []byte{0, signBit} {
			ALawToULaw[ALawSilence^byte(n)^sign] = ULawSilence ^ a2u ^ sign
			ULawToALaw[ULawSilence^byte(n)^sign] = ALawSilence ^ u2a ^ sign
		}
	}
}

// fill writes an encoder table indexed by the upper bits of a two's complement
// sample. decision(n) is the first index that belongs to level n.
func fill(table []byte, zero byte, decision func(n int) int) {
	half := len(table) / 2
	n := 0
	for v := range half {
		for n+1 < levels && decision(n+1) <= v {
			n++
		}
		table[v] = zero ^ byte(n)
		table[len(table)-1-v] = zero ^ byte(n) ^ signBit // ones' complement
	}
}

// alawLevel is the decoder output of A-law level n in 13-bit units (G.711
// Table 1): steps of 2 in the first two segments, doubling from there on.
func alawLevel(n int) int {
	segment, step := n>>4, n&15
	if segment == 0 {
		return 2*step + 1
	}
	return (2*step + 33) << (segment - 1)
}

// alawDecision is the lower decision value of A-law level n in 12-bit units
// (G.711 Table 1; every decision value is even in 13-bit units).
func alawDecision(n int) int {
	segment, step := n>>4, n&15
	if segment == 0 {
		return step
	}
	return (step + 16) << (segment - 1)
}

// ulawLevel is the decoder output of µ-law level n in 14-bit units (G.711
// Table 2).
func ulawLevel(n int) int {
	segment, step := n>>4, n&15
	return (2*step+ulawBias)<<segment - ulawBias
}

// ulawDecision is the lower decision value of µ-law level n in 14-bit units.
func ulawDecision(n int) int {
	if n == 0 {
		return 0
	}
	segment, step := n>>4, n&15
	return (2*step+ulawBias-1)<<segment - ulawBias
}
