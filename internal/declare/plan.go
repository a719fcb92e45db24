package declare

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"

	"cagri/internal/calendar"
	"cagri/internal/directory"
)

// Action is what an apply does to a record.
type Action string

// Actions.
const (
	Created Action = "created"
	Changed Action = "changed"
	Ended   Action = "ended"
)

// Change is what an apply does to one record.
type Change struct {
	directory.Ref
	Action Action        `json:"action"`
	From   string        `json:"from"`            // day or moment
	Until  string        `json:"until,omitempty"` // none: for good
	Reason string        `json:"reason,omitempty"`
	At     directory.Pos `json:"at,omitzero"`
	Fields []FieldChange `json:"fields,omitempty"`
}

// Counts are the records of the documents by what happens to them.
type Counts struct {
	Created   int `json:"created"`
	Changed   int `json:"changed"`
	Ended     int `json:"ended"`
	Unchanged int `json:"unchanged"`
}

// Plan is what applying documents would do.
type Plan struct {
	Revision int64              `json:"revision"` // of the book it was made for
	Changes  []Change           `json:"changes"`
	Counts   Counts             `json:"counts"`
	Refused  directory.Problems `json:"refused,omitempty"`
	Findings directory.Problems `json:"findings,omitempty"`
	Now      string             `json:"now"` // the moment for which it was made

	versions []directory.Version
	next     *directory.Book
}

// OK tells whether it may be applied.
func (p *Plan) OK() bool { return len(p.Refused) == 0 }

// Versions are the new versions, in the order in which they count.
func (p *Plan) Versions() []directory.Version { return p.versions }

// Options of a plan.
type Options struct {
	Now    time.Time // the moment of applying
	From   time.Time // from when the documents hold that do not say; zero: Now
	Reason string    // for documents that give none
	By     string    // who applies
	Prune  bool      // end what the documents do not name
	Realm  string    // of phones' passwords
	Rules  directory.Rules
}

// Make holds documents against the book. What is wrong with their form is handed on in
// problems; then nothing else is looked at.
func Make(book *directory.Book, docs []Document, problems directory.Problems, o Options) *Plan {
	o.Now = o.Now.Truncate(time.Microsecond).UTC()
	if o.From.IsZero() {
		o.From = o.Now
	}
	p := &planner{Plan: Plan{Revision: book.Revision(), Now: moment(o.Now), Changes: []Change{}}, o: o, book: book, since: o.Now, docs: map[directory.Ref][]*Document{}}
	if p.Refused, p.Findings = problems.Split(); !p.OK() {
		p.Refused.Sort()
		return &p.Plan
	}
	for i := range docs {
		d := docs[i]
		if d.From.IsZero() {
			d.From = o.From
		}
		p.docs[d.Ref] = append(p.docs[d.Ref], &d)
	}
	for _, ref := range p.order() {
		p.record(ref, p.docs[ref])
	}
	if o.Prune {
		p.prune()
	}
	p.check()
	return &p.Plan
}

type planner struct {
	Plan
	o     Options
	book  *directory.Book
	since time.Time // the first moment that changes, or now
	docs  map[directory.Ref][]*Document
}

// order is that of kinds and ids, so that a plan reads like an export.
func (p *planner) order() []directory.Ref {
	rank := map[directory.Kind]int{}
	for i, k := range directory.Kinds() {
		rank[k] = i
	}
	var out []directory.Ref
	for ref := range p.docs {
		out = append(out, ref)
	}
	sort.Slice(out, func(i, j int) bool {
		if out[i].Kind != out[j].Kind {
			return rank[out[i].Kind] < rank[out[j].Kind]
		}
		return out[i].ID < out[j].ID
	})
	return out
}

func (p *planner) refuse(d *Document, at directory.Pos, key string, pairs ...string) {
	x := &directory.Problem{Key: key, Kind: d.Kind, ID: d.ID, At: at, Params: map[string]string{}}
	for i := 0; i+1 < len(pairs); i += 2 {
		x.Params[pairs[i]] = pairs[i+1]
	}
	p.Refused = append(p.Refused, x)
}

// line is one record through time while its documents are taken one by one.
type line struct {
	book *directory.Book
	ref  directory.Ref
	n    int
}

