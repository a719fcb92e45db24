package pace

import "context"

// Task is something that has a frame to send every 20 ms.
type Task interface {
	// Tick is called when a frame is due. due is 1, or more when frames were
	// missed: the task advances its time stamp by due frames and sends one.
	// Tick must not block. When it returns false it is not called again.
	Tick(due int) (again bool)
}

// Wheels is the set of wheels.
type Wheels struct{}

// New makes n wheels.
func New(n int) *Wheels { return &Wheels{} }

// Start starts the wheels.
func (w *Wheels) Start(ctx context.Context) error { return nil }

// Stop stops them and waits.
func (w *Wheels) Stop() {}

// Join seats a task on the emptiest slot.
func (w *Wheels) Join(t Task) *Seat { return &Seat{} }

// Seat is a task's place on a wheel.
type Seat struct{}

// Leave returns when Tick will not run again.
func (s *Seat) Leave() {}
