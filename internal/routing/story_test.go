package routing

import (
	"testing"
	"time"
)

func in(id AgentID, queues ...QueueID) AgentSignedIn {
	return AgentSignedIn{Agent: id, Queues: queues, Ready: true}
}

func (st *story) offered(call CallID, agent AgentID) Decision {
	st.Helper()
	d := st.one(Offer)
	if d.Call != call || d.Agent != agent {
		st.Fatalf("%q is offered to %q, want %q to %q", d.Call, d.Agent, call, agent)
	}
	return d
}

func (st *story) is(id AgentID, want AgentState) {
	st.Helper()
	if got := st.agent(id).State; got != want {
		st.Fatalf("agent %q is %v, want %v", id, got, want)
	}
}

func TestRingTimeoutGoesToTheNextAgentAtOnceAndNobodyIsForgotten(t *testing.T) {
	st := newStory(t, tableConfig())
	st.do(in("a", "q"))
	st.do(in("b", "q"))
	st.do(CallQueued{Call: "c", Queue: "q"})
	first := st.offered("c", "a")
	if first.Until != st.now.Add(ring) {
		t.Errorf("rings until %v", first.Until)
	}
	st.do(CallQueued{Call: "d", Queue: "q"})
	st.offered("d", "b")
	st.do(in("x", "q"))
	st.do(CallQueued{Call: "e", Queue: "q"})
	st.offered("e", "x")
	st.do(in("y", "q"))
	st.tick() // the end of a's ring
	if w := st.one(Withdraw); w.Offer != first.Offer || w.Reason != ReasonNoAnswer {
		t.Errorf("withdrawn: %+v", w)
	}
	if d := st.offered("c", "y"); d.Why.Attempt != 2 {
		t.Errorf("attempt %d", d.Why.Attempt)
	}
	st.is("a", SetAside)
	for _, id := range []OfferID{2, 3, 4} {
		st.do(OfferAnswered{id})
	}
	st.after(aside, Tick{})
	st.is("a", Ready)
}

func TestACallKeepsItsPlaceThroughAMiss(t *testing.T) {
	st := newStory(t, tableConfig())
	st.do(in("a", "q"))
	st.do(CallQueued{Call: "first", Queue: "q"})
	st.offered("first", "a")
	st.do(CallQueued{Call: "second", Queue: "q"})
	if p, _ := st.s.Position("second"); p != 2 {
		t.Errorf("the ringing call is not counted: position %d", p)
	}
	st.do(OfferFailed{1, Declined})
	if p, _ := st.s.Position("first"); p != 1 {
		t.Errorf("position %d after a refusal", p)
	}
	st.tick() // the short rest
	st.offered("first", "a")
}

func TestMissesInARowPause(t *testing.T) {
	cfg := tableConfig()
	cfg.MaxMisses = 2
	st := newStory(t, cfg)
	st.do(in("a", "q"))
	st.do(in("b", "q"))
	st.do(AgentPaused{Agent: "b"})
	st.do(CallQueued{Call: "c", Queue: "q"})
	st.tick()
	st.is("a", SetAside)
	st.tick()
	st.is("a", Offered)
	st.tick()
	if a := st.agent("a"); a.State != Paused || a.Reason != ReasonMissed {
		t.Fatalf("after two misses: %+v", a)
	}
	st.do(AgentReady{"a"})
	st.offered("c", "a")
	st.do(OfferAnswered{3})
	if st.agent("a").Misses != 0 {
		t.Error("an answer does not clear the misses")
	}
}

func TestBusyAndDeclinedAreNoMisses(t *testing.T) {
	for _, f := range []Failure{Busy, Declined} {
		cfg := tableConfig()
		cfg.MaxMisses = 1
		st := newStory(t, cfg)
		st.do(in("a", "q"))
		st.do(CallQueued{Call: "c", Queue: "q"})
		st.do(OfferFailed{1, f})
		st.is("a", SetAside)
		st.tick()
		st.offered("c", "a")
	}
}

