// Package sound is the arithmetic on recorded speech that prompts need: G.711
// A-law, WAV files, conversion of the sample rate, trimming, levelling, measuring,
// and the synthesiser of the music on hold. Samples are float64 in -1..1, mono.
//
// It never reads a file or a clock; the same input gives the same output.
package sound
