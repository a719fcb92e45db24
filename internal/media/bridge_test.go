package media

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"cagri/internal/media/g711"
	"cagri/internal/media/tone"
)

// A leg's stream stays one stream over everything that may produce it: a prompt,
// a bridge, silence, another bridge, music on hold, the first bridge again.
func TestOneStreamWhoeverSpeaks(t *testing.T) {
	t.Parallel()
	p := newTestPlane(t)
	a, b, c := call(t, p, pcma, LegOptions{}), call(t, p, pcma, LegOptions{}), call(t, p, pcma, LegOptions{})
	c.ssrc, c.seq, c.ts = 0xcafe, 17, 99
	s := &stream{t: t, p: p}

	prompt := tone.Sine(440, 100*time.Millisecond, 0.3)
	b.leg.Play(Playlist{Clips: [][]byte{prompt}})
	var heard []byte
	for i := range 5 {
		g := b.hear()
		s.next(g, i == 0)
		heard = append(heard, g.payload...)
	}
	if !bytes.Equal(heard, prompt) {
		t.Fatal("the prompt arrived changed")
	}
	b.event()

	n := 0
	pass := func(from *far, packets int) {
		t.Helper()
		for i := range packets {
			n++
			want := numbered(n, 160)
			from.say(want)
			g := b.hear()
			s.next(g, i == 0)
			if !bytes.Equal(g.payload, want) {
				t.Fatalf("packet %d arrived changed: %x", n, g.payload[:8])
			}
			if g.pt != 8 {
				t.Fatalf("packet %d: payload type %d", n, g.pt)
			}
		}
	}
	first := p.Bridge(a.leg, b.leg)
	pass(a, 60) // over the wrap of the source's numbers
	second := p.Bridge(c.leg, b.leg)
	pass(c, 20)
	first.Close() // of the bridge that is no more: without effect
	pass2 := numbered(5000, 160)
	c.say(pass2)
	s.next(b.hear(), false)
	second.Close()

	b.leg.Play(Playlist{Clips: [][]byte{prompt}, Loop: true})
	for i := range 7 {
		s.next(b.hear(), i == 0)
	}
	third := p.Bridge(a.leg, b.leg) // ends the music
	defer third.Close()
	var g got
	for {
		a.say(numbered(9000, 160))
		if g = b.hear(); g.payload[0] == 0 && bytes.Equal(g.payload, numbered(9000, 160)) {
			break
		}
		s.next(g, false) // the last of the music
	}
	s.next(g, true)
	if s.ssrc == a.ssrc || s.ssrc == c.ssrc {
		t.Fatal("the far end's own SSRC is used")
	}
}

// What the gap before a talkspurt adds to the time stamp is the time that went by,
// once, however the stream goes on.
func TestTimeStampKeepsPaceWithTheClock(t *testing.T) {
	t.Parallel()
	const second = int64(time.Second)
	p := newTestPlane(t)
	for _, c := range []struct {
		name  string
		ptime int
	}{{"10 ms", 10}, {"20 ms", 20}, {"60 ms", 60}} {
		t.Run(c.name, func(t *testing.T) {
			a, b := call(t, p, pcma, LegOptions{}), call(t, p, pcma, LegOptions{})
			br := p.Bridge(a.leg, b.leg)
			h := func(i int) rtpHeader {
				return rtpHeader{pt: 8, seq: uint16(i), ts: uint32(i * c.ptime * 8), ssrc: 1, payload: numbered(i, c.ptime*8)}
			}
			now := p.Now()
			b.leg.forward(a.leg.route.Load(), h(0), kindALaw, now)
			start := b.hear().ts
			// Right on time, but after a new bridge: no jump.
			br.Close()
			p.Bridge(a.leg, b.leg)
			b.leg.forward(a.leg.route.Load(), h(50), kindALaw, now+int64(c.ptime)*second/1000)
			if g := b.hear(); g.ts != start+uint32(c.ptime*8) {
				t.Fatalf("on time: %d ahead of the start, want %d", g.ts-start, c.ptime*8)
			}
			// Two seconds later a prompt.
			b.leg.out.mu.Lock()
			b.leg.out.mark = true
			b.leg.frame(b.leg.neg.Load(), numbered(1, 160), 0, now+int64(c.ptime)*second/1000+2*second)
			b.leg.out.mu.Unlock()
			if g := b.hear(); g.ts != start+uint32(c.ptime*8)+16000 {
				t.Fatalf("after two seconds: %d ahead of the start, want %d", g.ts-start, c.ptime*8+16000)
			}
		})
	}
}

