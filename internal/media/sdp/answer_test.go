package sdp

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestAnswerTakesOurFirstCodecWithTheOffersNumbers(t *testing.T) {
	a, s := mustAnswer(t, ours(), offerOf(
		"m=audio 4000 RTP/AVP 0 8 96 13 18",
		"a=rtpmap:0 PCMU/8000", "a=rtpmap:8 PCMA/8000", "a=rtpmap:96 telephone-event/8000", "a=fmtp:96 0-16", "a=rtpmap:18 G729/8000",
	))
	if s.Codec.Name != PCMA || s.Codec.PT != 8 || s.RecvPT != 8 {
		t.Errorf("codec %+v", s.Codec)
	}
	if s.DTMF != (Format{96, 96, true}) || s.CN != (Format{13, 13, true}) {
		t.Errorf("DTMF %+v CN %+v", s.DTMF, s.CN)
	}
	if s.Remote != netip.MustParseAddrPort("192.0.2.10:4000") || s.RemoteRTCP != netip.MustParseAddrPort("192.0.2.10:4001") {
		t.Errorf("remote %v %v", s.Remote, s.RemoteRTCP)
	}
	if s.RemoteSession != 77 || s.RemoteVersion != 3 || s.Ptime != 20 || s.Hold || s.Mux || s.SRTP != nil || s.Profile != "RTP/AVP" {
		t.Errorf("session %+v", s)
	}
	has(t, a, "v=0", "o=- 9 4 IN IP4 198.51.100.1", "s=-", "c=IN IP4 198.51.100.1", "t=0 0",
		"m=audio 20000 RTP/AVP 8 96 13", "a=rtpmap:8 PCMA/8000", "a=rtpmap:96 telephone-event/8000", "a=fmtp:96 0-15",
		"a=rtpmap:13 CN/8000", "a=ptime:20", "a=sendrecv")
}

func TestAnswerFormats(t *testing.T) {
	for _, tc := range []struct {
		name  string
		lines []string
		codec Codec
		dtmf  Format
		cn    Format
	}{
		{"static types need no rtpmap", []string{"m=audio 4000 RTP/AVP 8 0 13"}, Codec{Name: PCMA, PT: 8}, Format{}, Format{13, 13, true}},
		{"only µ-law", []string{"m=audio 4000 RTP/AVP 18 0"}, Codec{Name: PCMU, PT: 0}, Format{}, Format{}},
		{"dynamic number for A-law", []string{"m=audio 4000 RTP/AVP 97", "a=rtpmap:97 pcma/8000/1"}, Codec{Name: PCMA, PT: 97}, Format{}, Format{}},
		{"the rtpmap of a static number wins", []string{"m=audio 4000 RTP/AVP 8 0", "a=rtpmap:8 G726-32/8000"}, Codec{Name: PCMU, PT: 0}, Format{}, Format{}},
		{"events at another clock are not ours", []string{"m=audio 4000 RTP/AVP 8 98 99", "a=rtpmap:98 telephone-event/16000", "a=rtpmap:99 TELEPHONE-EVENT/8000"}, Codec{Name: PCMA, PT: 8}, Format{99, 99, true}, Format{}},
		{"stereo A-law is not ours", []string{"m=audio 4000 RTP/AVP 97 0", "a=rtpmap:97 PCMA/8000/2"}, Codec{Name: PCMU, PT: 0}, Format{}, Format{}},
		{"doubled formats", []string{"m=audio 4000 RTP/AVP 8 8 101 101", "a=rtpmap:101 telephone-event/8000"}, Codec{Name: PCMA, PT: 8}, Format{101, 101, true}, Format{}},
		{"rtpmap for a format that is not offered", []string{"m=audio 4000 RTP/AVP 0", "a=rtpmap:8 PCMA/8000"}, Codec{Name: PCMU, PT: 0}, Format{}, Format{}},
		{"a second rtpmap is ignored", []string{"m=audio 4000 RTP/AVP 96", "a=rtpmap:96 PCMA/8000", "a=rtpmap:96 opus/48000/2"}, Codec{Name: PCMA, PT: 96}, Format{}, Format{}},
		{"spaces at line ends", []string{"m=audio 4000 RTP/AVP 8  101 ", "a=rtpmap:101  telephone-event/8000 "}, Codec{Name: PCMA, PT: 8}, Format{101, 101, true}, Format{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, s := mustAnswer(t, ours(), offerOf(tc.lines...))
			if s.Codec.Name != tc.codec.Name || s.Codec.PT != tc.codec.PT || s.DTMF != tc.dtmf || s.CN != tc.cn {
				t.Errorf("got %+v %+v %+v", s.Codec, s.DTMF, s.CN)
			}
		})
	}
}

