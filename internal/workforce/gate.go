package workforce

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"cagri/internal/calendar"
	"cagri/internal/routing"
)

// Factor is one of the things clause 2.6 has the head of a centre weigh before somebody
// answers from outside the hall.
type Factor string

// The factors. Disability is a ground for answering from home, never an obligation to
// (reading R19).
const (
	FactorSeats           Factor = "seats"
	FactorConfidentiality Factor = "confidentiality"
	FactorNumber          Factor = "number_of_appeals"
	FactorSecrecy         Factor = "secrecy"
	FactorDisability      Factor = "disability"
)

// factors that every [Entitlement] has a word on; disability only where it applies.
var factors = [...]Factor{FactorSeats, FactorConfidentiality, FactorNumber, FactorSecrecy}

// Act is who decided something, when and from which day to which.
type Act struct {
	Author  string        `json:"author"`
	Decided calendar.Date `json:"decided"`
	From    calendar.Date `json:"from"`
	To      calendar.Date `json:"to,omitzero"` // last day; none: until changed
}

func (a Act) complete() bool { return a.Author != "" && a.Decided != 0 && a.From != 0 }

func (a Act) on(d calendar.Date) bool { return a.From <= d && (a.To == 0 || d <= a.To) }

// Entitlement allows a person to answer from outside the hall for a body.
type Entitlement struct {
	Act
	Person  routing.AgentID   `json:"person"`
	Body    string            `json:"body"`
	Weighed map[Factor]string `json:"weighed"` // what was weighed and how
}

// Fitness says whether a service may be answered from outside the hall, and why.
type Fitness struct {
	Act
	Service      string `json:"service"`
	Fit          bool   `json:"fit"`
	Ground       string `json:"ground"`
	Confidential bool   `json:"confidential"` // denied but to persons named (reading R19)
}

// Naming lets one person answer a confidential service from outside the hall.
type Naming struct {
	Act
	Person  routing.AgentID `json:"person"`
	Service string          `json:"service"`
	Factor  string          `json:"factor"` // what speaks for it, in words
}

// Proof is how one item of the kit was found.
type Proof struct {
	At       time.Time `json:"at"`
	OK       bool      `json:"ok"`
	Measured bool      `json:"measured"`        // by the system, not somebody's word
	Value    string    `json:"value,omitempty"` // model, version, p95…
	By       string    `json:"by,omitempty"`    // of an item that is attested
}

// Kit is the equipment of a person outside the hall (clause 12.1), item by clause.
type Kit struct {
	ID    string           `json:"id"`
	Items map[string]Proof `json:"items"`
}

// item of the kit: a measured one is only worth as much as the measurement of the shift.
type item struct {
	clause   string
	measured bool
}

var kitItems = [...]item{
	{ClauseComputer, false},
	{ClauseSoftware, true},
	{ClauseLegislation, true},
	{ClauseCallerDB, true},
	{ClauseHeadset, true},
	{ClauseReference, true},
}

// Fresh is how old a measurement may be when the shift begins, Attested how old a
// person's word on an item.
const (
	Fresh    = 12 * time.Hour
	Attested = 365 * 24 * time.Hour
)

// Check113 is the checklist for item 11.3 of the Rules (clause 12.2). Its text was not
// available when the product was made: it is loaded as data. Not loaded it never counts
// as complied with, and blocks nobody, for nobody could then begin.
type Check113 struct {
	Loaded bool             `json:"loaded"`
	Points map[string]Proof `json:"points,omitempty"` // by the point's name
	Signed Act              `json:"signed,omitzero"`
}

// Shift is live service that somebody wants to begin outside the hall.
type Shift struct {
	Person   routing.AgentID
	Body     string
	At       time.Time // it begins
	Services []string  // that the person would answer

	// What the registers hold; those of other persons, services and days are passed over.
	Entitlements []Entitlement
	Fitness      []Fitness
	Named        []Naming
	Kit          Kit
	Check113     Check113
}

