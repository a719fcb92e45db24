package directory

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"cagri/internal/calendar"
)

// Rules are what Check holds a book against, besides itself.
type Rules struct {
	// Calendar is the state production calendar; nil leaves hours unchecked.
	Calendar *calendar.Calendar
	// Flow tells whether there is a call flow of that name; nil takes every name.
	Flow func(string) bool
}

// Check holds the book against itself and against the clauses, for every moment from
// since on. What must not be is refused; what must be seen is a finding. The problems
// come by kind and id.
func (b *Book) Check(since time.Time, rules Rules) Problems {
	c := &checker{book: b, since: since, rules: rules, known: map[Kind][]string{}, told: map[string]bool{}}
	for _, ref := range b.All() {
		for _, seg := range b.entries[ref].line {
			if seg.Until.IsZero() || seg.Until.After(since) {
				c.record(ref, seg)
			}
		}
	}
	c.trees(KindBody)
	c.trees(KindService)
	c.dials()
	c.phones()
	c.centres()
	c.out.Sort()
	return c.out
}

type checker struct {
	book  *Book
	since time.Time
	rules Rules
	ref   Ref       // the record in hand
	from  time.Time // from when it is so
	known map[Kind][]string
	told  map[string]bool // what was said already
	near  int             // suggestions made
	out   Problems
}

func (c *checker) refuse(clause, path, key string, pairs ...string) {
	c.tell(false, clause, path, key, pairs...)
}

func (c *checker) find(clause, path, key string, pairs ...string) {
	c.tell(true, clause, path, key, pairs...)
}

// tell notes a problem of the record in hand, once however long it lasts.
func (c *checker) tell(finding bool, clause, path, key string, pairs ...string) {
	p := &Problem{Finding: finding, Clause: clause, Key: key, Kind: c.ref.Kind, ID: c.ref.ID, Path: path, Params: params(pairs...)}
	id := fmt.Sprintf("%s|%s|%s|%s|%q", c.ref.Kind, c.ref.ID, path, key, pairs)
	if c.told[id] {
		return
	}
	c.told[id] = true
	if c.from.After(c.since) {
		p.Since = calendar.DateAt(c.from).String()
	}
	c.out = append(c.out, p)
}

// when says from when something is so, if that is not from the beginning.
func (c *checker) when(t time.Time) string {
	if t.After(c.since) {
		return " from " + dayText(t) + " on"
	}
	return ""
}

// dayText is a moment as a day, with the time if it is not midnight.
func dayText(t time.Time) string {
	t = t.In(calendar.Baku())
	if t.Hour() == 0 && t.Minute() == 0 && t.Second() == 0 {
		return t.Format(time.DateOnly)
	}
	return t.Format("2006-01-02 15:04")
}

