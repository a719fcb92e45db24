package routing

import (
	"fmt"
	"time"
)

// DecisionKind says what is to be done.
type DecisionKind uint8

// The decisions, with the fields of [Decision] that each one sets.
const (
	// Offer: ring the agent for the call. Sets Offer, Call, Agent, Queue, Until (the
	// ring time ends), Why. Answer with OfferAnswered or OfferFailed, or with CallLeft
	// when the call does not exist any more.
	Offer DecisionKind = iota + 1
	// Withdraw: stop ringing. Sets Offer, Call, Agent, Queue, Reason. Needs no answer.
	Withdraw
	// AgentMoved: an agent's state changed. Sets Agent, From, To, Reason, and Call,
	// Queue, Offer where a call is concerned; Until when the new state ends by itself.
	AgentMoved
	// CallTimedOut: the call is no longer queued; its flow goes on. Sets Call, Queue, Reason.
	CallTimedOut
	// NobodyThere: no agent is there for the queue, the call is no longer queued; its
	// flow goes on at once. Sets Call, Queue, Reason.
	NobodyThere
	// DropLeg: end the agent's leg of that offer or call if there is one, it is not
	// part of anything. Sets Offer, Reason, and Call and Agent when known.
	DropLeg
	// StillThere: confirm by StillHere{Call, Agent} until Until that the call exists.
	// Sets Call, Queue, Until, and Agent when it is a talk that is in question.
	StillThere
	// Refused: the agent would have been first but for a clause. Sets Agent, Clause,
	// Reason, and Call and Queue when a call was refused; once per agent and call.
	Refused
	// PlaceKept: the caller has called again and has the place of the call Other. Sets
	// Call, Queue, Other, Since, Caller.
	PlaceKept
	// CallbackWaits: a callback stands in line, in the place of the call Other, or will
	// from Until on. Sets Call, Queue, Caller, and Other and Since, or Until.
	CallbackWaits
	// CallbackDue: the time of a booked callback has come; it stands in line now and
	// will be offered like a call (with Callback). Sets Call, Queue, Caller.
	CallbackDue
	// CallbackTask: an attempt was lost; somebody is to call back until Until. Sets Call
	// (the attempt), Queue, Reason, Until, Caller.
	CallbackTask
	// TaskCleared: the task or the callback Call is not needed any more. Sets Call,
	// Queue, Reason, Caller, and Other, the call by which the caller was served.
	TaskCleared
)

var decisionNames = [...]string{"", "offer", "withdraw", "agent_moved", "call_timed_out", "nobody_there", "drop_leg", "still_there", "refused", "place_kept", "callback_waits", "callback_due", "callback_task", "task_cleared"}

// String gives the tag used in JSON.
func (k DecisionKind) String() string {
	if int(k) < len(decisionNames) {
		return decisionNames[k]
	}
	return fmt.Sprintf("decision(%d)", uint8(k))
}

// MarshalText writes the tag.
func (k DecisionKind) MarshalText() ([]byte, error) {
	if k == 0 || int(k) >= len(decisionNames) {
		return nil, fmt.Errorf("routing: decision kind %d does not exist", uint8(k))
	}
	return []byte(decisionNames[k]), nil
}

// UnmarshalText reads the tag.
func (k *DecisionKind) UnmarshalText(b []byte) error {
	for i, n := range decisionNames {
		if i > 0 && n == string(b) {
			*k = DecisionKind(i)
			return nil
		}
	}
	return fmt.Errorf("routing: unknown decision kind %q", b)
}

