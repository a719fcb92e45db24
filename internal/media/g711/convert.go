package g711

// Conversion between the laws. G.711 Tables 3 and 4 are in the main the nearest
// level of the other law, but they deviate in one segment and at three single
// levels: there they prefer codes that come back unchanged after a conversion
// forth and back. These deviations are the constants below; everything else
// follows from the level values.
const (
	// From here to the end of their segment the tables keep the number of the
	// level, although the neighbour below (µ→A) or above (A→µ) is closer.
	sameNumberFrom = 80
	sameNumberTo   = 95
)

// upperOfTwo are the µ-law levels to which Table 3 gives the higher one of the
// two A-law levels that both come back to it.
var upperOfTwo = map[int]bool{48: true, 49: true, 64: true}

// alawToULawLevel is G.711 Table 4 for magnitudes: A-law level to µ-law level.
func alawToULawLevel(n int) int {
	if n >= sameNumberFrom && n <= sameNumberTo {
		return n
	}
	return nearest(2*alawLevel(n), ulawLevel)
}

// ulawToALawLevel is G.711 Table 3 for magnitudes: µ-law level to A-law level.
func ulawToALawLevel(n int) int {
	if n > sameNumberFrom && n <= sameNumberTo {
		return n
	}
	a := nearest(ulawLevel(n), func(a int) int { return 2 * alawLevel(a) })
	if upperOfTwo[n] {
		a++
	}
	return a
}

// nearest gives the level closest to v; of two equally close ones the higher.
// Both laws are compared in 14-bit units, in which A-law levels count double.
func nearest(v int, level func(int) int) int {
	best := 0
	for n := 1; n < levels; n++ {
		if distance(level(n), v) <= distance(level(best), v) {
			best = n
		}
	}
	return best
}

func distance(a, b int) int {
	if a < b {
		return b - a
	}
	return a - b
}
