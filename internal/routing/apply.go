package routing

import "time"

// Apply tells the State that ev happened at now and returns what follows from it, in
// order. It changes s in place, never panics on any order of events and is
// deterministic. After ev it also does everything whose time has come, so an answer
// that arrives together with the end of its ring time still counts.
//
// A now before one seen earlier counts as that one. Give it a clock that does not
// jump: wall-clock time read once and carried on by the monotonic clock.
//
// The returned slice is valid until the next Apply on s; the Decisions in it are
// plain values.
func Apply(s *State, ev Event, now time.Time) []Decision {
	s.now = max(s.now, nanos(now))
	s.out = s.out[:0]
	s.facts()
	s.handle(ev)
	s.match()
	s.due()
	s.facts()
	s.tellNobody()
	for len(s.loose)+len(s.lenders) > 0 {
		s.match()
		s.tellNobody()
	}
	s.sweep()
	return s.out
}

// facts takes note of everything that time alone has brought: calls that ask for less
// or are past their target, bodies that lend again, budgets that are used up or new.
// It runs before an event is looked at, so that a late tick changes no choice.
func (s *State) facts() {
	for t := s.limits.first(); t != nil && t.at <= s.now; t = s.limits.first() {
		switch {
		case t.call != nil:
			s.factDue(t.call)
		case t.ticket != nil:
			s.dropTicket(t.ticket)
		case t.body != nil:
			t.body.blocked = 0
			s.limits.stop(t)
			s.mayLend(t.body)
		default:
			s.limits.stop(t)
			s.weighing = append(s.weighing, t.agent)
		}
	}
	for _, spent := range [...]bool{true, false} {
		for _, a := range s.weighing {
			if s.spent(a) == spent {
				s.weigh36(a)
			}
		}
	}
	clear(s.weighing)
	s.weighing = s.weighing[:0]
	s.match()
}

// match finds agents for calls that may have more of them than before.
func (s *State) match() {
	s.findLoose()
	s.lend()
}

func (s *State) handle(ev Event) {
	switch e := ev.(type) {
	case Tick:
	case CallQueued:
		s.callQueued(e)
	case CallLeft:
		s.callLeft(e)
	case OfferAnswered:
		s.offerAnswered(e.Offer)
	case OfferFailed:
		s.offerFailed(e)
	case TalkEnded:
		if a := s.agents[e.Agent]; a != nil && a.state == Talking && a.on == e.Call {
			s.endTalk(a, e.Lost)
			return
		}
		s.Ignored++
	case WrapUpDone:
		if a := s.agents[e.Agent]; a != nil && a.state == WrapUp {
			s.endWrapUp(a, ReasonWrapUpDone, s.now)
			return
		}
		s.Ignored++
	case WrapUpExtended:
		s.extendWrapUp(e)
	case AgentReady:
		s.agentReady(s.agents[e.Agent])
	case AgentPaused:
		s.agentPaused(s.agents[e.Agent], e)
	case AgentSignedIn:
		s.agentSignedIn(e)
	case AgentSignedOut:
		s.agentSignedOut(s.agents[e.Agent], e.Forced)
	case AgentTaken:
		s.agentTaken(s.agents[e.Agent], e.Call)
	case StationUp:
		s.stationUp(s.agents[e.Agent])
	case StationDown:
		s.stationLost(e.Agent)
	case StillHere:
		s.stillHere(e)
	case AgentProfile:
		s.agentProfile(e)
	case AgentBudget:
		s.agentBudget(e)
	case CallbackWanted:
		s.callbackWanted(e)
	case CallbackBooked:
		s.callbackBooked(e)
	case CallbackReached:
		s.callbackReached(e)
	case AttemptLost:
		s.attemptLost(e)
	case TaskDone:
		s.taskDone(e)
	case Configured:
		s.configured(e)
	case QueueChanged:
		s.queueChanged(e)
	default:
		s.Ignored++
	}
}

// due does everything whose time has come, earliest first. It ends: whatever it
// starts anew lasts at least a second.
func (s *State) due() {
	for t := s.timers.first(); t != nil && t.at <= s.now; t = s.timers.first() {
		at := t.at
		s.timers.stop(t)
		if t.agent != nil {
			s.agentDue(t.agent, at)
		} else {
			s.callDue(t.call)
		}
		s.match()
	}
}

func (s *State) emit(d Decision) *Decision {
	s.out = append(s.out, d)
	return &s.out[len(s.out)-1]
}
