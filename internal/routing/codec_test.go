package routing

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// samples has one event of each kind with every field set.
func samples() []Event {
	at := t0.Add(123456789)
	return []Event{
		AgentSignedIn{"a", []QueueID{"q", "r"}, true}, AgentReady{"a"}, AgentPaused{"a", "lunch", at},
		AgentSignedOut{"a", true}, StationUp{"a"}, StationDown{"a"},
		CallQueued{"c", "q", 3, at, "az", true, 2, map[Skill]int{"tax": 3}, "a", time.Minute, "k"}, CallLeft{"c", "hung_up"},
		OfferAnswered{7}, OfferFailed{7, Declined}, TalkEnded{Agent: "a", Call: "c", Lost: true}, WrapUpExtended{"a", time.Minute},
		AgentProfile{"a", "b", map[Skill]int{"tax": 9}, map[string]int{"az": 10}, Station{true, "home"}, true, []QueueID{"q"}, []QueueID{"r"}},
		Configured{Config{Queues: map[QueueID]QueueConfig{"q": {Body: "b"}}}},
		CallbackWanted{"c", "v", "k"}, CallbackBooked{"v", "q", "k", at, 1, "az", map[Skill]int{"tax": 1}, "a", time.Minute},
		CallbackReached{"v"}, AttemptLost{"c", "q", "b", "k", "busy", time.Hour}, TaskDone{"c", "k"},
		AgentBudget{"a", time.Hour, at, 36 * time.Hour, time.Minute},
		WrapUpDone{"a"}, AgentTaken{"a", "c"}, StillHere{"c", "a"}, Tick{},
		QueueChanged{"q", QueueConfig{RingTimeout: 1, WrapUp: 2, WrapUpMax: 3, SetAside: 4, MaxWait: 5, There: Always, HandlePrior: 6}},
	}
}

func TestEveryEventSurvivesTheJournal(t *testing.T) {
	seen := map[string]bool{}
	for _, ev := range samples() {
		seen[ev.Kind()] = true
		v := reflect.ValueOf(ev)
		for i := range v.NumField() {
			if v.Field(i).IsZero() {
				t.Errorf("sample %s leaves %s empty", ev.Kind(), v.Type().Field(i).Name)
			}
		}
		b, err := EncodeEvent(ev)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(b, []byte(`{"kind":"`+ev.Kind()+`"`)) || !json.Valid(b) {
			t.Errorf("%s", b)
		}
		back, err := DecodeEvent(b)
		if err != nil || !reflect.DeepEqual(back, ev) {
			t.Errorf("%s came back as %+v, %v", b, back, err)
		}
	}
	for kind := range decoders {
		if !seen[kind] {
			t.Errorf("no sample of %s", kind)
		}
	}
	if len(seen) != len(decoders) {
		t.Errorf("%d kinds of samples, %d can be decoded", len(seen), len(decoders))
	}
}

// The written form must not change: journals are kept for years.
func TestTheWrittenFormIsStable(t *testing.T) {
	for want, ev := range map[string]Event{
		`{"kind":"tick"}`: Tick{},
		`{"kind":"agent_signed_in","agent":"a","queues":["q"],"ready":true}`:                                                              AgentSignedIn{"a", []QueueID{"q"}, true},
		`{"kind":"offer_failed","offer":7,"reason":"no_answer"}`:                                                                          OfferFailed{7, NoAnswer},
		`{"kind":"call_queued","call":"c","queue":"q","priority":3,"since":"2026-11-23T09:00:00Z","language":"az","head":true,"entry":2}`: CallQueued{Call: "c", Queue: "q", Priority: 3, Since: t0, Language: "az", Head: true, Entry: 2},
		`{"kind":"wrap_up_extended","agent":"a","for_ns":60000000000}`:                                                                    WrapUpExtended{"a", time.Minute},
	} {
		if b, err := EncodeEvent(ev); err != nil || string(b) != want {
			t.Errorf("%s\nwant %s, %v", b, want, err)
		}
	}
	d := Decision{Kind: Offer, Offer: 1, Call: "c", Agent: "a", Queue: "q", Until: t0, Why: Why{Trigger: AgentFreed, Waited: time.Second, Attempt: 1, Waiting: 2,
		Choices: 2, Rival: "d", RivalQueue: "q", RivalWaited: 5, Rule: BySince, Ready: 1, Idle: 3}}
	want := `{"kind":"offer","offer":1,"call":"c","agent":"a","queue":"q","until":"2026-11-23T09:00:00Z","why":{"trigger":"agent_freed","waited_ns":1000000000,"attempt":1,"waiting":2,"choices":2,"rival":"d","rival_queue":"q","rival_waited_ns":5,"rule":"since","ready":1,"idle_ns":3}}`
	if b, err := EncodeDecision(d); err != nil || string(b) != want {
		t.Errorf("%s\nwant %s, %v", b, want, err)
	}
	m := Decision{Kind: AgentMoved, Agent: "a", From: Offered, To: SetAside, Reason: ReasonNoAnswer}
	want = `{"kind":"agent_moved","agent":"a","from":"offered","to":"set_aside","reason":"no_answer"}`
	if b, err := EncodeDecision(m); err != nil || string(b) != want {
		t.Errorf("%s\nwant %s, %v", b, want, err)
	}
}

