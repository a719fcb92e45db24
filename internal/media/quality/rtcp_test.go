package quality

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"pgregory.net/rapid"
)

// RFC 3550 A.3: cumulative loss, fraction since the last report, extended highest.
func TestReportBlock(t *testing.T) {
	s := newStream(0xCAFE, 65500)
	s.send(100)
	rep := s.r.Report(s.now)
	if rep.SSRC != 0xCAFE || rep.FractionLost != 0 || rep.TotalLost != 0 || rep.LastSequenceNumber != 65599 || rep.LastSenderReport != 0 || rep.Delay != 0 {
		t.Errorf("%+v", rep)
	}
	s.send(30)
	s.skip(10)
	s.send(10)
	rep = s.r.Report(s.now) // 10 of 50 lost since: 256/5 = 51
	if rep.FractionLost != 51 || rep.TotalLost != 10 || rep.LastSequenceNumber != 65649 {
		t.Errorf("%+v", rep)
	}
	s.send(50)
	if rep = s.r.Report(s.now); rep.FractionLost != 0 || rep.TotalLost != 10 {
		t.Errorf("%+v", rep)
	}
	if rep = s.r.Report(s.now); rep.FractionLost != 0 { // nothing expected since
		t.Errorf("%+v", rep)
	}
}

// Duplicates make the cumulative count negative; it is 24 bits of two's
// complement and stops at its ends (RFC 3550 §6.4.1).
func TestReportWithDuplicates(t *testing.T) {
	s := newStream(1, 1)
	s.send(10)
	for range 5 {
		s.late(1)
	}
	rep := s.r.Report(s.now)
	if rep.TotalLost != 0xFFFFFB || rep.FractionLost != 0 {
		t.Errorf("%+v", rep)
	}
	b, err := Build(Outgoing{SSRC: 2, CNAME: "x", Reports: []rtcp.ReceptionReport{rep}})
	if err != nil {
		t.Fatal(err)
	}
	in, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	var f Far
	f.Take(in, 1, 0)
	if f.Lost != -5 {
		t.Errorf("lost %d", f.Lost)
	}
}

func TestLSRAndDLSR(t *testing.T) {
	s := newStream(5, 1)
	s.send(10)
	s.r.SenderReport(6, 0x1111222233334444, s.now) // of another source
	if rep := s.r.Report(s.now); rep.LastSenderReport != 0 {
		t.Errorf("%+v", rep)
	}
	s.r.SenderReport(5, 0x1111222233334444, s.now)
	if rep := s.r.Report(s.now + int64(5250*time.Millisecond)); rep.LastSenderReport != 0x22223333 || rep.Delay != 5*65536+16384 {
		t.Errorf("%+v", rep)
	}
	s.ssrc = 7
	s.send(2)
	if rep := s.r.Report(s.now); rep.LastSenderReport != 0 {
		t.Error("an SR of the source before")
	}
}

// RFC 3550 §6.4.1, figure 2: SR sent at 0xb44d:b705 (…), the block says DLSR
// 5.250 s and comes back at 0xb710:8000; the round trip is 6.125 s.
func TestRTTOfTheRFC(t *testing.T) {
	rtt, ok := RTT(0xb7108000, 0xb7052000, 0x00054000)
	if !ok || rtt != 6125*time.Millisecond {
		t.Errorf("%v %v", rtt, ok)
	}
}

func TestRTT(t *testing.T) {
	for _, tc := range []struct {
		now, lsr, dlsr uint32
		want           time.Duration
		ok             bool
	}{
		{1 << 16, 0, 0, 0, false},                               // no SR seen
		{5, 0xFFFFFFFF - 65536 + 6, 0, time.Second, true},       // over the 18-hour wrap
		{5, 0xFFFFFFFE, 7, 0, true},                             // wrap, nothing left
		{100, 101, 0, 0, true},                                  // rounding
		{100, 200, 0, 0, false},                                 // before it was sent
		{100 << 16, 20 << 16, 10 << 16, 0, false},               // 70 s is no round trip
		{100 << 16, 20 << 16, 50 << 16, 30 * time.Second, true}, // slow but thinkable
		{1000, 100, 5000, 0, false},                             // a peer that lies about its delay
		{0x80000000, 0x7FFF0000, 0, time.Second, true},          // sign bit means nothing
	} {
		if got, ok := RTT(tc.now, tc.lsr, tc.dlsr); got != tc.want || ok != tc.ok {
			t.Errorf("%+v: %v %v", tc, got, ok)
		}
	}
}

