package routing

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// ledger counts live time the plain way, from the decisions alone.
type ledger struct {
	state    AgentState
	at       time.Time
	left     time.Duration
	reserve  time.Duration
	weekEnds time.Time
	next     time.Duration
	known    bool
}

func (l *ledger) to(now time.Time) {
	for l.known && !l.weekEnds.IsZero() && !now.Before(l.weekEnds) {
		l.left, l.at = l.next, l.weekEnds
		l.weekEnds = l.weekEnds.Add(7 * 24 * time.Hour)
	}
	switch l.state {
	case Ready, Offered, Talking, WrapUp, SetAside:
		l.left -= now.Sub(l.at)
	}
	l.at = now
}

// Over weeks with calls and breaks, no offer begins with the reserve or less left, and
// the agent goes and comes back in exactly the right moment.
func TestTheWeeklyLimitAgainstAPlainLedger(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := New(Config{Queues: map[QueueID]QueueConfig{"q": {WrapUp: 30 * time.Second, There: Always, SetAside: 20 * time.Second}}})
		now := t0
		l := &ledger{state: SignedOut, at: now}
		calls, latestOffer := 0, OfferID(0)
		apply := func(ev Event) {
			ds := Apply(s, ev, now)
			if e, ok := ev.(AgentBudget); ok {
				l.to(now)
				*l = ledger{l.state, now, e.Left, e.Reserve, e.WeekEnds, e.NextLeft, true}
			}
			for _, d := range ds {
				switch d.Kind {
				case Offer:
					latestOffer = d.Offer
					if l.to(now); l.known && l.left <= l.reserve {
						t.Fatalf("offer with %v left, %v reserved", l.left, l.reserve)
					}
				case AgentMoved:
					l.to(now)
					l.state = d.To
					if d.Reason == ReasonWeeklyLimit && (!l.known || l.left > l.reserve) {
						t.Fatalf("paused with %v left", l.left)
					}
				}
			}
			if l.to(now); l.known && (l.state == Ready || l.state == SetAside) && l.left <= l.reserve {
				t.Fatalf("%v with %v left, %v reserved, after %#v", l.state, l.left, l.reserve, ev)
			}
			if err := s.check(); err != nil {
				t.Fatal(err)
			}
		}
		apply(in("a", "q"))
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			step := time.Duration(rapid.IntRange(0, 7200).Draw(t, "step")) * time.Second
			end := now.Add(step)
			for {
				at, ok := s.NextDeadline()
				if !ok || at.After(end) {
					break
				}
				now = at
				apply(Tick{})
			}
			now = end
			switch rapid.IntRange(0, 6).Draw(t, "event") {
			case 0, 1:
				calls++
				apply(CallQueued{Call: CallID(rune('A' + calls)), Queue: "q"})
			case 2:
				apply(OfferAnswered{latestOffer})
			case 3:
				if a := s.agents["a"]; a.on != "" {
					apply(TalkEnded{Agent: "a", Call: a.on})
				}
			case 4:
				apply(AgentReady{"a"})
			case 5:
				apply(AgentPaused{Agent: "a"})
			case 6:
				e := AgentBudget{Agent: "a", Left: time.Duration(rapid.IntRange(0, 20000).Draw(t, "left")) * time.Second, Reserve: 10 * time.Minute, NextLeft: 2 * time.Hour}
				if rapid.Bool().Draw(t, "week") {
					e.WeekEnds = now.Add(time.Duration(rapid.IntRange(1, 20000).Draw(t, "ends")) * time.Second)
				}
				apply(e)
			}
		}
	})
}

func TestTheWeeklyLimitTakesAnAgentOutAndBringsThemBack(t *testing.T) {
	st := newStory(t, tableConfig())
	st.do(in("a", "q"))
	st.do(AgentBudget{Agent: "a", Left: 30 * time.Minute, Reserve: 10 * time.Minute, WeekEnds: st.now.Add(time.Hour), NextLeft: 36 * time.Hour})
	began := st.now
	st.tick()
	if st.now.Sub(began) != 20*time.Minute || st.agent("a").State != Paused || st.one(AgentMoved).Reason != ReasonWeeklyLimit {
		t.Fatalf("%v after %v", st.agent("a"), st.now.Sub(began))
	}
	st.do(CallQueued{Call: "c", Queue: "q"})
	st.one(NobodyThere)
	st.do(AgentReady{"a"})
	if d := st.one(Refused); d.Clause != ClauseWeek || d.Agent != "a" {
		t.Errorf("%+v", d)
	}
	st.none(AgentMoved)
	st.after(time.Hour, Tick{})
	if d := st.one(AgentMoved); d.To != Ready || d.Reason != ReasonBudget {
		t.Errorf("%+v", d)
	}
	// A talk over the limit is not cut; the agent is held back after it, and the call
	// that would have come is named.
	st.do(AgentBudget{Agent: "a", Left: 11 * time.Minute, Reserve: 10 * time.Minute})
	st.do(CallQueued{Call: "d", Queue: "q"})
	st.do(OfferAnswered{1})
	st.after(40*time.Minute, CallQueued{Call: "e", Queue: "q"})
	st.do(TalkEnded{Agent: "a", Call: "d"})
	st.do(WrapUpDone{"a"})
	if d := st.one(Refused); d.Clause != ClauseWeek || d.Call != "e" || st.agent("a").State != Paused {
		t.Errorf("%+v", d)
	}
	st.do(AgentBudget{Agent: "a", Left: time.Hour})
	if st.agent("a").State != Ready {
		t.Errorf("%+v", st.agent("a"))
	}
	// Who paused for another reason does not come back by a budget.
	st.do(AgentPaused{Agent: "a", Reason: "lunch"})
	st.do(AgentBudget{Agent: "a", Left: 2 * time.Hour})
	if v := st.agent("a"); v.State != Paused || v.Reason != "lunch" {
		t.Errorf("%+v", v)
	}
	// A late event finds the limit kept, tick or no tick.
	st.do(AgentReady{"a"})
	st.after(3*time.Hour, CallQueued{Call: "f", Queue: "q"})
	st.none(Offer)
}