func TestAnswerKeepsEveryMediaLine(t *testing.T) {
	// pion cannot read m=image back, so no mustAnswer here.
	b, s, err := Answer(ours(), offerOf(
		"m=image 5000 udptl t38", "a=T38FaxVersion:0",
		"m=video 5002 RTP/AVP 96", "c=IN IP4 not.an.address", "a=rtpmap:96 VP8/90000",
		"m=audio 0 RTP/AVP 8",
		"m=audio 4000 RTP/AVP 18",
		"m=audio 4002 RTP/AVP 8",
		"m=audio 4004 RTP/AVP 8",
		"m=application 5004 UDP/DTLS/SCTP webrtc-datachannel",
	))
	if err != nil {
		t.Fatal(err)
	}
	a := string(b)
	want := []string{
		"m=image 0 udptl t38", "m=video 0 RTP/AVP 96", "m=audio 0 RTP/AVP 8", "m=audio 0 RTP/AVP 18",
		"m=audio 20000 RTP/AVP 8", "m=audio 0 RTP/AVP 8", "m=application 0 UDP/DTLS/SCTP webrtc-datachannel",
	}
	if got := mediaLines(a); !slices.Equal(got, want) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
	if s.Remote.Port() != 4002 || s.Layout.Audio != 4 || len(s.Layout.Lines) != 7 {
		t.Errorf("session %+v", s)
	}
}

func TestAnswerDirectionAndHold(t *testing.T) {
	for _, tc := range []struct {
		offered       string
		conn          string
		want          Direction
		local         Direction
		remote        Direction
		hold, remote0 bool
	}{
		{"", "192.0.2.9", SendRecv, SendRecv, SendRecv, false, false},
		{"a=sendrecv", "192.0.2.9", SendRecv, SendRecv, SendRecv, false, false},
		{"a=sendonly", "192.0.2.9", SendRecv, RecvOnly, SendOnly, true, false},
		{"a=recvonly", "192.0.2.9", SendRecv, SendOnly, RecvOnly, false, false},
		{"a=inactive", "192.0.2.9", SendRecv, Inactive, Inactive, true, false},
		{"", "0.0.0.0", SendRecv, RecvOnly, SendOnly, true, true},
		{"a=recvonly", "0.0.0.0", SendRecv, Inactive, Inactive, true, true},
		{"a=sendrecv", "192.0.2.9", SendOnly, SendOnly, SendRecv, false, false},
		{"a=sendonly", "192.0.2.9", SendOnly, Inactive, SendOnly, true, false},
		{"a=recvonly", "192.0.2.9", SendOnly, SendOnly, RecvOnly, false, false},
		{"a=sendrecv", "192.0.2.9", Inactive, Inactive, SendRecv, false, false},
	} {
		l := ours()
		l.Direction = tc.want
		lines := []string{"m=audio 4000 RTP/AVP 8", "c=IN IP4 " + tc.conn}
		if tc.offered != "" {
			lines = append(lines, tc.offered)
		}
		a, s := mustAnswer(t, l, offerOf(lines...))
		if s.LocalDirection != tc.local || s.RemoteDirection != tc.remote || s.Hold != tc.hold || s.Remote.IsValid() == tc.remote0 {
			t.Errorf("%q at %s, we want %v: got local %v remote %v hold %v at %v", tc.offered, tc.conn, tc.want, s.LocalDirection, s.RemoteDirection, s.Hold, s.Remote)
		}
		has(t, a, "a="+tc.local.String())
	}
}

