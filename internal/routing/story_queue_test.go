package routing

import (
	"testing"
	"time"
)

func TestMaxWait(t *testing.T) {
	st := newStory(t, Config{Queues: map[QueueID]QueueConfig{"q": {RingTimeout: 20 * time.Second, MaxWait: 30 * time.Second}}})
	st.do(in("a", "q"))
	st.do(CallQueued{Call: "c", Queue: "q", Since: st.now.Add(-time.Hour)})
	start := st.now
	st.offered("c", "a")
	st.after(20*time.Second, Tick{}) // rings out; rest 1 s, rings again until 41 s
	st.tick()
	st.offered("c", "a")
	st.after(start.Add(31*time.Second).Sub(st.now), Tick{})
	st.none(CallTimedOut) // it rings
	st.tick()
	if d := st.one(CallTimedOut); d.Reason != ReasonMaxWait || d.Call != "c" {
		t.Errorf("%+v", d)
	}
	st.is("a", SetAside)
}

func TestNobodyThere(t *testing.T) {
	lunch := AgentPaused{Agent: "a", Reason: "lunch"}
	cases := map[string]struct {
		there Presence
		do    []Event
		wait  time.Duration
		gone  bool
	}{
		"no agent at all":                     {gone: true},
		"no agent, callers may wait":          {there: Always},
		"an agent talks":                      {do: []Event{in("a", "q"), AgentTaken{"a", "x"}}},
		"an agent talks and signs out after":  {do: []Event{in("a", "q"), AgentTaken{"a", "x"}, AgentSignedOut{Agent: "a"}}, gone: true},
		"the same, signed in is enough":       {there: SignedIn, do: []Event{in("a", "q"), AgentTaken{"a", "x"}, AgentSignedOut{Agent: "a"}}},
		"paused and expected":                 {do: []Event{in("a", "q"), lunch}},
		"paused and overdue":                  {do: []Event{in("a", "q"), lunch}, wait: 16 * time.Minute, gone: true},
		"paused and overdue, but signed in":   {there: SignedIn, do: []Event{in("a", "q"), lunch}, wait: 16 * time.Minute},
		"paused, only workers count":          {there: Working, do: []Event{in("a", "q"), lunch}, gone: true},
		"station vanished a moment ago":       {do: []Event{in("a", "q"), StationDown{"a"}}},
		"station gone for long":               {do: []Event{in("a", "q"), StationDown{"a"}}, wait: 2 * time.Minute, gone: true},
		"signed out":                          {do: []Event{in("a", "q"), AgentSignedOut{Agent: "a"}}, gone: true},
		"signed in for another queue":         {do: []Event{in("a", "other")}, gone: true},
		"moved to another queue while paused": {do: []Event{in("a", "q"), lunch, AgentSignedIn{Agent: "a", Queues: []QueueID{"other"}}}, gone: true},
	}
	for name, c := range cases {
		t.Run(name+", on arrival", func(t *testing.T) {
			st := newStory(t, Config{Queues: map[QueueID]QueueConfig{"q": {There: c.there}, "other": {}}})
			for _, ev := range c.do {
				st.do(ev)
			}
			st.after(c.wait, Tick{})
			st.do(CallQueued{Call: "c", Queue: "q"})
			if (st.call("c").State == "gone") != c.gone {
				t.Errorf("the call is %s", st.call("c").State)
			}
			if c.gone {
				st.one(NobodyThere)
			}
		})
	}
}

func TestTheLastAgentLeavesTheWaiting(t *testing.T) {
	cases := map[string]struct {
		there Presence
		leave []Event
		after time.Duration
		gone  bool
	}{
		"signs out at once":         {leave: []Event{AgentSignedOut{Agent: "a", Forced: true}}, gone: true},
		"will sign out":             {leave: []Event{AgentSignedOut{Agent: "a"}}, gone: true},
		"will sign out, signed in":  {there: SignedIn, leave: []Event{AgentSignedOut{Agent: "a"}}},
		"has signed out, signed in": {there: SignedIn, leave: []Event{AgentSignedOut{Agent: "a"}, TalkEnded{Agent: "a", Call: "x"}}, gone: true},
		"signs out, always":         {there: Always, leave: []Event{AgentSignedOut{Agent: "a"}, TalkEnded{Agent: "a", Call: "x"}}},
		"pauses":                    {leave: []Event{AgentPaused{Agent: "a"}, TalkEnded{Agent: "a", Call: "x"}}},
		"pauses and is overdue":     {leave: []Event{AgentPaused{Agent: "a"}, TalkEnded{Agent: "a", Call: "x"}}, after: 16 * time.Minute, gone: true},
		"loses the station":         {leave: []Event{StationDown{"a"}, TalkEnded{Agent: "a", Call: "x"}}},
		"loses it for long":         {leave: []Event{StationDown{"a"}, TalkEnded{Agent: "a", Call: "x"}}, after: 2 * time.Minute, gone: true},
		"serves another queue":      {leave: []Event{in("a", "other")}, gone: true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			st := newStory(t, Config{Queues: map[QueueID]QueueConfig{"q": {There: c.there}, "other": {}}})
			st.do(in("a", "q"))
			st.do(AgentTaken{"a", "x"})
			st.do(CallQueued{Call: "c", Queue: "q"})
			st.do(CallQueued{Call: "d", Queue: "q"})
			for _, ev := range c.leave {
				if st.call("c").State != "waiting" {
					t.Fatalf("the call is %s before %#v", st.call("c").State, ev)
				}
				st.do(ev)
			}
			st.after(c.after, Tick{})
			for _, id := range []CallID{"c", "d"} {
				if got := st.call(id).State; (got == "gone") != c.gone {
					t.Errorf("call %q is %s", id, got)
				}
			}
		})
	}
}

