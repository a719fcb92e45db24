package prompt

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"cagri/internal/prompt/sound"

	"pgregory.net/rapid"
)

func embedded(t testing.TB) *Library {
	t.Helper()
	l, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// The packs hold exactly the inventory, spoken from the words of today, and each clip is
// fit to be heard and to stand next to another.
func TestPacksMatchTheCatalogue(t *testing.T) {
	for _, lang := range Languages() {
		data, err := packs.ReadFile("pack/" + PackFile(lang))
		if err != nil {
			t.Fatal(err)
		}
		in, clips, err := DecodePack(data)
		if err != nil || in != lang {
			t.Fatalf("%s: %v %v", lang, in, err)
		}
		byID := map[string]Clip{}
		for _, c := range clips {
			byID[c.ID] = c
		}
		for _, r := range Inventory(lang) {
			c, ok := byID[r.ID]
			if !ok {
				t.Errorf("%s/%s is not in the pack; run make prompts", lang, r.ID)
				continue
			}
			delete(byID, r.ID)
			if c.Hash != r.Hash() {
				t.Errorf("%s/%s: %q has changed since it was spoken; run make prompts", lang, r.ID, r.Text)
			}
			for _, fault := range clipFaults(c.Audio, len([]rune(r.Spoken))) {
				t.Errorf("%s/%s %q: %s", lang, r.ID, r.Spoken, fault)
			}
		}
		for id := range byID {
			t.Errorf("%s/%s is in the pack but no longer needed; run make prompts", lang, id)
		}
	}
}

// clipFaults measures a clip that says so many letters.
func clipFaults(alaw []byte, letters int) (faults []string) {
	x := sound.FromALaw(alaw)
	bad := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if level := sound.DB(sound.ActiveRMS(x)); level < -22 || level > -18 {
		bad("level %.1f dBFS, want -20 ± 2", level)
	}
	if p := sound.Peak(x); p > 0.9 {
		bad("peak %.2f: clipping", p)
	}
	lead, trail := sound.Edges(x)
	if lead*1000/sound.Rate >= 150 || trail*1000/sound.Rate >= 150 {
		bad("silence of %d ms before and %d ms after, want less than 150", lead*1000/sound.Rate, trail*1000/sound.Rate)
	}
	seconds := float64(len(x)) / sound.Rate
	if most := 0.6 + 0.14*float64(letters); seconds < 0.2 || seconds > most {
		bad("%.2f s, want 0.2 to %.2f for %d letters", seconds, most, letters)
	}
	if s := sound.Analyse(x); s.Centroid < 200 || s.Centroid > 2600 || s.InBand < 0.95 {
		bad("centre of the spectrum %.0f Hz, %.1f %% in the telephone band", s.Centroid, 100*s.InBand)
	}
	return faults
}

func TestClipFaultsSeesFaults(t *testing.T) {
	noise := make([]float64, sound.Rate)
	for i := range noise {
		noise[i] = float64(i%7-3) / 4
	}
	for name, x := range map[string][]float64{
		"silence": make([]float64, sound.Rate), "clipped": noise, "long pause": append(make([]float64, 2000), noise...),
	} {
		if len(clipFaults(sound.ToALaw(x), 10)) == 0 {
			t.Errorf("%s is found to be in order", name)
		}
	}
}

func TestEveryPhraseCanBeSaidInEveryLanguage(t *testing.T) {
	l := embedded(t)
	for _, lang := range Languages() {
		for _, id := range l.IDs() {
			c, err := l.Compose(lang, Say(id))
			if err != nil || c.FellBack || c.Duration < 500*time.Millisecond {
				t.Errorf("%s/%s: %v, fell back %v, %v", lang, id, err, c.FellBack, c.Duration)
			}
		}
	}
}

func TestComposedAnnouncementsHaveClips(t *testing.T) {
	l := embedded(t)
	rapid.Check(t, func(t *rapid.T) {
		lang := rapid.SampledFrom(Languages()).Draw(t, "language")
		n := rapid.IntRange(0, MaxNumber).Draw(t, "n")
		small := rapid.IntRange(-5, 200).Draw(t, "small")
		parts := []Part{
			Say("queue.position.before"), Position(small), Say("queue.wait.before"), Minutes(small), Say("queue.wait.after"),
			Number(n), Digits(rapid.StringMatching(`[0-9*# -]{0,12}`).Draw(t, "digits")), Phone(rapid.StringMatching(`\+?[0-9]{1,15}`).Draw(t, "phone")),
		}
		c, err := l.Compose(lang, parts...)
		if err != nil {
			t.Fatal(err)
		}
		total := 0
		for _, clip := range c.Clips {
			total += len(clip)
		}
		if want := time.Duration(total) * time.Second / sound.Rate; c.Duration != want || l.Duration(lang, parts...) != want || c.FellBack {
			t.Fatalf("duration %v, want %v; fell back %v", c.Duration, want, c.FellBack)
		}
	})
}

func TestComposeNamesWhatItCannotSay(t *testing.T) {
	l := embedded(t)
	for want, part := range map[string]Part{
		"gretting":               Say("gretting"),
		"number.7":               Say("number.7"), // pieces are no phrases
		"-1 cannot be said":      Number(-1),
		"1000000000":             Number(MaxNumber + 1),
		`'A' in digits "1A"`:     Digits("1A"),
		"not a telephone number": Phone("none"),
		"unknown kind":           {Kind: 99},
	} {
		_, err := l.Clips(Azerbaijani, Say("greeting"), part)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, want one with %q", part, err, want)
		}
		if d := l.Duration(Azerbaijani, part); d != 0 {
			t.Errorf("%v lasts %v", part, d)
		}
	}
}

