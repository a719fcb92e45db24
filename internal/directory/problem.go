package directory

import (
	"fmt"
	"sort"
	"strings"

	"cagri/internal/calendar"
)

// Clauses that a directory can break.
const (
	ClauseClass       = "R-1.4.1"
	ClauseNumber      = "R-2.6-number"
	ClauseHall        = "R-2.6-hall"
	ClauseEmergency   = calendar.ClauseEmergency
	ClauseHours       = calendar.ClauseHours
	ClauseRemote      = "R-2.6-remote"
	ClauseRemoteTech  = "R-2.6-remote-tech"
	ClauseFree        = "R-2.11-1"
	ClauseComputer    = "R-12.1-computer"
	ClauseSoftware    = "R-12.1-software"
	ClauseLegislation = "R-12.1-legislation"
	ClauseCallerDB    = "R-12.1-callerdb"
	ClauseHeadset     = "R-12.1-headset"
	ClauseReference   = "R-12.1-reference"
)

// Problem is something that is wrong with a record, or that must be seen. Key and
// Params are for the catalogue of messages in az, en and ru; Text is plain English.
type Problem struct {
	Finding bool              `json:"finding"` // let in and reported; else refused
	Clause  string            `json:"clause,omitempty"`
	Key     string            `json:"key"`
	Kind    Kind              `json:"kind,omitempty"`
	ID      string            `json:"id,omitempty"`
	Path    string            `json:"path,omitempty"`  // within the record: needs[0].skills.tax
	Since   string            `json:"since,omitempty"` // first day on which it is so
	At      Pos               `json:"at,omitzero"`     // where it stands, if it came from a file
	Params  map[string]string `json:"params,omitempty"`
}

// Text is the problem in English: what is wrong and what to do.
func (p *Problem) Text() string {
	form, ok := texts[p.Key]
	if !ok {
		form = p.Key
		for _, k := range sortedKeys(p.Params) {
			form += " " + k + "={" + k + "}"
		}
	}
	var pairs []string
	for k, v := range p.Params {
		pairs = append(pairs, "{"+k+"}", v)
	}
	return strings.NewReplacer(pairs...).Replace(form)
}

// Error is place, record, text and clause.
func (p *Problem) Error() string {
	var b strings.Builder
	if at := p.At.String(); at != "" {
		b.WriteString(at + ": ")
	}
	if p.Kind != "" {
		fmt.Fprintf(&b, "%s %s: ", p.Kind, p.ID)
	}
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Text())
	if p.Clause != "" {
		b.WriteString(" [" + p.Clause + "]")
	}
	return b.String()
}

// Problems are what is wrong, as an error.
type Problems []*Problem

func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Split gives what is refused and what is only reported.
func (ps Problems) Split() (refused, findings Problems) {
	for _, p := range ps {
		if p.Finding {
			findings = append(findings, p)
		} else {
			refused = append(refused, p)
		}
	}
	return refused, findings
}

// Sort puts problems in the order of files, then of records.
func (ps Problems) Sort() {
	sort.SliceStable(ps, func(i, j int) bool {
		a, b := ps[i], ps[j]
		switch {
		case a.At.File != b.At.File:
			return a.At.File < b.At.File
		case a.At.Line != b.At.Line:
			return a.At.Line < b.At.Line
		case a.At.Column != b.At.Column:
			return a.At.Column < b.At.Column
		case a.Kind != b.Kind:
			return kindOrder[a.Kind] < kindOrder[b.Kind]
		case a.ID != b.ID:
			return a.ID < b.ID
		case a.Key != b.Key:
			return a.Key < b.Key
		}
		return a.Path < b.Path
	})
}

