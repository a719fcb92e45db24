package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cagri/internal/event"
	"cagri/internal/journal"
)

// suite is what every database must do. Each part gets an engine and makes its own
// database.
var suite = []struct {
	name string
	run  func(t *testing.T, e engine)
}{
	{"any order with doubles gives the same picture", anyOrder},
	{"a large batch reaches every row", largeBatch},
	{"the first of two events of one id counts", firstCounts},
	{"awkward text is kept and stops nothing", awkwardText},
	{"up, down and up again", upDownUp},
	{"calls are found", findCalls},
	{"pages neither skip nor repeat", pages},
	{"a scope sees its own bodies only", scopes},
	{"a call is told step by step", detail},
	{"moves and alarms", movesAndAlarms},
	{"a snapshot stands still", snapshotStands},
	{"differences are named", differences},
	{"the position never goes back", positionStays},
	{"away and back, nothing is lost", awayAndBack},
}

func TestSQLite(t *testing.T) {
	for _, p := range suite {
		t.Run(p.name, func(t *testing.T) { p.run(t, sqlite()) })
	}
}

func TestPostgreSQL(t *testing.T) {
	e := postgres(t)
	for _, p := range suite {
		t.Run(p.name, func(t *testing.T) { p.run(t, e) })
	}
	t.Run("holds the same as SQLite", func(t *testing.T) { holdTheSame(t, sqlite(), e) })
}

// Both engines hold the same after the same journal.
func holdTheSame(t *testing.T, one, other engine) {
	a, b := open(t, one.config(t)), open(t, other.config(t))
	rapid.Check(t, func(rt *rapid.T) {
		empty(t, a)
		empty(t, b)
		events := journalOf(rt)
		for _, batch := range shuffled(rt, events) {
			project(t, a, batch)
			project(t, b, batch)
		}
		if x, y := dump(t, a), dump(t, b); x != y {
			rt.Fatalf("sqlite and postgres differ:\n%s\n%s", x, y)
		}
		x, err := a.Fingerprint(context.Background())
		if err != nil {
			rt.Fatal(err)
		}
		y, err := b.Fingerprint(context.Background())
		if err != nil {
			rt.Fatal(err)
		}
		if fmt.Sprint(x) != fmt.Sprint(y) {
			rt.Fatalf("fingerprints differ: %v, %v", x, y)
		}
	})
}

func anyOrder(t *testing.T, e engine) {
	s := open(t, e.config(t))
	rapid.Check(t, func(rt *rapid.T) {
		events := journalOf(rt)
		empty(t, s)
		project(t, s, events)
		want := dump(t, s)
		empty(t, s)
		for _, batch := range shuffled(rt, events) {
			project(t, s, batch)
		}
		if got := dump(t, s); got != want {
			rt.Fatalf("in order:\n%s\nshuffled:\n%s", want, got)
		}
	})
}

func largeBatch(t *testing.T, e engine) {
	s := open(t, e.config(t))
	var events []event.Event
	const calls = 45 // more events than one INSERT takes
	for n := range calls {
		events = append(events, served(n, "108", "general", "aysel").events...)
	}
	project(t, s, stored(events...))
	one := dump(t, s)
	empty(t, s)
	for _, st := range stored(events...) {
		project(t, s, []journal.Stored{st})
	}
	if got := dump(t, s); got != one {
		t.Errorf("%d events in one batch and one by one give different pictures", len(events))
	}
	list, err := s.ListCalls(t.Context(), AllBodies(), CallFilter{Limit: 1000, Outcome: "served"})
	if err != nil || len(list) != calls {
		t.Errorf("%d of %d calls are served: %v", len(list), calls, err)
	}
}

func firstCounts(t *testing.T, e engine) {
	s := open(t, e.config(t))
	c := served(1, "108", "general", "aysel")
	second := c.events[10]
	second.Data = event.CallUnbridged{Agent: "aysel", TalkMS: 1}
	project(t, s, stored(append(append([]event.Event(nil), c.events[:11]...), second)...))
	project(t, s, stored(second))
	d, err := s.GetCall(t.Context(), AllBodies(), c.id)
	if err != nil || d.TalkMS != 60_000 || len(d.Steps) != 11 {
		t.Errorf("talk %d ms in %d steps, %v", d.TalkMS, len(d.Steps), err)
	}
}

