package call

import "time"

// holdProbe is how often a party that sends no sound in a held call is asked whether
// it is still there, when Config.HoldProbe does not say.
const holdProbe = 30 * time.Second

// A phone on hold may send no sound at all, so that silence says nothing about it, and
// one that vanished would be noticed by the session timer only, after half an hour. So
// while anybody is on hold, who sends no sound is asked by SIP (sip.Dialog.Probe), which
// ends the dialog of a party that is not there, and never one of a party that answers.

// watchHold begins to watch when somebody is on hold.
func (a *actor) watchHold() {
	if a.timers[timerHold].t == nil && a.onHold() {
		a.after(timerHold, a.x.cfg.HoldProbe)
	}
}

func (a *actor) onHold() bool {
	for _, p := range []*party{a.caller, a.agent, a.target} {
		if p != nil && p.state == up && p.held {
			return a.phase == talking || a.phase == transferring
		}
	}
	return false
}

// probeHeld asks who has sent no sound since the last look, and looks again later.
func (a *actor) probeHeld() {
	a.disarm(timerHold)
	if !a.onHold() {
		return
	}
	for _, p := range []*party{a.caller, a.agent, a.target} {
		if p == nil || p.state != up || p.leg == nil {
			continue
		}
		n := p.leg.Stats().Received
		if n == p.received {
			_ = p.dialog.Probe() // one that is over by now tells so by itself
		}
		p.received = n
	}
	a.after(timerHold, a.x.cfg.HoldProbe)
}
