package digest

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

// The reasons why Check refuses, to be told apart with errors.Is. ErrMalformed (400) is the only one that comes without a
// challenge; all others are answered 401 with the challenges.
var (
	// ErrMissing: no credentials for our realm, the normal first step of every client. Not a failure to be counted.
	ErrMissing = errors.New("no credentials for this realm")
	// ErrDenied: wrong user, wrong password, wrong URI, an algorithm or qop that was not offered. Count it against the source.
	ErrDenied = errors.New("credentials do not fit")
	// ErrStale: right password, but the nonce is too old, not ours (for instance from before a restart) or this count was used.
	ErrStale = errors.New("nonce no longer valid")
)

// Secret is what the directory keeps of one user's password: the password itself, or one or both HA1 values (lower-case hex, see
// HA1). An algorithm for which neither is there cannot be used by that user.
type Secret struct {
	Password  string
	HA1MD5    string
	HA1SHA256 string
}

// Server checks credentials of one realm. It is safe for concurrent use.
type Server struct {
	realm    string
	algs     []Algorithm
	lifetime time.Duration
	hosts    map[string]bool
	now      func() time.Time
	minter   minter
	replay   *replay
	decoy    string // stands in for the password of users that do not exist; of common length, so that it costs as many hash blocks
}

// Option changes a Server's defaults.
type Option func(*Server)

// WithLifetime sets how long a nonce is accepted after it was issued (default 5 minutes). After that a client with the right
// password gets stale=true and repeats without asking its user.
func WithLifetime(d time.Duration) Option { return func(s *Server) { s.lifetime = d } }

// WithAlgorithms sets what is offered, strongest first (default SHA-256, MD5). Drop MD5 where no old phone needs it; drop SHA-256
// where the directory only has MD5 HA1 values, because a client must not be asked for what cannot be checked.
func WithAlgorithms(algs ...Algorithm) Option { return func(s *Server) { s.algs = algs } }

// WithMemory sets how many (nonce, user) pairs the replay window remembers (default 16,384, about 200 bytes each).
func WithMemory(pairs int) Option { return func(s *Server) { s.replay.max = max(pairs, 1) } }

// WithHosts names further hosts a client may write in the uri parameter for us, beside the Request-URI's host and the realm.
func WithHosts(hosts ...string) Option {
	return func(s *Server) {
		for _, h := range hosts {
			s.hosts[normalHost(h)] = true
		}
	}
}

// NewServer makes the server side of realm. key signs the nonces: at least 16 random bytes; use the same key on all servers that
// share the realm, or a new random one per start (clients then get one stale=true). now is the clock.
func NewServer(realm string, key []byte, now func() time.Time, opts ...Option) *Server {
	s := &Server{
		realm: realm, algs: []Algorithm{SHA256, MD5}, lifetime: 5 * time.Minute, hosts: map[string]bool{normalHost(realm): true},
		now: now, minter: minter{key: derive(key, "nonce"), realm: realm}, decoy: hex.EncodeToString(derive(key, "decoy")[:8]),
	}
	s.replay = newReplay(1<<14, 0)
	for _, o := range opts {
		o(s)
	}
	s.replay.lifetime = s.lifetime
	return s
}

// derive keeps the two uses of the key apart.
func derive(key []byte, use string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(use))
	return h.Sum(nil)
}

// Realm is the realm the server was made for.
func (s *Server) Realm() string { return s.realm }

// Remembered is the number of (nonce, user) pairs in the replay window, for metrics.
func (s *Server) Remembered() int { return s.replay.size() }

// Challenge returns the WWW-Authenticate values for a 401, one per algorithm, strongest first (RFC 8760 section 2.3: one header
// field each, most preferred on top). All share one nonce.
func (s *Server) Challenge(stale bool) []string {
	nonce := s.minter.mint(s.now())
	out := make([]string, 0, len(s.algs))
	for _, a := range s.algs {
		v := "Digest realm=" + quote(s.realm) + ", nonce=\"" + nonce + "\", "
		if stale {
			v += "stale=true, "
		}
		out = append(out, v+"algorithm="+string(a)+", qop=\"auth\"")
	}
	return out
}

