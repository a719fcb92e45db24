package digest

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"time"
)

// A nonce is hex of: 8 bytes issue time (Unix nanoseconds, big endian), 8 bytes salt, 16 bytes HMAC-SHA256(key, time|salt|realm)
// cut to its left half. Hex rather than base64: some phones mangle '+', '/' and '='.
const (
	nonceID  = 16 // time and salt
	nonceMAC = 16
	nonceHex = 2 * (nonceID + nonceMAC)
)

type nonceKey [nonceID]byte

func (k nonceKey) issued() time.Time { return time.Unix(0, int64(binary.BigEndian.Uint64(k[:8]))) }

type minter struct {
	key   []byte
	realm string
}

func (m minter) mac(id nonceKey) (out [nonceMAC]byte) {
	h := hmac.New(sha256.New, m.key)
	h.Write(id[:])
	h.Write([]byte(m.realm))
	var sum [sha256.Size]byte
	copy(out[:], h.Sum(sum[:0]))
	return out
}

func (m minter) mint(now time.Time) string {
	var raw [nonceID + nonceMAC]byte
	binary.BigEndian.PutUint64(raw[:8], uint64(now.UnixNano()))
	rand.Read(raw[8:nonceID]) // never fails since Go 1.24: it ends the program instead
	mac := m.mac(nonceKey(raw[:nonceID]))
	copy(raw[nonceID:], mac[:])
	return hex.EncodeToString(raw[:])
}

// open returns the identity of a nonce of ours; ok is false when we never issued it. A MAC is computed in every case.
func (m minter) open(nonce string) (id nonceKey, ok bool) {
	var raw [nonceID + nonceMAC]byte
	if len(nonce) == nonceHex {
		_, err := hex.Decode(raw[:], []byte(nonce))
		ok = err == nil
	}
	id = nonceKey(raw[:nonceID])
	mac := m.mac(id)
	return id, subtle.ConstantTimeCompare(mac[:], raw[nonceID:]) == 1 && ok
}
