package workforce

import (
	"cmp"
	"container/heap"
	"maps"
	"slices"
	"time"

	"cagri/internal/calendar"
	"cagri/internal/routing"
)

// KeptWeeks is how many weeks of a person stay apart; older ones are folded into one
// sum ([Ledger.Older]), so that a ledger has a largest size.
const KeptWeeks = 53

// Ledger is the live time of all persons. It has one owner. It lives by moves
// ([Ledger.Apply]) and by the passing of time ([Ledger.Advance], due at
// [Ledger.NextDeadline]); both answer with notices.
type Ledger struct {
	readings  Readings
	keep      int
	persons   map[routing.AgentID]*person
	cells     []cell
	cellIndex map[cell]uint32
	handling  map[string]*Handling // by queue
	overall   Handling
	jumps     []jump
	seq       uint64
	beat      int64 // last sign of life
	due       byDue
	notices   []Notice
	span      weekSpan // cache of spanAt
}

// New is an empty ledger under these readings.
func New(rs Readings) *Ledger {
	return &Ledger{readings: rs, keep: KeptWeeks, persons: map[routing.AgentID]*person{}, cellIndex: map[cell]uint32{}, handling: map[string]*Handling{}}
}

// Read puts other readings in force. Weeks that are past are told under the readings
// of their Monday from now on, but what was warned of and recorded as a breach stays.
func (l *Ledger) Read(rs Readings) {
	l.readings = rs
	for _, p := range l.persons {
		l.sync(p)
	}
}

// Readings are the readings in force.
func (l *Ledger) Readings() Readings { return l.readings }

// Apply takes a move and says what was reached up to it. A doubled move changes
// nothing. A time before the person's last one is a step back of the clock: see the
// package. The notices are valid until the next call.
func (l *Ledger) Apply(m Move) []Notice {
	l.notices = l.notices[:0]
	if m.Person == "" || int(m.To) >= stateCount || m.Seq != 0 && m.Seq <= l.seq {
		return nil
	}
	l.seq = max(l.seq, m.Seq)
	p := l.persons[m.Person]
	if p == nil {
		at := nanos(m.At)
		p = &person{id: m.Person, raw: at, last: at, heapIndex: -1}
		l.persons[m.Person] = p
	}
	if p.seen.doubled(&m, p.raw, p.state) {
		return nil
	}
	raw := nanos(m.At)
	l.fire(p, raw)
	l.flow(p, raw)
	l.retract(p)
	if m.Body != "" {
		p.body = m.Body
	}
	if s := m.Station.valid(); s != (Station{}) {
		p.station = s
	}
	to := m.To
	if to == 0 {
		to = p.state
	} else {
		l.measure(p, &m)
		if to != p.state || m.Call != p.call {
			p.since = p.last
		}
		p.call, p.reason = m.Call, m.Reason
	}
	if to == routing.SignedOut {
		p.station = Station{}
	}
	if to != 0 {
		l.enter(p, to)
	}
	l.sync(p)
	return l.notices
}

// Advance says what was reached up to now without a move. Nothing older than now may
// come afterwards, or a rebuilt ledger may warn a little later than this one did.
func (l *Ledger) Advance(now time.Time) []Notice {
	l.notices = l.notices[:0]
	at := nanos(now)
	for len(l.due) > 0 && l.due[0].due <= at {
		p := l.due[0]
		l.fire(p, at)
		l.sync(p)
	}
	slices.SortStableFunc(l.notices, func(a, b Notice) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Person, b.Person))
	})
	return l.notices
}

// NextDeadline is the moment of the next notice if no move comes before it.
func (l *Ledger) NextDeadline() (time.Time, bool) {
	if len(l.due) == 0 {
		return time.Time{}, false
	}
	return moment(l.due[0].due), true
}

// Beat records that the process lives at now. A beat before the last one is a step
// back of the clock for everybody signed in. Beats that a restart is to rely on belong
// in the journal.
func (l *Ledger) Beat(now time.Time) []Notice {
	l.notices = l.notices[:0]
	at := nanos(now)
	if at < l.beat {
		l.back(l.beat, at)
	}
	l.beat = at
	return l.notices
}

