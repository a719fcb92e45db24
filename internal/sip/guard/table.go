package guard

import (
	"hash/maphash"
	"net/netip"
)

// source is the key of a table: an IPv4 address, or an IPv6 network of 64 bits, which is what one subscriber gets and can change
// addresses within at will (RFC 6177).
type source [9]byte

func sourceOf(a netip.Addr) (s source) {
	a = a.Unmap()
	if a.Is4() {
		b := a.As4()
		s[0] = 4
		copy(s[1:], b[:])
		return s
	}
	b := a.As16()
	s[0] = 6
	copy(s[1:], b[:8])
	return s
}

// entry is what is remembered of one source. 88 bytes, no pointers: the collector does not look inside.
type entry struct {
	key     source
	auth    uint16 // failures in the running window
	junk    uint16
	window  int64 // when the running window began
	seen    int64
	banned  int64 // until; 0 never
	buckets [classes - InCall]bucket
	forbid  bucket
}

// ways is how many places a source may take: eviction looks at so many entries.
const ways = 8

// table remembers a fixed number of sources in sets of eight. A new source takes a free place of its set, else that of the source
// heard of longest ago; banned ones stay as long as there are others.
type table struct {
	seed    maphash.Seed
	entries []entry
	mask    uint64
	used    int
	evicted uint64
}

func newTable(size int) *table {
	sets := 1
	for sets*ways < size {
		sets *= 2
	}
	return &table{seed: maphash.MakeSeed(), entries: make([]entry, sets*ways), mask: uint64(sets - 1)}
}

// find returns the entry of s, or nil.
func (t *table) find(s source) *entry {
	set := t.set(s)
	for i := range set {
		if set[i].key == s {
			return &set[i]
		}
	}
	return nil
}

func (t *table) set(s source) []entry {
	at := (maphash.Comparable(t.seed, s) & t.mask) * ways
	return t.entries[at : at+ways]
}

// get returns the entry of s, made if need be.
func (t *table) get(s source, now int64) *entry {
	set := t.set(s)
	victim := &set[0]
	for i := range set {
		e := &set[i]
		if e.key == s {
			e.seen = now
			return e
		}
		if e.worse(victim, now) {
			victim = e
		}
	}
	if victim.key == (source{}) {
		t.used++
	} else {
		t.evicted++
	}
	*victim = entry{key: s, seen: now}
	return victim
}

// worse says whether e is to be given up rather than o: free before used, not banned before banned, then by age.
func (e *entry) worse(o *entry, now int64) bool {
	if ef, of := e.key == (source{}), o.key == (source{}); ef != of {
		return ef
	}
	if eb, ob := e.banned > now, o.banned > now; eb != ob {
		return ob
	}
	return e.seen < o.seen
}
