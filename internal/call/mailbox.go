package call

import "sync"

// mailbox is an unbounded queue with one reader. Posting never blocks, so that
// media and SIP goroutines can report from their hot paths; what bounds it is
// the number of calls let in.
type mailbox struct {
	mu     sync.Mutex // guards queue and closed
	queue  []any
	closed bool
	wake   chan struct{} // holds one token when queue is not empty
}

func newMailbox() *mailbox { return &mailbox{wake: make(chan struct{}, 1)} }

// post appends m and reports false when the reader is gone.
func (b *mailbox) post(m any) bool {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return false
	}
	b.queue = append(b.queue, m)
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
	return true
}

// take returns all messages there are, in order, and hands back the slice of
// the former take for reuse.
func (b *mailbox) take(spent []any) []any {
	clear(spent)
	b.mu.Lock()
	out := b.queue
	b.queue = spent[:0]
	b.mu.Unlock()
	return out
}

// close makes later posts fail and returns what was never read.
func (b *mailbox) close() []any {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	rest := b.queue
	b.queue = nil
	return rest
}
