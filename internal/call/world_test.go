package call

import (
	"slices"
	"testing"
	"time"

	"cagri/internal/directory"
	"cagri/internal/event"
)

// The directory changes under running calls: who talks goes on, a new number
// answers, an agent who is gone gets no call, one who comes back does.
func TestTheDirectoryChangesWhileCallsRun(t *testing.T) {
	t.Parallel()
	r := rigFor(t, plan{Agents: 2})
	r.signIn(0, 1)
	for _, p := range r.phones {
		p.whenRung(answer)
	}
	first := r.dial("1080")
	b, _ := comes[event.CallBridged](r, first.call(), nil)
	talks, other := 0, 1
	if b.Agent == "agent102" {
		talks, other = 1, 0
	}
	w := r.x.known()
	full := *w.dir
	change := func(f func(d *directory.Directory)) {
		t.Helper()
		d := full
		d.Agents, d.Numbers = slices.Clone(full.Agents), slices.Clone(full.Numbers)
		f(&d)
		if err := r.x.Change(World{Directory: &d, Flows: w.flows}); err != nil {
			t.Fatal(err)
		}
	}
	late := r.dial("1999")
	r.await("a number that is not there is refused", late.is(isOver))

	// The agent in the talk is removed, and a number comes.
	change(func(d *directory.Directory) {
		d.Agents = slices.Delete(d.Agents, talks, talks+1)
		d.Numbers = append(d.Numbers, directory.Number{Dial: "1999", Body: "b", Flow: "general"})
	})
	heard := first.stats().Received
	second := r.dial("1999")
	c, _ := comes[event.CallBridged](r, second.call(), nil)
	if c.Agent != "agent"+agentName(other) {
		t.Errorf("the new number's caller talks with %s", c.Agent)
	}
	r.await("the first talk goes on", func() bool { return first.stats().Received > heard+20 })
	second.hangUp()
	first.hangUp()
	r.await("both are over", func() bool { n, _, _ := r.x.Counts(); return n == 0 })
	for range 2 { // the other one is the only one left
		c := r.dial("1080")
		if b, _ := comes[event.CallBridged](r, c.call(), nil); b.Agent != "agent"+agentName(other) {
			t.Errorf("%s, who is gone, gets a call", b.Agent)
		}
		c.hangUp()
		r.await("over", func() bool { n, _, _ := r.x.Counts(); return n == 0 })
	}

	// All is as it was; who came back is not signed in by that.
	change(func(*directory.Directory) {})
	r.do(other, SignOut)
	r.signIn(talks)
	third := r.dial("1080")
	if b, _ := comes[event.CallBridged](r, third.call(), nil); b.Agent != "agent"+agentName(talks) {
		t.Errorf("bridged with %s", b.Agent)
	}
	third.hangUp()

	// What does not hold together changes nothing.
	if err := r.x.Change(World{Directory: &directory.Directory{Numbers: []directory.Number{{Dial: "1", Body: "nobody", Flow: "general"}}}, Flows: w.flows}); err == nil {
		t.Error("a broken directory was put in force")
	}
	if r.x.known().agents["agent101"].ID == "" {
		t.Error("the directory is gone")
	}
}

// A promise whose queue is not there at the start is kept when a change brings it.
func TestAPromiseOfAQueueThatComesLater(t *testing.T) {
	t.Parallel()
	promise := Promise{Of: "earlier", Queue: "later", Body: "b", Called: "1080", Number: "0501112233", Language: "az", Since: time.Now()}
	r := rigFor(t, plan{Agents: 1, Home: freeAddr(t), Promises: []Promise{promise}})
	h := newHome(t, r, answer)
	r.phones[0].whenRung(answer)
	w := r.x.known()
	d := *w.dir
	d.Queues = append(slices.Clone(d.Queues), directory.Queue{ID: "later", Body: "b", Ring: 10 * time.Second})
	d.Agents = slices.Clone(d.Agents)
	d.Agents[0].Queues = []string{"general", "later"}
	r.do(0, SignIn)
	if err := r.x.Change(World{Directory: &d, Flows: w.flows}); err != nil {
		t.Fatal(err)
	}
	back := somewhere(r, func(a event.CallArrived) bool { return a.Trunk == trunkOfCallback })
	comes[event.CallBridged](r, back.Call, nil)
	h.last().hangUp()
	comes[event.CallEnded](r, back.Call, func(e event.CallEnded) bool { return e.Outcome == "served" })
}

// After a restart who was at work is at work again, as soon as the phone is heard of;
// who was paused is paused; who is not in the directory any more is nobody.
func TestAgentsComeBackAfterARestart(t *testing.T) {
	t.Parallel()
	r := rigFor(t, plan{Agents: 3, Returning: []Returning{{Agent: "agent101"}, {Agent: "agent102", Paused: true, Reason: "lunch"}, {Agent: "gone"}}})
	r.await("ready again", func() bool { return r.agent(0).State == "ready" })
	if a := r.agent(1); a.State != "paused" || a.Reason != "lunch" {
		t.Errorf("%+v", a)
	}
	if a := r.agent(2); a.State != "signed_out" {
		t.Errorf("%+v", a)
	}
	r.phones[0].whenRung(answer)
	c := r.dial("1080")
	if b, _ := comes[event.CallBridged](r, c.call(), nil); b.Agent != "agent101" {
		t.Errorf("%+v", b)
	}
	c.hangUp()
}
