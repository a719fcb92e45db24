package media

import (
	"fmt"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"cagri/internal/media/quality"
)

// report waits for the next RTCP datagram on the RTP port.
func (f *far) report() []rtcp.Packet {
	f.t.Helper()
	for {
		b, ok := f.datagram(limit)
		if !ok {
			f.t.Fatal("no report came")
		}
		if b[1] < 192 || b[1] > 223 {
			continue
		}
		all, err := rtcp.Unmarshal(b)
		if err != nil {
			f.t.Fatal(err)
		}
		return all
	}
}

func TestReports(t *testing.T) {
	t.Parallel()
	p := newTestPlane(t)
	a, b := newFar(t, p, pcma, LegOptions{}), call(t, p, pcma, LegOptions{})
	a.extra = "a=rtcp-mux\r\n"
	a.offer("sendrecv")
	defer p.Bridge(a.leg, b.leg).Close()
	first := a.seq
	for n := range 30 {
		if n == 10 || n == 20 {
			a.packet(numbered(n, 160)) // lost
		}
		a.say(numbered(n, 160))
		b.hear()
	}
	var last got
	for n := range 7 {
		b.say(numbered(n, 160))
		last = a.hear()
	}
	// The peer's own report, so that ours can refer to it.
	ntp := uint64(0x1122334455667788)
	own, err := rtcp.Marshal([]rtcp.Packet{&rtcp.SenderReport{SSRC: a.ssrc, NTPTime: ntp, RTPTime: a.ts, PacketCount: 30, OctetCount: 4800}})
	if err != nil {
		t.Fatal(err)
	}
	a.send(own)
	until(t, "the report is taken", func() bool {
		a.leg.in.mu.Lock()
		defer a.leg.in.mu.Unlock()
		return a.leg.in.quality.Report(a.leg.plane.Now()).LastSenderReport != 0
	})

	now := p.Now()
	a.leg.look(now + int64(4*time.Second)) // not due
	a.leg.look(now + int64(6*time.Second))
	got := a.report()
	sr, ok := got[0].(*rtcp.SenderReport)
	if !ok {
		t.Fatalf("no SR but %T", got[0])
	}
	if sr.SSRC != last.ssrc || sr.PacketCount != 7 || sr.OctetCount != 7*160 {
		t.Errorf("SR: %d packets, %d bytes of %08x; want 7, %d of %08x", sr.PacketCount, sr.OctetCount, sr.SSRC, 7*160, last.ssrc)
	}
	if ahead := int32(sr.RTPTime - last.ts); ahead < 5*8000 || ahead > 8*8000 {
		t.Errorf("SR: RTP time %d ahead of the last packet, want about six seconds", ahead)
	}
	if len(sr.Reports) != 1 {
		t.Fatalf("%d report blocks", len(sr.Reports))
	}
	r := sr.Reports[0]
	if r.SSRC != a.ssrc || r.LastSequenceNumber != uint32(first)+31 || r.LastSenderReport != uint32(ntp>>16) {
		t.Errorf("report block: %+v", r)
	}
	// The very first block after probation may or may not have been asked for above,
	// so that only the total is certain.
	if r.TotalLost != 2 {
		t.Errorf("%d packets lost, want 2", r.TotalLost)
	}
	des, ok := got[1].(*rtcp.SourceDescription)
	if !ok || des.Chunks[0].Items[0].Type != rtcp.SDESCNAME || des.Chunks[0].Items[0].Text != p.cname {
		t.Errorf("description: %v", got[1])
	}

	// The round trip: the peer says that it got our SR and answered 100 ms later.
	in := rtcp.ReceiverReport{SSRC: a.ssrc, Reports: []rtcp.ReceptionReport{{SSRC: sr.SSRC, LastSenderReport: quality.Short(p.clock.NTP(p.Now() - int64(150*time.Millisecond))), Delay: 65536 / 10}}}
	back, err := in.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	a.send(back)
	until(t, "round trip", func() bool { return a.leg.Stats().RTT > 0 })
	s := a.leg.Stats()
	if s.RTT < 45*time.Millisecond || s.RTT > limit {
		t.Errorf("round trip %v, want 50 ms and what the test took", s.RTT)
	}
	if s.Received != 30 || s.Lost != 2 || s.Sent != 7 || s.Codec != "PCMA" || s.SRTP {
		t.Errorf("account: %+v", s)
	}
	if s.MOSMin < 1 || s.MOSMin > 4.5 || s.MOSAvg < s.MOSMin {
		t.Errorf("MOS %.2f, on average %.2f", s.MOSMin, s.MOSAvg)
	}

	if end := a.leg.Close(); end != s {
		t.Errorf("the account changed with the end: %+v", end)
	}
	got = a.report()
	if bye, ok := got[len(got)-1].(*rtcp.Goodbye); !ok || bye.Sources[0] != last.ssrc {
		t.Errorf("the end says %v", got)
	}
}

