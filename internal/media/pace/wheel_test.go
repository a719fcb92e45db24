package pace

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// clock is a time that only the test moves.
type clock struct{ at int64 }

func (c *clock) now() int64             { return c.at }
func (c *clock) add(d time.Duration)    { c.at += int64(d) }
func (c *clock) set(at time.Duration)   { c.at = int64(at) }
func newTestWheel() (*wheel, *clock)    { c := &clock{}; return newWheel(c.now), c }
func (w *wheel) turnNow() (int64, bool) { return w.turn(nil) }

// counter is a task that counts, and can do something during its tick.
type counter struct {
	clock  *clock
	dues   []int
	at     []int64
	during func()
	stop   bool
}

func (c *counter) Tick(due int) bool {
	c.dues = append(c.dues, due)
	if c.clock != nil {
		c.at = append(c.at, c.clock.at)
	}
	if c.during != nil {
		c.during()
	}
	return !c.stop
}

func (c *counter) frames() (n int) {
	for _, d := range c.dues {
		n += d
	}
	return n
}

// play turns the wheel exactly when it asks for it, until end.
func play(w *wheel, c *clock, end time.Duration) (turns int) {
	for {
		next, ok := w.turnNow()
		turns++
		if !ok || next > int64(end) {
			c.set(end)
			return turns
		}
		c.at = next
	}
}

func TestOneTickPerFrame(t *testing.T) {
	w, c := newTestWheel()
	task := &counter{clock: c}
	w.join(task)
	play(w, c, 10*time.Second)
	if len(task.dues) != 500 {
		t.Fatalf("%d ticks in 10 s, want 500", len(task.dues))
	}
	for i, due := range task.dues {
		if due != 1 {
			t.Fatalf("tick %d: %d frames due", i, due)
		}
		if i > 0 && task.at[i]-task.at[i-1] != int64(Frame) {
			t.Fatalf("tick %d came %v after the one before", i, time.Duration(task.at[i]-task.at[i-1]))
		}
	}
}

func TestFirstTickWithinOneFrame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, c := newTestWheel()
		c.at = rapid.Int64Range(0, int64(time.Hour)).Draw(t, "now")
		start := c.at
		for range rapid.IntRange(0, 6).Draw(t, "others") {
			w.join(&counter{})
		}
		task := &counter{clock: c}
		w.join(task)
		play(w, c, time.Duration(start)+Frame)
		if len(task.at) == 0 || task.at[0] <= start || task.at[0] > start+int64(Frame) {
			t.Fatalf("joined at %d, ticks at %v", start, task.at)
		}
	})
}

func TestPhasesAreSpread(t *testing.T) {
	w, _ := newTestWheel()
	var seats []*Seat
	for range 4 * slots {
		seats = append(seats, w.join(&counter{}))
	}
	for i := range w.slot {
		if n := len(w.slot[i].seats); n != 4 {
			t.Errorf("slot %d has %d seats, want 4", i, n)
		}
	}
	// Who comes after somebody left takes the place that became free.
	free := seats[5].slot
	seats[5].Leave()
	if s := w.join(&counter{}); s.slot != free {
		t.Errorf("new seat on slot %d, want %d", s.slot, free)
	}
}

func TestWakesOnlyForOccupiedSlots(t *testing.T) {
	w, c := newTestWheel()
	w.join(&counter{})
	if turns := play(w, c, time.Second); turns > 52 {
		t.Errorf("one task woke the wheel %d times in a second", turns)
	}
}

func TestEmptyWheelIsParked(t *testing.T) {
	w, c := newTestWheel()
	if _, ok := w.turnNow(); ok {
		t.Error("a new wheel wants to be woken")
	}
	s := w.join(&counter{})
	select {
	case <-w.wake:
	default:
		t.Error("joining a parked wheel does not wake it")
	}
	play(w, c, 100*time.Millisecond)
	s.Leave()
	if _, ok := w.turnNow(); ok {
		t.Error("the wheel goes on although its last seat left")
	}
}

// A slot that slept through a second must not be called 50 times at once, and
// must not be called for frames before its time.
func TestReturnsToGridAfterBeingEmpty(t *testing.T) {
	w, c := newTestWheel()
	w.join(&counter{}).Leave()
	c.set(time.Second + 7*time.Millisecond)
	task := &counter{clock: c}
	w.join(task)
	play(w, c, 1100*time.Millisecond)
	if task.frames() != 4 && task.frames() != 5 {
		t.Fatalf("%d frames in 93 ms", task.frames())
	}
	if task.at[0]%int64(Frame/slots) != 0 {
		t.Errorf("first tick at %v is off the grid", time.Duration(task.at[0]))
	}
}

func TestSmallOverrunSendsEveryFrame(t *testing.T) {
	w, c := newTestWheel()
	task := &counter{clock: c}
	w.join(task)
	play(w, c, 100*time.Millisecond)
	before := len(task.dues)
	c.add(55 * time.Millisecond)
	w.turnNow()
	for _, due := range task.dues[before:] {
		if due != 1 {
			t.Errorf("%d frames due after 55 ms, want 1 at a time", due)
		}
	}
	if n := len(task.dues) - before; n < 2 || n > 3 {
		t.Errorf("%d ticks for 55 ms", n)
	}
}

