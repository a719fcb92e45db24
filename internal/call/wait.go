package call

import (
	"time"

	"cagri/internal/directory"
	"cagri/internal/event"
	"cagri/internal/ivr"
	"cagri/internal/prompt"
	"cagri/internal/routing"
	"cagri/internal/sip"
)

// waitState is the caller's place in a queue.
type waitState struct {
	queue    directory.Queue
	priority int
	since    time.Time // counts for the order of service; kept on the way back
	entered  time.Time // of this stay
	entry    int       // counts the stays of this call in queues
}

// firstAnnounce is how soon after entering the place is told: at once would drown
// in the welcome, later would leave the caller guessing.
const firstAnnounce = 3 * time.Second

// enqueue takes the caller from the flow into a queue and says the welcome.
func (a *actor) enqueue(to ivr.Enqueue) {
	q, ok := a.x.known().queues[to.Queue]
	if !ok {
		a.x.Alarm("flow_queue_missing", errString("queue "+to.Queue+" of flow "+a.number.Flow+" does not exist"))
		a.step(ivr.Queue{Outcome: ivr.Closed})
		return
	}
	if !a.x.open(q.ID) {
		a.step(ivr.Queue{Outcome: ivr.Closed})
		return
	}
	a.stay = to.Stay
	now := time.Now()
	a.wait = waitState{queue: q, priority: to.Priority, since: now, entered: now, entry: a.wait.entry}
	a.enter(false)
	if len(to.Parts) > 0 {
		a.say(to.Language, to.Parts...)
	} else {
		a.music(a.caller)
	}
	a.after(timerAnnounce, a.x.cfg.Prompts.Duration(to.Language, to.Parts...)+firstAnnounce)
}

// enter tells the router and the journal that the caller waits.
func (a *actor) enter(returned bool) {
	a.phase = waiting
	a.wait.entry++
	a.wait.entered = time.Now()
	a.outcome = "unserved"
	a.emit(event.QueueEntered{Queue: a.wait.queue.ID, Priority: a.wait.priority, SinceMS: a.wait.since.UnixMilli(), Returned: returned})
	a.x.router.tell(routing.CallQueued{
		Call: routing.CallID(a.id), Queue: routing.QueueID(a.wait.queue.ID), Priority: a.wait.priority,
		Since: a.wait.since, Language: string(a.lang), Head: returned, Entry: a.wait.entry,
		Caller: a.in.Calling,
	})
}

// comeBack puts a caller whose agent was lost at the head of the queue, with an
// apology.
func (a *actor) comeBack() {
	if a.wait.queue.ID == "" {
		a.finish("agent", "agent_lost", 0)
		return
	}
	a.enter(true)
	a.say(a.lang, prompt.Say("queue.apology"))
	a.after(timerAnnounce, max(a.wait.queue.Announce, 20*time.Second))
}

// leaveQueue writes the end of the wait.
func (a *actor) leaveQueue(reason string) {
	d := time.Since(a.wait.entered)
	a.totalWait += d
	a.disarm(timerAnnounce)
	a.emit(event.QueueLeft{Queue: a.wait.queue.ID, Reason: reason, WaitedMS: ms(d)})
}

// onDecision follows the router.
func (a *actor) onDecision(d decided) {
	switch d.Kind {
	case routing.Offer:
		a.ring(d)
	case routing.Withdraw:
		a.unring(d.Offer, string(d.Reason))
	case routing.DropLeg:
		a.unring(d.Offer, "stale")
	case routing.AgentMoved: // into Talking, by an offer: the answer counts
		a.connect(d.Decision)
	case routing.CallTimedOut:
		a.givenBack("timed_out", ivr.TimedOut)
	case routing.NobodyThere:
		a.givenBack("no_agents", ivr.NoAgents)
	case routing.StillThere:
		if a.holds(string(d.Agent)) {
			a.x.router.tell(routing.StillHere{Call: d.Call, Agent: d.Agent})
		}
	}
}

// holds tells whether an agent is in this call, on whichever side.
func (a *actor) holds(agent string) bool {
	for _, p := range []*party{a.agent, a.target} {
		if p != nil && p.role == roleAgent && p.agent.ID == agent {
			return true
		}
	}
	ag, ok := a.callingAgent()
	return ok && ag.ID == agent && a.kind == direct
}

// givenBack lets the flow go on after a wait without an agent.
func (a *actor) givenBack(reason string, outcome ivr.Outcome) {
	if a.phase != waiting {
		return
	}
	a.leaveQueue(reason)
	if a.kind == callback && a.caller.state != up {
		a.finish("system", reason, 0)
		return
	}
	a.phase = inFlow
	a.hush()
	if a.machine == nil || a.machine.Ended() {
		a.farewell(reason, a.lang, prompt.Say("no_agents"), prompt.Say("goodbye"))
		return
	}
	a.step(ivr.Queue{Outcome: outcome})
}

// ring calls the agent whom the router chose.
func (a *actor) ring(d decided) {
	agent, known := a.x.known().agents[string(d.Agent)]
	if a.phase != waiting || a.agent != nil || !known {
		a.x.router.tell(routing.OfferFailed{Offer: d.Offer, Reason: routing.StationUnreachable})
		return
	}
	if a.x.elsewhere(agent.ID, a.id) {
		a.x.router.tell(routing.OfferFailed{Offer: d.Offer, Reason: routing.Busy})
		return
	}
	a.emitFor(agent.ID, event.OfferMade{
		Offer: uint64(d.Offer), Agent: agent.ID, Queue: string(d.Queue), WaitedMS: ms(d.Why.Waited),
		AgentIdle: ms(d.Why.Idle), Waiting: d.Why.Waiting, Candidates: d.Why.Ready, RouterSeq: d.seq,
	})
	p := newParty(a, roleAgent)
	p.agent, p.offer = agent, d.Offer
	a.agent = p
	if status := a.dialAgent(p, time.Until(d.Until)); status != 0 {
		a.offerFailed(p, status)
	}
}

