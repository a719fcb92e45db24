package calendar

import "time"

// horizon is how many days NextOpen and NextClose look ahead.
const horizon = 366

// Timetable is a line's opening hours made ready for questions: within the days it was
// prepared for, OpenAt and OpenMinutes take constant time and allocate nothing; outside
// them the answers are the same and slower. It speaks for the Calendar and the Hours it
// was made of; a new decree, confirmation or version needs a new one. It never changes;
// all its methods may be called at the same time.
type Timetable struct {
	c *Calendar
	h Hours

	first, last Date    // prepared days, last included
	open        Spans   // all open minutes of these days
	at          []int32 // for each day, the first of open that ends after the day's beginning
	sum         []int64 // sum[i] is the number of minutes in open[:i]
}

// Prepare makes a Timetable that is fast from first to last, both included; a year
// before and after the present day is plenty. h must not be changed afterwards. It does
// not check h: see Hours.Check.
func Prepare(c *Calendar, h Hours, first, last Date) *Timetable {
	t := &Timetable{c: c, h: h, first: first, last: last}
	if last < first {
		t.first, t.last = 1, 0
		return t
	}
	var all []Interval
	for d := first; d <= last; d++ {
		all = append(all, h.On(c, d)...)
	}
	t.open = SpansOf(all...)
	t.sum = make([]int64, len(t.open)+1)
	for i, s := range t.open {
		t.sum[i+1] = t.sum[i] + s.Len()
	}
	t.at = make([]int32, last.Sub(first)+1)
	i := 0
	for k := range t.at {
		for i < len(t.open) && t.open[i].To <= first.Add(k).Begin() {
			i++
		}
		t.at[k] = int32(i)
	}
	return t
}

// Hours are the hours the timetable was made of.
func (t *Timetable) Hours() Hours { return t.h }

func (t *Timetable) prepared(d Date) bool { return d >= t.first && d <= t.last }

// OpenAt tells whether the line is open at a moment. At the closing time itself it is
// closed: 09:00–18:00 ends with 17:59:59.
func (t *Timetable) OpenAt(at time.Time) bool { return t.openIn(MinuteAt(at)) }

func (t *Timetable) openIn(m Minute) bool {
	d := m.Date()
	if !t.prepared(d) {
		return t.h.On(t.c, d).Contains(m)
	}
	for i := int(t.at[d-t.first]); i < len(t.open) && t.open[i].From <= m; i++ {
		if m < t.open[i].To {
			return true
		}
	}
	return false
}

// NextOpen is the first moment from at on in which the line is open: at itself if it is
// open then. ok is false if it does not open within 366 days.
func (t *Timetable) NextOpen(at time.Time) (next time.Time, ok bool) { return t.next(at, true) }

// NextClose is the first moment from at on in which the line is closed: at itself if it
// is closed then. ok is false if it does not close within 366 days.
func (t *Timetable) NextClose(at time.Time) (next time.Time, ok bool) { return t.next(at, false) }

func (t *Timetable) next(at time.Time, open bool) (time.Time, bool) {
	m := MinuteAt(at)
	if t.openIn(m) == open {
		return at, true
	}
	end := (m.Date() + horizon).Begin()
	for m < end {
		d := m.Date()
		if !t.prepared(d) {
			var found bool
			if m, found = turn(t.h.On(t.c, d), m, (d + 1).Begin(), open); found {
				return m.Time(), true
			}
			continue
		}
		i := int(t.at[d-t.first])
		for i < len(t.open) && t.open[i].To <= m {
			i++
		}
		var found bool
		if m, found = turn(t.open[i:], m, (t.last + 1).Begin(), open); found {
			if m >= end {
				return time.Time{}, false
			}
			return m.Time(), true
		}
	}
	return time.Time{}, false
}

// turn is the first minute from m up to end that lies in s, or with open false outside
// it; if there is none, it is end and false.
func turn(s Spans, m, end Minute, open bool) (Minute, bool) {
	for _, i := range s {
		if i.To <= m {
			continue
		}
		switch in := i.From <= m; {
		case in == open:
			return m, true
		case open:
			return i.From, true
		case i.To < end:
			return i.To, true // spans do not touch: what follows is closed
		default:
			return end, false
		}
	}
	if open {
		return end, false
	}
	return m, m < end
}

// Spans are the open minutes that begin from from up to but without to.
func (t *Timetable) Spans(from, to time.Time) Spans {
	within := Interval{minuteFrom(from), minuteFrom(to)}
	if within.Len() == 0 {
		return nil
	}
	var is []Interval
	for m := within.From; m < within.To; {
		d := m.Date()
		if !t.prepared(d) {
			is = append(is, t.h.On(t.c, d)...)
			m = (d + 1).Begin()
			continue
		}
		for i := int(t.at[d-t.first]); i < len(t.open) && t.open[i].From < within.To; i++ {
			is = append(is, t.open[i])
		}
		m = (t.last + 1).Begin()
	}
	return SpansOf(is...).Within(within)
}

// OpenMinutes is the number of open minutes that begin from from up to but without to,
// so that the minutes of two parts are those of the whole. It is 0 if to is not later.
func (t *Timetable) OpenMinutes(from, to time.Time) int64 {
	a, b := minuteFrom(from), minuteFrom(to)
	if a >= b {
		return 0
	}
	if t.prepared(a.Date()) && t.prepared(b.Date()) {
		return t.upTo(b) - t.upTo(a)
	}
	return t.Spans(from, to).Len()
}

// upTo is the number of open minutes of the prepared days before m.
func (t *Timetable) upTo(m Minute) int64 {
	i := int(t.at[m.Date()-t.first])
	for i < len(t.open) && t.open[i].To <= m {
		i++
	}
	if i == len(t.open) {
		return t.sum[i]
	}
	return t.sum[i] + max(0, int64(m-t.open[i].From))
}
