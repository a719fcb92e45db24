package call

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"cagri/internal/directory"
	"cagri/internal/event"
)

var twoQueues = []directory.Queue{
	{ID: "general", Ring: 10 * time.Second, SetAside: time.Second},
	{ID: "second", Ring: 10 * time.Second, SetAside: time.Second},
}

// talk brings a caller together with the first agent of a new rig of n agents, of
// whom the others are signed in as well.
func talk(t *testing.T, p plan) (r *rig, c, agent *end, id string) {
	t.Helper()
	r = rigFor(t, p)
	r.signIn(0)
	r.phones[0].whenRung(answer)
	c = r.dial("1080")
	id = c.call()
	comes[event.CallBridged](r, id, nil)
	agent = r.phones[0].rung(1)
	r.await("the agent has picked up", agent.is(isUp))
	for i := 1; i < p.Agents; i++ {
		r.signIn(i)
		r.phones[i].whenRung(answer)
	}
	return r, c, agent, id
}

func (e *end) refer(to string) int {
	e.mu.Lock()
	d := e.d
	e.mu.Unlock()
	return e.wire.refer(d.ID(), to)
}

func TestBlindTransferToAColleague(t *testing.T) {
	t.Parallel()
	r, c, agent, id := talk(t, plan{Agents: 2})
	if code := agent.refer("sip:102@host"); code != 202 {
		t.Fatalf("REFER was answered %d", code)
	}
	comes[event.CallBridged](r, id, func(b event.CallBridged) bool { return b.Agent == "agent102" })
	done, _ := comes[event.TransferDone](r, id, nil)
	if done.From != "agent101" || done.Target != "102" {
		t.Errorf("%+v", done)
	}
	r.await("the first is let go", agent.is(isOver))
	r.await("the phone is told", func() bool { return strings.HasSuffix(agent.wire.result(agent.callID), "200 OK") })
	r.await("the first is ready, the second talks", func() bool { return r.agent(0).State == "ready" && r.agent(1).State == "talking" })
	c.hangUp()
	comes[event.CallEnded](r, id, nil)
	r.await("ready", func() bool { return r.agent(1).State == "ready" })
}

func TestBlindTransferThatFailsComesBack(t *testing.T) {
	t.Parallel()
	r, c, agent, id := talk(t, plan{Agents: 2})
	r.phones[1].whenRung(refuse(486))
	if code := agent.refer("sip:102@host"); code != 202 {
		t.Fatalf("REFER was answered %d", code)
	}
	if failed, _ := comes[event.TransferFailed](r, id, nil); failed.Reason != "busy" || failed.Status != 486 || failed.Target != "102" {
		t.Errorf("%+v", failed)
	}
	r.await("the phone is told", func() bool { return strings.Contains(agent.wire.result(agent.callID), " 486 ") })
	before := c.stats().Received
	r.await("they hear each other again", func() bool { return c.stats().Received > before+30 })
	if v := r.agent(0); v.State != "talking" || v.Call != id {
		t.Errorf("%+v", v)
	}
	if code := agent.refer("sip:nowhere@host"); code != 404 {
		t.Errorf("REFER to nobody was answered %d", code)
	}
	if code := agent.refer("sip:101@host"); code != 202 {
		t.Errorf("REFER to itself was answered %d", code)
	}
	comes[event.TransferFailed](r, id, func(f event.TransferFailed) bool { return f.Target == "101" && f.Reason == "busy" })
	agent.hangUp()
	r.await("the caller is let go", c.is(isOver))
}

// A phone that hangs up right after its REFER has left the caller to us.
func TestBlindTransferGoesOnWithoutThePhone(t *testing.T) {
	t.Parallel()
	r, c, agent, id := talk(t, plan{Agents: 2})
	r.phones[1].whenRung(nil)
	if code := agent.refer("sip:102@host"); code != 202 {
		t.Fatalf("REFER was answered %d", code)
	}
	second := r.phones[1].rung(1)
	agent.hangUp()
	comes[event.CallUnbridged](r, id, nil)
	r.await("the first is free", func() bool { return r.agent(0).State == "ready" })
	// The target does not want the call: the caller is at the head of the queue.
	refuse(603)(second)
	comes[event.QueueEntered](r, id, func(q event.QueueEntered) bool { return q.Returned })
	comes[event.CallBridged](r, id, func(b event.CallBridged) bool { return b.Agent == "agent101" && b.Offer != 0 })
	c.hangUp()
}