func TestASuspectStationIsTriedAgainLaterAndLater(t *testing.T) {
	st := newStory(t, Config{StationRetry: 10 * time.Second, StationRetryMax: 25 * time.Second,
		Queues: map[QueueID]QueueConfig{"q": {There: Always}}})
	st.do(in("a", "q"))
	st.do(CallQueued{Call: "c", Queue: "q"})
	for i, want := range []time.Duration{10, 20, 25, 25} {
		d := st.do(OfferFailed{OfferID(i + 1), StationUnreachable})
		if got := d[0].Until.Sub(st.now); got != want*time.Second {
			t.Errorf("retry %d after %v", i, got)
		}
		st.after(want*time.Second, Tick{})
		st.offered("c", "a")
	}
	st.do(OfferFailed{5, StationUnreachable})
	st.do(StationUp{"a"})
	st.offered("c", "a")
	st.do(OfferAnswered{6})
	st.do(TalkEnded{Agent: "a", Call: "c"})
	st.do(CallQueued{Call: "d", Queue: "q"})
	for i := range 2 { // by StationUp before, by an answer now
		d := st.do(OfferFailed{OfferID(7 + 2*i), StationUnreachable})
		if got := d[0].Until.Sub(st.now); got != 10*time.Second {
			t.Errorf("a proved station is suspected for %v", got)
		}
		st.tick()
		st.do(OfferAnswered{OfferID(8 + 2*i)})
		st.do(TalkEnded{Agent: "a", Call: "d"})
		st.do(CallQueued{Call: "d", Queue: "q"})
	}
}

func TestALateAnswerClearsTheMisses(t *testing.T) {
	st := newStory(t, tableConfig())
	st.do(in("a", "q"))
	st.do(CallQueued{Call: "c", Queue: "q"})
	st.tick()
	if n := st.agent("a").Misses; n != 1 {
		t.Errorf("%d misses", n)
	}
	st.do(OfferAnswered{1})
	st.one(DropLeg)
	st.is("a", SetAside)
	if n := st.agent("a").Misses; n != 0 {
		t.Errorf("%d misses of somebody who is there", n)
	}
}

func TestAtTheSameInstant(t *testing.T) {
	// Wrap-ups end and the caller's time is over together, and the tick is late.
	st := newStory(t, Config{Queues: map[QueueID]QueueConfig{"q": {WrapUp: 30 * time.Second, SetAside: 30 * time.Second, MaxWait: 30 * time.Second}}})
	for i, a := range []AgentID{"a", "b"} {
		st.do(in(a, "q"))
		st.do(CallQueued{Call: CallID(a), Queue: "q"})
		st.do(OfferAnswered{OfferID(i + 1)})
	}
	st.after(0, TalkEnded{Agent: "b", Call: "b"})
	st.after(0, TalkEnded{Agent: "a", Call: "a"})
	st.after(0, CallQueued{Call: "c", Queue: "q"})
	ended := st.now
	st.after(40*time.Second, Tick{})
	st.none(CallTimedOut)
	st.offered("c", "a")
	if b := st.agent("b"); b.IdleSince != ended.Add(30*time.Second) {
		t.Errorf("idle since %v, the wrap-up ended at %v", b.IdleSince, ended.Add(30*time.Second))
	}
	st.do(OfferFailed{3, NoAnswer})
	rest := st.now.Add(30 * time.Second)
	st.after(35*time.Second, Tick{})
	if a := st.agent("a"); a.State != Ready || a.IdleSince != rest {
		t.Errorf("%+v, the rest ended at %v", a, rest)
	}
}

