package directory

import (
	"maps"
	"slices"
	"time"

	"cagri/internal/calendar"
)

// Snapshot is the book at one moment. It never changes; all its methods may be called
// at the same time.
type Snapshot struct {
	Moment   time.Time
	Revision int64 // of the book

	records map[Ref]Record
	refs    []Ref // by kind and id
	called  map[string]*Number
	under   map[string][]Ref // entitlements and kits of an agent, attestations of a kit
}

// At is the book at a moment.
func (b *Book) At(t time.Time) *Snapshot {
	s := &Snapshot{Moment: t, Revision: b.revision, records: map[Ref]Record{}, called: map[string]*Number{}, under: map[string][]Ref{}}
	for ref, e := range b.entries {
		if v, _ := e.on(t); v != nil {
			s.records[ref] = v.Record
			s.refs = append(s.refs, ref)
		}
	}
	slices.SortFunc(s.refs, compareRefs)
	for _, ref := range s.refs {
		switch r := s.records[ref].(type) {
		case *Number:
			if r.State.Answers() {
				for _, dial := range append([]string{r.Dial}, r.Arrives...) {
					s.called[dial] = r
				}
			}
		case *Entitlement:
			s.under[r.Agent] = append(s.under[r.Agent], ref)
		case *Kit:
			s.under[r.Agent] = append(s.under[r.Agent], ref)
		case *Attestation:
			s.under["kit "+r.Kit] = append(s.under["kit "+r.Kit], ref)
		}
	}
	return s
}

// Get is a record of the snapshot: Get[*Agent](s, "aysel").
func Get[R Record](s *Snapshot, id string) (R, bool) {
	var none R
	r, ok := s.records[Ref{none.Kind(), id}].(R)
	return r, ok
}

// List are all records of a type, in order of their ids: List[*Agent](s).
func List[R Record](s *Snapshot) []R {
	var out []R
	for _, ref := range s.refs {
		if r, ok := s.records[ref].(R); ok {
			out = append(out, r)
		}
	}
	return out
}

// Refs names everything in the snapshot, by kind and id.
func (s *Snapshot) Refs() []Ref { return slices.Clone(s.refs) }

// Record is the record of that name, nil if there is none.
func (s *Snapshot) Record(r Ref) Record { return s.records[r] }

// Called is the number that what a trunk delivers belongs to.
func (s *Snapshot) Called(dial string) (*Number, bool) {
	n, ok := s.called[dial]
	return n, ok
}

// Directory is what answering calls needs. Agents without a phone are not in it, and of
// numbers those that answer, once for each form in which they arrive.
func (s *Snapshot) Directory() *Directory {
	d := &Directory{}
	for _, b := range List[*Body](s) {
		d.Bodies = append(d.Bodies, *b)
	}
	for _, q := range List[*Queue](s) {
		d.Queues = append(d.Queues, *q)
	}
	for _, p := range List[*Phone](s) {
		d.Phones = append(d.Phones, *p)
	}
	for _, a := range List[*Agent](s) {
		if a.Phone != "" {
			d.Agents = append(d.Agents, *a)
		}
	}
	for _, dial := range slices.Sorted(maps.Keys(s.called)) {
		n := *s.called[dial]
		n.Dial = dial
		d.Numbers = append(d.Numbers, n)
	}
	return d
}

// Root is the top of the tree a body stands in.
func (s *Snapshot) Root(body string) string {
	root, _ := climb(body, s.parent, nil)
	return root
}

func (s *Snapshot) parent(body string) string {
	if b, ok := Get[*Body](s, body); ok {
		return b.Parent
	}
	return ""
}

// climb goes up a tree until it ends or stop says so. round tells that it never ends.
func climb(id string, parent func(string) string, stop func(string) bool) (top string, round bool) {
	seen := map[string]bool{}
	for {
		if stop != nil && stop(id) {
			return id, false
		}
		seen[id] = true
		p := parent(id)
		if p == "" {
			return id, false
		}
		if seen[p] {
			return id, true
		}
		id = p
	}
}