func TestDirectionOfTheSessionPart(t *testing.T) {
	base := []string{"v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0", "a=inactive", "m=audio 4000 RTP/AVP 8"}
	if _, s := mustAnswer(t, ours(), text(base...)); s.RemoteDirection != Inactive {
		t.Errorf("session level: %v", s.RemoteDirection)
	}
	if _, s := mustAnswer(t, ours(), text(append(base, "a=sendonly")...)); s.RemoteDirection != SendOnly {
		t.Errorf("media level overrides: %v", s.RemoteDirection)
	}
}

func TestAnswerPtime(t *testing.T) {
	for _, tc := range []struct {
		lines []string
		ours  int
		want  int
	}{
		{nil, 0, 20}, {nil, 30, 30},
		{[]string{"a=ptime:30"}, 0, 30}, {[]string{"a=ptime:10"}, 20, 10},
		{[]string{"a=ptime:20.0"}, 0, 20}, {[]string{"a=ptime:12.5"}, 0, 10},
		{[]string{"a=ptime:120"}, 0, 60}, {[]string{"a=ptime:5"}, 0, 10},
		{[]string{"a=maxptime:10"}, 0, 10}, {[]string{"a=ptime:60", "a=maxptime:40"}, 0, 40},
		{[]string{"a=ptime:x"}, 0, 20}, {[]string{"a=ptime:-20"}, 0, 20}, {[]string{"a=ptime:NaN"}, 0, 20}, {[]string{"a=ptime:1e300"}, 0, 20}, {[]string{"a=ptime:"}, 30, 30},
	} {
		l := ours()
		l.Ptime = tc.ours
		a, s := mustAnswer(t, l, offerOf(append([]string{"m=audio 4000 RTP/AVP 8"}, tc.lines...)...))
		if s.Ptime != tc.want {
			t.Errorf("%v with ours %d: %d, want %d", tc.lines, tc.ours, s.Ptime, tc.want)
		}
		if !strings.Contains(a, "a=ptime:") {
			t.Error("no ptime in answer")
		}
	}
}

