package digest

import (
	"container/heap"
	"sync"
	"time"
)

// replay remembers which nonce counts were accepted. Its size is bounded: when it is full the oldest nonce is forgotten and from
// then on every unremembered nonce of that age or older counts as stale, so forgetting never lets a replay through.
type replay struct {
	mu       sync.Mutex // guards everything below
	max      int
	lifetime time.Duration
	floor    time.Time // nonces issued at or before this and not in the table are refused
	seen     map[useKey]*use
	order    useHeap // oldest nonce on top
}

// useKey includes the user, so that one user cannot burn the counts of another one's nonce.
type useKey struct {
	nonce nonceKey
	user  string
}

type use struct {
	key     useKey
	issued  time.Time
	highest uint32
	before  uint64 // bit i: count highest-1-i was accepted
	closed  bool   // was used without a count: never again
}

func newReplay(max int, lifetime time.Duration) *replay {
	return &replay{max: max, lifetime: lifetime, seen: make(map[useKey]*use)}
}

// accept notes the use of count (0: no count, the nonce is good for one request only) and reports whether it is new. Counts may
// come out of order within 64 of the highest, as requests over UDP do.
func (r *replay) accept(key useKey, count uint32, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.order) > 0 && now.Sub(r.order[0].issued) > r.lifetime {
		r.forget()
	}
	u := r.seen[key]
	if u == nil {
		issued := key.nonce.issued()
		if !issued.After(r.floor) {
			return false
		}
		if len(r.order) >= r.max {
			r.floor = r.order[0].issued
			r.forget()
			if !issued.After(r.floor) {
				return false
			}
		}
		u = &use{key: key, issued: issued, highest: count, closed: count == 0}
		r.seen[key] = u
		heap.Push(&r.order, u)
		return true
	}
	if u.closed || count == 0 {
		return false
	}
	if count > u.highest {
		step := count - u.highest
		if step > 64 {
			u.before = 0
		} else {
			u.before = u.before<<step | 1<<(step-1)
		}
		u.highest = count
		return true
	}
	back := u.highest - count
	if back == 0 || back > 64 || u.before&(1<<(back-1)) != 0 {
		return false
	}
	u.before |= 1 << (back - 1)
	return true
}

func (r *replay) forget() {
	u := heap.Pop(&r.order).(*use)
	delete(r.seen, u.key)
}

func (r *replay) size() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.seen)
}

type useHeap []*use

func (h useHeap) Len() int           { return len(h) }
func (h useHeap) Less(i, j int) bool { return h[i].issued.Before(h[j].issued) }
func (h useHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *useHeap) Push(x any)        { *h = append(*h, x.(*use)) }
func (h *useHeap) Pop() any {
	old := *h
	u := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return u
}
