package media

import (
	"testing"
	"time"

	"cagri/internal/media/dtmf"
	"cagri/internal/media/tone"
)

// press sends a key as a phone does: one packet for each 20 ms, the last three
// times; those in lost never arrive.
func (f *far) press(digit byte, d time.Duration, lost func(n int) bool) {
	f.t.Helper()
	s, err := dtmf.NewSender(digit, d, f.ts, 20)
	if err != nil {
		f.t.Fatal(err)
	}
	for n := 0; ; n++ {
		e, more := s.Next()
		if !more {
			break
		}
		b := raw(f.pt("tele"), e.Marker, f.seq, e.Timestamp, f.ssrc, e.Payload[:])
		f.seq++
		if !lost(n) {
			f.send(b)
		}
	}
	f.ts = s.Resume()
}

// Each press is reported once, whatever gets lost of it.
func TestKeys(t *testing.T) {
	t.Parallel()
	p := newTestPlane(t)
	for _, mapping := range [][]string{pcma, {"8 PCMA/8000", "96 telephone-event/8000"}, {"0 PCMU/8000", "127 telephone-event/8000"}} {
		f := call(t, p, mapping, LegOptions{})
		f.say(numbered(1, 160))
		keys := "0123456789*#ABCD11"
		for i := range keys {
			f.press(keys[i], 100*time.Millisecond, func(n int) bool {
				switch i % 4 {
				case 1:
					return n == 0 // the beginning
				case 2:
					return n < 5 // all but the three ends
				case 3:
					return n >= 5 // all of the ends but one
				}
				return false
			})
			f.say(numbered(i, 160))
			if d, ok := f.event().(Digit); !ok || d.Digit != keys[i] || d.Leg != f.leg {
				t.Fatalf("%v: key %d is %c, want %c", mapping, i, d.Digit, keys[i])
			}
		}
		f.taken()
		f.noEvent()
		if s := f.leg.Stats(); s.Invalid != 0 {
			t.Errorf("%d packets invalid", s.Invalid)
		}
	}
}

// The payload type that was not agreed on is no key.
func TestKeyWithWrongPayloadType(t *testing.T) {
	t.Parallel()
	p := newTestPlane(t)
	f := call(t, p, []string{"8 PCMA/8000", "96 telephone-event/8000"}, LegOptions{})
	f.send(raw(101, true, 1, 1, f.ssrc, []byte{1, 10, 0, 160}))
	f.counts(0, 1)
	f.noEvent()
}

// A gateway that sends keys with an SSRC of their own is understood, and the
// speech is not disturbed.
func TestKeyWithAnSSRCOfItsOwn(t *testing.T) {
	t.Parallel()
	p := newTestPlane(t)
	a, b := call(t, p, pcma, LegOptions{}), call(t, p, pcma, LegOptions{})
	defer p.Bridge(a.leg, b.leg).Close()
	s := &stream{t: t, p: p}
	for n := range 5 {
		a.say(numbered(n, 160))
		s.next(b.hear(), n == 0)
		a.send(raw(101, n == 0, uint16(900+n), 5000, 0xd1d1, []byte{7, 10, 0, byte(n)}))
	}
	if d := a.event().(Digit); d.Digit != '7' {
		t.Fatalf("key %c", d.Digit)
	}
	a.noEvent()
}

