// Package media moves sound: RTP legs with their sockets, the bridge between two of
// them, prompts and music, conferences, telephone keys, encryption, quality, and the
// tap into a recording.
//
// It knows nothing of calls, queues or SIP; it takes session descriptions as bytes
// and reports what a leg hears as events. The invariants: a packet costs no
// allocation and never waits for anything but another packet of the same leg; what a
// leg sends is one RTP stream from its first packet to its last, whoever produces it;
// a leg takes sound from one source only.
package media
