package verify

import (
	"fmt"

	"cagri/internal/event"
)

// callChecks follows every open call. What it keeps is bounded by the calls that
// are open at once.
type callChecks struct {
	calls, notice, bridges *Check
	recordings             *Check // what the journal itself tells about them
	open                   map[string]*openCall
	inCall                 map[string]string // agent -> the call in which the agent is bridged
}

// openCall is what has been seen of a call that has not ended.
type openCall struct {
	seq     uint64 // of the last event
	first   uint64 // place of the first event
	notice  bool   // played to its end
	cut     bool   // the server started or stopped while it was open
	bridged []string
	kept    map[string]bool // recordings started, true when their fate is known
}

func newCallChecks() *callChecks {
	return &callChecks{
		calls:      newCheck(CheckCalls, "calls", "numbered without gap or double, arrived first, ended once and last"),
		notice:     newCheck(CheckNotice, "recordings started", "none before the notice was played to its end"),
		bridges:    newCheck(CheckBridges, "bridges", "one agent in a call, one call for an agent"),
		recordings: newCheck(CheckRecordings, "recordings", "each is there with the size and SHA-256 in the journal"),
		open:       map[string]*openCall{},
		inCall:     map[string]string{},
	}
}

// live tells whether the call has begun and not ended.
func (c *callChecks) live(call string) bool { return c.open[call] != nil }

// marker: the server started or stopped; no call can live on beyond it.
func (c *callChecks) marker() {
	for _, k := range c.open {
		k.cut = true
	}
}

// take looks at one event of a call, in the order of the journal. ended holds
// calls that have ended before; take adds to it.
func (c *callChecks) take(e event.Event, place uint64, ended map[string]bool) {
	at := func(reason string) Finding {
		return Finding{Call: e.Call, Event: e.ID, Place: place, Reason: reason}
	}
	kind := e.Data.Kind()
	k := c.open[e.Call]
	if k == nil {
		if ended[e.Call] {
			c.calls.breach(at(fmt.Sprintf("%s comes after the end of the call", kind)))
			return
		}
		k = &openCall{first: place}
		c.open[e.Call] = k
		c.calls.Checked++
		if _, arrived := e.Data.(event.CallArrived); !arrived {
			c.calls.breach(at(fmt.Sprintf("the call begins with %s and not with call.arrived", kind)))
		}
	} else if _, again := e.Data.(event.CallArrived); again {
		c.calls.breach(at("the call arrives a second time"))
	}
	switch want := k.seq + 1; {
	case e.Seq > want:
		c.calls.breach(at(fmt.Sprintf("number %d follows on %d: %d missing", e.Seq, k.seq, e.Seq-want)))
	case e.Seq < want:
		c.calls.breach(at(fmt.Sprintf("number %d stands twice, or out of order after %d", e.Seq, k.seq)))
	}
	k.seq = max(k.seq, e.Seq)
	c.follow(k, e, at)
	if kind == (event.CallEnded{}).Kind() {
		c.end(k, e, at)
		ended[e.Call] = true
	}
}

// follow looks at what the event says.
func (c *callChecks) follow(k *openCall, e event.Event, at func(string) Finding) {
	switch d := e.Data.(type) {
	case event.NoticePlayed:
		k.notice = true
	case event.CallBridged:
		c.bridge(k, e.Call, d, at)
	case event.CallUnbridged:
		c.unbridge(k, e.Call, d.Agent)
	case event.RecordingStarted:
		c.notice.Checked++
		if !k.notice {
			c.notice.breach(at(fmt.Sprintf("recording %s starts before the notice of it was played to its end", d.Recording)))
		}
		if k.kept == nil {
			k.kept = map[string]bool{}
		}
		k.kept[d.Recording] = false
	case event.RecordingClosed:
		if _, started := k.kept[d.Recording]; !started && !d.Repaired {
			c.recordings.breach(at(fmt.Sprintf("recording %s is closed and was never started", d.Recording)))
		}
		if k.kept != nil {
			k.kept[d.Recording] = true
		}
	case event.RecordingFailed:
		if k.kept != nil {
			k.kept[d.Recording] = true
		}
	}
}

func (c *callChecks) bridge(k *openCall, call string, d event.CallBridged, at func(string) Finding) {
	c.bridges.Checked++
	who := d.Agent
	if who == "" {
		who = d.With
	}
	for _, other := range k.bridged {
		c.bridges.breach(at(fmt.Sprintf("%s is bridged while %s still is", who, other)))
	}
	k.bridged = append(k.bridged, who)
	if d.Agent == "" {
		return // a number outside can be in many calls
	}
	if other, busy := c.inCall[d.Agent]; busy && other != call {
		// Of a call that a crash cut and nobody closed, the agent is free all the same.
		if o := c.open[other]; o != nil && !o.cut {
			c.bridges.breach(at(fmt.Sprintf("agent %s is bridged while still bridged in call %s", d.Agent, other)))
		}
	}
	c.inCall[d.Agent] = call
}

func (c *callChecks) unbridge(k *openCall, call, agent string) {
	for i, who := range k.bridged {
		// The end of a bridge to a number outside names nobody.
		if who == agent || agent == "" {
			k.bridged = append(k.bridged[:i], k.bridged[i+1:]...)
			break
		}
	}
	if c.inCall[agent] == call {
		delete(c.inCall, agent)
	}
}

func (c *callChecks) end(k *openCall, e event.Event, at func(string) Finding) {
	for rec, known := range k.kept {
		if !known {
			c.recordings.breach(at(fmt.Sprintf("the call ended and nothing tells what became of recording %s", rec)))
		}
	}
	for _, who := range k.bridged {
		if c.inCall[who] == e.Call {
			delete(c.inCall, who)
		}
	}
	delete(c.open, e.Call)
}

// finish judges the calls that are open at the last place.
func (c *callChecks) finish() {
	living := 0
	for id, k := range c.open {
		if k.cut {
			c.calls.breach(Finding{Call: id, Place: k.first, Reason: fmt.Sprintf("open when the server stopped or started anew and never ended; last number %d", k.seq)})
			continue
		}
		living++
	}
	if living > 0 {
		c.calls.note("%d of them are not ended yet", living)
	}
}
