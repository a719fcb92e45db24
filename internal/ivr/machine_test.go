package ivr

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"cagri/internal/prompt"
)

func threeSeconds(_ prompt.Language, parts ...prompt.Part) time.Duration {
	return time.Duration(len(parts)) * 3 * time.Second
}

// run feeds inputs and returns the actions of the last one, without steps.
func run(m *Machine, inputs ...Input) []Action {
	var out []Action
	for _, in := range inputs {
		out = m.Handle(in)
	}
	return slices.DeleteFunc(slices.Clone(out), func(a Action) bool { _, ok := a.(Step); return ok })
}

func say(lang prompt.Language, interrupt bool, ids ...string) Play {
	p := Play{Language: lang, Interrupt: interrupt}
	for _, id := range ids {
		p.Parts = append(p.Parts, part(id))
	}
	return p
}

func part(id string) prompt.Part {
	id, lang, _ := strings.Cut(id, "@")
	return prompt.Say(id).In(prompt.Language(lang))
}

func expect(t *testing.T, what string, got []Action, want ...Action) {
	t.Helper()
	if len(got) == 0 && len(want) == 0 {
		return
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

var offers = []string{"menu.language@az", "menu.language@ru", "menu.language@en"}

func TestACallThroughTheDefaultFlow(t *testing.T) {
	m := NewMachine(Default())
	expect(t, "before start", run(m, Played{}))
	expect(t, "start", run(m, Start{}), Language{"az"}, say("az", false, "greeting"))
	expect(t, "second start", run(m, Start{}))
	expect(t, "notice", run(m, Played{}), say("az", false, "notice.recorded"))
	if m.Noticed() {
		t.Error("noticed before the notice was heard")
	}
	expect(t, "notice heard", run(m, Played{}), NoticePlayed{"az"}, say("az", true, offers...))
	expect(t, "offers heard", run(m, Played{}), Await{"1230", 4 * time.Second})
	expect(t, "Russian", run(m, Key{'2'}), Language{"ru"}, say("ru", false, "notice.recorded"))
	expect(t, "notice in Russian", run(m, Played{}), NoticePlayed{"ru"}, say("ru", true, "menu.main"))
	expect(t, "complaint", run(m, Key{'2'}), say("ru", false, "menu.complaint"))
	expect(t, "queue", run(m, Played{}), Enqueue{"general", 0, []prompt.Part{prompt.Say("queue.welcome")}, "ru", false})
	for _, in := range []Input{Played{}, Timeout{}, Key{'1'}, Start{}} {
		expect(t, "waiting in the queue", run(m, in))
	}
	expect(t, "nobody", run(m, Queue{NoAgents}), End{"no agents", []prompt.Part{prompt.Say("no_agents"), prompt.Say("goodbye")}, "ru"})
	if !m.Ended() || m.Language() != prompt.Russian || m.Node() != "nobody" {
		t.Errorf("ended %v, language %s, node %s", m.Ended(), m.Language(), m.Node())
	}
	for _, in := range []Input{Start{}, Played{}, Key{'1'}, Timeout{}, Queue{Closed}, nil} {
		expect(t, "after the end", run(m, in))
	}
}

// toMenu brings a call to the main menu of the default flow, in Azerbaijani.
func toMenu() *Machine {
	m := NewMachine(Default())
	run(m, Start{}, Played{}, Played{}, Played{}, Key{'1'})
	return m
}

func TestTheNoticeCannotBeInterrupted(t *testing.T) {
	m := NewMachine(Default())
	run(m, Start{}, Played{})
	for _, key := range []byte("0123456789*#") {
		expect(t, "a key during the notice", run(m, Key{key}))
	}
	if m.Noticed() {
		t.Error("noticed without hearing it")
	}
	expect(t, "its end", run(m, Played{})[:1], NoticePlayed{"az"})
}

func TestANoticeThatCannotBePlayedIsNoNotice(t *testing.T) {
	m := NewMachine(Default())
	run(m, Start{}, Played{})
	expect(t, "first failure", run(m, Timeout{}), say("az", false, "notice.recorded"))
	got := run(m, Timeout{})
	if end, ok := got[len(got)-1].(End); !ok || end.Reason != "notice could not be played" || m.Noticed() {
		t.Errorf("second failure: %+v, noticed %v", got, m.Noticed())
	}
}

func TestAPromptThatCannotBePlayedDoesNotHoldTheCall(t *testing.T) {
	m := NewMachine(Default())
	run(m, Start{})
	expect(t, "greeting", run(m, Timeout{}), say("az", false, "notice.recorded"))
	run(m, Played{})
	expect(t, "menu", run(m, Timeout{}), Await{"1230", 4 * time.Second})
}

func TestKeysCountWhileAMenuSpeaksAndAfterwards(t *testing.T) {
	expect(t, "barge-in", run(toMenu(), Key{'1'}), say("az", false, "menu.information"))
	m := toMenu()
	expect(t, "menu heard", run(m, Played{}), Await{"120", 5 * time.Second})
	expect(t, "key", run(m, Key{'1'}), say("az", false, "menu.information"))
	expect(t, "a key during an announcement", run(m, Key{'2'}))
}

func TestWrongKeysAndSilenceAreForgivenAsOftenAsTheFlowSays(t *testing.T) {
	m := toMenu()
	expect(t, "first wrong key", run(m, Key{'7'}), say("az", true, "menu.wrong", "menu.main"))
	expect(t, "second", run(m, Key{'*'}), say("az", false, "menu.to_operator"))
	m = toMenu()
	expect(t, "first silence", run(m, Played{}, Timeout{}), say("az", true, "menu.timeout", "menu.main"))
	expect(t, "second", run(m, Played{}, Timeout{}), say("az", false, "menu.to_operator"))
	m = toMenu()
	for _, odd := range []byte{0, 'x', 255, ' '} {
		expect(t, "no key of a telephone", run(m, Key{odd}))
	}
	expect(t, "an A of the fourth column is a wrong key", run(m, Key{'A'}), say("az", true, "menu.wrong", "menu.main"))
}

func TestSilenceAtTheChoiceOfLanguageMeansTheDefault(t *testing.T) {
	m := NewMachine(Default())
	run(m, Start{}, Played{}, Played{}, Played{})
	expect(t, "silence", run(m, Timeout{}), Language{"az"}, say("az", true, "menu.main"))
}

func TestZeroLeadsToAPersonFromWhereItMeansNothingElse(t *testing.T) {
	m := NewMachine(Default())
	run(m, Start{}, Played{}, Played{})
	got := run(m, Key{'0'})
	if len(got) != 1 || got[0].(Enqueue).Queue != "general" {
		t.Errorf("0 at the choice of language: %+v", got)
	}
}

func TestAKeyMayRepeatTheMenu(t *testing.T) {
	f, err := Parse("deep.yaml", read(t, "deep.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	m := NewMachine(f)
	expect(t, "a notice in two languages", run(m, Start{}, Played{}), NoticePlayed{"az"}, NoticePlayed{"ru"}, say("az", true, "menu.main", "menu.repeat"))
	expect(t, "again", run(m, Key{'*'}), say("az", true, "menu.main", "menu.repeat"))
	expect(t, "keys", run(m, Played{}), Await{"12#0*", 6 * time.Second})
	expect(t, "a queue with priority", run(m, Key{'2'}), Enqueue{"complaints", 10, []prompt.Part{prompt.Say("menu.complaint"), prompt.Say("queue.welcome")}, "az", false})
	expect(t, "timed out", run(m, Queue{TimedOut}), say("az", true, "own.wait_more"))
	expect(t, "wait on", run(m, Key{'1'}), Enqueue{"general", 0, []prompt.Part{prompt.Say("queue.welcome")}, "az", false})
	expect(t, "closed", run(m, Queue{Closed}), End{"closed", []prompt.Part{prompt.Say("closed"), prompt.Say("goodbye")}, "az"})
}

func TestStepsTellTheJournalWhatHappened(t *testing.T) {
	m := NewMachine(Default())
	var got []string
	for _, in := range []Input{Start{}, Played{}, Played{}, Key{'9'}, Timeout{}, Timeout{}, Timeout{}, Timeout{}, Played{}, Queue{TimedOut}} {
		for _, a := range m.Handle(in) {
			if s, ok := a.(Step); ok {
				got = append(got, string(s.Kind)+" "+s.Node+": "+s.Outcome)
			}
		}
	}
	want := []string{
		"say greeting: next", "notice notice: next", "language choose_language: wrong key 9", "language choose_language: otherwise",
		"menu main: not played", "menu main: timeout", "menu main: not played", "menu main: timeout", "menu main: otherwise",
		"say helping: next", "queue operator: enter general", "queue operator: timed_out", "end busy: end",
	}
	if !slices.Equal(got, want) {
		t.Errorf("steps\n got %s\nwant %s", strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

// A flow that slipped past the check must not break the law or lose a call either.
func TestTheMachineHoldsTheLawWithoutTheFlowsHelp(t *testing.T) {
	f := parse(t, "start: q\nnodes:\n  q: {queue: general, no_agents: e, timed_out: e, closed: e}\n  e: {end: goodbye}\n")
	m := NewMachine(f)
	expect(t, "a notice the flow forgot", run(m, Start{}), Language{"az"}, say("az", false, "notice.recorded"))
	expect(t, "keys do not help", run(m, Key{'1'}))
	expect(t, "not played", run(m, Timeout{}), say("az", false, "notice.recorded"))
	expect(t, "played", run(m, Played{}), NoticePlayed{"az"}, Enqueue{Queue: "general", Language: "az"})
	m = NewMachine(f)
	got := run(m, Start{}, Timeout{}, Timeout{})
	if end, ok := got[len(got)-1].(End); !ok || end.Reason != "notice could not be played" {
		t.Errorf("a notice that cannot be played: %+v", got)
	}
}

func TestBrokenFlowsEndPolitely(t *testing.T) {
	circle := &Flow{Start: "a", Nodes: map[string]*Node{
		"a": {Name: "a", Kind: KindSay, Parts: []prompt.Part{prompt.Say("greeting")}, Next: Way{To: "a"}},
	}}
	for name, f := range map[string]*Flow{
		"no flow": nil, "empty": {}, "no kind": {Start: "a", Nodes: map[string]*Node{"a": {Name: "a"}}}, "circle": circle,
		"leads nowhere": {Start: "a", Nodes: map[string]*Node{"a": {Name: "a", Kind: KindSay, Next: Way{To: "b"}}}},
	} {
		m := NewMachine(f)
		actions := m.Handle(Start{})
		for range 10_000 {
			if m.Ended() {
				break
			}
			actions = m.Handle(Played{})
		}
		if end, ok := actions[len(actions)-1].(End); !ok || end.Reason == "" || len(end.Parts) == 0 {
			t.Errorf("%s: %+v, want a polite end", name, actions)
		}
	}
}

func TestAStuckKeyEndsTheCall(t *testing.T) {
	f := parse(t, "start: n\nnodes:\n  n: {notice: notice.recorded, next: m}\n  m: {menu: menu.main, keys: {1: m}, otherwise: m}\n")
	m := NewMachine(f)
	run(m, Start{}, Played{})
	for range maxKeys + 1 {
		run(m, Key{'1'})
	}
	if !m.Ended() {
		t.Errorf("after %d keys the call goes on", maxKeys+1)
	}
}

func TestOutcomesHaveNames(t *testing.T) {
	for o, want := range map[Outcome]string{NoAgents: "no_agents", TimedOut: "timed_out", Closed: "closed", 0: "unknown", 9: "unknown"} {
		if o.String() != want {
			t.Errorf("%d is %q", o, o)
		}
	}
	m := toMenu()
	run(m, Key{'0'})
	if got := run(m, Queue{}); len(got) != 1 || got[0].(End).Reason != "no agents" {
		t.Errorf("an unknown outcome: %+v", got)
	}
}
