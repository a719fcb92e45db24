package routing

import (
	"errors"
	"fmt"
	"slices"
)

// check tests every invariant of s between two calls of Apply. Decode refuses a State
// that fails it; the tests call it after each event. O(n log n).
func (s *State) check() error {
	var errs []error
	bad := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	inTime := func(times ...int64) bool {
		for _, t := range times {
			if t < 0 || t > latest+int64(4*longest) {
				return false
			}
		}
		return true
	}
	bad(inTime(s.now), "time %d is out of range", s.now)
	alarms, limits, open := 0, 0, 0
	members := map[*queue][classes]int{}
	nums := map[uint64]bool{}
	for id, a := range s.agents {
		bad(a.id == id, "agent %q is filed under %q", a.id, id)
		bad(a.num > 0 && a.num <= s.nextAgent && !nums[a.num], "agent %q: number %d is taken or out of range", id, a.num)
		nums[a.num] = true
		bad(inTime(a.since, a.until, a.back, a.idle, a.wishBack, a.gone, a.answered, a.resume, a.wrapEnd), "agent %q: a time is out of range", id)
		bad(a.retries >= 0 && a.retries <= retriesDone && a.misses >= 0 && a.wish <= wishOutForced, "agent %q: a counter is out of range", id)
		bad(a.class == s.classOf(a), "agent %q: counts as %d instead of %d", id, a.class, s.classOf(a))
		s.checkAgent(a, bad)
		if a.timer.index >= 0 {
			alarms++
			bad(inTime(a.timer.at) && a.timer.at > 0, "agent %q: alarm out of range", id)
		}
		if a.offer != 0 {
			open++
			bad(s.open[a.offer] == a && a.offer <= s.nextOffer, "agent %q: offer %d is not filed", id, a.offer)
		}
		s.checkBudget(a, bad)
		if a.limit.index >= 0 {
			limits++
		}
		for _, q := range a.queues {
			m := members[q]
			m[a.class]++
			members[q] = m
		}
	}
	bad(open == len(s.open), "%d offers are filed, %d open", len(s.open), open)
	arrivals := map[uint64]bool{}
	inTalk := map[*queue]int{}
	for id, c := range s.calls {
		bad(c.id == id, "call %q is filed under %q", c.id, id)
		bad(c.arrival > 0 && c.arrival <= s.nextArrival && !arrivals[c.arrival], "call %q: arrival %d is taken or out of range", id, c.arrival)
		arrivals[c.arrival] = true
		bad(inTime(c.since, c.entered, c.limit, c.check) && c.attempts >= 0 && c.estimate >= -1, "call %q: a figure is out of range", id)
		s.checkCall(c, bad)
		if c.fact.index >= 0 {
			limits++
		}
		if c.timer.index >= 0 {
			alarms++
			bad(inTime(c.timer.at) && c.timer.at > 0, "call %q: alarm out of range", id)
		}
		if c.state == talking {
			inTalk[c.queue]++
		}
	}
	bad(alarms == len(s.timers.heap), "%d alarms are set, %d in the heap", alarms, len(s.timers.heap))
	for _, b := range s.bodies {
		if b.alarm.index >= 0 {
			limits++
		}
		bad((b.blocked != 0) == (b.alarm.index >= 0) && !b.dirty, "body %q: blocked without a deadline, or still to be asked", b.id)
	}
	for key, p := range s.persons {
		bad(p.key == key && len(p.kept)+len(p.callbacks)+len(p.tasks) > 0, "caller: filed wrongly or for nothing")
		for _, t := range p.kept {
			limits++
			bad(t.alarm.index >= 0 && s.queues[t.queue.id] == t.queue, "a place is kept without end or in no queue")
		}
		for _, c := range p.callbacks {
			bad(c.virtual && c.caller == key && s.calls[c.id] == c, "a callback is filed wrongly")
		}
	}
	bad(len(s.loose) == 0 && len(s.lenders) == 0, "somebody is still to be looked after")
	bad(limits == len(s.limits.heap), "%d limits are set, %d in the heap", limits, len(s.limits.heap))
	for i, t := range s.timers.heap {
		bad(t.index == i, "alarm %d thinks it is %d", i, t.index)
		bad(i == 0 || !t.before(s.timers.heap[(i-1)/2]), "alarm %d rings before its parent", i)
	}
	for id, q := range s.queues {
		n := q.counts
		bad(q.talking == inTalk[q], "queue %q: %d talks counted, %d there", id, q.talking, inTalk[q])
		bad(q.members == members[q], "queue %q: members %v counted, %v there", id, q.members, members[q])
		s.checkLanes(q, bad)
		bad(n.Entered == uint64(q.waiting.len())+uint64(q.ringing.len())+n.Answered+n.Left+n.TimedOut+n.Nobody+n.Moved, "queue %q: entries do not add up: %+v", id, n)
		bad(n.Answered == uint64(q.talking)+n.Ended, "queue %q: talks do not add up: %+v", id, n)
		bad(n.Offers == uint64(q.ringing.len())+n.Answered+n.Missed+n.Busy+n.Declined+n.Failed+n.Withdrawn-n.Picked, "queue %q: offers do not add up: %+v", id, n)
		bad(q.handle >= 0 && q.handle <= latest, "queue %q: handling time out of range", id)
		bad(!q.dirty, "queue %q: is still to be asked", id)
		for i := 1; i < q.waiting.len(); i++ {
			bad(q.waiting.at(i-1).before(q.waiting.at(i)), "queue %q: waiting out of order at %d", id, i)
		}
		for i := 1; i < q.ringing.len(); i++ {
			bad(q.ringing.at(i-1).before(q.ringing.at(i)), "queue %q: ringing out of order at %d", id, i)
		}
		for i := 1; i < q.ready.len(); i++ {
			bad(q.ready.at(i-1).before(q.ready.at(i)), "queue %q: ready out of order at %d", id, i)
		}
	}
	if len(errs) > 8 {
		errs = append(errs[:8], fmt.Errorf("and %d more", len(errs)-8))
	}
	return errors.Join(errs...)
}

