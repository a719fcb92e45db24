package call

import (
	"time"

	"cagri/internal/directory"
	"cagri/internal/event"
	"cagri/internal/prompt"
	"cagri/internal/routing"
)

// Promise is a call back that somebody was promised and that is not made yet.
type Promise struct {
	Of       string    // the call in which it was promised
	Queue    string    //
	Body     string    // whose call it was
	Called   string    // number that was dialled then; shown when we call
	Number   string    // whom to call
	Language string    //
	Priority int       //
	Since    time.Time // the place that is kept
	Due      time.Time // chosen time; zero: in the person's turn
}

// trunkOfCallback stands in call.arrived where a carrier's name stands otherwise.
const trunkOfCallback = "callback"

// promiseMsg gives the router a promise to keep.
type promiseMsg struct{ Promise }

// promise puts a promise into the router's line under a name of its own. It takes
// the place that the caller had; where nobody is there to wait for, it waits for the
// first who comes.
func (r *router) promise(p Promise) {
	id := routing.CallID(newCallID())
	r.promises[id] = p
	queue := routing.QueueID(p.Queue)
	if p.Due.IsZero() {
		line := id + "-line"
		r.apply(routing.CallQueued{Call: line, Queue: queue, Priority: p.Priority, Since: p.Since, Language: p.Language, Caller: p.Number})
		if _, waits := r.state.Position(line); waits {
			r.apply(routing.CallbackWanted{Call: line, As: id, Caller: p.Number})
			return
		}
		r.apply(routing.CallLeft{Call: line, Reason: "callback"})
	}
	r.apply(routing.CallbackBooked{Call: id, Queue: queue, Caller: p.Number, Due: p.Due, Priority: p.Priority, Language: p.Language})
}

// callback follows what the router says of promises and of attempts that were lost.
// It tells whether d was such a decision.
func (r *router) callback(d routing.Decision) bool {
	switch d.Kind {
	case routing.CallbackWaits, routing.CallbackDue:
		return true
	case routing.NobodyThere:
		p, ok := r.promises[d.Call]
		if ok { // its queue is not there, yet or any more: a change may bring it
			delete(r.promises, d.Call)
			r.homeless = append(r.homeless, p)
		}
		return ok
	case routing.CallbackTask:
		r.x.scribe.write(r.bodyOf(d.Queue), "", event.CallbackTask{
			Task: string(d.Call), Queue: string(d.Queue), Number: d.Caller, Reason: string(d.Reason), DueMS: d.Until.UnixMilli(),
		})
		return true
	case routing.TaskCleared:
		if p, ok := r.promises[d.Call]; ok {
			delete(r.promises, d.Call)
			r.x.scribe.write(p.Body, "", event.CallbackClosed{Of: p.Of, By: string(d.Other), Outcome: "served_since"})
			return true
		}
		r.x.scribe.write(r.bodyOf(d.Queue), "", event.CallbackTaskClosed{Task: string(d.Call), Number: d.Caller, Reason: string(d.Reason), By: string(d.Other)})
		return true
	case routing.Offer:
		p, ok := r.promises[d.Call]
		if !ok || r.x.call(string(d.Call)) != nil {
			return false
		}
		delete(r.promises, d.Call)
		r.x.callBack(string(d.Call), p, decided{d, r.seq})
		return true
	}
	return false
}

func (r *router) bodyOf(q routing.QueueID) string { return r.x.known().queues[string(q)].Body }

// callBack begins a call that we make: first to the agent whom the router chose, and
// once the agent is on the line to the person.
func (x *Exchange) callBack(id string, p Promise, first decided) {
	w := x.known()
	a := &actor{x: x, id: id, box: newMailbox(), arrived: time.Now(), outcome: "unserved", kind: callback, body: p.Body, lang: prompt.Language(p.Language), promised: p}
	a.in.Called, a.in.Calling = p.Called, p.Number
	if n, ok := w.numbers[p.Called]; ok {
		a.number = n
	} else {
		a.number = directory.Number{Dial: p.Called, Body: p.Body}
	}
	if !a.lang.Valid() {
		a.lang = prompt.Azerbaijani
	}
	a.caller = newParty(a, roleCaller)
	x.mu.Lock()
	if x.stopping {
		x.mu.Unlock()
		return // the promise stands in the journal
	}
	x.calls[a.id] = a
	x.wg.Add(1)
	x.mu.Unlock()
	a.box.post(first)
	go a.run()
}

// beginCallback writes the beginning of a call that we make.
func (a *actor) beginCallback() {
	q, ok := a.x.known().queues[a.promised.Queue]
	if !ok {
		q = directory.Queue{ID: a.promised.Queue}
	}
	a.emit(event.CallArrived{Called: a.in.Called, Calling: a.in.Calling, Trunk: trunkOfCallback})
	a.wait = waitState{queue: q, priority: a.promised.Priority, since: a.promised.Since, entered: time.Now(), entry: 1}
	a.phase = waiting
	a.emit(event.QueueEntered{Queue: q.ID, Priority: a.wait.priority, SinceMS: a.wait.since.UnixMilli()})
}

// callPerson rings the person; the agent is on the line and hears music.
func (a *actor) callPerson(p *party) {
	a.agent = p
	a.phase = transferring
	a.xfer = transferState{target: a.in.Calling, manner: "callback"}
	a.music(p)
	a.ringTarget(destination{kind: "number", digits: a.in.Calling})
}

// personAnswered tells the person of the recording, before anything is recorded.
func (a *actor) personAnswered() {
	p := a.target
	a.target = nil
	p.role = roleCaller
	a.caller = p
	s := p.leg.Stats()
	a.emit(event.CallAnswered{Codec: s.Codec, SRTP: s.SRTP})
	a.say(a.lang, prompt.Say("notice.recorded"))
}

// personNoticed joins the two once the notice was heard to its end.
func (a *actor) personNoticed(heard bool) {
	if !heard {
		a.notReached("notice_not_played", 0)
		return
	}
	a.notice = true
	a.emit(event.NoticePlayed{Language: string(a.lang), DurationMS: ms(a.x.cfg.Prompts.Duration(a.lang, prompt.Say("notice.recorded")))})
	a.x.router.tell(routing.CallbackReached{Call: routing.CallID(a.id)})
	a.reached = true
	a.join(a.agent)
}

// notReached ends a call back that nobody took.
func (a *actor) notReached(reason string, status int) {
	if a.target != nil {
		a.dropTarget(reasonCancel)
	}
	a.emit(event.TransferFailed{Target: a.in.Calling, Reason: reason, Status: status})
	a.finish("system", "not_reached", 0)
}

// dismiss lets an agent go who was never joined with the person.
func (a *actor) dismiss() {
	if a.kind != callback || a.phase != transferring || a.agent == nil {
		return
	}
	p := a.agent
	a.agent = nil
	a.freeAgent(p)
	a.release(p, reasonNormal)
}

// closePromise writes what became of the promise. A call that the server's stop cut
// short leaves it open: the next start makes it again.
func (a *actor) closePromise() {
	if a.kind != callback || a.closing.reason == "stopping" && !a.reached {
		return
	}
	outcome := "not_reached"
	if a.reached {
		outcome = "reached"
	}
	a.x.scribe.write(a.body, "", event.CallbackClosed{Of: a.promised.Of, By: a.id, Outcome: outcome})
}
