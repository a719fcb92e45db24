package routing

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// encodingVersion of Encode; Decode refuses any other.
const encodingVersion = 1

// ErrState: the bytes given to Decode are no State of this program.
var ErrState = errors.New("routing: not a state")

type stateWire struct {
	V           int         `json:"v"`
	Now         int64       `json:"now_ns"`
	Ignored     uint64      `json:"ignored,omitempty"`
	NextOffer   OfferID     `json:"next_offer,omitempty"`
	NextArrival uint64      `json:"next_arrival,omitempty"`
	NextAgent   uint64      `json:"next_agent,omitempty"`
	Config      Config      `json:"config"`
	Queues      []queueWire `json:"queues,omitempty"` // by id
	Agents      []agentWire `json:"agents,omitempty"` // by num
	Calls       []callWire  `json:"calls,omitempty"`  // by arrival
	Past        []pastWire  `json:"past,omitempty"`   // by id
	Bodies      []bodyWire  `json:"bodies,omitempty"` // by id
	Leaving     bool        `json:"leaving,omitempty"`
	NextTicket  uint64      `json:"next_ticket,omitempty"`
	Kept        []keptWire  `json:"kept,omitempty"`  // by number
	Tasks       []taskWire  `json:"tasks,omitempty"` // by caller, then as they came
}

type queueWire struct {
	ID      QueueID     `json:"id"`
	Config  QueueConfig `json:"config"`
	Handle  int64       `json:"handle_ns"`
	ErrBias int64       `json:"err_bias_ns,omitempty"`
	ErrAbs  int64       `json:"err_abs_ns,omitempty"`
	Counts  Counts      `json:"counts"`
	Missed  int64       `json:"missed_level,omitempty"` // what the level lacks to full
	Removed bool        `json:"removed,omitempty"`
}

type bodyWire struct {
	ID          string `json:"id"`
	Blocked     int64  `json:"blocked_ns,omitempty"`
	Bucket      int64  `json:"bucket,omitempty"`
	SpentNow    int64  `json:"spent_now_ms,omitempty"`
	SpentBefore int64  `json:"spent_before_ms,omitempty"`
}

type agentWire struct {
	ID          AgentID    `json:"id"`
	Num         uint64     `json:"num"`
	Wanted      []QueueID  `json:"queues,omitempty"`
	State       AgentState `json:"state"`
	Since       int64      `json:"since_ns"`
	Until       int64      `json:"until_ns,omitempty"`
	Reason      Reason     `json:"reason,omitempty"`
	Back        int64      `json:"back_ns,omitempty"`
	Idle        int64      `json:"idle_ns,omitempty"`
	Alarm       int64      `json:"alarm_ns,omitempty"`
	Wish        wish       `json:"wish,omitempty"`
	WishReason  Reason     `json:"wish_reason,omitempty"`
	WishBack    int64      `json:"wish_back_ns,omitempty"`
	StationDown bool       `json:"station_down,omitempty"`
	Gone        int64      `json:"gone_ns,omitempty"`
	Retries     int        `json:"retries,omitempty"`
	Misses      int        `json:"misses,omitempty"`
	Offer       OfferID    `json:"offer,omitempty"`
	On          CallID     `json:"on,omitempty"`
	Linked      bool       `json:"linked,omitempty"` // On is a call of a queue
	Served      QueueID    `json:"served,omitempty"`
	Answered    int64      `json:"answered_ns,omitempty"`
	Resume      int64      `json:"resume_ns,omitempty"`
	WrapEnd     int64      `json:"wrap_end_ns,omitempty"`
	Asked       bool       `json:"asked,omitempty"`

	Budget  *budgetWire   `json:"budget,omitempty"`
	Limited bool          `json:"limited,omitempty"`
	Profile *AgentProfile `json:"profile,omitempty"`
}

type budgetWire struct {
	Left     int64 `json:"left_ns,omitempty"`
	Mark     int64 `json:"mark_ns,omitempty"`
	WeekEnds int64 `json:"week_ends_ns,omitempty"`
	NextLeft int64 `json:"next_left_ns,omitempty"`
	Reserve  int64 `json:"reserve_ns,omitempty"`
}

