package call

import (
	"testing"
	"time"

	"cagri/internal/directory"
	"cagri/internal/event"
)

func TestCallIsAnsweredBridgedRecordedAndEnded(t *testing.T) {
	t.Parallel()
	r := rigFor(t, plan{Agents: 1})
	r.signIn(0)
	r.phones[0].whenRung(answer)
	c := r.dial("1080")
	id := c.call()
	_, bridged := comes[event.CallBridged](r, id, nil)
	_, recorded := comes[event.RecordingStarted](r, id, nil)
	_, noticed := comes[event.NoticePlayed](r, id, nil)
	if noticed > bridged || noticed > recorded {
		t.Errorf("notice is event %d, bridge %d, recording %d", noticed, bridged, recorded)
	}
	if v := r.agent(0); v.State != "talking" || v.Call != id {
		t.Errorf("%+v", v)
	}
	r.await("the caller hears the agent", func() bool { return c.stats().Received > 50 })
	c.hangUp()
	end, _ := comes[event.CallEnded](r, id, nil)
	if end.By != "caller" || end.Reason != "hung_up" || end.Outcome != "served" {
		t.Errorf("%+v", end)
	}
	r.await("the agent's phone is on the hook", r.phones[0].rung(1).is(isOver))
	sum, _ := comes[event.RecordingClosed](r, id, nil)
	if sum.CallerVoiceMS == 0 || sum.AgentVoiceMS == 0 {
		t.Errorf("voices are missing in the recording: %+v", sum)
	}
}

func TestAgentHangsUp(t *testing.T) {
	t.Parallel()
	r := rigFor(t, plan{Agents: 1, Queues: []directory.Queue{{ID: "general", Ring: 10 * time.Second, WrapUp: time.Minute}}})
	r.signIn(0)
	r.phones[0].whenRung(answer)
	c := r.dial("1080")
	id := c.call()
	comes[event.CallBridged](r, id, nil)
	r.phones[0].hangUpAll()
	r.await("the caller is let go", c.is(isOver))
	if end, _ := comes[event.CallEnded](r, id, nil); end.By != "agent" || end.Reason != "hung_up" || end.Outcome != "served" {
		t.Errorf("%+v", end)
	}
	r.await("wrap-up", func() bool { return r.agent(0).State == "wrap_up" })
	r.do(0, EndWrapUp)
	r.await("ready after the wrap-up", func() bool { return r.agent(0).State == "ready" })
}

func TestCallerAbandonsInTheQueue(t *testing.T) {
	t.Parallel()
	r := rigFor(t, plan{Agents: 1})
	r.signIn(0)
	r.do(0, Pause)
	c := r.dial("1080")
	id := c.call()
	comes[event.QueueEntered](r, id, nil)
	r.await("the caller hears something", func() bool { return c.stats().Received > 20 })
	c.hangUp()
	end, _ := comes[event.CallEnded](r, id, nil)
	left, _ := comes[event.QueueLeft](r, id, nil)
	if end.By != "caller" || end.Outcome != "abandoned" || left.Reason != "abandoned" || end.TalkMS != 0 {
		t.Errorf("%+v %+v", end, left)
	}
	if n := count[event.RecordingStarted](r.tap, id); n != 0 {
		t.Errorf("%d recordings of a call without a talk", n)
	}
}

func TestCallerHangsUpInTheNotice(t *testing.T) {
	t.Parallel()
	r := rigFor(t, plan{Agents: 1})
	r.signIn(0)
	c := r.dial("1080")
	r.await("the call is answered", c.is(isUp))
	c.hangUp()
	if end, _ := comes[event.CallEnded](r, c.call(), nil); end.By != "caller" || end.Outcome != "self_served" && end.Outcome != "abandoned" {
		t.Errorf("%+v", end)
	}
}

func TestNobodySignedInEndsPolitely(t *testing.T) {
	t.Parallel()
	r := rigFor(t, plan{Agents: 1})
	c := r.dial("1080")
	id := c.call()
	end, _ := comes[event.CallEnded](r, id, nil)
	left, _ := comes[event.QueueLeft](r, id, nil)
	if end.By != "system" || end.Reason != "no_agents" || end.Outcome != "unserved" || left.Reason != "no_agents" {
		t.Errorf("%+v %+v", end, left)
	}
	r.await("the caller is let go", c.is(isOver))
}