// Where the codecs differ each sample is converted by table; where they are the
// same, nothing is touched. Payload types are those of the receiving side.
func TestConversionAndPayloadTypes(t *testing.T) {
	t.Parallel()
	odd := []string{"96 PCMA/8000", "97 telephone-event/8000", "98 CN/8000"}
	identity := [256]byte{}
	for i := range identity {
		identity[i] = byte(i)
	}
	p := newTestPlane(t)
	for _, c := range []struct {
		from, to []string
		table    *[256]byte
	}{
		{pcma, pcma, &identity}, {pcmu, pcmu, &identity}, {pcma, pcmu, &g711.ALawToULaw}, {pcmu, pcma, &g711.ULawToALaw},
		{odd, pcma, &identity}, {pcma, odd, &identity}, {pcmu, odd, &g711.ULawToALaw},
	} {
		t.Run(c.from[0]+" to "+c.to[0], func(t *testing.T) {
			a, b := call(t, p, c.from, LegOptions{}), call(t, p, c.to, LegOptions{})
			defer p.Bridge(a.leg, b.leg).Close()
			s := &stream{t: t, p: p}
			for n := range 10 {
				payload := numbered(n*31, 160)
				a.say(payload)
				g := b.hear()
				s.next(g, n == 0)
				if g.pt != b.pt("PCM") {
					t.Fatalf("payload type %d, want %d", g.pt, b.pt("PCM"))
				}
				for i, x := range payload {
					if g.payload[i] != c.table[x] {
						t.Fatalf("packet %d byte %d: %#x became %#x, want %#x", n, i, x, g.payload[i], c.table[x])
					}
				}
			}
			// Comfort noise and keys go along, with the payload type of the other side.
			a.send(raw(a.pt("CN"), false, a.seq, a.ts, a.ssrc, []byte{63}))
			if g := b.hear(); g.pt != b.pt("CN") || !bytes.Equal(g.payload, []byte{63}) || g.seq != s.seq+1 || g.ts != s.ts {
				t.Fatalf("comfort noise arrived as %v", g)
			}
			a.send(raw(a.pt("tele"), true, a.seq+1, a.ts+160, a.ssrc, []byte{5, 10, 0, 160}))
			if g := b.hear(); g.pt != b.pt("tele") || !g.marker || !bytes.Equal(g.payload, []byte{5, 10, 0, 160}) || g.seq != s.seq+2 || g.ts != s.ts+160 {
				t.Fatalf("a key arrived as %v", g)
			}
			if d := a.event().(Digit); d.Digit != '5' || d.Leg != a.leg {
				t.Fatalf("reported %c", d.Digit)
			}
			// And the other way.
			b.say(numbered(77, 160))
			if g := a.hear(); g.pt != a.pt("PCM") || !g.marker {
				t.Fatalf("on the way back: %v", g)
			}
		})
	}
}

// Packets of any usual length pass as they are; the far end sees losses and order
// as the source had them.
func TestPassThrough(t *testing.T) {
	p := newTestPlane(t)
	for _, ptime := range []int{10, 20, 30, 40, 50, 60} {
		t.Run(fmt.Sprint(ptime, " ms"), func(t *testing.T) {
			a, b := call(t, p, pcma, LegOptions{}), call(t, p, pcma, LegOptions{})
			defer p.Bridge(a.leg, b.leg).Close()
			s := &stream{t: t, p: p}
			for n := range 10 {
				a.say(numbered(n, ptime*8))
				s.next(b.hear(), n == 0)
			}
			a.packet(numbered(0, ptime*8)) // lost on its way to us
			late := a.packet(numbered(11, ptime*8))
			a.say(numbered(12, ptime*8))
			g := b.hear()
			if g.seq != s.seq+3 || g.ts != s.ts+uint32(2*ptime*8) {
				t.Fatalf("after a loss of two: %v, last was %d/%d", g, s.seq, s.ts)
			}
			a.send(late)
			g2 := b.hear()
			if g2.seq != g.seq-1 || g2.ts != g.ts-uint32(ptime*8) {
				t.Fatalf("the late one: %v", g2)
			}
			a.marker = true // the source's own talkspurt
			a.say(numbered(13, ptime*8))
			if g := b.hear(); !g.marker || g.seq != s.seq+4 {
				t.Fatalf("a talkspurt of the source: %v", g)
			}
		})
	}
}

