package routing

import "time"

// Event is what happened. The types below are all there are; pass them by value.
// Any event may come at any time: one that makes no sense in the present state
// changes nothing but [State.Ignored].
type Event interface {
	// Kind is the tag of the event's JSON form.
	Kind() string
	event()
}

// AgentSignedIn: the agent works for these queues from now on. The state after it
// is Paused with reason signed_in, or Ready when Ready is set. For an agent who is
// signed in already it only replaces the queues (and ends a pause when Ready is
// set). It cancels a sign-out that is still to come. A queue that is not configured
// is remembered and joined when QueueChanged brings it.
type AgentSignedIn struct {
	Agent  AgentID   `json:"agent"`
	Queues []QueueID `json:"queues,omitempty"`
	Ready  bool      `json:"ready,omitempty"`
}

// AgentReady: the agent can take calls: ends a pause, a rest, a wrap-up or the
// suspicion against the station; during an offer or a talk it cancels the wish to
// pause or sign out afterwards.
type AgentReady struct {
	Agent AgentID `json:"agent"`
}

// AgentPaused: the agent wants no calls. During an offer, a talk or a wrap-up it
// takes effect afterwards.
type AgentPaused struct {
	Agent  AgentID `json:"agent"`
	Reason string  `json:"reason,omitempty"`
	// Return is when the agent expects to be back; zero means Config.PauseReturn
	// from now. It says whether somebody is there (see Presence); it does not end
	// the pause.
	Return time.Time `json:"return,omitzero"`
}

// AgentSignedOut: the agent leaves. During an offer, a talk or a wrap-up it takes
// effect afterwards. Forced (by a supervisor) takes effect at once in an offer (the
// call goes to the next agent) and in a wrap-up; a talk is never cut, but there is
// no wrap-up after it.
type AgentSignedOut struct {
	Agent  AgentID `json:"agent"`
	Forced bool    `json:"forced,omitempty"`
}

// StationUp: the agent's phone or browser can be rung.
type StationUp struct {
	Agent AgentID `json:"agent"`
}

// StationDown: it cannot. Stations count as up until this comes.
type StationDown struct {
	Agent AgentID `json:"agent"`
}

// CallQueued: the call waits for an agent of the queue.
type CallQueued struct {
	Call  CallID  `json:"call"`
	Queue QueueID `json:"queue"`
	// Priority: higher is served first.
	Priority int `json:"priority,omitempty"`
	// Since is the moment that counts for the order of service; zero means now (or
	// what it was, for a call that is still known here). A moment in the future
	// counts as now.
	Since    time.Time `json:"since,omitzero"`
	Language string    `json:"language,omitempty"`
	// Head puts the call before all others of its priority: the caller lost an agent
	// through no fault of their own and comes back.
	Head bool `json:"head,omitempty"`
	// Entry counts the times this call entered a queue: 1, 2, 3… It makes a doubled
	// event harmless: for a known call only a higher number is followed. With 0 (not
	// counted) a known call is moved when it waits and something differs, and taken
	// out of a talk only when Head is set.
	Entry int `json:"entry,omitempty"`
	// Skills that this call needs besides those of the queue, with the least levels.
	// For a call that is known, none means as before.
	Skills map[Skill]int `json:"skills,omitempty"`
	// Prefer waits for this agent alone, for PreferFor at most and only while the agent
	// is there; then for anybody.
	Prefer    AgentID       `json:"prefer,omitempty"`
	PreferFor time.Duration `json:"prefer_for_ns,omitempty"`
	// Caller names the person who calls, for kept places and callback tasks. The router
	// only compares it; empty is nobody in particular.
	Caller string `json:"caller,omitempty"`
}

// CallLeft: the caller hung up or the flow took the call back. It ends a talk as
// TalkEnded does. Also the right answer to an Offer for a call that is gone.
type CallLeft struct {
	Call   CallID `json:"call"`
	Reason string `json:"reason,omitempty"`
}

// OfferAnswered: the agent picked up.
type OfferAnswered struct {
	Offer OfferID `json:"offer"`
}

// OfferFailed: the agent's phone did not take the call.
type OfferFailed struct {
	Offer  OfferID `json:"offer"`
	Reason Failure `json:"reason"`
}

// TalkEnded: the agent is no longer in that call, of the queue or taken.
type TalkEnded struct {
	Agent AgentID `json:"agent"`
	Call  CallID  `json:"call"`
	// Lost: nobody hung up, the agent's line died. There is nothing to wrap up, and
	// the station is not rung before it is known to work or StationRetry has passed.
	Lost bool `json:"lost,omitempty"`
}

// WrapUpExtended: the agent needs more time; 0 means one more WrapUp of the queue.
// QueueConfig.WrapUpMax is the limit.
type WrapUpExtended struct {
	Agent AgentID       `json:"agent"`
	For   time.Duration `json:"for_ns,omitempty"`
}

// WrapUpDone: the notes are finished.
type WrapUpDone struct {
	Agent AgentID `json:"agent"`
}