func TestAMovedCallLeavesItsLimitBehind(t *testing.T) {
	st := newStory(t, Config{Queues: map[QueueID]QueueConfig{"q": {MaxWait: time.Minute, There: Always}, "r": {There: Always, HandlePrior: time.Hour}}})
	st.do(CallQueued{Call: "c", Queue: "q"})
	since := st.call("c").Since
	st.after(30*time.Second, CallQueued{Call: "c", Queue: "r"})
	if c := st.call("c"); c.Queue != "r" || c.Since != since {
		t.Errorf("%+v", c)
	}
	st.after(time.Hour, Tick{})
	if got := st.call("c").State; got != "waiting" {
		t.Errorf("the call is %s", got)
	}
	st.do(QueueChanged{"r", QueueConfig{There: Always, HandlePrior: time.Minute}})
	if h := st.s.Snapshot(st.now).Queues[1].Handle; h != time.Minute {
		t.Errorf("nothing is measured yet, and the prior stays %v", h)
	}
}

func TestALostStationUpCostsTimeOnly(t *testing.T) {
	st := newStory(t, tableConfig())
	st.do(in("a", "q"))
	st.do(StationDown{"a"})
	st.is("a", Unreachable)
	st.after(5*time.Minute, Tick{})
	st.is("a", Ready)
}

func TestStationDownInAnOfferAndInATalk(t *testing.T) {
	st := newStory(t, tableConfig())
	st.do(in("a", "q"))
	st.do(in("b", "q"))
	st.do(CallQueued{Call: "c", Queue: "q"})
	st.do(StationDown{"a"})
	if w := st.one(Withdraw); w.Agent != "a" || w.Reason != ReasonStationDown {
		t.Errorf("%+v", w)
	}
	st.offered("c", "b")
	st.is("a", Unreachable)
	st.do(OfferAnswered{2})
	st.do(StationDown{"b"})
	st.is("b", Talking)
	st.do(CallQueued{Call: "d", Queue: "q", Since: st.now.Add(-time.Hour)})
	// b's phone is gone: the caller comes back before d, who waits an hour already.
	st.do(CallQueued{Call: "c", Queue: "q", Head: true})
	st.is("b", Unreachable)
	if p, _ := st.s.Position("c"); p != 1 {
		t.Errorf("back at position %d", p)
	}
	st.do(TalkEnded{Agent: "b", Call: "c"}) // late
	st.do(StationUp{"a"})
	if d := st.offered("c", "a"); d.Why.Passed != 1 || d.Why.Rival != "d" || d.Why.Rule != ByHead {
		t.Errorf("why: %+v", d.Why)
	}
}

func TestTheCallerLeavesWhileItRings(t *testing.T) {
	st := newStory(t, tableConfig())
	st.do(in("a", "q"))
	st.do(in("b", "q"))
	idle := st.agent("a").IdleSince
	st.do(CallQueued{Call: "c", Queue: "q"})
	st.do(CallLeft{Call: "c"})
	if w := st.one(Withdraw); w.Reason != ReasonCallerLeft || w.Agent != "a" {
		t.Errorf("%+v", w)
	}
	if a := st.agent("a"); a.State != Ready || a.IdleSince != idle {
		t.Errorf("the agent lost the place among the idle: %+v", a)
	}
	st.do(CallQueued{Call: "d", Queue: "q"})
	st.offered("d", "a")
	// The answer to the first offer crossed its withdrawal.
	st.do(OfferAnswered{1})
	if d := st.one(DropLeg); d.Offer != 1 || d.Agent != "a" || d.Call != "c" || d.Reason != ReasonStale {
		t.Errorf("%+v", d)
	}
	st.is("a", Offered)
	if st.do(OfferAnswered{1}); len(st.all) != 0 {
		t.Errorf("the leg is dropped twice: %+v", st.all)
	}
	st.do(OfferAnswered{2})
	st.is("a", Talking)
	if st.do(OfferAnswered{2}); len(st.all) != 0 {
		t.Errorf("a doubled answer has an effect: %+v", st.all)
	}
	st.do(OfferAnswered{99})
	if d := st.one(DropLeg); d.Reason != ReasonUnknownOffer {
		t.Errorf("%+v", d)
	}
}

