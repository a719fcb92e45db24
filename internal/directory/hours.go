package directory

import (
	"fmt"
	"strings"

	"cagri/internal/calendar"
)

// Period is open hours of a day, written 09:00-18:00.
type Period calendar.Period

// MarshalText writes 09:00-18:00.
func (p Period) MarshalText() ([]byte, error) {
	return []byte(p.From.String() + "-" + p.To.String()), nil
}

// UnmarshalText reads what MarshalText writes, and an en dash in place of the hyphen.
func (p *Period) UnmarshalText(b []byte) error {
	from, to, ok := strings.Cut(strings.ReplaceAll(string(b), "–", "-"), "-")
	var err error
	if ok {
		if err = p.From.UnmarshalText([]byte(strings.TrimSpace(from))); err == nil {
			err = p.To.UnmarshalText([]byte(strings.TrimSpace(to)))
		}
	}
	if !ok || err != nil {
		return fmt.Errorf("%q is no period: write it as 09:00-18:00", b)
	}
	return nil
}

// Hours are a service's opening hours as they are written down; the record's versions
// say since when. A day without periods of its own has those of Workdays from Monday
// to Friday, and is closed on Saturday and Sunday.
type Hours struct {
	Always     bool        `key:"always" doc:"24/7; nothing else may then be given but basis"`
	Workdays   []Period    `key:"workdays" doc:"Monday to Friday"`
	Monday     []Period    `key:"monday" doc:"in place of workdays"`
	Tuesday    []Period    `key:"tuesday" doc:"in place of workdays"`
	Wednesday  []Period    `key:"wednesday" doc:"in place of workdays"`
	Thursday   []Period    `key:"thursday" doc:"in place of workdays"`
	Friday     []Period    `key:"friday" doc:"in place of workdays"`
	Saturday   []Period    `key:"saturday" doc:"none: closed"`
	Sunday     []Period    `key:"sunday" doc:"none: closed"`
	DayOff     []Period    `key:"day_off" doc:"on holidays and other days off by the production calendar"`
	Swapped    []Period    `key:"swapped" doc:"on a Saturday or Sunday that is worked; none: as Monday"`
	Basis      string      `key:"basis" doc:"the decision that set the hours"`
	Exceptions []Exception `key:"exceptions" doc:"days that differ"`
}

// Exception replaces the hours of some days.
type Exception struct {
	From    calendar.Date `key:"from,must" doc:"first day"`
	To      calendar.Date `key:"to,must" doc:"last day, included"`
	Periods []Period      `key:"open" doc:"open hours of these days; none: closed"`
	Ground  *Ground       `key:"ground" doc:"needed where hours that the law wants open are closed"`
}

// Ground is why a line is closed in hours in which the law wants it open.
type Ground struct {
	Reason string        `key:"reason,must" doc:"what happened"`
	Act    string        `key:"act,must" doc:"order and number"`
	Who    string        `key:"who,must" doc:"who decided"`
	When   calendar.Date `key:"when,must" doc:"day of the decision"`
}

// written tells whether any hours were given, rather than the standard left in place.
func (h *Hours) written() bool {
	for _, d := range h.week() {
		if len(d) > 0 {
			return true
		}
	}
	return h.Always || len(h.Workdays) > 0 || len(h.DayOff) > 0 || len(h.Swapped) > 0
}

// week are the days' own periods, Monday first.
func (h *Hours) week() [7][]Period {
	return [7][]Period{h.Monday, h.Tuesday, h.Wednesday, h.Thursday, h.Friday, h.Saturday, h.Sunday}
}

// days are the keys of week.
var days = [7]string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}

// version is the hours of a service as the calendar reads them, from a day on.
func (s *Service) version(from calendar.Date) calendar.Version {
	h := &s.Hours
	switch {
	case !h.written() && s.Emergency:
		return calendar.Version{From: from, Always: true, Basis: ClauseEmergency}
	case !h.written():
		return calendar.StandardHours("", from).Versions[0]
	}
	v := calendar.Version{From: from, Always: h.Always, DayOff: periods(h.DayOff), Swapped: periods(h.Swapped), Basis: h.Basis}
	for d, own := range h.week() {
		if len(own) == 0 && d < 5 {
			own = h.Workdays
		}
		v.Week[d] = periods(own)
	}
	return v
}

func (s *Service) exceptions() (out []calendar.Exception) {
	for _, e := range s.Hours.Exceptions {
		x := calendar.Exception{From: e.From, To: e.To, Periods: periods(e.Periods)}
		if g := e.Ground; g != nil {
			x.Ground = &calendar.Ground{Reason: g.Reason, Act: g.Act, Who: g.Who, When: g.When}
		}
		out = append(out, x)
	}
	return out
}

func periods(in []Period) (out []calendar.Period) {
	for _, p := range in {
		out = append(out, calendar.Period(p))
	}
	return out
}

// Opening are the service's hours in the calendar's form, as if this version had
// always been; Book.Opening has all versions.
func (s *Service) Opening() calendar.Hours {
	return calendar.Hours{Place: s.ID, Emergency: s.Emergency, Versions: []calendar.Version{s.version(calendar.MinDate)}, Exceptions: s.exceptions()}
}
