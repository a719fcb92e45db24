package routing

import "slices"

// retriesDone makes the next retry of a station as late as the configuration allows.
const retriesDone = 32

// newAgent makes the record of an agent heard of for the first time.
func (s *State) newAgent(id AgentID) *agent {
	s.nextAgent++
	a := &agent{profile: s.blank, id: id, num: s.nextAgent, state: SignedOut, since: s.now}
	a.timer = alarm{index: -1, agent: a}
	a.limit = a.timer
	s.agents[id] = a
	return a
}

// move changes the state of a and says so. It stops the alarm of the old state and
// sets the one of the new when until is not 0.
func (s *State) move(a *agent, to AgentState, reason Reason, until int64) {
	if a.inReady {
		s.leaveReady(a)
	}
	if a.budget != nil {
		a.budget.charge(a.state.live(), s.now)
	}
	from := a.state
	a.state, a.reason, a.since, a.until, a.asked = to, reason, s.now, until, false
	a.limited = false
	if a.budget != nil {
		s.armLimit(a)
	}
	if until != 0 {
		s.timers.set(&a.timer, until)
	} else {
		s.timers.stop(&a.timer)
	}
	s.classify(a)
	d := s.emit(Decision{Kind: AgentMoved, Agent: a.id, From: from, To: to, Reason: reason, Call: a.on, Offer: a.offer})
	if until != 0 {
		d.Until = moment(until)
	}
	switch {
	case a.call != nil:
		d.Queue = a.call.queue.id
	case a.on == "" && (from == Offered || from == Talking):
		d.Call, d.Offer, d.Queue = a.leftCall, a.leftOffer, a.leftQueue
	}
}

// settle brings a, whose activity is over, to what comes next: the wish to leave,
// the lost station, or Ready with idle as the moment that counts.
func (s *State) settle(a *agent, reason Reason, idle int64) {
	w := a.wish
	a.wish = noWish
	switch {
	case w == wishOut:
		s.signOut(a, ReasonSignedOut)
	case w == wishOutForced:
		s.signOut(a, ReasonForced)
	case w == wishPause:
		s.pause(a, a.wishReason, a.wishBack)
	case a.stationDown:
		s.unreachable(a, ReasonStationDown)
	default:
		s.becomeReady(a, reason, idle)
	}
}

func (s *State) becomeReady(a *agent, reason Reason, idle int64) {
	if s.holdBack(a, reason == ReasonReady || reason == ReasonSignedIn) {
		return
	}
	a.idle = min(idle, s.now)
	s.move(a, Ready, reason, 0)
	s.seek(a)
}

func (s *State) signOut(a *agent, reason Reason) {
	a.wish, a.misses, a.resume = noWish, 0, 0
	s.move(a, SignedOut, reason, 0)
}

// pause; back is when the agent is expected, 0 when nobody knows.
func (s *State) pause(a *agent, reason Reason, back int64) {
	a.back = back
	s.move(a, Paused, reason, 0)
	if back > s.now {
		s.timers.set(&a.timer, back)
	}
}

// rest sets a aside for d.
func (s *State) rest(a *agent, d int64, reason Reason) {
	if a.wish != noWish || a.stationDown {
		s.settle(a, reason, s.now)
		return
	}
	s.move(a, SetAside, reason, s.now+d)
}

// unreachable takes a out of service until the station is heard of or tried again.
func (s *State) unreachable(a *agent, reason Reason) {
	if a.gone == 0 {
		a.gone = max(s.now, 1)
	}
	retry := int64(s.cfg.StationRetryMax)
	if a.retries < retriesDone {
		retry = min(retry, int64(s.cfg.StationRetry)<<min(a.retries, 12))
		a.retries++
	}
	s.move(a, Unreachable, reason, s.now+retry)
	if end := a.gone + int64(s.cfg.StationGrace); end > s.now {
		s.timers.set(&a.timer, min(end, a.until))
	}
}

// proved: the station works.
func (a *agent) proved() { a.stationDown, a.gone, a.retries = false, 0, 0 }

// agentDue: the alarm of a rang at.
func (s *State) agentDue(a *agent, at int64) {
	switch a.state {
	case Offered:
		s.withdraw(a, ReasonNoAnswer)
		s.missed(a)
	case SetAside:
		s.settle(a, ReasonRested, at)
	case WrapUp:
		s.endWrapUp(a, ReasonWrapUpOver, at)
	case Paused:
		s.classify(a) // the expected return is overdue
	case Unreachable:
		if s.now < a.until { // only the grace is over
			s.timers.set(&a.timer, a.until)
			s.classify(a)
			return
		}
		// Trying is the only way out when the word of its return was lost.
		a.stationDown = false
		s.settle(a, ReasonRetry, at)
	case Talking:
		if !a.asked {
			a.asked = true
			until := s.now + int64(s.cfg.CheckGrace)
			s.timers.set(&a.timer, until)
			d := s.emit(Decision{Kind: StillThere, Call: a.on, Agent: a.id, Until: moment(until)})
			if a.call != nil {
				d.Queue = a.call.queue.id
			}
			return
		}
		s.emit(Decision{Kind: DropLeg, Offer: a.offer, Call: a.on, Agent: a.id, Reason: ReasonUnconfirmed})
		s.endTalk(a, false)
	}
}

