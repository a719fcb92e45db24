package workforce

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"cagri/internal/routing"

	"pgregory.net/rapid"
)

func rolling(t testing.TB) Readings {
	r := Default()
	r.From, r.Known, r.Basis, r.Reason, r.Author = week.Monday, week.Monday, RollingWeek, "order 5", "head"
	rs, err := NewReadings(r)
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

// The rolling window, its warnings and its limit are those of a count second by second
// over three weeks.
func TestR_2_6_36h_RollingWindowIsExact(t *testing.T) {
	const length = 3 * weekSeconds
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 168))
		l := New(rolling(t))
		live := make([]int32, length+1) // live seconds before each second
		type told struct{ at int64 }
		got := map[string]told{}
		keep := func(ns []Notice) {
			for _, n := range ns {
				k := fmt.Sprint(n.Week, n.Threshold)
				if _, twice := got[k]; twice {
					t.Fatalf("seed %d: told twice: %+v", seed, n)
				}
				got[k] = told{int64(n.At.Sub(monday) / time.Second)}
			}
		}
		want := map[string]told{}
		var reached [9]bool
		window := func(sec int) time.Duration {
			return time.Duration(live[sec]-live[max(0, sec-weekSeconds)]) * time.Second
		}
		state := routing.AgentState(0)
		moves := 0
		for sec, next := 0, 0; sec < length; sec++ {
			if sec == next {
				if r.IntN(3) > 0 {
					state = routing.AgentState(1 + r.IntN(stateCount-1))
				} else {
					state = routing.SignedOut
				}
				moves++
				keep(l.Apply(Move{ID: fmt.Sprint(moves), Person: "a", At: monday.Add(time.Duration(sec) * time.Second), To: state, Body: "b", Station: AtHome()}))
				next += 1 + r.IntN(30_000)
				if tally, _ := l.Rolling("a", monday.Add(time.Duration(sec)*time.Second)); tally.Live != window(sec) {
					t.Fatalf("seed %d, second %d: rolling %v, second by second %v", seed, sec, tally.Live, window(sec))
				}
				b := l.Budget("a", monday.Add(time.Duration(sec)*time.Second))
				if b.Left != 36*h-window(sec) {
					t.Fatalf("seed %d, second %d: left %v, used %v", seed, sec, b.Left, window(sec))
				}
			}
			live[sec+1] = live[sec]
			if state == 0 || !liveStates[state] {
				continue
			}
			// Reached within this second: at its begin by what was before (only when the
			// state began), or at its end.
			note := func(at int, limitPassed bool) {
				used := window(at)
				if used < 32*h {
					return
				}
				for i, th := range []time.Duration{32 * h, 35 * h, 36 * h} {
					if done := sec/weekSeconds*3 + i; reached[done] || used < th {
						continue
					} else if used > th || th != 36*h || limitPassed {
						reached[done] = true
						want[fmt.Sprint(week.Add(sec/weekSeconds), th)] = told{int64(at)}
					}
				}
			}
			note(sec, true)
			live[sec+1]++
			note(sec+1, false)
		}
		keep(l.Advance(monday.Add(length*time.Second - 1))) // the turn itself is the next week's
		for k, w := range want {
			if g, ok := got[k]; !ok || g != w {
				t.Fatalf("seed %d: %s told at %v, second by second %v", seed, k, g, w)
			}
		}
		if len(got) > len(want) {
			t.Fatalf("seed %d: told %v, want %v", seed, got, want)
		}
	}
}

func drawMove(t *rapid.T, people int) Move {
	return Move{
		ID:      fmt.Sprint("m", rapid.IntRange(0, 400).Draw(t, "id")),
		Person:  routing.AgentID(fmt.Sprint("p", rapid.IntRange(0, people-1).Draw(t, "person"))),
		At:      monday.Add(time.Duration(rapid.Int64Range(0, int64(40*24*h)).Draw(t, "at"))),
		From:    routing.AgentState(rapid.IntRange(0, stateCount-1).Draw(t, "from")),
		To:      routing.AgentState(rapid.IntRange(0, stateCount).Draw(t, "to")),
		Station: rapid.SampledFrom([]Station{{}, AtHome(), InHall("h1"), InHall("h2"), {Hall, ""}}).Draw(t, "station"),
		Body:    rapid.SampledFrom([]string{"", "asan", "dsmf"}).Draw(t, "body"),
		Call:    rapid.SampledFrom([]string{"", "c1", "c2"}).Draw(t, "call"),
		Queue:   rapid.SampledFrom([]string{"", "q"}).Draw(t, "queue"),
		Reason:  rapid.SampledFrom([]routing.Reason{"", routing.ReasonReady, routing.ReasonTaken}).Draw(t, "reason"),
	}
}

