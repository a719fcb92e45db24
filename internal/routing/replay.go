package routing

import (
	"fmt"
	"iter"
	"slices"
	"time"
)

// Recorded is one step of a router as the journal has it. Now is what was given to
// Apply.
type Recorded struct {
	Seq       uint64
	Now       time.Time
	Event     Event
	Decisions []Decision
}

// Difference is where a replay left the record.
type Difference struct {
	Seq   uint64
	Now   time.Time
	Event Event
	// Index of the first decision that differs; past the end of the shorter list
	// when one is the beginning of the other.
	Index     int
	Want, Got []Decision // recorded, replayed
}

// String says it in one line.
func (d *Difference) String() string {
	show := func(l []Decision) string {
		if d.Index >= len(l) {
			return "nothing"
		}
		b, err := EncodeDecision(l[d.Index])
		if err != nil {
			return err.Error()
		}
		return string(b)
	}
	kind := "no event"
	if d.Event != nil {
		kind = d.Event.Kind()
	}
	return fmt.Sprintf("input %d (%s at %s), decision %d: recorded %s, replayed %s",
		d.Seq, kind, d.Now.UTC().Format(time.RFC3339Nano), d.Index, show(d.Want), show(d.Got))
}

// Replay applies the recorded events to s, which is the State before the first of
// them, and compares the decisions. It returns how many steps agreed, and the first
// difference, nil when there is none. s is used up.
func Replay(s *State, log iter.Seq[Recorded]) (int, *Difference) {
	n := 0
	for r := range log {
		got := Apply(s, r.Event, r.Now)
		if i := firstDifference(r.Decisions, got); i >= 0 {
			return n, &Difference{Seq: r.Seq, Now: r.Now, Event: r.Event, Index: i, Want: r.Decisions, Got: slices.Clone(got)}
		}
		n++
	}
	return n, nil
}

// firstDifference is -1 when both are equal.
func firstDifference(a, b []Decision) int {
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || a[i] != b[i] {
			return i
		}
	}
	return -1
}
