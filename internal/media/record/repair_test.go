package record

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"cagri/internal/media/g711"
	"cagri/internal/media/tone"
	"pgregory.net/rapid"
)

// whole makes a file as it is on disk, header and all.
func whole(audio []byte, pauses []Pause) []byte {
	var page [headerSize]byte
	putHeader(&page, int64(len(audio)/channels), pauses)
	return append(page[:], audio...)
}

// stereo interleaves.
func stereo(caller, agent []byte) []byte {
	out := make([]byte, 2*len(caller))
	for i := range caller {
		out[2*i], out[2*i+1] = caller[i], agent[i]
	}
	return out
}

func save(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRepair(t *testing.T) {
	said := stereo(tone.SpeechLike(1, 3*time.Second, 0), tone.SpeechLike(2, 3*time.Second, 0))
	pause := []Pause{{time.Second, 2 * time.Second}}
	open := []Pause{{time.Second, 2 * time.Second}, {From: 2500 * time.Millisecond}}
	setLength := func(b []byte, data uint32) []byte {
		b = bytes.Clone(b)
		binary.LittleEndian.PutUint32(b[headerSize-4:], data)
		return b
	}
	sound := whole(said, pause)
	for _, c := range []struct {
		name    string
		content []byte
		want    []byte // audio
		pauses  []Pause
	}{
		{"sound", sound, said, pause},
		{"header says nothing", setLength(sound, 0), said, pause},
		{"header says too much", setLength(sound, 1<<31), said, pause},
		{"header says an odd number", setLength(sound, 4711), said, pause},
		{"header is a second behind", setLength(sound, uint32(len(said)-2*SampleRate)), said, pause},
		{"half a sample at the end", append(bytes.Clone(sound), 0x80), said, pause},
		{"cut in the middle", sound[:headerSize+20001], said[:20000], []Pause{{time.Second, 1250 * time.Millisecond}}},
		{"cut after the header", sound[:headerSize], nil, []Pause{{time.Second, time.Second}}},
		{"cut in the header", sound[:100], nil, nil},
		{"empty", nil, nil, nil},
		{"pause not over", whole(said, open), said, []Pause{pause[0], {2500 * time.Millisecond, 3 * time.Second}}},
		{"header never written", append(make([]byte, headerSize), said...), said, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := save(t, "call.wav"+partSuffix, c.content)
			final := path[:len(path)-len(partSuffix)]
			s, err := Repair(path)
			if err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(final)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the part is still there: %v", err)
			}
			if len(got) < headerSize || !bytes.Equal(got[headerSize:], c.want) {
				t.Fatalf("%d bytes, want %d of audio", len(got), len(c.want))
			}
			sum := sha256.Sum256(got)
			if s.SHA256 != hex.EncodeToString(sum[:]) || s.Bytes != int64(len(got)) || s.Path != final ||
				s.Duration != sampleTime(int64(len(c.want)/2)) || fmt.Sprint(s.Pauses) != fmt.Sprint(c.pauses) {
				t.Errorf("%+v", s)
			}
			again, err := Repair(final)
			if err != nil || fmt.Sprint(again) != fmt.Sprint(s) {
				t.Errorf("a second time: %+v, %v", again, err)
			}
			caller, agent, err := ReadFile(final)
			if err != nil || !bytes.Equal(stereo(caller, agent), c.want) && len(c.want) > 0 {
				t.Errorf("read: %v", err)
			}
		})
	}
}

// A power cut may leave pages that never reached the disk: zeros, which would
// be a loud crack. A soft voice or a long silence is not taken for one.
func TestRepairSilencesHoles(t *testing.T) {
	said := stereo(tone.SpeechLike(1, 3*time.Second, 0), tone.Silence(3*time.Second))
	broken := bytes.Clone(said)
	clear(broken[8192:16384])
	path := save(t, "x.wav"+partSuffix, whole(broken, nil))
	if _, err := Repair(path); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path[:len(path)-len(partSuffix)])
	if err != nil {
		t.Fatal(err)
	}
	audio := got[headerSize:]
	if !bytes.Equal(audio[:8192], said[:8192]) || !bytes.Equal(audio[16384:], said[16384:]) {
		t.Error("more than the hole was changed")
	}
	if !isSilent(audio[8192:16384]) {
		t.Error("the hole is not silent")
	}
}

