package call

import (
	"context"
	"strings"
	"testing"
	"time"

	"cagri/internal/event"
)

func TestAdmissionLimit(t *testing.T) {
	t.Parallel()
	r := rigFor(t, plan{Agents: 1, MaxCalls: 1})
	r.signIn(0)
	r.phones[0].whenRung(answer)
	c := r.dial("1080")
	comes[event.CallBridged](r, c.call(), nil)
	over := r.dial("1080")
	r.await("the second is refused", over.is(isOver))
	if over.code != 503 || over.retry != 7*time.Second {
		t.Errorf("refused with %d, again in %v", over.code, over.retry)
	}
	if d, _ := comes[event.CallRefused](r, over.call(), nil); d.Reason != "overload" || d.Status != 503 {
		t.Errorf("%+v", d)
	}
	before := c.stats().Received
	r.await("the first goes on", func() bool { return c.stats().Received > before+30 })
	if now, arrived, refused := r.x.Counts(); now != 1 || arrived != 2 || refused != 1 {
		t.Errorf("%d now, %d arrived, %d refused", now, arrived, refused)
	}
	c.hangUp()
	r.await("over", func() bool { now, _, _ := r.x.Counts(); return now == 0 })
	c = r.dial("1080")
	comes[event.CallBridged](r, c.call(), nil)
	c.hangUp()
}

func TestUnknownNumber(t *testing.T) {
	t.Parallel()
	r := rigFor(t, plan{})
	c := r.dial("999")
	r.await("refused", c.is(isOver))
	if end, _ := comes[event.CallEnded](r, c.call(), nil); c.code != 404 || end.Outcome != "refused" || end.Reason != "unknown_number" {
		t.Errorf("%d %+v", c.code, end)
	}
}

func TestDrainLetsRunningCallsEnd(t *testing.T) {
	t.Parallel()
	r := rigFor(t, plan{Agents: 1})
	r.signIn(0)
	r.phones[0].whenRung(answer)
	c := r.dial("1080")
	comes[event.CallBridged](r, c.call(), nil)
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		r.x.Drain(context.Background())
	}()
	r.await("new calls are refused", func() bool {
		r.x.mu.Lock()
		defer r.x.mu.Unlock()
		return r.x.stopping
	})
	late := r.dial("1080")
	r.await("the late one is refused", late.is(isOver))
	if d, _ := comes[event.CallRefused](r, late.call(), nil); late.code != 503 || d.Reason != "stopping" {
		t.Errorf("%d %+v", late.code, d)
	}
	select {
	case <-drained:
		t.Fatal("drained while a call runs")
	default:
	}
	if c.is(isOver)() {
		t.Error("the running call was ended")
	}
	c.hangUp()
	select {
	case <-drained:
	case <-time.After(patience):
		t.Fatal("not drained after the last call")
	}
	if end, _ := comes[event.CallEnded](r, c.call(), nil); end.Reason != "hung_up" {
		t.Errorf("%+v", end)
	}
}

func TestStopEndsWhatIsLeft(t *testing.T) {
	t.Parallel()
	r := rigFor(t, plan{Agents: 1})
	r.signIn(0)
	r.phones[0].whenRung(answer)
	talks := r.dial("1080")
	comes[event.CallBridged](r, talks.call(), nil)
	waits := r.dial("1080")
	comes[event.QueueEntered](r, waits.call(), nil)
	r.x.Stop()
	r.x.Stop()
	for c, outcome := range map[*end]string{talks: "served", waits: "unserved"} {
		end, _, ok := find[event.CallEnded](r.tap, c.call(), nil)
		if !ok || end.Reason != "stopping" || end.Outcome != outcome || end.By != "system" {
			t.Errorf("%v %+v", ok, end)
		}
		r.await("the caller is let go", c.is(isOver))
	}
	r.await("the phone is on the hook", r.phones[0].rung(1).is(isOver))
	r.await("all dialogs over", func() bool { return r.ua.Stats().Dialogs == 0 })
	if s := r.plane.Stats(); s.Legs != 0 || s.Record.Open != 0 {
		t.Errorf("%+v", s)
	}
	r.prove()
	for _, wrong := range r.tap.wrongs() {
		t.Errorf("%s", wrong)
	}
	r.close() // the router is gone: nothing can be asked any more
}

// A fault of the program in one call ends that call and no other.
func TestFaultEndsOneCallOnly(t *testing.T) {
	t.Parallel()
	for _, phase := range []string{"waiting", "talking", "ending"} {
		t.Run(phase, func(t *testing.T) {
			t.Parallel()
			r := rigFor(t, plan{Agents: 2})
			r.signIn(0, 1)
			r.phones[0].whenRung(answer)
			r.phones[1].whenRung(answer)
			other := r.dial("1080")
			comes[event.CallBridged](r, other.call(), nil)
			switch phase {
			case "waiting":
				r.do(1, Pause)
			case "ending":
				r.do(0, SignOut)
				r.do(1, SignOut)
			}
			c := r.dial("1080")
			id := c.call()
			r.await("the call is "+phase, func() bool {
				for _, v := range r.x.Board().Calls {
					if v.ID == id && v.State == phase {
						return true
					}
				}
				return len(r.tap.events(id)) > 0 && r.x.call(id) == nil
			})
			if a := r.x.call(id); a != nil {
				a.box.post(sipMsg{}) // from nobody: a nil party
			}
			end, _ := comes[event.CallEnded](r, id, nil)
			if phase != "ending" && end.Reason != "fault" {
				t.Errorf("%+v", end)
			}
			r.await("the caller is let go", c.is(isOver))
			before := other.stats().Received
			r.await("the other goes on", func() bool { return other.stats().Received > before+30 })
			other.hangUp()
		})
	}
}

// A call that an agent's phone makes in a language of sound that we do not have is
// refused, and the colleague who has picked up by then is let go.
func TestPhoneWithoutOurCodecs(t *testing.T) {
	t.Parallel()
	r := rigFor(t, plan{Agents: 2})
	r.signIn(0, 1)
	r.phones[1].whenRung(answer)
	e := &end{r: r, who: "phone 101 out", wire: r.phones[0].wire}
	e.offer = func(b []byte) []byte {
		s := strings.ReplaceAll(string(b), "RTP/AVP 8 0", "RTP/AVP 18 18")
		s = strings.NewReplacer("PCMA/8000", "G729/8000", "PCMU/8000", "G729/8000", "rtpmap:8 ", "rtpmap:18 ", "rtpmap:0 ", "rtpmap:18 ").Replace(s)
		return []byte(s)
	}
	if err := e.dial(r.phones[0].ua, "101", "102", "101"); err != nil {
		t.Fatal(err)
	}
	r.await("refused", e.is(isOver))
	if e.code != 488 {
		t.Errorf("refused with %d", e.code)
	}
	comes[event.CallEnded](r, e.call(), nil)
	r.await("nobody is held up", func() bool { return r.agent(0).State == "ready" && r.agent(1).State == "ready" })
	if n, rung := r.phones[1].rings(); n > 0 {
		r.await("the colleague is let go", rung.is(isOver))
	}
}
