package media

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"
)

// limit bounds every wait of these tests. It is reached only when something is wrong.
const limit = 10 * time.Second

// here is the loopback address of this process alone: whatever else runs on the
// machine sends nothing to it.
var here = netip.AddrFrom4([4]byte{127, byte(64 + os.Getpid()>>16&63), byte(os.Getpid() >> 8), byte(os.Getpid() | 1)})

// newTestPlane starts a plane on loopback that ends with the test.
func newTestPlane(t testing.TB, change ...func(*Config)) *Plane {
	t.Helper()
	cfg := Config{BindIP: here, PortMin: 21000, PortMax: 29999, Quarantine: time.Millisecond, Silence: time.Hour}
	for _, c := range change {
		c(&cfg)
	}
	p, err := New(cfg, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p
}

// far is a phone: real sockets, and the RTP stream it sends.
type far struct {
	t    testing.TB
	rtp  *net.UDPConn
	rtcp *net.UDPConn // nil when multiplexed
	leg  *Leg
	seen chan Event

	mapping []string // lines a=rtpmap of its descriptions, with the payload types it wants
	extra   string   // further attributes
	version int

	speech uint8 // payload type it sends
	ssrc   uint32
	seq    uint16
	ts     uint32
	marker bool
	sent   uint64 // packets
}

var pcma, pcmu = []string{"8 PCMA/8000", "101 telephone-event/8000", "13 CN/8000"}, []string{"0 PCMU/8000", "101 telephone-event/8000", "13 CN/8000"}

// udp opens a socket on ip.
func udp(t testing.TB, ip string) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(ip)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func addrOf(c *net.UDPConn) netip.AddrPort { return c.LocalAddr().(*net.UDPAddr).AddrPort() }

// newFar makes a phone with its own leg; they have not negotiated yet.
func newFar(t testing.TB, p *Plane, mapping []string, opt LegOptions) *far {
	t.Helper()
	f := &far{t: t, rtp: udp(t, "127.0.0.1"), mapping: mapping, seen: make(chan Event, 256), ssrc: 0x11223344, seq: 65500, ts: 0xfffff000}
	f.speech = f.pt("PCM")
	opt.Sink = func(e Event) {
		select {
		case f.seen <- e:
		default:
			t.Error("more than 256 events of one leg")
		}
	}
	l, err := p.NewLeg(opt)
	if err != nil {
		t.Fatal(err)
	}
	f.leg = l
	return f
}

// call makes a phone and negotiates.
func call(t testing.TB, p *Plane, mapping []string, opt LegOptions) *far {
	t.Helper()
	f := newFar(t, p, mapping, opt)
	f.offer("sendrecv")
	return f
}

// pt finds the payload type of a codec in the phone's mapping.
func (f *far) pt(codec string) uint8 {
	for _, m := range f.mapping {
		var pt uint8
		if _, rest, ok := strings.Cut(m, " "); ok && strings.HasPrefix(rest, codec) {
			_, _ = fmt.Sscan(m, &pt)
			return pt
		}
	}
	f.t.Fatalf("no %s in %v", codec, f.mapping)
	return 0
}

// description is what the phone says of itself.
func (f *far) description(direction string) []byte {
	f.version++
	a := addrOf(f.rtp)
	var list, maps strings.Builder
	for _, m := range f.mapping {
		pt, _, _ := strings.Cut(m, " ")
		list.WriteString(" " + pt)
		maps.WriteString("a=rtpmap:" + m + "\r\n")
	}
	profile := "RTP/AVP"
	if strings.Contains(f.extra, "a=crypto") {
		profile = "RTP/SAVP"
	}
	return fmt.Appendf(nil, "v=0\r\no=- 7 %d IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %d %s%s\r\n%s%sa=%s\r\n",
		f.version, a.Addr(), a.Addr(), a.Port(), profile, list.String(), maps.String(), f.extra, direction)
}

// offer has the phone offer; the leg answers.
func (f *far) offer(direction string) []byte {
	f.t.Helper()
	answer, err := f.leg.Answer(f.description(direction))
	if err != nil {
		f.t.Fatal(err)
	}
	return answer
}

// answer has the leg offer; the phone answers.
func (f *far) answer(direction string) {
	f.t.Helper()
	if _, err := f.leg.Offer(); err != nil {
		f.t.Fatal(err)
	}
	if err := f.leg.Accept(f.description(direction)); err != nil {
		f.t.Fatal(err)
	}
}

func (f *far) to() netip.AddrPort {
	return netip.AddrPortFrom(here, f.leg.port)
}

// packet makes the next packet of speech.
func (f *far) packet(payload []byte) []byte {
	b := raw(f.speech, f.marker, f.seq, f.ts, f.ssrc, payload)
	f.marker = false
	f.seq++
	f.ts += uint32(len(payload))
	return b
}

func raw(pt uint8, marker bool, seq uint16, ts, ssrc uint32, payload []byte) []byte {
	b := []byte{0x80, pt}
	if marker {
		b[1] |= 0x80
	}
	b = binary.BigEndian.AppendUint16(b, seq)
	b = binary.BigEndian.AppendUint32(b, ts)
	b = binary.BigEndian.AppendUint32(b, ssrc)
	return append(b, payload...)
}

func (f *far) send(b []byte) {
	f.t.Helper()
	f.sent++
	if _, err := f.rtp.WriteToUDPAddrPort(b, f.to()); err != nil {
		f.t.Fatal(err)
	}
}

// taken waits until the leg has looked at everything that was sent.
func (f *far) taken() {
	f.t.Helper()
	until(f.t, "all packets taken", func() bool { s := f.leg.Stats(); return s.Received+s.Invalid+s.WrongSource == f.sent })
}

// say sends the next packet of speech.
func (f *far) say(payload []byte) { f.t.Helper(); f.send(f.packet(payload)) }

// numbered is 20 ms of a payload that can be told from all others.
func numbered(n, samples int) []byte {
	b := make([]byte, samples)
	for i := range b {
		b[i] = byte(i*7 + n)
	}
	binary.BigEndian.PutUint32(b, uint32(n))
	return b
}

// got is a packet as the phone got it.
type got struct {
	rtpHeader
	at time.Time
}

func (g got) String() string {
	return fmt.Sprintf("pt %d marker %v seq %d ts %d ssrc %08x, %d bytes", g.pt, g.marker, g.seq, g.ts, g.ssrc, len(g.payload))
}

// datagram waits for the next one.
func (f *far) datagram(wait time.Duration) ([]byte, bool) {
	f.t.Helper()
	b := make([]byte, 2048)
	if err := f.rtp.SetReadDeadline(time.Now().Add(wait)); err != nil {
		f.t.Fatal(err)
	}
	n, _, err := f.rtp.ReadFromUDPAddrPort(b)
	if err != nil {
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			f.t.Fatal(err)
		}
		return nil, false
	}
	return b[:n], true
}

