package dtmf

import (
	"encoding/binary"
	"testing"
)

// pk is one packet as a test writes it.
type pk struct {
	ts   uint32
	key  byte
	dur  uint16
	end  bool
	want byte // digit reported at this packet, 0 = none
}

func (p pk) payload() []byte {
	code, ok := Code(p.key)
	if !ok {
		code = p.key // an event code that is no key
	}
	b := []byte{code, 10, 0, 0}
	if p.end {
		b[1] |= endBit
	}
	binary.BigEndian.PutUint16(b[2:], p.dur)
	return b
}

func TestReceiver(t *testing.T) {
	for _, tc := range []struct {
		name    string
		packets []pk
	}{
		{"as RFC 4733 sends it: three starts, updates, three ends", []pk{
			{1000, '5', 160, false, '5'}, {1000, '5', 160, false, 0}, {1000, '5', 160, false, 0}, {1000, '5', 320, false, 0},
			{1000, '5', 480, false, 0}, {1000, '5', 640, true, 0}, {1000, '5', 640, true, 0}, {1000, '5', 640, true, 0},
		}},
		{"start lost", []pk{{1000, '5', 480, false, '5'}, {1000, '5', 640, true, 0}}},
		{"only one end arrives", []pk{{1000, '5', 640, true, '5'}}},
		{"only ends arrive", []pk{{1000, '5', 640, true, '5'}, {1000, '5', 640, true, 0}, {1000, '5', 640, true, 0}}},
		{"ends lost, next key", []pk{{1000, '5', 160, false, '5'}, {3000, '6', 160, false, '6'}}},
		{"ends lost, same key again", []pk{{1000, '5', 160, false, '5'}, {3000, '5', 160, false, '5'}}},
		{"back to back", []pk{{1000, '5', 640, true, '5'}, {1640, '5', 160, false, '5'}, {1640, '5', 640, true, 0}}},
		{"ends reordered behind the next key", []pk{
			{1000, '5', 160, false, '5'}, {2000, '6', 160, false, '6'}, {1000, '5', 640, true, 0}, {2000, '6', 320, false, 0}, {1000, '5', 640, true, 0},
		}},
		{"a key whose packets all come late", []pk{{1000, '1', 160, true, '1'}, {3000, '3', 160, false, '3'}, {2000, '2', 160, true, '2'}, {2000, '2', 160, true, 0}, {3000, '3', 320, true, 0}}},
		{"timestamp wraps", []pk{{0xFFFFFF00, '5', 160, false, '5'}, {0xFFFFFF00, '5', 640, true, 0}, {0x300, '5', 160, true, '5'}, {0xFFFFFF00, '5', 640, true, 0}}},
		{"all keys", []pk{
			{0, '0', 1, true, '0'}, {1000, '1', 1, true, '1'}, {2000, '2', 1, true, '2'}, {3000, '3', 1, true, '3'}, {4000, '4', 1, true, '4'}, {5000, '5', 1, true, '5'},
			{6000, '6', 1, true, '6'}, {7000, '7', 1, true, '7'}, {8000, '8', 1, true, '8'}, {9000, '9', 1, true, '9'}, {10000, '*', 1, true, '*'}, {11000, '#', 1, true, '#'},
			{12000, 'A', 1, true, 'A'}, {13000, 'B', 1, true, 'B'}, {14000, 'C', 1, true, 'C'}, {15000, 'D', 1, true, 'D'},
		}},
		{"flash and tones are no keys", []pk{{1000, 16, 160, false, 0}, {2000, 32, 160, false, 0}, {3000, 255, 160, true, 0}}},
		{"duration 0", []pk{{1000, '5', 0, false, '5'}, {1000, '5', 160, false, 0}}},
		{"another key at the same timestamp", []pk{{1000, '5', 160, true, '5'}, {1000, '6', 160, true, '6'}, {1000, '5', 160, true, 0}}},
		{"a long press goes on in a second segment", []pk{
			{1000, '5', 160, false, '5'}, {1000, '5', 0xFFFF, false, 0}, {1000 + 0xFFFF, '5', 65, false, 0}, {1000 + 0xFFFF, '5', 6000, true, 0},
		}},
		{"third segment", []pk{
			{0, '5', 160, false, '5'}, {0, '5', 0xFFFF, false, 0}, {0xFFFF, '5', 65, false, 0}, {0xFFFF, '5', 0xFFFF, false, 0}, {2 * 0xFFFF, '5', 130, true, 0},
		}},
		{"the full packet of the first segment lost", []pk{{1000, '5', 160, false, '5'}, {1000 + 0xFFFF, '5', 800, true, 0}}},
		{"a whole segment lost", []pk{{0, '5', 160, false, '5'}, {2 * 0xFFFF, '5', 130, true, 0}}},
		{"the first segment comes after the second", []pk{{1000 + 0xFFFF, '5', 800, false, '5'}, {1000, '5', 0xFFFF, false, 0}}},
		{"a segment ended at the last whole frame", []pk{{0, '5', 65440, false, '5'}, {65440, '5', 160, false, 0}}},
		{"same key later, the first had its end", []pk{{0, '5', 800, true, '5'}, {0xFFFF, '5', 160, false, '5'}}},
		{"another key where a segment would begin", []pk{{0, '5', 0xFFFF, false, '5'}, {0xFFFF, '6', 160, false, '6'}}},
		{"the sender starts its clock anew", []pk{{0x80000000, '5', 160, true, '5'}, {100, '5', 160, true, '5'}, {100, '5', 160, true, 0}}},
		{"back by more than the horizon", []pk{{1 << 20, '5', 160, true, '5'}, {1<<20 - horizon - 1, '5', 160, true, '5'}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var r Receiver
			for i, p := range tc.packets {
				d, ok := r.Packet(p.ts, p.payload())
				if d != p.want || ok != (p.want != 0) {
					t.Fatalf("packet %d (%c at %d): got %q %v, want %q", i, p.key, p.ts, d, ok, p.want)
				}
			}
		})
	}
}