func TestBlindTransferToAQueue(t *testing.T) {
	t.Parallel()
	r, c, agent, id := talk(t, plan{Agents: 2, Queues: twoQueues})
	if code := agent.refer("sip:second@host"); code != 202 {
		t.Fatalf("REFER was answered %d", code)
	}
	comes[event.QueueEntered](r, id, func(q event.QueueEntered) bool { return q.Queue == "second" && !q.Returned })
	comes[event.CallBridged](r, id, func(b event.CallBridged) bool { return b.Agent == "agent102" })
	r.await("the first is let go", agent.is(isOver))
	c.hangUp()
}

func TestBlindTransferToANumberOfOurs(t *testing.T) {
	t.Parallel()
	r, c, _, id := talk(t, plan{Agents: 2, Queues: twoQueues})
	if err := r.x.Transfer(id, "1081"); err != nil {
		t.Fatal(err)
	}
	comes[event.QueueEntered](r, id, func(q event.QueueEntered) bool { return q.Queue == "second" })
	comes[event.CallBridged](r, id, func(b event.CallBridged) bool { return b.Agent == "agent102" })
	if n := count[event.NoticePlayed](r.tap, id); n != 2 {
		t.Errorf("the notice was played %d times", n)
	}
	c.hangUp()
}

func TestTransferByTheBoard(t *testing.T) {
	t.Parallel()
	r, c, _, id := talk(t, plan{Agents: 2})
	if err := r.x.Transfer(id, "nobody"); !errors.Is(err, ErrNoSuchTarget) {
		t.Errorf("%v", err)
	}
	if err := r.x.Transfer("none", "102"); !errors.Is(err, ErrNoSuchCall) {
		t.Errorf("%v", err)
	}
	if err := r.x.Transfer(id, "agent102"); err != nil {
		t.Errorf("%v", err)
	}
	comes[event.CallBridged](r, id, func(b event.CallBridged) bool { return b.Agent == "agent102" })
	if err := r.x.Hangup(id); err != nil {
		t.Errorf("%v", err)
	}
	if end, _ := comes[event.CallEnded](r, id, nil); end.By != "system" || end.Reason != "hung_up" {
		t.Errorf("%+v", end)
	}
	r.await("the caller is let go", c.is(isOver))
}

// replaces is the address that names a consultation in a Refer-To.
func replaces(consult *end, user string) string {
	consult.mu.Lock()
	id := consult.d.ID()
	consult.mu.Unlock()
	callID, rest, _ := strings.Cut(id, ";local=")
	local, remote, _ := strings.Cut(rest, ";remote=")
	return fmt.Sprintf("sip:%s@host?Replaces=%s", user, url.QueryEscape(fmt.Sprintf("%s;to-tag=%s;from-tag=%s", callID, remote, local)))
}

func TestAttendedTransfer(t *testing.T) {
	t.Parallel()
	r, c, agent, id := talk(t, plan{Agents: 2})
	agent.hold(true)
	comes[event.CallHeld](r, id, nil)
	consult := r.phones[0].dial("102")
	r.await("the colleague answers", consult.is(isUp))
	second := r.phones[1].rung(1)
	if code := agent.refer(replaces(consult, "102")); code != 202 {
		t.Fatalf("REFER was answered %d", code)
	}
	comes[event.CallBridged](r, id, func(b event.CallBridged) bool { return b.Agent == "agent102" })
	r.await("the phone of the first is free", func() bool { return agent.is(isOver)() && consult.is(isOver)() })
	if second.is(isOver)() {
		t.Error("the colleague was cut off")
	}
	before := c.stats().Received
	r.await("the caller hears the colleague", func() bool { return c.stats().Received > before+30 })
	r.await("the first is ready, the second talks", func() bool { return r.agent(0).State == "ready" && r.agent(1).Call == id })
	if end, _ := comes[event.CallEnded](r, consult.call(), nil); end.Reason != "transferred" {
		t.Errorf("%+v", end)
	}
	second.hangUp()
	if end, _ := comes[event.CallEnded](r, id, nil); end.By != "agent" {
		t.Errorf("%+v", end)
	}
	r.await("both ready", func() bool { return r.agent(0).State == "ready" && r.agent(1).State == "ready" })
}

// The agent does not wait until the colleague has answered.
func TestAttendedTransferWhileItRings(t *testing.T) {
	t.Parallel()
	r, c, agent, id := talk(t, plan{Agents: 2})
	r.phones[1].whenRung(nil)
	consult := r.phones[0].dial("102")
	second := r.phones[1].rung(1)
	r.await("it rings", consult.is(func(e *end) bool { return e.rang }))
	if code := agent.refer(replaces(consult, "102")); code == 202 {
		comes[event.TransferAsked](r, id, nil)
		answer(second)
		comes[event.CallBridged](r, id, func(b event.CallBridged) bool { return b.Agent == "agent102" })
	} else {
		consult.hangUp()
		t.Logf("an early consultation was refused with %d", code)
	}
	c.hangUp()
}

