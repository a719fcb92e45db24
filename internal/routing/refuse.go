package routing

import "slices"

// refuse tells, once per agent and call, that a would have been first for c but for a
// clause.
func (s *State) refuse(a *agent, c *call, clause string, reason Reason) {
	if slices.Contains(c.refused, a.num) {
		return
	}
	c.refused = append(c.refused, a.num)
	s.emit(Decision{Kind: Refused, Call: c.id, Agent: a.id, Queue: c.queue.id, Clause: clause, Reason: reason})
}
