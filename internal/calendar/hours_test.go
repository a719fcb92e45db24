package calendar

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func period(from, to string) Period {
	a, err := ParseClock(from)
	if err != nil {
		panic(err)
	}
	b, err := ParseClock(to)
	if err != nil {
		panic(err)
	}
	return Period{a, b}
}

func keysOf(bs []*Breach) []string {
	out := []string{}
	for _, b := range bs {
		out = append(out, b.At+" "+b.Key)
	}
	return out
}

var ground = &Ground{Reason: "flood", Act: "order 12", Who: "a.aliyeva", When: 738000}

func TestCheckRefuses(t *testing.T) {
	c := state(t)
	standard := func(change func(h *Hours)) Hours {
		h := StandardHours("108", date("2026-01-01"))
		change(&h)
		return h
	}
	closed := func(from, to string, g *Ground, ps ...Period) func(h *Hours) {
		return func(h *Hours) { h.Exceptions = []Exception{{date(from), date(to), ps, g}} }
	}
	for name, w := range map[string]struct {
		h        Hours
		refused  []string
		findings []string
	}{
		"standard": {h: standard(func(h *Hours) {})},
		"always":   {h: AlwaysOpen("112", date("2026-01-01"))},
		"longer": {h: standard(func(h *Hours) {
			h.Versions[0].Week[0] = []Period{period("08:00", "20:00")}
			h.Versions[0].Week[5] = []Period{period("10:00", "14:00")}
			h.Versions[0].DayOff = []Period{period("10:00", "12:00")}
		})},
		"two halves that touch": {h: standard(func(h *Hours) { h.Versions[0].Week[2] = []Period{period("13:00", "18:00"), period("09:00", "13:00")} })},
		"lunch": {h: standard(func(h *Hours) { h.Versions[0].Week[2] = []Period{period("09:00", "13:00"), period("14:00", "18:00")} }),
			refused: []string{"versions[0].week[2] hours.gap"}},
		"late and early": {h: standard(func(h *Hours) { h.Versions[0].Week[4] = []Period{period("09:30", "17:00")} }),
			refused: []string{"versions[0].week[4] hours.starts-late", "versions[0].week[4] hours.ends-early"}},
		"one minute": {h: standard(func(h *Hours) { h.Versions[0].Week[4] = []Period{period("09:00", "17:59")} }),
			refused: []string{"versions[0].week[4] hours.ends-early"}},
		"no Friday": {h: standard(func(h *Hours) { h.Versions[0].Week[4] = nil }), refused: []string{"versions[0].week[4] hours.closed"}},
		"evening only": {h: standard(func(h *Hours) { h.Versions[0].Week[4] = []Period{period("18:00", "24:00")} }),
			refused: []string{"versions[0].week[4] hours.closed"}},
		"short swapped Saturday": {h: standard(func(h *Hours) { h.Versions[0].Swapped = []Period{period("09:00", "13:00")} }),
			refused: []string{"versions[0].swapped hours.ends-early"}},
		"no hours": {h: Hours{Place: "x"}, refused: []string{"versions hours.no-version"}},
		"bad period": {h: standard(func(h *Hours) { h.Versions[0].Week[6] = []Period{{600, 600}} }),
			refused: []string{"versions[0].week[6] hours.bad-period"}},
		"bad day": {h: Hours{Place: "x", Versions: []Version{{Always: true}}}, refused: []string{"versions[0] hours.bad-dates"}},
		"two versions of a day": {h: standard(func(h *Hours) { h.Versions = append(h.Versions, h.Versions[0]) }),
			refused: []string{"versions[1] hours.same-start"}},
		"emergency in office hours": {h: func() Hours { h := StandardHours("x", 700000); h.Emergency = true; return h }(),
			refused: []string{"versions[0] hours.not-always"}},
		"emergency closed": {h: func() Hours {
			h := AlwaysOpen("x", 700000)
			h.Exceptions = []Exception{{date("2026-01-01"), date("2026-01-01"), []Period{period("00:00", "23:59")}, ground}}
			return h
		}(), refused: []string{"exceptions[0] hours.emergency-closed"}},
		"closed on a holiday":       {h: standard(closed("2026-05-09", "2026-05-11", nil))},
		"open on a holiday":         {h: standard(closed("2026-05-09", "2026-05-11", nil, period("10:00", "12:00")))},
		"longer on a day":           {h: standard(closed("2026-07-01", "2026-07-01", nil, period("08:00", "22:00")))},
		"closed without a ground":   {h: standard(closed("2026-07-03", "2026-07-06", nil)), refused: []string{"exceptions[0] hours.closure-no-ground", "exceptions[0] hours.closure-no-ground"}},
		"closed with half a ground": {h: standard(closed("2026-07-03", "2026-07-03", &Ground{Reason: "flood"})), refused: []string{"exceptions[0] hours.closure-no-ground"}},
		"closed with a ground":      {h: standard(closed("2026-07-03", "2026-07-06", ground, period("12:00", "18:00"))), findings: []string{"exceptions[0] hours.closure", "exceptions[0] hours.closure"}},
		"an hour less before a day": {h: standard(closed("2026-12-30", "2026-12-30", nil, period("09:00", "17:00"))), refused: []string{"exceptions[0] hours.closure-no-ground"}},
		"closed on a computed day":  {h: standard(closed("2027-03-09", "2027-03-09", nil)), refused: []string{"exceptions[0] hours.unconfirmed"}},
		"before the line was there": {h: standard(closed("2025-07-01", "2025-07-01", nil))},
		"exceptions that meet": {h: standard(func(h *Hours) {
			e := Exception{From: date("2026-05-09"), To: date("2026-05-09")}
			h.Exceptions = []Exception{e, e}
		}), refused: []string{"exceptions[1] hours.overlap"}},
		"exception backwards":        {h: standard(closed("2026-05-09", "2026-05-08", nil)), refused: []string{"exceptions[0] hours.bad-dates"}},
		"exception of two years":     {h: standard(closed("2026-01-01", "2027-12-31", ground)), refused: []string{"exceptions[0] hours.too-long"}},
		"exception with a bad hours": {h: standard(closed("2026-05-09", "2026-05-09", nil, Period{-5, 3})), refused: []string{"exceptions[0] hours.bad-period"}},
	} {
		t.Run(name, func(t *testing.T) {
			findings, err := w.h.Check(c)
			if got := keysOf(Breaches(err)); !slices.Equal(got, append([]string{}, w.refused...)) {
				t.Errorf("refused %v, want %v", got, w.refused)
			}
			if got := keysOf(findings); !slices.Equal(got, append([]string{}, w.findings...)) {
				t.Errorf("findings %v, want %v", got, w.findings)
			}
			want := ClauseHours
			if w.h.Emergency {
				want = ClauseEmergency
			}
			for _, b := range append(findings, Breaches(err)...) {
				if b.Clause != want || b.Place != w.h.Place {
					t.Errorf("%v names the wrong clause or place", b)
				}
			}
		})
	}
}

