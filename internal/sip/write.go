package sip

import (
	"crypto/rand"
	"encoding/hex"
	"net/netip"
	"strconv"
	"strings"

	gosip "github.com/emiago/sipgo/sip"
)

// What we understand, for Allow, Accept and Supported.
const (
	allowed   = "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, REFER, NOTIFY, REGISTER\r\n"
	accepted  = "Accept: application/sdp\r\n"
	supported = "Supported: 100rel, timer, replaces\r\n"
)

// text is an append-only message under construction.
type text struct{ b []byte }

// WriteString implements io.StringWriter for sipgo's headers.
func (t *text) WriteString(s string) (int, error) {
	t.b = append(t.b, s...)
	return len(s), nil
}

func (t *text) add(parts ...string) {
	for _, p := range parts {
		t.b = append(t.b, p...)
	}
}

func (t *text) num(n int) { t.b = strconv.AppendInt(t.b, int64(n), 10) }

// clean replaces line feeds that end no line, and NULs. The parser takes lone line feeds within a header value, and parts of what peers
// send (Via, From, Record-Route …) are sent back or on; others read a lone line feed as the end of a line.
func (t *text) clean() {
	for i, c := range t.b {
		if c == 0 || c == '\n' && t.b[i-1] != '\r' {
			t.b[i] = ' '
		}
	}
}

func (t *text) body(kind string, body []byte) {
	if len(body) > 0 {
		t.add("Content-Type: ", kind, "\r\n")
	}
	t.add("Content-Length: ")
	t.num(len(body))
	t.add("\r\n\r\n")
	t.clean()
	t.b = append(t.b, body...)
}

const sdpType = "application/sdp"

// response writes a response to in. extra are complete header lines (with line end). A Contact is added by the caller.
func (u *UA) response(in *message, code int, reason, toTag, kind string, body []byte, extra ...string) []byte {
	t := &text{b: make([]byte, 0, 640+len(body))}
	t.add("SIP/2.0 ")
	t.num(code)
	t.add(" ", line(reason), "\r\n")
	first := true
	for _, h := range in.req.Headers() {
		switch h := h.(type) {
		case *gosip.ViaHeader:
			t.add("Via: ")
			if first {
				u.topVia(t, h, in.link.remote)
				first = false
			} else {
				t.add(h.Value())
			}
			t.add("\r\n")
		case *gosip.FromHeader, *gosip.CallIDHeader, *gosip.CSeqHeader:
			h.StringWrite(t)
			t.add("\r\n")
		case *gosip.ToHeader:
			h.StringWrite(t)
			if code > 100 && in.toTag == "" && toTag != "" {
				t.add(";tag=", toTag)
			}
			t.add("\r\n")
		}
	}
	// RFC 3261 section 12.1.1: Record-Route goes back in everything that makes a dialog.
	if len(in.recordRoute) > 0 && code > 100 && code < 300 && in.method != "REGISTER" {
		for _, r := range in.recordRoute {
			t.add("Record-Route: ", r, "\r\n")
		}
	}
	if code == 100 && in.timestamp != "" {
		t.add("Timestamp: ", in.timestamp, "\r\n")
	}
	t.add("Server: ", u.agent, "\r\n")
	t.add(extra...)
	t.body(kind, body)
	return t.b
}

// topVia writes the sender's Via with received and rport filled in (RFC 3261 section 18.2.1, RFC 3581 section 4).
func (u *UA) topVia(t *text, v *gosip.ViaHeader, from netip.AddrPort) {
	_, rport := v.Params.Get("rport")
	host := strings.Trim(v.Host, "[]")
	a, err := netip.ParseAddr(host)
	if rport || err != nil || a.Unmap() != from.Addr() {
		v = v.Clone()
		if rport {
			v.Params.Add("rport", strconv.Itoa(int(from.Port())))
		}
		v.Params.Add("received", from.Addr().String())
	}
	t.add(v.Value())
}

// replyLink is where a response to in goes: back the way it came; over UDP without rport, to the port in Via (RFC 3261 section
// 18.2.2). A phone that keeps quiet about NAT but sits behind it says another address than the one it came from: then the source
// port is the only one that can work.
func (in *message) replyLink() link {
	l := in.link
	if l.udp == nil || in.via == nil {
		return l
	}
	if _, ok := in.via.Params.Get("rport"); ok {
		return l
	}
	if a, err := netip.ParseAddr(strings.Trim(in.via.Host, "[]")); err != nil || a.Unmap() != l.remote.Addr() {
		return l
	}
	port := uint16(5060)
	if in.via.Port > 0 && in.via.Port < 65536 {
		port = uint16(in.via.Port)
	}
	l.remote = netip.AddrPortFrom(l.remote.Addr(), port)
	return l
}

