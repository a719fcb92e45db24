package sdp

import (
	"net/netip"
	"strings"
)

// Limits on input. A description beyond them is refused before it is parsed.
const (
	MaxSize  = 32 << 10 // bytes of a description
	maxLines = 800      // lines of a description
	maxMedia = 16       // media lines
	maxWidth = 8192     // bytes of one line that we use
)

// Names of the formats this package understands (RFC 3551, RFC 4733, RFC 3389).
const (
	PCMA           = "PCMA"
	PCMU           = "PCMU"
	TelephoneEvent = "telephone-event"
	ComfortNoise   = "CN"
)

// Codec is one RTP payload format with the number it has on the wire.
type Codec struct {
	Name     string // PCMA, PCMU, telephone-event or CN
	PT       uint8  // payload type, 0..127
	Rate     uint32 // clock rate in Hz; 0 means 8000
	Channels uint8  // 0 or 1
	Fmtp     string // format parameters; empty takes the default ("0-15" for telephone-event)
}

// Codecs gives the formats of the named codecs with their usual payload types
// (8, 0, 101, 13), in the order given. Unknown names are an ErrLocal.
func Codecs(names ...string) ([]Codec, error) {
	out := make([]Codec, 0, len(names))
	for _, n := range names {
		c, ok := usual(n)
		if !ok {
			return nil, refuse(ErrLocal, 0, "codec %q is not known; known are PCMA, PCMU, telephone-event and CN", n)
		}
		out = append(out, c)
	}
	return out, nil
}

// DefaultCodecs is A-law first (the site's codec), µ-law, telephone events and
// comfort noise.
func DefaultCodecs() []Codec {
	c, _ := Codecs(PCMA, PCMU, TelephoneEvent, ComfortNoise)
	return c
}

func usual(name string) (Codec, bool) {
	switch {
	case strings.EqualFold(name, PCMA):
		return Codec{Name: PCMA, PT: 8, Rate: 8000}, true
	case strings.EqualFold(name, PCMU):
		return Codec{Name: PCMU, PT: 0, Rate: 8000}, true
	case strings.EqualFold(name, TelephoneEvent):
		return Codec{Name: TelephoneEvent, PT: 101, Rate: 8000, Fmtp: "0-15"}, true
	case strings.EqualFold(name, ComfortNoise):
		return Codec{Name: ComfortNoise, PT: 13, Rate: 8000}, true
	}
	return Codec{}, false
}

// voice tells the formats that carry speech from events and comfort noise.
func (c Codec) voice() bool { return c.Name == PCMA || c.Name == PCMU }

// Direction is the way media flows, seen from the side that states it
// (RFC 3264 §5.1). The zero value is SendRecv.
type Direction uint8

// The four directions.
const (
	SendRecv Direction = iota
	SendOnly
	RecvOnly
	Inactive
)

func (d Direction) String() string {
	switch d {
	case SendOnly:
		return "sendonly"
	case RecvOnly:
		return "recvonly"
	case Inactive:
		return "inactive"
	default:
		return "sendrecv"
	}
}

// Sends tells whether the stating side sends media.
func (d Direction) Sends() bool { return d == SendRecv || d == SendOnly }

// Receives tells whether the stating side receives media.
func (d Direction) Receives() bool { return d == SendRecv || d == RecvOnly }

// Reverse is the same flow seen from the other side.
func (d Direction) Reverse() Direction { return direction(d.Receives(), d.Sends()) }

// And keeps only what both directions allow.
func (d Direction) And(o Direction) Direction {
	return direction(d.Sends() && o.Sends(), d.Receives() && o.Receives())
}

func direction(sends, receives bool) Direction {
	switch {
	case sends && receives:
		return SendRecv
	case sends:
		return SendOnly
	case receives:
		return RecvOnly
	default:
		return Inactive
	}
}

// SRTPPolicy says whether keys may travel in the description. Keys in clear
// signalling protect nothing, so whoever fills Local sets SRTPOff unless the
// signalling is encrypted or the operator asked for it.
type SRTPPolicy uint8

// The policies.
const (
	// SRTPOff: no keys in our offers; offered keys are ignored, an offer that
	// insists on them is refused.
	SRTPOff SRTPPolicy = iota
	// SRTPOffer: keys in our offers on an RTP/AVP line (RFC 8643), keys taken
	// when offered, plain media otherwise.
	SRTPOffer
	// SRTPRequire: RTP/SAVP in our offers, media without keys refused.
	SRTPRequire
)

func (p SRTPPolicy) String() string {
	switch p {
	case SRTPOffer:
		return "offer"
	case SRTPRequire:
		return "require"
	default:
		return "off"
	}
}

