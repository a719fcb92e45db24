package routing

import "time"

// The weekly limit of live service (clause R-2.6-36h). The router spends what
// [AgentBudget] gave it: time in Ready, Offered, Talking, WrapUp and SetAside. No
// offer begins when not more than the reserve is left; nothing that runs is cut.

// ClauseWeek is the clause that limits a person's live service to 36 hours a week.
const ClauseWeek = "R-2.6-36h"

const weekLong = int64(7 * 24 * time.Hour)

// budget is what an agent may still spend. All in nanoseconds.
type budget struct {
	left     int64 // of the week that contains mark, at mark; below 0 when overrun
	mark     int64 // up to when time has been charged
	weekEnds int64 // never when nobody said
	nextLeft int64 // of the week after
	reserve  int64
}

// live says whether time in the state is live service.
func (a AgentState) live() bool {
	switch a {
	case Ready, Offered, Talking, WrapUp, SetAside:
		return true
	}
	return false
}

// charge brings b up to now; the time since mark was live service or not. A week
// that has turned in between begins with nextLeft.
func (b *budget) charge(live bool, now int64) {
	if now >= b.weekEnds {
		b.mark = b.weekEnds + (now-b.weekEnds)/weekLong*weekLong
		b.weekEnds, b.left = b.mark+weekLong, b.nextLeft
	}
	if live {
		b.left -= now - b.mark
	}
	b.mark = now
}

// spent says whether a must not be offered a call. The budget is charged up to now.
func (s *State) spent(a *agent) bool {
	b := a.budget
	if b == nil {
		return false
	}
	b.charge(a.state.live(), s.now)
	return b.left <= b.reserve
}

// armLimit sets the alarm of the budget: the turn of the week, or the moment at which
// an agent without a call has used up what may be used.
func (s *State) armLimit(a *agent) {
	b := a.budget
	at := b.weekEnds
	if a.state == Ready || a.state == SetAside {
		at = min(at, b.mark+max(b.left-b.reserve, 0))
	}
	if at == never {
		s.limits.stop(&a.limit)
		return
	}
	s.limits.set(&a.limit, at)
}

// weigh36 brings the state of a into line with its budget and arms it anew.
func (s *State) weigh36(a *agent) {
	switch spent := s.spent(a); {
	case spent && (a.state == Ready || a.state == SetAside):
		s.pauseLimited(a)
	case !spent && a.limited:
		s.settle(a, ReasonBudget, s.now)
	}
	s.armLimit(a)
	s.rouse(a) // the week may have turned while the phone rings
}

func (s *State) pauseLimited(a *agent) {
	s.pause(a, ReasonWeeklyLimit, 0)
	a.limited = true
}

// holdBack keeps a, who would become ready, out of service when the live time is used
// up; false when it is not. asked: the agent wished for it.
func (s *State) holdBack(a *agent, asked bool) bool {
	if !s.spent(a) {
		return false
	}
	if c := s.bestCall(a).call; c != nil {
		s.refuse(a, c, ClauseWeek, ReasonWeeklyLimit)
	} else if asked {
		s.emit(Decision{Kind: Refused, Agent: a.id, Clause: ClauseWeek, Reason: ReasonWeeklyLimit})
	}
	if !a.limited {
		s.pauseLimited(a)
	}
	return true
}

func (s *State) agentBudget(e AgentBudget) {
	if e.Agent == "" {
		s.Ignored++
		return
	}
	a := s.agents[e.Agent]
	if a == nil {
		a = s.newAgent(e.Agent)
	}
	b := &budget{
		left: clampDuration(e.Left), mark: s.now, weekEnds: never,
		nextLeft: clampDuration(e.NextLeft), reserve: int64(bounded(e.Reserve, 0)),
	}
	if !e.WeekEnds.IsZero() {
		b.weekEnds = nanos(e.WeekEnds)
	}
	a.budget = b
	s.weigh36(a)
}

// clampDuration keeps d within 30 days either way.
func clampDuration(d time.Duration) int64 { return int64(min(max(d, -longest), longest)) }