// Remark is a reason against a shift, or something it has to be told of. Key and Params
// are for the catalogue of messages in az, en and ru.
type Remark struct {
	Clause string            `json:"clause"`
	Key    string            `json:"key"`
	Params map[string]string `json:"params,omitempty"`
}

// Keys of remarks.
const (
	KeyNoEntitlement = "remote.no-entitlement"         // {person} has none for {body} on {date}
	KeyNotWeighed    = "remote.not-weighed"            // the entitlement of {decided} says nothing on {factor}
	KeyNoAuthor      = "remote.no-author"              // {what} has no author or date
	KeyNoService     = "remote.no-service"             // none of the services may be answered
	KeyUnjudged      = "remote.service-not-judged"     // {service}: nobody decided on {date}
	KeyUnfit         = "remote.service-unfit"          // {service}: {ground}
	KeyNotNamed      = "remote.confidential-not-named" // {service} is confidential and {person} is not named
	KeyNoProof       = "kit.missing"                   // {item} was never shown
	KeyBroken        = "kit.failed"                    // {item}: found wanting at {at}: {value}
	KeyStale         = "kit.stale"                     // {item}: last shown at {at}
	KeyNotMeasured   = "kit.not-measured"              // {item} has to be measured, a word is not enough
	KeyNobodysWord   = "kit.not-attested"              // {item} has nobody's name under it
	KeyKit           = "kit.invalid"                   // no remote shift without a valid kit ({kit})
	Key113NotLoaded  = "kit.11-3-not-loaded"           // the text of 11.3 is not loaded: not compliant, not blocked
	Key113Unsigned   = "kit.11-3-unsigned"             //
	Key113Point      = "kit.11-3-point"                // {point} is not met
)

// Verdict says whether a shift outside the hall may begin, with everything against it.
type Verdict struct {
	Allowed  bool     `json:"allowed"`
	Services []string `json:"services,omitempty"` // what the person may be offered
	Refusals []Remark `json:"refusals,omitempty"` // why not, or why not a service
	Remarks  []Remark `json:"remarks,omitempty"`  // to be told, blocks nothing
	// Compliant with everything known, 11.3 included. Never true while 11.3 is not loaded.
	Compliant bool `json:"compliant"`
}

// MayStart holds a shift outside the hall against clauses 2.6, 12.1 and 12.2. It gives
// every reason against it, not the first. A service that may not be answered takes
// itself out; the shift is refused when none is left, without an entitlement in force,
// or without a valid kit.
func MayStart(s Shift) Verdict {
	v := Verdict{Allowed: true}
	day := calendar.DateAt(s.At)
	refuse := func(clause, key string, params ...string) {
		v.Refusals = append(v.Refusals, remark(clause, key, params))
	}
	block := func(clause, key string, params ...string) {
		refuse(clause, key, params...)
		v.Allowed = false
	}

	if e, ok := latestAct(s.Entitlements, func(e Entitlement) (Act, bool) { return e.Act, e.Person == s.Person && e.Body == s.Body }, day); !ok {
		block(ClauseRemote, KeyNoEntitlement, "person", string(s.Person), "body", s.Body, "date", day.String())
	} else {
		if !e.complete() {
			block(ClauseRemote, KeyNoAuthor, "what", "entitlement")
		}
		for _, f := range factors {
			if e.Weighed[f] == "" {
				block(ClauseRemote, KeyNotWeighed, "decided", e.Decided.String(), "factor", string(f))
			}
		}
	}

	for _, name := range s.Services {
		f, ok := latestAct(s.Fitness, func(f Fitness) (Act, bool) { return f.Act, f.Service == name }, day)
		n, named := latestAct(s.Named, func(n Naming) (Act, bool) { return n.Act, n.Service == name && n.Person == s.Person }, day)
		switch {
		case !ok || !f.complete() || f.Ground == "":
			refuse(ClauseRemote, KeyUnjudged, "service", name, "date", day.String())
		case !f.Fit:
			refuse(ClauseRemote, KeyUnfit, "service", name, "ground", f.Ground)
		case f.Confidential && (!named || !n.complete() || n.Factor == ""):
			refuse(ClauseRemote, KeyNotNamed, "service", name, "person", string(s.Person))
		default:
			v.Services = append(v.Services, name)
		}
	}
	if len(v.Services) == 0 {
		block(ClauseRemote, KeyNoService)
	}

	valid := true
	for _, it := range kitItems {
		if key, p := it.fault(s.Kit.Items, s.At); key != "" {
			valid = false
			block(it.clause, key, "item", it.clause, "at", stamp(p.At), "value", p.Value)
		}
	}
	if !s.check113(&v, block) {
		valid = false
	}
	if !valid {
		block(ClauseRemoteTech, KeyKit, "kit", s.Kit.ID)
	}
	v.Compliant = v.Allowed && s.Check113.Loaded
	if !v.Allowed {
		v.Services = nil
	}
	return v
}

