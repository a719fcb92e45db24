// Package pgtest runs a private PostgreSQL for tests: a real one from the machine's
// own programs, in a folder that vanishes, reachable by a Unix socket only.
//
// It never touches a server that is there already, and never runs as root:
// PostgreSQL refuses that, so a root's tests run it as postgres or nobody.
package pgtest
