package media

import (
	"encoding/binary"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"cagri/internal/media/record"
	"cagri/internal/media/sdp"
	"cagri/internal/media/tone"
)

// The recording has the caller left and the agent right, whatever they speak, and
// neither what is played to them nor what was said during a pause.
func TestRecordingTap(t *testing.T) {
	t.Parallel()
	p := newTestPlane(t)
	caller, agent := call(t, p, pcma, LegOptions{}), call(t, p, pcmu, LegOptions{})
	defer p.Bridge(caller.leg, agent.leg).Close()
	path := filepath.Join(t.TempDir(), "call.wav")
	r, err := p.Record(path, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	caller.leg.RecordTo(r, record.Caller)
	agent.leg.RecordTo(r, record.Agent)
	tones := map[*far]float64{caller: 500, agent: 900}
	talk(t, tones, caller, agent)
	caller.leg.RecordTo(nil, record.Caller)
	agent.leg.RecordTo(nil, record.Agent)
	talk(t, map[*far]float64{caller: 1300, agent: 1700}, caller, agent)
	sum, err := r.Close(p.Now())
	if err != nil {
		t.Fatal(err)
	}
	left, right, err := record.ReadFile(sum.Path)
	if err != nil {
		t.Fatal(err)
	}
	if sum.Voiced[record.Caller] < 350*time.Millisecond || sum.Voiced[record.Agent] < 350*time.Millisecond {
		t.Errorf("voices of %v in %v", sum.Voiced, sum.Duration)
	}
	if own, other := tone.Power(left, 500), tone.Power(left, 900); own < 0.9 || other > 0.01 {
		t.Errorf("left: %.2f caller, %.2f agent", own, other)
	}
	if own, other := tone.Power(right, 900), tone.Power(right, 500); own < 0.9 || other > 0.01 {
		t.Errorf("right: %.2f agent, %.2f caller", own, other)
	}
	if tone.Power(left, 1300) > 0.01 || tone.Power(right, 1700) > 0.01 {
		t.Error("what was said after the recording is in it")
	}
}

// feed puts packets through the receiving path without a network before it; what is
// forwarded leaves on a real socket.
type feed struct {
	l    *Leg
	from netip.AddrPort
	b    []byte
}

func newFeed(f *far, payload []byte) *feed {
	return &feed{l: f.leg, from: addrOf(f.rtp), b: raw(f.speech, false, f.seq, f.ts, f.ssrc, payload)}
}

func (f *feed) next() {
	binary.BigEndian.PutUint16(f.b[2:], binary.BigEndian.Uint16(f.b[2:])+1)
	binary.BigEndian.PutUint32(f.b[4:], binary.BigEndian.Uint32(f.b[4:])+160)
	f.l.packet(f.b, f.from, false)
}

// paths are the ways a packet can take.
var paths = []struct {
	name     string
	from, to []string
	record   bool
	conf     bool
}{
	{"forward", pcma, pcma, false, false},
	{"transcode", pcmu, pcma, false, false},
	{"forward+record", pcma, pcma, true, false},
	{"transcode+record", pcmu, pcma, true, false},
	{"conference", pcmu, pcma, false, true},
}

// path makes one of them.
func path(t testing.TB, i int) *feed {
	c := paths[i]
	p := newTestPlane(t)
	a, b := call(t, p, c.from, LegOptions{}), call(t, p, c.to, LegOptions{})
	if c.conf {
		k := p.Conference()
		if err := k.Add(a.leg); err != nil {
			t.Fatal(err)
		}
		if err := k.Add(b.leg); err != nil {
			t.Fatal(err)
		}
	} else {
		p.Bridge(a.leg, b.leg)
	}
	if c.record {
		r, err := p.Record(filepath.Join(t.TempDir(), "x.wav"), nil)
		if err != nil {
			t.Fatal(err)
		}
		a.leg.RecordTo(r, record.Caller)
		t.Cleanup(func() { a.leg.RecordTo(nil, record.Caller); _, _ = r.Close(p.Now()) })
	}
	return newFeed(a, numbered(1, 160))
}

// A packet costs no allocation, wherever it goes.
func TestNoAllocations(t *testing.T) {
	for i, c := range paths {
		if c.conf {
			continue // its wheel allocates nothing either, but shares the count with others
		}
		f := path(t, i)
		f.next()
		if n := testing.AllocsPerRun(500, f.next); n >= 1 {
			t.Errorf("%s: %.1f allocations for each packet", c.name, n)
		}
	}
	p := newTestPlane(t)
	a := call(t, p, pcma, LegOptions{})
	stranger := &feed{l: a.leg, from: netip.MustParseAddrPort("192.0.2.1:9"), b: raw(8, false, 1, 1, 1, numbered(1, 160))}
	if n := testing.AllocsPerRun(500, stranger.next); n >= 1 {
		t.Errorf("wrong source: %.1f allocations for each packet", n)
	}
	garbage := &feed{l: a.leg, from: addrOf(a.rtp), b: make([]byte, 172)}
	if n := testing.AllocsPerRun(500, garbage.next); n >= 1 {
		t.Errorf("garbage: %.1f allocations for each packet", n)
	}
	key := &feed{l: a.leg, from: addrOf(a.rtp), b: raw(101, false, 1, 1, 1, []byte{1, 10, 0, 160})}
	if n := testing.AllocsPerRun(500, func() {
		binary.BigEndian.PutUint16(key.b[2:], binary.BigEndian.Uint16(key.b[2:])+1)
		key.l.packet(key.b, key.from, false)
	}); n >= 1 {
		t.Errorf("keys: %.1f allocations for each packet", n)
	}
	s := secure(t, p, sdp.AES128SHA1_80)
	b := secure(t, p, sdp.AES128GCM)
	p.Bridge(s.leg, b.leg)
	sealed := make([][]byte, 1200)
	for i := range sealed {
		sealed[i] = s.seal(numbered(i, 160))
	}
	if n := testing.AllocsPerRun(500, func() { s.leg.packet(sealed[0], addrOf(s.rtp), false); sealed = sealed[1:] }); n >= 1 {
		t.Errorf("encrypted on both sides: %.1f allocations for each packet", n)
	}
}

// BenchmarkSend is the part of the kernel in what BenchmarkPacket measures: sending
// the packet to a socket that takes no more.
func BenchmarkSend(b *testing.B) {
	f := call(b, newTestPlane(b), pcma, LegOptions{})
	x := raw(8, false, 1, 1, 1, numbered(1, 160))
	to := toSockaddr(addrOf(f.rtp))
	b.ReportAllocs()
	for range b.N {
		f.leg.rtp.send(x, &to)
	}
}

func BenchmarkPacket(b *testing.B) {
	for i, c := range paths {
		b.Run(c.name, func(b *testing.B) {
			f := path(b, i)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				f.next()
			}
		})
	}
}

