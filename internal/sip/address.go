package sip

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

// address is a name-addr or addr-spec (RFC 3261 section 25.1) taken apart.
type address struct {
	name   string // display name, unquoted
	uri    string // without angle brackets, with its parameters and headers
	params string // header parameters behind it, without the leading semicolon
}

// parseAddress reads `"Name" <sip:a@b;x?y>;tag=1` or `sip:a@b;tag=1`. ok is false when there is no URI.
func parseAddress(s string) (a address, ok bool) {
	s = strings.TrimSpace(s)
	rest := s
	if strings.HasPrefix(s, `"`) {
		i, closed := 1, false
		var b strings.Builder
		for ; i < len(s) && !closed; i++ {
			switch c := s[i]; {
			case c == '\\' && i+1 < len(s):
				i++
				b.WriteByte(s[i])
			case c == '"':
				closed = true
			default:
				b.WriteByte(c)
			}
		}
		if !closed {
			return a, false
		}
		a.name, rest = b.String(), strings.TrimSpace(s[i:])
		if !strings.HasPrefix(rest, "<") {
			return address{}, false
		}
	}
	if open := strings.IndexByte(rest, '<'); open >= 0 {
		if a.name == "" {
			a.name = strings.TrimSpace(rest[:open])
		}
		end := strings.IndexByte(rest[open:], '>')
		if end < 0 {
			return address{}, false
		}
		a.uri = strings.TrimSpace(rest[open+1 : open+end])
		a.params = strings.TrimPrefix(strings.TrimSpace(rest[open+end+1:]), ";")
	} else {
		a.uri, a.params, _ = strings.Cut(rest, ";")
		a.uri = strings.TrimSpace(a.uri)
	}
	if strings.IndexByte(a.uri, ':') <= 0 || strings.ContainsAny(a.uri, " \t\r\n<>\"") {
		return address{}, false
	}
	return a, true
}

// uri is a sip, sips or tel URI taken apart. Escapes in user are resolved.
type uri struct {
	scheme, user, host string // host without brackets; empty for tel
	port               uint16 // 0: not given
	params, headers    string // raw, without the leading ; and ?
}

// parseURI reads a URI. ok is false for other schemes and for what cannot be one.
func parseURI(s string) (u uri, ok bool) {
	scheme, rest, found := strings.Cut(strings.TrimSpace(s), ":")
	if !found {
		return u, false
	}
	switch u.scheme = strings.ToLower(scheme); u.scheme {
	case "tel":
		u.user, u.params, _ = strings.Cut(rest, ";")
		u.user = unescape(u.user)
		return u, u.user != ""
	case "sip", "sips":
	default:
		return u, false
	}
	// The userinfo may hold ; and ? (RFC 3261 section 25.1), so the @ comes first. It may not hold @ itself.
	if at := strings.IndexByte(rest, '@'); at >= 0 {
		user := rest[:at]
		rest = rest[at+1:]
		user, _, _ = strings.Cut(user, ":") // password
		u.user = unescape(user)
	}
	rest, u.headers, _ = strings.Cut(rest, "?")
	hostport, params, _ := strings.Cut(rest, ";")
	u.params = params
	port := ""
	if strings.HasPrefix(hostport, "[") {
		end := strings.IndexByte(hostport, ']')
		if end < 0 {
			return u, false
		}
		u.host, port = hostport[1:end], strings.TrimPrefix(hostport[end+1:], ":")
	} else {
		u.host, port, _ = strings.Cut(hostport, ":")
	}
	if port = strings.TrimSpace(port); port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return u, false
		}
		u.port = uint16(n)
	}
	u.host = strings.TrimSpace(u.host)
	return u, u.host != ""
}

// param returns a URI or header parameter, unquoted.
func param(params, name string) (value string, ok bool) {
	for _, p := range split(params, ';') {
		k, v, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.TrimSpace(k), name) {
			return strings.Trim(strings.TrimSpace(v), `"`), true
		}
	}
	return "", false
}

// cleanURI says whether a URI may stand in a request line: no blanks, no control characters, none of the brackets around URIs.
func cleanURI(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == 0x7f || c == '<' || c == '>' || c == '"' {
			return false
		}
	}
	return true
}

// withoutHeaders cuts off what follows the question mark behind the host; one in the user part belongs to the user.
func withoutHeaders(s string) string {
	at := strings.IndexByte(s, '@') + 1
	rest, _, _ := strings.Cut(s[at:], "?")
	return s[:at] + rest
}

func unescape(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	if d, err := url.PathUnescape(s); err == nil {
		return d
	}
	return s
}

// escapeUser writes the user part of a URI: everything but unreserved and user-unreserved characters is escaped.
func escapeUser(s string) string {
	const ok = "-_.!~*'()&=+$,;?/"
	clean := true
	for i := 0; i < len(s) && clean; i++ {
		clean = alnum(s[i]) || strings.IndexByte(ok, s[i]) >= 0
	}
	if clean {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if alnum(c) || strings.IndexByte(ok, c) >= 0 {
			b.WriteByte(c)
			continue
		}
		const hex = "0123456789ABCDEF"
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
	return b.String()
}

func alnum(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// where is the next hop a URI names: transport, literal address or name. sips means TLS (RFC 5630).
func (u uri) where() (network string, addr netip.AddrPort, host string, ok bool) {
	network = "udp"
	if t, has := param(u.params, "transport"); has {
		network = strings.ToLower(t)
	}
	if u.scheme == "sips" {
		network = "tls"
	}
	switch network {
	case "udp", "tcp", "tls":
	default:
		return network, addr, "", false
	}
	port := u.port
	if port == 0 {
		port = 5060
		if network == "tls" {
			port = 5061
		}
	}
	host = u.host
	if m, has := param(u.params, "maddr"); has {
		host = strings.Trim(m, "[]")
	}
	if a, err := netip.ParseAddr(host); err == nil {
		addr = netip.AddrPortFrom(a.Unmap(), port)
	} else {
		addr = netip.AddrPortFrom(netip.Addr{}, port)
	}
	return network, addr, host, true
}

// quoted writes a display name as a quoted-string; control characters cannot be expressed and are left out.
func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		c := s[i]
		if c < ' ' || c == 0x7f {
			continue
		}
		if c == '"' || c == '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	b.WriteByte('"')
	return b.String()
}

// line takes line ends and other control characters out of text for a header or reason phrase, so that no caller can add headers.
func line(s string) string {
	clean := true
	for i := 0; i < len(s) && clean; i++ {
		clean = s[i] >= ' ' && s[i] < 0x7f
	}
	if clean {
		return s
	}
	return strings.Map(func(r rune) rune {
		// Controls of both ranges, and what turns the direction of a text round or breaks
		// its line without being seen.
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			return -1
		}
		return r
	}, s)
}

// hostPort writes host:port with brackets around IPv6.
func hostPort(host string, port uint16) string {
	if strings.IndexByte(host, ':') >= 0 && !strings.HasPrefix(host, "[") {
		host = "[" + host + "]"
	}
	return host + ":" + strconv.Itoa(int(port))
}
