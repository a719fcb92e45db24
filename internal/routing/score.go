package routing

import (
	"math/bits"
	"time"
)

// Score makes one figure of priority and waiting time:
// Base + priority × PerPriority + waited seconds × PerSecond, and Head for who lost
// an agent. The zero value keeps the plain order: higher priority, Head, longer wait.
//
// The figure of every call of a queue grows at the same rate, so the order inside a
// queue never changes while calls stand there. Between queues of different rates it
// does; there the figures are compared, exactly, at the moment of each choice.
type Score struct {
	Base        int `json:"base,omitempty"`
	PerPriority int `json:"per_priority,omitempty"` // 0 to 1e9
	PerSecond   int `json:"per_second,omitempty"`   // 0 to 1e6
	Head        int `json:"head,omitempty"`         // 0 means 1e9
}

const (
	maxPriority  = 1 << 20 // higher and lower ones count as this
	scoreOffset  = 1 << 61 // keeps every figure above zero
	plainLevel   = 1 << 40 // a step of priority where there is no score: more than any wait in seconds
	plainHead    = 1 << 39
	scoreHead    = 1_000_000_000
	scoreSeconds = uint64(time.Second)
)

func (sc Score) scored() bool { return sc != Score{} }

func (sc Score) withDefaults() Score {
	if !sc.scored() {
		return sc
	}
	sc.Base = min(max(sc.Base, -1_000_000_000), 1_000_000_000)
	sc.PerPriority = min(max(sc.PerPriority, 0), 1_000_000_000)
	sc.PerSecond = min(max(sc.PerSecond, 0), 1_000_000)
	if sc.Head = min(max(sc.Head, 0), 1_000_000_000); sc.Head == 0 {
		sc.Head = scoreHead
	}
	return sc
}

// points of c without its wait, above zero, and what each second adds.
func (c *call) points() (points, rate uint64) {
	sc := &c.queue.cfg.Score
	p, head, per := int64(plainLevel), int64(plainHead), int64(1)
	if sc.scored() {
		p, head, per = int64(sc.PerPriority), int64(sc.Head), int64(sc.PerSecond)
	}
	n := scoreOffset + int64(sc.Base) + int64(c.priority)*p
	if c.head {
		n += head
	}
	return uint64(n), uint64(per)
}

// score of c at a moment not before c.since, in billionths of a point: 128 bits.
func (c *call) score(at int64) (hi, lo uint64) {
	p, rate := c.points()
	hi, lo = bits.Mul64(p, scoreSeconds)
	h, l := bits.Mul64(rate, uint64(at-c.since))
	lo, carry := bits.Add64(lo, l, 0)
	hi, _ = bits.Add64(hi, h, carry)
	return hi, lo
}

// shown is the score of c at a moment for people to read; 0 where there is no score.
func (c *call) shown(at int64) int64 {
	if !c.queue.cfg.Score.scored() {
		return 0
	}
	hi, lo := c.score(at)
	n, _ := bits.Div64(hi, lo, scoreSeconds)
	return int64(n) - scoreOffset
}

// compareScore is above 0 when c has more points than d at that moment.
func compareScore(c, d *call, at int64) int {
	ch, cl := c.score(at)
	dh, dl := d.score(at)
	switch {
	case ch != dh:
		if ch > dh {
			return 1
		}
		return -1
	case cl != dl:
		if cl > dl {
			return 1
		}
		return -1
	}
	return 0
}

// compare orders two calls at now for a: below 0 when c comes before d, together with
// the rule that decides. a may be nil: then nobody's own callers come first.
func (s *State) compare(c, d *call, a *agent) (int, Rule) {
	first := func(is bool, r Rule) (int, Rule) {
		if is {
			return -1, r
		}
		return 1, r
	}
	if c.queue != d.queue {
		if e := c.queue.cfg.Emergency; e != d.queue.cfg.Emergency {
			return first(e, ByEmergency)
		}
		if a != nil && len(a.helps) > 0 {
			if own := a.serves(c.queue); own != a.serves(d.queue) {
				return first(own, ByOwnBody)
			}
		}
		if s.sharing && c.queue.body != d.queue.body {
			if over := s.over(c.queue.body); over != s.over(d.queue.body) {
				return first(!over, ByShare)
			}
		}
	}
	if c.queue.cfg.Score.scored() || d.queue.cfg.Score.scored() {
		if n := compareScore(c, d, max(s.now, c.since, d.since)); n != 0 {
			return first(n > 0, ByScore)
		}
	}
	return first(c.plainBefore(d), plainRule(c, d))
}

// before is the order inside one queue, which never changes.
func (c *call) before(d *call) bool {
	if c.queue != nil && c.queue == d.queue && c.queue.cfg.Score.scored() {
		if n := compareScore(c, d, max(c.since, d.since)); n != 0 {
			return n > 0
		}
	}
	return c.plainBefore(d)
}

// plainBefore is the order without scores.
func (c *call) plainBefore(d *call) bool {
	if c.priority != d.priority {
		return c.priority > d.priority
	}
	if c.head != d.head {
		return c.head
	}
	if c.since != d.since {
		return c.since < d.since
	}
	return c.arrival < d.arrival
}

// plainRule is the rule by which c and d differ without scores.
func plainRule(c, d *call) Rule {
	switch {
	case c.priority != d.priority:
		return ByPriority
	case c.head != d.head:
		return ByHead
	case c.since != d.since:
		return BySince
	}
	return ByArrival
}
