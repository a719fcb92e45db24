package sdp

import (
	"bytes"
	"strconv"
	"strings"
)

// description is what audio negotiation needs of a description, each part with
// the line it stood on.
type description struct {
	sessionID uint64 // o=
	version   uint64 // o=
	conn      *connection
	session   []attribute
	media     []*section
	oddities  []string
}

// section is one media line with what follows it.
type section struct {
	line    int // of m=
	head    MediaLine
	port    uint16
	conn    *connection
	attrs   []attribute
	connErr *Error
}

type attribute struct {
	key, value string
	line       int
}

type connection struct {
	text string // address as written
	ip6  bool   // address type
	line int
}

func (d *description) odd(format string, args ...any) {
	if len(d.oddities) < 8 {
		d.oddities = append(d.oddities, strings.TrimPrefix(refuse(nil, 0, format, args...).Detail, "sdp: "))
	}
}

// parse reads a description. It is our own because pion/sdp, which writes ours,
// refuses whole descriptions for parts that do not concern audio (m=image, an
// unknown b= modifier, a missing t=, lines out of order), names no line in its
// errors and takes a lone CR for a line end. A test holds it against pion: what
// pion reads, this reads to the same result.
func parse(text []byte) (*description, error) {
	if len(text) > MaxSize {
		return nil, refuse(ErrMalformed, 0, "%d bytes, the limit is %d", len(text), MaxSize)
	}
	s := scanner{d: &description{}}
	for n := 1; len(text) > 0; n++ {
		if n > maxLines {
			return nil, refuse(ErrMalformed, n, "more than %d lines", maxLines)
		}
		line := text
		if i := bytes.IndexByte(text, '\n'); i >= 0 {
			line, text = text[:i], text[i+1:]
		} else {
			text = nil
		}
		if err := s.take(n, strings.TrimRight(string(bytes.TrimSuffix(line, []byte("\r"))), " \t")); err != nil {
			return nil, err
		}
	}
	return s.finish()
}

// scanner sorts lines into the session part and the media sections.
type scanner struct {
	d       *description
	version int // line of v=, 0 = not seen
	origin  int // line of o=
	name    int // line of s=
}

func (s *scanner) take(n int, line string) error {
	if line == "" {
		return nil // a blank line at the end, or between sections, is common and harmless
	}
	if len(line) < 2 || line[1] != '=' || line[0] < 'a' || line[0] > 'z' {
		return refuse(ErrMalformed, n, "%.20q is not of the form x=value", line)
	}
	typ, value := line[0], line[2:]
	if s.version == 0 && typ != 'v' {
		return refuse(ErrMalformed, n, "a description starts with v=0, found %c=", typ)
	}
	switch typ {
	case 'v', 'o', 'c', 'm', 'a':
		if len(value) > maxWidth {
			return refuse(ErrMalformed, n, "%c= line of %d bytes, the limit is %d", typ, len(value), maxWidth)
		}
		if i := strings.IndexFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }); i >= 0 {
			return refuse(ErrMalformed, n, "control character %#02x in %c= line", value[i], typ)
		}
	}
	switch typ {
	case 'v':
		if s.version != 0 {
			return refuse(ErrMalformed, n, "second v= line; the first is line %d", s.version)
		}
		if strings.TrimSpace(value) != "0" {
			return refuse(ErrMalformed, n, "protocol version %.10q, expected 0", value)
		}
		s.version = n
	case 'o':
		if s.origin != 0 || len(s.d.media) > 0 {
			return refuse(ErrMalformed, n, "o= line out of place")
		}
		s.origin = n
		return s.takeOrigin(n, value)
	case 's':
		s.name = n
	case 'c':
		return s.takeConnection(n, value)
	case 'm':
		return s.takeMedia(n, value)
	case 'a':
		s.takeAttribute(n, value)
	}
	return nil // i= u= e= p= b= t= r= z= k= and unknown types have no part in audio negotiation
}

