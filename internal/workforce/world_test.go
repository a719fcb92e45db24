package workforce

import (
	"bytes"
	"container/heap"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cagri/internal/routing"
)

// world drives the real router and a ledger through days of work: agents of several
// bodies who would work far more than 36 hours, more callers than agents, a wall clock
// that steps both ways, crashes, doubled moves, a ledger that is written and read back.
// Budgets go from the ledger to the router at sign-in, now and then, and after a step;
// between them the router counts down itself.
type world struct {
	t       *testing.T
	r       *rand.Rand
	now     int64 // seconds since monday, by a clock that never errs
	off     int64 // the wall clock is ahead by this
	rOff    int64 // the router's clock is ahead by this; set when the process starts
	router  *routing.State
	l       *Ledger
	naive   map[routing.AgentID]*naive
	agents  []*worker
	todo    todo
	order   int
	run     int // process number
	ticks   int // process of tickAt
	tickAt  int64
	calls   int
	moves   int
	told    bool // steps are told by Stepped, else only found by Beat
	fwd     bool // a step forward happened
	log     []func(*Ledger)
	sent    []Move
	beaten  int64 // last beat, told
	offers  int
	limited int
	last    map[routing.AgentID]map[string]int // warnings by week and threshold
	rules   Readings
}

type worker struct {
	id      routing.AgentID
	body    string
	station Station
	state   routing.AgentState
	shift   int
	reserve time.Duration
	truth   int64 // seconds in live service, by the clock that never errs
	since   int64
	lost    int64
}

type job struct {
	at, prio int64
	order    int
	run      int // -1: whichever process
	do       func()
}

type todo []job

func (q todo) Len() int { return len(q) }
func (q todo) Less(i, j int) bool {
	if q[i].at != q[j].at {
		return q[i].at < q[j].at
	}
	if q[i].prio != q[j].prio {
		return q[i].prio < q[j].prio
	}
	return q[i].order < q[j].order
}
func (q todo) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *todo) Push(x any)   { *q = append(*q, x.(job)) }
func (q *todo) Pop() any {
	o := *q
	x := o[len(o)-1]
	*q = o[:len(o)-1]
	return x
}

// naive counts second by second and knows nothing of the ledger.
type naive struct {
	state    routing.AgentState
	raw, hi  int64
	live     map[int64]int64 // by week
	talking  map[int64]int64
	signedIn map[int64]int64
	doubt    map[int64]int64
}

const weekSeconds = 7 * 24 * 3600

var liveStates = [...]bool{routing.Ready: true, routing.Offered: true, routing.Talking: true, routing.WrapUp: true, routing.SetAside: true, routing.Unreachable: false}

func (n *naive) flow(told int64) {
	if told < n.raw {
		n.raw = told
		return
	}
	if n.state > routing.SignedOut {
		live := liveStates[n.state]
		var l, k, s, d int64
		week := max(n.raw, n.hi) / weekSeconds
		put := func() {
			n.live[week] += l
			n.talking[week] += k
			n.signedIn[week] += s
			n.doubt[week] += d
			l, k, s, d = 0, 0, 0, 0
		}
		for sec := n.raw; sec < told; sec++ {
			if w := max(sec, n.hi) / weekSeconds; w != week {
				put()
				week = w
			}
			if sec < n.hi {
				if live {
					d++
				}
				continue
			}
			s++
			if live {
				l++
			}
			if n.state == routing.Talking {
				k++
			}
			n.hi = sec + 1
		}
		put()
	}
	n.raw, n.hi = told, max(n.hi, told)
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{t: t, r: rand.New(rand.NewPCG(seed, 36)), naive: map[routing.AgentID]*naive{}, last: map[routing.AgentID]map[string]int{}}
	w.told = w.r.IntN(2) == 0
	w.l = New(w.rules)
	w.now = int64(w.r.IntN(3 * 24 * 3600))
	for i := range 4 {
		a := &worker{id: routing.AgentID(fmt.Sprintf("a%d", i)), body: []string{"asan", "dsmf", "108"}[w.r.IntN(3)], state: routing.SignedOut, since: w.now}
		w.agents = append(w.agents, a)
		w.naive[a.id] = &naive{live: map[int64]int64{}, talking: map[int64]int64{}, signedIn: map[int64]int64{}, doubt: map[int64]int64{}}
		w.l.Serves(a.id, "q"+a.body)
	}
	return w
}

