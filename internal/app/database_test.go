package app

import (
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"cagri/internal/event"
	"cagri/internal/journal"
	"cagri/internal/sip"
	"cagri/internal/store"
	"cagri/internal/store/pgtest"
)

// saysAway asks every door that needs the database: each answers at once, and says why.
func saysAway(t *testing.T, a *App, why string) {
	t.Helper()
	tok := tokenIn(t, a.cfg.Data)
	for _, c := range [][2]string{
		{http.MethodGet, "/v1/calls"}, {http.MethodGet, "/v1/calls/x"}, {http.MethodGet, "/v1/calls/x/audio"}, {http.MethodHead, "/v1/calls/x/audio"},
		{http.MethodPost, "/v1/verify"}, {http.MethodGet, "/v1/directory/records"}, {http.MethodGet, "/readyz"},
	} {
		body := ""
		if c[0] == http.MethodPost {
			body = "{}"
		}
		status, said := ask(t, a, c[0], c[1], tok, body)
		if status != http.StatusServiceUnavailable || c[0] != http.MethodHead && !strings.Contains(string(said), why) {
			t.Errorf("%s %s: %d %s; want 503 with %q", c[0], c[1], status, said, why)
		}
	}
	for _, path := range []string{"/healthz", "/v1/board", "/v1/agents", "/metrics"} {
		if status, said := get(t, a, path, tok); status != http.StatusOK {
			t.Errorf("%s without a database: %d %s", path, status, said)
		}
	}
}

func calls(t *testing.T, a *App) string {
	t.Helper()
	_, said := get(t, a, "/v1/calls", tokenIn(t, a.cfg.Data))
	return string(said)
}

// The database is away at the start: calls are taken, everybody is told, and when it
// appears it gets its tables and every call.
func TestStartWithoutTheDatabase(t *testing.T) {
	t.Parallel()
	pg := pgtest.Start(t)
	c := onPostgres(t, pg.Base(t))
	pg.Kill()
	a, log := startWith(t, c)
	log.says(t, "the database is away")
	_, said := get(t, a, "/healthz", "")
	if !strings.Contains(string(said), `"status":"ok"`) || !strings.Contains(string(said), `"database":"away"`) {
		t.Errorf("/healthz: %s", said)
	}
	if strings.Contains(string(said), "dbname") || strings.Contains(string(said), "socket") {
		t.Errorf("/healthz tells strangers about the database: %s", said)
	}
	saysAway(t, a, "the database is away")
	if _, said := get(t, a, "/metrics", tokenIn(t, c.Data)); !strings.Contains(string(said), "cagri_database_up 0") {
		t.Error("the metrics do not say it")
	}

	people := newCitizens(t)
	first := people.call(t, a, "+994125550101")
	if err := first.End(sip.Reason{}); err != nil {
		t.Fatal(err)
	}
	until(t, "the call does not end", func() bool { n, _, _ := a.exchange.Counts(); return n == 0 })
	living := people.call(t, a, "+994125550102")

	pg.Restart(t)
	log.says(t, "the database is there again")
	until(t, "the calls are not in the database", func() bool {
		s := calls(t, a)
		return strings.Contains(s, "+994125550101") && strings.Contains(s, "+994125550102") && strings.Contains(s, `"ended_by":"caller"`)
	})
	if status, said := get(t, a, "/readyz", ""); status != http.StatusOK || !strings.Contains(string(said), `"database":"ok"`) {
		t.Errorf("/readyz: %d %s", status, said)
	}
	// The call that lives is nobody's leftover.
	if s := calls(t, a); strings.Contains(s, "crash") {
		t.Errorf("a living call was taken for one that a crash has cut: %s", s)
	}
	if err := living.End(sip.Reason{}); err != nil {
		t.Fatal(err)
	}
	until(t, "the second call does not end", func() bool { return strings.Count(calls(t, a), `"ended_by":"caller"`) == 2 })
	status, said := ask(t, a, http.MethodPost, "/v1/verify", tokenIn(t, c.Data), `{"files":true}`)
	if status != http.StatusOK || !strings.Contains(string(said), `"ok":true`) {
		t.Errorf("verify: %d %s", status, said)
	}
}

