package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"cagri/internal/event"
	"cagri/internal/journal"
)

func detail(t *testing.T, e engine) {
	s := open(t, e.config(t))
	c := served(7, "108", "general", "aysel")
	project(t, s, stored(c.events...))
	d, err := s.GetCall(t.Context(), AllBodies(), c.id)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Steps) != len(c.events) {
		t.Fatalf("%d of %d steps", len(d.Steps), len(c.events))
	}
	for i, st := range d.Steps {
		ev := c.events[i]
		if !SameStep(st, stored(ev)[0].Head) {
			t.Errorf("step %d is %+v, the event %+v", i, st, ev)
		}
		if !st.At.Equal(ev.At) {
			t.Errorf("step %d at %v, the event at %v", i, st.At, ev.At)
		}
	}
	row := d.Call
	if row.ArrivedAt.Time != c.events[0].At || row.AnsweredAt.Time != c.events[1].At || row.BridgedAt.Time != c.events[8].At || row.EndedAt.Time != c.events[12].At {
		t.Errorf("moments: %+v", row)
	}
	if row.Language != "ru" || row.Queue != "general" || row.Agent != "aysel" || row.WaitMS != 1000 || row.TalkMS != 60_000 || row.Outcome != "served" || row.LastSeq != 13 || row.Body != "108" {
		t.Errorf("row: %+v", row)
	}
	if len(d.Recordings) != 1 || d.Recordings[0].SHA256 != "ab" || d.Recordings[0].StartedAt.IsZero() || d.Recordings[0].ClosedAt.IsZero() {
		t.Errorf("recordings: %+v", d.Recordings)
	}
	n := 0
	err = s.StepsOfKind(t.Context(), "recording.closed", func(st Step) error { n++; return nil })
	if err != nil || n != 1 {
		t.Errorf("%d steps of the kind: %v", n, err)
	}
	if _, err := s.StepByID(t.Context(), "nothing"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a step that is not there: %v", err)
	}
}

func movesAndAlarms(t *testing.T, e engine) {
	s := open(t, e.config(t))
	var events []event.Event
	for i := range 5 {
		at := epoch.Add(time.Duration(i) * time.Minute)
		events = append(events,
			event.Event{ID: fmt.Sprintf("m%d", i), At: at, Body: "108", Agent: []string{"aysel", "murad"}[i%2], Data: event.AgentMoved{From: "ready", To: "paused", Reason: fmt.Sprint(i)}},
			event.Event{ID: fmt.Sprintf("a%d", i), At: at, Body: "-", Data: event.Alarm{What: fmt.Sprint(i)}})
	}
	project(t, s, stored(events...))
	moves, err := s.AgentMoves(t.Context(), AllBodies(), "aysel", epoch, epoch.Add(4*time.Minute))
	if err != nil || len(moves) != 2 || moves[0].Reason != "0" || moves[1].Reason != "2" {
		t.Errorf("moves, oldest first, without the one at the end: %+v (%v)", moves, err)
	}
	alarms, err := s.Alarms(t.Context(), AllBodies(), 2)
	if err != nil || len(alarms) != 2 || alarms[0].What != "4" || alarms[1].What != "3" {
		t.Errorf("alarms, newest first: %+v (%v)", alarms, err)
	}
}

func snapshotStands(t *testing.T, e engine) {
	s := open(t, e.config(t))
	first, second := served(1, "108", "general", "aysel"), served(2, "108", "general", "aysel")
	all := stored(append(append([]event.Event(nil), first.events...), second.events...)...)
	project(t, s, all[:13])
	sn, err := s.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer sn.Close()
	// A picture never makes the writer wait.
	project(t, s, all[13:])
	count := 0
	for _, err := range sn.rows(t.Context(), tables[0]) {
		if err != nil {
			t.Fatal(err)
		}
		count++
	}
	if count != 1 || sn.Position() != 13 {
		t.Errorf("%d calls at place %d, 1 at 13 when the picture was taken", count, sn.Position())
	}
	if at, err := s.Position(t.Context()); err != nil || at != 26 {
		t.Errorf("the database stands at %d (%v)", at, err)
	}
	if err := sn.Close(); err != nil {
		t.Error(err)
	}
	if err := sn.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
}

