package calendar

import (
	"fmt"
	"time"
)

// Date is a civil day of the Gregorian calendar: 1 is 1 January of the year 1, each
// next day is one more, so dates compare and count like numbers. 0 is no date.
type Date int32

// Bounds of what Date can say: years of four digits.
const (
	MinDate Date = 1       // 0001-01-01
	MaxDate Date = 3652059 // 9999-12-31
)

// NewDate is the day of a year, month and day of month. Values outside their usual
// ranges roll over, as in time.Date; the result is kept within MinDate and MaxDate.
func NewDate(year int, month time.Month, day int) Date {
	days := floorDiv(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix(), 86400) + int64(epoch)
	return Date(min(max(days, int64(MinDate)), int64(MaxDate)))
}

// DateAt is the day in Baku at the moment t.
func DateAt(t time.Time) Date { return Date(floorDiv(civil(t), 86400)) }

// ParseDate reads 2026-03-20 or 20.03.2026. Days that do not exist are errors.
func ParseDate(s string) (Date, error) {
	for _, form := range []string{time.DateOnly, "02.01.2006"} {
		if t, err := time.Parse(form, s); err == nil && t.Year() >= 1 {
			return NewDate(t.Date()), nil
		}
	}
	return 0, fmt.Errorf("%q is not a date: write a day that exists as 2026-03-20 or 20.03.2026", s)
}

// Civil is the date's year, month and day of month.
func (d Date) Civil() (year int, month time.Month, day int) {
	return time.Unix(int64(d-epoch)*86400, 0).UTC().Date()
}

// Year is the date's year.
func (d Date) Year() int { y, _, _ := d.Civil(); return y }

// Weekday is the day of the week.
func (d Date) Weekday() time.Weekday { return time.Weekday(floorMod(int64(d), 7)) }

// weekday counts from Monday, 0, to Sunday, 6.
func (d Date) weekday() int { return int(floorMod(int64(d)-1, 7)) }

// Weekend tells whether the date is a Saturday or a Sunday: the two rest days of the
// five-day week (Labour Code, article 104.1).
func (d Date) Weekend() bool { return d.weekday() >= 5 }

// Add is the date n days later, or earlier if n is negative.
func (d Date) Add(n int) Date { return d + Date(n) }

// Sub is the number of days from other to d.
func (d Date) Sub(other Date) int { return int(d) - int(other) }

// AddMonths is the same day of the month n months later; where that month is too
// short, its last day.
func (d Date) AddMonths(n int) Date {
	y, m, day := d.Civil()
	first := NewDate(y, m+time.Month(n), 1)
	fy, fm, _ := first.Civil()
	last := NewDate(fy, fm+1, 0)
	return min(first+Date(day-1), last)
}

// Begin is the date's first minute.
func (d Date) Begin() Minute { return Minute(d) * minutesPerDay }

// At is a minute of the date; 24:00 is the first minute of the next.
func (d Date) At(c Clock) Minute { return d.Begin() + Minute(c) }

// Day is the date from 00:00 to 24:00.
func (d Date) Day() Interval { return Interval{d.Begin(), (d + 1).Begin()} }

// Time is the moment at which the date begins in Baku.
func (d Date) Time() time.Time { return d.Begin().Time() }

// String is the date as 2026-03-20; no date is an empty string.
func (d Date) String() string { return d.format(time.DateOnly) }

// Dotted is the date as it is written in Azerbaijan: 20.03.2026.
func (d Date) Dotted() string { return d.format("02.01.2006") }

func (d Date) format(form string) string {
	if d == 0 {
		return ""
	}
	return time.Unix(int64(d-epoch)*86400, 0).UTC().Format(form)
}

// MarshalText writes the date as 2026-03-20.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText writes, and 20.03.2026.
func (d *Date) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*d = 0
		return nil
	}
	v, err := ParseDate(string(b))
	if err != nil {
		return err
	}
	*d = v
	return nil
}

// Week is a calendar week from Monday 00:00 to Sunday 24:00, named by its Monday. It is
// the week in which live service is counted (reading R6 of clause 2.6).
type Week struct{ Monday Date }

// WeekOf is the week in which d lies.
func WeekOf(d Date) Week { return Week{d - Date(d.weekday())} }

// WeekAt is the week in Baku at the moment t.
func WeekAt(t time.Time) Week { return WeekOf(DateAt(t)) }

// Interval is the week's 10,080 minutes.
func (w Week) Interval() Interval { return Interval{w.Monday.Begin(), (w.Monday + 7).Begin()} }

// Add is the week n weeks later.
func (w Week) Add(n int) Week { return Week{w.Monday + Date(7*n)} }

// String is the week's number by ISO 8601, such as 2026-W17.
func (w Week) String() string {
	y, n := time.Unix(int64(w.Monday-epoch)*86400, 0).UTC().ISOWeek()
	return fmt.Sprintf("%04d-W%02d", y, n)
}

// Clock is a time of day in minutes, from 0 (00:00) to 1,440 (24:00, the end of the day).
type Clock int16

// ParseClock reads 09:00; 24:00 is the end of the day.
func ParseClock(s string) (Clock, error) {
	if len(s) == 5 && s[2] == ':' && digits(s[:2]) && digits(s[3:]) {
		c := Clock(s[0]-'0')*600 + Clock(s[1]-'0')*60 + Clock(s[3]-'0')*10 + Clock(s[4]-'0')
		if s[3] < '6' && c <= minutesPerDay {
			return c, nil
		}
	}
	return 0, fmt.Errorf("%q is not a time of day: write it as 09:00, at most 24:00", s)
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

func (c Clock) String() string { return fmt.Sprintf("%02d:%02d", int(c)/60, int(c)%60) }

// MarshalText writes the time as 09:00.
func (c Clock) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (c *Clock) UnmarshalText(b []byte) error {
	v, err := ParseClock(string(b))
	if err != nil {
		return err
	}
	*c = v
	return nil
}