func TestABreachSaysWhatIsWrong(t *testing.T) {
	h := StandardHours("tax", date("2026-01-01"))
	h.Versions[0].Week[1] = []Period{period("09:00", "13:00"), period("14:00", "18:00")}
	_, err := h.Check(state(t))
	b, ok := errors.AsType[*Breach](fmt.Errorf("saving: %w", err))
	if !ok || !reflect.DeepEqual(b.Params, map[string]string{"day": "tuesday", "from": "13:00", "to": "14:00"}) {
		t.Errorf("the breach is %+v", b)
	}
	if len(Breaches(fmt.Errorf("saving: %w", err))) != 1 || Breaches(nil) != nil || Breaches(errors.New("x")) != nil {
		t.Error("Breaches must find what Check refused, and nothing else")
	}
}

func TestConfirmedDaysMayBeClosed(t *testing.T) {
	c := state(t)
	h := StandardHours("108", date("2026-01-01"))
	if h.On(c, date("2027-03-09")).Len() != 540 {
		t.Error("a computed day off must stay open")
	}
	k, err := c.Confirm(Confirmation{Date: date("2027-03-09"), Holds: true, Who: "x", When: date("2026-12-28"), Act: "y"})
	if err != nil {
		t.Fatal(err)
	}
	if h.On(k, date("2027-03-09")).Len() != 0 {
		t.Error("a confirmed day off is closed")
	}
	if h.On(k.AsKnown(date("2026-12-27")), date("2027-03-09")).Len() != 540 {
		t.Error("a day before the confirmation it was open")
	}
}

