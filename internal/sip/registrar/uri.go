package registrar

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"sort"
	"strconv"
	"strings"
)

// maxURI bounds a contact URI in bytes; the URI is kept and sent back, so its length is memory and message size.
const maxURI = 512

// maxInstance and maxUserAgent bound the other texts that are kept, in bytes. An instance is a URN (RFC 5626 section 4.1).
const (
	maxInstance  = 255
	maxUserAgent = 128
)

// contactURI is a sip or sips URI taken apart.
type contactURI struct {
	key       string // canonical form, equal for URIs that RFC 3261 section 19.1.4 holds equal
	transport string // "udp", "tcp", "tls", "ws", "wss"
	host      string
	port      uint16
}

var errURI = errors.New("contact URI")

// parseURI reads a contact. Anything but sip and sips is refused: a phone that registers tel: or http: cannot be called here.
func parseURI(s string) (u contactURI, err error) {
	if len(s) > maxURI {
		return u, fmt.Errorf("%w: %d bytes, at most %d", errURI, len(s), maxURI)
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == 0x7f || s[i] == '<' || s[i] == '>' || s[i] == '"' {
			return u, fmt.Errorf("%w %q: byte %d must not stand there", errURI, s, i)
		}
	}
	scheme, rest, ok := strings.Cut(s, ":")
	scheme = strings.ToLower(scheme)
	if !ok || scheme != "sip" && scheme != "sips" {
		return u, fmt.Errorf("%w %q: the scheme must be sip or sips", errURI, s)
	}
	rest, headers, _ := strings.Cut(rest, "?")
	user := ""
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		user, rest = rest[:at], rest[at+1:]
		if dec, err := url.PathUnescape(user); err == nil {
			user = dec
		}
		user = strconv.Quote(user)
	}
	hostport, params, _ := strings.Cut(rest, ";")
	if u.host, u.port, err = splitHostPort(hostport); err != nil {
		return u, fmt.Errorf("%w %q: %w", errURI, s, err)
	}
	u.transport = "udp"
	if scheme == "sips" {
		u.transport = "tls"
	}
	// transport, user, ttl, method and maddr count in a comparison even if only one side has them; other parameters count too here,
	// because a phone that changes them means another binding (ob, line=…).
	var kept []string
	for p := range strings.SplitSeq(params, ";") {
		if p == "" {
			continue
		}
		name, value, _ := strings.Cut(strings.ToLower(p), "=")
		if name == "transport" {
			switch value {
			case "udp", "tcp", "tls", "ws", "wss":
			default:
				return u, fmt.Errorf("%w %q: transport %q is not known", errURI, s, value)
			}
			if scheme == "sips" && value == "tcp" {
				value = "tls"
			}
			u.transport = value
		}
		kept = append(kept, name+"="+value)
	}
	sort.Strings(kept)
	port := ""
	if u.port != 0 {
		port = strconv.Itoa(int(u.port))
	}
	u.key = scheme + ":" + user + "@" + u.host + ":" + port + ";" + strings.Join(kept, ";") + "?" + strings.ToLower(headers)
	return u, nil
}

func splitHostPort(s string) (host string, port uint16, err error) {
	var p string
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return "", 0, errors.New("the bracket of the IPv6 address is not closed")
		}
		p = s[end+1:]
		a, err := netip.ParseAddr(s[1:end])
		if err != nil || !a.Is6() {
			return "", 0, errors.New("not an IPv6 address in brackets")
		}
		host = "[" + a.String() + "]"
		if p != "" && p[0] != ':' {
			return "", 0, errors.New("text after the bracket")
		}
		p = strings.TrimPrefix(p, ":")
	} else if i := strings.IndexByte(s, ':'); i >= 0 {
		host, p = s[:i], s[i+1:]
	} else {
		host = s
	}
	if host == "" {
		return "", 0, errors.New("no host")
	}
	if p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return "", 0, fmt.Errorf("port %q", p)
		}
		port = uint16(n)
	}
	return strings.ToLower(host), port, nil
}

// addr is the address written in the URI when it is a literal.
func (u contactURI) addr() (netip.AddrPort, bool) {
	a, err := netip.ParseAddr(strings.Trim(u.host, "[]"))
	if err != nil {
		return netip.AddrPort{}, false
	}
	port := u.port
	if port == 0 {
		port = 5060
		if u.transport == "tls" || u.transport == "wss" {
			port = 5061
		}
	}
	return netip.AddrPortFrom(a.Unmap(), port), true
}