type callWire struct {
	ID       CallID    `json:"id"`
	Queue    QueueID   `json:"queue"`
	Priority int       `json:"priority,omitempty"`
	Head     bool      `json:"head,omitempty"`
	Since    int64     `json:"since_ns"`
	Arrival  uint64    `json:"arrival"`
	Entered  int64     `json:"entered_ns"`
	Limit    int64     `json:"limit_ns,omitempty"`
	Check    int64     `json:"check_ns,omitempty"`
	Asked    bool      `json:"asked,omitempty"`
	Language string    `json:"language,omitempty"`
	Entry    int       `json:"entry,omitempty"`
	State    callState `json:"state"`
	Attempts int       `json:"attempts,omitempty"`
	Estimate int64     `json:"estimate_ns"`
	Agent    AgentID   `json:"agent,omitempty"`
	Also     AgentID   `json:"also,omitempty"`
	Alarm    int64     `json:"alarm_ns,omitempty"`
	Refused  []uint64  `json:"refused,omitempty"`

	Skills      map[Skill]int `json:"skills,omitempty"`
	Prefer      AgentID       `json:"prefer,omitempty"`
	PreferUntil int64         `json:"prefer_until_ns,omitempty"`
	RelaxFrom   int64         `json:"relax_from_ns,omitempty"` // when it is not Entered
	Caller      string        `json:"caller,omitempty"`
	Virtual     bool          `json:"virtual,omitempty"`
	Reached     bool          `json:"reached,omitempty"`
	PreferFor   int64         `json:"prefer_for_ns,omitempty"`
}

type pastWire struct {
	ID      OfferID `json:"id"`
	Agent   AgentID `json:"agent"`
	Call    CallID  `json:"call"`
	Settled bool    `json:"settled,omitempty"`
}

// alarmAt is the time of an alarm, 0 when it is not set. An alarm is never set to 0.
func (a *alarm) alarmAt() int64 {
	if a.index < 0 {
		return 0
	}
	return a.at
}

// Encode writes the whole State as JSON, the same bytes for the same State. It may
// stand between any two calls of Apply.
func (s *State) Encode() ([]byte, error) {
	w := stateWire{V: encodingVersion, Now: s.now, Ignored: s.Ignored, Config: s.cfg,
		NextOffer: s.nextOffer, NextArrival: s.nextArrival, NextAgent: s.nextAgent}
	for _, id := range slices.Sorted(maps.Keys(s.queues)) {
		q := s.queues[id]
		w.Queues = append(w.Queues, queueWire{q.id, q.cfg, q.handle, q.errBias, q.errAbs, q.counts, fullLevel - q.level, q.removed})
	}
	for _, a := range s.agentsByNum() {
		aw := agentWire{ID: a.id, Num: a.num, Wanted: a.wanted, State: a.state, Since: a.since, Until: a.until,
			Reason: a.reason, Back: a.back, Idle: a.idle, Alarm: a.timer.alarmAt(),
			Wish: a.wish, WishReason: a.wishReason, WishBack: a.wishBack,
			StationDown: a.stationDown, Gone: a.gone, Retries: a.retries, Misses: a.misses,
			Offer: a.offer, On: a.on, Linked: a.call != nil,
			Answered: a.answered, Resume: a.resume, WrapEnd: a.wrapEnd, Asked: a.asked}
		if a.served != nil {
			aw.Served = a.served.id
		}
		if b := a.budget; b != nil {
			aw.Budget, aw.Limited = &budgetWire{b.left, b.mark, b.weekEnds, b.nextLeft, b.reserve}, a.limited
		}
		if a.profile != s.blank {
			aw.Profile = a.said()
		}
		w.Agents = append(w.Agents, aw)
	}
	for _, c := range s.callsByArrival() {
		cw := callWire{ID: c.id, Queue: c.queue.id, Priority: c.priority, Head: c.head, Since: c.since,
			Arrival: c.arrival, Entered: c.entered, Limit: c.limit, Check: c.check, Asked: c.asked,
			Language: c.language, Entry: c.entry, State: c.state, Attempts: c.attempts,
			Estimate: c.estimate, Alarm: c.timer.alarmAt(), Refused: c.refused,
			Skills: c.skills, Prefer: c.prefer, PreferUntil: c.preferUntil, Caller: c.caller, Virtual: c.virtual, Reached: c.reached, PreferFor: c.preferFor}
		if c.relaxFrom != c.entered {
			cw.RelaxFrom = c.relaxFrom
		}
		if c.agent != nil {
			cw.Agent = c.agent.id
		}
		if c.also != nil {
			cw.Also = c.also.id
		}
		w.Calls = append(w.Calls, cw)
	}
	for _, id := range slices.Sorted(maps.Keys(s.bodies)) {
		if b := s.bodies[id]; b.blocked != 0 || b.bucket != 0 {
			w.Bodies = append(w.Bodies, bodyWire{b.id, b.blocked, b.bucket, b.spentNow, b.spentBefore})
		}
	}
	w.Leaving, w.NextTicket = s.leaving, s.nextTicket
	s.encodePersons(&w)
	for _, p := range s.past {
		if p.id != 0 {
			w.Past = append(w.Past, pastWire{p.id, p.agent, p.call, p.settled})
		}
	}
	slices.SortFunc(w.Past, func(a, b pastWire) int { return cmp.Compare(a.ID, b.ID) })
	b, err := json.Marshal(w)
	if err != nil {
		return nil, fmt.Errorf("routing: encode state: %w", err)
	}
	return b, nil
}

