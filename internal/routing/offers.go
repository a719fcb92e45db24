package routing

// withdraw tells that the offer of a is taken back.
func (s *State) withdraw(a *agent, reason Reason) {
	s.emit(Decision{Kind: Withdraw, Offer: a.offer, Call: a.on, Agent: a.id, Queue: a.call.queue.id, Reason: reason})
}

// withdrawn takes the offer of a back through no fault of a's; the call is in no line
// afterwards and a has still to be moved.
func (s *State) withdrawn(a *agent, reason Reason) *call {
	a.call.queue.counts.Withdrawn++
	s.withdraw(a, reason)
	return s.closeOffer(a)
}

// closeOffer ends the offer that rings at a. The call it returns is in no line.
func (s *State) closeOffer(a *agent) *call {
	c := a.call
	a.release()
	c.queue.ringing.remove(c)
	c.agent = nil
	s.bury(a, false)
	a.on, a.call = "", nil
	return c
}

// release notes what a is about to lose, for the AgentMoved that follows.
func (a *agent) release() {
	a.leftCall, a.leftOffer, a.leftQueue = a.on, a.offer, ""
	if a.call != nil {
		a.leftQueue = a.call.queue.id
	} else if a.answered != 0 {
		a.leftQueue = a.served.id
	}
}

// bury moves the offer of a to the past.
func (s *State) bury(a *agent, settled bool) {
	delete(s.open, a.offer)
	s.past[a.offer%pastOffers] = pastOffer{id: a.offer, agent: a.id, call: a.on, settled: settled}
	a.offer = 0
}

// missed: the offer of a rang out.
func (s *State) missed(a *agent) {
	c := s.closeOffer(a)
	c.queue.counts.Missed++
	a.misses++
	if s.cfg.MaxMisses > 0 && a.misses >= s.cfg.MaxMisses && a.wish == noWish {
		s.pause(a, ReasonMissed, 0)
	} else {
		s.rest(a, int64(c.queue.cfg.SetAside), ReasonNoAnswer)
	}
	s.enqueue(c)
}

func (s *State) offerFailed(e OfferFailed) {
	a := s.open[e.Offer]
	if a == nil || a.state != Offered {
		s.Ignored++
		return
	}
	counts := &a.call.queue.counts
	switch e.Reason {
	case NoAnswer:
		s.missed(a)
	case Busy:
		counts.Busy++
		c := s.closeOffer(a)
		s.rest(a, int64(s.cfg.BusyRest), ReasonBusy)
		s.enqueue(c)
	case Declined:
		counts.Declined++
		c := s.closeOffer(a)
		s.rest(a, int64(s.cfg.DeclinedRest), ReasonDeclined)
		s.enqueue(c)
	default:
		counts.Failed++
		c := s.closeOffer(a)
		if a.wish != noWish {
			s.settle(a, ReasonUnreachable, s.now)
		} else {
			s.unreachable(a, ReasonUnreachable)
		}
		s.enqueue(c)
	}
}

func (s *State) offerAnswered(id OfferID) {
	a := s.open[id]
	if a == nil {
		s.Ignored++
		s.lateAnswer(id)
		return
	}
	if a.state != Offered {
		s.Ignored++
		return
	}
	c := a.call
	c.queue.ringing.remove(c)
	s.connect(c, a)
	s.talk(a, ReasonAnswered)
}

// lateAnswer: the agent picked up an offer that is over. Whoever made the leg must
// end it; the agent stays as they are, but is evidently there.
func (s *State) lateAnswer(id OfferID) {
	if id == 0 {
		return
	}
	p := &s.past[id%pastOffers]
	if p.id != id {
		s.emit(Decision{Kind: DropLeg, Offer: id, Reason: ReasonUnknownOffer})
		return
	}
	if p.settled {
		return
	}
	p.settled = true
	if a := s.agents[p.agent]; a != nil {
		a.misses = 0
	}
	s.emit(Decision{Kind: DropLeg, Offer: id, Call: p.call, Agent: p.agent, Reason: ReasonStale})
}

// connect makes c, which is in no line any more, the talk of a.
func (s *State) connect(c *call, a *agent) {
	q := c.queue
	q.measure(c, s.now)
	s.judgeTarget(c)
	s.spend(q)
	q.counts.Answered++
	q.talking++
	c.state, c.agent, c.also = talking, a, nil
	s.timers.stop(&c.timer)
	a.on, a.call, a.served, a.answered = c.id, c, q, s.now
	if c.caller != "" && !c.virtual {
		s.callerServed(c)
	}
}

