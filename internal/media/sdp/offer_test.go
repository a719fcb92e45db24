package sdp

import (
	"bytes"
	"net/netip"
	"slices"
	"testing"
)

func mustOffer(t testing.TB, l Local) string {
	t.Helper()
	o, err := Offer(l)
	if err != nil {
		t.Fatal(err)
	}
	mustPion(t, o)
	return string(o)
}

func TestOffer(t *testing.T) {
	o := mustOffer(t, ours())
	has(t, o, "o=- 9 4 IN IP4 198.51.100.1", "c=IN IP4 198.51.100.1", "t=0 0", "m=audio 20000 RTP/AVP 8 0 101 13",
		"a=rtpmap:8 PCMA/8000", "a=rtpmap:0 PCMU/8000", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15", "a=rtpmap:13 CN/8000",
		"a=ptime:20", "a=maxptime:60", "a=sendrecv")
	hasNot(t, o, "rtcp", "crypto")
	l := ours()
	l.Direction, l.Ptime, l.RTCPPort, l.Mux = SendOnly, 30, 21000, true
	l.Codecs, _ = Codecs("pcmu")
	has(t, mustOffer(t, l), "m=audio 20000 RTP/AVP 0", "a=ptime:30", "a=rtcp:21000", "a=rtcp-mux", "a=sendonly")
}

func TestOfferIsRepeatable(t *testing.T) {
	l := withKeys(t, SRTPOffer)
	a, b := mustOffer(t, l), mustOffer(t, l)
	if a != b || !Unchanged([]byte(a), []byte(b)) {
		t.Error("the same Local gives another offer")
	}
	l.Version++
	c := mustOffer(t, l)
	if a == c || !Unchanged([]byte(a), []byte(c)) {
		t.Error("only the version differs, and that is not a change")
	}
	l.Direction = Inactive
	if Unchanged([]byte(a), []byte(mustOffer(t, l))) {
		t.Error("hold is a change")
	}
	l.SessionID++
	if Unchanged(nil, []byte(a)) || Unchanged([]byte(c), []byte(mustOffer(t, l))) {
		t.Error("another session is a change")
	}
}

func TestLocalIsChecked(t *testing.T) {
	key := testKeys(t, 1, AES128GCM)[0]
	for name, f := range map[string]func(*Local){
		"no address":   func(l *Local) { l.Addr = netip.Addr{} },
		"multicast":    func(l *Local) { l.Addr = netip.MustParseAddr("224.0.0.1") },
		"zone":         func(l *Local) { l.Addr = netip.MustParseAddr("fe80::1%eth0") },
		"port":         func(l *Local) { l.RTPPort = 0 },
		"no rtcp port": func(l *Local) { l.RTPPort = 65535 },
		"ptime":        func(l *Local) { l.Ptime = 25 },
		"direction":    func(l *Local) { l.Direction = 9 },
		"policy":       func(l *Local) { l.SRTP = 9 },
		"no keys":      func(l *Local) { l.SRTP = SRTPRequire },
		"short key": func(l *Local) {
			l.SRTP = SRTPOffer
			l.Keys = []Key{{Suite: AES128GCM, Key: key.Key, Salt: key.Salt[1:]}}
		},
		"suite":       func(l *Local) { l.SRTP = SRTPOffer; l.Keys = []Key{{Suite: "X", Key: key.Key, Salt: key.Salt}} },
		"codec":       func(l *Local) { l.Codecs = []Codec{{Name: "opus", PT: 96}} },
		"no speech":   func(l *Local) { l.Codecs = []Codec{{Name: TelephoneEvent, PT: 96}} },
		"same number": func(l *Local) { l.Codecs = []Codec{{Name: PCMA, PT: 8}, {Name: PCMU, PT: 8}} },
		"same codec":  func(l *Local) { l.Codecs = []Codec{{Name: PCMA, PT: 8}, {Name: PCMA, PT: 97}} },
		"number 128":  func(l *Local) { l.Codecs = []Codec{{Name: PCMA, PT: 128}} },
		"rate":        func(l *Local) { l.Codecs = []Codec{{Name: PCMA, PT: 8, Rate: 16000}} },
		"stereo":      func(l *Local) { l.Codecs = []Codec{{Name: PCMA, PT: 8, Channels: 2}} },
		"layout":      func(l *Local) { l.Layout = Layout{Lines: make([]MediaLine, 2), Audio: 2} },
		"huge layout": func(l *Local) { l.Layout = Layout{Lines: make([]MediaLine, 99)} },
	} {
		l := ours()
		f(&l)
		_, err := Offer(l)
		if err == nil || SIPCode(err) != 500 {
			t.Errorf("%s: Offer gives %v", name, err)
		}
		if _, _, err := Answer(l, offerOf("m=audio 4 RTP/AVP 8")); SIPCode(err) != 500 {
			t.Errorf("%s: Answer gives %v", name, err)
		}
		if _, err := ReadAnswer(l, offerOf("m=audio 4 RTP/AVP 8")); SIPCode(err) != 500 {
			t.Errorf("%s: ReadAnswer gives %v", name, err)
		}
	}
	if _, err := Codecs("opus"); err == nil {
		t.Error("unknown codec name")
	}
}

