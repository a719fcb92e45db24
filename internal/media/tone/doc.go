// Package tone makes and recognises sound: pilot tones, DTMF, call-progress
// tones and something that looks like speech. Tests, the demo and the probe use
// it to prove that a voice went through and was recorded.
//
// It never reads a clock or a global random source: the same arguments give the
// same bytes for ever. All audio is 8 kHz A-law.
package tone
