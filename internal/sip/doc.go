// Package sip is the SIP user agent: listeners, transactions, dialogs and their timers, phones' registrations and the way out to
// carriers. The room that owns calls sees a Dialog per call leg and its events; it never sees a SIP message.
//
// From github.com/emiago/sipgo come the message parsers and header types. Transports, transactions and dialogs are our own
// (docs/adr/0002-own-dialog-layer.md says why; docs/sip.md has the state table and what of which RFC is done).
//
// The package never touches media, never decides who may call whom beyond "known carrier or authenticated phone", and never logs
// numbers above debug level.
//
// Ownership. The UA owns every goroutine: one per listener, two per stream connection, one sweeper. A Dialog has no goroutine. Its
// state is guarded by one mutex, taken by whoever brings news (a listener that read a message, a timer, a caller of the API); what
// the sink shall hear goes into the dialog's queue, which at most one goroutine at a time empties. So events arrive in the order
// in which the state changed, one at a time, and a slow sink holds up nobody but itself.
//
// Invariants. Exactly one of Failed, Cancelled and Ended is the last event of every dialog. A dialog is found by Call-ID and both
// tags, never by Call-ID alone. Nothing is sent on behalf of a source that is neither a known carrier nor an authenticated phone.
package sip
