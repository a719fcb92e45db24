package quality

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/pion/rtcp"
)

const (
	// MaxCompound is the greatest RTCP datagram that is read, in bytes.
	MaxCompound = 1500
	maxPackets  = 32
	maxText     = 255 // bytes of an SDES or BYE text, RFC 3550 §6.5
	interval    = 5 * time.Second
)

// Interval is the time to the next report of a leg with two members (RFC 3550
// §6.2: 5 s; §6.3.1: times 0.5..1.5, over e-3/2). random is uniform in [0,1).
func Interval(random float64) time.Duration {
	return time.Duration(float64(interval) * (0.5 + random) / 1.21828)
}

// Outgoing is a compound packet to build.
type Outgoing struct {
	SSRC    uint32                 // ours
	CNAME   string                 // ours, constant for the call; must not tell a person or number
	Sender  *rtcp.SenderReport     // from Sender.Report; nil = we have not been sending, an RR is built
	Reports []rtcp.ReceptionReport // from Receiver.Report; at most 31, may be none
	Bye     bool                   // the stream ends
	Reason  string                 // of BYE, may be empty
}

// Build makes a compound packet (RFC 3550 §6.1): SR or RR first, then SDES with
// CNAME, then BYE.
func Build(o Outgoing) ([]byte, error) {
	if o.CNAME == "" || len(o.CNAME) > maxText || len(o.Reason) > maxText || len(o.Reports) > 31 {
		return nil, fmt.Errorf("quality: RTCP with CNAME of %d bytes, reason of %d, %d report blocks; limits are 1..255, 255, 31",
			len(o.CNAME), len(o.Reason), len(o.Reports))
	}
	var first rtcp.Packet
	if o.Sender != nil {
		sr := *o.Sender
		sr.SSRC, sr.Reports = o.SSRC, o.Reports
		first = &sr
	} else {
		first = &rtcp.ReceiverReport{SSRC: o.SSRC, Reports: o.Reports}
	}
	all := []rtcp.Packet{first, rtcp.NewCNAMESourceDescription(o.SSRC, o.CNAME)}
	if o.Bye {
		all = append(all, &rtcp.Goodbye{Sources: []uint32{o.SSRC}, Reason: o.Reason})
	}
	b, err := rtcp.Marshal(all)
	if err != nil {
		return nil, fmt.Errorf("quality: RTCP cannot be written: %w", err)
	}
	return b, nil
}

// ErrNotRTCP: the datagram does not pass the checks of RFC 3550 Appendix A.2.
var ErrNotRTCP = errors.New("quality: not an RTCP compound packet")

// Incoming is what matters in a received compound packet.
type Incoming struct {
	SSRC    uint32             // of the peer
	Sender  *rtcp.SenderReport // nil when it was an RR; report blocks are in Reports
	Reports []rtcp.ReceptionReport
	CNAME   string
	Bye     bool   // the peer's SSRC says goodbye
	Reason  string // of BYE
	VoIP    []VoIPMetrics
	Skipped int // packets inside that were unknown or broken
}

// Parse reads a datagram. A broken packet inside is skipped and counted; the
// frame itself must be sound: version 2, SR or RR first without padding, lengths
// that add up.
func Parse(b []byte) (Incoming, error) {
	var in Incoming
	if err := checkFrame(b); err != nil {
		return in, err
	}
	for n := 0; len(b) > 0; n++ {
		size := 4 * (int(binary.BigEndian.Uint16(b[2:])) + 1)
		if n == maxPackets {
			in.Skipped++
			return in, nil
		}
		if !in.take(unpad(b[:size])) {
			in.Skipped++
		}
		b = b[size:]
	}
	return in, nil
}

// checkFrame is the validity check of RFC 3550 A.2.
func checkFrame(b []byte) error {
	if len(b) < 8 || len(b) > MaxCompound || len(b)%4 != 0 {
		return fmt.Errorf("%w: %d bytes", ErrNotRTCP, len(b))
	}
	if b[0]&0xE0 != 0x80 || b[1] != byte(rtcp.TypeSenderReport) && b[1] != byte(rtcp.TypeReceiverReport) {
		return fmt.Errorf("%w: begins with %02x %02x, expected an SR or RR of version 2 without padding", ErrNotRTCP, b[0], b[1])
	}
	for at := 0; at < len(b); {
		if len(b)-at < 4 || b[at]>>6 != 2 {
			return fmt.Errorf("%w: no packet at byte %d", ErrNotRTCP, at)
		}
		size := 4 * (int(binary.BigEndian.Uint16(b[at+2:])) + 1)
		if size > len(b)-at {
			return fmt.Errorf("%w: packet at byte %d claims %d of %d bytes left", ErrNotRTCP, at, size, len(b)-at)
		}
		if b[at]&0x20 != 0 && at+size != len(b) {
			return fmt.Errorf("%w: padding before the last packet", ErrNotRTCP)
		}
		at += size
	}
	return nil
}

// unpad takes the padding off the last packet; nonsense padding leaves a packet
// too short for its type, which then is skipped.
func unpad(p []byte) []byte {
	if p[0]&0x20 == 0 {
		return p
	}
	n := int(p[len(p)-1])
	if n == 0 || n%4 != 0 || n > len(p)-4 {
		return p[:4]
	}
	return p[:len(p)-n]
}

// take reads one packet; false when it is unknown or broken.
func (in *Incoming) take(p []byte) bool {
	if len(p) < 8 {
		return false
	}
	switch rtcp.PacketType(p[1]) {
	case rtcp.TypeSenderReport:
		var sr rtcp.SenderReport
		if in.Sender != nil || sr.Unmarshal(p) != nil {
			return false
		}
		in.SSRC = sr.SSRC
		in.Reports = append(in.Reports, sr.Reports...)
		sr.Reports, sr.ProfileExtensions = nil, nil
		in.Sender = &sr
	case rtcp.TypeReceiverReport:
		var rr rtcp.ReceiverReport
		if rr.Unmarshal(p) != nil {
			return false
		}
		in.SSRC = rr.SSRC
		in.Reports = append(in.Reports, rr.Reports...)
	case rtcp.TypeSourceDescription:
		var d rtcp.SourceDescription
		if d.Unmarshal(p) != nil {
			return false
		}
		for _, c := range d.Chunks {
			for _, it := range c.Items {
				if it.Type == rtcp.SDESCNAME && c.Source == in.SSRC {
					in.CNAME = it.Text
				}
			}
		}
	case rtcp.TypeGoodbye:
		var bye rtcp.Goodbye
		if bye.Unmarshal(p) != nil {
			return false
		}
		for _, s := range bye.Sources {
			if s == in.SSRC {
				in.Bye, in.Reason = true, bye.Reason
			}
		}
	case rtcp.TypeExtendedReport:
		return in.takeXR(p)
	default:
		return false
	}
	return true
}
