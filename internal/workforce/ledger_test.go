package workforce

import (
	"testing"
	"time"

	"cagri/internal/calendar"
	"cagri/internal/routing"
)

// monday is Monday 23 November 2026, 00:00 in Baku.
var monday = calendar.NewDate(2026, 11, 23).Time()

var week = calendar.WeekAt(monday)

const h = time.Hour

// story feeds one person by hand.
type story struct {
	*testing.T
	l       *Ledger
	notices []Notice
}

func tell(t *testing.T, rs ...Reading) *story {
	t.Helper()
	all, err := NewReadings(rs...)
	if err != nil {
		t.Fatal(err)
	}
	return &story{T: t, l: New(all)}
}

// at moves "aysel" at an offset from Monday.
func (s *story) at(d time.Duration, to routing.AgentState, edit ...func(*Move)) {
	s.Helper()
	m := Move{Person: "aysel", At: monday.Add(d), To: to, Body: "asan", Station: InHall("h1")}
	for _, f := range edit {
		f(&m)
	}
	s.notices = append(s.notices, s.l.Apply(m)...)
}

func (s *story) advance(d time.Duration) {
	s.notices = append(s.notices, s.l.Advance(monday.Add(d))...)
}

func (s *story) week(w calendar.Week, now time.Duration) Statement {
	return s.l.Week("aysel", w, monday.Add(now))
}

func (s *story) same(what string, got, want time.Duration) {
	s.Helper()
	if got != want {
		s.Errorf("%s is %v, want %v", what, got, want)
	}
}

func by(reason routing.Reason) func(*Move) { return func(m *Move) { m.Reason = reason } }
func call(id string) func(*Move)           { return func(m *Move) { m.Call, m.Queue = id, "q" } }
func from(st Station) func(*Move)          { return func(m *Move) { m.Station = st } }
func body(b string) func(*Move)            { return func(m *Move) { m.Body = b } }