// hear waits for the next RTP packet; RTCP on the same port is passed over.
func (f *far) hear() got {
	f.t.Helper()
	for {
		b, ok := f.datagram(limit)
		if !ok {
			f.t.Fatal("no packet came")
		}
		if b[1] >= 192 && b[1] <= 223 {
			continue
		}
		h, ok := parseRTP(b)
		if !ok {
			f.t.Fatalf("not RTP: %x", b)
		}
		return got{h, time.Now()}
	}
}

// hearsNothing makes sure that nothing of what was sent before arrives: sync is
// sent after it on the same path and must be the next that comes.
func (f *far) hearsNothingBefore(mark []byte) {
	f.t.Helper()
	if g := f.hear(); string(g.payload) != string(mark) {
		f.t.Fatalf("heard %v instead of the mark", g)
	}
}

// event waits for the next event.
func (f *far) event() Event {
	f.t.Helper()
	select {
	case e := <-f.seen:
		return e
	case <-time.After(limit):
		f.t.Fatal("no event came")
		return nil
	}
}

func (f *far) noEvent() {
	f.t.Helper()
	select {
	case e := <-f.seen:
		f.t.Fatalf("unexpected event %#v", e)
	default:
	}
}

// until waits for cond, which other threads make true.
func until(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not in time: " + what)
		}
	}
}

// stream checks that packets form one RTP stream.
type stream struct {
	t    testing.TB
	p    *Plane
	any  bool
	ssrc uint32
	seq  uint16
	ts   uint32 // where the next packet belongs
}

// next takes a packet that must be the next of the stream: own SSRC, the next
// sequence number, and a time stamp that goes on exactly, or, where a new
// talkspurt begins, not behind. A wheel that came too late leaves out whole frames.
func (s *stream) next(g got, spurt bool) {
	s.t.Helper()
	if s.any {
		if g.ssrc != s.ssrc {
			s.t.Fatalf("SSRC changed from %08x: %v", s.ssrc, g)
		}
		if g.seq != s.seq+1 {
			s.t.Fatalf("sequence number after %d: %v", s.seq, g)
		}
		switch ahead := int32(g.ts - s.ts); {
		case !spurt && ahead > 0 && ahead%160 == 0 && s.p.Stats().Pace.Skipped > 0:
		case !spurt && ahead != 0:
			s.t.Fatalf("time stamp %d off: %v", ahead, g)
		case spurt && (ahead < 0 || ahead > 8000*int32(limit/time.Second)):
			s.t.Fatalf("time stamp of a talkspurt %d off: %v", ahead, g)
		}
	}
	if g.marker != spurt {
		s.t.Fatalf("marker is %v, want %v: %v", g.marker, spurt, g)
	}
	s.any, s.ssrc, s.seq, s.ts = true, g.ssrc, g.seq, g.ts+uint32(len(g.payload))
}