// record takes all documents of one record, earliest first.
func (p *planner) record(ref directory.Ref, docs []*Document) {
	sort.SliceStable(docs, func(i, j int) bool { return docs[i].From.Before(docs[j].From) })
	l := &line{ref: ref}
	var had []directory.Version
	for _, v := range p.book.Versions(ref) {
		had = append(had, *v)
		l.n = max(l.n, v.N)
	}
	l.book = directory.NewBook(0, had)
	changed := false
	for i, d := range docs {
		var limit time.Time
		if i+1 < len(docs) {
			limit = docs[i+1].From
		}
		if !limit.IsZero() && d.Until.After(limit) {
			p.refuse(d, d.At, "dates.overlap", "until", moment(d.Until), "from", moment(limit), "other", docs[i+1].At.String())
		}
		if d.Ended {
			changed = p.end(l, d, limit) || changed
		} else {
			changed = p.set(l, d) || changed
		}
	}
	if !changed {
		p.Counts.Unchanged++
	}
}

// end ends a record from a moment on, up to the next document about it.
func (p *planner) end(l *line, d *Document, limit time.Time) bool {
	segments := l.book.Timeline(l.ref)
	if len(segments) == 0 && l.n == 0 {
		p.refuse(d, d.At, "end.unknown")
		return false
	}
	for _, s := range segments {
		if (s.Until.IsZero() || s.Until.After(d.From)) && (limit.IsZero() || s.From.Before(limit)) {
			p.add(l, d, Ended, d.From, limit, nil, nil)
			return true
		}
	}
	return false
}

// set makes the record what the document says.
func (p *planner) set(l *line, d *Document) bool {
	was, until := l.book.On(l.ref, d.From)
	p.secrets(was, d)
	is := directory.Encode(d.Record, true)
	var old *directory.Node
	if was != nil {
		old = directory.Encode(was.Record, true)
		if bytes.Equal(old.JSON(), is.JSON()) {
			switch {
			case d.Until.IsZero() || d.Until.Equal(until):
				return false
			case until.IsZero() || d.Until.Before(until):
				p.add(l, d, Ended, d.Until, until, nil, nil)
				return true
			}
		}
	}
	action, change := Changed, fields(old, is)
	if was == nil {
		action = Created
	}
	if d.Until.IsZero() {
		p.add(l, d, action, d.From, until, d.Record, change)
		return true
	}
	after, ok := across(l.book.Timeline(l.ref), d.Until)
	p.add(l, d, action, d.From, d.Until, d.Record, change)
	if ok { // what stood there before does not come back when the new version is over
		p.version(l, d, d.Until, after, nil)
	}
	return true
}

// across finds the end of the segment that began before t and goes on after it.
func across(line []directory.Segment, t time.Time) (until time.Time, ok bool) {
	for _, s := range line {
		if s.From.Before(t) && s.Has(t) {
			return s.Until, true
		}
	}
	return time.Time{}, false
}

// secrets turns a password into its hashes; without one the phone keeps those it has.
func (p *planner) secrets(was *directory.Version, d *Document) {
	phone, ok := d.Record.(*directory.Phone)
	if !ok {
		return
	}
	if d.password != "" {
		text := phone.User + ":" + p.o.Realm + ":" + d.password
		sum := sha256.Sum256([]byte(text))
		phone.HA1 = hex.EncodeToString(sum[:])
		if phone.MD5 {
			weak := md5.Sum([]byte(text)) // what RFC 2617 phones need; asked for by md5: true
			phone.HA1MD5 = hex.EncodeToString(weak[:])
		}
		return
	}
	if was != nil && phone.HA1 == "" && phone.HA1MD5 == "" {
		old := was.Record.(*directory.Phone)
		phone.HA1, phone.HA1MD5 = old.HA1, old.HA1MD5
	}
}

// add notes a change and its version.
func (p *planner) add(l *line, d *Document, a Action, from, until time.Time, r directory.Record, change []FieldChange) {
	c := Change{Ref: l.ref, Action: a, From: moment(from), At: d.At, Fields: cover(l.ref.Kind, change), Reason: p.reason(d)}
	if !until.IsZero() {
		c.Until = moment(until)
	}
	if calendar.DateAt(from) < calendar.DateAt(p.o.Now) && c.Reason == "" {
		p.refuse(d, d.At, "dates.past", "from", c.From)
	}
	p.Changes = append(p.Changes, c)
	switch a {
	case Created:
		p.Counts.Created++
	case Changed:
		p.Counts.Changed++
	case Ended:
		p.Counts.Ended++
	}
	p.version(l, d, from, until, r)
}

func (p *planner) reason(d *Document) string {
	if d.Reason != "" {
		return d.Reason
	}
	return p.o.Reason
}

func (p *planner) version(l *line, d *Document, from, until time.Time, r directory.Record) {
	l.n++
	v := directory.Version{Ref: l.ref, N: l.n, From: from, Until: until, Record: r, By: p.o.By, At: p.o.Now, Reason: p.reason(d), Revision: p.Revision + 1}
	p.versions = append(p.versions, v)
	l.book = l.book.With([]directory.Version{v})
	if from.Before(p.since) {
		p.since = from
	}
}