// Stepped records that the clock went from one time to another at once, as a process
// finds by its monotonic clock. Forward, the time between counts as the clock tells
// it, and a breach says where it comes from; back, nothing of what follows is lost.
func (l *Ledger) Stepped(from, to time.Time) []Notice {
	l.notices = l.notices[:0]
	a, b := nanos(from), nanos(to)
	if b < a {
		l.back(a, b)
		l.beat = b
		return l.notices
	}
	if j := (jump{a, b}); b > a && !slices.Contains(l.jumps, j) {
		if len(l.jumps) == maxJumps {
			l.jumps = slices.Delete(l.jumps, 0, 1)
		}
		l.jumps = append(l.jumps, j)
	}
	return nil
}

func (l *Ledger) back(from, to int64) {
	for _, id := range l.people() {
		p := l.persons[id]
		if p.state <= routing.SignedOut {
			continue
		}
		if from > p.raw {
			l.fire(p, from)
			l.flow(p, from)
		}
		if to < p.raw {
			l.flow(p, to)
		}
		l.sync(p)
	}
}

// Restart records that the process came up at at after it went without a word. Whoever
// was signed in counts as it was up to lastSeen (zero: the last Beat), not before the
// person's own last move, and as signed out from there on; the time from there to at
// is a finding for those who were in live service.
func (l *Ledger) Restart(at, lastSeen time.Time) []Notice {
	l.notices = l.notices[:0]
	up := nanos(at)
	end := l.beat
	if !lastSeen.IsZero() {
		end = nanos(lastSeen)
	}
	end = min(end, up)
	for _, id := range l.people() {
		p := l.persons[id]
		if p.state <= routing.SignedOut {
			continue
		}
		if end > p.raw {
			l.fire(p, end)
			l.flow(p, end)
		}
		l.retract(p)
		span := l.spanAt(p.last)
		if l.readings.week(span.week).Counted(p.state) {
			l.roll(p, span.week)
			p.cur.crashes++
			p.cur.lost += max(up-p.raw, 0)
			p.assume(span.week)
		}
		p.offered, p.queue, p.talked = 0, "", false
		p.call, p.reason, p.station, p.since = "", "", Station{}, p.last
		l.enter(p, routing.SignedOut)
		l.sync(p)
	}
	l.beat = up
	return l.notices
}

// Serves names the queues whose handling times decide the person's reserve. It is
// configuration: a rebuilt ledger needs to be told again.
func (l *Ledger) Serves(id routing.AgentID, queues ...string) {
	p := l.persons[id]
	if p == nil {
		p = &person{id: id, heapIndex: -1}
		l.persons[id] = p
	}
	p.queues = slices.Clone(queues)
}

func (l *Ledger) people() []routing.AgentID { return slices.Sorted(maps.Keys(l.persons)) }

// Persons are all persons known, in order.
func (l *Ledger) Persons() []routing.AgentID { return l.people() }

// sync puts p where it belongs among the deadlines.
func (l *Ledger) sync(p *person) {
	c, ok := l.nextCross(p)
	switch {
	case ok && p.heapIndex < 0:
		p.due = c.due
		heap.Push(&l.due, p)
	case ok && c.due != p.due:
		p.due = c.due
		heap.Fix(&l.due, p.heapIndex)
	case !ok && p.heapIndex >= 0:
		heap.Remove(&l.due, p.heapIndex)
		p.due = 0
	}
}

func (l *Ledger) observe(queue string, d time.Duration) {
	h := l.handling[queue]
	if h == nil {
		h = &Handling{}
		l.handling[queue] = h
	}
	h.Observe(d)
	l.overall.Observe(d)
}

// Handling is a copy of what was measured for a queue, from the offer to the end of
// the wrap-up.
func (l *Ledger) Handling(queue string) Handling {
	if h := l.handling[queue]; h != nil {
		return *h
	}
	return Handling{}
}

// Statement is what the ledger says of a person in a week.
type Statement struct {
	Person  routing.AgentID `json:"person"`
	Week    calendar.Week   `json:"week"`
	Reading Reading         `json:"reading"` // in force in that week
	Total   Tally           `json:"total"`
	Shares  []Share         `json:"shares,omitempty"`
	Breach  *Breach         `json:"breach,omitempty"`
}

