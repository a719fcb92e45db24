package guard

// Class is what a packet is about, as far as its first bytes tell.
type Class uint8

// The classes. InCall is everything that can belong to a call that exists; Fresh methods without a To tag start something new.
const (
	Junk      Class = iota // not SIP
	KeepAlive              // CRLF, single NULs (RFC 5626 section 3.5.1, RFC 3261 section 7.5)
	InCall                 // responses, ACK, BYE, CANCEL, PRACK, and any request with a To tag
	Invite                 // INVITE without To tag
	Register
	Options // OPTIONS without To tag
	Other   // any other request without To tag
	classes = iota
)

// String names the class for metrics.
func (c Class) String() string {
	return [...]string{"junk", "keepalive", "in_call", "invite", "register", "options", "other", "?"}[min(int(c), classes)]
}

// scanLimit bounds in bytes how far the To header is looked for. Real messages have it within the first few hundred; a message
// that hides it behind more than this is treated as a new request.
const scanLimit = 4096

// Classify looks at a packet without parsing it. It reads at most the first 4 kB.
func Classify(p []byte) Class {
	if len(p) == 0 || p[0] == '\r' || p[0] == '\n' || p[0] == 0 {
		return blank(p)
	}
	end := 0
	for end < len(p) && end <= maxMethod && isMethodByte(p[end]) {
		end++
	}
	if end == 0 || end > maxMethod || end == len(p) {
		return Junk
	}
	if p[end] == '/' && string(p[:end]) == "SIP" {
		if len(p) >= 8 && string(p[:8]) == "SIP/2.0 " {
			return InCall
		}
		return Junk
	}
	if p[end] != ' ' {
		return Junk
	}
	c := methodClass(p[:end])
	if c != InCall && c != Register && hasToTag(p) {
		return InCall
	}
	return c
}

// maxMethod bounds a method's length in bytes; extension methods may be long (RFC 4475 section 3.1.1.2 has one of 40).
const maxMethod = 64

// isMethodByte: a method may be any token (RFC 3261 section 25.1).
func isMethodByte(c byte) bool {
	switch {
	case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c >= '0' && c <= '9':
		return true
	}
	switch c {
	case '-', '.', '!', '%', '*', '_', '+', '`', '\'', '~':
		return true
	}
	return false
}

// methodClass is the class of a request of that method without a To tag. The conversion of a byte slice in a switch does not
// allocate.
func methodClass[T string | []byte](m T) Class {
	switch string(m) {
	case "ACK", "BYE", "CANCEL", "PRACK":
		return InCall
	case "INVITE":
		return Invite
	case "REGISTER":
		return Register
	case "OPTIONS":
		return Options
	}
	return Other
}

// blank tells keep-alives from junk. A message after leading line ends is read on behind them (RFC 3261 section 7.5).
func blank(p []byte) Class {
	for i, c := range p {
		if c == '\r' || c == '\n' {
			continue
		}
		if c == 0 && i == 0 && len(p) <= 4 {
			return KeepAlive
		}
		if i > 0 && i <= 8 && isMethodByte(c) {
			return Classify(p[i:])
		}
		return Junk
	}
	if len(p) > 8 {
		return Junk
	}
	return KeepAlive
}

// hasToTag looks for a tag parameter in the To header, also in compact form and folded over lines.
func hasToTag(p []byte) bool {
	p = p[:min(len(p), scanLimit)]
	i := nextLine(p, 0)
	for i < len(p) {
		if p[i] == '\r' || p[i] == '\n' {
			return false // end of the headers
		}
		if at := toHeader(p, i); at > 0 {
			return tagIn(p, at)
		}
		i = nextLine(p, i)
	}
	return false
}

func nextLine(p []byte, i int) int {
	for i < len(p) && p[i] != '\n' {
		i++
	}
	return i + 1
}

// toHeader returns where the value begins if the line at i is the To header, else 0.
func toHeader(p []byte, i int) int {
	if p[i]|0x20 != 't' {
		return 0
	}
	i++
	if i < len(p) && p[i]|0x20 == 'o' {
		i++
	}
	for i < len(p) && (p[i] == ' ' || p[i] == '\t') {
		i++
	}
	if i < len(p) && p[i] == ':' {
		return i + 1
	}
	return 0
}

// tagIn walks the value of a To header (name-addr or addr-spec with parameters) and looks for ;tag= outside quotes and brackets.
func tagIn(p []byte, i int) bool {
	quoted, bracket := false, false
	for ; i < len(p); i++ {
		switch c := p[i]; {
		case c == '\n':
			if i+1 >= len(p) || p[i+1] != ' ' && p[i+1] != '\t' {
				return false
			}
		case quoted:
			if c == '\\' {
				i++
			} else if c == '"' {
				quoted = false
			}
		case c == '"':
			quoted = true
		case c == '<':
			bracket = true
		case c == '>':
			bracket = false
		case c == ';' && !bracket:
			if tagHere(p, i+1) {
				return true
			}
		}
	}
	return false
}

// tagHere says whether at i stands: blanks, "tag", blanks, '=', blanks, at least one token byte.
func tagHere(p []byte, i int) bool {
	i = skipBlank(p, i)
	if i+3 > len(p) || p[i]|0x20 != 't' || p[i+1]|0x20 != 'a' || p[i+2]|0x20 != 'g' {
		return false
	}
	i = skipBlank(p, i+3)
	if i >= len(p) || p[i] != '=' {
		return false
	}
	i = skipBlank(p, i+1)
	return i < len(p) && p[i] > ' ' && p[i] != ';' && p[i] != ','
}

// skipBlank skips blanks and line folds.
func skipBlank(p []byte, i int) int {
	for i < len(p) {
		switch p[i] {
		case ' ', '\t', '\r':
			i++
		case '\n':
			if i+1 >= len(p) || p[i+1] != ' ' && p[i+1] != '\t' {
				return i
			}
			i += 2
		default:
			return i
		}
	}
	return i
}
