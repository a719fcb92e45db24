package sdp

import (
	"net/netip"
)

// defaultPtime is the packet length in ms when nobody says otherwise (RFC 3551 §4.2).
const defaultPtime = 20

// agreedPtime is the packet length in ms to send: what the peer asks for, else
// ours, within its maximum and within 10..60 in steps of 10.
func agreedPtime(ours int, a *audio) int {
	p := a.ptime
	if p == 0 {
		p = ours
	}
	if p == 0 {
		p = defaultPtime
	}
	if a.maxptime > 0 && p > a.maxptime {
		p = a.maxptime
	}
	return max(10, min(60, p/10*10))
}

// pick finds the format of that name among the peer's.
func (a *audio) pick(name string) (Codec, bool) {
	for _, f := range a.formats {
		if f.Name == name {
			return f, true
		}
	}
	return Codec{}, false
}

// local is Local checked and completed.
type local struct {
	Local
	codecs []Codec
}

func check(l Local) (local, error) {
	out := local{Local: l, codecs: l.Codecs}
	if out.codecs == nil {
		out.codecs = DefaultCodecs()
	}
	switch {
	case !l.Addr.IsValid() || l.Addr.IsMulticast() || l.Addr.Zone() != "":
		return out, refuse(ErrLocal, 0, "Addr %v is no address to advertise", l.Addr)
	case l.RTPPort == 0:
		return out, refuse(ErrLocal, 0, "RTPPort is 0")
	case l.RTCPPort == 0 && l.RTPPort == 65535:
		return out, refuse(ErrLocal, 0, "RTPPort 65535 leaves no port for RTCP; set RTCPPort")
	case l.Ptime < 0 || l.Ptime > 60 || l.Ptime%10 != 0:
		return out, refuse(ErrLocal, 0, "Ptime %d is not 0, 10, 20 … 60 ms", l.Ptime)
	case l.Direction > Inactive:
		return out, refuse(ErrLocal, 0, "Direction %d is not known", l.Direction)
	case l.SRTP > SRTPRequire:
		return out, refuse(ErrLocal, 0, "SRTP policy %d is not known", l.SRTP)
	case l.SRTP != SRTPOff && len(l.Keys) == 0:
		return out, refuse(ErrLocal, 0, "SRTP policy %q needs Keys", l.SRTP)
	case len(l.Layout.Lines) > maxMedia || len(l.Layout.Lines) > 0 && (l.Layout.Audio < 0 || l.Layout.Audio >= len(l.Layout.Lines)):
		return out, refuse(ErrLocal, 0, "Layout names media line %d of %d", l.Layout.Audio, len(l.Layout.Lines))
	}
	out.Addr = l.Addr.Unmap()
	for i, k := range l.Keys {
		if l.SRTP != SRTPOff && !k.valid() {
			return out, refuse(ErrLocal, 0, "Keys[%d]: suite %q with %d bytes of key and %d of salt", i, string(k.Suite), len(k.Key), len(k.Salt))
		}
	}
	speech := false
	used := map[uint8]string{}
	named := map[string]bool{}
	for _, c := range out.codecs {
		u, ok := usual(c.Name)
		switch {
		case !ok || u.Name != c.Name:
			return out, refuse(ErrLocal, 0, "codec %q is not known", c.Name)
		case c.PT > 127:
			return out, refuse(ErrLocal, 0, "payload type %d of %s is above 127", c.PT, c.Name)
		case c.Rate != 0 && c.Rate != 8000 || c.Channels > 1:
			return out, refuse(ErrLocal, 0, "%s is spoken at 8000 Hz with one channel only", c.Name)
		case used[c.PT] != "":
			return out, refuse(ErrLocal, 0, "payload type %d stands for %s and %s", c.PT, used[c.PT], c.Name)
		case named[c.Name]:
			return out, refuse(ErrLocal, 0, "%s stands twice in Codecs", c.Name)
		}
		used[c.PT], named[c.Name] = c.Name, true
		speech = speech || c.voice()
	}
	if !speech {
		return out, refuse(ErrLocal, 0, "Codecs has neither PCMA nor PCMU")
	}
	return out, nil
}

func (l local) codec(name string) (Codec, bool) {
	for _, c := range l.codecs {
		if c.Name == name {
			return c, true
		}
	}
	return Codec{}, false
}

// reach tells whether we can send to the peer from our address family.
func (l local) reach(a *audio) error {
	for _, p := range []netip.AddrPort{a.remote, a.remoteRTCP} {
		if p.IsValid() && p.Addr().Is4() != l.Addr.Is4() {
			return refuse(ErrAddress, a.line, "peer at %v, we are at %v: not the same address family", p.Addr(), l.Addr)
		}
	}
	return nil
}

// flows fills the parts of a session that come from addresses and directions.
func (l local) flows(s *Session, d *description, a *audio) {
	s.RemoteSession, s.RemoteVersion = d.sessionID, d.version
	s.Remote, s.RemoteRTCP = a.remote, a.remoteRTCP
	s.RemoteDirection = a.direction
	if a.held {
		s.RemoteDirection = direction(a.direction.Sends(), false)
	}
	s.LocalDirection = l.Direction.And(s.RemoteDirection.Reverse())
	s.Hold = !s.RemoteDirection.Receives()
	s.Ptime = agreedPtime(l.Ptime, a)
	s.Oddities = d.oddities
}

// muxable: RTCP packet types 192–223 look like payload types 64–95 with the
// marker bit, so those may not share a port (RFC 5761 §4).
func muxable(pts ...Codec) bool {
	for _, c := range pts {
		if c.PT >= 64 && c.PT < 96 {
			return false
		}
	}
	return true
}
