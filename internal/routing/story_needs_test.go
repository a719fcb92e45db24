package routing

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const minute = time.Minute

func oneQueue(q QueueConfig) Config {
	return Config{Queues: map[QueueID]QueueConfig{"q": q}}
}

func TestNeedsAreRelaxedInExactlyTheirMoment(t *testing.T) {
	st := newStory(t, oneQueue(QueueConfig{Needs: []Need{
		{Skills: map[Skill]int{"tax": 8}, Language: 5}, {After: 20 * time.Second, Skills: map[Skill]int{"tax": 3}, Language: 5}, {After: minute, Language: 2}}}))
	for id, p := range map[AgentID]AgentProfile{
		"novice": {Skills: map[Skill]int{"tax": 4}, Languages: map[string]int{"ru": 5}},
		"polite": {Languages: map[string]int{"ru": 2}},
	} {
		p.Agent = id
		st.do(p)
		st.do(in(id, "q"))
	}
	st.do(CallQueued{Call: "c", Queue: "q", Language: "ru"})
	st.none(Offer)
	st.none(NobodyThere) // somebody will do in the end
	came := st.now
	st.tick()
	if d := st.one(Offer); d.Agent != "novice" || st.now.Sub(came) != 20*time.Second || d.Why.Stage != 1 || d.Why.Trigger != CallCame {
		t.Fatalf("%v: %+v", st.now.Sub(came), d)
	}
	st.do(OfferAnswered{1})
	st.do(CallQueued{Call: "d", Queue: "q", Language: "ru"})
	came = st.now
	st.tick()
	st.none(Offer)
	st.tick()
	if d := st.one(Offer); d.Agent != "polite" || st.now.Sub(came) != minute || d.Why.Stage != 2 {
		t.Fatalf("%v: %+v", st.now.Sub(came), d)
	}
	// Nobody could ever take it: at once the next step of the flow.
	st.do(CallQueued{Call: "e", Queue: "q", Language: "en"})
	if d := st.one(NobodyThere); d.Call != "e" || d.Reason != ReasonNobody {
		t.Errorf("%+v", d)
	}
	// What the call itself asks for counts as well.
	st.do(CallQueued{Call: "f", Queue: "q", Language: "ru", Skills: map[Skill]int{"notary": 1}})
	st.one(NobodyThere)
}

func TestTheRemoteGateRefusesByItsClause(t *testing.T) {
	st := newStory(t, Config{Queues: map[QueueID]QueueConfig{"open": {RemoteFit: true}, "hall": {}, "secret": {RemoteFit: true, Confidential: true}}})
	home := AgentProfile{Agent: "home", Station: Station{Remote: true}, RemoteAllowed: true}
	st.do(home)
	st.do(in("home", "open", "hall", "secret"))
	st.do(in("desk", "open", "hall", "secret"))
	st.do(CallQueued{Call: "c", Queue: "hall"})
	if d := st.one(Refused); d.Agent != "home" || d.Call != "c" || d.Clause != ClauseRemote || d.Reason != "remote_unfit" {
		t.Errorf("%+v", d)
	}
	if d := st.one(Offer); d.Agent != "desk" || d.Why.Unfit != 1 {
		t.Errorf("%+v", d)
	}
	st.do(OfferFailed{st.one(Offer).Offer, Declined})
	st.none(Refused) // once per agent and call
	st.do(CallQueued{Call: "d", Queue: "secret"})
	if d := st.one(Refused); d.Reason != "remote_confidential" {
		t.Errorf("%+v", d)
	}
	home.ConfidentialQueues = []QueueID{"secret"}
	st.do(home) // named for it now: the call that waits comes at once
	if d := st.one(Offer); d.Agent != "home" || d.Call != "d" {
		t.Errorf("%+v", d)
	}
	// Only remote agents, none fit: nobody is there.
	st.do(AgentSignedOut{Agent: "desk"})
	st.one(NobodyThere)
}

