package call

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"cagri/internal/directory"
	"cagri/internal/event"
	"cagri/internal/sip"
	"cagri/internal/sip/trunk"
)

// home is a person's own telephone behind the carrier.
type home struct {
	r  *rig
	ua *sip.UA

	mu     sync.Mutex // guards the two below
	ends   []*end
	onRing func(*end)
}

// freeAddr is an address nobody listens on at present.
func freeAddr(t *testing.T) string {
	t.Helper()
	c, err := net.ListenPacket("udp", carrierIP+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().String()
}

func newHome(t *testing.T, r *rig, onRing func(*end)) *home {
	t.Helper()
	h := &home{r: r, onRing: onRing}
	var err error
	if h.ua, err = sip.New(sip.Config{
		Listen: []sip.Listen{{Network: "udp", Addr: r.plan.Home}}, T1: r.plan.T1, T2: 8 * r.plan.T1,
		Trunks: []trunk.Config{{Name: "server", Sources: []string{"127.0.0.1/32"}, Health: trunk.Health{Off: true}, Numbers: asIs}},
	}, h, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	if err := h.ua.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.ua.Stop)
	return h
}

func (h *home) Invite(d *sip.Dialog, in sip.Incoming) {
	e := &end{r: h.r, who: "home", wire: h.r.line, d: d, in: in, callID: in.CallID}
	d.SetSink(e.sink)
	h.mu.Lock()
	h.ends = append(h.ends, e)
	h.mu.Unlock()
	_ = d.Ring()
	go h.onRing(e)
}

func (h *home) last() *end {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.ends) == 0 {
		return nil
	}
	return h.ends[len(h.ends)-1]
}

func (h *home) PhoneChanged(string, bool) {}
func (h *home) Alarm(string, error)       {}

// somewhere waits for an event of any call.
func somewhere[E event.Payload](r *rig, f func(E) bool) event.Event {
	r.t.Helper()
	var found event.Event
	var kind E
	r.await(string(kind.Kind()), func() bool {
		r.tap.mu.Lock()
		defer r.tap.mu.Unlock()
		for _, e := range r.tap.all {
			if d, ok := e.Data.(E); ok && (f == nil || f(d)) {
				found = e
				return true
			}
		}
		return false
	})
	return found
}

func busyLine() []directory.Queue {
	return []directory.Queue{{ID: "general", Ring: 10 * time.Second, SetAside: time.Second, MaxWait: time.Second}}
}

// Who was promised a call back is rung when an agent is free, hears the notice before
// anything is recorded, and talks with the agent.
func TestAPromiseIsKept(t *testing.T) {
	t.Parallel()
	r := rigFor(t, plan{Agents: 1, Flow: everyWay, Queues: busyLine(), Home: freeAddr(t)})
	h := newHome(t, r, answer)
	r.phones[0].whenRung(answer)
	r.signIn(0)
	first := r.dial("1080")
	comes[event.CallBridged](r, first.call(), nil)
	second := r.dial("1080")
	second.after("people", "timed_out")
	second.press("1")
	p, _ := comes[event.CallbackPromised](r, second.call(), nil)
	comes[event.CallEnded](r, second.call(), func(e event.CallEnded) bool { return e.Outcome == "promised" })
	if h.last() != nil {
		t.Error("the person is rung while the only agent talks")
	}
	first.hangUp()
	back := somewhere(r, func(a event.CallArrived) bool { return a.Trunk == trunkOfCallback })
	if a := back.Data.(event.CallArrived); a.Calling != p.Number || a.Called != "1080" {
		t.Errorf("%+v", a)
	}
	if q, _ := comes[event.QueueEntered](r, back.Call, nil); q.SinceMS != p.SinceMS {
		t.Errorf("place of %d, promised was that of %d", q.SinceMS, p.SinceMS)
	}
	_, noticed := comes[event.NoticePlayed](r, back.Call, nil)
	_, kept := comes[event.RecordingStarted](r, back.Call, nil)
	if kept < noticed {
		t.Error("recorded before the notice")
	}
	b, _ := comes[event.CallBridged](r, back.Call, nil)
	if b.Agent != "agent101" {
		t.Errorf("%+v", b)
	}
	person := h.last()
	heard := person.stats().Received
	r.await("the person hears the agent", func() bool { return person.stats().Received > heard+20 })
	person.hangUp()
	comes[event.CallEnded](r, back.Call, func(e event.CallEnded) bool { return e.Outcome == "served" })
	of := second.call()
	c := somewhere(r, func(c event.CallbackClosed) bool { return c.Of == of }).Data.(event.CallbackClosed)
	if c.Outcome != "reached" || c.By != back.Call {
		t.Errorf("%+v", c)
	}
	r.await("the agent is ready again", func() bool { return r.agent(0).State == "ready" })
}