// Tree are the body and all that stand under it, in order of their ids.
func (s *Snapshot) Tree(body string) []string {
	var out []string
	for _, b := range List[*Body](s) {
		if top, _ := climb(b.ID, s.parent, func(id string) bool { return id == body }); top == body {
			out = append(out, b.ID)
		}
	}
	return out
}

// Line is a queue with what it takes over from its service.
type Line struct {
	Queue        *Queue
	Service      *Service // nil: none
	Emergency    bool
	Confidential bool
	RemoteFit    bool
	Hours        calendar.Hours // without versions if there is no service: always open
}

// Line gives a queue with the rules of its service.
func (s *Snapshot) Line(queue string) (Line, bool) {
	q, ok := Get[*Queue](s, queue)
	if !ok {
		return Line{}, false
	}
	l := Line{Queue: q}
	if sv, ok := Get[*Service](s, q.Service); ok {
		l.Service, l.Emergency, l.Confidential, l.RemoteFit, l.Hours = sv, sv.Emergency, sv.Confidential, sv.Remote.Fit, sv.Opening()
	}
	return l, true
}

// Profile is what routing must know of a person.
type Profile struct {
	Agent     *Agent
	Remote    bool // usually outside a hall
	Allowed   bool // may answer outside a hall: an entitlement holds, and a kit with its attestation
	Missing   string
	Queues    []string // that the person may answer outside a hall, among those served
	Confident []string // those of Queues that are confidential and were allowed by name
}

// Profile gathers a person's rights at the snapshot's moment. Missing is the clause
// that keeps the person in the hall.
func (s *Snapshot) Profile(agent string) (Profile, bool) {
	a, ok := Get[*Agent](s, agent)
	if !ok {
		return Profile{}, false
	}
	p := Profile{Agent: a, Remote: a.Remote}
	entitled, equipped := false, false
	for _, ref := range s.under[agent] {
		switch r := s.records[ref].(type) {
		case *Entitlement:
			entitled = true
			s.remoteQueues(&p, r)
		case *Kit:
			equipped = equipped || s.attested(r.ID)
		}
	}
	switch {
	case !entitled:
		p.Missing = ClauseRemote
	case !equipped:
		p.Missing = ClauseRemoteTech
	}
	p.Allowed = p.Missing == ""
	if !p.Allowed {
		p.Queues, p.Confident = nil, nil
	}
	return p, true
}

// remoteQueues adds the queues that an entitlement opens.
func (s *Snapshot) remoteQueues(p *Profile, e *Entitlement) {
	for _, id := range p.Agent.Queues {
		l, ok := s.Line(id)
		if !ok || !l.RemoteFit || len(e.Queues) > 0 && !slices.Contains(e.Queues, id) || slices.Contains(p.Queues, id) {
			continue
		}
		if l.Confidential {
			if !slices.Contains(e.Confidential, l.Service.ID) {
				continue
			}
			p.Confident = append(p.Confident, id)
		}
		p.Queues = append(p.Queues, id)
	}
}

// attested tells whether some attestation of the kit confirms everything.
func (s *Snapshot) attested(kit string) bool {
	for _, ref := range s.under["kit "+kit] {
		if a, ok := s.records[ref].(*Attestation); ok && len(a.missing()) == 0 {
			return true
		}
	}
	return false
}

// missing are the clauses that the attestation does not confirm.
func (a *Attestation) missing() (out []string) {
	for _, c := range []struct {
		ok     bool
		clause string
	}{
		{a.Computer, ClauseComputer}, {a.Software, ClauseSoftware}, {a.Legislation, ClauseLegislation},
		{a.CallerDB, ClauseCallerDB}, {a.Headset, ClauseHeadset}, {a.Reference, ClauseReference},
	} {
		if !c.ok {
			out = append(out, c.clause)
		}
	}
	return out
}
