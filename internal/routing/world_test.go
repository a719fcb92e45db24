package routing

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// world plays callers, phones and the wire between them and the router. Every
// message can be lost, late, doubled, and overtake another.
type world struct {
	s       *State
	r       *rand.Rand
	now     time.Time
	wire    []message // by time
	loss    float64
	dup     float64
	late    time.Duration
	alive   map[CallID]bool    // the caller is on the line
	talks   map[AgentID]CallID // what really is connected
	rings   map[OfferID]AgentID
	served  map[CallID]int
	fail    func(string, ...any)
	given   int // back by NobodyThere, CallTimedOut
	entries map[CallID]int
}

type message struct {
	at time.Time
	ev Event
	do func()
}

func (w *world) later(d time.Duration, do func()) {
	w.put(message{at: w.now.Add(d), do: do})
}

func (w *world) put(m message) {
	i, _ := slices.BinarySearchFunc(w.wire, m, func(a, b message) int {
		if a.at.After(b.at) {
			return 1
		}
		return -1 // behind those of the same instant
	})
	w.wire = slices.Insert(w.wire, i, m)
}

// tell sends ev to the router over the bad wire.
func (w *world) tell(ev Event) {
	copies := 1
	if w.r.Float64() < w.dup {
		copies = 2
	}
	for range copies {
		if w.r.Float64() >= w.loss {
			d := time.Duration(0)
			if w.late > 0 {
				d = time.Duration(w.r.Int64N(int64(w.late)))
			}
			w.put(message{at: w.now.Add(d), ev: ev})
		}
	}
}

func (w *world) between(lo, hi time.Duration) time.Duration {
	return lo + time.Duration(w.r.Int64N(int64(hi-lo)))
}

func (w *world) arrive(c CallID, q QueueID) {
	w.alive[c] = true
	w.entries[c] = 1
	w.tell(CallQueued{Call: c, Queue: q, Entry: 1, Priority: w.r.IntN(2)})
	if w.r.IntN(4) == 0 {
		w.later(w.between(time.Second, 2*time.Minute), func() { w.hangUp(c) })
	}
}

func (w *world) hangUp(c CallID) {
	if !w.alive[c] {
		return
	}
	w.alive[c] = false
	w.tell(CallLeft{Call: c})
	for _, a := range agentsOf(w.talks, c) {
		delete(w.talks, a)
		w.tell(TalkEnded{Agent: a, Call: c})
	}
}

func agentsOf(talks map[AgentID]CallID, c CallID) []AgentID {
	var out []AgentID
	for a, x := range talks {
		if x == c {
			out = append(out, a)
		}
	}
	slices.Sort(out)
	return out
}

// follow does what a decision says.
func (w *world) follow(d Decision) {
	switch d.Kind {
	case Offer:
		if !w.alive[d.Call] {
			w.tell(CallLeft{Call: d.Call})
			return
		}
		w.rings[d.Offer] = d.Agent
		switch n := w.r.IntN(10); {
		case n < 7:
			w.later(w.between(time.Second, 12*time.Second), func() { w.answer(d) })
		case n == 7:
			w.later(time.Second, func() { delete(w.rings, d.Offer); w.tell(OfferFailed{d.Offer, Declined}) })
		case n == 8:
			w.later(time.Second, func() { delete(w.rings, d.Offer); w.tell(OfferFailed{d.Offer, StationUnreachable}) })
		}
	case Withdraw:
		delete(w.rings, d.Offer)
	case DropLeg:
		if w.talks[d.Agent] == d.Call {
			delete(w.talks, d.Agent)
		}
	case StillThere:
		if d.Agent != "" && w.talks[d.Agent] == d.Call || d.Agent == "" && w.alive[d.Call] {
			w.tell(StillHere{d.Call, d.Agent})
		}
	case CallTimedOut, NobodyThere:
		w.given++
		w.alive[d.Call] = false
	}
}

func (w *world) answer(d Decision) {
	if _, ok := w.rings[d.Offer]; !ok || !w.alive[d.Call] {
		return
	}
	delete(w.rings, d.Offer)
	w.talks[d.Agent] = d.Call
	w.served[d.Call]++
	w.tell(OfferAnswered{d.Offer})
	w.later(w.between(10*time.Second, 4*time.Minute), func() {
		if w.talks[d.Agent] != d.Call {
			return
		}
		if w.r.IntN(5) == 0 { // the phone dies, the caller comes back to the head
			delete(w.talks, d.Agent)
			w.tell(StationDown{d.Agent})
			w.entries[d.Call]++
			w.tell(CallQueued{Call: d.Call, Queue: "q1", Head: true, Entry: w.entries[d.Call]})
			w.tell(TalkEnded{Agent: d.Agent, Call: d.Call})
			w.later(30*time.Second, func() { w.tell(StationUp{d.Agent}) })
			return
		}
		w.hangUp(d.Call)
	})
}

