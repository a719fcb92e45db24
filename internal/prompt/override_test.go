package prompt

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"
	"testing/fstest"

	"cagri/internal/prompt/sound"
)

// wav is a WAV file of a tone; tag 1 is 16-bit PCM, 6 A-law.
func wav(tag, channels, rate int, freq, seconds float64) []byte {
	n := int(seconds * float64(rate))
	var body []byte
	bits := 16
	for i := range n {
		v := int16(8000 * math.Sin(2*math.Pi*freq*float64(i)/float64(rate)))
		if tag == 6 {
			body = append(body, sound.EncodeALaw(v))
			bits = 8
		} else {
			body = binary.LittleEndian.AppendUint16(body, uint16(v))
		}
	}
	b := []byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00")
	b = binary.LittleEndian.AppendUint16(b, uint16(tag))
	b = binary.LittleEndian.AppendUint16(b, uint16(channels))
	b = binary.LittleEndian.AppendUint32(b, uint32(rate))
	b = binary.LittleEndian.AppendUint32(b, uint32(rate*channels*bits/8))
	b = binary.LittleEndian.AppendUint16(b, uint16(channels*bits/8))
	b = binary.LittleEndian.AppendUint16(b, uint16(bits))
	b = append(b, "LIST\x03\x00\x00\x00abc\x00data"...) // an odd chunk in between, as editors write it
	b = binary.LittleEndian.AppendUint32(b, uint32(len(body)))
	return append(b, body...)
}

func file(b []byte) *fstest.MapFile { return &fstest.MapFile{Data: b} }

func TestOverrideTakesEveryUsualRecording(t *testing.T) {
	l := embedded(t)
	before, _ := l.Clips(English, Say("greeting"))
	fsys := fstest.MapFS{
		"az/greeting.wav":        file(wav(1, 1, 8000, 1000, 1)),
		"az/notice.recorded.wav": file(wav(6, 1, 8000, 1000, 1)),
		"az/goodbye.wav":         file(wav(1, 1, 16000, 1000, 1)),
		"az/closed.wav":          file(wav(1, 1, 22050, 1000, 1)),
		"az/busy.wav":            file(wav(1, 1, 44100, 1000, 1)),
		"az/error.wav":           file(wav(1, 1, 48000, 1000, 1)),
		"az/no_agents.al":        file(sound.ToALaw(sound.FromALaw(wav(6, 1, 8000, 1000, 1)[64:]))),
		"az/number.7.wav":        file(wav(1, 1, 8000, 1000, 1)),
		"az/own.address.wav":     file(wav(1, 1, 8000, 1000, 1)),
		"music.wav":              file(wav(1, 1, 8000, 1000, 30)),
		"README.md":              file([]byte("notes")),
		"az/.hidden":             file([]byte("x")),
		".git/config":            file([]byte("x")),
	}
	if err := l.Override(fsys); err != nil {
		t.Fatal(err)
	}
	for _, id := range strings.Fields("greeting notice.recorded goodbye closed busy error no_agents own.address") {
		clips, err := l.Clips(Azerbaijani, Say(id))
		if err != nil {
			t.Errorf("%s: %v", id, err)
			continue
		}
		x := sound.FromALaw(clips[0])
		if math.Abs(float64(len(x))-sound.Rate) > 20 {
			t.Errorf("%s: %d samples, want about %d", id, len(x), sound.Rate)
		}
		want := 8000.0 / 32768 / math.Sqrt2
		if got := sound.RMS(x); got < want*0.97 || got > want*1.03 {
			t.Errorf("%s: level %.4f, want %.4f", id, got, want)
		}
		if s := sound.Analyse(x); s.Centroid < 980 || s.Centroid > 1020 {
			t.Errorf("%s: %.0f Hz, want 1000", id, s.Centroid)
		}
	}
	if n := len(l.Music()); n != 30*sound.Rate {
		t.Errorf("music of %d bytes", n)
	}
	after, _ := l.Clips(English, Say("greeting"))
	if &before[0][0] != &after[0][0] {
		t.Error("the English greeting changed too")
	}
	if !l.Has("own.address") || strings.Count(strings.Join(l.IDs(), " "), "own.address") != 1 {
		t.Error("own.address is not a phrase")
	}
	if c, err := l.Compose(Russian, Say("own.address")); err != nil || !c.FellBack {
		t.Errorf("own phrase in Russian: fell back %v, %v", c.FellBack, err)
	}
	// Another library is not touched.
	if embedded(t).Has("own.address") {
		t.Error("the embedded library changed")
	}
}

func TestOverrideNamesEveryBadFile(t *testing.T) {
	good := wav(1, 1, 8000, 1000, 1)
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"az/greting.wav":      {good, "no phrase"},
		"az/greeting.mp3":     {good, "not a recording"},
		"greeting.wav":        {good, "folder named az, ru or en"},
		"fr/greeting.wav":     {good, "folder named az, ru or en"},
		"az/deep/closed.wav":  {good, "folder named az, ru or en"},
		"az/closed.wav":       {wav(1, 2, 8000, 1000, 1), "save it as mono"},
		"az/busy.wav":         {[]byte("hello"), "not a WAV file"},
		"az/error.wav":        {wav(3, 1, 8000, 1000, 1), "16-bit PCM or A-law"},
		"az/goodbye.wav":      {wav(1, 1, 8000, 0, 1), "silent"},
		"az/menu.main.wav":    {wav(1, 1, 8000, 1000, 0.02), "0.02 s long"},
		"az/menu.wrong.wav":   {good[:40], "WAV file"},
		"az/menu.timeout.wav": {wav(1, 1, 2000, 100, 1), "sample rate 2000"},
		"az/own.Bad.wav":      {good, "no phrase"},
		"ru/own.address.wav":  {good, "no az/own.address.wav"},
		"az/queue.thanks.al":  {good, "name it .wav"},
	} {
		l := embedded(t)
		before, _ := l.Clips(Azerbaijani, Say("transfer.wait"))
		err := l.Override(fstest.MapFS{name: file(c.data), "az/transfer.wait.wav": file(good)})
		if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with the name and %q", name, err, c.want)
		}
		after, _ := l.Clips(Azerbaijani, Say("transfer.wait"))
		if &before[0][0] != &after[0][0] {
			t.Errorf("%s: the good file beside it was taken over all the same", name)
		}
	}
	err := embedded(t).Override(fstest.MapFS{"az/a.wav": file(good), "az/b.wav": file(good)})
	if err == nil || !strings.Contains(err.Error(), "az/a.wav") || !strings.Contains(err.Error(), "az/b.wav") {
		t.Errorf("not both files are named: %v", err)
	}
	err = embedded(t).Override(fstest.MapFS{"az/closed.wav": file(good), "az/closed.al": file(good[100:])})
	if err == nil || !strings.Contains(err.Error(), "same phrase") {
		t.Errorf("two files for one phrase: %v", err)
	}
}
