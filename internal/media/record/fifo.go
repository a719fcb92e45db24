package record

import "sync"

// fifo is an unblocking queue: push never waits, pop waits for work. It holds
// what its capacity says without allocating; recordings are in it at most once,
// so the capacity is the number of recordings.
type fifo[T any] struct {
	mu     sync.Mutex // guards all below
	filled sync.Cond
	ring   []T
	first  int
	count  int
	busy   int // popped and not done
	closed bool
}

func newFIFO[T any](capacity int) *fifo[T] {
	q := &fifo[T]{ring: make([]T, max(1, capacity))}
	q.filled.L = &q.mu
	return q
}

// push appends v.
func (q *fifo[T]) push(v T) {
	q.mu.Lock()
	if q.count == len(q.ring) {
		q.grow()
	}
	q.ring[(q.first+q.count)%len(q.ring)] = v
	q.count++
	q.mu.Unlock()
	q.filled.Signal()
}

func (q *fifo[T]) grow() {
	bigger := make([]T, 2*len(q.ring))
	n := copy(bigger, q.ring[q.first:])
	copy(bigger[n:], q.ring[:q.first])
	q.ring, q.first = bigger, 0
}

// pop takes the oldest entry, for which done is to be called when it has been
// served; false when the queue is closed and empty.
func (q *fifo[T]) pop() (v T, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.count == 0 {
		if q.closed {
			return v, false
		}
		q.filled.Wait()
	}
	var none T
	v, q.ring[q.first] = q.ring[q.first], none
	q.first = (q.first + 1) % len(q.ring)
	q.count--
	q.busy++
	return v, true
}

// popAll takes all that waits, appended to into, as so many calls of pop.
func (q *fifo[T]) popAll(into []T) []T {
	q.mu.Lock()
	defer q.mu.Unlock()
	var none T
	for ; q.count > 0; q.count-- {
		into = append(into, q.ring[q.first])
		q.ring[q.first] = none
		q.first = (q.first + 1) % len(q.ring)
		q.busy++
	}
	return into
}

func (q *fifo[T]) done() {
	q.mu.Lock()
	q.busy--
	q.mu.Unlock()
}

// close lets pop return false once the queue is empty.
func (q *fifo[T]) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.filled.Broadcast()
}

// waiting counts what is not served to the end.
func (q *fifo[T]) waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.count + q.busy
}
