package digest

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
)

// Reasons why a client cannot answer.
var (
	// ErrNoChallenge: none of the challenges is a digest with an algorithm and qop known here.
	ErrNoChallenge = errors.New("no challenge that can be answered")
	// ErrRefused: the peer refused an answer made with the same password and did not say stale: user or password is wrong, or the
	// account is locked. Trying again at once would only lock it harder.
	ErrRefused = errors.New("the peer refused user or password")
)

// Challenge is one readable challenge of a server.
type Challenge struct {
	Realm, Nonce, Opaque string
	Algorithm            string // as sent; echoed in the answer
	QOP                  string // the one we will use: "", "auth", "auth-int"
	Stale, UserHash      bool
	hasOpaque            bool
	alg                  Algorithm
	session              bool
}

// ReadChallenges returns the strongest challenge that can be answered: by algorithm (SHA-512-256, SHA-256, MD5), then with qop
// before without, then the server's order. RFC 8760 section 2.4 prefers the server's order; we do not, so that a peer or
// somebody in between cannot talk us down to MD5 by order alone.
func ReadChallenges(values []string) (Challenge, error) {
	var best Challenge
	rank := -1
	var bad error
	for i, v := range values {
		if i == maxValues {
			break
		}
		c, ok, err := readChallenge(v)
		if err != nil {
			bad = err
			continue
		}
		if !ok {
			continue
		}
		n := 2 * c.alg.strength()
		if c.QOP != "" {
			n++
		}
		if n > rank {
			rank, best = n, c
		}
	}
	switch {
	case rank >= 0:
		return best, nil
	case bad != nil:
		return best, fmt.Errorf("%w: %w", ErrNoChallenge, bad)
	}
	return best, fmt.Errorf("%w among %d", ErrNoChallenge, len(values))
}

func readChallenge(v string) (c Challenge, ok bool, err error) {
	p, isDigest, err := Parse(v)
	if err != nil || !isDigest {
		return c, false, err
	}
	if _, has := p["realm"]; !has || p["nonce"] == "" {
		return c, false, fmt.Errorf("%w: a challenge needs realm and nonce", ErrMalformed)
	}
	c = Challenge{
		Realm: p["realm"], Nonce: p["nonce"], Opaque: p["opaque"], Algorithm: p["algorithm"],
		Stale: strings.EqualFold(p["stale"], "true"), UserHash: strings.EqualFold(p["userhash"], "true"),
	}
	_, c.hasOpaque = p["opaque"]
	if c.alg, c.session, ok = parseAlgorithm(c.Algorithm); !ok {
		return c, false, nil
	}
	qops, has := p["qop"]
	if !has {
		return c, true, nil
	}
	ok = false
	for _, q := range strings.FieldsFunc(qops, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }) {
		switch strings.ToLower(q) {
		case "auth":
			c.QOP = "auth"
			return c, true, nil
		case "auth-int":
			c.QOP, ok = "auth-int", true
		}
	}
	return c, ok, nil
}

// Authorize answers the strongest of the challenges (WWW-Authenticate or Proxy-Authenticate values) and returns the value for
// Authorization or Proxy-Authorization. nc is the number of requests sent with this nonce, this one included (the first is 1).
// Whoever sends more than one request should keep a Session instead, which counts.
func Authorize(challenges []string, method, uri, user, password string, body []byte, nc uint32) (header string, err error) {
	c, err := ReadChallenges(challenges)
	if err != nil {
		return "", err
	}
	return c.answer(method, uri, user, password, body, nc, newCNonce()), nil
}

func newCNonce() string {
	var b [16]byte
	rand.Read(b[:]) // never fails since Go 1.24: it ends the program instead
	return hex.EncodeToString(b[:])
}

// answer writes the header value. The response comes last: some servers expect it there.
func (c Challenge) answer(method, uri, user, password string, body []byte, nc uint32, cnonce string) string {
	h := c.alg.newHash()
	r := response{
		alg: c.alg, session: c.session, ha1: join(h, user, c.Realm, password), nonce: c.Nonce, cnonce: cnonce, qop: c.QOP,
		nc: fmt.Sprintf("%08x", max(nc, 1)), method: method, uri: uri,
	}
	if c.QOP == "auth-int" {
		h.Reset()
		h.Write(body)
		r.bodyHash = hex.EncodeToString(h.Sum(nil))
	}
	if c.UserHash {
		user = join(h, user, c.Realm)
	}
	var b strings.Builder
	b.WriteString("Digest username=" + quote(user) + ", realm=" + quote(c.Realm) + ", nonce=" + quote(c.Nonce) + ", uri=" + quote(uri))
	if c.Algorithm != "" {
		b.WriteString(", algorithm=" + c.canonical())
	}
	if c.hasOpaque {
		b.WriteString(", opaque=" + quote(c.Opaque))
	}
	if c.QOP != "" {
		b.WriteString(", qop=" + c.QOP + ", nc=" + r.nc)
	}
	if c.QOP != "" || c.session {
		b.WriteString(", cnonce=" + quote(cnonce))
	}
	if c.UserHash {
		b.WriteString(", userhash=true")
	}
	b.WriteString(", response=\"" + r.compute() + "\"")
	return b.String()
}

func (c Challenge) canonical() string {
	if c.session {
		return string(c.alg) + "-sess"
	}
	return string(c.alg)
}

// Session is one account at one peer. It remembers the last challenge, so that following requests carry credentials at once, and
// counts nc up. Safe for concurrent use.
type Session struct {
	user, password string

	mu      sync.Mutex // guards everything below
	current *Challenge
	count   uint32
	cnonce  string
	proxy   bool
	ok      bool // an answer to the current challenge was accepted
}

// NewSession makes the client side for one account.
func NewSession(user, password string) *Session { return &Session{user: user, password: password} }

// Challenged takes the challenges of a 401 (www) or 407 (proxy) to a request. sent says whether that request carried credentials
// of this session. It returns ErrRefused when the peer refused good-faith credentials: they were for the same realm, and the
// challenge is not stale and the earlier nonce had never been accepted. Otherwise repeat the request with Authorize.
func (s *Session) Challenged(www, proxy []string, sent bool) error {
	values, isProxy := www, false
	if len(values) == 0 {
		values, isProxy = proxy, true
	}
	c, err := ReadChallenges(values)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.current; sent && old != nil && old.Realm == c.Realm && !c.Stale && !s.ok {
		s.current = nil
		return fmt.Errorf("%w for realm %q", ErrRefused, c.Realm)
	}
	// A nonce that was accepted before and is now refused without stale=true has expired at a peer that does not know stale:
	// worth one more try, which Accepted/Challenged then judge afresh.
	if s.current == nil || s.current.Nonce != c.Nonce {
		s.count = 0
	}
	s.current, s.proxy, s.ok, s.cnonce = &c, isProxy, false, newCNonce()
	return nil
}

// Accepted notes that a request with our credentials got through.
func (s *Session) Accepted() {
	s.mu.Lock()
	s.ok = true
	s.mu.Unlock()
}

// Authorize returns the header name ("Authorization" or "Proxy-Authorization") and value for one request; both are empty before
// the first challenge. A value is good for one request.
func (s *Session) Authorize(method, uri string, body []byte) (name, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil {
		return "", ""
	}
	s.count++
	name = "Authorization"
	if s.proxy {
		name = "Proxy-Authorization"
	}
	return name, s.current.answer(method, uri, s.user, s.password, body, s.count, s.cnonce)
}
