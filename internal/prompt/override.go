package prompt

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"cagri/internal/prompt/sound"
)

// Limits of an operator's file.
const (
	maxFileBytes  = 64 << 20
	minClipMillis = 100
	maxClipMillis = 5 * 60 * 1000
)

// ownPrefix begins the ids of phrases that the catalogue does not have. Any other
// unknown name is taken for a misspelling.
const ownPrefix = "own."

var reID = regexp.MustCompile(`^[a-z0-9_]+(\.[a-z0-9_]+)*$`)

// Override replaces single phrases by the operator's recordings. In fsys they are
// named <language>/<id>.wav (mono, 16-bit PCM at 8,000–48,000 Hz or A-law at 8,000 Hz)
// or <language>/<id>.al (bare A-law, 8,000 Hz); music.wav or music.al at the top
// replaces the music on hold; own.<name> adds a phrase for flows. Names that begin
// with a dot and text files (.md, .txt) are passed over.
//
// The error names every file that cannot be used, with the reason; then nothing at all
// has been replaced. Call it before the library is used, not while it is.
func (l *Library) Override(fsys fs.FS) error {
	type change struct {
		lang  Language // empty for music
		id    string
		audio []byte
	}
	var changes []change
	var wrong []error
	seen := map[string]string{}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := path.Base(name)
		if name != "." && strings.HasPrefix(base, ".") {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() || strings.HasSuffix(base, ".md") || strings.HasSuffix(base, ".txt") {
			return nil
		}
		lang, id, err := l.place(name)
		if err == nil {
			key := string(lang) + "/" + id
			if other := seen[key]; other != "" {
				err = fmt.Errorf("the same phrase as %s; keep one of the two", other)
			}
			seen[key] = name
		}
		var audio []byte
		if err == nil {
			audio, err = readClip(fsys, name)
		}
		if err != nil {
			wrong = append(wrong, fmt.Errorf("prompt file %s: %w", name, err))
			return nil
		}
		changes = append(changes, change{lang, id, audio})
		return nil
	})
	if err != nil {
		return fmt.Errorf("prompt files: %w", err)
	}
	// An own phrase must be there in Azerbaijani, which the other languages fall back to.
	for _, c := range changes {
		if strings.HasPrefix(c.id, ownPrefix) && c.lang != Azerbaijani && seen["az/"+c.id] == "" && !l.own[c.id] {
			wrong = append(wrong, fmt.Errorf("prompt file %s: there is no az/%s.wav, which callers of other languages fall back to; add it", seen[string(c.lang)+"/"+c.id], c.id))
		}
	}
	if len(wrong) > 0 {
		return errors.Join(wrong...)
	}
	for _, c := range changes {
		if c.lang == "" {
			l.music = c.audio
			continue
		}
		l.clips[c.lang][c.id] = c.audio
		if strings.HasPrefix(c.id, ownPrefix) {
			l.own[c.id] = true
		}
	}
	return nil
}

// place says which clip a file is for; an empty language is the music.
func (l *Library) place(name string) (Language, string, error) {
	ext := path.Ext(name)
	if ext != ".wav" && ext != ".al" {
		return "", "", errors.New("not a recording; use .wav, or .al for bare A-law")
	}
	dir, base := path.Split(strings.TrimSuffix(name, ext))
	dir = strings.TrimSuffix(dir, "/")
	if dir == "" && base == "music" {
		return "", "music", nil
	}
	lang := Language(dir)
	if !lang.Valid() {
		return "", "", errors.New("put it in a folder named az, ru or en")
	}
	if _, ok := l.clips[lang][base]; ok {
		return lang, base, nil
	}
	if strings.HasPrefix(base, ownPrefix) && reID.MatchString(base) {
		return lang, base, nil
	}
	return "", "", fmt.Errorf("there is no phrase %q; docs/prompts.md lists them. A phrase of your own is named own.<name> in small letters, digits and _", base)
}

func readClip(fsys fs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFileBytes {
		return nil, fmt.Errorf("larger than %d MB", maxFileBytes>>20)
	}
	if path.Ext(name) == ".wav" {
		if data, err = wavToALaw(data); err != nil {
			return nil, err
		}
	} else if strings.HasPrefix(string(data[:min(4, len(data))]), "RIFF") {
		return nil, errors.New("it is a WAV file; name it .wav")
	}
	const perMilli = sound.Rate / 1000
	if len(data) < minClipMillis*perMilli || len(data) > maxClipMillis*perMilli {
		return nil, fmt.Errorf("%.2f s long; a phrase lasts 0.1 s to 5 minutes", float64(len(data))/sound.Rate)
	}
	if sound.Peak(sound.FromALaw(data)) < 0.01 {
		return nil, errors.New("it is silent")
	}
	return data, nil
}

func wavToALaw(data []byte) ([]byte, error) {
	w, err := sound.ReadWAV(data)
	if err != nil {
		return nil, err
	}
	if w.Rate == sound.Rate && w.ALaw != nil {
		return w.ALaw, nil
	}
	x, err := sound.Resample(w.Samples, w.Rate, sound.Rate)
	if err != nil {
		return nil, err
	}
	return sound.ToALaw(x), nil
}
