package verify

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cagri/internal/event"
	"cagri/internal/routing"
	"cagri/internal/store"
)

// play lets a centre live through n random steps, all of them legal.
func play(t *rapid.T, c *centre, n int) {
	agents := []string{"aysel", "murad", "leyla"}
	queues := []string{"a", "b", "c"}
	pick := func(label string, ok func(*testCall) bool) *testCall {
		var ids []string
		for id, k := range c.calls {
			if ok(k) {
				ids = append(ids, id)
			}
		}
		if len(ids) == 0 {
			return nil
		}
		slices.Sort(ids)
		return c.calls[rapid.SampledFrom(ids).Draw(t, label)]
	}
	waits := func(k *testCall) bool { return k.waiting }
	rung := func(k *testCall) bool { return k.offer.Offer != 0 }
	talks := func(k *testCall) bool { return k.agent != "" }
	idle := func(k *testCall) bool { return !k.waiting && k.agent == "" }
	for range n {
		agent := rapid.SampledFrom(agents).Draw(t, "agent")
		id := routing.AgentID(agent)
		switch rapid.IntRange(0, 17).Draw(t, "step") {
		case 0, 1, 2:
			k := c.arrive()
			c.pass(time.Duration(rapid.IntRange(0, 3).Draw(t, "flow")) * time.Second)
			c.enqueue(k, rapid.SampledFrom(queues).Draw(t, "queue"), rapid.IntRange(0, 2).Draw(t, "priority"), false)
		case 3, 4, 5:
			if k := pick("answered", rung); k != nil {
				c.answer(k)
			}
		case 6, 7:
			if k := pick("ended", func(*testCall) bool { return true }); k != nil {
				c.end(k)
			}
		case 8:
			if k := pick("lost", talks); k != nil {
				c.lose(k)
			}
		case 9:
			if k := pick("moved", waits); k != nil && !rung(k) {
				c.emit(k, "", event.QueueLeft{Queue: k.queue, Reason: "ended"})
				c.enqueue(k, rapid.SampledFrom(queues).Draw(t, "queue"), rapid.IntRange(0, 2).Draw(t, "priority"), false)
			}
		case 10:
			if k := pick("back", idle); k != nil {
				c.enqueue(k, rapid.SampledFrom(queues).Draw(t, "queue"), 0, false)
			}
		case 11:
			served := []routing.QueueID{}
			for _, q := range queues {
				if rapid.Bool().Draw(t, "serves "+q) {
					served = append(served, routing.QueueID(q))
				}
			}
			c.signIn(agent, served...)
		case 12:
			c.tell(routing.AgentReady{Agent: id})
		case 13:
			switch rapid.IntRange(0, 4).Draw(t, "leaves") {
			case 0:
				c.tell(routing.AgentSignedOut{Agent: id, Forced: true})
			case 1:
				c.tell(routing.StationDown{Agent: id})
			case 2:
				c.tell(routing.StationUp{Agent: id})
			case 3:
				c.tell(routing.AgentPaused{Agent: id, Reason: "lunch"})
			default:
				c.tell(routing.WrapUpDone{Agent: id})
			}
		case 14:
			if k := pick("failed", rung); k != nil {
				why := rapid.SampledFrom([]routing.Failure{routing.NoAnswer, routing.Busy, routing.Declined, routing.StationUnreachable}).Draw(t, "why")
				offer := k.offer.Offer
				c.emit(k, string(k.offer.Agent), event.OfferFailed{Offer: uint64(offer), Agent: string(k.offer.Agent), Reason: string(why)})
				k.offer = routing.Decision{}
				c.tell(routing.OfferFailed{Offer: offer, Reason: why})
			}
		case 15:
			// Taken out of the queue by hand, or into a call from elsewhere.
			k := pick("taken", waits)
			free := !slices.ContainsFunc(c.state.Snapshot(c.now).Agents, func(v routing.AgentView) bool {
				return v.Agent == id && (v.State == routing.Talking || v.State == routing.SignedOut)
			})
			switch {
			case !free || !slices.ContainsFunc(c.state.Snapshot(c.now).Agents, func(v routing.AgentView) bool { return v.Agent == id }):
			case k != nil && rapid.Bool().Draw(t, "by hand"):
				c.tell(routing.AgentTaken{Agent: id, Call: routing.CallID(k.id)})
				c.emit(k, "", event.QueueLeft{Queue: k.queue, Reason: "answered"})
				k.waiting, k.offer = false, routing.Decision{}
				c.bridge(k, agent)
			default:
				c.tell(routing.AgentTaken{Agent: id, Call: "CONSULT-" + routing.CallID(agent)})
				c.pass(time.Second)
				c.tell(routing.TalkEnded{Agent: id, Call: "CONSULT-" + routing.CallID(agent)})
			}
		case 16:
			if rapid.IntRange(0, 9).Draw(t, "crash") == 0 {
				crash(c)
			}
		}
		c.pass(time.Duration(rapid.IntRange(0, 9000).Draw(t, "ms")) * time.Millisecond)
		// Sometimes the clock's word comes late, as on a busy machine.
		if rapid.IntRange(0, 3).Draw(t, "tick") > 0 {
			c.tell(routing.Tick{})
		}
	}
}

