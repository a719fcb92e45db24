package sdp

import (
	"net/netip"
	"strconv"
	"strings"
)

// RTP profiles we can speak.
const (
	avp   = "RTP/AVP"
	avpf  = "RTP/AVPF"
	savp  = "RTP/SAVP"
	savpf = "RTP/SAVPF"
)

// profile gives the canonical name of a profile we can speak; ok is false for
// any other protocol, among them the DTLS profiles.
func profile(proto string) (name string, ok bool) {
	switch p := strings.ToUpper(proto); p {
	case avp, avpf, savp, savpf:
		return p, true
	}
	return "", false
}

func secure(profile string) bool { return profile == savp || profile == savpf }

// audio is an audio section, read as far as it does not depend on our side.
type audio struct {
	*section
	profile    string
	formats    []Codec // in the peer's order, only those we know at 8000 Hz and one channel
	unnamed    []uint8 // dynamic payload types without rtpmap
	direction  Direction
	ptime      int // ms, 0 = not stated
	maxptime   int // ms, 0 = not stated
	mux        bool
	crypto     []crypto
	badCrypto  string // why the last unusable crypto line was unusable
	dtls       bool   // a=fingerprint present
	remote     netip.AddrPort
	remoteRTCP netip.AddrPort
	held       bool // 0.0.0.0 or ::
}

// readAudio interprets a section whose media is audio, whose port is not 0 and
// whose protocol is one of our profiles.
func (d *description) readAudio(s *section, prof string) (*audio, error) {
	a := &audio{section: s, profile: prof}
	maps := map[uint8]Codec{}
	fmtp := map[uint8]string{}
	known := map[uint8]bool{} // has an rtpmap of whatever kind
	stated := false
	var rtcp attribute
	for _, at := range s.attrs {
		switch at.key {
		case "rtpmap":
			pt, c, usable, err := parseMap(at)
			if err != nil {
				return nil, err
			}
			if known[pt] {
				d.odd("line %d: second rtpmap for payload type %d ignored", at.line, pt)
				continue
			}
			known[pt] = true
			if usable {
				maps[pt] = c
			}
		case "fmtp":
			num, params, _ := strings.Cut(at.value, " ")
			if pt, err := strconv.ParseUint(num, 10, 7); err == nil {
				fmtp[uint8(pt)] = strings.TrimSpace(params)
			} else {
				d.odd("line %d: fmtp without payload type ignored", at.line)
			}
		case "sendrecv", "sendonly", "recvonly", "inactive":
			if !stated {
				a.direction, stated = parseDirection(at.key), true
			}
		case "ptime":
			a.ptime = d.millis(at)
		case "maxptime":
			a.maxptime = d.millis(at)
		case "rtcp-mux":
			a.mux = true
		case "rtcp":
			rtcp = at
		case "fingerprint":
			a.dtls = true
		case "crypto":
			c, err := parseCrypto(at.value)
			if err != nil {
				a.badCrypto = err.Error()
				d.odd("line %d: %v", at.line, err)
				continue
			}
			a.crypto = append(a.crypto, c)
		}
	}
	for _, at := range d.session {
		switch at.key {
		case "sendrecv", "sendonly", "recvonly", "inactive":
			if !stated {
				a.direction, stated = parseDirection(at.key), true
			}
		case "fingerprint":
			a.dtls = true
		}
	}
	if err := a.readFormats(maps, fmtp, known); err != nil {
		return nil, err
	}
	if err := d.readAddress(a, rtcp); err != nil {
		return nil, err
	}
	return a, nil
}

func (a *audio) readFormats(maps map[uint8]Codec, fmtp map[uint8]string, known map[uint8]bool) error {
	seen := map[uint8]bool{}
	for _, f := range a.head.Formats {
		n, err := strconv.ParseUint(f, 10, 7)
		if err != nil {
			return refuse(ErrMalformed, a.line, "payload type %.12q is not 0..127", f)
		}
		pt := uint8(n)
		if seen[pt] {
			continue
		}
		seen[pt] = true
		c, ok := maps[pt]
		switch {
		case ok:
		case known[pt]:
			continue // mapped to something we do not speak
		case pt == 0 || pt == 8 || pt == 13: // static, RFC 3551 §6: needs no rtpmap
			name := map[uint8]string{0: PCMU, 8: PCMA, 13: ComfortNoise}[pt]
			c, _ = usual(name)
		case pt >= 96:
			a.unnamed = append(a.unnamed, pt)
			continue
		default:
			continue
		}
		c.PT, c.Fmtp = pt, fmtp[pt]
		a.formats = append(a.formats, c)
	}
	return nil
}