// Local is our side of a negotiation. The same Local gives the same bytes;
// ReadAnswer needs the Local of the Offer it answers.
type Local struct {
	Addr      netip.Addr // advertised media address, IPv4 or IPv6, required
	RTPPort   uint16     // required
	RTCPPort  uint16     // 0 = RTPPort+1; stated with a=rtcp when it is another (RFC 3605)
	SessionID uint64     // o= session id, constant for a dialog
	Version   uint64     // o= version: +1 on each change, equal when nothing changed (see Unchanged)
	Ptime     int        // packet length in ms we would like; 0 = 20
	Codecs    []Codec    // by preference; nil = DefaultCodecs
	Direction Direction  // what we want; the result is cut down to what the peer allows
	Mux       bool       // offer and accept RTCP on the RTP port (RFC 5761)
	SRTP      SRTPPolicy
	Keys      []Key  // our master keys by preference, one per suite; needed unless SRTP is SRTPOff
	Layout    Layout // media lines the dialog already has (RFC 3264 §8); zero = none yet
}

// Layout is the set of media lines of a dialog. Their number and order may
// never shrink or change, so an offer after the first one repeats them.
type Layout struct {
	Lines []MediaLine // all media lines in order; empty = the single audio line
	Audio int         // index of the line in use
}

// MediaLine is what has to be repeated of a media line. It is shared between
// sessions and never changed.
type MediaLine struct {
	Media   string   // "audio", "video", …
	Proto   string   // "RTP/AVP", …
	Formats []string // as first offered
}

// Session is the outcome: what both sides agreed on.
type Session struct {
	Remote     netip.AddrPort // where to send RTP; invalid (zero) when the peer gave 0.0.0.0 or ::
	RemoteRTCP netip.AddrPort // where to send RTCP; equals Remote when Mux; invalid when unknown
	Mux        bool           // RTCP shares the RTP port, both ways
	Codec      Codec          // speech, with the payload type to send
	RecvPT     uint8          // payload type of speech to expect; differs from Codec.PT only with odd peers
	DTMF       Format         // telephone-event
	CN         Format         // comfort noise
	Ptime      int            // ms per packet to send, 10..60

	RemoteDirection Direction // as the peer stated it
	LocalDirection  Direction // ours: what we may send and shall receive
	Hold            bool      // the peer does not receive: sendonly, inactive or 0.0.0.0

	SRTP          *SRTPKeys // nil = plain RTP
	Profile       string    // "RTP/AVP", "RTP/SAVP", "RTP/AVPF" or "RTP/SAVPF"
	RemoteSession uint64    // o= session id of the peer
	RemoteVersion uint64    // o= version of the peer; equal to the last one means nothing changed
	Layout        Layout    // for Local.Layout of the next offer
	Oddities      []string  // faults of the peer that were tolerated, at most 8, for the debug log
}

// Format is a companion of the speech codec.
type Format struct {
	PT     uint8 // payload type to send
	RecvPT uint8 // payload type to expect
	OK     bool  // false: not agreed
}

// After prepares Local for the next offer in the dialog of s: it keeps the
// media lines and the payload types in use (RFC 3264 §8.3.2 forbids to change
// their meaning). Version, direction and keys remain the caller's business.
func (l Local) After(s Session) Local {
	l.Layout = s.Layout
	codecs := l.Codecs
	if codecs == nil {
		codecs = DefaultCodecs()
	}
	out := make([]Codec, 0, len(codecs))
	taken := map[uint8]bool{}
	keep := func(c Codec, pt uint8) {
		c.PT = pt
		taken[pt] = true
		out = append(out, c)
	}
	// The agreed ones first in choosing numbers, then the others if theirs is still free.
	agreed := map[string]uint8{s.Codec.Name: s.RecvPT}
	if s.DTMF.OK {
		agreed[TelephoneEvent] = s.DTMF.RecvPT
	}
	if s.CN.OK {
		agreed[ComfortNoise] = s.CN.RecvPT
	}
	reserved := map[uint8]bool{}
	for _, pt := range agreed {
		reserved[pt] = true
	}
	for _, c := range codecs {
		pt, ok := agreed[c.Name]
		switch {
		case ok:
			keep(c, pt)
		case !reserved[c.PT] && !taken[c.PT]:
			keep(c, c.PT)
		default:
			for pt := uint8(96); pt < 128; pt++ {
				if !reserved[pt] && !taken[pt] {
					keep(c, pt)
					break
				}
			}
		}
	}
	l.Codecs = out
	return l
}