// cover takes secrets and private matters out of what is shown.
func cover(k directory.Kind, list []FieldChange) []FieldChange {
	for i, f := range list {
		if k.Private() || k == directory.KindPhone && strings.HasPrefix(f.Path, "ha1") {
			if f.From != "" {
				list[i].From = hidden
			}
			if f.To != "" {
				list[i].To = hidden
			}
		}
	}
	return list
}

// prune ends what the documents do not name, save for what is private: whoever exports
// without it must not end it.
func (p *planner) prune() {
	for _, ref := range p.book.All() {
		if p.docs[ref] != nil || ref.Kind.Private() {
			continue
		}
		l := &line{ref: ref, book: p.book}
		for _, v := range p.book.Versions(ref) {
			l.n = max(l.n, v.N)
		}
		d := &Document{Ref: ref, From: p.o.From, Reason: p.o.Reason, Ended: true}
		for _, s := range p.book.Timeline(ref) {
			if s.Until.IsZero() || s.Until.After(d.From) {
				l.book = directory.NewBook(0, nil) // nobody looks at it again
				p.add(l, d, Ended, d.From, time.Time{}, nil, nil)
				break
			}
		}
	}
}

// check holds the book that would be against the rules. What was wrong before is
// reported and refuses nothing: nobody can mend everything in one step.
func (p *planner) check() {
	p.next = p.book.With(p.versions)
	for i := range p.versions {
		v := &p.versions[i]
		if v.Record != nil {
			v.Body = p.next.Owner(v.Record, v.From)
		} else if was, _ := p.book.On(v.Ref, v.From); was != nil {
			v.Body = was.Body
		}
	}
	p.next = p.book.With(p.versions)
	standing := map[string]bool{}
	for _, x := range p.book.Check(p.since, p.o.Rules) {
		standing[same(x)] = true
	}
	for _, x := range p.next.Check(p.since, p.o.Rules) {
		p.place(x)
		if !x.Finding && standing[same(x)] {
			x.Finding = true
		}
		if x.Finding {
			p.Findings = append(p.Findings, x)
		} else {
			p.Refused = append(p.Refused, x)
		}
	}
	p.Refused.Sort()
	p.Findings.Sort()
}

// same is equal for the same problem at different times.
func same(x *directory.Problem) string {
	return fmt.Sprint(x.Kind, "|", x.ID, "|", x.Path, "|", x.Key, "|", x.Params)
}

// place finds where a problem stands: in the document about the record that counts on
// its day.
func (p *planner) place(x *directory.Problem) {
	docs := p.docs[directory.Ref{Kind: x.Kind, ID: x.ID}]
	if len(docs) == 0 {
		return
	}
	d := docs[0]
	for _, o := range docs {
		if x.Since == "" || moment(o.From) <= x.Since {
			d = o
		}
	}
	if x.At = d.At; d.Spec != nil && x.Path != "" {
		if at := d.Spec.Find(x.Path); at.Line != 0 {
			x.At = at
		}
	}
}

// Text is the plan for people: what is created, changed field by field, ended. Of many
// new records only the names are told.
func (p *Plan) Text() string {
	var b strings.Builder
	brief := p.Counts.Created > 100
	signs := map[Action]string{Created: "+", Changed: "~", Ended: "-"}
	for _, c := range p.Changes {
		from := c.From
		if from == p.Now {
			from = "now on"
		}
		fmt.Fprintf(&b, "%s %s %s from %s", signs[c.Action], c.Kind, c.ID, from)
		if c.Until != "" {
			fmt.Fprintf(&b, " until %s", c.Until)
		}
		if c.Reason != "" {
			fmt.Fprintf(&b, " (%s)", c.Reason)
		}
		b.WriteByte('\n')
		for _, f := range c.Fields {
			switch {
			case brief && c.Action == Created:
			case c.Action == Created || f.From == "":
				fmt.Fprintf(&b, "    + %s: %s\n", f.Path, f.To)
			case f.To == "":
				fmt.Fprintf(&b, "    - %s: %s\n", f.Path, f.From)
			default:
				fmt.Fprintf(&b, "    ~ %s: %s → %s\n", f.Path, f.From, f.To)
			}
		}
	}
	if n := p.Counts; len(p.Refused) == 0 {
		b.WriteString(strconv.Itoa(n.Created) + " created, " + strconv.Itoa(n.Changed) + " changed, " + strconv.Itoa(n.Ended) + " ended, " + strconv.Itoa(n.Unchanged) + " unchanged\n")
	}
	return b.String()
}
