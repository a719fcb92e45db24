package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"cagri/internal/api/client"
	"cagri/internal/config"
	"cagri/internal/event"
	"cagri/internal/journal"
	"cagri/internal/media/record"
	"cagri/internal/media/tone"
	"cagri/internal/store"
)

// testConfig is the default server on free ports, with its data in dir.
func testConfig(dir string) *config.Config {
	c := config.Defaults()
	c.Data = dir
	c.SIP.Listen = []string{"udp:127.0.0.1:0", "tcp:127.0.0.1:0"}
	c.HTTP.Listen = "127.0.0.1:0"
	c.Agents = []config.Agent{{ID: "aysel", Name: "Aysel", Body: "108", Phone: "1001", Queues: []string{"general"}}}
	c.Phones = []config.Phone{{User: "1001", Password: "secret"}}
	return &c
}

func start(t *testing.T, c *config.Config) *App {
	t.Helper()
	a, err := New(c, "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, a) })
	return a
}

func stop(t *testing.T, a *App) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := a.Stop(ctx); err != nil {
		t.Error(err)
	}
}

// A server can be stopped, stopped again, and started anew on its folder; nothing
// of it stays behind.
func TestStartStop(t *testing.T) {
	dir := t.TempDir()
	before := runtime.NumGoroutine()
	for range 2 {
		a := start(t, testConfig(dir))
		run := a.Running()
		if run.PID != os.Getpid() || len(run.SIP) != 2 || run.HTTP == "" {
			t.Fatalf("running: %+v", run)
		}
		stop(t, a)
		if _, err := client.Connect(dir); !errors.Is(err, client.ErrNoServer) {
			t.Errorf("after the stop: %v", err)
		}
		stop(t, a)
	}
	until(t, "goroutines left over", func() bool { return runtime.NumGoroutine() <= before+2 })
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what)
		}
	}
}

