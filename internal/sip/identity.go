package sip

import (
	"strings"
)

// readRefer reads Refer-To and Referred-By. The headers of the URI hold an escaped Replaces for an attended transfer (RFC 3891
// section 4).
func readRefer(referTo, referredBy string) (r Refer, ok bool) {
	a, ok := parseAddress(referTo)
	if !ok {
		return r, false
	}
	u, ok := parseURI(a.uri)
	if !ok {
		return r, false
	}
	r.To = withoutHeaders(a.uri)
	r.User = number(u)
	for h := range strings.SplitSeq(u.headers, "&") {
		name, value, _ := strings.Cut(h, "=")
		if strings.EqualFold(name, "Replaces") {
			rep, ok := readReplaces(unescape(value))
			if !ok {
				return Refer{}, false
			}
			r.Replaces = &rep
		}
	}
	if by, ok := parseAddress(referredBy); ok {
		r.ReferredBy = by.uri
	}
	return r, true
}

// readReplaces reads the value of a Replaces header (RFC 3891 section 6.1): callid;to-tag=x;from-tag=y[;early-only].
func readReplaces(v string) (r Replaces, ok bool) {
	callID, params, _ := strings.Cut(strings.TrimSpace(v), ";")
	r.CallID = strings.TrimSpace(callID)
	for p := range strings.SplitSeq(params, ";") {
		k, val, _ := strings.Cut(strings.TrimSpace(p), "=")
		switch strings.ToLower(strings.TrimSpace(k)) {
		case "to-tag":
			if r.ToTag != "" {
				return Replaces{}, false
			}
			r.ToTag = strings.TrimSpace(val)
		case "from-tag":
			if r.FromTag != "" {
				return Replaces{}, false
			}
			r.FromTag = strings.TrimSpace(val)
		case "early-only":
			r.EarlyOnly = true
		}
	}
	if r.CallID == "" || r.ToTag == "" || r.FromTag == "" || strings.ContainsAny(r.CallID+r.ToTag+r.FromTag, " \t\r\n") {
		return Replaces{}, false
	}
	return r, true
}

// header is the Replaces header line for an INVITE.
func (r Replaces) header() string {
	s := "Replaces: " + line(r.CallID) + ";to-tag=" + line(r.ToTag) + ";from-tag=" + line(r.FromTag)
	if r.EarlyOnly {
		s += ";early-only"
	}
	return s + "\r\n"
}

// number is what was dialled: the user part of a sip URI or the number of a tel URI, without parameters (RFC 3261 section 19.1.6:
// a telephone-subscriber may carry some) and without visual separators when it is a number.
func number(u uri) string {
	s, _, _ := strings.Cut(u.user, ";")
	s = separators(line(s)) // an escape may hide anything, also a line end
	if len(s) > maxNumber {
		s = strings.ToValidUTF8(s[:maxNumber], "")
	}
	return s
}

// maxNumber bounds what is taken for a number: E.164 has 15 digits, SIP users some more letters.
const maxNumber = 64

// separators takes the visual separators of RFC 3966 section 5.1.1 out of a number; other text stays as it is.
func separators(s string) string {
	if !strings.ContainsAny(s, "-.()") || strings.Trim(s, "0123456789+*#-.()") != "" || strings.Trim(s, "-.()") == "" {
		return s
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("-.()", r) {
			return -1
		}
		return r
	}, s)
}

func numberIn(value string) (num, name string, ok bool) {
	a, ok := parseAddress(value)
	if !ok {
		return "", "", false
	}
	u, ok := parseURI(a.uri)
	if !ok {
		return "", "", false
	}
	return number(u), a.name, true
}

// called is the number that was dialled. Some gateways put our address or their own trunk name into the Request-URI and the number
// into To; a user part that is no number while To has one is taken for such.
func called(in *message, contact string) string {
	num := ""
	if u, ok := parseURI(in.req.Recipient.String()); ok {
		num = number(u)
	}
	if num != "" && num != contact && dialable(num) {
		return num
	}
	if to, ok := parseURI(in.to.Address.String()); ok {
		if n := number(to); n != "" && dialable(n) {
			return n
		}
	}
	return num
}

func dialable(s string) bool {
	return strings.Trim(s, "0123456789") != s && strings.Trim(s, "0123456789+*#") == ""
}

// caller is who calls, by the rules of RFC 3325 section 9: the asserted identity if the source is trusted to assert, else From.
func caller(in *message, trusted bool) (num, name string, anonymous bool) {
	anonymous = private3323(in.privacy)
	from := in.from
	fromNum, fromOK := "", false
	if u, ok := parseURI(from.Address.String()); ok {
		fromNum, fromOK = number(u), true
	}
	name = shown(unpair(from.DisplayName))
	host := strings.ToLower(from.Address.Host)
	if strings.EqualFold(fromNum, "anonymous") || host == "anonymous.invalid" || strings.HasSuffix(host, ".anonymous.invalid") {
		anonymous, fromOK = true, false
	}
	if trusted {
		// Up to two values: one sip, one tel (section 9.1). The first with a number counts.
		for _, v := range in.asserted {
			if n, display, ok := numberIn(v); ok && n != "" && !strings.EqualFold(n, "anonymous") {
				if display != "" {
					name = shown(display)
				}
				return n, name, anonymous
			}
		}
	}
	if fromOK {
		return fromNum, name, anonymous
	}
	return "", name, anonymous
}

// unpair resolves the quoted-pairs of a quoted-string (RFC 3261 section 25.1).
func unpair(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// maxName bounds a caller's name in bytes: it is written into every message to the phones that ring.
const maxName = 128

// shown makes a display name fit to be shown and sent on: no control characters, UTF-8 (RFC 3261 section 25.1; some exchanges send
// Latin-1), not longer than anybody's name.
func shown(name string) string {
	name = line(strings.ToValidUTF8(name, "\uFFFD"))
	if len(name) > maxName {
		name = strings.ToValidUTF8(name[:maxName], "")
	}
	return strings.TrimSpace(name)
}

// private3323 says whether a Privacy header (RFC 3323 section 4.2, RFC 3325 section 9.3) asks to hide the number.
func private3323(v string) bool {
	for p := range strings.FieldsFuncSeq(v, func(r rune) bool { return r == ';' || r == ',' || r == ' ' }) {
		switch strings.ToLower(p) {
		case "id", "user", "header", "full":
			return true
		}
	}
	return false
}

// diverted lists the numbers a call was diverted from, latest first: Diversion (RFC 5806, latest on top), else History-Info
// (RFC 7044, oldest first, the last entry being where the call is now).
func diverted(in *message) []string {
	var out []string
	for _, v := range in.diversion {
		if n, _, ok := numberIn(v); ok && n != "" {
			out = append(out, n)
		}
		if len(out) == maxDiversions {
			return out
		}
	}
	if len(out) > 0 {
		return out
	}
	for i := len(in.history) - 2; i >= 0 && len(out) < maxDiversions; i-- {
		if n, _, ok := numberIn(in.history[i]); ok && n != "" && (len(out) == 0 || out[len(out)-1] != n) {
			out = append(out, n)
		}
	}
	return out
}

// maxDiversions bounds what is taken from the headers; a call diverted more often has been in a loop.
const maxDiversions = 10
