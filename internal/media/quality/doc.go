// Package quality measures a voice stream: the receiver and sender statistics
// of RFC 3550 with their RTCP packets, losses in bursts as RFC 3611 sees them,
// and what they mean for a listener by the E-model (ITU-T G.107, with the
// equipment figures for G.711 of ITU-T G.113).
//
// It never opens a socket and never reads a clock: the time of arrival comes
// with each packet, in monotonic nanoseconds of any epoch. The invariants: a
// packet costs no allocation and no lock; figures of a stream survive a change
// of its SSRC; nothing a peer sends in RTCP can make it work on more than
// MaxCompound bytes. A Receiver, Sender or Far belongs to one goroutine; a
// Snapshot is a copy and may travel.
package quality
