package event

import (
	"bytes"
	"encoding/json"
	"time"
)

// The journal is read far more often than by programs that need all of it, and
// most of it was written by Append: the fields in one order, names and ids without
// a character that JSON escapes. Such a head is read here without a JSON parser;
// everything else goes the long way and gives the same.

// plain says that c stands for itself in a JSON string, as json.Marshal writes it.
func plain(c byte) bool {
	return c >= ' ' && c < 0x7f && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&'
}

// appendString writes s as a JSON string.
func appendString(dst []byte, s string) []byte {
	for i := range len(s) {
		if !plain(s[i]) {
			b, _ := json.Marshal(s) // of a string it cannot fail
			return append(dst, b...)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}

// scan is what is left of an encoded event; ok falls with the first surprise.
type scan struct {
	b  []byte
	ok bool
}

func (s *scan) lit(want string) {
	if !s.try(want) {
		s.ok = false
	}
}

func (s *scan) try(want string) bool {
	if !bytes.HasPrefix(s.b, []byte(want)) {
		return false
	}
	s.b = s.b[len(want):]
	return true
}

// str reads up to the closing quote.
func (s *scan) str() []byte {
	for i, c := range s.b {
		if c == '"' {
			out := s.b[:i]
			s.b = s.b[i+1:]
			return out
		}
		if !plain(c) {
			break
		}
	}
	s.ok = false
	return nil
}

// num reads a whole number without sign or leading zero, small enough for both
// fields that hold one.
func (s *scan) num() (n uint64) {
	i := 0
	for ; i < len(s.b) && i < 16 && s.b[i] >= '0' && s.b[i] <= '9'; i++ {
		n = n*10 + uint64(s.b[i]-'0')
	}
	if i == 0 || i > 1 && s.b[0] == '0' {
		s.ok = false
	}
	s.b = s.b[i:]
	return n
}

func plainHead(b []byte) (Head, bool) {
	s := scan{b: b, ok: true}
	var h Head
	s.lit(`{"id":"`)
	id := s.str()
	s.lit(`,"at":"`)
	at := s.str()
	s.lit(`,"body":"`)
	body := s.str()
	var call, agent []byte
	if s.try(`,"call":"`) {
		call = s.str()
	}
	if s.try(`,"agent":"`) {
		agent = s.str()
	}
	if s.try(`,"seq":`) {
		h.Seq = s.num()
	}
	s.lit(`,"kind":"`)
	kind := s.str()
	s.lit(`,"v":`)
	h.Version = int(s.num())
	s.lit(`,"data":{`)
	n := len(s.b)
	if !s.ok || n < 2 || s.b[n-1] != '}' || s.b[n-2] != '}' {
		return h, false
	}
	h.Data = json.RawMessage(b[len(b)-n-1 : len(b)-1])
	// What stands behind the payload would be taken for a part of it.
	if !json.Valid(h.Data) {
		return h, false
	}
	t, err := time.Parse(time.RFC3339Nano, string(at))
	if err != nil {
		return h, false
	}
	h.At = t.UTC()
	h.ID, h.Body, h.Call, h.Agent, h.Kind = string(id), string(body), string(call), string(agent), Kind(kind)
	return h, true
}