func differences(t *testing.T, e engine) {
	ctx := t.Context()
	s := open(t, e.config(t))
	scratch, err := OpenScratch(ctx)
	if err != nil {
		t.Fatal(err)
	}
	folder := scratch.scratch
	a, b, c := served(1, "108", "general", "aysel"), served(2, "108", "general", "aysel"), served(3, "108", "general", "aysel")
	both := append(append([]event.Event(nil), a.events...), b.events...)
	project(t, s, stored(append(both, c.events[0])...))
	project(t, scratch, stored(append(both, event.Event{ID: "al", At: epoch, Body: "-", Data: event.Alarm{What: "x"}})...))
	if _, err := s.db.Exec("UPDATE calls SET talk_ms = 1, agent = 'x' WHERE id = '" + b.id + "'"); err != nil {
		t.Fatal(err)
	}
	got, err := s.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Close()
	want, err := scratch.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	list, err := Compare(ctx, got, want, 1)
	if err != nil {
		t.Fatal(err)
	}
	_ = want.Close()
	found := map[string]TableDifference{}
	for _, d := range list {
		found[d.Table] = d
	}
	if d := found["calls"]; d.Rows != 3 || d.Different != 2 || len(d.First) != 1 || d.First[0].Key != b.id || !strings.Contains(d.First[0].What, "talk_ms is 1, by the journal 60000") || !strings.Contains(d.First[0].What, "agent") {
		t.Errorf("calls: %+v", d)
	}
	if d := found["call_steps"]; d.Rows != 27 || d.Different != 1 || !strings.Contains(d.First[0].What, "not in the journal") {
		t.Errorf("steps: %+v", d)
	}
	if d := found["alarms"]; d.Different != 1 || !strings.Contains(d.First[0].What, "missing") {
		t.Errorf("alarms: %+v", d)
	}
	if d := found["agent_moves"]; d.Different != 0 {
		t.Errorf("moves: %+v", d)
	}
	if err := scratch.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Errorf("the scratch database is still there: %v", err)
	}
}

func positionStays(t *testing.T, e engine) {
	s := open(t, e.config(t))
	all := stored(served(1, "108", "general", "aysel").events...)
	for _, batch := range [][]journal.Stored{all[5:9], all[:5], nil, all[9:], all[2:3]} {
		project(t, s, batch)
	}
	if at, err := s.Position(t.Context()); err != nil || at != 13 {
		t.Errorf("position %d (%v)", at, err)
	}
	if err := s.CatchUp(t.Context(), 13); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.CatchUp(ctx, 14); err == nil {
		t.Error("a place that never comes was reached")
	}
}

