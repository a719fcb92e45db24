// Package digest is the challenge and response of SIP authentication, both sides: RFC 7616 (the scheme), RFC 8760 (SHA-256 in
// SIP), RFC 2617 (what older phones and carriers still speak) and RFC 3261 section 22 (its use in SIP).
//
// The server side needs no table to know its own nonces: a nonce carries its time and a MAC. What it keeps is one small replay
// window per nonce that was used with the right password, so only somebody who already knows a password can make it grow, and
// then only up to a fixed number. The client side answers the strongest challenge it knows.
//
// The package never reads a message, never stores a password, never logs, and never lets the answer or the work done tell a
// known user from an unknown one. Invariant: a request is accepted only if its response fits the user's secret, its nonce is
// ours and young enough, and the pair (nonce, count) was never accepted before.
//
// The header code is our own: github.com/icholy/digest 1.2.0 was read and not taken, because it refuses unquoted values that
// phones send (opaque=a+b/c=, unquoted qop lists), treats parameter names as case sensitive, lets the last of two contradicting
// parameters win in silence, knows no -sess algorithms, and takes the first challenge it can instead of the strongest.
package digest
