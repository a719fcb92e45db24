package routing

import "time"

// The two choices of the router stand here and nowhere else: bestCall when an agent
// becomes free and bestAgent when a call comes. Today every agent of a queue may
// take every call of it, so the first of a line is the answer. Skills, languages and
// overflow narrow who may take what; they belong here.

// bestCall is the best waiting call over all queues of a, nil when none waits.
func bestCall(a *agent) *call {
	var best *call
	for _, q := range a.queues {
		if q.waiting.len() > 0 {
			if c := q.waiting.at(0); best == nil || c.before(best) {
				best = c
			}
		}
	}
	return best
}

// bestAgent is the longest-idle ready agent for c, nil when none is ready.
func bestAgent(c *call) *agent {
	if c.queue.ready.len() == 0 {
		return nil
	}
	return c.queue.ready.at(0)
}

// seek gives a, who has just become Ready, the best call, or lets a wait for one.
func (s *State) seek(a *agent) {
	if c := bestCall(a); c != nil {
		s.offer(c, a, AgentFreed)
		return
	}
	a.inReady = true
	for _, q := range a.queues {
		q.ready.insert(a)
	}
}

func (s *State) leaveReady(a *agent) {
	a.inReady = false
	for _, q := range a.queues {
		q.ready.remove(a)
	}
}

// enqueue puts c into its place and offers it at once if somebody is ready.
func (s *State) enqueue(c *call) {
	c.state, c.agent = waiting, nil
	// The question whether the call exists goes on while it rings: a call that nobody
	// knows any more must not ring one agent after the other.
	if c.check != 0 && c.check <= s.now {
		if c.asked {
			s.timeOut(c, ReasonUnconfirmed)
			return
		}
		s.askCaller(c)
	}
	c.queue.waiting.insert(c)
	if a := bestAgent(c); a != nil {
		s.offer(c, a, CallCame)
		return
	}
	s.setCallAlarm(c)
	s.ask(c.queue)
}

// offer rings a for c. c stands in the waiting line; a is Ready.
func (s *State) offer(c *call, a *agent, trigger Trigger) {
	q := c.queue
	if s.audit != nil {
		s.audit(c, a)
	}
	c.attempts++
	why := s.why(c, a, trigger)
	q.waiting.remove(c)
	s.timers.stop(&c.timer)
	if a.inReady {
		s.leaveReady(a)
	}
	s.nextOffer++
	c.state, c.agent = ringing, a
	q.ringing.insert(c)
	q.counts.Offers++
	a.offer, a.on, a.call = s.nextOffer, c.id, c
	s.open[a.offer] = a
	until := s.now + int64(q.cfg.RingTimeout)
	s.emit(Decision{Kind: Offer, Offer: a.offer, Call: c.id, Agent: a.id, Queue: q.id, Until: moment(until), Why: why})
	s.move(a, Offered, ReasonOffer, until)
}

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
	}
	var rival *call
	for _, other := range a.queues {
		n := other.waiting.len()
		if n == 0 {
			continue
		}
		w.Choices += n
		w.Passed += passed(&other.waiting, c)
		r := other.waiting.at(0)
		if r == c {
			if n == 1 {
				continue
			}
			r = other.waiting.at(1)
		}
		if rival == nil || r.before(rival) {
			rival = r
		}
	}
	if rival != nil {
		w.Rival, w.RivalQueue, w.RivalWaited = rival.id, rival.queue.id, time.Duration(s.now-rival.since)
		w.Rule = ruleOf(c, rival)
	}
	if !a.inReady { // came this moment; nobody else can be ready while calls wait
		w.Ready++
	} else if w.Ready > 1 {
		b := q.ready.at(1)
		w.NextAgent, w.NextIdle = b.id, time.Duration(s.now-b.idle)
	}
	return w
}

// ruleOf is the rule by which c comes before d.
func ruleOf(c, d *call) Rule {
	switch {
	case c.priority != d.priority:
		return ByPriority
	case c.head != d.head:
		return ByHead
	case c.since != d.since:
		return BySince
	}
	return ByArrival
}

// passed counts the calls of l that have waited longer than c but come later. The
// line is made of runs of equal priority and head, each ordered by since, so two
// searches per run do.
func passed(l *line[*call], c *call) int {
	calls := l.all()
	n := 0
	for i := 0; i < len(calls); {
		g := calls[i]
		end := len(calls)
		if z := calls[end-1]; z.priority != g.priority || z.head != g.head {
			end = search(i, len(calls), func(x *call) bool { return x.priority == g.priority && x.head == g.head }, calls)
		}
		if (g.priority != c.priority || g.head != c.head) && g.since < c.since {
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
