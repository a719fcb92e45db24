package routing

import (
	"slices"
	"time"
)

// person is what the router keeps about somebody who called: places of calls that
// dropped, callbacks that wait, tasks for attempts that were lost.
type person struct {
	key       string
	kept      []*ticket
	callbacks []*call
	tasks     []task
}

// ticket keeps the place of a call whose caller left the line.
type ticket struct {
	person    *person
	num       uint64
	call      CallID
	queue     *queue
	since     int64
	relaxFrom int64
	head      bool
	alarm     alarm // until when the place is kept
}

// task is an attempt that was lost: somebody has to call back.
type task struct {
	call   CallID
	queue  QueueID
	body   string
	reason Reason
	at     int64
	due    int64
}

// person finds or makes the record of a caller; nil for nobody in particular.
func (s *State) person(key string) *person {
	if key == "" {
		return nil
	}
	p := s.persons[key]
	if p == nil {
		p = &person{key: key}
		s.persons[key] = p
	}
	return p
}

// tidy forgets p when nothing is kept about it.
func (s *State) tidy(p *person) {
	if p != nil && len(p.kept)+len(p.callbacks)+len(p.tasks) == 0 {
		delete(s.persons, p.key)
	}
}

// callerLeft: c, which still waited or rang, is lost. Its place is kept for a while, and
// somebody is to call back.
func (s *State) callerLeft(c *call, reason string) {
	if c.caller == "" || c.virtual {
		return
	}
	q := c.queue
	if q.cfg.KeepPlace > 0 && !q.removed {
		s.nextTicket++
		t := &ticket{person: s.person(c.caller), num: s.nextTicket, call: c.id, queue: q, since: c.since, relaxFrom: c.relaxFrom, head: c.head}
		t.alarm = alarm{index: -1, ticket: t}
		t.person.kept = append(t.person.kept, t)
		s.limits.set(&t.alarm, s.now+int64(q.cfg.KeepPlace))
	}
	if reason == "" {
		reason = string(ReasonCallerLeft)
	}
	s.lost(task{call: c.id, queue: q.id, body: q.cfg.Body, reason: Reason(reason)}, c.caller, int64(q.cfg.TaskWithin))
}

// lost makes a task, unless the caller has asked to be called back already.
func (s *State) lost(t task, caller string, within int64) {
	if within <= 0 {
		return
	}
	p := s.person(caller)
	for _, c := range p.callbacks {
		if sameOffice(c.queue.id, c.queue.cfg.Body, t) {
			return
		}
	}
	for _, x := range p.tasks {
		if x.call == t.call {
			return
		}
	}
	t.at, t.due = s.now, s.now+within
	p.tasks = append(p.tasks, t)
	s.emit(Decision{Kind: CallbackTask, Call: t.call, Queue: t.queue, Reason: t.reason, Until: moment(t.due)}).Caller = caller
}

// sameOffice says whether service by queue (of body) answers t: the same body, or the
// same queue where there is no body.
func sameOffice(queue QueueID, body string, t task) bool {
	return body == t.body && (body != "" || queue == t.queue)
}

// dropTicket ends the keeping of a place.
func (s *State) dropTicket(t *ticket) {
	s.limits.stop(&t.alarm)
	t.person.kept = slices.DeleteFunc(t.person.kept, func(x *ticket) bool { return x == t })
	s.tidy(t.person)
}

