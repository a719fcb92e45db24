package verify

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cagri/internal/event"
	"cagri/internal/journal"
	"cagri/internal/routing"
	"cagri/internal/store"
)

// where gives the index of the first event that holds.
func where(t *testing.T, events []event.Event, holds func(event.Event) bool) int {
	t.Helper()
	for i, e := range events {
		if holds(e) {
			return i
		}
	}
	t.Fatal("the day has no such event")
	return -1
}

func is[T event.Payload](e event.Event) bool {
	_, ok := e.Data.(T)
	return ok
}

func without(events []event.Event, i int) []event.Event {
	return append(append([]event.Event(nil), events[:i]...), events[i+1:]...)
}

// Each breach is planted into a day on which everything else holds. The check named
// must find it, say why, and point at the call; checks not named must stay quiet.
func TestPlantedBreaches(t *testing.T) {
	// lastInput with an offer that had a choice: where several waited.
	offered := func(t *testing.T, events []event.Event) (int, event.RouterInput, int, routing.Decision) {
		for i, e := range events {
			in, ok := e.Data.(event.RouterInput)
			if !ok {
				continue
			}
			for n, raw := range in.Decisions {
				d, err := routing.DecodeDecision(raw)
				if err != nil {
					t.Fatal(err)
				}
				if d.Kind == routing.Offer && d.Why.Choices > 1 {
					return i, in, n, d
				}
			}
		}
		t.Fatal("no offer had a choice")
		return 0, event.RouterInput{}, 0, routing.Decision{}
	}
	for _, p := range []struct {
		name   string
		checks []string // that must fail
		reason string   // part of it
		alter  func(t *testing.T, d *centre) []event.Event
	}{
		{"a step of a call is gone", []string{CheckCalls}, "missing", func(t *testing.T, d *centre) []event.Event {
			return without(d.events, where(t, d.events, is[event.CallAnswered]))
		}},
		{"the arrival is gone", []string{CheckCalls}, "begins with call.answered", func(t *testing.T, d *centre) []event.Event {
			return without(d.events, where(t, d.events, is[event.CallArrived]))
		}},
		{"a number is given twice", []string{CheckCalls}, "stands twice", func(t *testing.T, d *centre) []event.Event {
			i := where(t, d.events, is[event.OfferAccepted])
			e := d.events[i]
			e.ID += "x"
			return append(d.events[:i+1:i+1], append([]event.Event{e}, d.events[i+1:]...)...)
		}},
		{"the call arrives twice", []string{CheckCalls}, "second time", func(t *testing.T, d *centre) []event.Event {
			k := d.arrive()
			d.emit(k, "", event.CallArrived{Called: "108"})
			d.end(k)
			return d.events
		}},
		{"the call ends twice", []string{CheckCalls}, "after the end", func(t *testing.T, d *centre) []event.Event {
			k := d.served("a")
			d.emit(k, "", event.CallEnded{By: "system"})
			return d.events
		}},
		{"something comes after the end", []string{CheckCalls}, "flow.step comes after the end", func(t *testing.T, d *centre) []event.Event {
			k := d.served("a")
			d.emit(k, "", event.FlowStep{Node: "late"})
			return d.events
		}},
		{"a crash left a call open and nobody closed it", []string{CheckCalls}, "never ended", func(t *testing.T, d *centre) []event.Event {
			k := d.arrive()
			d.enqueue(k, "a", 0, false)
			d.start()
			return d.events
		}},
		{"the server stopped with a call open", []string{CheckCalls}, "never ended", func(t *testing.T, d *centre) []event.Event {
			d.arrive()
			d.own("", event.ServerStopped{Reason: "asked"})
			return d.events
		}},
		{"a recording starts without notice", []string{CheckNotice}, "before the notice", func(t *testing.T, d *centre) []event.Event {
			i := where(t, d.events, is[event.NoticePlayed])
			d.events[i].Data = event.FlowStep{Node: "notice", Outcome: "interrupted"}
			return d.events
		}},
		{"a recording starts before the notice is over", []string{CheckNotice}, "before the notice", func(t *testing.T, d *centre) []event.Event {
			k := d.arrive()
			k.seq--
			d.events = d.events[:len(d.events)-1]
			d.emit(k, "", event.RecordingStarted{Recording: k.id, File: k.id + ".wav"})
			d.emit(k, "", event.NoticePlayed{Language: "az"})
			k.rec = true
			d.end(k)
			return d.events
		}},
		{"two agents are bridged in one call", []string{CheckBridges}, "murad is bridged while aysel still is", func(t *testing.T, d *centre) []event.Event {
			k := d.arrive()
			d.bridge(k, "aysel")
			d.bridge(k, "murad")
			d.emit(k, "", event.CallEnded{By: "caller"})
			return d.events
		}},
		{"an agent is bridged in two calls", []string{CheckBridges}, "still bridged in call", func(t *testing.T, d *centre) []event.Event {
			k, l := d.arrive(), d.arrive()
			d.bridge(k, "murad")
			d.bridge(l, "murad")
			d.emit(k, "", event.CallEnded{By: "caller"})
			d.emit(l, "", event.CallEnded{By: "caller"})
			return d.events
		}},
		{"a later caller is served first, the record tells so", []string{CheckOrder, CheckRouter}, "passes over", func(t *testing.T, d *centre) []event.Event {
			// The record of a router that breaks the rule: the rival gets the offer.
			i, in, n, dec := offered(t, d.events)
			was, rival := dec.Call, dec.Why.Rival
			for m := range in.Decisions {
				in.Decisions[m] = json.RawMessage(strings.ReplaceAll(string(in.Decisions[m]), string(was), string(rival)))
			}
			_ = n
			d.events[i].Data = in
			// The rest of the run would not fit; the journal ends here.
			return d.events[:i+1]
		}},
		{"a decision is taken out of the record", []string{CheckRouter}, "replayed", func(t *testing.T, d *centre) []event.Event {
			i := where(t, d.events, func(e event.Event) bool {
				in, ok := e.Data.(event.RouterInput)
				return ok && len(in.Decisions) == 1
			})
			in := d.events[i].Data.(event.RouterInput)
			in.Decisions = nil
			d.events[i].Data = in
			return d.events
		}},
		{"a moment is altered", []string{CheckRouter}, "recorded", func(t *testing.T, d *centre) []event.Event {
			i, in, _, _ := offered(t, d.events)
			in.NowNS += int64(time.Millisecond)
			d.events[i].Data = in
			return d.events
		}},
		{"an input of the router is gone", []string{CheckRouter}, "follows on", func(t *testing.T, d *centre) []event.Event {
			i, _, _, _ := offered(t, d.events)
			return without(d.events, i)
		}},
		{"the router begins without a start", []string{CheckRouter}, "before any start", func(t *testing.T, d *centre) []event.Event {
			return without(d.events, where(t, d.events, is[event.RouterStarted]))
		}},
		{"a call rings an agent whom the router did not choose", []string{CheckRouter}, "the router chose", func(t *testing.T, d *centre) []event.Event {
			i := where(t, d.events, is[event.OfferMade])
			m := d.events[i].Data.(event.OfferMade)
			m.Agent = "somebody"
			d.events[i].Data = m
			return d.events
		}},
		{"a call names another input of the router", []string{CheckRouter}, "names input", func(t *testing.T, d *centre) []event.Event {
			i := where(t, d.events, is[event.OfferMade])
			m := d.events[i].Data.(event.OfferMade)
			m.RouterSeq += 3
			d.events[i].Data = m
			return d.events
		}},
		{"a call rings without a decision", []string{CheckRouter}, "not decided", func(t *testing.T, d *centre) []event.Event {
			k := d.arrive()
			d.emit(k, "", event.OfferMade{Offer: 9999, Agent: "aysel", Queue: "a"})
			d.end(k)
			return d.events
		}},
		{"what became of a recording is not told", []string{CheckRecordings}, "what became of", func(t *testing.T, d *centre) []event.Event {
			k := d.arrive()
			d.emit(k, "", event.RecordingStarted{Recording: k.id, File: k.id + ".wav"})
			d.emit(k, "", event.CallEnded{By: "caller"})
			return d.events
		}},
		{"a recording is missing", []string{CheckRecordings}, "is missing", func(t *testing.T, d *centre) []event.Event {
			k := d.served("a")
			if err := os.Remove(filepath.Join(d.dir, k.id+".wav")); err != nil {
				t.Fatal(err)
			}
			return d.events
		}},
		{"a recording is cut", []string{CheckRecordings}, "by the journal", func(t *testing.T, d *centre) []event.Event {
			k := d.served("a")
			if err := os.Truncate(filepath.Join(d.dir, k.id+".wav"), 3); err != nil {
				t.Fatal(err)
			}
			return d.events
		}},
		{"a recording was changed", []string{CheckRecordings}, "was changed", func(t *testing.T, d *centre) []event.Event {
			k := d.served("a")
			name := filepath.Join(d.dir, k.id+".wav")
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			b[0]++
			if err := os.WriteFile(name, b, 0o600); err != nil {
				t.Fatal(err)
			}
			return d.events
		}},
		{"a recording has a name outside the folder", []string{CheckRecordings}, "leads out", func(t *testing.T, d *centre) []event.Event {
			k := d.arrive()
			d.emit(k, "", event.RecordingStarted{Recording: k.id, File: "../x.wav"})
			d.emit(k, "", event.RecordingClosed{Recording: k.id, File: "../x.wav"})
			d.emit(k, "", event.CallEnded{By: "caller"})
			return d.events
		}},
	} {
		t.Run(p.name, func(t *testing.T) {
			c := newCourt(t)
			// A fault planted at the end of a day needs the day to be good without it.
			r := c.hold(p.alter(t, day(c.dir)))
			expect(t, r, p.reason, p.checks...)
		})
	}
}