func (w *world) wall() int64                { return w.now + w.off }
func (w *world) at(told int64) time.Time    { return monday.Add(time.Duration(told) * time.Second) }
func (w *world) between(lo, hi int64) int64 { return lo + w.r.Int64N(hi-lo) }
func (w *world) later(d int64, do func())   { w.plan(d, 1, w.run, do) }
func (w *world) plan(d, prio int64, run int, do func()) {
	w.order++
	heap.Push(&w.todo, job{w.now + max(d, 0), prio, w.order, run, do})
}

func (w *world) fail(format string, args ...any) {
	w.t.Helper()
	w.t.Fatalf("at %d s: "+format, append([]any{w.now}, args...)...)
}

// do gives the ledger something and keeps it for the rebuild.
func (w *world) do(f func(*Ledger) []Notice) {
	w.note(f(w.l))
	w.log = append(w.log, func(l *Ledger) { f(l) })
}

func (w *world) note(ns []Notice) {
	for _, n := range ns {
		if w.last[n.Person] == nil {
			w.last[n.Person] = map[string]int{}
		}
		w.last[n.Person][fmt.Sprint(n.Week, n.Threshold)]++
	}
}

func (w *world) apply(ev routing.Event) {
	for _, d := range slices.Clone(routing.Apply(w.router, ev, w.at(w.now+w.rOff))) {
		w.follow(d)
	}
	w.tick()
}

// tick plans the router's next deadline unless an earlier tick is planned.
func (w *world) tick() {
	at, ok := w.router.NextDeadline()
	if !ok {
		return
	}
	sec := int64(at.Sub(monday)/time.Second) - w.rOff
	if w.ticks == w.run && w.tickAt >= w.now && w.tickAt <= sec {
		return
	}
	w.ticks, w.tickAt = w.run, max(sec, w.now)
	mine := w.tickAt
	w.later(sec-w.now, func() {
		if w.tickAt != mine {
			return // an earlier one has taken its place
		}
		w.tickAt = -1
		if due, _ := w.router.NextDeadline(); !due.After(w.at(w.now + w.rOff)) {
			w.apply(routing.Tick{})
			return
		}
		w.tick()
	})
}

func (w *world) worker(id routing.AgentID) *worker { return w.agents[id[1]-'0'] }

func (w *world) follow(d routing.Decision) {
	switch d.Kind {
	case routing.AgentMoved:
		w.moved(d)
	case routing.Offer:
		w.call(d.Queue)
		if w.r.IntN(8) > 0 {
			w.later(w.between(1, 15), func() { w.answer(d) })
		}
	}
}

func (w *world) answer(d routing.Decision) {
	a := w.worker(d.Agent)
	if a.state != routing.Offered {
		return
	}
	w.apply(routing.OfferAnswered{Offer: d.Offer})
	w.later(w.between(300, 6000), func() { w.apply(routing.TalkEnded{Agent: d.Agent, Call: d.Call}) })
}

// call puts one more caller into a queue.
func (w *world) call(q routing.QueueID) {
	w.calls++
	c := routing.CallID(fmt.Sprintf("c%d", w.calls))
	w.later(0, func() { w.apply(routing.CallQueued{Call: c, Queue: q, Entry: 1}) })
}

