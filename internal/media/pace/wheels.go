package pace

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// Frame is the time between two ticks of a task.
	Frame = 20 * time.Millisecond
	// MaxLag is how late a slot may run and still send every frame. Beyond it
	// frames are skipped: a listener's jitter buffer has given up on them, and
	// sending them at once would overrun it.
	MaxLag = 60 * time.Millisecond
)

// Task is something that has a frame to send every 20 ms.
type Task interface {
	// Tick is called when a frame is due, from the goroutine of one wheel.
	// due is 1, or more after an overrun of more than MaxLag: the task then
	// advances its time stamp by due frames and sends one. Tick must not block.
	// When it returns false it is not called again, as if the seat had left.
	Tick(due int) (again bool)
}

// Stats is what the wheels have done so far.
type Stats struct {
	Seats    int           // tasks seated now
	Ticks    uint64        // calls of Tick
	Skipped  uint64        // frames reported as due but not sent
	WorstLag time.Duration // how late a slot has begun at worst
}

// Wheels is a set of wheels, each with one goroutine. A wheel without tasks is
// parked and does not wake up.
type Wheels struct {
	wheels []*wheel

	mu     sync.Mutex // guards the fields below
	cancel context.CancelFunc
	done   sync.WaitGroup
	over   bool
}

// New makes n wheels (at least one), usually one per CPU. Tasks may join before
// Start; they are called from then on.
func New(n int) *Wheels {
	epoch := time.Now()
	now := func() int64 { return int64(time.Since(epoch)) }
	w := &Wheels{wheels: make([]*wheel, max(1, n))}
	for i := range w.wheels {
		w.wheels[i] = newWheel(now)
	}
	return w
}

// Start starts the wheels. They stop when ctx ends or Stop is called; wheels
// cannot be started twice.
func (w *Wheels) Start(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over || w.cancel != nil {
		return errors.New("pace: wheels can be started only once")
	}
	ctx, w.cancel = context.WithCancel(ctx)
	for _, wheel := range w.wheels {
		w.done.Go(func() { wheel.run(ctx.Done()) })
	}
	return nil
}

// Stop ends all ticking and waits for the ticks that run. It may be called at
// any time and more than once.
func (w *Wheels) Stop() {
	w.mu.Lock()
	w.over = true
	cancel := w.cancel
	w.mu.Unlock()
	if cancel != nil {
		cancel()
	}
	w.done.Wait()
}

// Join seats t on the emptiest slot of the emptiest wheel. Its first tick comes
// within 20 ms.
func (w *Wheels) Join(t Task) *Seat {
	w.mu.Lock() // two joins at once must not choose the same slot
	defer w.mu.Unlock()
	best := w.wheels[0]
	for _, candidate := range w.wheels[1:] {
		if candidate.seats.Load() < best.seats.Load() {
			best = candidate
		}
	}
	return best.join(t)
}

// Stats reports what the wheels have done.
func (w *Wheels) Stats() Stats {
	var s Stats
	for _, wheel := range w.wheels {
		s.Seats += int(wheel.seats.Load())
		s.Ticks += wheel.ticks.Load()
		s.Skipped += wheel.skipped.Load()
		s.WorstLag = max(s.WorstLag, time.Duration(wheel.worstLag.Load()))
	}
	return s
}
