package routing

import "time"

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
// Answered = talking + Ended.
type Counts struct {
	Entered   uint64 `json:"entered"`   // entries: one call can have several
	Answered  uint64 `json:"answered"`  // by an agent
	Left      uint64 `json:"left"`      // the caller left before an answer
	TimedOut  uint64 `json:"timed_out"` // MaxWait, or nobody confirmed the call
	Nobody    uint64 `json:"nobody"`    // given back because no agent was there
	Moved     uint64 `json:"moved"`     // put into a queue anew before an answer
	Ended     uint64 `json:"ended"`     // talks that are over
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
}