func (w *world) moved(d routing.Decision) {
	a := w.worker(d.Agent)
	m := Move{Person: a.id, At: w.at(w.wall()), From: d.From, To: d.To, Body: a.body, Station: a.station, Call: string(d.Call), Queue: string(d.Queue), Reason: d.Reason}
	w.moves++
	if w.r.IntN(2) == 0 {
		m.ID = fmt.Sprintf("m%d", w.moves)
	}
	if d.Reason == routing.ReasonWeeklyLimit {
		w.limited++
	}
	if d.To == routing.Offered {
		w.offers++
		b := w.l.Budget(a.id, m.At)
		n := w.naive[a.id]
		copied := *n
		if used := w.naiveCharged(&copied); used >= int64(LegalLimit/time.Second) {
			w.fail("%s is offered a call with %d s used", a.id, used)
		}
		if b.Left <= a.reserve {
			w.fail("%s is offered a call with %v left, reserve %v", a.id, b.Left, a.reserve)
		}
	}
	if liveStates[a.state] {
		a.truth += w.now - a.since
	}
	a.state, a.since = d.To, w.now
	n := w.naive[a.id]
	n.flow(w.wall())
	n.state = d.To
	w.do(func(l *Ledger) []Notice { return l.Apply(m) })
	w.sent = append(w.sent, m)
	for w.r.IntN(8) == 0 { // some of the last moves come again
		old := w.sent[max(0, len(w.sent)-1-w.r.IntN(4))]
		if old.ID != "" || old.At.Before(m.At) && old.From != w.worker(old.Person).state {
			w.do(func(l *Ledger) []Notice { return l.Apply(old) })
		}
	}
}

// naiveCharged is what n has used of the present week at the told time now.
func (w *world) naiveCharged(n *naive) int64 {
	week := max(w.wall(), n.hi) / weekSeconds
	used := n.live[week] + n.doubt[week]
	if n.state > routing.SignedOut && liveStates[n.state] && w.wall() > n.raw {
		from := n.raw
		if begin := week * weekSeconds; max(n.raw, n.hi) < begin { // began in the week before
			from = begin
		}
		used += max(w.wall()-from, 0)
	}
	return used
}

// budget sends a its budget. The router's clock was carried on since it started.
func (w *world) budget(a *worker) {
	b := w.l.Budget(a.id, w.at(w.wall()))
	b.WeekEnds = b.WeekEnds.Add(time.Duration(w.rOff-w.off) * time.Second)
	a.reserve = b.Reserve
	w.apply(b)
}

// start brings the process up.
func (w *world) start() {
	w.rOff = w.off
	queues := map[routing.QueueID]routing.QueueConfig{}
	for _, a := range w.agents {
		queues[routing.QueueID("q"+a.body)] = routing.QueueConfig{WrapUp: time.Minute, SetAside: 5 * time.Second, There: routing.Always}
	}
	w.router = routing.New(routing.Config{Queues: queues, MaxMisses: -1})
	for _, a := range w.agents {
		w.call(routing.QueueID("q" + a.body))
		w.signIn(a)
	}
	w.beat()
}

func (w *world) signIn(a *worker) {
	run := w.run
	w.plan(w.between(1, 6*3600), 1, run, func() {
		a.station = []Station{InHall("h1"), InHall("h2"), AtHome(), {}}[w.r.IntN(4)]
		w.apply(routing.AgentSignedIn{Agent: a.id, Queues: []routing.QueueID{routing.QueueID("q" + a.body)}})
		w.budget(a)
		w.apply(routing.AgentReady{Agent: a.id})
		w.plan(w.between(6*3600, 14*3600), 1, run, func() {
			w.apply(routing.AgentSignedOut{Agent: a.id})
			w.signIn(a)
		})
		a.shift++
		w.whims(a, a.shift)
	})
}

// whims: pauses, lost phones, calls taken by hand.
func (w *world) whims(a *worker, shift int) {
	w.later(w.between(1200, 5*3600), func() {
		switch {
		case a.shift != shift:
			return
		case a.state == routing.Paused && w.r.IntN(3) == 0:
			c := routing.CallID(fmt.Sprintf("hand%d", w.order))
			w.apply(routing.AgentTaken{Agent: a.id, Call: c})
			w.later(w.between(30, 900), func() { w.apply(routing.TalkEnded{Agent: a.id, Call: c}) })
		case w.r.IntN(3) == 0:
			w.budget(a)
		case w.r.IntN(2) == 0:
			w.apply(routing.AgentPaused{Agent: a.id, Reason: "tea"})
			w.later(w.between(60, 1800), func() { w.apply(routing.AgentReady{Agent: a.id}) })
		default:
			w.apply(routing.StationDown{Agent: a.id})
			w.later(w.between(1, 600), func() { w.apply(routing.StationUp{Agent: a.id}) })
		}
		w.whims(a, shift)
	})
}

