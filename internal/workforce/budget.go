package workforce

import (
	"time"

	"cagri/internal/routing"
)

// Budget is what the router may spend of a person's live time, for it to count down.
// The week's end is a time of the ledger's clock: a router whose clock was carried on
// over a step needs it on its own.
//
// With the rolling week as basis it is a promise for
// the worst case, that the person stays in live service from now on and nothing falls
// out of the window: a budget asked for later may be larger.
func (l *Ledger) Budget(id routing.AgentID, now time.Time) routing.AgentBudget {
	b := routing.AgentBudget{Agent: id}
	p := l.persons[id]
	if p == nil {
		p = &person{id: id}
	}
	own, again := l.at(p, nanos(now))
	span := l.spanAt(max(own, nanos(now)))
	r := l.readings.week(span.week)
	next := l.readings.week(span.week.Add(1))
	b.WeekEnds, b.NextLeft = moment(span.to), next.Limit
	used := int64(0)
	if r.Basis == RollingWeek {
		used = p.rollingLive(own, r)
	} else {
		a := l.weekSums(p, span.week, own)
		used = live(a.sums, r)
	}
	if p.cur.week == span.week {
		used += p.cur.doubt + again
	}
	b.Left = r.Limit - time.Duration(used)
	if next.Basis == RollingWeek {
		b.NextLeft = next.Limit - time.Duration(p.rollingWorst(own, span.to, next))
	}
	b.Reserve = l.reserve(p, r)
	return b
}

// rollingWorst is the live time in the 168 hours before end if p is live from now on.
func (p *person) rollingWorst(now, end int64, r *Reading) int64 {
	n := end - now
	p.eachSegment(end-int64(Rolling), now, func(from, to int64, s segment) bool {
		if r.Counted(s.state) {
			n += to - from
		}
		return true
	})
	return n + p.cur.doubt
}

func (l *Ledger) reserve(p *person, r *Reading) time.Duration {
	if len(p.queues) == 0 {
		return l.overall.Reserve(r.Quantile, r.Prior)
	}
	var most time.Duration
	for _, q := range p.queues {
		h := l.Handling(q)
		most = max(most, h.Reserve(r.Quantile, r.Prior))
	}
	return most
}

// Release is the first moment from now on at which the person would have need left,
// being out of live service until then. With the calendar week that is now or the turn
// of the week. ok is false when need is above the limit.
func (l *Ledger) Release(id routing.AgentID, now time.Time, need time.Duration) (at time.Time, ok bool) {
	b := l.Budget(id, now)
	if b.Left >= need {
		return now, true
	}
	p := l.persons[id]
	own, _ := l.at(p, nanos(now))
	span := l.spanAt(own)
	r := l.readings.week(span.week)
	if need > r.Limit {
		return time.Time{}, false
	}
	if r.Basis != RollingWeek {
		return b.WeekEnds, l.readings.week(span.week.Add(1)).Limit >= need
	}
	// The window's far end has to pass so much live time.
	must := int64(need - b.Left)
	out := own
	p.eachSegment(own-int64(Rolling), own, func(from, to int64, s segment) bool {
		if !r.Counted(s.state) {
			return true
		}
		if to-from >= must {
			out, must = from+must+int64(Rolling), 0
			return false
		}
		must -= to - from
		return true
	})
	if must > 0 {
		return moment(span.to), true // what is left is in doubt and goes with the week
	}
	return moment(out), true
}
