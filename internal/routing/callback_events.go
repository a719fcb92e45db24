package routing

import "time"

// CallbackWanted: the caller, who waits or rings, hangs up and wants to be called back
// instead. The place goes on under the name As, neither earlier nor later; the end of
// the line of Call means nothing any more. CallLeft{As} cancels it.
type CallbackWanted struct {
	Call   CallID `json:"call"`
	As     CallID `json:"as"`
	Caller string `json:"caller,omitempty"`
}

// CallbackBooked: call back at Due, which may lie outside hours of the queue's agents: it
// then waits for the first. From Due on it stands in line like a call that came then.
// CallLeft{Call} cancels it.
type CallbackBooked struct {
	Call      CallID        `json:"call"`
	Queue     QueueID       `json:"queue"`
	Caller    string        `json:"caller,omitempty"`
	Due       time.Time     `json:"due,omitzero"` // zero or past: now
	Priority  int           `json:"priority,omitempty"`
	Language  string        `json:"language,omitempty"`
	Skills    map[Skill]int `json:"skills,omitempty"`
	Prefer    AgentID       `json:"prefer,omitempty"`
	PreferFor time.Duration `json:"prefer_for_ns,omitempty"`
}

// CallbackReached: the agent who answered the callback talks with the person now. Without
// it the end of the talk means that nobody was reached.
type CallbackReached struct {
	Call CallID `json:"call"`
}

// AttemptLost: an attempt ended without service before it could wait: all lines busy, out
// of hours, given up in the menu. It becomes a [CallbackTask] unless the caller has asked
// for a callback. The router itself notes who leaves a queue.
type AttemptLost struct {
	Call   CallID        `json:"call"`
	Queue  QueueID       `json:"queue,omitempty"`
	Body   string        `json:"body,omitempty"` // that of the queue when empty
	Caller string        `json:"caller"`
	Reason string        `json:"reason,omitempty"`
	Within time.Duration `json:"within_ns,omitempty"` // 0: TaskWithin of the queue
}

// TaskDone: a callback task was dealt with by hand.
type TaskDone struct {
	Call   CallID `json:"call"`
	Caller string `json:"caller"`
}

func (CallbackWanted) Kind() string  { return "callback_wanted" }
func (CallbackBooked) Kind() string  { return "callback_booked" }
func (CallbackReached) Kind() string { return "callback_reached" }
func (AttemptLost) Kind() string     { return "attempt_lost" }
func (TaskDone) Kind() string        { return "task_done" }

func (CallbackWanted) event()  {}
func (CallbackBooked) event()  {}
func (CallbackReached) event() {}
func (AttemptLost) event()     {}
func (TaskDone) event()        {}