// Two calls of queues with different rates change places in the moment in which their
// figures cross, not a nanosecond earlier or later; those of equal rates never do.
func TestScoresCrossWhereTheyMust(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fast, slow := rapid.IntRange(2, 50).Draw(t, "fast"), 1
		lead := rapid.IntRange(1, 5000).Draw(t, "lead") // points by which the slow one is ahead at first
		cross := time.Duration(lead) * time.Second / time.Duration(fast-slow)
		for _, off := range []time.Duration{-1, 1} {
			s := New(Config{Queues: map[QueueID]QueueConfig{"fast": {Score: Score{PerPriority: 1, PerSecond: fast}, There: Always}, "slow": {Score: Score{PerPriority: 1, PerSecond: slow}, There: Always}}})
			Apply(s, CallQueued{Call: "f", Queue: "fast"}, t0)
			Apply(s, CallQueued{Call: "s", Queue: "slow", Priority: lead}, t0)
			ds := Apply(s, in("a", "slow", "fast"), t0.Add(cross+off))
			want := CallID("s")
			if off > 0 {
				want = "f"
			}
			if i := len(ds) - 2; ds[i].Kind != Offer || ds[i].Call != want {
				t.Fatalf("%v after the start, crossing at %v: %+v", cross+off, cross, ds)
			}
		}
		// Equal rates: the order of any two never changes.
		a := &call{arrival: 1, priority: rapid.IntRange(-9, 9).Draw(t, "pa"), since: int64(rapid.IntRange(0, 1e9).Draw(t, "a"))}
		b := &call{arrival: 2, priority: rapid.IntRange(-9, 9).Draw(t, "pb"), since: int64(rapid.IntRange(0, 1e9).Draw(t, "b"))}
		q := &queue{cfg: QueueConfig{Score: Score{PerPriority: rapid.IntRange(0, 9).Draw(t, "p"), PerSecond: rapid.IntRange(0, 90).Draw(t, "r")}.withDefaults()}}
		a.queue, b.queue = q, q
		s := &State{}
		first := a.before(b)
		for range 5 {
			s.now += int64(rapid.Uint64Range(0, uint64(longest)).Draw(t, "later"))
			if n, _ := s.compare(a, b, nil); n < 0 != first {
				t.Fatal("the order changed")
			}
		}
	})
}

func TestAnEmergencyComesFirst(t *testing.T) {
	st := newStory(t, Config{Queues: map[QueueID]QueueConfig{"q": {There: Always}, "112": {There: Always, Emergency: true}}})
	st.do(CallQueued{Call: "c", Queue: "q", Priority: 1000, Head: true})
	st.after(time.Hour, CallQueued{Call: "help", Queue: "112", Priority: -5})
	st.do(in("a", "q", "112"))
	if d := st.one(Offer); d.Call != "help" || d.Why.Rule != ByEmergency || d.Why.Passed != 1 || d.Why.Rival != "c" {
		t.Errorf("%+v", d)
	}
}

func TestAnEmergencyTakesAPhoneThatRingsForAnother(t *testing.T) {
	st := newStory(t, Config{Queues: map[QueueID]QueueConfig{"q": {}, "112": {Emergency: true, Preempt: true}}})
	st.do(in("a", "q", "112"))
	st.do(CallQueued{Call: "c", Queue: "q"})
	st.do(CallQueued{Call: "help", Queue: "112"})
	if d := st.one(Withdraw); d.Call != "c" || d.Reason != ReasonPreempted {
		t.Errorf("%+v", d)
	}
	if d := st.one(Offer); d.Call != "help" || d.Why.Trigger != Preempted || d.Why.Rule != "" {
		t.Errorf("%+v", d)
	}
	if n, _ := st.s.Position("c"); n != 1 || st.call("c").State != "waiting" {
		t.Errorf("position %d", n)
	}
	st.do(CallQueued{Call: "help too", Queue: "112"}) // emergencies do not take from each other
	st.none(Withdraw)
}

