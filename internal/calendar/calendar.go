package calendar

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
)

//go:embed data/*.yaml
var dataFiles embed.FS

// Calendar is the state production calendar as far as it is known: the law, the files
// of the years and the confirmations of persons. It never changes; all its methods may
// be called at the same time.
type Calendar struct {
	files []*File        // in the order in which they came; later ones go before earlier ones
	words []Confirmation // in the order in which they came
	known Date           // what came later is left out; 0: nothing is

	years  []int // that have a file, in order
	first  Date  // of the tables below
	worlds []world
	none   []*Day        // what each day is if nothing unconfirmed holds; nil for a plain one
	held   []*Day        // the same if every computed day holds
	off    []uint8       // bit w: the day is off in worlds[w]
	open   map[Date]*Day // what a word may speak of, before any word
	short  map[Date]*Entry
	law    []*Entry
}

// Day is one day of the production calendar as it is known.
type Day struct {
	Date         Date          `json:"date"`
	Kind         Kind          `json:"kind"`
	Off          bool          `json:"off"`              // not worked, by law, act or a person's word
	Short        bool          `json:"short"`            // people work an hour less (Labour Code, article 108.1); lines do not (reading R10)
	ID           string        `json:"id,omitempty"`     // of the entry
	Name         Names         `json:"name,omitzero"`    // of the holiday; of a moved day: of the holiday it stands for
	Also         []Names       `json:"also,omitempty"`   // holidays that meet this one
	Other        Date          `json:"other,omitzero"`   // the holiday a moved day stands for; the partner of a swapped day
	Certainty    Certainty     `json:"certainty"`        //
	Uncertainty  int           `json:"uncertainty_days"` // of a computed day: how many days earlier or later it may come
	Basis        string        `json:"basis,omitempty"`  //
	Source       string        `json:"source,omitempty"`
	Confirmation *Confirmation `json:"confirmation,omitempty"` // of a confirmed day; of a moved one: of the day it stands for
	Maybe        *Day          `json:"maybe,omitempty"`        // what the day is if the computed dates hold, when nobody has confirmed them
	Possible     bool          `json:"possible"`               // not off as known, but off for some date within the stated uncertainty
	Covered      bool          `json:"covered"`                // the year has a file; without one only the law is known
}

// Plain tells whether nothing is said about the day but what the week says.
func (d Day) Plain() bool {
	return (d.Kind == KindWork || d.Kind == KindWeekend) && !d.Short && d.Maybe == nil && !d.Possible
}

