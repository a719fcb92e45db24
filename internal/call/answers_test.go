package call

import (
	"testing"
	"time"

	"cagri/internal/event"
)

// A phone that redirects is a phone at which the agent is not: the caller stays with
// those who are there, and nobody outside is called whatever the phone says.
func TestRedirectionIsNotFollowed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{300, 302, 380} {
		r := rigFor(t, plan{Agents: 2})
		r.signIn(0)
		r.phones[0].whenRung(refuse(status))
		c := r.dial("1080")
		failed, _ := comes[event.OfferFailed](r, c.call(), nil)
		if failed.Reason != "redirected" || failed.Status != status || failed.Agent != "agent101" {
			t.Errorf("%d: %+v", status, failed)
		}
		r.await("the agent is not offered the next call at once", func() bool { return r.agent(0).State == "unreachable" })
		r.phones[1].whenRung(answer)
		r.do(1, SignIn)
		comes[event.CallBridged](r, c.call(), func(b event.CallBridged) bool { return b.Agent == "agent102" })
		if n := r.ua.Stats().Dialogs; n != 2 {
			t.Errorf("%d: %d dialogs for a caller and an agent", status, n)
		}
		c.hangUp()
		comes[event.CallEnded](r, c.call(), nil)
	}
}

func TestRedirectionOfATransferAndOfAColleague(t *testing.T) {
	t.Parallel()
	r, c, agent, id := talk(t, plan{Agents: 2})
	r.phones[1].whenRung(refuse(302))
	if code := agent.refer("sip:102@host"); code != 202 {
		t.Fatalf("REFER was answered %d", code)
	}
	if failed, _ := comes[event.TransferFailed](r, id, nil); failed.Reason != "redirected" || failed.Status != 302 {
		t.Errorf("%+v", failed)
	}
	r.await("the phone is told what it understands", func() bool { return agent.wire.result(agent.callID) == "SIP/2.0 480 Temporarily Unavailable" })
	if v := r.agent(0); v.State != "talking" || v.Call != id {
		t.Errorf("%+v", v)
	}
	e := r.phones[0].dial("102")
	r.await("the colleague is not there", e.is(isOver))
	if e.code != 480 {
		t.Errorf("refused with %d", e.code)
	}
	c.hangUp()
}

// Max-Forwards goes from leg to leg, one less each time, and at 0 the call ends.
func TestMaxForwardsComesToAnEnd(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ passed, seen int }{{0, 69}, {40, 38}, {3, 1}} {
		r := rigFor(t, plan{Agents: 2})
		r.signIn(0)
		r.phones[0].whenRung(answer)
		caller := &end{r: r, who: "far caller", wire: r.line, passed: c.passed}
		if err := caller.dial(r.callers, "server", "1080", "0124111111"); err != nil {
			t.Fatal(err)
		}
		comes[event.CallBridged](r, caller.call(), nil)
		if got := r.phones[0].rung(1).in.MaxForwards; got != c.seen {
			t.Errorf("passed on with %d, not %d", got, c.seen)
		}
		caller.hangUp()
		comes[event.CallEnded](r, caller.call(), nil)
	}

	// One step too far. The phones of this test are servers of ours, as in a loop
	// through two of them. No agent suffers for it.
	r := rigFor(t, plan{Agents: 2})
	r.signIn(0, 1)
	caller := &end{r: r, who: "very far caller", wire: r.line, passed: 2}
	if err := caller.dial(r.callers, "server", "1080", "0124111111"); err != nil {
		t.Fatal(err)
	}
	if failed, _ := comes[event.OfferFailed](r, caller.call(), nil); failed.Reason != "too_many_hops" || failed.Status != 483 {
		t.Errorf("%+v", failed)
	}
	if end, _ := comes[event.CallEnded](r, caller.call(), nil); end.Reason != "too_many_hops" || end.Status != 483 {
		t.Errorf("%+v", end)
	}
	if n := count[event.OfferMade](r.tap, caller.call()); n != 1 {
		t.Errorf("offered %d times", n)
	}
	r.await("both are ready", func() bool { return r.agent(0).State == "ready" && r.agent(1).State == "ready" })

	e := r.phones[0].place("102", &end{passed: 2})
	r.await("a colleague's call is refused", e.is(isOver))
	if e.code != 483 {
		t.Errorf("refused with %d", e.code)
	}
	// A loop behind one phone is that phone's trouble, and the caller's call goes on.
	r.phones[0].whenRung(refuse(483))
	r.phones[1].whenRung(refuse(483))
	near := r.dial("1080")
	r.await("both phones are given up", func() bool { return count[event.OfferFailed](r.tap, near.call()) >= 2 })
	if _, _, ended := find[event.CallEnded](r.tap, near.call(), nil); ended {
		t.Error("the caller was cut off")
	}
	near.hangUp()
}

// A phone that vanishes while it holds the caller sends nothing that could be missed.
func TestPhoneThatVanishesOnHoldIsNoticed(t *testing.T) {
	t.Parallel()
	r, c, agent, id := talk(t, plan{Agents: 1, Probe: 100 * time.Millisecond, T1: 20 * time.Millisecond})
	agent.hold(true)
	comes[event.CallHeld](r, id, nil)
	agent.vanish()
	if left, _ := comes[event.CallUnbridged](r, id, nil); left.Reason != "agent_lost" {
		t.Errorf("%+v", left)
	}
	comes[event.QueueEntered](r, id, func(q event.QueueEntered) bool { return q.Returned })
	r.await("the phone is not rung before it proves itself", func() bool { return r.agent(0).State == "unreachable" })
	c.hangUp()
	comes[event.CallEnded](r, id, nil)
}

// A caller who vanishes on hold is noticed the same way.
func TestCallerWhoVanishesOnHoldIsNoticed(t *testing.T) {
	t.Parallel()
	r, c, agent, id := talk(t, plan{Agents: 1, Probe: 100 * time.Millisecond, T1: 20 * time.Millisecond})
	c.hold(true)
	comes[event.CallHeld](r, id, nil)
	c.vanish()
	if end, _ := comes[event.CallEnded](r, id, nil); end.Reason != "caller_lost" {
		t.Errorf("%+v", end)
	}
	r.await("the agent is let go", agent.is(isOver))
	r.await("ready", func() bool { return r.agent(0).State == "ready" })
}

// Who is silent and answers stays, however long.
func TestSilenceOnHoldIsNoEnd(t *testing.T) {
	t.Parallel()
	r, c, agent, id := talk(t, plan{Agents: 1, Probe: 20 * time.Millisecond, T1: 20 * time.Millisecond})
	agent.mu.Lock()
	agent.leg.StopPlay()
	agent.mu.Unlock()
	c.mu.Lock()
	c.leg.StopPlay()
	c.mu.Unlock()
	agent.hold(true)
	comes[event.CallHeld](r, id, nil)
	asked := r.ua.Stats()
	r.await("both were asked many times", func() bool { return r.ua.Stats().Responses > asked.Responses+40 })
	if n := count[event.CallUnbridged](r.tap, id); n != 0 {
		t.Errorf("let go of %d times for being silent", n)
	}
	agent.hold(false)
	comes[event.CallResumed](r, id, nil)
	agent.mu.Lock()
	agent.leg.Play(speech)
	agent.mu.Unlock()
	heard := c.stats().Received
	r.await("the caller hears the agent again", func() bool { return c.stats().Received > heard+30 })
	c.hangUp()
}
