package routing

import (
	"maps"
	"math"
	"slices"
	"time"
)

// Snapshot is a picture for boards: everything by value.
type Snapshot struct {
	At      time.Time   `json:"at"`
	Ignored uint64      `json:"ignored"`
	Queues  []QueueView `json:"queues"` // by id
	Agents  []AgentView `json:"agents"` // by id, signed-out ones included
	Calls   []CallView  `json:"calls"`  // by queue, then in the order of service, then those in talk
}

// Counts of one queue since the State was made. Every entry of a call into the queue
// ends exactly once:
// Entered = waiting + ringing + Answered + Left + TimedOut + Nobody + Moved,
// Answered = talking + Ended. Every offer does, too:
// Offers = ringing + (Answered − Picked) + Missed + Busy + Declined + Failed + Withdrawn.
type Counts struct {
	Entered   uint64 `json:"entered"`   // entries: one call can have several
	Answered  uint64 `json:"answered"`  // by an agent
	Left      uint64 `json:"left"`      // the caller left before an answer
	TimedOut  uint64 `json:"timed_out"` // MaxWait, or nobody confirmed the call
	Nobody    uint64 `json:"nobody"`    // given back because no agent was there
	Moved     uint64 `json:"moved"`     // put into a queue anew before an answer
	Ended     uint64 `json:"ended"`     // talks that are over
	Picked    uint64 `json:"picked"`    // of Answered: taken out of the queue by hand (AgentTaken)
	Offers    uint64 `json:"offers"`
	Missed    uint64 `json:"missed"` // offers that rang out
	Busy      uint64 `json:"busy"`
	Declined  uint64 `json:"declined"`
	Failed    uint64 `json:"failed"`    // the station could not be rung or vanished
	Withdrawn uint64 `json:"withdrawn"` // offers taken back for another reason
}

// QueueView is one queue.
type QueueView struct {
	Queue       QueueID       `json:"queue"`
	Waiting     int           `json:"waiting"` // without those ringing
	Ringing     int           `json:"ringing"`
	Talking     int           `json:"talking"`
	LongestWait time.Duration `json:"longest_wait_ns"` // of those waiting or ringing
	Ready       int           `json:"ready"`           // agents
	Working     int           `json:"working"`         // agents who work, Ready included
	SignedIn    int           `json:"signed_in"`
	There       bool          `json:"there"` // see Presence
	Handle      time.Duration `json:"handle_ns"`
	// Expected wait of a call that came now; -1 when unknown.
	Expected time.Duration `json:"expected_wait_ns"`
	// ErrorMean is the mean of real minus expected wait, ErrorAbs of its absolute
	// value, over answered calls, recent ones weighing more.
	ErrorMean time.Duration `json:"error_mean_ns"`
	ErrorAbs  time.Duration `json:"error_abs_ns"`
	Counts    Counts        `json:"counts"`
	Booked    int           `json:"booked,omitempty"` // callbacks whose time has not come
	Late      int           `json:"late,omitempty"`   // waiting past the target, where it protects a lender
	// Level is how many of a thousand calls were answered within the target, recent ones
	// weighing more; 0 where there is no target.
	Level int `json:"level,omitempty"`
}

// AgentView is one agent.
type AgentView struct {
	Agent       AgentID    `json:"agent"`
	State       AgentState `json:"state"`
	Reason      Reason     `json:"reason,omitempty"` // of the state
	Since       time.Time  `json:"since"`            // entered the state
	Until       time.Time  `json:"until,omitzero"`   // when it ends by itself
	IdleSince   time.Time  `json:"idle_since,omitzero"`
	Call        CallID     `json:"call,omitempty"`
	Queue       QueueID    `json:"queue,omitempty"` // of that call, or whose wrap-up it is
	Offer       OfferID    `json:"offer,omitempty"`
	Next        AgentState `json:"next,omitzero"` // Paused or SignedOut: wished for afterwards
	Misses      int        `json:"misses,omitempty"`
	StationDown bool       `json:"station_down,omitempty"`
	Queues      []QueueID  `json:"queues,omitempty"`
	Body        string     `json:"body,omitempty"`
	Remote      bool       `json:"remote,omitempty"`
	// LiveLeft is the live time left in the week, when a budget is known.
	LiveLeft time.Duration `json:"live_left_ns,omitempty"`
}

