package system

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The disk of the recordings is full: the talk goes on, the event says that its sound
// was not kept, and an operator hears of it.
func TestRecordingDiskFull(t *testing.T) {
	needs(t, "sipp", "baresip")
	t.Parallel()
	// A mount namespace of its own gives the server a disk of 100 kB, some six seconds of
	// talk; a user namespace lets that be done by anybody.
	dir := t.TempDir()
	small := filepath.Join(dir, "small")
	if err := os.Mkdir(small, 0o700); err != nil {
		t.Fatal(err)
	}
	wrapper := filepath.Join(dir, "cagri-small")
	script := "#!/bin/sh\nexec unshare -rm sh -c 'mount -t tmpfs -o size=100k tmpfs " + small + " && exec " + program + " \"$@\"' cagri \"$@\"\n"
	if err := os.WriteFile(wrapper, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(wrapper, "version").CombinedOutput(); err != nil {
		text := "NOT TESTED: a full disk; it needs unshare (package util-linux) and user namespaces: " + err.Error() + ": " + string(out)
		if os.Getenv("CAGRI_TEST_REQUIRE") == "1" {
			t.Fatal(text)
		}
		t.Skip(text)
	}
	h := open(t, plan{Record: small, Program: wrapper})
	agent := h.phone(set{User: user(0), Hz: agentHz(0)})
	h.ready(0)
	l := newLine(t, carrierIP, 440)
	c := h.sipp(play{Scenario: "call", Line: l})
	id := h.callOf(c.id).ID
	h.comes(id, "call.bridged", 1)
	failed := h.comes(id, "recording.failed", 1)
	if why, _ := failed["reason"].(string); !strings.Contains(why, "space") && !strings.Contains(why, "disk") {
		t.Errorf("recording.failed: %v", failed)
	}
	l.hears(agentHz(0))
	agent.hears(440)
	if _, lost := l.count(); lost > 0 {
		t.Errorf("%d packets to the citizen are missing", lost)
	}
	c.cue()
	c.ends()
	if d := h.ended(id); d.Outcome != "served" {
		t.Errorf("outcome %q", d.Outcome)
	}
	if n := h.metric("cagri_recordings_failed_total"); n != 1 {
		t.Errorf("cagri_recordings_failed_total is %g", n)
	}
	if !strings.Contains(h.log(), "msg=alarm what=recording_failed") {
		t.Error("the log has no alarm")
	}
	h.atRest(0)
	h.proven()
}
