package workforce

import (
	"slices"
	"time"

	"cagri/internal/calendar"
	"cagri/internal/routing"
)

// Cause is why a person was in live service past the limit.
type Cause string

// Causes of a breach.
const (
	CauseCall       Cause = "call_in_progress" // a talk that began inside the limit; it is never cut
	CauseOffer      Cause = "offer"            // the phone was ringing
	CauseWrapUp     Cause = "wrap_up"          // the notes of a call that began inside the limit
	CauseManual     Cause = "manual"           // by hand: a direct or consulted call, or ready by the person's own word with nothing left
	CauseClock      Cause = "clock_step"       // the clock stepped in this week; without it the limit would not have been passed then
	CauseNotStopped Cause = "not_stopped"      // nothing stopped the person: the router had no budget
)

// Breach is a person's live service past the limit in one week. What came of it stands
// in Stretches; the first one's cause is the breach's.
type Breach struct {
	Person    routing.AgentID `json:"person"`
	Week      calendar.Week   `json:"week"`
	Basis     Basis           `json:"basis"`
	Limit     time.Duration   `json:"limit_ns"`
	From      time.Time       `json:"from"`    // the limit was reached
	Until     time.Time       `json:"until"`   // last moment known in live service past it
	Over      time.Duration   `json:"over_ns"` // past the limit, at the most
	Cause     Cause           `json:"cause"`
	Stretches []Stretch       `json:"stretches"`      // at most 16
	More      int             `json:"more,omitempty"` // stretches that are not listed
}

// Stretch is a part of a breach in one state.
type Stretch struct {
	From    time.Time          `json:"from"`
	Until   time.Time          `json:"until"`
	Assumed bool               `json:"assumed,omitempty"` // the process went; Until is its last sign of life
	Cause   Cause              `json:"cause"`
	State   routing.AgentState `json:"state"`
	Since   time.Time          `json:"since"` // the state began: the call in progress since
	Call    string             `json:"call,omitempty"`
	Body    string             `json:"body"`
	Station Station            `json:"station"`
}

const maxStretches = 16

// NoticeKind says what a Notice is about.
type NoticeKind string

// The kinds of notices.
const (
	Warning     NoticeKind = "warning"
	LimitPassed NoticeKind = "limit_passed"
)

// Notice is something to tell: each once per person, week and threshold.
type Notice struct {
	Kind      NoticeKind      `json:"kind"`
	Person    routing.AgentID `json:"person"`
	Week      calendar.Week   `json:"week"`
	Threshold time.Duration   `json:"threshold_ns"` // reached at At
	At        time.Time       `json:"at"`
	Cause     Cause           `json:"cause,omitempty"` // of LimitPassed
}

// jump is a step forward of the clock that was told of.
type jump struct{ from, to int64 }

const maxJumps = 64

// breach opens the record at reached.
func (l *Ledger) breach(p *person, r *Reading, c crossing) *Breach {
	cause := l.cause(p, c.reached, true)
	again := p.raw < p.last && l.spanAt(p.last).week == c.week
	if again || l.invented(p, c) || p.cur.week == c.week && p.cur.doubt > 0 {
		cause = CauseClock
	}
	p.breaches = append(p.breaches, Breach{
		Person: p.id, Week: c.week, Basis: r.Basis, Limit: r.Limit, From: moment(c.reached), Until: moment(c.reached), Cause: cause,
		Stretches: []Stretch{l.stretch(p, c.reached, cause)},
	})
	return &p.breaches[len(p.breaches)-1]
}

func (l *Ledger) stretch(p *person, from int64, cause Cause) Stretch {
	return Stretch{From: moment(from), Until: moment(from), Cause: cause, State: p.state, Since: moment(p.since), Call: p.call, Body: p.body, Station: p.station}
}

func (l *Ledger) cause(p *person, at int64, first bool) Cause {
	if p.reason == routing.ReasonTaken {
		return CauseManual
	}
	switch p.state {
	case routing.Talking:
		return CauseCall
	case routing.Offered:
		return CauseOffer
	case routing.WrapUp:
		return CauseWrapUp
	}
	if byHand := p.reason == routing.ReasonReady || p.reason == routing.ReasonSignedIn; byHand && (!first || p.since >= at) {
		return CauseManual
	}
	return CauseNotStopped
}

// invented says whether a step forward made live time out of nothing in the week of c.
func (l *Ledger) invented(p *person, c crossing) bool {
	from := spanOf(c.week).from
	r := l.readings.week(c.week)
	found := false
	for _, j := range l.jumps {
		if j.to <= from || j.from >= c.reached {
			continue
		}
		p.eachSegment(max(j.from, from), min(j.to, c.reached), func(_, _ int64, s segment) bool {
			found = found || r.Counted(s.state)
			return !found
		})
	}
	return found
}

// overrun brings the breach of the present week up to end, after live time from from
// to end was counted.
func (l *Ledger) overrun(p *person, from, end int64) {
	b := p.breachOf(p.cur.week)
	if b == nil {
		return
	}
	r := l.readings.week(p.cur.week)
	over := p.cur.doubt - int64(r.Limit) // p.last may stand on the turn of the week already
	if r.Basis == RollingWeek {
		over += p.rollingLive(p.last, r)
	} else {
		over += live(p.cur.sums, r)
	}
	if over <= 0 {
		return
	}
	from = max(from, b.From.UnixNano())
	if r.Basis == RollingWeek {
		if at, ok := p.rollCross(r, max(min(from, p.last), p.window[len(p.window)-1].at), int64(r.Limit)-p.cur.doubt); ok && at > from && at <= end {
			from = at
		}
	}
	b.Over = max(b.Over, time.Duration(over))
	b.Until = moment(end)
	last := &b.Stretches[len(b.Stretches)-1]
	if last.State == p.state && last.Since.Equal(moment(p.since)) && last.Call == p.call {
		last.Until = moment(end)
		return
	}
	if len(b.Stretches) == maxStretches {
		b.More++
		return
	}
	s := l.stretch(p, from, l.cause(p, from, false))
	s.Until = moment(end)
	b.Stretches = append(b.Stretches, s)
}

func (p *person) breachOf(w calendar.Week) *Breach {
	for i := len(p.breaches) - 1; i >= 0; i-- {
		if p.breaches[i].Week == w {
			return &p.breaches[i]
		}
	}
	return nil
}

// retract takes a breach back that began by looking ahead ([Ledger.Advance]) and never
// came to pass: the person's move, or the end of the process, turned out to be earlier.
func (l *Ledger) retract(p *person) {
	w := l.spanAt(p.last).week
	b := p.breachOf(w)
	if b == nil || b.Over > 0 || l.charged(p, l.readings.week(w)) > int64(b.Limit) {
		return
	}
	p.breaches = slices.DeleteFunc(p.breaches, func(b Breach) bool { return b.Week == w })
	if p.warned == w {
		p.fired &^= 1 << limitBit
	}
}

// assume marks what was running past the limit when the process went.
func (p *person) assume(w calendar.Week) {
	if b := p.breachOf(w); b != nil {
		if s := &b.Stretches[len(b.Stretches)-1]; s.State == p.state && s.Since.Equal(moment(p.since)) {
			s.Assumed = true
		}
	}
}
