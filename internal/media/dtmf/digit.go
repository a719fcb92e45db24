package dtmf

const digits = "0123456789*#ABCD" // by event code, RFC 4733 §3.2, table 3

// Digit gives the key of an event code 0..15; ok is false for every other event
// (flash, modem and trunk tones).
func Digit(code uint8) (digit byte, ok bool) {
	if int(code) >= len(digits) {
		return 0, false
	}
	return digits[code], true
}

// Code gives the event code of '0'..'9', '*', '#', 'A'..'D' or 'a'..'d'.
func Code(digit byte) (code uint8, ok bool) {
	switch {
	case digit >= '0' && digit <= '9':
		return digit - '0', true
	case digit == '*':
		return 10, true
	case digit == '#':
		return 11, true
	case digit >= 'A' && digit <= 'D':
		return digit - 'A' + 12, true
	case digit >= 'a' && digit <= 'd':
		return digit - 'a' + 12, true
	}
	return 0, false
}