// stateless answers a request that is not worth a transaction.
func (u *UA) stateless(in *message, code int, reason string, extra ...string) {
	_ = in.replyLink().send(u.response(in, code, reason, newTag(), "", nil, extra...))
}

// request is everything that goes into a request.
type request struct {
	method, uri string
	link        link
	branch      string
	from, to    string // complete values with tags
	callID      string
	seq         uint32
	passedOn    int // as in DialRequest
	routes      []string
	contact     string // value, empty: none
	headers     []string
	kind        string
	body        []byte
}

func (u *UA) write(r request) []byte {
	t := &text{b: make([]byte, 0, 768+len(r.body))}
	t.add(r.method, " ", r.uri, " SIP/2.0\r\nVia: SIP/2.0/", r.link.via(), " ", u.sentBy(r.link), ";branch=", r.branch, ";rport\r\nMax-Forwards: ")
	t.num(r.maxForwards())
	t.add("\r\n")
	for _, route := range r.routes {
		t.add("Route: ", route, "\r\n")
	}
	t.add("From: ", r.from, "\r\nTo: ", r.to, "\r\nCall-ID: ", r.callID, "\r\nCSeq: ")
	t.num(int(r.seq))
	t.add(" ", r.method, "\r\n")
	if r.contact != "" {
		t.add("Contact: ", r.contact, "\r\n")
	}
	t.add("User-Agent: ", u.agent, "\r\n")
	t.add(r.headers...)
	t.body(r.kind, r.body)
	return t.b
}

// hops is the Max-Forwards of what begins here (RFC 3261 section 8.1.1.6).
const hops = 70

func (r *request) maxForwards() int {
	if r.passedOn > 0 {
		return r.passedOn - 1
	}
	return hops
}

// sentBy is our address in a Via for that link.
func (u *UA) sentBy(l link) string {
	host, port := u.self(l)
	return hostPort(host, port)
}

// contact is our Contact value as seen by the peer behind the link.
func (u *UA) contact(l link, user string) string {
	host, port := u.self(l)
	if user == "" {
		user = "cagri"
	}
	c := "<sip:" + escapeUser(user) + "@" + hostPort(host, port)
	if n := l.network(); n != "udp" {
		c += ";transport=" + n
	}
	return c + ">"
}

func newTag() string    { return token(8) }
func newBranch() string { return magicCookie + token(12) }

func token(n int) string {
	var b [16]byte
	rand.Read(b[:n]) //nolint:errcheck // crypto/rand.Read never fails since Go 1.24: it ends the program instead
	return hex.EncodeToString(b[:n])
}

// reasonPhrase is the customary text of a status code.
func reasonPhrase(code int) string {
	if s, ok := phrases[code]; ok {
		return s
	}
	switch code / 100 {
	case 1:
		return "Progress"
	case 2:
		return "OK"
	case 3:
		return "Redirection"
	case 5:
		return "Server Failure"
	case 6:
		return "Declined"
	}
	return "Refused"
}

var phrases = map[int]string{
	100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 182: "Queued", 183: "Session Progress", 200: "OK", 202: "Accepted",
	400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable",
	407: "Proxy Authentication Required", 408: "Request Timeout", 410: "Gone", 413: "Request Entity Too Large",
	415: "Unsupported Media Type", 416: "Unsupported URI Scheme", 420: "Bad Extension", 421: "Extension Required",
	422: "Session Interval Too Small", 423: "Interval Too Brief", 480: "Temporarily Unavailable",
	481: "Call/Transaction Does Not Exist", 482: "Loop Detected", 483: "Too Many Hops", 484: "Address Incomplete", 485: "Ambiguous",
	486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here", 489: "Bad Event", 491: "Request Pending",
	500: "Server Internal Error", 501: "Not Implemented", 503: "Service Unavailable", 504: "Server Time-out",
	505: "Version Not Supported", 513: "Message Too Large", 600: "Busy Everywhere", 603: "Decline", 604: "Does Not Exist Anywhere",
	606: "Not Acceptable",
}