func TestClock(t *testing.T) {
	wall := time.Date(2026, 3, 1, 12, 0, 0, 500e6, time.UTC)
	c := NewClock(wall, 1000)
	n := c.NTP(1000)
	if sec := int64(n>>32) - ntpEpoch; sec != wall.Unix() || uint32(n) != 1<<31 {
		t.Errorf("%x", n)
	}
	if d := c.NTP(1000+int64(90*time.Second)) - n; d != 90<<32 {
		t.Errorf("90 s are %x", d)
	}
	if Short(0x1111222233334444) != 0x22223333 {
		t.Error("Short")
	}
	// NTP itself wraps in 2036; differences stay right.
	e := NewClock(time.Date(2036, 2, 7, 6, 28, 15, 0, time.UTC), 0)
	if a, b := e.NTP(0), e.NTP(int64(2*time.Second)); a>>32 != 0xFFFFFFFF || (b>>32)&0xFFFFFFFF != 1 {
		t.Errorf("%x %x", a, b)
	}
	for _, tc := range []struct {
		d    time.Duration
		want uint32
	}{{0, 0}, {-1, 0}, {time.Second, 65536}, {500 * time.Millisecond, 32768}, {65536 * time.Second, 1<<32 - 1}, {100 * time.Hour, 1<<32 - 1}} {
		if got := ntpShort(tc.d); got != tc.want {
			t.Errorf("%v: %d", tc.d, got)
		}
	}
}

func TestSenderReport(t *testing.T) {
	var s Sender
	c := NewClock(time.Unix(1_000_000, 0), 0)
	if _, ok := s.Report(0, c); ok {
		t.Error("nothing sent yet")
	}
	for i := range 50 {
		s.Packet(9, 5000+uint32(i)*160, 160, int64(i)*frame, rate)
	}
	sr, ok := s.Report(int64(time.Second), c) // 20 ms after the last
	if !ok || sr.SSRC != 9 || sr.PacketCount != 50 || sr.OctetCount != 8000 || sr.RTPTime != 5000+50*160 || sr.NTPTime != (1_000_001+ntpEpoch)<<32 {
		t.Errorf("%+v %v", sr, ok)
	}
	if _, ok := s.Report(int64(12*time.Second), c); ok {
		t.Error("silent for two intervals: an RR is due")
	}
	s.Packet(10, 1, 100, int64(13*time.Second), rate)
	if s.Packets() != 1 || s.Octets() != 100 {
		t.Error("a new SSRC counts from zero")
	}
}

