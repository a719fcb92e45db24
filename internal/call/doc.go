// Package call is where a citizen's call lives: the one place in which SIP,
// media, the call flow and the router meet.
//
// Each call has one actor: one goroutine with one mailbox, which alone owns the
// call's dialogs, legs, recording and journal numbering. The router has another
// one. Everything that happens reaches them as a message; nobody else touches
// their state. The invariant: every call that arrived ends with exactly one
// call.ended in the journal, whoever vanishes in whatever order, and at every
// moment of it the caller hears somebody, something or the end.
package call
