package trunk

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Target is one place a request can be sent to.
type Target struct {
	Trunk     string
	Host      string         // as configured: host of the Request-URI and the name a TLS certificate must show
	Port      uint16         // as configured: port of the Request-URI, 0 when none was given
	Addr      netip.AddrPort // where to send
	Transport string         // "udp", "tcp", "tls"
	Up        bool           // answered lately, as far as known
}

// URI is the Request-URI for user (empty: none) at the target. Secure transports keep the sip: scheme with transport=tls, because
// sips: would demand encryption on every hop behind the carrier as well (RFC 5630 section 3.1).
func (t Target) URI(user string) string {
	if user != "" {
		user += "@"
	}
	host := t.Host
	if a, err := netip.ParseAddr(host); err == nil && a.Is6() {
		host = "[" + host + "]"
	}
	port := ""
	if t.Port != 0 {
		port = ":" + strconv.Itoa(int(t.Port))
	}
	uri := "sip:" + user + host + port
	if t.Transport != "udp" {
		uri += ";transport=" + t.Transport
	}
	return uri
}

func defaultPort(transport string) uint16 {
	if transport == "tls" {
		return 5061
	}
	return 5060
}

// key is what makes two targets the same place.
type key struct {
	addr      netip.AddrPort
	transport string
}

func (t Target) key() key { return key{t.Addr, t.Transport} }

// line is one entry of Config.Targets, read.
type line struct {
	host      string
	addr      netip.Addr // valid: a literal
	port      uint16     // 0: not given
	transport string     // empty: not given
}

func parseTarget(s string) (l line, err error) {
	hostport, params, _ := strings.Cut(strings.TrimSpace(s), ";")
	hostport = strings.TrimPrefix(strings.TrimSpace(hostport), "sip:")
	for p := range strings.SplitSeq(params, ";") {
		switch p = strings.TrimPrefix(strings.ToLower(strings.TrimSpace(p)), "transport="); p {
		case "":
		case "udp", "tcp", "tls":
			if l.transport != "" {
				return l, fmt.Errorf("%q: two transports", s)
			}
			l.transport = p
		default:
			return l, fmt.Errorf("%q: %q is not udp, tcp or tls", s, p)
		}
	}
	literal := hostport
	if inner, ok := strings.CutPrefix(hostport, "["); ok && strings.HasSuffix(inner, "]") {
		literal = inner[:len(inner)-1]
	}
	if a, err := netip.ParseAddr(literal); err == nil {
		l.addr = a.Unmap()
	} else {
		host, port := hostport, ""
		if strings.Contains(hostport, ":") {
			if host, port, err = net.SplitHostPort(hostport); err != nil {
				return l, fmt.Errorf("%q: not host:port", s)
			}
			n, err := strconv.ParseUint(port, 10, 16)
			if err != nil || n == 0 {
				return l, fmt.Errorf("%q: port %q is not between 1 and 65535", s, port)
			}
			l.port = uint16(n)
		}
		if a, err := netip.ParseAddr(host); err == nil {
			l.addr = a.Unmap()
		}
		l.host = host
	}
	if l.addr.IsValid() {
		if l.addr.Zone() != "" {
			return l, fmt.Errorf("%q: an address with a zone is not supported", s)
		}
		if l.addr.IsUnspecified() || l.addr.IsMulticast() {
			return l, fmt.Errorf("%q: %v is no place to send to", s, l.addr)
		}
		l.host = l.addr.String()
		if l.transport == "" {
			l.transport = "udp" // RFC 3263 section 4.1
		}
		return l, nil
	}
	if err := checkName(l.host); err != nil {
		return l, fmt.Errorf("%q: %w", s, err)
	}
	l.host = strings.ToLower(strings.TrimSuffix(l.host, "."))
	if l.port != 0 && l.transport == "" {
		l.transport = "udp"
	}
	return l, nil
}

func checkName(host string) error {
	host = strings.TrimSuffix(host, ".")
	if host == "" || len(host) > 253 {
		return errors.New("no host name")
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.Trim(strings.ToLower(label), "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return fmt.Errorf("%q is not a host name", host)
		}
	}
	return nil
}
