// Package registrar knows where the phones of the halls can be reached: for each user (the user part of the address of record)
// the contacts they registered, until when, and over which flow (RFC 3261 section 10, RFC 5626 for what a flow is).
//
// It holds bindings and judges REGISTER requests; it never parses a message, never authenticates (the caller has done that),
// never sends a keep-alive (it says to whom one is due) and reads no clock but the one it was given. Path (RFC 3327) is ignored:
// phones reach this server directly.
//
// Invariant: a request changes all bindings it names or none; a user never has more contacts than the limit; "registered" is
// told exactly when a user's first contact comes and when the last one goes, in that order for each user.
package registrar