// Week is the statement of a person for a week, with what is running up to now.
func (l *Ledger) Week(id routing.AgentID, w calendar.Week, now time.Time) Statement {
	r := l.readings.week(w)
	s := Statement{Person: id, Week: w, Reading: *r}
	p := l.persons[id]
	if p == nil {
		return s
	}
	own, doubt := l.at(p, nanos(now))
	a := l.weekSums(p, w, own)
	s.Total, s.Shares = l.statement(a.sums, r)
	s.Total.Doubt = time.Duration(a.doubt)
	if l.spanAt(p.last).week == w {
		s.Total.Doubt += time.Duration(doubt)
	}
	if b := p.breachOf(w); b != nil {
		c := *b
		c.Stretches = slices.Clone(b.Stretches)
		if over := s.Total.Charged() - r.Limit; r.Basis == CalendarWeek && over > c.Over {
			last := &c.Stretches[len(c.Stretches)-1]
			c.Over, c.Until = over, moment(min(nanos(now), spanOf(w).to))
			if last.Since.Equal(moment(p.since)) {
				last.Until = c.Until
			}
		}
		s.Breach = &c
	}
	return s
}

// Rolling is the time of a person in the 168 hours before now. It looks back from the
// last move of the person at the earliest.
func (l *Ledger) Rolling(id routing.AgentID, now time.Time) (Tally, []Share) {
	p := l.persons[id]
	if p == nil {
		return Tally{}, nil
	}
	own, _ := l.at(p, nanos(now))
	return l.statement(p.rolling(own), l.readings.week(l.spanAt(own).week))
}

// Older is the sum of the weeks that were folded, under the reading of the week at now.
func (l *Ledger) Older(id routing.AgentID, now time.Time) (Tally, []Share) {
	p := l.persons[id]
	if p == nil {
		return Tally{}, nil
	}
	t, shares := l.statement(p.older.sums, l.readings.week(calendar.WeekAt(now)))
	t.Doubt = time.Duration(p.older.doubt)
	return t, shares
}

// Breaches are the breaches of all persons in a week, by person.
func (l *Ledger) Breaches(w calendar.Week) []Breach {
	var out []Breach
	for _, id := range l.people() {
		for _, b := range l.persons[id].breaches {
			if b.Week == w {
				b.Stretches = slices.Clone(b.Stretches)
				out = append(out, b)
			}
		}
	}
	return out
}

// FindingKind says what is wrong with the record itself.
type FindingKind string

// Findings of the ledger.
const (
	FindStation FindingKind = "station_unknown" // live time at a station nobody named
	FindStep    FindingKind = "clock_stepped"   // the clock went back
	FindCrash   FindingKind = "process_gone"    // the process went while the person was live
)

// Finding is something about a person's week that an inspector must see.
type Finding struct {
	Kind   FindingKind     `json:"kind"`
	Clause string          `json:"clause"`
	Person routing.AgentID `json:"person"`
	Week   calendar.Week   `json:"week"`
	Times  int             `json:"times,omitempty"`
	// Length: live time without a station; how far the clock went back in all; the
	// time between the last sign of life and the next start in all.
	Length time.Duration `json:"length_ns"`
	// Live is the time that was charged as Doubt for a clock that went back.
	Live time.Duration `json:"live_ns,omitempty"`
}

// Findings are what is wrong with the record of a week, with what is running up to now.
func (l *Ledger) Findings(w calendar.Week, now time.Time) []Finding {
	var out []Finding
	r := l.readings.week(w)
	for _, id := range l.people() {
		p := l.persons[id]
		own, _ := l.at(p, nanos(now))
		a := l.weekSums(p, w, own)
		if t, _ := l.statement(a.sums, r); t.Unknown > 0 {
			out = append(out, Finding{Kind: FindStation, Clause: ClauseStation, Person: id, Week: w, Length: t.Unknown})
		}
		if a.steps > 0 {
			out = append(out, Finding{Kind: FindStep, Clause: Clause36h, Person: id, Week: w, Times: int(a.steps), Length: time.Duration(a.stepped), Live: time.Duration(a.doubt)})
		}
		if a.crashes > 0 {
			out = append(out, Finding{Kind: FindCrash, Clause: Clause36h, Person: id, Week: w, Times: int(a.crashes), Length: time.Duration(a.lost)})
		}
	}
	return out
}
