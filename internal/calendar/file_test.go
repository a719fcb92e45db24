package calendar

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

const head = "year: 2027\nentries:\n"
const name = ", name: {az: a, en: b, ru: c}"

func TestFileErrorsNameTheLine(t *testing.T) {
	ok := "  - {id: ramazan, kind: holiday, date: 2027-03-09, days: 2, certainty: computed, uncertainty: 1" + name + "}\n"
	for what, w := range map[string]struct {
		text string
		line int
		says string
	}{
		"empty":                {"", 1, "empty"},
		"only a comment":       {"# nothing\n", 1, "empty"},
		"no YAML":              {"year: 2027\nentries: [\n", 2, "not YAML"},
		"a tab":                {"year: 2027\nentries:\n\t- x: 1\n", 3, "not YAML"},
		"a list":               {"- 1\n- 2\n", 1, "key: value"},
		"neither year nor law": {"source: x\nentries: []\n", 1, "year or the law"},
		"both":                 {"year: 2027\nlaw: true\nentries: []\n", 1, "year or the law"},
		"law: false":           {"law: false\nentries: []\n", 1, "law"},
		"odd year":             {"year: MMXXVII\nentries: []\n", 1, "year"},
		"far year":             {"year: 20270\nentries: []\n", 1, "year"},
		"no entries":           {"year: 2027\n", 1, "entries are missing"},
		"unknown top key":      {"year: 2027\nentires: []\n", 2, "entires"},
		"two documents":        {head + ok + "---\nyear: 2028\nentries: []\n", 5, "second document"},
		"doubled key":          {"year: 2027\nyear: 2028\nentries: []\n", 2, "second time"},
		"unknown kind":         {head + ok + "  - {kind: feast, date: 2027-03-20}\n", 4, "feast"},
		"no kind":              {head + "  - {date: 2027-03-20}\n", 3, "kind"},
		"no such day":          {head + "  - {id: novruz, kind: holiday, date: 2027-02-29, certainty: decreed" + name + "}\n", 3, "2027-02-29"},
		"another year":         {head + "  - {id: novruz, kind: holiday, date: 2026-03-20, certainty: decreed" + name + "}\n", 3, "2026-03-20"},
		"misspelt feast":       {head + "  - {id: ramadan, kind: holiday, date: 2027-03-09, certainty: decreed" + name + "}\n", 3, "ramadan"},
		"no certainty":         {head + "  - {id: novruz, kind: holiday, date: 2027-03-20" + name + "}\n", 3, "needs certainty"},
		"confirmed in a file":  {head + "  - {id: novruz, kind: holiday, date: 2027-03-20, certainty: confirmed" + name + "}\n", 3, "confirmed"},
		"certain uncertainty":  {head + "  - {id: novruz, kind: holiday, date: 2027-03-20, certainty: decreed, uncertainty: 1" + name + "}\n", 3, "uncertainty"},
		"a name too few":       {head + "  - {id: novruz, kind: holiday, date: 2027-03-20, certainty: decreed, name: {az: a, en: b}}\n", 3, "az, en, ru"},
		"no name":              {head + "  - {id: novruz, kind: holiday, date: 2027-03-20, certainty: decreed}\n", 3, "needs name"},
		"key of another kind":  {head + "  - {kind: short, date: 2027-03-19, with: 2027-03-20}\n", 3, "with"},
		"moved from nowhere":   {head + "  - {kind: moved, date: 2027-03-19}\n", 3, "needs from"},
		"moved too far":        {head + "  - {kind: moved, date: 2027-03-19, from: 2026-03-19}\n", 3, "belong together"},
		"half a swap":          {head + "  - {kind: swapped-off, date: 2027-03-19, with: 2027-03-27}\n", 3, "second half"},
		"swap with itself":     {head + "  - {kind: swapped-off, date: 2027-03-19, with: 2027-03-19}\n", 3, "belong together"},
		"twice the same day":   {head + ok + ok, 4, "second time"},
		"overlapping runs":     {head + ok + strings.Replace(ok, "03-09", "03-10", 1), 4, "second time"},
		"long run":             {head + strings.Replace(ok, "days: 2", "days: 200", 1), 3, "days"},
		"swap in the law":      {"law: true\nentries:\n  - {kind: swapped-off, day: 05-28, with: 2027-03-19}\n", 3, "each year"},
		"29 February by law":   {"law: true\nentries:\n  - {id: x, kind: holiday, day: 02-29" + name + "}\n", 3, "02-29"},
		"a date in the law":    {"law: true\nentries:\n  - {id: x, kind: holiday, date: 2027-01-01, day: 01-01" + name + "}\n", 3, "date does not go"},
		"an entry is a word":   {head + "  - novruz\n", 3, "key: value"},
		"odd id":               {head + "  - {id: Extra Day, kind: holiday, date: 2027-03-20, certainty: decreed" + name + "}\n", 3, "id"},
		"deep nesting":         {strings.Repeat("[", 5000), 1, "nested"},
		"huge":                 {strings.Repeat("#\n", maxFileBytes), 1, "larger"},
	} {
		t.Run(what, func(t *testing.T) {
			f, err := ParseFile("decree.yaml", []byte(w.text))
			var ps Problems
			if !errors.As(err, &ps) || f != nil {
				t.Fatalf("read as %+v, %v", f, err)
			}
			found := false
			for _, p := range ps {
				if p.Do == "" || p.File != "decree.yaml" {
					t.Errorf("%+v does not say what to do or where", p)
				}
				found = found || p.Line == w.line && strings.Contains(p.What+p.Do, w.says)
			}
			if !found {
				t.Errorf("want line %d and %q, got:\n%v", w.line, w.says, err)
			}
		})
	}
}

