package call

import (
	"time"

	"cagri/internal/event"
	"cagri/internal/ivr"
	"cagri/internal/prompt"
)

// House answers what flows ask. Its methods are called from the goroutines of
// calls and must not block.
type House interface {
	// Open tells whether a queue is open at t.
	Open(queue string, t time.Time) bool
	// Slots gives up to most times after t, each a full hour within opening hours, at
	// which the queue's agents can call somebody back; earliest first.
	Slots(queue string, t time.Time, most int) []time.Time
}

// baku is the zone of spoken times: UTC+4 without summer time since 2016.
var baku = time.FixedZone("Asia/Baku", 4*3600)

func (x *Exchange) open(queue string) bool {
	return x.known().house == nil || x.known().house.Open(queue, time.Now())
}

// offerSlots looks for times to call back.
func (a *actor) offerSlots(act ivr.AskSlots) ivr.Slots {
	a.slots = nil
	if _, ok := a.x.known().queues[act.Queue]; !ok || a.x.known().house == nil {
		return ivr.Slots{}
	}
	now := time.Now()
	a.slots = a.x.known().house.Slots(act.Queue, now, act.Most)
	out := ivr.Slots{}
	for _, at := range a.slots {
		out.List = append(out.List, slotOf(at, now))
	}
	return out
}

// slotOf is a time as it is said: today, tomorrow, or a weekday of the next seven days.
func slotOf(at, now time.Time) ivr.Slot {
	at, now = at.In(baku), now.In(baku)
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, baku)
	s := ivr.Slot{Hour: at.Hour()}
	switch days := int(at.Sub(midnight) / (24 * time.Hour)); {
	case days <= 0:
		s.Day = ivr.SlotToday
	case days == 1:
		s.Day = ivr.SlotTomorrow
	default:
		s.Day = ivr.SlotMonday + ivr.SlotDay((at.Weekday()+6)%7)
	}
	return s
}

func (a *actor) book(act ivr.Book) ivr.Done {
	now := time.Now()
	for _, at := range a.slots {
		if slotOf(at, now) == act.Slot {
			return a.promise(act.Queue, act.Number, at)
		}
	}
	return ivr.Done{Reason: "no_such_time"}
}

// promise writes down that the caller will be called back: at due, or in the
// caller's turn when due is zero.
func (a *actor) promise(queue, number string, due time.Time) ivr.Done {
	if _, ok := a.x.known().queues[queue]; !ok {
		return ivr.Done{Reason: "no_queue"}
	}
	p := event.CallbackPromised{
		Queue: queue, Number: number, Called: a.in.Called, KeyedIn: number != "", Manner: "place", SinceMS: time.Now().UnixMilli(), Language: string(a.lang),
	}
	if number == "" {
		p.Number = a.in.Calling
	}
	switch {
	case p.Number == "":
		return ivr.Done{Reason: "no_number"}
	case !dialable(p.Number), p.KeyedIn && !a.x.mayCall(p.Number):
		return ivr.Done{Reason: "not_allowed"}
	}
	if a.wait.queue.ID == queue { // the place this call had there
		p.SinceMS, p.Priority = a.wait.since.UnixMilli(), a.wait.priority
	}
	if !due.IsZero() {
		p.Manner, p.DueMS = "booked", due.UnixMilli()
	}
	a.outcome = "promised"
	a.emit(p)
	a.x.router.box.post(promiseMsg{Promise{
		Of: a.id, Queue: queue, Body: a.body, Called: a.in.Called, Number: p.Number, Language: p.Language, Priority: p.Priority,
		Since: time.UnixMilli(p.SinceMS), Due: due,
	}})
	return ivr.Done{OK: true}
}

// flowTransfer connects the caller with a number outside.
func (a *actor) flowTransfer(act ivr.Transfer) {
	a.xfer = transferState{target: act.Number, manner: "flow"}
	a.emit(event.TransferAsked{Manner: "flow", Target: act.Number, TargetIs: "number"})
	a.phase = transferring
	if len(act.Parts) > 0 {
		a.say(act.Language, act.Parts...)
	} else {
		a.music(a.caller)
	}
	a.ringTarget(destination{kind: "number", digits: act.Number})
}

// afterTalk goes on in the flow with a caller whose agent has hung up.
func (a *actor) afterTalk() {
	p := a.part("agent_hung_up")
	a.release(p, reasonNormal)
	a.stay = false
	a.phase = inFlow
	if a.machine == nil || a.machine.Ended() {
		a.farewell("served", a.lang, prompt.Say("goodbye"))
		return
	}
	a.step(ivr.Served{})
	if a.phase == inFlow && a.playing == 0 && a.machine.Ended() {
		a.finish("agent", "hung_up", 0)
	}
}
