package call

import (
	"strings"
	"time"

	"cagri/internal/directory"
	"cagri/internal/event"
	"cagri/internal/ivr"
	"cagri/internal/prompt"
	"cagri/internal/routing"
	"cagri/internal/sip"
)

// transferRing is how long the target of a transfer or a direct call may ring.
const transferRing = 30 * time.Second

// transferState is a transfer under way.
type transferState struct {
	from    string // agent who asked
	target  string // as asked for
	manner  string
	byRefer bool      // the agent's phone waits for NOTIFY
	asked   bool      // another call is asked for the party; takeMsg will come
	began   time.Time // of the ringing
}

type (
	// transferMsg: the API asks for a blind transfer on behalf of the agent.
	transferMsg struct {
		target string
		reply  chan error
	}
	// handoverMsg asks the actor of a consultation for the party that is not
	// leaving, so that the caller of another call can be joined with it.
	handoverMsg struct {
		to      *actor
		leaving *party
	}
	// takeMsg is the answer; nil when there is nobody to hand over.
	takeMsg struct{ p *party }
	// agentFreeMsg tells whether the agent that a transfer wants can be rung.
	agentFreeMsg struct {
		p    *party
		free bool
	}
)

// destination is what a dialled or transferred-to text means.
type destination struct {
	kind   string // "agent", "queue", "flow", "number"; empty: nobody
	agent  directory.Agent
	queue  directory.Queue
	number directory.Number
	digits string
}

// find reads a target: an agent's id or phone, a queue's id, one of our numbers,
// or a number outside.
func (x *Exchange) find(target string) destination {
	target = strings.TrimPrefix(target, "queue:")
	if ag, ok := x.known().agents[target]; ok {
		return destination{kind: "agent", agent: ag}
	}
	if id, ok := x.known().phones[target]; ok {
		return destination{kind: "agent", agent: x.known().agents[id]}
	}
	if q, ok := x.known().queues[target]; ok {
		return destination{kind: "queue", queue: q}
	}
	if n, ok := x.known().numbers[target]; ok {
		return destination{kind: "flow", number: n}
	}
	if dialable(target) {
		return destination{kind: "number", digits: target}
	}
	return destination{}
}

// onRefer follows a phone that wants the call transferred. Only an agent's phone
// may; REFER is absorbed and the transfer done here, so that the recording and
// the journal stay whole.
func (a *actor) onRefer(p *party, ev sip.Refer) {
	if p != a.agent || a.phase != talking || p.role != roleAgent {
		_ = p.dialog.RefuseRefer(603)
		return
	}
	if ev.Replaces == nil {
		d := a.x.find(ev.User)
		if d.kind == "" {
			_ = p.dialog.RefuseRefer(404)
			return
		}
		if d.kind == "number" && !a.x.mayCall(d.digits) {
			_ = p.dialog.RefuseRefer(403)
			return
		}
		_ = p.dialog.AcceptRefer()
		a.transfer(ev.User, d, true)
		return
	}
	other := a.x.ua.FindReplaces(*ev.Replaces)
	q := a.x.partyOf(other)
	if q == nil || q.owner.Load() == a {
		_ = p.dialog.RefuseRefer(481)
		return
	}
	_ = p.dialog.AcceptRefer()
	a.xfer = transferState{from: p.agent.ID, target: ev.User, manner: "attended", byRefer: true, asked: true, began: time.Now()}
	a.emitFor(p.agent.ID, event.TransferAsked{Agent: p.agent.ID, Manner: "attended", Target: ev.User, TargetIs: "call"})
	if !q.owner.Load().box.post(handoverMsg{to: a, leaving: q}) {
		a.box.post(takeMsg{})
	}
}

// askTransfer is a blind transfer by the API.
func (a *actor) askTransfer(m transferMsg) {
	d := a.x.find(m.target)
	switch {
	case a.phase != talking || a.agent == nil || a.agent.role != roleAgent:
		m.reply <- ErrNotTalking
	case d.kind == "":
		m.reply <- ErrNoSuchTarget
	case d.kind == "number" && !a.x.mayCall(d.digits):
		m.reply <- ErrOutside
	default:
		m.reply <- nil
		a.transfer(m.target, d, false)
	}
}