func TestLargeOverrunSkipsAndNeverBursts(t *testing.T) {
	w, c := newTestWheel()
	task := &counter{clock: c}
	w.join(task)
	play(w, c, 100*time.Millisecond)
	before := len(task.dues)
	c.add(3 * time.Second)
	w.turnNow()
	if n := len(task.dues) - before; n != 1 {
		t.Fatalf("%d ticks at once after 3 s", n)
	}
	if due := task.dues[before]; due < 149 || due > 151 {
		t.Errorf("%d frames due after 3 s, want 150", due)
	}
	if got := w.skipped.Load(); got != uint64(task.dues[before]-1) {
		t.Errorf("%d frames counted as skipped", got)
	}
	if lag := time.Duration(w.worstLag.Load()); lag < 2900*time.Millisecond {
		t.Errorf("worst lag %v", lag)
	}
	// The time stamp is right again: total frames equal elapsed time.
	play(w, c, 4*time.Second)
	if n := task.frames(); n < 199 || n > 201 {
		t.Errorf("%d frames in 4 s", n)
	}
}

// A slow task (the socket blocks, the machine stalls) delays the others but
// nobody loses count.
func TestSlowTickDelaysButKeepsCount(t *testing.T) {
	w, c := newTestWheel()
	slow := &counter{clock: c}
	slow.during = func() {
		if len(slow.dues) == 10 {
			c.add(500 * time.Millisecond)
		}
	}
	var others []*counter
	w.join(slow)
	for range 8 {
		o := &counter{clock: c}
		others = append(others, o)
		w.join(o)
	}
	play(w, c, 2*time.Second)
	for i, o := range others {
		if n := o.frames(); n < 99 || n > 101 {
			t.Errorf("task %d: %d frames in 2 s", i, n)
		}
	}
}

// Who joined while the wheel was stuck has not missed anything.
func TestJoinDuringOverrunIsNotCharged(t *testing.T) {
	w, c := newTestWheel()
	for range slots {
		w.join(&counter{})
	}
	play(w, c, 40*time.Millisecond)
	c.add(time.Second)
	late := &counter{}
	w.join(late)
	w.turnNow()
	if len(late.dues) != 1 || late.dues[0] != 1 {
		t.Errorf("dues %v, want one tick for one frame", late.dues)
	}
}

func TestFalseEndsTheSeat(t *testing.T) {
	w, c := newTestWheel()
	task := &counter{stop: true}
	s := w.join(task)
	play(w, c, time.Second)
	if len(task.dues) != 1 {
		t.Errorf("%d ticks after false", len(task.dues))
	}
	if w.seats.Load() != 0 {
		t.Errorf("%d seats left", w.seats.Load())
	}
	s.Leave() // harmless
	if w.seats.Load() != 0 {
		t.Errorf("%d seats after a second leave", w.seats.Load())
	}
}

func TestTaskMaySeatAnotherDuringTick(t *testing.T) {
	w, c := newTestWheel()
	second := &counter{}
	first := &counter{stop: true, during: func() { w.join(second) }}
	w.join(first)
	play(w, c, time.Second)
	if n := second.frames(); n < 48 || n > 50 {
		t.Errorf("%d frames in about 980 ms", n)
	}
}

// Whatever joins, leaves and stalls in whatever order: nobody gets more frames
// than time has passed, nobody who stays loses one, nobody who left is called.
func TestFramesEqualTime(t *testing.T) {
	type life struct {
		task   *counter
		seat   *Seat
		joined int64
	}
	rapid.Check(t, func(t *rapid.T) {
		w, c := newTestWheel()
		var lives []*life
		check := func(l *life) {
			elapsed := c.at - l.joined
			most := elapsed/int64(Frame) + 1
			least := elapsed/int64(Frame) - 1
			if n := int64(l.task.frames()); n > most || n < least {
				t.Fatalf("%d frames after %v", n, time.Duration(elapsed))
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"join": func(t *rapid.T) {
				task := &counter{}
				lives = append(lives, &life{task: task, seat: w.join(task), joined: c.at})
			},
			"leave": func(t *rapid.T) {
				if len(lives) == 0 {
					t.Skip("nobody there")
				}
				i := rapid.IntRange(0, len(lives)-1).Draw(t, "who")
				l := lives[i]
				l.seat.Leave()
				before := len(l.task.dues)
				play(w, c, time.Duration(c.at)+Frame)
				if len(l.task.dues) != before {
					t.Fatal("called after Leave")
				}
				lives = append(lives[:i], lives[i+1:]...)
			},
			"run": func(t *rapid.T) {
				play(w, c, time.Duration(c.at)+time.Duration(rapid.IntRange(0, 300).Draw(t, "ms"))*time.Millisecond)
			},
			"stall": func(t *rapid.T) {
				c.add(time.Duration(rapid.IntRange(0, 2000).Draw(t, "ms")) * time.Millisecond)
				w.turnNow()
			},
			"": func(t *rapid.T) {
				w.turnNow()
				for _, l := range lives {
					check(l)
				}
				if int(w.seats.Load()) != len(lives) {
					t.Fatalf("%d seats for %d tasks", w.seats.Load(), len(lives))
				}
			},
		})
	})
}

func BenchmarkTurn(b *testing.B) {
	w, c := newTestWheel()
	for range 1000 {
		w.join(nop{})
	}
	b.ReportAllocs()
	for b.Loop() { // one frame of 1000 tasks
		c.add(Frame)
		w.turnNow()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/tick")
}

type nop struct{}

func (nop) Tick(int) bool { return true }
