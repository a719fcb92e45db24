package workforce

import (
	"slices"
	"testing"
	"time"

	"cagri/internal/calendar"
)

var today = calendar.DateAt(monday)

func decided() Act { return Act{Author: "head", Decided: today - 30, From: today - 20} }

// fitShift has nothing against it but that 11.3 is not loaded.
func fitShift() Shift {
	at := monday.Add(9 * h)
	items := map[string]Proof{}
	for _, it := range kitItems {
		items[it.clause] = Proof{At: at.Add(-time.Minute), OK: true, Measured: true, By: "aysel"}
	}
	return Shift{
		Person: "aysel", Body: "asan", At: at, Services: []string{"info", "secret"},
		Entitlements: []Entitlement{{Act: decided(), Person: "aysel", Body: "asan", Weighed: map[Factor]string{
			FactorSeats: "hall is full", FactorConfidentiality: "low", FactorNumber: "400 a day", FactorSecrecy: "none", FactorDisability: "yes"}}},
		Fitness: []Fitness{
			{Act: decided(), Service: "info", Fit: true, Ground: "public information"},
			{Act: decided(), Service: "secret", Fit: true, Ground: "short answers", Confidential: true},
		},
		Named: []Naming{{Act: decided(), Person: "aysel", Service: "secret", Factor: "separate room"}},
		Kit:   Kit{ID: "kit-7", Items: items},
	}
}

func TestR_2_6_remote_AShiftWithEverythingMayStart(t *testing.T) {
	v := MayStart(fitShift())
	if !v.Allowed || len(v.Refusals) != 0 || !slices.Equal(v.Services, []string{"info", "secret"}) {
		t.Fatalf("%+v", v)
	}
}

func TestR_12_2_WithoutTheTextOf11_3NobodyIsCompliantAndNobodyBlocked(t *testing.T) {
	v := MayStart(fitShift())
	if v.Compliant || len(v.Remarks) != 1 || v.Remarks[0].Clause != "R-12.2" || v.Remarks[0].Key != Key113NotLoaded {
		t.Errorf("%+v", v)
	}
	s := fitShift()
	s.Check113 = Check113{Loaded: true, Signed: decided(), Points: map[string]Proof{"1": {OK: true}}}
	if v := MayStart(s); !v.Allowed || !v.Compliant {
		t.Errorf("loaded and met: %+v", v)
	}
}