func TestReadAnswer(t *testing.T) {
	s, err := ReadAnswer(ours(), offerOf("m=audio 4000 RTP/AVP 0 101 13", "a=rtpmap:101 telephone-event/8000", "a=recvonly", "a=ptime:30"))
	if err != nil {
		t.Fatal(err)
	}
	if s.Codec.Name != PCMU || s.Codec.PT != 0 || s.DTMF != (Format{101, 101, true}) || s.CN != (Format{13, 13, true}) ||
		s.LocalDirection != SendOnly || s.RemoteDirection != RecvOnly || s.Hold || s.Ptime != 30 || s.Profile != "RTP/AVP" || s.RemoteVersion != 3 {
		t.Errorf("%+v", s)
	}
}

// RFC 3264 §6.1: the answerer may use other numbers; we send with its, and expect ours.
func TestReadAnswerWithOtherNumbers(t *testing.T) {
	s, err := ReadAnswer(ours(), offerOf("m=audio 4000 RTP/AVP 97 96", "a=rtpmap:97 PCMA/8000", "a=rtpmap:96 telephone-event/8000"))
	if err != nil {
		t.Fatal(err)
	}
	if s.Codec.PT != 97 || s.RecvPT != 8 || s.DTMF != (Format{96, 101, true}) || s.CN.OK {
		t.Errorf("%+v", s)
	}
}

func TestReadAnswerWithoutMaps(t *testing.T) {
	s, err := ReadAnswer(ours(), offerOf("m=audio 4000 RTP/AVP 8 101"))
	if err != nil || s.DTMF != (Format{101, 101, true}) {
		t.Errorf("101 without rtpmap means ours: %+v %v", s, err)
	}
}

func TestReadAnswerRefusals(t *testing.T) {
	two := ours()
	two.Layout = Layout{Lines: []MediaLine{{"video", "RTP/AVP", []string{"96"}}, {"audio", "RTP/AVP", []string{"8"}}}, Audio: 1}
	for _, tc := range []struct {
		name  string
		l     Local
		lines []string
		kind  error
		line  int
	}{
		{"nothing", ours(), nil, ErrMalformed, 0},
		{"rejected", ours(), []string{"m=audio 0 RTP/AVP 8"}, ErrRejected, 6},
		{"other media", ours(), []string{"m=video 4000 RTP/AVP 96"}, ErrMalformed, 6},
		{"other protocol", ours(), []string{"m=audio 4000 UDP/TLS/RTP/SAVP 8"}, ErrMalformed, 6},
		{"other codec", ours(), []string{"m=audio 4000 RTP/AVP 18"}, ErrNoCommonCodec, 6},
		{"keys we did not offer", ours(), []string{"m=audio 4000 RTP/SAVP 8"}, ErrSecureRefused, 6},
		{"no keys", withKeys(t, SRTPRequire), []string{"m=audio 4000 RTP/SAVP 8"}, ErrSecureRequired, 6},
		{"no keys, plain", withKeys(t, SRTPRequire), []string{"m=audio 4000 RTP/AVP 8"}, ErrSecureRequired, 6},
		{"too few lines", two, []string{"m=video 0 RTP/AVP 96"}, ErrMalformed, 0},
		{"address", ours(), []string{"m=audio 4000 RTP/AVP 8", "c=IN IP4 host"}, ErrAddress, 7},
		{"family", ours(), []string{"m=audio 4000 RTP/AVP 8", "c=IN IP6 2001:db8::1"}, ErrAddress, 6},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := ReadAnswer(tc.l, offerOf(tc.lines...))
			wantKind(t, err, tc.kind, tc.line)
		})
	}
	s, err := ReadAnswer(two, offerOf("m=video 0 RTP/AVP 96", "m=audio 4000 RTP/AVP 8", "m=audio 4002 RTP/AVP 8"))
	if err != nil || s.Remote.Port() != 4000 || len(s.Oddities) != 1 {
		t.Errorf("a line too many is odd but harmless: %+v %v", s, err)
	}
}