// AgentTaken: the agent is in a call that did not come by an offer: a consultation,
// a transfer, a direct call. TalkEnded with the same call ends it. A pause or
// wrap-up it broke into goes on after it.
type AgentTaken struct {
	Agent AgentID `json:"agent"`
	Call  CallID  `json:"call"`
}

// StillHere answers StillThere: the call exists, with that agent if one is named.
type StillHere struct {
	Call  CallID  `json:"call"`
	Agent AgentID `json:"agent,omitempty"`
}

// AgentProfile: what the agent can do, where the agent sits and what the body allows.
// It replaces what was said before. Of whom nothing was said has no skills, no
// language and sits in the hall.
type AgentProfile struct {
	Agent     AgentID        `json:"agent,omitempty"`
	Body      string         `json:"body,omitempty"`
	Skills    map[Skill]int  `json:"skills,omitempty"`    // levels 1 to 10
	Languages map[string]int `json:"languages,omitempty"` // levels 1 to 10
	Station   Station        `json:"station,omitzero"`
	// RemoteAllowed: entitled, with a valid kit, to answer outside the hall. Without it
	// a remote agent is offered nothing.
	RemoteAllowed bool `json:"remote_allowed,omitempty"`
	// RemoteQueues is the only queues for which that holds; none means every queue that
	// is RemoteFit.
	RemoteQueues []QueueID `json:"remote_queues,omitempty"`
	// ConfidentialQueues are those Confidential ones that the agent is named for.
	ConfidentialQueues []QueueID `json:"confidential_queues,omitempty"`
}

// AgentBudget: how much live time the person has left. The router counts down itself
// from here on, and takes the agent out of service (Paused, weekly_limit) in the
// moment at which only Reserve is left, never during an offer, a talk or a wrap-up.
// The turn of the week or a new budget brings the agent back. Without a budget there
// is no limit.
type AgentBudget struct {
	Agent AgentID `json:"agent"`
	// Left of the week that contains now; below zero after an overrun.
	Left time.Duration `json:"left_ns,omitempty"`
	// WeekEnds is when NextLeft counts instead; zero when nobody knows. Later weeks
	// follow every 168 hours with NextLeft again until a new budget comes.
	WeekEnds time.Time     `json:"week_ends,omitzero"`
	NextLeft time.Duration `json:"next_left_ns,omitempty"`
	// Reserve is what a call may take: no offer with not more than this left.
	Reserve time.Duration `json:"reserve_ns,omitempty"`
}

// Tick: nothing happened but time. Due when NextDeadline says so; any other event
// does its work as well.
type Tick struct{}

// Configured: everything works like this from now on. Queues are added, changed or
// removed while calls wait: who waits keeps the place, who waits in a removed queue is
// given back by NobodyThere at once; calls that ring or talk go on. Deadlines that run
// already stay as they are.
type Configured struct {
	Config Config `json:"config"`
}

// QueueChanged: a queue is new or works differently from now on. Deadlines that run
// already stay as they are.
type QueueChanged struct {
	Queue  QueueID     `json:"queue"`
	Config QueueConfig `json:"config"`
}

func (AgentSignedIn) Kind() string  { return "agent_signed_in" }
func (AgentReady) Kind() string     { return "agent_ready" }
func (AgentPaused) Kind() string    { return "agent_paused" }
func (AgentSignedOut) Kind() string { return "agent_signed_out" }
func (StationUp) Kind() string      { return "station_up" }
func (StationDown) Kind() string    { return "station_down" }
func (CallQueued) Kind() string     { return "call_queued" }
func (CallLeft) Kind() string       { return "call_left" }
func (OfferAnswered) Kind() string  { return "offer_answered" }
func (OfferFailed) Kind() string    { return "offer_failed" }
func (TalkEnded) Kind() string      { return "talk_ended" }
func (WrapUpExtended) Kind() string { return "wrap_up_extended" }
func (WrapUpDone) Kind() string     { return "wrap_up_done" }
func (AgentTaken) Kind() string     { return "agent_taken" }
func (StillHere) Kind() string      { return "still_here" }
func (Tick) Kind() string           { return "tick" }
func (AgentProfile) Kind() string   { return "agent_profile" }
func (AgentBudget) Kind() string    { return "agent_budget" }
func (Configured) Kind() string     { return "configured" }
func (QueueChanged) Kind() string   { return "queue_changed" }

func (AgentSignedIn) event()  {}
func (AgentReady) event()     {}
func (AgentPaused) event()    {}
func (AgentSignedOut) event() {}
func (StationUp) event()      {}
func (StationDown) event()    {}
func (CallQueued) event()     {}
func (CallLeft) event()       {}
func (OfferAnswered) event()  {}
func (OfferFailed) event()    {}
func (TalkEnded) event()      {}
func (WrapUpExtended) event() {}
func (WrapUpDone) event()     {}
func (AgentTaken) event()     {}
func (StillHere) event()      {}
func (Tick) event()           {}
func (AgentProfile) event()   {}
func (AgentBudget) event()    {}
func (Configured) event()     {}
func (QueueChanged) event()   {}
