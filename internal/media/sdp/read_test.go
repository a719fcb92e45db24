package sdp

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestMalformedSaysWhatAndWhere(t *testing.T) {
	head := "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n" // 5 lines
	for _, tc := range []struct {
		name, in string
		line     int
		word     string
	}{
		{"empty", "", 0, "empty"},
		{"blank", "\r\n\r\n", 0, "empty"},
		{"not SDP", "hello", 1, "x=value"},
		{"binary", "\x00\x01\x02", 1, "x=value"},
		{"not from v=", "o=- 1 1 IN IP4 192.0.2.1\r\n", 1, "v=0"},
		{"version 1", "v=1\r\n", 1, "expected 0"},
		{"two v=", "v=0\r\nv=0\r\n", 2, "second v="},
		{"no o=", "v=0\r\ns=-\r\n", 0, "no o="},
		{"short o=", "v=0\r\no=- 1 1\r\n", 2, "3 fields"},
		{"id", "v=0\r\no=- x 1 IN IP4 192.0.2.1\r\n", 2, "session id"},
		{"version", "v=0\r\no=- 1 -1 IN IP4 192.0.2.1\r\n", 2, "version"},
		{"huge version", "v=0\r\no=- 1 99999999999999999999 IN IP4 192.0.2.1\r\n", 2, "64 bits"},
		{"o= in media", head + "m=audio 4 RTP/AVP 8\r\no=- 1 1 IN IP4 192.0.2.1\r\n", 7, "out of place"},
		{"short c=", "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nc=IN IP4\r\n", 3, "2 fields"},
		{"net type", "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nc=ATM IP4 1\r\n", 3, "network type"},
		{"addr type", "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nc=IN IP5 1\r\n", 3, "address type"},
		{"wrong type for address", head + "m=audio 4 RTP/AVP 8\r\nc=IN IP6 192.0.2.1\r\n", 7, "does not fit"},
		{"media c=", head + "m=audio 4 RTP/AVP 8\r\nc=IN\r\n", 7, "1 fields"},
		{"no c=", "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=audio 4 RTP/AVP 8\r\n", 5, "no c= line"},
		{"short m=", head + "m=audio 4 RTP/AVP\r\n", 6, "3 fields"},
		{"port word", head + "m=audio x RTP/AVP 8\r\n", 6, "port"},
		{"port high", head + "m=audio 65536 RTP/AVP 8\r\n", 6, "port"},
		{"port count", head + "m=audio 4000/0 RTP/AVP 8\r\n", 6, "number of ports"},
		{"format word", head + "m=audio 4 RTP/AVP wb\r\n", 6, "payload type"},
		{"format 128", head + "m=audio 4 RTP/AVP 128\r\n", 6, "0..127"},
		{"rtpmap", head + "m=audio 4 RTP/AVP 8\r\na=rtpmap:8\r\n", 7, "rtpmap"},
		{"rtpmap type", head + "m=audio 4 RTP/AVP 8\r\na=rtpmap:300 X/8000\r\n", 7, "rtpmap"},
		{"rtpmap rate", head + "m=audio 4 RTP/AVP 8\r\na=rtpmap:8 PCMA\r\n", 7, "clock rate"},
		{"rtpmap rate word", head + "m=audio 4 RTP/AVP 8\r\na=rtpmap:8 PCMA/fast\r\n", 7, "clock rate"},
		{"rtcp port", head + "m=audio 4 RTP/AVP 8\r\na=rtcp:x\r\n", 7, "rtcp port"},
		{"rtcp address", head + "m=audio 4 RTP/AVP 8\r\na=rtcp:1 IN\r\n", 7, "rtcp address"},
		{"lone CR smuggles a line", head + "m=audio 4 RTP/AVP 8\r\na=x\ra=crypto:1\r\n", 7, "control character 0x0d"},
		{"NUL", head + "a=x\x00y\r\n", 6, "control character 0x00"},
		{"no value sign", head + "m\r\n", 6, "x=value"},
		{"capital", head + "M=audio 4 RTP/AVP 8\r\n", 6, "x=value"},
		{"long line", head + "a=" + strings.Repeat("x", maxWidth+1) + "\r\n", 6, "limit"},
		{"many lines", head + strings.Repeat("a=x\r\n", maxLines), maxLines + 1, "more than"},
		{"many media", head + strings.Repeat("m=audio 4 RTP/AVP 8\r\n", maxMedia+1), 6 + maxMedia, "more than"},
		{"too big", strings.Repeat("a", MaxSize+1), 0, "limit"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, _, err := Answer(ours(), []byte(tc.in))
			wantKind(t, err, ErrMalformed, tc.line, tc.word)
			if SIPCode(err) != 400 {
				t.Errorf("code %d", SIPCode(err))
			}
			if _, err := ReadAnswer(ours(), []byte(tc.in)); err == nil {
				t.Error("ReadAnswer takes it")
			}
		})
	}
}