// expect wants exactly these checks to fail, and one finding with the reason.
func expect(t *testing.T, r Report, reason string, checks ...string) {
	t.Helper()
	if r.OK() {
		t.Fatalf("the breach was not found:\n%s", r.Text())
	}
	said := false
	for _, c := range r.Checks {
		want := false
		for _, name := range checks {
			want = want || name == c.Name
		}
		if want == c.OK {
			t.Errorf("check %s: ok is %v", c.Name, c.OK)
		}
		for _, f := range c.Findings {
			said = said || strings.Contains(f.Reason, reason)
		}
	}
	if !said || t.Failed() {
		t.Errorf("no finding says %q as it should:\n%s", reason, r.Text())
	}
	if !strings.Contains(r.Text(), "FAIL") {
		t.Error("the text does not say so")
	}
}

func TestPlantedHoleInTheJournal(t *testing.T) {
	c := newCourt(t)
	d := day(c.dir)
	c.write(d.events)
	c.project()
	i := where(t, d.events, is[event.CallAnswered])
	c.remove(uint64(i) + 1)
	r := c.verify()
	expect(t, r, "are gone", CheckJournal, CheckCalls, CheckProjection)
}

func TestPlantedEndCutOffTheJournal(t *testing.T) {
	c := newCourt(t)
	d := day(c.dir)
	c.write(d.events)
	c.project()
	c.remove(uint64(len(d.events)))
	if r := c.verify(); r.OK() {
		t.Fatalf("the missing end was not found:\n%s", r.Text())
	}
}

