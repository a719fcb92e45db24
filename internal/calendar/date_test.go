package calendar

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func date(s string) Date {
	d, err := ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

func moment(s string) time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04:05", s, Baku())
	if err != nil {
		panic(err)
	}
	return t
}

func TestDateAgreesWithTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := Date(rapid.Int32Range(int32(MinDate), int32(MaxDate)).Draw(t, "d"))
		y, m, day := d.Civil()
		ref := time.Date(y, m, day, 0, 0, 0, 0, time.UTC)
		if NewDate(y, m, day) != d || d.Weekday() != ref.Weekday() || d.String() != ref.Format("2006-01-02") || d.Year() != y {
			t.Fatalf("%d is %s, want %s, weekday %s, want %s", d, d, ref, d.Weekday(), ref.Weekday())
		}
		for _, s := range []string{d.String(), d.Dotted()} {
			if back, err := ParseDate(s); err != nil || back != d {
				t.Fatalf("%q reads as %v, %v", s, back, err)
			}
		}
		if d.weekday() != (int(ref.Weekday())+6)%7 || d.Weekend() != (ref.Weekday() == time.Saturday || ref.Weekday() == time.Sunday) {
			t.Fatalf("%s: weekday %d, weekend %v", d, d.weekday(), d.Weekend())
		}
		b, err := json.Marshal(d)
		var back Date
		if err != nil || json.Unmarshal(b, &back) != nil || back != d {
			t.Fatalf("%s became %s in JSON and %s again", d, b, back)
		}
	})
}

func TestNoDate(t *testing.T) {
	var d Date
	if d.String() != "" || d.UnmarshalText(nil) != nil || d != 0 {
		t.Fatal("the zero Date must be written and read as nothing")
	}
	if MinDate.String() != "0001-01-01" || MaxDate.String() != "9999-12-31" {
		t.Fatalf("bounds are %s and %s", MinDate, MaxDate)
	}
	if NewDate(-50, 1, 1) != MinDate || NewDate(12000, 1, 1) != MaxDate {
		t.Fatal("NewDate must stay within the bounds")
	}
	for _, s := range []string{"", "2026-02-29", "2026-13-01", "2026-1-1", "31.04.2026", "20/03/2026", "0000-01-01", " 2026-01-01"} {
		if v, err := ParseDate(s); err == nil {
			t.Errorf("%q reads as %s", s, v)
		}
	}
}

func TestMonths(t *testing.T) {
	for _, c := range []struct {
		from string
		n    int
		want string
	}{
		{"2026-04-21", 3, "2026-07-21"}, // D-3.1
		{"2026-04-21", 5, "2026-09-21"}, // D-3.2
		{"2026-01-31", 1, "2026-02-28"},
		{"2028-01-31", 1, "2028-02-29"},
		{"2026-08-31", 6, "2027-02-28"},
		{"2026-03-31", -1, "2026-02-28"},
		{"2026-12-31", 12, "2027-12-31"},
		{"2026-01-15", -13, "2024-12-15"},
	} {
		if got := date(c.from).AddMonths(c.n); got != date(c.want) {
			t.Errorf("%s and %d months is %s, want %s", c.from, c.n, got, c.want)
		}
	}
}

func TestWeek(t *testing.T) {
	for day, want := range map[string]string{
		"2026-04-20": "2026-W17", "2026-04-21": "2026-W17", "2026-04-26": "2026-W17", "2026-04-27": "2026-W18",
		"2027-01-01": "2026-W53", "2025-12-29": "2026-W01",
	} {
		if got := WeekOf(date(day)).String(); got != want {
			t.Errorf("%s lies in %s, want %s", day, got, want)
		}
	}
	// Sunday 23:59:59 in Baku is 19:59:59 UTC; a second later the next week begins.
	last := time.Date(2026, 4, 26, 19, 59, 59, 0, time.UTC)
	if WeekAt(last).Monday != date("2026-04-20") || WeekAt(last.Add(time.Second)).Monday != date("2026-04-27") {
		t.Error("a week must end on Sunday at 24:00 of Baku")
	}
	w := WeekAt(last)
	if w.Interval().Len() != 7*minutesPerDay || w.Add(1).Interval().From != w.Interval().To || !w.Interval().Contains(MinuteAt(last)) {
		t.Errorf("the week is %s", w.Interval())
	}
}

func TestZone(t *testing.T) {
	if system, err := time.LoadLocation("Asia/Baku"); err == nil {
		for y := 1990; y <= 2035; y++ {
			for m := time.Month(1); m <= 12; m++ {
				at := time.Date(y, m, 28, 12, 0, 0, 0, time.UTC)
				_, a := at.In(system).Zone()
				if _, b := at.In(Baku()).Zone(); a != b {
					t.Errorf("%s: the embedded zone says %d s, the system's %d s", at, b, a)
				}
			}
		}
	}
	for s, want := range map[string]int{"2015-07-01": 5, "2016-01-01": 4, "2016-07-01": 4, "2030-07-01": 4} {
		if _, o := date(s).Time().Zone(); o != want*3600 {
			t.Errorf("%s: UTC%+d s, want %+d h", s, o, want)
		}
	}
	if NewDate(2016, 1, 1).Time().Unix() != settled {
		t.Errorf("settled should be %d", NewDate(2016, 1, 1).Time().Unix())
	}
}

func TestMinutesAndMoments(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.Int64Range(time.Date(1991, 1, 1, 0, 0, 0, 0, time.UTC).Unix(), time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).Unix()).Draw(t, "unix")
		at := time.Unix(s, rapid.Int64Range(0, 999_999_999).Draw(t, "ns"))
		local := at.In(Baku())
		m := MinuteAt(at)
		if m.Date() != NewDate(local.Date()) || int(m.Clock()) != local.Hour()*60+local.Minute() {
			t.Fatalf("%s is minute %s", local, m)
		}
		if DateAt(at) != m.Date() {
			t.Fatalf("%s lies on %s", local, DateAt(at))
		}
		if s >= settled {
			if begin := m.Time(); !begin.Equal(local.Truncate(time.Minute)) {
				t.Fatalf("%s begins at %s", m, begin)
			}
		}
		if up := minuteFrom(at); up != m && (up != m+1 || at.Truncate(time.Minute).Equal(at)) {
			t.Fatalf("the first minute from %s is %s", local, up)
		}
	})
	if got := MinuteAt(time.Date(2026, 4, 20, 20, 0, 0, 0, time.UTC)); got != date("2026-04-21").Begin() {
		t.Errorf("20:00 UTC is %s in Baku", got)
	}
}

func TestClock(t *testing.T) {
	for c := Clock(0); c <= minutesPerDay; c++ {
		if back, err := ParseClock(c.String()); err != nil || back != c {
			t.Fatalf("%s reads as %v, %v", c, back, err)
		}
	}
	for _, s := range []string{"", "9:00", "24:01", "09:60", "0900", "09:0a", "-1:00", "25:00"} {
		if c, err := ParseClock(s); err == nil {
			t.Errorf("%q reads as %s", s, c)
		}
	}
	var c Clock
	if err := json.Unmarshal([]byte(`"18:30"`), &c); err != nil || c != 18*60+30 {
		t.Errorf("18:30 in JSON is %v, %v", c, err)
	}
}
