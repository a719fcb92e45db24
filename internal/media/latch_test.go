package media

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"cagri/internal/media/quality"
)

// from sends b to the leg of f from another socket.
func (f *far) from(c *net.UDPConn, b []byte) {
	f.t.Helper()
	if _, err := c.WriteToUDPAddrPort(b, f.to()); err != nil {
		f.t.Fatal(err)
	}
}

// counts waits for the leg's counters of refused packets.
func (f *far) counts(wrong, invalid uint64) {
	f.t.Helper()
	var s Stats
	for end := time.Now().Add(limit); ; time.Sleep(time.Millisecond) {
		if s = f.leg.Stats(); s.WrongSource == wrong && s.Invalid == invalid {
			return
		}
		if time.Now().After(end) {
			f.t.Fatalf("wrong source %d, invalid %d; want %d and %d", s.WrongSource, s.Invalid, wrong, invalid)
		}
	}
}

// Whose sound a leg takes, from the first packet on.
func TestLatch(t *testing.T) {
	t.Parallel()
	const described, elsewhere = "127.0.0.1", "127.0.0.9"
	p := newTestPlane(t)
	for _, c := range []struct {
		name  string
		opt   LegOptions
		from  string // "" = the socket that the description names
		taken bool
	}{
		{"as described", LegOptions{}, "", true},
		{"another port of the described address", LegOptions{}, described, true},
		{"another address", LegOptions{}, elsewhere, false},
		{"the address of the signalling", LegOptions{Signalling: netip.MustParseAddr(elsewhere)}, elsewhere, true},
		{"the same as IPv6 would write it", LegOptions{Signalling: netip.MustParseAddr("::ffff:" + elsewhere)}, elsewhere, true},
		{"neither", LegOptions{Signalling: netip.MustParseAddr("127.0.0.8")}, elsewhere, false},
		{"another address behind NAT", LegOptions{NAT: true}, elsewhere, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFar(t, p, pcma, c.opt)
			f.say(numbered(0, 160)) // before anything is agreed
			f.counts(0, 1)
			f.offer("sendrecv")
			src := f.rtp
			if c.from != "" {
				src = udp(t, c.from)
			}
			if !c.taken {
				f.from(src, f.packet(numbered(1, 160)))
				f.counts(1, 1)
				f.say(numbered(2, 160)) // the right one is not shut out by that
				f.say(numbered(3, 160))
				until(t, "two packets", func() bool { return f.leg.Stats().Received == 2 })
				return
			}
			for n := range 3 {
				f.from(src, f.packet(numbered(n, 160)))
			}
			until(t, "three packets", func() bool { return f.leg.Stats().Received == 3 })
			// From here on nobody else, neither from there nor from here.
			wrong := uint64(0)
			for _, ip := range []string{described, elsewhere} {
				for range 10 {
					f.from(udp(t, ip), f.packet(numbered(9, 160)))
					wrong++
				}
			}
			f.counts(wrong, 1)
			// And what we say goes where it came from.
			f.rtp = src
			b := call(t, p, pcma, LegOptions{})
			defer p.Bridge(f.leg, b.leg).Close()
			b.say(numbered(4, 160))
			f.hearsNothingBefore(numbered(4, 160))
		})
	}
}

// Garbage does not latch.
// A stray stream from another port of the described address was latched on to, and
// goes on; the address that the description names wins the leg back all the same.
func TestTheNamedAddressWinsTheLegBack(t *testing.T) {
	t.Parallel()
	p := newTestPlane(t)
	f := newFar(t, p, pcma, LegOptions{})
	f.offer("sendrecv")
	stray := udp(t, "127.0.0.1")
	foreign := func(n int) []byte { return raw(8, false, uint16(n), uint32(160*n), 0xbad, numbered(n, 160)) }
	for n := range 3 {
		f.from(stray, foreign(n))
	}
	until(t, "the stray is latched on to", func() bool { return f.leg.Stats().Received == 3 })
	b := call(t, p, pcma, LegOptions{})
	defer p.Bridge(f.leg, b.leg).Close()
	f.say(numbered(50, 160)) // one packet may be an old one
	f.counts(1, 0)
	f.say(numbered(50, 160))
	for n := range 10 {
		f.from(stray, foreign(3+n))
		f.say(numbered(51+n, 160))
	}
	f.counts(11, 0) // none of the stray's, all of its own
	until(t, "its stream is counted", func() bool { return f.leg.Stats().Received >= 3+10 })
	f.leg.in.mu.Lock()
	defer f.leg.in.mu.Unlock()
	if f.leg.in.source != addrOf(f.rtp) {
		t.Errorf("the leg listens to %v", f.leg.in.source)
	}
}

