package call

import (
	"time"

	"cagri/internal/event"
	"cagri/internal/media"
	"cagri/internal/media/dtmf"
	"cagri/internal/media/record"
	"cagri/internal/routing"
	"cagri/internal/sip"
)

// talkState is the connection of caller and agent.
type talkState struct {
	bridge *media.Bridge
	since  time.Time
}

// Reasons given to the far side when we end a dialog (RFC 3326).
var (
	reasonNormal   = sip.Reason{Protocol: "Q.850", Code: 16, Text: "Normal call clearing"}
	reasonCancel   = sip.Reason{Protocol: "SIP", Code: 487, Text: "Offer withdrawn"}
	reasonReplaced = sip.Reason{Protocol: "SIP", Code: 200, Text: "Replaced"}
	reasonFault    = sip.Reason{Protocol: "Q.850", Code: 41, Text: "Temporary failure"}
	reasonStopping = sip.Reason{Protocol: "Q.850", Code: 38, Text: "Server is stopping"}
)

// onSIP follows what a dialog of this call reports. A party that was let go of
// still reports its end; nobody listens any more.
func (a *actor) onSIP(p *party, ev sip.Event) {
	if p.owner.Load() != a { // handed over while this was on its way
		a.forward(p, sipMsg{p, ev})
		return
	}
	if p.state == left {
		return
	}
	switch ev := ev.(type) {
	case sip.Provisional:
		a.onProvisional(p)
	case sip.Answered:
		a.onAnswered(p, ev.SDP)
	case sip.Failed:
		a.onFailed(p, ev.Code)
	case sip.Cancelled:
		if p == a.caller {
			a.finish("caller", "cancelled", 487)
		}
	case sip.Confirmed:
		a.onConfirmed(p, ev.SDP)
	case sip.Ended:
		a.onEnded(p, ev)
	case sip.Offered:
		a.onOffered(p, ev)
	case sip.Negotiated: // the answer to the offer that a re-INVITE without SDP asked for
		a.onConfirmed(p, ev.SDP)
	case sip.Info:
		if digit, ok := dtmf.ParseInfo(ev.ContentType, ev.Body); ok {
			a.onKey(p, digit)
		}
	case sip.Refer:
		a.onRefer(p, ev)
	}
}

// onMedia follows what a leg of this call reports.
func (a *actor) onMedia(p *party, ev media.Event) {
	if p.owner.Load() != a {
		a.forward(p, mediaMsg{p, ev})
		return
	}
	if p.state == left {
		return
	}
	switch ev := ev.(type) {
	case media.PlayDone:
		if p == a.caller {
			a.onPlayed(ev.ID)
		}
	case media.Digit:
		a.onKey(p, ev.Digit)
	case media.Silent:
		a.onSilent(p)
	}
}

// onKey is a key by RFC 4733 or INFO. In a talk the bridge relays the first kind
// itself.
func (a *actor) onKey(p *party, digit byte) {
	if p == a.caller {
		a.onDigit(digit)
	}
}

func (a *actor) onProvisional(p *party) {
	if p.state == dialing {
		p.state = ringing
		if a.kind == direct && p == a.target && a.phase == transferring && a.caller.state == dialing {
			_ = a.caller.dialog.Ring()
		}
	}
}

func (a *actor) onAnswered(p *party, body []byte) {
	if err := p.leg.Accept(body); err != nil {
		a.onFailed(p, 488)
		return
	}
	p.state, p.since = up, time.Now()
	switch p {
	case a.agent: // by an offer: connected when the router says so
		a.x.router.tell(routing.OfferAnswered{Offer: p.offer})
	case a.target:
		a.targetAnswered()
	}
}

func (a *actor) onFailed(p *party, status int) {
	switch p {
	case a.agent:
		a.offerFailed(p, status)
	case a.target:
		a.transferFailed(reasonOf(status), status)
	case a.caller:
		a.finish("caller", "failed", status)
	}
}

// Reasons in the journal of what the router need not tell apart.
const (
	redirected  = "redirected"    // the phone named another place; it was not called
	tooManyHops = "too_many_hops" // the call goes round in circles
)

