package call

import (
	"sync"
	"testing"

	"cagri/internal/event"
	"cagri/internal/sip"
)

// A colleague's phone takes the caller over, out of nothing or out of a consultation,
// whether the caller is on hold or not: one recording, one journal, nobody left over.
func TestPhoneTakesOverATalk(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name          string
		hold, consult bool
	}{{"at once", false, false}, {"from hold", true, false}, {"after a consultation", true, true}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, caller, agent, id := talk(t, plan{Agents: 2})
			if c.hold {
				agent.hold(true)
				comes[event.CallHeld](r, id, nil)
			}
			var consult *end
			if c.consult {
				consult = r.phones[0].dial("102")
				r.await("the colleague answers", consult.is(isUp))
				comes[event.CallBridged](r, consult.call(), nil)
			}
			takes := r.phones[1].replace(agent)
			r.await("the phone is answered", takes.is(isUp))
			comes[event.CallBridged](r, id, func(b event.CallBridged) bool { return b.Agent == "agent102" })
			r.await("the replaced phone is let go", agent.is(isOver))
			if done, _ := comes[event.TransferDone](r, id, nil); done.From != "agent101" || done.Target != "102" {
				t.Errorf("%+v", done)
			}
			if asked, _ := comes[event.TransferAsked](r, id, nil); asked.Agent != "agent101" || asked.Manner != "replaced" {
				t.Errorf("%+v", asked)
			}
			before, said := caller.stats().Received, takes.stats().Received
			r.await("they hear each other", func() bool { return caller.stats().Received > before+30 && takes.stats().Received > said+30 })
			r.await("the first is ready, the second talks", func() bool {
				return r.agent(0).State == "ready" && r.agent(1).State == "talking" && r.agent(1).Call == id
			})
			if consult != nil {
				r.await("the consultation is over", consult.is(isOver))
				if end, _ := comes[event.CallEnded](r, consult.call(), nil); end.Reason != "transferred" {
					t.Errorf("%+v", end)
				}
			}
			takes.hangUp()
			if end, _ := comes[event.CallEnded](r, id, nil); end.By != "agent" || end.Outcome != "served" {
				t.Errorf("%+v", end)
			}
			r.await("the caller is let go", caller.is(isOver))
			if n := count[event.RecordingStarted](r.tap, id); n != 1 {
				t.Errorf("%d recordings", n)
			}
			if n := r.tap.ofSIP(takes.callID); n != "" {
				t.Error("taking over was written as a call of its own")
			}
			r.await("both ready", func() bool { return r.agent(0).State == "ready" && r.agent(1).State == "ready" })
		})
	}
}

// The agent moves the talk to another phone of the same account.
func TestAgentMovesToAnotherPhone(t *testing.T) {
	t.Parallel()
	r, caller, agent, id := talk(t, plan{Agents: 1})
	before := len(r.states(0))
	other := r.phones[0].replace(agent)
	r.await("the other phone is answered", other.is(isUp))
	r.await("the replaced phone is let go", agent.is(isOver))
	heard := caller.stats().Received
	r.await("the caller hears the agent", func() bool { return caller.stats().Received > heard+30 })
	if n := count[event.CallBridged](r.tap, id); n != 2 {
		t.Errorf("bridged %d times", n)
	}
	if seen := r.states(0)[before:]; len(seen) != 0 || r.agent(0).State != "talking" {
		t.Errorf("the agent was moved: %v", seen)
	}
	caller.hangUp()
	comes[event.CallEnded](r, id, nil)
	r.await("ready", func() bool { return r.agent(0).State == "ready" })
}

// In a call between colleagues the one who called can be replaced as well.
func TestPhoneTakesOverACallOfAColleague(t *testing.T) {
	t.Parallel()
	r := rigFor(t, plan{Agents: 3})
	r.signIn(0, 1, 2)
	r.phones[1].whenRung(answer)
	first := r.phones[0].dial("102")
	r.await("the colleague answers", first.is(isUp))
	id := first.call()
	comes[event.CallBridged](r, id, nil)
	second := r.phones[1].rung(1)

	third := r.phones[2].replace(first)
	r.await("the phone is answered", third.is(isUp))
	r.await("the first is let go", first.is(isOver))
	heard := second.stats().Received
	r.await("the second hears the third", func() bool { return second.stats().Received > heard+30 })
	r.await("the first is free, the others talk", func() bool {
		return r.agent(0).State == "ready" && r.agent(1).State == "talking" && r.agent(2).State == "talking" && r.agent(2).Call == id
	})
	second.hangUp()
	r.await("the third is let go", third.is(isOver))
	r.await("all are ready", func() bool {
		return r.agent(0).State == "ready" && r.agent(1).State == "ready" && r.agent(2).State == "ready"
	})
}