// Check verifies the Authorization values of one request. method and uri are the request's own (uri the whole Request-URI).
// creds returns a user's secret; it is called at most once, also for users who do not exist, so keep its own timing even.
//
// err == nil: user is who they say. Otherwise user is empty, challenge holds the WWW-Authenticate values for the 401 (empty for
// ErrMalformed) and err wraps one of ErrMissing, ErrDenied, ErrStale, ErrMalformed. stale is true exactly with ErrStale.
//
// Do not call it for ACK and CANCEL: they cannot be challenged (RFC 3261 section 22.1) and repeat the INVITE's credentials.
// Credentials without qop (RFC 2069 clients) are accepted once per nonce, since without a count a replay cannot be seen.
func (s *Server) Check(method, uri string, authorization []string, creds func(user string) (Secret, bool)) (user string, challenge []string, stale bool, err error) {
	c, err := s.choose(authorization)
	switch {
	case errors.Is(err, ErrMalformed):
		return "", nil, false, err
	case err != nil:
		return "", s.Challenge(false), false, err
	}
	now := s.now()
	id, genuine := s.minter.open(c.Nonce)
	if !s.verify(method, uri, c, creds) {
		return "", s.Challenge(false), false, fmt.Errorf("%w", ErrDenied)
	}
	age := now.Sub(id.issued())
	// A nonce from the future can only come from another server of the cluster whose clock runs ahead a little.
	if !genuine || age > s.lifetime || age < -time.Minute {
		return "", s.Challenge(true), true, fmt.Errorf("%w: not issued here or expired", ErrStale)
	}
	if !s.replay.accept(useKey{id, c.Username}, c.Count, now) {
		return "", s.Challenge(true), true, fmt.Errorf("%w: nonce count used before", ErrStale)
	}
	return c.Username, nil, false, nil
}

// choose picks the credentials for our realm, the strongest if there are several.
func (s *Server) choose(values []string) (best Credentials, err error) {
	if len(values) > maxValues {
		return best, fmt.Errorf("%w: %d credentials in one request, at most %d are read", ErrMalformed, len(values), maxValues)
	}
	rank := -1
	var bad error
	for _, v := range values {
		c, isDigest, err := ParseCredentials(v)
		if err != nil {
			bad = err
			continue
		}
		if !isDigest || c.Realm != s.realm {
			continue
		}
		a, _, _ := parseAlgorithm(c.Algorithm)
		if n := a.strength(); n > rank {
			rank, best = n, c
		}
	}
	switch {
	case rank >= 0:
		return best, nil
	case bad != nil:
		return best, bad
	}
	return best, fmt.Errorf("%w (%q)", ErrMissing, s.realm)
}

// verify compares the response. It does the same work whether or not the user exists, has an HA1 or a password, and whether or
// not the rest of the credentials is acceptable; the verdict is put together at the end.
func (s *Server) verify(method, uri string, c Credentials, creds func(string) (Secret, bool)) bool {
	alg, session, known := parseAlgorithm(c.Algorithm)
	known = known && !session && s.offers(alg)
	if !known {
		alg = s.algs[0]
	}
	secret, exists := creds(c.Username)
	password, stored := secret.Password, secret.HA1SHA256
	if alg == MD5 {
		stored = secret.HA1MD5
	}
	usable := exists && (password != "" || len(stored) == alg.hexLen())
	if password == "" {
		password = s.decoy
	}
	ha1 := HA1(alg, c.Username, s.realm, password) // computed also when a stored one is then taken
	if len(stored) == alg.hexLen() {
		ha1 = strings.ToLower(stored)
	}
	want := response{alg: alg, ha1: ha1, nonce: c.Nonce, cnonce: c.CNonce, qop: c.QOP, nc: c.nc, method: method, uri: c.URI}
	if c.QOP == "auth-int" {
		want.qop = "auth" // not offered; refused below, after the same work
	}
	same := subtle.ConstantTimeCompare([]byte(want.compute()), []byte(c.Response)) == 1
	fits := s.sameURI(method, uri, c.URI)
	return same && fits && usable && known && c.QOP != "auth-int" && !c.UserHash
}

func (s *Server) offers(a Algorithm) bool {
	for _, o := range s.algs {
		if o == a {
			return true
		}
	}
	return false
}