func TestUnknownLanguageFallsBackToAzerbaijani(t *testing.T) {
	l := embedded(t)
	got, err := l.Compose("fr", Say("greeting"))
	if err != nil || !got.FellBack {
		t.Fatalf("fell back %v, %v", got.FellBack, err)
	}
	want, _ := l.Clips(Azerbaijani, Say("greeting"))
	if !bytes.Equal(got.Clips[0], want[0]) {
		t.Error("it is another clip")
	}
}

func TestPartsMayHaveTheirOwnLanguage(t *testing.T) {
	l := embedded(t)
	mixed, err := l.Clips(Azerbaijani, Say("menu.language"), Say("menu.language").In(Russian))
	if err != nil {
		t.Fatal(err)
	}
	ru, _ := l.Clips(Russian, Say("menu.language"))
	if &mixed[2][0] != &ru[0][0] {
		t.Error("the second clip is not the Russian one")
	}
}

func TestClipsAreSharedAndSafe(t *testing.T) {
	l := embedded(t)
	a, _ := l.Clips(Azerbaijani, Say("greeting"))
	b, _ := l.Clips(Azerbaijani, Say("greeting"))
	if &a[0][0] != &b[0][0] {
		t.Error("a clip was copied")
	}
	if cap(a[0]) != len(a[0]) || cap(a[1]) != len(a[1]) {
		t.Error("an append would write into a neighbour")
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for n := range 50 {
				for _, lang := range Languages() {
					if _, err := l.Clips(lang, Position(n), Minutes(n), Number(n*1000), Digits("01 23")); err != nil {
						t.Error(err)
					}
				}
				l.Music()
				l.IDs()
			}
		})
	}
	wg.Wait()
}

func TestSentencesAreSetApart(t *testing.T) {
	l := embedded(t)
	whole, _ := l.Clips(Azerbaijani, Say("greeting"))                     // a sentence: a pause after it
	open, _ := l.Clips(Azerbaijani, Say("queue.wait.before"), Minutes(5)) // no sentence: none
	if len(whole) != 2 || len(open) != 2 {
		t.Fatalf("%d and %d clips, want 2 and 2", len(whole), len(open))
	}
	if got := len(whole[1]); got != sentencePause {
		t.Errorf("pause of %d bytes, want %d", got, sentencePause)
	}
	for _, b := range whole[1] {
		if b != sound.Silence {
			t.Fatal("the pause is not silent")
		}
	}
	digits, _ := l.Clips(English, Digits("1 2"))
	if len(digits) != 3 || len(digits[1]) != groupPause {
		t.Errorf("no pause between groups of digits: %d clips", len(digits))
	}
}