// takePlace gives c, a new call of a caller, the place that is kept in q: of a call
// that dropped, or of a callback that waits.
func (s *State) takePlace(c *call, q *queue) (relaxFrom int64) {
	p := s.persons[c.caller]
	if p == nil {
		return 0
	}
	var former CallID
	take := func(id CallID, since, relax int64, head bool) {
		if former == "" || since < c.since {
			former, relaxFrom = id, relax
			c.since = min(c.since, since)
		}
		c.head = c.head || head
	}
	for len(p.kept) > 0 {
		i := slices.IndexFunc(p.kept, func(t *ticket) bool { return t.queue == q })
		if i < 0 {
			break
		}
		t := p.kept[i]
		take(t.call, t.since, t.relaxFrom, t.head)
		s.dropTicket(t)
	}
	for _, v := range slices.Clone(p.callbacks) {
		if v.queue == q && v.state == waiting {
			take(v.id, v.since, v.relaxFrom, v.head)
			s.step(v)
			q.counts.Moved++
			s.cleared(v.id, q.id, p.key, c.id, ReasonCameBack)
			s.forget(v)
		}
	}
	if former != "" {
		d := s.emit(Decision{Kind: PlaceKept, Call: c.id, Queue: q.id, Other: former})
		d.Since, d.Caller = moment(c.since), c.caller
	}
	s.tidy(p)
	return relaxFrom
}

func (s *State) cleared(id CallID, q QueueID, caller string, by CallID, reason Reason) {
	s.emit(Decision{Kind: TaskCleared, Call: id, Queue: q, Reason: reason, Other: by}).Caller = caller
}

// callerServed: somebody talks with the caller of c. What was to be done for the caller
// at this body is done.
func (s *State) callerServed(c *call) {
	p := s.persons[c.caller]
	if p == nil {
		return
	}
	q := c.queue
	p.tasks = slices.DeleteFunc(p.tasks, func(t task) bool {
		if !sameOffice(q.id, q.cfg.Body, t) {
			return false
		}
		s.cleared(t.call, t.queue, p.key, c.id, ReasonServed)
		return true
	})
	for _, t := range slices.Clone(p.kept) {
		if t.queue == q {
			s.dropTicket(t)
		}
	}
	for _, v := range slices.Clone(p.callbacks) {
		if v == c || v.state == talking || v.state == ringing || !sameOffice(q.id, q.cfg.Body, task{queue: v.queue.id, body: v.queue.cfg.Body}) {
			continue
		}
		if v.state == waiting {
			s.step(v)
			v.queue.counts.Left++
		}
		s.cleared(v.id, v.queue.id, p.key, c.id, ReasonServed)
		s.forget(v)
	}
	s.tidy(p)
}

// callbackWanted: the caller hangs up and is called back in the true turn.
func (s *State) callbackWanted(e CallbackWanted) {
	c := s.calls[e.Call]
	if c == nil || c.virtual || e.As == "" || s.calls[e.As] != nil || c.state != waiting && c.state != ringing {
		s.Ignored++
		return
	}
	var freed *agent
	if c.state == ringing {
		freed = c.agent
		s.withdrawn(freed, ReasonCallback)
	} else {
		s.step(c)
		s.timers.stop(&c.timer)
	}
	delete(s.calls, c.id)
	s.calls[e.As] = c
	c.id, c.virtual, c.limit, c.check, c.asked, c.preferUntil = e.As, true, 0, 0, false, 0
	if e.Caller != "" {
		c.caller = e.Caller
	}
	s.addCallback(c)
	d := s.emit(Decision{Kind: CallbackWaits, Call: c.id, Queue: c.queue.id, Other: e.Call})
	d.Since, d.Caller = moment(c.since), c.caller
	s.enqueue(c)
	if freed != nil {
		s.settle(freed, ReasonCallback, freed.idle)
	}
}

func (s *State) addCallback(c *call) {
	if p := s.person(c.caller); p != nil {
		p.callbacks = append(p.callbacks, c)
	}
}

