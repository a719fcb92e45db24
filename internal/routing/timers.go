package routing

// alarm is the one deadline of an agent or a call, kept inside it.
type alarm struct {
	at     int64 // nanoseconds; meaningless when index < 0
	index  int   // place in the heap, -1 when it is not set
	agent  *agent
	call   *call
	body   *body
	ticket *ticket // exactly one of them is set
}

// before orders by time; at the same instant agents come before calls (who becomes
// free in the instant a caller's time is over still takes the caller), then the
// lower number. It does not depend on the order in which alarms were set, so that a
// restored State goes on exactly as the old one would have.
func (a *alarm) before(b *alarm) bool {
	if a.at != b.at {
		return a.at < b.at
	}
	if (a.agent != nil) != (b.agent != nil) {
		return a.agent != nil
	}
	if a.agent == nil && a.call == nil || b.agent == nil && b.call == nil {
		return a.beforeOther(b)
	}
	if a.agent != nil {
		return a.agent.num < b.agent.num
	}
	return a.call.arrival < b.call.arrival
}

// beforeOther orders alarms of which one is of a body or a ticket: agents, calls,
// bodies by name, tickets by number.
func (a *alarm) beforeOther(b *alarm) bool {
	kind := func(x *alarm) int {
		switch {
		case x.agent != nil:
			return 0
		case x.call != nil:
			return 1
		case x.body != nil:
			return 2
		}
		return 3
	}
	switch k, l := kind(a), kind(b); {
	case k != l:
		return k < l
	case k == 2:
		return a.body.id < b.body.id
	}
	return a.ticket.num < b.ticket.num
}

// alarms is a binary heap of alarms that know their place.
type alarms struct{ heap []*alarm }

func (h *alarms) set(a *alarm, at int64) {
	a.at = at
	if a.index < 0 {
		a.index = len(h.heap)
		h.heap = append(h.heap, a)
		h.up(a.index)
		return
	}
	h.up(a.index)
	h.down(a.index)
}

func (h *alarms) stop(a *alarm) {
	i := a.index
	if i < 0 {
		return
	}
	last := len(h.heap) - 1
	h.swap(i, last)
	h.heap[last] = nil
	h.heap = h.heap[:last]
	a.index = -1
	if i < last {
		h.up(i)
		h.down(i)
	}
}

func (h *alarms) first() *alarm {
	if len(h.heap) == 0 {
		return nil
	}
	return h.heap[0]
}

func (h *alarms) swap(i, j int) {
	h.heap[i], h.heap[j] = h.heap[j], h.heap[i]
	h.heap[i].index, h.heap[j].index = i, j
}

func (h *alarms) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !h.heap[i].before(h.heap[parent]) {
			return
		}
		h.swap(i, parent)
		i = parent
	}
}

func (h *alarms) down(i int) {
	for {
		least := i
		for c := 2*i + 1; c <= 2*i+2 && c < len(h.heap); c++ {
			if h.heap[c].before(h.heap[least]) {
				least = c
			}
		}
		if least == i {
			return
		}
		h.swap(i, least)
		i = least
	}
}
