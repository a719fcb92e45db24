package sdp

import (
	"errors"
	"strconv"
	"testing"

	pion "github.com/pion/sdp/v3"
)

var seeds = [][]byte{
	offerOf("m=audio 4000 RTP/AVP 8 0 101 13", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-16", "a=sendonly", "a=ptime:20"),
	offerOf("m=video 5002 RTP/AVP 97", "m=audio 4000/2 RTP/SAVP 8", "c=IN IP4 0.0.0.0",
		"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"+key30+"|2^20|1:4 WSH=64", "a=rtcp:1 IN IP4 192.0.2.1", "a=rtcp-mux"),
	offerOf("m=audio 4000 RTP/AVPF 97 98", "a=rtpmap:97 PCMA/8000/1", "a=rtpmap:98 CN/8000", "a=inactive", "a=maxptime:30", "a=crypto:2 AEAD_AES_256_GCM inline:"+key44),
	text("v=0", "o=- 1 1 IN IP6 ::1", "s=", "c=IN IP6 2001:db8::1", "t=0 0", "a=recvonly", "m=image 9 udptl t38", "m=audio 9 UDP/TLS/RTP/SAVPF 0", "a=fingerprint:x"),
	[]byte("v=0\no=- 0 0 IN IP4 a\nm=audio 1 RTP/AVP 0\nc=IN IP4 1.2.3.4"),
	[]byte("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\na=x\ra=y\r\n"),
}

// FuzzAnswer: no input panics; a refusal is an *Error with a code; what is
// answered is a description that mirrors the lines and that pion reads (as long
// as it knows the media in it).
func FuzzAnswer(f *testing.F) {
	for _, s := range seeds {
		for p := range uint8(3) {
			f.Add(s, p)
		}
	}
	keys := testKeys(f, 200)
	f.Fuzz(func(t *testing.T, in []byte, policy uint8) {
		l := ours()
		l.SRTP, l.Keys, l.Mux = SRTPPolicy(policy%3), keys, policy&4 != 0
		a, s, err := Answer(l, in)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.SIPCode() != 400 && e.SIPCode() != 488 || e.Detail == "" || a != nil {
				t.Fatalf("refusal %#v", err)
			}
			return
		}
		d, err := parse(a)
		if err != nil {
			t.Fatalf("own answer: %v\n%s", err, a)
		}
		offered, err := parse(in)
		if err != nil || len(d.media) != len(offered.media) {
			t.Fatalf("lines %d, offered %d: %v", len(d.media), len(offered.media), err)
		}
		for i, m := range d.media {
			if (m.port != 0) != (i == s.Layout.Audio) || m.head.Media != offered.media[i].head.Media {
				t.Fatalf("line %d in\n%s", i, a)
			}
		}
		if s.Codec.Name != PCMA && s.Codec.Name != PCMU || s.Ptime < 10 || s.Ptime > 60 || s.Hold == s.RemoteDirection.Receives() {
			t.Fatalf("%+v", s)
		}
		if policy%3 == 0 && s.SRTP != nil || policy%3 == 2 && s.SRTP == nil {
			t.Fatal("policy broken")
		}
		if _, err := Offer(l.After(s)); err != nil {
			t.Fatalf("next offer: %v", err)
		}
	})
}

// FuzzReadAnswer: no input panics, and what is accepted makes sense.
func FuzzReadAnswer(f *testing.F) {
	for _, s := range seeds {
		for p := range uint8(3) {
			f.Add(s, p)
		}
	}
	keys := testKeys(f, 200)
	f.Fuzz(func(t *testing.T, in []byte, policy uint8) {
		l := ours()
		l.SRTP, l.Keys = SRTPPolicy(policy%3), keys
		s, err := ReadAnswer(l, in)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Detail == "" {
				t.Fatalf("refusal %#v", err)
			}
			return
		}
		if s.Codec.Name != PCMA && s.Codec.Name != PCMU || s.RecvPT != 8 && s.RecvPT != 0 || s.Hold == s.RemoteDirection.Receives() {
			t.Fatalf("%+v", s)
		}
		if policy%3 == 0 && s.SRTP != nil || policy%3 == 2 && s.SRTP == nil {
			t.Fatal("policy broken")
		}
		if s.SRTP != nil && (!s.SRTP.Local.valid() || !s.SRTP.Remote.valid() || s.SRTP.Local.Suite != s.SRTP.Remote.Suite) {
			t.Fatal("keys")
		}
	})
}

// FuzzAgainstPion: what pion's parser reads, ours reads to the same media lines
// and origin; where ours is stricter, it is for a stated limit.
func FuzzAgainstPion(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var p pion.SessionDescription
		perr := p.Unmarshal(in) // must not panic either: it reads what we write elsewhere
		d, err := parse(in)
		if perr != nil || err != nil {
			return
		}
		if p.Origin.SessionVersion != d.version || len(p.MediaDescriptions) != len(d.media) {
			t.Fatalf("pion: version %d, %d lines; ours: %d, %d", p.Origin.SessionVersion, len(p.MediaDescriptions), d.version, len(d.media))
		}
		for i, m := range p.MediaDescriptions {
			if m.MediaName.Media != d.media[i].head.Media || m.MediaName.Port.Value != int(d.media[i].port) || len(m.MediaName.Formats) != len(d.media[i].head.Formats) {
				t.Fatalf("line %d: %+v against %+v port %s", i, m.MediaName, d.media[i].head, strconv.Itoa(int(d.media[i].port)))
			}
			if len(m.Attributes) != len(d.media[i].attrs) {
				t.Fatalf("line %d: %d attributes against %d", i, len(m.Attributes), len(d.media[i].attrs))
			}
		}
	})
}