// What a crash left open is closed when the database appears, beside calls that live.
func TestCutCallsAreClosedLate(t *testing.T) {
	t.Parallel()
	pg := pgtest.Start(t)
	c := onPostgres(t, pg.Base(t))
	j, err := journal.Open(journalConfig(c), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(-time.Minute)
	for i, p := range []event.Payload{event.CallArrived{Called: "108", Calling: "+994125550199", Trunk: "local"}, event.CallAnswered{Codec: "PCMA"}} {
		j.Append(event.Event{ID: fmt.Sprintf("cut-%d", i+1), At: at, Body: "108", Call: "cut", Seq: uint64(i + 1), Data: p})
	}
	j.Stop()
	pg.Kill()
	a, log := startWith(t, c)
	living := newCitizens(t).call(t, a, "+994125550103")
	pg.Restart(t)
	log.says(t, "calls cut by a crash are closed")
	until(t, "the cut call is not closed", func() bool {
		d, err := a.store.GetCall(t.Context(), store.AllBodies(), "cut")
		return err == nil && d.Outcome == "failed" && d.Reason == "crash" && len(d.Steps) == 3
	})
	if n, _, _ := a.exchange.Counts(); n != 1 {
		t.Errorf("%d calls live", n)
	}
	open, err := a.store.OpenCalls(t.Context())
	if err != nil || len(open) != 1 || open[0].Calling != "+994125550103" {
		t.Errorf("open: %+v (%v)", open, err)
	}
	if err := living.End(sip.Reason{}); err != nil {
		t.Fatal(err)
	}
}

// The database goes away under a running server and comes back.
func TestDatabaseGoesAndComesBack(t *testing.T) {
	t.Parallel()
	pg := pgtest.Start(t)
	c := onPostgres(t, pg.Base(t))
	a, log := startWith(t, c)
	if status, _ := get(t, a, "/readyz", ""); status != http.StatusOK {
		t.Fatalf("/readyz: %d", status)
	}
	pg.Kill()
	// The first to ask meets it; nobody has to wait for the next check.
	if status, said := get(t, a, "/v1/calls", tokenIn(t, c.Data)); status != http.StatusServiceUnavailable {
		t.Errorf("a list without a database: %d %s", status, said)
	}
	log.says(t, "the database is away")
	saysAway(t, a, "the database is away")
	d := newCitizens(t).call(t, a, "+994125550104")
	if err := d.End(sip.Reason{}); err != nil {
		t.Fatal(err)
	}
	pg.Restart(t)
	until(t, "the call is not in the database", func() bool { return strings.Contains(calls(t, a), "+994125550104") })
	if n := strings.Count(log.String(), "what=database_away"); n != 1 {
		t.Errorf("%d alarms for one absence", n)
	}
}

// A wrong password is not "away": the log says so, and the server gets in when it is
// put right.
func TestRefusedByTheDatabase(t *testing.T) {
	t.Parallel()
	pg := pgtest.Start(t)
	base := pg.Base(t)
	c := onPostgres(t, pg.Guard(t, base, "telephonist", "the-right-one")+" password=the-wrong-one")
	a, log := startWith(t, c)
	log.says(t, "the database refuses this server")
	saysAway(t, a, "refuses this server")
	if _, said := get(t, a, "/healthz", ""); !strings.Contains(string(said), `"database":"refused"`) {
		t.Errorf("/healthz: %s", said)
	}
	if s := log.String(); strings.Contains(s, "the-wrong-one") || strings.Contains(s, "the database is away") {
		t.Errorf("the log: %s", s)
	}
	pg.Exec(t, base, "ALTER ROLE telephonist PASSWORD 'the-wrong-one'")
	log.says(t, "the database is there again")
	until(t, "/readyz", func() bool { status, _ := get(t, a, "/readyz", ""); return status == http.StatusOK })
}

// A database of a newer program ends the server: at the start, and when it turns out
// later.
func TestNewerDatabaseIsFatal(t *testing.T) {
	t.Parallel()
	pg := pgtest.Start(t)
	dsn := pg.Base(t)
	stop(t, start(t, onPostgres(t, dsn)))
	pg.Exec(t, dsn, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9000, true)")

	c := onPostgres(t, dsn)
	a, err := New(c, "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); !errors.Is(err, store.ErrNewer) || !strings.Contains(err.Error(), "version 9000") {
		t.Fatalf("the start: %v", err)
	}
	if _, _, err := Migrate(t.Context(), c, -1, nil); !errors.Is(err, store.ErrNewer) {
		t.Errorf("migrate: %v", err)
	}

	pg.Kill()
	late, log := startWith(t, onPostgres(t, dsn))
	d := newCitizens(t).call(t, late, "+994125550105")
	pg.Restart(t)
	select {
	case err := <-late.Fatal():
		if !errors.Is(err, store.ErrNewer) {
			t.Errorf("fatal: %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("nothing fatal")
	}
	log.says(t, "of a newer program")
	if _, said := get(t, late, "/healthz", ""); !strings.Contains(string(said), `"database":"newer"`) {
		t.Errorf("/healthz: %s", said)
	}
	if n, _, _ := late.exchange.Counts(); n != 1 {
		t.Errorf("%d calls live; the end is left to whoever stops the server", n)
	}
	if err := d.End(sip.Reason{}); err != nil {
		t.Fatal(err)
	}
}

// So does a file of a newer program, and nothing of it is changed.
func TestNewerFileIsRefused(t *testing.T) {
	t.Parallel()
	c := testConfig(t.TempDir())
	stop(t, start(t, c))
	db, err := sql.Open("sqlite", storeConfig(c).DSN)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (9000, true)")
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	a, err := New(c, "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); !errors.Is(err, store.ErrNewer) {
		t.Fatalf("the start: %v", err)
	}
	if _, err := Verify(t.Context(), c, false, slog.New(slog.DiscardHandler)); !errors.Is(err, store.ErrNewer) {
		t.Errorf("verify: %v", err)
	}
}

// A connection string that nobody can use is told at once.
func TestMeaninglessDSN(t *testing.T) {
	t.Parallel()
	c := onPostgres(t, "postgres://u:secret@[::1")
	a, err := New(c, "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	err = a.Start(t.Context())
	if err == nil || !strings.Contains(err.Error(), "store.dsn") || strings.Contains(err.Error(), "secret") {
		t.Fatalf("the start: %v", err)
	}
}

// Stopping does not wait for a database that is gone.
func TestStopWithoutTheDatabase(t *testing.T) {
	t.Parallel()
	pg := pgtest.Start(t)
	t.Run("away", func(t *testing.T) {
		c := onPostgres(t, pg.Base(t))
		a, _ := startWith(t, c)
		pg.Kill()
		d := newCitizens(t).call(t, a, "+994125550106")
		if err := d.End(sip.Reason{}); err != nil {
			t.Fatal(err)
		}
		within(t, 10*time.Second, "the stop", func() { stop(t, a) })
		pg.Restart(t)
		again, _ := startWith(t, c)
		until(t, "the call is not in the database", func() bool { return strings.Contains(calls(t, again), "+994125550106") })
	})
	t.Run("never there", func(t *testing.T) {
		c := onPostgres(t, pg.Base(t))
		pg.Kill()
		a, _ := startWith(t, c)
		within(t, 10*time.Second, "the stop", func() { stop(t, a) })
		pg.Restart(t)
	})
}

// The same behind a network that swallows everything.
func TestFrozenDatabase(t *testing.T) {
	t.Parallel()
	pg := pgtest.Start(t)
	t.Run("while it runs", func(t *testing.T) {
		t.Parallel()
		w := newWall(t, pg)
		c := onPostgres(t, w.dsn(pg.Base(t)))
		a, log := startWith(t, c)
		d := newCitizens(t).call(t, a, "+994125550107")
		until(t, "the call is not in the database", func() bool { return strings.Contains(calls(t, a), "+994125550107") })
		w.freeze(true)
		within(t, 13*time.Second, "a read", func() {
			if status, said := get(t, a, "/v1/calls", tokenIn(t, c.Data)); status != http.StatusServiceUnavailable {
				t.Errorf("a list: %d %s", status, said)
			}
		})
		log.says(t, "the database is away")
		if err := d.End(sip.Reason{}); err != nil {
			t.Fatal(err)
		}
		within(t, 15*time.Second, "the stop", func() { stop(t, a) })
	})
	t.Run("at the start", func(t *testing.T) {
		t.Parallel()
		w := newWall(t, pg)
		w.freeze(true)
		c := onPostgres(t, w.dsn(pg.Base(t)))
		var a *App
		within(t, 10*time.Second, "the start", func() { a, _ = startWith(t, c) })
		saysAway(t, a, "the database")
		within(t, 10*time.Second, "the stop", func() { stop(t, a) })
	})
}