func TestAPreferredAgentIsWaitedForAndNotTooLong(t *testing.T) {
	st := newStory(t, oneQueue(QueueConfig{}))
	st.do(in("known", "q"))
	st.do(CallQueued{Call: "x", Queue: "q"})
	st.do(OfferAnswered{1})
	st.do(in("other", "q"))
	st.do(CallQueued{Call: "c", Queue: "q", Prefer: "known", PreferFor: 30 * time.Second})
	st.none(Offer)
	if v := st.call("c"); v.Held != "known" {
		t.Errorf("%+v", v)
	}
	st.do(TalkEnded{Agent: "known", Call: "x"})
	if d := st.one(Offer); d.Agent != "known" || !d.Why.Held {
		t.Errorf("%+v", d)
	}
	st.do(OfferFailed{2, Declined}) // then anybody
	if d := st.one(Offer); d.Agent != "other" {
		t.Errorf("%+v", d)
	}
	st.do(OfferAnswered{3})
	st.after(minute, in("third", "q"))
	st.do(AgentReady{"known"})
	st.do(CallQueued{Call: "y", Queue: "q", Prefer: "known", PreferFor: minute}) // ready: before who has been idle longer
	if d := st.one(Offer); d.Agent != "known" {
		t.Errorf("%+v", d)
	}
	st.do(OfferAnswered{4})
	st.do(CallQueued{Call: "z", Queue: "q", Prefer: "known", PreferFor: minute})
	st.do(AgentPaused{Agent: "third"})
	st.do(AgentReady{"third"})
	st.none(Offer)
	came := st.now
	for st.call("z").State == "waiting" {
		st.tick()
	}
	if d := st.one(Offer); d.Agent != "third" || came.Sub(st.now) < -minute {
		t.Errorf("%+v", d)
	}
	// Whoever is gone is not waited for.
	st.do(OfferAnswered{5})
	st.do(AgentSignedOut{Agent: "known", Forced: true})
	st.do(in("fourth", "q"))
	st.do(CallQueued{Call: "w", Queue: "q", Prefer: "known", PreferFor: minute})
	st.one(Offer)
}

func lendConfig() Config {
	return Config{
		Bodies: map[string]BodyConfig{"tax": {Keep: 1, Recover: 5 * minute}},
		Queues: map[QueueID]QueueConfig{
			"tax":  {Body: "tax", Target: 30 * time.Second},
			"land": {Body: "land", There: Always, Overflow: []Overflow{{"tax", 20 * time.Second}}},
		}}
}

func TestALenderKeepsItsOwnTarget(t *testing.T) {
	st := newStory(t, lendConfig())
	lend := func(id AgentID) { st.do(AgentProfile{Agent: id, Body: "tax"}); st.do(in(id, "tax")) }
	lend("t1")
	st.do(CallQueued{Call: "l1", Queue: "land"})
	st.after(20*time.Second, Tick{})
	st.none(Offer) // one ready agent stays for the lender's own
	lend("t2")
	if d := st.one(Offer); d.Call != "l1" || d.Why.Lender != "tax" {
		t.Fatalf("%+v", d)
	}
	st.do(OfferAnswered{1})
	// The lender's own call waits past the target while nobody is free: nothing is lent,
	// and after a late answer not for a while.
	st.do(CallQueued{Call: "t-a", Queue: "tax"})
	st.do(OfferAnswered{2})
	st.do(CallQueued{Call: "t-b", Queue: "tax"})
	st.do(CallQueued{Call: "l2", Queue: "land"})
	for _, c := range []CallID{"m1", "m2", "m3", "m4"} { // the level falls below 80 %
		st.do(CallQueued{Call: c, Queue: "tax"})
		st.after(31*time.Second, CallLeft{Call: c})
	}
	st.do(TalkEnded{Agent: "t2", Call: "l1"})
	st.do(TalkEnded{Agent: "t1", Call: "t-a"})
	if d := st.call("l2"); d.State != "waiting" {
		t.Fatalf("lent although its own wait too long: %+v", st.all)
	}
	for _, a := range st.s.Snapshot(st.now).Agents {
		if a.State == Offered {
			st.do(OfferAnswered{a.Offer})
		}
	}
	lend("t3")
	lend("t4")
	if st.call("l2").State != "waiting" {
		t.Fatalf("lent although the level is low: %+v", st.all)
	}
	blocked := st.now
	for st.call("l2").State == "waiting" {
		st.tick()
	}
	if d := st.one(Offer); d.Call != "l2" || st.now.Sub(blocked) > 5*minute {
		t.Errorf("%v: %+v", st.now.Sub(blocked), d)
	}
}

