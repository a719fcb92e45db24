package record

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cagri/internal/media/tone"
)

// childEnv makes the test binary play the process that is killed.
const childEnv = "RECORD_TEST_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		recordForEver(dir)
		return
	}
	os.Exit(m.Run())
}

// recordForEver records in real time and says every 20 ms how far it is.
func recordForEver(dir string) {
	p := NewPool(PoolConfig{}, nil)
	if err := p.Start(context.Background()); err != nil {
		panic(err)
	}
	talking, err := p.Create(filepath.Join(dir, "talking.wav"), nil)
	if err != nil {
		panic(err)
	}
	quiet, err := p.Create(filepath.Join(dir, "quiet.wav"), nil)
	if err != nil {
		panic(err)
	}
	voice := tone.Sine(500, time.Minute, 0.3)
	start := time.Now()
	for i := 0; ; i++ {
		if wait := time.Until(start.Add(frameTime(i))); wait > 0 {
			time.Sleep(wait)
		}
		arrival := int64(time.Since(start))
		frame := voice[i*160 : (i+1)*160]
		talking.Write(Caller, 1, uint32(i*160), arrival, frame)
		talking.Write(Agent, 2, uint32(i*160), arrival, frame)
		if i == 0 {
			quiet.Begin(arrival)
		}
		if i < 10 { // then neither side sends anything any more
			quiet.Write(Caller, 1, uint32(i*160), arrival, frame)
		}
		if i == 30 {
			talking.Pause(arrival)
		}
		if i == 50 {
			talking.Resume(arrival)
		}
		fmt.Println(i)
	}
}

// A process killed in the middle of a call leaves all but the last two seconds,
// and Repair makes good files of it.
func TestKilledProcessLosesLittle(t *testing.T) {
	dir := t.TempDir()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childEnv+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	frames := 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if _, err := fmt.Sscan(strings.TrimSpace(lines.Text()), &frames); err != nil {
			t.Fatal(err)
		}
		if frames >= 175 { // 3.5 s
			break
		}
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // "killed" is what it says

	// What is on disk is a readable recording even before the repair.
	if caller, _, err := ReadFile(filepath.Join(dir, "talking.wav"+partSuffix)); err != nil || len(caller) == 0 {
		t.Errorf("the part: %d samples, %v", len(caller), err)
	}
	s, err := Repair(filepath.Join(dir, "talking.wav"))
	if err != nil {
		t.Fatal(err)
	}
	said := frameTime(frames)
	t.Logf("killed after %v, %v of it are there, pauses %v", said, s.Duration, s.Pauses)
	if s.Duration < said-2*time.Second || s.Duration > said+time.Second {
		t.Errorf("killed after %v, %v of it are there", said, s.Duration)
	}
	if len(s.Pauses) != 1 || s.Pauses[0].From < 500*time.Millisecond || s.Pauses[0].To < s.Pauses[0].From {
		t.Errorf("pauses %v", s.Pauses)
	}
	caller, agent := voices(t, s.Path)
	for _, voice := range [][]byte{caller, agent} {
		if tone.Power(voice[:4000], 500) < 0.9 {
			t.Error("the voice is not there")
		}
	}
	s, err = Repair(filepath.Join(dir, "quiet.wav"))
	if err != nil || s.Duration < 190*time.Millisecond {
		t.Errorf("of a recording that fell silent %v are there, %v", s.Duration, err)
	}
}