// transfer hands the caller to d without asking d first (blind).
func (a *actor) transfer(target string, d destination, byRefer bool) {
	p := a.agent
	a.xfer = transferState{from: p.agent.ID, target: target, manner: "blind", byRefer: byRefer, began: time.Now()}
	a.emitFor(p.agent.ID, event.TransferAsked{Agent: p.agent.ID, Manner: "blind", Target: target, TargetIs: d.kind})
	switch d.kind {
	case "queue", "flow":
		a.letGoAfterTransfer()
		a.emit(event.TransferDone{From: a.xfer.from, Target: target})
		if d.kind == "queue" {
			since := a.wait.since
			a.wait.queue = d.queue
			if since.IsZero() {
				a.wait.since = time.Now()
			}
			a.enter(false)
			a.say(a.lang, prompt.Say("transfer.wait"))
			a.after(timerAnnounce, max(d.queue.Announce, firstAnnounce))
			return
		}
		a.number, a.flow = d.number, a.x.known().flows[d.number.Flow]
		a.machine = ivr.NewMachine(a.flow)
		a.phase = inFlow
		a.step(ivr.Start{Withheld: a.in.Calling == ""})
	default:
		a.unbridge()
		a.phase = transferring
		a.music(a.caller)
		a.ringTarget(d)
	}
}

// letGoAfterTransfer ends the talk with the agent who transferred.
func (a *actor) letGoAfterTransfer() {
	p := a.part("transfer")
	if a.xfer.byRefer {
		_ = p.dialog.NotifyRefer(200, "OK", true)
	}
	a.release(p, reasonNormal)
}

// ringTarget rings whom a transfer or a direct call wants.
func (a *actor) ringTarget(d destination) {
	a.xfer.began = time.Now()
	a.after(timerTransfer, transferRing)
	if d.kind == "number" {
		if !a.x.lineFree() {
			a.transferFailed("outside_limit", 503)
			return
		}
		p := newParty(a, roleOutside)
		p.number = d.digits
		a.target = p
		trunk, targets := a.x.wayOut(d.digits)
		if len(targets) == 0 {
			a.transferFailed("no_trunk", 404)
			return
		}
		req := sip.DialRequest{Targets: targets, Trunk: trunk, ToUser: d.digits, FromNumber: a.number.Dial, RingTimeout: transferRing + 5*time.Second, PassedOn: a.in.MaxForwards}
		if a.number.Dial == "" {
			req.FromNumber = a.x.mainNumber(a.body)
		}
		if status := a.dial(p, req); status != 0 {
			a.transferFailed(reasonOf(status), status)
		}
		return
	}
	p := newParty(a, roleAgent)
	p.agent = d.agent
	a.target = p
	id := routing.AgentID(d.agent.ID)
	self := a.box
	a.x.router.ask(func(s *routing.State, now time.Time) {
		free := true // an agent who has not signed in still has a phone
		for _, v := range s.Snapshot(now).Agents {
			if v.Agent == id {
				free = v.State != routing.Offered && v.State != routing.Talking
			}
		}
		self.post(agentFreeMsg{p: p, free: free})
	})
}

// onAgentFree goes on with ringing a colleague once the router has said whether
// the colleague is free; from here no queue call is offered to the colleague.
func (a *actor) onAgentFree(m agentFreeMsg) {
	p := m.p
	if p != a.target || a.phase != transferring {
		return
	}
	if !m.free || !a.x.engage(p.agent.ID, a.id) {
		a.transferFailed("busy", 486)
		return
	}
	a.x.router.tell(routing.AgentTaken{Agent: routing.AgentID(p.agent.ID), Call: routing.CallID(a.id)})
	if status := a.dialAgent(p, transferRing); status != 0 {
		a.transferFailed(reasonOf(status), status)
	}
}

// dropTarget lets go of the target that rings or has just failed.
func (a *actor) dropTarget(why sip.Reason) {
	p := a.target
	a.target = nil
	a.disarm(timerTransfer)
	a.freeAgent(p)
	a.release(p, why)
}

// targetAnswered joins the caller with the target.
func (a *actor) targetAnswered() {
	p := a.target
	a.disarm(timerTransfer)
	if a.kind == callback && a.caller.state != up {
		a.personAnswered()
		return
	}
	if a.kind == direct && a.caller.state != up {
		a.answerDirect(p)
		return
	}
	a.target = nil
	if a.agent != nil {
		a.letGoAfterTransfer()
	}
	a.emitFor(p.agent.ID, event.TransferDone{From: a.xfer.from, Target: a.xfer.target})
	a.join(p)
}