// crash ends the process; the next start closes what was open.
func crash(c *centre) {
	var ids []string
	for id := range c.calls {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		k := c.calls[id]
		if k.rec {
			c.close(k)
		}
		c.emit(k, "", event.CallEnded{By: "system", Reason: "crash", Outcome: "failed"})
		delete(c.calls, id)
	}
	c.start()
}

// Whatever legal thing happens, nothing is called wrong.
func TestLegalCallsAlwaysHold(t *testing.T) {
	court := newCourt(t)
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		if runs > 1 {
			court.fresh()
		}
		c := newCentre(court.dir)
		play(rt, c, rapid.IntRange(1, 120).Draw(rt, "steps"))
		if r := court.hold(c.events); !r.OK() {
			rt.Fatalf("legal events are called wrong:\n%s", r.Text())
		}
	})
}

// The same without journal and database, so that many more can be played: only the
// checks that look at single events.
func TestLegalRoutersAlwaysHold(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		c := newCentre(dir)
		play(rt, c, rapid.IntRange(1, 150).Draw(rt, "steps"))
		judge(rt, c.events)
	})
}

func FuzzLegalRouters(f *testing.F) {
	dir := f.TempDir()
	f.Fuzz(rapid.MakeFuzz(func(rt *rapid.T) {
		c := newCentre(dir)
		play(rt, c, rapid.IntRange(1, 300).Draw(rt, "steps"))
		judge(rt, c.events)
	}))
}

func judge(t *rapid.T, events []event.Event) {
	calls := newCallChecks()
	router := newRouterChecks(calls.live)
	ended := map[string]bool{}
	for i, e := range events {
		place := uint64(i + 1)
		switch d := e.Data.(type) {
		case event.RouterStarted:
			router.started(e, d, place)
		case event.RouterInput:
			router.input(e, d, place)
		case event.ServerStarted:
			calls.marker()
		case event.OfferMade:
			router.made(e, d, place)
		}
		if e.Call != "" {
			calls.take(e, place, ended)
			if !calls.live(e.Call) {
				router.gone(e.Call)
			}
		}
	}
	calls.finish()
	router.finish()
	for _, c := range []*Check{calls.calls, calls.notice, calls.bridges, calls.recordings, router.replay, router.order} {
		if !c.OK {
			t.Fatalf("legal events are called wrong by %s: %v", c.Name, c.Findings)
		}
	}
	if open, offers := len(calls.open), len(router.offers); offers > open {
		t.Fatalf("%d offers are remembered for %d open calls", offers, open)
	}
}

// While a server writes, every proof holds, wherever it happens to begin.
func TestAWritingServerIsNoFinding(t *testing.T) {
	court := newCourt(t)
	p := store.NewProjector(court.j, court.s, nil, quiet())
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	c := newCentre(court.dir)
	c.signIn("aysel", "a")
	court.write(c.events)
	quit := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 300 { // a slow proof must not let the journal grow without end
			done := len(c.events)
			c.served("a")
			for _, e := range c.events[done:] {
				court.j.Append(e)
			}
			select {
			case <-quit:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	})
	for i := range 5 {
		r, err := Run(context.Background(), court.j, court.s, Options{RecordDir: court.dir, Files: true, CatchUp: 20 * time.Second})
		if err != nil {
			t.Error(err)
		} else if !r.OK() {
			t.Errorf("proof %d while the server writes:\n%s", i, r.Text())
		}
	}
	close(quit)
	wg.Wait()
}