func TestToleratedFaults(t *testing.T) {
	for name, in := range map[string]string{
		"LF only":               "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\nm=audio 4000 RTP/AVP 8\n",
		"no last line end":      "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8",
		"no t= and no s=":       "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 8\r\n",
		"a= before c=":          "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\na=x\r\nt=0 0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 8\r\n",
		"unknown bandwidth":     "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nb=ZZ:many\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\nb=\r\n",
		"empty s=, bad u=":      "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=\r\nu=::\x01%zz\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n",
		"unknown line type":     "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\ny=0001\r\nm=audio 4000 RTP/AVP 8\r\n",
		"trailing blank":        "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n\r\n\r\n",
		"origin host name":      "v=0\r\no=Cisco-SIPUA 1 1 IN IP4 gw.example\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n",
		"fmtp without a number": "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\na=fmtp:\r\n",
		"UTF-8":                 "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=Çağrı mərkəzi\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\na=tool:ə\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			if _, s := mustAnswer(t, ours(), []byte(in)); s.Remote.Port() != 4000 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// A broken part of a line that is not used does not matter.
func TestFaultsInUnusedLinesDoNotMatter(t *testing.T) {
	_, s := mustAnswer(t, ours(), offerOf(
		"m=audio 4000 RTP/AVP 8",
		"m=audio 4002 RTP/AVP x", "c=bogus", "a=rtpmap:zz",
	))
	if s.Remote.Port() != 4000 {
		t.Errorf("%+v", s)
	}
	_, s = mustAnswer(t, ours(), offerOf(
		"m=audio 4002 RTP/AVP x", "c=bogus", "a=rtpmap:zz",
		"m=audio 4000 RTP/AVP 8",
	))
	if s.Remote.Port() != 4000 {
		t.Errorf("%+v", s)
	}
}

func TestOdditiesAreBounded(t *testing.T) {
	lines := []string{"m=audio 4000 RTP/AVP 8"}
	for range 100 {
		lines = append(lines, "a=fmtp:x")
	}
	_, s := mustAnswer(t, ours(), offerOf(lines...))
	if len(s.Oddities) != 8 || !strings.Contains(s.Oddities[0], "line 7") {
		t.Errorf("%q", s.Oddities)
	}
}

func TestSIPCodeThroughWrapping(t *testing.T) {
	_, _, err := Answer(ours(), nil)
	if SIPCode(fmt.Errorf("call 7: %w", err)) != 400 || SIPCode(errors.New("other")) != 500 {
		t.Error("codes")
	}
	if _, err := Offer(Local{}); SIPCode(err) != 500 || !errors.Is(err, ErrLocal) {
		t.Errorf("%v", err)
	}
	if code, _ := (&Error{Kind: ErrMalformed}).Warning(); code != 0 {
		t.Error("a 400 has no warning")
	}
}
