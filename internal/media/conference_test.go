package media

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cagri/internal/media/g711"
	"cagri/internal/media/pace"
	"cagri/internal/media/tone"
)

// talk has every phone say a sine of its own frequency in real time, until each
// has sent 26 frames and the listeners have heard as many, and gives what each
// heard (as A-law) in the second half of it.
func talk(t *testing.T, phones map[*far]float64, listeners ...*far) map[*far][]byte {
	t.Helper()
	const frames = 26
	heard := map[*far][]byte{}
	var over atomic.Bool
	var mu sync.Mutex
	var all sync.WaitGroup
	for f := range phones {
		all.Go(func() {
			for n := 0; !over.Load(); {
				b, ok := f.datagram(pace.Frame)
				if !ok {
					continue
				}
				h, ok := parseRTP(b)
				if !ok || h.pt != f.speech {
					continue
				}
				if n++; n < frames/2 {
					continue
				}
				x := append([]byte(nil), h.payload...)
				if f.speech == 0 {
					g711.Convert(x, &g711.ULawToALaw)
				}
				mu.Lock()
				heard[f] = append(heard[f], x...)
				mu.Unlock()
			}
		})
	}
	enough := func() bool {
		mu.Lock()
		defer mu.Unlock()
		for _, f := range listeners {
			if len(heard[f]) < frames/2*160 {
				return false
			}
		}
		return true
	}
	begin := time.Now()
	for n := 0; n < frames || !enough(); n++ {
		at := time.Duration(n) * pace.Frame
		if at > limit {
			t.Error("the listeners hear nothing")
			break
		}
		time.Sleep(time.Until(begin.Add(at))) // a phone's clock
		for f, hz := range phones {
			x := tone.Sine(hz, at+pace.Frame, 0.25)[tone.Samples(at):]
			if f.speech == 0 {
				g711.Convert(x, &g711.ALawToULaw)
			}
			f.say(x)
		}
	}
	over.Store(true)
	all.Wait()
	return heard
}

// hears makes sure that f hears the wanted tones and none of the others.
func hears(t *testing.T, who string, heard []byte, wanted ...float64) {
	t.Helper()
	for _, hz := range []float64{500, 900, 1300, 1700} {
		want := false
		for _, w := range wanted {
			want = want || w == hz
		}
		if got := tone.Power(heard, hz); want && got < 0.5/float64(len(wanted)) || !want && got > 0.05 {
			t.Errorf("%s: %.0f Hz has a share of %.2f of what it hears; wanted are %v", who, hz, got, wanted)
		}
	}
}

func TestConference(t *testing.T) {
	t.Parallel()
	p := newTestPlane(t)
	caller, agent, boss := call(t, p, pcma, LegOptions{}), call(t, p, pcmu, LegOptions{}), call(t, p, pcma, LegOptions{})
	tones := map[*far]float64{caller: 500, agent: 900, boss: 1300}
	c := p.Conference()
	for _, f := range []*far{caller, agent, boss} {
		if err := c.Add(f.leg); err != nil {
			t.Fatal(err)
		}
		if err := c.Add(f.leg); err != nil { // in already
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		name                string
		toCaller, toAgent   float32 // how loud the supervisor is
		caller, agent, boss []float64
	}{
		{"barge", 1, 1, []float64{900, 1300}, []float64{500, 1300}, []float64{500, 900}},
		{"listen", 0, 0, []float64{900}, []float64{500}, []float64{500, 900}},
		{"whisper", 0, 1, []float64{900}, []float64{500, 1300}, []float64{500, 900}},
	} {
		c.SetGain(boss.leg, caller.leg, step.toCaller)
		c.SetGain(boss.leg, agent.leg, step.toAgent)
		heard := talk(t, tones, caller, agent, boss)
		hears(t, step.name+": caller", heard[caller], step.caller...)
		hears(t, step.name+": agent", heard[agent], step.agent...)
		hears(t, step.name+": supervisor", heard[boss], step.boss...)
	}
	c.Remove(agent.leg)
	c.SetGain(boss.leg, caller.leg, 1)
	heard := talk(t, tones, caller, boss)
	hears(t, "without the agent: caller", heard[caller], 1300)
	if len(heard[agent]) != 0 {
		t.Error("who was removed still hears")
	}

	// Who goes on in a bridge hears nobody else any more, in one stream.
	defer p.Bridge(caller.leg, agent.leg).Close()
	heard = talk(t, tones, caller, agent)
	hears(t, "bridge: caller", heard[caller], 900)
	hears(t, "bridge: agent", heard[agent], 500)

	c.Close()
	c.Close()
	if err := c.Add(agent.leg); !errors.Is(err, ErrConferenceOver) {
		t.Errorf("a closed conference takes parties: %v", err)
	}
	if s := p.Stats(); s.Pace.Seats != 0 {
		t.Errorf("%d seats on the wheels are taken", s.Pace.Seats)
	}
}

// What a party of a conference is sent is one stream in 20 ms frames, after a
// prompt and before a bridge.
func TestConferenceIsOneStream(t *testing.T) {
	t.Parallel()
	p := newTestPlane(t)
	a, b := call(t, p, pcma, LegOptions{}), call(t, p, pcma, LegOptions{})
	s := &stream{t: t, p: p}
	a.leg.Play(Playlist{Clips: [][]byte{tone.Silence(60 * time.Millisecond)}})
	for i := range 3 {
		s.next(a.hear(), i == 0)
	}
	c := p.Conference()
	if err := c.Add(a.leg); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		s.next(a.hear(), i == 0)
	}
	c.Close()
	defer p.Bridge(a.leg, b.leg).Close()
	for i := 0; i < 3; {
		b.say(numbered(i, 160))
		g := a.hear()
		if i == 0 && !g.marker {
			s.next(g, false) // the conference's last
			continue
		}
		s.next(g, i == 0)
		i++
	}
}

func TestConferenceIsFull(t *testing.T) {
	t.Parallel()
	p := newTestPlane(t)
	c := p.Conference()
	defer c.Close()
	var legs []*Leg
	for range MaxParties {
		l, err := p.NewLeg(LegOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Add(l); err != nil {
			t.Fatal(err)
		}
		legs = append(legs, l)
	}
	l, err := p.NewLeg(LegOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Add(l); !errors.Is(err, ErrConferenceFull) {
		t.Fatalf("one too many: %v", err)
	}
	legs[3].Close() // frees its place
	if err := c.Add(l); err != nil {
		t.Fatal(err)
	}
	c.SetGain(legs[3], l, 1) // of one who has gone: without effect
}
