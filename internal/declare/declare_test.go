package declare

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"cagri/internal/calendar"
	"cagri/internal/directory"
)

func TestATownIsAppliedOnce(t *testing.T) {
	r, m := newRegister()
	p := apply(t, r, town)
	if p.Counts != (Counts{Created: 10}) || m.book.Revision() != 1 {
		t.Fatalf("%+v, revision %d", p.Counts, m.book.Revision())
	}
	if p = apply(t, r, town); p.Counts != (Counts{Unchanged: 10}) || m.book.Revision() != 1 {
		t.Fatalf("a second time: %+v\n%s", p.Counts, p.Text())
	}
	s := m.book.At(now)
	d := s.Directory()
	if err := d.Check(func(f string) bool { return f == "default" }); err != nil {
		t.Error(err)
	}
	if len(d.Numbers) != 2 || len(d.Agents) != 1 || d.Queues[0].Ring != 20*time.Second || d.Phones[0].Password != "" || len(d.Phones[0].HA1) != 64 {
		t.Errorf("directory %+v", d)
	}
	if n, ok := s.Called("+99412108"); !ok || n.Dial != "108" {
		t.Errorf("called %+v", n)
	}
}

func TestTheDifferenceIsTold(t *testing.T) {
	r, _ := newRegister()
	apply(t, r, town)
	p := apply(t, r, strings.NewReplacer("{tax: 7}", "{tax: 9}", "seats: 12", "seats: 22", "geheim", "neu").Replace(town))
	text := p.Text()
	for _, want := range []string{"~ hall hall1 from now on", "~ seats: 12 → 22", "~ skills.tax: 7 → 9", "~ ha1: (hidden) → (hidden)", "0 created, 3 changed, 0 ended, 7 unchanged"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}

var holes = regexp.MustCompile(`\{[a-z]+\}`)

// Every mistake is refused with its place, and with its clause if the law has one.
func TestMistakes(t *testing.T) {
	for _, c := range []struct{ name, old, new, mark, key, clause string }{
		{"no YAML", "kind: body\nid: asan", "kind: [body\nid: asan", "", "form.yaml", ""},
		{"unknown key", "class: central_executive}", "klass: central_executive}", "klass", "form.unknown-key-near", ""},
		{"class missing", "name: Agentlik, class: central_executive", "name: Agentlik", "{name: Agentlik", "form.must", directory.ClauseClass},
		{"sixth class", "class: public_entity", "class: public", "public, parent", "form.choice", ""},
		{"unknown kind", "kind: hall", "kind: hal", "hal\n", "form.kind", ""},
		{"unknown parent", "parent: asan", "parent: azan", "azan", "ref.missing-near", directory.ClauseClass},
		{"circle", "class: central_executive}", "class: central_executive, parent: dost}", "dost}", "tree.cycle", directory.ClauseNumber},
		{"unknown skill", "skills: {tax: 7}", "skills: {tex: 7}", "7}, lang", "ref.missing-near", ""},
		{"level", "skills: {tax: 7}", "skills: {tax: 11}", "11}", "level", ""},
		{"unknown queue", "queues: [general]", "queues: [generic]", "generic", "ref.missing-near", ""},
		{"emergency without ground", ", ground: Qanun", "", "{body: asan, name: Yan", "service.no-ground", directory.ClauseEmergency},
		{"emergency with hours", "ground: Qanun", "ground: Qanun, hours: {workdays: 09:00-18:00}", "hours: {workdays: 09:00-18:00}", "hours.not-always", directory.ClauseEmergency},
		{"lunch", "name: Yardım", "name: Yardım\n  hours: {workdays: [09:00-13:00, 14:00-18:00]}", "workdays", "hours.gap", directory.ClauseHours},
		{"impossible hours", "name: Yardım", "name: Yardım\n  hours: {workdays: [18:00-09:00]}", "workdays", "hours.bad-period", directory.ClauseHours},
		{"no time", "name: Yardım", "name: Yardım\n  hours: {workdays: [9-18]}", "9-18", "form.bad-value", ""},
		{"late on Friday", "name: Yardım", "name: Yardım\n  hours:\n    workdays: 09:00-18:00\n    friday: 10:00-18:00", "10:00-18:00", "hours.starts-late", directory.ClauseHours},
		{"closed working day", "name: Yardım", "name: Yardım\n  hours: {workdays: 09:00-18:00, exceptions: [{from: 2026-11-25, to: 2026-11-25}]}", "{from: 2026", "hours.closure-no-ground", directory.ClauseHours},
		{"number twice", "---\nkind: phone", "---\nkind: number\nid: 109\nspec: {body: asan, internal: true, arrives: ['108']}\n---\nkind: phone", "'108'", "number.taken", directory.ClauseNumber},
		{"phone without a secret", "password: geheim, ", "", "kind: phone", "phone.secret", ""},
		{"ring", "service: help,", "service: help, ring: 500ms,", "500ms", "queue.time", ""},
		{"bare duration", "service: help,", "service: help, ring: 20,", "20, needs", "form.bad-value", ""},
		{"flow", "spec: {body: asan, arrives", "spec: {body: asan, flow: nope, arrives", "nope", "ref.missing", ""},
		{"seats", "seats: 12", "seats: -1", "-1", "hall.seats", directory.ClauseHall},
		{"remote without ground", ", ground: no secrets", "", "remote: {", "service.fit", directory.ClauseRemote},
		{"empty name", "name: DOST", "name: ''", "''", "form.must", ""},
		{"twice", "id: dost", "id: asan", "", "form.twice", ""},
		{"id", "id: dost", "id: do.st", "do.st", "form.id", ""},
		{"until before from", "id: dost", "id: dost\nfrom: 2027-01-01\nuntil: 2026-12-31", "2026-12-31", "dates.order", ""},
		{"past without reason", "id: dost", "id: dost\nfrom: 2025-01-01", "", "dates.past", ""},
		{"no day", "id: dost", "id: dost\nfrom: 2026-02-30", "2026-02-30", "form.bad-value", ""},
		{"begins before its parent", "id: dost", "id: dost\nfrom: 2025-01-01\nreason: late entry", "asan}\n---\nkind: skill", "ref.ended", directory.ClauseClass},
		{"alias", "{name: Vergi}", "&x {name: Vergi}", "&x", "form.alias", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(town, c.old, c.new, 1)
			if text == town {
				t.Fatal("nothing was spoiled")
			}
			text = strings.TrimPrefix(text, "\n")
			r, m := newRegister()
			p := refused(t, r, text)
			at := "a.yaml:"
			if before, _, ok := strings.Cut(text, c.mark); ok && c.mark != "" {
				at += fmt.Sprintf("%d:%d", 1+strings.Count(before, "\n"), 1+utf8.RuneCountInString(before[1+strings.LastIndex(before, "\n"):]))
			} else if c.mark != "" {
				t.Fatalf("%q is not in the text", c.mark)
			}
			var all []string
			for _, x := range p.Refused {
				if x.Key == c.key && (x.At.String() == at || c.mark == "" && strings.HasPrefix(x.At.String(), at)) && x.Clause == c.clause {
					if holes.MatchString(x.Text()) {
						t.Errorf("a parameter is missing: %s", x.Error())
					}
					if !m.book.Empty() {
						t.Error("something was written")
					}
					return
				}
				all = append(all, fmt.Sprintf("%s | %s | %s", x.Error(), x.Key, x.Clause))
			}
			t.Errorf("want %s %s [%s], got\n%s", at, c.key, c.clause, strings.Join(all, "\n"))
		})
	}
}

