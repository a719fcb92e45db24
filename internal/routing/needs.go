package routing

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Skill names something an agent can do. Levels go from 1 to 10; 0 is none.
type Skill string

const topLevel = 10

// Need is what a queue asks of an agent from a moment of the wait on. Later needs can
// only ask for less: where one asks for more, the earlier counts.
type Need struct {
	// After is the time in the queue from which this counts. The first has 0.
	After time.Duration `json:"after_ns,omitempty"`
	// Skills with the least level of each.
	Skills map[Skill]int `json:"skills,omitempty"`
	// Language is the least level in the caller's language; 0 asks for none.
	Language int `json:"language,omitempty"`
	// Lower takes this much from every level that the call itself asks for
	// (CallQueued.Skills).
	Lower int `json:"lower,omitempty"`
}

// Overflow lets the agents of another body help after a while.
type Overflow struct {
	Body  string        `json:"body"`
	After time.Duration `json:"after_ns,omitempty"`
}

// boundedNeeds sorts the steps and lets none ask for more than the one before.
func boundedNeeds(list []Need) []Need {
	if len(list) == 0 {
		return nil
	}
	out := make([]Need, 0, len(list))
	for _, n := range list {
		n.After = bounded(n.After, 0)
		n.Language = min(max(n.Language, 0), topLevel)
		n.Lower = min(max(n.Lower, 0), topLevel)
		n.Skills = boundedLevels(n.Skills)
		out = append(out, n)
	}
	slices.SortStableFunc(out, func(a, b Need) int { return int(min(max(a.After-b.After, -1), 1)) })
	out[0].After = 0
	for i := 1; i < len(out); i++ {
		was, n := &out[i-1], &out[i]
		n.Language = min(n.Language, was.Language)
		n.Lower = max(n.Lower, was.Lower)
		for k, level := range n.Skills {
			if least := min(level, was.Skills[k]); least > 0 {
				n.Skills[k] = least
			} else {
				delete(n.Skills, k)
			}
		}
	}
	return out
}

// boundedLevels copies m without what is no level.
func boundedLevels[K ~string](m map[K]int) map[K]int {
	if len(m) == 0 {
		return nil
	}
	out := make(map[K]int, len(m))
	for k, level := range m {
		if level > 0 && k != "" {
			out[k] = min(level, topLevel)
		}
	}
	return out
}

// signature is the same for the same levels.
func signature[K ~string](m map[K]int) string {
	if len(m) == 0 {
		return ""
	}
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(m)) {
		b.WriteString(strconv.Quote(string(k)))
		b.WriteString(strconv.Itoa(m[k]))
	}
	return b.String()
}

// stage is one step of the wait in a queue: what is asked and which bodies may help.
type stage struct {
	after  int64
	need   Need
	bodies []*body // whose agents may help by now
}

// stages of the queue: a new one at each moment at which something is relaxed.
func (s *State) stagesOf(cfg *QueueConfig) []stage {
	times := []time.Duration{0}
	for _, n := range cfg.Needs {
		times = append(times, n.After)
	}
	for _, o := range cfg.Overflow {
		times = append(times, o.After)
	}
	slices.Sort(times)
	times = slices.Compact(times)
	out := make([]stage, len(times))
	for i, at := range times {
		g := &out[i]
		g.after = int64(at)
		for _, n := range cfg.Needs {
			if n.After <= at {
				g.need = n
			}
		}
		for _, o := range cfg.Overflow {
			if o.After <= at {
				g.bodies = append(g.bodies, s.body(o.Body))
			}
		}
	}
	return out
}

// family is the calls of a queue that ask for the same: by what the call itself wants
// and, where the queue looks at it, the language.
type family struct {
	queue    *queue
	language string
	skills   map[Skill]int
	sign     string
	lanes    []lane
	members  [classes]int // agents who could take such a call after full relaxation, by class
	calls    int          // that stand in its lanes or are held for an agent
}

// lane is the waiting calls of a family in one stage. The order is that of the queue.
type lane struct {
	family  *family
	stage   *stage
	waiting line[*call]
	place   int // in queue.active, -1 when nobody waits
	plain   bool
	can     []verdict // by number of profile; unknown when it was not asked yet
}

// manyFamilies: beyond this, those without calls are forgotten.
const manyFamilies = 64

