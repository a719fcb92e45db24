package call

import (
	"slices"
	"time"

	"cagri/internal/routing"
)

// The router's engine knows one call of each agent. An agent may be in two: the
// citizen is on hold and a colleague is asked. So that the end of the one does not
// make the agent free while the other stands, and that no agent is free for a moment
// while being handed from one call to another, the router keeps account of all the
// calls that an agent is in and tells the engine of the next one when one ends.

// reasonInCall is the reason of the pause, as long as no time at all, in which the
// engine leaves one call of an agent and takes up the next.
const reasonInCall = "in_call"

// hear takes one input: what concerns the presence of agents in calls is put so that
// the engine understands it, everything else goes to the engine as it is.
func (r *router) hear(ev routing.Event) {
	switch ev := ev.(type) {
	case routing.AgentTaken:
		if r.enters(ev.Agent, ev.Call) {
			r.apply(ev)
		}
	case routing.TalkEnded:
		r.departs(ev, ev.Agent, ev.Call)
	case routing.CallQueued: // ends its talk for the engine
		for agent, calls := range r.in {
			if slices.Contains(calls, ev.Call) {
				r.departs(ev, agent, ev.Call)
				return
			}
		}
		r.apply(ev)
	case routing.AgentSignedIn:
		r.signsIn(ev)
	default:
		r.apply(ev)
	}
}

// enters notes that agent is in call; false when that was known.
func (r *router) enters(agent routing.AgentID, call routing.CallID) bool {
	if slices.Contains(r.in[agent], call) {
		return false
	}
	r.in[agent] = append(r.in[agent], call)
	return true
}

// leaves forgets that agent is in call, and calls that are gone without a word. It
// returns the latest of those that are left, empty when there is none.
func (r *router) leaves(agent routing.AgentID, call routing.CallID) routing.CallID {
	left := slices.DeleteFunc(r.in[agent], func(c routing.CallID) bool {
		return c == call || r.x.call(string(c)) == nil
	})
	if len(left) == 0 {
		delete(r.in, agent)
		return ""
	}
	r.in[agent] = left
	return left[len(left)-1]
}

// departs applies ev, which ends agent's part in call. An agent who is in another call
// goes over to that one without being ready in between: the engine would at once find
// a caller for somebody who is ready.
func (r *router) departs(ev routing.Event, agent routing.AgentID, call routing.CallID) {
	next := r.leaves(agent, call)
	v := r.agent(agent)
	if next == "" || v.State != routing.Talking || v.Call != call {
		r.apply(ev)
		return
	}
	hold := v.Next == 0 // else the agent wants to leave anyhow, and that wish outlasts the next call
	if hold {
		r.apply(routing.AgentPaused{Agent: agent, Reason: reasonInCall})
	}
	r.apply(ev)
	r.apply(routing.AgentTaken{Agent: agent, Call: next})
	if hold {
		r.apply(routing.AgentReady{Agent: agent})
	}
}

// signsIn signs an agent in. Of a pause that is to come after the call and the wish
// to be there, the later counts, and that is this one; a wrap-up ends with it, as it
// does with the wish to be ready. An agent whose phone is in a call, of which the
// engine did not know anybody to tell it of, is not free before that is over.
func (r *router) signsIn(ev routing.AgentSignedIn) {
	v := r.agent(ev.Agent)
	in := r.leaves(ev.Agent, "")
	ready := ev.Ready
	if v.State == routing.SignedOut && in != "" {
		ev.Ready = false
		r.apply(ev)
		r.apply(routing.AgentTaken{Agent: ev.Agent, Call: in})
		if ready {
			r.apply(routing.AgentReady{Agent: ev.Agent})
		}
		return
	}
	r.apply(ev)
	if ready && v.Next == routing.Paused {
		r.apply(routing.AgentReady{Agent: ev.Agent})
	}
}

// agent is the engine's view of one agent.
func (r *router) agent(id routing.AgentID) routing.AgentView {
	for _, v := range r.state.Snapshot(r.now()).Agents {
		if v.Agent == id {
			return v
		}
	}
	return routing.AgentView{Agent: id, State: routing.SignedOut, Since: time.Time{}}
}
