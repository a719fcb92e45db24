package pace

import (
	"sync"
	"sync/atomic"
	"time"
)

// slots is the number of phases in a frame: one wake-up each 5 ms. Measured on
// 2 cores: 5 ms slots cost 1 % of a core, 1 ms slots 2.7 %; exact sleeping by
// clock_nanosleep or timerfd halves the lag of time.Timer (0.6 ms, which no
// listener notices) but costs up to twice as much, so the plain timer stays.
const slots = 4

// slotOrder is the order in which equally empty slots are filled: neighbours in
// time come last.
var slotOrder = [slots]int{0, 2, 1, 3}

// wheel calls the tasks of its slots in time.
type wheel struct {
	now  func() int64  // monotonic ns
	wake chan struct{} // holds at most one: the plan has changed

	mu    sync.Mutex // guards slot and the place of every seat; never held during a Tick
	slot  [slots]slot
	round []*Seat // scratch of the wheel's goroutine

	seats    atomic.Int64 // written under mu
	ticks    atomic.Uint64
	skipped  atomic.Uint64
	worstLag atomic.Int64 // written by the wheel's goroutine only
}

// slot is one phase of the frame.
type slot struct {
	next  int64 // ns: when it is due; valid when it has seats
	seats []*Seat
}

func newWheel(now func() int64) *wheel {
	return &wheel{now: now, wake: make(chan struct{}, 1)}
}

// join seats t on the emptiest slot.
func (w *wheel) join(t Task) *Seat {
	s := &Seat{wheel: w, task: t, joined: w.now()}
	w.mu.Lock()
	defer w.mu.Unlock()
	s.slot = slotOrder[0]
	for _, i := range slotOrder[1:] {
		if len(w.slot[i].seats) < len(w.slot[s.slot].seats) {
			s.slot = i
		}
	}
	chosen := &w.slot[s.slot]
	if len(chosen.seats) == 0 {
		chosen.next = nextOnGrid(s.joined, s.slot)
		select {
		case w.wake <- struct{}{}:
		default: // it will look at the plan anyway
		}
	}
	s.place = len(chosen.seats)
	chosen.seats = append(chosen.seats, s)
	w.seats.Add(1)
	return s
}

// leave takes s off its slot; it may be off already.
func (w *wheel) leave(s *Seat) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s.place < 0 {
		return
	}
	seats := w.slot[s.slot].seats
	last := len(seats) - 1
	seats[s.place] = seats[last]
	seats[s.place].place = s.place
	seats[last] = nil
	w.slot[s.slot].seats = seats[:last]
	s.place = -1
	w.seats.Add(-1)
}

// nextOnGrid gives the first time after now that belongs to slot: all times
// are multiples of the slot length, whatever joins and leaves.
func nextOnGrid(now int64, slot int) int64 {
	phase := int64(slot) * int64(Frame) / slots
	frames := (now-phase)/int64(Frame) + 1
	if now < phase {
		frames = 0
	}
	return phase + frames*int64(Frame)
}

// run is the wheel's goroutine.
func (w *wheel) run(stop <-chan struct{}) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		next, ok := w.turn(stop)
		var due <-chan time.Time // nil while parked
		if ok {
			timer.Reset(time.Duration(next - w.now()))
			due = timer.C
		}
		select {
		case <-stop:
			return
		case <-w.wake:
		case <-due:
		}
	}
}

// turn runs every slot that is due and gives the time of the next; ok is false
// when no slot has a seat.
func (w *wheel) turn(stop <-chan struct{}) (next int64, ok bool) {
	for {
		select {
		case <-stop:
			return 0, false
		default:
		}
		w.mu.Lock()
		earliest := w.earliest()
		if earliest == nil {
			w.mu.Unlock()
			return 0, false
		}
		now, due := w.now(), earliest.next
		lag := now - due
		if lag < 0 {
			w.mu.Unlock()
			return due, true
		}
		frames := int64(1)
		if lag > int64(MaxLag) {
			frames += lag / int64(Frame)
		}
		earliest.next += frames * int64(Frame)
		w.round = append(w.round[:0], earliest.seats...)
		w.mu.Unlock()

		if lag > w.worstLag.Load() {
			w.worstLag.Store(lag)
		}
		for _, s := range w.round {
			s.tick(int(frames), now)
		}
		clear(w.round) // a seat that has left must not be kept alive
	}
}

// earliest gives the slot that is due first. The caller holds mu.
func (w *wheel) earliest() *slot {
	var found *slot
	for i := range w.slot {
		s := &w.slot[i]
		if len(s.seats) > 0 && (found == nil || s.next < found.next) {
			found = s
		}
	}
	return found
}

// Seat is a task's place on a wheel.
type Seat struct {
	wheel  *wheel
	task   Task
	joined int64 // ns

	slot  int // never changes after join
	place int // index in the slot, −1 when off it; guarded by wheel.mu

	mu   sync.Mutex // held during Tick; guards gone
	gone bool
}

// Leave takes the task off the wheel. When it returns no Tick runs and none
// will. It may be called more than once and after the wheels have stopped, but
// not inside a Tick: there the task returns false instead.
func (s *Seat) Leave() {
	s.mu.Lock()
	s.gone = true
	s.mu.Unlock()
	s.wheel.leave(s)
}

// tick calls the task once for frames frames; fewer when it joined only while
// the wheel was late.
func (s *Seat) tick(frames int, now int64) {
	s.mu.Lock()
	if s.gone {
		s.mu.Unlock()
		return
	}
	due := min(frames, 1+int((now-s.joined)/int64(Frame)))
	s.wheel.ticks.Add(1)
	s.wheel.skipped.Add(uint64(due - 1))
	s.gone = !s.task.Tick(due)
	gone := s.gone
	s.mu.Unlock()
	if gone {
		s.wheel.leave(s)
	}
}