func params(pairs ...string) map[string]string {
	m := make(map[string]string, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return m
}

// texts are the messages in English by key. Keys of opening hours are the calendar's.
var texts = map[string]string{
	"form.yaml":             "this is not valid YAML: {error}",
	"form.alias":            "anchors and aliases (& and *) are not understood here: write it out",
	"form.depth":            "nested too deep",
	"form.not-map":          "{what} must be keys with values, indented below it",
	"form.not-list":         "{what} must be a list",
	"form.not-scalar":       "{what} must be one value",
	"form.unknown-key":      "there is no key {key} here; known: {known}",
	"form.unknown-key-near": "there is no key {key} here; did you mean {near}? Known: {known}",
	"form.key-twice":        "the key {key} stands here twice",
	"form.must":             "{key} is missing: {doc}",
	"form.bad-value":        "{error}",
	"form.choice":           "{value} is none of {known}",
	"form.choice-near":      "{value} is none of {known}; did you mean {near}?",
	"form.no-hours":         "an empty list says nothing: leave the key out, or give exceptions with their ground",
	"form.kind":             "there is no kind {value}; known: {known}",
	"form.id":               "{error}",
	"form.twice":            "{kind} {id} stands here and at {other}; give each its own from: if both are versions",
	"form.ended-spec":       "a record that ends has no spec: give the last day's state its until:, or leave spec out",
	"form.bad-text":         "the text holds a byte that no database keeps (zero, or no UTF-8)",
	"form.too-large":        "{what} is larger than {limit}",
	"dates.order":           "from {from} is not before until {until}",
	"dates.past":            "from {from} is before today and would change what was: give a reason: for it",
	"dates.overlap":         "until {until} is after {from}, from when {other} says something else",
	"end.unknown":           "there is no such record to end",
	"ref.missing":           "{what} {ref} does not exist{when}",
	"ref.missing-near":      "{what} {ref} does not exist{when}; did you mean {near}?",
	"ref.ended":             "{what} {ref} is not there {when}",
	"tree.cycle":            "the tree goes round: {path}",
	"class.outside":         "{name} is none of the state bodies of 1.4.1: it has joined of its own will",
	"body.tax-id":           "{value} is no VÖEN: it has ten digits",
	"body.centre-joined":    "joined: is missing: since when does {centre} answer for it",
	"number.taken":          "{dial} leads to number {other} already{when}",
	"number.bad":            "{value} cannot be dialled: digits, * and #, with an optional leading +",
	"number.prefix":         "{dial} begins with number {other}: callers of one may reach the other",
	"number.second":         "the tree of {root} has {count} public numbers: {list}; one is unified, the others need ground: (own centre or contract under 3.2) or internal: true",
	"number.own":            "{dial} stands beside the unified number of {root}: {ground}",
	"number.charged":        "calls from the wired network {network} are charged",
	"number.porting":        "state porting needs porting: with from and to",
	"service.no-ground":     "emergency: true needs ground: the act that makes it live 24/7",
	"service.fit":           "remote.fit: true needs remote.ground",
	"service.languages":     "{value} is no language: two small letters such as az, en, ru",
	"hours.always":          "always: true leaves no room for other hours",
	"hall.seats":            "{seats} seats: a hall has between 0 and 10000",
	"hall.several":          "{count} halls of {root} with {seats} seats in all: several are allowed only above {limit}: {list}",
	"queue.time":            "{key} {value} is outside {least}–{most}",
	"level":                 "level {value} is outside 1–10",
	"phone.secret":          "needs password or ha1; a phone without a secret would let anybody dial",
	"phone.ha1":             "{key} must be {digits} hexadecimal digits",
	"phone.shared":          "phone {phone} is agent {other}'s{when}",
	"agent.hall":            "a person is usually in a hall or remote, not both",
	"agent.no-queue":        "serves no queue",
	"remote.none":           "{agent} is remote without an entitlement{when}: gets no calls outside a hall",
	"remote.no-kit":         "{agent} is remote without a kit whose attestation holds{when}: gets no calls outside a hall",
	"remote.unfit":          "queue {queue} serves {service}, which is not fit for remote answering",
	"remote.not-named":      "queue {queue} serves {service}, which is confidential: name it under confidential:",
	"remote.review":         "was to be looked at again on {day}",
	"remote.accommodation":  "accommodation: true, but there is no accommodation record of {agent}",
	"kit.failed":            "the attestation does not confirm {item}",
	"trunk.from":            "{value} is neither an address nor a network such as 203.0.113.0/24",
	"trunk.secret":          "{value} is no place of a secret: write env:NAME or file:/path, never the password itself",
	"trunk.nowhere":         "from: is empty: no call could come in",
	"trunk.number":          "{key} {value} is negative",
	"setting.unknown":       "there is no setting {id}; known: {known}",
	"setting.value":         "{value}: {error}",

	calendar.KeyNoVersion:       "no hours at all",
	calendar.KeyBadPeriod:       "{from} is not before {to}, or outside 00:00–24:00",
	calendar.KeyBadDates:        "dates {from}, {to} are missing or in the wrong order",
	calendar.KeySameStart:       "another version begins on {from}",
	calendar.KeyOverlap:         "another exception for {date} is listed already",
	calendar.KeyStartsLate:      "{day} opens at {from}, the law says {law}",
	calendar.KeyEndsEarly:       "{day} closes at {to}, the law says {law}",
	calendar.KeyGap:             "{day} is closed {from}–{to}, between 09:00 and 18:00: people's breaks are staggered, the line has none",
	calendar.KeyClosed:          "{day} has no hours between 09:00 and 18:00",
	calendar.KeyNotAlways:       "an emergency line is live 24/7",
	calendar.KeyClosureNoGround: "{date}, a working day: closed {closed}, {minutes} minutes, without a complete ground (reason, act, who, when)",
	calendar.KeyClosure:         "{date}, a working day: closed {closed}, {minutes} minutes: {reason}, {act}, {who}, {when}",
	calendar.KeyUnconfirmed:     "{date}: closed {closed} for {id}, a computed day off that nobody has confirmed",
	calendar.KeyEmergencyClosed: "an emergency line cannot be closed",
	calendar.KeyTooLong:         "an exception of more than {days} days: write a version",
}
