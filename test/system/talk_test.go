package system

import (
	"strings"
	"testing"
	"time"

	"cagri/internal/media/tone"
)

// The shortest whole story: notice, queue, agent, both voices, and the end from
// either side.
func TestCitizenSpeaksWithAgent(t *testing.T) {
	needs(t, "sipp", "baresip")
	t.Parallel()
	h := open(t, plan{})
	agent := h.phone(set{User: user(0), Hz: agentHz(0)})
	h.ready(0)
	for _, who := range []string{"caller", "agent"} {
		l := newLine(t, carrierIP, 440)
		scenario := map[string]string{"caller": "call", "agent": "stay"}[who]
		c := h.sipp(play{Scenario: scenario, Line: l})
		l.hears(noticeHz)
		id := h.callOf(c.id).ID
		h.comes(id, "call.bridged", 1)
		l.hears(agentHz(0))
		agent.hears(440)
		time.Sleep(time.Second) // something to record
		if who == "caller" {
			c.cue()
		} else {
			agent.tell("hangup", "")
		}
		c.ends()
		d := h.ended(id)
		if d.Outcome != "served" || d.EndedBy != who || d.Reason != "hung_up" || d.Agent != agentID(0) {
			t.Errorf("%s hung up: outcome %q, ended by %q, reason %q, agent %q", who, d.Outcome, d.EndedBy, d.Reason, d.Agent)
		}
		if _, lost := l.count(); lost > 0 {
			t.Errorf("%d packets to the citizen are missing", lost)
		}
		h.atRest(0)
		h.heardBoth(id, 440, agentHz(0))
		if left, _ := h.recording(id); share(left, noticeHz) > 0 {
			t.Error("the notice is in the recording: it began too early")
		}
		l.close()
	}
	h.proven()
}

// The shipped flow with its real voice: notice, language and menu by keys.
func TestMenuByKeys(t *testing.T) {
	needs(t, "sipp", "baresip")
	t.Parallel()
	h := open(t, plan{Spoken: true})
	agent := h.phone(set{User: user(0), Hz: agentHz(0)})
	h.ready(0)
	l := newLine(t, carrierIP, 440)
	c := h.sipp(play{Scenario: "call", Line: l})
	until(t, "speech is heard", func() bool { return tone.RMS(l.tail(500*time.Millisecond)) > 0.02 })
	id := h.callOf(c.id).ID
	h.comes(id, "notice.played", 1)
	l.press("2") // Russian: the notice comes again, in Russian
	if n := h.comes(id, "notice.played", 2); n["language"] != "ru" {
		t.Errorf("the second notice is in %v", n["language"])
	}
	l.press("0")
	h.comes(id, "call.bridged", 1)
	l.hears(agentHz(0))
	agent.hears(440)
	c.cue()
	c.ends()
	d := h.ended(id)
	if d.Language != "ru" || d.Queue != "general" || d.Outcome != "served" {
		t.Errorf("language %q, queue %q, outcome %q", d.Language, d.Queue, d.Outcome)
	}
	var path []string
	for _, s := range steps(d, "flow.step") {
		path = append(path, s["node"].(string)+":"+s["outcome"].(string))
	}
	if way := strings.Join(path, " "); !strings.Contains(way, "choose_language:key:2") && !strings.Contains(way, "choose_language:key 2") {
		t.Errorf("the way through the flow: %s", way)
	}
	h.atRest(0)
	h.proven()
}

// A citizen with a telephone of somebody else's making from end to end: baresip calls,
// presses keys, speaks and hears. Its sound always comes from 127.0.0.1, so here that
// is the carrier, and the phone of the agent stands elsewhere.
func TestCitizenIsBaresip(t *testing.T) {
	needs(t, "sipp", "baresip")
	t.Parallel()
	h := open(t, plan{Spoken: true, Carrier: "127.0.0.1"})
	const hall = "127.0.0.3"
	agent := newLine(t, hall, agentHz(0))
	port := freePort(t, hall, 1)
	h.sipp(play{Scenario: "register_desk", IP: hall, Port: port, Keys: []string{"who", user(0)},
		Args: []string{"-au", user(0), "-ap", password, "-auth_uri", h.sip()}}).ends()
	desk := h.sipp(play{Scenario: "desk", IP: hall, Port: port, Line: agent})
	h.ready(0)
	citizen := h.phone(set{Hz: 440})
	citizen.tell("dial", "sip:108@"+h.sip())
	citizen.comes("CALL_ESTABLISHED", 1)
	var id string
	until(t, "the call is in the journal", func() bool {
		if c := h.calls(); len(c) == 1 {
			id = c[0].ID
		}
		return id != ""
	})
	h.comes(id, "notice.played", 1)
	citizen.press("3")
	if n := h.comes(id, "notice.played", 2); n["language"] != "en" {
		t.Errorf("the second notice is in %v", n["language"])
	}
	citizen.press("0")
	h.comes(id, "call.bridged", 1)
	citizen.hears(agentHz(0))
	agent.hears(440)
	time.Sleep(500 * time.Millisecond) // something to record
	citizen.tell("hangup", "")
	desk.ends()
	d := h.ended(id)
	if d.Outcome != "served" || d.EndedBy != "caller" || d.Language != "en" {
		t.Errorf("outcome %q, ended by %q, language %q", d.Outcome, d.EndedBy, d.Language)
	}
	h.atRest(0)
	h.heardBoth(id, 440, agentHz(0))
	h.proven()
}

// Signalling by TCP on both sides; the server's BYE finds the way back over the
// citizen's connection.
func TestTalkOverTCP(t *testing.T) {
	needs(t, "sipp", "baresip")
	t.Parallel()
	h := open(t, plan{})
	agent := h.phone(set{User: user(0), Hz: agentHz(0), TCP: true})
	h.ready(0)
	l := newLine(t, carrierIP, 440)
	c := h.sipp(play{Scenario: "stay", Line: l, Server: h.at("tcp"), Args: []string{"-t", "t1"}})
	id := h.callOf(c.id).ID
	h.comes(id, "call.bridged", 1)
	l.hears(agentHz(0))
	agent.hears(440)
	agent.tell("hangup", "")
	c.ends()
	if d := h.ended(id); d.Outcome != "served" || d.EndedBy != "agent" {
		t.Errorf("outcome %q, ended by %q", d.Outcome, d.EndedBy)
	}
	if !strings.Contains(agent.trace(), "TCP ") {
		t.Error("the phone did not speak TCP")
	}
	h.atRest(0)
	h.proven()
}