func TestWhatCannotBeReadIsRefusedWithAReason(t *testing.T) {
	for in, want := range map[string]string{
		`{"kind":"teleported"}`:              "teleported",
		`{}`:                                 "unknown kind",
		`not json`:                           "not an event",
		`{"kind":"agent_ready","agent":[1]}`: "agent_ready",
	} {
		if _, err := DecodeEvent([]byte(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", in, err)
		}
	}
	if _, err := DecodeEvent([]byte(`{"kind":"x"}`)); !errors.Is(err, ErrUnknownKind) {
		t.Error(err)
	}
	for _, in := range []string{`{}`, `{"kind":""}`, `{"kind":"x"}`, `{"kind":"offer","to":"nowhere"}`, `[]`} {
		if d, err := DecodeDecision([]byte(in)); err == nil {
			t.Errorf("%s read as %+v", in, d)
		}
	}
	if _, err := EncodeEvent(nil); err == nil {
		t.Error("no event was encoded")
	}
	if _, err := EncodeDecision(Decision{}); err == nil {
		t.Error("no decision was encoded")
	}
	for _, s := range []interface{ MarshalText() ([]byte, error) }{AgentState(99), DecisionKind(99)} {
		if b, err := s.MarshalText(); err == nil {
			t.Errorf("%v written as %s", s, b)
		}
	}
}

func FuzzDecodeEvent(f *testing.F) {
	for _, ev := range samples() {
		b, _ := EncodeEvent(ev)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		ev, err := DecodeEvent(b)
		if err != nil {
			return
		}
		again, err := EncodeEvent(ev)
		if err != nil {
			t.Fatalf("read but cannot be written: %v", err)
		}
		back, err := DecodeEvent(again)
		if err != nil {
			t.Fatalf("own form refused: %v", err)
		}
		third, err := EncodeEvent(back)
		if err != nil || !bytes.Equal(again, third) {
			t.Fatalf("%s became %s, %v", again, third, err)
		}
		st := New(tableConfig())
		Apply(st, in("a", "q"), t0)
		Apply(st, CallQueued{Call: "c", Queue: "q"}, t0)
		Apply(st, ev, t0.Add(time.Second))
		Apply(st, ev, t0.Add(time.Minute))
		if err := st.check(); err != nil {
			t.Fatalf("%s: %v", again, err)
		}
	})
}

func FuzzDecodeDecision(f *testing.F) {
	for k := Offer; k <= TaskCleared; k++ {
		b, _ := EncodeDecision(Decision{Kind: k, Offer: 1, Call: "c", Agent: "a", From: Ready, To: Offered, Until: t0, Why: Why{Waited: 1, Rule: BySince}})
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := DecodeDecision(b)
		if err != nil {
			return
		}
		again, err := EncodeDecision(d)
		if err != nil {
			t.Fatalf("read but cannot be written: %v", err)
		}
		if back, err := DecodeDecision(again); err != nil || back != d {
			t.Fatalf("%+v became %+v, %v", d, back, err)
		}
	})
}