// Each way in which a shift must not start, with the clause that stands against it.
func TestR_2_6_remote_RefusalsNameTheirClause(t *testing.T) {
	at := monday.Add(9 * h)
	for name, c := range map[string]struct {
		edit        func(*Shift)
		clause, key string
		allowed     bool
	}{
		"nobody entitled":      {func(s *Shift) { s.Entitlements = nil }, ClauseRemote, KeyNoEntitlement, false},
		"entitled by another":  {func(s *Shift) { s.Entitlements[0].Body = "dsmf" }, ClauseRemote, KeyNoEntitlement, false},
		"entitlement not yet":  {func(s *Shift) { s.Entitlements[0].From = today + 1 }, ClauseRemote, KeyNoEntitlement, false},
		"entitlement over":     {func(s *Shift) { s.Entitlements[0].To = today - 1 }, ClauseRemote, KeyNoEntitlement, false},
		"nobody's entitlement": {func(s *Shift) { s.Entitlements[0].Author = "" }, ClauseRemote, KeyNoAuthor, false},
		"secrecy not weighed":  {func(s *Shift) { delete(s.Entitlements[0].Weighed, FactorSecrecy) }, ClauseRemote, KeyNotWeighed, false},
		"service not judged":   {func(s *Shift) { s.Fitness = s.Fitness[1:] }, ClauseRemote, KeyUnjudged, true},
		"service unfit":        {func(s *Shift) { s.Fitness[0].Fit = false }, ClauseRemote, KeyUnfit, true},
		"judged unfit later": {func(s *Shift) {
			s.Fitness = append(s.Fitness, Fitness{Act: Act{"head", today - 2, today - 1, 0}, Service: "info", Ground: "leak"})
		}, ClauseRemote, KeyUnfit, true},
		"confidential, not named":   {func(s *Shift) { s.Named[0].Person = "murad" }, ClauseRemote, KeyNotNamed, true},
		"named without a factor":    {func(s *Shift) { s.Named[0].Factor = "" }, ClauseRemote, KeyNotNamed, true},
		"no service left":           {func(s *Shift) { s.Services = nil }, ClauseRemote, KeyNoService, false},
		"no computer":               {func(s *Shift) { delete(s.Kit.Items, ClauseComputer) }, ClauseComputer, KeyNoProof, false},
		"computer on nobody's word": {func(s *Shift) { s.Kit.Items[ClauseComputer] = Proof{At: at, OK: true} }, ClauseComputer, KeyNobodysWord, false},
		"computer seen long ago":    {func(s *Shift) { s.Kit.Items[ClauseComputer] = Proof{At: at.Add(-366 * 24 * h), OK: true, By: "x"} }, ClauseComputer, KeyStale, false},
		"software by word":          {func(s *Shift) { s.Kit.Items[ClauseSoftware] = Proof{At: at, OK: true, By: "x"} }, ClauseSoftware, KeyNotMeasured, false},
		"legislation yesterday":     {func(s *Shift) { s.Kit.Items[ClauseLegislation] = Proof{At: at.Add(-13 * h), OK: true, Measured: true} }, ClauseLegislation, KeyStale, false},
		"slow caller card":          {func(s *Shift) { s.Kit.Items[ClauseCallerDB] = CallerDBProof(at, 300*time.Millisecond, 50) }, ClauseCallerDB, KeyBroken, false},
		"headset fails":             {func(s *Shift) { s.Kit.Items[ClauseHeadset] = Proof{At: at, Measured: true, Value: "echo"} }, ClauseHeadset, KeyBroken, false},
		"reference in the future":   {func(s *Shift) { s.Kit.Items[ClauseReference] = Proof{At: at.Add(1), OK: true, Measured: true} }, ClauseReference, KeyNoProof, false},
		"kit in the end":            {func(s *Shift) { s.Kit = Kit{} }, ClauseRemoteTech, KeyKit, false},
		"11.3 unsigned":             {func(s *Shift) { s.Check113 = Check113{Loaded: true} }, Clause113, Key113Unsigned, false},
		"11.3 not met": {func(s *Shift) {
			s.Check113 = Check113{Loaded: true, Signed: decided(), Points: map[string]Proof{"4": {}}}
		}, Clause113, Key113Point, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := fitShift()
			c.edit(&s)
			v := MayStart(s)
			if v.Allowed != c.allowed || v.Compliant || !slices.ContainsFunc(v.Refusals, func(r Remark) bool { return r.Clause == c.clause && r.Key == c.key }) {
				t.Errorf("%+v", v)
			}
			if !v.Allowed && v.Services != nil || v.Allowed && len(v.Services) != 1 {
				t.Errorf("services: %v", v.Services)
			}
		})
	}
	if p := CallerDBProof(at, 299*time.Millisecond, 50); !p.OK {
		t.Error("a fast caller card is refused")
	}
}

func TestR_2_6_hall_ASecondHallNeedsMoreThan20Seats(t *testing.T) {
	plan := []Seats{
		{"asan", "h1", 100, 15},
		{"asan", "h2", 110, 5},  // 20: a breach
		{"asan", "h2", 120, 6},  // 21: allowed, and near
		{"asan", "h1", 130, 40}, // 46
		{"asan", "h1", 140, 0},  // one hall is left
		{"asan", "h3", 150, 0},  // closed before it opened
		{"dsmf", "x", 100, 20},
		{"dsmf", "y", 105, 1}, {"dsmf", "y", 105, 0},
	}
	got := HallFindings(plan, 200)
	want := []HallFinding{
		{ClauseHall, "asan", 110, 119, []string{"h1", "h2"}, 20, false},
		{ClauseHall, "asan", 120, 129, []string{"h1", "h2"}, 21, true},
	}
	if !slices.EqualFunc(got, want, func(a, b HallFinding) bool {
		return a.Body == b.Body && a.From == b.From && a.To == b.To && slices.Equal(a.Halls, b.Halls) && a.Seats == b.Seats && a.Near == b.Near && a.Clause == b.Clause
	}) {
		t.Errorf("got %+v", got)
	}
	if f := HallFindings(plan, 112); len(f) != 1 || f[0].To != 112 {
		t.Errorf("up to a day: %+v", f)
	}
}
