package workforce

import (
	"hash/fnv"
	"slices"
	"time"

	"cagri/internal/calendar"
	"cagri/internal/routing"
)

// segment is a stretch of one state at one cell, from at to the next one.
type segment struct {
	at    int64
	cell  uint32
	state routing.AgentState
}

// maxSeen moves of a person are remembered to recognise doubled ones.
const maxSeen = 16

// mark is what is remembered of a move; never 0 once set.
type mark struct {
	id, content uint64
	at          int64
}

// person is everything about one person. raw is the last time told; last is the same
// without steps back: between raw and last the clock goes through a stretch again.
type person struct {
	id        routing.AgentID
	state     routing.AgentState
	reason    routing.Reason
	station   Station
	body      string
	cell      uint32
	call      string
	since     int64 // in state since
	raw, last int64

	cur    account
	past   []account // older weeks in order
	older  account   // all weeks before past, folded
	window []segment // covers at least the last 168 hours before last

	seen seen

	warned   calendar.Week // fired belongs to this week
	fired    uint8         // bit i: Warn[i], limitBit: the limit
	breaches []Breach      // in order; of as many weeks as past

	queues    []string
	offered   int64  // the handling being measured began, 0 when none
	queue     string // of it
	talked    bool
	due       int64 // next crossing, 0 when none
	heapIndex int
}

const (
	maxWarnings = 7
	limitBit    = 7
)

// fingerprints of a move. A collision would swallow a move; with 16 remembered ones and
// 64 bits that is one in 10^18.
func fingerprints(m *Move) mark {
	var out mark
	if m.ID != "" {
		h := fnv.New64a()
		h.Write([]byte(m.ID))
		out.id = max(h.Sum64(), 1)
	}
	h := fnv.New64a()
	at := nanos(m.At)
	var b [11]byte
	for i := range 8 {
		b[i] = byte(at >> (8 * i))
	}
	b[8], b[9], b[10] = byte(m.From), byte(m.To), byte(m.Station.Place)
	h.Write(b[:])
	for _, s := range [...]string{m.Station.Hall, m.Body, m.Call, m.Queue, string(m.Reason)} {
		h.Write([]byte(s))
		h.Write([]byte{0})
	}
	out.content = max(h.Sum64(), 1)
	out.at = at
	return out
}

// seen remembers the last moves of a person.
type seen struct {
	marks [maxSeen]mark
	next  int
}

// doubled says whether the move was seen before, and remembers it. The same content
// counts as the same move unless it follows from the present state at the present time
// (last told): within one instant a state can come round twice.
func (s *seen) doubled(m *Move, last int64, state routing.AgentState) bool {
	f := fingerprints(m)
	for _, old := range s.marks {
		if old.content == 0 {
			continue
		}
		if f.id != 0 && old.id == f.id {
			return true
		}
		if old.content == f.content && (f.at < last || m.From == 0 || m.From != state) {
			return true
		}
	}
	s.marks[s.next] = f
	s.next = (s.next + 1) % maxSeen
	return false
}

// roll opens the account of week w; weeks only go forward.
func (l *Ledger) roll(p *person, w calendar.Week) {
	if p.cur.week == w {
		return
	}
	if !p.cur.empty() {
		p.cur.sums = slices.Clip(p.cur.sums)
		p.past = append(p.past, p.cur)
	}
	p.cur = account{week: w}
	oldest := w.Add(-l.keep)
	n := 0
	for n < len(p.past) && p.past[n].week.Monday < oldest.Monday {
		p.older.fold(&p.past[n])
		n++
	}
	p.past = slices.Delete(p.past, 0, n)
	n = 0
	for n < len(p.breaches) && p.breaches[n].Week.Monday < oldest.Monday {
		n++
	}
	p.breaches = slices.Delete(p.breaches, 0, n)
}

// flow lets time pass for p up to the told time raw.
func (l *Ledger) flow(p *person, raw int64) {
	if raw < p.raw {
		if p.state <= routing.SignedOut {
			p.raw = raw
			return
		}
		span := l.spanAt(p.last)
		l.roll(p, span.week)
		p.cur.steps++
		p.cur.stepped += p.raw - raw
		p.raw = raw
		return
	}
	if p.state <= routing.SignedOut {
		p.raw, p.last = raw, max(p.last, raw)
		return
	}
	if p.raw < p.last { // a second time through
		end := min(raw, p.last)
		span := l.spanAt(p.last)
		l.roll(p, span.week)
		if l.readings.week(span.week).Counted(p.state) {
			p.cur.doubt += end - p.raw
			l.overrun(p, p.raw, end)
		}
		p.raw = end
	}
	for p.last < raw {
		span := l.spanAt(p.last)
		end := min(raw, span.to)
		l.roll(p, span.week)
		from := p.last
		p.cur.add(p.cell, p.state, end-from)
		p.last, p.raw = end, end
		if l.readings.week(span.week).Counted(p.state) {
			l.overrun(p, from, end)
		}
	}
	p.raw = raw
}

