package directory

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

// moments are the times from since on at which something of these kinds begins or
// ends, since first.
func (c *checker) moments(of ...Kind) []time.Time {
	seen := map[int64]time.Time{}
	for ref, e := range c.book.entries {
		if !slices.Contains(of, ref.Kind) {
			continue
		}
		for _, s := range e.line {
			for _, t := range []time.Time{s.From, s.Until} {
				if !t.IsZero() && t.After(c.since) {
					seen[t.UnixNano()] = t
				}
			}
		}
	}
	out := []time.Time{c.since}
	for _, t := range seen {
		out = append(out, t)
	}
	slices.SortFunc(out, time.Time.Compare)
	return out
}

func parentOf(r Record) string {
	switch r := r.(type) {
	case *Body:
		return r.Parent
	case *Service:
		return r.Parent
	}
	return ""
}

// trees finds circles. A new one must hold a record whose version begins at its
// beginning, so only those are followed upwards.
func (c *checker) trees(k Kind) {
	for _, ref := range c.book.kinds[k] {
		for _, seg := range c.book.entries[ref].line {
			if !seg.Until.IsZero() && !seg.Until.After(c.since) {
				continue
			}
			t := later(seg.From, c.since)
			path := []string{ref.ID}
			parent := func(id string) string {
				v, _ := c.book.On(Ref{k, id}, t)
				if v == nil {
					return ""
				}
				return parentOf(v.Record)
			}
			for id := parent(ref.ID); id != ""; id = parent(id) {
				path = append(path, id)
				if id == ref.ID {
					c.circle(k, path, t)
					break
				}
				if slices.Contains(path[:len(path)-1], id) {
					break // a circle further up is told by its own members
				}
			}
		}
	}
}

// circle tells a circle once, by its first member.
func (c *checker) circle(k Kind, path []string, t time.Time) {
	members := path[:len(path)-1]
	if slices.Min(members) != members[0] {
		return
	}
	c.ref, c.from = Ref{k, members[0]}, t
	clause := ""
	if k == KindBody {
		clause = ClauseNumber
	}
	c.refuse(clause, "parent", "tree.cycle", "path", strings.Join(path, " → "))
}

// claim is a time in which something belongs to a record.
type claim struct {
	key         string // what
	ref         Ref    // whose
	path        string
	from, until time.Time
}

func (a claim) overlaps(b claim) (from time.Time, ok bool) {
	from = later(a.from, b.from)
	until := earlier(a.until, b.until)
	return from, until.IsZero() || from.Before(until)
}

// claims gathers those of a kind that reach past since.
func (c *checker) claims(k Kind, of func(Record, func(key, path string))) []claim {
	var out []claim
	for _, ref := range c.book.kinds[k] {
		for _, seg := range c.book.entries[ref].line {
			if !seg.Until.IsZero() && !seg.Until.After(c.since) {
				continue
			}
			of(seg.Version.Record, func(key, path string) {
				out = append(out, claim{key, ref, path, later(seg.From, c.since), seg.Until})
			})
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].key < out[j].key })
	return out
}

// twice calls told for every claim that overlaps an earlier one of another record.
func twice(list []claim, told func(first, second claim, from time.Time)) {
	for i := range list {
		for j := i - 1; j >= 0 && list[j].key == list[i].key; j-- {
			if from, ok := list[j].overlaps(list[i]); ok && list[j].ref != list[i].ref {
				told(list[j], list[i], from)
				break
			}
		}
	}
}

// dials finds numbers that cannot be told apart.
func (c *checker) dials() {
	arrive := c.claims(KindNumber, func(r Record, f func(key, path string)) {
		if n := r.(*Number); n.State.Answers() {
			f(n.Dial, "")
			for i, a := range n.Arrives {
				f(a, fmt.Sprintf("arrives[%d]", i))
			}
		}
	})
	taken := func(dial func(string) string) func(a, b claim, from time.Time) {
		return func(a, b claim, from time.Time) {
			if b.path == "" { // the one that took it by another way is to blame
				a, b = b, a
			}
			c.ref, c.from = b.ref, from
			c.refuse(ClauseNumber, b.path, "number.taken", "dial", dial(b.key), "other", a.ref.ID, "when", c.when(from))
		}
	}
	twice(arrive, taken(func(s string) string { return s }))
	for i, a := range arrive {
		for j := i + 1; j < len(arrive) && strings.HasPrefix(arrive[j].key, a.key); j++ {
			b := arrive[j]
			if from, ok := a.overlaps(b); ok && b.key != a.key && b.ref != a.ref {
				c.ref, c.from = b.ref, from
				c.find(ClauseNumber, b.path, "number.prefix", "dial", b.key, "other", a.ref.ID)
			}
		}
	}
	network := c.claims(KindNumber, func(r Record, f func(key, path string)) {
		if n := r.(*Number); n.State.Answers() {
			for i, w := range n.Networks {
				if w.Dial != "" {
					f(w.Name+": "+digitsOf(w.Dial), fmt.Sprintf("networks[%d].dial", i))
				}
			}
		}
	})
	twice(network, taken(func(s string) string { return s }))
}

