package directory

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"cagri/internal/calendar"
)

// Reading is a value that the law leaves open, with our default.
type Reading struct {
	ID      string
	Default string
	Clause  string
	Doc     string
	check   func(string) error
}

// Readings are all settings there are.
func Readings() []Reading {
	return []Reading{
		{"hall_limit", "20", ClauseHall, "seats up to which one hall is the rule: more than 20 means 21 and above (reading R1)", whole(1, 20)},
		{"live_limit", "36h", "R-2.6-36h", "weekly live service of a person; the law allows less, not more (readings R5–R8)", upTo(36 * time.Hour)},
		{"live_plan", "35h", "R-2.6-36h", "what a roster plans at most", upTo(36 * time.Hour)},
		{"in_force", "2026-04-21", "D-3.1", "day from which the terms of the decision run (reading R4)", date},
		{"join_until", "2026-07-21", "D-3.1", "executive bodies have joined 108", date},
		{"centre_until", "2026-09-21", "D-3.2", "other bodies have a centre or a contract", date},
	}
}

func whole(least, most int) func(string) error {
	return func(s string) error {
		if n, err := strconv.Atoi(s); err != nil || n < least || n > most {
			return fmt.Errorf("must be a whole number from %d to %d", least, most)
		}
		return nil
	}
}

func upTo(most time.Duration) func(string) error {
	return func(s string) error {
		if d, err := time.ParseDuration(s); err != nil || d <= 0 || d > most {
			return fmt.Errorf("must be a duration above 0 and at most %s", durationText(most))
		}
		return nil
	}
}

func date(s string) error {
	_, err := calendar.ParseDate(s)
	return err
}

// Setting is the value of a setting at the snapshot's moment, or its default.
func (s *Snapshot) Setting(id string) string {
	if r, ok := Get[*Setting](s, id); ok {
		return r.Value
	}
	return fallback(id)
}

func fallback(id string) string {
	for _, r := range Readings() {
		if r.ID == id {
			return r.Default
		}
	}
	return ""
}

// setting is the value at a moment.
func (b *Book) setting(id string, t time.Time) string {
	if v, _ := b.On(Ref{KindSetting, id}, t); v != nil {
		return v.Record.(*Setting).Value
	}
	return fallback(id)
}

func (c *checker) checkSetting(r *Setting) {
	var known []string
	for _, k := range Readings() {
		if k.ID == r.ID {
			if err := k.check(r.Value); err != nil {
				c.refuse(k.Clause, "value", "setting.value", "value", r.Value, "error", err.Error())
			}
			return
		}
		known = append(known, k.ID)
	}
	c.refuse("", "", "setting.unknown", "id", r.ID, "known", strings.Join(known, ", "))
}
