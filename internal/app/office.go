package app

import (
	"time"

	"cagri/internal/calendar"
	"cagri/internal/directory"
)

const (
	// hoursAhead is how far opening hours are worked out.
	hoursAhead = 400 // days
	// A booked call begins at a full hour that is wholly open, at least slotNotice from
	// now and at most slotDays ahead; every slotStep-th of them is offered.
	slotNotice = time.Hour
	slotDays   = 7
	slotStep   = 2
)

// office answers what flows ask, by the opening hours of the services. It never
// changes.
type office struct {
	tables map[string]*calendar.Timetable // by queue; none: always open
}

// newOffice works out the hours of all queues that serve a service.
func newOffice(book *directory.Book, s *directory.Snapshot, c *calendar.Calendar) (*office, error) {
	o := &office{tables: map[string]*calendar.Timetable{}}
	today := calendar.DateAt(s.Moment)
	byService := map[string]*calendar.Timetable{}
	for _, q := range directory.List[*directory.Queue](s) {
		if q.Service == "" {
			continue
		}
		t, ok := byService[q.Service]
		if !ok {
			hours, err := book.Opening(q.Service)
			if err != nil {
				return nil, err
			}
			t = calendar.Prepare(c, hours, today.Add(-1), today.Add(hoursAhead))
			byService[q.Service] = t
		}
		o.tables[q.ID] = t
	}
	return o, nil
}

// Open implements call.House.
func (o *office) Open(queue string, t time.Time) bool {
	table := o.tables[queue]
	return table == nil || table.OpenAt(t)
}

// Slots implements call.House.
func (o *office) Slots(queue string, t time.Time, most int) (out []time.Time) {
	hour := t.Add(slotNotice).Truncate(time.Hour).Add(time.Hour)
	n := 0
	for end := t.AddDate(0, 0, slotDays); hour.Before(end) && len(out) < most; hour = hour.Add(time.Hour) {
		if !o.daytime(queue, hour) {
			continue
		}
		if n%slotStep == 0 {
			out = append(out, hour)
		}
		n++
	}
	return out
}

// daytime tells whether somebody may be called in that hour: the queue is open from
// its beginning to its end, and nobody is called at night even by a line that never
// closes.
func (o *office) daytime(queue string, hour time.Time) bool {
	if h := hour.In(calendar.Baku()).Hour(); h < 9 || h >= 21 {
		return false
	}
	return o.Open(queue, hour) && o.Open(queue, hour.Add(time.Hour-time.Nanosecond))
}