func (s *State) checkAgent(a *agent, bad func(bool, string, ...any)) {
	id, timed := a.id, a.timer.index >= 0
	bad(a.inReady == (a.state == Ready), "agent %q: %v and in the ready lines: %v", id, a.state, a.inReady)
	if a.inReady {
		for _, q := range a.queues {
			i := q.ready.rank(a)
			bad(i < q.ready.len() && q.ready.at(i) == a, "agent %q: misses in the ready line of %q", id, q.id)
		}
	}
	bad(a.answered == 0 || a.served != nil, "agent %q: answered for no queue", id)
	busy := a.state == Offered || a.state == Talking
	bad(busy == (a.on != ""), "agent %q: %v with call %q", id, a.state, a.on)
	bad(busy || (a.offer == 0 && a.call == nil), "agent %q: %v with offer %d", id, a.state, a.offer)
	bad(busy || a.state == WrapUp || a.wish == noWish, "agent %q: %v with a wish", id, a.state)
	bad(busy || a.state == WrapUp || (a.served == nil && a.answered == 0), "agent %q: %v with a queue served", id, a.state)
	switch a.state {
	case Offered:
		bad(a.offer != 0 && a.call != nil && a.call.agent == a && a.call.state == ringing && a.call.id == a.on, "agent %q: offer %d without its call", id, a.offer)
		bad(timed && a.until > 0 && !a.stationDown, "agent %q: rings without end", id)
	case Talking:
		bad(a.call == nil || (a.call.state == talking && a.call.id == a.on && (a.call.agent == a || a.call.also == a)), "agent %q: talks in a call that is elsewhere", id)
		bad(s.cfg.CheckEvery == 0 || timed, "agent %q: nobody asks after the talk", id)
	case WrapUp, SetAside, Unreachable:
		bad(timed && a.until > 0, "agent %q: %v without end", id, a.state)
	case Ready:
		bad(!timed && !a.stationDown, "agent %q: ready with an alarm or without a station", id)
	case Paused, SignedOut:
	default:
		bad(false, "agent %q: state %d does not exist", id, a.state)
	}
}

// checkBudget: nobody who has used up the live time of the week waits for a call.
func (s *State) checkBudget(a *agent, bad func(bool, string, ...any)) {
	b := a.budget
	if b == nil {
		bad(!a.limited && a.limit.index < 0, "agent %q: limited without a budget", a.id)
		return
	}
	left := b.left
	if a.state.live() {
		left -= s.now - b.mark
	}
	bad(s.now < b.weekEnds, "agent %q: the week of the budget is over", a.id)
	bad(left > b.reserve || a.state != Ready && a.state != SetAside, "agent %q: %v with %d ns left", a.id, a.state, left)
	bad(left <= b.reserve || !a.limited, "agent %q: held back with %d ns left", a.id, left)
	bad(!a.limited || a.state == Paused, "agent %q: %v and held back", a.id, a.state)
	bad(b.weekEnds == never || a.limit.index >= 0, "agent %q: a budget without a deadline", a.id)
}

