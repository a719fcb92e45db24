package call

import (
	"time"

	"cagri/internal/directory"
	"cagri/internal/event"
	"cagri/internal/routing"
	"cagri/internal/sip"
)

// A phone that sends an INVITE with Replaces takes the place of another phone in a
// running talk (RFC 3891): phones that transfer between themselves do it. No new call
// begins; the talk goes on with its recording and its journal.
//
// Who may: an agent's phone, which has authenticated. Whom: the leg of an agent's
// phone. Never the leg of a citizen or of a number outside, who would be cut off.

type (
	// replaceMsg asks the call that q is in to take p for q.
	replaceMsg struct {
		p, q  *party
		in    sip.Incoming
		asked bool // the call that the new agent is in has been asked to let go
	}
	// yieldMsg asks the consultation between the agent of r.q and that of r.p to end,
	// so that the one may take the place of the other.
	yieldMsg struct {
		to *actor
		r  replaceMsg
	}
)

// replace implements Invite for an INVITE that names a dialog of ours.
func (x *Exchange) replace(d *sip.Dialog, in sip.Incoming) {
	q := x.partyOf(x.ua.FindReplaces(*in.Replaces))
	refuse := func(status int) {
		d.SetSink(func(sip.Event) {})
		_ = d.Reject(status, "", 0)
	}
	if q == nil {
		refuse(481) // it ended this moment
		return
	}
	agent, ok := x.known().agents[x.known().phones[in.Source.Name]]
	if in.Source.Kind != sip.FromPhone || !ok {
		x.log.Warn("a call was to be taken over by somebody who may not", "source", in.Source.Name)
		refuse(403)
		return
	}
	a := q.owner.Load()
	p := newParty(a, roleAgent)
	p.agent, p.dialog = agent, d
	d.SetSink(p.onSIP)
	x.track(p)
	if !a.box.post(replaceMsg{p: p, q: q, in: in}) {
		a.refuseReplace(replaceMsg{p: p}, 481)
	}
}

// onReplace puts m.p in the place of m.q, or refuses it.
func (a *actor) onReplace(m replaceMsg) {
	p, q := m.p, m.q
	if to := q.owner.Load(); to != a { // handed over meanwhile
		p.owner.Store(to)
		if !to.box.post(m) {
			a.refuseReplace(m, 481)
		}
		return
	}
	if p.state == left {
		return
	}
	if status := a.replaceable(q); status != 0 {
		a.refuseReplace(m, status)
		return
	}
	former := a.seatOf(q)
	if p.agent.ID != former.ID && q == a.agent {
		if other := a.x.callOf(p.agent.ID); other != "" && other != a.id {
			b := a.x.call(other)
			if m.asked || b == nil || !b.box.post(yieldMsg{to: a, r: m}) {
				a.refuseReplace(m, 486)
			}
			return
		}
		if !a.x.engage(p.agent.ID, a.id) { // another call was faster
			a.refuseReplace(m, 486)
			return
		}
	}
	if status := a.answerReplace(p, m.in); status != 0 {
		a.refuseReplace(m, status)
		return
	}
	a.emitFor(former.ID, event.TransferAsked{Agent: former.ID, Manner: "replaced", Target: p.agent.Phone, TargetIs: "agent"})
	if q == a.agent {
		a.replaceAgent(p, q)
	} else {
		a.replaceCaller(p, q, m.in)
	}
	a.x.log.Info("a phone took the place of another in a talk", "call", a.id, "from", former.ID, "to", p.agent.ID)
}

// replaceable says why q cannot be replaced, as a SIP status; 0: it can.
func (a *actor) replaceable(q *party) int {
	switch {
	case q.state == left || a.phase == ending || a.phase == gone:
		return 481
	case q.role == roleOutside, q == a.caller && (a.in.Source.Kind != sip.FromPhone || a.kind != direct):
		return 403
	case a.phase == transferring && q.state == up:
		return 491 // it is just being transferred: one after the other
	case a.phase != talking || q != a.agent && q != a.caller:
		return 603 // it rings; calls are not picked up from phone to phone
	case a.xfer.asked:
		return 491
	}
	return 0
}

