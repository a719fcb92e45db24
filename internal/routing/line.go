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
	if l.hi == len(l.buf) && l.lo == 0 {
		l.room()
	}
	n := l.len()
	i := n
	if n > 0 && !l.buf[l.hi-1].before(v) {
		i = l.rank(v)
	}
	// Towards the front when that is shorter or the tail has no room.
	if (i < n/2 && l.lo > 0) || l.hi == len(l.buf) {
		if l.hi == len(l.buf) && i >= n/2 && l.lo > n/2 {
			// Far more room in front than needed: slide once instead of at each insertion.
			l.slide()
			copy(l.buf[l.lo+i+1:l.hi+1], l.buf[l.lo+i:l.hi])
			l.hi++
		} else {
			copy(l.buf[l.lo-1:], l.buf[l.lo:l.lo+i])
			l.lo--
		}
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

// room doubles the buffer and keeps a quarter of it free in front.
func (l *line[T]) room() {
	n := l.len()
	buf := make([]T, max(16, 2*len(l.buf)))
	lo := len(buf) / 4
	if lo+n >= len(buf) {
		lo = 0
	}
	copy(buf[lo:], l.buf[l.lo:l.hi])
	l.buf, l.lo, l.hi = buf, lo, lo+n
}

// slide moves the line so that half of the free room is behind it.
func (l *line[T]) slide() {
	n := l.len()
	lo := (len(l.buf) - n) / 2
	copy(l.buf[lo:lo+n], l.buf[l.lo:l.hi])
	clear(l.buf[max(lo+n, l.lo):l.hi])
	l.lo, l.hi = lo, lo+n
}
