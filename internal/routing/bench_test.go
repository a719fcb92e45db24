package routing

import (
	"fmt"
	"testing"
	"time"
)

// standing is a call centre under load: every agent talks, so many calls wait.
type standing struct {
	s       *State
	now     time.Time
	agents  []AgentID
	calls   []CallID // names to use again, those in use left out
	talking []Decision
	next    int // the talk that ends next
	offers  []Decision
}

func newStanding(agents, waiting, queues, perAgent int) *standing {
	cfg := Config{Queues: map[QueueID]QueueConfig{}}
	var ids []QueueID
	for i := range queues {
		id := QueueID(fmt.Sprintf("queue-%03d", i))
		ids = append(ids, id)
		cfg.Queues[id] = QueueConfig{MaxWait: time.Hour, WrapUp: 5 * time.Second}
	}
	w := &standing{s: New(cfg), now: t0}
	for i := range agents {
		id := AgentID(fmt.Sprintf("agent-%05d", i))
		w.agents = append(w.agents, id)
		var qs []QueueID
		for j := range perAgent {
			qs = append(qs, ids[(i*7+j*(queues/perAgent))%queues])
		}
		w.apply(AgentSignedIn{Agent: id, Queues: qs, Ready: true})
	}
	for i := range 2*(agents+waiting) + 16 {
		w.calls = append(w.calls, CallID(fmt.Sprintf("call-%06d", i)))
	}
	for i := 0; len(w.offers) < agents || w.waiting() < waiting; i++ {
		w.arrive(ids[i%queues])
		if len(w.offers) == agents && w.waiting() >= waiting {
			break
		}
	}
	for len(w.offers) > 0 {
		w.answer()
	}
	return w
}

func (w *standing) waiting() int {
	n := 0
	for _, q := range w.s.queues {
		n += q.waiting.len()
	}
	return n
}

func (w *standing) apply(ev Event) {
	w.now = w.now.Add(time.Millisecond)
	for _, d := range Apply(w.s, ev, w.now) {
		if d.Kind == Offer {
			w.offers = append(w.offers, d)
		}
	}
}

func (w *standing) arrive(q QueueID) {
	c := w.calls[len(w.calls)-1]
	w.calls = w.calls[:len(w.calls)-1]
	w.apply(CallQueued{Call: c, Queue: q})
}

func (w *standing) answer() {
	d := w.offers[len(w.offers)-1]
	w.offers = w.offers[:len(w.offers)-1]
	w.apply(OfferAnswered{d.Offer})
	w.talking = append(w.talking, d)
}

// round is the life of one call under a standing queue: 5 events. The call that has
// talked longest ends, its agent ends the wrap-up and is offered the best waiting
// call, answers; a new call comes; the router's clock ticks.
func (w *standing) round() {
	d := w.talking[w.next]
	w.apply(TalkEnded{Agent: d.Agent, Call: d.Call})
	w.apply(WrapUpDone{d.Agent})
	w.calls = append(w.calls, d.Call)
	w.answer()
	last := len(w.talking) - 1
	w.talking[w.next] = w.talking[last]
	w.talking = w.talking[:last]
	w.next = (w.next + 1) % last
	w.arrive(d.Queue)
	w.apply(Tick{})
}

func benchmarkStanding(b *testing.B, agents, waiting, queues, perAgent int) {
	w := newStanding(agents, waiting, queues, perAgent)
	for range 2 * agents { // every record and line has its size
		w.round()
	}
	before := w.waiting()
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		w.round()
	}
	b.StopTimer()
	if got := w.waiting(); got != before {
		b.Fatalf("%d calls wait instead of %d", got, before)
	}
	if err := w.s.check(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(5*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkApply: one op is one call's life, five events (see round).
func BenchmarkApply(b *testing.B) {
	b.Run("agents=500/waiting=200/queues=10", func(b *testing.B) { benchmarkStanding(b, 500, 200, 10, 3) })
	b.Run("agents=5000/waiting=10000/queues=200", func(b *testing.B) { benchmarkStanding(b, 5000, 10000, 200, 5) })
	b.Run("agents=5000/waiting=10000/queues=1", func(b *testing.B) { benchmarkStanding(b, 5000, 10000, 1, 1) })
}

// BenchmarkIdle is the other half of the day: agents are ready, calls come one by one.
func BenchmarkIdle(b *testing.B) {
	w := newStanding(5000, 0, 200, 5)
	for len(w.talking) > 0 {
		d := w.talking[0]
		w.talking = w.talking[1:]
		w.apply(TalkEnded{Agent: d.Agent, Call: d.Call})
		w.apply(WrapUpDone{d.Agent})
	}
	for w.waiting() > 0 || len(w.offers) > 0 {
		w.answer()
		d := w.talking[0]
		w.talking = w.talking[:0]
		w.apply(TalkEnded{Agent: d.Agent, Call: d.Call})
		w.apply(WrapUpDone{d.Agent})
	}
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		w.apply(CallQueued{Call: "one", Queue: "queue-007"})
		w.answer()
		d := w.talking[0]
		w.talking = w.talking[:0]
		w.apply(TalkEnded{Agent: d.Agent, Call: d.Call})
		w.apply(WrapUpDone{d.Agent})
	}
	b.ReportMetric(4*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkPosition: what an announcement costs.
func BenchmarkPosition(b *testing.B) {
	w := newStanding(5000, 10000, 1, 1)
	id := w.s.queues["queue-000"].waiting.at(7000).id
	b.ReportAllocs()
	for b.Loop() {
		if p, ok := w.s.Position(id); !ok || p != 7001 {
			b.Fatal(p, ok)
		}
	}
}

// BenchmarkJournal: the JSON of an event and of an offer.
func BenchmarkJournal(b *testing.B) {
	w := newStanding(500, 200, 10, 3)
	d := w.talking[len(w.talking)-1]
	b.ReportAllocs()
	for b.Loop() {
		if _, err := EncodeEvent(OfferAnswered{d.Offer}); err != nil {
			b.Fatal(err)
		}
		if _, err := EncodeDecision(d); err != nil {
			b.Fatal(err)
		}
	}
}

// The engine itself does not allocate once its records and lines have their size.
func TestApplyDoesNotAllocate(t *testing.T) {
	w := newStanding(50, 40, 4, 2)
	for range 5000 {
		w.round()
	}
	if n := testing.AllocsPerRun(2000, w.round); n != 0 {
		t.Errorf("%v allocations per call under a standing queue, want none", n)
	}
}