func TestFindingsAreLetIn(t *testing.T) {
	for _, c := range []struct{ name, add, key, clause string }{
		{"second number", "kind: number\nid: 1655\nspec: {body: dost}", "number.second", directory.ClauseNumber},
		{"own number", "kind: number\nid: 1655\nspec: {body: dost, ground: own centre}", "number.own", directory.ClauseNumber},
		{"prefix", "kind: number\nid: 1081\nspec: {body: asan, internal: true}", "number.prefix", directory.ClauseNumber},
		{"second hall", "kind: hall\nid: hall2\nspec: {body: dost, name: Zal, seats: 8}", "hall.several", directory.ClauseHall},
		{"charged", "kind: number\nid: 199\nspec: {body: asan, internal: true, networks: [{name: btrib, fixed: true, tariff: charged}]}", "number.charged", directory.ClauseFree},
		{"outside", "kind: body\nid: court\nspec: {name: Məhkəmə, class: outside}", "class.outside", directory.ClauseClass},
		{"remote without papers", "kind: agent\nid: elvin\nspec: {name: Elvin, body: asan, remote: true}", "remote.none", directory.ClauseRemote},
		{"closed with ground", "kind: service\nid: s2\nspec: {body: asan, name: S, hours: {workdays: 09:00-18:00, exceptions: [{from: 2026-11-25, to: 2026-11-25, ground: {reason: fire, act: 1, who: A, when: 2026-11-24}}]}}", "hours.closure", directory.ClauseHours},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, _ := newRegister()
			p := apply(t, r, town+"---\n"+c.add)
			for _, f := range p.Findings {
				if f.Key == c.key && f.Clause == c.clause && f.At.Line > 0 {
					return
				}
			}
			t.Errorf("no %s among %v", c.key, p.Findings)
		})
	}
	// 12 and 9 seats are 21, more than 20: two halls are in order (reading R1).
	r, _ := newRegister()
	if p := apply(t, r, town+"---\nkind: hall\nid: hall2\nspec: {body: dost, name: Zal, seats: 9}"); len(p.Findings) != 0 {
		t.Errorf("21 seats: %v", p.Findings)
	}
}

