package call

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"cagri/internal/event"
)

// tap passes events on to the journal and checks, at the moment each is written,
// that it may follow on what was written before.
type tap struct {
	to Journal

	mu      sync.Mutex // guards everything below
	all     []event.Event
	calls   map[string]*told
	busy    map[string]string // agent -> the call that the agent is bridged in
	trouble []string
}

// told is what the journal has said of one call.
type told struct {
	events   []event.Event
	began    time.Time
	ended    bool
	notice   bool
	queued   bool
	offer    uint64 // made and not yet closed
	made     time.Time
	accepted uint64
	bridged  bool
	with     string // agent or number of the bridge
	kept     bool   // a recording is open
}

func newTap(to Journal) *tap {
	return &tap{to: to, calls: map[string]*told{}, busy: map[string]string{}}
}

// Append implements Journal.
func (p *tap) Append(e event.Event) {
	p.mu.Lock()
	p.all = append(p.all, e)
	if e.Call != "" {
		p.check(e)
	}
	p.to.Append(e)
	p.mu.Unlock()
}

func (p *tap) check(e event.Event) {
	wrong := func(format string, a ...any) {
		p.trouble = append(p.trouble, fmt.Sprintf("call %s, %s %d: ", e.Call, e.Data.Kind(), e.Seq)+fmt.Sprintf(format, a...))
	}
	c := p.calls[e.Call]
	if c == nil {
		c = &told{began: e.At}
		p.calls[e.Call] = c
		if _, ok := e.Data.(event.CallArrived); !ok {
			wrong("is the first")
		}
	}
	c.events = append(c.events, e)
	if e.Seq != uint64(len(c.events)) {
		wrong("has the place of %d", len(c.events))
	}
	if c.ended {
		wrong("comes after the end")
	}
	// The call counts from the INVITE, which on a busy machine is a little earlier.
	age := e.At.Sub(c.began).Milliseconds() + 2000
	length := func(what string, ms int64) {
		if ms < 0 || ms > age {
			wrong("%s of %d ms in a call of %d ms", what, ms, age)
		}
	}
	switch d := e.Data.(type) {
	case event.CallArrived:
		if len(c.events) > 1 {
			wrong("a second time")
		}
	case event.NoticePlayed:
		c.notice = true
	case event.QueueEntered:
		if c.queued || c.bridged {
			wrong("while queued %v, bridged %v", c.queued, c.bridged)
		}
		c.queued = true
	case event.QueueLeft:
		if !c.queued {
			wrong("and was in none")
		}
		if c.offer != 0 {
			wrong("while offer %d is open", c.offer)
		}
		c.queued = false
		length("a wait", d.WaitedMS)
	case event.OfferMade:
		if c.offer != 0 || c.bridged || !c.queued {
			wrong("while offer %d is open, bridged %v, queued %v", c.offer, c.bridged, c.queued)
		}
		c.offer, c.made = d.Offer, e.At
	case event.OfferAccepted:
		if c.offer != d.Offer {
			wrong("of %d while %d is open", d.Offer, c.offer)
		}
		if rang := e.At.Sub(c.made).Milliseconds() + 100; d.RingMS < 0 || d.RingMS > rang {
			wrong("after %d ms of ringing; made only %d ms ago", d.RingMS, rang)
		}
		c.offer, c.accepted = 0, d.Offer
	case event.OfferFailed:
		if c.offer != d.Offer {
			wrong("of %d while %d is open", d.Offer, c.offer)
		}
		if rang := e.At.Sub(c.made).Milliseconds() + 100; d.RingMS < 0 || d.RingMS > rang {
			wrong("after %d ms of ringing; made only %d ms ago", d.RingMS, rang)
		}
		c.offer = 0
	case event.CallBridged:
		if c.bridged {
			wrong("with %s while bridged with %s", d.Agent+d.With, c.with)
		}
		if c.offer != 0 || c.queued {
			wrong("while offer %d is open, queued %v", c.offer, c.queued)
		}
		if d.Offer != 0 && d.Offer != c.accepted {
			wrong("by offer %d; accepted was %d", d.Offer, c.accepted)
		}
		if other := p.busy[d.Agent]; d.Agent != "" && other != "" {
			wrong("with agent %s, who is bridged in call %s", d.Agent, other)
		}
		c.bridged, c.with = true, d.Agent+d.With
		if d.Agent != "" {
			p.busy[d.Agent] = e.Call
		}
	case event.CallUnbridged:
		if !c.bridged || d.Agent != "" && d.Agent != c.with {
			wrong("from %q; bridged %v with %q", d.Agent, c.bridged, c.with)
		}
		length("a talk", d.TalkMS)
		c.bridged = false
		delete(p.busy, d.Agent)
	case event.RecordingStarted:
		if !c.notice || c.bridged == (e.Data.(event.RecordingStarted).What == "message") {
			wrong("notice heard %v, bridged %v", c.notice, c.bridged)
		}
		c.kept = true
	case event.RecordingClosed:
		if !c.kept {
			wrong("and none was begun")
		}
		length("a recording", d.DurationMS)
		c.kept = false
	case event.RecordingFailed:
		wrong("%s", d.Reason)
		c.kept = false
	case event.CallEnded:
		if c.queued || c.bridged || c.offer != 0 || c.kept {
			wrong("queued %v, bridged %v, offer %d, recording open %v", c.queued, c.bridged, c.offer, c.kept)
		}
		length("a call", d.TotalMS)
		length("the waits", d.QueueMS)
		length("the talks", d.TalkMS)
		c.ended = true
	}
}

