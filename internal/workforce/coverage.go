package workforce

import (
	"slices"
	"time"

	"cagri/internal/calendar"
	"cagri/internal/routing"
)

// Opening is when a line is open; *calendar.Timetable is one.
type Opening interface {
	// Spans are the open minutes that begin from from up to but without to.
	Spans(from, to time.Time) calendar.Spans
}

// Line is a service as coverage sees it.
type Line struct {
	Service   string
	Emergency bool    // live 24/7 (R-2.6-emergency), else in its hours (R-2.6-hours)
	Opening   Opening // nil for an emergency line: always
}

// Skill is what a person may answer, by where the person sits.
type Skill struct {
	Hall   []string // services, from a hall
	Remote []string // services, from outside one
}

// Gap is a time inside the hours of a line in which nobody could have answered.
type Gap struct {
	Clause  string    `json:"clause"`
	Service string    `json:"service"`
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
}

// Length of the gap.
func (g Gap) Length() time.Duration { return g.To.Sub(g.From) }

// Coverage follows moves and finds the gaps of lines, exact to the nanosecond and
// without looking at any moment twice. Somebody could have answered while one person
// who may answer the line is ready, rung, talking or wrapping up: at work for it. One
// who was rung and did not pick up (set_aside), is paused or cannot be reached is not.
//
// Moves come in order of time over all persons; a time before the last one counts as
// that one, so a step back of the clock neither makes nor hides a gap before it. What
// is watched begins with the first call that brings a time.
type Coverage struct {
	lines   []*coverLine
	persons map[routing.AgentID]*coverPerson
	last    int64
	begun   bool
}

type coverLine struct {
	Line
	able int   // persons who could answer now
	gaps []Gap // in order, none touching
}

type coverPerson struct {
	skill   Skill
	state   routing.AgentState
	station Station
	seen    seen
	told    int64        // time of the last move
	counted []*coverLine // lines in whose able the person is
}

// NewCoverage watches these lines.
func NewCoverage(lines ...Line) *Coverage {
	c := &Coverage{persons: map[routing.AgentID]*coverPerson{}}
	for _, l := range lines {
		c.lines = append(c.lines, &coverLine{Line: l})
	}
	return c
}

func (c *Coverage) person(id routing.AgentID) *coverPerson {
	p := c.persons[id]
	if p == nil {
		p = &coverPerson{}
		c.persons[id] = p
	}
	return p
}

// Answers says what a person may answer from at on.
func (c *Coverage) Answers(id routing.AgentID, s Skill, at time.Time) {
	c.Advance(at)
	p := c.person(id)
	p.skill = Skill{slices.Clone(s.Hall), slices.Clone(s.Remote)}
	c.place(p)
}

// Apply takes a move. Doubled ones change nothing.
func (c *Coverage) Apply(m Move) {
	p := c.person(m.Person)
	if int(m.To) >= stateCount || p.seen.doubled(&m, p.told, p.state) {
		return
	}
	c.Advance(m.At)
	p.told = nanos(m.At)
	if m.To != 0 {
		p.state = m.To
	}
	if s := m.Station.valid(); s != (Station{}) {
		p.station = s
	}
	if p.state == routing.SignedOut {
		p.station = Station{}
	}
	c.place(p)
}

// Restart says that the process came up at at after it went at lastSeen: nobody could
// have answered in between.
func (c *Coverage) Restart(at, lastSeen time.Time) {
	c.Advance(lastSeen)
	for _, p := range c.persons {
		p.state, p.station = routing.SignedOut, Station{}
		c.place(p)
	}
	c.Advance(at)
}

// place counts p where p could answer now. An unknown station counts as one outside
// every hall: it is not shown to be in one.
func (c *Coverage) place(p *coverPerson) {
	for _, l := range p.counted {
		l.able--
	}
	p.counted = p.counted[:0]
	switch p.state {
	case routing.Ready, routing.Offered, routing.Talking, routing.WrapUp:
	default:
		return
	}
	services := p.skill.Remote
	if p.station.Place == Hall {
		services = p.skill.Hall
	}
	for _, l := range c.lines {
		if slices.Contains(services, l.Service) {
			l.able++
			p.counted = append(p.counted, l)
		}
	}
}

// Advance lets time pass up to now.
func (c *Coverage) Advance(now time.Time) {
	at := nanos(now)
	if !c.begun {
		c.begun, c.last = true, at
	}
	if at <= c.last {
		return
	}
	from, to := moment(c.last), moment(at)
	c.last = at
	for _, l := range c.lines {
		if l.able == 0 {
			l.empty(from, to)
		}
	}
}

// empty records that nobody could answer in [from, to).
func (l *coverLine) empty(from, to time.Time) {
	if l.Emergency && l.Opening == nil {
		l.gap(from, to)
		return
	}
	if l.Opening == nil {
		return
	}
	// Minutes count by their beginning: start with the one in which from lies.
	for _, s := range l.Opening.Spans(calendar.MinuteAt(from).Time(), to) {
		a, b := s.From.Time(), s.To.Time()
		if a.Before(from) {
			a = from
		}
		if b.After(to) {
			b = to
		}
		l.gap(a.UTC(), b.UTC())
	}
}

func (l *coverLine) gap(from, to time.Time) {
	if !from.Before(to) {
		return
	}
	if n := len(l.gaps) - 1; n >= 0 && l.gaps[n].To.Equal(from) {
		l.gaps[n].To = to
		return
	}
	clause := ClauseHours
	if l.Emergency {
		clause = ClauseEmergency
	}
	l.gaps = append(l.gaps, Gap{clause, l.Service, from, to})
}

// Gaps of a service so far; the last one may still be growing.
func (c *Coverage) Gaps(service string) []Gap {
	var out []Gap
	for _, l := range c.lines {
		if l.Service == service {
			out = append(out, l.gaps...)
		}
	}
	return out
}

// Take hands out the gaps of all lines that ended before the last moment seen and
// forgets them, so that a coverage does not grow: line by line, in order of time.
func (c *Coverage) Take() []Gap {
	var out []Gap
	for _, l := range c.lines {
		n := len(l.gaps)
		if n > 0 && l.gaps[n-1].To.Equal(moment(c.last)) {
			n--
		}
		out = append(out, l.gaps[:n]...)
		l.gaps = slices.Delete(l.gaps, 0, n)
	}
	return out
}

// Able is how many persons could answer a service now.
func (c *Coverage) Able(service string) int {
	for _, l := range c.lines {
		if l.Service == service {
			return l.able
		}
	}
	return 0
}
