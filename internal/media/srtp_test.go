package media

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/pion/rtcp"
	"github.com/pion/srtp/v3"

	"cagri/internal/media/sdp"
	"cagri/internal/media/tone"
)

// secured is a phone that encrypts, with the library that others use.
type secured struct {
	*far
	in, out         *srtp.Context
	rtcpIn, rtcpOut *srtp.Context
}

// keyLine is an attribute a=crypto with the key made of the bytes b, b+1, …
func keyLine(suite sdp.Suite, b byte) (line string, key, salt []byte) {
	both := make([]byte, suite.KeyLen()+suite.SaltLen())
	for i := range both {
		both[i] = b + byte(i)
	}
	return fmt.Sprintf("a=crypto:1 %s inline:%s\r\n", suite, base64.StdEncoding.EncodeToString(both)), both[:suite.KeyLen()], both[suite.KeyLen():]
}

// secure makes a phone that has agreed on suite.
func secure(t *testing.T, p *Plane, suite sdp.Suite) *secured {
	t.Helper()
	s := &secured{far: newFar(t, p, pcma, LegOptions{SRTP: sdp.SRTPRequire})}
	line, key, salt := keyLine(suite, 1)
	s.extra = line + "a=rtcp-mux\r\n"
	answer := string(s.offer("sendrecv"))
	_, rest, ok := strings.Cut(answer, "inline:")
	if !ok {
		t.Fatalf("no key in the answer:\n%s", answer)
	}
	text := rest[:strings.IndexAny(rest, "|\r\n")]
	theirs, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		if theirs, err = base64.RawStdEncoding.DecodeString(text); err != nil {
			t.Fatal(err)
		}
	}
	context := func(key, salt []byte) *srtp.Context {
		c, err := srtp.CreateContext(key, salt, profiles[suite], srtp.SRTPReplayProtection(64))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	s.out, s.rtcpOut = context(key, salt), context(key, salt)
	k := suite.KeyLen()
	s.in, s.rtcpIn = context(theirs[:k], theirs[k:]), context(theirs[:k], theirs[k:])
	return s
}

