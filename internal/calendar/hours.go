package calendar

import "fmt"

// Period is a part of a day, from From up to but without To: 09:00–18:00. Hours over
// midnight are two periods, 22:00–24:00 and 00:00–06:00 of the next day.
type Period struct {
	From Clock `json:"from"`
	To   Clock `json:"to"`
}

func (p Period) String() string { return p.From.String() + "–" + p.To.String() }

// The hours in which every line is live on working days (clause 2.6: "iş günləri saat
// 09:00-dan 18:00-dək fasiləsiz").
const (
	LawFrom Clock = 9 * 60
	LawTo   Clock = 18 * 60
)

// Hours are the opening hours of one line (a service with its own branch; reading R18:
// the emergency branch of a body is a line of its own). They are a record with dates:
// a new version begins on its day and the old one stays for what came before.
type Hours struct {
	Place      string      `json:"place"`     // the line, as the directory names it; for messages
	Emergency  bool        `json:"emergency"` // used in emergencies or named by law: 24/7
	Versions   []Version   `json:"versions"`  // each valid from its day until the next one begins
	Exceptions []Exception `json:"exceptions,omitempty"`
}

// Version is a weekly pattern. On working days and ordinary weekends the day of the
// week counts; on a day off that the production calendar makes (holiday, mourning,
// election, moved or swapped day) DayOff counts in its place; a Saturday or Sunday that
// is worked by a swap has the hours of Swapped.
type Version struct {
	From    Date        `json:"from"`              // first day
	Always  bool        `json:"always,omitempty"`  // 24/7; the rest is then empty
	Week    [7][]Period `json:"week,omitempty"`    // Monday first
	DayOff  []Period    `json:"day_off,omitempty"` // usually closed
	Swapped []Period    `json:"swapped,omitempty"` // none: the hours of Monday
	Basis   string      `json:"basis,omitempty"`   // the decision that set it (clause 2.6 on longer hours)
}

// Exception replaces the hours of some days. One that opens longer needs nothing else.
// One that leaves a minute of 09:00–18:00 of a working day closed needs a ground, and
// is reported by Check as a finding even then: the law knows no closure, so it is never
// silent. A line that serves emergencies can have none: what stops it is an outage and
// shows as uncovered time, not as hours.
type Exception struct {
	From    Date     `json:"from"`
	To      Date     `json:"to"`                // last day, included
	Periods []Period `json:"periods,omitempty"` // open hours of these days; none: closed
	Ground  *Ground  `json:"ground,omitempty"`
}

// Ground is why a line is closed in hours in which the law wants it open.
type Ground struct {
	Reason string `json:"reason"` // what happened: fire, flood, evacuation
	Act    string `json:"act"`    // order and number
	Who    string `json:"who"`    // the person who decided
	When   Date   `json:"when"`   // day of the decision
}

func (g *Ground) complete() bool {
	return g != nil && g.Reason != "" && g.Act != "" && g.Who != "" && g.When != 0
}

// StandardHours are 09:00–18:00 from Monday to Friday: what clause 2.6 asks of a line
// that does not serve emergencies.
func StandardHours(place string, from Date) Hours {
	v := Version{From: from, Basis: "R-2.6-hours"}
	for d := range 5 {
		v.Week[d] = []Period{{LawFrom, LawTo}}
	}
	return Hours{Place: place, Versions: []Version{v}}
}

// AlwaysOpen are the hours of a line that serves emergencies: 24/7.
func AlwaysOpen(place string, from Date) Hours {
	return Hours{Place: place, Emergency: true, Versions: []Version{{From: from, Always: true, Basis: "R-2.6-emergency"}}}
}

// version is the one valid on a day: the latest that has begun; among equals the last.
func (h *Hours) version(d Date) *Version {
	var out *Version
	for i := range h.Versions {
		v := &h.Versions[i]
		if v.From <= d && (out == nil || v.From >= out.From) {
			out = v
		}
	}
	return out
}

// exception is the one for a day, the last one listed if there are several.
func (h *Hours) exception(d Date) *Exception {
	for i := len(h.Exceptions) - 1; i >= 0; i-- {
		if e := &h.Exceptions[i]; e.From <= d && d <= e.To {
			return e
		}
	}
	return nil
}

var wholeDay = []Period{{0, minutesPerDay}}

// of are the periods of a version on a day.
func (v *Version) of(day Day) []Period {
	switch {
	case v == nil:
		return nil
	case v.Always:
		return wholeDay
	case day.Off && day.Kind != KindWeekend:
		return v.DayOff
	case !day.Off && day.Date.Weekend():
		if v.Swapped != nil {
			return v.Swapped
		}
		return v.Week[0]
	}
	return v.Week[day.Date.weekday()]
}

// periods are the open periods of a day as they were written.
func (h *Hours) periods(c *Calendar, d Date) []Period {
	v := h.version(d)
	if v == nil {
		return nil // before the first version there was no line
	}
	if e := h.exception(d); e != nil {
		return e.Periods
	}
	return v.of(c.Day(d))
}

// On is the set of open minutes of a day, as the calendar knows the day.
func (h *Hours) On(c *Calendar, d Date) Spans { return onDay(d, h.periods(c, d)) }

func onDay(d Date, ps []Period) Spans {
	is := make([]Interval, len(ps))
	for i, p := range ps {
		is[i] = Interval{d.At(p.From), d.At(p.To)}
	}
	return SpansOf(is...)
}

// Breach is something about hours that clause 2.6 does not allow, or that it must at
// least be told of. Key and Params are for the catalogue of messages in az, en and ru.
type Breach struct {
	Clause string            `json:"clause"` // R-2.6-hours, R-2.6-emergency
	Place  string            `json:"place"`  // Hours.Place
	At     string            `json:"at"`     // where in the hours: versions[0].week[2], exceptions[1]
	Key    string            `json:"key"`    // see the Key constants
	Params map[string]string `json:"params,omitempty"`
}

// Keys of messages on opening hours.
const (
	KeyNoVersion       = "hours.no-version"        // no hours at all
	KeyBadPeriod       = "hours.bad-period"        // {from} is not before {to}, or outside 00:00–24:00
	KeyBadDates        = "hours.bad-dates"         // dates {from}, {to} are missing or in the wrong order
	KeySameStart       = "hours.same-start"        // another version begins on {from}
	KeyOverlap         = "hours.overlap"           // another exception for {date} is listed already
	KeyStartsLate      = "hours.starts-late"       // {day} opens at {from}, the law says {law}
	KeyEndsEarly       = "hours.ends-early"        // {day} closes at {to}, the law says {law}
	KeyGap             = "hours.gap"               // {day} is closed {from}–{to}, between 09:00 and 18:00
	KeyClosed          = "hours.closed"            // {day} has no hours between 09:00 and 18:00
	KeyNotAlways       = "hours.not-always"        // an emergency line with other hours than 24/7
	KeyClosureNoGround = "hours.closure-no-ground" // {date}, a working day: closed {closed}, {minutes} minutes, without a complete ground
	KeyClosure         = "hours.closure"           // finding: the same, with a ground {reason}, {act}, {who}, {when}
	KeyUnconfirmed     = "hours.unconfirmed"       // {date}: closed {closed} for {id}, a computed day off that nobody has confirmed
	KeyEmergencyClosed = "hours.emergency-closed"  // an exception on an emergency line
	KeyTooLong         = "hours.too-long"          // an exception of more than {days} days: write a version
)

func (b *Breach) Error() string {
	return fmt.Sprintf("%s: %s: %s: %s %v", b.Clause, b.Place, b.At, b.Key, b.Params)
}
