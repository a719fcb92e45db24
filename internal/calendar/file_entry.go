package calendar

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// entry reads one entry and holds it against the rules of its kind.
func (r *reader) entry(f *File, n ast.Node) Entry {
	e := Entry{Days: 1, Certainty: Decreed, Source: f.Source, Line: line(n)}
	m := r.fields(n, "an entry", entryKeys)
	if m == nil {
		return e
	}
	if v, ok := m["kind"]; ok {
		s, _ := scalar(v)
		e.Kind = Kind(s)
	}
	if !slices.Contains(fileKinds, e.Kind) {
		r.wrong(e.Line, fmt.Sprintf("use one of %v", fileKinds), "kind %q is not known", e.Kind)
		return e
	}
	named := slices.Contains([]Kind{KindHoliday, KindMourning, KindElection, KindMarked}, e.Kind)
	need := []string{"kind"}
	may := []string{"basis", "source"}
	if f.Year == 0 {
		need = append(need, "day")
		may = append(may, "since", "until")
		if !named || e.Kind == KindElection {
			r.wrong(e.Line, "write it in the file of its year", "%s does not return each year", e.Kind)
			return e
		}
	} else {
		need = append(need, "date")
	}
	switch {
	case named:
		need = append(need, "id", "name")
		may = append(may, "days")
	case e.Kind == KindMoved:
		need = append(need, "from")
	case e.Kind == KindSwappedOff || e.Kind == KindSwappedWork:
		need = append(need, "with")
		may = append(may, "name")
	}
	if e.Kind == KindHoliday && f.Year != 0 {
		need = append(need, "certainty")
		may = append(may, "uncertainty")
	}
	for _, k := range need {
		if m[k] == nil {
			r.wrong(e.Line, fmt.Sprintf("add %s:", k), "%s needs %s", e.Kind, k)
		}
	}
	for _, k := range entryKeys {
		if v := m[k]; v != nil && !slices.Contains(need, k) && !slices.Contains(may, k) {
			r.wrong(line(v), "leave it out", "%s does not go with %s here", k, e.Kind)
			m[k] = nil
		}
	}
	r.values(f, &e, m)
	return e
}

func (r *reader) values(f *File, e *Entry, m map[string]ast.Node) {
	for _, k := range entryKeys {
		v := m[k]
		if v == nil {
			continue
		}
		switch k {
		case "id":
			e.ID = r.text(v, k)
			if !plainID(e.ID) {
				r.wrong(line(v), "use small letters, digits and -, such as ramazan", "id %q", e.ID)
			} else if f.Year != 0 && e.Kind == KindHoliday && !slices.Contains(announced, e.ID) && !strings.HasPrefix(e.ID, "extra-") {
				// A misspelt ramazan would stand next to the computed one, not in its place.
				r.wrong(line(v), fmt.Sprintf("use one of %s, or extra-… for a day off of its own", strings.Join(announced, ", ")), "id %q is not known", e.ID)
			}
		case "date":
			e.Date = r.date(v, k)
			lo, hi := NewDate(f.Year, 1, 1), NewDate(f.Year, 12, 31)
			if e.Kind == KindSwappedOff || e.Kind == KindSwappedWork || e.Kind == KindMoved {
				lo, hi = lo.Add(-reach), hi.Add(reach)
			}
			if e.Date != 0 && (e.Date < lo || e.Date > hi) {
				r.wrong(line(v), "write it in the file of its year", "%s is not a day of %d", e.Date, f.Year)
			}
		case "day":
			r.monthDay(e, v)
		case "days":
			e.Days = r.number(v, k, 1, maxRun)
		case "from", "with":
			e.Other = r.date(v, k)
		case "since":
			e.Since = r.date(v, k)
		case "until":
			e.Until = r.date(v, k)
		case "certainty":
			s, _ := scalar(v)
			e.Certainty = Certainty(s)
			if e.Certainty != Decreed && e.Certainty != Computed {
				r.wrong(line(v), "use decreed if an act states it, computed if not", "certainty is %q", s)
			}
		case "uncertainty":
			e.Uncertainty = r.number(v, k, 0, 2)
		case "name":
			r.names(e, v)
		case "basis":
			e.Basis = r.text(v, k)
		case "source":
			e.Source = r.text(v, k)
		}
	}
	if e.Uncertainty > 0 && e.Certainty != Computed {
		r.wrong(e.Line, "leave uncertainty out, or write certainty: computed", "a decreed day has no uncertainty")
	}
	if e.Other != 0 && (e.Other == e.Date || e.Other.Sub(e.Date) > 60 || e.Date.Sub(e.Other) > 60) {
		r.wrong(e.Line, "look at the year of both", "%s and %s cannot belong together", e.Date, e.Other)
	}
}

// monthDay reads 05-28, a day of every year.
func (r *reader) monthDay(e *Entry, v ast.Node) {
	s, _ := scalar(v)
	t, err := time.Parse(time.DateOnly, "2001-"+s) // no leap year: 02-29 does not return each year
	if err != nil {
		r.wrong(line(v), "write month and day as 05-28", "day is %q", s)
		return
	}
	e.Month, e.Dom = int(t.Month()), t.Day()
}

func (r *reader) names(e *Entry, v ast.Node) {
	m := r.fields(v, "a name", []string{"az", "en", "ru"})
	if m == nil {
		return
	}
	for k, to := range map[string]*string{"az": &e.Name.AZ, "en": &e.Name.EN, "ru": &e.Name.RU} {
		if m[k] == nil {
			r.wrong(line(v), fmt.Sprintf("add %s:", k), "the name needs all of az, en, ru")
			continue
		}
		*to = r.text(m[k], "name "+k)
	}
}

func plainID(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && (c != '-' || i == 0) {
			return false
		}
	}
	return s != "" && len(s) <= 40
}
