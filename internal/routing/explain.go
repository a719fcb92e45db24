package routing

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Explanation is why an offer went as it did: everybody who waited for that agent in
// the order of service, and every agent who was ready, at the moment of the choice.
type Explanation struct {
	Offer   OfferID   `json:"offer"`
	At      time.Time `json:"at"`
	Call    CallID    `json:"call"`
	Queue   QueueID   `json:"queue"`
	Agent   AgentID   `json:"agent"`
	Trigger Trigger   `json:"trigger"`
	// Callers who waited in a queue of the agent, or in one that may borrow the agent:
	// first those who could have been served, in order, then the others.
	Callers []ExplainedCall `json:"callers"`
	// Agents who were ready and serve the queue or belong to a body that may help: first
	// those who could have taken the call, in order, then the others.
	Agents []ExplainedAgent `json:"agents"`
	// Violations of the rules, in words; none in a record that is right.
	Violations []string `json:"violations,omitempty"`
}

// ExplainedCall is one caller in the order of service.
type ExplainedCall struct {
	Call     CallID        `json:"call"`
	Queue    QueueID       `json:"queue"`
	Priority int           `json:"priority,omitempty"`
	Head     bool          `json:"head,omitempty"`
	Waited   time.Duration `json:"waited_ns"`
	Points   int64         `json:"points,omitempty"`
	Stage    int           `json:"stage,omitempty"`
	Callback bool          `json:"callback,omitempty"`
	Chosen   bool          `json:"chosen,omitempty"`
	// Before is the rule by which this one comes before the next in the list.
	Before Rule `json:"before,omitempty"`
	// Not is why the agent could not be given this one; empty when it could.
	Not    string `json:"not,omitempty"`
	Clause string `json:"clause,omitempty"`
}

// ExplainedAgent is one ready agent.
type ExplainedAgent struct {
	Agent  AgentID       `json:"agent"`
	Idle   time.Duration `json:"idle_ns"`
	Lender string        `json:"lender,omitempty"` // the body that would lend the agent
	Chosen bool          `json:"chosen,omitempty"`
	Not    string        `json:"not,omitempty"`
	Clause string        `json:"clause,omitempty"`
}

// Explain applies ev to s, the State before it, as Apply does, and tells how each offer
// of it came about. It looks at every call and agent itself and does not use the order
// in which the router keeps them, so what it finds holds the router's choice against
// the rules. For a whole journal use it beside Replay: on a State from the last
// snapshot, with Apply up to the input in question.
func Explain(s *State, ev Event, now time.Time) ([]Decision, []Explanation) {
	var out []Explanation
	was := s.audit
	s.audit = func(c *call, a *agent) {
		if was != nil {
			was(c, a)
		}
		out = append(out, s.explain(c, a))
	}
	decisions := slices.Clone(Apply(s, ev, now))
	s.audit = was
	return decisions, out
}

// explain tells how the choice of a for c looks from the records.
func (s *State) explain(c *call, a *agent) Explanation {
	e := Explanation{Offer: s.nextOffer + 1, At: moment(s.now), Call: c.id, Queue: c.queue.id, Agent: a.id, Trigger: AgentFreed}
	if a.inReady {
		e.Trigger = CallCame
	}
	s.explainCallers(&e, c, a)
	s.explainAgents(&e, c, a)
	return e
}

func (s *State) explainCallers(e *Explanation, c *call, a *agent) {
	var could, not []*call
	why := map[*call]refusal{}
	for _, d := range s.callsByArrival() {
		if d.state != waiting || !a.serves(d.queue) && !a.helpsIn(d.queue) && d.prefer != a.id {
			continue
		}
		if r := s.refusalOf(d, a); r.not != "" {
			why[d] = r
			not = append(not, d)
		} else {
			could = append(could, d)
		}
	}
	byService := func(d, f *call) int { n, _ := s.compare(d, f, a); return n }
	slices.SortFunc(could, byService)
	slices.SortFunc(not, byService)
	for i, d := range slices.Concat(could, not) {
		x := ExplainedCall{Call: d.id, Queue: d.queue.id, Priority: d.priority, Head: d.head, Waited: time.Duration(s.now - d.since),
			Points: d.shown(s.now), Stage: d.stage, Callback: d.virtual, Chosen: d == c, Not: why[d].not, Clause: why[d].clause}
		if i+1 < len(could) {
			_, x.Before = s.compare(d, could[i+1], a)
		}
		e.Callers = append(e.Callers, x)
	}
	if i := slices.Index(could, c); i != 0 {
		if i < 0 {
			e.Violations = append(e.Violations, fmt.Sprintf("call %s could not be given to agent %s: %s", c.id, a.id, why[c].not))
		} else {
			_, rule := s.compare(could[0], c, a)
			e.Violations = append(e.Violations, fmt.Sprintf("call %s comes before call %s by %s; %d were passed over", could[0].id, c.id, rule, i))
		}
	}
}

