package calendar

import (
	_ "embed"
	"time"
)

// zoneFile is Asia/Baku of the IANA time zone database (public domain) in its compiled
// form (RFC 9636). It is embedded so that the answer does not depend on the machine:
// one without zone files has none, and an old one still has summer time after 2016.
//
//go:embed data/Asia_Baku.tzif
var zoneFile []byte

var baku = func() *time.Location {
	l, err := time.LoadLocationFromTZData("Asia/Baku", zoneFile)
	if err != nil {
		panic("calendar: the embedded zone file is damaged: " + err.Error())
	}
	return l
}()

// Baku is the time zone of Azerbaijan: UTC+4 without summer time since 2016. Earlier
// moments follow the historic rules of the IANA database.
func Baku() *time.Location { return baku }

const (
	// offset of Baku from UTC in seconds since the last change of clocks.
	offset = 4 * 3600
	// settled is the first moment (Unix seconds, 2016-01-01 00:00 Baku) from which
	// offset holds without a look into the zone file.
	settled = 1451592000

	minutesPerDay = 24 * 60
	// epoch is the Date of 1970-01-01.
	epoch Date = 719163
)

// civil is the wall clock of Baku at t, in seconds since the beginning of Date 0.
func civil(t time.Time) int64 {
	s := t.Unix()
	if s >= settled {
		return s + offset + int64(epoch)*86400
	}
	_, o := t.In(baku).Zone()
	return s + int64(o) + int64(epoch)*86400
}

// Minute is a civil minute of Baku, counted from the beginning of Date 0. A day always
// has 1,440 of them; in a change of clocks before 2016 an hour of them is missing or
// stands for two hours.
type Minute int64

// MinuteAt is the civil minute in which t lies.
func MinuteAt(t time.Time) Minute { return Minute(floorDiv(civil(t), 60)) }

// minuteFrom is the first civil minute that begins at t or later.
func minuteFrom(t time.Time) Minute {
	m := MinuteAt(t)
	if t.Nanosecond() != 0 || floorMod(civil(t), 60) != 0 {
		m++
	}
	return m
}

// Date is the day in which the minute lies.
func (m Minute) Date() Date { return Date(floorDiv(int64(m), minutesPerDay)) }

// Clock is the minute's place in its day.
func (m Minute) Clock() Clock { return Clock(floorMod(int64(m), minutesPerDay)) }

// Time is the moment at which the minute begins, in the zone of Baku.
func (m Minute) Time() time.Time {
	s := int64(m)*60 - int64(epoch)*86400 - offset
	if s >= settled {
		return time.Unix(s, 0).In(baku)
	}
	y, mo, d := m.Date().Civil()
	return time.Date(y, mo, d, 0, int(m.Clock()), 0, 0, baku)
}

func (m Minute) String() string { return m.Date().String() + " " + m.Clock().String() }

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func floorMod(a, b int64) int64 { return a - floorDiv(a, b)*b }
