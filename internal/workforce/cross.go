package workforce

import (
	"time"

	"cagri/internal/calendar"
	"cagri/internal/routing"
)

// crossing is a threshold that a person will reach in the present state.
type crossing struct {
	due       int64 // when there is something to say
	reached   int64 // due, or 1 ns before for the limit: exactly 36:00:00 is allowed
	week      calendar.Week
	bit       int
	threshold time.Duration
}

// nextCross is the next threshold that p reaches if nothing happens, without moving p
// on. It is exact: what is known of p grows only by time.
func (l *Ledger) nextCross(p *person) (best crossing, ok bool) {
	if p.state <= routing.SignedOut {
		return best, false
	}
	here := l.spanAt(p.last)
	span := here
	if p.warned.Monday > here.week.Monday {
		span = spanOf(p.warned)
	}
	for settled := l.readings.settled(); ; span = spanOf(span.week.Add(1)) {
		r := l.readings.week(span.week)
		if r.Counted(p.state) {
			fired := uint8(0)
			if p.warned == span.week {
				fired = p.fired
			}
			for i := 0; i <= len(r.Warn); i++ {
				c := crossing{week: span.week, bit: i}
				after := int64(0)
				if i == len(r.Warn) {
					c.bit, c.threshold, after = limitBit, r.Limit, 1
				} else {
					c.threshold = r.Warn[i]
				}
				if fired>>c.bit&1 != 0 {
					continue
				}
				at, hit := l.reach(p, r, here, span, int64(c.threshold))
				if c.reached, c.due = at, at+after; hit && c.due <= span.to && (!ok || c.due < best.due) {
					best, ok = c, true
				}
			}
			if ok {
				return best, true
			}
		} else if span.week.Monday >= settled.Monday {
			return best, false
		}
		if span.from >= latest {
			return best, false
		}
	}
}

// reach is when p's charged time comes to threshold in the week of span, told time;
// p.last lies in the week here.
func (l *Ledger) reach(p *person, r *Reading, here, span weekSpan, threshold int64) (int64, bool) {
	now := span.week == here.week
	if r.Basis == RollingWeek {
		if !now {
			return p.rollCross(r, span.from, threshold)
		}
		need := threshold - l.charged(p, r)
		if again := p.last - p.raw; need > again {
			doubt := again
			if p.cur.week == here.week {
				doubt += p.cur.doubt
			}
			return p.rollCross(r, p.last, threshold-doubt)
		}
		return p.raw + max(need, 0), true
	}
	if !now {
		return span.from + threshold, true
	}
	return p.raw + max(threshold-l.charged(p, r), 0), true
}

// charged is what is held against the limit at p.last under the reading of its week.
func (l *Ledger) charged(p *person, r *Reading) int64 {
	var n int64
	in := p.cur.week == l.spanAt(p.last).week
	if in {
		n = p.cur.doubt
	}
	switch {
	case r.Basis == RollingWeek:
		n += p.rollingLive(p.last, r)
	case in:
		n += live(p.cur.sums, r)
	}
	return n
}

// rollCross is the first moment from t on at which the 168 hours before it hold
// threshold of live time, if p goes on as now. From t on p is live, so that the sum
// grows whenever the far end of the window leaves a stretch that was not.
func (p *person) rollCross(r *Reading, t, threshold int64) (int64, bool) {
	need := threshold - p.rollingLive(t, r)
	if need <= 0 {
		return t, true
	}
	far := t - int64(Rolling)
	cursor, gone := far, int64(-1)
	p.eachSegment(far, t, func(from, to int64, s segment) bool {
		if !r.Counted(s.state) {
			return true
		}
		if from-cursor >= need {
			gone = cursor + need - far
			return false
		}
		need -= from - cursor
		cursor = to
		return true
	})
	if gone < 0 { // behind the last live stretch before t
		gone = cursor + need - far
		if gone > int64(Rolling) {
			return 0, false
		}
	}
	return t + gone, true
}

// fire says what p reaches up to the told time upto.
func (l *Ledger) fire(p *person, upto int64) {
	for {
		c, ok := l.nextCross(p)
		if !ok || c.due > upto {
			return
		}
		if p.warned != c.week {
			p.warned, p.fired = c.week, 0
		}
		p.fired |= 1 << c.bit
		n := Notice{Kind: Warning, Person: p.id, Week: c.week, Threshold: c.threshold, At: moment(c.reached)}
		if c.bit == limitBit {
			n.Kind = LimitPassed
			n.Cause = l.breach(p, l.readings.week(c.week), c).Cause
		}
		l.notices = append(l.notices, n)
	}
}

// byDue is a heap of the persons who reach something.
type byDue []*person

func (h byDue) Len() int { return len(h) }
func (h byDue) Less(i, j int) bool {
	return h[i].due < h[j].due || h[i].due == h[j].due && h[i].id < h[j].id
}
func (h byDue) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].heapIndex, h[j].heapIndex = i, j
}
func (h *byDue) Push(x any) {
	p := x.(*person)
	p.heapIndex = len(*h)
	*h = append(*h, p)
}
func (h *byDue) Pop() any {
	old := *h
	p := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	p.heapIndex = -1
	return p
}
