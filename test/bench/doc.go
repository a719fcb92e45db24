// Command bench measures the server as its users load it: it starts the real
// binary as its own process, speaks SIP and RTP to it over loopback, and prints
// the server's processor time for each unit of work, delays, losses and ratios.
// docs/benchmarks.md explains each figure and holds those of the reference machine.
//
// The generator is plain on purpose: hand-written SIP text and batched system
// calls, so that it takes as little as possible of the cores it shares with the
// server, and so that it has no fault in common with the server's own stack.
package main
