package store

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cagri/internal/event"
	"cagri/internal/journal"
	"cagri/internal/store/pgtest"
)

// engine is a database that the suite runs against.
type engine struct {
	name string
	// config is of a new, empty database.
	config func(t testing.TB) Config
	// away takes the database away until the function it gives is called.
	away func(t testing.TB, cfg Config) (back func())
}

// engines gives both. PostgreSQL is one real server for the whole test.
func engines(t testing.TB) []engine {
	t.Helper()
	return []engine{sqlite(), postgres(t)}
}

func sqlite() engine {
	return engine{
		name: "sqlite",
		config: func(t testing.TB) Config {
			return Config{Driver: "sqlite", DSN: filepath.Join(t.TempDir(), "cagri.db"), busy: 50 * time.Millisecond}
		},
		away: func(t testing.TB, cfg Config) func() {
			other, err := OpenAsIs(context.Background(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			// Another process that holds the file's lock; the DSN begins "immediate".
			tx, err := other.db.Begin()
			if err != nil {
				t.Fatal(err)
			}
			return func() { _ = tx.Rollback(); _ = other.Close() }
		},
	}
}

func postgres(t testing.TB) engine {
	t.Helper()
	server := pgtest.Start(t)
	return engine{
		name:   "postgres",
		config: func(t testing.TB) Config { return Config{Driver: "postgres", DSN: server.Base(t)} },
		away: func(t testing.TB, _ Config) func() {
			server.Kill()
			return func() { server.Restart(t) }
		},
	}
}

func open(t testing.TB, cfg Config) *Store {
	t.Helper()
	s, err := Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

var epoch = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// story is a call from its arrival to its end, with numbers from 1.
type story struct {
	id, body string
	at       time.Time
	events   []event.Event
}

func (s *story) add(agent string, p event.Payload) {
	s.at = s.at.Add(1234567 * time.Microsecond)
	seq := uint64(len(s.events) + 1)
	s.events = append(s.events, event.Event{ID: fmt.Sprintf("%s-%d", s.id, seq), At: s.at, Body: s.body, Call: s.id, Agent: agent, Seq: seq, Data: p})
}

// served is a call as most are.
func served(n int, body, queue, agent string) *story {
	s := &story{id: fmt.Sprintf("01K%08d", n), body: body, at: epoch.Add(time.Duration(n) * time.Minute)}
	s.add("", event.CallArrived{Called: "108", Calling: fmt.Sprintf("+99450%07d", n), Trunk: "carrier", SIPCallID: "x@y"})
	s.add("", event.CallAnswered{Codec: "PCMA"})
	s.add("", event.NoticePlayed{Language: "az", DurationMS: 4000})
	s.add("", event.LanguageChosen{Language: "ru"})
	s.add("", event.QueueEntered{Queue: queue, SinceMS: s.at.UnixMilli()})
	s.add(agent, event.OfferMade{Offer: uint64(n), Agent: agent, Queue: queue})
	s.add(agent, event.OfferAccepted{Offer: uint64(n), Agent: agent})
	s.add("", event.QueueLeft{Queue: queue, Reason: "answered", WaitedMS: 1000})
	s.add(agent, event.CallBridged{Agent: agent, Offer: uint64(n)})
	s.add("", event.RecordingStarted{Recording: s.id, File: s.id + ".wav"})
	s.add(agent, event.CallUnbridged{Agent: agent, Reason: "caller_hung_up", TalkMS: 60_000})
	s.add("", event.RecordingClosed{Recording: s.id, File: s.id + ".wav", Bytes: 4096, SHA256: "ab", DurationMS: 60_000})
	s.add("", event.CallEnded{By: "caller", Reason: "hung_up", Outcome: "served", TotalMS: 70_000, QueueMS: 1000, TalkMS: 60_000})
	return s
}

// place is e as a journal has it.
func place(seq uint64, e event.Event) journal.Stored {
	raw, err := event.Encode(e)
	if err != nil {
		panic(err)
	}
	return journal.At(seq, 0, raw)
}

// stored numbers events as a journal would.
func stored(events ...event.Event) []journal.Stored {
	out := make([]journal.Stored, len(events))
	for i, e := range events {
		out[i] = place(uint64(i+1), e)
	}
	return out
}

func project(t testing.TB, s *Store, batch []journal.Stored) {
	t.Helper()
	if err := s.Project(context.Background(), batch); err != nil {
		t.Fatal(err)
	}
}

// dump is everything in the database as text.
func dump(t testing.TB, s *Store) string {
	t.Helper()
	var b strings.Builder
	err := s.Dump(context.Background(), func(table string, r Row) error {
		line, err := json.Marshal(r.Values)
		fmt.Fprintf(&b, "%s %s %s\n", table, r.Key, line)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	at, err := s.Position(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&b, "position %d\n", at)
	return b.String()
}

// empty takes everything out, which is faster than another database.
func empty(t testing.TB, s *Store) {
	t.Helper()
	for _, name := range []string{"calls", "call_steps", "agent_moves", "alarms", "skipped", "projection"} {
		if _, err := s.db.Exec("DELETE FROM " + name); err != nil {
			t.Fatal(err)
		}
	}
}

// texts hold what is awkward for one engine or the other.
var texts = []string{"", "a", "108", "+994501234567", "Şəhər İşıq", "it's; DROP TABLE calls--", `\' \\ ? ?0 %`, "zero\x00byte", "line\nbreak", "…𝄞", "broken\xff"}

// journalOf draws a journal: calls with any steps in any order, moves, alarms,
// events of the router, and some that cannot be read.
func journalOf(t *rapid.T) []journal.Stored {
	text := rapid.SampledFrom(texts)
	small := rapid.Int64Range(0, 1<<40)
	var out []journal.Stored
	put := func(e event.Event) { out = append(out, place(uint64(len(out)+1), e)) }
	seqs := map[string]uint64{}
	for n := range rapid.IntRange(0, 60).Draw(t, "events") {
		at := epoch.Add(time.Duration(rapid.Int64Range(-1<<40, 1<<50).Draw(t, "at")))
		call := rapid.SampledFrom([]string{"C1", "c2", "C10", "Ç3", "i4", "İ4"}).Draw(t, "call")
		id := fmt.Sprintf("E%d", n)
		var p event.Payload
		switch rapid.IntRange(0, 13).Draw(t, "kind") {
		case 0:
			p = event.CallArrived{Called: text.Draw(t, "called"), Calling: text.Draw(t, "calling"), Anonymous: rapid.Bool().Draw(t, "anonymous"), Trunk: text.Draw(t, "trunk"), SIPCallID: text.Draw(t, "sip")}
		case 1:
			p = event.CallAnswered{Codec: text.Draw(t, "codec")}
		case 2:
			p = event.LanguageChosen{Language: text.Draw(t, "language")}
		case 3:
			p = event.QueueEntered{Queue: text.Draw(t, "queue"), SinceMS: small.Draw(t, "since")}
		case 4:
			p = event.QueueLeft{Queue: text.Draw(t, "queue"), WaitedMS: small.Draw(t, "waited")}
		case 5:
			p = event.CallBridged{Agent: text.Draw(t, "agent"), With: text.Draw(t, "with")}
		case 6:
			p = event.CallUnbridged{Agent: text.Draw(t, "agent"), TalkMS: small.Draw(t, "talk")}
		case 7:
			p = event.CallEnded{By: text.Draw(t, "by"), Reason: text.Draw(t, "reason"), Status: rapid.IntRange(0, 699).Draw(t, "status"), Outcome: text.Draw(t, "outcome"), TotalMS: small.Draw(t, "total")}
		case 8:
			p = event.LegQuality{Leg: text.Draw(t, "leg"), JitterMS: rapid.Float64Range(0, 1e6).Draw(t, "jitter")}
		case 9:
			put(event.Event{ID: id, At: at, Body: "108", Agent: "aysel", Data: event.AgentMoved{From: text.Draw(t, "from"), To: text.Draw(t, "to"), Reason: text.Draw(t, "reason"), Call: call}})
			continue
		case 10:
			put(event.Event{ID: id, At: at, Body: "-", Data: event.Alarm{What: text.Draw(t, "what"), Detail: text.Draw(t, "detail")}})
			continue
		case 11:
			put(event.Event{ID: id, At: at, Body: "-", Data: event.RouterInput{Seq: 1}})
			continue
		case 12:
			kind, _ := json.Marshal("unknown " + text.Draw(t, "kind"))
			out = append(out, journal.At(uint64(len(out)+1), 0, fmt.Appendf(nil, `{"id":"x","kind":%s,"v":1}`, kind)))
			continue
		default:
			p = event.RecordingClosed{Recording: "r", File: text.Draw(t, "file")}
		}
		seqs[call]++
		body := rapid.SampledFrom([]string{"-", "108", "asan"}).Draw(t, "body")
		put(event.Event{ID: id, At: at, Body: body, Call: call, Agent: text.Draw(t, "who"), Seq: seqs[call], Data: p})
	}
	return out
}

// shuffled gives the same events in any order, some of them more than once, cut
// into batches anywhere.
func shuffled(t *rapid.T, list []journal.Stored) [][]journal.Stored {
	all := append([]journal.Stored(nil), list...)
	for _, st := range list {
		for range rapid.SampledFrom([]int{0, 0, 0, 1, 2}).Draw(t, "again") {
			all = append(all, st)
		}
	}
	all = rapid.Permutation(all).Draw(t, "order")
	var out [][]journal.Stored
	for len(all) > 0 {
		n := rapid.IntRange(1, len(all)).Draw(t, "batch")
		out = append(out, all[:n])
		all = all[n:]
	}
	return out
}
