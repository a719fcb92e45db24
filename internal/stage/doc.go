// Package stage plays the people of a call centre: citizens who call and agents
// with phones. They are real SIP user agents with real sound, used by the demo.
//
// It never looks into the server: it knows only what a telephone hears and what
// the server's HTTP door tells everybody. The invariant: whatever it counts it has
// seen itself, so that its counts can be held against the server's.
package stage
