package call

import (
	"time"

	"cagri/internal/directory"
	"cagri/internal/prompt"
	"cagri/internal/routing"
	"cagri/internal/sip"
)

// beginDirect is a call that an agent's phone makes: to consult a colleague, or
// to a number outside. It is answered when the other side answers.
func (a *actor) beginDirect() {
	d := a.x.find(a.in.Called)
	if d.kind != "agent" && d.kind != "number" {
		a.turnAway(404, "unknown_number")
		return
	}
	if d.kind == "number" {
		if !a.x.mayCall(d.digits) {
			a.turnAway(403, "outside_forbidden")
			return
		}
		if a.callsOut() {
			a.turnAway(486, "one_call_out")
			return
		}
		if _, targets := a.x.wayOut(d.digits); len(targets) == 0 {
			a.turnAway(404, "no_trunk")
			return
		}
	}
	if ag, ok := a.callingAgent(); ok {
		if d.kind == "agent" && d.agent.ID == ag.ID {
			a.turnAway(486, "own_number")
			return
		}
		a.x.router.tell(routing.AgentTaken{Agent: routing.AgentID(ag.ID), Call: routing.CallID(a.id)})
	}
	a.phase = transferring
	a.xfer.target = a.in.Called
	a.outcome = "unserved"
	a.ringTarget(d)
}

// callingAgent is the agent whose phone made this call.
func (a *actor) callingAgent() (directory.Agent, bool) {
	if a.in.Source.Kind != sip.FromPhone {
		return directory.Agent{}, false
	}
	ag, ok := a.x.known().agents[a.x.known().phones[a.in.Source.Name]]
	return ag, ok
}

// answerDirect answers the calling phone, now that the other side has, and joins
// the two.
func (a *actor) answerDirect(p *party) {
	// p stays the target until the caller is up: should that fail, whatever ends the
	// call lets go of p, and no talk ends that never began.
	a.answerCaller()
	if a.caller.state != up {
		return // the phone could not be answered; the call is over
	}
	if a.caller.late {
		// The phone's answer comes with its ACK; sound flows from then on.
		a.disarm(timerConfirm)
	}
	a.target = nil
	a.join(p)
}

// endDirect frees the agent whose phone made the call.
func (a *actor) endDirect() {
	if ag, ok := a.callingAgent(); ok && a.kind == direct {
		a.x.router.tell(routing.TalkEnded{Agent: routing.AgentID(ag.ID), Call: routing.CallID(a.id)})
	}
}

// runCode does what a feature code asks and says so.
func (a *actor) runCode() {
	if a.caller.state != up {
		return
	}
	c, _ := ParseCode(a.in.Called)
	ag, known := a.callingAgent()
	said := "agent.code_unknown"
	switch {
	case !known:
		said = "agent.wrong"
	case c.Action != "":
		if err := a.x.AgentDo(ag.ID, c.Action, c.Reason); err == nil {
			said = spoken[c.Action]
		}
	}
	a.farewell("code", a.lang, prompt.Say(said))
}

// spoken says what an action has brought about.
var spoken = map[AgentAction]string{
	SignIn: "agent.signed_in", Ready: "agent.ready", Pause: "agent.paused", EndWrapUp: "agent.ready", SignOut: "agent.signed_out",
}

// wayOut chooses the trunk for a number outside.
func (x *Exchange) wayOut(digits string) (trunk string, targets []sip.Target) {
	for _, name := range x.cfg.TrunksOut {
		if t := x.ua.TrunkTargets(name, digits); len(t) > 0 {
			return name, t
		}
	}
	return "", nil
}

// mainNumber is the number a body shows when it calls out.
func (x *Exchange) mainNumber(body string) string {
	for _, n := range x.known().dir.Numbers {
		if n.Body == body {
			return n.Dial
		}
	}
	return "anonymous"
}

// track remembers whose dialog it is, for transfers with Replaces.
func (x *Exchange) track(p *party) {
	x.mu.Lock()
	x.parties[p.dialog] = p
	x.mu.Unlock()
}

func (x *Exchange) untrack(p *party) {
	x.mu.Lock()
	delete(x.parties, p.dialog)
	x.mu.Unlock()
}

func (x *Exchange) partyOf(d *sip.Dialog) *party {
	if d == nil {
		return nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.parties[d]
}

// AgentDo carries out what an agent asks for, by phone, API or a supervisor.
func (x *Exchange) AgentDo(agent string, action AgentAction, reason string) error {
	ag, ok := x.known().agents[agent]
	if !ok {
		return ErrNoSuchAgent
	}
	id := routing.AgentID(agent)
	switch action {
	case SignIn:
		queues := make([]routing.QueueID, len(ag.Queues))
		for i, q := range ag.Queues {
			queues[i] = routing.QueueID(q)
		}
		x.router.tell(routing.AgentSignedIn{Agent: id, Queues: queues, Ready: true})
	case Ready:
		x.router.tell(routing.AgentReady{Agent: id})
	case Pause:
		x.router.tell(routing.AgentPaused{Agent: id, Reason: reason})
	case EndWrapUp:
		x.router.tell(routing.WrapUpDone{Agent: id})
	case SignOut:
		x.router.tell(routing.AgentSignedOut{Agent: id})
	default:
		return ErrNoSuchCode
	}
	return nil
}

// Hangup ends a call from outside.
func (x *Exchange) Hangup(id string) error {
	if a := x.call(id); a == nil || !a.box.post(hangupMsg{by: "system"}) {
		return ErrNoSuchCall
	}
	return nil
}

// Transfer hands the caller of a talk to target: an agent, a queue, one of our
// numbers or a number outside.
func (x *Exchange) Transfer(id, target string) error {
	a := x.call(id)
	if a == nil {
		return ErrNoSuchCall
	}
	reply := make(chan error, 1)
	if !a.box.post(transferMsg{target: target, reply: reply}) {
		return ErrNoSuchCall
	}
	select {
	case err := <-reply:
		return err
	case <-time.After(5 * time.Second):
		return ErrNoSuchCall // it ended while we asked
	}
}
