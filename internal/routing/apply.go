package routing

import "time"

// Apply tells the State that ev happened at now and returns what follows from it, in
// order. It changes s in place, never panics on any order of events and is
// deterministic. After ev it also does everything whose time has come, so an answer
// that arrives together with the end of its ring time still counts.
//
// A now before one seen earlier counts as that one. Give it a clock that does not
// jump: wall-clock time read once and carried on by the monotonic clock.
//
// The returned slice is valid until the next Apply on s; the Decisions in it are
// plain values.
func Apply(s *State, ev Event, now time.Time) []Decision {
	s.now = max(s.now, nanos(now))
	s.out = s.out[:0]
	return s.out
}