func awkwardText(t *testing.T, e engine) {
	s := open(t, e.config(t))
	for i, text := range texts {
		c := &story{id: fmt.Sprintf("T%02d", i), body: "108", at: epoch}
		c.add(text, event.CallArrived{Called: text, Calling: text, Trunk: text, SIPCallID: text})
		c.add(text, event.CallEnded{By: "caller", Reason: text})
		// The way of the journal, with its JSON.
		var batch []journal.Stored
		for _, ev := range c.events {
			b, err := event.Encode(ev)
			if err != nil {
				t.Fatal(err)
			}
			batch = append(batch, journal.At(1, 0, b))
		}
		if err := s.Project(t.Context(), batch); err != nil {
			t.Fatalf("%q stops the projection: %v", text, err)
		}
		d, err := s.GetCall(t.Context(), AllBodies(), c.id)
		if err != nil {
			t.Fatal(err)
		}
		if want := clean(text); d.Calling != want || d.Reason != want || d.Steps[0].Agent != want {
			t.Errorf("%q is kept as %q, %q, %q", text, d.Calling, d.Reason, d.Steps[0].Agent)
		}
		// Of a number with a zero byte the clean form is what can be asked for.
		if list, err := s.ListCalls(t.Context(), AllBodies(), CallFilter{Number: clean(text), Limit: 10}); err != nil || text != "" && len(list) != 1 {
			t.Errorf("%q is found %d times: %v", text, len(list), err)
		}
	}
}