func TestRepairRefusesWhatIsNotOurs(t *testing.T) {
	said := make([]byte, 8000)
	mono := whole(said, nil)
	binary.LittleEndian.PutUint16(mono[22:], 1)
	pcm := whole(said, nil)
	binary.LittleEndian.PutUint16(pcm[20:], 1)
	foreign := append([]byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x06\x00\x02\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x08\x00data\xff\xff\xff\x7f"), said...)
	for name, content := range map[string][]byte{
		"text": []byte("a letter"), "mono": mono, "pcm": pcm, "long text": bytes.Repeat([]byte("letter "), 2000),
		"foreign with a wrong length": foreign, "no data": whole(said, nil)[:headerSize-8],
	} {
		path := save(t, "x.wav", content)
		s, err := Repair(path)
		if name == "no data" { // cut in our header
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if !errors.Is(err, ErrNotRecording) || s.Err == "" {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
		if after, _ := os.ReadFile(path); !bytes.Equal(after, content) {
			t.Errorf("%s: changed", name)
		}
	}
	if _, err := Repair(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	path := save(t, "x.wav", whole(said, nil))
	if err := os.WriteFile(path+partSuffix, whole(said, nil), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Repair(path); !errors.Is(err, ErrExists) {
		t.Errorf("both names: %v", err)
	}
}

// Any file whatsoever is refused or made readable, and never panics.
func TestRepairOfAnything(t *testing.T) {
	dir := t.TempDir()
	base := whole(stereo(tone.Noise(1, time.Second, 0.1), tone.Noise(2, time.Second, 0.1)), []Pause{{0, time.Second}})
	rapid.Check(t, func(t *rapid.T) {
		content := bytes.Clone(base[:rapid.IntRange(0, len(base)).Draw(t, "length")])
		for range rapid.IntRange(0, 4).Draw(t, "changes") {
			if len(content) > 0 {
				limit := min(len(content), 260)
				content[rapid.IntRange(0, limit-1).Draw(t, "at")] = rapid.Byte().Draw(t, "to")
			}
		}
		path := filepath.Join(dir, "x.wav")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Repair(path)
		if err != nil {
			return
		}
		caller, _, err := ReadFile(path)
		if err != nil || sampleTime(int64(len(caller))) != s.Duration {
			t.Fatalf("repaired to %+v, but reads %d samples, %v", s, len(caller), err)
		}
	})
}

func FuzzReadLayout(f *testing.F) {
	f.Add(whole(make([]byte, 100), nil))
	f.Add(whole(make([]byte, 100), []Pause{{0, time.Second}, {time.Minute, 0}}))
	f.Add([]byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, content []byte) {
		l, err := readLayout(bytes.NewReader(content), int64(len(content)))
		if err == nil && (l.dataAt < 8 || l.dataAt > int64(len(content)) || l.dataLen < 0) {
			t.Fatalf("%+v of %d bytes", l, len(content))
		}
	})
}

func TestHeaderKeepsPauses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var pauses []Pause
		var now time.Duration
		for range rapid.IntRange(0, maxMarks).Draw(t, "pauses") {
			now += time.Duration(rapid.IntRange(0, 1e6).Draw(t, "wait")) * time.Millisecond
			from := now
			now += time.Duration(rapid.IntRange(1, 1e6).Draw(t, "length")) * time.Millisecond
			pauses = append(pauses, Pause{from, now})
		}
		l, err := readLayout(bytes.NewReader(whole(nil, pauses)), headerSize)
		if err != nil || l.dataAt != headerSize || fmt.Sprint(l.pauses) != fmt.Sprint(pauses) {
			t.Fatalf("%+v, %v; want %v", l, err, pauses)
		}
	})
}

// Other programs read the file: sox is one.
func TestSoxReadsIt(t *testing.T) {
	soxi, err := exec.LookPath("soxi")
	if err != nil {
		missing(t, "soxi")
	}
	sox, err := exec.LookPath("sox")
	if err != nil {
		missing(t, "sox")
	}
	caller, agent := tone.SpeechLike(1, 3*time.Second, 1000), tone.SpeechLike(2, 3*time.Second, 2000)
	path := save(t, "x.wav", whole(stereo(caller, agent), []Pause{{time.Second, 2 * time.Second}}))
	for option, want := range map[string]string{"-t": "wav", "-r": "8000", "-c": "2", "-s": "24000", "-b": "8", "-e": "A-law"} {
		out, err := exec.Command(soxi, option, path).CombinedOutput()
		if got := string(bytes.TrimSpace(out)); err != nil || got != want {
			t.Errorf("soxi %s: %q, %v; want %q", option, got, err, want)
		}
	}
	for channel, said := range [][]byte{caller, agent} {
		cmd := exec.Command(sox, path, "-t", "raw", "-e", "signed", "-b", "16", "-", "remix", fmt.Sprint(channel+1))
		pcm, err := cmd.Output()
		if err != nil || len(pcm) != 2*len(said) {
			t.Fatalf("sox: %d bytes, %v", len(pcm), err)
		}
		for i, b := range said {
			v := int16(binary.LittleEndian.Uint16(pcm[2*i:]))
			if v != g711.ALawToLinear(b) {
				t.Fatalf("channel %d sample %d: sox reads %d, want %d", channel, i, v, g711.ALawToLinear(b))
			}
		}
	}
}

func TestLeftovers(t *testing.T) {
	dir := t.TempDir()
	deep := filepath.Join(dir, "2026", "11")
	if err := os.MkdirAll(deep, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{filepath.Join(deep, "a.wav.part"), filepath.Join(deep, "b.wav"), filepath.Join(dir, "c.wav.part")} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	names, err := Leftovers(dir)
	if err != nil || len(names) != 2 || names[0] != filepath.Join(deep, "a.wav") || names[1] != filepath.Join(dir, "c.wav") {
		t.Errorf("%v, %v", names, err)
	}
	for _, name := range names {
		if _, err := Repair(name); err != nil {
			t.Error(err)
		}
	}
	if names, err := Leftovers(dir); err != nil || len(names) != 0 {
		t.Errorf("after the repair: %v, %v", names, err)
	}
	if _, err := Leftovers(filepath.Join(dir, "none")); err == nil {
		t.Error("a missing folder has no leftovers")
	}
}

// missing skips a test for want of a program, or fails it where that is not allowed.
func missing(t *testing.T, program string) {
	t.Helper()
	text := program + " is not installed; apt-get install sox"
	if os.Getenv("CAGRI_TEST_REQUIRE") != "" {
		t.Fatal(text)
	}
	t.Skip("SKIPPED: " + text)
}