func TestAddresses(t *testing.T) {
	six := ours()
	six.Addr = netip.MustParseAddr("2001:db8::1")
	m := "m=audio 4000 RTP/AVP 8"
	o := []string{"v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-"}
	for _, tc := range []struct {
		name      string
		l         Local
		lines     []string
		rtp, rtcp string
	}{
		{"session level", ours(), []string{"c=IN IP4 192.0.2.7", "t=0 0", m}, "192.0.2.7:4000", "192.0.2.7:4001"},
		{"media level wins", ours(), []string{"c=IN IP4 192.0.2.7", "t=0 0", m, "c=IN IP4 192.0.2.8"}, "192.0.2.8:4000", "192.0.2.8:4001"},
		{"media level only", ours(), []string{"t=0 0", m, "c=IN IP4 192.0.2.8"}, "192.0.2.8:4000", "192.0.2.8:4001"},
		{"TTL on unicast", ours(), []string{"c=IN IP4 192.0.2.7/127", "t=0 0", m}, "192.0.2.7:4000", "192.0.2.7:4001"},
		{"IPv4 in IPv6", ours(), []string{"c=IN IP6 ::ffff:192.0.2.7", "t=0 0", m}, "192.0.2.7:4000", "192.0.2.7:4001"},
		{"first of several", ours(), []string{"t=0 0", m, "c=IN IP4 192.0.2.8", "c=IN IP4 192.0.2.9"}, "192.0.2.8:4000", "192.0.2.8:4001"},
		{"IPv6", six, []string{"c=IN IP6 2001:db8::7", "t=0 0", m}, "[2001:db8::7]:4000", "[2001:db8::7]:4001"},
		{"rtcp port", ours(), []string{"c=IN IP4 192.0.2.7", "t=0 0", m, "a=rtcp:5555"}, "192.0.2.7:4000", "192.0.2.7:5555"},
		{"rtcp address", ours(), []string{"c=IN IP4 192.0.2.7", "t=0 0", m, "a=rtcp:5555 IN IP4 192.0.2.99"}, "192.0.2.7:4000", "192.0.2.99:5555"},
		{"rtcp nowhere", ours(), []string{"c=IN IP4 192.0.2.7", "t=0 0", m, "a=rtcp:0"}, "192.0.2.7:4000", "invalid AddrPort"},
		{"no room for rtcp", ours(), []string{"c=IN IP4 192.0.2.7", "t=0 0", "m=audio 65535 RTP/AVP 8"}, "192.0.2.7:65535", "invalid AddrPort"},
		{"mux not wanted by us", ours(), []string{"c=IN IP4 192.0.2.7", "t=0 0", m, "a=rtcp-mux"}, "192.0.2.7:4000", "192.0.2.7:4001"},
		{"several ports", ours(), []string{"c=IN IP4 192.0.2.7", "t=0 0", "m=audio 4000/2 RTP/AVP 8"}, "192.0.2.7:4000", "192.0.2.7:4001"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, s := mustAnswer(t, tc.l, text(append(slices.Clone(o), tc.lines...)...))
			if s.Remote.String() != tc.rtp || s.RemoteRTCP.String() != tc.rtcp {
				t.Errorf("got %v and %v", s.Remote, s.RemoteRTCP)
			}
		})
	}
	a, _ := mustAnswer(t, six, text(append(slices.Clone(o), "c=IN IP6 2001:db8::7", "t=0 0", m)...))
	has(t, a, "o=- 9 4 IN IP6 2001:db8::1", "c=IN IP6 2001:db8::1")
	_, s := mustAnswer(t, six, text(append(slices.Clone(o), "c=IN IP6 ::", "t=0 0", m)...))
	if !s.Hold || s.Remote.IsValid() {
		t.Errorf(":: is hold: %+v", s)
	}
}

func TestRTCPMux(t *testing.T) {
	l := ours()
	l.Mux, l.RTCPPort = true, 20000
	a, s := mustAnswer(t, l, offerOf("m=audio 4000 RTP/AVP 8", "a=rtcp-mux", "a=rtcp:4001"))
	if !s.Mux || s.RemoteRTCP != s.Remote {
		t.Errorf("session %+v", s)
	}
	has(t, a, "a=rtcp-mux", "a=rtcp:20000")
	a, s = mustAnswer(t, l, offerOf("m=audio 4000 RTP/AVP 8"))
	if s.Mux {
		t.Error("mux that was not offered")
	}
	hasNot(t, a, "rtcp-mux")
	a, s = mustAnswer(t, l, offerOf("m=audio 4000 RTP/AVP 72", "a=rtpmap:72 PCMA/8000", "a=rtcp-mux"))
	if s.Mux {
		t.Error("payload type 72 with marker looks like RTCP 200")
	}
	hasNot(t, a, "rtcp-mux")
}

func TestProfilesAreMirrored(t *testing.T) {
	for _, p := range []string{"RTP/AVP", "RTP/AVPF", "rtp/avp"} {
		a, s := mustAnswer(t, ours(), offerOf("m=audio 4000 "+p+" 8"))
		if want := strings.ToUpper(p); s.Profile != want || mediaLines(a)[0] != "m=audio 20000 "+want+" 8" {
			t.Errorf("%s: %s %v", p, s.Profile, mediaLines(a))
		}
	}
}