// familyOf finds or makes the family of c in its queue.
func (s *State) familyOf(c *call) *family {
	q := c.queue
	language := ""
	if q.speaks {
		language = c.language
	}
	for _, f := range q.families {
		if f.language == language && f.sign == c.sign {
			return f
		}
	}
	if len(q.families) >= manyFamilies {
		q.families = slices.DeleteFunc(q.families, func(f *family) bool { return f.calls == 0 })
	}
	f := &family{queue: q, language: language, sign: c.sign, skills: c.skills, lanes: make([]lane, len(q.stages))}
	for i := range f.lanes {
		g := &q.stages[i]
		f.lanes[i] = lane{family: f, stage: g, place: -1,
			plain: len(g.need.Skills) == 0 && len(f.skills) == 0 && (g.need.Language == 0 || language == "")}
	}
	q.families = append(q.families, f)
	// The order of this walk does not matter: it only counts.
	for _, a := range s.agents {
		if a.serves(q) || a.helpsIn(q) {
			if s.verdict(f.last(), a.profile) == canTake {
				f.members[a.class]++
			}
		}
	}
	return f
}

// last is the lane of full relaxation.
func (f *family) last() *lane { return &f.lanes[len(f.lanes)-1] }

// stageAt is the stage of a call that entered at from.
func (q *queue) stageAt(from, now int64) int {
	i := len(q.stages) - 1
	for i > 0 && from+q.stages[i].after > now {
		i--
	}
	return i
}

func (l *lane) add(c *call) {
	if l.waiting.len() == 0 {
		q := c.queue
		l.place = len(q.active)
		q.active = append(q.active, l)
	}
	l.waiting.insert(c)
}

func (l *lane) drop(c *call) {
	l.waiting.remove(c)
	if l.waiting.len() > 0 {
		return
	}
	q := c.queue
	end := len(q.active) - 1
	q.active[l.place] = q.active[end]
	q.active[l.place].place = l.place
	q.active[end] = nil
	q.active = q.active[:end]
	l.place = -1
}

// stand puts c into its place among the waiting of its queue: in the lane of what it
// asks for by now, or with the agent it is held for.
func (s *State) stand(c *call) {
	q := c.queue
	q.waiting.insert(c)
	c.family = s.familyOf(c)
	c.family.calls++
	c.stage = q.stageAt(c.relaxFrom, s.now)
	if c.preferUntil != 0 {
		if p := s.holder(c); p != nil {
			p.own = append(p.own, c)
			s.watch(c)
			return
		}
		c.preferUntil = 0
	}
	c.family.lanes[c.stage].add(c)
	s.watch(c)
}

// step takes c out of its place among the waiting.
func (s *State) step(c *call) {
	c.queue.waiting.remove(c)
	c.family.calls--
	if c.preferUntil != 0 {
		p := s.agents[c.prefer]
		i := slices.Index(p.own, c)
		p.own = slices.Delete(p.own, i, i+1)
	} else {
		c.family.lanes[c.stage].drop(c)
	}
	s.unwatch(c)
}

// nextStage is when c asks for less than now; 0 when it never will.
func (c *call) nextStage() int64 {
	at := c.preferUntil
	if c.stage+1 < len(c.queue.stages) {
		if next := c.relaxFrom + c.queue.stages[c.stage+1].after; at == 0 || next < at {
			at = next
		}
	}
	return at
}

// lane is where c stands, or would if it were not held.
func (c *call) lane() *lane { return &c.family.lanes[c.stage] }

// holder is the agent for whom c may wait by itself; nil when nobody is worth waiting
// for.
func (s *State) holder(c *call) *agent {
	p := s.agents[c.prefer]
	if p == nil || c.preferUntil <= s.now || p.class < expected || !p.serves(c.queue) ||
		s.verdict(c.family.last(), p.profile).clause() != "" {
		return nil
	}
	return p
}

// letGo ends the wait of the calls that are held for a. They look for another agent at
// the end of Apply.
func (s *State) letGo(a *agent) {
	for len(a.own) > 0 {
		c := a.own[len(a.own)-1]
		s.step(c)
		c.preferUntil = 0
		s.stand(c)
		s.loose = append(s.loose, c)
	}
}

// boundedOverflow leaves out what names no other body, and each body's later steps.
func boundedOverflow(list []Overflow, own string) []Overflow {
	var out []Overflow
	for _, o := range list {
		o.After = bounded(o.After, 0)
		i := slices.IndexFunc(out, func(x Overflow) bool { return x.Body == o.Body })
		switch {
		case o.Body == "" || o.Body == own:
		case i < 0:
			out = append(out, o)
		default:
			out[i].After = min(out[i].After, o.After)
		}
	}
	return out
}