func TestTimetableOfKnownMoments(t *testing.T) {
	c := state(t)
	tt := Prepare(c, StandardHours("108", date("2025-01-01")), date("2025-01-01"), date("2028-12-31"))
	never := ""
	for _, w := range []struct {
		at       string
		open     bool
		nextOpen string
		close    string
	}{
		{"2026-04-21 09:00:00", true, "2026-04-21 09:00:00", "2026-04-21 18:00:00"},
		{"2026-04-21 08:59:59", false, "2026-04-21 09:00:00", "2026-04-21 08:59:59"},
		{"2026-04-21 17:59:59", true, "2026-04-21 17:59:59", "2026-04-21 18:00:00"},
		{"2026-04-21 18:00:00", false, "2026-04-22 09:00:00", "2026-04-21 18:00:00"},
		{"2026-03-19 18:00:00", false, "2026-03-31 09:00:00", "2026-03-19 18:00:00"}, // over Novruz and Ramazan
		{"2025-06-21 12:00:00", true, "2025-06-21 12:00:00", "2025-06-21 18:00:00"},  // a swapped Saturday
		{"2025-06-27 12:00:00", false, "2025-06-30 09:00:00", "2025-06-27 12:00:00"},
		{"2026-12-30 17:30:00", true, "2026-12-30 17:30:00", "2026-12-30 18:00:00"},  // the eve of a holiday
		{"2027-03-09 12:00:00", true, "2027-03-09 12:00:00", "2027-03-09 18:00:00"},  // computed Ramazan
		{"2024-12-30 12:00:00", false, "2025-01-06 09:00:00", "2024-12-30 12:00:00"}, // before the line was there
		{"2028-12-31 12:00:00", false, "2029-01-04 09:00:00", "2028-12-31 12:00:00"}, // beyond what was prepared
	} {
		at := moment(w.at)
		if got := tt.OpenAt(at); got != w.open {
			t.Errorf("%s: open %v", w.at, got)
		}
		if got, ok := tt.NextOpen(at); ok != (w.nextOpen != never) || !got.Equal(moment(w.nextOpen)) {
			t.Errorf("%s: opens at %s, want %s", w.at, got, w.nextOpen)
		}
		if got, ok := tt.NextClose(at); ok != (w.close != never) || !got.Equal(moment(w.close)) {
			t.Errorf("%s: closes at %s, want %s", w.at, got, w.close)
		}
	}
	always := Prepare(c, AlwaysOpen("112", date("2025-01-01")), date("2025-01-01"), date("2028-12-31"))
	for _, s := range []string{"2026-01-01 00:00:00", "2028-06-01 12:00:00", "2030-01-01 00:00:00"} {
		if _, ok := always.NextClose(moment(s)); ok || !always.OpenAt(moment(s)) {
			t.Errorf("%s: a line that is always open never closes", s)
		}
	}
	if _, ok := Prepare(c, Hours{}, date("2025-01-01"), date("2026-12-31")).NextOpen(moment("2026-01-01 00:00:00")); ok {
		t.Error("a line without hours never opens")
	}
	if n := tt.OpenMinutes(moment("2026-01-01 00:00:00"), moment("2027-01-01 00:00:00")); n != 540*241 {
		t.Errorf("2026 has %d open minutes, %d working days", n, n/540)
	}
}

func drawPeriods(t *rapid.T, name string) []Period {
	// Whole quarters, mostly around the law's hours, so that near misses are common.
	c := rapid.OneOf(rapid.SampledFrom([]int{0, 36, 36, 36, 52, 56, 72, 72, 72, 96}), rapid.IntRange(0, 96))
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Period {
		a, b := c.Draw(t, "from"), c.Draw(t, "to")
		if a == b {
			a, b = 36, 72
		}
		return Period{Clock(min(a, b) * 15), Clock(max(a, b) * 15)}
	}), 0, 3).Draw(t, name)
}