func TestAFileInJSON(t *testing.T) {
	c, err := state(t).With(file(t, `{"year": 2027, "known": "2026-12-25", "source": "decree", "entries": [
		{"id": "qurban", "kind": "holiday", "date": "2027-05-15", "days": 2, "certainty": "decreed", "name": {"az": "a", "en": "b", "ru": "c"}}
	]}`))
	if err != nil {
		t.Fatal(err)
	}
	for s, off := range map[string]bool{"2027-05-17": true, "2027-05-18": true, "2027-05-19": false} { // two weekend days are given back
		if d := c.Day(date(s)); d.Off != off || d.Maybe != nil {
			t.Errorf("%s: %+v", s, d)
		}
	}
}

func TestAnExtraDayAndALaterLaw(t *testing.T) {
	c, err := state(t).With(file(t, head+"  - {id: extra-forum, kind: holiday, date: 2027-11-10, certainty: decreed, basis: order"+name+"}\n"))
	if err != nil || !c.Day(date("2027-11-10")).Off || c.Day(date("2027-11-10")).Basis != "order" {
		t.Errorf("an act may make a day off of its own: %+v, %v", c.Day(date("2027-11-10")), err)
	}
	law := "law: true\nknown: 2027-01-01\nentries:\n" +
		"  - {id: new-year, kind: holiday, day: 01-01, until: 2027-12-31" + name + "}\n" +
		"  - {id: spring, kind: holiday, day: 04-05, since: 2028-01-01" + name + "}\n"
	c, err = c.With(file(t, law))
	if err != nil {
		t.Fatal(err)
	}
	for s, off := range map[string]bool{"2027-01-01": true, "2029-01-01": false, "2027-04-05": false, "2028-04-05": true, "2028-03-08": false} {
		if got := c.Day(date(s)).Off; got != off {
			t.Errorf("%s under the later law: off %v", s, got)
		}
	}
	if old := c.AsKnown(date("2026-12-31")); !old.Day(date("2028-03-08")).Off {
		t.Error("before the later law was known the earlier one counts")
	}
}

func TestEmbeddedFilesAreWhole(t *testing.T) {
	c := state(t)
	if got := c.Years(); len(got) != 4 || got[0] != 2025 || got[3] != 2028 {
		t.Errorf("years are %v", got)
	}
	for _, f := range c.files {
		for _, e := range f.Entries {
			if e.Source == "" {
				t.Errorf("%s:%d has no source", f.Name, e.Line)
			}
			if lies(&e) && (e.Name.AZ == "" || e.Name.EN == "" || e.Name.RU == "") {
				t.Errorf("%s:%d has no name in a language", f.Name, e.Line)
			}
			if f.Year >= 2027 && e.Kind == KindHoliday && e.Certainty != Computed {
				t.Errorf("%s:%d: nothing of %d is decreed", f.Name, e.Line, f.Year)
			}
			if e.meets() && e.Certainty == Computed && e.Uncertainty != 1 {
				t.Errorf("%s:%d: the moon leaves a day open", f.Name, e.Line)
			}
		}
	}
	// Each year names all days that the rules move in it, so that a reader sees them.
	for y := 2025; y <= 2028; y++ {
		_, moved := c.resolve(world{hold: true}, nil)
		named := 0
		for _, f := range c.files {
			for _, e := range f.Entries {
				if e.Kind == KindMoved && e.Other.Year() == y {
					named++
				}
			}
		}
		for _, m := range moved {
			if m.Other.Year() == y {
				named--
			}
		}
		if named != 0 {
			t.Errorf("%d: named and moved days differ by %d", y, named)
		}
	}
	for _, d := range c.Year(2027) {
		if _, err := json.Marshal(d); err != nil {
			t.Error(err)
		}
	}
}

func FuzzParseFile(f *testing.F) {
	for _, n := range []string{"law", "2025", "2027"} {
		b, err := dataFiles.ReadFile("data/" + n + ".yaml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(decree2027))
	f.Add([]byte(`{"year": 2027, "entries": [{"kind": "short", "date": "2027-07-02"}]}`))
	f.Add([]byte(head + "  - {kind: swapped-off, date: 2027-03-19, with: 2027-03-27}\n  - {kind: swapped-work, date: 2027-03-27, with: 2027-03-19}\n"))
	f.Add([]byte("year: &a 2027\nentries: [*a, <<: *a, !!str x]\n"))
	law, err := dataFiles.ReadFile("data/law.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := ParseFile("f.yaml", b)
		if err != nil {
			var ps Problems
			if !errors.As(err, &ps) || len(ps) == 0 {
				t.Fatalf("the error is no Problems: %v", err)
			}
			for _, p := range ps {
				if p.Line < 1 || p.Line > 2+strings.Count(string(b), "\n")+strings.Count(string(b), "\r") || p.What == "" || p.Do == "" {
					t.Fatalf("%+v in a file of %d lines", p, 1+strings.Count(string(b), "\n"))
				}
			}
			return
		}
		base, err := ParseFile("law.yaml", law)
		if err != nil {
			t.Fatal(err)
		}
		c, err := New(base, got)
		if err != nil {
			return // moved days that do not agree
		}
		if got.Year == 0 {
			c.Day(date("2027-01-01"))
			return
		}
		for d := NewDate(got.Year, 1, 1); d.Year() == got.Year; d++ {
			if day := c.Day(d); day.Off == c.Working(d) || day.Off && day.Certainty == Computed {
				t.Fatalf("%s: %+v", d, day)
			}
		}
	})
}
