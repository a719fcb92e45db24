// Package directory says who and what there is, and since when: bodies (the five
// classes of 1.4.1, in a tree), their services, numbers, queues, halls and their
// seats, agents with skills, entitlements to remote work and kits, phones and trunks.
//
// A Book holds every version of every record. Versions are only ever added: where two
// of them speak for the same day, the later one counts, so "as it was on day X" and
// "as it was known then" can both be asked. A Snapshot is the book at one moment, in
// the form that the telephone side needs (Directory). Check holds the book against
// itself and against the clauses that a directory can break; what must not be is
// refused, what must be seen is a finding.
//
// It holds plain, validated data and never looks anything up outside itself: no clock,
// no disk, no network, no goroutine. Of our own rooms it imports calendar only (dates
// and opening hours), which imports none. Secrets: the plain password of a phone is
// never part of a record, only its hashes are; why somebody needs an accommodation is
// a record of its own that nobody sees by reading the agent.
//
// The invariants: a Directory that passed Check has no dangling name in it; a Book that
// passed Check has none at any moment from the one it was checked for on.
package directory
