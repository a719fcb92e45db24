package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cagri/internal/directory"
)

// recordSuite is what every database must do with records.
var recordSuite = []struct {
	name string
	run  func(t *testing.T, e engine)
}{
	{"what was written comes back", recordsComeBack},
	{"as it was on a day, the same in SQL and in the book", recordsOnADay},
	{"one of two writers wins, the other writes nothing", recordsStale},
	{"a scope sees its own records and everybody's", recordScopes},
	{"what is private is left out", recordsPrivate},
	{"an unknown kind is said", recordsUnknown},
}

func TestRecordsSQLite(t *testing.T) {
	for _, p := range recordSuite {
		t.Run(p.name, func(t *testing.T) { p.run(t, sqlite()) })
	}
}

func TestRecordsPostgreSQL(t *testing.T) {
	e := postgres(t)
	for _, p := range recordSuite {
		t.Run(p.name, func(t *testing.T) { p.run(t, e) })
	}
}

var day0 = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

func day(n int) time.Time {
	if n < 0 {
		return time.Time{}
	}
	return day0.AddDate(0, 0, n)
}

func write(t testing.TB, s *Store, versions ...directory.Version) {
	t.Helper()
	b, err := s.Book(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.AppendRecords(context.Background(), b.Revision(), versions); err != nil {
		t.Fatal(err)
	}
}

func bodyVersion(id string, n, from, until int, name string) directory.Version {
	v := directory.Version{Ref: directory.Ref{Kind: directory.KindBody, ID: id}, N: n, From: day(from), Until: day(until), Body: id, By: "Günel", At: day(from), Reason: "it's; -- ə"}
	if name != "" {
		v.Record = &directory.Body{ID: id, Name: name, Class: directory.CentralExecutive}
	}
	return v
}

func recordsComeBack(t *testing.T, e engine) {
	s := open(t, e.config(t))
	phone := directory.Version{Ref: directory.Ref{Kind: directory.KindPhone, ID: "1001"}, N: 1, From: time.Date(1920, 4, 28, 0, 0, 0, 0, time.UTC), At: day(3), Body: "asan",
		Record: &directory.Phone{User: "1001", HA1: strings.Repeat("ab", 32)}}
	want := []directory.Version{bodyVersion("asan", 1, 0, -1, `Dövlət "Agentliyi" \ ə`), bodyVersion("asan", 2, 5, 9, ""), phone}
	write(t, s, want...)
	got, err := s.RecordHistory(t.Context(), AllBodies(), RecordFilter{})
	if err != nil || len(got) != len(want) {
		t.Fatalf("%d versions: %v", len(got), err)
	}
	for i := range want {
		want[i].Revision = 1
		if x, y := showVersion(want[i]), showVersion(got[i]); x != y {
			t.Errorf("wrote %s\nread  %s", x, y)
		}
	}
	b, err := s.Book(t.Context())
	if err != nil || b.Revision() != 1 || len(b.All()) != 2 {
		t.Fatalf("book %v: %v", b, err)
	}
}

func showVersion(v directory.Version) string {
	doc := "-"
	if v.Record != nil {
		doc = string(directory.Encode(v.Record, true).JSON())
	}
	return fmt.Sprint(v.Ref, v.N, v.From.UnixMicro(), v.Until.IsZero(), v.Until.UnixMicro(), v.Body, doc, v.By, v.At.UnixMicro(), v.Reason, v.Revision)
}

func recordsOnADay(t *testing.T, e engine) {
	s := open(t, e.config(t))
	rapid.Check(t, func(rt *rapid.T) {
		for _, table := range []string{"records", "record_revisions"} {
			if _, err := s.db.Exec("DELETE FROM " + table); err != nil {
				rt.Fatal(err)
			}
		}
		n := map[string]int{}
		var all []directory.Version
		for i := range rapid.IntRange(1, 12).Draw(rt, "versions") {
			id := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "id")
			n[id]++
			from := rapid.IntRange(0, 10).Draw(rt, "from")
			until := rapid.SampledFrom([]int{-1, from + 1, from + 3}).Draw(rt, "until")
			name := rapid.SampledFrom([]string{"", fmt.Sprint("name ", i)}).Draw(rt, "name")
			all = append(all, bodyVersion(id, n[id], from, until, name))
		}
		half := rapid.IntRange(0, len(all)).Draw(rt, "first apply")
		for _, part := range [][]directory.Version{all[:half], all[half:]} {
			b, err := s.Book(context.Background())
			if err != nil {
				rt.Fatal(err)
			}
			if err := s.AppendRecords(context.Background(), b.Revision(), part); err != nil {
				rt.Fatal(err)
			}
		}
		b, err := s.Book(context.Background())
		if err != nil {
			rt.Fatal(err)
		}
		for d := range 15 {
			list, err := s.RecordsOn(context.Background(), AllBodies(), day(d), RecordFilter{})
			if err != nil {
				rt.Fatal(err)
			}
			sql := ""
			for _, v := range list {
				sql += fmt.Sprintln(v.Ref, v.N, v.Record.(*directory.Body).Name)
			}
			book := ""
			for _, ref := range b.All() {
				if v, _ := b.On(ref, day(d)); v != nil {
					book += fmt.Sprintln(v.Ref, v.N, v.Record.(*directory.Body).Name)
				}
			}
			if sql != book {
				rt.Fatalf("day %d\nSQL\n%sbook\n%s", d, sql, book)
			}
		}
	})
}

