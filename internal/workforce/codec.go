package workforce

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"time"

	"cagri/internal/calendar"
	"cagri/internal/routing"
)

// ErrLedger: the bytes given to Decode are no ledger of this program, or are damaged.
var ErrLedger = errors.New("workforce: not a ledger: rebuild it from the journal")

// form names the encoding; it is followed by varints and closed by a CRC-32.
const form = "cagri ledger 1\n"

// Encode writes all that moves have made of the ledger; readings and Serves are
// configuration and not in it. Equal ledgers give equal bytes.
func (l *Ledger) Encode() []byte {
	w := writer{b: []byte(form)}
	w.u(l.seq)
	w.i(l.beat)
	w.u(uint64(len(l.jumps)))
	for _, j := range l.jumps {
		w.i(j.from)
		w.i(j.to)
	}
	w.u(uint64(len(l.handling)))
	for _, q := range slices.Sorted(maps.Keys(l.handling)) {
		w.s(q)
		w.handling(l.handling[q])
	}
	var ps []*person
	for _, id := range l.people() {
		if p := l.persons[id]; p.state != 0 || len(p.body) > 0 || p.raw != 0 {
			ps = append(ps, p)
		}
	}
	// Cells are numbered anew by first use, so that the order in which persons were
	// mixed leaves no trace.
	numbers := map[uint32]uint64{}
	var order []uint32
	number := func(c uint32) uint64 {
		n, ok := numbers[c]
		if !ok {
			n = uint64(len(order))
			numbers[c] = n
			order = append(order, c)
		}
		return n
	}
	body := writer{}
	body.u(uint64(len(ps)))
	for _, p := range ps {
		body.person(p, number)
	}
	w.u(uint64(len(order)))
	for _, c := range order {
		w.s(l.cells[c].body)
		w.station(l.cells[c].station)
	}
	w.b = append(w.b, body.b...)
	return binary.BigEndian.AppendUint32(w.b, crc32.ChecksumIEEE(w.b))
}

// Decode reads what Encode wrote, under these readings. Damaged bytes are an error
// that wraps ErrLedger and never a guess.
func Decode(rs Readings, b []byte) (*Ledger, error) {
	if len(b) < len(form)+4 || string(b[:len(form)]) != form {
		return nil, fmt.Errorf("%w: it does not begin with %q", ErrLedger, form)
	}
	text, sum := b[:len(b)-4], binary.BigEndian.Uint32(b[len(b)-4:])
	if crc32.ChecksumIEEE(text) != sum {
		return nil, fmt.Errorf("%w: its check sum is wrong", ErrLedger)
	}
	r := reader{b: text[len(form):]}
	l := New(rs)
	l.seq, l.beat = r.u(), r.i()
	for range r.count(2) {
		l.jumps = append(l.jumps, jump{r.i(), r.i()})
	}
	for range r.count(2) {
		q := r.s()
		h := r.handling()
		l.handling[q] = h
		l.overall.Merge(h)
	}
	for range r.count(2) {
		l.cellOf(r.s(), r.station())
	}
	for range r.count(8) {
		p := r.person(uint64(len(l.cells)))
		if r.bad || l.persons[p.id] != nil {
			return nil, fmt.Errorf("%w: it breaks off or contradicts itself", ErrLedger)
		}
		l.persons[p.id] = p
	}
	if r.bad || len(r.b) > 0 {
		return nil, fmt.Errorf("%w: it breaks off or goes on after its end", ErrLedger)
	}
	for _, p := range l.persons {
		p.cell = l.cellOf(p.body, p.station)
		if n := len(p.window); n > 0 && p.state > routing.SignedOut {
			p.cell = p.window[n-1].cell
		}
		l.sync(p)
	}
	return l, nil
}

type writer struct{ b []byte }

func (w *writer) u(n uint64) { w.b = binary.AppendUvarint(w.b, n) }
func (w *writer) i(n int64)  { w.b = binary.AppendVarint(w.b, n) }
func (w *writer) s(s string) {
	w.u(uint64(len(s)))
	w.b = append(w.b, s...)
}

func (w *writer) flag(on bool) {
	if on {
		w.u(1)
	} else {
		w.u(0)
	}
}

func (w *writer) station(s Station) {
	w.u(uint64(s.Place))
	w.s(s.Hall)
}

func (w *writer) handling(h *Handling) {
	n := uint64(0)
	for _, c := range h.counts {
		if c > 0 {
			n++
		}
	}
	w.u(n)
	for b, c := range h.counts {
		if c > 0 {
			w.u(uint64(b))
			w.u(uint64(c))
		}
	}
}

func (w *writer) account(a *account, number func(uint32) uint64) {
	w.i(int64(a.week.Monday))
	w.u(uint64(len(a.sums)))
	for i := range a.sums {
		w.u(number(a.sums[i].cell))
		for _, ns := range a.sums[i].ns {
			w.i(ns)
		}
	}
	w.i(a.doubt)
	w.u(uint64(a.steps))
	w.i(a.stepped)
	w.u(uint64(a.crashes))
	w.i(a.lost)
}

