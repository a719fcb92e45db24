package routing

import "slices"

// The two choices of the router stand here and nowhere else: bestCall when an agent
// becomes free and bestAgent when a call comes. Who may take what is decided by lanes
// (needs.go) and profiles (profile.go), the order by compare (score.go).

// choice is what bestCall or bestAgent found.
type choice struct {
	call  *call
	agent *agent
	// denied would have been chosen but for the clause that why names.
	deniedCall  *call
	deniedAgent *agent
	why         verdict
}

// bestCall is the best waiting call that a may take, over the own queues, those of
// bodies that borrow, and the callers who wait for a alone.
func (s *State) bestCall(a *agent) choice {
	var x choice
	for _, q := range a.queues {
		for _, l := range q.active {
			c := l.waiting.at(0)
			switch v := s.verdict(l, a.profile); {
			case v == canTake:
				if x.call == nil || s.sooner(c, x.call, a) {
					x.call = c
				}
			case v.clause() != "":
				if x.deniedCall == nil || s.sooner(c, x.deniedCall, a) {
					x.deniedCall, x.why = c, v
				}
			}
		}
	}
	for _, c := range a.own {
		if x.call == nil || s.sooner(c, x.call, a) {
			x.call = c
		}
	}
	for _, q := range a.helps {
		for _, l := range q.active {
			if c := l.waiting.at(0); (x.call == nil || s.sooner(c, x.call, a)) && s.borrows(l, a) {
				x.call = c
			}
		}
	}
	if x.deniedCall != nil && x.call != nil && !s.sooner(x.deniedCall, x.call, a) {
		x.deniedCall = nil
	}
	return x
}

// borrows says whether a call of l may have a, who serves the queue for another body.
func (s *State) borrows(l *lane, a *agent) bool {
	b := a.home
	left := b.ready.len()
	if a.inReady {
		left--
	}
	return l.mayBorrow(b, left) && s.verdict(l, a.profile) == canTake
}

// bestAgent is the agent for c, who stands in its lane: the one it is held for, else
// the longest-idle ready one of the queue who may take it, else one of a body that
// helps, if borrow. No agent when none is ready.
func (s *State) bestAgent(c *call, borrow bool) choice {
	x := choice{call: c}
	if c.preferUntil != 0 {
		if p := s.agents[c.prefer]; p.inReady {
			x.agent = p
		}
		return x
	}
	l := &c.family.lanes[c.stage]
	for _, a := range c.queue.ready.all() {
		v := s.verdict(l, a.profile)
		if v == canTake {
			x.agent = a
			return x
		}
		if v.clause() != "" && x.deniedAgent == nil {
			x.deniedAgent, x.why = a, v
		}
	}
	if borrow && len(l.stage.bodies) > 0 {
		x.agent = s.lent(l)
	}
	return x
}

// seek gives a, who has just become Ready, the best call, or lets a wait for one.
func (s *State) seek(a *agent) {
	s.match() // who has been idle longer comes first to calls that have just come within reach
	x := s.bestCall(a)
	if x.deniedCall != nil {
		s.refuse(a, x.deniedCall, x.why.clause(), Reason(x.why.String()))
	}
	if x.call != nil {
		s.offer(x.call, a, AgentFreed)
		return
	}
	a.inReady = true
	for _, q := range a.queues {
		q.ready.insert(a)
	}
	if b := a.home; b != nil {
		b.ready.insert(a)
		s.mayLend(b)
	}
}

func (s *State) leaveReady(a *agent) {
	a.inReady = false
	for _, q := range a.queues {
		q.ready.remove(a)
	}
	if b := a.home; b != nil {
		b.ready.remove(a)
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
	s.stand(c)
	if len(s.loose)+len(s.lenders) > 0 { // others look for an agent at this moment
		s.loose = append(s.loose, c)
		s.setCallAlarm(c)
		return
	}
	if !s.find(c, true) {
		s.setCallAlarm(c)
		s.ask(c.queue)
	}
}

// find offers c, who waits, to the best agent; false when there is none.
func (s *State) find(c *call, borrow bool) bool {
	x := s.bestAgent(c, borrow)
	if x.deniedAgent != nil {
		s.refuse(x.deniedAgent, c, x.why.clause(), Reason(x.why.String()))
	}
	if x.agent == nil {
		return borrow && c.queue.cfg.Preempt && s.preempt(c)
	}
	s.offer(c, x.agent, CallCame)
	return true
}

// preempt gives c, an emergency call for which nobody is ready, the agent whose phone
// rings for another call since the shortest time. That call goes back to its place.
func (s *State) preempt(c *call) bool {
	var best *agent
	for _, a := range s.open { // the order does not matter: the highest number wins
		if a.state != Offered || a.call.queue.cfg.Emergency || a.wish != noWish || best != nil && a.offer < best.offer {
			continue
		}
		if a.serves(c.queue) && s.verdict(c.lane(), a.profile) == canTake && !s.spent(a) {
			best = a
		}
	}
	if best == nil {
		return false
	}
	back := s.withdrawn(best, ReasonPreempted)
	s.move(best, Ready, ReasonPreempted, 0)
	s.offer(c, best, Preempted)
	s.enqueue(back)
	return true
}

// findLoose looks for agents for the calls that may have more of them than before: the
// wait for one agent has ended, or the configuration has changed.
func (s *State) findLoose() {
	for len(s.loose) > 0 {
		batch := s.loose
		s.loose, s.looseSpare = s.looseSpare[:0], nil
		batch = slices.DeleteFunc(batch, func(c *call) bool { return c.queue == nil || c.state != waiting })
		slices.SortFunc(batch, func(c, d *call) int { n, _ := s.compare(c, d, nil); return n })
		// Own callers come before those of a body that borrows, emergencies before all.
		urgent := 0
		for urgent < len(batch) && batch[urgent].queue.cfg.Emergency {
			urgent++
		}
		for _, part := range [...][]*call{batch[:urgent], batch[urgent:]} {
			for _, borrow := range [...]bool{false, true} {
				for _, c := range part {
					if c.state == waiting && !s.find(c, borrow) && borrow {
						s.setCallAlarm(c)
						s.ask(c.queue)
					}
				}
			}
		}
		clear(batch)
		s.looseSpare = batch[:0]
	}
}

// offer rings a for c. c stands in the waiting line; a is Ready.
func (s *State) offer(c *call, a *agent, trigger Trigger) {
	q := c.queue
	if s.audit != nil {
		s.audit(c, a)
	}
	c.attempts++
	why := s.why(c, a, trigger)
	s.step(c)
	c.preferUntil = 0 // the offer to the agent it waited for uses that up
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
	d := s.emit(Decision{Kind: Offer, Offer: a.offer, Call: c.id, Agent: a.id, Queue: q.id, Until: moment(until)})
	d.Why, d.Callback = why, c.virtual
	s.move(a, Offered, ReasonOffer, until)
}

// rouse lets emergency calls look again at a, whose phone rings and who may be taken
// from there now.
func (s *State) rouse(a *agent) {
	if a.state != Offered {
		return
	}
	for _, q := range a.queues {
		if q.cfg.Preempt {
			for _, l := range q.active {
				s.loose = append(s.loose, l.waiting.at(0))
			}
		}
	}
}