// dialAgent rings the phone of p.agent; 0, or the SIP status that says why not.
func (a *actor) dialAgent(p *party, ring time.Duration) int {
	targets := a.x.ua.PhoneTargets(p.agent.Phone)
	if len(targets) == 0 {
		return 480
	}
	return a.dial(p, sip.DialRequest{
		Targets: targets, PassedOn: a.in.MaxForwards, ToUser: p.agent.Phone, FromNumber: a.shownNumber(), FromName: a.shownName(),
		// The router withdraws the offer in time; this is only the net below it.
		RingTimeout: ring + 5*time.Second,
	})
}

func (a *actor) dial(p *party, req sip.DialRequest) int {
	first := req.Targets[0]
	if err := a.openLeg(p, first.Network == "tls", first.Addr.Addr()); err != nil {
		a.x.Alarm("no_media", err)
		return 503
	}
	offer, err := p.leg.Offer()
	if err != nil {
		a.x.Alarm("no_offer", err)
		return 500
	}
	req.SDP = offer
	d, err := a.x.ua.Dial(req, p.onSIP)
	if err != nil {
		a.x.log.Info("a phone could not be dialled", "call", a.id, "party", p.name(), "err", err)
		return 503
	}
	p.dialog = d
	a.x.track(p)
	return 0
}

// shownNumber is what an agent's phone displays as the caller.
func (a *actor) shownNumber() string {
	if a.in.Anonymous || a.in.Calling == "" {
		return "anonymous"
	}
	return a.in.Calling
}

// shownName tells the agent which line the call came in by.
func (a *actor) shownName() string {
	if a.wait.queue.Name != "" {
		return a.wait.queue.Name
	}
	return a.in.CallingName
}

// unring takes an offer back whose agent did not get the call.
func (a *actor) unring(offer routing.OfferID, reason string) {
	p := a.agent
	if p == nil || p.offer != offer || a.phase != waiting {
		return
	}
	a.agent = nil
	a.emitFor(p.agent.ID, event.OfferFailed{Offer: uint64(offer), Agent: p.agent.ID, Reason: reason, RingMS: ms(p.rang())})
	a.release(p, reasonCancel)
}

// offerFailed tells the router that the agent's phone said no.
func (a *actor) offerFailed(p *party, status int) {
	a.agent = nil
	why := failureOf(status)
	a.emitFor(p.agent.ID, event.OfferFailed{Offer: uint64(p.offer), Agent: p.agent.ID, Reason: reasonOf(status), Status: status, RingMS: ms(p.rang())})
	a.release(p, reasonCancel)
	if status == 483 && a.in.MaxForwards < fewHops {
		// The call has come too far to reach any phone. That is nobody's fault here: no
		// agent is taken out of service for it, nor offered the same call again.
		a.finish("system", tooManyHops, status)
		return
	}
	a.x.router.tell(routing.OfferFailed{Offer: p.offer, Reason: why})
}

// failureOf reads a phone's final answer. A redirection (3xx) says that the agent is
// not at this phone. It is never followed: where it leads, a phone that somebody has
// tampered with decides, and a number outside at the state's cost would be one of the
// places (toll fraud). The caller stays with those who are here.
func failureOf(status int) routing.Failure {
	switch status {
	case 486, 600:
		return routing.Busy
	case 603, 403, 488, 606:
		return routing.Declined
	case 408, 487:
		return routing.NoAnswer
	}
	return routing.StationUnreachable
}

// fewHops is so small a Max-Forwards that a 483 is the call's own fault: it has been
// round several times, and it is not the agent's phone behind which something circles.
const fewHops = 10

// askPlace asks the router where the caller stands; the answer comes as a message.
func (a *actor) askPlace() {
	if a.phase != waiting {
		return
	}
	id := routing.CallID(a.id)
	a.x.router.ask(func(s *routing.State, now time.Time) {
		pos, known := s.Position(id)
		wait, _ := s.ExpectedWait(id, now)
		a.box.post(placeMsg{position: pos, wait: wait, known: known})
	})
}

// announcePlace tells the caller place and expected wait, and lets the music go on.
func (a *actor) announcePlace(m placeMsg) {
	if a.phase != waiting || a.wait.queue.Announce == 0 {
		return
	}
	a.after(timerAnnounce, a.wait.queue.Announce)
	if !m.known || a.agent != nil || a.playing != 0 {
		return // an agent's phone rings, or something else is being said
	}
	parts := []prompt.Part{prompt.Position(m.position)}
	told := -1
	if m.wait > 0 {
		minutes := int((m.wait + time.Minute - 1) / time.Minute)
		told = minutes * 60
		parts = append(parts, prompt.Say("queue.wait.before"), prompt.Minutes(minutes), prompt.Say("queue.wait.after"))
	}
	parts = append(parts, prompt.Say("queue.thanks"))
	a.emit(event.QueueAnnounced{Queue: a.wait.queue.ID, Position: m.position, WaitS: told})
	a.say(a.lang, parts...)
}

type errString string

func (e errString) Error() string { return string(e) }