// record checks one version of a record by itself, and that what it names is there.
func (c *checker) record(ref Ref, seg Segment) {
	c.ref, c.from = ref, later(seg.From, c.since)
	seg.From = c.from
	r := seg.Version.Record
	if err := CheckID(ref.Kind, ref.ID); err != nil {
		c.refuse("", "", "form.id", "error", err.Error())
	}
	r.refs(func(path string, k Kind, id string) { c.named(seg, path, k, id) })
	switch r := r.(type) {
	case *Setting:
		c.checkSetting(r)
	case *Body:
		c.checkBody(r)
	case *Service:
		c.checkService(r, seg)
	case *Hall:
		if r.Seats < 0 || r.Seats > 10000 {
			c.refuse(ClauseHall, "seats", "hall.seats", "seats", fmt.Sprint(r.Seats))
		}
	case *Number:
		c.checkNumber(r)
	case *Queue:
		c.checkQueue(r)
	case *Phone:
		c.checkPhone(r)
	case *Agent:
		c.checkAgent(r)
	case *Entitlement:
		c.checkEntitlement(r)
	case *Attestation:
		for _, clause := range r.missing() {
			c.find(clause, "", "kit.failed", "item", strings.TrimPrefix(clause, "R-12.1-"))
		}
	case *Trunk:
		c.checkTrunk(r)
	}
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// whats are the kinds as words of messages.
func what(k Kind) string { return string(k) }

// named holds a name against the record it means, over the whole time.
func (c *checker) named(seg Segment, path string, k Kind, id string) {
	if id == "" {
		return
	}
	e := c.book.entries[Ref{k, id}]
	t := seg.From
	for e != nil {
		v, until := e.on(t)
		if v == nil {
			break
		}
		if until.IsZero() || !seg.Until.IsZero() && !until.Before(seg.Until) {
			return
		}
		t = until
	}
	if e != nil && len(e.line) > 0 {
		when := c.when(t)
		if when == "" {
			when = "on " + dayText(t)
		}
		c.refuse(clauseOf(k), path, "ref.ended", "what", what(k), "ref", id, "when", strings.TrimSpace(when))
		return
	}
	if c.known[k] == nil {
		for _, r := range c.book.Refs(k) {
			if len(c.book.entries[r].line) > 0 {
				c.known[k] = append(c.known[k], r.ID)
			}
		}
	}
	// Looking for a likeness takes time; whoever sees fifty needs no more.
	if c.near++; c.near <= 50 {
		if near := Nearest(id, c.known[k]); near != "" {
			c.refuse(clauseOf(k), path, "ref.missing-near", "what", what(k), "ref", id, "when", "", "near", near)
			return
		}
	}
	c.refuse(clauseOf(k), path, "ref.missing", "what", what(k), "ref", id, "when", "")
}

// clauseOf is the clause behind a name that must be there, if there is one.
func clauseOf(k Kind) string {
	switch k {
	case KindBody:
		return ClauseClass
	case KindKit:
		return ClauseRemoteTech
	}
	return ""
}

var taxForm = regexp.MustCompile(`^[0-9]{10}$`)
var languageForm = regexp.MustCompile(`^[a-z]{2}$`)
var hexForm = regexp.MustCompile(`^[0-9a-f]+$`)

func (c *checker) checkBody(r *Body) {
	if r.TaxID != "" && !taxForm.MatchString(r.TaxID) {
		c.refuse("", "tax_id", "body.tax-id", "value", r.TaxID)
	}
	if r.Class == Outside {
		c.find(ClauseClass, "class", "class.outside", "name", r.Name)
	}
	if r.Centre != "" && r.Joined == 0 {
		c.find("D-4.1", "centre", "body.centre-joined", "centre", r.Centre)
	}
}

func (c *checker) checkNumber(r *Number) {
	if c.rules.Flow != nil && !c.rules.Flow(r.Flow) {
		c.refuse("", "flow", "ref.missing", "what", "flow", "ref", r.Flow, "when", "")
	}
	for i, a := range r.Arrives {
		if !dialForm.MatchString(a) {
			c.refuse("", fmt.Sprintf("arrives[%d]", i), "number.bad", "value", a)
		}
	}
	if r.State == Porting && r.Porting == nil {
		c.refuse("", "state", "number.porting")
	}
	for i, n := range r.Networks {
		if n.Fixed && n.Tariff == Charged && r.State.Answers() {
			c.find(ClauseFree, fmt.Sprintf("networks[%d].tariff", i), "number.charged", "network", n.Name)
		}
	}
}

func (c *checker) checkQueue(r *Queue) {
	bound := func(key string, v, least, most time.Duration) {
		if v < least || v > most {
			c.refuse("", key, "queue.time", "key", key, "value", durationText(v), "least", durationText(least), "most", durationText(most))
		}
	}
	bound("ring", r.Ring, time.Second, 5*time.Minute)
	bound("wrap_up", r.WrapUp, 0, 24*time.Hour)
	bound("set_aside", r.SetAside, 0, 24*time.Hour)
	bound("max_wait", r.MaxWait, 0, 24*time.Hour)
	bound("announce", r.Announce, 0, 24*time.Hour)
	bound("target", r.Target, 0, 24*time.Hour)
	for i, n := range r.Needs {
		path := fmt.Sprintf("needs[%d]", i)
		bound(path+".after", n.After, 0, 24*time.Hour)
		c.levels(path+".skills", n.Skills)
		if n.Language < 0 || n.Language > 10 {
			c.refuse("", path+".language", "level", "value", fmt.Sprint(n.Language))
		}
	}
	for i, o := range r.Overflow {
		bound(fmt.Sprintf("overflow[%d].after", i), o.After, 0, 24*time.Hour)
	}
}

// levels are whole numbers from 1 to 10.
func (c *checker) levels(path string, m map[string]int) {
	for _, k := range sortedKeys(m) {
		if m[k] < 1 || m[k] > 10 {
			c.refuse("", path+"."+k, "level", "value", fmt.Sprint(m[k]))
		}
	}
}

func (c *checker) checkPhone(r *Phone) {
	if r.HA1 == "" && r.HA1MD5 == "" {
		c.refuse("", "", "phone.secret")
	}
	for _, h := range []struct {
		key, value string
		digits     int
	}{{"ha1", r.HA1, 64}, {"ha1_md5", r.HA1MD5, 32}} {
		if h.value != "" && (len(h.value) != h.digits || !hexForm.MatchString(h.value)) {
			c.refuse("", h.key, "phone.ha1", "key", h.key, "digits", fmt.Sprint(h.digits))
		}
	}
}

func (c *checker) checkAgent(r *Agent) {
	c.levels("skills", r.Skills)
	for _, l := range sortedKeys(r.Languages) {
		if !languageForm.MatchString(l) {
			c.refuse("", "languages."+l, "service.languages", "value", l)
		}
	}
	c.levels("languages", r.Languages)
	if r.Remote && r.Hall != "" {
		c.refuse("R-1.4.4-1", "hall", "agent.hall")
	}
	if len(r.Queues) == 0 {
		c.find("", "queues", "agent.no-queue")
	}
}

func (c *checker) checkEntitlement(r *Entitlement) {
	agent, _ := c.book.On(Ref{KindAgent, r.Agent}, c.from)
	if agent == nil {
		return // said already
	}
	for i, q := range r.Queues {
		s := c.serviceOf(q)
		switch {
		case s == nil:
		case !s.Remote.Fit:
			c.find(ClauseRemote, fmt.Sprintf("queues[%d]", i), "remote.unfit", "queue", q, "service", s.ID)
		case s.Confidential && !slices.Contains(r.Confidential, s.ID):
			c.find(ClauseRemote, fmt.Sprintf("queues[%d]", i), "remote.not-named", "queue", q, "service", s.ID)
		}
	}
	if r.Review != 0 && r.Review < calendar.DateAt(c.from) {
		c.find(ClauseRemote, "review", "remote.review", "day", r.Review.String())
	}
}

func (c *checker) serviceOf(queue string) *Service {
	v, _ := c.book.On(Ref{KindQueue, queue}, c.from)
	if v == nil {
		return nil
	}
	if v, _ = c.book.On(Ref{KindService, v.Record.(*Queue).Service}, c.from); v == nil {
		return nil
	}
	return v.Record.(*Service)
}

func (c *checker) checkTrunk(r *Trunk) {
	for i, f := range r.From {
		_, err := netip.ParsePrefix(f)
		if _, err2 := netip.ParseAddr(f); err != nil && err2 != nil {
			c.refuse("", fmt.Sprintf("from[%d]", i), "trunk.from", "value", f)
		}
	}
	if s := r.Secret; s != "" && !strings.HasPrefix(s, "env:") && !strings.HasPrefix(s, "file:/") {
		// The value is perhaps the password itself: it is not repeated.
		c.refuse("", "secret", "trunk.secret", "value", "this")
	}
	if len(r.From) == 0 {
		c.find("", "from", "trunk.nowhere")
	}
	for _, n := range []struct {
		key string
		v   int
	}{{"max_calls", r.MaxCalls}, {"channels", r.Channels}} {
		if n.v < 0 {
			c.refuse("", n.key, "trunk.number", "key", n.key, "value", fmt.Sprint(n.v))
		}
	}
}

func (c *checker) checkService(r *Service, seg Segment) {
	if r.Emergency && r.Ground == "" {
		c.refuse(ClauseEmergency, "ground", "service.no-ground")
	}
	if r.Remote.Fit && r.Remote.Ground == "" {
		c.refuse(ClauseRemote, "remote", "service.fit")
	}
	for i, l := range r.Languages {
		if !languageForm.MatchString(l) {
			c.refuse("", fmt.Sprintf("languages[%d]", i), "service.languages", "value", l)
		}
	}
	if r.Target < 0 || r.Target > 24*time.Hour {
		c.refuse("", "target", "queue.time", "key", "target", "value", durationText(r.Target), "least", "0s", "most", "24h")
	}
	if rest := r.Hours; rest.Always {
		rest.Always = false
		if rest.written() {
			c.refuse(ClauseHours, "hours", "hours.always")
			return
		}
	}
	if c.rules.Calendar == nil {
		return
	}
	h := calendar.Hours{Place: r.ID, Emergency: r.Emergency, Versions: []calendar.Version{r.version(calendar.DateAt(seg.From))}, Exceptions: r.exceptions()}
	findings, err := h.Check(c.rules.Calendar)
	for _, b := range calendar.Breaches(err) {
		c.breach(r, false, b)
	}
	for _, b := range findings {
		c.breach(r, true, b)
	}
}

// breach turns the calendar's places into those of the document.
func (c *checker) breach(r *Service, finding bool, b *calendar.Breach) {
	path, pairs := "hours", []string{}
	var i int
	if rest, ok := strings.CutPrefix(b.At, "versions[0]."); ok {
		path = "hours." + rest
		if n, _ := fmt.Sscanf(rest, "week[%d]", &i); n == 1 {
			path = "hours." + days[i]
			if i < 5 && len(r.Hours.week()[i]) == 0 {
				path = "hours.workdays" // said once for all five days
			}
		}
	} else if strings.HasPrefix(b.At, "exceptions") {
		path = "hours." + b.At
	}
	for _, k := range sortedKeys(b.Params) {
		v := b.Params[k]
		if k == "day" && path == "hours.workdays" {
			v = "each working day"
		}
		pairs = append(pairs, k, v)
	}
	c.tell(finding, b.Clause, path, b.Key, pairs...)
}
