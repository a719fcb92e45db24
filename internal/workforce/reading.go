package workforce

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"cagri/internal/calendar"
	"cagri/internal/routing"
)

// LegalLimit is the most live service in a week (clause 2.6). No reading is above it.
const LegalLimit = 36 * time.Hour

// Basis is the week against which the limit is held.
type Basis string

// The bases. The other one is always shown beside the binding one.
const (
	CalendarWeek Basis = "calendar" // Monday 00:00 to Sunday 24:00 in Baku (reading R6)
	RollingWeek  Basis = "rolling"  // any 168 hours in a row: stricter, implies the former
)

// Reading is how clause 2.6 on the 36 hours is read from a Monday on. Weeks are whole:
// each is held against the reading in force on its Monday.
type Reading struct {
	From     calendar.Date        `json:"from"`              // a Monday
	Known    calendar.Date        `json:"known"`             // the day it was recorded
	Limit    time.Duration        `json:"limit_ns"`          // above 0, at most LegalLimit
	Live     []routing.AgentState `json:"live"`              // the states that count; talking always
	Basis    Basis                `json:"basis"`             //
	Warn     []time.Duration      `json:"warn_ns"`           // rising, below Limit, at most 7
	Planner  time.Duration        `json:"planner_ns"`        // what a roster may plan, at most Limit
	Quantile int                  `json:"quantile_permille"` // of the handling time, for Budget.Reserve: 500 to 999
	Prior    time.Duration        `json:"prior_ns"`          // assumed for Quantile before calls were measured
	Reason   string               `json:"reason"`
	Author   string               `json:"author"`
}

// Counted says whether time in the state is live service under the reading.
func (r *Reading) Counted(s routing.AgentState) bool { return slices.Contains(r.Live, s) }

// Default is the reading the product ships with: R5 to R8.
func Default() Reading {
	return Reading{
		From:     calendar.MinDate,
		Known:    calendar.NewDate(2026, 4, 21),
		Limit:    LegalLimit,
		Live:     []routing.AgentState{routing.Ready, routing.Offered, routing.Talking, routing.WrapUp, routing.SetAside},
		Basis:    CalendarWeek,
		Warn:     []time.Duration{32 * time.Hour, 35 * time.Hour},
		Planner:  35 * time.Hour,
		Quantile: 950,
		Prior:    10 * time.Minute,
		Reason:   "R5–R8: the decision defines neither live service nor the week; the strict reading is the safe one",
		Author:   "product default",
	}
}

// Readings are all readings ever recorded. They never change once made; the zero
// value is Default alone.
type Readings struct {
	all []Reading // by From, then Known
}

// NewReadings are the default and these. The error names every reading that the
// clause does not allow and why.
func NewReadings(rs ...Reading) (Readings, error) {
	var errs []error
	all := []Reading{Default()}
	for i, r := range rs {
		if err := r.check(); err != nil {
			errs = append(errs, fmt.Errorf("reading %d, from %s: %w", i+1, r.From, err))
		}
		r.Live, r.Warn = slices.Clone(r.Live), slices.Clone(r.Warn)
		all = append(all, r)
	}
	if len(errs) > 0 {
		return Readings{}, errors.Join(errs...)
	}
	slices.SortStableFunc(all, func(a, b Reading) int {
		if a.From != b.From {
			return int(a.From - b.From)
		}
		return int(a.Known - b.Known)
	})
	return Readings{all}, nil
}

func (r *Reading) check() error {
	var errs []error
	wrong := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	wrong(r.From < calendar.MinDate || calendar.WeekOf(r.From).Monday != r.From, "a reading holds for whole weeks: give a Monday as its first day, for example %s", calendar.WeekOf(max(r.From, calendar.MinDate)).Add(1).Monday)
	wrong(r.Known == 0, "the day on which it was recorded is missing")
	wrong(r.Limit <= 0 || r.Limit > LegalLimit, "limit %v: clause 2.6 (%s) allows at most 36 hours and knows no exception (reading R8)", r.Limit, Clause36h)
	wrong(!r.Counted(routing.Talking), "talking is live service by any reading: name it among the states that count")
	for _, s := range r.Live {
		wrong(s <= routing.SignedOut || int(s) >= stateCount, "%v cannot count as live service: nobody is signed in", s)
	}
	wrong(r.Basis != CalendarWeek && r.Basis != RollingWeek, "basis %q: write %q or %q", r.Basis, CalendarWeek, RollingWeek)
	wrong(len(r.Warn) > maxWarnings, "%d warnings: at most %d", len(r.Warn), maxWarnings)
	for i, w := range r.Warn {
		wrong(w <= 0 || w >= r.Limit || i > 0 && w <= r.Warn[i-1], "warnings must rise and lie between 0 and the limit: %v", r.Warn)
	}
	wrong(r.Planner <= 0 || r.Planner > r.Limit, "the planner's %v must lie between 0 and the limit %v", r.Planner, r.Limit)
	wrong(r.Quantile < 500 || r.Quantile > 999, "quantile of %d permille: give 500 to 999", r.Quantile)
	wrong(r.Prior <= 0 || r.Prior > maxHandling, "prior handling time %v: give up to %v", r.Prior, maxHandling)
	wrong(r.Reason == "", "the reason is missing: a reading of the law is recorded with one")
	wrong(r.Author == "", "the author is missing: a reading of the law is somebody's decision")
	return errors.Join(errs...)
}

// On is the reading in force on a day. Of two with the same first day the one
// recorded later holds.
func (rs Readings) On(d calendar.Date) Reading { return *rs.week(calendar.WeekOf(d)) }

// AsKnown are the readings as they were known at the end of a day. The default is
// always among them.
func (rs Readings) AsKnown(on calendar.Date) Readings {
	var out []Reading
	for _, r := range rs.list() {
		if r.Known <= on || r.From == calendar.MinDate {
			out = append(out, r)
		}
	}
	return Readings{out}
}

// All are the readings in order, the default first.
func (rs Readings) All() []Reading { return slices.Clone(rs.list()) }

var standard = []Reading{Default()}

func (rs Readings) list() []Reading {
	if len(rs.all) == 0 {
		return standard
	}
	return rs.all
}

func (rs Readings) week(w calendar.Week) *Reading {
	list := rs.list()
	for i := len(list) - 1; i > 0; i-- {
		if list[i].From <= w.Monday {
			return &list[i]
		}
	}
	return &list[0]
}

// settled is the first week from which the reading never changes again.
func (rs Readings) settled() calendar.Week {
	list := rs.list()
	return calendar.WeekOf(list[len(list)-1].From)
}