func seats(t *testing.T, b *directory.Book, day string) int {
	t.Helper()
	at, err := Moment(day)
	if err != nil {
		t.Fatal(err)
	}
	h, ok := directory.Get[*directory.Hall](b.At(at), "hall1")
	if !ok {
		return -1
	}
	return h.Seats
}

// A record through the years: planned, corrected backwards, ended; each step twice.
func TestAsItWasOnADay(t *testing.T) {
	r, m := newRegister()
	apply(t, r, "kind: body\nid: asan\nfrom: 2020-01-01\nreason: first entry\nspec: {name: A, class: central_executive}")
	hall := func(dates string, n int) string {
		return fmt.Sprintf("kind: hall\nid: hall1\n%s\nspec: {body: asan, name: Zal, seats: %d}\n", dates, n)
	}
	days := []string{"2020-06-01", "2024-06-01", "2026-11-23", "2026-12-02", "2027-02-01", "2028-01-01"}
	for _, step := range []struct {
		name, text string
		want       []int
	}{
		{"from tomorrow", hall("from: 2026-11-24", 5), []int{-1, -1, -1, 5, 5, 5}},
		{"planned", hall("from: 2027-01-01", 9), []int{-1, -1, -1, 5, 9, 9}},
		{"was there since 2024", hall("from: 2024-01-01\nreason: found in an old order", 4), []int{-1, 4, 4, 5, 9, 9}},
		{"ends for December", "kind: hall\nid: hall1\nfrom: 2026-12-01\nended: true\n---\n" + hall("from: 2026-12-20", 6), []int{-1, 4, 4, -1, 9, 9}},
		{"until", hall("from: 2026-12-20\nuntil: 2027-12-01", 6), []int{-1, 4, 4, -1, 6, -1}},
		{"longer", hall("from: 2026-12-20\nuntil: 2028-12-01", 6), []int{-1, 4, 4, -1, 6, 6}},
		{"gone", "kind: hall\nid: hall1\nfrom: 2026-12-20\nended: true", []int{-1, 4, 4, -1, -1, -1}},
	} {
		if p := apply(t, r, step.text); p.Counts.Unchanged > 0 {
			t.Errorf("%s: nothing changed", step.name)
		}
		for i, d := range days {
			if got := seats(t, m.book, d); got != step.want[i] {
				t.Errorf("%s: on %s %d seats, want %d", step.name, d, got, step.want[i])
			}
		}
		if p := apply(t, r, step.text); len(p.Changes) > 0 {
			t.Errorf("%s, again:\n%s", step.name, p.Text())
		}
	}
	// What was known before the last corrections is known still.
	if n := len(m.book.Versions(directory.Ref{Kind: directory.KindHall, ID: "hall1"})); n < 7 {
		t.Errorf("%d versions", n)
	}
	if old := m.book.AsKnown(now.Add(-time.Hour)); !old.Empty() {
		t.Error("the book knows of what was applied later")
	}
}

