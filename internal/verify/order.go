package verify

import (
	"fmt"
	"slices"
	"time"

	"cagri/internal/routing"
)

// queueModel is who waits where, told from the router's inputs and decisions alone
// by the rule book (docs/routing.md): higher priority first, then who lost an agent,
// then who waits longer, then who came first. It knows nothing of timers, states of
// agents or how a choice is made.
type queueModel struct {
	now     int64 // ns, never goes back
	arrived uint64
	calls   map[routing.CallID]*caller
	lines   map[routing.QueueID][]*caller // waiting, in the order of service
	serves  map[routing.AgentID][]routing.QueueID
	rings   map[routing.AgentID]*caller
	booked  map[routing.CallID]*caller // callbacks whose time has not come
}

// plainConfig tells whether the model knows all rules that decide the order.
func plainConfig(c routing.Config) bool {
	for _, q := range c.Queues {
		if q.Emergency || q.Confidential || len(q.Needs) > 0 || len(q.Overflow) > 0 || q.Score != (routing.Score{}) {
			return false
		}
	}
	return len(c.Bodies) == 0
}

// plainInput is plainConfig for what changes on the way.
func plainInput(ev routing.Event) bool {
	switch e := ev.(type) {
	case routing.Configured:
		return plainConfig(e.Config)
	case routing.AgentProfile:
		return !e.Station.Remote
	case routing.CallQueued:
		return len(e.Skills) == 0 && e.Prefer == ""
	case routing.CallbackBooked:
		return len(e.Skills) == 0 && e.Prefer == ""
	}
	return true
}

type callerState uint8

const (
	waits callerState = iota
	rings
	talks
)

type caller struct {
	id       routing.CallID
	queue    routing.QueueID
	priority int
	head     bool
	since    int64
	arrival  uint64
	entry    int
	state    callerState
	agent    routing.AgentID   // who is rung
	with     []routing.AgentID // who talks
}

func newQueueModel() *queueModel {
	return &queueModel{
		calls: map[routing.CallID]*caller{}, lines: map[routing.QueueID][]*caller{},
		serves: map[routing.AgentID][]routing.QueueID{}, rings: map[routing.AgentID]*caller{},
		booked: map[routing.CallID]*caller{},
	}
}

// load begins with a state that was carried over.
func (m *queueModel) load(s routing.Snapshot) {
	m.now = s.At.UnixNano()
	for _, v := range s.Calls {
		m.arrived++
		c := &caller{id: v.Call, queue: v.Queue, priority: v.Priority, head: v.Head, since: v.Since.UnixNano(), arrival: m.arrived}
		m.calls[c.id] = c
		switch v.State {
		case "waiting":
			m.stand(c)
		case "ringing":
			c.state, c.agent = rings, v.Agent
			m.rings[v.Agent] = c
		default:
			c.state, c.with = talks, []routing.AgentID{v.Agent}
		}
	}
	for _, a := range s.Agents {
		m.serves[a.Agent] = a.Queues
	}
}

// order compares two callers by the rule book; less than 0: a is served first.
func order(a, b *caller) int {
	switch {
	case a.priority != b.priority:
		return b.priority - a.priority
	case a.head != b.head:
		if a.head {
			return -1
		}
		return 1
	case a.since != b.since:
		if a.since < b.since {
			return -1
		}
		return 1
	case a.arrival != b.arrival:
		if a.arrival < b.arrival {
			return -1
		}
		return 1
	}
	return 0
}

// stand puts c into the line of its queue.
func (m *queueModel) stand(c *caller) {
	c.state, c.agent = waits, ""
	l := m.lines[c.queue]
	i, _ := slices.BinarySearchFunc(l, c, order)
	m.lines[c.queue] = slices.Insert(l, i, c)
}

// step takes c out of wherever it stands.
func (m *queueModel) step(c *caller) {
	switch c.state {
	case waits:
		l := m.lines[c.queue]
		if i, ok := slices.BinarySearchFunc(l, c, order); ok {
			m.lines[c.queue] = slices.Delete(l, i, i+1)
		}
	case rings:
		if m.rings[c.agent] == c {
			delete(m.rings, c.agent)
		}
	}
	c.agent, c.with = "", nil
}

func (m *queueModel) forget(c *caller) {
	m.step(c)
	delete(m.calls, c.id)
}

// happened takes an input of the router in.
func (m *queueModel) happened(ev routing.Event, now time.Time) {
	m.now = max(m.now, now.UnixNano())
	switch e := ev.(type) {
	case routing.AgentSignedIn:
		m.serves[e.Agent] = e.Queues
	case routing.CallLeft:
		delete(m.booked, e.Call)
		if c := m.calls[e.Call]; c != nil {
			m.forget(c)
		}
	case routing.CallbackWanted:
		// The place goes on under another name.
		if c := m.calls[e.Call]; c != nil && c.state != talks && e.As != "" && m.calls[e.As] == nil {
			m.forget(c)
			c.id = e.As
			m.calls[c.id] = c
			m.stand(c)
		}
	case routing.CallbackBooked:
		if m.calls[e.Call] == nil && m.booked[e.Call] == nil {
			m.arrived++
			m.booked[e.Call] = &caller{id: e.Call, queue: e.Queue, priority: e.Priority, arrival: m.arrived}
		}
	case routing.CallQueued:
		m.queued(e)
	}
}