// CallView is one call.
type CallView struct {
	Call     CallID    `json:"call"`
	Queue    QueueID   `json:"queue"`
	State    string    `json:"state"`    // "waiting", "ringing", "talking"
	Position int       `json:"position"` // 0 when talking
	Priority int       `json:"priority,omitempty"`
	Head     bool      `json:"head,omitempty"`
	Since    time.Time `json:"since"`   // counts for the order of service
	Entered  time.Time `json:"entered"` // came into this queue
	Attempts int       `json:"attempts,omitempty"`
	Agent    AgentID   `json:"agent,omitempty"`
	Language string    `json:"language,omitempty"`
	Callback bool      `json:"callback,omitempty"` // nobody is on the line
	Due      time.Time `json:"due,omitzero"`       // of a booked callback
	Held     AgentID   `json:"held,omitempty"`     // waits for this agent alone
	Stage    int       `json:"stage,omitempty"`    // relaxations reached
}

// Snapshot is a picture of everything at now; O(n log n).
func (s *State) Snapshot(now time.Time) Snapshot {
	at := max(s.now, nanos(now))
	out := Snapshot{At: moment(at), Ignored: s.Ignored}
	for _, id := range slices.Sorted(maps.Keys(s.queues)) {
		q := s.queues[id]
		out.Queues = append(out.Queues, s.viewQueue(q, at))
		for _, c := range q.inOrder() {
			out.Calls = append(out.Calls, c.view())
		}
	}
	// Positions count within a queue.
	for i, first := 0, 0; i < len(out.Calls); i++ {
		if out.Calls[i].Queue != out.Calls[first].Queue {
			first = i
		}
		out.Calls[i].Position = i - first + 1
	}
	for _, c := range s.callsByArrival() {
		if c.state == talking || c.state == booked {
			out.Calls = append(out.Calls, c.view())
		}
	}
	for _, id := range slices.Sorted(maps.Keys(s.agents)) {
		out.Agents = append(out.Agents, s.agents[id].view(at))
	}
	return out
}

// inOrder is everybody who waits or rings, in the order of service.
func (q *queue) inOrder() []*call {
	all := slices.Concat(q.waiting.all(), q.ringing.all())
	slices.SortFunc(all, func(a, b *call) int {
		switch {
		case a.before(b):
			return -1
		case b.before(a):
			return 1
		}
		return 0
	})
	return all
}

func (s *State) viewQueue(q *queue, at int64) QueueView {
	v := QueueView{
		Queue: q.id, Waiting: q.waiting.len(), Ringing: q.ringing.len(), Talking: q.talking,
		Ready: q.ready.len(), Working: q.members[working], There: q.there(),
		SignedIn: q.members[working] + q.members[expected] + q.members[away],
		Handle:   time.Duration(q.handle), Expected: -1,
		ErrorMean: time.Duration(q.errBias), ErrorAbs: time.Duration(q.errAbs), Counts: q.counts,
	}
	v.Booked, v.Late = q.booked, q.late
	if q.cfg.Target > 0 {
		v.Level = int(q.level / (fullLevel / 1000))
	}
	for _, l := range [...][]*call{q.waiting.all(), q.ringing.all()} {
		for _, c := range l {
			v.LongestWait = max(v.LongestWait, time.Duration(at-c.entered))
		}
	}
	if v.Ready > 0 {
		v.Expected = 0
	} else if w, ok := s.expect(&call{queue: q, since: at, arrival: math.MaxUint64}); ok {
		v.Expected = w
	}
	return v
}

var callStateNames = [...]string{waiting: "waiting", ringing: "ringing", talking: "talking", booked: "booked"}

func (c *call) view() CallView {
	v := CallView{
		Call: c.id, Queue: c.queue.id, State: callStateNames[c.state], Priority: c.priority, Head: c.head,
		Since: moment(c.since), Entered: moment(c.entered), Attempts: c.attempts, Language: c.language,
	}
	if c.agent != nil {
		v.Agent = c.agent.id
	}
	v.Callback, v.Stage = c.virtual, c.stage
	if c.state == booked {
		v.Due = moment(c.timer.alarmAt())
	}
	if c.state == waiting && c.preferUntil != 0 {
		v.Held = c.prefer
	}
	return v
}

func (a *agent) view(at int64) AgentView {
	v := AgentView{
		Agent: a.id, State: a.state, Reason: a.reason, Since: moment(a.since), Call: a.on, Offer: a.offer,
		Misses: a.misses, StationDown: a.stationDown, Queues: slices.Clone(a.wanted),
	}
	v.Body, v.Remote = a.said().Body, a.said().Station.Remote
	if a.budget != nil {
		b := *a.budget
		b.charge(a.state.live(), at)
		v.LiveLeft = time.Duration(b.left)
	}
	if a.until != 0 {
		v.Until = moment(a.until)
	}
	if a.state == Ready {
		v.IdleSince = moment(a.idle)
	}
	switch {
	case a.call != nil:
		v.Queue = a.call.queue.id
	case a.served != nil:
		v.Queue = a.served.id
	}
	switch a.wish {
	case wishPause:
		v.Next = Paused
	case wishOut, wishOutForced:
		v.Next = SignedOut
	}
	return v
}