func TestPrune(t *testing.T) {
	r, m := newRegister()
	apply(t, r, town+"---\nkind: accommodation\nid: x\nspec: {agent: aysel, body: asan, needs: masa, author: B, decided: 2026-11-01}")
	less := town[:strings.Index(town, "---\nkind: phone")]
	p, err := r.Apply(t.Context(), Request{Files: []File{{"a.yaml", less}}, Prune: true, Revision: 1})
	if err == nil {
		t.Fatal("the accommodation of somebody who is gone was left hanging")
	}
	if !strings.Contains(p.Refused.Error(), "ref.") && !strings.Contains(p.Refused.Error(), "aysel") {
		t.Error(p.Refused)
	}
	apply(t, r, "kind: accommodation\nid: x\nended: true")
	if p, err = r.Apply(t.Context(), Request{Files: []File{{"a.yaml", less}}, Prune: true, Revision: 2}); err != nil || p.Counts.Ended != 2 || p.Counts.Unchanged != 8 {
		t.Fatalf("%v: %v\n%s", p.Counts, err, p.Text())
	}
	if _, ok := directory.Get[*directory.Agent](m.book.At(now), "aysel"); ok {
		t.Error("aysel is still there")
	}
	if _, ok := directory.Get[*directory.Agent](m.book.At(now.Add(-time.Microsecond)), "aysel"); ok {
		t.Error("aysel was there before she was created")
	}
}

func TestStaleAndHooks(t *testing.T) {
	r, _ := newRegister()
	var heard []int64
	r.OnApplied(func(s *directory.Snapshot) { heard = append(heard, s.Revision) })
	apply(t, r, town)
	apply(t, r, town)
	if _, err := r.Apply(t.Context(), Request{Files: []File{{"a", town}}, Revision: 0}); !errors.Is(err, directory.ErrStale) {
		t.Errorf("a plan of an old book: %v", err)
	}
	refused(t, r, "kind: hall\nid: h\nspec: {}")
	apply(t, r, "kind: skill\nid: card\nspec: {name: Kart}")
	if fmt.Sprint(heard) != "[1 2]" {
		t.Errorf("heard of %v", heard)
	}
}

func TestPasswords(t *testing.T) {
	r, m := newRegister()
	apply(t, r, "kind: phone\nid: 1001\nspec: {password: 'a: b', md5: true}")
	get := func() *directory.Phone {
		p, _ := directory.Get[*directory.Phone](m.book.At(now), "1001")
		return p
	}
	// printf '1001:cagri:a: b' | sha256sum, md5sum
	first := get()
	if len(first.HA1) != 64 || len(first.HA1MD5) != 32 || first.Password != "" {
		t.Fatalf("%+v", first)
	}
	if p := apply(t, r, "kind: phone\nid: 1001\nspec: {md5: true}"); len(p.Changes) > 0 {
		t.Errorf("without a password the phone changed: %s", p.Text())
	}
	files, err := r.Export(t.Context(), Selection{})
	if err != nil || strings.Contains(Text(files), first.HA1) {
		t.Errorf("an export tells hashes: %v", err)
	}
	if p := apply(t, r, Text(files)); len(p.Changes) > 0 {
		t.Errorf("the export changes something: %s", p.Text())
	}
	if files, _ = r.Export(t.Context(), Selection{Secrets: true}); !strings.Contains(Text(files), first.HA1) {
		t.Error("an export with secrets has none")
	}
	p := refused(t, r, "kind: trunk\nid: btrib\nspec: {from: [203.0.113.1], secret: hunter2}")
	if strings.Contains(p.Refused.Error(), "hunter2") {
		t.Error("a secret is repeated in a message")
	}
}