func drawHours(t *rapid.T) Hours {
	h := Hours{Place: "x", Emergency: rapid.IntRange(0, 9).Draw(t, "emergency") == 0}
	froms := rapid.SliceOfNDistinct(rapid.IntRange(0, 1500), 1, 3, rapid.ID).Draw(t, "versions")
	lawful := rapid.Bool().Draw(t, "lawful")
	for i, f := range froms {
		v := Version{From: date("2024-06-01").Add(f), Always: h.Emergency || rapid.IntRange(0, 5).Draw(t, "always") == 0}
		if i > 0 && !lawful && rapid.Bool().Draw(t, "not always") {
			v.Always = false
		}
		if !v.Always {
			for d := range v.Week {
				if lawful && d < 5 {
					v.Week[d] = []Period{{LawFrom, LawTo}}
				}
				if !lawful || rapid.Bool().Draw(t, "more") {
					v.Week[d] = append(v.Week[d], drawPeriods(t, "week")...)
				}
			}
			v.DayOff = drawPeriods(t, "day off")
			if rapid.Bool().Draw(t, "own swapped") {
				v.Swapped = append(drawPeriods(t, "swapped"), Period{LawFrom, LawTo})
				if !lawful {
					v.Swapped = v.Swapped[:len(v.Swapped)-1]
				}
			}
		}
		h.Versions = append(h.Versions, v)
	}
	at := date("2024-12-01")
	for range rapid.IntRange(0, 4).Draw(t, "exceptions") {
		at = at.Add(rapid.IntRange(1, 300).Draw(t, "after"))
		e := Exception{From: at, To: at.Add(rapid.IntRange(0, 4).Draw(t, "days")), Periods: drawPeriods(t, "exception")}
		if lawful {
			e.Periods = append(e.Periods, Period{LawFrom, LawTo})
		}
		if h.Emergency && lawful {
			e.Periods = wholeDay
		}
		at = e.To
		h.Exceptions = append(h.Exceptions, e)
	}
	return h
}

// Check accepts exactly the hours under which every minute from 09:00 to 18:00 of every
// working day is open (every minute at all for an emergency line). A version may be too
// short for the weekday on which it fails: then the calendar has the day it fails on in
// some other year, so a refusal is confirmed on the version alone.
func TestCheckAcceptsExactlyWhatIsOpen(t *testing.T) {
	c := state(t)
	accepted, refused := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		h := drawHours(t)
		findings, err := h.Check(c)
		if len(findings) > 0 {
			t.Fatalf("findings without a ground: %v", findings)
		}
		if err == nil {
			accepted++
			if d, ok := lawful(c, h); !ok {
				t.Fatalf("accepted, but closed on %s", d)
			}
			return
		}
		refused++
		if _, ok := lawful(c, h); !ok {
			return
		}
		for _, v := range h.Versions {
			v.From = date("2025-01-01")
			if _, ok := lawful(c, Hours{Emergency: h.Emergency, Versions: []Version{v}}); !ok {
				return
			}
		}
		if h.Emergency && slices.ContainsFunc(h.Versions, func(v Version) bool { return !v.Always }) {
			return // a pattern that happens to be 24/7 is refused: it must say so
		}
		t.Fatalf("refused, but open as the law wants: %v", err)
	})
	if accepted == 0 || refused == 0 {
		t.Errorf("the test saw %d accepted and %d refused hours", accepted, refused)
	}
}

// lawful looks at every day by itself; it gives the first that breaks the law.
func lawful(c *Calendar, h Hours) (Date, bool) {
	begin := h.Versions[0].From
	for _, v := range h.Versions {
		begin = min(begin, v.From)
	}
	for d := begin; d <= date("2029-03-01"); d++ {
		want := Spans{{d.At(LawFrom), d.At(LawTo)}}
		if h.Emergency {
			want = Spans{d.Day()}
		} else if !c.Working(d) {
			continue
		}
		if !h.On(c, d).Covers(want) {
			return d, false
		}
	}
	return 0, true
}

