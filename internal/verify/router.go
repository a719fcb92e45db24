package verify

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"cagri/internal/event"
	"cagri/internal/routing"
)

// routerChecks replays each run of the router with the router's own rules, and
// holds the order of service against a model that does not share a line with them.
type routerChecks struct {
	replay, order *Check
	live          func(call string) bool

	state  *routing.State // of the run's replay; nil once it has left the record
	line   *queueModel
	run    string // what the ids of the run's events begin with
	n      uint64 // number in the id of the last event of the run
	seq    uint64 // of the last input
	runs   int
	after  int // inputs that could not be compared because their run had left the record
	told   bool
	picks  int // waiting calls taken by hand
	ranked int // runs with rules that the model of the queues does not know

	offers map[routing.OfferID]decided // made by the router, not yet heard of from the call
	byCall map[string][]routing.OfferID
}

// decided is an offer of the router and the number of the input that led to it.
type decided struct {
	routing.Decision
	seq uint64
}

func newRouterChecks(live func(string) bool) *routerChecks {
	return &routerChecks{
		replay: newCheck(CheckRouter, "inputs", "replayed by its rules, the router decides what it decided"),
		order:  newCheck(CheckOrder, "offers", "nobody was passed over: priority, lost agent, longest wait, first come"),
		live:   live,
		offers: map[routing.OfferID]decided{}, byCall: map[string][]routing.OfferID{},
	}
}

// number splits the id of an event of no call, "<run>-<n>".
func number(id string) (run string, n uint64, ok bool) {
	i := strings.LastIndexByte(id, '-')
	if i < 0 {
		return id, 0, false
	}
	n, err := strconv.ParseUint(id[i+1:], 10, 64)
	return id[:i], n, err == nil
}

// again tells whether the event stands in the journal a second time: the router
// writes its own in the order of their numbers.
func (r *routerChecks) again(id string) bool {
	run, n, ok := number(id)
	if ok && run == r.run && n <= r.n {
		return true
	}
	r.run, r.n = run, n
	return false
}

func (r *routerChecks) started(e event.Event, d event.RouterStarted, place uint64) {
	if r.again(e.ID) {
		return
	}
	r.runs++
	r.seq, r.told, r.state, r.line = 0, false, nil, nil
	clear(r.offers)
	clear(r.byCall)
	var cfg routing.Config
	if err := json.Unmarshal(d.Config, &cfg); err != nil {
		r.leave(e, place, "the run's configuration cannot be read: "+err.Error())
		return
	}
	r.state, r.line = routing.New(cfg), newQueueModel()
	if !plainConfig(cfg) {
		r.line, r.ranked = nil, r.ranked+1
	}
	if len(d.State) > 0 {
		var err error
		if r.state, err = routing.Decode(d.State); err != nil {
			r.leave(e, place, "the state carried over cannot be read: "+err.Error())
			return
		}
		if r.line != nil {
			r.line.load(r.state.Snapshot(time.Time{}))
		}
	}
}

// leave gives the run up: what follows cannot be compared.
func (r *routerChecks) leave(e event.Event, place uint64, reason string) {
	r.state, r.told = nil, true
	r.replay.breach(Finding{Event: e.ID, Place: place, Reason: reason})
}