func (s *State) agentsByNum() []*agent {
	return slices.SortedFunc(maps.Values(s.agents), func(a, b *agent) int { return cmp.Compare(a.num, b.num) })
}

func (s *State) callsByArrival() []*call {
	return slices.SortedFunc(maps.Values(s.calls), func(a, b *call) int { return cmp.Compare(a.arrival, b.arrival) })
}

// Decode reads what Encode wrote. Bytes that are no sound State are refused with an
// error that wraps ErrState and says what is wrong.
func Decode(b []byte) (*State, error) {
	var w stateWire
	if err := json.Unmarshal(b, &w); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrState, err)
	}
	if w.V != encodingVersion {
		return nil, fmt.Errorf("%w: version %d, this program reads %d", ErrState, w.V, encodingVersion)
	}
	w.Config.Queues = nil
	s := New(w.Config)
	s.now, s.Ignored = w.Now, w.Ignored
	s.nextOffer, s.nextArrival, s.nextAgent = w.NextOffer, w.NextArrival, w.NextAgent
	for _, q := range w.Queues {
		if s.queues[q.ID] != nil {
			return nil, fmt.Errorf("%w: queue %q is there twice", ErrState, q.ID)
		}
		n := s.addQueue(q.ID, q.Config)
		n.handle, n.errBias, n.errAbs, n.counts = q.Handle, q.ErrBias, q.ErrAbs, q.Counts
		n.level = fullLevel - q.Missed
		if q.Removed {
			s.unshape(n)
			n.removed = true
			s.shape(n)
		}
	}
	s.leaving = w.Leaving
	for _, b := range w.Bodies {
		n := s.body(b.ID)
		if n == nil || b.Blocked < 0 || b.Blocked > 0 && b.Blocked <= s.now || b.SpentNow < 0 || b.SpentBefore < 0 {
			return nil, fmt.Errorf("%w: body %q cannot be so", ErrState, b.ID)
		}
		n.blocked, n.bucket, n.spentNow, n.spentBefore = b.Blocked, b.Bucket, b.SpentNow, b.SpentBefore
		if n.blocked != 0 {
			s.limits.set(&n.alarm, n.blocked)
		}
	}
	if err := s.loadAgents(w.Agents); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrState, err)
	}
	if err := s.loadCalls(w.Calls); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrState, err)
	}
	for _, a := range w.Agents {
		if a.Linked {
			if s.agents[a.ID].call = s.calls[a.On]; s.agents[a.ID].call == nil {
				return nil, fmt.Errorf("%w: agent %q is in call %q, which is missing", ErrState, a.ID, a.On)
			}
		}
	}
	if err := s.loadPersons(&w); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrState, err)
	}
	for _, p := range w.Past {
		if s.past[p.ID%pastOffers].id != 0 || p.ID == 0 {
			return nil, fmt.Errorf("%w: past offer %d has no place", ErrState, p.ID)
		}
		s.past[p.ID%pastOffers] = pastOffer{p.ID, p.Agent, p.Call, p.Settled}
	}
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrState, err)
	}
	return s, nil
}