func TestWishesComeTrueAfterwards(t *testing.T) {
	talk := func() *story {
		st := newStory(t, tableConfig())
		st.do(in("a", "q"))
		st.do(CallQueued{Call: "c", Queue: "q"})
		st.do(OfferAnswered{1})
		return st
	}
	t.Run("pause after wrap-up", func(t *testing.T) {
		st := talk()
		st.do(AgentPaused{Agent: "a", Reason: "lunch"})
		st.do(TalkEnded{Agent: "a", Call: "c"})
		st.is("a", WrapUp)
		st.tick()
		if a := st.agent("a"); a.State != Paused || a.Reason != "lunch" {
			t.Errorf("%+v", a)
		}
	})
	t.Run("the latest wish counts", func(t *testing.T) {
		st := talk()
		st.do(AgentPaused{Agent: "a"})
		st.do(AgentSignedOut{Agent: "a"})
		st.do(TalkEnded{Agent: "a", Call: "c"})
		st.do(WrapUpDone{"a"})
		st.is("a", SignedOut)
	})
	t.Run("ready cancels", func(t *testing.T) {
		st := talk()
		st.do(AgentSignedOut{Agent: "a"})
		st.do(AgentReady{"a"})
		st.do(TalkEnded{Agent: "a", Call: "c"})
		st.do(WrapUpDone{"a"})
		st.is("a", Ready)
	})
	t.Run("forced skips the wrap-up", func(t *testing.T) {
		st := talk()
		st.do(AgentSignedOut{Agent: "a", Forced: true})
		st.is("a", Talking)
		st.do(TalkEnded{Agent: "a", Call: "c"})
		st.is("a", SignedOut)
	})
	t.Run("in an offer that rings out", func(t *testing.T) {
		st := newStory(t, tableConfig())
		st.do(in("a", "q"))
		st.do(CallQueued{Call: "c", Queue: "q"})
		st.do(AgentSignedOut{Agent: "a"})
		st.none(NobodyThere)
		st.tick()
		st.is("a", SignedOut)
		if d := st.one(NobodyThere); d.Call != "c" {
			t.Errorf("%+v", d)
		}
	})
}

func TestForcedSignOutHandsTheOfferOn(t *testing.T) {
	st := newStory(t, tableConfig())
	st.do(in("a", "q"))
	st.do(in("b", "q"))
	st.do(CallQueued{Call: "c", Queue: "q"})
	st.do(AgentSignedOut{Agent: "a", Forced: true})
	st.one(Withdraw)
	st.offered("c", "b")
	st.is("a", SignedOut)
}

func TestWrapUpIsExtendedUpToItsLimit(t *testing.T) {
	st := newStory(t, tableConfig()) // 30 s, at most 90 s
	st.do(in("a", "q"))
	st.do(CallQueued{Call: "c", Queue: "q"})
	st.do(OfferAnswered{1})
	st.do(TalkEnded{Agent: "a", Call: "c"})
	end := st.now
	for _, want := range []time.Duration{60, 80, 90} {
		by := time.Duration(0)
		if want == 80 {
			by = 20 * time.Second
		}
		st.do(WrapUpExtended{"a", by})
		if got := st.one(AgentMoved).Until.Sub(end); got != want*time.Second {
			t.Errorf("until %v, want %d s", got, want)
		}
	}
	ignored := st.s.Ignored
	st.do(WrapUpExtended{Agent: "a"})
	if st.s.Ignored != ignored+1 {
		t.Error("extended beyond the limit")
	}
	st.tick()
	st.is("a", Ready)
	if got := st.now.Sub(end); got != 90*time.Second {
		t.Errorf("ended after %v", got)
	}
}

