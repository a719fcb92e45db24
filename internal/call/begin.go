package call

import (
	"strings"
	"time"

	"cagri/internal/event"
	"cagri/internal/ivr"
	"cagri/internal/sip"
)

// confirmIn is how long a caller may take to send the answer to our offer with
// the ACK: 64·T1 of RFC 3261 and some.
const confirmIn = 35 * time.Second

// begin decides what the call is and answers it.
func (a *actor) begin() {
	if a.kind == callback {
		a.beginCallback()
		return
	}
	a.classify()
	a.emit(event.CallArrived{
		Called: a.in.Called, Calling: a.in.Calling, Anonymous: a.in.Anonymous, Trunk: a.in.Source.Name,
		SIPCallID: shortened(a.in.CallID), Diversion: a.in.Diversion, Secure: a.in.Secure,
	})
	switch a.kind {
	case code:
		a.answerCaller()
		a.runCode()
		return
	case direct:
		a.beginDirect()
		return
	}
	if a.flow == nil {
		a.turnAway(404, "unknown_number")
		return
	}
	a.answerCaller()
}

// classify finds out what was dialled, and by whom.
func (a *actor) classify() {
	x := a.x
	n, ours := x.known().numbers[a.in.Called]
	if ours {
		a.number, a.body, a.flow = n, n.Body, x.known().flows[n.Flow]
	}
	if a.in.Source.Kind != sip.FromPhone {
		return
	}
	if agent, ok := x.known().agents[x.known().phones[a.in.Source.Name]]; ok && !ours {
		a.body = agent.Body
	}
	if _, star := ParseCode(a.in.Called); star {
		a.kind = code
	} else if !ours {
		a.kind = direct
	}
}

// turnAway ends a call that cannot be served, before it is answered.
func (a *actor) turnAway(status int, reason string) {
	if a.target != nil { // of an agent's own call: the far side has picked up already
		a.dropTarget(reasonFault)
	}
	a.emit(event.CallRefused{Status: status, Reason: reason})
	_ = a.caller.dialog.Reject(status, "", 0)
	a.caller.state = left
	a.x.untrack(a.caller)
	if a.caller.leg != nil {
		a.caller.leg.Close()
	}
	a.phase = gone
	a.endDirect()
	a.emit(event.CallEnded{By: "system", Reason: reason, Status: status, TotalMS: ms(time.Since(a.arrived)), Outcome: "refused"})
}

// answerCaller picks up. With an offer in the INVITE the sound runs at once, even
// before the ACK; without one ours goes out and the flow waits for the answer.
func (a *actor) answerCaller() {
	p := a.caller
	if err := a.openLeg(p, a.in.Secure, a.in.Source.Addr.Addr()); err != nil {
		a.x.Alarm("no_media", err)
		a.turnAway(503, "no_media")
		return
	}
	var body []byte
	var err error
	if a.in.SDP != nil {
		body, err = p.leg.Answer(a.in.SDP)
	} else {
		body, err = p.leg.Offer()
		p.late = true
	}
	if err != nil {
		a.turnAway(sdpStatus(err), "no_common_media")
		return
	}
	if err := p.dialog.Answer(body); err != nil {
		a.finish("system", "answer_failed", 0)
		return
	}
	p.state, p.since = up, time.Now()
	a.phase = inFlow
	if p.late {
		a.after(timerConfirm, confirmIn)
		return
	}
	a.answered()
}

// answered goes on when caller and we can hear each other.
func (a *actor) answered() {
	s := a.caller.leg.Stats()
	a.emit(event.CallAnswered{Codec: s.Codec, SRTP: s.SRTP})
	if a.kind == citizen {
		a.machine = ivr.NewMachine(a.flow)
		a.step(ivr.Start{Withheld: a.in.Calling == ""})
	}
}

// shortened bounds a Call-ID as the journal keeps it: long enough to find it in any log.
func shortened(id string) string {
	const most = 255
	if len(id) > most {
		id = strings.ToValidUTF8(id[:most], "")
	}
	return id
}

func ms(d time.Duration) int64 { return d.Milliseconds() }
