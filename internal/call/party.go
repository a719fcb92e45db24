package call

import (
	"net/netip"
	"sync/atomic"
	"time"

	"cagri/internal/directory"
	"cagri/internal/event"
	"cagri/internal/media"
	"cagri/internal/media/sdp"
	"cagri/internal/routing"
	"cagri/internal/sip"
)

type role uint8

const (
	roleCaller  role = iota
	roleAgent        // an agent, by an offer of the router or by transfer
	roleOutside      // a number outside, by transfer or dialled by an agent
)

type partyState uint8

const (
	dialing partyState = iota // no final answer yet
	ringing                   // 180 or 183 was seen
	up                        // answered
	left                      // let go of; whatever still comes is ignored
)

// party is one side of a call: a dialog and a leg that live and die together.
// It belongs to the actor that owner points to; an attended transfer hands it to
// another actor.
type party struct {
	owner    atomic.Pointer[actor]
	role     role
	agent    directory.Agent // when role is roleAgent
	number   string          // when role is roleOutside
	offer    routing.OfferID // 0 when not by an offer
	dialog   *sip.Dialog
	leg      *media.Leg
	state    partyState
	began    time.Time // when it was rung
	since    time.Time // of the state
	held     bool      // it put us on hold
	received uint64    // packets, when a held call was looked at last
	late     bool      // our offer went out in the 200; the answer comes with the ACK
	lost     bool      // the line died, nobody hung up
}

func newParty(a *actor, r role) *party {
	now := time.Now()
	p := &party{role: r, began: now, since: now}
	p.owner.Store(a)
	return p
}

// rang is how long the party's phone rang, or has been ringing.
func (p *party) rang() time.Duration {
	if p.state == up {
		return p.since.Sub(p.began)
	}
	return time.Since(p.began)
}

// onSIP and onMedia are the sinks: they only post.
func (p *party) onSIP(ev sip.Event)     { p.post(sipMsg{p, ev}) }
func (p *party) onMedia(ev media.Event) { p.post(mediaMsg{p, ev}) }

// post gives m to the call that p belongs to, also when p is just being handed over
// and the call it came from is gone.
func (p *party) post(m any) {
	for {
		a := p.owner.Load()
		if a.box.post(m) || p.owner.Load() == a {
			return
		}
	}
}

// name is how the journal calls the party's leg.
func (p *party) name() string {
	switch p.role {
	case roleAgent:
		return "agent:" + p.agent.ID
	case roleOutside:
		return "number:" + p.number
	}
	return "caller"
}

// openLeg binds the party's sockets.
func (a *actor) openLeg(p *party, secure bool, signalling netip.Addr) error {
	srtp := sdp.SRTPOff
	if secure {
		srtp = a.x.cfg.SRTP
	}
	var near *media.Leg
	if a.caller != nil {
		near = a.caller.leg
	}
	leg, err := a.x.plane.NewLeg(media.LegOptions{
		Near: near,
		Name: a.id + "/" + p.name(), Sink: p.onMedia, SRTP: srtp,
		// Behind NAT the sound comes from where the signalling does; the leg takes the
		// first valid source there or at the address in the description.
		Signalling: signalling,
	})
	if err != nil {
		return err
	}
	p.leg = leg
	return nil
}

// release ends the party's dialog and leg and writes the account of its media.
// It may be called twice.
func (a *actor) release(p *party, why sip.Reason) {
	if p == nil || p.state == left {
		return
	}
	was := p.state
	s := p.let(a.x, why)
	if p.leg == nil {
		return
	}
	if was != up && p.role != roleCaller {
		return // a phone that only rang has no media worth a line
	}
	a.emitFor(p.agent.ID, event.LegQuality{
		Leg: p.name(), Codec: s.Codec, SRTP: s.SRTP, Received: s.Received, Sent: s.Sent, Lost: s.Lost,
		JitterMS: float64(s.Jitter) / float64(time.Millisecond), RTTMS: float64(s.RTT) / float64(time.Millisecond),
		MOSMin: s.MOSMin, MOSAvg: s.MOSAvg, WrongSource: s.WrongSource,
	})
}

// let ends the party's dialog and leg without a word in any journal.
func (p *party) let(x *Exchange, why sip.Reason) (s media.Stats) {
	p.state = left
	if p.dialog != nil {
		x.untrack(p)
		_ = p.dialog.End(why)
	}
	if p.leg != nil {
		s = p.leg.Close()
	}
	return s
}