// Two servers cannot share a folder; the second says so and harms nothing.
func TestSecondServerIsRefused(t *testing.T) {
	dir := t.TempDir()
	a := start(t, testConfig(dir))
	b, err := New(testConfig(dir), "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	err = b.Start(t.Context())
	if err == nil || !strings.Contains(err.Error(), "in use by another") {
		t.Fatalf("the second server: %v", err)
	}
	if status, _ := get(t, a, "/healthz", ""); status != http.StatusOK {
		t.Errorf("the first server answers %d", status)
	}
}

// What fails late in the start leaves nothing open: the next start succeeds.
func TestFailedStartLetsGo(t *testing.T) {
	dir := t.TempDir()
	taken, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	c := testConfig(dir)
	c.SIP.Listen = []string{"udp:" + taken.LocalAddr().String()}
	a, err := New(c, "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err == nil || !strings.Contains(err.Error(), taken.LocalAddr().String()) {
		t.Fatalf("an occupied port: %v", err)
	}
	stop(t, a)
	start(t, testConfig(dir))
}

// A call that a crash left open is closed by the next start, once, and the proof
// holds afterwards.
func TestCallsCutByACrashAreClosed(t *testing.T) {
	dir := t.TempDir()
	c := testConfig(dir)
	stop(t, start(t, c)) // makes the journal

	j, err := journal.Open(journalConfig(c), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(-time.Minute)
	journey := func(call string, more ...event.Payload) {
		list := append([]event.Payload{
			event.CallArrived{Called: "108", Calling: "0125550101", Trunk: "local"},
			event.CallAnswered{Codec: "PCMA"},
			event.NoticePlayed{Language: "az", DurationMS: 3000},
		}, more...)
		for i, p := range list {
			j.Append(event.Event{ID: fmt.Sprintf("%s-%d", call, i+1), At: at, Body: "108", Call: call, Seq: uint64(i + 1), Data: p})
		}
	}
	journey("cut")
	journey("lost", event.RecordingStarted{Recording: "lost", File: "lost.wav"})
	journey("half", event.RecordingStarted{Recording: "half", File: "half.wav"})
	journey("whole", event.RecordingStarted{Recording: "whole", File: "whole.wav"})
	recordHalfAndWhole(t, filepath.Join(dir, "recordings"))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := j.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	j.Stop()

	for range 2 { // the second start finds nothing more to close
		a := start(t, testConfig(dir))
		for call, want := range map[string]struct{ steps, closed, failed int }{
			"cut": {4, 0, 0}, "lost": {6, 0, 1}, "half": {6, 1, 0}, "whole": {6, 1, 0},
		} {
			until(t, call+" is not closed", func() bool {
				d, err := a.store.GetCall(ctx, store.AllBodies(), call)
				return err == nil && d.Outcome == "failed"
			})
			d, err := a.store.GetCall(ctx, store.AllBodies(), call)
			if err != nil {
				t.Fatal(err)
			}
			closed, failed := 0, 0
			for _, r := range d.Recordings {
				switch {
				case r.Failed != "":
					failed++
				case r.SHA256 != "" && r.DurationMS >= 900:
					closed++
				}
			}
			if len(d.Steps) != want.steps || d.Reason != "crash" || closed != want.closed || failed != want.failed {
				t.Errorf("%s: %d steps, reason %q, recordings %+v", call, len(d.Steps), d.Reason, d.Recordings)
			}
		}
		status, body := ask(t, a, http.MethodPost, "/v1/verify", tokenIn(t, dir), `{"files":true}`)
		if status != http.StatusOK || !bytes.Contains(body, []byte(`"ok":true`)) {
			t.Errorf("verify: %d %s", status, body)
		}
		stop(t, a)
	}
}

// recordHalfAndWhole leaves two recordings of a second: one as a killed process
// leaves it, one finished.
func recordHalfAndWhole(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	pool := record.NewPool(record.PoolConfig{}, slog.New(slog.DiscardHandler))
	if err := pool.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer pool.Stop()
	for _, name := range []string{"half.wav", "whole.wav"} {
		r, err := pool.Create(filepath.Join(dir, name), func(err error) { t.Error(err) })
		if err != nil {
			t.Fatal(err)
		}
		sound := tone.Sine(440, 20*time.Millisecond, 0.3)
		for i := range 50 {
			r.Write(record.Caller, 1, uint32(160*i), int64(i)*int64(20*time.Millisecond), sound)
		}
		if _, err := r.Close(int64(time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(filepath.Join(dir, "half.wav"), filepath.Join(dir, "half.wav.part")); err != nil {
		t.Fatal(err)
	}
}

func tokenIn(t *testing.T, dir string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, client.TokenFile))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

func get(t *testing.T, a *App, path, token string) (int, []byte) {
	return ask(t, a, http.MethodGet, path, token, "")
}

func ask(t *testing.T, a *App, method, path, token, body string) (int, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+a.Running().HTTP+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, b
}

// The door: shut without the token, a clear problem for whatever is wrong.
func TestHTTPDoor(t *testing.T) {
	dir := t.TempDir()
	a := start(t, testConfig(dir))
	tok := tokenIn(t, dir)
	for _, c := range []struct {
		method, path, token, body string
		status                    int
		says                      string
	}{
		{"GET", "/healthz", "", "", 200, `"status":"ok"`},
		{"GET", "/v1/calls", "", "", 401, "api.token"},
		{"GET", "/v1/calls", tok + "x", "", 401, "api.token"},
		{"GET", "/metrics", "", "", 401, ""},
		{"GET", "/debug/pprof/heap", "", "", 401, ""},
		{"GET", "/openapi.yaml", tok, "", 200, "openapi: 3.1"},
		{"GET", "/metrics", tok, "", 200, "cagri_calls 0"},
		{"GET", "/v1/calls", tok, "", 200, `"calls":[]`},
		{"GET", "/v1/calls?limit=0", tok, "", 422, "query.limit"},
		{"GET", "/v1/calls?from=yesterday", tok, "", 422, "query.from"},
		{"GET", "/v1/calls/nope", tok, "", 404, ""},
		{"GET", "/v1/calls/nope/audio", tok, "", 404, "no recording"},
		{"GET", "/v1/calls/..%2f..%2fapi.token/audio", tok, "", 404, "no recording"},
		{"POST", "/v1/calls/nope/hangup", tok, "", 404, ""},
		{"POST", "/v1/calls/nope/transfer", tok, `{"target":""}`, 422, "body.target"},
		{"GET", "/v1/agents", tok, "", 200, `"aysel"`},
		{"POST", "/v1/agents/aysel/state", tok, `{"action":"fly"}`, 422, "body.action"},
		{"POST", "/v1/agents/aysel/state", tok, `{"action":`, 400, ""},
		{"POST", "/v1/agents/nobody/state", tok, `{"action":"ready"}`, 404, "no such agent"},
		{"POST", "/v1/agents/aysel/state", tok, `{"action":"sign_in"}`, 202, ""},
		{"GET", "/v1/board", tok, "", 200, `"agents"`},
		{"GET", "/v1/nothing", tok, "", 404, ""},
		{"DELETE", "/v1/calls", tok, "", 405, ""},
	} {
		status, body := ask(t, a, c.method, c.path, c.token, c.body)
		if status != c.status || !bytes.Contains(body, []byte(c.says)) {
			t.Errorf("%s %s: %d %.300s; want %d with %q", c.method, c.path, status, body, c.status, c.says)
		}
	}
	status, _ := ask(t, a, "POST", "/v1/agents/aysel/state", tok, `{"action":"pause","reason":"`+strings.Repeat("x", 2<<20)+`"}`)
	if status != http.StatusRequestEntityTooLarge && status != http.StatusUnprocessableEntity {
		t.Errorf("a body of 2 MB: %d", status)
	}
	var out struct {
		Agents []struct {
			ID    string `json:"id"`
			State string `json:"state"`
		} `json:"agents"`
	}
	_, body := get(t, a, "/v1/agents", tok)
	if err := json.Unmarshal(body, &out); err != nil || len(out.Agents) != 1 || out.Agents[0].State == "" {
		t.Errorf("agents: %v %s", err, body)
	}
}