// transferFailed gives the caller back to the agent who transferred, or to the
// head of the queue when that agent is gone.
func (a *actor) transferFailed(reason string, status int) {
	if a.target != nil {
		a.dropTarget(reasonCancel)
	}
	if a.kind == callback && a.caller.state != up {
		a.notReached(reason, status)
		return
	}
	if a.xfer.manner == "flow" {
		a.emit(event.TransferFailed{Target: a.xfer.target, Reason: reason, Status: status})
		a.xfer = transferState{}
		a.hush()
		a.phase = inFlow
		a.step(ivr.Done{Reason: reason})
		return
	}
	if a.kind == direct && a.xfer.from == "" {
		a.finish("system", reason, toldOf(status))
		return
	}
	a.emitFor(a.xfer.from, event.TransferFailed{From: a.xfer.from, Target: a.xfer.target, Reason: reason, Status: status})
	if a.agent == nil {
		a.comeBack()
		return
	}
	if a.xfer.byRefer {
		_ = a.agent.dialog.NotifyRefer(toldOf(status), "", true)
	}
	a.phase = talking
	a.caller.leg.StopPlay()
	a.rebridge()
}

// onHandover gives the party that stays in a consultation to another call; what
// remains of this one ends.
func (a *actor) onHandover(m handoverMsg) {
	var p *party
	if m.leaving == a.caller {
		switch {
		case a.agent != nil && a.phase == talking:
			a.unbridge()
			p, a.agent = a.agent, nil
			d := time.Since(a.talk.since)
			a.totalTalk += d
			a.emitFor(p.agent.ID, event.CallUnbridged{Agent: p.agent.ID, Reason: "transfer", TalkMS: ms(d)})
		case a.target != nil && a.target.dialog != nil:
			a.disarm(timerTransfer)
			p, a.target = a.target, nil
		}
	}
	if p != nil && p.role == roleAgent {
		a.x.reengage(p.agent.ID, a.id, m.to.id)
		a.x.router.tell(routing.AgentTaken{Agent: routing.AgentID(p.agent.ID), Call: routing.CallID(m.to.id)})
		a.freeAgent(p) // after that: nobody may find the agent free in between
	}
	taken := m.to.box.post(takeMsg{p})
	if p == nil {
		return
	}
	if taken {
		p.owner.Store(m.to) // only now: what p reports comes after the message that brings p
	} else {
		a.x.free(p, m.to.id)
		a.release(p, reasonFault)
	}
	a.finish("agent", "transferred", 0)
}

// onTake receives the party of a consultation: the attended transfer is done, or
// goes on ringing.
func (a *actor) onTake(m takeMsg) {
	p := m.p
	a.xfer.asked = false
	// The agent may have been lost or have hung up since; the caller then hears music.
	alone := a.phase == transferring && a.agent == nil && a.target == nil
	if p == nil || a.phase != talking && !alone {
		if p != nil {
			a.freeAgent(p)
			a.release(p, reasonCancel)
		}
		if a.phase == ending {
			return
		}
		a.emitFor(a.xfer.from, event.TransferFailed{From: a.xfer.from, Target: a.xfer.target, Reason: "no_consultation", Status: 481})
		switch {
		case alone:
			a.comeBack()
		case a.agent != nil && a.xfer.byRefer:
			_ = a.agent.dialog.NotifyRefer(481, "", true)
		}
		return
	}
	if p.role == roleAgent {
		a.x.router.tell(routing.AgentTaken{Agent: routing.AgentID(p.agent.ID), Call: routing.CallID(a.id)})
	}
	p.held = p.leg != nil && p.state == up && p.leg.RemoteHeld()
	if p.state == up {
		if a.agent != nil {
			a.letGoAfterTransfer()
		}
		a.emitFor(p.agent.ID, event.TransferDone{From: a.xfer.from, Target: a.xfer.target})
		a.join(p)
		return
	}
	a.target = p
	a.unbridge()
	a.phase = transferring
	a.music(a.caller)
	a.after(timerTransfer, transferRing)
}