// Decision is one thing to do or to note. It is a plain comparable value: copy it
// freely, it does not point into the State. Kind says which fields are set.
type Decision struct {
	Kind   DecisionKind `json:"kind"`
	Offer  OfferID      `json:"offer,omitempty"`
	Call   CallID       `json:"call,omitempty"`
	Agent  AgentID      `json:"agent,omitempty"`
	Queue  QueueID      `json:"queue,omitempty"`
	From   AgentState   `json:"from,omitzero"`
	To     AgentState   `json:"to,omitzero"`
	Reason Reason       `json:"reason,omitempty"`
	Until  time.Time    `json:"until,omitzero"` // UTC
	Why    Why          `json:"why,omitzero"`
	Clause string       `json:"clause,omitempty"`
	Other  CallID       `json:"other,omitempty"`
	Since  time.Time    `json:"since,omitzero"` // UTC
	Caller string       `json:"caller,omitempty"`
	// Callback: nobody is on the line; the agent who answers calls the person back.
	Callback bool `json:"callback,omitempty"`
}

// Rule is a step of the order of service.
type Rule string

// The order of service, first rule first.
const (
	ByEmergency Rule = "emergency" // queues for emergencies first
	ByOwnBody   Rule = "own_body"  // callers of the agent's own queues before those of a body that borrows
	ByShare     Rule = "share"     // bodies below their share before those above
	ByScore     Rule = "score"     // more points first
	ByPriority  Rule = "priority"  // higher first
	ByHead      Rule = "head"      // callers who lost their agent first
	BySince     Rule = "since"     // who waits longer first
	ByArrival   Rule = "arrival"   // who came to the router first
)

// Trigger is what led to an offer.
type Trigger string

// What led to an offer.
const (
	AgentFreed Trigger = "agent_freed" // an agent became ready and the best call was chosen
	Preempted  Trigger = "preempted"   // an emergency call took the agent from a call that still rang
	CallCame   Trigger = "call_came"   // a call came (back) and the longest-idle agent was chosen
)

// Why is what an Offer saw, enough to check it in a replay.
type Why struct {
	Trigger Trigger `json:"trigger,omitempty"`
	// Waited is the time since the moment that counts for the order of service.
	Waited time.Duration `json:"waited_ns,omitempty"`
	// Attempt is 1 for the first offer of the call in this queue.
	Attempt int `json:"attempt,omitempty"`
	// Waiting is the length of the queue, this call included, without calls that
	// ring at an agent.
	Waiting int `json:"waiting,omitempty"`
	// Choices is the number of waiting calls the agent could have been given, over
	// all of the agent's queues.
	Choices int `json:"choices,omitempty"`
	// Passed of them have waited longer and come later by priority or head.
	Passed int `json:"passed,omitempty"`
	// Rival is the best of the others, and Rule the one that put it second.
	Rival       CallID        `json:"rival,omitempty"`
	RivalQueue  QueueID       `json:"rival_queue,omitempty"`
	RivalWaited time.Duration `json:"rival_waited_ns,omitempty"`
	Rule        Rule          `json:"rule,omitempty"`
	// Ready is the number of ready agents of the queue (of the lender, when the agent
	// is lent), the chosen one included.
	Ready int `json:"ready,omitempty"`
	// Idle is how long the chosen agent was ready; NextAgent was second, for NextIdle.
	Idle      time.Duration `json:"idle_ns,omitempty"`
	NextAgent AgentID       `json:"next_agent,omitempty"`
	NextIdle  time.Duration `json:"next_idle_ns,omitempty"`
	// Unfit is the number of ready agents of the queue who have been idle longer and may
	// not take this call: skill, language or a clause. NextAgent is the next who may.
	Unfit int `json:"unfit,omitempty"`
	// Points and RivalPoints are the scores, where the queues have one. Passed is not
	// counted between scored queues; Explain lists them.
	Points      int64 `json:"points,omitempty"`
	RivalPoints int64 `json:"rival_points,omitempty"`
	// Stage counts the relaxations that the call has reached; 0 is what it asked at first.
	Stage int `json:"stage,omitempty"`
	// Held: the call waited for this agent alone.
	Held bool `json:"held,omitempty"`
	// Lender is the body of an agent who helps another one's callers.
	Lender string `json:"lender,omitempty"`
}