func TestTimetableAgreesWithItsDays(t *testing.T) {
	c := state(t)
	rapid.Check(t, func(t *rapid.T) {
		h := drawHours(t)
		first := date("2024-12-01").Add(rapid.IntRange(0, 300).Draw(t, "first"))
		tt := Prepare(c, h, first, first.Add(rapid.IntRange(-1, 200).Draw(t, "days")))
		// Around the prepared days, so that questions cross their borders.
		draw := func(name string) time.Time {
			s := rapid.Int64Range(first.Add(-20).Time().Unix(), first.Add(220).Time().Unix()).Draw(t, name)
			if rapid.Bool().Draw(t, name+" whole") {
				s -= s % 900
			}
			return time.Unix(s, rapid.SampledFrom([]int64{0, 0, 1, 999_999_999}).Draw(t, name+" ns"))
		}
		at := draw("at")
		naive := func(m Minute) bool { return h.On(c, m.Date()).Contains(m) }
		open := tt.OpenAt(at)
		if open != naive(MinuteAt(at)) {
			t.Fatalf("%s: open %v", at.In(Baku()), open)
		}
		for _, want := range []bool{true, false} {
			next, ok := tt.next(at, want)
			if !ok {
				for d := DateAt(at); d < DateAt(at).Add(horizon); d++ {
					on := h.On(c, d)
					if day := d.Day(); d == DateAt(at) {
						day.From = MinuteAt(at)
						on = on.Within(day)
						if !want && on.Len() != day.Len() || want && on.Len() > 0 {
							t.Fatalf("there is a turn on %s", d)
						}
					} else if !want && on.Len() != minutesPerDay || want && on.Len() > 0 {
						t.Fatalf("there is a turn on %s", d)
					}
				}
				continue
			}
			if next.Before(at) || tt.OpenAt(next) != want {
				t.Fatalf("from %s the next %v is %s", at.In(Baku()), want, next)
			}
			for m := MinuteAt(at) + 1; m < MinuteAt(next); m++ {
				if naive(m) == want {
					t.Fatalf("from %s the next %v is %s, not %s", at.In(Baku()), want, m, next)
				}
			}
			if !next.Equal(at) && open == want {
				t.Fatalf("%s is %v itself, not %s", at.In(Baku()), want, next)
			}
		}
		ts := []time.Time{at, draw("b"), draw("c")}
		slices.SortFunc(ts, time.Time.Compare)
		ab, bc, ac := tt.OpenMinutes(ts[0], ts[1]), tt.OpenMinutes(ts[1], ts[2]), tt.OpenMinutes(ts[0], ts[2])
		if ab+bc != ac || tt.OpenMinutes(ts[2], ts[0]) != 0 {
			t.Fatalf("the parts have %d and %d minutes, the whole %d", ab, bc, ac)
		}
		spans := tt.Spans(ts[0], ts[1])
		if !wellFormed(spans) || spans.Len() != ab {
			t.Fatalf("the spans have %d minutes, counted were %d", spans.Len(), ab)
		}
		var all []Interval
		for d := DateAt(ts[0]); d <= DateAt(ts[1]); d++ {
			all = append(all, h.On(c, d)...)
		}
		if want := SpansOf(all...).Within(Interval{minuteFrom(ts[0]), minuteFrom(ts[1])}); !slices.Equal(spans, want) {
			t.Fatalf("the spans are %v, want %v", spans, want)
		}
	})
}

func TestHoursAreARecord(t *testing.T) {
	h := StandardHours("108", date("2026-01-01"))
	h.Versions[0].Swapped = []Period{period("09:00", "24:00")}
	h.Exceptions = []Exception{{date("2026-07-01"), date("2026-07-02"), []Period{period("12:00", "18:00")}, ground}}
	b, err := json.Marshal(h)
	var back Hours
	if err != nil || json.Unmarshal(b, &back) != nil || !reflect.DeepEqual(h, back) {
		t.Errorf("%+v became %s and %+v", h, b, back)
	}
	// A later version leaves what came before as it was.
	h.Versions = append(h.Versions, Version{From: date("2026-08-01"), Always: true})
	c := state(t)
	if h.On(c, date("2026-07-31")).Len() != 540 || h.On(c, date("2026-08-01")).Len() != minutesPerDay || len(h.On(c, date("2025-12-31"))) != 0 {
		t.Error("versions must count from their day on")
	}
}

func benchTimetable(b *testing.B) *Timetable {
	return Prepare(state(b), StandardHours("108", date("2025-01-01")), date("2025-01-01"), date("2028-12-31"))
}

func BenchmarkOpenAt(b *testing.B) {
	tt := benchTimetable(b)
	at, n := moment("2025-01-01 00:00:00"), 0
	b.ReportAllocs()
	for b.Loop() {
		n++
		tt.OpenAt(at.Add(time.Duration(n%1_000_000) * 2 * time.Minute))
	}
}

func BenchmarkOpenMinutes(b *testing.B) {
	tt := benchTimetable(b)
	from, to := moment("2025-01-01 00:00:00"), moment("2028-12-31 12:00:00")
	b.ReportAllocs()
	for b.Loop() {
		tt.OpenMinutes(from, to)
	}
}

func BenchmarkPrepare(b *testing.B) {
	c := state(b)
	for b.Loop() {
		Prepare(c, StandardHours("108", date("2025-01-01")), date("2025-01-01"), date("2028-12-31"))
	}
}
