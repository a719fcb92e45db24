package media

import (
	"bytes"
	"testing"
	"time"

	"cagri/internal/media/g711"
	"cagri/internal/media/pace"
	"cagri/internal/media/tone"
)

// clip is d of sound in which every millisecond can be told from the others.
func clip(seed int, d time.Duration) []byte {
	b := make([]byte, tone.Samples(d))
	for i := range b {
		b[i] = byte(seed + i/8*37 + i%8)
	}
	return b
}

// A list arrives as one piece of sound in packets of the peer's length, its pauses
// where they belong, the last packet filled up with silence, and its end is told once.
func TestPlayList(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	p := newTestPlane(t)
	for _, c := range []struct {
		name  string
		ptime int
		list  Playlist
		want  [][]byte
	}{
		{"one", 20, Playlist{Clips: [][]byte{clip(1, 60*ms)}}, [][]byte{clip(1, 60*ms)}},
		{"two of odd length", 20, Playlist{Clips: [][]byte{clip(1, 33*ms), clip(2, 51*ms)}}, [][]byte{clip(1, 33*ms), clip(2, 51*ms)}},
		{"a pause between", 20, Playlist{Clips: [][]byte{clip(1, 30*ms), clip(2, 30*ms)}, Gap: 25 * ms},
			[][]byte{clip(1, 30*ms), tone.Silence(25 * ms), clip(2, 30*ms)}},
		{"empty ones", 20, Playlist{Clips: [][]byte{nil, clip(1, 30*ms), {}, clip(2, 30*ms), nil}}, [][]byte{clip(1, 30*ms), clip(2, 30*ms)}},
		{"nothing", 20, Playlist{}, [][]byte{tone.Silence(20 * ms)}},
		{"nothing for ever", 20, Playlist{Clips: [][]byte{nil, nil}, Loop: true}, [][]byte{tone.Silence(20 * ms)}},
		{"10 ms", 10, Playlist{Clips: [][]byte{clip(1, 95*ms)}}, [][]byte{clip(1, 95*ms)}},
		{"30 ms", 30, Playlist{Clips: [][]byte{clip(1, 130*ms)}}, [][]byte{clip(1, 130*ms)}},
		{"40 ms", 40, Playlist{Clips: [][]byte{clip(1, 130*ms)}}, [][]byte{clip(1, 130*ms)}},
		{"60 ms", 60, Playlist{Clips: [][]byte{clip(1, 130*ms)}}, [][]byte{clip(1, 130*ms)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFar(t, p, pcma, LegOptions{})
			f.extra = "a=ptime:" + string([]byte{byte('0' + c.ptime/10), '0'}) + "\r\n"
			f.offer("sendrecv")
			want := bytes.Join(c.want, nil)
			for len(want)%(c.ptime*8) != 0 {
				want = append(want, g711.ALawSilence)
			}
			id := f.leg.Play(c.list)
			s := &stream{t: t, p: p}
			var heard []byte
			for len(heard) < len(want) {
				g := f.hear()
				if len(g.payload) != c.ptime*8 {
					t.Fatalf("packet of %d bytes", len(g.payload))
				}
				s.next(g, len(heard) == 0)
				heard = append(heard, g.payload...)
			}
			if !bytes.Equal(heard, want) {
				t.Error("what was heard is not what was played")
			}
			if d, ok := f.event().(PlayDone); !ok || d.ID != id || d.Leg != f.leg {
				t.Errorf("event %v", d)
			}
			f.leg.Close()
			f.noEvent()
		})
	}
}

// Frames leave on a grid that no delay shifts, and never before their time.
func TestPacing(t *testing.T) {
	t.Parallel()
	p := newTestPlane(t)
	f := call(t, p, pcmu, LegOptions{})
	sound := clip(3, time.Second)
	f.leg.Play(Playlist{Clips: [][]byte{sound}})
	first := f.hear()
	heard := bytes.Clone(first.payload)
	start := first.ts
	for len(heard) < len(sound) {
		g := f.hear()
		heard = append(heard, g.payload...)
		due := time.Duration(g.ts-start) * time.Millisecond / 8
		// The first may have been up to 60 ms late; later ones catch up to the grid.
		if early := due - g.at.Sub(first.at); early > pace.MaxLag+5*time.Millisecond {
			t.Fatalf("frame %d came %v before its time", len(heard)/160, early)
		}
	}
	sound = bytes.Clone(sound) // what plays is only read
	g711.Convert(sound, &g711.ALawToULaw)
	if !bytes.Equal(heard, sound) {
		t.Error("what was heard is not what was played")
	}
}