func TestPlantedEventThatCannotBeRead(t *testing.T) {
	c := newCourt(t)
	c.write(day(c.dir).events)
	c.raw([]byte(`{"id":"x-1","kind":"call.teleported","v":1,"call":"x","seq":1}`))
	c.project()
	expect(t, c.verify(), "cannot be read", CheckJournal)
}

func TestPlantedOtherEventUnderAKnownID(t *testing.T) {
	c := newCourt(t)
	d := day(c.dir)
	c.write(d.events)
	e := d.events[where(t, d.events, is[event.CallEnded])]
	e.Data = event.CallEnded{By: "system", Outcome: "served", Reason: "forged"}
	c.again([]event.Event{e})
	c.project()
	expect(t, c.verify(), "stands twice in the journal for different events", CheckCalls)
}

func TestPlantedDatabaseFaults(t *testing.T) {
	d := day(t.TempDir())
	arrived := where(t, d.events, is[event.CallArrived])
	moved := where(t, d.events, is[event.AgentMoved])
	for _, p := range []struct {
		name, reason string
		plant        func(c *court)
	}{
		{"a row of a call is forged", "talk_ms", func(c *court) {
			// What no event says: a call in which somebody talked for an hour.
			e := d.events[arrived]
			e.ID, e.Seq, e.Data = e.Call+"-forged", 99, event.CallUnbridged{Agent: "aysel", TalkMS: 3_600_000}
			c.insert(e)
		}},
		{"a step is not in the journal", "not in the journal", func(c *court) {
			e := d.events[arrived]
			e.ID, e.Call = "GHOST-1", "GHOST"
			c.insert(e)
		}},
		{"a move of an agent is not in the journal", "not in the journal", func(c *court) {
			e := d.events[moved]
			e.ID = "GHOST-2"
			c.insert(e)
		}},
	} {
		t.Run(p.name, func(t *testing.T) {
			c := newCourt(t)
			c.write(d.events)
			c.project()
			p.plant(c)
			r, err := Run(t.Context(), c.j, c.s, Options{CatchUp: time.Second})
			if err != nil {
				t.Fatal(err)
			}
			expect(t, r, p.reason, CheckProjection)
		})
	}
	t.Run("the last events never came", func(t *testing.T) {
		c := newCourt(t)
		c.write(d.events)
		var batch []journal.Stored
		if err := c.j.Replay(t.Context(), 0, func(st journal.Stored) error { batch = append(batch, st); return nil }); err != nil {
			t.Fatal(err)
		}
		if err := c.s.Project(t.Context(), batch[:len(batch)-3]); err != nil {
			t.Fatal(err)
		}
		r, err := Run(t.Context(), c.j, c.s, Options{CatchUp: 100 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		expect(t, r, "did not catch up", CheckProjection)
	})
	t.Run("an event in the middle never came", func(t *testing.T) {
		c := newCourt(t)
		c.write(d.events)
		var batch []journal.Stored
		if err := c.j.Replay(t.Context(), 0, func(st journal.Stored) error { batch = append(batch, st); return nil }); err != nil {
			t.Fatal(err)
		}
		if err := c.s.Project(t.Context(), append(batch[:arrived:arrived], batch[arrived+1:]...)); err != nil {
			t.Fatal(err)
		}
		r, err := Run(t.Context(), c.j, c.s, Options{CatchUp: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		expect(t, r, "is missing from the database", CheckProjection)
	})
	t.Run("the database belongs to a longer journal", func(t *testing.T) {
		c := newCourt(t)
		c.write(d.events)
		c.project()
		if err := c.s.Project(t.Context(), []journal.Stored{at(t, 1<<20, event.Event{ID: "late", Body: "-", Data: event.ServerStarted{}})}); err != nil {
			t.Fatal(err)
		}
		r, err := Run(t.Context(), c.j, c.s, Options{CatchUp: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		expect(t, r, "belongs to another journal", CheckProjection)
	})
	t.Run("the database does not answer", func(t *testing.T) {
		c := newCourt(t)
		c.write(d.events)
		gone, err := store.OpenScratch(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_ = gone.Close()
		r, err := Run(t.Context(), c.j, gone, Options{CatchUp: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		expect(t, r, "cannot be read", CheckProjection)
	})
}

// insert puts an event into the database that is not in the journal.
func (c *court) insert(e event.Event) {
	c.t.Helper()
	if err := c.s.Project(context.Background(), []journal.Stored{at(c.t, 1, e)}); err != nil {
		c.t.Fatal(err)
	}
}