// What a browser offers has ICE, BUNDLE and a DTLS profile; that is refused with a reason.
func TestDTLSIsRefused(t *testing.T) {
	_, _, err := Answer(ours(), offerOf(
		"a=group:BUNDLE 0", "m=audio 9 UDP/TLS/RTP/SAVPF 111 8", "c=IN IP4 0.0.0.0", "a=rtcp:9 IN IP4 0.0.0.0",
		"a=ice-ufrag:F7gI", "a=fingerprint:sha-256 00:11", "a=mid:0", "a=rtpmap:111 opus/48000/2",
	))
	wantKind(t, err, ErrDTLS, 7, "UDP/TLS/RTP/SAVPF")
	_, _, err = Answer(withKeys(t, SRTPOffer), offerOf("m=audio 9 RTP/SAVPF 8", "a=fingerprint:sha-256 00:11"))
	wantKind(t, err, ErrDTLS, 6, "fingerprint")
}

func TestICEAndBundleAreIgnored(t *testing.T) {
	a, _ := mustAnswer(t, ours(), offerOf(
		"a=group:BUNDLE audio", "a=ice-lite", "m=audio 4000 RTP/AVP 8",
		"a=mid:audio", "a=ice-ufrag:F7gI", "a=candidate:1 1 UDP 2130706431 192.0.2.10 4000 typ host", "a=ssrc:1 cname:x",
	))
	hasNot(t, a, "ice", "group", "candidate", "mid", "ssrc")
}

func TestAnswerRefusals(t *testing.T) {
	six := ours()
	six.Addr = netip.MustParseAddr("2001:db8::1")
	for _, tc := range []struct {
		name  string
		l     Local
		lines []string
		kind  error
		line  int
		word  string
		code  int
	}{
		{"no media", ours(), nil, ErrNoAudio, 0, "no media line", 488},
		{"video only", ours(), []string{"m=video 1 RTP/AVP 96"}, ErrNoAudio, 6, "video", 488},
		{"port 0", ours(), []string{"m=audio 0 RTP/AVP 8"}, ErrNoAudio, 6, "port 0", 488},
		{"strange protocol", ours(), []string{"m=audio 4 TCP/RTP/AVP 8"}, ErrNoAudio, 6, "TCP/RTP/AVP", 488},
		{"no codec", ours(), []string{"m=audio 4 RTP/AVP 18 9"}, ErrNoCommonCodec, 6, "PCMA, PCMU", 488},
		{"codec matters more than video", ours(), []string{"m=video 2 RTP/AVP 96", "m=audio 4 RTP/AVP 18"}, ErrNoCommonCodec, 7, "18", 488},
		{"events alone are no call", ours(), []string{"m=audio 4 RTP/AVP 101", "a=rtpmap:101 telephone-event/8000"}, ErrNoCommonCodec, 6, "", 488},
		{"family", six, []string{"m=audio 4 RTP/AVP 8"}, ErrAddress, 6, "family", 488},
		{"host name", ours(), []string{"m=audio 4 RTP/AVP 8", "c=IN IP4 media.example.com"}, ErrAddress, 7, "not looked up", 488},
		{"multicast", ours(), []string{"m=audio 4 RTP/AVP 8", "c=IN IP4 224.2.1.1/127"}, ErrAddress, 7, "multicast", 488},
		{"broadcast", ours(), []string{"m=audio 4 RTP/AVP 8", "c=IN IP4 255.255.255.255"}, ErrAddress, 7, "broadcast", 488},
		{"zone", six, []string{"m=audio 4 RTP/AVP 8", "c=IN IP6 fe80::1%eth0"}, ErrAddress, 7, "zone", 488},
		{"family of rtcp", ours(), []string{"m=audio 4 RTP/AVP 8", "a=rtcp:5 IN IP6 2001:db8::1"}, ErrAddress, 6, "family", 488},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out, _, err := Answer(tc.l, offerOf(tc.lines...))
			wantKind(t, err, tc.kind, tc.line, tc.word)
			if out != nil || SIPCode(err) != tc.code {
				t.Errorf("answer %q, code %d", out, SIPCode(err))
			}
			if code, txt := err.(*Error).Warning(); code == 0 || txt == "" {
				t.Error("a 488 without a warning")
			}
		})
	}
}
