package g711

// ALawToPCM decodes src into dst and gives the number of samples written: the
// shorter of the two lengths.
func ALawToPCM(dst []int16, src []byte) int {
	n := min(len(dst), len(src))
	for i, b := range src[:n] {
		dst[i] = alawToLinear[b]
	}
	return n
}

// PCMToALaw encodes src into dst and gives the number of bytes written: the
// shorter of the two lengths.
func PCMToALaw(dst []byte, src []int16) int {
	n := min(len(dst), len(src))
	for i, s := range src[:n] {
		dst[i] = linearToALaw[uint16(s)>>4]
	}
	return n
}

// Convert replaces every byte of b by its entry in table: &ALawToULaw or
// &ULawToALaw.
func Convert(b []byte, table *[256]byte) {
	for i, c := range b {
		b[i] = table[c]
	}
}
