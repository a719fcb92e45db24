package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cagri/internal/prompt"
	"cagri/internal/prompt/sound"
)

// packVersion is the espeak-ng the committed packs were made with. Other versions give
// other bytes; then only the repeatability is tested.
const packVersion = "1.51"

func espeak(t *testing.T) (version string) {
	t.Helper()
	out, err := exec.Command("espeak-ng", "--version").Output()
	if err != nil {
		if os.Getenv("CAGRI_TEST_REQUIRE") != "" {
			t.Fatalf("espeak-ng: %v", err)
		}
		t.Skipf("SKIPPED, the prompts are not spoken: espeak-ng: %v", err)
	}
	return string(out)
}

func TestSpeakingAgainGivesTheSameBytes(t *testing.T) {
	same := strings.Contains(espeak(t), " "+packVersion+" ")
	for _, lang := range prompt.Languages() {
		data, err := os.ReadFile(filepath.Join("../../internal/prompt/pack", prompt.PackFile(lang)))
		if err != nil {
			t.Fatal(err)
		}
		_, clips, err := prompt.DecodePack(data)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range prompt.Inventory(lang) {
			if !slices.Contains([]string{"greeting", "position.9", "number.20.more", "minutes.2"}, r.ID) {
				continue
			}
			first, err := speak(lang, r)
			if err != nil {
				t.Fatal(err)
			}
			second, err := speak(lang, r)
			if err != nil || !bytes.Equal(first, second) {
				t.Errorf("%s/%s: spoken twice it differs (%v)", lang, r.ID, err)
			}
			i := slices.IndexFunc(clips, func(c prompt.Clip) bool { return c.ID == r.ID })
			if same && (i < 0 || !bytes.Equal(first, clips[i].Audio)) {
				t.Errorf("%s/%s: the pack holds something else; run make prompts", lang, r.ID)
			}
		}
	}
}

// The az voice must keep the sound of ğ and not hang a pause on its word.
func TestTheVoiceSaysSoftG(t *testing.T) {
	espeak(t)
	cmd := exec.Command("espeak-ng", "-v", "az", "-q", "-x", "--stdin")
	cmd.Stdin = strings.NewReader(phonetic(prompt.Azerbaijani, "Siz Çağrı Mərkəzinə zəng etmisiniz, sağ olun"))
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if s := string(out); strings.Count(s, "Q") != 2 || strings.Contains(s, "_:") {
		t.Errorf("phonemes %q: want the sound Q twice and no pause", s)
	}
}

func TestSpellingForTheVoiceLeavesOtherLanguagesAlone(t *testing.T) {
	if got := phonetic(prompt.English, "Çağrı"); got != "Çağrı" {
		t.Errorf("%q", got)
	}
}

func TestWAVForListening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "az", "x.wav")
	want := []byte{0xD5, 0x55, 0x2A, 0xAA}
	if err := writeWAV(path, want); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	w, err := sound.ReadWAV(data)
	if err != nil || w.Rate != sound.Rate || !bytes.Equal(w.ALaw, want) {
		t.Errorf("%+v, %v", w, err)
	}
}

func TestRunSaysWhereItMustStand(t *testing.T) {
	if err := run("nowhere/pack", "", ""); err == nil || !strings.Contains(err.Error(), "root of the repository") {
		t.Errorf("error %v", err)
	}
}
