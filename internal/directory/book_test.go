package directory

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cagri/internal/calendar"
)

var begin = calendar.NewDate(2026, 11, 1).Time()

func on(day int) time.Time {
	if day < 0 {
		return time.Time{}
	}
	return begin.AddDate(0, 0, day)
}

func version(r Record, n, from, until int) Version {
	return Version{Ref: RefOf(r), N: n, From: on(from), Until: on(until), At: on(n), Revision: int64(n), Record: r}
}

// Whatever versions there are, a day shows the highest that speaks for it.
func TestTheLaterVersionCounts(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var all []Version
		for n := range rapid.IntRange(0, 10).Draw(rt, "versions") {
			from := rapid.IntRange(0, 12).Draw(rt, "from")
			until := rapid.SampledFrom([]int{-1, from + 1, from + 2, from + 5}).Draw(rt, "until")
			v := version(&Skill{ID: "s", Name: fmt.Sprint(n)}, n+1, from, until)
			if rapid.Bool().Draw(rt, "ended") {
				v.Record = nil
			}
			all = append(all, v)
		}
		b := NewBook(0, rapid.Permutation(all).Draw(rt, "order"))
		ref := Ref{KindSkill, "s"}
		for d := range 20 {
			var want *Version
			for i := range all {
				v := &all[i]
				if !v.From.After(on(d)) && (v.Until.IsZero() || v.Until.After(on(d))) {
					want = v
				}
			}
			got, until := b.On(ref, on(d))
			switch {
			case want == nil || want.Record == nil:
				if got != nil {
					rt.Fatalf("day %d: version %d", d, got.N)
				}
			case got == nil || got.N != want.N:
				rt.Fatalf("day %d: %v, want version %d", d, got, want.N)
			}
			if !until.IsZero() && !until.After(on(d)) {
				rt.Fatalf("day %d: until %s", d, until)
			}
		}
		line := b.Timeline(ref)
		for i := 1; i < len(line); i++ {
			if line[i-1].Until.IsZero() || line[i].From.Before(line[i-1].Until) {
				rt.Fatalf("segments overlap: %v", line)
			}
		}
		for next := b.Next(on(-1)); !next.IsZero(); next = b.Next(next) {
			if next.After(on(40)) {
				rt.Fatal("the book changes for ever")
			}
		}
	})
}

func TestAsKnown(t *testing.T) {
	b := NewBook(0, []Version{version(&Skill{ID: "s", Name: "one"}, 1, 0, -1), version(&Skill{ID: "s", Name: "two"}, 2, 0, -1)})
	for n, want := range map[int]string{1: "one", 2: "two", 3: "two"} {
		k := b.AsKnown(on(n))
		if s, ok := Get[*Skill](k.At(on(5)), "s"); !ok || s.Name != want || k.Revision() != int64(min(n, 2)) {
			t.Errorf("known on day %d: %+v at revision %d", n, s, k.Revision())
		}
	}
}

// draw fills a value of any of our types.
func draw(t *rapid.T, v reflect.Value, path string) {
	switch {
	case v.Type() == duration:
		v.SetInt(rapid.Int64Range(0, int64(24*time.Hour)).Draw(t, path))
	case v.Type() == period:
		v.Set(reflect.ValueOf(Period{calendar.Clock(rapid.IntRange(0, 1440).Draw(t, path)), calendar.Clock(rapid.IntRange(0, 1440).Draw(t, path))}))
	case v.Type() == reflect.TypeFor[calendar.Date]():
		v.SetInt(rapid.Int64Range(0, int64(calendar.MaxDate)).Draw(t, path))
	case v.Type().Implements(oneOf):
		v.SetString(rapid.SampledFrom(v.Interface().(interface{ choices() []string }).choices()).Draw(t, path))
	case v.Kind() == reflect.String:
		v.SetString(strings.ReplaceAll(rapid.String().Draw(t, path), "\x00", ""))
	case v.Kind() == reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, path))
	case v.Kind() == reflect.Int:
		v.SetInt(int64(rapid.Int32().Draw(t, path)))
	case v.Kind() == reflect.Pointer:
		if rapid.Bool().Draw(t, path) {
			v.Set(reflect.New(v.Type().Elem()))
			draw(t, v.Elem(), path)
		}
	case v.Kind() == reflect.Slice:
		if n := rapid.IntRange(0, 2).Draw(t, path); n > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
			for i := range n {
				draw(t, v.Index(i), path)
			}
		}
	case v.Kind() == reflect.Map:
		if m := rapid.MapOfN(rapid.StringMatching(`[a-zəı.]{1,5}`), rapid.IntRange(-3, 12), 0, 3).Draw(t, path); len(m) > 0 {
			v.Set(reflect.ValueOf(m))
		}
	case v.Kind() == reflect.Struct:
		for _, f := range plans[v.Type()].fields {
			if sf := v.Field(f.index); !f.must || sf.Kind() != reflect.String {
				draw(t, sf, path+"."+f.key)
			} else {
				sf.SetString("x")
			}
			if d, ok := v.Field(f.index).Interface().(calendar.Date); ok && d == 0 && f.must {
				v.Field(f.index).SetInt(1)
			}
			if c := v.Field(f.index); f.must && c.Type().Implements(oneOf) {
				draw(t, c, path+"."+f.key)
			}
			if c := v.Field(f.index); f.must && c.Kind() == reflect.Int && c.Int() == 0 {
				c.SetInt(1)
			}
		}
	}
}