func TestVolumeAndReservedBitMeanNothing(t *testing.T) {
	for bits := range 128 {
		var r Receiver
		if d, ok := r.Packet(1, []byte{5, byte(bits), 0, 160}); !ok || d != '5' {
			t.Fatalf("bits %x: %q %v", bits, d, ok)
		}
		if _, ok := r.Packet(1, []byte{5, byte(127 - bits), 0, 160}); ok {
			t.Fatalf("bits %x: counted twice", bits)
		}
	}
}

func TestOddPayloads(t *testing.T) {
	var r Receiver
	for _, p := range [][]byte{nil, {}, {5}, {5, 0, 0}} {
		if _, ok := r.Packet(1, p); ok {
			t.Errorf("%v counted", p)
		}
	}
	if d, ok := r.Packet(1, []byte{5, 0, 0, 160, 0, 0, 0, 0}); !ok || d != '5' {
		t.Error("a longer payload counts by its first block")
	}
}

func TestReset(t *testing.T) {
	var r Receiver
	r.Packet(1000, pk{key: '5'}.payload())
	r.Reset()
	if _, ok := r.Packet(1000, pk{key: '5'}.payload()); !ok {
		t.Error("after Reset an event is new")
	}
}

// With a full memory a very late packet is dropped rather than doubled.
func TestForgottenIsNotDoubled(t *testing.T) {
	var r Receiver
	for i := range uint32(memory + 4) {
		if _, ok := r.Packet(i*800, pk{key: '1', end: true}.payload()); !ok {
			t.Fatal(i)
		}
	}
	for i := range uint32(memory + 4) {
		if _, ok := r.Packet(i*800, pk{key: '1', end: true}.payload()); ok {
			t.Fatalf("event %d doubled", i)
		}
	}
}

func TestReceiverDoesNotAllocate(t *testing.T) {
	var r Receiver
	p := pk{key: '5', dur: 160}.payload()
	ts := uint32(0)
	if n := testing.AllocsPerRun(1000, func() { ts += 160; r.Packet(ts, p) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkReceiver(b *testing.B) {
	var r Receiver
	p := pk{key: '5', dur: 160}.payload()
	b.ReportAllocs()
	for i := range b.N {
		r.Packet(uint32(i/8)*800, p)
	}
}