// check113 tells whether the checklist of 11.3 stands in the way of nothing.
func (s *Shift) check113(v *Verdict, block func(clause, key string, params ...string)) bool {
	c := s.Check113
	if !c.Loaded {
		v.Remarks = append(v.Remarks, remark(Clause113, Key113NotLoaded, nil))
		return true
	}
	ok := true
	if !c.Signed.complete() || !c.Signed.on(calendar.DateAt(s.At)) {
		block(Clause113, Key113Unsigned)
		ok = false
	}
	names := make([]string, 0, len(c.Points))
	for name, p := range c.Points {
		if !p.OK {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		block(Clause113, Key113Point, "point", name)
		ok = false
	}
	return ok
}

// fault is what is wrong with an item when the shift begins, empty if nothing.
func (it item) fault(items map[string]Proof, at time.Time) (string, Proof) {
	p, ok := items[it.clause]
	age := at.Sub(p.At)
	switch {
	case !ok || p.At.IsZero() || age < 0:
		return KeyNoProof, p
	case it.measured && !p.Measured:
		return KeyNotMeasured, p
	case !it.measured && !p.Measured && p.By == "":
		return KeyNobodysWord, p
	case !p.OK:
		return KeyBroken, p
	case it.measured && age > Fresh, age > Attested:
		return KeyStale, p
	}
	return "", p
}

func remark(clause, key string, params []string) Remark {
	r := Remark{Clause: clause, Key: key}
	if len(params) > 0 {
		r.Params = map[string]string{}
	}
	for i := 0; i+1 < len(params); i += 2 {
		r.Params[params[i]] = params[i+1]
	}
	return r
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(calendar.Baku()).Format("2006-01-02 15:04")
}

// latestAct is the record in force on a day that was decided last; of two decided on
// one day, the later in the list.
func latestAct[T any](all []T, of func(T) (Act, bool), day calendar.Date) (best T, ok bool) {
	var decided calendar.Date
	for _, x := range all {
		a, mine := of(x)
		if mine && a.on(day) && (!ok || cmp.Compare(a.Decided, decided) >= 0) {
			best, ok, decided = x, true, a.Decided
		}
	}
	return best, ok
}

// callerCardLimit is the time in which 95 of 100 caller cards open (R-12.1-callerdb).
const callerCardLimit = 300 * time.Millisecond

// CallerDBProof is the proof of R-12.1-callerdb by measurement: the p95 of the time
// from offer to caller card over so many cards.
func CallerDBProof(at time.Time, p95 time.Duration, cards int) Proof {
	return Proof{At: at, OK: cards > 0 && p95 > 0 && p95 < callerCardLimit, Measured: cards > 0, Value: "p95 " + p95.String() + " n " + strconv.Itoa(cards)}
}