func (w *writer) person(p *person, number func(uint32) uint64) {
	w.s(string(p.id))
	w.u(uint64(p.state))
	w.s(string(p.reason))
	w.station(p.station)
	w.s(p.body)
	w.s(p.call)
	w.i(p.since)
	w.i(p.raw)
	w.i(p.last)
	w.account(&p.cur, number)
	w.u(uint64(len(p.past)))
	for i := range p.past {
		w.account(&p.past[i], number)
	}
	w.account(&p.older, number)
	w.u(uint64(len(p.window)))
	at := int64(0)
	for _, s := range p.window {
		w.i(s.at - at)
		w.u(number(s.cell))
		w.u(uint64(s.state))
		at = s.at
	}
	w.u(uint64(p.seen.next))
	for _, m := range p.seen.marks {
		w.u(m.id)
		w.u(m.content)
		w.i(m.at)
	}
	w.i(int64(p.warned.Monday))
	w.u(uint64(p.fired))
	w.u(uint64(len(p.breaches)))
	for i := range p.breaches {
		w.breach(&p.breaches[i])
	}
	w.i(p.offered)
	w.s(p.queue)
	w.flag(p.talked)
}

func (w *writer) breach(b *Breach) {
	w.i(int64(b.Week.Monday))
	w.s(string(b.Basis))
	w.i(int64(b.Limit))
	w.i(b.From.UnixNano())
	w.i(b.Until.UnixNano())
	w.i(int64(b.Over))
	w.s(string(b.Cause))
	w.u(uint64(b.More))
	w.u(uint64(len(b.Stretches)))
	for _, s := range b.Stretches {
		w.i(s.From.UnixNano())
		w.i(s.Until.UnixNano())
		w.flag(s.Assumed)
		w.s(string(s.Cause))
		w.u(uint64(s.State))
		w.i(s.Since.UnixNano())
		w.s(s.Call)
		w.s(s.Body)
		w.station(s.Station)
	}
}

// reader gives zero values once something was wrong.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) fail() { r.bad, r.b = true, nil }

func (r *reader) u() uint64 {
	n, k := binary.Uvarint(r.b)
	if k <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[k:]
	return n
}

func (r *reader) i() int64 {
	n, k := binary.Varint(r.b)
	if k <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[k:]
	return n
}

// time is a moment that nanos can have given.
func (r *reader) time() int64 {
	n := r.i()
	if n < 0 || n > latest {
		r.fail()
		return 0
	}
	return n
}

// below is a number under n.
func (r *reader) below(n uint64) uint64 {
	v := r.u()
	if v >= n {
		r.fail()
		return 0
	}
	return v
}

// count is how many things follow that take at least size bytes each.
func (r *reader) count(size int) int {
	n := r.u()
	if n > uint64(len(r.b)/size) {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *reader) s() string {
	n := r.count(1)
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s
}

func (r *reader) station() Station {
	return Station{Place(r.below(3)), r.s()}
}

func (r *reader) week() calendar.Week {
	n := r.i()
	if n < 0 || n > int64(calendar.MaxDate) {
		r.fail()
		return calendar.Week{}
	}
	return calendar.Week{Monday: calendar.Date(n)}
}

func (r *reader) handling() *Handling {
	h := &Handling{}
	for range r.count(2) {
		b, n := r.below(handlingBuckets), r.below(1<<32)
		h.total += n - uint64(h.counts[b])
		h.counts[b] = uint32(n)
	}
	return h
}

func (r *reader) account(cells uint64) account {
	a := account{week: r.week()}
	for range r.count(1 + stateCount) {
		s := sum{cell: uint32(r.below(cells))}
		for i := range s.ns {
			s.ns[i] = r.time()
		}
		a.sums = append(a.sums, s)
	}
	a.doubt, a.steps, a.stepped, a.crashes, a.lost = r.i(), int32(r.below(1<<31)), r.i(), int32(r.below(1<<31)), r.i()
	return a
}

func (r *reader) person(cells uint64) *person {
	p := &person{id: routing.AgentID(r.s()), heapIndex: -1}
	p.state, p.reason, p.station, p.body, p.call = routing.AgentState(r.below(uint64(stateCount))), routing.Reason(r.s()), r.station(), r.s(), r.s()
	p.since, p.raw, p.last = r.time(), r.time(), r.time()
	p.cur = r.account(cells)
	for range r.count(8) {
		p.past = append(p.past, r.account(cells))
	}
	p.older = r.account(cells)
	at := int64(0)
	for range r.count(3) {
		at += r.i()
		p.window = append(p.window, segment{at, uint32(r.below(cells)), routing.AgentState(r.below(uint64(stateCount)))})
	}
	p.seen.next = int(r.below(maxSeen))
	for i := range p.seen.marks {
		p.seen.marks[i] = mark{r.u(), r.u(), r.i()}
	}
	p.warned, p.fired = r.week(), uint8(r.below(256))
	for range r.count(9) {
		p.breaches = append(p.breaches, r.breach(p.id))
	}
	p.offered, p.queue, p.talked = r.time(), r.s(), r.below(2) == 1
	if p.state > routing.SignedOut && (len(p.window) == 0 || p.window[len(p.window)-1].state != p.state) || p.raw > p.last {
		r.fail()
	}
	return p
}

func (r *reader) breach(id routing.AgentID) Breach {
	b := Breach{Person: id, Week: r.week(), Basis: Basis(r.s()), Limit: time.Duration(r.i()), From: moment(r.time()), Until: moment(r.time()), Over: time.Duration(r.i()), Cause: Cause(r.s()), More: int(r.below(1 << 31))}
	for range r.count(8) {
		b.Stretches = append(b.Stretches, Stretch{From: moment(r.time()), Until: moment(r.time()), Assumed: r.below(2) == 1, Cause: Cause(r.s()), State: routing.AgentState(r.below(uint64(stateCount))), Since: moment(r.time()), Call: r.s(), Body: r.s(), Station: r.station()})
	}
	if len(b.Stretches) == 0 {
		r.fail()
	}
	return b
}
