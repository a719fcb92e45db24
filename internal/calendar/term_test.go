package calendar

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestKnownTerms(t *testing.T) {
	c := state(t)
	for _, w := range []struct {
		from      string
		n         int
		due, held string
		latest    string
		how       Counting
	}{
		// Plain weeks.
		{"2026-07-01", 3, "2026-07-06", "", "", Counting{}},
		{"2026-07-01", 3, "2026-07-03", "", "", Counting{CountStart: true}},
		{"2026-07-04", 1, "2026-07-06", "", "", Counting{CountStart: true}}, // registered on a Saturday
		{"2026-07-04", 1, "2026-07-06", "", "", Counting{}},
		{"2026-07-01", 0, "2026-07-01", "", "", Counting{}},
		// Over Novruz and Ramazan of 2026: 19 March, Thursday; next working day 31 March.
		{"2026-03-19", 1, "2026-03-31", "", "", Counting{}},
		{"2026-03-12", 15, "2026-04-13", "", "", Counting{}},
		// Over the swaps of 2025: 21 June, a Saturday, is counted, 27 June is not.
		{"2025-06-20", 1, "2025-06-21", "", "", Counting{}},
		{"2025-06-25", 1, "2025-06-30", "", "", Counting{}},
		// Over the turn of a year.
		{"2026-12-30", 1, "2027-01-05", "", "", Counting{}},
		// Over the computed Ramazan of 2027: 8 March is a holiday by law.
		{"2027-03-05", 3, "2027-03-11", "2027-03-15", "", Counting{}},
		{"2027-03-05", 1, "2027-03-09", "2027-03-11", "", Counting{}},
		// It ends the day after the computed days, but not if Ramazan comes a day late.
		{"2027-03-10", 1, "2027-03-11", "2027-03-11", "2027-03-12", Counting{}},
	} {
		term, err := c.AddWorkingDays(date(w.from), w.n, w.how)
		if err != nil {
			t.Fatal(err)
		}
		if w.held == "" {
			w.held = w.due
		}
		if w.latest == "" {
			w.latest = w.held
		}
		if term.Due != date(w.due) || term.DueIfHeld != date(w.held) || term.Latest != date(w.latest) || term.Depends != (w.due != w.latest) {
			t.Errorf("%s and %d: due %s, if held %s, latest %s, depends %v; want %s, %s, %s", w.from, w.n, term.Due, term.DueIfHeld, term.Latest, term.Depends, w.due, w.held, w.latest)
		}
	}
}

func TestTermsOfTheDecision(t *testing.T) {
	c := state(t)
	for n, want := range map[int]string{3: "2026-07-21", 5: "2026-09-21"} {
		term, err := c.AddMonths(date("2026-04-21"), n, MonthEnd{Roll: true})
		if err != nil || term.Due != date(want) || term.Depends || len(term.Steps) != 0 {
			t.Errorf("%d months from 21 April 2026: %+v, %v; want %s", n, term, err, want)
		}
	}
	for _, w := range []struct {
		from      string
		n         int
		roll      bool
		due, held string
		keys      string
	}{
		{"2026-02-20", 1, true, "2026-03-31", "", "term.holiday term.holiday term.holiday term.holiday term.holiday term.moved term.moved term.moved term.weekend term.weekend term.moved"},
		{"2026-02-20", 1, false, "2026-03-20", "", "term.off-end"},
		{"2026-01-31", 1, true, "2026-03-02", "", "term.short-month term.weekend term.weekend"},
		{"2027-04-17", 1, true, "2027-05-17", "2027-05-19", "term.unconfirmed term.unconfirmed"},
		{"2027-04-17", 1, false, "2027-05-17", "", ""},
		{"2027-04-18", 1, true, "2027-05-18", "2027-05-19", "term.unconfirmed"},
	} {
		term, err := c.AddMonths(date(w.from), w.n, MonthEnd{w.roll})
		if err != nil {
			t.Fatal(err)
		}
		if w.held == "" {
			w.held = w.due
		}
		if term.Due != date(w.due) || term.DueIfHeld != date(w.held) {
			t.Errorf("%s and %d months: due %s, if held %s; want %s, %s", w.from, w.n, term.Due, term.DueIfHeld, w.due, w.held)
		}
		if got := keys(term.Steps); got != w.keys {
			t.Errorf("%s and %d months: steps %s, want %s", w.from, w.n, got, w.keys)
		}
	}
}

func keys(steps []Step) string {
	var out []string
	for _, s := range steps {
		out = append(out, s.Key)
	}
	return strings.Join(out, " ")
}

