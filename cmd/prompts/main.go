// Command prompts speaks every phrase of the catalogue with espeak-ng and writes the
// packs that are built into the program, and the list of phrases in docs/prompts.md.
// The same version of espeak-ng gives the same bytes.
//
//	go run ./cmd/prompts              # from the root of the repository
//	go run ./cmd/prompts -listen out  # also WAV files to listen to
package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"cagri/internal/prompt"
	"cagri/internal/prompt/sound"
)

func main() {
	dir := flag.String("out", "internal/prompt/pack", "folder the packs are written to")
	doc := flag.String("doc", "docs/prompts.md", "page the list of phrases is written to; empty for none")
	listen := flag.String("listen", "", "folder for WAV files to listen to; none if empty")
	flag.Parse()
	if err := run(*dir, *doc, *listen); err != nil {
		fmt.Fprintln(os.Stderr, "prompts:", err)
		os.Exit(1)
	}
}

func run(dir, doc, listen string) error {
	if _, err := os.Stat(filepath.Dir(dir)); err != nil {
		return fmt.Errorf("%w; run it from the root of the repository", err)
	}
	version, err := exec.Command("espeak-ng", "--version").Output()
	if err != nil {
		return fmt.Errorf("espeak-ng: %w; install it (Debian: apt-get install espeak-ng)", err)
	}
	fmt.Printf("%s\n", firstLine(version))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, lang := range prompt.Languages() {
		if err := speakAll(lang, dir, listen); err != nil {
			return err
		}
	}
	music := sound.ToALaw(sound.Music())
	if err := os.WriteFile(filepath.Join(dir, prompt.MusicFile), music, 0o644); err != nil {
		return err
	}
	report("music", sound.FromALaw(music))
	if listen != "" {
		if err := writeWAV(filepath.Join(listen, "music.wav"), music); err != nil {
			return err
		}
	}
	if doc != "" {
		return os.WriteFile(doc, []byte(prompt.Handbook()), 0o644)
	}
	return nil
}

func speakAll(lang prompt.Language, dir, listen string) error {
	var clips []prompt.Clip
	var all []float64
	for _, r := range prompt.Inventory(lang) {
		audio, err := speak(lang, r)
		if err != nil {
			return fmt.Errorf("%s/%s %q: %w", lang, r.ID, r.Text, err)
		}
		clips = append(clips, prompt.Clip{ID: r.ID, Hash: r.Hash(), Audio: audio})
		all = append(all, sound.FromALaw(audio)...)
		if listen != "" {
			if err := writeWAV(filepath.Join(listen, string(lang), r.ID+".wav"), audio); err != nil {
				return err
			}
		}
	}
	pack, err := prompt.EncodePack(lang, clips)
	if err != nil {
		return err
	}
	report(fmt.Sprintf("%s, %d clips", lang, len(clips)), all)
	return os.WriteFile(filepath.Join(dir, prompt.PackFile(lang)), pack, 0o644)
}

// speak makes one clip: espeak-ng, down to the telephone's rate, level, trim, A-law.
func speak(lang prompt.Language, r prompt.Recording) ([]byte, error) {
	var out, complaint bytes.Buffer
	cmd := exec.Command("espeak-ng", voice(lang)...)
	cmd.Stdin = strings.NewReader(phonetic(lang, r.Spoken))
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("espeak-ng: %w: %s", err, firstLine(complaint.Bytes()))
	}
	wav, err := sound.ReadWAV(out.Bytes())
	if err != nil {
		return nil, fmt.Errorf("espeak-ng: %w", err)
	}
	x, err := sound.Resample(wav.Samples, wav.Rate, sound.Rate)
	if err != nil {
		return nil, err
	}
	x = sound.Trim(sound.Level(x))
	if x == nil {
		return nil, errors.New("nothing but silence came out")
	}
	return sound.ToALaw(x), nil
}

// voice is the espeak-ng voice of a language, a little slower than its usual 175 words
// a minute, because callers listen once.
func voice(lang prompt.Language) []string {
	switch lang {
	case prompt.Russian:
		return []string{"-v", "ru", "-s", "165", "-p", "45", "--stdin", "--stdout"}
	case prompt.English:
		return []string{"-v", "en-gb", "-s", "165", "-p", "45", "--stdin", "--stdout"}
	}
	return []string{"-v", "az", "-s", "170", "-p", "45", "--stdin", "--stdout"}
}

// phonetic is text in a spelling that makes espeak-ng say it right; people never see it.
// Its az voice drops ğ after a vowel, as Turkish does. With a combining accent between
// the two its rule does not match and the sound [ɣ] stays (seen with espeak-ng -v az -x:
// "çağrı" [tʃaːrɯ], with the accent [tʃaɣrɯ]); an apostrophe would do the same but adds
// a pause after the word.
func phonetic(lang prompt.Language, text string) string {
	if lang != prompt.Azerbaijani {
		return text
	}
	return strings.NewReplacer("ğ", "\u0301ğ", "Ğ", "\u0301Ğ").Replace(text)
}

func report(what string, x []float64) {
	s := sound.Analyse(x)
	fmt.Printf("%-14s %6.1f s  active level %5.1f dBFS  peak %5.1f dBFS  centre %4.0f Hz  in band %.1f %%\n",
		what, float64(len(x))/sound.Rate, sound.DB(sound.ActiveRMS(x)), sound.DB(sound.Peak(x)), s.Centroid, 100*s.InBand)
}

func firstLine(b []byte) string {
	line, _, _ := strings.Cut(string(b), "\n")
	return line
}

// writeWAV writes A-law audio with the header that players want (format 6, RFC 2361).
func writeWAV(path string, alaw []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	b := []byte("RIFF")
	b = binary.LittleEndian.AppendUint32(b, uint32(38+len(alaw)))
	b = append(b, "WAVEfmt \x12\x00\x00\x00\x06\x00\x01\x00"...)
	b = binary.LittleEndian.AppendUint32(b, sound.Rate)
	b = binary.LittleEndian.AppendUint32(b, sound.Rate)
	b = append(b, "\x01\x00\x08\x00\x00\x00data"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(alaw)))
	return os.WriteFile(path, append(b, alaw...), 0o644)
}
