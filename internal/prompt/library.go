package prompt

import (
	"embed"
	"fmt"
	"slices"
	"strings"
	"time"

	"cagri/internal/prompt/sound"
)

//go:embed pack
var packs embed.FS

// MusicFile is the name of the embedded music on hold inside the folder pack.
const MusicFile = "music.al"

// PackFile is the name of a language's pack inside the folder pack.
func PackFile(lang Language) string { return string(lang) + ".pack" }

// Pauses between the clips of a composition, in bytes (8 per millisecond).
const (
	sentencePause = 300 * sound.Rate / 1000
	groupPause    = 180 * sound.Rate / 1000
)

// Library is the clips of all languages. Load it with Embedded, give it an
// operator's files with Override, and from then on only read it: every other
// method is safe for concurrent use and hands out shared slices that nobody may
// write to.
type Library struct {
	clips map[Language]map[string][]byte
	own   map[string]bool // phrases an operator added
	music []byte
	pause []byte // silence, as long as the longest pause
}

// Embedded is the library shipped in the program.
func Embedded() (*Library, error) {
	l := &Library{clips: map[Language]map[string][]byte{}, own: map[string]bool{}}
	l.pause = make([]byte, max(sentencePause, groupPause))
	for i := range l.pause {
		l.pause[i] = sound.Silence
	}
	for _, lang := range Languages() {
		data, err := packs.ReadFile("pack/" + PackFile(lang))
		if err != nil {
			return nil, fmt.Errorf("prompt: %w; make prompts writes it", err)
		}
		in, clips, err := DecodePack(data)
		if err != nil {
			return nil, fmt.Errorf("prompt: pack/%s: %w", PackFile(lang), err)
		}
		if in != lang {
			return nil, fmt.Errorf("prompt: pack/%s holds language %q", PackFile(lang), in)
		}
		l.clips[lang] = make(map[string][]byte, len(clips))
		for _, c := range clips {
			l.clips[lang][c.ID] = c.Audio
		}
	}
	music, err := packs.ReadFile("pack/" + MusicFile)
	if err != nil {
		return nil, fmt.Errorf("prompt: %w; make prompts writes it", err)
	}
	l.music = music
	return l, nil
}

// Composed is what Compose returns.
type Composed struct {
	Clips    [][]byte      // A-law 8 kHz, in order, pauses included; shared, read only
	Duration time.Duration // of all clips together
	FellBack bool          // something was not there in the language asked for and is in Azerbaijani
}

// Compose finds the clips of parts in language lang. A short silence stands after each
// sentence (also the last, so that what is said next does not run into it) and between
// groups of digits; play the clips without a gap of your own.
// Errors: a phrase that does not exist, a number that cannot be said.
func (l *Library) Compose(lang Language, parts ...Part) (Composed, error) {
	c := composer{lib: l}
	for _, p := range parts {
		in := lang
		if p.Language != "" {
			in = p.Language
		}
		if err := c.part(in, p); err != nil {
			return Composed{}, err
		}
	}
	n := 0
	for _, clip := range c.out.Clips {
		n += len(clip)
	}
	c.out.Duration = bytesDuration(n)
	return c.out, nil
}

// Clips is Compose for callers that only play: the clips of parts in language lang.
func (l *Library) Clips(lang Language, parts ...Part) ([][]byte, error) {
	c, err := l.Compose(lang, parts...)
	return c.Clips, err
}

// Duration is how long parts last in language lang; what the library cannot say
// lasts nothing.
func (l *Library) Duration(lang Language, parts ...Part) time.Duration {
	c, err := l.Compose(lang, parts...)
	if err != nil {
		return 0
	}
	return c.Duration
}

func bytesDuration(n int) time.Duration { return time.Duration(n) * time.Second / sound.Rate }

// Has tells whether id is a phrase a flow may say: of the catalogue or an operator's own.
func (l *Library) Has(id string) bool { return Known(id) || l.own[id] }