// seal encrypts the next packet of speech.
func (s *secured) seal(payload []byte) []byte {
	s.t.Helper()
	b, err := s.out.EncryptRTP(nil, s.packet(payload), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

// hear waits for the next packet and decrypts it.
func (s *secured) hear() got {
	s.t.Helper()
	b, ok := s.datagram(limit)
	if !ok {
		s.t.Fatal("no packet came")
	}
	plain, err := s.in.DecryptRTP(nil, b, nil)
	if err != nil {
		s.t.Fatalf("%x: %v", b, err)
	}
	h, ok := parseRTP(plain)
	if !ok {
		s.t.Fatal("not RTP")
	}
	return got{rtpHeader: h}
}

func TestSRTP(t *testing.T) {
	t.Parallel()
	p := newTestPlane(t)
	for _, suite := range sdp.DefaultSuites() {
		t.Run(string(suite), func(t *testing.T) {
			s, plain := secure(t, p, suite), call(t, p, pcma, LegOptions{})
			defer p.Bridge(s.leg, plain.leg).Close()
			there, back := &stream{t: t, p: p}, &stream{t: t, p: p}
			var last []byte
			for n := range 80 { // over the wrap of the sequence number, RFC 3711 section 3.3.1
				last = s.seal(numbered(n, 160))
				s.send(last)
				g := plain.hear()
				there.next(g, n == 0)
				if !bytes.Equal(g.payload, numbered(n, 160)) {
					t.Fatalf("packet %d arrived changed", n)
				}
				plain.say(numbered(1000+n, 160))
				g = s.hear()
				back.next(g, n == 0)
				if !bytes.Equal(g.payload, numbered(1000+n, 160)) {
					t.Fatalf("packet %d came back changed", n)
				}
			}
			s.send(last) // again
			s.counts(0, 1)
			forged := s.seal(numbered(1, 160))
			forged[20] ^= 1
			s.send(forged)
			s.counts(0, 2)
			s.say(numbered(2, 160)) // not encrypted at all
			s.counts(0, 3)
			line, key, salt := keyLine(suite, 99)
			if line == "" {
				t.Fatal("no key")
			}
			wrong, err := srtp.CreateContext(key, salt, profiles[suite])
			if err != nil {
				t.Fatal(err)
			}
			b, err := wrong.EncryptRTP(nil, s.packet(numbered(3, 160)), nil)
			if err != nil {
				t.Fatal(err)
			}
			s.send(b)
			s.counts(0, 4)
			s.send(s.seal(numbered(4, 160)))
			plain.hearsNothingBefore(numbered(4, 160))

			if st := s.leg.Stats(); !st.SRTP || st.Received != 81 {
				t.Errorf("account: %+v", st)
			}

			// Reports are encrypted too.
			rr, err := rtcp.Marshal([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: s.ssrc}})
			if err != nil {
				t.Fatal(err)
			}
			s.send(rr)
			s.counts(0, 5)
			sealed, err := s.rtcpOut.EncryptRTCP(nil, rr, nil)
			if err != nil {
				t.Fatal(err)
			}
			s.send(sealed)
			s.send(sealed)
			s.counts(0, 6)
			s.leg.Close()
			b, ok := s.datagram(limit)
			if !ok {
				t.Fatal("no report at the end")
			}
			out, err := s.rtcpIn.DecryptRTCP(nil, b, nil)
			if err != nil {
				t.Fatal(err)
			}
			all, err := rtcp.Unmarshal(out)
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := all[0].(*rtcp.SenderReport); !ok {
				t.Errorf("the end begins with %T", all[0])
			}
		})
	}
}

// A refresh leaves the keys and their counters alone; a new key takes over at once;
// a prompt is encrypted as well.
func TestRekey(t *testing.T) {
	t.Parallel()
	p := newTestPlane(t)
	s := secure(t, p, sdp.AES128SHA1_80)
	b := call(t, p, pcma, LegOptions{})
	defer p.Bridge(s.leg, b.leg).Close()
	say := func(n int) []byte {
		t.Helper()
		x := s.seal(numbered(n, 160))
		s.send(x)
		b.hearsNothingBefore(numbered(n, 160))
		return x
	}
	s.seq = 65530
	for n := range 10 { // over the wrap
		say(n)
	}
	old := say(10)
	s.offer("sendrecv")
	say(11)
	s.send(old)
	s.counts(0, 1) // the memory of what has come survives the refresh

	line, key, salt := keyLine(sdp.AES128SHA1_80, 50)
	s.extra = line
	s.offer("sendrecv")
	s.send(s.seal(numbered(12, 160))) // with the old key
	s.counts(0, 2)
	var err error
	if s.out, err = srtp.CreateContext(key, salt, profiles[sdp.AES128SHA1_80]); err != nil {
		t.Fatal(err)
	}
	say(13)
	s.leg.Play(Playlist{Clips: [][]byte{tone.Silence(1e8)}})
	if g := s.hear(); len(g.payload) != 160 || g.pt != 8 {
		t.Errorf("prompt: %v", g)
	}
}

// Nothing is decrypted for a source that nobody vouches for, and a plain peer is
// refused where encryption is demanded.
func TestSRTPSources(t *testing.T) {
	p := newTestPlane(t)
	s := secure(t, p, sdp.AES128GCM)
	s.from(udp(t, "127.0.0.9"), s.seal(numbered(1, 160)))
	s.counts(1, 0)
	f := newFar(t, p, pcma, LegOptions{SRTP: sdp.SRTPRequire})
	if _, err := f.leg.Answer(f.description("sendrecv")); err == nil {
		t.Error("a plain peer was taken")
	}
}
