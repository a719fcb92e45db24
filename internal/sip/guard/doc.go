// Package guard decides, on the raw packet and before any parsing, whether a source may speak to the SIP user agent at all.
//
// Sources are known (a carrier's network, a phone network, somebody who authenticated lately) or strangers. Strangers share one
// small budget and have a small one each; known sources have large ones, and what belongs to calls that exist (ACK, BYE, CANCEL,
// PRACK, responses, any request with a To tag) is counted apart from new requests, so that no flood of INVITE, REGISTER or
// OPTIONS can starve a running call. Sources that fail authentication or send junk again and again are banned for a while.
//
// It never parses a message, never logs (it counts), never allocates per packet and never grows: strangers live in a table of
// fixed size that forgets the one heard of longest ago. Invariant: nothing a stranger does changes what is let through for a
// known source.
package guard
