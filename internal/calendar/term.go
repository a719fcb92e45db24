package calendar

import "fmt"

// maxTerm bounds a term, in working days or in months.
const maxTerm = 3000

// Counting says how a term in working days is counted.
type Counting struct {
	// CountStart counts the first day itself if it is a working day. By default the
	// day of registration is not counted and the term begins on the next day.
	CountStart bool `json:"count_start"`
}

// MonthEnd says what happens when a term in months ends on a day off.
type MonthEnd struct {
	// Roll moves the end to the next working day (reading R4). Without it the term
	// ends on the day off.
	Roll bool `json:"roll"`
}

// Term is a legal term with its reasons. Due counts unconfirmed computed days off as
// working days, so it is never later than the law allows; once they are confirmed the
// term may be found to end later, at DueIfHeld.
type Term struct {
	Start     Date   `json:"start"`
	Due       Date   `json:"due"`         // last day of the term as known
	DueIfHeld Date   `json:"due_if_held"` // the same if every computed day holds
	Latest    Date   `json:"latest"`      // the latest end within the stated uncertainty of the computed days
	Depends   bool   `json:"depends"`     // the end depends on an unconfirmed day
	Uncovered []int  `json:"uncovered,omitempty"`
	Steps     []Step `json:"steps"` // every day that was passed over or is open, in order
}

// Step is one line of the explanation of a term: a day that was not counted, or one
// that was counted although it may be off.
type Step struct {
	Date Date `json:"date"`
	// Key names the reason for a catalogue of messages: term.start (the day of
	// registration is not counted), term.weekend, term.holiday, term.mourning,
	// term.election, term.moved, term.swapped-off (not counted), term.swapped-work (a
	// Saturday or Sunday that was counted), term.unconfirmed (counted; it is off if the
	// computed date holds), term.possible (counted; it is off if the computed date is
	// wrong within its uncertainty), term.short-month (the month has no such day),
	// term.off-end (the term ends on a day off and stays there).
	Key     string `json:"key"`
	Counted bool   `json:"counted"`
	Day     Day    `json:"day"`
}

// AddWorkingDays is the term of n working days from start, for example 15 from the
// registration of an appeal (Law on citizens' appeals) or 3 for its forwarding (article
// 7.10). With n = 0 the term ends on the start. Errors: n outside 0–3,000, or an end
// beyond what a Date can say.
func (c *Calendar) AddWorkingDays(start Date, n int, how Counting) (Term, error) {
	if n < 0 || n > maxTerm || start < MinDate || start > MaxDate-4*maxTerm {
		return Term{}, fmt.Errorf("calendar: a term of %d working days from %q: use 0 to %d days and a date within four digits of year", n, start, maxTerm)
	}
	t := Term{Start: start, Due: c.advance(0, start, n, how), DueIfHeld: c.advance(1, start, n, how)}
	t.Latest = t.DueIfHeld
	for w := range c.worlds {
		t.Latest = max(t.Latest, c.advance(w, start, n, how))
	}
	t.Depends = t.Due != t.DueIfHeld || t.Due != t.Latest
	t.Steps, t.Uncovered = c.explain(start, t.Latest, t.Due, how)
	if n == 0 {
		t.Steps = nil
	}
	return t, nil
}

// advance is the n-th working day after start in a world.
func (c *Calendar) advance(w int, start Date, n int, how Counting) Date {
	d := start
	if n > 0 && how.CountStart && !c.offIn(w, start) {
		n--
	}
	for n > 0 {
		d++
		if !c.offIn(w, d) {
			n--
		}
	}
	return d
}

// explain lists the days from start to end that need a word. Ordinary days off after
// due concern only what may come and are left out.
func (c *Calendar) explain(start, end, due Date, how Counting) (steps []Step, uncovered []int) {
	for d := start; d <= end; d++ {
		if y := d.Year(); !c.Covers(y) && (len(uncovered) == 0 || uncovered[len(uncovered)-1] != y) {
			uncovered = append(uncovered, y)
		}
		day := c.Day(d)
		if d == start && !how.CountStart {
			steps = append(steps, Step{d, "term.start", false, day})
			continue
		}
		if s, ok := step(day); ok && (d <= due || day.Maybe != nil || day.Possible) {
			steps = append(steps, s)
		}
	}
	return steps, uncovered
}