// Nobody answers at home: the agent is free again and the journal says so.
func TestAPromiseThatReachesNobody(t *testing.T) {
	t.Parallel()
	promise := Promise{Of: "earlier", Queue: "general", Body: "b", Called: "1080", Number: "0501112233", Language: "az", Since: time.Now().Add(-time.Hour)}
	r := rigFor(t, plan{Agents: 1, Home: freeAddr(t), Promises: []Promise{promise}})
	newHome(t, r, func(e *end) { _ = e.d.Reject(486, "Busy Here", 0) })
	r.phones[0].whenRung(answer)
	r.do(0, SignIn)
	c := somewhere(r, func(c event.CallbackClosed) bool { return c.Of == "earlier" }).Data.(event.CallbackClosed)
	if c.Outcome != "not_reached" {
		t.Errorf("%+v", c)
	}
	end, _ := comes[event.CallEnded](r, c.By, nil)
	if end.Reason != "not_reached" || end.Outcome != "unserved" {
		t.Errorf("%+v", end)
	}
	f, _ := comes[event.TransferFailed](r, c.By, nil)
	if f.Status != 486 || f.Target != "0501112233" {
		t.Errorf("%+v", f)
	}
	r.await("the agent is ready again", func() bool { return r.agent(0).State == "ready" })
}

// The agent hangs up while the person's telephone rings.
func TestTheAgentGivesAPromiseUp(t *testing.T) {
	t.Parallel()
	promise := Promise{Of: "earlier", Queue: "general", Body: "b", Called: "1080", Number: "0501112233", Language: "az", Since: time.Now()}
	r := rigFor(t, plan{Agents: 1, Home: freeAddr(t), Promises: []Promise{promise}})
	h := newHome(t, r, func(*end) {})
	r.phones[0].whenRung(answer)
	r.do(0, SignIn)
	r.await("home rings", func() bool { return h.last() != nil })
	r.phones[0].last().hangUp()
	r.await("home rings no more", h.last().is(isOver))
	somewhere(r, func(c event.CallbackClosed) bool { return c.Of == "earlier" && c.Outcome == "not_reached" })
}

// A booked call comes at its time, not before.
func TestABookedCallComesAtItsTime(t *testing.T) {
	t.Parallel()
	due := time.Now().Add(2 * time.Second)
	promise := Promise{Of: "earlier", Queue: "general", Body: "b", Called: "1080", Number: "0501112233", Language: "az", Since: time.Now(), Due: due}
	r := rigFor(t, plan{Agents: 1, Home: freeAddr(t), Promises: []Promise{promise}})
	h := newHome(t, r, answer)
	r.phones[0].whenRung(answer)
	r.do(0, SignIn)
	back := somewhere(r, func(a event.CallArrived) bool { return a.Trunk == trunkOfCallback })
	if back.At.Before(due.Add(-10 * time.Millisecond)) {
		t.Errorf("%v too early", due.Sub(back.At))
	}
	comes[event.CallBridged](r, back.Call, nil)
	h.last().hangUp()
	comes[event.CallEnded](r, back.Call, func(e event.CallEnded) bool { return e.Outcome == "served" })
}