// A leg that only listens sends receiver reports, on the RTCP port.
func TestReceiverReport(t *testing.T) {
	t.Parallel()
	p := newTestPlane(t)
	f := newFar(t, p, pcma, LegOptions{})
	f.rtcp = udp(t, "127.0.0.1")
	f.extra = fmt.Sprintf("a=rtcp:%d\r\n", addrOf(f.rtcp).Port())
	f.offer("sendrecv")
	f.leg.look(p.Now() + int64(20*time.Second)) // nothing to report yet
	for n := range 30 {
		f.say(numbered(n, 160))
	}
	until(t, "heard", func() bool { return f.leg.Stats().Received == 30 })
	f.leg.look(p.Now() + int64(40*time.Second))
	b := make([]byte, 2048)
	_ = f.rtcp.SetReadDeadline(time.Now().Add(limit))
	n, from, err := f.rtcp.ReadFromUDPAddrPort(b)
	if err != nil {
		t.Fatal(err)
	}
	if from.Port() != f.leg.port+1 {
		t.Errorf("sent from port %d, want %d", from.Port(), f.leg.port+1)
	}
	all, err := rtcp.Unmarshal(b[:n])
	if err != nil {
		t.Fatal(err)
	}
	rr, ok := all[0].(*rtcp.ReceiverReport)
	if !ok || len(rr.Reports) != 1 || rr.Reports[0].SSRC != f.ssrc || rr.Reports[0].TotalLost != 0 {
		t.Fatalf("report: %v", all)
	}
}

// A line that has gone silent is reported once for each silence, and never while
// nobody should speak.
func TestSilence(t *testing.T) {
	const after = time.Second
	p := newTestPlane(t, func(c *Config) { c.Silence = time.Hour })
	f := call(t, p, pcma, LegOptions{})
	later := func(d time.Duration) { f.leg.look(p.Now() + int64(time.Hour+d)) }
	later(-after)
	f.noEvent()
	later(after)
	if s := f.event().(Silent); s.Leg != f.leg || s.For < time.Hour {
		t.Fatalf("silent for %v", s.For)
	}
	later(2 * after)
	later(time.Hour)
	f.noEvent()

	f.say(numbered(1, 160)) // not silent any more
	until(t, "heard", func() bool { f.leg.in.mu.Lock(); defer f.leg.in.mu.Unlock(); return !f.leg.in.silent })
	later(after)
	f.event()

	for _, held := range []string{"sendonly", "inactive"} { // many phones send nothing when they hold
		f.offer(held)
		later(after)
		f.noEvent()
		f.offer("sendrecv")
		later(-after)
		f.noEvent()
		later(after)
		f.event()
	}
	f.offer("sendrecv") // a refresh is no sign of life
	later(after)
	f.noEvent()

	f.leg.SetHold(true)
	f.answer("recvonly")
	later(after)
	f.noEvent()
	f.leg.SetHold(false)
	f.answer("sendrecv")
	later(-after)
	f.noEvent()
	later(after)
	f.event()

	f.leg.Close()
	later(time.Hour)
	f.noEvent()
}

// The sweep finds it by itself.
func TestSilenceIsSwept(t *testing.T) {
	t.Parallel()
	p := newTestPlane(t, func(c *Config) { c.Silence = 50 * time.Millisecond })
	f := call(t, p, pcma, LegOptions{})
	if s, ok := f.event().(Silent); !ok || s.For < 50*time.Millisecond {
		t.Fatalf("event %v", s)
	}
	f.leg.Close()
	f.noEvent()
}
