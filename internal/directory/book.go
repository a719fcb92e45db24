package directory

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"time"

	"cagri/internal/calendar"
)

// ErrStale: the book has changed since it was read.
var ErrStale = errors.New("somebody else has changed the directory meanwhile: look at the difference again")

// Ref names a record.
type Ref struct {
	Kind Kind   `json:"kind"`
	ID   string `json:"id"`
}

func (r Ref) String() string { return string(r.Kind) + " " + r.ID }

// RefOf names r.
func RefOf(r Record) Ref { return Ref{r.Kind(), r.Key()} }

// Version says what a record is from From up to but without Until (zero: for good).
// Nothing in it changes once it is in a Book.
type Version struct {
	Ref
	N           int // 1, 2, 3… within the record; of two for the same moment, the higher counts
	From, Until time.Time
	Body        string // whose record it is, for scopes; empty: everybody's
	Record      Record // nil: there is no such record in this time
	By          string // who applied it
	At          time.Time
	Reason      string
	Revision    int64 // of the book, in which it came
}

// Segment is a time in which a record is what Version says, cut by later versions.
type Segment struct {
	From, Until time.Time // Until zero: for good
	Version     *Version  // its Record is not nil
}

// Has tells whether the moment is within the segment.
func (s Segment) Has(t time.Time) bool {
	return !t.Before(s.From) && (s.Until.IsZero() || t.Before(s.Until))
}

// entry is one record through time.
type entry struct {
	versions []*Version
	line     []Segment
}

// Book is every version of every record. It never changes: With makes a new one.
// All its methods may be called at the same time.
type Book struct {
	revision int64
	entries  map[Ref]*entry
	kinds    map[Kind][]Ref // in order of their ids
}

// NewBook makes a book of versions in any order.
func NewBook(revision int64, versions []Version) *Book {
	b := &Book{entries: map[Ref]*entry{}}
	b = b.With(versions)
	b.revision = revision
	return b
}

// Revision counts the changes of the book.
func (b *Book) Revision() int64 { return b.revision }

// Empty tells whether nothing was ever written into the book.
func (b *Book) Empty() bool { return len(b.entries) == 0 }

// With is the book with more versions, one revision on.
func (b *Book) With(versions []Version) *Book {
	out := &Book{revision: b.revision + 1, entries: maps.Clone(b.entries)}
	touched := map[Ref]*entry{}
	added := false
	for i := range versions {
		v := &versions[i]
		e := touched[v.Ref]
		if e == nil {
			e = &entry{}
			if old := b.entries[v.Ref]; old != nil {
				e.versions = slices.Clone(old.versions)
			} else {
				added = true
			}
			touched[v.Ref] = e
		}
		e.versions = append(e.versions, v)
	}
	for ref, e := range touched {
		sort.SliceStable(e.versions, func(i, j int) bool { return e.versions[i].N < e.versions[j].N })
		for _, v := range e.versions {
			e.line = paint(e.line, v)
		}
		out.entries[ref] = e
	}
	if out.kinds = b.kinds; added || b.kinds == nil {
		out.kinds = map[Kind][]Ref{}
		for ref := range out.entries {
			out.kinds[ref.Kind] = append(out.kinds[ref.Kind], ref)
		}
		for _, list := range out.kinds {
			slices.SortFunc(list, compareRefs)
		}
	}
	return out
}

// paint puts a version over what was there before.
func paint(line []Segment, v *Version) []Segment {
	out := make([]Segment, 0, len(line)+2)
	for _, s := range line {
		if s.From.Before(v.From) {
			head := s
			head.Until = earlier(s.Until, v.From)
			out = append(out, head)
		}
		if !v.Until.IsZero() && (s.Until.IsZero() || s.Until.After(v.Until)) {
			tail := s
			if tail.From.Before(v.Until) {
				tail.From = v.Until
			}
			out = append(out, tail)
		}
	}
	if v.Record != nil {
		out = append(out, Segment{v.From, v.Until, v})
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].From.Before(out[j].From) })
	return out
}

// earlier of two ends, where zero is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// Versions are all versions of a record, oldest first.
func (b *Book) Versions(r Ref) []*Version {
	if e := b.entries[r]; e != nil {
		return slices.Clone(e.versions)
	}
	return nil
}

// Timeline is what the record was, is and will be.
func (b *Book) Timeline(r Ref) []Segment {
	if e := b.entries[r]; e != nil {
		return slices.Clone(e.line)
	}
	return nil
}