func TestBuildAndParse(t *testing.T) {
	rep := rtcp.ReceptionReport{SSRC: 3, FractionLost: 64, TotalLost: 7, LastSequenceNumber: 70000, Jitter: 12, LastSenderReport: 5, Delay: 6}
	for _, tc := range []struct {
		name string
		out  Outgoing
	}{
		{"SR", Outgoing{SSRC: 1, CNAME: "a@b", Sender: &rtcp.SenderReport{NTPTime: 1 << 40, RTPTime: 2, PacketCount: 3, OctetCount: 4}, Reports: []rtcp.ReceptionReport{rep}}},
		{"RR", Outgoing{SSRC: 1, CNAME: "a@b", Reports: []rtcp.ReceptionReport{rep}}},
		{"empty RR", Outgoing{SSRC: 1, CNAME: "a@b"}},
		{"BYE", Outgoing{SSRC: 1, CNAME: "a@b", Bye: true, Reason: "call ended"}},
		{"BYE without reason", Outgoing{SSRC: 1, CNAME: strings.Repeat("c", 255), Bye: true}},
		{"31 blocks", Outgoing{SSRC: 1, CNAME: "a", Reports: make([]rtcp.ReceptionReport, 31)}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b, err := Build(tc.out)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := rtcp.Unmarshal(b); err != nil {
				t.Fatalf("pion: %v", err)
			}
			in, err := Parse(b)
			if err != nil {
				t.Fatal(err)
			}
			if in.SSRC != 1 || in.CNAME != tc.out.CNAME || in.Bye != tc.out.Bye || in.Reason != tc.out.Reason || in.Skipped != 0 || len(in.Reports) != len(tc.out.Reports) {
				t.Errorf("%+v", in)
			}
			if (in.Sender != nil) != (tc.out.Sender != nil) {
				t.Error("SR or RR")
			}
			if in.Sender != nil && (in.Sender.NTPTime != 1<<40 || in.Sender.OctetCount != 4) {
				t.Errorf("%+v", in.Sender)
			}
			if len(in.Reports) == 1 && in.Reports[0] != rep {
				t.Errorf("%+v", in.Reports[0])
			}
		})
	}
	for name, out := range map[string]Outgoing{
		"no CNAME":   {SSRC: 1},
		"long CNAME": {SSRC: 1, CNAME: strings.Repeat("x", 256)},
		"long BYE":   {SSRC: 1, CNAME: "x", Bye: true, Reason: strings.Repeat("x", 256)},
		"32 blocks":  {SSRC: 1, CNAME: "x", Reports: make([]rtcp.ReceptionReport, 32)},
	} {
		if _, err := Build(out); err == nil {
			t.Errorf("%s is built", name)
		}
	}
}