func TestMusicIsCalmAndHasNoSeam(t *testing.T) {
	x := sound.FromALaw(embedded(t).Music())
	if seconds := len(x) / sound.Rate; seconds < 30 || seconds > 60 {
		t.Errorf("%d s long", seconds)
	}
	if level := sound.DB(sound.RMS(x)); level < -27 || level > -25 {
		t.Errorf("level %.1f dBFS, want about -26", level)
	}
	if p := sound.Peak(x); p > 0.3 {
		t.Errorf("peak %.2f: not calm", p)
	}
	for i := 0; i+sound.Rate <= len(x); i += sound.Rate {
		if level := sound.DB(sound.RMS(x[i : i+sound.Rate])); level < -34 {
			t.Errorf("second %d is at %.1f dBFS: callers take silence for a dead line", i/sound.Rate, level)
		}
	}
	if s := sound.Analyse(x); s.InBand < 0.999 || s.Centroid > 800 {
		t.Errorf("centre %.0f Hz, %.2f %% in band", s.Centroid, 100*s.InBand)
	}
	// Over the seam the signal moves no more than anywhere else.
	largest := 0.0
	for i := 1; i < len(x); i++ {
		largest = max(largest, x[i]-x[i-1], x[i-1]-x[i])
	}
	if step := max(x[0]-x[len(x)-1], x[len(x)-1]-x[0]); step > largest*0.8 {
		t.Errorf("step of %.4f at the seam, largest elsewhere %.4f", step, largest)
	}
}

func TestMusicIsTheOneTheSynthesiserMakes(t *testing.T) {
	got := embedded(t).Music()
	want := sound.ToALaw(sound.Music())
	if len(got) != len(want) {
		t.Fatalf("%d bytes, want %d; run make prompts", len(got), len(want))
	}
	// Another processor may round a sample to the neighbouring step.
	differ := 0
	for i := range got {
		if got[i] != want[i] {
			differ++
		}
	}
	if differ > len(got)/1000 {
		t.Errorf("%d of %d samples differ; run make prompts", differ, len(got))
	}
}

func TestPackRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		clips := rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) Clip {
			return Clip{
				ID:    rapid.StringMatching(`[a-z.]{1,20}`).Draw(t, "id"),
				Hash:  [8]byte(rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(t, "hash")),
				Audio: rapid.SliceOfN(rapid.Byte(), 0, 50).Draw(t, "audio"),
			}
		}), 0, 20, func(c Clip) string { return c.ID }).Draw(t, "clips")
		data, err := EncodePack(Russian, clips)
		if err != nil {
			t.Fatal(err)
		}
		lang, back, err := DecodePack(data)
		if err != nil || lang != Russian || len(back) != len(clips) {
			t.Fatalf("%v %v: %d clips, want %d", lang, err, len(back), len(clips))
		}
		want := map[string]Clip{}
		for _, c := range clips {
			want[c.ID] = c
		}
		for _, c := range back {
			if w := want[c.ID]; c.Hash != w.Hash || !bytes.Equal(c.Audio, w.Audio) {
				t.Fatalf("clip %s came back changed", c.ID)
			}
		}
		if cut := rapid.IntRange(0, len(data)-1).Draw(t, "cut"); len(data) > 0 {
			if _, _, err := DecodePack(data[:cut]); err == nil {
				t.Fatalf("cut to %d of %d bytes it is still a pack", cut, len(data))
			}
		}
	})
}

func TestEncodePackRefusesWhatCannotBeRead(t *testing.T) {
	for name, clips := range map[string][]Clip{
		"twice": {{ID: "a"}, {ID: "a"}}, "empty": {{ID: ""}}, "long": {{ID: strings.Repeat("x", 256)}},
	} {
		if _, err := EncodePack(Azerbaijani, clips); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := EncodePack("azerbaijani", nil); err == nil {
		t.Error("a long language name: no error")
	}
}

func FuzzDecodePack(f *testing.F) {
	seed, _ := EncodePack(English, []Clip{{ID: "a", Audio: []byte{1, 2}}, {ID: "b.c"}})
	f.Add(seed)
	f.Add(seed[:9])
	f.Add([]byte(packMagic + "az\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		lang, clips, err := DecodePack(data)
		if err != nil {
			return
		}
		size := 0
		for _, c := range clips {
			size += len(c.Audio) + len(c.ID) + 13
		}
		if want := len(packMagic) + 6 + size; len(lang) != 2 || len(data) != want {
			t.Fatalf("a pack of %d bytes was read from %d", want, len(data))
		}
	})
}
