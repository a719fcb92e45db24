package routing

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"
)

// bigConfig is a centre of many bodies: 200 queues of 40 bodies, 30 skills that are
// relaxed over time, three languages, scores at different rates, overflow, shares.
func bigConfig(queues int) (Config, []QueueID) {
	cfg := Config{Queues: map[QueueID]QueueConfig{}, Bodies: map[string]BodyConfig{}}
	var ids []QueueID
	for i := range queues {
		id := QueueID(fmt.Sprintf("queue-%03d", i))
		ids = append(ids, id)
		body := fmt.Sprintf("body-%02d", i%40)
		cfg.Bodies[body] = BodyConfig{Keep: 1, Share: 1 + i%3}
		cfg.Queues[id] = QueueConfig{
			WrapUp: 5 * time.Second, There: Always, Body: body, Emergency: i%50 == 0, RemoteFit: i%2 == 0, Target: 30 * time.Second,
			Needs: []Need{
				{Skills: map[Skill]int{skillNo(i): 7, skillNo(i + 1): 3}, Language: 6},
				{After: 20 * time.Second, Skills: map[Skill]int{skillNo(i): 4}, Language: 4},
				{After: time.Minute, Language: 2},
			},
			Score:    Score{PerPriority: 120, PerSecond: 1 + i%3},
			Overflow: []Overflow{{Body: fmt.Sprintf("body-%02d", (i+1)%40), After: 90 * time.Second}},
		}
	}
	return cfg, ids
}

func skillNo(i int) Skill { return Skill(fmt.Sprintf("skill-%02d", i%30)) }

var threeLanguages = []string{"az", "ru", "en"}

// newCentre fills a centre: every agent talks, calls wait. profiles is how many kinds of
// agents there are.
func newCentre(agents, waiting, queues, profiles int) (*standing, *rand.Rand) {
	cfg, ids := bigConfig(queues)
	w := &standing{s: New(cfg), now: t0}
	r := rand.New(rand.NewPCG(1, 2))
	for i := range agents {
		id := AgentID(fmt.Sprintf("agent-%05d", i))
		w.agents = append(w.agents, id)
		kind := i % profiles
		p := AgentProfile{Agent: id, Body: fmt.Sprintf("body-%02d", i%40), Skills: map[Skill]int{}, Languages: map[string]int{"az": 10, "ru": kind % 11, "en": kind / 11 % 11},
			Station: Station{Remote: kind%7 == 0}, RemoteAllowed: true}
		for j := range 6 {
			p.Skills[skillNo(kind*5+j)] = 1 + (kind+j*3)%10
		}
		w.apply(p)
		var qs []QueueID
		for j := range 5 {
			qs = append(qs, ids[(i%40+j*40)%queues])
		}
		w.apply(AgentSignedIn{Agent: id, Queues: qs})
	}
	for i := range 2*(agents+waiting) + 16 {
		w.calls = append(w.calls, CallID(fmt.Sprintf("call-%06d", i)))
	}
	for i := range agents + waiting {
		w.bigArrive(ids[i%queues], r)
	}
	for _, id := range w.agents {
		w.apply(AgentReady{id})
	}
	for len(w.offers) > 0 {
		w.answer()
	}
	return w, r
}

func (w *standing) bigArrive(q QueueID, r *rand.Rand) {
	c := w.calls[len(w.calls)-1]
	w.calls = w.calls[:len(w.calls)-1]
	w.apply(CallQueued{Call: c, Queue: q, Priority: r.IntN(3), Language: threeLanguages[r.IntN(3)]})
}

// bigRound is the five events of round, each timed.
func (w *standing) bigRound(r *rand.Rand, took func(time.Duration)) {
	timed := func(ev Event) {
		began := time.Now()
		w.apply(ev)
		took(time.Since(began))
	}
	i := r.IntN(len(w.talking))
	d := w.talking[i]
	w.talking = slices.Delete(w.talking, i, i+1)
	timed(TalkEnded{Agent: d.Agent, Call: d.Call})
	timed(WrapUpDone{d.Agent})
	w.calls = append(w.calls, d.Call)
	c := w.calls[len(w.calls)-1]
	w.calls = w.calls[:len(w.calls)-1]
	timed(CallQueued{Call: c, Queue: d.Queue, Priority: r.IntN(3), Language: threeLanguages[r.IntN(3)]})
	timed(Tick{})
	for len(w.offers) > 0 {
		o := w.offers[len(w.offers)-1]
		w.offers = w.offers[:len(w.offers)-1]
		timed(OfferAnswered{o.Offer})
		w.talking = append(w.talking, o)
	}
}

