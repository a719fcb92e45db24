// Package event is the vocabulary of the journal: every step of a call and
// every change of an agent is one typed, versioned Event.
//
// It never stores or sends anything; it only says what can have happened and
// how it is written down. The invariant it keeps: an event once written can be
// read for ever. A kind's meaning never changes; a new field is optional, and a
// change of meaning gets a new version number that old readers refuse loudly.
package event
