package dtmf

import (
	"strings"
)

// maxInfo bounds an INFO body in bytes; a real one has some twenty.
const maxInfo = 512

// ParseInfo reads the body of a SIP INFO request. application/dtmf-relay has
// lines "Signal=5" and "Duration=160" in any order and case, spaces around "=";
// application/dtmf has the key alone, or such lines. The codes 10..15 stand for
// * # A B C D. Any other content type, flash ("!", "16") and everything else
// that is not one key give ok = false. There is no RFC for these bodies; the
// forms are those that phones and gateways send.
func ParseInfo(contentType string, body []byte) (digit byte, ok bool) {
	if len(body) > maxInfo {
		return 0, false
	}
	kind, _, _ := strings.Cut(contentType, ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	relay := kind == "application/dtmf-relay"
	if !relay && kind != "application/dtmf" {
		return 0, false
	}
	text := strings.TrimSpace(string(body))
	for line := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '\r' || r == '\n' }) {
		name, value, found := strings.Cut(line, "=")
		if found && strings.EqualFold(strings.TrimSpace(name), "signal") {
			return key(strings.TrimSpace(value))
		}
	}
	if relay {
		return 0, false
	}
	return key(text)
}

func key(s string) (byte, bool) {
	switch len(s) {
	case 1:
		if code, ok := Code(s[0]); ok {
			return Digit(code)
		}
	case 2: // "10" … "15"
		if s[0] == '1' && s[1] >= '0' && s[1] <= '5' {
			return Digit(10 + s[1] - '0')
		}
	}
	return 0, false
}
