package sdp

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	pion "github.com/pion/sdp/v3"
)

// text joins lines to a description.
func text(lines ...string) []byte { return []byte(strings.Join(lines, "\r\n") + "\r\n") }

// offerOf is a plain offer: the session part and the lines given.
func offerOf(lines ...string) []byte {
	return text(append([]string{
		"v=0", "o=peer 77 3 IN IP4 192.0.2.10", "s=-", "c=IN IP4 192.0.2.10", "t=0 0",
	}, lines...)...)
}

func ours() Local {
	return Local{Addr: netip.MustParseAddr("198.51.100.1"), RTPPort: 20000, SessionID: 9, Version: 4}
}

func withKeys(t testing.TB, p SRTPPolicy, suites ...Suite) Local {
	t.Helper()
	l := ours()
	l.SRTP = p
	l.Keys = testKeys(t, 1, suites...)
	return l
}

// testKeys are repeatable: byte i of the stream is seed+i.
func testKeys(t testing.TB, seed byte, suites ...Suite) []Key {
	t.Helper()
	k, err := NewKeys(counter(seed), suites...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

type counterReader struct{ next byte }

func counter(seed byte) *counterReader { return &counterReader{seed} }

func (c *counterReader) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = c.next
		c.next++
	}
	return len(p), nil
}

// mustAnswer answers and holds the answer against pion's parser.
func mustAnswer(t testing.TB, l Local, offer []byte) (string, Session) {
	t.Helper()
	a, s, err := Answer(l, offer)
	if err != nil {
		t.Fatalf("Answer: %v\noffer:\n%s", err, offer)
	}
	mustPion(t, a)
	return string(a), s
}

func mustPion(t testing.TB, b []byte) *pion.SessionDescription {
	t.Helper()
	var d pion.SessionDescription
	if err := d.Unmarshal(b); err != nil {
		t.Fatalf("pion does not read what we wrote: %v\n%s", err, b)
	}
	return &d
}

func wantKind(t testing.TB, err error, kind error, line int, words ...string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an *Error of kind %v", err, kind)
	}
	if !errors.Is(err, kind) || e.Line != line {
		t.Fatalf("got %q on line %d, want kind %q on line %d", err, e.Line, kind, line)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Fatalf("%q does not mention %q", err, w)
		}
	}
}

func has(t testing.TB, answer string, lines ...string) {
	t.Helper()
	for _, l := range lines {
		if !strings.Contains("\r\n"+answer, "\r\n"+l+"\r\n") {
			t.Errorf("line %q is missing in\n%s", l, answer)
		}
	}
}

func hasNot(t testing.TB, answer string, words ...string) {
	t.Helper()
	for _, w := range words {
		if strings.Contains(answer, w) {
			t.Errorf("%q should not stand in\n%s", w, answer)
		}
	}
}

func mediaLines(s string) (out []string) {
	for l := range strings.SplitSeq(s, "\r\n") {
		if strings.HasPrefix(l, "m=") {
			out = append(out, l)
		}
	}
	return out
}
