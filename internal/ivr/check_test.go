package ivr

import (
	"strings"
	"testing"
	"time"

	"cagri/internal/prompt"
)

// Each case changes one thing in the default flow and must be found.
func TestCheckFindsEachFault(t *testing.T) {
	for name, c := range map[string]struct {
		old, new string
		lim      Limits
		want     string // empty: no problem
	}{
		"nothing":                 {"", "", Limits{}, ""},
		"unknown phrase":          {"say: greeting", "say: gretings", Limits{}, `node greeting: there is no phrase "gretings"`},
		"own phrase that exists":  {"say: greeting", "say: own.hello", Limits{Has: anyPhrase}, ""},
		"queue without notice":    {"say: greeting\n    next: notice", "say: greeting\n    next: choose_language", Limits{}, "without the notice of recording (greeting → choose_language → operator)"},
		"notice by one way only":  {"az: main\n", "az: helping\n", Limits{}, ""},
		"unreachable":             {"2: complaint", "2: information", Limits{}, "node complaint: no caller ever comes here"},
		"queue exists":            {"", "", Limits{Queues: []string{"general"}}, ""},
		"queue does not exist":    {"queue: general", "queue: genral", Limits{Queues: []string{"general", "taxes"}}, `there is no queue "genral"; queues that exist: general, taxes`},
		"circle":                  {"end: [no_agents, goodbye]\n    reason: no agents", "say: no_agents\n    next: operator", Limits{}, "operator → nobody → operator"},
		"circle with a choice":    {"end: [no_agents, goodbye]\n    reason: no agents", "menu: menu.main\n    keys: {1: operator}\n    otherwise: closed", Limits{}, ""},
		"too long":                {"", "", Limits{MaxToHuman: 15 * time.Second}, "node operator: a caller who speaks az and listens to everything is here after"},
		"long but allowed":        {"say: greeting", "say: [greeting, queue.apology, queue.apology, queue.apology, queue.apology]", Limits{MaxToHuman: 90 * time.Second}, ""},
		"long":                    {"say: greeting", "say: [greeting, queue.apology, queue.apology, queue.apology, queue.apology, queue.apology]", Limits{}, "more than 60"},
		"operator is no queue":    {"operator: operator    #", "operator: main    #", Limits{}, "operator leads to main, a node of kind menu"},
		"another key for Russian": {"{1: az, 2: ru, 3: en}", "{1: az, 4: ru, 3: en}", Limits{}, "names key 2 for ru"},
		"a notice that is none":   {"notice: notice.recorded\n    next: choose", "notice: greeting\n    next: choose", Limits{}, `"greeting" is not a notice of recording`},
	} {
		text := DefaultYAML()
		if c.old != "" {
			if strings.Count(text, c.old) != 1 {
				t.Fatalf("%s: %q stands %d times in the default flow", name, c.old, strings.Count(text, c.old))
			}
			text = strings.Replace(text, c.old, c.new, 1)
		}
		f, err := Parse("test.yaml", []byte(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		ps := Problems(f.Check(c.lim))
		switch {
		case c.want == "" && len(ps) > 0:
			t.Errorf("%s: %v", name, ps)
		case c.want != "" && !strings.Contains(ps.Error(), c.want):
			t.Errorf("%s: %v\nwant %q", name, ps, c.want)
		}
	}
}

func TestAPersonMustBeNear(t *testing.T) {
	text := `
start: notice
nodes:
  notice: {notice: notice.recorded, next: a}
  a: {menu: menu.main, keys: {1: b, 9: bye}, otherwise: bye}
  b: {menu: menu.main, keys: {1: c}, otherwise: bye}
  c: {menu: menu.main, keys: {1: d}, otherwise: bye}
  d: {menu: menu.main, keys: {1: q}, otherwise: bye}
  q: {queue: general, no_agents: bye, timed_out: bye, closed: bye}
  bye: {end: goodbye}
`
	f := parse(t, text)
	got := Problems(f.Check(Limits{MaxToHuman: time.Hour})).Error()
	if !strings.Contains(got, "node a: a person is 4 keys away, more than 3") || strings.Contains(got, "node b: a person") {
		t.Errorf("keys to a person:\n%s", got)
	}
	if !strings.Contains(got, "node d: this is menu 4 of a row, more than 3") || strings.Contains(got, "node c: this is") {
		t.Errorf("depth:\n%s", got)
	}
	if got := f.Check(Limits{MaxToHuman: time.Hour, MaxKeys: 4, MaxDepth: 4}); len(got) > 0 {
		t.Errorf("with wider limits: %v", got)
	}
	withOperator := parse(t, strings.Replace(text, "nodes:", "operator: q\nnodes:", 1))
	if got := withOperator.Check(Limits{MaxDepth: 4}); len(got) > 0 {
		t.Errorf("with an operator on 0: %v", got)
	}
	none := parse(t, "start: a\nnodes: {a: {menu: menu.main, keys: {1: b}, otherwise: b}, b: {end: goodbye}}")
	if got := Problems(none.Validate()).Error(); !strings.Contains(got, "no key leads to a person from here") {
		t.Errorf("no person at all: %q", got)
	}
}

func TestSecondsToAPerson(t *testing.T) {
	second := func(_ prompt.Language, parts ...prompt.Part) time.Duration {
		return time.Duration(len(parts)) * time.Second
	}
	got := Default().ToHuman(second)
	want := []Reach{
		{Language: "az", Keys: "0", Path: []string{"greeting", "notice", "choose_language", "operator"}, Time: 5 * time.Second},
		{Language: "ru", Keys: "20", Path: []string{"greeting", "notice", "choose_language", "notice_again", "main", "operator"}, Time: 7 * time.Second},
		{Language: "en", Keys: "30", Path: []string{"greeting", "notice", "choose_language", "notice_again", "main", "operator"}, Time: 7 * time.Second},
		// greeting, notice, three offers and 4 s, menu and 5 s, hint, menu and 5 s, helping
		{Language: "az", Silent: true, Path: []string{"greeting", "notice", "choose_language", "main", "helping", "operator"}, Time: 23 * time.Second},
	}
	if len(got) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i, w := range want {
		g := got[i]
		if g.Language != w.Language || g.Silent != w.Silent || g.Keys != w.Keys || g.Time != w.Time || strings.Join(g.Path, " ") != strings.Join(w.Path, " ") {
			t.Errorf("got %+v\nwant %+v", g, w)
		}
	}
	// With the shipped voice the default flow is well inside its limit.
	lib, err := prompt.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range Default().ToHuman(lib.Duration) {
		if !r.Silent && r.Time > 45*time.Second {
			t.Errorf("%s: %s to a person", r.Language, r.Time)
		}
		t.Logf("%s, silent %v, keys %q: %.1f s", r.Language, r.Silent, r.Keys, r.Time.Seconds())
	}
}

// What ToHuman promises, the machine keeps.
func TestTheMachineTakesAsLongAsTheCheckSays(t *testing.T) {
	for _, r := range Default().ToHuman(threeSeconds) {
		tr, err := Simulate(Default(), strings.Join(strings.Split(r.Keys, ""), " "), threeSeconds)
		if err != nil || tr.Queue != "general" || tr.Elapsed != r.Time {
			t.Errorf("keys %q: %s in queue %q, want %s (%v)", r.Keys, tr.Elapsed, tr.Queue, r.Time, err)
		}
	}
}

func TestFlowsMadeInGoAreCheckedToo(t *testing.T) {
	f := &Flow{File: "go", Start: "x", Nodes: map[string]*Node{"a": {Name: "a", Kind: KindSay, Next: Way{To: "b"}}}, Order: []string{"a"}}
	got := Problems(f.Validate()).Error()
	for _, want := range []string{`start leads to "x"`, `leads to "b"`, "it says nothing", "no caller ever comes here"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
}
