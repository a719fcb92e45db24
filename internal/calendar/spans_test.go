package calendar

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

const bitmapSize = 64

type bitmap [bitmapSize]bool

func bitmapOf(is []Interval) (b bitmap) {
	for _, i := range is {
		for m := i.From; m < i.To; m++ {
			b[m] = true
		}
	}
	return b
}

func drawIntervals(t *rapid.T, name string) []Interval {
	m := rapid.Int64Range(0, bitmapSize-1)
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Interval {
		return Interval{Minute(m.Draw(t, "from")), Minute(m.Draw(t, "to"))}
	}), 0, 8).Draw(t, name)
}

func wellFormed(s Spans) bool {
	for k, i := range s {
		if i.From >= i.To || k > 0 && i.From <= s[k-1].To {
			return false
		}
	}
	return true
}

func TestSpansAgreeWithABitmap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, y := drawIntervals(t, "x"), drawIntervals(t, "y")
		a, b := SpansOf(x...), SpansOf(y...)
		bx, by := bitmapOf(x), bitmapOf(y)
		before := slices.Clone(a)
		for name, c := range map[string]struct {
			got  Spans
			want func(p, q bool) bool
		}{
			"x":         {a, func(p, q bool) bool { return p }},
			"union":     {a.Union(b), func(p, q bool) bool { return p || q }},
			"intersect": {a.Intersect(b), func(p, q bool) bool { return p && q }},
			"subtract":  {a.Subtract(b), func(p, q bool) bool { return p && !q }},
		} {
			if !wellFormed(c.got) {
				t.Fatalf("%s of %v and %v is %v, which is not in its form", name, a, b, c.got)
			}
			var n int64
			for m := range bitmapSize {
				want := c.want(bx[m], by[m])
				if c.got.Contains(Minute(m)) != want {
					t.Fatalf("%s of %v and %v is %v: minute %d should be %v", name, a, b, c.got, m, want)
				}
				if want {
					n++
				}
			}
			if c.got.Len() != n {
				t.Fatalf("%s of %v and %v is %v: %d minutes, want %d", name, a, b, c.got, c.got.Len(), n)
			}
		}
		if !slices.Equal(a, before) {
			t.Fatal("an operation changed its operand")
		}
		if a.Covers(b) != (len(b.Subtract(a)) == 0) || !a.Union(b).Covers(b) || !a.Covers(a.Intersect(b)) {
			t.Fatalf("covers is wrong for %v and %v", a, b)
		}
	})
}

func TestSpansLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := SpansOf(drawIntervals(t, "a")...), SpansOf(drawIntervals(t, "b")...), SpansOf(drawIntervals(t, "c")...)
		same := func(what string, x, y Spans) {
			if !slices.Equal(x, y) {
				t.Fatalf("%s: %v and %v", what, x, y)
			}
		}
		same("union commutes", a.Union(b), b.Union(a))
		same("intersect commutes", a.Intersect(b), b.Intersect(a))
		same("union associates", a.Union(b).Union(c), a.Union(b.Union(c)))
		same("intersect distributes", a.Intersect(b.Union(c)), a.Intersect(b).Union(a.Intersect(c)))
		same("a without b without c", a.Subtract(b).Subtract(c), a.Subtract(b.Union(c)))
		same("parts make the whole", a.Subtract(b).Union(a.Intersect(b)), a)
		same("a union is taken apart", a.Union(b).Subtract(b), a.Subtract(b))
	})
}
