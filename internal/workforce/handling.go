package workforce

import (
	"math/bits"
	"time"
)

// Handling is the distribution of handling times as a histogram with fixed bounds, so
// that it needs no tuning, two merge exactly in any order, and the same times give the
// same quantile on any machine. Bounds are whole seconds, exact up to 15 s and then 16
// to each doubling: a quantile is at most 6.25 % above the true one and never below.
// The zero value is empty.
type Handling struct {
	total  uint64
	counts [handlingBuckets]uint32
}

const (
	perDoubling     = 16
	handlingBuckets = 11 * perDoubling // up to 16,384 s
	maxHandling     = (perDoubling << 10) * time.Second
	// enough measured calls for the quantile to stand alone; below it the prior holds
	// if it is longer.
	enough = 100
)

func handlingBucket(d time.Duration) int {
	s := uint64((max(d, 0) + time.Second - 1) / time.Second) // begun seconds: never too short
	s = min(s, uint64(maxHandling/time.Second)-1)
	if s < perDoubling {
		return int(s)
	}
	e := bits.Len64(s) - 5 // s>>e lies in 16…31
	return (e+1)*perDoubling + int(s>>e) - perDoubling
}

// upper is the longest time of a bucket.
func handlingUpper(b int) time.Duration {
	if b < perDoubling {
		return time.Duration(b) * time.Second
	}
	e := b/perDoubling - 1
	return time.Duration((perDoubling+b%perDoubling+1)<<e-1) * time.Second
}

// Observe counts one handled call. Times past 4.5 hours count as that long.
func (h *Handling) Observe(d time.Duration) {
	if b := handlingBucket(d); h.counts[b] < 1<<32-1 {
		h.counts[b]++
		h.total++
	}
}

// Count is the number of calls counted.
func (h *Handling) Count() uint64 { return h.total }

// Merge adds what o has counted.
func (h *Handling) Merge(o *Handling) {
	for b, n := range o.counts {
		n = min(n, 1<<32-1-h.counts[b])
		h.counts[b] += n
		h.total += uint64(n)
	}
}

// Quantile is the time within which at least permille of 1,000 calls were handled, 0
// when none was counted.
func (h *Handling) Quantile(permille int) time.Duration {
	if h.total == 0 {
		return 0
	}
	want := (h.total*uint64(permille) + 999) / 1000
	var sum uint64
	for b, n := range h.counts {
		if sum += uint64(n); n > 0 && sum >= want {
			return handlingUpper(b)
		}
	}
	return handlingUpper(handlingBuckets - 1)
}

// Reserve is the quantile once enough calls were counted, and until then not less
// than prior.
func (h *Handling) Reserve(permille int, prior time.Duration) time.Duration {
	q := h.Quantile(permille)
	if h.total < enough {
		return max(q, prior)
	}
	return q
}
