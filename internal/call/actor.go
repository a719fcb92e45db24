package call

import (
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"cagri/internal/directory"
	"cagri/internal/event"
	"cagri/internal/ivr"
	"cagri/internal/media"
	"cagri/internal/prompt"
	"cagri/internal/sip"
)

// phase is what the caller is going through. It only ever moves to a later one,
// but for the way back from talking to waiting when an agent's line is lost.
type phase uint8

const (
	arriving     phase = iota // INVITE is in, nothing answered yet
	inFlow                    // the voice menu speaks
	waiting                   // in a queue, or an agent's phone rings
	talking                   // caller and agent are connected (or on hold)
	transferring              // the agent is gone or parked, the target rings
	ending                    // goodbye is said, or the recording is being closed
	gone                      // call.ended is written
)

var phaseNames = [...]string{"arriving", "in_flow", "waiting", "talking", "transferring", "ending", "gone"}

func (p phase) String() string { return phaseNames[p] }

// actor is one call. All fields but box belong to its goroutine.
type actor struct {
	x    *Exchange
	id   string
	box  *mailbox
	in   sip.Incoming
	kind actorKind

	body    string
	number  directory.Number
	flow    *ivr.Flow
	machine *ivr.Machine

	phase   phase
	seq     uint64
	arrived time.Time
	lang    prompt.Language

	caller *party
	agent  *party // who is rung or talks; nil otherwise
	target *party // who is rung by a transfer; nil otherwise

	playing   media.PlayID // of the flow's or an announcement's prompt; 0 when none
	timers    [timerKinds]timer
	notice    bool // the notice of recording was heard to its end
	wait      waitState
	talk      talkState
	xfer      transferState
	rec       recordState
	message   *messageState // being left; nil otherwise
	slots     []time.Time   // that the caller was offered
	stay      bool          // the flow goes on after the talk
	lastAgent string        // who spoke with the caller last
	promised  Promise       // of a callback
	reached   bool          // the person of a callback was
	closing   closeState
	totalWait time.Duration
	totalTalk time.Duration
	outcome   string
	view      atomic.Pointer[View] // the only field others read
}

// actorKind tells calls of citizens from calls that agents' phones make.
type actorKind uint8

const (
	citizen  actorKind = iota // comes in by a trunk and follows a flow
	code                      // an agent dialled a feature code
	direct                    // an agent dialled a colleague or a number
	callback                  // we call a person who was promised it
)

// Messages of the mailbox that are not decisions of the router.
type (
	sipMsg struct {
		p  *party
		ev sip.Event
	}
	mediaMsg struct {
		p  *party
		ev media.Event
	}
	timerMsg struct {
		kind timerKind
		gen  uint64
	}
	stopMsg   struct{}            // the server goes down: end now
	hangupMsg struct{ by string } // somebody outside ends the call
	placeMsg  struct {            // answer of the router to a question for the place
		position int
		wait     time.Duration
		known    bool
	}
)

// timer is one that may be armed again and again; gen tells which arming is meant.
type timer struct {
	gen uint64
	t   *time.Timer // nil when none runs
}

type timerKind uint8

const (
	timerFlow     timerKind = iota // ivr.Await ran out
	timerPlay                      // a prompt should have ended long ago
	timerAnnounce                  // tell the caller the place again
	timerConfirm                   // the ACK with the answer of a late offer is overdue
	timerTransfer                  // the target of a transfer rings too long
	timerHold                      // somebody is on hold: look whether all are there
	timerClose                     // the recording takes too long to close
	timerKinds
)

func newActor(x *Exchange, d *sip.Dialog, in sip.Incoming) *actor {
	a := &actor{x: x, outcome: "self_served", id: newCallID(), box: newMailbox(), in: in, arrived: time.Now(), lang: prompt.Azerbaijani, body: "-"}
	a.caller = newParty(a, roleCaller)
	a.caller.dialog = d
	a.caller.state = dialing
	d.SetSink(a.caller.onSIP)
	return a
}

// refuse answers a call that was not let in. It runs on the goroutine of SIP and
// leaves the actor unused.
func (a *actor) refuse(status int, reason string) {
	a.emit(event.CallArrived{Called: a.in.Called, Calling: a.in.Calling, Anonymous: a.in.Anonymous, Trunk: a.in.Source.Name, SIPCallID: shortened(a.in.CallID), Diversion: a.in.Diversion, Secure: a.in.Secure})
	a.emit(event.CallRefused{Status: status, Reason: reason})
	a.emit(event.CallEnded{By: "system", Reason: reason, Status: status, Outcome: "refused"})
	_ = a.caller.dialog.Reject(status, "Service Unavailable", a.x.cfg.RetryAfter)
}

