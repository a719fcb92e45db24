package app

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"cagri/internal/calendar"
	"cagri/internal/event"
	"cagri/internal/journal"
	"cagri/internal/routing"
)

// R-2.6-36h: a restart, also after a crash, gives nobody hours back.
func TestR_2_6_36h_TheLedgerSurvivesARestart(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	j, err := journal.Open(journal.Config{Dir: t.TempDir()}, log)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Stop()
	n := 0
	put := func(at time.Time, agent string, p event.Payload) {
		n++
		j.Append(event.Event{ID: fmt.Sprint("e-", n), At: at.UTC(), Body: "b", Agent: agent, Data: p})
	}
	now := time.Now()
	begin := now.Add(-2 * time.Hour)
	if monday := calendar.WeekAt(now).Monday.Begin().Time(); begin.Before(monday) {
		begin = monday // the week is young: what counts of it is less
	}
	step := now.Sub(begin) / 4
	put(begin, "", event.ServerStarted{Program: "test"})
	put(begin, "aysel", event.AgentMoved{From: "signed_out", To: "ready", Hall: "h1"})
	put(begin, "rauf", event.AgentMoved{From: "signed_out", To: "ready", Remote: true})
	put(begin.Add(step), "aysel", event.AgentMoved{From: "ready", To: "paused", Hall: "h1"})
	for i, c := range []string{"c1", "c2"} {
		j.Append(event.Event{ID: c + "-1", At: begin.Add(step).UTC(), Body: "b", Call: c, Seq: 1, Data: event.CallbackPromised{
			Queue: "general", Number: fmt.Sprint("050", i+1), Called: "108", Manner: "place", SinceMS: begin.UnixMilli(), Language: "az",
		}})
	}
	put(begin.Add(step), "", event.CallbackClosed{Of: "c1", Outcome: "reached"})
	put(begin.Add(2*step), "", event.Heartbeat{Agents: 2}) // and then a crash
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := j.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	a := &App{journal: j, log: log}
	before, err := a.readPast(ctx)
	if err != nil {
		t.Fatal(err)
	}
	l := before.live
	// The crash was an hour ago: nobody is signed in without a word.
	if now.Sub(begin.Add(2*step)) > returnWithin && len(before.agents) != 0 {
		t.Errorf("signed in again: %+v", before.agents)
	}
	if len(before.promises) != 1 || before.promises[0].Of != "c2" || before.promises[0].Number != "0502" || before.promises[0].Called != "108" {
		t.Errorf("open promises: %+v", before.promises)
	}
	for _, c := range []struct {
		agent routing.AgentID
		want  time.Duration
	}{{"aysel", step}, {"rauf", 2 * step}} {
		s := l.Week(c.agent, calendar.WeekAt(now), now)
		if d := s.Total.Charged() - c.want; d < -time.Millisecond || d > time.Millisecond {
			t.Errorf("%s: %v of live service, not %v", c.agent, s.Total.Charged(), c.want)
		}
		if c.agent == "rauf" && s.Total.Remote != s.Total.Live || c.agent == "aysel" && s.Total.Hall != s.Total.Live {
			t.Errorf("%s: not where it was: %+v", c.agent, s.Total)
		}
		if b := l.Budget(c.agent, now); b.Left > 36*time.Hour-c.want+time.Millisecond {
			t.Errorf("%s has %v left", c.agent, b.Left)
		}
	}
}