// Whatever comes in: the parts add up, nobody gains time by the order in which persons
// are mixed, and what was written is read back as the same.
func TestTheLedgerAddsUpWhateverComesIn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := New(Readings{}), New(Readings{})
		moves := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Move { return drawMove(t, 3) }), 0, 60).Draw(t, "moves")
		if rapid.Bool().Draw(t, "in order") {
			slices.SortStableFunc(moves, func(x, y Move) int { return x.At.Compare(y.At) })
		}
		for _, m := range moves {
			a.Apply(m)
		}
		for i := range 3 { // the same, person by person
			for _, m := range moves {
				if m.Person == routing.AgentID(fmt.Sprint("p", i)) {
					b.Apply(m)
				}
			}
		}
		enc := a.Encode()
		if !bytes.Equal(enc, b.Encode()) {
			t.Fatal("the order of persons leaves a trace")
		}
		back, err := Decode(Readings{}, enc)
		if err != nil || !bytes.Equal(back.Encode(), enc) {
			t.Fatalf("read back: %v", err)
		}
		now := monday.Add(45 * 24 * h)
		x, _ := a.NextDeadline()
		if y, _ := back.NextDeadline(); !x.Equal(y) {
			t.Fatalf("next deadline %v, read back %v", x, y)
		}
		for _, id := range a.Persons() {
			for k := range 8 {
				s := a.Week(id, week.Add(k), now)
				tt := s.Total
				if tt.Hall+tt.Remote+tt.Unknown != tt.Live || tt.Ready+tt.Offered+tt.Talking+tt.WrapUp+tt.SetAside != tt.Live || tt.Live+tt.Paused+tt.Unreachable != tt.SignedIn || tt.SignedIn > Rolling {
					t.Fatalf("%+v", tt)
				}
				var shares time.Duration
				for _, sh := range s.Shares {
					shares += sh.Tally.Live
				}
				if shares != tt.Live {
					t.Fatalf("shares of %v in %v", shares, tt.Live)
				}
				if got := back.Week(id, week.Add(k), now).Total; got != tt {
					t.Fatalf("read back: %+v, was %+v", got, tt)
				}
				if (s.Breach != nil) && s.Breach.Over > tt.Charged()-36*h {
					t.Fatalf("over by %v, charged %v", s.Breach.Over, tt.Charged())
				}
			}
		}
	})
}

func FuzzDecode(f *testing.F) {
	l := New(Readings{})
	f.Add(l.Encode())
	l.Apply(Move{Person: "a", At: monday, To: routing.Ready, Body: "b"})
	l.Apply(Move{Person: "a", At: monday.Add(40 * h), To: routing.Talking, Call: "c"})
	l.Stepped(monday, monday.Add(h))
	l.Restart(monday.Add(50*h), monday.Add(49*h))
	f.Add(l.Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := Decode(Readings{}, reseal(b))
		if err != nil {
			if !errors.Is(err, ErrLedger) {
				t.Fatal(err)
			}
			return
		}
		again, err := Decode(Readings{}, l.Encode())
		if err != nil || !bytes.Equal(again.Encode(), l.Encode()) {
			t.Fatalf("%v", err)
		}
		for _, id := range l.Persons() {
			l.Apply(Move{Person: id, At: monday, To: routing.Ready})
			l.Budget(id, monday.Add(h))
		}
		l.Restart(monday.Add(2*h), monday.Add(h))
	})
}

func TestDamagedLedgersAreRefused(t *testing.T) {
	l := New(Readings{})
	l.Apply(Move{Person: "a", At: monday, To: routing.Ready, Body: "b"})
	b := l.Encode()
	for i := range b {
		bad := slices.Clone(b)
		bad[i] ^= 0x10
		if _, err := Decode(Readings{}, bad); !errors.Is(err, ErrLedger) {
			t.Fatalf("byte %d: %v", i, err)
		}
		if _, err := Decode(Readings{}, b[:i]); !errors.Is(err, ErrLedger) {
			t.Fatalf("cut at %d: %v", i, err)
		}
		if _, err := Decode(Readings{}, reseal(b[:i])); i < len(b)-4 && !errors.Is(err, ErrLedger) {
			t.Fatalf("cut at %d and sealed: %v", i, err)
		}
	}
}

