package stage

import (
	"context"
	"fmt"
	"sync"
	"time"

	"cagri/internal/media"
	"cagri/internal/sip"
)

// office is the handler of the phones' user agent: the server rings a phone.
type office struct{ s *Stage }

// Invite implements sip.Handler.
func (o office) Invite(d *sip.Dialog, in sip.Incoming) {
	desk := o.s.desks[in.Called]
	if desk == nil {
		d.SetSink(func(sip.Event) {})
		_ = d.Reject(404, "Not Found", 0)
		return
	}
	desk.rung(d, in)
}

// PhoneChanged implements sip.Handler.
func (office) PhoneChanged(string, bool) {}

// Alarm implements sip.Handler.
func (o office) Alarm(what string, err error) { o.s.log.Warn("stage", "what", what, "err", err) }

// desk is one agent with a phone: rings a little, picks up, speaks, hangs up.
// One call at a time, as the router promises; a second one is answered with busy
// and shows in the tally.
type desk struct {
	stage *Stage
	user  string
	pilot int

	mu   sync.Mutex // guards busy
	busy bool
}

func (k *desk) rung(d *sip.Dialog, in sip.Incoming) {
	k.mu.Lock()
	taken := k.busy
	k.busy = true
	k.mu.Unlock()
	if taken {
		d.SetSink(func(sip.Event) {})
		_ = d.Reject(486, "Busy Here", 0)
		return
	}
	events := make(chan sip.Event, 64)
	d.SetSink(func(ev sip.Event) {
		select {
		case events <- ev:
		default:
		}
	})
	k.stage.wg.Add(1)
	go func() {
		defer k.stage.wg.Done()
		defer func() {
			k.mu.Lock()
			k.busy = false
			k.mu.Unlock()
		}()
		k.work(d, in, events)
	}()
}

// work is one call at the desk.
func (k *desk) work(d *sip.Dialog, in sip.Incoming, events <-chan sip.Event) {
	s := k.stage
	_ = d.Ring()
	slow := s.chance(0.05) // an agent who is away from the desk
	pickUp := time.NewTimer(s.draw(700 * time.Millisecond))
	defer pickUp.Stop()
	if slow {
		pickUp.Stop()
	}
	hangUp := time.NewTimer(time.Hour)
	defer hangUp.Stop()
	var leg *media.Leg
	defer func() {
		if leg != nil {
			leg.Close()
		}
	}()
	for {
		select {
		case <-s.stopping:
			_ = d.End(sip.Reason{})
			return
		case <-pickUp.C:
			var err error
			leg, err = s.plane.NewLeg(media.LegOptions{Name: "desk-" + k.user, Sink: func(media.Event) {}})
			if err != nil {
				_ = d.Reject(503, "", 0)
				return
			}
			body, err := leg.Answer(in.SDP)
			if err != nil {
				_ = d.Reject(488, "", 0)
				return
			}
			if err := d.Answer(body); err != nil {
				return
			}
			s.note(func(t *Tally) { t.Answered++ })
			leg.Play(voice(uint64(1000+k.pilot), k.pilot%CitizenPilots))
			hangUp.Reset(s.draw(s.cfg.Talk))
		case <-hangUp.C:
			_ = d.End(sip.Reason{})
			return
		case ev := <-events:
			switch ev := ev.(type) {
			case sip.Offered:
				if leg != nil && ev.SDP != nil {
					if body, err := leg.Answer(ev.SDP); err == nil {
						_ = d.AnswerOffer(body)
						continue
					}
				}
				_ = d.RefuseOffer(488, "")
			case sip.Cancelled:
				if slow {
					s.note(func(t *Tally) { t.Missed++ })
				}
				return
			case sip.Failed, sip.Ended:
				return
			}
		}
	}
}

func (s *Stage) registered(user string) bool {
	t, ok := s.phones.Trunks().Trunk(user)
	if !ok {
		return false
	}
	_, ok, _ = t.Registered()
	return ok
}

// signIn waits until each phone is registered, then dials the feature code for
// signing in, as an agent does at the start of a shift.
func (s *Stage) signIn(ctx context.Context) error {
	for _, p := range s.cfg.Phones {
		deadline := time.Now().Add(20 * time.Second)
		for !s.registered(p.User) {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(20 * time.Millisecond):
			}
			if time.Now().After(deadline) {
				return fmt.Errorf("stage: phone %s could not register at %s", p.User, s.cfg.Server)
			}
		}
		s.note(func(t *Tally) { t.Registers++ })
		if err := s.dialCode(ctx, p.User, "*10"); err != nil {
			return fmt.Errorf("stage: agent at phone %s could not sign in: %w", p.User, err)
		}
	}
	return nil
}

// dialCode dials a feature code from a phone and listens until the server has
// said what it did.
func (s *Stage) dialCode(ctx context.Context, user, code string) error {
	leg, err := s.plane.NewLeg(media.LegOptions{Name: "code-" + user, Sink: func(media.Event) {}})
	if err != nil {
		return err
	}
	defer leg.Close()
	offer, err := leg.Offer()
	if err != nil {
		return err
	}
	events := make(chan sip.Event, 16)
	d, err := s.phones.Dial(sip.DialRequest{
		Targets: s.phones.TrunkTargets(user, code), Trunk: user, ToUser: code, FromNumber: user, SDP: offer, RingTimeout: 10 * time.Second,
	}, func(ev sip.Event) { events <- ev })
	if err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			_ = d.End(sip.Reason{})
			return ctx.Err()
		case <-time.After(30 * time.Second):
			_ = d.End(sip.Reason{})
			return fmt.Errorf("the server went on for 30 s")
		case ev := <-events:
			switch ev := ev.(type) {
			case sip.Answered:
				if err := leg.Accept(ev.SDP); err != nil {
					return err
				}
			case sip.Failed:
				return fmt.Errorf("%s was refused with %d %s", code, ev.Code, ev.Reason)
			case sip.Ended:
				return nil
			}
		}
	}
}