// BenchmarkCentre: one op is one round. Besides the mean it shows the 99th percentile of
// an event, events/s, and what a policy that scans all calls (for an agent) and all agents
// (for a call) would take for the two choices of the round alone.
func BenchmarkCentre(b *testing.B) {
	for _, profiles := range []int{120, 5000} {
		b.Run(fmt.Sprintf("agents=5000/waiting=10000/queues=200/skills=30/profiles=%d", profiles), func(b *testing.B) {
			w, r := newCentre(5000, 10000, 200, profiles)
			for range 10000 {
				w.bigRound(r, func(time.Duration) {})
			}
			var all []time.Duration
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				w.bigRound(r, func(d time.Duration) {
					if len(all) < 5_000_000 {
						all = append(all, d)
					}
				})
			}
			b.StopTimer()
			var sum time.Duration
			for _, d := range all {
				sum += d
			}
			slices.Sort(all)
			b.ReportMetric(float64(all[len(all)*99/100].Nanoseconds()), "p99-ns/event")
			b.ReportMetric(float64(all[len(all)*999/1000].Nanoseconds()), "p99.9-ns/event")
			b.ReportMetric(float64(len(all))/sum.Seconds(), "events/s")
			b.ReportMetric(float64(w.waiting()), "waiting")
			naive := w.naive(r)
			b.ReportMetric(float64(naive.Nanoseconds()), "naive-ns/choices")
			b.ReportMetric(float64(naive)/(float64(sum)/float64(b.N)), "naive/round")
		})
	}
}

// naive times the two choices of a round by scanning: every call for an agent, every
// agent for a call, with the same rules.
func (w *standing) naive(r *rand.Rand) time.Duration {
	s := w.s
	var calls []*call
	for _, c := range s.calls {
		calls = append(calls, c)
	}
	agents := s.agentsByNum()
	const rounds = 20
	began := time.Now()
	for range rounds {
		a := agents[r.IntN(len(agents))]
		var best *call
		for _, c := range calls {
			if c.state != waiting || judge(c.lane(), a.said()) != canTake {
				continue
			}
			if !a.serves(c.queue) && (a.home == nil || !c.lane().mayBorrow(a.home, a.home.ready.len())) {
				continue
			}
			if best == nil || s.sooner(c, best, a) {
				best = c
			}
		}
		c := calls[r.IntN(len(calls))]
		if c.state != waiting && best != nil {
			c = best
		}
		var idle *agent
		for _, a := range agents {
			if (a.serves(c.queue) || a.helpsIn(c.queue)) && a.state == Ready && judge(c.lane(), a.said()) == canTake && (idle == nil || a.before(idle)) {
				idle = a
			}
		}
		runtime.KeepAlive(idle)
	}
	return time.Since(began) / rounds
}

// The state of a large centre stays small: 5,000 agents, all of a kind of their own,
// 15,000 calls, 200 queues.
func TestTheStateOfALargeCentreIsSmall(t *testing.T) {
	if testing.Short() {
		t.Skip("large")
	}
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	w, r := newCentre(5000, 10000, 200, 5000)
	for range 2000 {
		w.bigRound(r, func(time.Duration) {})
	}
	size := heap() - before
	t.Logf("%d calls wait, %d talk, %d agents: %.1f MB", w.waiting(), len(w.talking), len(w.agents), float64(size)/1e6)
	if size > 200e6 {
		t.Errorf("%d MB, want less than 200", size/1e6)
	}
	if w.waiting() < 9000 {
		t.Errorf("only %d calls wait", w.waiting())
	}
	runtime.KeepAlive(w)
}
