package digest

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// Bounds of what the parser reads. A phone's longest real header stays far below them; whatever is longer is an attack.
const (
	maxHeader = 4096
	maxParams = 32
	maxValues = 8
)

// ErrMalformed says that a digest header cannot be read. The wrapping error names the parameter and what was wrong with it; the
// right answer to the peer is 400.
var ErrMalformed = errors.New("malformed digest header")

// Params are the parameters of one Digest header (challenge or credentials), names in lower case, values unquoted.
type Params map[string]string

// Parse reads one header value such as `Digest realm="x", nonce="y"`. The scheme name is compared without case, unknown
// parameters are kept, a parameter that occurs twice is an error (which one would count?), empty list elements (two commas, a comma at the end) are skipped as RFC 9110 section 5.6.1 asks, and
// unquoted values may hold anything but a comma, quote, blank or control character, because phones send base64 unquoted.
// isDigest is false, with no error, when the value belongs to another scheme (Basic, Bearer).
func Parse(value string) (p Params, isDigest bool, err error) {
	if len(value) > maxHeader {
		return nil, false, fmt.Errorf("%w: %d bytes, at most %d are read", ErrMalformed, len(value), maxHeader)
	}
	s := strings.TrimLeft(value, " \t\r\n")
	end := strings.IndexAny(s, " \t\r\n")
	if end < 0 {
		end = len(s)
	}
	if !strings.EqualFold(s[:end], "Digest") {
		return nil, false, nil
	}
	p = make(Params, 12)
	r := reader{s: s[end:]}
	for {
		r.skip(" \t\r\n,")
		if r.done() {
			return p, true, nil
		}
		if len(p) == maxParams {
			return nil, true, fmt.Errorf("%w: more than %d parameters", ErrMalformed, maxParams)
		}
		name, val, err := r.param()
		if err != nil {
			return nil, true, err
		}
		if _, twice := p[name]; twice {
			return nil, true, fmt.Errorf("%w: parameter %s occurs twice", ErrMalformed, name)
		}
		p[name] = val
		r.skip(" \t\r\n")
		if !r.done() && r.s[r.at] != ',' {
			return nil, true, fmt.Errorf("%w: a comma is missing after parameter %s", ErrMalformed, name)
		}
	}
}

type reader struct {
	s  string
	at int
}

func (r *reader) done() bool { return r.at >= len(r.s) }

func (r *reader) skip(set string) {
	for r.at < len(r.s) && strings.IndexByte(set, r.s[r.at]) >= 0 {
		r.at++
	}
}

func (r *reader) param() (name, value string, err error) {
	start := r.at
	for r.at < len(r.s) && isToken(r.s[r.at]) {
		r.at++
	}
	name = strings.ToLower(r.s[start:r.at])
	if name == "" {
		return "", "", fmt.Errorf("%w: expected a parameter name at byte %d, found %q", ErrMalformed, start, r.s[start])
	}
	r.skip(" \t\r\n")
	if r.done() || r.s[r.at] != '=' {
		return "", "", fmt.Errorf("%w: parameter %s has no value", ErrMalformed, name)
	}
	r.at++
	r.skip(" \t\r\n")
	if !r.done() && r.s[r.at] == '"' {
		value, err = r.quoted(name)
		return name, value, err
	}
	start = r.at
	for r.at < len(r.s) && isBare(r.s[r.at]) {
		r.at++
	}
	if r.at == start {
		return "", "", fmt.Errorf("%w: parameter %s has an empty value without quotes", ErrMalformed, name)
	}
	return name, r.s[start:r.at], nil
}

// quoted reads a quoted-string (RFC 3261 section 25.1) and takes its escapes away.
func (r *reader) quoted(name string) (string, error) {
	r.at++
	start := r.at
	for i := start; i < len(r.s); i++ {
		switch c := r.s[i]; {
		case c == '"':
			r.at = i + 1
			return r.s[start:i], nil
		case c == '\\':
			return r.escaped(name, start, i)
		case c < ' ' && c != '\t' || c == 0x7f:
			return "", fmt.Errorf("%w: parameter %s holds a control character", ErrMalformed, name)
		}
	}
	return "", fmt.Errorf("%w: the quote of parameter %s is not closed", ErrMalformed, name)
}

