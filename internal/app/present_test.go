package app

import (
	"strings"
	"testing"
	"time"

	"cagri/examples"
	"cagri/internal/calendar"
	"cagri/internal/call"
	"cagri/internal/declare"
	"cagri/internal/directory"
)

// What is applied to a running server is in force when the apply returns, or a
// moment later; what begins tomorrow is not.
func TestTheDirectoryIsInForceWithoutARestart(t *testing.T) {
	a := start(t, testConfig(t.TempDir()))
	if got := a.exchange.Agents(); len(got) != 1 || got[0].ID != "aysel" {
		t.Fatalf("before: %+v", got)
	}
	dir, err := examples.Named("108")
	if err != nil {
		t.Fatal(err)
	}
	files, err := declare.Files(dir, ".")
	if err != nil {
		t.Fatal(err)
	}
	for i := range files {
		files[i].Text = strings.ReplaceAll(files[i].Text, "${random}", "a-password-for-a-test")
	}
	files = append(files, declare.File{Name: "late.yaml", Text: "kind: skill\nid: late\nfrom: 2199-01-01\nspec: {name: Gec}\n"})
	plan, err := a.present.register.Apply(t.Context(), declare.Request{Files: files, By: "test", Reason: "test", Revision: -1})
	if err != nil || !plan.OK() {
		t.Fatalf("%v\n%s", err, plan.Text())
	}
	until(t, "the directory is in force", func() bool { return a.present.revision.Load() == 1 })
	want := map[string]bool{}
	s, err := a.present.register.Snapshot(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, ag := range s.Directory().Agents {
		want[ag.ID] = true
	}
	got := a.exchange.Agents()
	if len(got) != len(want) || len(got) < 3 {
		t.Fatalf("%d agents of %d: %+v", len(got), len(want), got)
	}
	for _, v := range got {
		if !want[v.ID] {
			t.Errorf("%s is not in the directory", v.ID)
		}
		if v.State != "signed_out" {
			t.Errorf("%s is %s", v.ID, v.State)
		}
	}
	account := a.present.account(nil)
	for _, p := range directory.List[*directory.Phone](s) {
		if acc, ok := account(p.User); !ok || acc.Secret.HA1SHA256 != p.HA1 || acc.Secret.Password != "" {
			t.Errorf("phone %s: %+v %v", p.User, acc, ok)
		}
	}
	if _, ok := account("1001"); ok && directoryHas(s, "1001") == false {
		t.Error("a phone of the configuration file is still let in")
	}
	if _, ok := directory.Get[*directory.Skill](s, "late"); ok {
		t.Error("what begins in 2199 is in force")
	}
}

func directoryHas(s *directory.Snapshot, phone string) bool {
	_, ok := directory.Get[*directory.Phone](s, phone)
	return ok
}

// A service's hours open and close its queues, and a booked call falls into them.
func TestOpeningHoursReachTheFlow(t *testing.T) {
	from := time.Date(2026, 11, 1, 0, 0, 0, 0, calendar.Baku())
	version := func(r directory.Record, id string) directory.Version {
		return directory.Version{Record: r, Ref: directory.Ref{Kind: r.Kind(), ID: id}, N: 1, From: from}
	}
	book := directory.NewBook(1, []directory.Version{
		version(&directory.Body{ID: "b", Name: "B", Class: "central"}, "b"),
		version(&directory.Service{ID: "day", Body: "b", Name: "Gündüz"}, "day"),
		version(&directory.Service{ID: "fire", Body: "b", Name: "Yanğın", Emergency: true, Ground: "law"}, "fire"),
		version(&directory.Queue{ID: "dayline", Body: "b", Service: "day"}, "dayline"),
		version(&directory.Queue{ID: "fireline", Body: "b", Service: "fire"}, "fireline"),
		version(&directory.Queue{ID: "other", Body: "b"}, "other"),
	})
	days, err := calendar.State()
	if err != nil {
		t.Fatal(err)
	}
	at := func(d, h, m int) time.Time { return time.Date(2026, 11, d, h, m, 0, 0, calendar.Baku()) }
	o, err := newOffice(book, book.At(at(23, 12, 0)), days)
	if err != nil {
		t.Fatal(err)
	}
	var _ call.House = o
	for _, c := range []struct {
		queue string
		t     time.Time
		want  bool
	}{
		{"dayline", at(23, 9, 0), true}, {"dayline", at(23, 8, 59), false}, {"dayline", at(23, 13, 30), true}, {"dayline", at(23, 18, 0), false},
		{"dayline", at(28, 12, 0), false}, // a Saturday
		{"fireline", at(28, 3, 0), true}, {"other", at(28, 3, 0), true}, {"unknown", at(28, 3, 0), true},
	} {
		if got := o.Open(c.queue, c.t); got != c.want {
			t.Errorf("%s at %v: open %v", c.queue, c.t, got)
		}
	}
	// On a Friday at 16:30 the next working day is Monday.
	got := o.Slots("dayline", at(27, 16, 30), 4)
	want := []time.Time{at(30, 9, 0), at(30, 11, 0), at(30, 13, 0), at(30, 15, 0)}
	if len(got) != len(want) {
		t.Fatalf("%v", got)
	}
	for i := range got {
		if !got[i].Equal(want[i]) {
			t.Errorf("slot %d is %v, not %v", i, got[i], want[i])
		}
	}
	for _, s := range o.Slots("fireline", at(27, 20, 30), 4) {
		if h := s.In(calendar.Baku()).Hour(); h < 9 || h > 20 {
			t.Errorf("somebody is called back at %d o'clock", h)
		}
	}
}
