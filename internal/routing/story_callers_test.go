package routing

import (
	"testing"
	"time"
)

func TestARedialHasThePlaceBack(t *testing.T) {
	st := newStory(t, oneQueue(QueueConfig{There: Always, KeepPlace: 5 * minute, TaskWithin: 24 * time.Hour}))
	st.do(CallQueued{Call: "c1", Queue: "q", Caller: "k1"})
	since := st.now
	st.do(CallQueued{Call: "c2", Queue: "q", Caller: "k2"})
	st.after(minute, CallLeft{Call: "c1"})
	if d := st.one(CallbackTask); d.Call != "c1" || d.Caller != "k1" || !d.Until.Equal(st.now.Add(24*time.Hour)) {
		t.Errorf("%+v", d)
	}
	st.after(4*minute, CallQueued{Call: "c3", Queue: "q", Caller: "k1"})
	if d := st.one(PlaceKept); d.Other != "c1" || !d.Since.Equal(since) {
		t.Errorf("%+v", d)
	}
	if n, _ := st.s.Position("c3"); n != 1 {
		t.Errorf("position %d", n)
	}
	if len(st.s.Tasks()) != 1 {
		t.Errorf("%+v", st.s.Tasks())
	}
	st.do(in("a", "q"))
	st.do(OfferAnswered{1}) // served: the task is not needed any more
	if d := st.one(TaskCleared); d.Call != "c1" || d.Other != "c3" || d.Reason != ReasonServed || len(st.s.Tasks()) != 0 {
		t.Errorf("%+v", d)
	}
	// Too late is too late, to the moment; another queue's place is no use.
	st.do(CallQueued{Call: "c4", Queue: "q", Caller: "k4"})
	st.do(CallLeft{Call: "c4"})
	st.after(5*minute, CallQueued{Call: "c5", Queue: "q", Caller: "k4"})
	st.none(PlaceKept)
}

func TestACallbackNeitherOvertakesNorLosesItsPlace(t *testing.T) {
	st := newStory(t, oneQueue(QueueConfig{MaxWait: 10 * minute}))
	st.do(in("a", "q"))
	st.do(CallQueued{Call: "talk", Queue: "q"})
	st.do(OfferAnswered{1})
	for _, c := range []CallID{"c1", "c2", "c3"} {
		st.do(CallQueued{Call: c, Queue: "q", Caller: string("k" + c)})
	}
	st.do(CallbackWanted{Call: "c2", As: "cb"})
	if d := st.one(CallbackWaits); d.Call != "cb" || d.Other != "c2" {
		t.Errorf("%+v", d)
	}
	st.do(CallLeft{Call: "c2"}) // the line ends; the place goes on
	if n, _ := st.s.Position("cb"); n != 2 || st.call("cb").Callback != true {
		t.Errorf("position %d", n)
	}
	var served []CallID
	st.do(TalkEnded{Agent: "a", Call: "talk"})
	for range 3 {
		d := st.one(Offer)
		served = append(served, d.Call)
		if d.Callback != (d.Call == "cb") {
			t.Errorf("%+v", d)
		}
		st.do(OfferAnswered{d.Offer})
		if d.Call == "cb" {
			st.do(CallbackReached{"cb"})
		}
		st.do(TalkEnded{Agent: "a", Call: d.Call})
	}
	if served[0] != "c1" || served[1] != "cb" || served[2] != "c3" {
		t.Errorf("served %v", served)
	}
}

