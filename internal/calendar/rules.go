package calendar

import (
	"maps"
	"slices"
)

// world is one way in which the unconfirmed computed days may turn out: none of them
// holds, or all do, each shifted by so many days (kept within its own uncertainty). The
// moon shifts a feast as a whole, and two feasts lie months apart: shifting all of them
// together meets every case a term of some weeks can meet.
type world struct {
	hold  bool
	shift int
	mute  bool // as if nobody had given a word
}

// law only years around the years with files, so that a moved day finds its place.
const (
	before = 1
	beyond = 5
)

// prepare collects what does not depend on the world.
func (c *Calendar) prepare() {
	c.years, c.law, c.short = nil, nil, map[Date]*Entry{}
	deepest := 0
	for _, f := range c.visible() {
		if f.Year == 0 {
			c.law = nil
		} else if !slices.Contains(c.years, f.Year) {
			c.years = append(c.years, f.Year)
		}
		for i := range f.Entries {
			e := &f.Entries[i]
			if f.Year == 0 {
				c.law = append(c.law, e)
			}
			if e.Kind == KindShort {
				c.short[e.Date] = e
			}
			deepest = max(deepest, e.Uncertainty)
		}
	}
	slices.Sort(c.years)
	c.worlds = []world{{}, {hold: true}}
	for s := 1; s <= deepest; s++ {
		c.worlds = append(c.worlds, world{hold: true, shift: -s}, world{hold: true, shift: s})
	}
	if len(c.years) == 0 {
		c.first = MaxDate + 1
		return
	}
	c.first = NewDate(c.years[0]-before, 1, 1)
}

// size is the number of days in the tables.
func (c *Calendar) size() int {
	if len(c.years) == 0 {
		return 0
	}
	return NewDate(c.years[len(c.years)-1]+beyond, 12, 31).Sub(c.first) + 1
}

func (c *Calendar) visible() []*File {
	if c.known == 0 {
		return c.files
	}
	var out []*File
	for _, f := range c.files {
		if f.Known <= c.known {
			out = append(out, f)
		}
	}
	return out
}

// build fills the tables.
func (c *Calendar) build() {
	c.prepare()
	n := c.size()
	c.none, c.held, c.off = make([]*Day, n), make([]*Day, n), make([]uint8, n)
	held, _ := c.resolve(world{hold: true, mute: true}, nil)
	none, _ := c.resolve(world{mute: true}, nil)
	c.open = map[Date]*Day{}
	for d, h := range held {
		if m := tentative(h, none[d]); m != nil {
			c.open[d] = m
		}
	}
	for w, one := range c.worlds {
		days, _ := c.resolve(one, c.open)
		for i := range n {
			d := c.first.Add(i)
			day := days[d]
			if day != nil && day.Off || day == nil && d.Weekend() {
				c.off[i] |= 1 << w
			}
			switch w {
			case 0:
				c.none[i] = day
			case 1:
				c.held[i] = tentative(day, c.none[i])
			}
		}
	}
}

// tentative is what a day would be if the computed dates held, given what it is in that
// world and what it is without them; nil if nothing about it is open. A day on which a
// computed entry lies is open even if it is off without it: it may move another day.
func tentative(held, none *Day) *Day {
	if held == nil || !held.Off {
		return nil
	}
	own := held.Certainty == Computed && held.Kind != KindMoved
	if !own && (none != nil && none.Off || none == nil && held.Date.Weekend()) {
		return nil
	}
	m := *held
	if m.Certainty == Confirmed {
		return nil
	}
	m.Certainty = Computed
	return &m
}

// stated is a day on which an entry lies in one world.
type stated struct {
	e    *Entry
	word *Confirmation
}

// resolve works out one world: first the stated days, then the moves of articles 105.5
// and 105.6, then swaps, which act on the result (in 2025 days that the rules had moved
// were themselves swapped), then words on moved days. Days about which nothing is said
// are missing. moved has the moves before swaps. open are the days that words on moved
// days may speak of; nil to leave those words out.
func (c *Calendar) resolve(w world, open map[Date]*Day) (days, moved map[Date]*Day) {
	place := c.place(w)
	days, moved = map[Date]*Day{}, map[Date]*Day{}
	for d, all := range place {
		days[d] = c.stated(d, all)
	}
	taken := func(d Date) bool {
		return d.Weekend() || moved[d] != nil || days[d] != nil && days[d].Off
	}
	for _, d := range slices.Sorted(maps.Keys(place)) {
		for range moves(d, place[d]) {
			t := d + 1
			for taken(t) {
				t++
			}
			m := *days[d]
			m.Date, m.Kind, m.Off, m.Other, m.Also = t, KindMoved, true, d, nil
			m.Basis = "Labour Code, article 105.5"
			if !d.Weekend() {
				m.Basis = "Labour Code, article 105.6"
			}
			moved[t] = &m
		}
	}
	maps.Copy(days, moved)
	for _, f := range c.visible() {
		for i := range f.Entries {
			e := &f.Entries[i]
			if e.Kind == KindSwappedOff || e.Kind == KindSwappedWork {
				days[e.Date] = &Day{Date: e.Date, Kind: e.Kind, Off: e.Kind == KindSwappedOff, Name: e.Name, Other: e.Other,
					Certainty: Decreed, Basis: e.Basis, Source: e.Source}
			}
		}
	}
	for d, h := range open {
		word := c.word(w, d)
		if word == nil || h.Kind != KindMoved {
			continue
		}
		if !word.Holds {
			delete(days, d)
			continue
		}
		m := *h
		m.Certainty, m.Confirmation, m.Uncertainty = Confirmed, word, 0
		days[d] = &m
	}
	return days, moved
}

