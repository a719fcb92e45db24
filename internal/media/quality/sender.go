package quality

import "github.com/pion/rtcp"

// Sender counts what a leg sends, for its sender reports. The zero value is
// ready; it belongs to one goroutine or one lock.
type Sender struct {
	ssrc    uint32
	packets uint32
	octets  uint32
	rtpTime uint32
	at      int64
	rate    uint32
	sent    bool
}

// Packet takes one sent RTP packet: length of the payload in bytes without
// padding, time of sending in monotonic ns. A new SSRC begins at zero (RFC 3550 §6.4.1).
func (s *Sender) Packet(ssrc, rtpTime uint32, payload int, now int64, clockRate uint32) {
	if ssrc != s.ssrc {
		s.packets, s.octets, s.ssrc = 0, 0, ssrc
	}
	s.packets++
	s.octets += uint32(payload)
	s.rtpTime, s.at, s.rate, s.sent = rtpTime, now, clockRate, true
}

// Packets is the number of packets sent with the current SSRC.
func (s *Sender) Packets() uint32 { return s.packets }

// Octets is their payload in bytes.
func (s *Sender) Octets() uint32 { return s.octets }

// Report makes the sender information of an SR for the moment now (monotonic
// ns): the RTP time is carried on from the last packet to that very moment. ok
// is false when nothing has been sent within the two intervals of 5 s before, so
// that an RR is due (RFC 3550 §6.4).
func (s *Sender) Report(now int64, c Clock) (sr rtcp.SenderReport, ok bool) {
	if !s.sent || now-s.at > 2*int64(interval) {
		return rtcp.SenderReport{}, false
	}
	return rtcp.SenderReport{
		SSRC:        s.ssrc,
		NTPTime:     c.NTP(now),
		RTPTime:     s.rtpTime + units(max(0, now-s.at), s.rate),
		PacketCount: s.packets,
		OctetCount:  s.octets,
	}, true
}