func TestABookedCallbackWaitsForItsTimeAndForSomebody(t *testing.T) {
	st := newStory(t, oneQueue(QueueConfig{TaskWithin: time.Hour}))
	due := st.now.Add(10 * time.Hour)
	st.do(AttemptLost{Call: "night", Queue: "q", Caller: "k", Reason: "out_of_hours"})
	st.one(CallbackTask)
	st.do(CallbackBooked{Call: "v", Queue: "q", Caller: "k", Due: due})
	if d := st.one(CallbackWaits); !d.Until.Equal(due) || st.call("v").State != "booked" {
		t.Errorf("%+v", d)
	}
	st.do(AttemptLost{Call: "again", Queue: "q", Caller: "k", Reason: "out_of_hours"})
	st.none(CallbackTask) // will be called anyway
	st.tick()
	st.one(CallbackDue)
	st.none(NobodyThere) // nobody is there, and it waits
	if !st.now.Equal(due) {
		t.Errorf("due at %v", st.now)
	}
	st.after(time.Hour, in("a", "q"))
	if d := st.one(Offer); d.Call != "v" || !d.Callback {
		t.Errorf("%+v", d)
	}
	st.do(OfferAnswered{1})
	st.none(TaskCleared) // nobody has spoken yet
	st.do(CallbackReached{"v"})
	if d := st.one(TaskCleared); d.Call != "night" {
		t.Errorf("%+v", d)
	}
	st.do(TalkEnded{Agent: "a", Call: "v"})
	// A call of the person takes the place of the callback that waits.
	st.do(AgentPaused{Agent: "a"})
	st.do(CallbackBooked{Call: "w", Queue: "q", Caller: "k"})
	st.one(CallbackDue)
	st.after(minute, CallQueued{Call: "live", Queue: "q", Caller: "k"})
	st.one(PlaceKept)
	if d := st.one(TaskCleared); d.Call != "w" || st.call("w").State != "gone" {
		t.Errorf("%+v", d)
	}
	st.do(AttemptLost{Call: "busy", Body: "other", Caller: "k9", Within: minute, Reason: "all_busy"})
	st.do(TaskDone{Call: "busy", Caller: "k9"})
	if d := st.one(TaskCleared); d.Reason != ReasonDone {
		t.Errorf("%+v", d)
	}
}

func TestReconfigurationLosesNobody(t *testing.T) {
	st := newStory(t, Config{Queues: map[QueueID]QueueConfig{"q": {There: Always, Needs: []Need{{Skills: map[Skill]int{"tax": 9}}}}, "old": {There: Always}}})
	st.do(in("a", "q", "new", "old"))
	st.do(in("b", "old"))
	st.do(CallQueued{Call: "ringing", Queue: "old"})
	st.do(AgentPaused{Agent: "b"})
	st.do(CallQueued{Call: "c1", Queue: "q"})
	st.do(CallQueued{Call: "c2", Queue: "q", Priority: 1})
	st.none(Offer)
	st.do(OfferAnswered{1}) // a talks in old
	st.do(CallQueued{Call: "waits", Queue: "old"})
	st.do(Configured{Config{Queues: map[QueueID]QueueConfig{"q": {There: Always}, "new": {}}}})
	if d := st.one(NobodyThere); d.Call != "waits" || d.Reason != ReasonQueueRemoved {
		t.Errorf("%+v", d)
	}
	st.do(CallQueued{Call: "late", Queue: "old"})
	if d := st.one(NobodyThere); d.Reason != ReasonUnknownQueue {
		t.Errorf("%+v", d)
	}
	st.do(TalkEnded{Agent: "a", Call: "ringing"})
	if d := st.one(Offer); d.Call != "c2" { // no need any more, same order
		t.Errorf("%+v", d)
	}
	if len(st.s.queues) != 2 {
		t.Errorf("%d queues", len(st.s.queues))
	}
	st.do(OfferAnswered{2})
	st.do(TalkEnded{Agent: "a", Call: "c2"})
	st.do(OfferAnswered{3})
	st.do(CallQueued{Call: "n", Queue: "new"})
	st.do(TalkEnded{Agent: "a", Call: "c1"})
	if d := st.one(Offer); d.Call != "n" {
		t.Errorf("%+v", d)
	}
}

func TestTheExpectedWaitKnowsWhoSharesTheAgents(t *testing.T) {
	st := newStory(t, Config{Queues: map[QueueID]QueueConfig{"q": {HandlePrior: 2 * minute}, "r": {HandlePrior: 2 * minute}}})
	for _, a := range []AgentID{"a", "b"} {
		st.do(in(a, "q", "r"))
	}
	for i := range 12 {
		st.do(CallQueued{Call: CallID(rune('A' + i)), Queue: []QueueID{"q", "r"}[i%2]})
	}
	// Ten wait for two agents: the last is tenth in truth, though fifth in its queue.
	if w, ok := st.s.ExpectedWait(CallID(rune('A'+11)), st.now); !ok || w < 10*minute || w > 12*minute {
		t.Errorf("%v, %v", w, ok)
	}
}
