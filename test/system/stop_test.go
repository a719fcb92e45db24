package system

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// closing begins to stop the server by SIGTERM; the channel gives the end.
func (h *house) closing() <-chan error {
	h.t.Helper()
	h.closed = true
	done := make(chan error, 1)
	go func() { done <- h.th.Close() }()
	until(h.t, "the server says that it is stopping", func() bool { return strings.Contains(h.log(), "stopping: no new calls") })
	return done
}

// SIGTERM: no new calls, the running one finishes, then the process ends well.
func TestStopWaitsForCalls(t *testing.T) {
	needs(t, "sipp", "baresip")
	t.Parallel()
	h := open(t, plan{StopWait: time.Minute})
	agent := h.phone(set{User: user(0), Hz: agentHz(0)})
	h.ready(0)
	l := newLine(t, carrierIP, 440)
	c := h.sipp(play{Scenario: "call", Line: l})
	l.hears(agentHz(0))
	agent.hears(440)
	done := h.closing()
	h.sipp(play{Scenario: "refused", Calls: 3}).ends()
	select {
	case err := <-done:
		t.Fatalf("the server ended with a call running: %v", err)
	default:
	}
	l.hears(agentHz(0))
	agent.hears(440)
	c.cue()
	c.ends()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("the server ended with %v", err)
		}
	case <-time.After(patience):
		t.Fatal("the server did not end after its last call")
	}
	if _, lost := l.count(); lost > 0 {
		t.Errorf("%d packets to the citizen are missing", lost)
	}
	h.proven() // without a server: the tool opens the data itself
}

// A second SIGTERM ends what still runs at once, and in order.
func TestSecondSignalStopsAtOnce(t *testing.T) {
	needs(t, "sipp", "baresip")
	t.Parallel()
	h := open(t, plan{StopWait: time.Minute})
	h.phone(set{User: user(0), Hz: agentHz(0)})
	h.ready(0)
	l := newLine(t, carrierIP, 440)
	c := h.sipp(play{Scenario: "stay", Line: l})
	l.hears(agentHz(0))
	time.Sleep(1500 * time.Millisecond) // a talk long enough to be listened to
	done := h.closing()
	h.signal(syscall.SIGTERM)
	c.ends() // BYE came
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("the server ended with %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the server did not end within 10 s of the second signal")
	}
	h.proven()
	h.again()
	d := h.ended(h.callOf(c.id).ID)
	if d.Reason != "stopping" || d.EndedBy != "system" {
		t.Errorf("ended by %q, reason %q", d.EndedBy, d.Reason)
	}
	h.heardBoth(d.ID, 440, agentHz(0))
}

// metric reads a value of /metrics.
func (h *house) metric(name string) float64 {
	h.t.Helper()
	var b bytes.Buffer
	h.mustDo("GET", "/metrics", nil, &b)
	m := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindSubmatch(b.Bytes())
	if m == nil {
		h.t.Fatalf("there is no metric %s", name)
	}
	v, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		h.t.Fatal(err)
	}
	return v
}

// Calls over the limit are sent away with 503 and a time to come back; those that run
// are unharmed, and there is room again when one has ended.
func TestAdmissionLimit(t *testing.T) {
	needs(t, "sipp", "baresip")
	t.Parallel()
	h := open(t, plan{Calls: 2})
	h.phone(set{User: user(0), Hz: agentHz(0)})
	h.ready(0)
	l := newLine(t, carrierIP, 440)
	talks := h.sipp(play{Scenario: "call", Line: l})
	l.hears(agentHz(0))
	waits := h.sipp(play{Scenario: "call"})
	until(t, "two calls live", func() bool { return len(h.board().Calls) == 2 })
	over := h.sipp(play{Scenario: "refused", Calls: 5, Rate: 20})
	over.ends()
	if !strings.Contains(over.messages(), "Retry-After: 7") {
		t.Error("Retry-After is not what limits.retry_after says")
	}
	if n := h.metric("cagri_calls_refused_total"); n != 5 {
		t.Errorf("cagri_calls_refused_total is %g", n)
	}
	if b := h.board(); b.Refused != 5 || b.Arrived != 7 || b.Limit != 2 {
		t.Errorf("the board says: refused %d, arrived %d, limit %d", b.Refused, b.Arrived, b.Limit)
	}
	for n := range 5 {
		d := h.ended(h.callOf(over.callID(n + 1)).ID)
		if d.Outcome != "refused" || d.Status != 503 {
			t.Errorf("a refused call: outcome %q, status %d", d.Outcome, d.Status)
		}
	}
	l.hears(agentHz(0))
	waits.cue()
	waits.ends()
	until(t, "one call lives", func() bool { return len(h.board().Calls) == 1 })
	again := h.sipp(play{Scenario: "call"})
	h.comes(h.callOf(again.id).ID, "queue.entered", 1)
	for _, c := range []*sipp{again, talks} {
		c.cue()
		c.ends()
	}
	if _, lost := l.count(); lost > 0 {
		t.Errorf("%d packets to the citizen are missing", lost)
	}
	h.atRest(0)
	h.proven()
}

// rss is the server's memory in bytes.
func (h *house) rss() int {
	h.t.Helper()
	return procStatus(h.t, h.th.PID(), "VmRSS")
}

func procStatus(t *testing.T, pid int, key string) int {
	t.Helper()
	b := readFile(t, fmt.Sprintf("/proc/%d/status", pid))
	m := regexp.MustCompile(`(?m)^` + key + `:\s+(\d+) kB$`).FindSubmatch(b)
	if m == nil {
		t.Fatalf("/proc/%d/status has no %s", pid, key)
	}
	n, _ := strconv.Atoi(string(m[1]))
	return n << 10
}
