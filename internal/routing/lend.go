package routing

import "time"

// BodyConfig is how a body shares its agents with others.
type BodyConfig struct {
	// Keep ready agents for the body's own callers: fewer are not lent below.
	Keep int `json:"keep,omitempty"`
	// Recover is how long nobody is lent after an own caller waited longer than the
	// Target of the queue while its level stands below TargetShare. 0 means 5 min.
	Recover time.Duration `json:"recover_ns,omitempty"`
	// Share is the body's weight in the time of agents who serve several bodies; 0
	// takes no part.
	Share int `json:"share,omitempty"`
}

// body is a state body: its queues, its agents who wait for a call, what it lends.
type body struct {
	id        string
	cfg       BodyConfig
	ready     line[*agent] // by profile
	queues    []*queue
	borrowers []*queue // queues of others that its agents may help
	blocked   int64    // nobody is lent before; 0 when not
	alarm     alarm    // of blocked
	dirty     bool     // something may be lent again

	bucket, spentNow, spentBefore int64 // handling in the present window and the one before, ms
	over                          bool  // more than its share; see State.over
}

// body finds or makes the body of that name; nil for none.
func (s *State) body(id string) *body {
	if id == "" {
		return nil
	}
	b := s.bodies[id]
	if b == nil {
		b = &body{id: id, cfg: s.cfg.Bodies[id].withDefaults()}
		b.alarm = alarm{index: -1, body: b}
		s.bodies[id] = b
	}
	return b
}

func (c BodyConfig) withDefaults() BodyConfig {
	c.Keep = min(max(c.Keep, 0), 1_000_000)
	c.Recover = orDefault(c.Recover, 5*time.Minute, time.Second)
	c.Share = min(max(c.Share, 0), 1_000_000)
	return c
}

// lends says whether b, with so many of its agents ready after it, may lend one: no
// own caller is past the target, none was lately while the level is low, and enough
// stay. Emergency calls are not asked.
func (b *body) lends(left int) bool {
	if b.blocked != 0 || left < b.cfg.Keep {
		return false
	}
	for _, q := range b.queues {
		if q.late > 0 {
			return false
		}
	}
	return true
}

// mayBorrow says whether the calls of l may have an agent of b.
func (l *lane) mayBorrow(b *body, left int) bool {
	for _, x := range l.stage.bodies {
		if x == b {
			return l.family.queue.cfg.Emergency || b.lends(left)
		}
	}
	return false
}

// protects says whether the wait of c for its target keeps agents from being lent.
func (c *call) protects() bool {
	q := c.queue
	return q.cfg.Target > 0 && q.body != nil && len(q.body.borrowers) > 0 && !c.virtual
}

// watch sets the alarm of c, who waits, for its next stage and its target.
func (s *State) watch(c *call) {
	at := never
	if c.protects() && !c.late {
		if at = c.entered + int64(c.queue.cfg.Target); at <= s.now {
			c.late = true
			c.queue.late++
			at = never
		}
	}
	if next := c.nextStage(); next != 0 {
		at = min(at, next)
	}
	if at == never {
		s.limits.stop(&c.fact)
		return
	}
	s.limits.set(&c.fact, at)
}

func (s *State) unwatch(c *call) {
	s.limits.stop(&c.fact)
	if c.late {
		c.late = false
		if c.queue.late--; c.queue.late == 0 {
			s.mayLend(c.queue.body)
		}
	}
}

// factDue: c has waited until its target, or until it asks for less. It looks for an
// agent once all such facts are known.
func (s *State) factDue(c *call) {
	if next := c.nextStage(); next == 0 || next > s.now {
		s.watch(c)
		return
	}
	s.step(c)
	if c.preferUntil <= s.now {
		c.preferUntil = 0
	}
	s.stand(c)
	s.loose = append(s.loose, c)
}

// fullLevel is the level of a queue that kept every target, in millionths.
const fullLevel = 1_000_000

// judgeTarget counts the wait of c, which ends now, for the level of its queue, and
// stops lending when the level is too low.
func (s *State) judgeTarget(c *call) {
	q := c.queue
	if q.cfg.Target == 0 || c.virtual {
		return
	}
	kept := s.now-c.entered <= int64(q.cfg.Target)
	level := int64(0)
	if kept {
		level = fullLevel
	}
	q.level = weigh(q.level, level)
	if b := q.body; b != nil && !kept && q.level < int64(q.cfg.TargetShare)*(fullLevel/1000) && len(b.borrowers) > 0 {
		b.blocked = s.now + int64(b.cfg.Recover)
		s.limits.set(&b.alarm, b.blocked)
	}
}

// judgeLost counts a caller who left after the target as one who was not answered in
// time.
func (s *State) judgeLost(c *call) {
	if t := int64(c.queue.cfg.Target); t > 0 && s.now-c.entered > t {
		s.judgeTarget(c)
	}
}

// mayLend has b asked at the end of Apply whether it can lend again.
func (s *State) mayLend(b *body) {
	if b != nil && !b.dirty && len(b.borrowers) > 0 {
		b.dirty = true
		s.lenders = append(s.lenders, b)
	}
}

// lend gives agents of lenders who may lend again to callers who wait for them.
func (s *State) lend() {
	for i := 0; i < len(s.lenders); i++ {
		b := s.lenders[i]
		s.lenders[i] = nil
		b.dirty = false
		for b.ready.len() > 0 {
			c := s.bestBorrower(b)
			if c == nil || !s.find(c, true) {
				break
			}
		}
	}
	s.lenders = s.lenders[:0]
}

// bestBorrower is the best call that waits for an agent of b and can have one now.
func (s *State) bestBorrower(b *body) *call {
	var best *call
	for _, q := range b.borrowers {
		for _, l := range q.active {
			if !l.mayBorrow(b, b.ready.len()-1) {
				continue
			}
			if c := l.waiting.at(0); best == nil || s.sooner(c, best, nil) {
				if s.lent(l) != nil {
					best = c
				}
			}
		}
	}
	return best
}

// lent is the longest-idle agent of another body for a call of l; nil when none can
// be had.
func (s *State) lent(l *lane) *agent {
	var best *agent
	for _, b := range l.stage.bodies {
		if b.ready.len() == 0 || !l.mayBorrow(b, b.ready.len()-1) {
			continue
		}
		for _, a := range b.ready.all() {
			if best != nil && !a.before(best) {
				break
			}
			if !a.serves(l.family.queue) && s.verdict(l, a.profile) == canTake {
				best = a
				break
			}
		}
	}
	return best
}

// sooner says whether c comes before d; see compare.
func (s *State) sooner(c, d *call, a *agent) bool {
	n, _ := s.compare(c, d, a)
	return n < 0
}