// A phone that answers sendrecv to our sendonly is still held.
func TestReadAnswerCannotWidenTheDirection(t *testing.T) {
	l := ours()
	l.Direction = SendOnly
	s, err := ReadAnswer(l, offerOf("m=audio 4000 RTP/AVP 8", "a=sendrecv"))
	if err != nil || s.LocalDirection != SendOnly {
		t.Errorf("%+v %v", s, err)
	}
}

// RFC 3264 §8: our re-offer has the lines of the peer's offer and its numbers.
func TestOfferAfterAnAnswer(t *testing.T) {
	l := ours()
	_, s, err := Answer(l, offerOf(
		"m=video 5002 RTP/AVP 97", "m=audio 4000 RTP/AVPF 8 101 0 99", "a=rtpmap:99 telephone-event/8000", "a=rtpmap:101 PCMU/8000", "m=image 3 udptl t38",
	))
	if err != nil {
		t.Fatal(err)
	}
	next := l.After(s)
	next.Version, next.Direction = 5, SendOnly
	b, err := Offer(next)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"m=video 0 RTP/AVP 97", "m=audio 20000 RTP/AVPF 8 0 99 13", "m=image 0 udptl t38"}
	if got := mediaLines(string(b)); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	has(t, string(b), "a=rtpmap:99 telephone-event/8000", "a=sendonly", "o=- 9 5 IN IP4 198.51.100.1")
	// and the peer's answer to that is read from the right line
	back, err := ReadAnswer(next, offerOf("m=video 0 RTP/AVP 97", "m=audio 4444 RTP/AVPF 8 99", "a=rtpmap:99 telephone-event/8000", "m=image 0 udptl t38"))
	if err != nil || back.Remote.Port() != 4444 || back.Layout.Audio != 1 || len(back.Layout.Lines) != 3 {
		t.Errorf("%+v %v", back, err)
	}
	if s.Layout.Lines[1].Proto != "RTP/AVPF" {
		t.Error("the layout of the first session was changed")
	}
}

// A number in use keeps its meaning even when our own table says otherwise.
func TestAfterResolvesClashes(t *testing.T) {
	l := ours()
	_, s := mustAnswer(t, l, offerOf("m=audio 4000 RTP/AVP 101 13", "a=rtpmap:101 PCMA/8000", "a=rtpmap:13 telephone-event/8000"))
	next := l.After(s)
	want := map[string]uint8{PCMA: 101, PCMU: 0, TelephoneEvent: 13, ComfortNoise: 96}
	for _, c := range next.Codecs {
		if want[c.Name] != c.PT {
			t.Errorf("%s has %d, want %d", c.Name, c.PT, want[c.Name])
		}
	}
	mustOffer(t, next)
}

// Late offer: INVITE without a description, our offer in the 200, the answer in the ACK.
func TestLateOfferBothSides(t *testing.T) {
	us, them := ours(), ours()
	them.Addr, them.RTPPort = netip.MustParseAddr("192.0.2.10"), 4000
	offer := mustOffer(t, us)
	answer, theirs := mustAnswer(t, them, []byte(offer))
	mine, err := ReadAnswer(us, []byte(answer))
	if err != nil {
		t.Fatal(err)
	}
	if mine.Codec.Name != theirs.Codec.Name || mine.DTMF != theirs.DTMF || mine.CN != theirs.CN || mine.Remote.Port() != 4000 || theirs.Remote.Port() != 20000 {
		t.Errorf("%+v\n%+v", mine, theirs)
	}
}

func TestSessionTimerRefresh(t *testing.T) {
	l := ours()
	first, s := mustAnswer(t, l, offerOf("m=audio 4000 RTP/AVP 8"))
	second, again := mustAnswer(t, l, offerOf("m=audio 4000 RTP/AVP 8"))
	if first != second || !bytes.Equal([]byte(first), []byte(second)) || s.RemoteVersion != again.RemoteVersion {
		t.Error("a refresh changes the answer")
	}
}