// busyState is a router with something of everything.
func busyState(t testing.TB) *State {
	s := New(Config{CheckEvery: time.Minute, Queues: map[QueueID]QueueConfig{"q": {WrapUp: time.Minute, MaxWait: time.Hour}, "r": {There: Always}}})
	now := t0
	for _, ev := range []Event{
		in("talks", "q", "r"), CallQueued{Call: "c1", Queue: "q"}, OfferAnswered{1},
		in("rings", "q"), CallQueued{Call: "c2", Queue: "q", Language: "ru", Priority: 2},
		in("misses", "q"), CallQueued{Call: "c3", Queue: "q"}, OfferFailed{3, NoAnswer},
		in("gone", "r"), StationDown{"gone"}, in("pauses", "q"), AgentPaused{Agent: "pauses"},
		in("wraps", "r"), CallQueued{Call: "c4", Queue: "r"}, AgentTaken{"rings", "c2"}, OfferAnswered{5}, OfferAnswered{4}, TalkEnded{Agent: "wraps", Call: "c4"},
		in("waits", "late"), CallQueued{Call: "c5", Queue: "q", Head: true}, AgentTaken{"waits", "c1"},
	} {
		now = now.Add(time.Second)
		Apply(s, ev, now)
		if err := s.check(); err != nil {
			t.Fatalf("%#v: %v", ev, err)
		}
	}
	return s
}

// richState is a router with something of everything that many bodies know.
func richState(t testing.TB) *State {
	cfg := Config{Bodies: map[string]BodyConfig{"x": {Share: 1}, "y": {Share: 2, Keep: 1}}, Queues: map[QueueID]QueueConfig{
		"q": {Body: "x", There: Always, KeepPlace: time.Hour, TaskWithin: time.Hour, Needs: []Need{{Skills: map[Skill]int{"tax": 5}}, {After: time.Hour}}, Overflow: []Overflow{{"y", time.Second}}},
		"r": {Body: "y", There: Always, Target: time.Second, Score: Score{PerSecond: 1}, RemoteFit: true}, "gone": {}}}
	s := New(cfg)
	now := t0
	without := cfg
	without.Queues = map[QueueID]QueueConfig{"q": cfg.Queues["q"], "r": cfg.Queues["r"]}
	for _, ev := range []Event{
		AgentProfile{Agent: "a", Body: "x", Skills: map[Skill]int{"tax": 9}}, in("a", "q", "gone"), AgentBudget{Agent: "a", Left: time.Hour, WeekEnds: t0.Add(24 * time.Hour)},
		CallQueued{Call: "g", Queue: "gone"}, OfferAnswered{1}, Configured{without},
		AgentProfile{Agent: "far", Body: "y", Station: Station{Remote: true}, RemoteAllowed: true}, in("far", "q", "r"),
		CallQueued{Call: "c1", Queue: "q", Caller: "k1"}, CallQueued{Call: "c2", Queue: "q", Caller: "k2", Prefer: "a", PreferFor: time.Minute}, CallLeft{Call: "c1"},
		CallQueued{Call: "c3", Queue: "q", Language: "ru", Skills: map[Skill]int{"x": 2}}, CallbackWanted{Call: "c3", As: "v", Caller: "k3"},
		CallbackBooked{Call: "w", Queue: "q", Caller: "k3", Due: t0.Add(time.Hour)},
		CallQueued{Call: "r1", Queue: "r"}, CallQueued{Call: "r2", Queue: "r"}, Tick{}, Tick{}, OfferAnswered{2}, AgentBudget{Agent: "late", Left: -time.Minute}, in("late", "r"),
	} {
		now = now.Add(time.Second)
		Apply(s, ev, now)
		if err := s.check(); err != nil {
			t.Fatalf("%#v: %v", ev, err)
		}
	}
	return s
}