func (s *State) loadAgents(list []agentWire) error {
	for _, w := range list {
		if w.ID == "" || s.agents[w.ID] != nil {
			return fmt.Errorf("agent %q is nameless or there twice", w.ID)
		}
		a := s.newAgent(w.ID)
		s.nextAgent-- // newAgent counts; the numbers come from the record
		a.num, a.wanted, a.state, a.since, a.until = w.Num, w.Wanted, w.State, w.Since, w.Until
		a.reason, a.back, a.idle = w.Reason, w.Back, w.Idle
		a.wish, a.wishReason, a.wishBack = w.Wish, w.WishReason, w.WishBack
		a.stationDown, a.gone, a.retries, a.misses = w.StationDown, w.Gone, w.Retries, w.Misses
		a.offer, a.on = w.Offer, w.On
		a.answered, a.resume, a.wrapEnd, a.asked = w.Answered, w.Resume, w.WrapEnd, w.Asked
		if w.Served != "" {
			if a.served = s.queues[w.Served]; a.served == nil {
				return fmt.Errorf("agent %q served queue %q, which is missing", w.ID, w.Served)
			}
		}
		if b := w.Budget; b != nil {
			a.budget, a.limited = &budget{b.Left, b.Mark, b.WeekEnds, b.NextLeft, b.Reserve}, w.Limited
			if b.Mark < 0 || b.Mark > s.now || b.WeekEnds <= b.Mark || b.Reserve < 0 || b.Left > int64(longest) {
				return fmt.Errorf("agent %q has a budget that cannot be: %+v", w.ID, *b)
			}
			s.armLimit(a)
		}
		if w.Profile != nil {
			a.profile = s.profileOf(*w.Profile)
		}
		s.link(a)
		a.class = s.classOf(a)
		a.share(+1, nil)
		for _, q := range a.queues {
			q.members[a.class]++
		}
		if a.state == Ready {
			a.inReady = true
			for _, q := range a.queues {
				q.ready.insert(a)
			}
			if a.home != nil {
				a.home.ready.insert(a)
			}
		}
		if a.offer != 0 {
			if s.open[a.offer] != nil {
				return fmt.Errorf("offer %d is open twice", a.offer)
			}
			s.open[a.offer] = a
		}
		if w.Alarm != 0 {
			s.timers.set(&a.timer, w.Alarm)
		}
	}
	return nil
}

func (s *State) loadCalls(list []callWire) error {
	for _, w := range list {
		q := s.queues[w.Queue]
		if w.ID == "" || s.calls[w.ID] != nil || q == nil {
			return fmt.Errorf("call %q is nameless, there twice or in no queue (%q)", w.ID, w.Queue)
		}
		c := s.newCall(w.ID)
		s.nextArrival--
		c.queue, c.priority, c.head, c.since, c.arrival = q, w.Priority, w.Head, w.Since, w.Arrival
		c.entered, c.limit, c.check, c.asked = w.Entered, w.Limit, w.Check, w.Asked
		c.language, c.entry, c.state, c.attempts, c.estimate = w.Language, w.Entry, w.State, w.Attempts, w.Estimate
		c.skills, c.sign, c.caller, c.virtual = boundedLevels(w.Skills), signature(boundedLevels(w.Skills)), w.Caller, w.Virtual
		c.reached, c.preferFor = w.Reached, w.PreferFor
		c.prefer, c.preferUntil, c.relaxFrom = w.Prefer, w.PreferUntil, w.RelaxFrom
		if c.relaxFrom == 0 {
			c.relaxFrom = c.entered
		}
		if c.priority != boundedPriority(c.priority) || c.since > s.now || c.entered > s.now {
			return fmt.Errorf("call %q has a priority or a time that cannot be", w.ID)
		}
		c.agent, c.also, c.refused = s.agents[w.Agent], s.agents[w.Also], w.Refused
		switch c.state {
		case waiting:
			s.stand(c)
		case ringing:
			q.ringing.insert(c)
		case booked:
			q.booked++
			if w.Alarm <= s.now || !c.virtual {
				return fmt.Errorf("call %q is booked for the past, or no callback", w.ID)
			}
		case talking:
			q.talking++
		default:
			return fmt.Errorf("call %q is in state %d, which does not exist", w.ID, w.State)
		}
		if w.Alarm != 0 {
			s.timers.set(&c.timer, w.Alarm)
		}
		if c.virtual {
			s.addCallback(c)
		}
	}
	return nil
}
