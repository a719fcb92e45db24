// Package sdp negotiates one audio stream by offer and answer (RFC 3264) in
// the Session Description Protocol (RFC 8866): bytes in, bytes and a Session
// out.
//
// It knows PCMA, PCMU, telephone-event (RFC 4733) and comfort noise, the four
// RTP profiles, SDES keys (RFC 4568, RFC 7714) and where RTCP goes (RFC 3605,
// RFC 5761). It never opens a socket, looks up a name, reads a clock or makes
// a random number: addresses, ports, versions and keys are given to it in
// Local, so the same arguments always give the same bytes.
//
// The invariants: an answer has exactly the media lines of its offer, in the
// same order; keys are neither offered nor accepted when Local.SRTP is SRTPOff
// (the caller sets it on signalling that is not itself encrypted); no input,
// however broken, panics or costs more than MaxSize bytes of work; each
// refusal is an *Error that says what was wrong, on which line, and which SIP
// status answers it.
package sdp
