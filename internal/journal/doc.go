// Package journal keeps the events of calls and agents in a JetStream stream:
// embedded in the process by default, or in an external NATS cluster by URL, with
// one code path for both.
//
// It does not interpret events. The invariants: Append never blocks its caller; an
// event is stored once however often it is sent (its id is the message id); what
// was appended before an orderly stop is never lost, even when the server of an
// external journal is away, because it waits in a file then.
package journal