func TestGarbageDoesNotLatch(t *testing.T) {
	p := newTestPlane(t)
	f := call(t, p, pcma, LegOptions{NAT: true})
	stranger := udp(t, "127.0.0.9")
	f.from(stranger, []byte("not a packet of sound"))
	f.from(stranger, raw(77, false, 1, 1, 1, numbered(1, 160)))
	f.counts(0, 2)
	f.say(numbered(1, 160))
	f.say(numbered(2, 160))
	f.from(stranger, raw(8, false, 1, 1, 1, numbered(1, 160)))
	f.counts(1, 2)
}

// One packet of a stranger that comes before the phone's own does not shut the
// phone out.
func TestStrangerComesFirst(t *testing.T) {
	p := newTestPlane(t)
	f := call(t, p, pcma, LegOptions{NAT: true})
	phone := udp(t, "127.0.0.7")
	f.from(udp(t, "127.0.0.9"), raw(8, false, 1, 1, 1, numbered(1, 160)))
	for n := range 5 {
		f.from(phone, f.packet(numbered(n, 160)))
	}
	until(t, "the phone is heard", func() bool { return f.leg.Stats().Received >= 4 })
	f.counts(0, 1) // its first packet, on probation
}

// A phone that says it has moved is heard from its new place at once, behind NAT
// as well, and the old place is not.
func TestMove(t *testing.T) {
	t.Parallel()
	for _, nat := range []bool{false, true} {
		p := newTestPlane(t)
		f := call(t, p, pcma, LegOptions{NAT: nat})
		for n := range 5 {
			f.say(numbered(n, 160))
		}
		until(t, "heard", func() bool { return f.leg.Stats().Received == 5 })
		old := f.rtp
		f.rtp = udp(t, "127.0.0.1")
		f.offer("sendrecv")
		src := f.rtp
		if nat {
			src = udp(t, "127.0.0.6")
		}
		for n := range 5 {
			f.from(src, f.packet(numbered(n, 160)))
		}
		until(t, "heard from the new place", func() bool { return f.leg.Stats().Received == 10 })
		f.from(old, f.packet(numbered(1, 160)))
		f.counts(1, 0)
	}
}

// A phone that moved without saying so is heard again once the line has been quiet.
func TestMoveInSilence(t *testing.T) {
	t.Parallel()
	p := newTestPlane(t)
	f := call(t, p, pcma, LegOptions{NAT: true})
	f.say(numbered(1, 160))
	f.say(numbered(2, 160))
	until(t, "heard", func() bool { return f.leg.Stats().Received == 2 })
	src := udp(t, "127.0.0.6")
	f.from(src, f.packet(numbered(3, 160)))
	f.counts(1, 0)
	f.leg.in.mu.Lock()
	f.leg.in.lastAt -= reopen
	f.leg.in.mu.Unlock()
	f.from(src, f.packet(numbered(4, 160)))
	f.from(src, f.packet(numbered(5, 160)))
	until(t, "heard from the new place", func() bool { return f.leg.Stats().Received == 4 })
	f.say(numbered(6, 160))
	f.counts(2, 0)
}

// A flood of packets that seem to come from the right place, with any SSRC, does
// not disturb the stream.
func TestFloodOfSSRCs(t *testing.T) {
	t.Parallel()
	p := newTestPlane(t)
	a, b := call(t, p, pcma, LegOptions{}), call(t, p, pcma, LegOptions{})
	defer p.Bridge(a.leg, b.leg).Close()
	random := rand.New(rand.NewPCG(1, 2))
	s := &stream{t: t, p: p}
	for n := range 40 {
		a.say(numbered(n, 160))
		s.next(b.hear(), n == 0)
		for range 5 {
			a.send(raw(8, true, uint16(random.Uint32()), random.Uint32(), random.Uint32(), numbered(n, 160)))
		}
		a.counts(0, uint64(5*(n+1)))
	}
}