// callbackBooked: a call back at or after a time; then it stands in line from that time.
func (s *State) callbackBooked(e CallbackBooked) {
	q := s.queueNamed(e.Queue)
	if e.Call == "" || q == nil || s.calls[e.Call] != nil {
		if q == nil && e.Call != "" && s.calls[e.Call] == nil {
			s.emit(Decision{Kind: NobodyThere, Call: e.Call, Queue: e.Queue, Reason: ReasonUnknownQueue})
			return
		}
		s.Ignored++
		return
	}
	c := s.newCall(e.Call)
	c.queue, c.virtual, c.caller, c.priority, c.language = q, true, e.Caller, boundedPriority(e.Priority), e.Language
	if len(e.Skills) > 0 {
		c.skills = boundedLevels(e.Skills)
		c.sign = signature(c.skills)
	}
	c.prefer, c.entered = e.Prefer, s.now
	if e.PreferFor > 0 && e.Prefer != "" {
		c.preferFor = int64(bounded(e.PreferFor, 0))
	}
	s.addCallback(c)
	due := s.now
	if !e.Due.IsZero() {
		due = max(due, nanos(e.Due))
	}
	d := s.emit(Decision{Kind: CallbackWaits, Call: c.id, Queue: q.id, Until: moment(due)})
	d.Caller = c.caller
	c.state = booked
	q.booked++
	if due > s.now {
		s.timers.set(&c.timer, due)
		return
	}
	s.bookingDue(c)
}

// bookingDue: the time of a booked callback has come.
func (s *State) bookingDue(c *call) {
	q := c.queue
	q.booked--
	c.state, c.since = waiting, s.now
	if q.removed {
		s.emit(Decision{Kind: NobodyThere, Call: c.id, Queue: q.id, Reason: ReasonQueueRemoved})
		s.forget(c)
		return
	}
	if c.preferFor > 0 {
		c.preferUntil = s.now + c.preferFor
	}
	d := s.emit(Decision{Kind: CallbackDue, Call: c.id, Queue: q.id})
	d.Caller = c.caller
	s.place(c, q, s.now)
}

func (s *State) attemptLost(e AttemptLost) {
	within := int64(bounded(e.Within, 0))
	body := e.Body
	if q := s.queues[e.Queue]; q != nil {
		if within == 0 {
			within = int64(q.cfg.TaskWithin)
		}
		if body == "" {
			body = q.cfg.Body
		}
	}
	if e.Call == "" || e.Caller == "" || within == 0 {
		s.Ignored++
		return
	}
	reason := Reason(e.Reason)
	if reason == "" {
		reason = ReasonCallerLeft
	}
	s.lost(task{call: e.Call, queue: e.Queue, body: body, reason: reason}, e.Caller, within)
}

func (s *State) taskDone(e TaskDone) {
	if p := s.persons[e.Caller]; p != nil {
		if i := slices.IndexFunc(p.tasks, func(t task) bool { return t.call == e.Call }); i >= 0 {
			t := p.tasks[i]
			p.tasks = slices.Delete(p.tasks, i, i+1)
			s.cleared(t.call, t.queue, p.key, "", ReasonDone)
			s.tidy(p)
			return
		}
	}
	s.Ignored++
}

func (s *State) callbackReached(e CallbackReached) {
	c := s.calls[e.Call]
	if c == nil || !c.virtual || c.state != talking || c.reached {
		s.Ignored++
		return
	}
	c.reached = true
	s.callerServed(c)
}

// TaskView is a callback task that is open.
type TaskView struct {
	Call   CallID    `json:"call"` // the attempt that was lost
	Queue  QueueID   `json:"queue,omitempty"`
	Body   string    `json:"body,omitempty"`
	Caller string    `json:"caller"`
	Reason Reason    `json:"reason"`
	At     time.Time `json:"at"`
	Due    time.Time `json:"due"`
}

// Tasks are the open callback tasks, by due time.
func (s *State) Tasks() []TaskView {
	var out []TaskView
	for _, p := range s.persons {
		for _, t := range p.tasks {
			out = append(out, TaskView{t.call, t.queue, t.body, p.key, t.reason, moment(t.at), moment(t.due)})
		}
	}
	slices.SortFunc(out, func(a, b TaskView) int {
		if n := a.Due.Compare(b.Due); n != 0 {
			return n
		}
		if a.Call < b.Call {
			return -1
		}
		return 1
	})
	return out
}
