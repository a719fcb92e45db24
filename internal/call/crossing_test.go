package call

import (
	"testing"
	"time"

	"cagri/internal/event"
	"cagri/internal/media"
)

// An attended transfer and the end of somebody's call cross each other: whatever
// comes first, nobody is left behind. That nothing stays open is what finish checks.
func TestAttendedTransferCrossesAnEnd(t *testing.T) {
	t.Parallel()
	for who, hangUp := range map[string]func(c, agent, consult, second *end){
		"caller":    func(c, _, _, _ *end) { c.hangUp() },
		"agent":     func(_, agent, _, _ *end) { agent.hangUp() },
		"consult":   func(_, _, consult, _ *end) { consult.hangUp() },
		"colleague": func(_, _, _, second *end) { second.hangUp() },
	} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			r := rigFor(t, plan{Agents: 2})
			for _, p := range r.phones {
				p.whenRung(answer)
			}
			for round := range 3 {
				r.signIn(0)
				c := r.dial("1080")
				id := c.call()
				comes[event.CallBridged](r, id, nil)
				r.signIn(1)
				agent := r.phones[0].last()
				consult := r.phones[0].dial("102")
				r.await("the colleague answers", consult.is(isUp))
				second := r.phones[1].last()
				r.await("the colleague has picked up", second.is(isUp))
				done := make(chan int)
				go func() { done <- agent.refer(replaces(consult, "102")) }()
				time.Sleep(time.Duration(round) * 700 * time.Microsecond) // not to wait for anything: to cross at another moment
				hangUp(c, agent, consult, second)
				<-done
				for _, e := range []*end{c, agent, consult, second} {
					if !e.is(isOver)() {
						e.hangUp()
					}
				}
				r.quiet()
				for i := range r.phones {
					r.await("ready for the next", func() bool { return r.agent(i).State == "ready" })
					r.do(i, SignOut)
				}
			}
		})
	}
}

// The last message of a call is not the last that comes: what somebody waits for is
// answered, what nobody would take is ended, and what belongs to another call by now
// goes there.
func TestWhatComesTooLate(t *testing.T) {
	t.Parallel()
	r := rigFor(t, plan{Agents: 1})
	gone := &actor{x: r.x, id: "gone", box: newMailbox(), phase: gone}
	living := &actor{x: r.x, id: "living", box: newMailbox()}

	gone.tooLate(handoverMsg{to: living})
	if got := living.box.take(nil); len(got) != 1 || got[0] != any(takeMsg{}) {
		t.Errorf("the call that asked got %v", got)
	}

	leg, err := r.plane.NewLeg(media.LegOptions{Sink: func(media.Event) {}})
	if err != nil {
		t.Fatal(err)
	}
	p := newParty(gone, roleAgent)
	p.leg, p.state = leg, up
	gone.tooLate(takeMsg{p: p})
	if n := r.plane.Stats().Legs; n != 0 || p.state != left {
		t.Errorf("%d legs are open", n)
	}

	reply := make(chan error, 1)
	gone.tooLate(transferMsg{reply: reply})
	if err := <-reply; err != ErrNoSuchCall {
		t.Errorf("%v", err)
	}

	moved := newParty(living, roleAgent)
	gone.tooLate(mediaMsg{moved, media.Silent{}})
	if got := living.box.take(nil); len(got) != 1 {
		t.Errorf("the call that has the party got %v", got)
	}
	gone.tooLate(mediaMsg{p, media.Silent{}}) // its own: nobody wants to know
	if len(gone.box.take(nil)) != 0 {
		t.Error("a call that is gone writes to itself")
	}
}

// A party's reports find the call that has it, also while it is handed over and the
// call it came from is gone.
func TestReportsFollowTheParty(t *testing.T) {
	t.Parallel()
	first, second := &actor{box: newMailbox()}, &actor{box: newMailbox()}
	p := newParty(first, roleAgent)
	p.onMedia(media.Silent{})
	p.owner.Store(second)
	first.box.close()
	p.onMedia(media.Silent{})
	if n := len(second.box.take(nil)); n != 1 {
		t.Errorf("%d reports", n)
	}
	second.box.close()
	p.onMedia(media.Silent{}) // to nobody, and does not hang
}

// An agent who has asked for a transfer and then vanishes is not given the caller
// back when the target does not want the call.
func TestParkedAgentVanishes(t *testing.T) {
	t.Parallel()
	r, c, agent, id := talk(t, plan{Agents: 3, Silence: 2500 * time.Millisecond})
	r.do(0, SignOut) // after this call
	r.phones[1].whenRung(nil)
	if err := r.x.Transfer(id, "102"); err != nil {
		t.Fatal(err)
	}
	second := r.phones[1].rung(1)
	agent.vanish()
	comes[event.CallUnbridged](r, id, nil)
	refuse(486)(second)
	comes[event.QueueEntered](r, id, func(q event.QueueEntered) bool { return q.Returned })
	comes[event.CallBridged](r, id, func(b event.CallBridged) bool { return b.Agent != "agent101" })
	c.hangUp()
}
