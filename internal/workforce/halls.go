package workforce

import (
	"maps"
	"slices"

	"cagri/internal/calendar"
)

// OneHallUpTo is the number of seats up to which a body has one service hall (clause
// 2.6; reading R1: "more than 20" is 21). Above it several halls are allowed; the
// single number stays (R2).
const OneHallUpTo = 20

// Seats says how many established work places a body has in a hall from a day on
// (reading R3: places at one time, not heads over shifts). 0 closes the hall. Seats
// outside a hall are no seats here: they cannot make a second hall lawful.
type Seats struct {
	Body  string        `json:"body"`
	Hall  string        `json:"hall"`
	From  calendar.Date `json:"from"`
	Seats int           `json:"seats"`
}

// HallFinding is a time in which a body had more halls than its seats allow, or was
// near it.
type HallFinding struct {
	Clause string        `json:"clause"`
	Body   string        `json:"body"`
	From   calendar.Date `json:"from"`
	To     calendar.Date `json:"to"` // last day
	Halls  []string      `json:"halls"`
	Seats  int           `json:"seats"` // in all halls
	// Near: several halls with 21 to 23 seats in all: a few fewer and it is a breach.
	Near bool `json:"near,omitempty"`
}

// nearHalls is how many seats above the bound are still worth a word.
const nearHalls = 3

// HallFindings holds the seats of bodies against clause 2.6, up to and with the day
// until. The plan may be in any order; of two lines for one hall and day the later in
// the list holds.
func HallFindings(plan []Seats, until calendar.Date) []HallFinding {
	bodies := map[string][]Seats{}
	for _, s := range plan {
		bodies[s.Body] = append(bodies[s.Body], s)
	}
	var out []HallFinding
	for _, body := range slices.Sorted(maps.Keys(bodies)) {
		lines := bodies[body]
		slices.SortStableFunc(lines, func(a, b Seats) int { return int(a.From - b.From) })
		open := map[string]int{}
		for i := 0; i < len(lines) && lines[i].From <= until; {
			from := lines[i].From
			for ; i < len(lines) && lines[i].From == from; i++ {
				if open[lines[i].Hall] = max(lines[i].Seats, 0); lines[i].Seats <= 0 {
					delete(open, lines[i].Hall)
				}
			}
			to := until
			if i < len(lines) {
				to = min(until, lines[i].From-1)
			}
			seats := 0
			for _, n := range open {
				seats += n
			}
			if len(open) < 2 || seats > OneHallUpTo+nearHalls {
				continue
			}
			f := HallFinding{ClauseHall, body, from, to, slices.Sorted(maps.Keys(open)), seats, seats > OneHallUpTo}
			if n := len(out) - 1; n >= 0 && out[n].Body == body && out[n].To+1 == from && out[n].Seats == seats && slices.Equal(out[n].Halls, f.Halls) {
				out[n].To = to
				continue
			}
			out = append(out, f)
		}
	}
	return out
}
