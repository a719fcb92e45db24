// Package app builds all rooms from the configuration, starts them in order and
// stops them in the reverse order.
//
// It holds no rule about calls. The invariant: when Start returns an error nothing
// is left running, and when Stop returns, every call has its last event in the
// journal and the journal is closed.
package app
