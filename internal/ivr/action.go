package ivr

import (
	"time"

	"cagri/internal/prompt"
)

// Input is what happens to a call in the flow: Start, Played, Key, Timeout, Queue, or
// the answer to what an action asked for.
type Input interface{ input() }

// Start begins the flow. The first input; later ones are ignored.
type Start struct {
	Withheld bool // the caller's number is not known
}

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

// Served says that the talk with an agent is over and the caller is still there. Only
// where Enqueue has Stay; otherwise the flow is over with the talk.
type Served struct{}

// Hours answers AskHours.
type Hours struct{ Open bool }

// Done answers Transfer, Voicemail, Callback and Book: OK says that it has come about.
// A transfer that has comes to an end with the call; Done{OK: true} then does nothing.
type Done struct {
	OK     bool
	Reason string // for the journal: "busy", "no_answer", "empty" …
}

// Slots answers AskSlots.
type Slots struct{ List []Slot }

// Slot is a time at which the caller can be called.
type Slot struct {
	Day  SlotDay
	Hour int // of the day, 0 to 23, Asia/Baku
}

// SlotDay is how the day of a slot is said.
type SlotDay uint8

// Days of a slot: SlotMonday + n is the n-th day after Monday.
const (
	SlotToday SlotDay = iota
	SlotTomorrow
	SlotMonday
	SlotTuesday
	SlotWednesday
	SlotThursday
	SlotFriday
	SlotSaturday
	SlotSunday
)

func (Start) input()   {}
func (Played) input()  {}
func (Key) input()     {}
func (Timeout) input() {}
func (Queue) input()   {}
func (Served) input()  {}
func (Hours) input()   {}
func (Done) input()    {}
func (Slots) input()   {}

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

// Action is what the call must do now, in the order given. A list with a Play, Await,
// Enqueue, Transfer, Voicemail or End in it ends whatever was playing or waited for
// before. AskHours, AskSlots, Callback and Book are answered at once.
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
	Stay     bool // the flow goes on after the talk: report Served when the agent hangs up first
}

// AskHours asks whether the queue is open now; answer with Hours.
type AskHours struct{ Queue string }

// Transfer plays Parts and connects the caller with a number outside; answer with Done
// when nobody is there. Once connected the flow is over.
type Transfer struct {
	Number   string
	Parts    []prompt.Part
	Language prompt.Language
}

// Voicemail records what the caller says after a tone, at most Limit long, until '#' or
// the caller hangs up; answer with Done, OK when something was said. A caller who hangs
// up ends the call, and what was said is kept.
type Voicemail struct{ Limit time.Duration }

// Callback promises the caller a call from the queue, in the place that the caller has
// or would have there. Number is what the caller keyed in; empty means the caller's own.
// Answer with Done.
type Callback struct {
	Queue  string
	Number string
}

// AskSlots asks for up to Most times at which the queue can call back; answer with Slots.
type AskSlots struct {
	Queue string
	Most  int
}

// Book promises the call at Slot. Answer with Done.
type Book struct {
	Queue  string
	Number string // empty: the caller's own
	Slot   Slot
}

// Rate is the mark the caller gave, 1 (worst) to 5 (best).
type Rate struct{ Mark int }

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
func (AskHours) action()     {}
func (Transfer) action()     {}
func (Voicemail) action()    {}
func (Callback) action()     {}
func (AskSlots) action()     {}
func (Book) action()         {}
func (Rate) action()         {}
func (Step) action()         {}