// reasonOf is the journal's word for a final answer.
func reasonOf(status int) string {
	switch {
	case status >= 300 && status < 400:
		return redirected
	case status == 483:
		return tooManyHops
	}
	return string(failureOf(status))
}

// toldOf is the status that whoever asked for a call is told of its failure: a
// redirection is not passed on either.
func toldOf(status int) int {
	if status >= 300 && status < 400 {
		return 480
	}
	return max(status, 400)
}

// onConfirmed is the ACK of the caller; it carries the answer to our late offer.
func (a *actor) onConfirmed(p *party, body []byte) {
	if !p.late {
		return
	}
	p.late = false
	if body == nil {
		if p == a.caller && a.phase == inFlow {
			a.finish("caller", "no_answer_to_offer", 0)
		}
		return
	}
	if err := p.leg.Accept(body); err != nil {
		if p == a.caller {
			a.finish("system", "no_common_media", 488)
		}
		return
	}
	if p == a.caller && a.phase == inFlow && a.machine == nil {
		a.disarm(timerConfirm)
		a.answered()
		return
	}
	a.followHold(p)
}

// connect joins caller and agent: the router has confirmed the agent's answer.
func (a *actor) connect(d routing.Decision) {
	p := a.agent
	if p == nil || p.offer != d.Offer || p.state != up || a.phase != waiting {
		a.x.router.tell(routing.TalkEnded{Agent: d.Agent, Call: d.Call})
		return
	}
	if !a.x.engage(p.agent.ID, a.id) { // a colleague was a moment faster
		a.agent = nil
		a.emitFor(p.agent.ID, event.OfferFailed{Offer: uint64(d.Offer), Agent: p.agent.ID, Reason: string(routing.Busy), RingMS: ms(p.rang())})
		a.release(p, reasonCancel)
		a.leaveQueue("returned")
		a.enter(true) // for the router this was a talk
		return
	}
	a.emitFor(p.agent.ID, event.OfferAccepted{Offer: uint64(d.Offer), Agent: p.agent.ID, RingMS: ms(p.rang())})
	a.leaveQueue("answered")
	if a.kind == callback {
		a.callPerson(p)
		return
	}
	a.join(p)
}

// join begins the talk of the caller with p.
func (a *actor) join(p *party) {
	a.hush()
	a.playing = 0
	a.agent = p
	a.phase = talking
	a.talk.since = time.Now()
	a.outcome = "served"
	a.lastAgent = p.agent.ID
	with := ""
	if p.role == roleOutside {
		with = p.name()
	}
	a.emitFor(p.agent.ID, event.CallBridged{Agent: p.agent.ID, Offer: uint64(p.offer), With: with})
	a.startRecording()
	a.rebridge()
	a.watchHold()
}

// part ends the talk with a.agent, which keeps its dialog and leg.
func (a *actor) part(reason string) *party { return a.partFrom(reason, true) }

// partFrom is part; free says whether the agent is free then.
func (a *actor) partFrom(reason string, free bool) *party {
	p := a.agent
	a.agent = nil
	a.unbridge()
	d := time.Since(a.talk.since)
	a.totalTalk += d
	a.emitFor(p.agent.ID, event.CallUnbridged{Agent: p.agent.ID, Reason: reason, TalkMS: ms(d)})
	if free {
		a.freeAgent(p)
	}
	return p
}

// freeAgent tells the router that p's agent is no longer in this call.
func (a *actor) freeAgent(p *party) {
	a.x.free(p, a.id)
}

// free is freeAgent for a call that need not be the one p belongs to.
func (x *Exchange) free(p *party, call string) {
	if p.role == roleAgent {
		x.disengage(p.agent.ID, call)
		x.router.tell(routing.TalkEnded{Agent: routing.AgentID(p.agent.ID), Call: routing.CallID(call), Lost: p.lost})
	}
}

