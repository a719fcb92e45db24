package calendar

import (
	"errors"
	"fmt"
	"strings"
)

// Clauses of the Rules (Cabinet decisions No. 50 of 2015 and No. 113 of 2026) that
// Check holds hours against.
const (
	ClauseHours     = "R-2.6-hours"
	ClauseEmergency = "R-2.6-emergency"
)

// maxException is the longest exception in days: what lasts longer is a version.
const maxException = 366

// Check holds opening hours against clause 2.6. It refuses (the error joins a *Breach
// for each reason, see Breaches): on a working day, hours that begin after 09:00, end
// before 18:00 or have a gap between (reading R9: no lunch); an emergency line that is
// not always open; an exception that closes such a minute without a complete ground.
// What it lets through but must be seen, a closure with a ground, is in findings.
//
// Every version is held against the law for each weekday and for a swapped Saturday,
// whether or not such a day comes up while it is valid. Longer hours are always
// allowed; so is anything on days off. The eve of a holiday is an ordinary working day
// for a line (reading R10), and so is a computed day off that nobody has confirmed.
func (h *Hours) Check(c *Calendar) (findings []*Breach, err error) {
	k := &checker{h: h, c: c, clause: ClauseHours}
	if h.Emergency {
		k.clause = ClauseEmergency
	}
	if len(h.Versions) == 0 {
		k.refuse("versions", KeyNoVersion)
	}
	for i := range h.Versions {
		k.version(i)
	}
	for i := range h.Exceptions {
		k.exception(i)
	}
	return k.findings, errors.Join(k.refused...)
}

// Breaches takes the error of Check apart, also when it was wrapped.
func Breaches(err error) []*Breach {
	switch e := err.(type) {
	case *Breach:
		return []*Breach{e}
	case interface{ Unwrap() []error }:
		var out []*Breach
		for _, one := range e.Unwrap() {
			out = append(out, Breaches(one)...)
		}
		return out
	case interface{ Unwrap() error }:
		return Breaches(e.Unwrap())
	}
	return nil
}

type checker struct {
	h        *Hours
	c        *Calendar
	clause   string
	findings []*Breach
	refused  []error
}

func (k *checker) breach(at, key string, params ...string) *Breach {
	b := &Breach{Clause: k.clause, Place: k.h.Place, At: at, Key: key, Params: map[string]string{}}
	for i := 0; i+1 < len(params); i += 2 {
		b.Params[params[i]] = params[i+1]
	}
	return b
}

func (k *checker) refuse(at, key string, params ...string) {
	k.refused = append(k.refused, k.breach(at, key, params...))
}

func (k *checker) version(i int) {
	v, at := &k.h.Versions[i], fmt.Sprintf("versions[%d]", i)
	if v.From < MinDate || v.From > MaxDate {
		k.refuse(at, KeyBadDates, "from", v.From.String())
	}
	for _, o := range k.h.Versions[:i] {
		if o.From == v.From {
			k.refuse(at, KeySameStart, "from", v.From.String())
		}
	}
	ok := true
	for d, ps := range v.Week {
		ok = k.form(fmt.Sprintf("%s.week[%d]", at, d), ps) && ok
	}
	ok = k.form(at+".day_off", v.DayOff) && ok
	ok = k.form(at+".swapped", v.Swapped) && ok
	if !ok || v.Always {
		return
	}
	if k.h.Emergency {
		k.refuse(at, KeyNotAlways)
		return
	}
	for d := range 5 {
		k.day(fmt.Sprintf("%s.week[%d]", at, d), weekdays[d], v.Week[d])
	}
	if v.Swapped != nil {
		k.day(at+".swapped", "swapped", v.Swapped)
	}
}

// weekdays are values of the parameter day, besides "swapped" and dates.
var weekdays = []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}

// form tells whether the periods are periods of a day.
func (k *checker) form(at string, ps []Period) bool {
	ok := true
	for _, p := range ps {
		if p.From < 0 || p.From >= p.To || p.To > minutesPerDay {
			k.refuse(at, KeyBadPeriod, "from", p.From.String(), "to", p.To.String())
			ok = false
		}
	}
	return ok
}

// day refuses hours of a working day that leave a minute of the law's closed.
func (k *checker) day(at, day string, ps []Period) {
	closed := closedByLaw(1, ps)
	for _, i := range closed {
		switch from, to := i.From, i.To; {
		case i.Len() == int64(LawTo-LawFrom):
			k.refuse(at, KeyClosed, "day", day)
		case from == Date(1).At(LawFrom):
			k.refuse(at, KeyStartsLate, "day", day, "from", to.Clock().String(), "law", LawFrom.String())
		case to == Date(1).At(LawTo):
			k.refuse(at, KeyEndsEarly, "day", day, "to", from.Clock().String(), "law", LawTo.String())
		default:
			k.refuse(at, KeyGap, "day", day, "from", from.Clock().String(), "to", to.Clock().String())
		}
	}
}

// closedByLaw are the minutes of 09:00–18:00 that the periods leave closed.
func closedByLaw(d Date, ps []Period) Spans {
	return Spans{{d.At(LawFrom), d.At(LawTo)}}.Subtract(onDay(d, ps))
}

func (k *checker) exception(i int) {
	e, at := &k.h.Exceptions[i], fmt.Sprintf("exceptions[%d]", i)
	if !k.form(at, e.Periods) {
		return
	}
	if e.From < MinDate || e.To > MaxDate || e.To < e.From {
		k.refuse(at, KeyBadDates, "from", e.From.String(), "to", e.To.String())
		return
	}
	if e.To.Sub(e.From) >= maxException {
		k.refuse(at, KeyTooLong, "from", e.From.String(), "to", e.To.String(), "days", fmt.Sprint(maxException))
		return
	}
	for _, o := range k.h.Exceptions[:i] {
		if o.From <= e.To && e.From <= o.To {
			k.refuse(at, KeyOverlap, "date", max(o.From, e.From).String())
			return
		}
	}
	if k.h.Emergency {
		if k.h.version(e.To) != nil && onDay(1, e.Periods).Len() < minutesPerDay {
			k.refuse(at, KeyEmergencyClosed, "from", e.From.String(), "to", e.To.String())
		}
		return
	}
	for d := e.From; d <= e.To; d++ {
		if k.h.version(d) != nil && k.c.Working(d) {
			k.closure(at, d, e)
		}
	}
}

// closure holds one working day of an exception against the law.
func (k *checker) closure(at string, d Date, e *Exception) {
	closed := closedByLaw(d, e.Periods)
	if len(closed) == 0 {
		return
	}
	var when []string
	for _, i := range closed {
		when = append(when, Period{i.From.Clock(), i.To.Clock()}.String())
	}
	params := []string{"date", d.String(), "closed", strings.Join(when, ", "), "minutes", fmt.Sprint(closed.Len())}
	day := k.c.Day(d)
	switch {
	case e.Ground.complete():
		g := e.Ground
		k.findings = append(k.findings, k.breach(at, KeyClosure, append(params, "reason", g.Reason, "act", g.Act, "who", g.Who, "when", g.When.String())...))
	case day.Maybe != nil:
		k.refuse(at, KeyUnconfirmed, append(params, "id", day.Maybe.ID)...)
	default:
		k.refuse(at, KeyClosureNoGround, params...)
	}
}
