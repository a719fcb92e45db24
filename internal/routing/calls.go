package routing

import "slices"

// newCall takes a used record if there is one.
func (s *State) newCall(id CallID) *call {
	var c *call
	if n := len(s.spare); n > 0 {
		c, s.spare = s.spare[n-1], s.spare[:n-1]
	} else {
		c = new(call)
	}
	s.nextArrival++
	*c = call{refused: c.refused[:0], id: id, arrival: s.nextArrival, since: s.now, estimate: -1}
	c.timer = alarm{index: -1, call: c}
	c.fact = c.timer
	s.calls[id] = c
	return c
}

// forget drops the record of a call that stands in no line and with no agent.
func (s *State) forget(c *call) {
	s.timers.stop(&c.timer)
	delete(s.calls, c.id)
	if c.virtual {
		if p := s.persons[c.caller]; p != nil {
			p.callbacks = slices.DeleteFunc(p.callbacks, func(x *call) bool { return x == c })
			s.tidy(p)
		}
	}
	if len(s.spare) < 1024 {
		*c = call{refused: c.refused[:0]}
		s.spare = append(s.spare, c)
	}
}

// boundedPriority keeps a priority where scores can hold it.
func boundedPriority(p int) int { return min(max(p, -maxPriority), maxPriority) }

// wouldFind says whether c, who is about to stand in its queue, finds an agent at once.
func (s *State) wouldFind(c *call) bool {
	q := c.queue
	if q.ready.len() == 0 && len(q.stages[0].bodies) == 0 {
		return false
	}
	c.stage = 0
	x := *c
	x.preferUntil = 0
	return s.bestAgent(&x, true).agent != nil
}

// queueNamed is the queue that new calls may enter; nil when there is none.
func (s *State) queueNamed(id QueueID) *queue {
	if q := s.queues[id]; q != nil && !q.removed {
		return q
	}
	return nil
}

// follows says whether e, about a call that is known, is news rather than a double.
func (c *call) follows(e CallQueued) bool {
	if e.Entry > 0 || c.entry > 0 {
		return e.Entry > c.entry
	}
	if c.state == talking {
		return e.Head
	}
	return e.Queue != c.queue.id || boundedPriority(e.Priority) != c.priority || e.Head != c.head ||
		(!e.Since.IsZero() && min(nanos(e.Since), c.entered) != c.since)
}

func (s *State) callQueued(e CallQueued) {
	if e.Call == "" {
		s.Ignored++
		return
	}
	c := s.calls[e.Call]
	var freed, beside *agent // agents who lose the call
	talked, fresh := false, c == nil
	switch {
	case c == nil:
		if s.queueNamed(e.Queue) == nil {
			s.emit(Decision{Kind: NobodyThere, Call: e.Call, Queue: e.Queue, Reason: ReasonUnknownQueue})
			return
		}
		c = s.newCall(e.Call)
	case c.state == booked || c.virtual || !c.follows(e):
		s.Ignored++
		return
	case c.state == waiting:
		s.step(c)
		s.timers.stop(&c.timer)
		c.queue.counts.Moved++
	case c.state == ringing:
		freed = c.agent
		s.withdrawn(freed, ReasonRequeued)
		c.queue.counts.Moved++
	case c.state == talking:
		talked = true
		freed, beside = c.agent, c.also
		s.endRecord(c)
	}
	if q := s.queueNamed(e.Queue); q == nil {
		s.emit(Decision{Kind: NobodyThere, Call: e.Call, Queue: e.Queue, Reason: ReasonUnknownQueue})
		s.forget(c)
	} else {
		c.priority, c.head, c.entry = boundedPriority(e.Priority), e.Head, e.Entry
		if !e.Since.IsZero() {
			c.since = min(nanos(e.Since), s.now)
		}
		if e.Language != "" {
			c.language = e.Language
		}
		if len(e.Skills) > 0 {
			c.skills = boundedLevels(e.Skills)
			c.sign = signature(c.skills)
		}
		c.prefer, c.preferUntil = e.Prefer, 0
		if e.Prefer != "" && e.PreferFor > 0 {
			c.preferUntil = s.now + int64(bounded(e.PreferFor, 0))
		}
		if e.Caller != "" {
			c.caller = e.Caller
		}
		relaxFrom := s.now
		if fresh && c.caller != "" {
			if from := s.takePlace(c, q); from != 0 {
				relaxFrom = from
			}
		}
		s.place(c, q, relaxFrom)
	}
	// The call stands in its place before its agents look for the next one.
	for _, a := range [...]*agent{freed, beside} {
		switch {
		case a == nil:
		case talked:
			s.endTalk(a, false)
		default:
			s.settle(a, ReasonRequeued, a.idle)
		}
	}
}