func (s *State) explainAgents(e *Explanation, c *call, a *agent) {
	type seen struct {
		agent *agent
		refusal
	}
	var could, not []seen
	for _, b := range s.agentsByNum() {
		if b != a && !b.inReady || !b.serves(c.queue) && !b.helpsIn(c.queue) && c.prefer != b.id {
			continue
		}
		x := seen{b, s.refusalOf(c, b)}
		if b != a && x.not == "" && c.preferUntil != 0 && c.prefer != b.id {
			x.not = "held_for_another"
		}
		if x.not == "" {
			could = append(could, x)
		} else {
			not = append(not, x)
		}
	}
	order := func(x, y seen) int {
		if own := x.agent.serves(c.queue); own != y.agent.serves(c.queue) {
			if own {
				return -1
			}
			return 1
		}
		if x.agent.before(y.agent) {
			return -1
		}
		return 1
	}
	slices.SortFunc(could, order)
	slices.SortFunc(not, order)
	for _, x := range slices.Concat(could, not) {
		v := ExplainedAgent{Agent: x.agent.id, Idle: time.Duration(s.now - x.agent.idle), Chosen: x.agent == a, Not: x.not, Clause: x.clause}
		if !x.agent.serves(c.queue) {
			v.Lender = x.agent.said().Body
		}
		e.Agents = append(e.Agents, v)
	}
	if len(could) == 0 {
		return // told with the callers
	}
	if first := could[0].agent; first != a {
		e.Violations = append(e.Violations, fmt.Sprintf("agent %s has been idle longer than agent %s", first.id, a.id))
	}
}

// refusal is why an agent cannot be given a call.
type refusal struct{ not, clause string }

// refusalOf judges anew, without what was remembered.
func (s *State) refusalOf(c *call, a *agent) refusal {
	if c.preferUntil != 0 {
		if c.prefer != a.id {
			return refusal{not: "held_for_another"}
		}
		return refusal{}
	}
	if s.spent(a) {
		return refusal{string(ReasonWeeklyLimit), ClauseWeek}
	}
	if v := judge(c.lane(), a.said()); v != canTake {
		return refusal{v.String(), v.clause()}
	}
	if a.serves(c.queue) {
		return refusal{}
	}
	left := 0
	for _, b := range s.agents {
		if b != a && b.inReady && b.home == a.home {
			left++
		}
	}
	if a.home == nil || !c.lane().mayBorrow(a.home, left) {
		return refusal{not: "not_lent"}
	}
	return refusal{}
}

// String tells the explanation in lines for people.
func (e Explanation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "offer %d at %s: call %s of queue %s to agent %s (%s)\n", e.Offer, e.At.Format(time.RFC3339Nano), e.Call, e.Queue, e.Agent, e.Trigger)
	mark := func(chosen bool) string {
		if chosen {
			return "→"
		}
		return " "
	}
	because := func(not, clause string) string {
		switch {
		case not == "":
			return ""
		case clause == "":
			return "  not: " + not
		}
		return "  not: " + not + " (" + clause + ")"
	}
	for i, c := range e.Callers {
		fmt.Fprintf(&b, "%s call %d %s, queue %s, waited %v", mark(c.Chosen), i+1, c.Call, c.Queue, c.Waited.Round(time.Millisecond))
		if c.Priority != 0 {
			fmt.Fprintf(&b, ", priority %d", c.Priority)
		}
		if c.Points != 0 {
			fmt.Fprintf(&b, ", %d points", c.Points)
		}
		if c.Before != "" {
			fmt.Fprintf(&b, "; before the next by %s", c.Before)
		}
		b.WriteString(because(c.Not, c.Clause) + "\n")
	}
	for i, a := range e.Agents {
		fmt.Fprintf(&b, "%s agent %d %s, idle %v%s\n", mark(a.Chosen), i+1, a.Agent, a.Idle.Round(time.Millisecond), because(a.Not, a.Clause))
	}
	for _, v := range e.Violations {
		b.WriteString("VIOLATION: " + v + "\n")
	}
	return b.String()
}