func TestExportOfADay(t *testing.T) {
	r, _ := newRegister()
	apply(t, r, town+"---\nkind: accommodation\nid: x\nspec: {agent: aysel, body: asan, needs: masa, author: B, decided: 2026-11-01}")
	apply(t, r, "kind: hall\nid: hall1\nfrom: 2027-01-01\nspec: {body: asan, name: Zal, seats: 30}")
	later, _ := Moment("2027-01-02")
	files, err := r.Export(t.Context(), Selection{At: later, Kinds: []directory.Kind{directory.KindHall}})
	if err != nil || len(files) != 1 || !strings.Contains(files[0].Text, "seats: 30") {
		t.Errorf("%v %v", files, err)
	}
	if files, _ = r.Export(t.Context(), Selection{}); strings.Contains(Text(files), "masa") || !strings.Contains(Text(files), "seats: 12") {
		t.Error("the export tells of an accommodation, or not of today")
	}
	if files, _ = r.Export(t.Context(), Selection{Accommodations: true}); !strings.Contains(Text(files), "masa") {
		t.Error("accommodations asked for are not there")
	}
	if files, _ = r.Export(t.Context(), Selection{Body: "dost"}); len(files) != 1 {
		t.Errorf("records of dost: %v", files)
	}
}

func TestFilesOfAFolder(t *testing.T) {
	dir := fstest.MapFS{"b/x.yml": {Data: []byte("kind: skill\nid: a\nspec: {name: A}")}, "a.yaml": {Data: []byte("[]")}, ".git/c.yaml": {}, "README.md": {}}
	files, err := Files(dir, "conf")
	if err != nil || len(files) != 2 || files[0].Name != "conf/a.yaml" || files[1].Name != "conf/b/x.yml" {
		t.Errorf("%v %v", files, err)
	}
	if _, err := Files(fstest.MapFS{"README.md": {}}, "conf"); err == nil {
		t.Error("a folder without documents is taken")
	}
	docs, problems := Read([]File{{"j", `[{"kind":"skill","id":"a","spec":{"name":"A"}},{"kind":"skill","id":"b","spec":{"name":"B"}}]`}})
	if len(docs) != 2 || len(problems) > 0 {
		t.Errorf("JSON: %v %v", docs, problems)
	}
}

