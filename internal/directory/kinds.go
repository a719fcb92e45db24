package directory

import (
	"fmt"
	"slices"
	"sort"
)

// Class is one of the five classes of clause 1.4.1.
type Class string

// Classes. Outside is for those whom 1.4.1 does not name (courts, municipalities …)
// and who join of their own will (reading R14).
const (
	CentralExecutive Class = "central_executive"
	LocalExecutive   Class = "local_executive"
	StateOwned       Class = "state_owned"
	StateControlled  Class = "state_controlled"
	PublicEntity     Class = "public_entity"
	Outside          Class = "outside"
)

func (Class) choices() []string {
	return []string{"central_executive", "local_executive", "state_owned", "state_controlled", "public_entity", "outside"}
}

// LiveState is where a number is in its life.
type LiveState string

// States of a number. One that is being ported answers all the same.
const (
	Live    LiveState = "live"
	Porting LiveState = "porting"
	Planned LiveState = "planned"
	Retired LiveState = "retired"
)

func (LiveState) choices() []string { return []string{"live", "porting", "planned", "retired"} }

// Answers tells whether calls to the number are taken.
func (s LiveState) Answers() bool { return s == "" || s == Live || s == Porting }

// Tariff is what a call costs the caller.
type Tariff string

// Tariffs.
const (
	Free          Tariff = "free"
	Charged       Tariff = "charged"
	TariffUnknown Tariff = "unknown"
)

func (Tariff) choices() []string { return []string{"free", "charged", "unknown"} }

// kinds in their order, with an empty record of each.
var kinds = []struct {
	kind Kind
	make func() Record
}{
	{KindSetting, func() Record { return &Setting{} }},
	{KindBody, func() Record { return &Body{} }},
	{KindSkill, func() Record { return &Skill{} }},
	{KindService, func() Record { return &Service{} }},
	{KindHall, func() Record { return &Hall{} }},
	{KindQueue, func() Record { return &Queue{} }},
	{KindNumber, func() Record { return &Number{} }},
	{KindPhone, func() Record { return &Phone{} }},
	{KindAgent, func() Record { return &Agent{} }},
	{KindEntitlement, func() Record { return &Entitlement{} }},
	{KindAccommodation, func() Record { return &Accommodation{} }},
	{KindKit, func() Record { return &Kit{} }},
	{KindAttestation, func() Record { return &Attestation{} }},
	{KindTrunk, func() Record { return &Trunk{} }},
}

var kindOrder = func() map[Kind]int {
	m := map[Kind]int{}
	for i, k := range kinds {
		m[k.kind] = i
	}
	return m
}()

// Kinds are all kinds in the order in which they are written down.
func Kinds() []Kind {
	out := make([]Kind, len(kinds))
	for i, k := range kinds {
		out[i] = k.kind
	}
	return out
}

// New is an empty record of a kind, nil if there is no such kind.
func New(k Kind, id string) Record {
	i, ok := kindOrder[k]
	if !ok {
		return nil
	}
	r := kinds[i].make()
	r.setKey(id)
	return r
}

// Private tells whether records of the kind are left out unless asked for by name.
func (k Kind) Private() bool { return k == KindAccommodation }

// CheckID tells what is wrong with an id of a kind.
func CheckID(k Kind, id string) error {
	if k == KindNumber {
		if !dialForm.MatchString(id) {
			return fmt.Errorf("%q must be what is dialled: digits, * and #, with an optional leading +", id)
		}
		return nil
	}
	if !idForm.MatchString(id) {
		return fmt.Errorf("%q must be 1-64 letters a-z, digits, - or _", id)
	}
	return nil
}

// Kind and Key of each record.
func (*Setting) Kind() Kind       { return KindSetting }
func (*Body) Kind() Kind          { return KindBody }
func (*Skill) Kind() Kind         { return KindSkill }
func (*Service) Kind() Kind       { return KindService }
func (*Hall) Kind() Kind          { return KindHall }
func (*Queue) Kind() Kind         { return KindQueue }
func (*Number) Kind() Kind        { return KindNumber }
func (*Phone) Kind() Kind         { return KindPhone }
func (*Agent) Kind() Kind         { return KindAgent }
func (*Entitlement) Kind() Kind   { return KindEntitlement }
func (*Accommodation) Kind() Kind { return KindAccommodation }
func (*Kit) Kind() Kind           { return KindKit }
func (*Attestation) Kind() Kind   { return KindAttestation }
func (*Trunk) Kind() Kind         { return KindTrunk }

