// Package record keeps what caller and agent say in one stereo A-law WAV file
// per recording: the caller left, the agent right, both placed by RTP time.
//
// It never blocks and never allocates on the packet path: Write copies a packet
// into a fixed window, and a small pool of writers does everything that touches
// the disk. What the disk cannot take is dropped, counted and reported; the call
// goes on.
//
// The invariant: at every moment the file on disk is a valid recording of all
// but the last second, so a killed process loses less than two (docs/recording.md
// describes the format and the repair).
package record
