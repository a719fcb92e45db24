package workforce

import (
	"time"

	"cagri/internal/calendar"
	"cagri/internal/routing"
)

// Clauses of the Rules (Cabinet decisions No. 50 of 2015 and No. 113 of 2026).
const (
	Clause36h         = "R-2.6-36h"
	ClauseHall        = "R-2.6-hall"
	ClauseHours       = calendar.ClauseHours
	ClauseEmergency   = calendar.ClauseEmergency
	ClauseRemote      = "R-2.6-remote"
	ClauseRemoteTech  = "R-2.6-remote-tech"
	ClauseStation     = "R-1.4.4-1"
	ClauseComputer    = "R-12.1-computer"
	ClauseSoftware    = "R-12.1-software"
	ClauseLegislation = "R-12.1-legislation"
	ClauseCallerDB    = "R-12.1-callerdb"
	ClauseHeadset     = "R-12.1-headset"
	ClauseReference   = "R-12.1-reference"
	Clause113         = "R-12.2"
)

// Place says whether a station stands in a service hall (clause 1.4.4-1).
type Place uint8

// The places of a station.
const (
	Unknown Place = iota // nobody said: live time there is a finding
	Hall                 // a registered service hall (reading R12)
	Remote               // home or anywhere else outside a hall
)

// String is unknown, hall or remote.
func (p Place) String() string { return [...]string{"unknown", "hall", "remote"}[min(p, 2)] }

// MarshalText writes the name.
func (p Place) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// Station is where a person takes calls. The zero value is unknown.
type Station struct {
	Place Place  `json:"place"`
	Hall  string `json:"hall,omitempty"` // the hall's id; only with Place Hall
}

// InHall is a station in a hall; without an id the station is unknown.
func InHall(id string) Station {
	if id == "" {
		return Station{}
	}
	return Station{Hall, id}
}

// AtHome is a station outside every hall.
func AtHome() Station { return Station{Place: Remote} }

func (s Station) valid() Station {
	if s.Place == Hall && s.Hall != "" {
		return s
	}
	if s.Place == Remote {
		return AtHome()
	}
	return Station{}
}

// Move is one change of a person, as the journal's agent.moved tells it together with
// the station and body of the sign-in. Moves of one person come in the order of the
// journal; those of different persons may be mixed in any way.
type Move struct {
	// ID is the event's; the same ID again is a doubled event and changes nothing.
	// A move without one is recognised by its content.
	ID string
	// Seq is the event's place in the journal, 0 when not known. A Seq not above one
	// seen before is a doubled event: a restored ledger can be fed from any earlier
	// place on.
	Seq    uint64
	Person routing.AgentID
	At     time.Time
	// From is the state before; it only serves to tell doubled events apart. 0 is not known.
	From routing.AgentState
	// To is the state from At on. 0: only Station or Body change.
	To routing.AgentState
	// Station and Body stay as they are when empty. Signing out forgets the station.
	Station Station
	Body    string
	Call    string
	Queue   string // of the call; its handling time is measured
	Reason  routing.Reason
}

// States a person can be in, with routing's numbers; 0 is no state yet.
const (
	stateCount = int(routing.Unreachable) + 1
	latest     = int64(7_258_118_400) * int64(time.Second) // 2200-01-01
	// Rolling is the window that is shown beside the calendar week.
	Rolling = 168 * time.Hour
)

// nanos is t in nanoseconds since 1970, kept between 1970 and 2200 so that adding a
// week never overflows.
func nanos(t time.Time) int64 {
	switch sec := t.Unix(); {
	case sec < 0:
		return 0
	case sec >= latest/int64(time.Second):
		return latest
	}
	return t.UnixNano()
}

func moment(ns int64) time.Time { return time.Unix(0, ns).UTC() }

// weekSpan is a calendar week with its bounds in nanoseconds.
type weekSpan struct {
	week     calendar.Week
	from, to int64
}

func spanOf(w calendar.Week) weekSpan {
	i := w.Interval()
	return weekSpan{w, i.From.Time().UnixNano(), i.To.Time().UnixNano()}
}

func spanAt(ns int64) weekSpan { return spanOf(calendar.WeekAt(time.Unix(0, ns))) }

// spanAt is the week at ns; moves mostly stay in one week, so the last one is kept.
func (l *Ledger) spanAt(ns int64) weekSpan {
	if ns < l.span.from || ns >= l.span.to {
		l.span = spanAt(ns)
	}
	return l.span
}