// run is the actor's goroutine.
func (a *actor) run() {
	defer a.x.forget(a)
	a.guard(a.begin)
	a.publish()
	var batch []any
	for a.phase != gone {
		<-a.box.wake
		batch = a.box.take(batch)
		for _, m := range batch {
			if a.phase == gone {
				a.guard(func() { a.tooLate(m) })
				continue
			}
			a.guard(func() { a.handle(m) })
		}
		a.publish()
	}
	for _, m := range a.box.close() {
		a.guard(func() { a.tooLate(m) })
	}
}

// tooLate is for what came after the end of the call and that somebody else waits
// for, or that would be left open by nobody's taking it.
func (a *actor) tooLate(m any) {
	switch m := m.(type) {
	case sipMsg:
		a.forward(m.p, m)
	case mediaMsg:
		a.forward(m.p, m)
	case handoverMsg:
		m.to.box.post(takeMsg{})
	case takeMsg:
		if m.p != nil {
			a.x.free(m.p, a.id)
			m.p.let(a.x, reasonCancel)
		}
	case transferMsg:
		m.reply <- ErrNoSuchCall
	case replaceMsg:
		if to := m.q.owner.Load(); to != a {
			m.p.owner.Store(to)
			if to.box.post(m) {
				return
			}
		}
		if m.p.state != left {
			a.refuseReplace(m, 481)
		}
	case yieldMsg:
		m.r.asked = true
		if !m.to.box.post(m.r) {
			m.to.tooLate(m.r)
		}
	}
}

// forward passes on what came for a party that was handed over meanwhile.
func (a *actor) forward(p *party, m any) {
	if p != nil && p.owner.Load() != a {
		p.post(m)
	}
}

// guard keeps a fault in one call from ending all the others.
func (a *actor) guard(f func()) {
	defer func() {
		if r := recover(); r != nil {
			a.x.log.Error("a call failed by a fault of the program", "call", a.id, "phase", a.phase.String(), "fault", r, "stack", string(debug.Stack()))
			if a.closing.begun {
				a.bury() // closing down failed itself: write the end and let go
				return
			}
			a.guard(func() { a.finish("system", "fault", 500) })
		}
	}()
	f()
}

func (a *actor) handle(m any) {
	switch m := m.(type) {
	case sipMsg:
		a.onSIP(m.p, m.ev)
	case mediaMsg:
		a.onMedia(m.p, m.ev)
	case timerMsg:
		if m.gen == a.timers[m.kind].gen {
			a.onTimer(m.kind)
		}
	case decided:
		a.onDecision(m)
	case placeMsg:
		a.announcePlace(m)
	case recordClosedMsg:
		a.onRecordClosed(m)
	case messageClosedMsg:
		a.onMessageClosed(m)
	case messageFailedMsg:
		a.onMessageFailed(m.err)
	case recordFailedMsg:
		a.onRecordFailed(m)
	case handoverMsg:
		a.onHandover(m)
	case takeMsg:
		a.onTake(m)
	case agentFreeMsg:
		a.onAgentFree(m)
	case transferMsg:
		a.askTransfer(m)
	case replaceMsg:
		a.onReplace(m)
	case yieldMsg:
		a.onYield(m)
	case hangupMsg:
		a.finish(m.by, "hung_up", 0)
	case stopMsg:
		a.finish("system", "stopping", 503)
	}
}

// emit writes the next step of this call into the journal.
func (a *actor) emit(p event.Payload) { a.emitFor("", p) }

// emitFor is emit for a step that concerns an agent.
func (a *actor) emitFor(agent string, p event.Payload) {
	a.seq++
	a.x.journal.Append(event.Event{
		ID: fmt.Sprintf("%s-%d", a.id, a.seq), At: time.Now().UTC(),
		Body: a.body, Call: a.id, Agent: agent, Seq: a.seq, Data: p,
	})
}

// after arms timer kind anew; an older one of that kind is void.
func (a *actor) after(kind timerKind, d time.Duration) {
	a.disarm(kind)
	gen := a.timers[kind].gen
	a.timers[kind].t = time.AfterFunc(d, func() { a.box.post(timerMsg{kind, gen}) })
}

// disarm makes a running timer void. It is stopped as well, so that it does not keep
// a call that is over in memory until then.
func (a *actor) disarm(kind timerKind) {
	t := &a.timers[kind]
	t.gen++
	if t.t != nil {
		t.t.Stop()
		t.t = nil
	}
}

func (a *actor) onTimer(kind timerKind) {
	switch kind {
	case timerFlow:
		if a.message != nil {
			a.endMessage()
			return
		}
		a.step(ivr.Timeout{})
	case timerPlay:
		a.notPlayed()
	case timerAnnounce:
		a.askPlace()
	case timerConfirm:
		a.finish("caller", "no_answer_to_offer", 0)
	case timerTransfer:
		a.transferFailed("no_answer", 408)
	case timerHold:
		a.probeHeld()
	case timerClose:
		a.bury()
	}
}