// A key passes the bridge as it is, and the time stamps go on behind it; to a peer
// that takes no events it is left out without a trace in the numbers.
func TestKeysAcrossABridge(t *testing.T) {
	t.Parallel()
	p := newTestPlane(t)
	for _, takes := range []bool{true, false} {
		mapping := pcma
		if !takes {
			mapping = []string{"8 PCMA/8000"}
		}
		a, b := call(t, p, pcma, LegOptions{}), call(t, p, mapping, LegOptions{})
		br := p.Bridge(a.leg, b.leg)
		s := &stream{t: t, p: p}
		a.say(numbered(1, 160))
		s.next(b.hear(), true)
		a.press('9', 200*time.Millisecond, func(int) bool { return false })
		if d := a.event().(Digit); d.Digit != '9' {
			t.Fatalf("key %c", d.Digit)
		}
		if takes {
			var r dtmf.Receiver
			var keys []byte
			for n := range 12 {
				g := b.hear()
				if g.pt != 101 || g.seq != s.seq+1 || g.ts != s.ts || g.ssrc != s.ssrc || g.marker != (n == 0) {
					t.Fatalf("packet %d of the key: %v", n, g)
				}
				s.seq++
				if k, ok := r.Packet(g.ts, g.payload); ok {
					keys = append(keys, k)
				}
			}
			if string(keys) != "9" {
				t.Fatalf("the other side got the keys %q", keys)
			}
		} else {
			a.taken()
		}
		// What speaks next does not begin in the middle of the key.
		br.Close()
		b.leg.Play(Playlist{Clips: [][]byte{tone.Silence(20 * time.Millisecond)}})
		g := b.hear()
		if behind := int32(g.ts - s.ts); takes && behind < 1600 || !takes && behind < 0 {
			t.Errorf("takes events %v: what follows the key begins %d after its start", takes, behind)
		}
		if g.seq != s.seq+1 {
			t.Errorf("takes events %v: sequence number %d after %d", takes, g.seq, s.seq)
		}
	}
}

// A key that we press: three ends, one time stamp, and music that goes on behind it.
func TestSendDigit(t *testing.T) {
	t.Parallel()
	p := newTestPlane(t)
	f := call(t, p, []string{"8 PCMA/8000", "96 telephone-event/8000"}, LegOptions{})
	f.leg.Play(Playlist{Clips: [][]byte{tone.Silence(time.Second)}, Loop: true})
	s := &stream{t: t, p: p}
	for n := range 3 {
		s.next(f.hear(), n == 0)
	}
	if err := f.leg.SendDigit('x', 100*time.Millisecond); err == nil {
		t.Error("x is no key")
	}
	if err := f.leg.SendDigit('5', 100*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if err := f.leg.SendDigit('6', 100*time.Millisecond); err == nil {
		t.Error("two keys at once")
	}
	g := f.hear()
	for g.pt == 8 { // already under way
		s.next(g, false)
		g = f.hear()
	}
	var r dtmf.Receiver
	start, ends, keys := g.ts, 0, ""
	for n := 0; g.pt == 96; n++ {
		if g.seq != s.seq+1 || g.ts != start || g.marker != (n == 0) || g.ssrc != s.ssrc {
			t.Fatalf("packet %d of the key: %v", n, g)
		}
		if k, ok := r.Packet(g.ts, g.payload); ok {
			keys += string(k)
		}
		if g.payload[1]&0x80 != 0 {
			ends++
		}
		s.seq = g.seq
		g = f.hear()
	}
	if keys != "5" || ends != 3 {
		t.Errorf("keys %q, %d ends", keys, ends)
	}
	if ahead := int32(start - s.ts); ahead < 0 {
		t.Errorf("the key begins %d before the end of what was heard", -ahead)
	}
	s.ts = start + 7*160
	s.next(g, true)
	s.next(f.hear(), false)

	deaf := call(t, p, []string{"8 PCMA/8000"}, LegOptions{})
	if err := deaf.leg.SendDigit('5', 100*time.Millisecond); err == nil {
		t.Error("a key for a peer that takes none")
	}
	f.offer("sendonly")
	if err := f.leg.SendDigit('5', 100*time.Millisecond); err == nil {
		t.Error("a key for a peer that holds us")
	}
	f.offer("sendrecv")
	until(t, "the line is free", func() bool { return f.leg.SendDigit('5', time.Minute) == nil })
	if d := f.leg.Close(); d.Sent == 0 {
		t.Error("nothing was sent")
	}
}
