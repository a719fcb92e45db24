package dtmf

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

type event struct {
	digit   byte
	start   uint32
	packets []Packet
}

// genEvents lets a Sender press keys one after another, sometimes for longer
// than a segment, sometimes without any pause between them.
func genEvents(t *rapid.T, long bool) []event {
	at := rapid.Uint32().Draw(t, "first timestamp")
	n := rapid.IntRange(1, memory).Draw(t, "presses")
	if long {
		n = rapid.IntRange(1, 3).Draw(t, "presses")
	}
	var out []event
	for range n {
		digit := rapid.SampledFrom([]byte("0123456789*#ABCD1111")).Draw(t, "digit")
		d := time.Duration(rapid.IntRange(40, 400).Draw(t, "ms")) * time.Millisecond
		if long {
			d = time.Duration(rapid.IntRange(40, 30000).Draw(t, "long ms")) * time.Millisecond
		}
		s, err := NewSender(digit, d, at, rapid.SampledFrom([]int{10, 20, 30, 60}).Draw(t, "ptime"))
		if err != nil {
			t.Fatal(err)
		}
		e := event{digit: digit, start: at}
		for p, ok := s.Next(); ok; p, ok = s.Next() {
			e.packets = append(e.packets, p)
		}
		out = append(out, e)
		at = s.start + s.total + uint32(rapid.IntRange(0, 1600).Draw(t, "pause"))
	}
	return out
}

type arrival struct {
	Packet
	event int
}

// network loses, doubles and reorders packets. mix lets packets of different
// events overtake one another, by at most reach places.
func network(t *rapid.T, events []event, keepOne, mix bool) (out []arrival) {
	loss := rapid.IntRange(0, 95).Draw(t, "loss %")
	dup := rapid.IntRange(0, 50).Draw(t, "dup %")
	for i, e := range events {
		var mine []arrival
		for _, p := range e.packets {
			if rapid.IntRange(0, 99).Draw(t, "lose") < loss {
				continue
			}
			mine = append(mine, arrival{p, i})
			for rapid.IntRange(0, 99).Draw(t, "double") < dup {
				mine = append(mine, arrival{p, i})
			}
		}
		if keepOne && len(mine) == 0 {
			mine = append(mine, arrival{rapid.SampledFrom(e.packets).Draw(t, "survivor"), i})
		}
		if len(mine) > 1 {
			mine = rapid.Permutation(mine).Draw(t, "order")
		}
		out = append(out, mine...)
	}
	if mix {
		for range rapid.IntRange(0, len(out)).Draw(t, "swaps") {
			i := rapid.IntRange(0, len(out)-1).Draw(t, "from")
			j := min(len(out)-1, i+rapid.IntRange(0, 12).Draw(t, "reach"))
			out[i], out[j] = out[j], out[i]
		}
	}
	return out
}

// Every press of which at least one packet arrives is reported once, in order,
// when packets are not reordered across presses.
func TestEachPressOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := genEvents(t, false)
		var want, got []byte
		for _, e := range events {
			want = append(want, e.digit)
		}
		var r Receiver
		for _, a := range network(t, events, true, false) {
			if d, ok := r.Packet(a.Timestamp, a.Payload[:]); ok {
				got = append(got, d)
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("got %s, want %s", got, want)
		}
	})
}

// Whatever is lost, doubled or reordered, also across presses: none is doubled,
// and those of which something arrives are all reported.
func TestNoneDoubled(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := genEvents(t, false)
		arrivals := network(t, events, false, true)
		arrived, reported := map[int]bool{}, map[int]int{}
		var r Receiver
		for _, a := range arrivals {
			arrived[a.event] = true
			if d, ok := r.Packet(a.Timestamp, a.Payload[:]); ok {
				reported[a.event]++
				if d != events[a.event].digit {
					t.Fatalf("%c reported as %c", events[a.event].digit, d)
				}
			}
		}
		for i := range events {
			want := 0
			if arrived[i] {
				want = 1
			}
			if reported[i] != want {
				t.Fatalf("press %d (%c) reported %d times, want %d", i, events[i].digit, reported[i], want)
			}
		}
	})
}

// Presses longer than 8.19 s consist of segments; they too count once as long as
// losses do not swallow the whole of them. Loss here spares the packet that
// reports a segment full and those that end an event.
func TestLongPressOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := genEvents(t, true)
		loss := rapid.IntRange(0, 60).Draw(t, "loss %")
		var want, got []byte
		var r Receiver
		for _, e := range events {
			want = append(want, e.digit)
			for _, p := range e.packets {
				full := p.Payload[2] == 0xFF && p.Payload[3] == 0xFF
				if !full && !p.End && int(p.Payload[3]*7%100) < loss {
					continue
				}
				if d, ok := r.Packet(p.Timestamp, p.Payload[:]); ok {
					got = append(got, d)
				}
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("got %s, want %s", got, want)
		}
	})
}

// FuzzReceiver: any packets; no panic, only keys come out, and a packet repeated
// at once never counts again.
func FuzzReceiver(f *testing.F) {
	f.Add([]byte{0, 0, 3, 232, 5, 10, 0, 160, 0, 0, 3, 232, 5, 138, 2, 128})
	f.Add([]byte{0xFF, 0xFF, 0xFF, 0, 11, 10, 0xFF, 0xFF, 0, 0, 0xFE, 0xFF, 11, 10, 0, 65})
	f.Fuzz(func(t *testing.T, in []byte) {
		var r Receiver
		for ; len(in) >= 4; in = in[min(8, len(in)):] {
			ts := uint32(in[0])<<24 | uint32(in[1])<<16 | uint32(in[2])<<8 | uint32(in[3])
			p := in[4:min(8, len(in))]
			d, ok := r.Packet(ts, p)
			if _, key := Code(d); ok != key {
				t.Fatalf("digit %q ok %v", d, ok)
			}
			if _, again := r.Packet(ts, p); again {
				t.Fatal("the same packet counts twice")
			}
		}
	})
}