func (r *routerChecks) input(e event.Event, d event.RouterInput, place uint64) {
	if r.again(e.ID) {
		return
	}
	r.replay.Checked++
	if r.runs == 0 && !r.told {
		r.leave(e, place, "an input of the router before any start of it")
	}
	if d.Seq != r.seq+1 && r.state != nil {
		// What is missing may have changed everything: neither can go on.
		r.leave(e, place, fmt.Sprintf("input %d follows on %d", d.Seq, r.seq))
		r.line = nil
	}
	r.seq = d.Seq
	ev, err := routing.DecodeEvent(d.Input)
	if err != nil {
		if r.state != nil {
			r.leave(e, place, fmt.Sprintf("input %d cannot be read: %v", d.Seq, err))
		}
		r.line, r.after = nil, r.after+1
		return
	}
	decisions := make([]routing.Decision, 0, len(d.Decisions))
	for i, raw := range d.Decisions {
		dec, err := routing.DecodeDecision(raw)
		if err != nil {
			if r.state != nil {
				r.leave(e, place, fmt.Sprintf("input %d: decision %d cannot be read: %v", d.Seq, i, err))
			}
			r.line, r.after = nil, r.after+1
			return
		}
		decisions = append(decisions, dec)
	}
	now := time.Unix(0, d.NowNS)
	if r.state == nil {
		r.after++
	} else if _, diff := routing.Replay(r.state, slices.Values([]routing.Recorded{{Seq: d.Seq, Now: now, Event: ev, Decisions: decisions}})); diff != nil {
		r.leave(e, place, diff.String())
	}
	r.follow(e, ev, now, decisions, place)
}

// follow brings the model of the queues up to date and judges each offer.
func (r *routerChecks) follow(e event.Event, ev routing.Event, now time.Time, decisions []routing.Decision, place uint64) {
	for _, d := range decisions {
		if d.Kind == routing.Offer && (d.Callback || r.live(string(d.Call))) { // a callback's call begins with its offer
			r.offers[d.Offer] = decided{d, r.seq}
			r.byCall[string(d.Call)] = append(r.byCall[string(d.Call)], d.Offer)
		}
	}
	if r.line == nil {
		return
	}
	if !plainInput(ev) {
		r.line, r.ranked = nil, r.ranked+1
		return
	}
	r.line.happened(ev, now)
	for _, d := range decisions {
		if d.Kind == routing.Offer {
			r.order.Checked++
			if reason := r.line.judge(d); reason != "" {
				r.order.breach(Finding{Call: string(d.Call), Event: e.ID, Place: place, Reason: reason})
			}
		}
		if r.line.decided(d) {
			r.picks++
		}
	}
}

// made: a call tells that an agent is rung for it. The router must have said so
// before.
func (r *routerChecks) made(e event.Event, m event.OfferMade, place uint64) {
	if r.runs == 0 {
		return // a journal without any record of a router; nothing to hold it against
	}
	d, ok := r.offers[routing.OfferID(m.Offer)]
	switch {
	case !ok:
		r.replay.breach(Finding{Call: e.Call, Event: e.ID, Place: place, Reason: fmt.Sprintf("offer %d was not decided by the router", m.Offer)})
	case string(d.Call) != e.Call || string(d.Agent) != m.Agent || string(d.Queue) != m.Queue:
		r.replay.breach(Finding{Call: e.Call, Event: e.ID, Place: place,
			Reason: fmt.Sprintf("offer %d rings %s for this call from queue %s; the router chose %s for call %s of queue %s", m.Offer, m.Agent, m.Queue, d.Agent, d.Call, d.Queue)})
	case m.RouterSeq != 0 && m.RouterSeq != d.seq: // older programs did not say
		r.replay.breach(Finding{Call: e.Call, Event: e.ID, Place: place, Reason: fmt.Sprintf("offer %d names input %d of the router; it was decided by input %d", m.Offer, m.RouterSeq, d.seq)})
	}
	delete(r.offers, routing.OfferID(m.Offer))
}

// gone: the call has ended; its offers will not be heard of.
func (r *routerChecks) gone(call string) {
	for _, id := range r.byCall[call] {
		if d, ok := r.offers[id]; ok && string(d.Call) == call {
			delete(r.offers, id)
		}
	}
	delete(r.byCall, call)
}

func (r *routerChecks) finish() {
	r.replay.note("%d runs of the router", r.runs)
	if r.after > 0 {
		r.replay.note("%d inputs not compared: their run had left the record before", r.after)
	}
	r.order.note("%d offers out of order", r.order.Breaches)
	if r.ranked > 0 {
		r.order.note("%d runs rank by skills, emergencies or places of work: there the replay alone proves the order", r.ranked)
	}
	if r.picks > 0 {
		r.order.note("%d waiting calls were taken by hand, outside the order", r.picks)
	}
}
