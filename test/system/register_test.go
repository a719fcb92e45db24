package system

import (
	"net"
	"regexp"
	"strings"
	"testing"
	"time"
)

// registering plays a scenario as the n-th agent's phone.
func (h *house) registering(scenario string, n int, secret string) *sipp {
	h.t.Helper()
	return h.sipp(play{Scenario: scenario, IP: phoneIP, Keys: []string{"who", user(n)}, Args: []string{"-au", user(n), "-ap", secret, "-auth_uri", h.sip()}})
}

// A phone registers, refreshes, has two contacts, takes one and then all back; the
// agent's state follows.
func TestRegistration(t *testing.T) {
	needs(t, "sipp")
	t.Parallel()
	h := open(t, plan{})
	c := h.registering("register", 0, password)
	h.ready(0) // registered
	c.cue()    // refresh, and a second contact
	oks := func() int { return strings.Count(c.messages(), "SIP/2.0 200 OK") }
	until(t, "both contacts are registered", func() bool { return oks() >= 4 || !c.running() })
	c.cue() // the first contact goes
	until(t, "one contact is taken back", func() bool { return oks() >= 5 || !c.running() })
	h.agentIs(0, "ready")
	c.cue() // all go
	c.ends()
	h.agentIs(0, "unreachable")
	c = h.registering("stale_nonce", 0, password)
	c.ends()
	h.agentIs(0, "ready")

	// Somebody has listened and sends the same credentials once more.
	var heard string
	for _, m := range strings.Split(c.messages(), "\nREGISTER ")[1:] {
		if m, _, ok := strings.Cut(m, "\r\n\r\n"); ok && strings.Contains(m, "CSeq: 2 ") {
			heard = "REGISTER " + m + "\r\n\r\n"
		}
	}
	conn, err := net.Dial("udp4", h.sip())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	replay := regexp.MustCompile(`branch=\S+`).ReplaceAllString(heard, "branch=z9hG4bKreplay;rport")
	if _, err := conn.Write([]byte(strings.ReplaceAll(replay, "CSeq: 2 ", "CSeq: 9 "))); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	b := make([]byte, 4096)
	n, err := conn.Read(b)
	if answer := string(b[:n]); err != nil || !strings.HasPrefix(answer, "SIP/2.0 401 ") || !strings.Contains(strings.ToLower(answer), "stale=true") {
		t.Errorf("a replay of\n%s\nis answered with\n%s (%v)", replay, answer, err)
	}
}

// Whoever does not know the password registers nothing.
func TestWrongPassword(t *testing.T) {
	needs(t, "sipp")
	t.Parallel()
	h := open(t, plan{})
	h.registering("wrong_password", 0, "guessed").ends()
	h.agentDo(0, "sign_in")
	h.agentIs(0, "unreachable")
	if strings.Contains(h.log(), password) {
		t.Error("a password is in the log")
	}
}

// The agent's phone vanishes in the middle of a talk: the caller is told so, stands
// first in the queue again, and is taken by a colleague.
func TestPhoneVanishesInTalk(t *testing.T) {
	needs(t, "sipp", "baresip")
	t.Parallel()
	h := open(t, plan{Agents: 2, Silence: 2 * time.Second})
	first := h.phone(set{User: user(0), Hz: agentHz(0)})
	h.ready(0)
	l := newLine(t, carrierIP, 440)
	c := h.sipp(play{Scenario: "stay", Line: l})
	id := h.callOf(c.id).ID
	l.hears(agentHz(0))
	first.hears(440)
	// Somebody else waits already: the one who comes back is to be served before.
	l2 := newLine(t, carrierIP, 520)
	other := h.sipp(play{Scenario: "call", Line: l2})
	h.comes(h.callOf(other.id).ID, "queue.entered", 1)
	first.vanish()
	l.hears(apologyHz)
	if back := h.comes(id, "queue.entered", 2); back["returned"] != true {
		t.Errorf("the caller's return: %v", back)
	}
	second := h.phone(set{User: user(1), Hz: agentHz(1)})
	h.agentDo(1, "sign_in")
	h.comes(id, "call.bridged", 2)
	l.hears(agentHz(1))
	second.hears(440)
	time.Sleep(time.Second) // something to record
	if n := len(steps(h.detail(h.callOf(other.id).ID), "call.bridged")); n != 0 {
		t.Error("the one who came later was served first")
	}
	// The dead phone gets nobody else to ring for in vain.
	if o := steps(h.detail(h.callOf(other.id).ID), "offer.made"); len(o) > 0 {
		t.Errorf("another caller was offered to the phone that had just vanished: %v", o)
	}
	other.cue()
	other.ends()
	second.tell("hangup", "")
	c.ends()
	d := h.ended(id)
	if d.Outcome != "served" || d.Agent != agentID(1) {
		t.Errorf("outcome %q, agent %q", d.Outcome, d.Agent)
	}
	if u := steps(d, "call.unbridged"); len(u) != 2 || u[0]["reason"] != "agent_lost" {
		t.Errorf("call.unbridged: %v", u)
	}
	h.atRest(1)
	h.heardBoth(id, 440, agentHz(0), agentHz(1))
	h.proven()
}