func (s *scanner) takeOrigin(n int, value string) error {
	f := strings.Fields(value)
	if len(f) != 6 {
		return refuse(ErrMalformed, n, "o= has %d fields, expected 6: user, session id, version, IN, IP4 or IP6, address", len(f))
	}
	id, err := strconv.ParseUint(f[1], 10, 64)
	if err != nil {
		return refuse(ErrMalformed, n, "o= session id %.24q is not a number of 64 bits", f[1])
	}
	version, err := strconv.ParseUint(f[2], 10, 64)
	if err != nil {
		return refuse(ErrMalformed, n, "o= version %.24q is not a number of 64 bits", f[2])
	}
	s.d.sessionID, s.d.version = id, version
	return nil // the rest of o= only makes it unique; it is not where media goes
}

func (s *scanner) takeConnection(n int, value string) error {
	f := strings.Fields(value)
	var fault *Error
	c := &connection{line: n}
	switch {
	case len(f) != 3:
		fault = refuse(ErrMalformed, n, "c= has %d fields, expected 3: IN, IP4 or IP6, address", len(f))
	case !strings.EqualFold(f[0], "IN"):
		fault = refuse(ErrMalformed, n, "network type %.10q, expected IN", f[0])
	case strings.EqualFold(f[1], "IP4"), strings.EqualFold(f[1], "IP6"):
		c.ip6 = strings.EqualFold(f[1], "IP6")
		c.text = f[2]
	default:
		fault = refuse(ErrMalformed, n, "address type %.10q, expected IP4 or IP6", f[1])
	}
	if len(s.d.media) == 0 {
		if fault != nil {
			return fault
		}
		if s.d.conn == nil {
			s.d.conn = c
		}
		return nil
	}
	sec := s.d.media[len(s.d.media)-1]
	// Several c= lines in a section are layers of multicast (RFC 8866 §5.7); the
	// first is taken. A fault matters only if this section gets used.
	if sec.conn == nil && sec.connErr == nil {
		sec.conn, sec.connErr = c, fault
		if fault != nil {
			sec.conn = nil
		}
	}
	return nil
}

func (s *scanner) takeMedia(n int, value string) error {
	if len(s.d.media) == maxMedia {
		return refuse(ErrMalformed, n, "more than %d media lines", maxMedia)
	}
	f := strings.Fields(value)
	if len(f) < 4 {
		return refuse(ErrMalformed, n, "m= has %d fields, expected media, port, protocol and at least one format", len(f))
	}
	port, count, several := strings.Cut(f[1], "/")
	p, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return refuse(ErrMalformed, n, "port %.12q is not 0..65535", f[1])
	}
	if several {
		if c, err := strconv.ParseUint(count, 10, 16); err != nil || c == 0 {
			return refuse(ErrMalformed, n, "number of ports %.12q is not valid", count)
		}
		s.d.odd("line %d: several ports in one media line, the first is used", n)
	}
	s.d.media = append(s.d.media, &section{
		line: n,
		port: uint16(p),
		head: MediaLine{Media: f[0], Proto: f[2], Formats: f[3:]},
	})
	return nil
}

func (s *scanner) takeAttribute(n int, value string) {
	key, val, _ := strings.Cut(value, ":")
	a := attribute{key: strings.TrimSpace(key), value: strings.TrimSpace(val), line: n}
	if len(s.d.media) == 0 {
		s.d.session = append(s.d.session, a)
		return
	}
	sec := s.d.media[len(s.d.media)-1]
	sec.attrs = append(sec.attrs, a)
}

func (s *scanner) finish() (*description, error) {
	switch {
	case s.version == 0:
		return nil, refuse(ErrMalformed, 0, "empty description")
	case s.origin == 0:
		return nil, refuse(ErrMalformed, 0, "no o= line")
	case s.name == 0:
		s.d.odd("no s= line")
	}
	return s.d, nil
}
