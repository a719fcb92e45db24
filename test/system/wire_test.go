package system

import (
	"strings"
	"testing"
	"time"
)

// The offer comes with the server's 200, the answer with the ACK.
func TestLateOffer(t *testing.T) {
	needs(t, "sipp", "baresip")
	t.Parallel()
	h := open(t, plan{})
	agent := h.phone(set{User: user(0), Hz: agentHz(0)})
	h.ready(0)
	l := newLine(t, carrierIP, 440)
	c := h.sipp(play{Scenario: "late_offer", Line: l})
	l.hears(agentHz(0))
	agent.hears(440)
	c.cue()
	c.ends()
	h.ended(h.callOf(c.id).ID)
	h.atRest(0)
}

// Hold and resume by the citizen in both notations, UPDATE, a re-INVITE without
// offer, INFO and OPTIONS, all within one call.
func TestCitizenChangesTheCall(t *testing.T) {
	needs(t, "sipp", "baresip")
	t.Parallel()
	h := open(t, plan{})
	agent := h.phone(set{User: user(0), Hz: agentHz(0)})
	h.ready(0)
	l := newLine(t, carrierIP, 440)
	c := h.sipp(play{Scenario: "changes", Line: l})
	id := h.callOf(c.id).ID
	l.hears(agentHz(0))
	agent.hears(440)
	for n, what := range []string{"sendonly", "0.0.0.0"} {
		c.cue()
		h.comes(id, "call.held", n+1)
		agent.hears(musicHz)
		c.cue()
		h.comes(id, "call.resumed", n+1)
		agent.hears(440)
		l.hears(agentHz(0))
		if t.Failed() {
			t.Fatalf("hold by %s", what)
		}
	}
	answers := func(n int) {
		t.Helper()
		until(t, "the server's answer", func() bool { return strings.Count(c.messages(), "UDP message sent") >= n || !c.running() })
	}
	for range 3 { // UPDATE twice; re-INVITE without offer; INFO and OPTIONS
		before := strings.Count(c.messages(), "SIP/2.0 200 OK")
		c.cue()
		until(t, "the server answers", func() bool { return strings.Count(c.messages(), "SIP/2.0 200 OK") > before || !c.running() })
	}
	answers(1)
	l.hears(agentHz(0))
	agent.hears(440)
	c.cue()
	c.ends()
	d := h.ended(id)
	if by := steps(d, "call.held")[0]["by"]; by != "caller" {
		t.Errorf("held by %v", by)
	}
	h.atRest(0)
	h.heardBoth(id, 440, agentHz(0))
	h.proven()
}

// The agent's phone holds and resumes; meanwhile the citizen hears music.
func TestAgentHolds(t *testing.T) {
	needs(t, "sipp", "baresip")
	t.Parallel()
	h := open(t, plan{})
	agent := h.phone(set{User: user(0), Hz: agentHz(0)})
	h.ready(0)
	l := newLine(t, carrierIP, 440)
	c := h.sipp(play{Scenario: "call", Line: l})
	id := h.callOf(c.id).ID
	l.hears(agentHz(0))
	agent.hears(440)
	agent.tell("hold", "")
	if by := h.comes(id, "call.held", 1)["by"]; by != "agent" {
		t.Errorf("held by %v", by)
	}
	l.hears(musicHz)
	agent.tell("resume", "")
	h.comes(id, "call.resumed", 1)
	l.hears(agentHz(0))
	agent.hears(440)
	c.cue()
	c.ends()
	h.ended(id)
	h.atRest(0)
	h.proven()
}

// A phone that holds at the very moment of answering and resumes at once gets one
// unbroken stream: jitter buffers stall when time runs backwards.
func TestHoldAtOnce(t *testing.T) {
	needs(t, "sipp")
	t.Parallel()
	h := open(t, plan{})
	desk, l := newLine(t, phoneIP, agentHz(0)), newLine(t, carrierIP, 440)
	port := freePort(t, phoneIP, 1)
	// The same port registers and is called: calls go to where the REGISTER came from.
	h.sipp(play{Scenario: "register_desk", IP: phoneIP, Port: port, Keys: []string{"who", user(0)},
		Args: []string{"-au", user(0), "-ap", password, "-auth_uri", h.sip()}}).ends()
	phone := h.sipp(play{Scenario: "desk_holds", IP: phoneIP, Port: port, Line: desk})
	h.ready(0)
	c := h.sipp(play{Scenario: "call", Line: l})
	id := h.callOf(c.id).ID
	h.comes(id, "call.bridged", 1)
	l.hears(agentHz(0))
	desk.hears(440)
	time.Sleep(time.Second)
	if _, lost := desk.count(); lost > 0 || desk.wentBack() > 0 {
		t.Errorf("the phone's stream: %d packets are missing, time ran backwards %d times", lost, desk.wentBack())
	}
	c.cue()
	c.ends()
	phone.ends()
	h.ended(id)
	h.atRest(0)
	h.proven()
}

