package system

import (
	"net"
	"regexp"
	"strings"
	"testing"
	"time"
)

// A colleague's phone takes a running talk over with an INVITE that names it
// (RFC 3891): the citizen hears the other voice, one recording has both, and a carrier
// that knows the same names gets nothing.
func TestPhoneTakesATalkOver(t *testing.T) {
	needs(t, "sipp", "baresip")
	t.Parallel()
	h := open(t, plan{Agents: 2})
	first := h.phone(set{User: user(0), Hz: agentHz(0)})
	h.ready(0)
	l := newLine(t, carrierIP, 440)
	c := h.sipp(play{Scenario: "stay", Line: l})
	id := h.callOf(c.id).ID
	l.hears(agentHz(0))
	first.hears(440)
	time.Sleep(time.Second) // something to record
	callID, ours, theirs := first.called()
	named := callID + ";to-tag=" + theirs + ";from-tag=" + ours

	h.sipp(play{Scenario: "may_not_take_over", Service: user(0), Keys: []string{"who", "994501112233", "named", named}}).ends()
	l.hears(agentHz(0))

	desk := newLine(t, phoneIP, agentHz(1))
	second := h.sipp(play{Scenario: "takes_over", IP: phoneIP, Line: desk, Service: user(0), Keys: []string{"who", user(1), "named", named},
		Args: []string{"-au", user(1), "-ap", password, "-auth_uri", user(0) + "@" + h.sip()}})
	l.hears(agentHz(1))
	desk.hears(440)
	first.comes("CALL_CLOSED", 1)
	time.Sleep(time.Second) // something to record
	second.cue()
	second.ends()
	c.ends()
	d := h.ended(id)
	if a := steps(d, "transfer.asked"); len(a) != 1 || a[0]["manner"] != "replaced" || a[0]["agent"] != agentID(0) {
		t.Errorf("transfer.asked: %v", a)
	}
	if n := len(steps(d, "transfer.done")); n != 1 {
		t.Errorf("%d transfers done", n)
	}
	if n := len(steps(d, "recording.started")); n != 1 {
		t.Errorf("%d recordings", n)
	}
	if d.Outcome != "served" || d.Agent != agentID(1) {
		t.Errorf("outcome %q, agent %q", d.Outcome, d.Agent)
	}
	if n := len(h.calls()); n != 1 {
		t.Errorf("%d calls", n)
	}
	h.heardBoth(id, 440, agentHz(0), agentHz(1))
	h.proven()
}

// called finds Call-ID, own tag and the server's tag of the newest call that the
// phone was called by, in its trace.
func (p *phone) called() (callID, ours, theirs string) {
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
		if strings.Contains(m, "SIP/2.0 200") && strings.HasSuffix(head(m, "CSeq"), "INVITE") && strings.Contains(head(m, "To"), ":"+p.user+"@") {
			callID, ours, theirs = head(m, "Call-ID"), tag(head(m, "To")), tag(head(m, "From"))
		}
	}
	if callID == "" || theirs == "" {
		p.t.Fatalf("phone %s: no answered call in the trace:\n%s", p.user, clip(p.trace()))
	}
	return callID, ours, theirs
}

// A phone that redirects its calls to an expensive number: nobody calls that number,
// and the citizen gets the next agent.
func TestRedirectedCallIsNotFollowed(t *testing.T) {
	needs(t, "sipp", "baresip")
	t.Parallel()
	h := open(t, plan{Agents: 2})
	trap, err := net.ListenPacket("udp4", phoneIP+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer trap.Close()
	port := freePort(t, phoneIP, 1)
	h.sipp(play{Scenario: "register_desk", IP: phoneIP, Port: port, Keys: []string{"who", user(0)},
		Args: []string{"-au", user(0), "-ap", password, "-auth_uri", h.sip()}}).ends()
	desk := h.sipp(play{Scenario: "desk_redirects", IP: phoneIP, Port: port, Keys: []string{"trap", trap.LocalAddr().String()}})
	h.ready(0)
	l := newLine(t, carrierIP, 440)
	c := h.sipp(play{Scenario: "stay", Line: l})
	id := h.callOf(c.id).ID
	h.comes(id, "offer.failed", 1)
	desk.ends()
	if f := steps(h.detail(id), "offer.failed"); len(f) != 1 || f[0]["reason"] != "redirected" || f[0]["status"] != float64(302) {
		t.Errorf("offer.failed: %v", f)
	}
	second := h.phone(set{User: user(1), Hz: agentHz(1)})
	h.agentDo(1, "sign_in")
	l.hears(agentHz(1))
	second.tell("hangup", "")
	c.ends()
	if d := h.ended(id); d.Outcome != "served" || d.Agent != agentID(1) {
		t.Errorf("outcome %q, agent %q", d.Outcome, d.Agent)
	}
	_ = trap.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if n, from, err := trap.ReadFrom(make([]byte, 2000)); err == nil {
		t.Errorf("%s sent %d bytes to where the phone redirected", from, n)
	}
	h.proven()
}
