// Package routing decides which agent gets which call: a pure queue state
// machine. Events go in with the time at which they happened, decisions come
// out; the live router, the simulator, the replay proof and the tests call the
// same [Apply].
//
// It never looks at a clock, never draws a random number, never does I/O and
// starts no goroutine. A [State] has one owner; nothing here locks.
//
// The invariants it keeps after every [Apply], whatever came in:
//   - an agent has at most one open offer or call, a call at most one open offer;
//   - no call waits beside a ready agent who may take it, and none for whom no agent
//     could ever be found;
//   - an agent who becomes free is offered the best waiting call that the agent may
//     take in the same Apply, and nobody better is passed over;
//   - no offer begins when the live time of the week is used up, and none outside the
//     hall that the clause forbids; what a clause refuses is said;
//   - everything that waits for somebody else (ring, rest, wrap-up, retry, kept
//     place) has a deadline that [State.NextDeadline] knows, so that a lost event
//     can delay an agent or a call but never hold them;
//   - the same events at the same times give the same decisions, on any machine.
//
// docs/routing.md has the rules in words, the state diagrams and the full table
// of state × event; a test walks that table.
package routing
