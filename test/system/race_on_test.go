//go:build race

package system

// raceOn: tests under the race detector also build the server with it.
const raceOn = true
