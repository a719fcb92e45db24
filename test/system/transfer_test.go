package system

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The agent's phone hands the caller to a colleague without asking (REFER).
func TestBlindTransfer(t *testing.T) {
	needs(t, "sipp", "baresip")
	t.Parallel()
	h := open(t, plan{Agents: 2})
	first := h.phone(set{User: user(0), Hz: agentHz(0)})
	second := h.phone(set{User: user(1), Hz: agentHz(1)})
	h.ready(0)
	l := newLine(t, carrierIP, 440)
	c := h.sipp(play{Scenario: "stay", Line: l})
	id := h.callOf(c.id).ID
	l.hears(agentHz(0))
	first.hears(440)
	time.Sleep(time.Second) // something to record
	h.ready(1)
	first.tell("transfer", fmt.Sprintf("sip:%s@%s", user(1), h.sip()))
	l.hears(agentHz(1))
	second.hears(440)
	time.Sleep(time.Second) // something to record
	h.onlyBridged(id, 1)
	second.tell("hangup", "")
	c.ends()
	d := h.ended(id)
	if a := steps(d, "transfer.asked"); len(a) != 1 || a[0]["manner"] != "blind" || a[0]["agent"] != agentID(0) {
		t.Errorf("transfer.asked: %v", a)
	}
	if n := len(steps(d, "transfer.done")); n != 1 {
		t.Errorf("%d transfers done", n)
	}
	if d.Outcome != "served" || d.Agent != agentID(1) {
		t.Errorf("outcome %q, agent %q", d.Outcome, d.Agent)
	}
	h.atRest(0, 1)
	h.heardBoth(id, 440, agentHz(0), agentHz(1))
	h.proven()
}

// The agent asks the colleague first, then hands the caller over (REFER with
// Replaces).
func TestAttendedTransfer(t *testing.T) {
	needs(t, "sipp", "baresip")
	t.Parallel()
	h := open(t, plan{Agents: 2})
	first := h.phone(set{User: user(0), Hz: agentHz(0)})
	second := h.phone(set{User: user(1), Hz: agentHz(1)})
	h.ready(0)
	l := newLine(t, carrierIP, 440)
	c := h.sipp(play{Scenario: "stay", Line: l})
	id := h.callOf(c.id).ID
	l.hears(agentHz(0))
	first.hears(440)
	time.Sleep(time.Second) // something to record
	h.ready(1)
	first.tell("hold", "")
	h.comes(id, "call.held", 1)
	l.hears(musicHz)
	first.tell("dial", fmt.Sprintf("sip:%s@%s", user(1), h.sip()))
	first.comes("CALL_ESTABLISHED", 2)
	second.hears(agentHz(0))
	callID, ours, theirs := first.dialled(user(1))
	first.tell("line", "1")
	first.tell("transfer", fmt.Sprintf("<sip:%s@%s?Replaces=%s>", user(1), h.sip(),
		url.QueryEscape(callID+";to-tag="+theirs+";from-tag="+ours)))
	l.hears(agentHz(1))
	second.hears(440)
	time.Sleep(time.Second) // something to record
	h.onlyBridged(id, 1)
	h.agentIs(0, "ready")
	second.tell("hangup", "")
	c.ends()
	d := h.ended(id)
	if a := steps(d, "transfer.asked"); len(a) != 1 || a[0]["manner"] != "attended" {
		t.Errorf("transfer.asked: %v", a)
	}
	if d.Outcome != "served" || d.Agent != agentID(1) {
		t.Errorf("outcome %q, agent %q", d.Outcome, d.Agent)
	}
	h.atRest(0, 1)
	h.heardBoth(id, 440, agentHz(0), agentHz(1))
	h.proven()
}

// onlyBridged checks that of all agents just the n-th talks with the call.
func (h *house) onlyBridged(id string, n int) {
	h.t.Helper()
	until(h.t, fmt.Sprintf("agent %d, and nobody else, is in the call", n), func() bool {
		for name, a := range h.agents() {
			if (a.State == "talking" && a.Call == id) != (name == agentID(n)) {
				return false
			}
		}
		return true
	})
	open := 0
	d := h.detail(id)
	for _, s := range d.Steps {
		switch s.Kind {
		case "call.bridged":
			open++
		case "call.unbridged":
			open--
		}
	}
	if open != 1 {
		h.t.Errorf("%d agents are bridged with the caller", open)
	}
}

// dialled finds Call-ID, own tag and the other side's tag of the newest call that
// the phone itself made to a user, in its trace.
func (p *phone) dialled(to string) (callID, ours, theirs string) {
	p.t.Helper()
	head := func(m, name string) string {
		f := regexp.MustCompile(`(?m)^` + name + `: *(.*?)\r?$`).FindStringSubmatch(m)
		if f == nil {
			return ""
		}
		return f[1]
	}
	tag := func(v string) string {
		_, t, _ := strings.Cut(v, ";tag=")
		return strings.TrimSpace(t)
	}
	for _, m := range strings.Split(p.trace(), "\x1b[36;1m#") {
		if strings.Contains(m, "SIP/2.0 200") && strings.HasSuffix(head(m, "CSeq"), "INVITE") && strings.Contains(head(m, "To"), ":"+to+"@") && strings.Contains(head(m, "From"), ":"+p.user+"@") {
			callID, ours, theirs = head(m, "Call-ID"), tag(head(m, "From")), tag(head(m, "To"))
		}
	}
	if callID == "" || theirs == "" {
		p.t.Fatalf("phone %s: no answered call to %s in the trace:\n%s", p.user, to, clip(p.trace()))
	}
	return callID, ours, theirs
}