// FuzzReceive throws raw bytes at both sockets of a leg that is bridged and recorded.
func FuzzReceive(f *testing.F) {
	f.Add([]byte{}, false, false)
	f.Add(raw(8, true, 1, 160, 0x11223344, numbered(1, 160)), false, false)
	f.Add(raw(0, false, 65535, 0xffffff00, 1, numbered(1, 80)), false, false)
	f.Add(raw(101, true, 3, 160, 0x11223344, []byte{5, 0x8a, 3, 0x20}), false, false)
	f.Add(raw(13, false, 4, 160, 0x11223344, []byte{60}), false, true)
	f.Add([]byte{0x81, 201, 0, 7, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1}, true, false)
	f.Add([]byte{0x80, 200, 0, 6, 1, 2, 3, 4, 5, 6, 7, 8, 5, 6, 7, 8, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1}, true, true)
	f.Add([]byte{0xbf, 8, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0xbe, 0xde, 0xff, 0xff, 1}, false, true)
	p := newTestPlane(f)
	bare, other := call(f, p, pcmu, LegOptions{}), call(f, p, pcma, LegOptions{})
	p.Bridge(bare.leg, other.leg)
	r, err := p.Record(filepath.Join(f.TempDir(), "x.wav"), nil)
	if err != nil {
		f.Fatal(err)
	}
	bare.leg.RecordTo(r, record.Caller)
	f.Cleanup(func() { _, _ = r.Close(p.Now()) })
	hidden := newFar(f, p, pcma, LegOptions{SRTP: sdp.SRTPRequire})
	line, _, _ := keyLine(sdp.AES128SHA1_80, 1)
	hidden.extra = line + "a=rtcp-mux\r\n"
	hidden.offer("sendrecv")
	for _, l := range []*far{bare, hidden} { // events are of no interest here
		l.leg.opt.Sink = func(Event) {}
	}
	good := newFeed(bare, numbered(1, 160))
	f.Fuzz(func(t *testing.T, b []byte, rtcp, encrypted bool) {
		if len(b) == 0 || len(b) > maxRTP {
			return // no such datagram reaches the leg
		}
		in := bare
		if encrypted {
			in = hidden
		}
		in.leg.packet(b, addrOf(in.rtp), rtcp)
		in.leg.packet(b, addrOf(in.rtp), false)
		in.leg.Stats()
		// Speech still gets through, at the latest with the second packet.
		before := other.leg.Stats().Sent
		good.next()
		good.next()
		if other.leg.Stats().Sent == before {
			t.Error("speech does not get through any more")
		}
	})
}