func (m *queueModel) queued(e routing.CallQueued) {
	if e.Call == "" {
		return
	}
	c := m.calls[e.Call]
	switch {
	case c == nil:
		m.arrived++
		c = &caller{id: e.Call, since: m.now, arrival: m.arrived}
		m.calls[c.id] = c
	case !news(c, e, m.now):
		return
	default:
		m.step(c)
	}
	c.queue, c.priority, c.head, c.entry = e.Queue, e.Priority, e.Head, e.Entry
	if !e.Since.IsZero() {
		c.since = min(e.Since.UnixNano(), m.now)
	}
	m.stand(c)
}

// news tells a new entry of a known call from a doubled message.
func news(c *caller, e routing.CallQueued, now int64) bool {
	switch {
	case e.Entry > 0 || c.entry > 0:
		return e.Entry > c.entry
	case c.state == talks:
		return e.Head
	}
	return e.Queue != c.queue || e.Priority != c.priority || e.Head != c.head || !e.Since.IsZero() && min(e.Since.UnixNano(), now) != c.since
}

// decided takes a decision in; true when a waiting caller was picked by hand.
func (m *queueModel) decided(d routing.Decision) (picked bool) {
	c := m.calls[d.Call]
	switch d.Kind {
	case routing.Offer:
		if c != nil {
			m.step(c)
			c.state, c.agent = rings, d.Agent
			m.rings[d.Agent] = c
		}
	case routing.Withdraw:
		if c != nil && c.state == rings && c.agent == d.Agent {
			m.step(c)
			m.stand(c)
		}
	case routing.CallbackDue:
		if b := m.booked[d.Call]; b != nil {
			delete(m.booked, d.Call)
			b.since = m.now
			m.calls[b.id] = b
			m.stand(b)
		}
	case routing.TaskCleared:
		delete(m.booked, d.Call)
		if c != nil && c.state == waits {
			m.forget(c)
		}
	case routing.CallTimedOut, routing.NobodyThere:
		if c != nil {
			m.forget(c)
		}
	case routing.AgentMoved:
		return m.moved(d, c)
	}
	return false
}

// moved follows an agent: out of an offer, into a talk, out of one.
func (m *queueModel) moved(d routing.Decision, c *caller) (picked bool) {
	if r := m.rings[d.Agent]; r != nil && d.From == routing.Offered {
		m.step(r)
		if d.To == routing.Talking && r == c {
			c.state = talks
		} else {
			m.stand(r)
		}
	}
	switch {
	case c == nil:
	case d.To == routing.Talking:
		if c.state != talks {
			m.step(c)
			c.state, picked = talks, true
		}
		c.with = append(c.with, d.Agent)
	case d.From == routing.Talking && c.state == talks:
		c.with = slices.DeleteFunc(c.with, func(a routing.AgentID) bool { return a == d.Agent })
		if len(c.with) == 0 {
			delete(m.calls, c.id)
		}
	}
	return picked
}

// judge says what is wrong with an offer; empty when nobody was passed over.
func (m *queueModel) judge(d routing.Decision) string {
	c := m.calls[d.Call]
	if c == nil {
		return fmt.Sprintf("offer %d: the call does not wait", d.Offer)
	}
	if c.state == talks {
		return fmt.Sprintf("offer %d: the caller talks with %v", d.Offer, c.with)
	}
	if c.queue != d.Queue {
		return fmt.Sprintf("offer %d comes from queue %s, the caller waits in %s", d.Offer, d.Queue, c.queue)
	}
	queues := m.serves[d.Agent]
	if !slices.Contains(queues, c.queue) {
		return fmt.Sprintf("offer %d: agent %s does not serve queue %s", d.Offer, d.Agent, c.queue)
	}
	var best *caller
	passed := 0
	for _, q := range queues {
		for _, w := range m.lines[q] {
			if w == c || order(w, c) > 0 {
				break
			}
			passed++
			if best == nil || order(w, best) < 0 {
				best = w
			}
		}
	}
	if best == nil {
		return ""
	}
	return fmt.Sprintf("offer %d passes over %d callers, first of them call %s (queue %s, priority %d, waiting %v; the one served: priority %d, waiting %v)",
		d.Offer, passed, best.id, best.queue, best.priority, time.Duration(m.now-best.since).Round(time.Millisecond), c.priority, time.Duration(m.now-c.since).Round(time.Millisecond))
}
