package digest

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"strings"
)

// Algorithm is a hash of RFC 7616 section 3.3 in the spelling of the IANA registry.
type Algorithm string

// The algorithms known here. The server offers SHA-256 and MD5; the client also answers SHA-512-256.
const (
	MD5       Algorithm = "MD5"
	SHA256    Algorithm = "SHA-256"
	SHA512256 Algorithm = "SHA-512-256"
)

// parseAlgorithm reads the algorithm parameter. Empty means MD5 (RFC 7616 section 3.3); session is the -sess variant.
func parseAlgorithm(s string) (a Algorithm, session, ok bool) {
	up := strings.ToUpper(s)
	base, session := strings.CutSuffix(up, "-SESS")
	switch base {
	case "", "MD5":
		return MD5, session, true
	case "SHA-256":
		return SHA256, session, true
	case "SHA-512-256":
		return SHA512256, session, true
	}
	return "", false, false
}

// strength orders algorithms: more is stronger.
func (a Algorithm) strength() int {
	switch a {
	case SHA512256:
		return 3
	case SHA256:
		return 2
	case MD5:
		return 1
	}
	return 0
}

func (a Algorithm) newHash() hash.Hash {
	switch a {
	case SHA256:
		return sha256.New()
	case SHA512256:
		return sha512.New512_256()
	}
	return md5.New()
}

// hexLen is the length of a hash in hexadecimal characters.
func (a Algorithm) hexLen() int {
	if a == MD5 {
		return 2 * md5.Size
	}
	return 2 * sha256.Size
}

// join hashes the parts with colons between them and returns lower-case hex: H(a ":" b …) of RFC 7616.
func join(h hash.Hash, parts ...string) string {
	h.Reset()
	var buf [256]byte
	for i, p := range parts {
		if i > 0 {
			h.Write([]byte{':'})
		}
		for len(p) > 0 { // through a fixed buffer: converting the string would allocate
			n := copy(buf[:], p)
			h.Write(buf[:n])
			p = p[n:]
		}
	}
	var sum [sha512.Size]byte
	return hex.EncodeToString(h.Sum(sum[:0]))
}

// HA1 is H(user ":" realm ":" password) in lower-case hex: what a directory may keep instead of the password. It is bound to the
// realm; changing the realm voids it. It is as good as the password for this realm, so guard it as one.
func HA1(a Algorithm, user, realm, password string) string {
	return join(a.newHash(), user, realm, password)
}

// response computes the value of the response parameter (RFC 7616 section 3.4.1) from the parts.
type response struct {
	alg                   Algorithm
	session               bool
	ha1                   string
	nonce, cnonce, qop    string
	nc                    string // eight hex digits as sent
	method, uri, bodyHash string // bodyHash only for auth-int
}

func (r response) compute() string {
	h := r.alg.newHash()
	ha1 := r.ha1
	if r.session {
		ha1 = join(h, ha1, r.nonce, r.cnonce)
	}
	var ha2 string
	if r.qop == "auth-int" {
		ha2 = join(h, r.method, r.uri, r.bodyHash)
	} else {
		ha2 = join(h, r.method, r.uri)
	}
	if r.qop == "" {
		return join(h, ha1, r.nonce, ha2)
	}
	return join(h, ha1, r.nonce, r.nc, r.cnonce, r.qop, ha2)
}