// digitsOf leaves out what people write between digits.
func digitsOf(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("0123456789*#+", r) {
			return r
		}
		return -1
	}, s)
}

// phones finds phones that two people have at one time, and remote people who lack
// their papers.
func (c *checker) phones() {
	twice(c.claims(KindAgent, func(r Record, f func(key, path string)) {
		if a := r.(*Agent); a.Phone != "" {
			f(a.Phone, "phone")
		}
	}), func(a, b claim, from time.Time) {
		c.ref, c.from = b.ref, from
		c.refuse("", "phone", "phone.shared", "phone", b.key, "other", a.ref.ID, "when", c.when(from))
	})
	remote := false
	for _, ref := range c.book.kinds[KindAgent] {
		for _, seg := range c.book.entries[ref].line {
			remote = remote || seg.Version.Record.(*Agent).Remote
		}
	}
	if !remote && len(c.book.kinds[KindEntitlement]) == 0 {
		return
	}
	c.papers(c.book.At(c.since))
}

// papers looks at remote people at one moment.
func (c *checker) papers(s *Snapshot) {
	spoken := map[string]bool{}
	for _, a := range List[*Accommodation](s) {
		spoken[a.Agent] = true
	}
	for _, e := range List[*Entitlement](s) {
		if e.Accommodation && !spoken[e.Agent] {
			c.ref, c.from = RefOf(e), s.Moment
			c.find(ClauseRemote, "accommodation", "remote.accommodation", "agent", e.Agent)
		}
	}
	for _, a := range List[*Agent](s) {
		if !a.Remote {
			continue
		}
		p, _ := s.Profile(a.ID)
		c.ref, c.from = RefOf(a), s.Moment
		switch p.Missing {
		case ClauseRemote:
			c.find(ClauseRemote, "remote", "remote.none", "agent", a.ID, "when", c.when(s.Moment))
		case ClauseRemoteTech:
			c.find(ClauseRemoteTech, "remote", "remote.no-kit", "agent", a.ID, "when", c.when(s.Moment))
		}
	}
}

// centres counts public numbers and halls of each tree.
func (c *checker) centres() {
	for _, t := range c.moments(KindBody, KindNumber, KindHall, KindSetting) {
		bodies := c.at(KindBody, t)
		own := map[string]bool{} // bodies with a number of their own under a ground
		numbers := map[string][]*Number{}
		var aside []*Number
		for _, r := range c.at(KindNumber, t) {
			n := r.(*Number)
			switch {
			case n.Internal || !n.State.Answers():
			case n.Ground != "":
				own[n.Body] = true
				aside = append(aside, n)
			default:
				numbers[c.root(n.Body, t, nil)] = append(numbers[c.root(n.Body, t, nil)], n)
			}
		}
		for _, r := range bodies {
			if list := numbers[r.Key()]; len(list) > 1 {
				c.ref, c.from = RefOf(list[1]), t
				var names []string
				for _, n := range list {
					names = append(names, n.Dial)
				}
				c.find(ClauseNumber, "", "number.second", "root", r.Key(), "count", fmt.Sprint(len(list)), "list", strings.Join(names, ", "))
			}
		}
		for _, n := range aside {
			c.ref, c.from = RefOf(n), t
			c.find(ClauseNumber, "ground", "number.own", "dial", n.Dial, "root", c.root(n.Body, t, nil), "ground", n.Ground)
		}
		c.halls(t, own)
	}
}

// halls counts those of each centre: a tree, without bodies that have a centre of
// their own.
func (c *checker) halls(t time.Time, own map[string]bool) {
	limit, err := strconv.Atoi(c.book.setting("hall_limit", t))
	if err != nil {
		return // said already
	}
	type centre struct {
		seats int
		halls []string
	}
	centres := map[string]*centre{}
	for _, r := range c.at(KindHall, t) {
		h := r.(*Hall)
		top := c.root(h.Body, t, own)
		if centres[top] == nil {
			centres[top] = &centre{}
		}
		centres[top].seats += h.Seats
		centres[top].halls = append(centres[top].halls, h.ID)
	}
	for _, top := range sortedKeys(centres) {
		if k := centres[top]; len(k.halls) > 1 && k.seats <= limit {
			c.ref, c.from = Ref{KindHall, k.halls[1]}, t
			c.find(ClauseHall, "", "hall.several", "root", top, "count", fmt.Sprint(len(k.halls)), "seats", fmt.Sprint(k.seats),
				"limit", fmt.Sprint(limit), "list", strings.Join(k.halls, ", "))
		}
	}
}

// at are the records of a kind at a moment, in order of their ids.
func (c *checker) at(k Kind, t time.Time) (out []Record) {
	for _, ref := range c.book.kinds[k] {
		if v, _ := c.book.On(ref, t); v != nil {
			out = append(out, v.Record)
		}
	}
	return out
}

// root is the top of a body's tree, or the first body upwards that stop holds.
func (c *checker) root(body string, t time.Time, stop map[string]bool) string {
	top, _ := climb(body, func(id string) string {
		if v, _ := c.book.On(Ref{KindBody, id}, t); v != nil {
			return v.Record.(*Body).Parent
		}
		return ""
	}, func(id string) bool { return stop[id] })
	return top
}