func (w *world) beat() {
	told := w.wall()
	if told < w.beaten {
		for _, n := range w.naive {
			if n.state > routing.SignedOut {
				n.flow(max(w.beaten, n.raw))
				n.flow(told)
			}
		}
	}
	w.beaten = told
	w.do(func(l *Ledger) []Notice { return l.Beat(w.at(told)) })
	if due, ok := w.l.NextDeadline(); ok && !due.After(w.at(told)) {
		w.note(w.l.Advance(w.at(told)))
	}
	w.plan(1200, 2, w.run, w.beat)
}

func (w *world) step() {
	by := w.between(1, 3*3600)
	if w.r.IntN(2) == 0 && w.wall() > by+3600 {
		by = -by
	}
	from := w.wall()
	w.off += by
	to := w.wall()
	if w.told && by < 0 {
		for _, n := range w.naive {
			if n.state > routing.SignedOut {
				n.flow(max(from, n.raw))
				n.flow(to)
			}
		}
		w.beaten = to
	}
	w.fwd = w.fwd || by > 0
	if w.told {
		w.do(func(l *Ledger) []Notice { return l.Stepped(w.at(from), w.at(to)) })
	}
	w.beat()
	for _, a := range w.agents {
		w.budget(a)
	}
}

func (w *world) crash() {
	w.run++
	w.todo = slices.DeleteFunc(w.todo, func(j job) bool { return j.run != -1 })
	heap.Init(&w.todo)
	for _, a := range w.agents {
		n := w.naive[a.id]
		if n.state > routing.SignedOut {
			if liveStates[a.state] {
				a.truth += w.now - a.since
				a.lost += w.now - a.since
			}
			if w.beaten > n.raw {
				n.flow(w.beaten)
			}
			n.state = routing.SignedOut
		}
		a.state, a.since = routing.SignedOut, w.now
	}
	w.router = nil
	w.plan(w.between(1, 3600), 0, -1, func() {
		w.up()
		for _, a := range w.agents {
			a.since = w.now
		}
		w.start()
	})
}

// up tells the ledger of the restart.
func (w *world) up() {
	seen, up := w.at(w.beaten), w.at(max(w.wall(), w.beaten))
	w.do(func(l *Ledger) []Notice { return l.Restart(up, seen) })
	w.beaten = int64(up.Sub(monday) / time.Second)
}

// swap writes the ledger and goes on with what is read back.
func (w *world) swap() {
	b := w.l.Encode()
	l, err := Decode(w.rules, b)
	if err != nil {
		w.fail("%v", err)
	}
	if !bytes.Equal(l.Encode(), b) {
		w.fail("the ledger read back is another one")
	}
	for _, a := range w.agents {
		l.Serves(a.id, "q"+a.body)
	}
	w.l = l
}

func (w *world) play(days int64) {
	end := w.now + days*24*3600
	steps, crashes := 0, 0
	if w.r.IntN(2) == 0 {
		steps = w.r.IntN(6)
	}
	if w.r.IntN(2) == 0 {
		crashes = w.r.IntN(4)
	}
	span := days * 24 * 3600
	for range steps {
		w.plan(w.between(3600, span), 1, -1, func() {
			if w.router != nil {
				w.step()
			}
		})
	}
	for range crashes {
		w.plan(w.between(3600, span), 1, -1, func() {
			if w.router != nil {
				w.crash()
			}
		})
	}
	w.plan(w.between(0, span), 1, -1, w.swap)
	w.start()
	for len(w.todo) > 0 && w.todo[0].at <= end {
		j := heap.Pop(&w.todo).(job)
		w.now = j.at
		if j.run == -1 || j.run == w.run {
			j.do()
		}
	}
	w.now = end
	if w.router == nil {
		w.up()
	}
	w.check(steps > 0, crashes > 0)
}