func TestCallsOfSeveralQueuesAndPriorities(t *testing.T) {
	st := newStory(t, Config{Queues: map[QueueID]QueueConfig{"q": {}, "emergency": {}, "other": {}}})
	st.do(in("a", "q", "emergency"))
	st.do(AgentTaken{"a", "x"})
	st.do(in("b", "other"))
	st.do(AgentTaken{"b", "y"})
	st.do(CallQueued{Call: "old", Queue: "q"})
	st.do(CallQueued{Call: "not mine", Queue: "other", Priority: 9})
	st.do(CallQueued{Call: "kept place", Queue: "q", Since: st.now.Add(-time.Hour)})
	st.do(CallQueued{Call: "urgent", Queue: "emergency", Priority: 5})
	want := []CallID{"urgent", "kept place", "old"}
	st.do(TalkEnded{Agent: "a", Call: "x"})
	for i, c := range want {
		d := st.offered(c, "a")
		switch i {
		case 0:
			w := d.Why
			if w.Choices != 3 || w.Passed != 2 || w.Rival != "kept place" || w.Rule != ByPriority || w.RivalQueue != "q" || w.Waiting != 1 || w.Ready != 1 {
				t.Errorf("why: %+v", w)
			}
		case 1:
			if w := d.Why; w.Rule != BySince || w.Rival != "old" || w.Passed != 0 || w.Waited < time.Hour {
				t.Errorf("why: %+v", w)
			}
		}
		st.do(OfferAnswered{d.Offer})
		st.do(TalkEnded{Agent: "a", Call: c})
	}
}

func TestALostTalkEndedDoesNotHoldTheAgent(t *testing.T) {
	cfg := tableConfig()
	cfg.CheckEvery, cfg.CheckGrace = time.Minute, 10*time.Second
	st := newStory(t, cfg)
	st.do(in("a", "q"))
	st.do(CallQueued{Call: "c", Queue: "q"})
	st.do(OfferAnswered{1})
	st.tick()
	if d := st.one(StillThere); d.Agent != "a" || d.Call != "c" {
		t.Errorf("%+v", d)
	}
	st.do(StillHere{"c", "a"})
	st.tick()
	st.one(StillThere)
	st.tick()
	if d := st.one(DropLeg); d.Reason != ReasonUnconfirmed || d.Agent != "a" || d.Call != "c" || d.Offer != 1 {
		t.Errorf("%+v", d)
	}
	st.is("a", WrapUp)
}

func TestACallThatNobodyKnowsDoesNotRingForEver(t *testing.T) {
	st := newStory(t, Config{MaxMisses: -1, CheckEvery: time.Minute, CheckGrace: 10 * time.Second, Queues: map[QueueID]QueueConfig{"q": {RingTimeout: 15 * time.Second}}})
	for _, a := range []AgentID{"a", "b", "x", "y"} {
		st.do(in(a, "q"))
	}
	st.do(CallQueued{Call: "ghost", Queue: "q"})
	start := st.now
	for st.call("ghost").State != "gone" {
		if st.tick(); st.now.Sub(start) > 2*time.Minute {
			t.Fatal("still rings")
		}
	}
	if d := st.one(CallTimedOut); d.Reason != ReasonUnconfirmed {
		t.Errorf("%+v", d)
	}
	// The same, confirmed while it rings.
	st.do(CallQueued{Call: "real", Queue: "q"})
	start = st.now
	for st.now.Sub(start) < 5*time.Minute {
		st.tick()
		for _, d := range st.all {
			if d.Kind == StillThere {
				st.do(StillHere{Call: "real"})
			}
		}
	}
	if st.call("real").State == "gone" {
		t.Error("a confirmed call was given up")
	}
}

