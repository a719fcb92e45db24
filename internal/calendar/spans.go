package calendar

import (
	"slices"
	"sort"
)

// Interval is the civil minutes from From up to but without To. It is empty when To is
// not after From.
type Interval struct{ From, To Minute }

// Len is the number of minutes.
func (i Interval) Len() int64 { return max(0, int64(i.To-i.From)) }

// Contains tells whether the minute lies in the interval.
func (i Interval) Contains(m Minute) bool { return m >= i.From && m < i.To }

func (i Interval) String() string { return i.From.String() + " – " + i.To.String() }

// Spans is a set of minutes: intervals in order that neither overlap nor touch nor are
// empty. SpansOf makes one; the operations keep the form and never change their
// operands, so spans may be shared. Each operation takes time linear in the number of
// intervals.
type Spans []Interval

// SpansOf is the set of all minutes that lie in any of the intervals.
func SpansOf(is ...Interval) Spans {
	in := make([]Interval, 0, len(is))
	for _, i := range is {
		if i.From < i.To {
			in = append(in, i)
		}
	}
	slices.SortFunc(in, func(a, b Interval) int { return int(min(1, max(-1, a.From-b.From))) })
	out := in[:0]
	for _, i := range in {
		out = append(out, i)
		if n := len(out); n > 1 && i.From <= out[n-2].To {
			out[n-2].To = max(out[n-2].To, i.To)
			out = out[:n-1]
		}
	}
	return Spans(out)
}

// Union is the set of minutes in s, in other or in both.
func (s Spans) Union(other Spans) Spans {
	return SpansOf(slices.Concat([]Interval(s), []Interval(other))...)
}

// Intersect is the set of minutes in both.
func (s Spans) Intersect(other Spans) Spans {
	var out Spans
	for a, b := 0, 0; a < len(s) && b < len(other); {
		i := Interval{max(s[a].From, other[b].From), min(s[a].To, other[b].To)}
		if i.From < i.To {
			out = append(out, i)
		}
		if s[a].To < other[b].To {
			a++
		} else {
			b++
		}
	}
	return out
}

// Subtract is the set of minutes in s that are not in other: with s the hours of a line
// and other the minutes in which somebody could answer, the uncovered minutes.
func (s Spans) Subtract(other Spans) Spans {
	var out Spans
	b := 0
	for _, i := range s {
		for b < len(other) && other[b].To <= i.From {
			b++
		}
		for k := b; k < len(other) && other[k].From < i.To; k++ {
			if i.From < other[k].From {
				out = append(out, Interval{i.From, other[k].From})
			}
			i.From = max(i.From, other[k].To)
		}
		if i.From < i.To {
			out = append(out, i)
		}
	}
	return out
}

// Within is the set of minutes of s that lie in the interval.
func (s Spans) Within(i Interval) Spans { return s.Intersect(SpansOf(i)) }

// Len is the number of minutes in the set.
func (s Spans) Len() int64 {
	var n int64
	for _, i := range s {
		n += i.Len()
	}
	return n
}

// Contains tells whether the minute is in the set, in logarithmic time.
func (s Spans) Contains(m Minute) bool {
	k := s.after(m)
	return k > 0 && m < s[k-1].To
}

// Covers tells whether every minute of other is in s.
func (s Spans) Covers(other Spans) bool { return len(other.Subtract(s)) == 0 }

// after is the index of the first interval that begins after m.
func (s Spans) after(m Minute) int {
	return sort.Search(len(s), func(k int) bool { return s[k].From > m })
}