func (s *State) checkCall(c *call, bad func(bool, string, ...any)) {
	q := c.queue
	timed := c.timer.index >= 0
	switch c.state {
	case waiting:
		s.checkPlace(c, bad)
		i := q.waiting.rank(c)
		bad(i < q.waiting.len() && q.waiting.at(i) == c, "call %q: misses in the line of %q", c.id, q.id)
		bad(c.agent == nil && c.also == nil, "call %q: waits with an agent", c.id)
		bad(timed == (c.limit != 0 || c.check != 0), "call %q: waits with the wrong alarm", c.id)
	case ringing:
		i := q.ringing.rank(c)
		bad(i < q.ringing.len() && q.ringing.at(i) == c, "call %q: misses among the ringing of %q", c.id, q.id)
		bad(c.agent != nil && c.agent.call == c && c.agent.state == Offered && c.also == nil && !timed, "call %q: rings at nobody", c.id)
	case booked:
		bad(c.virtual && timed && c.agent == nil, "call %q: booked without a time", c.id)
	case talking:
		bad(c.agent != nil && c.agent.call == c && c.agent.state == Talking && !timed, "call %q: talks with nobody", c.id)
		bad(c.also == nil || (c.also.call == c && c.also.state == Talking && c.also != c.agent), "call %q: the second agent is elsewhere", c.id)
	}
}

// checkLanes: nobody waits beside an agent who may take the call, or without anybody
// to hope for, and the counts are those of a plain walk.
func (s *State) checkLanes(q *queue, bad func(bool, string, ...any)) {
	stood, late := 0, 0
	for i := range q.waiting.len() {
		if q.waiting.at(i).late {
			late++
		}
	}
	bad(late == q.late, "queue %q: %d past the target counted, %d there", q.id, q.late, late)
	for _, f := range q.families {
		var members [classes]int
		for _, a := range s.agents {
			if (a.serves(q) || a.helpsIn(q)) && judge(f.last(), a.said()) == canTake {
				members[a.class]++
			}
		}
		bad(members == f.members, "queue %q: family %q %s has members %v, counted %v", q.id, f.language, f.sign, members, f.members)
		for i := range f.lanes {
			l := &f.lanes[i]
			stood += l.waiting.len()
			bad((l.waiting.len() > 0) == (l.place >= 0) && (l.place < 0 || l.place < len(q.active) && q.active[l.place] == l), "queue %q: a lane is not filed", q.id)
			if l.waiting.len() == 0 {
				continue
			}
			for _, a := range q.ready.all() {
				bad(judge(l, a.said()) != canTake, "queue %q: %d calls wait beside agent %q, who is ready and may take them", q.id, l.waiting.len(), a.id)
			}
			bad(s.lent(l) == nil, "queue %q: %d calls wait though another body can lend an agent", q.id, l.waiting.len())
			head := l.waiting.at(0)
			bad(f.there() || head.virtual, "queue %q: %d calls wait and nobody is there", q.id, l.waiting.len())
		}
	}
	for i := range q.waiting.len() {
		if c := q.waiting.at(i); c.preferUntil != 0 {
			stood++
		}
	}
	bad(stood == q.waiting.len(), "queue %q: %d calls wait, %d in lanes", q.id, q.waiting.len(), stood)
}

// checkPlace: c stands in the lane that it should, or is held for an agent who is there.
func (s *State) checkPlace(c *call, bad func(bool, string, ...any)) {
	bad(c.stage == c.queue.stageAt(c.relaxFrom, s.now), "call %q: stage %d", c.id, c.stage)
	if c.preferUntil == 0 {
		l := c.lane()
		i := l.waiting.rank(c)
		bad(i < l.waiting.len() && l.waiting.at(i) == c, "call %q: misses in its lane", c.id)
		return
	}
	p := s.holder(c)
	bad(p != nil && slices.Contains(p.own, c) && p.state != Ready, "call %q: held for nobody, or for somebody who is ready", c.id)
}
