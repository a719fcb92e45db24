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
	}
	for _, list := range [...][]*queue{a.queues, a.helps} {
		for _, q := range list {
			s.count(q, a, a.class, -1)
			s.count(q, a, c, +1)
			s.ask(q)
		}
	}
	a.class = c
	if c < expected {
		s.letGo(a)
	}
}

// there says whether a caller of q without wishes may hope for an agent of q.
func (q *queue) there() bool { return q.hope(&q.members) }

// there says whether somebody could take a call of f, if not now then after full
// relaxation or from another body.
func (f *family) there() bool { return f.queue.hope(&f.members) }

func (q *queue) hope(members *[classes]int) bool {
	n := members[working]
	switch {
	case q.removed:
		return false
	case q.cfg.There == Always:
		return true
	case q.cfg.There == SignedIn:
		n += members[expected] + members[away]
	case q.cfg.There == Expected:
		n += members[expected]
	}
	return n > 0
}

// deserted says whether some caller of q has nobody to hope for.
func (q *queue) deserted() bool {
	for _, f := range q.families {
		if f.calls > 0 && !f.there() {
			return true
		}
	}
	return false
}

// ask has tellNobody look at q if nobody seems to be there for somebody.
func (s *State) ask(q *queue) {
	if !q.dirty && (!q.there() || q.deserted()) {
		q.dirty = true
		s.dirty = append(s.dirty, q)
	}
}

// tellNobody gives back the callers whom nobody can serve. It runs at the end of
// Apply, so that a passing state inside it turns nobody away. Callbacks wait on.
func (s *State) tellNobody() {
	for i, q := range s.dirty {
		s.dirty[i] = nil
		q.dirty = false
		if !q.deserted() {
			continue
		}
		for i := 0; i < q.waiting.len(); {
			c := q.waiting.at(i)
			if c.virtual && !q.removed || c.preferUntil != 0 || c.family.there() {
				i++
				continue
			}
			reason := ReasonNobody
			if q.removed {
				reason = ReasonQueueRemoved
			}
			s.step(c)
			q.counts.Nobody++
			s.emit(Decision{Kind: NobodyThere, Call: c.id, Queue: q.id, Reason: reason})
			s.forget(c)
		}
	}
	s.dirty = s.dirty[:0]
}