// seatOf is the agent whose phone q is.
func (a *actor) seatOf(q *party) directory.Agent {
	if q == a.caller {
		ag, _ := a.callingAgent()
		return ag
	}
	return q.agent
}

// answerReplace picks up for p; 0, or the status that says why not.
func (a *actor) answerReplace(p *party, in sip.Incoming) int {
	if err := a.openLeg(p, in.Secure, in.Source.Addr.Addr()); err != nil {
		a.x.Alarm("no_media", err)
		return 503
	}
	var body []byte
	var err error
	if in.SDP != nil {
		body, err = p.leg.Answer(in.SDP)
	} else {
		body, err = p.leg.Offer()
		p.late = true
	}
	if err != nil {
		return sdpStatus(err)
	}
	if err := p.dialog.Answer(body); err != nil {
		return 487 // it gave up
	}
	p.state, p.since = up, time.Now()
	p.held = !p.late && p.leg.RemoteHeld()
	return 0
}

// refuseReplace ends the attempt. What was to be replaced goes on.
func (a *actor) refuseReplace(m replaceMsg, status int) {
	p := m.p
	p.state = left
	a.x.untrack(p)
	if a.x.callOf(p.agent.ID) == a.id && !a.holds(p.agent.ID) {
		a.freeAgent(p) // it was engaged for this already
	}
	_ = p.dialog.Reject(status, "", 0)
	if p.leg != nil {
		p.leg.Close()
	}
}

// replaceAgent goes on with p where q was. The same agent on another phone stays in
// the talk as far as the router is concerned.
func (a *actor) replaceAgent(p, q *party) {
	same := p.agent.ID == q.agent.ID
	if same {
		p.offer = q.offer
	} else {
		a.x.router.tell(routing.AgentTaken{Agent: routing.AgentID(p.agent.ID), Call: routing.CallID(a.id)})
	}
	a.partFrom("transfer", !same)
	a.release(q, reasonReplaced)
	a.emitFor(p.agent.ID, event.TransferDone{From: q.agent.ID, Target: p.agent.Phone})
	a.join(p)
}

// replaceCaller goes on with p where q, the phone that made the call, was.
func (a *actor) replaceCaller(p, q *party, in sip.Incoming) {
	former, _ := a.callingAgent()
	a.unbridge()
	if p.agent.ID != former.ID {
		a.x.router.tell(routing.AgentTaken{Agent: routing.AgentID(p.agent.ID), Call: routing.CallID(a.id)})
		a.endDirect()
	}
	a.in.Source, a.in.Calling, a.in.CallingName, a.in.Secure, a.in.MaxForwards = in.Source, in.Calling, in.CallingName, in.Secure, in.MaxForwards
	agent := p.agent
	p.role, p.agent = roleCaller, directory.Agent{}
	a.caller = p
	a.release(q, reasonReplaced)
	a.emitFor(agent.ID, event.TransferDone{From: former.ID, Target: agent.Phone})
	a.rebridge()
	a.watchHold()
}

// onYield ends this call when it is nothing but the consultation of the agent who is
// replaced with the agent who takes over; both phones are done with it then.
func (a *actor) onYield(m yieldMsg) {
	p, q := m.r.p, m.r.q
	m.r.asked = true
	asker, ok := a.callingAgent()
	if a.kind == direct && a.phase == talking && ok && asker.ID == q.agent.ID && a.agent.role == roleAgent && a.agent.agent.ID == p.agent.ID {
		a.x.reengage(p.agent.ID, a.id, m.to.id)
		a.x.router.tell(routing.AgentTaken{Agent: routing.AgentID(p.agent.ID), Call: routing.CallID(m.to.id)})
		a.finish("agent", "transferred", 0)
	}
	if !m.to.box.post(m.r) {
		m.to.tooLate(m.r)
	}
}