func TestR_2_6_36h_CountsEveryStateOfLiveServiceAndNoOther(t *testing.T) {
	s := tell(t)
	s.at(0, routing.Paused)
	s.at(1*h, routing.Ready)
	s.at(3*h, routing.Offered, call("c1"))
	s.at(3*h+time.Minute, routing.Talking, call("c1"))
	s.at(4*h, routing.WrapUp, call("c1"))
	s.at(4*h+10*time.Minute, routing.SetAside)
	s.at(4*h+15*time.Minute, routing.Unreachable)
	s.at(5*h, routing.SignedOut)
	got := s.week(week, 9*h).Total
	want := Tally{Live: 3*h + 15*time.Minute, SignedIn: 5 * h, Ready: 2 * h, Offered: time.Minute, Talking: 59 * time.Minute, WrapUp: 10 * time.Minute, SetAside: 5 * time.Minute, Paused: h, Unreachable: 45 * time.Minute, Hall: 3*h + 15*time.Minute}
	if got != want {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if r, _ := s.l.Rolling("aysel", monday.Add(9*h)); r != want {
		t.Errorf("rolling: got %+v\nwant %+v", r, want)
	}
}

func TestR_2_6_36h_IsCutAtTheTurnOfTheWeekInBakuToTheNanosecond(t *testing.T) {
	s := tell(t)
	s.at(166*h+1, routing.Ready) // Sunday 22:00 and 1 ns
	s.at(170*h+2, routing.SignedOut)
	s.same("the old week", s.week(week, 200*h).Total.Live, 2*h-1)
	s.same("the new week", s.week(week.Add(1), 200*h).Total.Live, 2*h+2)
	r, _ := s.l.Rolling("aysel", monday.Add(170*h+2))
	s.same("rolling", r.Live, 4*h+1)
	r, _ = s.l.Rolling("aysel", monday.Add(166*h+168*h+3))
	s.same("rolling when the far end has passed the first 2 ns", r.Live, 4*h-1)
	if monday.UTC().Hour() != 20 {
		t.Errorf("the week turns at %v", monday.UTC())
	}
}

func TestR_2_6_36h_IsThePersonsOverAllBodiesAndStations(t *testing.T) {
	s := tell(t)
	s.at(0, routing.Ready)
	s.at(10*h, routing.Ready, body("asan2"), from(InHall("h2")))
	s.at(20*h, routing.SignedOut)
	s.at(24*h, routing.Ready, from(AtHome()), body("asan2"))
	s.at(40*h, routing.SignedOut)
	w := s.week(week, 50*h)
	s.same("live", w.Total.Live, 36*h)
	s.same("hall", w.Total.Hall, 20*h)
	s.same("remote", w.Total.Remote, 16*h)
	if len(w.Shares) != 3 || w.Shares[1].Body != "asan2" || w.Shares[1].Station.Hall != "h2" || w.Shares[1].Tally.Live != 10*h {
		t.Errorf("shares: %+v", w.Shares)
	}
	if w.Breach != nil {
		t.Errorf("36:00:00 is allowed: %+v", w.Breach)
	}
	if len(s.notices) != 2 || s.notices[0].Threshold != 32*h || !s.notices[0].At.Equal(monday.Add(36*h)) || s.notices[1].Threshold != 35*h {
		t.Errorf("warnings: %+v", s.notices)
	}
}

func TestR_2_6_36h_WarnsAheadOnceAndRecordsTheOverrunWithItsCause(t *testing.T) {
	s := tell(t)
	s.at(0, routing.Ready)
	next := func(want time.Duration) {
		t.Helper()
		at, ok := s.l.NextDeadline()
		if !ok || !at.Equal(monday.Add(want)) {
			t.Fatalf("next deadline %v %v, want %v", at, ok, monday.Add(want).UTC())
		}
	}
	next(32 * h)
	s.advance(32*h - 1)
	if len(s.notices) != 0 {
		t.Fatal("warned early")
	}
	s.advance(32 * h)
	s.advance(33 * h)
	next(35 * h)
	s.at(34*h, routing.Talking, call("c9"))
	s.advance(36 * h)
	next(36*h + 1)
	s.advance(37 * h)
	if b := s.week(week, 37*h).Breach; b == nil || b.Over != h {
		t.Errorf("while it lasts: %+v", b)
	}
	s.at(38*h, routing.WrapUp, call("c9"))
	s.at(38*h+time.Minute, routing.Paused, by("weekly_limit"))
	s.at(39*h, routing.Talking, by(routing.ReasonTaken), call("c10"))
	s.at(40*h, routing.SignedOut)
	if len(s.notices) != 3 || s.notices[2].Kind != LimitPassed {
		t.Errorf("notices: %+v", s.notices)
	}
	b := s.week(week, 100*h).Breach
	if b == nil || b.Cause != CauseCall || b.Over != 3*h+time.Minute || !b.From.Equal(monday.Add(36*h)) || !b.Until.Equal(monday.Add(40*h)) || len(b.Stretches) != 3 {
		t.Fatalf("breach: %+v", b)
	}
	if f := b.Stretches[0]; f.Call != "c9" || !f.Since.Equal(monday.Add(34*h)) || !f.Until.Equal(monday.Add(38*h)) {
		t.Errorf("first stretch: %+v", f)
	}
	if b.Stretches[1].Cause != CauseWrapUp || b.Stretches[2].Cause != CauseManual || !b.Stretches[2].From.Equal(monday.Add(39*h)) {
		t.Errorf("stretches: %+v", b.Stretches)
	}
	if bs := s.l.Breaches(week); len(bs) != 1 || bs[0].Person != "aysel" {
		t.Errorf("breaches of the week: %+v", bs)
	}
	// A new week begins at nothing.
	s.at(168*h, routing.Ready)
	next((168 + 32) * h)
}

func TestR_2_6_36h_NamesTheCauseOfEachKindOfOverrun(t *testing.T) {
	for want, tell1 := range map[Cause]func(*story){
		CauseOffer:      func(s *story) { s.at(36*h-time.Second, routing.Offered, call("c")) },
		CauseWrapUp:     func(s *story) { s.at(36*h-time.Second, routing.WrapUp, call("c")) },
		CauseManual:     func(s *story) { s.at(35*h, routing.Talking, by(routing.ReasonTaken), call("c")) },
		CauseNotStopped: func(*story) {},
		CauseClock:      func(s *story) { s.l.Stepped(monday.Add(35*h+30*time.Minute), monday.Add(36*h+10*time.Minute)) },
	} {
		t.Run(string(want), func(t *testing.T) {
			s := tell(t)
			s.at(0, routing.Ready, by(routing.ReasonReady))
			tell1(s)
			s.at(37*h, routing.SignedOut)
			b := s.week(week, 40*h).Breach
			if b == nil || b.Cause != want || b.Over != h {
				t.Errorf("breach: %+v", b)
			}
		})
	}
	t.Run("the process went", func(t *testing.T) {
		s := tell(t)
		s.at(0, routing.Talking, call("c"))
		s.l.Restart(monday.Add(38*h), monday.Add(37*h))
		if b := s.week(week, 40*h).Breach; b == nil || b.Cause != CauseCall || b.Over != h || !b.Stretches[0].Assumed {
			t.Errorf("breach: %+v", b)
		}
	})
	t.Run("ready by own word with nothing left", func(t *testing.T) {
		s := tell(t)
		s.at(0, routing.Ready)
		s.at(36*h, routing.Paused)
		s.at(50*h, routing.Ready, by(routing.ReasonReady))
		s.at(51*h, routing.Paused)
		if b := s.week(week, 60*h).Breach; b == nil || b.Cause != CauseManual || b.Over != h || !b.From.Equal(monday.Add(50*h)) {
			t.Errorf("breach: %+v", b)
		}
	})
}

func TestR_2_6_36h_AStepBackOfTheClockIsChargedAndShown(t *testing.T) {
	s := tell(t)
	s.at(9*h, routing.Ready)
	s.at(12*h, routing.Talking, call("c"))
	s.at(10*h, routing.WrapUp, call("c")) // the clock went back by at least 2 h
	s.at(11*h, routing.Paused)            // an hour of work that has no place in the calendar
	s.at(12*h+time.Minute, routing.Ready)
	s.at(13*h, routing.SignedOut)
	got := s.week(week, 20*h).Total
	s.same("live", got.Live, 3*h+59*time.Minute)
	s.same("doubt", got.Doubt, h)
	f := s.l.Findings(week, monday.Add(20*h))
	if len(f) != 1 || f[0].Kind != FindStep || f[0].Length != 2*h || f[0].Live != h || f[0].Times != 1 {
		t.Errorf("findings: %+v", f)
	}
	s.same("left", s.l.Budget("aysel", monday.Add(20*h)).Left, 36*h-got.Charged())

	// Told at once, nothing is lost.
	s = tell(t)
	s.at(9*h, routing.Ready)
	s.l.Stepped(monday.Add(12*h), monday.Add(10*h))
	s.same("left in the second pass", s.l.Budget("aysel", monday.Add(11*h)).Left, 32*h)
	s.at(13*h, routing.SignedOut)
	got = s.week(week, 20*h).Total
	s.same("live and doubt", got.Charged(), 6*h)

	// A beat finds what happened since the one before.
	s = tell(t)
	s.at(9*h, routing.Ready)
	s.l.Beat(monday.Add(12 * h))
	s.l.Beat(monday.Add(10 * h))
	s.at(13*h, routing.SignedOut)
	s.same("live and doubt", s.week(week, 20*h).Total.Charged(), 6*h)
}

func TestR_2_6_36h_ACrashCountsUpToTheLastSignOfLife(t *testing.T) {
	s := tell(t)
	s.at(9*h, routing.Talking, call("c"))
	s.l.Beat(monday.Add(10 * h))
	s.l.Restart(monday.Add(12*h), time.Time{})
	s.l.Restart(monday.Add(12*h), time.Time{}) // told twice
	s.at(13*h, routing.Ready)
	s.at(14*h, routing.SignedOut)
	s.same("live", s.week(week, 20*h).Total.Live, 2*h)
	if f := s.l.Findings(week, monday.Add(20*h)); len(f) != 1 || f[0].Kind != FindCrash || f[0].Length != 2*h || f[0].Times != 1 {
		t.Errorf("findings: %+v", f)
	}
}

func TestR_1_4_4_1_LiveTimeWithoutAStationIsAFinding(t *testing.T) {
	s := tell(t)
	s.at(0, routing.Ready, from(AtHome()))
	s.at(h, routing.SignedOut)
	s.at(2*h, routing.Ready, from(Station{})) // a new sign-in: the old station does not hold
	s.at(3*h, routing.Ready, from(InHall("h7")))
	s.at(4*h, routing.Talking, from(Station{})) // the same sign-in: it holds
	s.at(5*h, routing.SignedOut)
	w := s.week(week, 9*h).Total
	if w.Remote != h || w.Unknown != h || w.Hall != 2*h {
		t.Errorf("%+v", w)
	}
	if f := s.l.Findings(week, monday.Add(9*h)); len(f) != 1 || f[0].Kind != FindStation || f[0].Length != h || f[0].Clause != "R-1.4.4-1" {
		t.Errorf("findings: %+v", f)
	}
}

func TestDoubledMovesChangeNothing(t *testing.T) {
	s := tell(t)
	id := func(n string) func(*Move) { return func(m *Move) { m.ID = n } }
	prev := func(st routing.AgentState) func(*Move) { return func(m *Move) { m.From = st } }
	s.at(0, routing.Ready, id("1"))
	s.at(h, routing.Paused, id("2"))
	s.at(0, routing.Ready, id("1"))
	s.same("live", s.week(week, 2*h).Total.Live, h)
	s.at(3*h, routing.Ready, prev(routing.Paused))
	s.at(4*h, routing.Paused, prev(routing.Ready))
	s.at(3*h, routing.Ready, prev(routing.Paused)) // no id: known by its content
	s.same("live", s.week(week, 9*h).Total.Live, 2*h)
	if f := s.l.Findings(week, monday.Add(9*h)); len(f) != 0 {
		t.Errorf("findings: %+v", f)
	}
	// The same state can come round twice in one instant and is no double.
	s.at(10*h, routing.Ready, prev(routing.Paused))
	s.at(10*h, routing.Offered, prev(routing.Ready), call("c1"))
	s.at(10*h, routing.Paused, prev(routing.Offered))
	s.at(10*h, routing.Ready, prev(routing.Paused))
	s.at(11*h, routing.SignedOut)
	s.same("live", s.week(week, 12*h).Total.Live, 3*h)
	// A sequence number not above one seen is old.
	seq := func(n uint64) func(*Move) { return func(m *Move) { m.Seq = n } }
	s.at(12*h, routing.Ready, seq(7))
	s.at(13*h, routing.Paused, seq(8))
	s.at(14*h, routing.Ready, seq(8))
	s.same("live", s.week(week, 20*h).Total.Live, 4*h)
}

func TestR_2_6_36h_RollingBasisBindsOnAny168Hours(t *testing.T) {
	r := Default()
	r.From, r.Known, r.Basis, r.Reason, r.Author = week.Monday, week.Monday, RollingWeek, "order 5", "head"
	s := tell(t, r)
	s.at(130*h, routing.Ready) // Saturday 10:00, to Monday 06:00: 44 h
	at, _ := s.l.NextDeadline()
	if !at.Equal(monday.Add(162 * h)) {
		t.Errorf("next deadline %v", at)
	}
	s.at(165*h, routing.Paused) // 35 h
	b := s.l.Budget("aysel", monday.Add(169*h))
	s.same("left on Monday", b.Left, h)
	if at, ok := s.l.Release("aysel", monday.Add(169*h), 3*h); !ok || !at.Equal(monday.Add((130+168+2)*h)) {
		t.Errorf("release %v %v", at, ok)
	}
	s.at(170*h, routing.Ready)
	s.at(172*h, routing.SignedOut)
	br := s.week(week.Add(1), 180*h).Breach
	if br == nil || br.Over != h || !br.From.Equal(monday.Add(171*h)) {
		t.Errorf("breach %+v", br)
	}
	// Live across the far end's gap: exactly as the window says.
	s.at((130+168)*h, routing.Ready)
	got, _ := s.l.Rolling("aysel", monday.Add((130+168+1)*h))
	s.same("rolling", got.Live, 37*h)
}

func TestR_2_6_36h_BudgetNeverPromisesMoreThanIsLeft(t *testing.T) {
	s := tell(t)
	if b := s.l.Budget("nobody", monday); b.Left != 36*h || b.Reserve != 10*time.Minute || !b.WeekEnds.Equal(monday.Add(168*h)) || b.NextLeft != 36*h {
		t.Errorf("unknown person: %+v", b)
	}
	s.l.Serves("aysel", "q", "r")
	at := time.Duration(0)
	for i := range 200 { // 2 to 201 s from offer to the end of the wrap-up
		s.at(at, routing.Offered, call("c"))
		s.at(at+time.Second, routing.Talking, call("c"))
		s.at(at+time.Duration(i+1)*time.Second, routing.WrapUp, call("c"))
		s.at(at+time.Duration(i+2)*time.Second, routing.Ready)
		at += time.Duration(i+2) * time.Second
	}
	hq := s.l.Handling("q")
	if q := hq.Quantile(950); hq.Count() != 200 || q < 191*time.Second || q > 203*time.Second {
		t.Errorf("%d calls, p95 %v", hq.Count(), q)
	}
	s.same("reserve: the prior of queue r", s.l.Budget("aysel", monday.Add(at)).Reserve, 10*time.Minute)
	s.l.Serves("aysel", "q")
	s.same("reserve", s.l.Budget("aysel", monday.Add(at)).Reserve, hq.Quantile(950))
	s.same("left", s.l.Budget("aysel", monday.Add(30*h)).Left, 6*h)
	s.same("left past the limit", s.l.Budget("aysel", monday.Add(40*h)).Left, -4*h)
	s.same("left in the next week", s.l.Budget("aysel", monday.Add(170*h)).Left, 34*h)
}

func TestOldWeeksAreFoldedAndNothingIsLost(t *testing.T) {
	s := tell(t)
	for i := range 80 {
		d := time.Duration(i) * 168 * h
		s.at(d+9*h, routing.Ready)
		s.at(d+10*h, routing.SignedOut)
	}
	now := monday.Add(80 * 168 * h)
	p := s.l.persons["aysel"]
	if len(p.past) > KeptWeeks {
		t.Errorf("%d weeks are kept", len(p.past))
	}
	old, _ := s.l.Older("aysel", now)
	sum := old.Live
	for i := range 80 {
		sum += s.l.Week("aysel", week.Add(i), now).Total.Live
	}
	s.same("live in all", sum, 80*h)
	s.same("folded", old.Live, time.Duration(80-1-KeptWeeks)*h)
}
