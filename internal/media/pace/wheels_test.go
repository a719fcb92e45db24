package pace

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// counted is a task for several goroutines.
type counted struct {
	frames, ticks atomic.Int64
	last          atomic.Int64 // ns of the epoch below
	epoch         time.Time
	enough        int64
	reached       chan struct{}
}

func (c *counted) Tick(due int) bool {
	c.last.Store(int64(time.Since(c.epoch)))
	c.frames.Add(int64(due))
	if c.ticks.Add(1) == c.enough {
		close(c.reached)
	}
	return true
}

// In real time: whatever the machine does meanwhile, the frames a task was
// asked for fit the time between its seating and its last tick.
func TestRealTimeKeepsCount(t *testing.T) {
	w := New(2)
	if err := w.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	tasks := make([]*counted, 100)
	for i := range tasks {
		tasks[i] = &counted{epoch: time.Now(), enough: 25, reached: make(chan struct{})}
		w.Join(tasks[i])
	}
	if s := w.Stats(); s.Seats != 100 {
		t.Fatalf("%d seats", s.Seats)
	}
	for i, task := range tasks {
		select {
		case <-task.reached:
		case <-time.After(30 * time.Second):
			t.Fatalf("task %d: only %d ticks in 30 s", i, task.ticks.Load())
		}
	}
	w.Stop()
	for i, task := range tasks {
		elapsed := time.Duration(task.last.Load())
		frames := time.Duration(task.frames.Load()) * Frame
		// Early: never more than one frame beyond the time. Late: at most the
		// lag that is caught up, and one frame for the phase.
		if frames > elapsed+Frame || frames < elapsed-MaxLag-2*Frame {
			t.Errorf("task %d: %v of frames in %v", i, frames, elapsed)
		}
	}
	seats := [2]int64{w.wheels[0].seats.Load(), w.wheels[1].seats.Load()}
	if seats != [2]int64{50, 50} {
		t.Errorf("seats per wheel: %v", seats)
	}
}

func TestNoTickAfterLeave(t *testing.T) {
	w := New(2)
	if err := w.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 30 {
				var left, bad atomic.Bool
				began := make(chan struct{}, 100)
				s := w.Join(taskFunc(func(int) bool {
					if left.Load() {
						bad.Store(true)
					}
					select {
					case began <- struct{}{}:
					default:
					}
					return true
				}))
				select {
				case <-began: // a tick runs just now or has just ended
				case <-time.After(30 * time.Second):
					t.Error("no tick in 30 s")
				}
				s.Leave()
				left.Store(true)
				s.Leave()
				if bad.Load() {
					t.Error("tick after Leave")
				}
			}
		})
	}
	group.Wait()
	if s := w.Stats(); s.Seats != 0 {
		t.Errorf("%d seats left over", s.Seats)
	}
}

type taskFunc func(int) bool

func (f taskFunc) Tick(due int) bool { return f(due) }

func TestStartStopManyTimes(t *testing.T) {
	before := runtime.NumGoroutine()
	for i := range 100 {
		ctx, cancel := context.WithCancel(context.Background())
		w := New(3)
		s := w.Join(nop{}) // before Start
		if err := w.Start(ctx); err != nil {
			t.Fatal(err)
		}
		if err := w.Start(ctx); err == nil {
			t.Fatal("started twice")
		}
		if i%2 == 0 {
			cancel()
		}
		w.Stop()
		w.Stop()
		s.Leave()
		cancel()
		if err := w.Start(context.Background()); err == nil {
			t.Fatal("started after Stop")
		}
	}
	New(1).Stop() // never started
	deadline := time.Now().Add(10 * time.Second)
	for runtime.NumGoroutine() > before {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
		runtime.Gosched()
	}
}

func TestNewHasAtLeastOneWheel(t *testing.T) {
	if n := len(New(0).wheels); n != 1 {
		t.Errorf("%d wheels", n)
	}
}