func good(t testing.TB) []byte {
	t.Helper()
	b, err := Build(Outgoing{SSRC: 1, CNAME: "x@y", Sender: &rtcp.SenderReport{NTPTime: 1}, Reports: []rtcp.ReceptionReport{{SSRC: 2}}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// RFC 3550 A.2.
func TestParseRefuses(t *testing.T) {
	edit := func(f func(b []byte) []byte) []byte { return f(bytes.Clone(good(t))) }
	for name, b := range map[string][]byte{
		"nothing":         nil,
		"short":           {0x80, 200, 0, 0},
		"odd length":      edit(func(b []byte) []byte { return b[:len(b)-1] }),
		"version 1":       edit(func(b []byte) []byte { b[0] = 0x41; return b }),
		"padding first":   edit(func(b []byte) []byte { b[0] |= 0x20; return b }),
		"SDES first":      edit(func(b []byte) []byte { return b[52:] }),
		"RTP":             {0x80, 8, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1},
		"length too long": edit(func(b []byte) []byte { b[3] = 200; return b }),
		"second version":  edit(func(b []byte) []byte { b[52] = 0x01; return b }),
		"too big":         make([]byte, MaxCompound+4),
		"tail":            edit(func(b []byte) []byte { return append(b, 0, 0, 0, 0) }),
	} {
		if _, err := Parse(b); !errors.Is(err, ErrNotRTCP) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestParseSkipsWhatItDoesNotKnow(t *testing.T) {
	app := []byte{0x80, 204, 0, 2, 0, 0, 0, 1, 'n', 'a', 'm', 'e'}
	fb := []byte{0x81, 205, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 1, 0, 0}
	brokenSDES := []byte{0x9F, 202, 0, 1, 0, 0, 0, 1}
	brokenRR := []byte{0x9F, 201, 0, 1, 0, 0, 0, 1}
	bye := []byte{0x81, 203, 0, 1, 0, 0, 0, 1}
	b := bytes.Join([][]byte{good(t), app, fb, brokenSDES, brokenRR, bye}, nil)
	in, err := Parse(b)
	if err != nil || in.Skipped != 4 || !in.Bye || in.CNAME != "x@y" || len(in.Reports) != 1 {
		t.Errorf("%+v %v", in, err)
	}
	// A BYE of somebody else is not the peer's.
	in, _ = Parse(append(good(t), 0x81, 203, 0, 1, 0, 0, 0, 99))
	if in.Bye {
		t.Error("BYE of another source")
	}
	// Many small packets are bounded.
	many := good(t)
	for range 100 {
		many = append(many, app...)
	}
	if in, err = Parse(many); err != nil || in.Skipped > maxPackets {
		t.Errorf("%+v %v", in, err)
	}
}

func TestPadding(t *testing.T) {
	for _, tc := range []struct {
		pad []byte
		bye bool
	}{{[]byte{0, 0, 0, 4}, true}, {[]byte{0, 0, 0, 0, 0, 0, 0, 8}, true}, {[]byte{0, 0, 0, 0}, false}, {[]byte{0, 0, 0, 3}, false}, {[]byte{0, 0, 0, 200}, false}} {
		p := append([]byte{0xA1, 203, 0, byte(1 + len(tc.pad)/4), 0, 0, 0, 1}, tc.pad...)
		in, err := Parse(append(good(t), p...))
		if err != nil || in.Bye != tc.bye {
			t.Errorf("%v: %+v %v", tc.pad, in, err)
		}
	}
}

// One VoIP metrics block as RFC 3611 §4.7 lays it out, made by pion and read by us.
func TestVoIPMetrics(t *testing.T) {
	xr := rtcp.ExtendedReport{SenderSSRC: 1, Reports: []rtcp.ReportBlock{
		&rtcp.ReceiverReferenceTimeReportBlock{NTPTimestamp: 7},
		&rtcp.VoIPMetricsReportBlock{
			SSRC: 2, LossRate: 64, DiscardRate: 128, BurstDensity: 32, GapDensity: 16, BurstDuration: 400, GapDuration: 5000,
			RoundTripDelay: 120, EndSystemDelay: 80, SignalLevel: 0xEE, NoiseLevel: 0xBA, RERL: 127, Gmin: 16,
			RFactor: 85, ExtRFactor: 127, MOSLQ: 41, MOSCQ: 127, RXConfig: 0xAA, JBNominal: 40, JBMaximum: 80, JBAbsMax: 200,
		},
	}}
	p, err := xr.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	in, err := Parse(append(good(t), p...))
	if err != nil || len(in.VoIP) != 1 || in.Skipped != 0 {
		t.Fatalf("%+v %v", in, err)
	}
	ms := time.Millisecond
	want := VoIPMetrics{
		SSRC: 2, Loss: 0.25, Discard: 0.5, BurstDensity: 0.125, GapDensity: 0.0625, Burst: 400 * ms, Gap: 5000 * ms,
		RoundTrip: 120 * ms, EndSystem: 80 * ms, SignalLevel: -18, NoiseLevel: -70, RERL: 127, Gmin: 16,
		R: 85, ExtR: 127, MOSLQ: 4.1, MOSCQ: 0, RXConfig: 0xAA, JBNominal: 40 * ms, JBMaximum: 80 * ms, JBAbsMax: 200 * ms,
	}
	if in.VoIP[0] != want {
		t.Errorf("got  %+v\nwant %+v", in.VoIP[0], want)
	}
	var f Far
	f.Take(in, 3, 0)
	if f.VoIP != nil {
		t.Error("a block about another source")
	}
	f.Take(in, 2, 0)
	if f.VoIP == nil || *f.VoIP != want {
		t.Error("block not kept")
	}
	// Broken: block length other than 8 words, a block beyond the end.
	for _, at := range []struct{ off, val int }{{8 + 12 + 3, 7}, {8 + 12 + 3, 90}, {8 + 3, 90}} {
		q := bytes.Clone(p)
		q[at.off] = byte(at.val)
		if in, err := Parse(append(good(t), q...)); err != nil || in.Skipped != 1 || len(in.VoIP) != 0 {
			t.Errorf("%+v: %+v %v", at, in, err)
		}
	}
}

// Two legs report to each other over a path with known delay; each learns the
// round trip and what the other lost.
func TestTwoEnds(t *testing.T) {
	const oneWay = int64(35 * time.Millisecond)
	type end struct {
		ssrc  uint32
		clock Clock
		tx    Sender
		rx    Receiver
		far   Far
	}
	a := &end{ssrc: 1, clock: NewClock(time.Unix(5000, 0), 0)}
	b := &end{ssrc: 2, clock: NewClock(time.Unix(99999, 123456789), 0)} // wall clocks differ
	now := int64(0)
	report := func(from, to *end, at int64) {
		out := Outgoing{SSRC: from.ssrc, CNAME: "x"}
		if sr, ok := from.tx.Report(at, from.clock); ok {
			out.Sender = &sr
		}
		if from.rx.Active() {
			out.Reports = append(out.Reports, from.rx.Report(at))
		}
		raw, err := Build(out)
		if err != nil {
			t.Fatal(err)
		}
		in, err := Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		arrives := at + oneWay
		if in.Sender != nil {
			to.rx.SenderReport(in.SSRC, in.Sender.NTPTime, arrives)
		}
		if to.far.Take(in, to.ssrc, Short(to.clock.NTP(arrives))) {
			to.rx.SetRTT(to.far.RTT)
		}
	}
	for i := range 1500 {
		for _, e := range []*end{a, b} {
			e.tx.Packet(e.ssrc, uint32(i)*160, 160, now, rate)
		}
		if i%10 != 9 { // a tenth of what a sends is lost
			b.rx.Packet(a.ssrc, uint16(i), uint32(i)*160, now+oneWay, rate)
		}
		a.rx.Packet(b.ssrc, uint16(i), uint32(i)*160, now+oneWay, rate)
		now += frame
		if i%250 == 249 {
			report(a, b, now)
			report(b, a, now+int64(2*time.Second))
		}
	}
	for name, e := range map[string]*end{"a": a, "b": b} {
		if d := e.far.RTT - 70*time.Millisecond; d < -time.Millisecond || d > time.Millisecond || e.far.RTTMin > e.far.RTTAvg || e.far.RTTAvg > e.far.RTTMax {
			t.Errorf("%s: RTT %v min %v avg %v max %v", name, e.far.RTT, e.far.RTTMin, e.far.RTTAvg, e.far.RTTMax)
		}
	}
	if a.far.Loss < 0.09 || a.far.Loss > 0.11 || a.far.Lost < 145 || a.far.LossMax < a.far.Loss || b.far.Lost != 0 || b.far.CNAME != "x" || a.far.Reports != 6 {
		t.Errorf("a hears %+v\nb hears %+v", a.far, b.far)
	}
}

func TestInterval(t *testing.T) {
	if lo, hi := Interval(0), Interval(1); lo < 2*time.Second || lo > 2100*time.Millisecond || hi < 6100*time.Millisecond || hi > 6200*time.Millisecond {
		t.Errorf("%v %v", lo, hi)
	}
}

// RTT is what passed, whatever the moment: also across the wrap of the short time.
func TestRTTProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sent := rapid.Uint32Range(1, 1<<32-1).Draw(t, "lsr")
		trip := rapid.Uint32Range(0, 60<<16).Draw(t, "trip")
		dlsr := rapid.Uint32().Draw(t, "dlsr")
		got, ok := RTT(sent+trip+dlsr, sent, dlsr)
		if want := time.Duration(int64(trip) * int64(time.Second) >> 16); !ok || got != want {
			t.Fatalf("%v %v, want %v", got, ok, want)
		}
	})
}

// FuzzParse: garbage costs nothing but itself.
func FuzzParse(f *testing.F) {
	f.Add(good(f))
	f.Add([]byte{0x80, 201, 0, 1, 0, 0, 0, 1, 0x81, 203, 0, 2, 0, 0, 0, 1, 3, 'b', 'y', 'e'})
	x, _ := (&rtcp.ExtendedReport{SenderSSRC: 1, Reports: []rtcp.ReportBlock{&rtcp.VoIPMetricsReportBlock{SSRC: 2, MOSLQ: 40}}}).Marshal()
	f.Add(append(good(f), x...))
	f.Fuzz(func(t *testing.T, b []byte) {
		in, err := Parse(b)
		if err != nil {
			if !errors.Is(err, ErrNotRTCP) {
				t.Fatal(err)
			}
			return
		}
		if in.Sender == nil && b[1] == 200 && in.Skipped == 0 || len(in.VoIP) > 8 || len(in.Reports) > len(b)/24 {
			t.Fatalf("%+v", in)
		}
		var far Far
		far.Take(in, binary.BigEndian.Uint32(b[4:]), 1)
		if far.Loss < 0 || far.Loss >= 1 || far.RTT < 0 {
			t.Fatalf("%+v", far)
		}
	})
}