// IDs lists the phrases a flow may say, sorted.
func (l *Library) IDs() []string {
	out := make([]string, 0, len(phrases)+len(l.own))
	for _, p := range phrases {
		out = append(out, p.ID)
	}
	for id := range l.own {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}

// Music is the music on hold: one loop without a seam, A-law 8 kHz; shared, read only.
func (l *Library) Music() []byte { return l.music }

// composer builds one composition.
type composer struct {
	lib *Library
	out Composed
}

func (c *composer) clip(lang Language, id string) error {
	if audio, ok := c.lib.clips[lang][id]; ok {
		c.out.Clips = append(c.out.Clips, audio)
		return nil
	}
	audio, ok := c.lib.clips[Azerbaijani][id]
	if !ok {
		return fmt.Errorf("prompt: there is no phrase %q; see docs/prompts.md for those that exist, or add a recording az/%s.wav", id, id)
	}
	c.out.FellBack = true
	c.out.Clips = append(c.out.Clips, audio)
	return nil
}

func (c *composer) rest(n int) { c.out.Clips = append(c.out.Clips, c.lib.pause[:n:n]) }

// part adds the clips of one part.
func (c *composer) part(lang Language, p Part) error {
	if !lang.Valid() {
		lang, c.out.FellBack = Azerbaijani, true
	}
	switch p.Kind {
	case KindSay:
		if !c.lib.Has(p.ID) {
			return fmt.Errorf("prompt: there is no phrase %q; see docs/prompts.md for those that exist", p.ID)
		}
		if err := c.clip(lang, p.ID); err != nil {
			return err
		}
		if c.lib.own[p.ID] || endsSentence(p.text(lang)) {
			c.rest(sentencePause)
		}
		return nil
	case KindNumber:
		return c.number(lang, p.N)
	case KindPosition:
		if err := c.position(lang, p.N); err != nil {
			return err
		}
		c.rest(sentencePause)
		return nil
	case KindMinutes:
		switch {
		case p.N <= 0:
			return c.clip(lang, "minutes.less")
		case p.N > maxWholeMinutes:
			return c.clip(lang, "minutes.more")
		}
		return c.clip(lang, fmt.Sprintf("minutes.%d", p.N))
	case KindDigits:
		return c.digits(lang, p.Digits)
	case KindPhone:
		return c.phone(lang, p.Digits)
	}
	return fmt.Errorf("prompt: part of unknown kind %d", p.Kind)
}

func endsSentence(s string) bool { return strings.HasSuffix(s, ".") || strings.HasSuffix(s, "!") }

func (c *composer) number(lang Language, n int) error {
	if n < 0 || n > MaxNumber {
		return fmt.Errorf("prompt: %d cannot be said; numbers are 0 to %d", n, MaxNumber)
	}
	for _, w := range numberWords(lang, n, Masculine) {
		if err := c.clip(lang, w.id()); err != nil {
			return err
		}
	}
	return nil
}

func (c *composer) position(lang Language, n int) error {
	switch n = max(1, n); {
	case n <= maxWholePosition:
		return c.clip(lang, fmt.Sprintf("position.%d", n))
	case n <= MaxPosition:
		if err := c.clip(lang, "queue.position.number"); err != nil {
			return err
		}
		return c.number(lang, n)
	}
	return c.clip(lang, "queue.position.more")
}

func (c *composer) digits(lang Language, s string) error {
	for _, r := range s {
		var err error
		switch {
		case r >= '0' && r <= '9':
			err = c.number(lang, int(r-'0'))
		case r == '*':
			err = c.clip(lang, "digit.star")
		case r == '#':
			err = c.clip(lang, "digit.hash")
		case r == ' ' || r == '-':
			c.rest(groupPause)
		default:
			err = fmt.Errorf("prompt: %q in digits %q cannot be said; use 0–9, * and #", r, s)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *composer) phone(lang Language, s string) error {
	groups := PhoneGroups(s)
	if len(groups) == 0 {
		return fmt.Errorf("prompt: %q is not a telephone number", s)
	}
	for i, g := range groups {
		if i > 0 {
			c.rest(groupPause)
		}
		for _, n := range groupNumbers(g) {
			if err := c.number(lang, n); err != nil {
				return err
			}
		}
	}
	return nil
}