// escaped is the slow path of quoted from the first backslash on.
func (r *reader) escaped(name string, start, at int) (string, error) {
	b := []byte(r.s[start:at])
	for i := at; i < len(r.s); i++ {
		c := r.s[i]
		switch {
		case c == '"':
			r.at = i + 1
			return string(b), nil
		case c == '\\' && i+1 < len(r.s):
			i++
			c = r.s[i]
		}
		if c < ' ' && c != '\t' || c == 0x7f {
			return "", fmt.Errorf("%w: parameter %s holds a control character", ErrMalformed, name)
		}
		b = append(b, c)
	}
	return "", fmt.Errorf("%w: the quote of parameter %s is not closed", ErrMalformed, name)
}

func isToken(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-.!%*_+`'~", c) >= 0
}

func isBare(c byte) bool { return c > ' ' && c != ',' && c != '"' && c != '\\' && c != 0x7f }

// quote writes s as a quoted-string. Control characters cannot be expressed and are left out.
func quote(s string) string {
	var b strings.Builder
	b.Grow(len(s) + 2)
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

// Credentials are what a client states in an Authorization header, read and checked for form (not for truth).
type Credentials struct {
	Username  string // already decoded when it came as username* (RFC 7616 section 3.4)
	Realm     string
	Nonce     string
	URI       string
	Response  string // lower-case hex
	Algorithm string // as sent; empty means MD5
	CNonce    string
	QOP       string // "", "auth" or "auth-int"
	Count     uint32 // nonce count, 0 when QOP is empty
	UserHash  bool

	nc string // as sent, because that is what was hashed
}

// ParseCredentials reads one Authorization or Proxy-Authorization value. isDigest is false, with no error, for other schemes.
func ParseCredentials(value string) (c Credentials, isDigest bool, err error) {
	p, isDigest, err := Parse(value)
	if err != nil || !isDigest {
		return c, isDigest, err
	}
	for _, must := range []string{"realm", "nonce", "uri", "response"} {
		if _, ok := p[must]; !ok {
			return c, true, fmt.Errorf("%w: parameter %s is missing", ErrMalformed, must)
		}
	}
	c = Credentials{
		Username: p["username"], Realm: p["realm"], Nonce: p["nonce"], URI: p["uri"], Algorithm: p["algorithm"],
		CNonce: p["cnonce"], QOP: strings.ToLower(p["qop"]), UserHash: strings.EqualFold(p["userhash"], "true"),
		Response: strings.ToLower(p["response"]),
	}
	_, plain := p["username"]
	ext, extended := p["username*"]
	switch {
	case plain && extended:
		return c, true, fmt.Errorf("%w: username and username* together", ErrMalformed)
	case extended && c.UserHash:
		return c, true, fmt.Errorf("%w: username* together with userhash", ErrMalformed)
	case extended:
		if c.Username, err = decodeExt(ext); err != nil {
			return c, true, err
		}
	case !plain:
		return c, true, fmt.Errorf("%w: parameter username is missing", ErrMalformed)
	}
	if i := strings.IndexFunc(c.Response, notHex); i >= 0 || c.Response == "" {
		return c, true, fmt.Errorf("%w: response is not hexadecimal", ErrMalformed)
	}
	switch c.QOP {
	case "":
		return c, true, nil
	case "auth", "auth-int":
	default:
		return c, true, fmt.Errorf("%w: qop is %q, only auth is known here", ErrMalformed, c.QOP)
	}
	if c.CNonce == "" {
		return c, true, fmt.Errorf("%w: qop without cnonce", ErrMalformed)
	}
	n, err := strconv.ParseUint(p["nc"], 16, 32)
	if err != nil || n == 0 {
		return c, true, fmt.Errorf("%w: nc is %q, expected up to 8 hexadecimal digits, not zero", ErrMalformed, p["nc"])
	}
	c.Count, c.nc = uint32(n), p["nc"]
	return c, true, nil
}

func notHex(r rune) bool { return (r < '0' || r > '9') && (r < 'a' || r > 'f') }

// decodeExt decodes the extended notation of RFC 8187 section 3.2: charset, language (ignored), percent-encoded text.
func decodeExt(s string) (string, error) {
	charset, rest, ok := strings.Cut(s, "'")
	_, enc, ok2 := strings.Cut(rest, "'")
	if !ok || !ok2 || !strings.EqualFold(charset, "UTF-8") {
		return "", fmt.Errorf("%w: username* must begin with UTF-8''", ErrMalformed)
	}
	dec, err := url.PathUnescape(enc)
	if err != nil {
		return "", fmt.Errorf("%w: username*: %w", ErrMalformed, err)
	}
	return dec, nil
}