func (w *world) check(stepped, crashed bool) {
	now := w.at(w.wall())
	w.note(w.l.Advance(now))
	for _, a := range w.agents {
		n := w.naive[a.id]
		n.flow(max(w.wall(), n.raw))
		if liveStates[a.state] {
			a.truth += w.now - a.since
		}
		var charged int64
		for k := int64(0); k < 5; k++ {
			wk := week.Add(int(k))
			st := w.l.Week(a.id, wk, now)
			got := [4]int64{int64(st.Total.Live / time.Second), int64(st.Total.Talking / time.Second), int64(st.Total.SignedIn / time.Second), int64(st.Total.Doubt / time.Second)}
			if want := [4]int64{n.live[k], n.talking[k], n.signedIn[k], n.doubt[k]}; got != want {
				w.fail("%s in week %d: live, talking, signed in, doubt are %v, second by second %v", a.id, k, got, want)
			}
			if tt := st.Total; tt.Hall+tt.Remote+tt.Unknown != tt.Live {
				w.fail("%s: stations do not add up: %+v", a.id, tt)
			}
			used := st.Total.Charged()
			charged += int64(used / time.Second)
			for _, th := range []time.Duration{32 * h, 35 * h} {
				want := 0
				if used >= th {
					want = 1
				}
				if got := w.last[a.id][fmt.Sprint(wk, th)]; got != want {
					w.fail("%s used %v in week %d: %d warnings at %v", a.id, used, k, got, th)
				}
			}
			switch b := st.Breach; {
			case b == nil && used > LegalLimit:
				w.fail("%s used %v in week %d without a breach", a.id, used, k)
			case b != nil && b.Over != used-LegalLimit:
				w.fail("%s used %v in week %d, breach %+v", a.id, used, k, b)
			}
		}
		if w.told && !crashed && charged < a.truth {
			w.fail("%s worked %d s and %d are charged", a.id, a.truth, charged)
		}
		if !w.fwd && charged > a.truth {
			w.fail("%s worked %d s and %d are charged", a.id, a.truth, charged)
		}
	}
	again := New(w.rules)
	for _, f := range w.log {
		f(again)
	}
	again.Advance(now)
	if !bytes.Equal(again.Encode(), w.l.Encode()) {
		w.fail("rebuilt from the journal the ledger is another one")
	}
}

// worldWeeks: the ordinary run is kept short; -weeks=10000 is the full proof.
var worldWeeks = flag.Int("weeks", 4000, "weeks of persons to play")

// Nobody is offered a call past 36:00:00, whatever clocks, crashes and doubled events
// do, and the sum is that of a count second by second.
func TestR_2_6_36h_NobodyIsOfferedACallPastTheLimitInThousandsOfWeeks(t *testing.T) {
	weeks := *worldWeeks
	if testing.Short() || raceEnabled {
		weeks = 400
	}
	const days, people = 9, 4
	worlds := weeks / (2 * people) // nine days touch two weeks or more
	var played, offers, breaches, warned, limited, next atomic.Int64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for {
				seed := next.Add(1)
				if seed > int64(worlds) || t.Failed() {
					return
				}
				ok := t.Run(fmt.Sprintf("seed%d", seed), func(t *testing.T) {
					w := newWorld(t, uint64(seed))
					w.play(days)
					for _, n := range w.naive {
						for _, sec := range n.live {
							if sec > 0 {
								played.Add(1)
							}
						}
					}
					offers.Add(int64(w.offers))
					limited.Add(int64(w.limited))
					for k := range 3 {
						breaches.Add(int64(len(w.l.Breaches(week.Add(k)))))
					}
					for _, ws := range w.last {
						warned.Add(int64(len(ws)))
					}
				})
				_ = ok
			}
		})
	}
	wg.Wait()
	t.Logf("%d worlds, %d weeks of persons: %d offers, %d times stopped by the router, %d thresholds told, %d breaches", worlds, played.Load(), offers.Load(), limited.Load(), warned.Load(), breaches.Load())
	if n := int64(worlds); played.Load() < int64(weeks) || offers.Load() < 50*n || limited.Load() < n || warned.Load() < n || breaches.Load() < n/4 {
		t.Error("the worlds are too quiet to prove anything")
	}
}
