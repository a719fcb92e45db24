package system

import (
	"testing"
	"time"
)

// Floods of requests from strangers and from known addresses, while one recorded talk
// runs: it loses nothing, memory stays bounded, and afterwards calls work. It runs alone: the floods are meant
// for this server, not for the tests beside it.
func TestFloods(t *testing.T) {
	needs(t, "sipp", "baresip")
	h := open(t, plan{Calls: 30, Ports: 1000, T1: 100 * time.Millisecond})
	agent := h.phone(set{User: user(0), Hz: agentHz(0)})
	h.ready(0)
	l := newLine(t, carrierIP, 440)
	c := h.sipp(play{Scenario: "call", Line: l})
	id := h.callOf(c.id).ID
	h.comes(id, "call.bridged", 1)
	l.hears(agentHz(0))
	agent.hears(440)
	before := h.rss()
	peak := before
	for _, f := range []struct {
		scenario, ip string
		rate         int
	}{
		{"flood_invite", strangerIP, 1500}, {"flood_register", strangerIP, 1500}, {"flood_options", strangerIP, 1500},
		{"flood_invite", carrierIP, 400}, {"flood_options", carrierIP, 1500}, {"flood_register", phoneIP, 1500}, {"flood_options", phoneIP, 1500},
	} {
		had, _ := l.count()
		run := h.sipp(play{Scenario: f.scenario, IP: f.ip, Calls: 2 * f.rate, AtOnce: 2 * f.rate, Rate: f.rate, Quiet: true,
			Keys: []string{"who", "1009"}, Args: []string{"-au", "1009", "-ap", "x"}})
		for run.running() {
			peak = max(peak, h.rss())
			time.Sleep(50 * time.Millisecond)
		}
		if n, lost := l.count(); lost > 0 || n-had < 50 {
			t.Errorf("%s from %s: the talk got %d packets, %d are missing", f.scenario, f.ip, n-had, lost)
		}
		l.hears(agentHz(0))
	}
	if grown := peak - before; grown > 200<<20 {
		t.Errorf("memory went from %d to %d MB", before>>20, peak>>20)
	}
	t.Logf("memory before %d MB, at most %d MB; longest gap between two packets to the citizen %s", before>>20, peak>>20, l.longestGap())
	until(t, "the flood's calls have ended", func() bool { return len(h.board().Calls) == 1 })
	c.cue()
	c.ends()
	d := h.ended(id)
	for _, q := range steps(d, "leg.quality") {
		if lost, _ := q["lost"].(float64); lost != 0 {
			t.Errorf("leg %v lost %g packets", q["leg"], lost)
		}
	}
	h.atRest(0)
	h.heardBoth(id, 440, agentHz(0))
	again := newLine(t, carrierIP, 520)
	c = h.sipp(play{Scenario: "call", Line: again})
	again.hears(agentHz(0))
	c.cue()
	c.ends()
	if d := h.ended(h.callOf(c.id).ID); d.Outcome != "served" {
		t.Errorf("a call after the flood: outcome %q", d.Outcome)
	}
	h.atRest(0)
	h.proven()
}