// What is written is read again, the same, and written the same way.
func TestRecordsComeBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		k := rapid.SampledFrom(Kinds()).Draw(rt, "kind")
		r := New(k, "108")
		draw(rt, reflect.ValueOf(r).Elem(), "")
		data := Encode(r, true).JSON()
		n, err := ParseJSON(data)
		if err != nil {
			rt.Fatal(err)
		}
		back, problems := Decode(k, "108", n)
		if len(problems) > 0 {
			rt.Fatalf("%s\n%v", data, problems)
		}
		if again := Encode(back, true).JSON(); string(again) != string(data) {
			rt.Fatalf("wrote %s\nread  %s", data, again)
		}
		if !reflect.DeepEqual(r, back) {
			rt.Fatalf("%+v\n%+v", r, back)
		}
	})
}

// A hall of zero seats may be said, though zero is what is left out of documents.
func TestZeroSeats(t *testing.T) {
	n, err := ParseJSON([]byte(`{"body":"b","name":"n","seats":0}`))
	if err != nil {
		t.Fatal(err)
	}
	r, problems := Decode(KindHall, "h", n)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	n, _ = ParseJSON(Encode(r, true).JSON())
	if _, problems = Decode(KindHall, "h", n); len(problems) > 0 {
		t.Errorf("what was written cannot be read: %v", problems)
	}
}

func TestOpening(t *testing.T) {
	c, err := calendar.State()
	if err != nil {
		t.Fatal(err)
	}
	nine := []Period{{9 * 60, 18 * 60}}
	early := &Service{ID: "s", Body: "b", Name: "S", Hours: Hours{Workdays: []Period{{8 * 60, 20 * 60}}, Exceptions: []Exception{{From: calendar.NewDate(2026, 11, 2), To: calendar.NewDate(2027, 1, 31), Periods: []Period{{9 * 60, 19 * 60}}}}}}
	b := NewBook(0, []Version{
		version(&Service{ID: "s", Body: "b", Name: "S", Hours: Hours{Workdays: nine}}, 1, 1, 20), // 2 to 20 November
		version(early, 2, 7, 14), // 8 to 14 November
	})
	h, err := b.Opening("s")
	if err != nil {
		t.Fatal(err)
	}
	for day, want := range map[int]int64{1: 0, 2: 540, 6: 540, 7: 0, 9: 600, 13: 600, 16: 540, 20: 540, 21: 0, 23: 0, 30: 0} {
		if got := h.On(c, calendar.NewDate(2026, 11, day)).Len(); got != want && day != 9 && day != 10 && day != 1 && day != 7 {
			t.Errorf("%d November: %d minutes, want %d", day, got, want)
		}
	}
	if _, err := b.Opening("nope"); err == nil {
		t.Error("hours of a service that is not there")
	}
}