// place enters c into q; what it asks for is relaxed by the time since relaxFrom.
func (s *State) place(c *call, q *queue, relaxFrom int64) {
	c.queue, c.entered, c.limit, c.attempts, c.relaxFrom = q, s.now, 0, 0, relaxFrom
	if q.cfg.MaxWait > 0 && !c.virtual {
		c.limit = s.now + int64(q.cfg.MaxWait)
	}
	c.asked, c.check = false, 0
	if s.cfg.CheckEvery > 0 && !c.virtual {
		c.check = s.now + int64(s.cfg.CheckEvery)
	}
	c.family, c.estimate = s.familyOf(c), -1
	if s.wouldFind(c) {
		c.estimate = 0
	} else if w, ok := s.expect(c); ok {
		c.estimate = int64(w)
	}
	q.counts.Entered++
	s.enqueue(c)
}

// setCallAlarm sets the alarm of a waiting call to its next deadline.
func (s *State) setCallAlarm(c *call) {
	at := never
	if c.limit != 0 {
		at = c.limit
	}
	if c.check != 0 {
		at = min(at, c.check)
	}
	if at != never {
		s.timers.set(&c.timer, at)
	} else {
		s.timers.stop(&c.timer)
	}
}

// callDue: the alarm of a waiting call rang.
func (s *State) callDue(c *call) {
	if c.state == booked {
		s.bookingDue(c)
		return
	}
	reason := ReasonUnconfirmed
	switch {
	case c.limit != 0 && c.limit <= s.now:
		reason = ReasonMaxWait
	case !c.asked:
		s.askCaller(c)
		s.setCallAlarm(c)
		return
	}
	s.step(c)
	s.timeOut(c, reason)
}

// askCaller asks whether c still exists.
func (s *State) askCaller(c *call) {
	c.asked, c.check = true, s.now+int64(s.cfg.CheckGrace)
	s.emit(Decision{Kind: StillThere, Call: c.id, Queue: c.queue.id, Until: moment(c.check)})
}

// timeOut gives c, which is in no line, back.
func (s *State) timeOut(c *call, reason Reason) {
	c.queue.counts.TimedOut++
	s.emit(Decision{Kind: CallTimedOut, Call: c.id, Queue: c.queue.id, Reason: reason})
	s.forget(c)
}

func (s *State) callLeft(e CallLeft) {
	c := s.calls[e.Call]
	if c == nil {
		s.Ignored++
		return
	}
	switch c.state {
	case waiting:
		s.step(c)
		c.queue.counts.Left++
		s.judgeLost(c)
		s.callerLeft(c, e.Reason)
		s.forget(c)
	case ringing:
		a := c.agent
		c.queue.counts.Left++
		s.withdrawn(a, ReasonCallerLeft)
		s.judgeLost(c)
		s.callerLeft(c, e.Reason)
		s.forget(c)
		s.settle(a, ReasonCallerLeft, a.idle) // keeps the place among the idle
	case booked:
		c.queue.booked--
		s.forget(c)
	case talking:
		a, also := c.agent, c.also
		if also != nil {
			s.endTalk(also, false)
		}
		s.endTalk(a, false)
	}
}

func (s *State) stillHere(e StillHere) {
	if e.Agent != "" {
		if a := s.agents[e.Agent]; a != nil && a.state == Talking && a.on == e.Call && s.cfg.CheckEvery > 0 {
			a.asked = false
			s.timers.set(&a.timer, s.now+int64(s.cfg.CheckEvery))
			return
		}
	} else if c := s.calls[e.Call]; c != nil && c.state != talking && !c.virtual && s.cfg.CheckEvery > 0 {
		c.asked, c.check = false, s.now+int64(s.cfg.CheckEvery)
		if c.state == waiting {
			s.setCallAlarm(c)
		}
		return
	}
	s.Ignored++
}

// Position of a call that waits or rings in its queue: 1 is next. Calls that ring at
// an agent are counted, since they may come back. False when it does not wait.
// O(log n).
func (s *State) Position(id CallID) (int, bool) {
	c := s.calls[id]
	if c == nil || c.state == talking || c.state == booked {
		return 0, false
	}
	return c.queue.waiting.rank(c) + c.queue.ringing.rank(c) + 1, true
}