// awayAndBack: events go on while the database is away, twice; in the end nothing
// is missing and nothing counts twice.
func awayAndBack(t *testing.T, e engine) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	j, err := journal.Open(journal.Config{Dir: t.TempDir(), SyncInterval: time.Minute}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer j.Stop()
	cfg := e.config(t)
	s := open(t, cfg)
	alarms := make(chan string, 100)
	p := NewProjector(j, s, func(what string, _ error) {
		select {
		case alarms <- what:
		default:
		}
	}, quiet())
	if err := p.Start(ctx); err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	n := 0
	calls := func(count int) {
		for range count {
			n++
			for _, ev := range served(n, "108", "general", "aysel").events {
				j.Append(ev)
			}
		}
		if err := j.Flush(ctx); err != nil {
			t.Fatal(err)
		}
	}
	reach := func() {
		last, err := j.LastSeq(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for {
			err := s.CatchUp(ctx, last)
			if err == nil {
				return
			}
			// A connection of the time before may still be found broken.
			if ctx.Err() != nil {
				t.Fatal(err)
			}
		}
	}
	calls(20)
	reach()
	for range 2 {
		back := e.away(t, cfg)
		calls(200)
		select {
		case what := <-alarms:
			if what != "database_away" {
				t.Errorf("alarm %q", what)
			}
		case <-ctx.Done():
			t.Fatal("nobody was told that the database is away")
		}
		back()
		calls(20)
		reach()
	}
	p.Stop()
	p.Stop()
	got := dump(t, s)
	whole := open(t, sqlite().config(t))
	var batch []journal.Stored
	if err := j.Replay(ctx, 0, func(st journal.Stored) error { batch = append(batch, st); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(batch) != n*13 {
		t.Fatalf("the journal has %d events of %d", len(batch), n*13)
	}
	project(t, whole, batch)
	if want := dump(t, whole); got != want {
		t.Errorf("after %d events the database differs from the journal", len(batch))
	}
}

// A projector that was never started can be stopped.
func TestAProjectorStopsUnstarted(t *testing.T) {
	j, err := journal.Open(journal.Config{Dir: t.TempDir()}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer j.Stop()
	NewProjector(j, nil, nil, quiet()).Stop()
}

func TestADatabaseThatIsNotThereIsSaid(t *testing.T) {
	for _, cfg := range []Config{{Driver: "oracle"}, {Driver: "postgres", DSN: "host=/nowhere user=x dbname=x"}, {Driver: "sqlite", DSN: "/proc/nowhere/cagri.db"}} {
		if s, err := Open(t.Context(), cfg); err == nil {
			_ = s.Close()
			t.Errorf("%+v opens", cfg)
		} else if !strings.Contains(err.Error(), "store: ") {
			t.Errorf("the error does not say where: %v", err)
		}
	}
}

func TestInMemory(t *testing.T) {
	s := open(t, Config{Driver: "sqlite", DSN: ":memory:"})
	project(t, s, stored(served(1, "108", "general", "aysel").events...))
	list, err := s.ListCalls(t.Context(), AllBodies(), CallFilter{})
	if err != nil || !slices.Equal(ids(list), []string{"1"}) {
		t.Errorf("%v (%v)", ids(list), err)
	}
}

// BenchmarkProject projects whole calls in batches of 2,000 events.
func BenchmarkProject(b *testing.B) {
	for _, e := range engines(b) {
		b.Run(e.name, func(b *testing.B) {
			s := open(b, e.config(b))
			n, events := 0, 0
			b.ResetTimer()
			for b.Loop() {
				b.StopTimer()
				var list []event.Event
				for len(list) < batchEvents {
					n++
					list = append(list, served(n, "108", "general", "aysel").events...)
				}
				batch := stored(list...)
				events += len(batch)
				b.StartTimer()
				project(b, s, batch)
			}
			b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// A batch that was handed out and not written when the process went away must come
// again before anything newer counts.
func TestABatchInHandAtTheEndIsNotLost(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	j, err := journal.Open(journal.Config{Dir: t.TempDir(), SyncInterval: time.Minute}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer j.Stop()
	e := sqlite()
	cfg := e.config(t)
	s := open(t, cfg)
	alarms := make(chan string, 1)
	first := NewProjector(j, s, func(what string, _ error) { alarms <- what }, quiet())
	back := e.away(t, cfg)
	if err := first.Start(ctx); err != nil {
		t.Fatal(err)
	}
	for _, ev := range served(1, "108", "general", "aysel").events {
		j.Append(ev)
	}
	select {
	case <-alarms: // the batch is in hand and cannot be written
	case <-ctx.Done():
		t.Fatal("the projector did not try")
	}
	first.Stop()
	back()
	for _, ev := range served(2, "108", "general", "aysel").events {
		j.Append(ev)
	}
	if err := j.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	second := NewProjector(j, s, nil, quiet())
	if err := second.Start(ctx); err != nil {
		t.Fatal(err)
	}
	defer second.Stop()
	if err := s.CatchUp(ctx, j.Stats().LastSeq); err != nil {
		t.Fatal(err)
	}
	list, err := s.ListCalls(ctx, AllBodies(), CallFilter{})
	if err != nil || !slices.Equal(ids(list), []string{"2", "1"}) {
		t.Errorf("the database says it has everything, and has calls %v (%v)", ids(list), err)
	}
}

// A database that was lost is built anew by nothing but a start, and one that does
// not belong to the journal is said.
func TestALostDatabaseIsBuiltAnew(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	j, err := journal.Open(journal.Config{Dir: t.TempDir(), SyncInterval: time.Minute}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer j.Stop()
	for n := range 10 {
		for _, ev := range served(n, "108", "general", "aysel").events {
			j.Append(ev)
		}
	}
	if err := j.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	dumps := []string{}
	for range 2 {
		s := open(t, sqlite().config(t))
		p := NewProjector(j, s, nil, quiet())
		if err := p.Start(ctx); err != nil {
			t.Fatal(err)
		}
		if err := s.CatchUp(ctx, j.Stats().LastSeq); err != nil {
			t.Fatal(err)
		}
		p.Stop()
		dumps = append(dumps, dump(t, s))
	}
	if dumps[0] != dumps[1] {
		t.Error("the database built anew differs")
	}
	other := open(t, sqlite().config(t))
	project(t, other, []journal.Stored{place(9999, served(77, "108", "general", "aysel").events[0])})
	alarms := make(chan string, 1)
	p := NewProjector(j, other, func(what string, _ error) { alarms <- what }, quiet())
	if err := p.Start(ctx); err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	select {
	case what := <-alarms:
		if what != "database_ahead" {
			t.Errorf("alarm %q", what)
		}
	case <-ctx.Done():
		t.Error("a database of another journal is taken without a word")
	}
}

func TestTheDocsNameEveryTable(t *testing.T) {
	b, err := os.ReadFile("../../docs/data.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, tb := range tables {
		if !strings.Contains(string(b), "| `"+tb.name+"` |") || !strings.Contains(string(b), "| `"+tb.key+"` |") {
			t.Errorf("docs/data.md does not name table %s with its key %s", tb.name, tb.key)
		}
	}
}
