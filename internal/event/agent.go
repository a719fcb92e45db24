package event

import "encoding/json"

// AgentMoved: an agent's state changed. The states are those of the router:
// signed_out, ready, offered, talking, wrap_up, paused, set_aside, unreachable.
type AgentMoved struct {
	From   string `json:"from"`
	To     string `json:"to"`
	Reason string `json:"reason,omitempty"`
	Call   string `json:"call,omitempty"`
	Queue  string `json:"queue,omitempty"`
	// Hall is the service hall in which the agent answers; Remote: outside any
	// (clause 1.4.4-1). Neither is known of an agent who is signed out.
	Hall   string `json:"hall,omitempty"`
	Remote bool   `json:"remote,omitempty"`
}

// CallbackClosed: a promise to call back is no longer open.
type CallbackClosed struct {
	Of      string `json:"of"`           // the call in which it was promised
	By      string `json:"by,omitempty"` // the call by which it was kept, or tried
	Outcome string `json:"outcome"`      // "reached", "not_reached", "served_since", "cancelled"
}

// CallbackTask: an attempt to reach us was lost, and somebody is to call back.
type CallbackTask struct {
	Task   string `json:"task"` // the attempt
	Queue  string `json:"queue"`
	Number string `json:"number"`
	Reason string `json:"reason"`
	DueMS  int64  `json:"due_ms"` // Unix milliseconds
}

// CallbackTaskClosed: the task needs nobody any more.
type CallbackTaskClosed struct {
	Task   string `json:"task"`
	Number string `json:"number,omitempty"`
	Reason string `json:"reason"`
	By     string `json:"by,omitempty"` // the call by which the person was served
}

// LiveTimeReached: a person's live service of a week has come to a threshold of
// clause 2.6 (36 hours): a warning, or the limit was passed.
type LiveTimeReached struct {
	What       string `json:"what"`            // "warning", "limit_passed" …
	ThresholdS int64  `json:"threshold_s"`     // seconds of live service
	Week       string `json:"week"`            // its Monday, YYYY-MM-DD
	AtMS       int64  `json:"at_ms"`           // Unix milliseconds
	Cause      string `json:"cause,omitempty"` // of a limit that was passed
}

// Heartbeat: the server lives, and agents are signed in. After a crash their live
// service counts up to the last one.
type Heartbeat struct {
	Agents int `json:"agents"` // signed in
}

// PhoneChanged: an agent's phone registered or vanished.
type PhoneChanged struct {
	Phone      string `json:"phone"`
	Registered bool   `json:"registered"`
}

// RouterStarted opens a run of the router: a replay begins here with an empty
// state of this configuration.
type RouterStarted struct {
	Config json.RawMessage `json:"config"`
	State  json.RawMessage `json:"state,omitempty"` // state carried over, if any
}

// RouterInput is one event that the router was given and the decisions it took,
// in the encoding of package routing. The sequence of these proves the order of
// service: applying the inputs again must give the same decisions.
type RouterInput struct {
	Seq       uint64            `json:"seq"` // 1, 2, 3… since RouterStarted
	NowNS     int64             `json:"now_ns"`
	Input     json.RawMessage   `json:"input"`
	Decisions []json.RawMessage `json:"decisions,omitempty"`
}

// ServerStarted: the process came up.
type ServerStarted struct {
	Program string `json:"program"` // version of the program
}

// ServerStopped: the process went down in order; a ServerStarted without a
// ServerStopped before it tells of a crash.
type ServerStopped struct {
	Reason string `json:"reason"`
}

// Alarm: something an operator must hear of.
type Alarm struct {
	What   string `json:"what"` // "listener_died", "disk_full", "trunk_down"…
	Detail string `json:"detail,omitempty"`
}

func (AgentMoved) Kind() Kind         { return "agent.moved" }
func (PhoneChanged) Kind() Kind       { return "phone.changed" }
func (CallbackClosed) Kind() Kind     { return "callback.closed" }
func (CallbackTask) Kind() Kind       { return "callback.task" }
func (CallbackTaskClosed) Kind() Kind { return "callback.task_closed" }
func (LiveTimeReached) Kind() Kind    { return "live.reached" }
func (Heartbeat) Kind() Kind          { return "server.beat" }
func (RouterStarted) Kind() Kind      { return "router.started" }
func (RouterInput) Kind() Kind        { return "router.input" }
func (ServerStarted) Kind() Kind      { return "server.started" }
func (ServerStopped) Kind() Kind      { return "server.stopped" }
func (Alarm) Kind() Kind              { return "alarm.raised" }

func (AgentMoved) Version() int         { return 1 }
func (PhoneChanged) Version() int       { return 1 }
func (CallbackClosed) Version() int     { return 1 }
func (CallbackTask) Version() int       { return 1 }
func (CallbackTaskClosed) Version() int { return 1 }
func (LiveTimeReached) Version() int    { return 1 }
func (Heartbeat) Version() int          { return 1 }
func (RouterStarted) Version() int      { return 1 }
func (RouterInput) Version() int        { return 1 }
func (ServerStarted) Version() int      { return 1 }
func (ServerStopped) Version() int      { return 1 }
func (Alarm) Version() int              { return 1 }
