package call

import (
	"time"

	"cagri/internal/calendar"
	"cagri/internal/event"
	"cagri/internal/routing"
	"cagri/internal/workforce"
)

const (
	// beatEvery bounds what a crash leaves unknown of live service.
	beatEvery = time.Minute
	// budgetEvery renews what the router may spend, as handling times change.
	budgetEvery = time.Hour
)

// livetime keeps the 36 hours of clause 2.6: it shows the ledger every move of an
// agent and gives the router what is left of each person's week. It belongs to the
// router's goroutine.
type livetime struct {
	r       *router
	ledger  *workforce.Ledger
	station map[routing.AgentID]workforce.Station // of those who are signed in
	beat    time.Time                             // the last one
	renewed time.Time                             // all budgets
}

func newLivetime(r *router, ledger *workforce.Ledger) *livetime {
	return &livetime{r: r, ledger: ledger, station: map[routing.AgentID]workforce.Station{}}
}

// begin gives the router every agent's budget and says what each one can do.
func (l *livetime) begin() {
	now := l.r.now()
	l.beat, l.renewed = now, now
	for _, a := range l.r.x.known().dir.Agents {
		l.ledger.Serves(routing.AgentID(a.ID), a.Queues...)
		l.r.apply(l.ledger.Budget(routing.AgentID(a.ID), now))
	}
}

// moved shows the ledger what the router decided, and says where the agent sits.
func (l *livetime) moved(d routing.Decision, id string, now time.Time) workforce.Station {
	if d.From == routing.SignedOut {
		l.station[d.Agent] = l.r.x.seat(string(d.Agent))
		// What is left may have changed since the budget before: signed in elsewhere, a
		// week gone by. It is asked for behind this decision.
		l.r.box.post(budgetMsg{d.Agent})
	}
	at := l.station[d.Agent]
	if d.To == routing.SignedOut {
		delete(l.station, d.Agent)
	}
	l.tell(l.ledger.Apply(workforce.Move{
		ID: id, Person: d.Agent, At: now, From: d.From, To: d.To, Station: at, Body: l.r.x.known().agents[string(d.Agent)].Body,
		Call: string(d.Call), Queue: string(d.Queue), Reason: d.Reason,
	}))
	return at
}

// budgetMsg asks for a new budget of one agent.
type budgetMsg struct{ agent routing.AgentID }

// pass lets time go on: warnings, the turn of the week, a sign of life.
func (l *livetime) pass(now time.Time) {
	if now.Sub(l.beat) >= beatEvery { // before Advance: a step of the clock shows here
		l.beat = now
		l.tell(l.ledger.Beat(now))
		if n := len(l.station); n > 0 {
			l.r.x.scribe.write("-", "", event.Heartbeat{Agents: n})
		}
	}
	if now.Sub(l.renewed) >= budgetEvery {
		l.renewed = now
		for id := range l.station {
			l.r.box.post(budgetMsg{id})
		}
	}
	l.tell(l.ledger.Advance(now))
}

// next is when pass is due.
func (l *livetime) next() time.Time {
	at := l.beat.Add(beatEvery)
	if due, ok := l.ledger.NextDeadline(); ok && due.Before(at) {
		at = due
	}
	return at
}

func (l *livetime) tell(list []workforce.Notice) {
	for _, n := range list {
		person := string(n.Person)
		l.r.x.scribe.write(l.r.x.known().agents[person].Body, person, event.LiveTimeReached{
			What: string(n.Kind), ThresholdS: int64(n.Threshold / time.Second), Week: n.Week.Monday.String(), AtMS: n.At.UnixMilli(), Cause: string(n.Cause),
		})
	}
}

// seat is where an agent answers.
func (x *Exchange) seat(agent string) workforce.Station {
	a, ok := x.known().agents[agent]
	switch {
	case !ok:
		return workforce.Station{}
	case a.Remote:
		return workforce.AtHome()
	}
	return workforce.InHall(a.Hall)
}

// LiveTime is a person's live service in the present week, for boards.
type LiveTime struct {
	Agent string        `json:"agent"`
	Live  time.Duration `json:"live_ns"`
	Left  time.Duration `json:"left_ns"`
}

// LiveTimes gives them for all agents; none where no ledger is kept.
func (x *Exchange) LiveTimes() []LiveTime {
	out := make(chan []LiveTime, 1)
	if x.router.live == nil || !x.router.ask(func(_ *routing.State, now time.Time) {
		var list []LiveTime
		week := calendar.WeekAt(now)
		for _, a := range x.known().dir.Agents {
			s := x.router.live.ledger.Week(routing.AgentID(a.ID), week, now)
			list = append(list, LiveTime{Agent: a.ID, Live: s.Total.Charged(), Left: s.Reading.Limit - s.Total.Charged()})
		}
		out <- list
	}) {
		return nil
	}
	select {
	case list := <-out:
		return list
	case <-x.router.done:
		return nil
	}
}
