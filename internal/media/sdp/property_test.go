package sdp

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// genLocal draws a valid Local of one address family.
func genLocal(t *rapid.T, label string, six bool, keySeed byte) Local {
	addr := netip.AddrFrom4([4]byte{192, 0, 2, rapid.Byte().Draw(t, label+".ip")})
	if six {
		b := [16]byte{0x20, 1, 0xd, 0xb8}
		b[15] = rapid.Byte().Draw(t, label+".ip6")
		addr = netip.AddrFrom16(b)
	}
	names := rapid.Permutation([]string{PCMA, PCMU, TelephoneEvent, ComfortNoise}).Draw(t, label+".codecs")
	names = names[:rapid.IntRange(1, 4).Draw(t, label+".codec count")]
	if !slices.Contains(names, PCMA) && !slices.Contains(names, PCMU) {
		names = append(names, PCMA)
	}
	codecs, _ := Codecs(names...)
	for i := range codecs {
		if rapid.Bool().Draw(t, label+".dynamic") {
			codecs[i].PT = 96 + uint8(i)
		}
	}
	l := Local{
		Addr:      addr,
		RTPPort:   uint16(rapid.IntRange(1, 65534).Draw(t, label+".port")),
		SessionID: rapid.Uint64().Draw(t, label+".id"),
		Version:   rapid.Uint64().Draw(t, label+".version"),
		Ptime:     10 * rapid.IntRange(0, 6).Draw(t, label+".ptime"),
		Codecs:    codecs,
		Direction: Direction(rapid.IntRange(0, 3).Draw(t, label+".direction")),
		Mux:       rapid.Bool().Draw(t, label+".mux"),
		SRTP:      SRTPPolicy(rapid.IntRange(0, 2).Draw(t, label+".policy")),
	}
	if rapid.Bool().Draw(t, label+".rtcp elsewhere") {
		l.RTCPPort = uint16(rapid.IntRange(1, 65535).Draw(t, label+".rtcp"))
	}
	suites := rapid.Permutation(DefaultSuites()).Draw(t, label+".suites")
	l.Keys, _ = NewKeys(counter(keySeed), suites[:rapid.IntRange(1, 4).Draw(t, label+".suite count")]...)
	return l
}

// noise adds what real descriptions are full of, without changing their meaning.
func noise(t *rapid.T, text string) string {
	var out []string
	media := false
	for l := range strings.SplitSeq(strings.TrimSuffix(text, "\r\n"), "\r\n") {
		if rapid.IntRange(0, 9).Draw(t, "noise") == 0 {
			switch {
			case media:
				out = append(out, rapid.SampledFrom([]string{"a=candidate:1 1 UDP 1 192.0.2.1 9 typ host", "a=ssrc:1 cname:x", "b=TIAS:64000", "a=mid:0", "i=x", "a=rtpmap:120 opus/48000/2", ""}).Draw(t, "line"))
			case len(out) > 2:
				out = append(out, rapid.SampledFrom([]string{"a=group:BUNDLE 0", "b=CT:5", "a=tool:x", "i=info", "a=ice-lite", "y=1"}).Draw(t, "line"))
			}
		}
		media = media || strings.HasPrefix(l, "m=")
		out = append(out, l)
	}
	end := rapid.SampledFrom([]string{"\r\n", "\n"}).Draw(t, "line end")
	return strings.Join(out, end) + end
}

// Whatever two sides offer and want: if the answerer accepts, the offerer reads
// the same codec, numbers, keys and flows; if it refuses, there is a reason for it.
func TestBothSidesAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		six := rapid.Bool().Draw(t, "IPv6")
		a := genLocal(t, "offerer", six, 1)
		b := genLocal(t, "answerer", six, 101)
		if rapid.Bool().Draw(t, "more lines") {
			n := rapid.IntRange(1, 4).Draw(t, "lines")
			for range n {
				a.Layout.Lines = append(a.Layout.Lines, MediaLine{"video", "RTP/AVP", []string{"99"}})
			}
			a.Layout.Audio = rapid.IntRange(0, n-1).Draw(t, "at")
			a.Layout.Lines[a.Layout.Audio] = MediaLine{"audio", rapid.SampledFrom([]string{avp, avpf, savp, savpf}).Draw(t, "profile"), []string{"8"}}
		}
		offer, err := Offer(a)
		if err != nil {
			t.Fatal(err)
		}
		answer, sb, err := Answer(b, []byte(noise(t, string(offer))))
		if err != nil {
			mustHaveReason(t, a, b, err)
			return
		}
		sa, err := ReadAnswer(a, []byte(noise(t, string(answer))))
		if err != nil {
			t.Fatalf("the answer is not understood: %v\n%s\n%s", err, offer, answer)
		}
		agree(t, a, b, sa, sb, string(offer), string(answer))
		// The dialog goes on: either side can offer next, and the lines stay.
		for _, turn := range []struct {
			from, to Local
			s        Session
		}{{a, b, sa}, {b, a, sb}} {
			again, err := Offer(turn.from.After(turn.s))
			if err != nil {
				t.Fatal(err)
			}
			if x, y := len(mediaLines(string(offer))), len(mediaLines(string(again))); x != y {
				t.Fatalf("%d media lines became %d", x, y)
			}
			if _, s, err := Answer(turn.to, again); err == nil {
				if s.Codec.Name == sa.Codec.Name && s.Codec.PT != turn.s.RecvPT {
					t.Fatalf("payload type of %s moved from %d to %d", s.Codec.Name, turn.s.RecvPT, s.Codec.PT)
				}
			}
		}
	})
}

