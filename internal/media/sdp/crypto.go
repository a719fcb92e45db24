package sdp

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Suite is an SRTP crypto suite by its name in a=crypto (RFC 4568 §6.2,
// RFC 7714 §14.2).
type Suite string

// The suites this package negotiates.
const (
	AES128SHA1_80 Suite = "AES_CM_128_HMAC_SHA1_80"
	AES128SHA1_32 Suite = "AES_CM_128_HMAC_SHA1_32"
	AES128GCM     Suite = "AEAD_AES_128_GCM"
	AES256GCM     Suite = "AEAD_AES_256_GCM"
)

// DefaultSuites is our order of preference: GCM costs less than half of the
// counter mode with SHA-1, the 32-bit tag comes last.
func DefaultSuites() []Suite {
	return []Suite{AES128GCM, AES256GCM, AES128SHA1_80, AES128SHA1_32}
}

// KeyLen and SaltLen are the lengths in bytes of master key and master salt;
// both 0 for a suite that is not known.
func (s Suite) KeyLen() int {
	switch s {
	case AES128SHA1_80, AES128SHA1_32, AES128GCM:
		return 16
	case AES256GCM:
		return 32
	}
	return 0
}

// SaltLen is the length of the master salt in bytes.
func (s Suite) SaltLen() int {
	switch s {
	case AES128SHA1_80, AES128SHA1_32:
		return 14
	case AES128GCM, AES256GCM:
		return 12
	}
	return 0
}

// Key is a master key of one direction. It prints as its suite only, so that a
// key cannot slip into a log.
type Key struct {
	Suite Suite
	Key   []byte
	Salt  []byte
	MKI   []byte // master key identifier the peer puts into its packets; nil = none
}

// String names the suite and hides the key.
func (k Key) String() string { return string(k.Suite) + " (key not shown)" }

// GoString hides the key as well.
func (k Key) GoString() string { return k.String() }

// Format hides the key for every verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

func (k Key) valid() bool {
	return k.Suite.KeyLen() > 0 && len(k.Key) == k.Suite.KeyLen() && len(k.Salt) == k.Suite.SaltLen()
}

// SRTPKeys is what both sides encrypt with: we with Local, the peer with Remote.
type SRTPKeys struct {
	Suite  Suite
	Tag    int // of the accepted crypto attribute
	Local  Key
	Remote Key
}

// NewKeys reads fresh master keys for the suites (nil = DefaultSuites) from
// random, which must be a cryptographic source such as crypto/rand.Reader.
func NewKeys(random io.Reader, suites ...Suite) ([]Key, error) {
	if len(suites) == 0 {
		suites = DefaultSuites()
	}
	keys := make([]Key, 0, len(suites))
	for _, s := range suites {
		if s.KeyLen() == 0 {
			return nil, refuse(ErrLocal, 0, "SRTP suite %q is not known", string(s))
		}
		b := make([]byte, s.KeyLen()+s.SaltLen())
		if _, err := io.ReadFull(random, b); err != nil {
			return nil, fmt.Errorf("sdp: no random bytes for an SRTP key: %w", err)
		}
		keys = append(keys, Key{Suite: s, Key: b[:s.KeyLen():s.KeyLen()], Salt: b[s.KeyLen():]})
	}
	return keys, nil
}

// attribute is the value of a=crypto for our key.
func (k Key) attribute(tag int) string {
	raw := append(append(make([]byte, 0, 44), k.Key...), k.Salt...)
	return strconv.Itoa(tag) + " " + string(k.Suite) + " inline:" + base64.StdEncoding.EncodeToString(raw)
}

// crypto is one parsed a=crypto line of the peer.
type crypto struct {
	tag int
	key Key
}

// parseCrypto reads the value of a=crypto (RFC 4568 §9.1). Lifetime and MKI are
// accepted; a session parameter that would weaken the protection, or that we
// do not know, makes the line unusable, as §6.3 demands.
func parseCrypto(value string) (crypto, error) {
	f := strings.Fields(value)
	if len(f) < 3 {
		return crypto{}, fmt.Errorf("a=crypto needs a tag, a suite and a key")
	}
	if len(f[0]) > 9 {
		return crypto{}, fmt.Errorf("a=crypto tag is longer than 9 digits")
	}
	tag, err := strconv.ParseUint(f[0], 10, 32)
	if err != nil {
		return crypto{}, fmt.Errorf("a=crypto tag %.12q is not a number", f[0])
	}
	suite := Suite(strings.ToUpper(f[1]))
	if suite.KeyLen() == 0 {
		return crypto{}, fmt.Errorf("suite %.40q is not known", f[1])
	}
	key, err := parseInline(suite, f[2])
	if err != nil {
		return crypto{}, err
	}
	for _, p := range f[3:] {
		name, _, _ := strings.Cut(strings.ToUpper(p), "=")
		switch {
		case name == "WSH" || strings.HasPrefix(p, "-"): // a hint; "-" marks what may be ignored
		case name == "KDR" && strings.EqualFold(p, "KDR=0"): // the default
		default:
			return crypto{}, fmt.Errorf("session parameter %.40q is not supported", p)
		}
	}
	return crypto{tag: int(tag), key: key}, nil
}

// parseInline reads key parameters. None of the messages shows key material.
func parseInline(suite Suite, s string) (Key, error) {
	if strings.Contains(s, ";") {
		return Key{}, fmt.Errorf("several master keys in one a=crypto are not supported")
	}
	const method = "inline:"
	if len(s) < len(method) || !strings.EqualFold(s[:len(method)], method) {
		return Key{}, fmt.Errorf("key method is not inline")
	}
	parts := strings.Split(s[len(method):], "|")
	if len(parts) > 3 {
		return Key{}, fmt.Errorf("too many fields after the key")
	}
	enc := base64.RawStdEncoding
	raw, err := enc.DecodeString(strings.TrimRight(parts[0], "="))
	if err != nil {
		return Key{}, fmt.Errorf("key is not base64")
	}
	if want := suite.KeyLen() + suite.SaltLen(); len(raw) != want {
		return Key{}, fmt.Errorf("%s needs %d bytes of key and salt, got %d", suite, want, len(raw))
	}
	k := Key{Suite: suite, Key: raw[:suite.KeyLen():suite.KeyLen()], Salt: raw[suite.KeyLen():]}
	for i, p := range parts[1:] {
		id, length, isMKI := strings.Cut(p, ":")
		switch {
		case !isMKI && i == 0:
			if err := parseLifetime(p); err != nil {
				return Key{}, err
			}
		case isMKI && i == len(parts)-2:
			if k.MKI, err = parseMKI(id, length); err != nil {
				return Key{}, err
			}
		default:
			return Key{}, fmt.Errorf("fields after the key are not lifetime and MKI")
		}
	}
	return k, nil
}

// parseLifetime checks a key lifetime, "2^31" or a number of packets. It is not
// enforced: at 50 packets a second 2^31 packets are 497 days.
func parseLifetime(s string) error {
	digits, isPower := strings.CutPrefix(s, "2^")
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || n == 0 || isPower && n > 48 {
		return fmt.Errorf("key lifetime %.24q is not valid", s)
	}
	return nil
}

// parseMKI gives the identifier as the bytes that stand in a packet.
func parseMKI(id, length string) ([]byte, error) {
	n, err := strconv.ParseUint(length, 10, 8)
	if err != nil || n == 0 || n > 128 {
		return nil, fmt.Errorf("MKI length %.8q is not 1..128", length)
	}
	v, err := strconv.ParseUint(id, 10, 64)
	if err != nil || n < 8 && v>>(8*n) != 0 {
		return nil, fmt.Errorf("MKI %.24q does not fit %d bytes", id, n)
	}
	out := make([]byte, n)
	for i := len(out) - 1; i >= 0 && v > 0; i-- {
		out[i] = byte(v)
		v >>= 8
	}
	return out, nil
}

// match picks the first offered crypto line (RFC 4568 §6.1: the order is the
// offerer's preference) for whose suite we have a key.
func match(offered []crypto, ours []Key) *SRTPKeys {
	for _, o := range offered {
		for _, k := range ours {
			if k.Suite != o.key.Suite {
				continue
			}
			// A peer that sends our own key back would make both directions use
			// one keystream.
			if bytes.Equal(k.Key, o.key.Key) && bytes.Equal(k.Salt, o.key.Salt) {
				continue
			}
			return &SRTPKeys{Suite: k.Suite, Tag: o.tag, Local: k, Remote: o.key}
		}
	}
	return nil
}
