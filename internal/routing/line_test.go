package routing

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// The line behaves as a sorted slice does.
func TestLineAgainstASortedSlice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l line[*call]
		var model []*call
		n := uint64(0)
		for range rapid.IntRange(1, 400).Draw(t, "steps") {
			if len(model) > 0 && rapid.IntRange(0, 2).Draw(t, "take") == 0 {
				i := rapid.SampledFrom([]int{0, len(model) - 1, rapid.IntRange(0, len(model)-1).Draw(t, "i")}).Draw(t, "which")
				c := model[i]
				model = slices.Delete(model, i, i+1)
				if !l.remove(c) || l.remove(c) {
					t.Fatal("remove")
				}
			} else {
				n++
				c := &call{arrival: n, since: int64(rapid.SampledFrom([]uint64{n, n, 0, uint64(rapid.IntRange(0, 400).Draw(t, "since"))}).Draw(t, "s")),
					priority: rapid.IntRange(0, 1).Draw(t, "p"), head: rapid.IntRange(0, 9).Draw(t, "h") == 0}
				i := 0
				for i < len(model) && model[i].before(c) {
					i++
				}
				if l.rank(c) != i {
					t.Fatalf("rank %d, want %d", l.rank(c), i)
				}
				model = slices.Insert(model, i, c)
				l.insert(c)
			}
			if !slices.Equal(l.all(), model) || l.len() != len(model) {
				t.Fatal("out of order")
			}
			if len(l.buf) > 8*max(16, len(model)) && len(model) > 64 {
				t.Fatalf("%d places for %d", len(l.buf), len(model))
			}
			for i, c := range l.buf {
				if (i < l.lo || i >= l.hi) != (c == nil) {
					t.Fatal("the line holds on to what it does not contain")
				}
			}
		}
		// passed against counting.
		probe := &call{since: int64(n / 2), priority: 1}
		want := 0
		for _, c := range model {
			if (c.priority != probe.priority || c.head != probe.head) && c.since < probe.since {
				want++
			}
		}
		if got := passed(&l, probe, false); got != want {
			t.Fatalf("passed %d, want %d", got, want)
		}
	})
}
