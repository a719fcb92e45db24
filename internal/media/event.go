package media

import "time"

// Event is what a leg tells its owner. Sinks are called from media threads and must
// not block.
type Event interface{ event() }

// Digit is a key the peer pressed (RFC 4733), reported once.
type Digit struct {
	Leg   *Leg
	Digit byte
}

// PlayDone: what Play began has been played to its end. It is not sent for what was
// replaced or stopped.
type PlayDone struct {
	Leg *Leg
	ID  PlayID
}

// Silent: no valid packet for so long, although the peer should send. Sent once for
// each silence.
type Silent struct {
	Leg *Leg
	For time.Duration
}

func (Digit) event()    {}
func (PlayDone) event() {}
func (Silent) event()   {}
