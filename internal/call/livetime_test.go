package call

import (
	"testing"
	"time"

	"cagri/internal/calendar"
	"cagri/internal/event"
	"cagri/internal/routing"
	"cagri/internal/workforce"
)

// R-2.6-36h: a person who has used up the week is offered nothing, and the board says
// why; a colleague is offered the call.
func TestR_2_6_36h_NobodyIsOfferedACallPastTheLimit(t *testing.T) {
	t.Parallel()
	l := workforce.New(workforce.Readings{})
	used := routing.AgentID("agent101")
	now := time.Now()
	begin := calendar.WeekAt(now).Monday.Begin().Time()
	if now.Sub(begin) < 37*time.Hour {
		// Early in the week nobody can have used it up by the calendar; by a stepped
		// clock they can, and that is charged too.
		begin = now.Add(-37 * time.Hour)
		readings, err := workforce.NewReadings(rolling())
		if err != nil {
			t.Fatal(err)
		}
		l = workforce.New(readings)
	}
	l.Apply(workforce.Move{ID: "m1", Person: used, At: begin, From: routing.SignedOut, To: routing.Ready, Station: workforce.InHall("hall")})
	l.Apply(workforce.Move{ID: "m2", Person: used, At: begin.Add(36 * time.Hour), From: routing.Ready, To: routing.SignedOut})
	r := rigFor(t, plan{Agents: 2, Live: l})
	r.do(0, SignIn)
	r.await("the person is left out", func() bool { return r.agent(0).State == "paused" && r.agent(0).Reason == "weekly_limit" })
	r.signIn(1)
	r.phones[1].whenRung(answer)
	c := r.dial("1080")
	b, _ := comes[event.CallBridged](r, c.call(), nil)
	if b.Agent != "agent102" {
		t.Errorf("bridged with %s", b.Agent)
	}
	if n, _ := r.phones[0].rings(); n != 0 {
		t.Errorf("the person's phone rang %d times", n)
	}
	c.hangUp()
	for _, v := range r.x.LiveTimes() {
		if v.Agent == "agent102" && (v.Live <= 0 || v.Left >= workforce.LegalLimit) {
			t.Errorf("nothing counted of the colleague: %+v", v)
		}
	}
}

// rolling is the reading by which any 168 hours count.
func rolling() workforce.Reading {
	r := workforce.Default()
	r.Basis, r.Reason, r.Author = workforce.RollingWeek, "test", "test"
	return r
}

// Moves say where a person sits, and the ledger counts them as the router sees them.
func TestR_2_6_36h_LiveSecondsAreCountedAsTheyPass(t *testing.T) {
	t.Parallel()
	l := workforce.New(workforce.Readings{})
	r := rigFor(t, plan{Agents: 1, Live: l})
	r.signIn(0)
	r.phones[0].whenRung(answer)
	c := r.dial("1080")
	comes[event.CallBridged](r, c.call(), nil)
	time.Sleep(1200 * time.Millisecond)
	c.hangUp()
	r.await("ready again", func() bool { return r.agent(0).State == "ready" })
	r.do(0, SignOut)
	r.await("out", func() bool { return r.agent(0).State == "signed_out" })
	list := r.x.LiveTimes()
	if len(list) != 1 || list[0].Live < 1200*time.Millisecond || list[0].Live > time.Minute || list[0].Live+list[0].Left != workforce.LegalLimit {
		t.Errorf("%+v", list)
	}
}