// place puts the entries that rest on something in this world on their days.
func (c *Calendar) place(w world) map[Date][]stated {
	out := map[Date][]stated{}
	if len(c.years) > 0 {
		for y := c.years[0] - before; y <= c.years[len(c.years)-1]+beyond; y++ {
			for _, e := range c.law {
				for n := range e.Days {
					if d := lawDate(e, y) + Date(n); inForce(e, d) {
						out[d] = append(out[d], stated{e: e})
					}
				}
			}
		}
	}
	files := c.visible()
	for k, f := range files {
		for i := range f.Entries {
			e := &f.Entries[i]
			if f.Year == 0 || !lies(e) || replaced(e, f.Year, files[k+1:]) {
				continue
			}
			shift := max(-e.Uncertainty, min(w.shift, e.Uncertainty))
			for n := range e.Days {
				if word := c.word(w, e.Date.Add(n)); word != nil && word.Holds {
					shift = 0 // part of the feast is settled, and so is the feast
				}
			}
			for n := range e.Days {
				d := e.Date.Add(n)
				word := c.word(w, d)
				if e.Certainty != Computed {
					out[d] = append(out[d], stated{e: e})
					continue
				}
				if word != nil && word.Holds {
					out[d] = append(out[d], stated{e, word})
					continue
				}
				if d = d.Add(shift); w.hold {
					// A word against a day holds for whatever would fall on it.
					if no := c.word(w, d); no == nil || no.Holds {
						out[d] = append(out[d], stated{e: e})
					}
				}
			}
		}
	}
	return out
}

// lies tells whether an entry of a year states what its own day is.
func lies(e *Entry) bool {
	return e.Kind == KindHoliday || e.Kind == KindMourning || e.Kind == KindElection || e.Kind == KindMarked
}

// replaced tells whether a later file states the entry's holiday for the same year.
func replaced(e *Entry, year int, later []*File) bool {
	return slices.ContainsFunc(later, func(f *File) bool {
		return f.Year == year && slices.ContainsFunc(f.Entries, func(o Entry) bool { return lies(&o) && o.ID == e.ID })
	})
}

// word is the latest confirmation of a day that is known.
func (c *Calendar) word(w world, d Date) *Confirmation {
	if w.mute {
		return nil
	}
	var out *Confirmation
	for i := range c.words {
		word := &c.words[i]
		if word.Date == d && (c.known == 0 || word.When <= c.known) && (out == nil || word.When >= out.When) {
			out = word
		}
	}
	return out
}

// moves is the number of rest days that are due elsewhere: one if a holiday falls on a
// rest day (105.5), one for each holiday that Ramazan or Qurban meets (105.6). In 2026
// both were due for 21 March, a Saturday with Novruz and Ramazan.
func moves(d Date, all []stated) int {
	holidays, feast := 0, false
	for _, s := range all {
		if s.e.movable() {
			holidays++
			feast = feast || s.e.meets()
		}
	}
	n := 0
	if holidays > 0 && d.Weekend() {
		n++
	}
	if feast {
		n += holidays - 1
	}
	return n
}

// stated is the day that entries make together: days off before marked ones, what is
// open before what is certain, feasts of the moon last.
func (c *Calendar) stated(d Date, all []stated) *Day {
	rank := func(s stated) int {
		r := 0
		if s.e.Kind == KindMarked {
			r += 8
		}
		if s.e.Certainty != Computed || s.word != nil {
			r += 4
		}
		if s.e.meets() {
			r += 2
		}
		return r
	}
	all = slices.SortedStableFunc(slices.Values(all), func(a, b stated) int { return rank(a) - rank(b) })
	e := all[0].e
	day := &Day{Date: d, Kind: e.Kind, Off: e.Kind != KindMarked, ID: e.ID, Name: e.Name, Certainty: e.Certainty, Uncertainty: e.Uncertainty,
		Basis: e.Basis, Source: e.Source, Confirmation: all[0].word}
	if day.Kind == KindMarked && d.Weekend() {
		day.Kind, day.Off = KindWeekend, true
	}
	if day.Confirmation != nil {
		day.Certainty, day.Uncertainty = Confirmed, 0
	}
	for _, s := range all[1:] {
		day.Also = append(day.Also, s.e.Name)
	}
	return day
}

func lawDate(e *Entry, year int) Date {
	return NewDate(year, 1, 1).AddMonths(e.Month-1) + Date(e.Dom-1)
}

func inForce(e *Entry, d Date) bool { return d >= e.Since && (e.Until == 0 || d <= e.Until) }

// plain is a day as the week has it.
func (c *Calendar) plain(d Date) Day {
	if d.Weekend() {
		return Day{Date: d, Kind: KindWeekend, Off: true, Certainty: Decreed}
	}
	return Day{Date: d, Kind: KindWork, Certainty: Decreed}
}

// bareDay is a day far from all years with files: the week and the fixed days.
func (c *Calendar) bareDay(d Date) Day {
	var all []stated
	for _, e := range c.law {
		if begin := lawDate(e, d.Year()); d >= begin && d < begin.Add(e.Days) && inForce(e, d) {
			all = append(all, stated{e: e})
		}
	}
	if len(all) > 0 {
		return *c.stated(d, all)
	}
	return c.plain(d)
}

// offIn tells whether the day is off in a world.
func (c *Calendar) offIn(w int, d Date) bool {
	if i := int(d - c.first); i >= 0 && i < len(c.off) {
		return c.off[i]>>w&1 == 1
	}
	return c.bareDay(d).Off
}
