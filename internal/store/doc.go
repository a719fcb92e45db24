// Package store is the readable picture of the journal in SQL: SQLite in the data
// folder by default, PostgreSQL by configuration, with one behaviour.
//
// It is never the truth about calls; it can be thrown away and rebuilt from the
// journal, and cagri verify does so to compare. The invariants: an event counts
// once however often it comes, and in whatever order the events of a call come the
// picture of the call is the same; every question carries the bodies it may see.
package store