// What many bodies know survives a restart, and a state without it shows none of it.
func TestARichStateSurvivesARestart(t *testing.T) {
	first, err := richState(t).Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"kept"`, `"tasks"`, `"bodies"`, `"budget"`, `"profile"`, `"prefer_until_ns"`, `"virtual"`, `"removed"`, `"limited"`} {
		if !bytes.Contains(first, []byte(want)) {
			t.Errorf("the state shows no %s", want)
		}
		if plain, _ := busyState(t).Encode(); bytes.Contains(plain, []byte(want)) {
			t.Errorf("a plain state shows %s", want)
		}
	}
	s, err := Decode(first)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := s.Encode(); err != nil || !bytes.Equal(first, again) {
		t.Errorf("%v\n%s\n%s", err, first, again)
	}
}

func FuzzDecodeState(f *testing.F) {
	b, err := busyState(f).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	if b, err = richState(f).Encode(); err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"v":1,"config":{},"agents":[{"id":"a","num":1,"state":"ready"}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Decode(b)
		if err != nil {
			if !errors.Is(err, ErrState) {
				t.Fatalf("not classed: %v", err)
			}
			return
		}
		first, err := s.Encode()
		if err != nil {
			t.Fatalf("read but cannot be written: %v", err)
		}
		again, err := Decode(first)
		if err != nil {
			t.Fatalf("own form refused: %v", err)
		}
		now := t0
		for i := range 40 {
			if at, ok := s.NextDeadline(); ok && at.After(now) {
				now = at
			}
			var ev Event = Tick{}
			if i == 20 {
				ev = in("new", "q", "r")
			}
			x := slices.Clone(Apply(s, ev, now))
			if err := s.check(); err != nil {
				t.Fatal(err)
			}
			if y := Apply(again, ev, now); !slices.Equal(x, y) {
				t.Fatalf("%+v\n%+v", x, y)
			}
		}
		s.Snapshot(now)
	})
}

func TestDecodeRefusesAStateThatCannotBe(t *testing.T) {
	good, err := busyState(t).Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range [][3]string{
		{`"v":1`, `"v":2`, "version"},
		{`"state":"talking"`, `"state":"ready"`, "ready"},
		{`"offer":1,`, `"offer":2,`, "offer"},
		{`"id":"c5"`, `"id":"c1"`, "twice"},
		{`"entered":4`, `"entered":6`, "add up"},
		{`"retries":32`, `"retries":-1`, "counter"},
		{`"served":"q"`, `"served":"?"`, "missing"},
	} {
		if !bytes.Contains(good, []byte(c[0])) {
			t.Errorf("the state holds no %s: %s", c[0], good)
			continue
		}
		_, err := Decode(bytes.Replace(good, []byte(c[0]), []byte(c[1]), 1))
		if !errors.Is(err, ErrState) || !strings.Contains(err.Error(), c[2]) {
			t.Errorf("%s for %s: %v", c[1], c[0], err)
		}
	}
	if _, err := Decode([]byte("{")); !errors.Is(err, ErrState) {
		t.Error(err)
	}
}

func TestReplayFindsTheFirstDifference(t *testing.T) {
	cfg := tableConfig()
	var log []Recorded
	st := newStory(t, cfg)
	for i, ev := range []Event{in("a", "q"), CallQueued{Call: "c", Queue: "q"}, OfferAnswered{1}, TalkEnded{Agent: "a", Call: "c"}} {
		log = append(log, Recorded{uint64(i + 1), st.now.Add(time.Millisecond), ev, st.do(ev)})
	}
	if n, d := Replay(New(cfg), slices.Values(log)); n != 4 || d != nil {
		t.Fatalf("%d steps, %v", n, d)
	}
	bent := slices.Clone(log)
	bent[1].Decisions = slices.Clone(bent[1].Decisions)
	bent[1].Decisions[0].Agent = "b"
	n, d := Replay(New(cfg), slices.Values(bent))
	if n != 1 || d == nil || d.Seq != 2 || d.Index != 0 || !strings.Contains(d.String(), `"agent":"b"`) {
		t.Errorf("%d, %v", n, d)
	}
	bent[1].Decisions = log[1].Decisions[:1]
	if _, d = Replay(New(cfg), slices.Values(bent)); d == nil || d.Index != 1 || !strings.Contains(d.String(), "recorded nothing") {
		t.Errorf("%v", d)
	}
}