// Music goes round without a seam, until something else is played.
func TestLoop(t *testing.T) {
	t.Parallel()
	p := newTestPlane(t)
	f := call(t, p, pcma, LegOptions{})
	music := clip(9, 70*time.Millisecond)
	f.leg.Play(Playlist{Clips: [][]byte{music[:400], music[400:]}, Loop: true})
	s := &stream{t: t, p: p}
	var heard []byte
	for n := range 15 {
		g := f.hear()
		s.next(g, n == 0)
		heard = append(heard, g.payload...)
	}
	for i, x := range heard {
		if x != music[i%len(music)] {
			t.Fatalf("sample %d is not that of the music", i)
		}
	}
	voice := clip(77, 40*time.Millisecond)
	id := f.leg.Play(Playlist{Clips: [][]byte{voice}})
	g := f.hear()
	for !g.marker {
		s.next(g, false)
		g = f.hear()
	}
	s.next(g, true)
	if !bytes.Equal(g.payload, voice[:160]) {
		t.Error("the announcement does not begin at its beginning")
	}
	s.next(f.hear(), false)
	if d := f.event().(PlayDone); d.ID != id {
		t.Errorf("end of %d, want %d", d.ID, id)
	}
	f.noEvent()
}

// What is stopped in the middle is still at once, says nothing of an end, and leaves
// the wheels to themselves.
func TestStopPlay(t *testing.T) {
	t.Parallel()
	p := newTestPlane(t)
	f := call(t, p, pcma, LegOptions{})
	f.leg.StopPlay() // nothing plays
	f.leg.Play(Playlist{Clips: [][]byte{clip(1, time.Second)}})
	for range 5 {
		f.hear()
	}
	f.leg.StopPlay()
	f.leg.StopPlay()
	sent := f.leg.Stats().Sent
	until(t, "the wheels are empty", func() bool { return p.Stats().Pace.Seats == 0 })
	ticks := p.Stats().Pace.Ticks
	time.Sleep(3 * pace.Frame) // long enough for three frames, if there were any
	if s := p.Stats(); s.Pace.Ticks != ticks {
		t.Errorf("%d ticks of empty wheels", s.Pace.Ticks-ticks)
	}
	if s := f.leg.Stats(); s.Sent != sent {
		t.Errorf("%d packets after the end", s.Sent-sent)
	}
	f.noEvent()
	for range sent - 5 {
		f.hear()
	}
	id := f.leg.Play(Playlist{Clips: [][]byte{clip(1, 20*time.Millisecond)}})
	if g := f.hear(); !g.marker {
		t.Errorf("after the pause no talkspurt begins: %v", g)
	}
	if d := f.event().(PlayDone); d.ID != id {
		t.Errorf("end of %d, want %d", d.ID, id)
	}
}

// A list played to nobody takes its time all the same, so that a flow goes on.
func TestPlayToNobody(t *testing.T) {
	t.Parallel()
	p := newTestPlane(t)
	f := newFar(t, p, pcma, LegOptions{})
	id := f.leg.Play(Playlist{Clips: [][]byte{clip(1, 50*time.Millisecond)}}) // nothing agreed on
	if d := f.event().(PlayDone); d.ID != id {
		t.Errorf("end of %d, want %d", d.ID, id)
	}
	f.offer("sendonly")
	id = f.leg.Play(Playlist{Clips: [][]byte{clip(1, 50*time.Millisecond)}})
	if d := f.event().(PlayDone); d.ID != id {
		t.Errorf("end of %d, want %d", d.ID, id)
	}
	if s := f.leg.Stats(); s.Sent != 0 {
		t.Errorf("%d packets sent to a peer that hears nothing", s.Sent)
	}
	f.offer("sendrecv")
	f.leg.Play(Playlist{Clips: [][]byte{clip(1, 20*time.Millisecond)}})
	f.hear()
	f.event()
	f.noEvent()
}

// The next list may be begun by who hears of the end of the last one.
func TestPlayFromTheSink(t *testing.T) {
	t.Parallel()
	p := newTestPlane(t)
	done := make(chan PlayID, 10)
	n := 0
	var l *Leg
	l, err := p.NewLeg(LegOptions{Sink: func(e Event) {
		if d, ok := e.(PlayDone); ok {
			done <- d.ID
			if n++; n < 3 {
				d.Leg.Play(Playlist{Clips: [][]byte{clip(n, 30*time.Millisecond)}})
			}
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	first := l.Play(Playlist{Clips: [][]byte{clip(0, 30*time.Millisecond)}})
	for i := range 3 {
		select {
		case id := <-done:
			if i == 0 && id != first {
				t.Errorf("first end is of %d, want %d", id, first)
			}
		case <-time.After(limit):
			t.Fatal("a list did not end")
		}
	}
	until(t, "the wheels are empty", func() bool { return p.Stats().Pace.Seats == 0 })
}