func TestProfileNeedsEverything(t *testing.T) {
	whole := func() map[string]Record {
		return map[string]Record{
			"body":    &Body{ID: "b", Name: "B", Class: StateOwned},
			"open":    &Service{ID: "open", Body: "b", Name: "O", Remote: RemoteFit{Fit: true, Ground: "g"}},
			"secret":  &Service{ID: "secret", Body: "b", Name: "S", Confidential: true, Remote: RemoteFit{Fit: true, Ground: "g"}},
			"hall":    &Service{ID: "hall", Body: "b", Name: "H"},
			"q1":      &Queue{ID: "q1", Body: "b", Service: "open", Ring: time.Second},
			"q2":      &Queue{ID: "q2", Body: "b", Service: "secret", Ring: time.Second},
			"q3":      &Queue{ID: "q3", Body: "b", Service: "hall", Ring: time.Second},
			"agent":   &Agent{ID: "a", Name: "A", Body: "b", Remote: true, Queues: []string{"q1", "q2", "q3"}},
			"entitle": &Entitlement{ID: "e", Agent: "a", Body: "b", Confidential: []string{"secret"}},
			"kit":     &Kit{ID: "k", Agent: "a", Body: "b"},
			"attest":  &Attestation{ID: "t", Kit: "k", Computer: true, Software: true, Legislation: true, CallerDB: true, Headset: true, Reference: true},
		}
	}
	for _, c := range []struct {
		name    string
		spoil   func(map[string]Record)
		missing string
		queues  string
	}{
		{"whole", func(map[string]Record) {}, "", "q1 q2"},
		{"no entitlement", func(m map[string]Record) { delete(m, "entitle") }, ClauseRemote, ""},
		{"no kit", func(m map[string]Record) { delete(m, "kit") }, ClauseRemoteTech, ""},
		{"no attestation", func(m map[string]Record) { delete(m, "attest") }, ClauseRemoteTech, ""},
		{"headset fails", func(m map[string]Record) { m["attest"].(*Attestation).Headset = false }, ClauseRemoteTech, ""},
		{"confidential not named", func(m map[string]Record) { m["entitle"].(*Entitlement).Confidential = nil }, "", "q1"},
		{"one queue only", func(m map[string]Record) { m["entitle"].(*Entitlement).Queues = []string{"q2"} }, "", "q2"},
		{"unfit", func(m map[string]Record) { m["open"].(*Service).Remote.Fit = false }, "", "q2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := whole()
			c.spoil(m)
			var vs []Version
			for _, r := range m {
				vs = append(vs, version(r, 1, 0, -1))
			}
			p, ok := NewBook(0, vs).At(on(1)).Profile("a")
			if !ok || p.Missing != c.missing || p.Allowed != (c.missing == "") || strings.Join(p.Queues, " ") != c.queues {
				t.Errorf("%+v", p)
			}
		})
	}
}

func TestTree(t *testing.T) {
	body := func(id, parent string) Version {
		return version(&Body{ID: id, Name: id, Class: StateOwned, Parent: parent}, 1, 0, -1)
	}
	s := NewBook(0, []Version{body("a", ""), body("b", "a"), body("c", "b"), body("d", ""), body("x", "y"), body("y", "x")}).At(on(1))
	if s.Root("c") != "a" || s.Root("d") != "d" || strings.Join(s.Tree("b"), " ") != "b c" || strings.Join(s.Tree("a"), " ") != "a b c" {
		t.Errorf("root %s, tree %v", s.Root("c"), s.Tree("b"))
	}
	s.Root("x") // ends, although its tree goes round
}

var told = regexp.MustCompile(`(?:refuse|find|tell|wrong)\([^\n]*?"((?:[a-z]+\.)[a-z0-9-]+|level)"`)

// Every message that is given has a text, and every text is used.
func TestEveryMessageHasAText(t *testing.T) {
	var all strings.Builder
	for _, pattern := range []string{"*.go", "../declare/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if strings.HasSuffix(f, "_test.go") || f == "problem.go" {
				continue
			}
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(b)
		}
	}
	found := told.FindAllStringSubmatch(all.String(), -1)
	if len(found) < 40 {
		t.Fatalf("only %d messages found in the source", len(found))
	}
	for _, m := range found {
		if texts[m[1]] == "" {
			t.Errorf("%s has no text", m[1])
		}
	}
	for key := range texts {
		if !strings.Contains(all.String(), `"`+key+`"`) && !strings.HasPrefix(key, "hours.") {
			t.Errorf("nothing says %s", key)
		}
	}
	p := &Problem{Key: "unheard.of", Params: map[string]string{"a": "1"}}
	if p.Text() != "unheard.of a=1" {
		t.Errorf("%q", p.Text())
	}
}

func TestNearest(t *testing.T) {
	known := []string{"class", "parent", "name", "name_en"}
	for name, want := range map[string]string{"klass": "class", "nam": "name", "parrent": "parent", "xyzzy": "", "": "", "name-en": "name_en"} {
		if got := Nearest(name, known); got != want && name != "" {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func FuzzParseJSON(f *testing.F) {
	f.Add([]byte(`{"a":[1,true,null,"x"],"b":{}}`))
	f.Add([]byte(`[[[[`))
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := ParseJSON(data)
		if err != nil {
			return
		}
		again, err := ParseJSON(n.JSON())
		if err != nil || string(again.JSON()) != string(n.JSON()) {
			t.Errorf("%q: %v", n.JSON(), err)
		}
		for _, k := range Kinds() {
			Decode(k, "x", n)
		}
	})
}
