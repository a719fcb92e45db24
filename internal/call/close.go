package call

import (
	"errors"
	"time"

	"cagri/internal/event"
	"cagri/internal/media/sdp"
	"cagri/internal/routing"
	"cagri/internal/sip"
)

// closeIn bounds the wait for the recording of an ended call to be complete.
const closeIn = 15 * time.Second

// closeState is how the call ends.
type closeState struct {
	begun  bool
	by     string
	reason string
	status int
	at     time.Time
}

// hangUpNow ends a call whose farewell has been said.
func (a *actor) hangUpNow() { a.finish(a.closing.by, a.closing.reason, 0) }

// finish ends the call from any state: the one way down. It lets go of everybody,
// closes the recording, and writes call.ended as the very last step.
func (a *actor) finish(by, reason string, status int) {
	if a.closing.begun {
		return
	}
	if a.phase == ending && by == "caller" {
		reason = a.closing.reason // left during our goodbye: the flow's reason stands
	}
	a.closing = closeState{begun: true, by: by, reason: reason, status: status, at: time.Now()}
	for k := range a.timers {
		a.disarm(timerKind(k))
	}

	a.dismiss()
	why := reasonNormal
	switch reason {
	case "stopping":
		why = reasonStopping
	case "fault", "no_common_media", "caller_lost", "media_lost":
		why = reasonFault
		if a.outcome != "served" {
			a.outcome = "failed"
		}
	}
	switch a.phase {
	case waiting:
		if p := a.agent; p != nil {
			a.unring(p.offer, "caller_left")
		}
		ended := "ended"
		if by == "caller" {
			ended, a.outcome = "abandoned", "abandoned"
		}
		a.leaveQueue(ended)
		a.x.router.tell(routing.CallLeft{Call: routing.CallID(a.id), Reason: reason})
	case talking, transferring:
		if a.agent != nil {
			p := a.part(by + "_hung_up")
			a.release(p, why)
		}
		if a.target != nil {
			a.dropTarget(reasonCancel)
		}
	}
	a.phase = ending
	a.release(a.caller, a.callerReason(why, status))
	message := a.dropMessage()
	if a.closeRecording() || message {
		a.after(timerClose, closeIn)
		return
	}
	a.bury()
}

// buryIfClosed ends an ending call when the last of its files is complete.
func (a *actor) buryIfClosed() {
	if a.phase == ending && a.closing.begun && a.rec.r == nil && a.message == nil {
		a.bury()
	}
}

// callerReason tells a caller who is not answered yet what to think of it.
func (a *actor) callerReason(why sip.Reason, status int) sip.Reason {
	if a.caller.state == dialing || a.caller.state == ringing {
		if status >= 300 {
			return sip.Reason{Protocol: "SIP", Code: status, Text: why.Text}
		}
	}
	return why
}

// bury writes the last event. Nothing of the call may be written after it.
func (a *actor) bury() {
	if a.phase == gone {
		return
	}
	if a.message != nil {
		a.onMessageFailed(errors.New("the message was not complete in time"))
	}
	if a.rec.r != nil && !a.rec.failed {
		a.onRecordFailed(recordFailedMsg{errors.New("the recording was not complete in time")})
	}
	a.emit(event.CallEnded{
		By: a.closing.by, Reason: a.closing.reason, Status: a.closing.status,
		TotalMS: ms(a.closing.at.Sub(a.arrived)), QueueMS: ms(a.totalWait), TalkMS: ms(a.totalTalk), Outcome: a.outcome,
	})
	a.closePromise()
	a.phase = gone
	a.disarm(timerClose)
	a.endDirect()
}

// sdpStatus maps an offer we cannot take to a SIP status.
func sdpStatus(err error) int {
	if errors.Is(err, sdp.ErrMalformed) {
		return 400
	}
	return 488
}
