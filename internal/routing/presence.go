package routing

// classOf says how far a counts as there.
func (s *State) classOf(a *agent) class {
	switch a.state {
	case SignedOut:
		return absent
	case Ready, SetAside:
		return working
	case Paused:
		if a.back > s.now {
			return expected
		}
		return away
	case Unreachable:
		if a.gone+int64(s.cfg.StationGrace) > s.now {
			return expected
		}
		return away
	}
	switch a.wish { // Offered, Talking, WrapUp
	case noWish:
		return working
	case wishPause:
		if a.wishBack != 0 {
			return expected
		}
	}
	return away
}

// classify keeps the counts of the queues of a right after a change.
func (s *State) classify(a *agent) {
	c := s.classOf(a)
	if c == a.class {
		return
	}
	for _, q := range a.queues {
		q.members[a.class]--
		q.members[c]++
		s.ask(q)
	}
	a.class = c
}

// there says whether a caller may hope for an agent of q.
func (q *queue) there() bool {
	n := q.members[working]
	switch q.cfg.There {
	case Always:
		return true
	case SignedIn:
		n += q.members[expected] + q.members[away]
	case Expected:
		n += q.members[expected]
	}
	return n > 0
}

// ask has tellNobody look at q if nobody seems to be there.
func (s *State) ask(q *queue) {
	if !q.dirty && !q.there() {
		q.dirty = true
		s.dirty = append(s.dirty, q)
	}
}

// tellNobody gives the callers of deserted queues back. It runs at the end of Apply,
// so that a passing state inside it turns nobody away.
func (s *State) tellNobody() {
	for i, q := range s.dirty {
		s.dirty[i] = nil
		q.dirty = false
		if q.there() {
			continue
		}
		for q.waiting.len() > 0 {
			c := q.waiting.at(0)
			q.waiting.remove(c)
			q.counts.Nobody++
			s.emit(Decision{Kind: NobodyThere, Call: c.id, Queue: q.id, Reason: ReasonNobody})
			s.forget(c)
		}
	}
	s.dirty = s.dirty[:0]
}

func (s *State) queueChanged(e QueueChanged) {
	if e.Queue == "" {
		s.Ignored++
		return
	}
	q := s.queues[e.Queue]
	if q != nil {
		q.cfg = e.Config.withDefaults()
		if q.counts.Ended == 0 { // nothing measured yet
			q.handle = int64(q.cfg.HandlePrior)
		}
		s.ask(q)
		return
	}
	q = s.addQueue(e.Queue, e.Config)
	// The order of this walk does not matter: nobody waits in a new queue, and its
	// ready line is ordered by itself.
	for _, a := range s.agents {
		for _, id := range a.wanted {
			if id != e.Queue {
				continue
			}
			s.link(a)
			q.members[a.class]++
			if a.inReady {
				q.ready.insert(a)
			}
			break
		}
	}
}
