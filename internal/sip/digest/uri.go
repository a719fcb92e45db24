package digest

import (
	"net/url"
	"strings"
)

// sameURI says whether the uri parameter means the same as the Request-URI. RFC 7616 section 3.4.6 lets the server compare the
// two semantically, and it must: phones leave out the port, write other parameters (;transport=, ;user=phone), sip for sips, the
// domain where the Request-URI has the address, or for REGISTER put their own user in front. What has to agree is what an
// attacker would change: the user part, which is the number being called. The host may be the Request-URI's, the realm, or one
// the server was told about.
func (s *Server) sameURI(method, requestURI, digestURI string) bool {
	if requestURI == digestURI {
		return true
	}
	a, b := splitURI(requestURI), splitURI(digestURI)
	if a.tel != b.tel {
		return false
	}
	if a.tel {
		return a.user == b.user
	}
	if a.user != b.user && (method != "REGISTER" || a.user != "" && b.user != "") {
		return false
	}
	return a.host == b.host || s.hosts[b.host]
}

type uriParts struct {
	tel        bool
	user, host string
}

// splitURI takes out of a sip, sips or tel URI what is compared; it accepts a missing scheme and <angle brackets>.
func splitURI(s string) (u uriParts) {
	s = strings.Trim(s, "<> \t")
	scheme, rest, ok := strings.Cut(s, ":")
	switch {
	case ok && strings.EqualFold(scheme, "tel"):
		number, _, _ := strings.Cut(rest, ";")
		return uriParts{tel: true, user: strings.NewReplacer("-", "", ".", "", "(", "", ")", "").Replace(number)}
	case ok && (strings.EqualFold(scheme, "sip") || strings.EqualFold(scheme, "sips")):
		s = rest
	}
	s, _, _ = strings.Cut(s, "?")
	if at := strings.LastIndexByte(s, '@'); at >= 0 {
		user, _, _ := strings.Cut(s[:at], ";")
		user, _, _ = strings.Cut(user, ":") // a password in the URI is ignored
		if dec, err := url.PathUnescape(user); err == nil {
			user = dec
		}
		u.user, s = user, s[at+1:]
	}
	s, _, _ = strings.Cut(s, ";")
	u.host = normalHost(s)
	return u
}

// normalHost lower-cases a host, drops port and trailing dot; IPv6 keeps its brackets.
func normalHost(h string) string {
	if end := strings.LastIndexByte(h, ']'); end >= 0 {
		h = h[:end+1]
	} else if i := strings.IndexByte(h, ':'); i >= 0 {
		h = h[:i]
	}
	return strings.ToLower(strings.TrimSuffix(h, "."))
}
