package ivr

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cagri/internal/prompt"
)

// anyPhrase is a Limits.Has for flows with phrases of a body's own.
func anyPhrase(string) bool { return true }

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func parse(t testing.TB, text string) *Flow {
	t.Helper()
	f, err := Parse("test.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Every file *.bad.yaml has beside it, in *.bad.txt, all that is said about it.
func TestAllProblemsAreReportedAtOnce(t *testing.T) {
	files, err := filepath.Glob("testdata/*.bad.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no bad flows: %v", err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		_, err := Load(name, read(t, name), Limits{})
		var ps Problems
		if !errors.As(err, &ps) {
			t.Errorf("%s: error %v is no list of problems", name, err)
			continue
		}
		golden := strings.TrimSuffix(file, ".yaml") + ".txt"
		if os.Getenv("UPDATE") != "" {
			if err := os.WriteFile(golden, []byte(ps.Error()+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got := ps.Error() + "\n"; got != string(want) {
			t.Errorf("%s: what is said has changed; look at it and run the test with UPDATE=1\ngot:\n%swant:\n%s", name, got, want)
		}
	}
}

func TestGoodFlowsAreGood(t *testing.T) {
	for _, name := range []string{"small.yaml", "announcement.yaml", "deep.yaml"} {
		f, err := Load(name, read(t, name), Limits{Has: anyPhrase})
		if err != nil {
			t.Error(err)
			continue
		}
		if len(f.Order) != len(f.Nodes) || f.Nodes[f.Start] == nil {
			t.Errorf("%s: %d names for %d nodes", name, len(f.Order), len(f.Nodes))
		}
	}
	if ps := Default().Validate(); len(ps) > 0 {
		t.Error(Problems(ps))
	}
	if f := parse(t, DefaultYAML()); f.Name != "default" || len(f.Nodes) != len(Default().Nodes) {
		t.Errorf("DefaultYAML is not the default flow: %s", f.Name)
	}
}

func TestParseReadsEveryField(t *testing.T) {
	f, err := Parse("flows/deep.yaml", read(t, "deep.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	m := f.Nodes["main"]
	if f.Name != "deep" || f.Language != prompt.Azerbaijani || f.Operator != "operator" {
		t.Errorf("flow %q, language %s, operator %q", f.Name, f.Language, f.Operator)
	}
	if m.Again != '*' || m.Timeout.Seconds() != 6 || m.Repeat != 2 || len(m.Keys) != 3 || m.Keys[2].Key != '#' || len(m.Silence) != 1 || m.Otherwise.To != "operator" {
		t.Errorf("main: %+v", m)
	}
	if got := f.Nodes["notice"].Parts; len(got) != 2 || got[1] != prompt.Say("notice.recorded").In(prompt.Russian) {
		t.Errorf("notice: %v", got)
	}
	q := f.Nodes["complaint"]
	if q.Queue != "complaints" || q.Priority != 10 || len(q.Parts) != 2 || q.OnClosed.To != "closed" {
		t.Errorf("complaint: %+v", q)
	}
	p := f.Nodes["papers"]
	if p.Timeout != defaultTimeout || p.Repeat != defaultRepeat || p.Wrong[0] != prompt.Say("menu.wrong") || p.Silence[0] != prompt.Say("menu.timeout") {
		t.Errorf("defaults of a menu: %+v", p)
	}
	if e := f.Nodes["nobody"]; e.Reason != "nobody" {
		t.Errorf("the reason of an end is its name if it has none: %q", e.Reason)
	}
	if f := parse(t, "start: a\nnodes: {a: {end: goodbye}}"); f.Name != "test" {
		t.Errorf("a flow without a name is called %q", f.Name)
	}
}

func TestBrokenFilesAreExplained(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"empty":                       {"", "1:1: the file is empty"},
		"only a comment":              {"# nothing\n", "1:1: the file is empty"},
		"tab":                         {"start: a\nnodes:\n\ta: b\n", "3:1: not YAML"},
		"open bracket":                {"start: a\nnodes: [a\nb: c", "not YAML"},
		"a list":                      {"- a\n- b\n", "1:1: a flow must be a list of key: value lines"},
		"two documents":               {"start: a\n---\nstart: b\n", "3:1: a second document"},
		"no nodes":                    {"start: a\n", "nodes are missing"},
		"nodes is a word":             {"start: a\nnodes: b\n", "2:8: nodes must be a list"},
		"empty nodes":                 {"start: a\nnodes:\n", "nodes must be a list"},
		"node is nothing":             {"start: a\nnodes:\n  a:\n", "node a: a node must be a list"},
		"start is a list":             {"start: [a]\nnodes: {a: {end: goodbye}}", "1:8: start needs a word"},
		"no phrase":                   {"start: a\nnodes: {a: {end: []}}", "end has 0 phrases"},
		"phrase is a map":             {"start: a\nnodes: {a: {end: {x: y}}}", "is not the name of a phrase"},
		"keys is a list":              {"start: a\nnodes: {a: {menu: menu.main, keys: [1], otherwise: a}}", "keys must be a list of key: value"},
		"no keys":                     {"start: a\nnodes: {a: {menu: menu.main, otherwise: a}}", "keys are missing"},
		"empty keys":                  {"start: a\nnodes: {a: {menu: menu.main, keys: {}, otherwise: a}}", "no key to press"},
		"again twice":                 {"start: a\nnodes: {a: {menu: menu.main, keys: {1: a}, again: 1, otherwise: a}}", "repeats the menu and leads to a node too"},
		"again a word":                {"start: a\nnodes: {a: {menu: menu.main, keys: {1: a}, again: star, otherwise: a}}", `"star" is not a key`},
		"long name":                   {"start: a\nnodes: {" + strings.Repeat("a", 100) + ": {end: goodbye}}", "cannot be the name of a node"},
		"long reason":                 {"start: a\nnodes: {a: {end: goodbye, reason: " + strings.Repeat("a", 300) + "}}", "too long"},
		"deep":                        {strings.Repeat("[", 50), "nested too deeply"},
		"deep after closing brackets": {"a: '" + strings.Repeat("]", 50) + "'\nb: " + strings.Repeat("[", 50), "nested too deeply"},
		"deep lists":                  {strings.Repeat("- ", 5000) + "a", "nested too deeply"},
		"large":                       {strings.Repeat("# comment\n", 30000), "larger than"},
		"alias":                       {"start: a\nnodes:\n  a: &x {end: goodbye}\n  b: *x\n", "4:6: anchors"},
		"octal key":                   {"start: a\nnodes: {a: {menu: menu.main, keys: {01: a}, otherwise: a}}", `"01" is not a key`},
	} {
		_, err := Parse("x.yaml", []byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s:\n%v\nwant %q", name, err, c.want)
		}
	}
	many := "start: a0\nnodes:\n"
	for i := range 201 {
		many += "  a" + strings.Repeat("x", i%60) + string(rune('a'+i/60)) + ": {end: goodbye}\n"
	}
	if _, err := Parse("x.yaml", []byte(many)); err == nil || !strings.Contains(err.Error(), "201 nodes") {
		t.Errorf("201 nodes: %v", err)
	}
}

func TestNearestHelpsWithTypingErrorsOnly(t *testing.T) {
	known := []string{"greeting", "notice", "menu"}
	for s, want := range map[string]string{"greting": "greeting", "notcie": "notice", "meny": "menu", "end": "", "queue": "", "": ""} {
		if got := nearest(s, known); got != want {
			t.Errorf("nearest(%q) = %q, want %q", s, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.yaml")
	for _, name := range files {
		f.Add(read(f, filepath.Base(name)))
	}
	f.Add([]byte(DefaultYAML()))
	f.Add([]byte("start: a\nnodes: {a: {end: goodbye}}"))
	f.Add([]byte("start: a\nnodes:\n  a:\n    menu: |\n      x\n    keys:\n      ? 1\n      : a\n"))
	f.Add([]byte("\"\": {? a: b}\n%TAG ! x\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		flow, err := Parse("fuzz.yaml", data)
		if err != nil {
			var ps Problems
			if !errors.As(err, &ps) || len(ps) == 0 || flow != nil {
				t.Fatalf("%v is no list of problems", err)
			}
			for _, p := range ps {
				if p.At.Line < 1 || p.At.Column < 1 || p.What == "" {
					t.Fatalf("a problem without a place or words: %+v", p)
				}
			}
			return
		}
		lim := Limits{Has: anyPhrase, Duration: threeSeconds}
		problems := flow.Check(lim)
		// Good or bad, no call may be lost in it.
		calls(t, flow, data, len(problems) == 0)
	})
}
