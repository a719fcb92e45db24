package quality

import "time"

// Clock turns the monotonic time of the media plane into NTP time (RFC 3550 §4):
// seconds since 1900 in the upper 32 bits, fractions in the lower. It runs on
// even when the wall clock is set, so that round-trip times stay right.
type Clock struct {
	wall time.Time
	mono int64
}

// NewClock fixes the wall time that belongs to the monotonic time mono (ns).
func NewClock(wall time.Time, mono int64) Clock { return Clock{wall: wall, mono: mono} }

const ntpEpoch = 2208988800 // seconds from 1900 to 1970

// NTP is the time of now (monotonic ns).
func (c Clock) NTP(now int64) uint64 {
	t := c.wall.Add(time.Duration(now - c.mono))
	sec := uint64(t.Unix() + ntpEpoch)
	return sec<<32 | uint64(t.Nanosecond())<<32/1e9
}

// Short is the middle of an NTP time: 16 bits of seconds, 16 of fraction.
func Short(ntp uint64) uint32 { return uint32(ntp >> 16) }

// ntpShort is a duration in 1/65536 s; above 18 h it stays at the maximum.
func ntpShort(d time.Duration) uint32 {
	if d <= 0 {
		return 0
	}
	if d >= 65536*time.Second {
		return 1<<32 - 1
	}
	sec, rest := uint64(d/time.Second), uint64(d%time.Second)
	return uint32(sec<<16 | rest<<16/1e9)
}

// RTT is the round-trip time from a report block about us (RFC 3550 §6.4.1):
// now is the short NTP time of its arrival, lsr and dlsr come from the block.
// The arithmetic is modulo 2^32, so the 18-hour wrap does not matter. ok is
// false when the peer has not seen an SR of ours yet or the result is no time a
// round trip can take.
func RTT(now, lsr, dlsr uint32) (rtt time.Duration, ok bool) {
	if lsr == 0 {
		return 0, false
	}
	d := int32(now - lsr - dlsr)
	switch {
	case d < -66: // more than 1 ms before it can have been sent
		return 0, false
	case d < 0:
		d = 0 // rounding
	case d > 60<<16:
		return 0, false
	}
	return time.Duration(int64(d) * int64(time.Second) >> 16), true
}
