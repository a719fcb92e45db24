package routing

import (
	"math/big"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The oracle answers each question of routing the plain way, from the records and the
// configuration alone: no lanes, no profiles that are shared, no cached verdicts.

// need of a call at now: the steps of the queue one after the other, each at most as
// strict as those before.
func plainNeed(s *State, c *call) (skills map[Skill]int, language int) {
	waited := time.Duration(s.now - c.relaxFrom)
	skills, lower := map[Skill]int{}, 0
	for i, n := range c.queue.cfg.Needs {
		if n.After > waited && i > 0 {
			break
		}
		if i == 0 {
			language = n.Language
			for k, v := range n.Skills {
				skills[k] = v
			}
		} else {
			language = min(language, n.Language)
			for k, v := range skills {
				skills[k] = min(v, n.Skills[k])
			}
		}
		lower = max(lower, n.Lower)
	}
	for k, v := range c.skills {
		skills[k] = max(skills[k], v-lower)
	}
	if c.language == "" {
		language = 0
	}
	return skills, language
}

func plainRemote(a *agent, q *queue) bool {
	p := a.said()
	if !p.Station.Remote {
		return true
	}
	return q.cfg.RemoteFit && p.RemoteAllowed && (len(p.RemoteQueues) == 0 || slices.Contains(p.RemoteQueues, q.id)) &&
		(!q.cfg.Confidential || slices.Contains(p.ConfidentialQueues, q.id))
}

func plainFit(s *State, a *agent, c *call) bool {
	skills, language := plainNeed(s, c)
	for k, v := range skills {
		if a.said().Skills[k] < v {
			return false
		}
	}
	return (language == 0 || a.said().Languages[c.language] >= language) && plainRemote(a, c.queue)
}

func plainServes(s *State, a *agent, q *queue) bool {
	return slices.Contains(a.wanted, q.id) && s.queues[q.id] == q && !q.removed
}

// plainLent says whether a may be lent to c now; others is how many agents of the body
// stay ready.
func plainLent(s *State, a *agent, c *call) bool {
	lender := a.said().Body
	allowed := false
	for _, o := range c.queue.cfg.Overflow {
		allowed = allowed || o.Body == lender && o.After <= time.Duration(s.now-c.relaxFrom)
	}
	if !allowed || lender == "" || c.queue.removed {
		return false
	}
	if c.queue.cfg.Emergency {
		return true
	}
	b := s.bodies[lender]
	if b.blocked > s.now {
		return false
	}
	stay := 0
	for _, x := range s.agents {
		if x != a && x.state == Ready && x.inReady && x.said().Body == lender {
			stay++
		}
	}
	if stay < b.cfg.Keep {
		return false
	}
	for _, d := range s.calls {
		if q := d.queue; d.state == waiting && d != c && !d.virtual && q.cfg.Body == lender && !q.removed && q.cfg.Target > 0 && s.now-d.entered >= int64(q.cfg.Target) {
			return false
		}
	}
	return true
}

// plainCan says whether a could be given c now.
func plainCan(s *State, a *agent, c *call) bool {
	if c.preferUntil != 0 {
		return c.prefer == a.id
	}
	return plainFit(s, a, c) && (plainServes(s, a, c.queue) || plainLent(s, a, c))
}

func plainPoints(s *State, c *call) *big.Int {
	sc := c.queue.cfg.Score
	per, head, rate := int64(1<<40), int64(1<<39), int64(1)
	if sc != (Score{}) {
		per, head, rate = int64(sc.PerPriority), int64(sc.Head), int64(sc.PerSecond)
	}
	n := new(big.Int).Mul(big.NewInt(int64(c.priority)), big.NewInt(per))
	n.Add(n, big.NewInt(int64(sc.Base)))
	if c.head {
		n.Add(n, big.NewInt(head))
	}
	n.Mul(n, big.NewInt(int64(time.Second)))
	return n.Add(n, new(big.Int).Mul(big.NewInt(rate), big.NewInt(s.now-c.since)))
}

// plainBetter: c comes before d for a.
func plainBetter(s *State, c, d *call, a *agent) bool {
	if e, f := c.queue.cfg.Emergency, d.queue.cfg.Emergency; e != f {
		return e
	}
	if a != nil {
		if e, f := plainServes(s, a, c.queue), plainServes(s, a, d.queue); e != f {
			return e
		}
	}
	if c.queue.cfg.Body != d.queue.cfg.Body && s.sharing {
		if e, f := s.over(c.queue.body), s.over(d.queue.body); e != f {
			return f
		}
	}
	if n := plainPoints(s, c).Cmp(plainPoints(s, d)); n != 0 {
		return n > 0
	}
	return d.priority < c.priority ||
		d.priority == c.priority && (c.head && !d.head ||
			d.head == c.head && (c.since < d.since || d.since == c.since && c.arrival < d.arrival))
}

// fair checks a choice the slow way: nobody better waits for that agent, and nobody
// who may take that call has been idle longer.
func fair(s *State, fail func(string, ...any)) func(*call, *agent) {
	return func(c *call, a *agent) {
		if e := s.explain(c, a); len(e.Violations) > 0 || !e.Callers[0].Chosen || !e.Agents[0].Chosen {
			fail("explained as %v", e)
		}
		if !plainCan(s, a, c) || c.state != waiting || a.state != Ready || a.offer != 0 || a.on != "" {
			fail("offer of %q (%d) to %q (%v): not possible: fit %v serves %v lent %v held %d removed %v", c.id, c.state, a.id, a.state, plainFit(s, a, c), plainServes(s, a, c.queue), plainLent(s, a, c), c.preferUntil, c.queue.removed)
		}
		for _, d := range s.calls {
			if d != c && d.state == waiting && plainCan(s, a, d) && plainBetter(s, d, c, a) {
				fail("%q is offered to %q before %q: serves %v %v lent %v %v held %d %d since %d %d queues %s %s over %v %v lane %p %p", c.id, a.id, d.id, plainServes(s, a, c.queue), plainServes(s, a, d.queue), plainLent(s, a, c), plainLent(s, a, d), c.preferUntil, d.preferUntil, c.since, d.since, c.queue.id, d.queue.id, s.over(c.queue.body), s.over(d.queue.body), c.family, d.family)
			}
		}
		if c.preferUntil != 0 {
			return // waits for this agent alone
		}
		own := plainServes(s, a, c.queue)
		for _, b := range s.agents {
			if b == a || b.state != Ready || !b.inReady || !plainCan(s, b, c) {
				continue
			}
			switch bOwn := plainServes(s, b, c.queue); {
			case bOwn && !own:
				fail("%q is offered to %q of another body while %q is ready", c.id, a.id, b.id)
			case bOwn == own && (b.idle < a.idle || b.idle == a.idle && b.num < a.num):
				fail("%q is offered to %q while %q has been idle longer", c.id, a.id, b.id)
			}
		}
	}
}

// resting checks, the slow way, what must hold between two events: nobody waits beside
// an agent who may take the call, and nobody who has nobody to hope for.
func resting(s *State, fail func(string, ...any)) {
	for _, c := range s.calls {
		if c.state != waiting {
			continue
		}
		if q := c.queue.cfg; q.Preempt && c.preferUntil == 0 {
			for _, a := range s.agents {
				if a.state == Offered && !a.call.queue.cfg.Emergency && a.wish == noWish && plainServes(s, a, c.queue) && plainFit(s, a, c) && !s.spent(a) {
					fail("emergency %q waits while %q rings for %q", c.id, a.id, a.call.id)
				}
			}
		}
		hope := c.virtual || c.queue.cfg.There == Always
		for _, a := range s.agents {
			if a.state == Ready && plainCan(s, a, c) {
				fail("%q waits beside %q", c.id, a.id)
			}
			far := *c
			far.relaxFrom -= int64(longest)
			lends := slices.ContainsFunc(c.queue.cfg.Overflow, func(o Overflow) bool { return o.Body == a.said().Body })
			if a.class == absent || !plainFit(s, a, &far) || !plainServes(s, a, c.queue) && !lends {
				continue
			}
			hope = hope || a.class == working || a.class == expected && c.queue.cfg.There != Working || c.queue.cfg.There == SignedIn
		}
		if !hope && c.preferUntil == 0 {
			fail("%q waits and nobody could ever take it", c.id)
		}
	}
}

var someSkills = []Skill{"tax", "deeds"}

func anyLevels(t *rapid.T, name string) map[Skill]int {
	m := map[Skill]int{}
	for _, k := range someSkills {
		if n := rapid.IntRange(-2, 5).Draw(t, name); n > 0 {
			m[k] = n
		}
	}
	return m
}

func anyQueueConfig(t *rapid.T) QueueConfig {
	secs := func(name string, hi int) time.Duration {
		return time.Duration(rapid.IntRange(0, hi).Draw(t, name)) * time.Second
	}
	q := QueueConfig{RingTimeout: secs("ring", 10), WrapUp: secs("wrap", 10), MaxWait: secs("wait", 200),
		There: rapid.SampledFrom([]Presence{"", SignedIn, Working, Always}).Draw(t, "there"),
		Body:  rapid.SampledFrom([]string{"", "x", "y"}).Draw(t, "body"), Emergency: rapid.IntRange(0, 4).Draw(t, "emergency") == 0,
		Preempt: rapid.Bool().Draw(t, "preempt"), RemoteFit: rapid.Bool().Draw(t, "fit"), Confidential: rapid.IntRange(0, 3).Draw(t, "confidential") == 0, Target: secs("target", 20), KeepPlace: secs("keeps", 60), TaskWithin: secs("task", 60)}
	for range rapid.IntRange(0, 3).Draw(t, "needs") {
		q.Needs = append(q.Needs, Need{After: secs("after", 60), Skills: anyLevels(t, "level"), Language: rapid.IntRange(0, 3).Draw(t, "language"), Lower: rapid.IntRange(0, 4).Draw(t, "lower")})
	}
	if rapid.Bool().Draw(t, "scored") {
		q.Score = Score{Base: rapid.IntRange(-20, 20).Draw(t, "base"), PerPriority: rapid.IntRange(0, 60).Draw(t, "points"), PerSecond: rapid.IntRange(0, 3).Draw(t, "rate"), Head: rapid.IntRange(0, 50).Draw(t, "head")}
	}
	for range rapid.IntRange(0, 2).Draw(t, "overflow") {
		q.Overflow = append(q.Overflow, Overflow{rapid.SampledFrom([]string{"x", "y", "z"}).Draw(t, "lender"), secs("lent after", 40)})
	}
	return q
}

func anyConfig(t *rapid.T) Config {
	cfg := Config{MaxMisses: rapid.SampledFrom([]int{0, 1, 2}).Draw(t, "misses"), Queues: map[QueueID]QueueConfig{}, ShareWindow: time.Minute}
	for _, id := range someQueues[:rapid.IntRange(1, 4).Draw(t, "queues")] {
		cfg.Queues[id] = anyQueueConfig(t)
	}
	if rapid.Bool().Draw(t, "bodies") {
		cfg.Bodies = map[string]BodyConfig{}
		for _, b := range []string{"x", "y"} {
			cfg.Bodies[b] = BodyConfig{Keep: rapid.IntRange(0, 1).Draw(t, "keep"), Share: rapid.IntRange(0, 2).Draw(t, "share"), Recover: 20 * time.Second}
		}
	}
	return cfg
}

// richEvent draws an event with everything that a centre of many bodies knows.
func richEvent(t *rapid.T, s *State, now time.Time) Event {
	agent := rapid.SampledFrom(someAgents).Draw(t, "agent")
	switch rapid.IntRange(0, 14).Draw(t, "rich") {
	case 12, 13:
		call := rapid.SampledFrom(someCalls).Draw(t, "call")
		as := rapid.SampledFrom([]CallID{"v1", "v2", "v3"}).Draw(t, "as")
		caller := rapid.SampledFrom([]string{"", "k1", "k2"}).Draw(t, "who")
		switch rapid.IntRange(0, 4).Draw(t, "callback") {
		case 0:
			return CallbackWanted{call, as, caller}
		case 1:
			return CallbackBooked{Call: as, Queue: rapid.SampledFrom(someQueues).Draw(t, "where"), Caller: caller, Due: now.Add(time.Duration(rapid.IntRange(-5, 60).Draw(t, "due")) * time.Second), Prefer: agent, PreferFor: time.Duration(rapid.IntRange(0, 9).Draw(t, "for")) * time.Second}
		case 2:
			return CallbackReached{as}
		case 3:
			return AttemptLost{Call: call, Queue: rapid.SampledFrom(someQueues).Draw(t, "where"), Caller: caller, Within: time.Duration(rapid.IntRange(0, 9).Draw(t, "within")) * time.Second}
		}
		return rapid.SampledFrom([]Event{TaskDone{call, caller}, CallLeft{Call: as}, AgentTaken{agent, as}, TalkEnded{Agent: agent, Call: as}, StillHere{Call: as}}).Draw(t, "end")
	case 0, 1:
		return AgentProfile{Agent: agent, Body: rapid.SampledFrom([]string{"", "x", "y", "z"}).Draw(t, "body"), Skills: anyLevels(t, "has"),
			Languages:     map[string]int{"az": rapid.IntRange(0, 5).Draw(t, "az"), "ru": rapid.IntRange(0, 5).Draw(t, "ru")},
			Station:       Station{Remote: rapid.Bool().Draw(t, "remote"), Hall: "h"},
			RemoteAllowed: rapid.IntRange(0, 3).Draw(t, "allowed") > 0, RemoteQueues: rapid.SliceOfN(rapid.SampledFrom(someQueues), 0, 2).Draw(t, "for"),
			ConfidentialQueues: rapid.SliceOfN(rapid.SampledFrom(someQueues), 0, 2).Draw(t, "named")}
	case 2:
		if rapid.IntRange(0, 3).Draw(t, "whole") == 0 {
			return Configured{anyConfig(t)}
		}
		return QueueChanged{rapid.SampledFrom(someQueues).Draw(t, "changed"), anyQueueConfig(t)}
	}
	ev := anyEvent(t, s, now)
	if e, ok := ev.(CallQueued); ok {
		e.Caller = rapid.SampledFrom([]string{"", "k1", "k2"}).Draw(t, "who")
		e.Language = rapid.SampledFrom([]string{"", "az", "ru"}).Draw(t, "speaks")
		if rapid.IntRange(0, 2).Draw(t, "wishes") == 0 {
			e.Skills = anyLevels(t, "needs")
		}
		if rapid.IntRange(0, 2).Draw(t, "prefers") == 0 {
			e.Prefer, e.PreferFor = agent, time.Duration(rapid.IntRange(-1, 60).Draw(t, "prefers for"))*time.Second
		}
		return e
	}
	return ev
}

func TestAnythingInAnyOrderWithManyBodies(t *testing.T) {
	for range 6 {
		rapid.Check(t, func(t *rapid.T) { chaos(t, anyConfig(t), richEvent) })
	}
}
