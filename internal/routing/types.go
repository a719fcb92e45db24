package routing

import (
	"fmt"
	"math"
	"time"
)

// CallID names a call. The router never interprets it.
type CallID string

// AgentID names an agent: one key per person over all bodies.
type AgentID string

// QueueID names a queue.
type QueueID string

// OfferID numbers the offers of one router from 1 upwards; it is never reused.
type OfferID uint64

// AgentState is what an agent is doing, as far as the router is concerned.
type AgentState uint8

// The states of an agent. The zero value is no state at all.
const (
	SignedOut   AgentState = iota + 1 // takes no calls and is nobody's agent now
	Ready                             // waits for a call
	Offered                           // the phone rings for a call of the queue
	Talking                           // in a call, of the queue or taken otherwise
	WrapUp                            // finishes the notes of the last call, with a time limit
	Paused                            // signed in and away by own wish, or after too many missed calls
	SetAside                          // did not take an offer: rests, then Ready by itself
	Unreachable                       // the station is down or suspected to be
)

var agentStateNames = [...]string{"", "signed_out", "ready", "offered", "talking", "wrap_up", "paused", "set_aside", "unreachable"}

// String gives the name used in the journal.
func (a AgentState) String() string {
	if int(a) < len(agentStateNames) {
		return agentStateNames[a]
	}
	return fmt.Sprintf("state(%d)", uint8(a))
}

// MarshalText writes the name.
func (a AgentState) MarshalText() ([]byte, error) {
	if int(a) >= len(agentStateNames) {
		return nil, fmt.Errorf("routing: agent state %d does not exist", uint8(a))
	}
	return []byte(agentStateNames[a]), nil
}

// UnmarshalText reads the name.
func (a *AgentState) UnmarshalText(b []byte) error {
	for i, n := range agentStateNames {
		if n == string(b) {
			*a = AgentState(i)
			return nil
		}
	}
	return fmt.Errorf("routing: unknown agent state %q", b)
}

// Failure is why an offer did not reach an agent.
type Failure string

// Why an offer failed. Any other value is treated as StationUnreachable.
const (
	NoAnswer           Failure = "no_answer"   // rang and nobody picked up: counts as a miss
	Busy               Failure = "busy"        // the phone is in another call: a short rest, no miss
	Declined           Failure = "declined"    // the agent refused the call: a short rest, no miss
	StationUnreachable Failure = "unreachable" // the phone could not be rung: its station is suspect
)

// Reason says why a decision was taken; stable, for the journal and the board.
// An AgentMoved into Paused carries the agent's own reason instead.
type Reason string

// Reasons of decisions.
const (
	ReasonSignedIn     Reason = "signed_in"
	ReasonSignedOut    Reason = "signed_out"
	ReasonForced       Reason = "forced_sign_out"
	ReasonReady        Reason = "ready"         // the agent said so
	ReasonOffer        Reason = "offer"         // a call was offered
	ReasonAnswered     Reason = "answered"      // the agent picked up
	ReasonTaken        Reason = "taken"         // in a call that did not come from the queue
	ReasonTalkEnded    Reason = "talk_ended"    //
	ReasonWrapUpDone   Reason = "wrap_up_done"  // the agent ended it
	ReasonWrapUpOver   Reason = "wrap_up_over"  // its time was over
	ReasonExtended     Reason = "extended"      // wrap-up was made longer
	ReasonRested       Reason = "rested"        // the rest after an offer not taken is over
	ReasonNoAnswer     Reason = "no_answer"     //
	ReasonBusy         Reason = "busy"          //
	ReasonDeclined     Reason = "declined"      //
	ReasonUnreachable  Reason = "unreachable"   // the phone could not be rung
	ReasonMissed       Reason = "missed_calls"  // paused after too many misses in a row
	ReasonStationDown  Reason = "station_down"  //
	ReasonStationUp    Reason = "station_up"    //
	ReasonRetry        Reason = "retry"         // the suspect station is tried again
	ReasonCallerLeft   Reason = "caller_left"   //
	ReasonRequeued     Reason = "requeued"      // the call was put elsewhere during the offer
	ReasonMaxWait      Reason = "max_wait"      // waited as long as the queue allows
	ReasonUnconfirmed  Reason = "unconfirmed"   // nobody confirmed that the call still exists
	ReasonNobody       Reason = "nobody"        // no agent is there for the queue
	ReasonUnknownQueue Reason = "unknown_queue" //
	ReasonStale        Reason = "stale"         // an answer to an offer that was over
	ReasonUnknownOffer Reason = "unknown_offer" // an answer to an offer that this state never made or has forgotten
	ReasonWeeklyLimit  Reason = "weekly_limit"  // the live time of the week is used up
	ReasonBudget       Reason = "budget"        // there is live time again: the week has turned or a budget came
	ReasonQueueRemoved Reason = "queue_removed" // the queue is not in the configuration any more
	ReasonCallback     Reason = "callback"      // the caller wants to be called back instead
	ReasonCameBack     Reason = "came_back"     // the caller has called again
	ReasonServed       Reason = "served"        // the caller was served
	ReasonDone         Reason = "done"          // by hand
	ReasonPreempted    Reason = "preempted"     // an emergency call took the ringing agent
	ReasonPaused       Reason = "paused"        // a pause for which the agent gave no reason
)

// Times inside are nanoseconds since 1970 UTC. Outside that range and past the
// year 2200 they are clamped, so that adding a duration can never overflow.
const (
	latest  = int64(7_258_118_400) * int64(time.Second) // 2200-01-01
	longest = 30 * 24 * time.Hour                       // no duration is longer
	never   = int64(math.MaxInt64)
)

func nanos(t time.Time) int64 {
	switch sec := t.Unix(); {
	case sec < 0:
		return 0
	case sec >= latest/int64(time.Second):
		return latest
	}
	return t.UnixNano()
}

func moment(ns int64) time.Time { return time.Unix(0, ns).UTC() }

// bounded keeps a duration between least and longest.
func bounded(d, least time.Duration) time.Duration { return min(max(d, least), longest) }
