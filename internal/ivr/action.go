package ivr

import (
	"time"

	"cagri/internal/prompt"
)

// Input is what happens to a call in the flow: Start, Played, Key, Timeout or Queue.
type Input interface{ input() }

// Start begins the flow. The first input; later ones are ignored.
type Start struct{}

// Played says that the latest Play has come to its end. The end of a prompt that
// was replaced must not be reported: compare play ids before you pass it on.
type Played struct{}

// Key is a key the caller pressed: '0'–'9', '*' or '#'. Pass every key at any time;
// the machine knows when keys count.
type Key struct{ Digit byte }

// Timeout says that the time of the latest Await has run out without a key. Sent
// while a prompt plays it means that the prompt could not be played to its end.
type Timeout struct{}

// Queue says how the wait in a queue ended other than with an agent.
type Queue struct{ Outcome Outcome }

func (Start) input()   {}
func (Played) input()  {}
func (Key) input()     {}
func (Timeout) input() {}
func (Queue) input()   {}

// Outcome is how a queue let a caller go.
type Outcome uint8

// The outcomes of a queue. The zero value is none of them.
const (
	NoAgents Outcome = iota + 1 // nobody is signed in for the queue
	TimedOut                    // the longest wait of the queue is over
	Closed                      // the queue is closed at this hour
)

// String is the outcome as flow files and the journal write it.
func (o Outcome) String() string {
	switch o {
	case NoAgents:
		return "no_agents"
	case TimedOut:
		return "timed_out"
	case Closed:
		return "closed"
	}
	return "unknown"
}

// Action is what the call must do now, in the order given: Play, Await,
// NoticePlayed, Language, Enqueue, End or Step. A list with a Play, Await, Enqueue
// or End in it ends whatever was playing or waited for before.
type Action interface{ action() }

// Play plays parts in Language from the start and reports Played at their end.
// When Interrupt is set a key may cut it short (the machine then answers the key
// with its next actions); without it keys are ignored.
type Play struct {
	Parts     []prompt.Part
	Language  prompt.Language
	Interrupt bool
}

// Await waits for one key, at most Timeout long; then report Timeout. Keys lists
// the keys that lead somewhere; pass the others too, they earn the caller a hint.
type Await struct {
	Keys    string
	Timeout time.Duration
}

// NoticePlayed says that a notice of recording has been played to its end in
// Language; from now on the call may be recorded. It may come again for another
// language: starting to record is idempotent.
type NoticePlayed struct{ Language prompt.Language }

// Language says that the caller's language from now on is this one.
type Language struct{ Language prompt.Language }

// Enqueue puts the call into a queue at once and plays Parts in Language to the waiting
// caller, then music and announcements, until there is an agent (then the flow is over)
// or the queue lets the caller go, which is reported as a Queue input.
type Enqueue struct {
	Queue    string
	Priority int           // higher is served earlier; 0 is usual
	Parts    []prompt.Part // said first, once; may be empty
	Language prompt.Language
}

// End plays Parts in Language to their end and hangs up. The machine is finished;
// it ignores every later input.
type End struct {
	Reason   string
	Parts    []prompt.Part
	Language prompt.Language
}

// Step is one step of the flow for the journal: the node, its kind and how it was
// left ("next", "key 1", "timeout", "wrong key 7", "no_agents" …).
type Step struct {
	Node    string
	Kind    Kind
	Outcome string
}

func (Play) action()         {}
func (Await) action()        {}
func (NoticePlayed) action() {}
func (Language) action()     {}
func (Enqueue) action()      {}
func (End) action()          {}
func (Step) action()         {}