// The quantile is never too short and at most a sixteenth and a second too long; merging
// in any order is the same.
func TestHandlingQuantiles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secs := rapid.SliceOfN(rapid.IntRange(0, 16000), 1, 300).Draw(t, "seconds")
		q := rapid.IntRange(500, 999).Draw(t, "quantile")
		var all, left, right Handling
		for i, s := range secs {
			d := time.Duration(s) * time.Second
			all.Observe(d)
			[]*Handling{&left, &right}[i%2].Observe(d)
		}
		right.Merge(&left)
		if all != right {
			t.Fatal("merged is another one")
		}
		slices.Sort(secs)
		exact := time.Duration(secs[(len(secs)*q+999)/1000-1]) * time.Second
		if got := all.Quantile(q); got < exact || got > exact+exact/16 {
			t.Fatalf("quantile %d of %v: %v, exact %v", q, secs, got, exact)
		}
		if r := all.Reserve(q, h); len(secs) < 100 && r < h {
			t.Fatalf("%v with %d calls", r, len(secs))
		}
	})
	for b := range handlingBuckets - 1 {
		if got := handlingBucket(handlingUpper(b)); got != b {
			t.Errorf("bucket %d ends at %v, which is in %d", b, handlingUpper(b), got)
		}
	}
}

func TestR_2_6_36h_NoReadingIsAbove36Hours(t *testing.T) {
	good := func() Reading {
		r := Default()
		r.From, r.Known, r.Author, r.Reason = today, today-3, "head", "order 7"
		r.Limit, r.Planner, r.Warn = 30*h, 29*h, []time.Duration{25 * h}
		r.Live = []routing.AgentState{routing.Talking}
		return r
	}
	rs, err := NewReadings(good())
	if err != nil {
		t.Fatal(err)
	}
	if r := rs.On(today - 1); r.Limit != 36*h || len(r.Warn) != 2 || r.Planner != 35*h {
		t.Errorf("before: %+v", r)
	}
	if r := rs.On(today + 6); r.Limit != 30*h || r.Counted(routing.Ready) {
		t.Errorf("since: %+v", r)
	}
	if r := rs.AsKnown(today - 4).On(today); r.Limit != 36*h {
		t.Errorf("as known before it was recorded: %+v", r)
	}
	for what, edit := range map[string]func(*Reading){
		"36":        func(r *Reading) { r.Limit = 36*h + 1 },
		"Monday":    func(r *Reading) { r.From++ },
		"talking":   func(r *Reading) { r.Live = []routing.AgentState{routing.Ready} },
		"signed in": func(r *Reading) { r.Live = append(r.Live, routing.SignedOut) },
		"basis":     func(r *Reading) { r.Basis = "month" },
		"warnings":  func(r *Reading) { r.Warn = []time.Duration{30 * h} },
		"planner":   func(r *Reading) { r.Planner = 31 * h },
		"permille":  func(r *Reading) { r.Quantile = 95 },
		"prior":     func(r *Reading) { r.Prior = 0 },
		"reason":    func(r *Reading) { r.Reason = "" },
		"author":    func(r *Reading) { r.Author = "" },
		"recorded":  func(r *Reading) { r.Known = 0 },
	} {
		r := good()
		edit(&r)
		if _, err := NewReadings(r); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
	// A ledger holds each week against its own reading.
	s := tell(t, good())
	s.at(-10*h, routing.Ready)
	s.at(-2*h, routing.Talking, call("c"))
	s.at(31*h, routing.Ready)
	s.at(40*h, routing.SignedOut)
	s.same("week before", s.week(week.Add(-1), 50*h).Total.Live, 10*h)
	s.same("this week: talking alone", s.week(week, 50*h).Total.Live, 31*h)
	if b := s.week(week, 50*h).Breach; b == nil || b.Over != h || b.Limit != 30*h {
		t.Errorf("breach: %+v", b)
	}
}
