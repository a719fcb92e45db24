// Package pace calls senders every 20 ms: prompts, music on hold, conferences.
//
// It never knows what is sent and never makes up for lost time in a burst. One
// wheel per CPU serves all tasks; their phases are spread over the frame, so
// that the work of a second is even. The invariant: deadlines are absolute, so a
// task is asked for exactly 50 frames per second for as long as it runs, and
// frames that could not be sent in time are reported to it as due, not repeated.
package pace