func recordsStale(t *testing.T, e engine) {
	s := open(t, e.config(t))
	write(t, s, bodyVersion("asan", 1, 0, -1, "first"))
	if err := s.AppendRecords(t.Context(), 0, []directory.Version{bodyVersion("asan", 2, 1, -1, "late")}); !errors.Is(err, directory.ErrStale) {
		t.Errorf("a writer with an old book: %v", err)
	}
	// Many at once, from the same revision.
	var wg sync.WaitGroup
	results := make([]error, 6)
	for i := range results {
		wg.Go(func() {
			results[i] = s.AppendRecords(context.Background(), 1, []directory.Version{bodyVersion(fmt.Sprint("b", i), 1, 0, -1, "one")})
		})
	}
	wg.Wait()
	won := 0
	for _, err := range results {
		if err == nil {
			won++
		} else if !errors.Is(err, directory.ErrStale) {
			t.Logf("a loser hears: %v", err)
		}
	}
	b, err := s.Book(t.Context())
	if err != nil || won != 1 || b.Revision() != 2 || len(b.All()) != 2 {
		t.Errorf("%d won, revision %d, %d records: %v", won, b.Revision(), len(b.All()), err)
	}
	// What breaks in the middle writes nothing at all.
	broken := []directory.Version{bodyVersion("new", 1, 0, -1, "x"), bodyVersion("asan", 1, 0, -1, "double")}
	if err := s.AppendRecords(t.Context(), 2, broken); err == nil {
		t.Error("a version was written twice")
	}
	if b, err = s.Book(t.Context()); err != nil || b.Revision() != 2 || len(b.All()) != 2 {
		t.Errorf("half an apply stayed: revision %d, %d records: %v", b.Revision(), len(b.All()), err)
	}
}

func recordScopes(t *testing.T, e engine) {
	s := open(t, e.config(t))
	skill := directory.Version{Ref: directory.Ref{Kind: directory.KindSkill, ID: "tax"}, N: 1, From: day(0), At: day(0), Record: &directory.Skill{ID: "tax", Name: "Vergi"}}
	write(t, s, bodyVersion("asan", 1, 0, -1, "A"), bodyVersion("dost", 1, 0, -1, "D"), skill)
	for want, sc := range map[string]Scope{
		"body asan body dost skill tax ": AllBodies(), "body dost skill tax ": Bodies("dost"), "skill tax ": Bodies(),
	} {
		for name, ask := range map[string]func() ([]directory.Version, error){
			"on":      func() ([]directory.Version, error) { return s.RecordsOn(t.Context(), sc, day(1), RecordFilter{}) },
			"history": func() ([]directory.Version, error) { return s.RecordHistory(t.Context(), sc, RecordFilter{}) },
		} {
			list, err := ask()
			got := ""
			for _, v := range list {
				got += v.Ref.String() + " "
			}
			if err != nil || got != want {
				t.Errorf("%s: %q, want %q: %v", name, got, want, err)
			}
		}
	}
}

func recordsPrivate(t *testing.T, e engine) {
	s := open(t, e.config(t))
	write(t, s, directory.Version{Ref: directory.Ref{Kind: directory.KindAccommodation, ID: "x"}, N: 1, From: day(0), At: day(0), Body: "asan",
		Record: &directory.Accommodation{ID: "x", Agent: "a", Body: "asan", Needs: "n", Author: "b", Decided: 1}})
	for private, want := range map[bool]int{false: 0, true: 1} {
		on, err := s.RecordsOn(t.Context(), AllBodies(), day(1), RecordFilter{Private: private})
		all, err2 := s.RecordHistory(t.Context(), AllBodies(), RecordFilter{Private: private, Kind: directory.KindAccommodation, ID: "x"})
		if err != nil || err2 != nil || len(on) != want || len(all) != want {
			t.Errorf("private %v: %d and %d records: %v, %v", private, len(on), len(all), err, err2)
		}
	}
}

func recordsUnknown(t *testing.T, e engine) {
	s := open(t, e.config(t))
	write(t, s, bodyVersion("asan", 1, 0, -1, "A"))
	if _, err := s.db.Exec("UPDATE records SET kind = 'ghost'"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Book(t.Context()); err == nil || !strings.Contains(err.Error(), "does not know the kind") {
		t.Errorf("a kind of the future: %v", err)
	}
}
