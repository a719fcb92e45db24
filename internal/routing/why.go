package routing

import "time"

// why notes what the choice of a for c saw. Both still stand in their lines (a only
// if it was waiting for a call).
func (s *State) why(c *call, a *agent, trigger Trigger) Why {
	q := c.queue
	w := Why{
		Trigger: trigger,
		Waited:  time.Duration(s.now - c.since),
		Attempt: c.attempts,
		Waiting: q.waiting.len(),
		Ready:   q.ready.len(),
		Idle:    time.Duration(s.now - a.idle),
		Points:  c.shown(s.now),
		Stage:   c.stage,
		Held:    c.preferUntil != 0,
	}
	if !a.serves(q) {
		w.Lender, w.Ready = a.said().Body, a.home.ready.len()
	}
	see := rivals{s: s, c: c, a: a, w: &w}
	for _, other := range a.queues {
		for _, l := range other.active {
			if s.verdict(l, a.profile) == canTake {
				see.lane(l)
			}
		}
	}
	for _, d := range a.own {
		w.Choices++
		if d != c {
			see.call(d)
			if d.since < c.since {
				w.Passed++
			}
		}
	}
	for _, other := range a.helps {
		for _, l := range other.active {
			if s.borrows(l, a) || l == c.lane() {
				see.lane(l)
			}
		}
	}
	if r := see.best; r != nil {
		w.Rival, w.RivalQueue, w.RivalWaited = r.id, r.queue.id, time.Duration(s.now-r.since)
		w.RivalPoints = r.shown(s.now)
		_, w.Rule = s.compare(c, r, a)
	}
	s.whyAgent(&w, c, a)
	return w
}

// whyAgent notes the other agents that c could have had.
func (s *State) whyAgent(w *Why, c *call, a *agent) {
	if !a.inReady { // came this moment; nobody else who could take it can be ready while it waits
		w.Ready++
		return
	}
	next := func(l *line[*agent]) {
		for _, b := range l.all() {
			if b == a {
				continue
			}
			switch {
			case s.verdict(c.lane(), b.profile) == canTake:
				w.NextAgent, w.NextIdle = b.id, time.Duration(s.now-b.idle)
				return
			case b.before(a):
				w.Unfit++
			}
		}
	}
	if w.Lender == "" {
		next(&c.queue.ready)
	}
}

// rivals collects what else a could have been given.
type rivals struct {
	s    *State
	c    *call
	a    *agent
	w    *Why
	best *call
}

func (r *rivals) call(d *call) {
	if r.best == nil || r.s.sooner(d, r.best, r.a) {
		r.best = d
	}
}

func (r *rivals) lane(l *lane) {
	n := l.waiting.len()
	r.w.Choices += n
	head := l.waiting.at(0)
	if l.family.queue.cfg.Score.scored() || r.c.queue.cfg.Score.scored() {
		// One figure decides; who was passed by it is told by Explain.
	} else {
		r.w.Passed += passed(&l.waiting, r.c, r.s.behind(r.c, head, r.a))
	}
	if head == r.c {
		if n == 1 {
			return
		}
		head = l.waiting.at(1)
	}
	r.call(head)
}

// behind says whether all calls of the queue of d come after c by a rule that stands
// before priority.
func (s *State) behind(c, d *call, a *agent) bool {
	if c.queue == d.queue {
		return false
	}
	_, rule := s.compare(c, d, a)
	return rule == ByEmergency || rule == ByOwnBody || rule == ByShare
}

// passed counts the calls of l that have waited longer than c but come later. The
// line is made of runs of equal priority and head, each ordered by since, so two
// searches per run do. all: every call of l comes later.
func passed(l *line[*call], c *call, all bool) int {
	calls := l.all()
	n := 0
	for i := 0; i < len(calls); {
		g := calls[i]
		end := len(calls)
		if z := calls[end-1]; z.priority != g.priority || z.head != g.head {
			end = search(i, len(calls), func(x *call) bool { return x.priority == g.priority && x.head == g.head }, calls)
		}
		if (all || g.priority != c.priority || g.head != c.head) && g.since < c.since {
			n += search(i, end, func(x *call) bool { return x.since < c.since }, calls) - i
		}
		i = end
	}
	return n
}

// search returns the first index in [lo, hi) for which holds is false, given that it
// holds for a prefix.
func search(lo, hi int, holds func(*call) bool, calls []*call) int {
	for lo < hi {
		m := int(uint(lo+hi) >> 1)
		if holds(calls[m]) {
			lo = m + 1
		} else {
			hi = m
		}
	}
	return lo
}
