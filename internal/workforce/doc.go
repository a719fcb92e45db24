// Package workforce keeps the time of persons in live service and says what clause
// 2.6 of the Rules makes of it: the ledger of the 36 hours, the budget the router
// may spend, who may begin a shift outside the hall, when a line stood empty and how
// many halls the seats allow.
//
// # What counts
//
// Live service (reading R5) is the time in the router's states ready, offered,
// talking (hold included), wrap_up and set_aside; the week (R6) is the calendar week
// in Baku, Monday 00:00 to Sunday 24:00, and the rolling 168 hours are kept beside
// it; the limit is the person's, over all bodies and stations (R7), and nothing lifts
// it (R8). These are [Reading]s: dated, with author and reason, never above 36 hours.
//
// # Where the ledger is in doubt, it counts
//
// Time never runs backwards inside a [Ledger]. When the clock of the moves steps
// back, the stretch that it goes through a second time is nobody's calendar time any
// more; the live part of it is kept apart as [Tally.Doubt] and is charged against the
// limit all the same. Time that a step forward invents is counted as the clock tells
// it, and a breach that comes of it says so. After a crash an open interval ends at
// the last moment at which the process is known to have lived ([Ledger.Restart]):
// up to there the person counts as live, the rest is a finding with its length.
//
// # What it never does
//
// It never looks at a clock, draws a random number, does I/O or starts a goroutine.
// A Ledger and a [Coverage] have one owner each; nothing here locks. It never cuts a
// call: what passes the limit is a [Breach] with its cause.
//
// The invariants: every nanosecond of a signed-in person lies in exactly one week,
// one state, one body and one station, "unknown" being a station that is a finding;
// for each person the same moves in the same order give the same ledger, however the
// persons are mixed, with restarts from [Ledger.Encode] in between or without;
// a budget never promises more time than the binding basis leaves.
package workforce