// A source that changes its SSRC, or leaps in its numbers, leaves no trace in ours.
func TestSourceBeginsAnew(t *testing.T) {
	p := newTestPlane(t)
	a, b := call(t, p, pcma, LegOptions{}), call(t, p, pcma, LegOptions{})
	defer p.Bridge(a.leg, b.leg).Close()
	s := &stream{t: t, p: p}
	for n := range 5 {
		a.say(numbered(n, 160))
		s.next(b.hear(), n == 0)
	}
	a.ssrc, a.seq, a.ts = 0xbeef, 40000, 12345
	a.say(numbered(5, 160)) // on probation: could be anybody's
	for n := range 5 {
		a.say(numbered(6+n, 160))
		s.next(b.hear(), n == 0)
	}
	a.seq, a.ts = a.seq-20000, a.ts+1e9
	for n := range 5 {
		a.say(numbered(20+n, 160))
		s.next(b.hear(), n == 0)
	}
	b.leg.Play(Playlist{Clips: [][]byte{tone.Silence(40 * time.Millisecond)}})
	s.next(b.hear(), true)
	s.next(b.hear(), false)
}

// Held, a peer hears nothing, and what it says afterwards goes on without a gap in
// the numbers.
func TestHoldInABridge(t *testing.T) {
	p := newTestPlane(t)
	a, b := call(t, p, pcma, LegOptions{}), call(t, p, pcma, LegOptions{})
	defer p.Bridge(a.leg, b.leg).Close()
	s := &stream{t: t, p: p}
	for n := range 3 {
		a.say(numbered(n, 160))
		s.next(b.hear(), n == 0)
	}
	b.offer("sendonly")
	if !b.leg.RemoteHeld() {
		t.Fatal("the hold is not seen")
	}
	before := a.leg.Stats().Received
	for n := range 5 {
		a.say(numbered(10+n, 160))
	}
	until(t, "packets taken", func() bool { return a.leg.Stats().Received == before+5 })
	b.offer("sendrecv")
	if b.leg.RemoteHeld() {
		t.Fatal("the end of the hold is not seen")
	}
	a.say(numbered(20, 160))
	g := b.hear()
	s.next(g, true)
	if !bytes.Equal(g.payload, numbered(20, 160)) {
		t.Fatal("heard what was said during the hold")
	}
}

// A leg taken into another bridge leaves the one it was in: the old partner is
// neither heard any more nor hears.
func TestBridgeTakesOver(t *testing.T) {
	p := newTestPlane(t)
	a, b, c := call(t, p, pcma, LegOptions{}), call(t, p, pcma, LegOptions{}), call(t, p, pcma, LegOptions{})
	old := p.Bridge(a.leg, b.leg)
	a.say(numbered(1, 160))
	b.hear()
	p.Bridge(a.leg, c.leg)
	b.say(numbered(2, 160))
	b.say(numbered(3, 160))
	until(t, "packets taken", func() bool { return b.leg.Stats().Received == 2 })
	c.say(numbered(4, 160))
	a.hearsNothingBefore(numbered(4, 160))
	a.say(numbered(5, 160))
	c.hearsNothingBefore(numbered(5, 160))
	old.Close()
	a.say(numbered(6, 160))
	c.hearsNothingBefore(numbered(6, 160))
	c.say(numbered(7, 160))
	a.hearsNothingBefore(numbered(7, 160))
	if _, ok := b.datagram(time.Millisecond); ok {
		t.Fatal("the old partner still hears")
	}
}
