package call

// Which call an agent is in is for the router to say, but it knows nothing of the
// phones of agents who have not signed in, and what it hears it hears a moment
// later. A colleague can call such an agent, or just that moment. So that nobody is
// ever put through to an agent who is in another call, each call engages an agent
// before it joins the two.

// engage reserves agent for call; false when the agent is another call's.
func (x *Exchange) engage(agent, call string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if other, taken := x.engaged[agent]; taken && other != call {
		return false
	}
	x.engaged[agent] = call
	return true
}

// elsewhere tells whether agent is engaged by another call than call.
func (x *Exchange) elsewhere(agent, call string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	other, taken := x.engaged[agent]
	return taken && other != call
}

// callOf is the call that agent is engaged by, empty when there is none.
func (x *Exchange) callOf(agent string) string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.engaged[agent]
}

// disengage ends what engage began; without effect when the agent is not call's.
func (x *Exchange) disengage(agent, call string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.engaged[agent] == call {
		delete(x.engaged, agent)
	}
}

// reengage hands an agent of one call over to another.
func (x *Exchange) reengage(agent, from, to string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.engaged[agent] == from {
		x.engaged[agent] = to
	}
}
