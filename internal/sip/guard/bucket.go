package guard

// bucket is a token bucket in one number (GCRA, ITU-T I.371): the time in nanoseconds at which it will be full again. Zero is a
// full bucket. It belongs to its table and is guarded by the Guard's mutex.
type bucket int64

// pace is a Rate made ready for arithmetic.
type pace struct {
	step  int64 // nanoseconds per token; 0: unlimited
	slack int64 // nanoseconds of burst beyond the first token
}

func (r Rate) pace() pace {
	if r == Unlimited() {
		return pace{}
	}
	step := max(int64(1e9/r.PerSecond), 1)
	return pace{step: step, slack: step * int64(r.Burst-1)}
}

// has says whether a token is there at now.
func (b bucket) has(p pace, now int64) bool { return p.step == 0 || int64(b)-now <= p.slack }

// take uses a token that is there.
func (b *bucket) take(p pace, now int64) {
	if p.step != 0 {
		*b = bucket(max(int64(*b), now) + p.step)
	}
}

// try takes a token if there is one.
func (b *bucket) try(p pace, now int64) bool {
	if !b.has(p, now) {
		return false
	}
	b.take(p, now)
	return true
}
