package routing

// ranked is what can stand in a line: a total, strict order that does not change
// while it stands there.
type ranked[T any] interface {
	comparable
	before(other T) bool
}

// line is an ordered double-ended sequence: insertion and removal move the shorter
// side, so both ends cost next to nothing (almost all of the work happens there) and
// the middle of 10,000 costs one copy of 40 kB. Ranks are binary searches.
type line[T ranked[T]] struct {
	buf    []T // buf[lo:hi] is the line; the rest is zero
	lo, hi int
}

func (l *line[T]) len() int   { return l.hi - l.lo }
func (l *line[T]) all() []T   { return l.buf[l.lo:l.hi] }
func (l *line[T]) at(i int) T { return l.buf[l.lo+i] }

// rank is the number of entries before v.
func (l *line[T]) rank(v T) int {
	lo, hi := l.lo, l.hi
	for lo < hi {
		m := int(uint(lo+hi) >> 1)
		if l.buf[m].before(v) {
			lo = m + 1
		} else {
			hi = m
		}
	}
	return lo - l.lo
}

func (l *line[T]) insert(v T) {
	n := l.len()
	i := n
	if n > 0 && !l.buf[l.hi-1].before(v) {
		i = l.rank(v)
	}
	front := i < n/2
	if front && l.lo == 0 || !front && l.hi == len(l.buf) {
		l.centre()
	}
	if front {
		copy(l.buf[l.lo-1:], l.buf[l.lo:l.lo+i])
		l.lo--
	} else {
		copy(l.buf[l.lo+i+1:l.hi+1], l.buf[l.lo+i:l.hi])
		l.hi++
	}
	l.buf[l.lo+i] = v
}

// remove takes v out and reports whether it was there.
func (l *line[T]) remove(v T) bool {
	i := l.lo + l.rank(v)
	if i >= l.hi || l.buf[i] != v {
		return false
	}
	var zero T
	if i-l.lo < l.hi-i-1 {
		copy(l.buf[l.lo+1:i+1], l.buf[l.lo:i])
		l.buf[l.lo] = zero
		l.lo++
	} else {
		copy(l.buf[i:], l.buf[i+1:l.hi])
		l.hi--
		l.buf[l.hi] = zero
	}
	return true
}

// centre makes room on both sides: at least an eighth of the buffer, so that it is
// needed seldom.
func (l *line[T]) centre() {
	n := l.len()
	buf := l.buf
	if len(buf) == 0 || n > len(buf)/4*3 {
		buf = make([]T, max(16, 2*len(l.buf)))
	}
	lo := (len(buf) - n) / 2
	copy(buf[lo:lo+n], l.buf[l.lo:l.hi])
	clear(buf[:lo])
	clear(buf[lo+n:])
	l.buf, l.lo, l.hi = buf, lo, lo+n
}
