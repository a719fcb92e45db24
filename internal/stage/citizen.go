package stage

import (
	"context"
	"fmt"
	"strings"
	"time"

	"cagri/internal/media"
	"cagri/internal/sip"
)

// citizen is one call from dialling to the end. The citizen speaks from the moment
// of the answer, presses keys through the menus, and may lose patience.
func (s *Stage) citizen(ctx context.Context, n int) {
	events := make(chan sip.Event, 64)
	leg, err := s.plane.NewLeg(media.LegOptions{Name: fmt.Sprintf("citizen-%d", n), Sink: func(media.Event) {}})
	if err != nil {
		s.log.Error("a citizen has no line", "err", err)
		return
	}
	pilot := CitizenPilots + n%20
	call := PlacedCall{Pilot: pilot}
	defer func() {
		st := leg.Close()
		s.note(func(t *Tally) {
			t.Calls = append(t.Calls, call)
			if st.Received > 100 {
				t.MOS = append(t.MOS, st.MOSAvg)
			}
		})
	}()
	offer, err := leg.Offer()
	if err != nil {
		s.log.Error("a citizen has no offer", "err", err)
		return
	}
	s.note(func(t *Tally) { t.Placed++ })
	d, err := s.callers.Dial(sip.DialRequest{
		Targets: s.callers.TrunkTargets("server", s.cfg.Number), Trunk: "server", ToUser: s.cfg.Number,
		FromNumber: fmt.Sprintf("01249%05d", 10000+n), SDP: offer, RingTimeout: 30 * time.Second,
	}, func(ev sip.Event) {
		select {
		case events <- ev:
		default:
		}
	})
	if err != nil {
		s.log.Error("a citizen could not dial", "err", err)
		return
	}

	patience := time.NewTimer(time.Hour)
	defer patience.Stop()
	keys := time.NewTimer(time.Hour)
	defer keys.Stop()
	// The keys a caller presses: language, then the menu. Some press a wrong one first.
	todo := []byte("10")
	if s.chance(0.15) {
		todo = []byte("190")
	}
	impatient := s.chance(0.1)
	for {
		select {
		case <-ctx.Done():
			_ = d.End(sip.Reason{})
			return
		case <-s.stopping:
			_ = d.End(sip.Reason{})
			return
		case <-keys.C:
			if len(todo) == 0 {
				if impatient {
					patience.Reset(s.draw(s.cfg.Patience))
				}
				continue
			}
			_ = leg.SendDigit(todo[0], 120*time.Millisecond)
			todo = todo[1:]
			keys.Reset(2500 * time.Millisecond)
		case <-patience.C:
			call.GaveUp = true
			s.note(func(t *Tally) { t.Abandoned++ })
			_ = d.End(sip.Reason{})
			return
		case ev := <-events:
			switch ev := ev.(type) {
			case sip.Answered:
				if err := leg.Accept(ev.SDP); err != nil {
					s.log.Error("a citizen does not understand the answer", "err", err)
					_ = d.End(sip.Reason{})
					return
				}
				call.Connected = true
				call.CallID, _, _ = strings.Cut(d.ID(), ";local=")
				s.note(func(t *Tally) { t.Connected++ })
				leg.Play(voice(uint64(n), pilot))
				keys.Reset(9 * time.Second) // greeting and notice come first
			case sip.Offered:
				if ev.SDP == nil {
					if body, err := leg.Offer(); err == nil {
						_ = d.AnswerOffer(body)
					}
				} else if body, err := leg.Answer(ev.SDP); err == nil {
					_ = d.AnswerOffer(body)
				} else {
					_ = d.RefuseOffer(488, "")
				}
			case sip.Failed:
				s.note(func(t *Tally) { t.Refused[ev.Code]++ })
				return
			case sip.Ended:
				s.note(func(t *Tally) { t.EndedByUs++ })
				return
			case sip.Cancelled:
				return
			}
		}
	}
}
