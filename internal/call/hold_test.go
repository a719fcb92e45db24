package call

import (
	"testing"

	"cagri/internal/event"
)

func TestHoldPlaysMusicAndPausesTheRecording(t *testing.T) {
	t.Parallel()
	r := rigFor(t, plan{Agents: 1})
	r.signIn(0)
	r.phones[0].whenRung(answer)
	c := r.dial("1080")
	id := c.call()
	comes[event.CallBridged](r, id, nil)
	agent := r.phones[0].rung(1)
	r.await("the agent has picked up", agent.is(isUp))

	heard := c.listen()
	agent.hold(true)
	if held, _ := comes[event.CallHeld](r, id, nil); held.By != "agent" {
		t.Errorf("%+v", held)
	}
	if mark, _ := comes[event.RecordingMarked](r, id, nil); mark.Mark != "pause" {
		t.Errorf("%+v", mark)
	}
	before := c.stats().Received
	r.await("the caller hears two seconds of something", func() bool { return c.stats().Received > before+100 })
	if n := heard.share(pitchMusic); n < 5 {
		t.Errorf("%d tenths of a second of music", n)
	}

	agent.hold(false)
	comes[event.CallResumed](r, id, nil)
	comes[event.RecordingMarked](r, id, func(m event.RecordingMarked) bool { return m.Mark == "resume" })
	heard = c.listen()
	before = c.stats().Received
	r.await("the caller hears the agent", func() bool { return c.stats().Received > before+50 })
	if n := heard.share(pitchMusic); n > 2 {
		t.Errorf("%d tenths of a second of music after the hold", n)
	}

	// The caller may hold the agent as well.
	c.hold(true)
	if held, _ := comes[event.CallHeld](r, id, func(h event.CallHeld) bool { return h.By == "caller" }); held.By != "caller" {
		t.Errorf("%+v", held)
	}
	before = agent.stats().Received
	r.await("the agent hears a second of something", func() bool { return agent.stats().Received > before+50 })
	c.hold(false)
	comes[event.CallResumed](r, id, func(h event.CallResumed) bool { return h.By == "caller" })

	// Hung up on hold: nothing stays open.
	agent.hold(true)
	r.await("held again", func() bool { return count[event.CallHeld](r.tap, id) == 3 })
	c.hangUp()
	if end, _ := comes[event.CallEnded](r, id, nil); end.By != "caller" || end.Outcome != "served" {
		t.Errorf("%+v", end)
	}
}