// State is the calendar of the embedded files: the law and the years 2025 to 2028.
func State() (*Calendar, error) {
	names, err := fs.Glob(dataFiles, "data/*.yaml")
	if err != nil {
		return nil, err
	}
	var files []*File
	for _, name := range names {
		b, err := dataFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		f, err := ParseFile(name, b)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	slices.SortStableFunc(files, func(a, b *File) int { return a.Year - b.Year })
	return New(files...)
}

// New is the calendar of some files. One of them must be the law.
func New(files ...*File) (*Calendar, error) { return (&Calendar{}).With(files...) }

// With is the calendar with further files, for example a decree. In a year, its
// holidays take the place of earlier entries of the same ID: a decree on Ramazan
// replaces the computed dates and what they moved. A law file replaces the law as a
// whole. Moved days that a file names must be those that the rules give; if they are
// not, the error is Problems with their lines.
func (c *Calendar) With(files ...*File) (*Calendar, error) {
	next := &Calendar{files: slices.Concat(c.files, files), words: c.words, known: c.known}
	if !slices.ContainsFunc(next.files, func(f *File) bool { return f.Year == 0 }) {
		return nil, errors.New("calendar: no file states the law; add the one with law: true first")
	}
	var problems Problems
	for i, f := range files {
		if slices.ContainsFunc(f.Entries, func(e Entry) bool { return e.Kind == KindMoved }) {
			problems = append(problems, agree(f, slices.Concat(c.files, files[:i+1]), files[i+1:])...)
		}
	}
	if len(problems) > 0 {
		return nil, problems
	}
	next.build()
	return next, nil
}

// agree holds the moved days that f names against the rules, with everything that came
// before f and of what came with it only the law and other years.
func agree(f *File, upTo, after []*File) (out Problems) {
	for _, o := range after {
		if o.Year != f.Year {
			upTo = append(upTo, o)
		}
	}
	trial := &Calendar{files: upTo}
	trial.prepare()
	_, moved := trial.resolve(world{hold: true}, nil)
	for _, e := range f.Entries {
		if e.Kind != KindMoved {
			continue
		}
		m, ok := moved[e.Date]
		what := fmt.Sprintf("%s is no moved day", e.Date)
		switch {
		case ok && m.Other == e.Other:
			continue
		case ok:
			what = fmt.Sprintf("%s is a moved day, but for %s", e.Date, m.Other)
		}
		for d, m := range moved {
			if m.Other == e.Other && !slices.ContainsFunc(f.Entries, func(o Entry) bool { return o.Kind == KindMoved && o.Date == d }) {
				what += fmt.Sprintf("; the rules move the rest of %s to %s", e.Other, d)
				break
			}
		}
		out = append(out, Problem{f.Name, e.Line, what, "articles 105.5 and 105.6 give the moved days; if an act says otherwise, write it as swapped-off and swapped-work"})
	}
	return out
}

// Confirm is the calendar with a person's word on computed days. A word on any other
// day is an error: what an act states is changed by another act, see With.
func (c *Calendar) Confirm(words ...Confirmation) (*Calendar, error) {
	var errs []error
	for _, w := range words {
		switch {
		case w.Who == "" || w.Act == "" || w.When == 0:
			errs = append(errs, fmt.Errorf("calendar: the confirmation of %s needs who, when and act", w.Date))
		case c.open[w.Date] == nil:
			errs = append(errs, fmt.Errorf("calendar: %s is not a computed day and needs no confirmation; if an act makes it a day off, add the act as a file", w.Date))
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	next := &Calendar{files: c.files, words: slices.Concat(c.words, words), known: c.known}
	next.build()
	return next, nil
}

// AsKnown is the calendar as it was known at the end of a day: without files and
// confirmations that came later.
func (c *Calendar) AsKnown(on Date) *Calendar {
	next := &Calendar{files: c.files, words: c.words, known: on}
	if c.known != 0 {
		next.known = min(on, c.known)
	}
	next.build()
	return next
}

// Confirmations are the recorded words as known, in their order.
func (c *Calendar) Confirmations() []Confirmation {
	var out []Confirmation
	for _, w := range c.words {
		if c.known == 0 || w.When <= c.known {
			out = append(out, w)
		}
	}
	return out
}

// Years are the years that have a file. In others only the law is known.
func (c *Calendar) Years() []int { return slices.Clone(c.years) }

// Covers tells whether the year has a file.
func (c *Calendar) Covers(year int) bool { return slices.Contains(c.years, year) }

// Working tells whether the day counts as a working day: an unconfirmed computed day
// off does, a swapped Saturday does.
func (c *Calendar) Working(d Date) bool { return !c.offIn(0, d) }

// Day is what is known about a day.
func (c *Calendar) Day(d Date) Day {
	i := int(d - c.first)
	if i < 0 || i >= len(c.off) {
		return c.bareDay(d)
	}
	day := c.plain(d)
	if n := c.none[i]; n != nil {
		day = *n
	}
	if h := c.held[i]; h != nil {
		m := *h
		m.Covered = c.Covers(d.Year())
		day.Maybe = &m
	}
	day.Possible = !day.Off && c.off[i] != 0
	day.Covered = c.Covers(d.Year())
	if !day.Off {
		day.Short = c.short[d] != nil || c.feastDay(d+1)
	}
	return day
}

// feastDay tells whether the day before d is shortened: article 108.1 names the eve of
// a holiday, a mourning day and a voting day, not of a moved or swapped day.
func (c *Calendar) feastDay(d Date) bool {
	i := int(d - c.first)
	if i < 0 || i >= len(c.none) || c.none[i] == nil {
		return false
	}
	k := c.none[i].Kind
	return k == KindHoliday || k == KindMourning || k == KindElection
}

// Year are the days of a year about which more is said than the week says, in order:
// the production calendar as it is printed.
func (c *Calendar) Year(year int) []Day {
	var out []Day
	for d := NewDate(year, 1, 1); d <= NewDate(year, 12, 31); d++ {
		if day := c.Day(d); !day.Plain() {
			out = append(out, day)
		}
	}
	return out
}

// Need is something that a person should settle: a computed day, or a year without a
// file.
type Need struct {
	Date  Date `json:"date"`
	Ahead int  `json:"ahead_days"`     // days left
	Year  int  `json:"year,omitempty"` // a year that has no file; then Maybe is nil
	Maybe *Day `json:"maybe,omitempty"`
}

// Needs are the computed days from today up to so many days ahead that nobody has
// confirmed, and the years in that time that have no file, in order of date. On a
// weekend a computed day closes nothing itself, but what it moves does: it is listed.
func (c *Calendar) Needs(today Date, ahead int) []Need {
	var out []Need
	last := today.Add(max(ahead, 0))
	for d := today; d <= last && d <= MaxDate; d++ {
		y, m, dom := d.Civil()
		if (d == today || m == 1 && dom == 1) && !c.Covers(y) {
			out = append(out, Need{Date: d, Ahead: d.Sub(today), Year: y})
		}
		if day := c.Day(d); day.Maybe != nil {
			out = append(out, Need{Date: d, Ahead: d.Sub(today), Maybe: day.Maybe})
		}
	}
	return out
}