// run goes on until nothing is on its way and nothing is due, or until end.
func (w *world) run(end time.Time) {
	for {
		at, due := w.s.NextDeadline()
		if len(w.wire) == 0 && !due {
			return
		}
		var m message
		if len(w.wire) > 0 && (!due || !w.wire[0].at.After(at)) {
			m = w.wire[0]
			w.wire = w.wire[1:]
		} else {
			m = message{at: at, ev: Tick{}}
		}
		if m.at.After(end) {
			return
		}
		if m.at.After(w.now) {
			w.now = m.at
		}
		if m.do != nil {
			m.do()
			continue
		}
		ds := slices.Clone(Apply(w.s, m.ev, w.now))
		if err := w.s.check(); err != nil {
			w.fail("after %#v: %v", m.ev, err)
		}
		for _, d := range ds {
			w.follow(d)
		}
	}
}

func newWorld(t *rapid.T, cfg Config) *world {
	w := &world{s: New(cfg), now: t0, r: rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1)),
		alive: map[CallID]bool{}, talks: map[AgentID]CallID{}, rings: map[OfferID]AgentID{}, served: map[CallID]int{}, entries: map[CallID]int{}}
	w.fail = func(format string, args ...any) { t.Fatalf(format, args...) }
	w.s.audit = fair(w.s, w.fail)
	return w
}

func (w *world) people(agents, calls int) {
	for i := range agents {
		id := AgentID(fmt.Sprintf("a%d", i))
		Apply(w.s, in(id, []QueueID{"q1", "q2", "q1"}[i%2:][:2]...), w.now)
	}
	for i := range calls {
		w.later(w.between(0, 10*time.Minute), func() {
			w.arrive(CallID(fmt.Sprintf("c%d", i)), []QueueID{"q1", "q2"}[w.r.IntN(2)])
		})
	}
}

func worldConfig() Config {
	return Config{CheckEvery: time.Minute, CheckGrace: 10 * time.Second, MaxMisses: -1, Queues: map[QueueID]QueueConfig{
		"q1": {WrapUp: 10 * time.Second, SetAside: 5 * time.Second, There: Always},
		"q2": {SetAside: 5 * time.Second, There: Always},
	}}
}

// Whatever the wire loses: in the end every agent is free and no call is held.
func TestABadWireHoldsNobody(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, worldConfig())
		w.loss = float64(rapid.IntRange(0, 30).Draw(t, "loss")) / 100
		w.dup = float64(rapid.IntRange(0, 30).Draw(t, "dup")) / 100
		w.late = time.Duration(rapid.IntRange(0, 20_000).Draw(t, "late")) * time.Millisecond
		w.people(rapid.IntRange(1, 6).Draw(t, "agents"), rapid.IntRange(1, 30).Draw(t, "calls"))
		w.run(t0.Add(24 * time.Hour))
		for _, a := range w.s.agents {
			if a.state != Ready {
				t.Errorf("agent %q ended %v since %v", a.id, a.state, moment(a.since))
			}
		}
		for _, c := range w.s.calls {
			t.Errorf("call %q is held: %d", c.id, c.state)
		}
	})
}

// Over a good wire every caller who stays is served, exactly once, and nothing adds
// up wrongly.
func TestAGoodWireServesEveryCallerWhoStays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, worldConfig())
		w.people(rapid.IntRange(1, 6).Draw(t, "agents"), rapid.IntRange(1, 30).Draw(t, "calls"))
		w.run(t0.Add(24 * time.Hour))
		var sum Counts
		for _, q := range w.s.Snapshot(w.now).Queues {
			sum.Entered += q.Counts.Entered
			sum.Answered += q.Counts.Answered
			sum.Left += q.Counts.Left
		}
		answers, entries := 0, 0
		for _, n := range w.served {
			answers += n
		}
		for _, n := range w.entries {
			entries += n
		}
		if w.given != 0 || len(w.s.calls) != 0 || int(sum.Entered) != entries || int(sum.Answered) != answers || sum.Entered != sum.Answered+sum.Left {
			t.Fatalf("%d entries, %d answers, %d given back: %+v", entries, answers, w.given, sum)
		}
		if w.s.Ignored != 0 {
			// CallLeft and TalkEnded of the same hang-up: one of the two is one too many.
			t.Logf("%d ignored", w.s.Ignored)
		}
	})
}