// Whatever is refused leaves the talk as it was.
func TestReplacesThatIsRefused(t *testing.T) {
	t.Parallel()
	r, caller, agent, id := talk(t, plan{Agents: 4})
	refused := func(what string, e *end, status int) {
		t.Helper()
		r.await(what+" is refused", e.is(isOver))
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.code != status {
			t.Errorf("%s was refused with %d, not %d", what, e.code, status)
		}
	}
	second := r.phones[1]
	refused("no such call", second.replace(agent, func(n *sip.Replaces) { n.CallID = "none" }), 481)
	refused("a wrong tag", second.replace(agent, func(n *sip.Replaces) { n.FromTag = "none" }), 481)
	refused("tags the wrong way round", second.replace(agent, func(n *sip.Replaces) { n.FromTag, n.ToTag = n.ToTag, n.FromTag }), 481)
	refused("early-only of a talk", second.replace(agent, func(n *sip.Replaces) { n.EarlyOnly = true }), 486)
	refused("a citizen's leg", second.replace(caller), 403)

	// A carrier may know nothing of our phones' calls, and if it does it may not take them.
	outside := &end{r: r, who: "outside", wire: r.line, names: agent.name()}
	if err := outside.dial(r.callers, "server", "1080", "0124999999"); err != nil {
		t.Fatal(err)
	}
	refused("a carrier", outside, 403)

	// Who talks with another citizen cannot take over a second one.
	r.do(2, Pause)
	r.do(3, Pause)
	r.await("only the second is ready", func() bool { return r.agent(2).State == "paused" && r.agent(3).State == "paused" })
	other := r.dial("1080")
	comes[event.CallBridged](r, other.call(), func(b event.CallBridged) bool { return b.Agent == "agent102" })
	refused("a busy agent", second.replace(agent), 486)
	if v := r.agent(1); v.Call != other.call() {
		t.Errorf("%+v", v)
	}

	// A phone that only rings, and a talk that is being transferred.
	r.phones[2].whenRung(nil)
	if err := r.x.Transfer(id, "103"); err != nil {
		t.Fatal(err)
	}
	rings := r.phones[2].rung(1)
	refused("a talk in transfer", r.phones[3].replace(agent), 491)
	refused("a ringing phone", r.phones[3].replace(rings), 603)
	refuse(486)(rings)
	comes[event.TransferFailed](r, id, nil)

	heard := caller.stats().Received
	r.await("the talk has not suffered", func() bool { return caller.stats().Received > heard+30 })
	if v := r.agent(0); v.State != "talking" || v.Call != id {
		t.Errorf("%+v", v)
	}
	if n := count[event.CallBridged](r.tap, id); n != 1 {
		t.Errorf("bridged %d times", n)
	}
	caller.hangUp()
	other.hangUp()
	r.await("those who paused still do", func() bool { return r.agent(2).State == "paused" && r.agent(3).State == "paused" })
}

// Two phones want the same place, and the one who has it or the caller may leave at
// that moment: one wins or none, and all the others are let go.
func TestReplacesThatCross(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		leave func(caller, agent *end)
	}{
		{"two phones", func(_, _ *end) {}},
		{"the agent hangs up", func(_, agent *end) { agent.hangUp() }},
		{"the caller hangs up", func(caller, _ *end) { caller.hangUp() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, caller, agent, id := talk(t, plan{Agents: 3})
			name := agent.name()
			var wg sync.WaitGroup
			takers := []*end{{names: name}, {names: name}}
			for i, e := range takers {
				wg.Go(func() { r.phones[i+1].place("replace", e) })
			}
			wg.Go(func() { c.leave(caller, agent) })
			wg.Wait()
			up := 0
			for _, e := range takers {
				r.await("each is answered", e.is(func(e *end) bool { return e.up || e.over }))
			}
			r.await("the replaced phone is let go", agent.is(isOver))
			r.await("one talks, or the call is over", func() bool {
				up = 0
				for _, e := range takers {
					if e.is(func(e *end) bool { return e.up && !e.over })() {
						up++
					}
				}
				_, _, ended := find[event.CallEnded](r.tap, id, nil)
				return up == 1 && !ended || up == 0 && ended
			})
			if c.name == "two phones" && up != 1 {
				t.Errorf("%d phones have the call", up)
			}
			caller.hangUp()
			comes[event.CallEnded](r, id, nil)
			r.await("all are ready", func() bool {
				return r.agent(0).State == "ready" && r.agent(1).State == "ready" && r.agent(2).State == "ready"
			})
		})
	}
}