func agree(t *rapid.T, a, b Local, sa, sb Session, offer, answer string) {
	type common struct {
		codec    string
		pt, rpt  uint8
		dtmf, cn Format
		mux      bool
		profile  string
		secure   bool
	}
	x := common{sa.Codec.Name, sa.Codec.PT, sa.RecvPT, sa.DTMF, sa.CN, sa.Mux, sa.Profile, sa.SRTP != nil}
	y := common{sb.Codec.Name, sb.Codec.PT, sb.RecvPT, sb.DTMF, sb.CN, sb.Mux, sb.Profile, sb.SRTP != nil}
	if x != y {
		t.Fatalf("offerer %+v\nanswerer %+v\n%s\n%s", x, y, offer, answer)
	}
	if sa.LocalDirection != sb.LocalDirection.Reverse() || sa.LocalDirection.And(a.Direction) != sa.LocalDirection || sb.LocalDirection.And(b.Direction) != sb.LocalDirection {
		t.Fatalf("directions %v and %v, wanted %v and %v", sa.LocalDirection, sb.LocalDirection, a.Direction, b.Direction)
	}
	if sa.Remote != netip.AddrPortFrom(b.Addr, b.RTPPort) || sb.Remote != netip.AddrPortFrom(a.Addr, a.RTPPort) {
		t.Fatalf("addresses %v %v", sa.Remote, sb.Remote)
	}
	for _, side := range []struct {
		s    Session
		peer Local
	}{{sa, b}, {sb, a}} {
		want := side.peer.RTCPPort
		switch {
		case side.s.Mux:
			want = side.peer.RTPPort
		case want == 0:
			want = side.peer.RTPPort + 1
		}
		if side.s.RemoteRTCP.Port() != want {
			t.Fatalf("RTCP goes to %v, want port %d", side.s.RemoteRTCP, want)
		}
	}
	if sa.SRTP != nil {
		if sa.SRTP.Suite != sb.SRTP.Suite || sa.SRTP.Tag != sb.SRTP.Tag ||
			string(sa.SRTP.Local.Key) != string(sb.SRTP.Remote.Key) || string(sb.SRTP.Local.Salt) != string(sa.SRTP.Remote.Salt) {
			t.Fatal("keys do not fit")
		}
	}
	if (a.SRTP == SRTPRequire || b.SRTP == SRTPRequire) && sa.SRTP == nil || (a.SRTP == SRTPOff || b.SRTP == SRTPOff) && sa.SRTP != nil {
		t.Fatalf("policies %v and %v give secure=%v", a.SRTP, b.SRTP, sa.SRTP != nil)
	}
	om, am := mediaLines(offer), mediaLines(answer)
	if len(om) != len(am) {
		t.Fatalf("%d media lines offered, %d answered", len(om), len(am))
	}
	for i := range om {
		if strings.Fields(om[i])[0] != strings.Fields(am[i])[0] || strings.Fields(om[i])[2] != strings.Fields(am[i])[2] {
			t.Fatalf("line %d: %s answered with %s", i, om[i], am[i])
		}
	}
}

// mustHaveReason recomputes by simpler means whether a refusal was right.
func mustHaveReason(t *rapid.T, a, b Local, err error) {
	common := func(f func(Codec) string, x, y []Codec) bool {
		for _, c := range x {
			for _, d := range y {
				if f(c) == f(d) && f(c) != "" {
					return true
				}
			}
		}
		return false
	}
	speech := func(c Codec) string {
		if c.voice() {
			return c.Name
		}
		return ""
	}
	suites := false
	for _, k := range a.Keys {
		for _, m := range b.Keys {
			suites = suites || k.Suite == m.Suite
		}
	}
	was := avp
	if len(a.Layout.Lines) > 0 {
		was = a.Layout.Lines[a.Layout.Audio].Proto
	}
	insists := a.SRTP == SRTPRequire || a.SRTP == SRTPOffer && secure(was)
	switch {
	case !common(speech, a.Codecs, b.Codecs):
	case insists && (b.SRTP == SRTPOff || !suites):
	case b.SRTP == SRTPRequire && (a.SRTP == SRTPOff || !suites):
	default:
		t.Fatalf("refused without a reason: %v", err)
	}
}

// Direction algebra: reversing twice is nothing, And is a meet.
func TestDirections(t *testing.T) {
	all := []Direction{SendRecv, SendOnly, RecvOnly, Inactive}
	for _, a := range all {
		if a.Reverse().Reverse() != a || a.And(a) != a || a.And(SendRecv) != a || a.And(Inactive) != Inactive {
			t.Error(a)
		}
		if parseDirection(a.String()) != a {
			t.Error(a)
		}
		for _, b := range all {
			if a.And(b) != b.And(a) || a.And(b).Reverse() != a.Reverse().And(b.Reverse()) {
				t.Error(a, b)
			}
		}
	}
}

func TestPolicyNames(t *testing.T) {
	if s := fmt.Sprint(SRTPOff, SRTPOffer, SRTPRequire); s != "off offer require" {
		t.Error(s)
	}
}