// talk moves a, whose call is set, to Talking.
func (s *State) talk(a *agent, reason Reason) {
	a.misses = 0
	a.proved()
	s.move(a, Talking, reason, 0)
	if s.cfg.CheckEvery > 0 {
		s.timers.set(&a.timer, s.now+int64(s.cfg.CheckEvery))
	}
}

func (s *State) agentTaken(a *agent, id CallID) {
	if a == nil || id == "" || a.state == SignedOut || a.state == Talking {
		s.Ignored++
		return
	}
	if a.state == Offered && a.on == id {
		s.offerAnswered(a.offer)
		return
	}
	var loose *call // lost its offer to a
	switch a.state {
	case Offered:
		loose = s.withdrawn(a, ReasonTaken)
	case Paused:
		if a.limited {
			break // the budget decides again afterwards
		}
		a.wish, a.wishReason, a.wishBack = wishPause, a.reason, a.back
	case WrapUp:
		s.account(a, s.now)
		a.resume = max(a.until-s.now, 0) // its end may be past and the tick late
	}
	var freed *agent // lost its offer of this call to a
	a.on = id
	if c := s.calls[id]; c != nil {
		switch c.state {
		case booked:
			c.queue.booked--
			c.queue.counts.Entered++
			c.queue.counts.Picked++
			c.entered = s.now
			s.connect(c, a)
		case waiting: // picked out of the queue by hand
			s.step(c)
			c.queue.counts.Picked++
			s.connect(c, a)
		case ringing:
			freed = c.agent
			s.withdrawn(freed, ReasonTaken)
			c.queue.counts.Picked++
			s.connect(c, a)
		case talking:
			if c.also != nil { // only the latest to join can take the call over
				c.also.call = nil
			}
			c.also = a
			a.call, a.served, a.answered = c, c.queue, s.now
		}
	}
	s.talk(a, ReasonTaken)
	if loose != nil {
		s.enqueue(loose)
	}
	if freed != nil {
		s.settle(freed, ReasonTaken, freed.idle)
	}
}

// endRecord ends the talk of c as far as c is concerned.
func (s *State) endRecord(c *call) {
	for _, a := range [...]*agent{c.agent, c.also} {
		if a != nil {
			a.call = nil
		}
	}
	c.agent, c.also = nil, nil
	c.queue.talking--
	c.queue.counts.Ended++
}

// endTalk: a is no longer in its call. A call handed over to another agent goes on.
func (s *State) endTalk(a *agent, lost bool) {
	a.release()
	if c := a.call; c != nil {
		switch {
		case c.also == a:
			c.also = nil
		case c.agent == a && c.also != nil:
			c.agent, c.also = c.also, nil
		case c.agent == a:
			s.endRecord(c)
			s.forget(c)
		}
	}
	if a.offer != 0 {
		s.bury(a, true)
	}
	a.on, a.call = "", nil
	wrap, longest := a.resume, a.resume
	if a.answered != 0 { // a call of a queue
		wrap = max(wrap, int64(a.served.cfg.WrapUp))
		longest = max(wrap, int64(a.served.cfg.WrapUpMax))
	}
	a.resume = 0
	if lost && a.wish == noWish && !a.stationDown {
		s.account(a, s.now)
		a.served = nil
		s.unreachable(a, ReasonUnreachable)
		return
	}
	if lost || wrap <= 0 || a.stationDown || a.wish == wishOutForced {
		s.endWrapUp(a, ReasonTalkEnded, s.now)
		return
	}
	a.wrapEnd = s.now + longest
	s.move(a, WrapUp, ReasonTalkEnded, s.now+wrap)
}

// endWrapUp closes the handling of a call and moves a on.
func (s *State) endWrapUp(a *agent, reason Reason, at int64) {
	s.account(a, at)
	a.served = nil
	s.settle(a, reason, at)
}

// account notes the handling time of the call that a has finished.
func (s *State) account(a *agent, at int64) {
	if a.served != nil && a.answered != 0 {
		a.served.handle = weigh(a.served.handle, max(at-a.answered, 0))
	}
	a.answered = 0
}

func (s *State) extendWrapUp(e WrapUpExtended) {
	a := s.agents[e.Agent]
	if a == nil || a.state != WrapUp || e.For < 0 {
		s.Ignored++
		return
	}
	by := e.For
	if by == 0 && a.served != nil {
		by = a.served.cfg.WrapUp
	}
	until := min(a.until+int64(min(by, longest)), a.wrapEnd)
	if until <= a.until {
		s.Ignored++
		return
	}
	a.until = until
	s.timers.set(&a.timer, until)
	d := s.emit(Decision{Kind: AgentMoved, Agent: a.id, From: WrapUp, To: WrapUp, Reason: ReasonExtended, Until: moment(until)})
	if a.served != nil {
		d.Queue = a.served.id
	}
}