func TestLongestWaitEnds(t *testing.T) {
	t.Parallel()
	r := rigFor(t, plan{Agents: 1, Queues: []directory.Queue{{ID: "general", Ring: 10 * time.Second, MaxWait: time.Second}}})
	r.signIn(0)
	r.do(0, Pause)
	id := r.dial("1080").call()
	end, _ := comes[event.CallEnded](r, id, nil)
	left, _ := comes[event.QueueLeft](r, id, nil)
	if end.Reason != "timed_out" || end.Outcome != "unserved" || left.Reason != "timed_out" || end.QueueMS < 900 {
		t.Errorf("%+v %+v", end, left)
	}
}

func TestAgentWhoDoesNotAnswerIsSetAside(t *testing.T) {
	t.Parallel()
	r := rigFor(t, plan{Agents: 2, Queues: []directory.Queue{{ID: "general", Ring: 3 * time.Second, SetAside: time.Minute}}})
	r.signIn(0, 1) // the first has been idle longer
	r.phones[1].whenRung(answer)
	c := r.dial("1080")
	id := c.call()
	failed, _ := comes[event.OfferFailed](r, id, nil)
	if failed.Agent != "agent101" || failed.Reason != "no_answer" {
		t.Errorf("%+v", failed)
	}
	if got, _ := comes[event.CallBridged](r, id, nil); got.Agent != "agent102" {
		t.Errorf("%+v", got)
	}
	r.await("the phone of the first stops ringing", r.phones[0].rung(1).is(isOver))
	if v := r.agent(0); v.State != "set_aside" {
		t.Errorf("%+v", v)
	}
	c.hangUp()
	r.do(0, Ready)
	r.await("back by own word", func() bool { return r.agent(0).State == "ready" })
}

func TestPhoneThatSaysNo(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]struct{ reason, state string }{
		486: {"busy", "set_aside"}, 603: {"declined", "set_aside"}, 500: {"unreachable", "unreachable"}, 480: {"unreachable", "unreachable"},
	} {
		t.Run(want.reason, func(t *testing.T) {
			t.Parallel()
			r := rigFor(t, plan{Agents: 2})
			r.signIn(0, 1)
			r.phones[0].whenRung(refuse(status))
			r.phones[1].whenRung(answer)
			c := r.dial("1080")
			id := c.call()
			failed, _ := comes[event.OfferFailed](r, id, nil)
			if failed.Agent != "agent101" || failed.Reason != want.reason || failed.Status != status {
				t.Errorf("%d: %+v", status, failed)
			}
			comes[event.CallBridged](r, id, func(b event.CallBridged) bool { return b.Agent == "agent102" })
			if v := r.agent(0); v.State != want.state {
				t.Errorf("%d: %+v", status, v)
			}
			c.hangUp()
		})
	}
}

func TestPhoneWithoutRegistrationIsPassedOver(t *testing.T) {
	t.Parallel()
	r := rigFor(t, plan{Agents: 2})
	r.signIn(0, 1)
	r.phones[1].whenRung(answer)
	c := r.dial("1080")
	id := c.call()
	r.phones[0].rung(1)
	r.phones[0].stop() // takes its registration back while it rings
	if got, _ := comes[event.CallBridged](r, id, nil); got.Agent != "agent102" {
		t.Errorf("%+v", got)
	}
	r.await("unreachable", func() bool { return r.agent(0).State == "unreachable" })
	c.hangUp()
}

func TestCallerHangsUpWhileThePhoneRings(t *testing.T) {
	t.Parallel()
	r := rigFor(t, plan{Agents: 1})
	r.signIn(0)
	c := r.dial("1080")
	id := c.call()
	rung := r.phones[0].rung(1)
	c.hangUp()
	r.await("the phone stops ringing", rung.is(isOver))
	failed, _ := comes[event.OfferFailed](r, id, nil)
	end, _ := comes[event.CallEnded](r, id, nil)
	if failed.Reason != "caller_left" || end.Outcome != "abandoned" {
		t.Errorf("%+v %+v", failed, end)
	}
	r.await("ready for the next", func() bool { return r.agent(0).State == "ready" })
}