func TestConsultationThatIsGone(t *testing.T) {
	t.Parallel()
	r, c, agent, id := talk(t, plan{Agents: 2})
	consult := r.phones[0].dial("102")
	r.await("the colleague answers", consult.is(isUp))
	to := replaces(consult, "102")
	consult.hangUp()
	comes[event.CallEnded](r, consult.call(), nil)
	if code := agent.refer(to); code != 481 {
		t.Errorf("REFER was answered %d", code)
	}
	if v := r.agent(0); v.State != "talking" || v.Call != id {
		t.Errorf("%+v", v)
	}
	r.await("the colleague is ready", func() bool { return r.agent(1).State == "ready" })
	c.hangUp()
}

func TestColleaguesCallEachOther(t *testing.T) {
	t.Parallel()
	r := rigFor(t, plan{Agents: 2})
	r.signIn(0, 1)
	r.phones[1].whenRung(answer)
	e := r.phones[0].dial("102")
	r.await("the colleague answers", e.is(isUp))
	id := e.call()
	comes[event.CallBridged](r, id, nil)
	r.await("both talk", func() bool { return r.agent(0).State == "talking" && r.agent(1).State == "talking" })
	if n := count[event.RecordingStarted](r.tap, id); n != 0 {
		t.Error("a call without a notice is recorded")
	}
	r.phones[1].hangUpAll()
	r.await("both ready", func() bool { return r.agent(0).State == "ready" && r.agent(1).State == "ready" })

	for number, status := range map[string]int{"101": 486, "0551234": 404, "nobody": 404} {
		e := r.phones[0].dial(number)
		r.await(number+" is refused", e.is(isOver))
		if e.code != status {
			t.Errorf("%s was refused with %d, not %d", number, e.code, status)
		}
	}
	r.await("both ready again", func() bool { return r.agent(0).State == "ready" && r.agent(1).State == "ready" })
}

// An agent who has not signed in has a phone, too, and can be called by colleagues;
// but only one at a time, and when the agent signs in meanwhile, no caller from the
// queue is put through.
func TestColleagueWhoHasNotSignedIn(t *testing.T) {
	t.Parallel()
	r, c, _, id := talk(t, plan{Agents: 3})
	r.do(1, SignOut)
	r.await("signed out", func() bool { return r.agent(1).State == "signed_out" })
	if err := r.x.Transfer(id, "102"); err != nil {
		t.Fatal(err)
	}
	comes[event.CallBridged](r, id, func(b event.CallBridged) bool { return b.Agent == "agent102" })

	busy := r.phones[2].dial("102")
	r.await("a second colleague is refused", busy.is(isOver))
	if busy.code != 486 {
		t.Errorf("refused with %d", busy.code)
	}
	if end, _ := comes[event.CallEnded](r, busy.call(), nil); end.Reason != "busy" {
		t.Errorf("%+v", end)
	}

	r.do(0, SignOut)
	r.do(2, SignOut)
	r.await("signed out", func() bool { return r.agent(0).State == "signed_out" && r.agent(2).State == "signed_out" })
	r.do(1, SignIn)
	other := r.dial("1080")
	comes[event.QueueEntered](r, other.call(), nil)
	r.await("the agent is found to be in a talk", func() bool { return r.agent(1).State == "talking" })
	if n, _ := r.phones[1].rings(); n != 1 {
		t.Errorf("the phone was rung %d times", n)
	}
	c.hangUp()
	comes[event.CallBridged](r, other.call(), func(b event.CallBridged) bool { return b.Agent == "agent102" })
	other.hangUp()
}

func TestEngagedAgents(t *testing.T) {
	t.Parallel()
	x := &Exchange{engaged: map[string]string{}}
	for range 2 {
		if !x.engage("a", "1") || x.engage("a", "2") || !x.elsewhere("a", "2") || x.elsewhere("a", "1") {
			t.Error("an agent belongs to the first call, and to it as often as it likes")
		}
	}
	x.disengage("a", "2")
	x.reengage("a", "2", "3")
	if x.engage("a", "3") {
		t.Error("only the call that has the agent can let go")
	}
	x.reengage("a", "1", "2")
	x.disengage("a", "1")
	if x.engage("a", "1") {
		t.Error("handed over, the agent belongs to the other call")
	}
	x.disengage("a", "2")
	if !x.engage("a", "3") {
		t.Error("let go, the agent is anybody's")
	}
}
