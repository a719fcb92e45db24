// Package mix is the core of a conference: a mix-minus with a gain matrix and
// the playout buffer that turns arriving packets into even frames.
//
// It never does I/O and never looks at a clock: time is RTP time on one side
// and the number of frames asked for on the other. The invariant: after the
// first frame nothing is allocated, and whatever arrives in whatever order, a
// frame asked for is always a full frame.
package mix
