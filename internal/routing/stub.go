package routing

import (
	"iter"
	"time"
)

// Position of a call that waits or rings in its queue: 1 is next. Calls that ring at
// an agent are counted, since they may come back. False when it does not wait.
func (s *State) Position(c CallID) (int, bool) { return 0, false }

// ExpectedWait of a call that waits; false when it cannot be said.
func (s *State) ExpectedWait(c CallID, now time.Time) (time.Duration, bool) { return 0, false }

// Snapshot is a picture of everything at now; O(n log n).
func (s *State) Snapshot(now time.Time) Snapshot { return Snapshot{} }

// Encode writes the whole State as JSON, the same bytes for the same State.
func (s *State) Encode() ([]byte, error) { return nil, nil }

// Decode reads what Encode wrote.
func Decode(b []byte) (*State, error) { return nil, nil }

// Recorded is one step of a router as the journal has it.
type Recorded struct {
	Seq       uint64
	Now       time.Time
	Event     Event
	Decisions []Decision
}

// Difference is where a replay left the record.
type Difference struct {
	Seq       uint64
	Now       time.Time
	Event     Event
	Decision  int        // index of the first decision that differs
	Want, Got []Decision // recorded, replayed
}

// Replay applies the recorded events to s and compares the decisions. It returns the
// number of steps that agreed and the first difference, nil when there is none.
func Replay(s *State, log iter.Seq[Recorded]) (int, *Difference) { return 0, nil }
