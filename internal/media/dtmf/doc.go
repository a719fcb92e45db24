// Package dtmf reads and writes key presses as RTP telephone events (RFC 4733,
// its forerunner RFC 2833) and reads them from SIP INFO bodies.
//
// It never opens a socket, reads a clock or listens for tones in the audio: it
// turns payloads into digits and digits into payloads. The invariant of the
// Receiver: a key press is reported exactly once, on the first of its packets
// that arrives, whichever of the others are lost, doubled or late. A Receiver
// or Sender belongs to one goroutine and allocates nothing.
package dtmf