func TestAgentWhoVanishesGivesTheCallerBack(t *testing.T) {
	t.Parallel()
	r := rigFor(t, plan{Agents: 2, Silence: 2500 * time.Millisecond, Queues: []directory.Queue{{ID: "general", Ring: 2 * time.Second, SetAside: time.Second}}})
	r.signIn(0)
	r.phones[0].whenRung(answer)
	c := r.dial("1080")
	id := c.call()
	comes[event.CallBridged](r, id, nil)
	r.signIn(1)
	r.do(1, Pause)
	other := r.dial("1080") // waits behind
	comes[event.QueueEntered](r, other.call(), nil)
	r.do(0, SignOut) // after this talk: else the dead phone would be rung again
	r.phones[1].whenRung(answer)
	heard := c.listen()
	r.phones[0].rung(1).vanish()
	lost, _ := comes[event.CallUnbridged](r, id, nil)
	comes[event.QueueEntered](r, id, func(q event.QueueEntered) bool { return q.Returned })
	if lost.Reason != "agent_lost" {
		t.Errorf("%+v", lost)
	}
	before := c.stats().Received
	r.await("the apology and some music are played", func() bool { return c.stats().Received > before+100 })
	r.do(1, Ready)
	next, at := comes[event.CallBridged](r, id, func(b event.CallBridged) bool { return b.Agent == "agent102" })
	if n := count[event.CallBridged](r.tap, other.call()); n != 0 {
		t.Errorf("who waited behind was served first (%+v at %d)", next, at)
	}
	if apology, music := heard.share(pitchApology), heard.share(pitchMusic); apology == 0 || music < 3 {
		t.Errorf("the caller heard %d tenths of a second of apology and %d of music after it", apology, music)
	}
	c.hangUp()
	comes[event.CallBridged](r, other.call(), nil)
	other.hangUp()
	if end, _ := comes[event.CallEnded](r, id, nil); end.Outcome != "served" {
		t.Errorf("%+v", end)
	}
	if n := count[event.RecordingStarted](r.tap, id); n != 1 {
		t.Errorf("%d recordings of one call", n)
	}
}

func TestCallerWhoVanishesFreesTheAgent(t *testing.T) {
	t.Parallel()
	r := rigFor(t, plan{Agents: 1, Silence: 2500 * time.Millisecond})
	r.signIn(0)
	r.phones[0].whenRung(answer)
	c := r.dial("1080")
	id := c.call()
	comes[event.CallBridged](r, id, nil)
	c.vanish()
	if end, _ := comes[event.CallEnded](r, id, nil); end.By != "system" || end.Reason != "media_lost" || end.Outcome != "served" {
		t.Errorf("%+v", end)
	}
	r.await("ready for the next", func() bool { return r.agent(0).State == "ready" })
}

func TestCallerWhoNeverConfirmsIsLetGo(t *testing.T) {
	t.Parallel()
	r := rigFor(t, plan{Agents: 1, T1: 20 * time.Millisecond})
	r.signIn(0)
	r.phones[0].whenRung(answer)
	r.line.muffle("From: <sip:0124", "ACK")
	c := r.dial("1080")
	id := c.call()
	if end, _ := comes[event.CallEnded](r, id, nil); end.By != "system" || end.Reason != "caller_lost" {
		t.Errorf("%+v", end)
	}
	r.await("ready for the next", func() bool { return r.agent(0).State == "ready" })
}

func TestWaitingCallersAreToldTheirPlace(t *testing.T) {
	t.Parallel()
	r := rigFor(t, plan{Agents: 1, Queues: []directory.Queue{{ID: "general", Ring: 10 * time.Second, Announce: time.Second}}})
	r.signIn(0)
	r.do(0, Pause)
	first := r.dial("1080")
	comes[event.QueueEntered](r, first.call(), nil)
	second := r.dial("1080")
	for i, c := range []*end{first, second} {
		if told, _ := comes[event.QueueAnnounced](r, c.call(), nil); told.Position != i+1 || told.Queue != "general" {
			t.Errorf("%d: %+v", i, told)
		}
	}
	first.hangUp()
	comes[event.QueueAnnounced](r, second.call(), func(a event.QueueAnnounced) bool { return a.Position == 1 })
	second.hangUp()
}

func TestFeatureCodesOnThePhone(t *testing.T) {
	t.Parallel()
	r := rigFor(t, plan{Agents: 1})
	for _, c := range []struct{ code, state, reason string }{
		{"*10", "ready", "signed_in"}, {"*127", "paused", "code:7"}, {"*11", "ready", "ready"}, {"*12", "paused", "paused"},
		{"*99", "paused", "paused"}, {"*11", "ready", "ready"}, {"*19", "signed_out", "signed_out"},
	} {
		e := r.phones[0].dial(c.code)
		r.await(c.code+" is answered and ended by the server", e.is(isOver))
		e.mu.Lock()
		if !e.up || e.code != 0 {
			t.Errorf("%s: answered %v, refused with %d", c.code, e.up, e.code)
		}
		e.mu.Unlock()
		r.await("state after "+c.code, func() bool { v := r.agent(0); return v.State == c.state && v.Reason == c.reason })
	}
}