func TestTaken(t *testing.T) {
	t.Run("from a pause, which goes on", func(t *testing.T) {
		st := newStory(t, tableConfig())
		st.do(in("a", "q"))
		st.do(AgentPaused{Agent: "a", Reason: "lunch"})
		st.do(AgentTaken{"a", "direct"})
		st.do(TalkEnded{Agent: "a", Call: "direct"})
		if a := st.agent("a"); a.State != Paused || a.Reason != "lunch" {
			t.Errorf("%+v", a)
		}
	})
	t.Run("from a wrap-up, which goes on", func(t *testing.T) {
		st := newStory(t, tableConfig())
		st.do(in("a", "q"))
		st.do(CallQueued{Call: "c", Queue: "q"})
		st.do(OfferAnswered{1})
		st.do(TalkEnded{Agent: "a", Call: "c"})
		st.after(10*time.Second, AgentTaken{"a", "direct"})
		st.after(time.Minute, TalkEnded{Agent: "a", Call: "direct"})
		if a := st.agent("a"); a.State != WrapUp || a.Until.Sub(st.now) != 20*time.Second {
			t.Errorf("%+v at %v", a, st.now)
		}
	})
	t.Run("from a wrap-up whose end is past and the tick late", func(t *testing.T) {
		st := newStory(t, tableConfig())
		st.do(in("a", "q"))
		st.do(CallQueued{Call: "c", Queue: "q"})
		st.do(OfferAnswered{1})
		st.do(TalkEnded{Agent: "a", Call: "c"})
		st.after(wrap+time.Second, AgentTaken{"a", "direct"})
		st.do(TalkEnded{Agent: "a", Call: "direct"})
		st.is("a", Ready)
	})
	t.Run("from an offer, which goes on elsewhere", func(t *testing.T) {
		st := newStory(t, tableConfig())
		st.do(in("a", "q"))
		st.do(in("b", "q"))
		st.do(CallQueued{Call: "c", Queue: "q"})
		st.do(AgentTaken{"a", "direct"})
		st.one(Withdraw)
		st.offered("c", "b")
		st.do(TalkEnded{Agent: "a", Call: "direct"})
		st.is("a", Ready)
	})
	t.Run("only the latest to join keeps the call", func(t *testing.T) {
		st := newStory(t, tableConfig())
		for _, id := range []AgentID{"a", "b", "x"} {
			st.do(in(id, "q"))
		}
		st.do(CallQueued{Call: "c", Queue: "q"})
		st.do(OfferAnswered{1})
		st.do(AgentTaken{"b", "c"})
		st.do(AgentTaken{"x", "c"})
		st.do(TalkEnded{Agent: "a", Call: "c"})
		st.do(TalkEnded{Agent: "x", Call: "c"})
		if got := st.call("c").State; got != "gone" {
			t.Errorf("the call is %s", got)
		}
		st.is("b", Talking) // until its own end
		st.do(CallQueued{Call: "d", Queue: "q"})
		st.do(TalkEnded{Agent: "b", Call: "c"})
		st.is("b", WrapUp)
	})
	t.Run("attended transfer: the second agent keeps the call", func(t *testing.T) {
		st := newStory(t, tableConfig())
		st.do(in("a", "q"))
		st.do(in("b", "q"))
		st.do(CallQueued{Call: "c", Queue: "q"})
		st.do(OfferAnswered{1})
		st.do(AgentTaken{"b", "c"})
		st.do(TalkEnded{Agent: "a", Call: "c"})
		st.is("a", WrapUp)
		if c := st.call("c"); c.State != "talking" || c.Agent != "b" {
			t.Errorf("%+v", c)
		}
		st.do(CallLeft{Call: "c"})
		st.is("b", WrapUp)
	})
}

// An agent whose line died is not rung again at once: the station has to prove
// itself or be left alone for a while.
func TestLostLineIsLeftAlone(t *testing.T) {
	st := newStory(t, tableConfig())
	st.do(AgentSignedIn{Agent: "a", Queues: []QueueID{"q"}, Ready: true})
	st.do(CallQueued{Call: "c", Queue: "q"})
	st.do(OfferAnswered{1})
	st.do(CallQueued{Call: "next", Queue: "q"})
	st.do(TalkEnded{Agent: "a", Call: "c", Lost: true})
	st.is("a", Unreachable)
	st.after(time.Second, Tick{})
	st.is("a", Unreachable)
	st.do(StationUp{"a"})
	st.is("a", Offered)
}
