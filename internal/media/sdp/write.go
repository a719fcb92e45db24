package sdp

import (
	"bytes"
	"net/netip"
	"strconv"
	"strings"

	pion "github.com/pion/sdp/v3"
)

// line is our audio line about to be written.
type line struct {
	profile   string
	codecs    []Codec
	direction Direction
	ptime     int
	mux       bool
	crypto    []string // values of a=crypto
}

// envelope is the session part of a description from our side (RFC 8866 §5,
// RFC 3264 §5: one t= line, "0 0").
func (l local) envelope() *pion.SessionDescription {
	family, addr := family(l.Addr)
	return &pion.SessionDescription{
		Origin: pion.Origin{
			Username: "-", SessionID: l.SessionID, SessionVersion: l.Version,
			NetworkType: "IN", AddressType: family, UnicastAddress: addr,
		},
		SessionName:           "-",
		ConnectionInformation: &pion.ConnectionInformation{NetworkType: "IN", AddressType: family, Address: &pion.Address{Address: addr}},
		TimeDescriptions:      []pion.TimeDescription{{}},
	}
}

func family(a netip.Addr) (kind, text string) {
	if a.Is4() {
		return "IP4", a.String()
	}
	return "IP6", a.String()
}

func (l local) audioSection(a line) *pion.MediaDescription {
	m := &pion.MediaDescription{MediaName: pion.MediaName{
		Media: "audio", Port: pion.RangedPort{Value: int(l.RTPPort)}, Protos: strings.Split(a.profile, "/"),
	}}
	add := func(key, value string) { m.Attributes = append(m.Attributes, pion.NewAttribute(key, value)) }
	for _, c := range a.codecs {
		pt := strconv.Itoa(int(c.PT))
		m.MediaName.Formats = append(m.MediaName.Formats, pt)
		add("rtpmap", pt+" "+c.Name+"/8000")
		switch {
		case c.Fmtp != "":
			add("fmtp", pt+" "+c.Fmtp)
		case c.Name == TelephoneEvent:
			add("fmtp", pt+" 0-15")
		}
	}
	for _, c := range a.crypto {
		add("crypto", c)
	}
	add("ptime", strconv.Itoa(a.ptime))
	add("maxptime", "60")
	if l.RTCPPort != 0 && l.RTCPPort != l.RTPPort+1 {
		add("rtcp", strconv.Itoa(int(l.RTCPPort)))
	}
	if a.mux {
		add("rtcp-mux", "")
	}
	add(a.direction.String(), "")
	return m
}

// refused is a media line with port 0, as it stood in the offer.
func refused(m MediaLine) *pion.MediaDescription {
	return &pion.MediaDescription{MediaName: pion.MediaName{
		Media: m.Media, Protos: strings.Split(m.Proto, "/"), Formats: m.Formats,
	}}
}

// Unchanged tells whether two descriptions from our side differ in nothing but
// the o= version: then the older one must be sent again as it is, otherwise the
// version must be one higher (RFC 3264 §8).
func Unchanged(last, next []byte) bool {
	return bytes.Equal(withoutOrigin(last), withoutOrigin(next)) && len(last) > 0
}

func withoutOrigin(d []byte) []byte {
	i := bytes.Index(d, []byte("\r\no="))
	if i < 0 {
		return d
	}
	j := bytes.Index(d[i+2:], []byte("\r\n"))
	if j < 0 {
		return d[:i]
	}
	f := bytes.Fields(d[i+2 : i+2+j])
	out := append([]byte{}, d[:i]...)
	for k, w := range f {
		if k != 2 {
			out = append(append(out, ' '), w...)
		}
	}
	return append(out, d[i+2+j:]...)
}
