package dtmf

import (
	"encoding/binary"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func all(t testing.TB, digit byte, d time.Duration, start uint32, ptime int) []Packet {
	t.Helper()
	s, err := NewSender(digit, d, start, ptime)
	if err != nil {
		t.Fatal(err)
	}
	var out []Packet
	for p, ok := s.Next(); ok; p, ok = s.Next() {
		out = append(out, p)
	}
	if _, ok := s.Next(); ok {
		t.Fatal("packets after the end")
	}
	return out
}

func duration(p Packet) uint16 { return binary.BigEndian.Uint16(p.Payload[2:]) }

func TestSender(t *testing.T) {
	got := all(t, '#', 100*time.Millisecond, 7000, 20)
	if len(got) != 5+2 {
		t.Fatalf("%d packets", len(got))
	}
	for i, p := range got {
		end := i >= 4
		wantDur := uint16(min(i+1, 5) * 160)
		if p.Timestamp != 7000 || p.Marker != (i == 0) || p.End != end || duration(p) != wantDur || p.Payload[0] != 11 || p.Payload[1]&endBit != 0 != end || p.Payload[1]&0x3F != volume {
			t.Errorf("packet %d: %+v", i, p)
		}
	}
	s, _ := NewSender('1', 50*time.Millisecond, 1000, 20) // rounded up to 60 ms
	for _, ok := s.Next(); ok; _, ok = s.Next() {
	}
	if s.Resume() != 1000+480+320 {
		t.Errorf("audio goes on at %d", s.Resume())
	}
}

// 20 s at 8000 Hz are 160000 units: two full segments and a rest.
func TestSenderSegments(t *testing.T) {
	got := all(t, '5', 20*time.Second, 100, 20)
	starts := map[uint32]bool{}
	full := 0
	for i, p := range got {
		starts[p.Timestamp] = true
		if duration(p) == longest {
			full++
			if p.End {
				t.Error("a full segment is not the end")
			}
		}
		if p.Marker != (i == 0) {
			t.Errorf("marker on packet %d", i)
		}
	}
	if len(starts) != 3 || !starts[100] || !starts[100+longest] || !starts[100+2*longest] || full != 2 {
		t.Errorf("segments %v, %d full", starts, full)
	}
	if len(got) != 1000+2 {
		t.Errorf("%d packets for 20 s", len(got))
	}
	if last := got[len(got)-1]; !last.End || uint32(duration(last)) != 160000-2*longest {
		t.Errorf("last %+v", last)
	}
}

func TestSenderRefuses(t *testing.T) {
	for _, tc := range []struct {
		digit byte
		d     time.Duration
		ptime int
	}{{'x', time.Second, 20}, {0, time.Second, 20}, {'5', 39 * time.Millisecond, 20}, {'5', time.Minute + 1, 20}, {'5', time.Second, 5}, {'5', time.Second, 80}} {
		if _, err := NewSender(tc.digit, tc.d, 0, tc.ptime); err == nil {
			t.Errorf("%+v is taken", tc)
		}
	}
}

// In every press: one timestamp per segment, durations that grow, a time line
// without holes, three ends that are alike.
func TestSenderShape(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := rapid.Uint32().Draw(t, "start")
		ptime := rapid.SampledFrom([]int{10, 20, 30, 40, 60}).Draw(t, "ptime")
		d := time.Duration(rapid.IntRange(40, 60000).Draw(t, "ms")) * time.Millisecond
		s, err := NewSender('7', d, start, ptime)
		if err != nil {
			t.Fatal(err)
		}
		reached, n, ends := uint32(0), 0, 0
		var last Packet
		for p, ok := s.Next(); ok; p, ok = s.Next() {
			n++
			now := p.Timestamp - start + uint32(duration(p))
			if p.End {
				ends++
				if ends > 1 && p.Payload != last.Payload {
					t.Fatal("the repeated end differs")
				}
			} else if ends > 0 {
				t.Fatal("a packet without end bit after an end")
			}
			if ends < 2 && now <= reached {
				t.Fatalf("time stands still at %d", now)
			}
			reached, last = now, p
		}
		if want := uint32(d / time.Millisecond * 8); ends != endTimes || reached < want || reached-want >= uint32(ptime)*8 {
			t.Fatalf("%d ends, %d units for %v", ends, reached, d)
		}
		// One packet time each, and one more if a segment gets full with the very last one.
		if least := int(reached)/(ptime*8) + endTimes - 1; n < least || n > least+1 || s.Resume() != start+uint32(n)*uint32(ptime)*8 {
			t.Fatalf("%d packets for %d units, resume %d", n, reached, s.Resume()-start)
		}
	})
}

func TestDigits(t *testing.T) {
	for i := range 256 {
		d, ok := Digit(uint8(i))
		if ok != (i < 16) {
			t.Errorf("code %d: %v", i, ok)
		}
		if ok {
			if c, k := Code(d); !k || int(c) != i {
				t.Errorf("%c has code %d", d, c)
			}
		}
	}
	for _, d := range "eE!x /:@ \x00" {
		if _, ok := Code(byte(d)); ok {
			t.Errorf("%q is no key", d)
		}
	}
	if c, ok := Code('d'); !ok || c != 15 {
		t.Error("small letters")
	}
}
