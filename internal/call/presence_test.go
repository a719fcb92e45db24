package call

import (
	"slices"
	"testing"
	"time"

	"cagri/internal/directory"
	"cagri/internal/event"
)

// states is what an agent went through, as the journal has it.
func (r *rig) states(i int) (out []string) {
	r.tap.mu.Lock()
	defer r.tap.mu.Unlock()
	for _, e := range r.tap.all {
		if m, ok := e.Data.(event.AgentMoved); ok && e.Agent == "agent"+agentName(i) {
			out = append(out, m.To)
		}
	}
	return out
}

// An agent who asks a colleague while the caller is on hold is not free when the
// caller gives up: the consultation goes on.
func TestConsultationOutlastsTheCall(t *testing.T) {
	t.Parallel()
	r, c, agent, id := talk(t, plan{Agents: 2})
	agent.hold(true)
	comes[event.CallHeld](r, id, nil)
	consult := r.phones[0].dial("102")
	r.await("the colleague answers", consult.is(isUp))
	comes[event.CallBridged](r, consult.call(), nil)
	before := len(r.states(0))

	c.hangUp()
	comes[event.CallEnded](r, id, nil)
	r.await("the router has the agent in the consultation", func() bool {
		v := r.agent(0)
		return v.State == "talking" && v.Call == consult.call()
	})
	next := r.dial("1080")
	comes[event.QueueEntered](r, next.call(), nil)
	r.await("the caller waits", func() bool {
		q := r.x.Board().Routing.Queues
		return len(q) == 1 && q[0].Waiting == 1
	})
	if seen := r.states(0)[before:]; slices.Contains(seen, "ready") || slices.Contains(seen, "offered") {
		t.Errorf("during the consultation the agent was %v", seen)
	}
	if n := count[event.OfferMade](r.tap, next.call()); n != 0 {
		t.Errorf("the next caller was offered %d times during the consultation", n)
	}

	consult.hangUp()
	comes[event.CallBridged](r, next.call(), nil)
	next.hangUp()
	comes[event.CallEnded](r, next.call(), nil)
	r.await("both are ready, nobody paused", func() bool { return r.agent(0).State == "ready" && r.agent(1).State == "ready" })
}

// What the agent wished for before is what comes after the last of the calls.
func TestWishesOutlastAConsultation(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		wish   []AgentAction
		during string // after the citizen's call, in the consultation
		after  string
	}{
		{"none", nil, "talking", "ready"},
		{"pause", []AgentAction{Pause}, "talking", "paused"},
		{"pause and back", []AgentAction{Pause, SignIn}, "talking", "ready"},
		{"leave", []AgentAction{SignOut}, "signed_out", "signed_out"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, caller, agent, id := talk(t, plan{Agents: 2})
			agent.hold(true)
			comes[event.CallHeld](r, id, nil)
			consult := r.phones[0].dial("102")
			r.await("the colleague answers", consult.is(isUp))
			comes[event.CallBridged](r, consult.call(), nil)
			for _, w := range c.wish {
				r.do(0, w)
			}
			caller.hangUp()
			comes[event.CallEnded](r, id, nil)
			r.await("the agent is "+c.during, func() bool { return r.agent(0).State == c.during })
			consult.hangUp()
			comes[event.CallEnded](r, consult.call(), nil)
			r.await("the agent is "+c.after, func() bool { return r.agent(0).State == c.after })
		})
	}
}

// The colleague of a consultation goes from one call into the other and is free in
// neither moment, however many callers wait.
func TestHandoverLeavesNobodyFree(t *testing.T) {
	t.Parallel()
	r, c, agent, id := talk(t, plan{Agents: 2})
	agent.hold(true)
	comes[event.CallHeld](r, id, nil)
	consult := r.phones[0].dial("102")
	r.await("the colleague answers", consult.is(isUp))
	comes[event.CallBridged](r, consult.call(), nil)
	waits := r.dial("1080")
	comes[event.QueueEntered](r, waits.call(), nil)
	before := len(r.states(1))

	if code := agent.refer(replaces(consult, "102")); code != 202 {
		t.Fatalf("REFER was answered %d", code)
	}
	comes[event.CallBridged](r, id, func(b event.CallBridged) bool { return b.Agent == "agent102" })
	// The first agent is free now and takes who waits; the second never was.
	comes[event.CallBridged](r, waits.call(), func(b event.CallBridged) bool { return b.Agent == "agent101" })
	r.await("the router has the colleague in the call", func() bool { return r.agent(1).Call == id })
	if seen := r.states(1)[before:]; slices.Contains(seen, "ready") || slices.Contains(seen, "offered") {
		t.Errorf("in the handover the colleague was %v", seen)
	}
	if n := count[event.OfferFailed](r.tap, waits.call()); n != 0 {
		t.Errorf("%d offers failed", n)
	}
	waits.hangUp()
	c.hangUp()
}

// The last wish counts: who signs in during a talk does not want the pause any more
// that was asked for before, and the other way round.
func TestTheLastWishCounts(t *testing.T) {
	t.Parallel()
	slow := []directory.Queue{{ID: "general", Ring: 10 * time.Second, SetAside: time.Second, WrapUp: time.Hour}}
	for _, c := range []struct {
		name  string
		talk  []AgentAction // during the talk
		wrap  []AgentAction // during the wrap-up, if there is any
		after string
	}{
		{"pause", []AgentAction{Pause}, nil, "paused"},
		{"sign in", []AgentAction{SignIn}, nil, "ready"},
		{"pause, sign in", []AgentAction{Pause, SignIn}, nil, "ready"},
		{"pause, sign in, pause", []AgentAction{Pause, SignIn, Pause}, nil, "paused"},
		{"pause, ready", []AgentAction{Pause, Ready}, nil, "ready"},
		{"sign out, sign in", []AgentAction{SignOut, SignIn}, nil, "ready"},
		{"sign out, pause, sign in", []AgentAction{SignOut, Pause, SignIn}, nil, "ready"},
		{"sign in, sign out", []AgentAction{SignIn, SignOut}, nil, "signed_out"},
		{"in wrap-up: sign in", nil, []AgentAction{SignIn}, "wrap_up"},
		{"in wrap-up: pause, sign in", nil, []AgentAction{Pause, SignIn}, "ready"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := plan{Agents: 1}
			if c.wrap != nil {
				p.Queues = slices.Clone(slow)
			}
			r, caller, _, id := talk(t, p)
			for _, w := range c.talk {
				r.do(0, w)
			}
			if v := r.agent(0); v.State != "talking" {
				t.Errorf("a wish ended the talk: %+v", v)
			}
			caller.hangUp()
			comes[event.CallEnded](r, id, nil)
			if c.wrap != nil {
				r.await("wrap-up", func() bool { return r.agent(0).State == "wrap_up" })
				for _, w := range c.wrap {
					r.do(0, w)
				}
			}
			r.await("the agent is "+c.after, func() bool { return r.agent(0).State == c.after })
			if c.after == "wrap_up" {
				r.do(0, EndWrapUp)
			}
		})
	}
}
