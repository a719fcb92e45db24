package workforce

import (
	"time"

	"cagri/internal/calendar"
	"cagri/internal/routing"
)

// Tally is a person's time in a week or a window, to the nanosecond.
type Tally struct {
	Live        time.Duration `json:"live_ns"`      // states that count under the reading of the week
	SignedIn    time.Duration `json:"signed_in_ns"` // every state but signed_out
	Ready       time.Duration `json:"ready_ns"`     // available
	Offered     time.Duration `json:"offered_ns"`
	Talking     time.Duration `json:"talking_ns"` // hold included
	WrapUp      time.Duration `json:"wrap_up_ns"`
	SetAside    time.Duration `json:"set_aside_ns"`
	Paused      time.Duration `json:"paused_ns"`
	Unreachable time.Duration `json:"unreachable_ns"`
	// Hall, Remote and Unknown split Live by the place of the station.
	Hall    time.Duration `json:"hall_ns"`
	Remote  time.Duration `json:"remote_ns"`
	Unknown time.Duration `json:"unknown_ns"`
	// Doubt is live time that passed while the clock went through a stretch for the
	// second time. It is in none of the above and is charged against the limit.
	Doubt time.Duration `json:"doubt_ns"`
}

// Charged is what is held against the limit.
func (t Tally) Charged() time.Duration { return t.Live + t.Doubt }

// Share is the part of a Tally at one body and station.
type Share struct {
	Body    string  `json:"body"`
	Station Station `json:"station"`
	Tally   Tally   `json:"tally"`
}

// cell is a body and a station; its place in Ledger.cells stands for it.
type cell struct {
	body    string
	station Station
}

// sum is the time in each state at one cell.
type sum struct {
	cell uint32
	ns   [stateCount]int64
}

// account is a person's time in one week.
type account struct {
	week    calendar.Week
	sums    []sum
	doubt   int64
	steps   int32 // how often the clock stepped back
	stepped int64 // by how much in all
	crashes int32 // how often the process went while the person was live
	lost    int64 // time from the last sign of life to the next start, in all
}

func (a *account) empty() bool {
	return len(a.sums) == 0 && a.doubt == 0 && a.steps == 0 && a.crashes == 0
}

func (a *account) add(cell uint32, state routing.AgentState, ns int64) {
	for i := range a.sums {
		if a.sums[i].cell == cell {
			a.sums[i].ns[state] += ns
			return
		}
	}
	s := sum{cell: cell}
	s.ns[state] = ns
	a.sums = append(a.sums, s)
}

func (a *account) fold(o *account) {
	for _, s := range o.sums {
		for state, ns := range s.ns {
			if ns > 0 {
				a.add(s.cell, routing.AgentState(state), ns)
			}
		}
	}
	a.doubt += o.doubt
	a.steps += o.steps
	a.stepped += o.stepped
	a.crashes += o.crashes
	a.lost += o.lost
}

// add puts ns of a state at a place into the tally.
func (t *Tally) add(state routing.AgentState, place Place, live bool, ns int64) {
	d := time.Duration(ns)
	switch state {
	case routing.Ready:
		t.Ready += d
	case routing.Offered:
		t.Offered += d
	case routing.Talking:
		t.Talking += d
	case routing.WrapUp:
		t.WrapUp += d
	case routing.SetAside:
		t.SetAside += d
	case routing.Paused:
		t.Paused += d
	case routing.Unreachable:
		t.Unreachable += d
	default:
		return
	}
	t.SignedIn += d
	if !live {
		return
	}
	t.Live += d
	switch place {
	case Hall:
		t.Hall += d
	case Remote:
		t.Remote += d
	default:
		t.Unknown += d
	}
}

// statement is what sums say under a reading, with shares in the order of first time.
func (l *Ledger) statement(sums []sum, r *Reading) (t Tally, shares []Share) {
	for _, s := range sums {
		c := l.cells[s.cell]
		share := Share{Body: c.body, Station: c.station}
		for state, ns := range s.ns {
			if ns == 0 {
				continue
			}
			live := r.Counted(routing.AgentState(state))
			t.add(routing.AgentState(state), c.station.Place, live, ns)
			share.Tally.add(routing.AgentState(state), c.station.Place, live, ns)
		}
		shares = append(shares, share)
	}
	return t, shares
}

// live is the live time of sums under a reading.
func live(sums []sum, r *Reading) int64 {
	var n int64
	for i := range sums {
		for _, s := range r.Live {
			n += sums[i].ns[s]
		}
	}
	return n
}