func TestAClockThatJumpsBackIsHeld(t *testing.T) {
	st := newStory(t, tableConfig())
	st.do(in("a", "q"))
	st.do(in("b", "q"))
	st.after(-time.Hour, CallQueued{Call: "c", Queue: "q"})
	d := st.offered("c", "a")
	if d.Why.Waited != 0 || d.Until.Before(t0) {
		t.Errorf("%+v", d)
	}
	st.after(2*time.Hour, Tick{})
	st.offered("c", "b")
	for _, odd := range []time.Time{{}, time.Unix(-1<<40, 0), time.Unix(1<<60, 0)} {
		Apply(st.s, Tick{}, odd)
		if err := st.s.check(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDoubledEntriesOfACall(t *testing.T) {
	st := newStory(t, tableConfig())
	st.do(in("a", "q"))
	first := CallQueued{Call: "c", Queue: "q", Entry: 1}
	st.do(first)
	st.do(OfferAnswered{1})
	back := CallQueued{Call: "c", Queue: "q", Entry: 2, Head: true}
	if st.do(first); len(st.all) != 0 {
		t.Errorf("a doubled entry tore a talk apart: %+v", st.all)
	}
	st.do(back)
	st.is("a", WrapUp)
	st.do(WrapUpDone{"a"})
	st.offered("c", "a")
	st.do(OfferAnswered{2})
	if st.do(back); len(st.all) != 0 {
		t.Errorf("a doubled return tore a talk apart: %+v", st.all)
	}
}

func TestExpectedWaitLearns(t *testing.T) {
	st := newStory(t, Config{Queues: map[QueueID]QueueConfig{"q": {HandlePrior: time.Minute}}})
	if _, ok := st.s.ExpectedWait("c", st.now); ok {
		t.Error("an unknown call has an expected wait")
	}
	for _, id := range []AgentID{"a", "b"} {
		st.do(in(id, "q"))
		st.do(AgentTaken{id, CallID("x" + id)})
	}
	for _, id := range []CallID{"c", "d", "e", "f"} {
		st.do(CallQueued{Call: id, Queue: "q"})
	}
	if w, ok := st.s.ExpectedWait("f", st.now); !ok || w != 2*time.Minute { // 4th, 1 min, 2 agents
		t.Errorf("expected %v", w)
	}
	st.do(TalkEnded{Agent: "a", Call: "xa"})
	d := st.offered("c", "a")
	st.do(OfferAnswered{d.Offer})
	st.after(17*time.Minute, TalkEnded{Agent: "a", Call: "c"})
	if q := st.s.Snapshot(st.now).Queues[0]; q.Handle != 2*time.Minute || q.ErrorAbs == 0 {
		t.Errorf("mean %v, error %v", q.Handle, q.ErrorAbs)
	}
	// 3rd of 3 that wait or ring.
	if w, _ := st.s.ExpectedWait("f", st.now); w != 3*time.Minute {
		t.Errorf("expected %v", w)
	}
}

func TestAQueueThatComesLaterIsJoined(t *testing.T) {
	st := newStory(t, Config{})
	st.do(in("a", "new", "new"))
	st.do(CallQueued{Call: "c", Queue: "new"})
	if d := st.one(NobodyThere); d.Reason != ReasonUnknownQueue {
		t.Errorf("%+v", d)
	}
	st.do(QueueChanged{"new", QueueConfig{}})
	st.do(CallQueued{Call: "c", Queue: "new"})
	st.offered("c", "a")
}

func TestUselessEventsAreCounted(t *testing.T) {
	s := New(Config{})
	for _, ev := range []Event{nil, AgentReady{"?"}, AgentPaused{Agent: "?"}, AgentSignedOut{Agent: "?"}, StationUp{"?"}, StationDown{},
		AgentSignedIn{}, CallQueued{}, CallLeft{Call: "?"}, OfferAnswered{0}, OfferFailed{3, Busy}, TalkEnded{Agent: "?", Call: "?"},
		WrapUpDone{"?"}, WrapUpExtended{Agent: "?"}, AgentTaken{"?", "?"}, StillHere{"?", "?"}, QueueChanged{}, &Tick{}} {
		before := s.Ignored
		if ds := Apply(s, ev, t0); len(ds) != 0 || s.Ignored != before+1 {
			t.Errorf("%#v: %+v, ignored %d", ev, ds, s.Ignored-before)
		}
	}
}
