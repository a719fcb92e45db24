package dtmf

import (
	"strings"
	"testing"
)

func TestParseInfo(t *testing.T) {
	const relay, plain = "application/dtmf-relay", "application/dtmf"
	for _, tc := range []struct {
		kind, body string
		want       byte
	}{
		{relay, "Signal=5\r\nDuration=160\r\n", '5'},
		{relay, "Signal=5\nDuration=160", '5'},
		{relay, "Signal= 5\r\nDuration= 160\r\n", '5'},
		{relay, "Duration=160\r\nSignal=#\r\n", '#'},
		{relay, "signal=*", '*'},
		{relay, "SIGNAL=a\r\n", 'A'},
		{relay, "Signal=10\r\n", '*'}, {relay, "Signal=11\r\n", '#'}, {relay, "Signal=15\r\n", 'D'},
		{"Application/DTMF-Relay; charset=utf-8", "Signal=0\r\n", '0'},
		{" application/dtmf-relay ", "Signal=0\r\n", '0'},
		{plain, "5", '5'}, {plain, "5\r\n", '5'}, {plain, " # ", '#'}, {plain, "d", 'D'}, {plain, "11", '#'},
		{plain, "Signal=5\r\nDuration=250\r\n", '5'},
		{relay, "", 0}, {relay, "5", 0}, {relay, "Signal=", 0}, {relay, "Signal=55", 0}, {relay, "Signal=16", 0}, {relay, "Signal=!", 0},
		{relay, "Duration=5", 0}, {relay, "Signal", 0}, {relay, "Signal=x\r\nSignal=5", 0},
		{plain, "", 0}, {plain, "16", 0}, {plain, "123", 0}, {plain, "\x05", 0}, {plain, "Duration=5", 0},
		{"text/plain", "5", 0}, {"", "Signal=5", 0}, {"application/dtmf-relayx", "Signal=5", 0},
		{relay, "Signal=5" + strings.Repeat("\r\n", maxInfo), 0},
	} {
		got, ok := ParseInfo(tc.kind, []byte(tc.body))
		if got != tc.want || ok != (tc.want != 0) {
			t.Errorf("%q %q: %q %v, want %q", tc.kind, tc.body, got, ok, tc.want)
		}
	}
}

func FuzzParseInfo(f *testing.F) {
	f.Add("application/dtmf-relay", []byte("Signal=5\r\nDuration=160\r\n"))
	f.Add("application/dtmf", []byte("5"))
	f.Add("application/dtmf;x", []byte("signal = 11"))
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		d, ok := ParseInfo(kind, body)
		if _, key := Code(d); ok != key {
			t.Fatalf("%q %v", d, ok)
		}
	})
}
