// Package trunk knows the carriers: who may call in and how they prove it, where calls out go and which of those places are
// alive, how numbers are written on each side, and what each carrier may use of the system.
//
// It resolves carriers' domains (RFC 3263, RFC 2782), watches their health by OPTIONS and keeps our registrations with them
// (RFC 3261 section 10.2). All messages are sent by a Requester that the user agent provides; the package knows no message, no
// socket and no dialog. Rules of numbers are data (Numbers); what a number means to a body is the directory's business.
//
// Invariant: a call in is matched to at most one trunk; a target that is down is offered only behind all that are up, never
// left out, since trying a dead target beats refusing a citizen's call.
package trunk