func TestSharesAreHeldOverTheWindow(t *testing.T) {
	s := New(Config{ShareWindow: time.Hour, Bodies: map[string]BodyConfig{"a": {Share: 3}, "b": {Share: 1}}, Queues: map[QueueID]QueueConfig{
		"qa": {Body: "a", There: Always}, "qb": {Body: "b", There: Always}}})
	now := t0
	for i := range 4000 {
		Apply(s, CallQueued{Call: CallID("a" + string(rune(i+1000))), Queue: "qa"}, now)
		Apply(s, CallQueued{Call: CallID("b" + string(rune(i+1000))), Queue: "qb", Priority: 9}, now)
	}
	Apply(s, in("x", "qa", "qb"), now)
	served := map[QueueID]int{}
	for range 800 {
		now = now.Add(3 * minute)
		a := s.agents["x"]
		Apply(s, OfferAnswered{a.offer}, now.Add(-3*minute+time.Second))
		served[a.call.queue.id]++
		Apply(s, TalkEnded{Agent: "x", Call: a.on}, now)
	}
	if share := float64(served["qa"]) / 800; share < 0.70 || share > 0.80 {
		t.Errorf("%v: three of four calls should be of a", served)
	}
	// Work is never held back for a share: with nobody of a waiting, b has it all.
	s = New(Config{Bodies: map[string]BodyConfig{"a": {Share: 99}, "b": {Share: 1}}, Queues: map[QueueID]QueueConfig{"qa": {Body: "a"}, "qb": {Body: "b"}}})
	Apply(s, in("x", "qa", "qb"), t0)
	for i := range 5 {
		ds := Apply(s, CallQueued{Call: CallID(rune('a' + i)), Queue: "qb"}, t0)
		Apply(s, OfferAnswered{ds[0].Offer}, t0)
		Apply(s, TalkEnded{Agent: "x", Call: CallID(rune('a' + i))}, t0)
	}
	if n := s.queues["qb"].counts.Answered; n != 5 {
		t.Errorf("%d answered", n)
	}
}

func TestAnExplanationFindsWhatIsWrong(t *testing.T) {
	s := New(oneQueue(QueueConfig{There: Always}))
	Apply(s, CallQueued{Call: "c1", Queue: "q"}, t0)
	Apply(s, CallQueued{Call: "c2", Queue: "q", Priority: 1}, t0.Add(time.Second))
	Apply(s, AgentProfile{Agent: "far", Station: Station{Remote: true}}, t0)
	Apply(s, in("far", "q"), t0)
	_, es := Explain(s, in("a", "q"), t0.Add(time.Minute))
	if len(es) != 1 || len(es[0].Violations) != 0 || len(es[0].Callers) != 2 || es[0].Callers[0].Call != "c2" || es[0].Callers[0].Before != ByPriority ||
		len(es[0].Agents) != 2 || es[0].Agents[1].Clause != ClauseRemote {
		t.Fatalf("%v", es)
	}
	text := es[0].String()
	for _, want := range []string{"→ call 1 c2", "before the next by priority", "agent 2 far", ClauseRemote} {
		if !strings.Contains(text, want) {
			t.Errorf("%q misses in\n%s", want, text)
		}
	}
	// A router that chose otherwise would be found out.
	s2 := New(oneQueue(QueueConfig{There: Always}))
	Apply(s2, CallQueued{Call: "c1", Queue: "q"}, t0)
	Apply(s2, CallQueued{Call: "c2", Queue: "q", Priority: 1}, t0)
	a := s2.newAgent("a")
	s2.setQueues(a, []QueueID{"q"})
	if e := s2.explain(s2.calls["c1"], a); len(e.Violations) != 1 || !strings.Contains(e.Violations[0], "priority") {
		t.Errorf("%v", e)
	}
}