// step is the line on a day, if there is something to say.
func step(day Day) (Step, bool) {
	s := Step{Date: day.Date, Day: day, Counted: !day.Off}
	switch {
	case day.Off:
		s.Key = "term." + string(day.Kind)
	case day.Maybe != nil && day.Maybe.Off:
		s.Key = "term.unconfirmed"
	case day.Possible:
		s.Key = "term.possible"
	case day.Kind == KindSwappedWork && day.Date.Weekend():
		s.Key = "term.swapped-work"
	default:
		return s, false
	}
	return s, true
}

// Count is a number of working days with its reasons.
type Count struct {
	Days       int    `json:"days"`         // as known: unconfirmed computed days off count
	DaysIfHeld int    `json:"days_if_held"` // the same if every computed day holds
	Fewest     int    `json:"fewest"`       // the fewest within the stated uncertainty
	Depends    bool   `json:"depends"`      // the number depends on an unconfirmed day
	Uncovered  []int  `json:"uncovered,omitempty"`
	Steps      []Step `json:"steps"`
}

// WorkingDaysBetween is the number of working days after from up to and with to (from
// itself counts too with CountStart): the days that are left, or with a negative sign
// the days that a term is overdue when to lies before from. The inverse of
// AddWorkingDays: between start and its Due lie n days.
func (c *Calendar) WorkingDaysBetween(from, to Date, how Counting) Count {
	if to < from {
		back := c.WorkingDaysBetween(to, from, how)
		back.Days, back.DaysIfHeld, back.Fewest = -back.Days, -back.DaysIfHeld, -back.Fewest
		return back
	}
	begin := from + 1
	if how.CountStart {
		begin = from
	}
	var out Count
	for w := range c.worlds {
		n := 0
		for d := begin; d <= to; d++ {
			if !c.offIn(w, d) {
				n++
			}
		}
		switch {
		case w == 0:
			out.Days, out.Fewest = n, n
		case w == 1:
			out.DaysIfHeld = n
		}
		out.Fewest = min(out.Fewest, n)
	}
	out.Depends = out.Days != out.DaysIfHeld || out.Days != out.Fewest
	out.Steps, out.Uncovered = c.explain(from, to, to, how)
	return out
}

// AddMonths is the term of n months from start: it ends on the same day of the month,
// or on the last one where that month is too short. By decision No. 113 three months
// (item 3.1) from 21 April 2026 end on 21 July, five (item 3.2) on 21 September 2026.
// Errors: n outside 0–3,000, or an end beyond what a Date can say.
func (c *Calendar) AddMonths(start Date, n int, end MonthEnd) (Term, error) {
	if n < 0 || n > maxTerm || start < MinDate || start > MaxDate-32*maxTerm {
		return Term{}, fmt.Errorf("calendar: a term of %d months from %q: use 0 to %d months and a date within four digits of year", n, start, maxTerm)
	}
	on := start.AddMonths(n)
	t := Term{Start: start, Due: on, DueIfHeld: on, Latest: on}
	_, _, from := start.Civil()
	if _, _, dom := on.Civil(); dom != from {
		t.Steps = append(t.Steps, Step{on, "term.short-month", true, c.Day(on)})
	}
	if !end.Roll {
		if day := c.Day(on); day.Off {
			t.Steps = append(t.Steps, Step{on, "term.off-end", true, day})
		}
		if !c.Covers(on.Year()) {
			t.Uncovered = []int{on.Year()}
		}
		return t, nil
	}
	roll := func(w int) Date {
		d := on
		for c.offIn(w, d) {
			d++
		}
		return d
	}
	t.Due, t.DueIfHeld = roll(0), roll(1)
	t.Latest = t.DueIfHeld
	for w := range c.worlds {
		t.Latest = max(t.Latest, roll(w))
	}
	t.Depends = t.Due != t.DueIfHeld || t.Due != t.Latest
	steps, uncovered := c.explain(on, t.Latest, t.Due, Counting{CountStart: true})
	t.Steps, t.Uncovered = append(t.Steps, steps...), uncovered
	return t, nil
}
