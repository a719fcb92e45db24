// Package ivr reads call flows (what a caller hears and which key leads where)
// from YAML, proves before use that no caller can get lost in one, and interprets
// it: inputs in, actions out.
//
// It never plays, waits or looks at a clock: the call does that and tells the
// machine. The invariant: after every input the machine either waits for one
// bounded thing (the end of a prompt, a key with a time limit, a queue) or has
// ended, so that a caller never hears dead air; and no queue is entered, hence no
// recording started, before a notice of recording has been played to its end.
package ivr