// enter puts p into a state at p.last and keeps the window short.
func (l *Ledger) enter(p *person, to routing.AgentState) {
	n := len(p.window)
	if n > 0 && p.window[n-1].at == p.last {
		p.window = p.window[:n-1]
		n--
	}
	c := l.cellOf(p.body, p.station)
	if n == 0 || p.window[n-1].cell != c || p.window[n-1].state != to {
		if n == cap(p.window) {
			p.window = slices.Grow(p.window, max(8, n/4))
		}
		p.window = append(p.window, segment{p.last, c, to})
	}
	p.state, p.cell = to, c
	// What ended more than 168 hours ago is of no use; cut in large steps.
	from := p.last - int64(Rolling)
	old, _ := slices.BinarySearchFunc(p.window, from, func(s segment, at int64) int {
		if s.at <= at {
			return -1
		}
		return 1
	})
	if old--; old > 64 && old > len(p.window)/8 {
		p.window = slices.Delete(p.window, 0, old)
	}
}

func (l *Ledger) cellOf(body string, s Station) uint32 {
	c := cell{body, s}
	if i, ok := l.cellIndex[c]; ok {
		return i
	}
	i := uint32(len(l.cells))
	l.cells = append(l.cells, c)
	l.cellIndex[c] = i
	return i
}

// weekSums is the person's time in a week with what is running up to now, which is
// given in p's own time (not before p.last).
func (l *Ledger) weekSums(p *person, w calendar.Week, now int64) account {
	var a account
	if p.cur.week == w {
		a = p.cur
	} else if i, ok := slices.BinarySearchFunc(p.past, w, func(a account, w calendar.Week) int { return int(a.week.Monday - w.Monday) }); ok {
		a = p.past[i]
	}
	a.week = w
	a.sums = slices.Clone(a.sums)
	if p.state > routing.SignedOut {
		span := spanOf(w)
		if from, to := max(p.last, span.from), min(now, span.to); from < to {
			a.add(p.cell, p.state, to-from)
		}
	}
	return a
}

// at puts a told time now into p's own time: the moment, and the live time that passes
// twice until then.
func (l *Ledger) at(p *person, now int64) (own, doubt int64) {
	if now <= p.raw {
		return p.last, 0
	}
	if p.raw < p.last && p.state > routing.SignedOut && l.readings.week(l.spanAt(p.last).week).Counted(p.state) {
		doubt = min(now, p.last) - p.raw
	}
	return max(now, p.last), doubt
}

// rolling sums up the window of 168 hours that ends at now (own time).
func (p *person) rolling(now int64) []sum {
	var a account
	p.eachSegment(now-int64(Rolling), now, func(from, to int64, s segment) bool {
		a.add(s.cell, s.state, to-from)
		return true
	})
	return a.sums
}

// eachSegment calls f for what p was doing in [from, to), leaving out signed-out time.
func (p *person) eachSegment(from, to int64, f func(from, to int64, s segment) bool) {
	i, _ := slices.BinarySearchFunc(p.window, from, func(s segment, at int64) int {
		if s.at <= at {
			return -1
		}
		return 1
	})
	for i = max(i-1, 0); i < len(p.window); i++ {
		s := p.window[i]
		end := to
		if i+1 < len(p.window) {
			end = min(end, p.window[i+1].at)
		}
		if s.at >= to {
			return
		}
		if b := max(s.at, from); b < end && s.state > routing.SignedOut && !f(b, end, s) {
			return
		}
	}
}

// rollingLive is the live time in the 168 hours before now (own time).
func (p *person) rollingLive(now int64, r *Reading) int64 {
	var n int64
	p.eachSegment(now-int64(Rolling), now, func(from, to int64, s segment) bool {
		if r.Counted(s.state) {
			n += to - from
		}
		return true
	})
	return n
}

// measure follows the handling of one offered call, from the offer to the end of the
// wrap-up.
func (l *Ledger) measure(p *person, m *Move) {
	if p.offered != 0 && (m.To != routing.Talking && m.To != routing.WrapUp || m.Call != "" && m.Call != p.call && p.call != "" && m.To == routing.Talking) {
		if p.talked {
			l.observe(p.queue, time.Duration(p.last-p.offered))
		}
		p.offered, p.queue, p.talked = 0, "", false
	}
	switch m.To {
	case routing.Offered:
		p.offered, p.queue, p.talked = max(p.last, 1), m.Queue, false
	case routing.Talking:
		if p.offered != 0 {
			p.talked = true
			if m.Queue != "" {
				p.queue = m.Queue
			}
		}
	}
}