// Whatever was applied, applying it again changes nothing, and the book written out
// builds the same book.
func TestTwiceIsOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r, m := newRegister()
		for range rapid.IntRange(1, 5).Draw(rt, "applies") {
			var docs []string
			seen := map[string]bool{}
			for range rapid.IntRange(1, 4).Draw(rt, "documents") {
				id := rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "id")
				from := rapid.IntRange(0, 9).Draw(rt, "from")
				if key := fmt.Sprint(id, from); seen[key] {
					continue
				} else {
					seen[key] = true
				}
				text := fmt.Sprintf("kind: skill\nid: %s\nreason: why\n", id)
				if from > 0 {
					text += fmt.Sprintf("from: 2026-11-%02d\n", 15+from)
				}
				if u := rapid.IntRange(0, 12).Draw(rt, "until"); u > from && from > 0 {
					text += fmt.Sprintf("until: 2026-11-%02d\n", 15+u)
				}
				name := rapid.SampledFrom([]string{"", "x", "ə: '#' y", "108"}).Draw(rt, "name")
				if name == "" {
					text += "ended: true\n"
				} else {
					text += fmt.Sprintf("spec: {name: %q}\n", name)
				}
				docs = append(docs, text)
			}
			text := strings.Join(docs, "---\n")
			q := Request{Files: []File{{"a", text}}, Revision: -1}
			if _, err := r.Apply(context.Background(), q); err != nil {
				if strings.Contains(err.Error(), "no such record to end") || strings.Contains(err.Error(), "says something else") {
					continue
				}
				rt.Fatal(err)
			}
			if p, err := r.Apply(context.Background(), q); err != nil || len(p.Changes) > 0 {
				rt.Fatalf("again: %v\n%s\n%s", err, text, p.Text())
			}
		}
		history, err := r.Export(context.Background(), Selection{History: true})
		if err != nil {
			rt.Fatal(err)
		}
		again, m2 := newRegister()
		for _, reg := range []*Register{r, again} {
			p, err := reg.Apply(context.Background(), Request{Files: history, Revision: -1, Reason: "moved house"})
			if err != nil {
				rt.Fatalf("%v\n%s", err, Text(history))
			}
			if reg == r && len(p.Changes) > 0 {
				rt.Fatalf("the export changes its own book:\n%s\n%s", Text(history), p.Text())
			}
		}
		for d := range 40 {
			t := calendar.NewDate(2026, 11, 1+d).Time()
			if a, b := picture(m.book.At(t)), picture(m2.book.At(t)); a != b {
				rt.Fatalf("on %s\n%s\n%s\n%s", t, a, b, Text(history))
			}
		}
	})
}

func picture(s *directory.Snapshot) string {
	var b strings.Builder
	for _, ref := range s.Refs() {
		fmt.Fprintf(&b, "%s %s\n", ref, directory.Encode(s.Record(ref), true).JSON())
	}
	return b.String()
}

func FuzzRead(f *testing.F) {
	f.Add(town)
	f.Add("kind: phone\nid: 1\nspec: {password: [a]}\n---\n- - a\n")
	f.Add("? {a: b}\n: c\n<<: *x\n")
	f.Add("kind: service\nid: s\nspec: {hours: {exceptions: [{from: 0001-01-01, to: 9999-12-31}]}}")
	f.Add("kind: phone\nid: 1\nspec: {ha1_md5: '00000000000000000000000000000000'}\n---\nkind: body\nid: b\nspec: {name: B, class: outside}\n---\nkind: agent\nid: a\nspec: {name: A, body: b, phone: 1}")
	f.Fuzz(func(t *testing.T, text string) {
		r, m := newRegister()
		p, err := r.Plan(context.Background(), Request{Files: []File{{"a", text}}})
		if err != nil {
			t.Fatal(err)
		}
		_ = p.Text()
		for _, x := range p.Refused {
			if x.Error() == "" || x.At.File == "" {
				t.Errorf("a problem without a place: %+v", x)
			}
		}
		if !p.OK() {
			return
		}
		if _, err := r.Apply(context.Background(), Request{Files: []File{{"a", text}}, Revision: -1}); err != nil {
			t.Fatal(err)
		}
		for at := now; !at.IsZero(); at = m.book.Next(at) {
			if err := m.book.At(at).Directory().Check(func(string) bool { return true }); err != nil {
				t.Fatalf("%s: what was let in cannot be put in force: %v", at, err)
			}
		}
		files, err := r.Export(context.Background(), Selection{Accommodations: true, Secrets: true})
		if err != nil {
			t.Fatal(err)
		}
		again, err := r.Plan(context.Background(), Request{Files: files})
		if err != nil || !again.OK() || len(again.Changes) > 0 {
			t.Fatalf("%v\n%s\n%s\n%v", err, Text(files), again.Text(), again.Refused)
		}
	})
}