// Whatever is no sound is counted and has no effect.
func TestGarbage(t *testing.T) {
	t.Parallel()
	p := newTestPlane(t)
	a, b := call(t, p, pcma, LegOptions{}), call(t, p, pcma, LegOptions{})
	defer p.Bridge(a.leg, b.leg).Close()
	a.say(numbered(1, 160))
	b.hear()
	bad := uint64(0)
	refused := func(x []byte) {
		t.Helper()
		a.send(x)
		bad++
		if bad%10 == 0 { // let the socket drain
			a.counts(0, bad)
		}
	}
	for n := 1; n < 2000; n += 1 + n/40 {
		x := make([]byte, n) // version 0
		refused(x)
		for i := range x {
			x[i] = 0xff // an extension longer than the packet, 15 sources, padding
		}
		refused(x)
		if x[0] = 0x80; n > 1 {
			x[1] = 8
		}
		if n <= 12 || n > 12+960 { // nothing in it, or more than a packet of sound may be
			refused(x)
		}
		if x[0] = 0xa0; n > 1 { // padding of 255 bytes
			if n <= 12+255 {
				refused(x)
			}
		}
	}
	refused(raw(77, false, 1, 1, a.ssrc, numbered(1, 160))) // a payload type never agreed on
	refused(raw(0, false, 1, 1, a.ssrc, numbered(1, 160)))
	x := raw(8, false, 1, 1, a.ssrc, numbered(1, 160))
	x[0] |= 0x20
	x[len(x)-1] = 0 // padding without its count
	refused(x)
	a.counts(0, bad)
	a.say(numbered(2, 160))
	b.hearsNothingBefore(numbered(2, 160))

	// What RTP allows and nobody does: sources, an extension, padding.
	a.packet(nil)
	x = []byte{0x80 | 0x20 | 0x10 | 2, 8}
	x = append(x, raw(8, false, a.seq, a.ts, a.ssrc, nil)[2:]...)
	x = append(x, 1, 2, 3, 4, 5, 6, 7, 8)                  // two sources
	x = append(x, 0xbe, 0xde, 0, 1, 9, 9, 9, 9)            // an extension of one word
	x = append(append(x, numbered(3, 160)...), 0, 0, 0, 4) // four bytes of padding
	a.send(x)
	b.hearsNothingBefore(numbered(3, 160))
}

// Reports are taken from the peer's address only, on the port they belong to.
func TestRTCPSources(t *testing.T) {
	t.Parallel()
	report, err := quality.Build(quality.Outgoing{SSRC: 0x11223344, CNAME: "x"})
	if err != nil {
		t.Fatal(err)
	}
	p := newTestPlane(t)
	f := call(t, p, pcma, LegOptions{}) // not multiplexed
	rtcpPort := netip.AddrPortFrom(f.to().Addr(), f.to().Port()+1)
	put := func(c *net.UDPConn, b []byte) {
		t.Helper()
		if _, err := c.WriteToUDPAddrPort(b, rtcpPort); err != nil {
			t.Fatal(err)
		}
	}
	stranger := udp(t, "127.0.0.9")
	put(stranger, report)
	f.counts(1, 0)
	put(f.rtp, report) // another port of the same host is usual
	put(f.rtp, report[:len(report)-1])
	f.counts(1, 1)
	put(f.rtp, make([]byte, quality.MaxCompound+4))
	f.counts(1, 2)
	f.send(report) // on the RTP port, although that was not agreed
	f.counts(1, 3)
	for n := 1; n < 100; n++ {
		x := make([]byte, n)
		for i := range x {
			x[i] = byte(n * i)
		}
		x[0] = 0x81
		put(f.rtp, x)
		f.counts(1, 3+uint64(n))
	}

	m := newFar(t, p, pcma, LegOptions{})
	m.extra = "a=rtcp-mux\r\n"
	m.offer("sendrecv")
	m.from(stranger, report)
	m.counts(1, 0)
	m.send(report)
	m.send(report[:8])
	m.send(append([]byte{0x80, 200}, make([]byte, 26)...))
	until(t, "reports taken", func() bool { return m.leg.Stats().Invalid >= 1 })
	if s := m.leg.Stats(); s.WrongSource != 1 {
		t.Errorf("%d packets from a wrong source", s.WrongSource)
	}
}

// Behind NAT our reports go where the peer's come from.
func TestRTCPBehindNAT(t *testing.T) {
	t.Parallel()
	p := newTestPlane(t)
	f := call(t, p, pcma, LegOptions{NAT: true})
	outside, outsideRTCP := udp(t, "127.0.0.6"), udp(t, "127.0.0.6")
	for n := range 3 {
		f.from(outside, f.packet(numbered(n, 160)))
	}
	until(t, "heard", func() bool { return f.leg.Stats().Received == 3 })
	report, err := quality.Build(quality.Outgoing{SSRC: f.ssrc, CNAME: "x"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := outsideRTCP.WriteToUDPAddrPort(report, netip.AddrPortFrom(f.to().Addr(), f.to().Port()+1)); err != nil {
		t.Fatal(err)
	}
	until(t, "the report is taken", func() bool {
		f.leg.out.mu.Lock()
		defer f.leg.out.mu.Unlock()
		return f.leg.out.toRTCP == toSockaddr(addrOf(outsideRTCP))
	})
	f.leg.Close()
	b := make([]byte, 2048)
	_ = outsideRTCP.SetReadDeadline(time.Now().Add(limit))
	n, _, err := outsideRTCP.ReadFromUDPAddrPort(b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rtcp.Unmarshal(b[:n]); err != nil {
		t.Fatal(err)
	}
}