// A carrier may insist on reliable provisional answers.
func TestCarrierRequires100rel(t *testing.T) {
	needs(t, "sipp")
	t.Parallel()
	h := open(t, plan{})
	l := newLine(t, carrierIP, 440)
	c := h.sipp(play{Scenario: "require_100rel", Line: l})
	l.hears(noticeHz)
	c.cue()
	c.ends()
	h.atRest()
}

// Keys by SIP INFO lead through the shipped menu.
func TestKeysByINFO(t *testing.T) {
	needs(t, "sipp", "baresip")
	t.Parallel()
	h := open(t, plan{Spoken: true})
	h.phone(set{User: user(0), Hz: agentHz(0)})
	h.ready(0)
	l := newLine(t, carrierIP, 440)
	c := h.sipp(play{Scenario: "info", Line: l})
	id := h.callOf(c.id).ID
	h.comes(id, "notice.played", 1)
	c.cue()
	h.comes(id, "notice.played", 2)
	c.cue()
	h.comes(id, "call.bridged", 1)
	l.hears(agentHz(0))
	c.cue()
	c.ends()
	if d := h.ended(id); d.Language != "ru" {
		t.Errorf("key 2 by INFO led to the language %q", d.Language)
	}
	h.atRest(0)
}

// What RFC 3261 wants to hear to odd requests.
func TestAnswersOutsideOfCalls(t *testing.T) {
	needs(t, "sipp")
	t.Parallel()
	h := open(t, plan{})
	for _, scenario := range []string{"questions", "ghost"} {
		h.sipp(play{Scenario: scenario}).ends()
	}
	if n := len(h.board().Calls); n != 0 {
		t.Errorf("%d calls live", n)
	}
}

// Session timers (RFC 4028): too short, refreshed by the server, not refreshed by
// the citizen.
func TestSessionTimers(t *testing.T) {
	needs(t, "sipp", "baresip")
	t.Parallel()
	h := open(t, plan{Agents: 2})
	h.phone(set{User: user(0), Hz: agentHz(0)})
	h.phone(set{User: user(1), Hz: agentHz(1)})
	h.ready(0, 1)
	a, b := newLine(t, carrierIP, 440), newLine(t, carrierIP, 520)
	kept := h.sipp(play{Scenario: "short_timer", Line: a})
	lost := h.sipp(play{Scenario: "no_refresh", Line: b})
	within(t, 70*time.Second, "the server refreshes the session by UPDATE", func() bool {
		return strings.Contains(kept.messages(), "\nUPDATE sip:") || !kept.running()
	})
	lost.endsIn(90 * time.Second)
	d := h.ended(h.callOf(lost.id).ID)
	if d.EndedBy != "system" {
		t.Errorf("a session that ran out: ended by %q, reason %q", d.EndedBy, d.Reason)
	}
	kept.cue()
	kept.ends()
	h.atRest(0, 1)
}

// A phone that requires reliable provisional answers calls a colleague.
func TestReliableRinging(t *testing.T) {
	needs(t, "sipp", "baresip")
	t.Parallel()
	h := open(t, plan{Agents: 2})
	other := h.phone(set{User: user(1), Hz: agentHz(1), Manual: true})
	l := newLine(t, phoneIP, 440)
	c := h.sipp(play{Scenario: "reliable", IP: phoneIP, Line: l, Service: user(1), Keys: []string{"who", user(0)}, Args: []string{"-au", user(0), "-ap", password, "-auth_uri", user(1) + "@" + h.sip()}})
	other.comes("CALL_INCOMING", 1)
	until(t, "PRACK is answered", func() bool { return strings.Contains(c.messages(), "CSeq: 3 PRACK") || !c.running() })
	other.tell("accept", "")
	l.hears(agentHz(1))
	other.hears(440)
	c.cue()
	c.ends()
	h.atRest()
}