func TestTheExplanationSaysWhy(t *testing.T) {
	c := state(t)
	term, err := c.AddWorkingDays(date("2027-03-05"), 3, Counting{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := keys(term.Steps), "term.start term.weekend term.weekend term.holiday term.unconfirmed term.unconfirmed term.possible"; got != want {
		t.Errorf("steps are %s, want %s", got, want)
	}
	if s := term.Steps[4]; s.Day.Maybe.Name.AZ != "Ramazan bayramı" || !s.Counted || s.Day.Maybe.Uncertainty != 1 {
		t.Errorf("the open day must be named: %+v", s)
	}
	late, err := c.AddWorkingDays(date("2028-12-28"), 5, Counting{})
	if err != nil || !slices.Equal(late.Uncovered, []int{2029}) {
		t.Errorf("a term that runs into a year without a file must say so: %+v, %v", late, err)
	}
	for _, n := range []int{-1, maxTerm + 1} {
		if _, err := c.AddWorkingDays(date("2026-01-01"), n, Counting{}); err == nil {
			t.Errorf("a term of %d days must be refused", n)
		}
		if _, err := c.AddMonths(date("2026-01-01"), n, MonthEnd{}); err == nil {
			t.Errorf("a term of %d months must be refused", n)
		}
	}
	if _, err := c.AddWorkingDays(0, 1, Counting{}); err == nil {
		t.Error("a term from no date must be refused")
	}
}

func drawDate(t *rapid.T, name string) Date {
	return Date(rapid.Int32Range(int32(date("2024-11-01")), int32(date("2029-03-01"))).Draw(t, name))
}

func TestTermsKeepTheirLaws(t *testing.T) {
	c := state(t)
	rapid.Check(t, func(t *rapid.T) {
		start, n := drawDate(t, "start"), rapid.IntRange(0, 60).Draw(t, "n")
		how := Counting{CountStart: rapid.Bool().Draw(t, "count start")}
		term, err := c.AddWorkingDays(start, n, how)
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 && !c.Working(term.Due) {
			t.Fatalf("the term ends on %s, a day off", term.Due)
		}
		if term.Due > term.DueIfHeld || term.DueIfHeld > term.Latest || term.Depends != (term.Due != term.Latest) {
			t.Fatalf("the dates are out of order: %+v", term)
		}
		back := c.WorkingDaysBetween(start, term.Due, how)
		if n > 0 && back.Days != n {
			t.Fatalf("%d working days from %s end on %s, but %d lie between", n, start, term.Due, back.Days)
		}
		if held := c.WorkingDaysBetween(start, term.DueIfHeld, how); n > 0 && held.DaysIfHeld != n {
			t.Fatalf("if the computed days hold, %d days lie before %s, want %d", held.DaysIfHeld, term.DueIfHeld, n)
		}
		if neg := c.WorkingDaysBetween(term.Due, start, how); term.Due > start && neg.Days != -back.Days {
			t.Fatalf("the count is not odd: %d and %d", neg.Days, back.Days)
		}
		more, err := c.AddWorkingDays(start, n+1, how)
		if err != nil {
			t.Fatal(err)
		}
		if more.Due <= term.Due && n > 0 || more.DueIfHeld <= term.DueIfHeld && n > 0 {
			t.Fatalf("a day more does not end later: %s and %s", term.Due, more.Due)
		}
		next, err := c.AddWorkingDays(start+1, n, how)
		if err != nil {
			t.Fatal(err)
		}
		if next.Due < term.Due {
			t.Fatalf("a later start ends earlier: %s and %s", term.Due, next.Due)
		}
		// The explanation accounts for every day: what it does not name was counted.
		if n == 0 {
			return
		}
		counted := term.Due.Sub(start) + 1
		for _, s := range term.Steps {
			if s.Date <= term.Due && !s.Counted {
				counted--
			}
		}
		if counted != n {
			t.Fatalf("the explanation leaves %d days, want %d: %s", counted, n, keys(term.Steps))
		}
	})
}

func TestConfirmationMakesBothDatesOne(t *testing.T) {
	c := state(t)
	term, err := c.AddWorkingDays(date("2027-05-10"), 15, Counting{})
	if err != nil || !term.Depends {
		t.Fatalf("%+v, %v", term, err)
	}
	for holds, want := range map[bool]Date{true: term.DueIfHeld, false: term.Due} {
		var words []Confirmation
		for _, s := range []string{"2027-05-16", "2027-05-17"} {
			words = append(words, Confirmation{Date: date(s), Holds: holds, Who: "x", When: date("2026-12-28"), Act: "y"})
		}
		k, err := c.Confirm(words...)
		if err != nil {
			t.Fatal(err)
		}
		got, err := k.AddWorkingDays(date("2027-05-10"), 15, Counting{})
		if err != nil || got.Due != want || got.DueIfHeld != want {
			t.Errorf("holds %v: due %s and %s, want %s", holds, got.Due, got.DueIfHeld, want)
		}
	}
}
