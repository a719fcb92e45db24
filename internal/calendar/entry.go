package calendar

import "fmt"

// Kind says what a day is in the production calendar, or what an entry of a data file
// states about it.
type Kind string

// The kinds of days. KindWork and KindWeekend follow from the week and are never
// written in a file.
const (
	KindWork        Kind = "work"         // an ordinary working day
	KindWeekend     Kind = "weekend"      // Saturday or Sunday (Labour Code, article 104.1)
	KindHoliday     Kind = "holiday"      // a holiday that is not worked (article 105)
	KindMourning    Kind = "mourning"     // 20 January: not worked, never moved (article 105)
	KindElection    Kind = "election"     // a voting day that is not worked
	KindMoved       Kind = "moved"        // a working day that is off for a holiday on a rest day or for two that met (articles 105.5, 105.6)
	KindSwappedOff  Kind = "swapped-off"  // off by an act that makes another day worked
	KindSwappedWork Kind = "swapped-work" // worked by an act that makes another day off; may be a Saturday or Sunday (reading R11)
	KindShort       Kind = "short"        // an entry only: an hour less for people by an act of its own; never for a line (reading R10)
	KindMarked      Kind = "marked"       // a named day that is worked (article 106)
)

// Certainty says how well a day is known.
type Certainty string

const (
	// Decreed days are stated by law or by an act, or follow from such days by a rule
	// of the Labour Code.
	Decreed Certainty = "decreed"
	// Computed days were worked out before their act existed. They close no line.
	Computed Certainty = "computed"
	// Confirmed days were computed and then confirmed by a person with an act.
	Confirmed Certainty = "confirmed"
)

// Names is a name in the three languages of the product. Azerbaijani is the legal one.
type Names struct {
	AZ string `json:"az"`
	EN string `json:"en"`
	RU string `json:"ru"`
}

// Entry is one statement of a data file.
type Entry struct {
	ID          string    `json:"id,omitempty"`     // names the holiday; a decree replaces the computed entries of its ID and year
	Kind        Kind      `json:"kind"`             //
	Date        Date      `json:"date,omitzero"`    // first day; none in a law file
	Month, Dom  int       `json:"-"`                // month and day of month in a law file
	Days        int       `json:"days"`             // how many days in a row, at least 1
	Other       Date      `json:"other,omitzero"`   // the holiday a moved day stands for; the partner of a swapped day
	Certainty   Certainty `json:"certainty"`        // Decreed or Computed
	Uncertainty int       `json:"uncertainty_days"` // a Computed entry may come this many days earlier or later
	Name        Names     `json:"name"`             //
	Basis       string    `json:"basis,omitempty"`  // act, number, article
	Source      string    `json:"source,omitempty"` // where it was read or how it was worked out
	Since       Date      `json:"since,omitzero"`   // of a law entry: first day in force, if not always
	Until       Date      `json:"until,omitzero"`   // of a law entry: last day in force, if there is one
	Line        int       `json:"line"`             // of the file, counted from 1
}

// movable tells whether a rest day is due when the entry falls on a rest day: holidays
// only (article 105.5); 20 January and voting days are not moved.
func (e *Entry) movable() bool { return e.Kind == KindHoliday }

// meets tells whether a further rest day is due when the entry falls on another
// holiday: Ramazan and Qurban only (article 105.6).
func (e *Entry) meets() bool { return e.Kind == KindHoliday && (e.ID == "ramazan" || e.ID == "qurban") }

// announced are the holidays whose dates an act states for each year (article 105.4).
var announced = []string{"novruz", "ramazan", "qurban"}

// File is a data file that was read: the law (Year 0) or the acts and computed dates of
// one year.
type File struct {
	Name    string  `json:"name"`           // for messages
	Year    int     `json:"year,omitempty"` // 0 for the law
	Known   Date    `json:"known,omitzero"` // day from which its content was known; none: always
	Source  string  `json:"source"`         // of entries without a source of their own
	Entries []Entry `json:"entries"`        // in the order of the file
}

// Problem is one thing that is wrong with a data file.
type Problem struct {
	File string `json:"file"`
	Line int    `json:"line"` // from 1
	What string `json:"what"`
	Do   string `json:"do"` // what helps
}

func (p Problem) Error() string { return fmt.Sprintf("%s:%d: %s: %s", p.File, p.Line, p.What, p.Do) }

// Problems is everything that is wrong with a file, in the order of its lines.
type Problems []Problem

func (p Problems) Error() string {
	s := ""
	for i, one := range p {
		if i > 0 {
			s += "\n"
		}
		s += one.Error()
	}
	return s
}

// Confirmation is a person's word on a computed day: that it is a day off or that it is
// not, and by which act. The latest one known counts.
type Confirmation struct {
	Date  Date   `json:"date"`  // the day in question
	Holds bool   `json:"holds"` // true: it is a day off
	Who   string `json:"who"`   // the person, as the house names people
	When  Date   `json:"when"`  // the day of the record
	Act   string `json:"act"`   // act and number, or why there is none
}