func (s *State) agentSignedIn(e AgentSignedIn) {
	if e.Agent == "" {
		s.Ignored++
		return
	}
	a := s.agents[e.Agent]
	if a == nil {
		a = s.newAgent(e.Agent)
	}
	changed := s.setQueues(a, e.Queues)
	if a.state == SignedOut {
		a.misses = 0
		switch {
		case !e.Ready:
			s.pause(a, ReasonSignedIn, s.now+int64(s.cfg.PauseReturn))
		default:
			s.settle(a, ReasonSignedIn, s.now)
		}
		return
	}
	if a.wish == wishOut || a.wish == wishOutForced {
		a.wish = noWish
		s.classify(a)
		s.rouse(a)
		changed = true
	}
	if e.Ready && a.state == Paused {
		a.misses = 0
		s.settle(a, ReasonSignedIn, s.now)
		changed = true
	}
	if !changed {
		s.Ignored++
	}
}

func (s *State) agentReady(a *agent) {
	if a == nil {
		s.Ignored++
		return
	}
	switch a.state {
	case Offered, Talking:
		if a.wish == wishPause || a.wish == wishOut {
			a.wish = noWish
			s.classify(a)
			s.rouse(a)
			return
		}
		s.Ignored++
	case WrapUp:
		a.wish = noWish
		s.endWrapUp(a, ReasonReady, s.now)
	case Unreachable:
		a.proved() // the agent sits at it and says so; a ring will show
		fallthrough
	case Paused, SetAside:
		a.misses = 0
		s.settle(a, ReasonReady, s.now)
	default:
		s.Ignored++
	}
}

func (s *State) agentPaused(a *agent, e AgentPaused) {
	if a == nil || a.state == SignedOut {
		s.Ignored++
		return
	}
	reason := Reason(e.Reason)
	if reason == "" {
		reason = ReasonPaused
	}
	back := s.now + int64(s.cfg.PauseReturn)
	if !e.Return.IsZero() {
		back = nanos(e.Return)
	}
	switch a.state {
	case Paused:
		if a.reason == reason && (e.Return.IsZero() || a.back == back) {
			s.Ignored++
			return
		}
		s.pause(a, reason, back)
	case Ready, SetAside, Unreachable:
		a.misses = 0
		s.pause(a, reason, back)
	default:
		if a.wish == wishOutForced || (a.wish == wishPause && a.wishReason == reason) {
			s.Ignored++
			return
		}
		a.wish, a.wishReason, a.wishBack = wishPause, reason, back
		s.classify(a)
	}
}

func (s *State) agentSignedOut(a *agent, forced bool) {
	if a == nil || a.state == SignedOut {
		s.Ignored++
		return
	}
	switch {
	case a.state == Talking && forced: // the citizen is never cut off
		if a.wish == wishOutForced {
			s.Ignored++
			return
		}
		a.wish = wishOutForced
		s.classify(a)
	case a.state == Offered && forced:
		c := s.withdrawn(a, ReasonForced)
		s.signOut(a, ReasonForced)
		s.enqueue(c)
	case a.state == WrapUp && forced:
		s.account(a, s.now)
		a.served = nil
		s.signOut(a, ReasonForced)
	case a.state == Talking || a.state == Offered || a.state == WrapUp:
		if a.wish == wishOut || a.wish == wishOutForced {
			s.Ignored++
			return
		}
		a.wish = wishOut
		s.classify(a)
	case forced:
		s.signOut(a, ReasonForced)
	default:
		s.signOut(a, ReasonSignedOut)
	}
}

func (s *State) stationUp(a *agent) {
	if a == nil || (!a.stationDown && a.gone == 0) {
		s.Ignored++
		return
	}
	a.proved()
	if a.state == Unreachable {
		s.settle(a, ReasonStationUp, s.now)
	}
}

func (s *State) stationLost(id AgentID) {
	a := s.agents[id]
	if a == nil && id != "" {
		a = s.newAgent(id)
	}
	if a == nil || a.stationDown {
		s.Ignored++
		return
	}
	a.stationDown, a.retries = true, retriesDone
	if a.gone == 0 {
		a.gone = max(s.now, 1)
	}
	switch a.state {
	case Ready, SetAside, Unreachable:
		s.unreachable(a, ReasonStationDown)
	case Offered:
		a.call.queue.counts.Failed++
		s.withdraw(a, ReasonStationDown)
		c := s.closeOffer(a)
		s.settle(a, ReasonStationDown, s.now)
		s.enqueue(c)
	}
}

// setQueues lets a serve these queues and reports whether anything changed.
func (s *State) setQueues(a *agent, wanted []QueueID) bool {
	if slices.Equal(a.wanted, wanted) {
		return false
	}
	s.regroup(a, func() { a.wanted = slices.Clone(wanted) })
	return true
}

// link finds the queues that a wants, each once, in the order of wanted, and those
// that a may help for another body.
func (s *State) link(a *agent) {
	a.queues, a.helps = a.queues[:0], a.helps[:0]
	for _, id := range a.wanted {
		if q := s.queues[id]; q != nil && !q.removed && !slices.Contains(a.queues, q) {
			a.queues = append(a.queues, q)
		}
	}
	if a.home = s.body(a.said().Body); a.home != nil {
		for _, q := range a.home.borrowers {
			if !a.serves(q) {
				a.helps = append(a.helps, q)
			}
		}
	}
}

// said is what is known of a; body where it belongs, nil when nobody said.
func (a *agent) said() *AgentProfile { return &a.profile.said }
