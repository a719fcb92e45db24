package calendar

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func state(t testing.TB) *Calendar {
	t.Helper()
	c, err := State()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// calendarOf is the embedded law with one more file.
func calendarOf(t testing.TB, text string) *Calendar {
	t.Helper()
	c, err := New(lawFile(t), file(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func lawFile(t testing.TB) *File {
	t.Helper()
	b, err := dataFiles.ReadFile("data/law.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return file(t, string(b))
}

func file(t testing.TB, text string) *File {
	t.Helper()
	f, err := ParseFile("test.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// The days off that are no weekend, as acts state them or, with a ?, as computed. One
// line per year and month.
var daysOff = map[string]string{
	"2025-01": "1 2 3 20 29", "2025-03": "20 21 24 25 26 27 28 31", "2025-05": "9 28",
	"2025-06": "6 9 16 26 27", "2025-11": "10 11", "2025-12": "31",
	"2026-01": "1 2 20", "2026-03": "9 20 23 24 25 26 27 30", "2026-05": "11 27 28 29",
	"2026-06": "15 26", "2026-11": "9 10", "2026-12": "31",
	"2027-01": "1 4 20", "2027-03": "8 9? 10? 22? 23? 24? 25? 26?", "2027-05": "10 17? 18? 28",
	"2027-06": "15 28", "2027-11": "8 9", "2027-12": "31",
	"2028-01": "3 4 20", "2028-02": "28? 29?", "2028-03": "8 20? 21? 22? 23? 24?", "2028-05": "5? 8? 9 29",
	"2028-06": "15 26", "2028-11": "8 9",
}

func TestKnownDaysOff(t *testing.T) {
	c := state(t)
	for d := date("2025-01-01"); d <= date("2028-12-31"); d++ {
		day := c.Day(d)
		_, _, dom := d.Civil()
		want, maybe := false, false
		for _, s := range strings.Fields(daysOff[d.String()[:7]]) {
			if n := strings.TrimSuffix(s, "?"); n == itoa(dom) {
				want, maybe = n == s, n != s
			}
		}
		switch {
		case d == date("2025-06-21"): // a Saturday worked for 27 June
			if day.Off || day.Kind != KindSwappedWork || day.Other != date("2025-06-27") {
				t.Errorf("%s is %+v", d, day)
			}
		case d.Weekend():
			if !day.Off || c.Working(d) {
				t.Errorf("%s is a weekend and worked", d)
			}
		default:
			if day.Off != want || c.Working(d) == want || (day.Maybe != nil) != maybe {
				t.Errorf("%s: off %v, maybe %v; want %v, %v (%+v)", d, day.Off, day.Maybe != nil, want, maybe, day)
			}
		}
		if !day.Covered {
			t.Errorf("%s is not covered", d)
		}
	}
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + itoa(n%10)
}

func TestKindsAndReasons(t *testing.T) {
	c := state(t)
	for _, w := range []struct {
		day   string
		kind  Kind
		other string
		id    string
	}{
		{"2024-12-29", KindSwappedWork, "2025-01-03", ""}, // a Sunday of the year before
		{"2025-01-03", KindSwappedOff, "2024-12-29", ""},
		{"2025-01-20", KindMourning, "", "january-20"},
		{"2025-01-29", KindElection, "", "election-municipal"},
		{"2025-03-10", KindSwappedWork, "2025-03-27", ""}, // moved from 8 March, then worked
		{"2025-03-27", KindSwappedOff, "2025-03-10", ""},
		{"2025-03-28", KindSwappedOff, "2025-04-01", ""},
		{"2025-04-01", KindSwappedWork, "2025-03-28", ""},
		{"2025-06-09", KindMoved, "2025-06-07", "qurban"},
		{"2025-06-16", KindMoved, "2025-06-15", "salvation-day"},
		{"2025-11-11", KindMoved, "2025-11-09", "flag-day"},
		{"2026-01-05", KindWork, "", ""}, // the first working day of 2026
		{"2026-03-20", KindHoliday, "", "novruz"},
		{"2026-03-25", KindMoved, "2026-03-20", "novruz"}, // Ramazan met Novruz
		{"2026-03-30", KindMoved, "2026-03-22", "novruz"},
		{"2026-05-29", KindMoved, "2026-05-28", "independence-day"}, // Qurban met Independence Day
		{"2026-11-08", KindHoliday, "", "victory-day"},
		{"2026-11-10", KindMoved, "2026-11-08", "victory-day"}, // 9 November is a holiday itself
		{"2026-09-27", KindWeekend, "", "remembrance-day"},
		{"2027-09-27", KindMarked, "", "remembrance-day"},
		{"2028-11-17", KindMarked, "", "revival-day"},
		{"2029-01-03", KindMoved, "2028-12-31", "solidarity-day"}, // beyond the last file, by law
	} {
		day := c.Day(date(w.day))
		var other Date
		if w.other != "" {
			other = date(w.other)
		}
		if day.Kind != w.kind || day.Other != other || day.ID != w.id {
			t.Errorf("%s is %s of %s (%s), want %s of %s (%s)", w.day, day.Kind, day.Other, day.ID, w.kind, other, w.id)
		}
		if day.Certainty != Decreed {
			t.Errorf("%s is %s", w.day, day.Certainty)
		}
	}
	if d := c.Day(date("2026-03-21")); len(d.Also) != 1 || d.Also[0].EN != "Ramazan (Eid al-Fitr)" {
		t.Errorf("on 21 March 2026 Ramazan met Novruz: %+v", d)
	}
	if d := c.Day(date("2029-03-08")); d.Covered || !d.Off {
		t.Errorf("8 March 2029 is a holiday by law in a year without a file: %+v", d)
	}
	if d := c.Day(date("2099-03-08")); d.Covered || !d.Off || d.ID != "womens-day" {
		t.Errorf("8 March 2099 is a holiday by law: %+v", d)
	}
}

func TestEveOfAHoliday(t *testing.T) {
	c := state(t)
	for s, want := range map[string]bool{
		"2026-12-30": true,  // before 31 December
		"2026-01-19": true,  // before the day of mourning
		"2025-01-28": true,  // before a voting day
		"2026-03-19": true,  // before Novruz
		"2026-12-31": false, // a holiday itself
		"2026-05-08": true,  // before Saturday, 9 May
		"2026-03-06": false, // Friday; the holiday is on Sunday
		"2026-07-01": false,
		"2027-03-08": false, // a holiday before an unconfirmed one
		"2027-03-19": false, // before an unconfirmed Novruz
		"2025-06-20": false, // before a swapped day
	} {
		if got := c.Day(date(s)).Short; got != want {
			t.Errorf("%s: short %v, want %v", s, got, want)
		}
	}
	c = calendarOf(t, "year: 2030\nentries:\n  - {kind: short, date: 2030-07-03}\n")
	if !c.Day(date("2030-07-03")).Short {
		t.Error("an act may shorten a day of its own")
	}
}

func TestConfirmation(t *testing.T) {
	c := state(t)
	word := func(d string, holds bool, when string) Confirmation {
		return Confirmation{Date: date(d), Holds: holds, Who: "a.aliyeva", When: date(when), Act: "Cabinet decision of December 2026"}
	}
	two, err := c.Confirm(word("2027-05-16", true, "2026-12-28"), word("2027-05-17", true, "2026-12-28"))
	if err != nil {
		t.Fatal(err)
	}
	for s, kind := range map[string]Kind{"2027-05-16": KindHoliday, "2027-05-17": KindHoliday, "2027-05-18": KindMoved} {
		if d := two.Day(date(s)); !d.Off || d.Kind != kind || d.Certainty != Confirmed || d.Maybe != nil || d.Confirmation == nil || d.Possible {
			t.Errorf("%s after confirmation: %+v", s, d)
		}
	}
	if d := two.Day(date("2027-05-15")); d.Kind != KindWeekend || d.Possible {
		t.Errorf("a settled feast must not be possible a day earlier: %+v", d)
	}
	if c.Day(date("2027-05-17")).Off {
		t.Error("a confirmation changed the calendar it was given to")
	}
	if before := two.AsKnown(date("2026-12-27")).Day(date("2027-05-17")); before.Off || before.Maybe == nil {
		t.Errorf("a day before the confirmation the day was open: %+v", before)
	}
	if !two.AsKnown(date("2026-12-28")).Day(date("2027-05-17")).Off {
		t.Error("on the day of the confirmation the day is known")
	}

	no, err := two.Confirm(word("2027-05-16", false, "2027-01-05"))
	if err != nil {
		t.Fatal(err)
	}
	if d := no.Day(date("2027-05-18")); d.Off || d.Maybe != nil {
		t.Errorf("if 16 May is no holiday, 18 May is not moved: %+v", d)
	}
	if !no.AsKnown(date("2027-01-04")).Day(date("2027-05-18")).Off {
		t.Error("what was known before the later word must stay")
	}

	moved, err := c.Confirm(word("2027-05-18", true, "2026-12-28"))
	if err != nil {
		t.Fatal(err)
	}
	if d := moved.Day(date("2027-05-18")); !d.Off || d.Kind != KindMoved || d.Certainty != Confirmed {
		t.Errorf("a moved day may be confirmed by itself: %+v", d)
	}
	if d := moved.Day(date("2027-05-17")); d.Off || d.Maybe == nil {
		t.Errorf("a word on 18 May says nothing on 17 May: %+v", d)
	}
	moved, err = moved.Confirm(word("2027-05-18", false, "2026-12-29"))
	if err != nil {
		t.Fatal(err)
	}
	if d := moved.Day(date("2027-05-18")); d.Off || d.Maybe != nil {
		t.Errorf("a moved day that does not hold: %+v", d)
	}

	for _, s := range []string{"2027-05-12", "2026-05-27", "2027-01-01", "2027-05-19"} {
		if _, err := c.Confirm(word(s, true, "2026-12-28")); err == nil {
			t.Errorf("%s is not computed and must not be confirmed", s)
		}
	}
	if _, err := c.Confirm(Confirmation{Date: date("2027-05-17"), Holds: true, When: date("2026-12-28")}); err == nil {
		t.Error("a confirmation without a person and an act must be refused")
	}
	if len(two.Confirmations()) != 2 || len(two.AsKnown(date("2026-01-01")).Confirmations()) != 0 {
		t.Error("the confirmations as known are wrong")
	}
}

const decree2027 = `
year: 2027
known: 2026-12-25
source: "test decree"
entries:
  - {id: novruz, kind: holiday, date: 2027-03-20, days: 5, certainty: decreed, name: {az: Novruz, en: Novruz, ru: Новруз}}
  - {id: ramazan, kind: holiday, date: 2027-03-10, days: 2, certainty: decreed, name: {az: Ramazan, en: Ramazan, ru: Рамазан}}
  - {kind: moved, date: 2027-03-25, from: 2027-03-20}
  - {kind: moved, date: 2027-03-26, from: 2027-03-21}
`

func TestADecreeReplacesComputedDays(t *testing.T) {
	c, err := state(t).With(file(t, decree2027))
	if err != nil {
		t.Fatal(err)
	}
	for s, off := range map[string]bool{"2027-03-09": false, "2027-03-10": true, "2027-03-11": true, "2027-03-12": false, "2027-03-22": true, "2027-03-26": true} {
		if d := c.Day(date(s)); d.Off != off || d.Maybe != nil || d.Possible {
			t.Errorf("%s after the decree: %+v", s, d)
		}
	}
	if d := c.Day(date("2027-05-17")); d.Maybe == nil {
		t.Error("the decree says nothing on Qurban, which must stay computed")
	}
	if d := c.AsKnown(date("2026-12-24")).Day(date("2027-03-10")); d.Off || d.Maybe == nil || !d.Covered {
		t.Errorf("before the decree the day was computed: %+v", d)
	}
	if c.AsKnown(date("2026-12-25")).Day(date("2027-03-11")).Off != true {
		t.Error("on its day the decree is known")
	}
}

func TestAFileMustAgreeWithTheRules(t *testing.T) {
	_, err := state(t).With(file(t, strings.Replace(decree2027, "date: 2027-03-26, from", "date: 2027-03-29, from", 1)))
	if err == nil || !strings.Contains(err.Error(), "test.yaml:9:") || !strings.Contains(err.Error(), "2027-03-26") {
		t.Errorf("a wrong moved day must be refused with its line and the right day: %v", err)
	}
	if _, err := New(file(t, decree2027)); err == nil {
		t.Error("a calendar without the law must be refused")
	}
}

func TestNeeds(t *testing.T) {
	c := state(t)
	var got []string
	for _, n := range c.Needs(date("2027-05-01"), 40) {
		got = append(got, n.Date.String()+" "+itoa(n.Ahead)+" "+string(n.Maybe.Kind))
	}
	if want := "2027-05-16 15 holiday,2027-05-17 16 holiday,2027-05-18 17 moved"; strings.Join(got, ",") != want {
		t.Errorf("needs are %v, want %s", got, want)
	}
	if n := c.Needs(date("2028-12-20"), 20); len(n) != 1 || n[0].Year != 2029 || n[0].Ahead != 12 || n[0].Maybe != nil {
		t.Errorf("the missing file of 2029 must be reported: %+v", n)
	}
	if n := c.Needs(date("2026-01-01"), 364); len(n) != 0 {
		t.Errorf("2026 is decreed: %+v", n)
	}
	if day := c.Day(date("2027-03-11")); !day.Possible || day.Maybe != nil || day.Off {
		t.Errorf("11 March 2027 is off if the moon is a day late: %+v", day)
	}
}

// Whatever the computed days and words: a day that closes is off in every way the
// computed days may turn out, and a computed day without a word is never off by itself.
func TestAComputedDayNeverCloses(t *testing.T) {
	c := state(t)
	open := c.Needs(date("2027-01-01"), 729)
	rapid.Check(t, func(t *rapid.T) {
		var words []Confirmation
		for _, n := range rapid.SliceOfN(rapid.SampledFrom(open), 0, 6).Draw(t, "words") {
			words = append(words, Confirmation{Date: n.Date, Holds: rapid.Bool().Draw(t, "holds"), Who: "x", When: date("2026-12-01"), Act: "y"})
		}
		k, err := c.Confirm(words...)
		if err != nil {
			t.Fatal(err)
		}
		for d := date("2027-01-01"); d <= date("2028-12-31"); d++ {
			day := k.Day(d)
			if day.Off && day.Certainty == Computed {
				t.Fatalf("%s is off by computation alone: %+v", d, day)
			}
			if day.Off == k.Working(d) {
				t.Fatalf("%s: Day and Working differ", d)
			}
			if day.Off {
				for w := range k.worlds {
					if !k.offIn(w, d) {
						t.Fatalf("%s is off as known but worked in world %+v", d, k.worlds[w])
					}
				}
			}
			if w := k.word(world{}, d); w != nil && !w.Holds && !d.Weekend() && day.Off && day.Kind == KindHoliday && day.Certainty == Confirmed {
				t.Fatalf("%s is off against the word of a person: %+v", d, day)
			}
			if w := k.word(world{}, d); w != nil && w.Holds && !day.Off {
				t.Fatalf("%s is worked against the word of a person: %+v", d, day)
			}
		}
	})
}

// Every holiday on a rest day gets a rest day, whatever else is off around it.
func TestEveryRestDayIsGivenBack(t *testing.T) {
	c := state(t)
	for y := 2025; y <= 2028; y++ {
		due, given := 0, 0
		days, moved := c.resolve(world{hold: true}, nil)
		for d, all := range c.place(world{hold: true}) {
			if d.Year() == y {
				due += moves(d, all)
			}
		}
		for d, m := range moved {
			if m.Other.Year() == y {
				given++
			}
			if d.Weekend() || d <= m.Other || days[d] == nil {
				t.Errorf("%s is a bad day to move %s to", d, m.Other)
			}
			for between := m.Other + 1; between < d; between++ {
				if !between.Weekend() && moved[between] == nil && (days[between] == nil || !days[between].Off) {
					t.Errorf("%s was moved past %s, a working day", m.Other, between)
				}
			}
		}
		if due != given {
			t.Errorf("%d: %d rest days are due and %d are given", y, due, given)
		}
	}
}

func BenchmarkState(b *testing.B) {
	for b.Loop() {
		if _, err := State(); err != nil {
			b.Fatal(err)
		}
	}
}
