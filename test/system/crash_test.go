package system

import (
	"testing"
	"time"

	"cagri/internal/media/tone"
)

// The power fails in the middle of a recorded talk: the next start on the same data
// closes the call, repairs the recording, and the journal still proves everything.
func TestPowerCut(t *testing.T) {
	needs(t, "sipp", "baresip")
	t.Parallel()
	h := open(t, plan{Agents: 2})
	h.phone(set{User: user(0), Hz: agentHz(0)})
	h.ready(0)
	l := newLine(t, carrierIP, 440)
	talking := h.sipp(play{Scenario: "call", Line: l})
	id := h.callOf(talking.id).ID
	h.comes(id, "call.bridged", 1)
	l.hears(agentHz(0))
	waiting := h.sipp(play{Scenario: "call"})
	waits := h.callOf(waiting.id).ID
	h.comes(waits, "queue.entered", 1)
	finished := h.sipp(play{Scenario: "leave", Args: []string{"-d", "100"}})
	finished.ends()
	done := h.ended(h.callOf(finished.id).ID)
	d := h.detail(id)
	var began time.Time
	for _, s := range d.Steps {
		if s.Kind == "recording.started" {
			began = s.At.Time
		}
	}
	if began.IsZero() {
		t.Fatal("no recording.started in a bridged call")
	}
	time.Sleep(time.Until(began.Add(5 * time.Second)))
	talked := time.Since(began)
	h.kill()
	h.again()
	for _, cut := range []string{id, waits} {
		d := h.ended(cut)
		if d.Reason != "crash" || d.EndedBy != "system" {
			t.Errorf("call %s: ended by %q, reason %q", cut, d.EndedBy, d.Reason)
		}
	}
	if again := h.detail(done.ID); again.LastSeq != done.LastSeq || again.Outcome != done.Outcome {
		t.Errorf("a call that was over before the cut has changed: %+v, then %+v", done.Call, again.Call)
	}
	closed := steps(h.detail(id), "recording.closed")
	if len(closed) != 1 || closed[0]["repaired"] != true {
		t.Errorf("recording.closed: %v", closed)
	}
	caller, agent := h.recording(id)
	for side, sound := range map[string][]byte{"caller": caller, "agent": agent} {
		if got := tone.Duration(len(sound)); got < talked-2*time.Second || got > talked+time.Second {
			t.Errorf("%s: %s of %s are in the repaired recording", side, got, talked)
		}
	}
	h.heardBoth(id, 440, agentHz(0))
	h.atRest()
	h.proven()

	// The server is at work again; phones find it anew.
	h.phone(set{User: user(1), Hz: agentHz(1)})
	h.ready(1)
	l2 := newLine(t, carrierIP, 520)
	c := h.sipp(play{Scenario: "call", Line: l2})
	l2.hears(agentHz(1))
	c.cue()
	c.ends()
	h.ended(h.callOf(c.id).ID)
	h.atRest(1)
	h.proven()
	talking.leave()
	waiting.leave()
}