// rebridge makes the sound fit who holds whom: both hear each other, or the held
// side hears music.
func (a *actor) rebridge() {
	if a.phase != talking {
		return
	}
	if !a.caller.held && !a.agent.held {
		if a.talk.bridge == nil {
			a.caller.leg.StopPlay()
			a.agent.leg.StopPlay()
			a.record()
			a.talk.bridge = a.x.plane.Bridge(a.caller.leg, a.agent.leg)
		}
		return
	}
	a.unbridge()
	// held means: this side asked us to send nothing, so its partner gets the music.
	if a.agent.held {
		a.music(a.caller)
	}
	if a.caller.held {
		a.music(a.agent)
	}
}

func (a *actor) unbridge() {
	if a.talk.bridge != nil {
		a.talk.bridge.Close()
		a.talk.bridge = nil
		a.pauseRecording("not_connected")
	}
}

// onOffered answers a re-INVITE or UPDATE: hold, resume, a phone that moved.
func (a *actor) onOffered(p *party, ev sip.Offered) {
	if p.leg == nil {
		_ = p.dialog.RefuseOffer(488, "Not Acceptable Here")
		return
	}
	if ev.SDP == nil {
		body, err := p.leg.Offer()
		if err != nil {
			_ = p.dialog.RefuseOffer(500, "")
			return
		}
		p.late = true
		_ = p.dialog.AnswerOffer(body)
		return
	}
	body, err := p.leg.Answer(ev.SDP)
	if err != nil {
		_ = p.dialog.RefuseOffer(sdpStatus(err), "")
		return
	}
	_ = p.dialog.AnswerOffer(body)
	a.followHold(p)
}

// followHold notes whether p now holds the other side.
func (a *actor) followHold(p *party) {
	held := p.leg.RemoteHeld()
	if held == p.held {
		return
	}
	p.held = held
	a.watchHold()
	if a.phase != talking || p != a.caller && p != a.agent {
		return
	}
	by := "agent"
	if p == a.caller {
		by = "caller"
	}
	if held {
		a.emitFor(a.agent.agent.ID, event.CallHeld{By: by})
	} else {
		a.emitFor(a.agent.agent.ID, event.CallResumed{By: by})
	}
	a.rebridge()
}

// onEnded is the end of a dialog that the other side, or a loss, brought about.
func (a *actor) onEnded(p *party, ev sip.Ended) {
	lost := ev.By != sip.Remote && ev.By != sip.Local
	switch p {
	case a.caller:
		if lost {
			a.finish("system", "caller_lost", 0)
		} else {
			a.finish("caller", "hung_up", 0)
		}
	case a.agent:
		a.agentGone(lost)
	case a.target:
		a.transferFailed("hung_up", ev.Code)
	}
}

// agentGone is the end of the agent's side: hung up, or vanished.
func (a *actor) agentGone(lost bool) {
	if a.kind == callback && a.phase == transferring {
		a.agent.lost = lost
		a.finish("agent", "hung_up", 0)
		return
	}
	switch a.phase {
	case waiting: // picked up and hung up before the router confirmed
		a.offerFailed(a.agent, 603)
	case transferring: // let go early, as many phones do after REFER
		p := a.part("transfer")
		a.release(p, reasonNormal)
	case talking:
		if a.xfer.asked { // an attended transfer is on its way: the caller stays
			p := a.part("transfer")
			a.release(p, reasonNormal)
			a.phase = transferring
			a.music(a.caller)
			return
		}
		if !lost && a.stay && a.caller.state == up {
			a.afterTalk()
			return
		}
		if !lost {
			a.finish("agent", "hung_up", 0)
			return
		}
		a.agent.lost = true
		p := a.part("agent_lost")
		a.release(p, reasonFault)
		a.comeBack()
	}
}

// onSilent: no sound packets came for so long that the line must be dead.
func (a *actor) onSilent(p *party) {
	switch {
	case p == a.caller:
		a.finish("system", "media_lost", 0)
	case p == a.agent: // also one who is parked while the target of a transfer rings
		a.agentGone(true)
	case p == a.target:
		a.transferFailed("media_lost", 0)
	}
}

// record directs what both sides say into the recording, if there is one.
func (a *actor) record() {
	if a.rec.r == nil || a.stranger() {
		return
	}
	a.caller.leg.RecordTo(a.rec.r, record.Caller)
	a.agent.leg.RecordTo(a.rec.r, record.Agent)
	a.resumeRecording()
}