func (r *Setting) Key() string       { return r.ID }
func (r *Body) Key() string          { return r.ID }
func (r *Skill) Key() string         { return r.ID }
func (r *Service) Key() string       { return r.ID }
func (r *Hall) Key() string          { return r.ID }
func (r *Queue) Key() string         { return r.ID }
func (r *Number) Key() string        { return r.Dial }
func (r *Phone) Key() string         { return r.User }
func (r *Agent) Key() string         { return r.ID }
func (r *Entitlement) Key() string   { return r.ID }
func (r *Accommodation) Key() string { return r.ID }
func (r *Kit) Key() string           { return r.ID }
func (r *Attestation) Key() string   { return r.ID }
func (r *Trunk) Key() string         { return r.ID }

func (r *Setting) setKey(s string)       { r.ID = s }
func (r *Body) setKey(s string)          { r.ID = s }
func (r *Skill) setKey(s string)         { r.ID = s }
func (r *Service) setKey(s string)       { r.ID = s }
func (r *Hall) setKey(s string)          { r.ID = s }
func (r *Queue) setKey(s string)         { r.ID = s }
func (r *Number) setKey(s string)        { r.Dial = s }
func (r *Phone) setKey(s string)         { r.User = s }
func (r *Agent) setKey(s string)         { r.ID = s }
func (r *Entitlement) setKey(s string)   { r.ID = s }
func (r *Accommodation) setKey(s string) { r.ID = s }
func (r *Kit) setKey(s string)           { r.ID = s }
func (r *Attestation) setKey(s string)   { r.ID = s }
func (r *Trunk) setKey(s string)         { r.ID = s }

func (r *Setting) refs(func(string, Kind, string)) {}
func (r *Body) refs(f func(string, Kind, string)) {
	f("parent", KindBody, r.Parent)
	f("centre", KindBody, r.Centre)
}
func (r *Skill) refs(f func(string, Kind, string)) { f("body", KindBody, r.Body) }
func (r *Service) refs(f func(string, Kind, string)) {
	f("body", KindBody, r.Body)
	f("parent", KindService, r.Parent)
}
func (r *Hall) refs(f func(string, Kind, string)) { f("body", KindBody, r.Body) }
func (r *Queue) refs(f func(string, Kind, string)) {
	f("body", KindBody, r.Body)
	f("service", KindService, r.Service)
	for i, n := range r.Needs {
		for _, s := range sortedKeys(n.Skills) {
			f(fmt.Sprintf("needs[%d].skills.%s", i, s), KindSkill, s)
		}
	}
	for i, o := range r.Overflow {
		f(fmt.Sprintf("overflow[%d].body", i), KindBody, o.Body)
	}
}
func (r *Number) refs(f func(string, Kind, string)) {
	f("body", KindBody, r.Body)
	f("service", KindService, r.Service)
}
func (r *Phone) refs(f func(string, Kind, string)) {
	f("body", KindBody, r.Body)
	f("hall", KindHall, r.Hall)
}
func (r *Agent) refs(f func(string, Kind, string)) {
	f("body", KindBody, r.Body)
	f("phone", KindPhone, r.Phone)
	f("hall", KindHall, r.Hall)
	eachRef(f, "queues", KindQueue, r.Queues)
	eachRef(f, "serves", KindBody, r.Serves)
	for _, s := range sortedKeys(r.Skills) {
		f("skills."+s, KindSkill, s)
	}
}
func (r *Entitlement) refs(f func(string, Kind, string)) {
	f("agent", KindAgent, r.Agent)
	f("body", KindBody, r.Body)
	eachRef(f, "queues", KindQueue, r.Queues)
	eachRef(f, "confidential", KindService, r.Confidential)
}
func (r *Accommodation) refs(f func(string, Kind, string)) {
	f("agent", KindAgent, r.Agent)
	f("body", KindBody, r.Body)
}
func (r *Kit) refs(f func(string, Kind, string)) {
	f("agent", KindAgent, r.Agent)
	f("body", KindBody, r.Body)
}
func (r *Attestation) refs(f func(string, Kind, string)) { f("kit", KindKit, r.Kit) }
func (r *Trunk) refs(f func(string, Kind, string))       { f("body", KindBody, r.Body) }

func eachRef(f func(string, Kind, string), path string, k Kind, ids []string) {
	for i, id := range ids {
		f(fmt.Sprintf("%s[%d]", path, i), k, id)
	}
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

// Nearest is the name in known that is most like name, empty if none is near.
func Nearest(name string, known []string) string {
	best, least := "", max(2, len(name)/3)+1
	for _, k := range slices.Sorted(slices.Values(known)) {
		if d := distance(name, k, least); d < least {
			best, least = k, d
		}
	}
	return best
}

// distance counts the letters to change, add or leave out, and gives up at most.
func distance(a, b string, most int) int {
	if len(a)-len(b) >= most || len(b)-len(a) >= most {
		return most
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		least := row[0]
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
			least = min(least, cost)
		}
		if least >= most {
			return most
		}
	}
	return row[len(b)]
}
