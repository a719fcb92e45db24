package examples

import (
	"context"
	"strings"
	"testing"
	"time"

	"cagri/internal/calendar"
	"cagri/internal/declare"
	"cagri/internal/directory"
	"cagri/internal/store"
)

// The example applies to an empty directory without a problem or a finding, again
// without a change, and people may do in it what its comments say.
func TestSharedCentre(t *testing.T) {
	dir, err := Named("108")
	if err != nil {
		t.Fatal(err)
	}
	files, err := declare.Files(dir, "108")
	if err != nil || len(files) != 4 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	st, err := store.Open(t.Context(), store.Config{Driver: "sqlite", DSN: ":memory:"})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, calendar.Baku())
	r := declare.NewRegister(st, "cagri", func(f string) bool { return f == "default" }, func() time.Time { return now })
	q := declare.Request{Files: files, Revision: -1}
	p, err := r.Apply(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Findings) > 0 {
		t.Errorf("findings:\n%v", p.Findings)
	}
	if p.Counts.Created < 30 {
		t.Errorf("%+v", p.Counts)
	}
	if p, err = r.Apply(context.Background(), q); err != nil || len(p.Changes) > 0 {
		t.Errorf("again: %v\n%s", err, p.Text())
	}
	s, err := r.Snapshot(t.Context(), now)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Directory().Check(func(f string) bool { return f == "default" }); err != nil {
		t.Error(err)
	}
	if served := joined(s, "asan"); served != "culture energy energy-regulator sumqayit" {
		t.Errorf("asan answers for %s", served)
	}
	if who, ok := s.Profile("leyla"); !ok || !who.Allowed || strings.Join(who.Queues, " ") != "general sumqayit-social" || len(who.Confident) != 1 {
		t.Errorf("leyla: %+v", who)
	}
	if who, _ := s.Profile("aysel"); who.Allowed || who.Missing != directory.ClauseRemote {
		t.Errorf("aysel: %+v", who)
	}
	line, _ := s.Line("energy-emergency")
	if c, err := calendar.State(); err != nil || !line.Emergency || line.Hours.On(c, calendar.NewDate(2027, 1, 1)).Len() != 1440 {
		t.Errorf("the emergency line: %+v, %v", line, err)
	}
	// A year on the attestation is over: nobody answers from home on it.
	later, err := r.Snapshot(t.Context(), calendar.NewDate(2027, 11, 2).Time())
	if err != nil {
		t.Fatal(err)
	}
	if who, _ := later.Profile("leyla"); who.Allowed || who.Missing != directory.ClauseRemoteTech {
		t.Errorf("leyla in a year: %+v", who)
	}
}

func joined(s *directory.Snapshot, centre string) string {
	var out []string
	for _, b := range directory.List[*directory.Body](s) {
		if b.Centre == centre {
			out = append(out, b.ID)
		}
	}
	return strings.Join(out, " ")
}

func TestUnknownExample(t *testing.T) {
	if _, err := Named("109"); err == nil {
		t.Error("an example that is not there")
	}
}