func upDownUp(t *testing.T, e engine) {
	ctx := t.Context()
	cfg := e.config(t)
	s, err := OpenAsIs(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	before, newest, err := s.Migrate(ctx, -1)
	if err != nil || before != 0 || newest < 1 {
		t.Fatalf("from %d to %d: %v", before, newest, err)
	}
	c := served(1, "108", "general", "aysel")
	project(t, s, stored(c.events...))
	want := dump(t, s)
	for v := newest - 1; v >= 0; v-- {
		if before, after, err := s.Migrate(ctx, v); err != nil || before != v+1 || after != v {
			t.Fatalf("down to %d: from %d to %d: %v", v, before, after, err)
		}
	}
	if _, err := s.ListCalls(ctx, AllBodies(), CallFilter{}); err == nil {
		t.Error("the tables are still there at version 0")
	}
	for v := int64(1); v <= newest; v++ {
		if before, after, err := s.Migrate(ctx, v); err != nil || before != v-1 || after != v {
			t.Fatalf("up to %d: from %d to %d: %v", v, before, after, err)
		}
	}
	project(t, s, stored(c.events...))
	if got := dump(t, s); got != want {
		t.Errorf("the picture differs after down and up:\n%s\n%s", got, want)
	}
	if before, after, err := s.Migrate(ctx, -1); err != nil || before != newest || after != newest {
		t.Errorf("a second time from %d to %d: %v", before, after, err)
	}
}

func ids(list []Call) []string {
	out := []string{}
	for _, c := range list {
		out = append(out, strings.TrimLeft(strings.TrimPrefix(c.ID, "01K"), "0"))
	}
	return out
}

// town is six calls: two bodies, two queues, two agents, one open, one abandoned.
func town(t *testing.T, s *Store) {
	t.Helper()
	var events []event.Event
	for n := 1; n <= 4; n++ {
		events = append(events, served(n, []string{"108", "asan"}[n%2], []string{"general", "tax"}[n/3], []string{"aysel", "murad"}[n%2]).events...)
	}
	lost := served(5, "108", "tax", "aysel")
	lost.events = lost.events[:5]
	lost.add("", event.QueueLeft{Queue: "tax", Reason: "abandoned", WaitedMS: 9000})
	lost.add("", event.CallEnded{By: "caller", Reason: "hung_up", Outcome: "abandoned", TotalMS: 9500})
	live := served(6, "asan", "general", "murad")
	events = append(events, lost.events...)
	events = append(events, live.events[:9]...)
	project(t, s, stored(events...))
}

func findCalls(t *testing.T, e engine) {
	s := open(t, e.config(t))
	town(t, s)
	arrival := func(n int) time.Time {
		return epoch.Add(time.Duration(n)*time.Minute + 1234567*time.Microsecond)
	}
	for _, p := range []struct {
		name string
		f    CallFilter
		want []string
	}{
		{"all, newest first", CallFilter{}, []string{"6", "5", "4", "3", "2", "1"}},
		{"limit", CallFilter{Limit: 2}, []string{"6", "5"}},
		{"after", CallFilter{After: "01K00000003"}, []string{"2", "1"}},
		{"from is included", CallFilter{From: arrival(4)}, []string{"6", "5", "4"}},
		{"to is not", CallFilter{To: arrival(4)}, []string{"3", "2", "1"}},
		{"from and to", CallFilter{From: arrival(2), To: arrival(4)}, []string{"3", "2"}},
		{"body", CallFilter{Body: "asan"}, []string{"6", "3", "1"}},
		{"queue", CallFilter{Queue: "tax"}, []string{"5", "4", "3"}},
		{"agent", CallFilter{Agent: "aysel"}, []string{"4", "2"}},
		{"outcome", CallFilter{Outcome: "abandoned"}, []string{"5"}},
		{"calling", CallFilter{Number: "+994500000003"}, []string{"3"}},
		{"called", CallFilter{Number: "108", Limit: 3}, []string{"6", "5", "4"}},
		{"several", CallFilter{Body: "108", Queue: "tax", Outcome: "served"}, []string{"4"}},
		{"none", CallFilter{Queue: "TAX"}, []string{}},
		{"text is no pattern", CallFilter{Queue: "%"}, []string{}},
		{"a limit below zero is the usual one", CallFilter{Limit: -1}, []string{"6", "5", "4", "3", "2", "1"}},
	} {
		list, err := s.ListCalls(t.Context(), AllBodies(), p.f)
		if err != nil || !slices.Equal(ids(list), p.want) {
			t.Errorf("%s: %v, want %v (%v)", p.name, ids(list), p.want, err)
		}
	}
	open, err := s.OpenCalls(t.Context())
	if err != nil || !slices.Equal(ids(open), []string{"6"}) {
		t.Errorf("open: %v (%v)", ids(open), err)
	}
	known, err := s.KnownCalls(t.Context(), []string{"01K00000001", "nobody"})
	if err != nil || len(known) != 1 || !known["01K00000001"] {
		t.Errorf("known: %v (%v)", known, err)
	}
}

func pages(t *testing.T, e engine) {
	s := open(t, e.config(t))
	var events []event.Event
	const calls = 60
	for n := range calls {
		events = append(events, served(n, "108", "general", "aysel").events[:2]...)
	}
	project(t, s, stored(events...))
	rapid.Check(t, func(rt *rapid.T) {
		seen := map[string]bool{}
		last := ""
		for {
			size := rapid.IntRange(1, 25).Draw(rt, "page")
			list, err := s.ListCalls(context.Background(), Bodies("108", "asan"), CallFilter{Limit: size, After: last})
			if err != nil {
				rt.Fatal(err)
			}
			for _, c := range list {
				if seen[c.ID] || last != "" && c.ID >= last {
					rt.Fatalf("%s comes again or out of order after %s", c.ID, last)
				}
				seen[c.ID], last = true, c.ID
			}
			if len(list) < size {
				break
			}
		}
		if len(seen) != calls {
			rt.Fatalf("%d of %d calls", len(seen), calls)
		}
	})
}

func scopes(t *testing.T, e engine) {
	ctx := t.Context()
	s := open(t, e.config(t))
	town(t, s)
	project(t, s, stored(
		event.Event{ID: "m1", At: epoch, Body: "asan", Agent: "murad", Data: event.AgentMoved{From: "ready", To: "paused"}},
		event.Event{ID: "a1", At: epoch, Body: "-", Data: event.Alarm{What: "disk_full"}},
	))
	for _, p := range []struct {
		name   string
		sc     Scope
		calls  []string
		moves  int
		alarms int
	}{
		{"all", AllBodies(), []string{"6", "5", "4", "3", "2", "1"}, 1, 1},
		{"one", Bodies("asan"), []string{"6", "3", "1"}, 1, 0},
		{"the other", Bodies("108"), []string{"5", "4", "2"}, 0, 0},
		{"both by name", Bodies("108", "asan"), []string{"6", "5", "4", "3", "2", "1"}, 1, 0},
		{"a stranger", Bodies("dost"), []string{}, 0, 0},
		{"nobody", Bodies(), []string{}, 0, 0},
		{"the zero scope", Scope{}, []string{}, 0, 0},
		{"a name that tries", Bodies("x') OR ('1'='1"), []string{}, 0, 0},
	} {
		list, err := s.ListCalls(ctx, p.sc, CallFilter{})
		if err != nil || !slices.Equal(ids(list), p.calls) {
			t.Errorf("%s: calls %v, want %v (%v)", p.name, ids(list), p.calls, err)
		}
		// A filter never widens a scope.
		wide, err := s.ListCalls(ctx, p.sc, CallFilter{Body: "asan"})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range wide {
			if !slices.Contains(ids(list), ids([]Call{c})[0]) {
				t.Errorf("%s: the filter shows %s", p.name, c.ID)
			}
		}
		for n := 1; n <= 6; n++ {
			id := fmt.Sprintf("01K%08d", n)
			d, err := s.GetCall(ctx, p.sc, id)
			if slices.Contains(p.calls, fmt.Sprint(n)) {
				if err != nil || d.ID != id {
					t.Errorf("%s: call %s: %v", p.name, id, err)
				}
			} else if !errors.Is(err, ErrNotFound) || d != nil {
				t.Errorf("%s sees call %s of another body: %v", p.name, id, err)
			}
		}
		moves, err := s.AgentMoves(ctx, p.sc, "murad", epoch, epoch.Add(time.Hour))
		if err != nil || len(moves) != p.moves {
			t.Errorf("%s: %d moves (%v)", p.name, len(moves), err)
		}
		alarms, err := s.Alarms(ctx, p.sc, 10)
		if err != nil || len(alarms) != p.alarms {
			t.Errorf("%s: %d alarms (%v)", p.name, len(alarms), err)
		}
	}
}
