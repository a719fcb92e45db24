package routing

import "time"

// ExpectedWait of a call from now until an agent answers, from the real state: the
// handling time of everybody who comes before it and needs the same agents, its own
// queue's and those that share agents with it, ÷ the agents who work and could take it.
// QueueView.ErrorMean and ErrorAbs say how far off it was. False when no such agent
// works or the call does not wait. O(families + queues that share agents), each with a
// binary search.
func (s *State) ExpectedWait(id CallID, _ time.Time) (time.Duration, bool) {
	c := s.calls[id]
	if c == nil || c.state == talking || c.state == booked {
		return 0, false
	}
	return s.expect(c)
}

// expect is the wait that is expected of c, who stands in its queue or is about to.
// Whole milliseconds, and sums only, so that the order of the walk does not matter.
func (s *State) expect(c *call) (time.Duration, bool) {
	q := c.queue
	n := q.members[working]
	if c.family != nil && c.family.queue == q {
		n = c.family.members[working]
	}
	if n == 0 {
		return 0, false
	}
	const ms = int64(time.Millisecond)
	load := (s.aheadOf(c)*weightOne + weightOne) * (q.handle / ms)
	for r, shared := range q.shared {
		if all := r.members[working] + r.members[expected] + r.members[away] + r.members[absent]; all > 0 && r.waiting.len() > 0 {
			load += int64(s.rankIn(r, c)) * (int64(shared) * weightOne / int64(all)) * (r.handle / ms)
		}
	}
	// Thousandths of a call times milliseconds are microseconds.
	return time.Duration(min(load/int64(n), int64(longest/time.Microsecond))) * time.Microsecond, true
}

// weightOne is a whole call in the sums.
const weightOne = 1000

// aheadOf counts who comes before c in its own queue. Calls that ask for other things
// count as far as their agents are the same: the smaller group is taken to be part of
// the larger.
func (s *State) aheadOf(c *call) int64 {
	q := c.queue
	ahead := int64(q.ringing.rank(c))
	f := c.family
	if len(q.families) < 2 || f == nil || f.queue != q || f.members[working] == 0 {
		return ahead + int64(q.waiting.rank(c))
	}
	load := int64(0)
	for _, g := range q.families {
		if g.calls == 0 {
			continue
		}
		part := int64(weightOne)
		if m := g.members[working]; m > f.members[working] {
			part = int64(f.members[working]) * weightOne / int64(m)
		}
		for i := range g.lanes {
			load += int64(g.lanes[i].waiting.rank(c)) * part
		}
	}
	return ahead + load/weightOne
}

// rankIn counts the calls of another queue that come before c now.
func (s *State) rankIn(r *queue, c *call) int {
	lo, hi := 0, r.waiting.len()
	for lo < hi {
		m := int(uint(lo+hi) >> 1)
		if s.sooner(r.waiting.at(m), c, nil) {
			lo = m + 1
		} else {
			hi = m
		}
	}
	return lo
}

// share notes that a serves its queues together, or no longer does. only restricts it to
// pairs with one of them.
func (a *agent) share(by int, only map[*queue]bool) {
	for _, q := range a.queues {
		for _, r := range a.queues {
			if q == r || only != nil && !only[q] && !only[r] {
				continue
			}
			if q.shared == nil {
				q.shared = map[*queue]int{}
			}
			if q.shared[r] += by; q.shared[r] <= 0 {
				delete(q.shared, r)
			}
		}
	}
}

// weigh moves an exponentially weighted mean towards x by a sixteenth. Integers,
// because fused floating point would differ between machines and break a replay.
func weigh(mean, x int64) int64 { return mean + (x-mean)/16 }

// measure compares the wait that was expected of c on entry with the one it had.
func (q *queue) measure(c *call, now int64) {
	if c.estimate < 0 || c.virtual {
		return
	}
	off := now - c.entered - c.estimate
	q.errBias = weigh(q.errBias, off)
	q.errAbs = weigh(q.errAbs, max(off, -off))
}
