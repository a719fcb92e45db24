package verify

import (
	"fmt"
	"strings"
	"time"
)

// keep is how many findings of a check are told one by one; all are counted.
const keep = 50

// Names of the checks, in the order of the report.
const (
	CheckJournal    = "journal"    // every place is there and can be read
	CheckCalls      = "calls"      // every call whole and in order
	CheckNotice     = "notice"     // no recording before the notice
	CheckBridges    = "bridges"    // one agent per call, one call per agent
	CheckProjection = "projection" // the database is what the journal says
	CheckRouter     = "router"     // the router's decisions are those of its rules
	CheckOrder      = "order"      // nobody was passed over
	CheckRecordings = "recordings" // every recording is there, unaltered
)

// Report is the outcome. Passed and Summary are what OK and Text give.
type Report struct {
	Passed  bool    `json:"ok" doc:"Every check that ran passed"`
	From    uint64  `json:"from" doc:"First place of the journal that was read"`
	To      uint64  `json:"to" doc:"Last place of the journal that counts here"`
	Events  uint64  `json:"events" doc:"Events read"`
	Checks  []Check `json:"checks"`
	Summary string  `json:"text" doc:"The same for people"`
	// Began and Took are of the machine that verifies.
	Began  time.Time `json:"began"`
	TookMS int64     `json:"took_ms"`
}

// Check is one promise and how it was kept.
type Check struct {
	Name     string    `json:"name" doc:"journal, calls, notice, bridges, projection, router, order, recordings"`
	Promise  string    `json:"promise" doc:"What was checked, in words"`
	OK       bool      `json:"ok"`
	Skipped  string    `json:"skipped,omitempty" doc:"Why it was not checked; empty when it was"`
	Checked  uint64    `json:"checked" doc:"How many were looked at"`
	Unit     string    `json:"unit" doc:"What they are"`
	Breaches uint64    `json:"breaches" doc:"All of them; findings holds the first"`
	Findings []Finding `json:"findings"`
	Notes    []string  `json:"notes,omitempty" doc:"What is worth knowing and no breach"`
}

// Finding is one breach.
type Finding struct {
	Call   string `json:"call,omitempty"`
	Event  string `json:"event,omitempty" doc:"Id of the event by which it shows"`
	Place  uint64 `json:"place,omitempty" doc:"Place of that event in the journal"`
	Reason string `json:"reason"`
}

func newCheck(name, unit, promise string) *Check {
	return &Check{Name: name, Unit: unit, Promise: promise, OK: true, Findings: []Finding{}}
}

func (c *Check) breach(f Finding) {
	c.OK = false
	c.Breaches++
	if len(c.Findings) < keep {
		c.Findings = append(c.Findings, f)
	}
}

func (c *Check) note(format string, a ...any) { c.Notes = append(c.Notes, fmt.Sprintf(format, a...)) }

// OK tells whether every check that ran passed.
func (r Report) OK() bool { return r.Passed }

// Check gives the check of that name; the zero Check when there is none.
func (r Report) Check(name string) Check {
	for _, c := range r.Checks {
		if c.Name == name {
			return c
		}
	}
	return Check{}
}

// Text says everything in words, a line for each check and each finding.
func (r Report) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "journal places %d to %d, %d events, read in %v\n", r.From, r.To, r.Events, (time.Duration(r.TookMS) * time.Millisecond).String())
	for _, c := range r.Checks {
		verdict := "ok  "
		switch {
		case c.Skipped != "":
			verdict = "-   "
		case !c.OK:
			verdict = "FAIL"
		}
		fmt.Fprintf(&b, "%s  %-10s  %s: ", verdict, c.Name, c.Promise)
		if c.Skipped != "" {
			fmt.Fprintf(&b, "not checked, %s\n", c.Skipped)
			continue
		}
		fmt.Fprintf(&b, "%d %s", c.Checked, c.Unit)
		if c.Breaches > 0 {
			fmt.Fprintf(&b, ", %d breaches", c.Breaches)
		}
		b.WriteByte('\n')
		for _, f := range c.Findings {
			b.WriteString("          - ")
			if f.Call != "" {
				fmt.Fprintf(&b, "call %s, ", f.Call)
			}
			if f.Event != "" {
				fmt.Fprintf(&b, "event %s, ", f.Event)
			}
			if f.Place != 0 {
				fmt.Fprintf(&b, "place %d: ", f.Place)
			}
			b.WriteString(f.Reason)
			b.WriteByte('\n')
		}
		if more := c.Breaches - uint64(len(c.Findings)); more > 0 {
			fmt.Fprintf(&b, "          - and %d more\n", more)
		}
		for _, n := range c.Notes {
			fmt.Fprintf(&b, "          %s\n", n)
		}
	}
	if r.Passed {
		b.WriteString("everything holds\n")
	} else {
		b.WriteString("NOT everything holds\n")
	}
	return b.String()
}