// wrongs is what was wrong so far, calls that are open included.
func (p *tap) wrongs() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := slices.Clone(p.trouble)
	for id, c := range p.calls {
		if !c.ended {
			out = append(out, "call "+id+" has no end")
		}
	}
	if len(out) > 0 {
		for id, c := range p.calls {
			if strings.Contains(strings.Join(out, " "), id) {
				out = append(out, tell(c.events))
			}
		}
	}
	return out
}

// wrong notes a breach that somebody else saw.
func (p *tap) wrong(format string, a ...any) {
	p.mu.Lock()
	p.trouble = append(p.trouble, fmt.Sprintf(format, a...))
	p.mu.Unlock()
}

// events returns a call's events so far.
func (p *tap) events(call string) []event.Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.calls[call]; c != nil {
		return slices.Clone(c.events)
	}
	return nil
}

// ofSIP finds the call that came with a Call-ID; empty when none did.
func (p *tap) ofSIP(callID string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, c := range p.calls {
		if d, ok := c.events[0].Data.(event.CallArrived); ok && d.SIPCallID == callID {
			return id
		}
	}
	return ""
}

func (p *tap) story(call string) string { return tell(p.events(call)) }

func tell(list []event.Event) string {
	var b strings.Builder
	for _, e := range list {
		fmt.Fprintf(&b, "    %s %s %+v\n", e.At.Format("05.000"), e.Data.Kind(), e.Data)
	}
	return b.String()
}

// find returns the first event of type E in a call for which f is true.
func find[E event.Payload](p *tap, call string, f func(E) bool) (e E, at int, ok bool) {
	for i, ev := range p.events(call) {
		if d, is := ev.Data.(E); is && (f == nil || f(d)) {
			return d, i, true
		}
	}
	return e, -1, false
}

// count says how many events of type E a call has.
func count[E event.Payload](p *tap, call string) (n int) {
	for _, ev := range p.events(call) {
		if _, is := ev.Data.(E); is {
			n++
		}
	}
	return n
}

// comes waits for an event of type E of a call.
func comes[E event.Payload](r *rig, call string, f func(E) bool) (E, int) {
	r.t.Helper()
	var e E
	at := -1
	r.await(fmt.Sprintf("%T of call %s", e, call), func() bool {
		var ok bool
		e, at, ok = find(r.tap, call, f)
		return ok
	})
	return e, at
}

// tally counts the events of calls by kind, and the ends by outcome.
func (p *tap) tally() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := map[string]int{}
	for _, e := range p.all {
		switch d := e.Data.(type) {
		case event.CallEnded:
			out["ended "+d.Outcome+" "+d.By+" "+d.Reason]++
		case event.OfferFailed:
			out["offer "+d.Reason]++
		case event.CallUnbridged:
			out["unbridged "+d.Reason]++
		case event.TransferFailed:
			out["transfer failed "+d.Reason]++
		case event.CallBridged, event.TransferDone, event.CallHeld, event.QueueEntered:
			out[string(e.Data.Kind())]++
		}
	}
	return out
}