// parseMap reads a=rtpmap:<pt> <name>/<rate>[/<channels>]. usable is false for
// a format we do not speak.
func parseMap(at attribute) (pt uint8, c Codec, usable bool, err error) {
	num, enc, ok := strings.Cut(at.value, " ")
	n, perr := strconv.ParseUint(num, 10, 7)
	if !ok || perr != nil {
		return 0, c, false, refuse(ErrMalformed, at.line, "rtpmap %.40q is not <payload type> <name>/<rate>", at.value)
	}
	parts := strings.Split(strings.TrimSpace(enc), "/")
	if len(parts) < 2 || parts[0] == "" {
		return 0, c, false, refuse(ErrMalformed, at.line, "rtpmap %.40q has no clock rate", at.value)
	}
	rate, perr := strconv.ParseUint(parts[1], 10, 32)
	if perr != nil {
		return 0, c, false, refuse(ErrMalformed, at.line, "clock rate %.12q is not a number", parts[1])
	}
	c, usable = usual(parts[0])
	// An event or comfort-noise stream must tick with the audio clock, and all our audio ticks at 8000 Hz.
	usable = usable && rate == 8000 && (len(parts) < 3 || parts[2] == "1")
	return uint8(n), c, usable, nil
}

func parseDirection(key string) Direction {
	switch key {
	case "sendonly":
		return SendOnly
	case "recvonly":
		return RecvOnly
	case "inactive":
		return Inactive
	}
	return SendRecv
}

// millis reads ptime and maxptime, which may be fractions (RFC 8866 §6.4). A
// call is not worth losing for a bad one: it counts as not stated.
func (d *description) millis(at attribute) int {
	v, err := strconv.ParseFloat(at.value, 64)
	if err != nil || !(v >= 1 && v <= 10000) {
		d.odd("line %d: %s %.12q ignored", at.line, at.key, at.value)
		return 0
	}
	return int(v)
}

// readAddress finds where RTP and RTCP go.
func (d *description) readAddress(a *audio, rtcp attribute) error {
	if a.connErr != nil {
		return a.connErr
	}
	c := a.conn
	if c == nil {
		c = d.conn
	}
	if c == nil {
		return refuse(ErrMalformed, a.line, "no c= line for this media line, neither in it nor in the session part")
	}
	ip, err := parseAddr(c.text, c.ip6, c.line)
	if err != nil {
		return err
	}
	if ip.IsUnspecified() {
		a.held = true // the hold of RFC 2543, still sent by old equipment
		return nil
	}
	a.remote = netip.AddrPortFrom(ip, a.port)
	switch {
	case rtcp.key != "":
		port, where, elsewhere := strings.Cut(rtcp.value, " ")
		p, perr := strconv.ParseUint(port, 10, 16)
		if perr != nil {
			return refuse(ErrMalformed, rtcp.line, "rtcp port %.12q is not 0..65535", port)
		}
		if elsewhere {
			f := strings.Fields(where)
			if len(f) != 3 || !strings.EqualFold(f[0], "IN") || !strings.EqualFold(f[1], "IP4") && !strings.EqualFold(f[1], "IP6") {
				return refuse(ErrMalformed, rtcp.line, "rtcp address %.40q is not IN, IP4 or IP6, address", where)
			}
			rip, err := parseAddr(f[2], strings.EqualFold(f[1], "IP6"), rtcp.line)
			if err != nil {
				return err
			}
			ip = rip
		}
		if p != 0 && !ip.IsUnspecified() {
			a.remoteRTCP = netip.AddrPortFrom(ip, uint16(p))
		}
	case a.port < 65535:
		a.remoteRTCP = netip.AddrPortFrom(ip, a.port+1)
	}
	return nil
}

// parseAddr takes an address literal; a name would need a lookup, which media
// set-up cannot wait for and which an attacker could aim. A TTL behind a
// unicast address is wrong but clear. Whether we want to send to the address is
// for the caller to decide.
func parseAddr(s string, ip6 bool, line int) (netip.Addr, error) {
	host, _, _ := strings.Cut(s, "/")
	ip, err := netip.ParseAddr(host)
	switch {
	case err != nil:
		return ip, refuse(ErrAddress, line, "%.60q is not an address literal; host names are not looked up", s)
	case ip.Zone() != "":
		return ip, refuse(ErrAddress, line, "address with a zone: %.60q", s)
	case ip.Is6() != ip6:
		return ip, refuse(ErrMalformed, line, "%.60q does not fit its address type", s)
	case ip.IsMulticast():
		return ip, refuse(ErrAddress, line, "multicast %.60q", s)
	case ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return ip, refuse(ErrAddress, line, "broadcast address")
	}
	return ip.Unmap(), nil
}
