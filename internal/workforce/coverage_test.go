package workforce

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"cagri/internal/calendar"
	"cagri/internal/routing"
)

// office is open on working days from 09:00 to 18:00 in the week of monday.
func office(t testing.TB) *calendar.Timetable {
	t.Helper()
	c, err := calendar.State()
	if err != nil {
		t.Fatal(err)
	}
	return calendar.Prepare(c, calendar.StandardHours("info", today-30), today-30, today+60)
}

func TestR_2_6_hours_AMinuteInsideHoursWithoutAnybodyIsAFinding(t *testing.T) {
	c := NewCoverage(Line{Service: "info", Opening: office(t)})
	c.Answers("aysel", Skill{Hall: []string{"info"}}, monday)
	move := func(d time.Duration, to routing.AgentState, st Station) {
		c.Apply(Move{Person: "aysel", At: monday.Add(d), To: to, Station: st})
	}
	move(9*h+30*time.Second+1, routing.Ready, InHall("h"))
	move(12*h, routing.Talking, Station{})
	lunch := Move{ID: "lunch", Person: "aysel", At: monday.Add(13 * h), To: routing.Paused}
	c.Apply(lunch)
	move(13*h+10*time.Minute, routing.Ready, Station{})
	c.Apply(lunch)
	move(14*h, routing.SetAside, Station{})
	move(14*h+5*time.Second, routing.Ready, Station{})
	move(17*h, routing.SignedOut, Station{})
	c.Advance(monday.Add(34 * h)) // Tuesday 10:00
	want := [][2]time.Duration{{9 * h, 9*h + 30*time.Second + 1}, {13 * h, 13*h + 10*time.Minute}, {14 * h, 14*h + 5*time.Second}, {17 * h, 18 * h}, {33 * h, 34 * h}}
	got := c.Gaps("info")
	if len(got) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i, g := range got {
		if g.From.Sub(monday) != want[i][0] || g.To.Sub(monday) != want[i][1] || g.Clause != "R-2.6-hours" {
			t.Errorf("gap %d: %v–%v", i, g.From.Sub(monday), g.To.Sub(monday))
		}
	}
	if n := len(c.Take()); n != 4 || len(c.Gaps("info")) != 1 {
		t.Errorf("%d taken, the growing one stays", n)
	}
}

func TestR_2_6_emergency_CountsAtNightAndOnlyWhoMayAnswerFromThere(t *testing.T) {
	c := NewCoverage(Line{Service: "fire", Emergency: true}, Line{Service: "info", Opening: office(t)})
	c.Answers("aysel", Skill{Hall: []string{"fire", "info"}, Remote: []string{"info"}}, monday)
	c.Apply(Move{Person: "aysel", At: monday.Add(2 * h), To: routing.Ready, Station: InHall("h")})
	c.Apply(Move{Person: "aysel", At: monday.Add(10 * h), Station: AtHome()})
	if c.Able("info") != 1 || c.Able("fire") != 0 {
		t.Errorf("able: info %d, fire %d", c.Able("info"), c.Able("fire"))
	}
	c.Restart(monday.Add(12*h), monday.Add(11*h))
	fire, info := c.Gaps("fire"), c.Gaps("info")
	if len(fire) != 2 || fire[0].Length() != 2*h || fire[1].Length() != 2*h || fire[0].Clause != "R-2.6-emergency" {
		t.Errorf("fire: %+v", fire)
	}
	if len(info) != 1 || info[0].Length() != h {
		t.Errorf("info: %+v", info)
	}
}

// Gaps are those of a count second by second, however the moves come.
func TestR_2_6_hours_GapsAreExact(t *testing.T) {
	open := office(t)
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		c := NewCoverage(Line{Service: "info", Opening: open})
		const people, length = 3, 40 * 3600
		begin := monday.Add(time.Duration(r.IntN(5*24*3600)) * time.Second)
		state := [people]routing.AgentState{}
		for i := range people {
			c.Answers(routing.AgentID(fmt.Sprint(i)), Skill{Hall: []string{"info"}}, begin)
		}
		var uncovered time.Duration
		next, moves := 0, 0
		for sec := range length {
			for sec == next {
				i := r.IntN(people)
				moves++
				state[i] = routing.AgentState(1 + r.IntN(stateCount-1))
				m := Move{Person: routing.AgentID(fmt.Sprint(i)), At: begin.Add(time.Duration(sec) * time.Second), To: state[i], Station: InHall("h"), ID: fmt.Sprint("m", moves)}
				c.Apply(m)
				if r.IntN(5) == 0 {
					c.Apply(m)
				}
				if r.IntN(3) > 0 {
					next += 1 + r.IntN(3000)
				} else if r.IntN(2) == 0 {
					next++
				}
			}
			able := false
			for _, s := range state {
				able = able || s == routing.Ready || s == routing.Offered || s == routing.Talking || s == routing.WrapUp
			}
			if !able && open.OpenAt(begin.Add(time.Duration(sec)*time.Second)) {
				uncovered += time.Second
			}
		}
		c.Advance(begin.Add(length * time.Second))
		var got time.Duration
		for _, g := range c.Gaps("info") {
			got += g.Length()
		}
		if got != uncovered {
			t.Fatalf("seed %d: gaps of %v, second by second %v", seed, got, uncovered)
		}
	}
}