// On is the record at a moment, with its version and until when it stands so (zero:
// for good). Without a record until is the moment at which there is one again.
func (b *Book) On(r Ref, t time.Time) (v *Version, until time.Time) {
	e := b.entries[r]
	if e == nil {
		return nil, time.Time{}
	}
	return e.on(t)
}

func (e *entry) on(t time.Time) (*Version, time.Time) {
	for _, s := range e.line {
		if s.From.After(t) {
			return nil, s.From
		}
		if s.Has(t) {
			return s.Version, s.Until
		}
	}
	return nil, time.Time{}
}

// Refs are the records of a kind that ever were, in order of their ids.
func (b *Book) Refs(k Kind) []Ref { return slices.Clone(b.kinds[k]) }

// All are all records that ever were, by kind and id.
func (b *Book) All() []Ref {
	var out []Ref
	for _, k := range kinds {
		out = append(out, b.kinds[k.kind]...)
	}
	return out
}

func compareRefs(x, y Ref) int {
	if x.Kind != y.Kind {
		return kindOrder[x.Kind] - kindOrder[y.Kind]
	}
	switch {
	case x.ID < y.ID:
		return -1
	case x.ID > y.ID:
		return 1
	}
	return 0
}

// AsKnown is the book as it was known at a moment, without what was applied later.
func (b *Book) AsKnown(t time.Time) *Book {
	var vs []Version
	last := int64(0)
	for _, e := range b.entries {
		for _, v := range e.versions {
			if !v.At.After(t) {
				vs, last = append(vs, *v), max(last, v.Revision)
			}
		}
	}
	return NewBook(last, vs)
}

// Next is the first moment after t at which something in the book begins or ends, zero
// if nothing does.
func (b *Book) Next(t time.Time) time.Time {
	var next time.Time
	for _, e := range b.entries {
		for _, s := range e.line {
			for _, m := range []time.Time{s.From, s.Until} {
				if m.After(t) {
					next = earlier(next, m)
				}
			}
		}
	}
	return next
}

// Owner is the body a record belongs to at a moment, empty if it is everybody's.
func (b *Book) Owner(r Record, t time.Time) string {
	switch r := r.(type) {
	case *Body:
		return r.ID
	case *Skill:
		return r.Body
	case *Service:
		return r.Body
	case *Hall:
		return r.Body
	case *Queue:
		return r.Body
	case *Number:
		return r.Body
	case *Phone:
		return r.Body
	case *Agent:
		return r.Body
	case *Entitlement:
		return r.Body
	case *Accommodation:
		return r.Body
	case *Kit:
		return r.Body
	case *Attestation:
		if v, _ := b.On(Ref{KindKit, r.Kit}, t); v != nil {
			return v.Record.(*Kit).Body
		}
	case *Trunk:
		return r.Body
	}
	return ""
}

// Opening are a service's hours with all their versions, for calendar.Prepare. A gap in
// which there was no service is closed. Whether the service serves emergencies is as on
// the last day known.
func (b *Book) Opening(service string) (calendar.Hours, error) {
	e := b.entries[Ref{KindService, service}]
	if e == nil || len(e.line) == 0 {
		return calendar.Hours{}, fmt.Errorf("directory: there is no service %q", service)
	}
	h := calendar.Hours{Place: service}
	put := func(v calendar.Version) {
		// Two versions of one day: the later counts.
		if n := len(h.Versions); n > 0 && h.Versions[n-1].From == v.From {
			h.Versions[n-1] = v
			return
		}
		h.Versions = append(h.Versions, v)
	}
	for i, seg := range e.line {
		s := seg.Version.Record.(*Service)
		h.Emergency = s.Emergency
		from := calendar.DateAt(seg.From)
		put(s.version(from))
		last := calendar.MaxDate
		if !seg.Until.IsZero() {
			last = calendar.DateAt(seg.Until) - 1
			if i+1 == len(e.line) || e.line[i+1].From.After(seg.Until) {
				put(calendar.Version{From: last + 1})
			}
		}
		for _, x := range s.exceptions() {
			// Only the part of this version's own time.
			x.From, x.To = max(x.From, from), min(x.To, last)
			if x.From <= x.To {
				h.Exceptions = append(h.Exceptions, x)
			}
		}
	}
	return h, nil
}
