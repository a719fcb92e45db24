package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cagri/internal/call"
	"cagri/internal/config"
	"cagri/internal/event"
	"cagri/internal/ivr"
	"cagri/internal/journal"
	"cagri/internal/media"
	"cagri/internal/prompt"
	"cagri/internal/store"
	"cagri/internal/verify"
)

// house is a door with everything behind it: an exchange without calls, a database
// with calls, a folder with recordings.
type house struct {
	*httptest.Server
	store  *store.Store
	dir    string                // of the recordings, inside a folder of secrets
	away   atomic.Pointer[error] // why the database cannot be used
	looked atomic.Int32
	places uint64
}

type nowhere struct{}

func (nowhere) Append(event.Event) {}

func newHouse(t *testing.T, change func(*Deps)) *house {
	t.Helper()
	h := &house{dir: filepath.Join(t.TempDir(), "recordings")}
	if err := os.MkdirAll(h.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	var err error
	if h.store, err = store.Open(t.Context(), store.Config{Driver: "sqlite", DSN: ":memory:"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.store.Close() })
	lib, err := prompt.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler)
	loop := netip.MustParseAddr("127.0.0.1")
	plane, err := media.New(media.Config{BindIP: loop, AdvertiseIP: loop, PortMin: 20000, PortMax: 20099}, quiet)
	if err != nil {
		t.Fatal(err)
	}
	cfg := config.Defaults()
	x, err := call.New(call.Config{Directory: cfg.Directory(), Flows: map[string]*ivr.Flow{"default": ivr.Default()}, Prompts: lib, MaxCalls: 1}, plane, nowhere{}, quiet)
	if err != nil {
		t.Fatal(err)
	}
	deps := Deps{
		Exchange: x, Store: h.store, RecordDir: h.dir, Metrics: prometheus.NewRegistry(), Version: "test",
		Database: func() error {
			if err := h.away.Load(); err != nil {
				return *err
			}
			return nil
		},
		Look:   func() { h.looked.Add(1) },
		Verify: func(context.Context, bool) (verify.Report, error) { return verify.Report{Passed: true}, nil },
	}
	if change != nil {
		change(&deps)
	}
	s, err := New(deps, testToken, quiet)
	if err != nil {
		t.Fatal(err)
	}
	h.Server = httptest.NewServer(s.http.Handler)
	t.Cleanup(h.Close)
	return h
}

// call puts a call with a recording of that name into the database.
func (h *house) call(t *testing.T, id, file string) {
	t.Helper()
	var batch []journal.Stored
	for i, p := range []event.Payload{
		event.CallArrived{Called: "108", Calling: "+994125550101", Trunk: "local"},
		event.RecordingStarted{Recording: id, File: file},
		event.CallEnded{By: "caller", Outcome: "served"},
	} {
		raw, err := event.Append(nil, event.Event{ID: fmt.Sprintf("%s-%d", id, i+1), At: time.Unix(1_800_000_000, 0).UTC(), Body: "108", Call: id, Seq: uint64(i + 1), Data: p})
		if err != nil {
			t.Fatal(err)
		}
		head, err := event.DecodeHead(raw)
		if err != nil {
			t.Fatal(err)
		}
		h.places++
		batch = append(batch, journal.Stored{Seq: h.places, Head: head, Raw: raw})
	}
	if err := h.store.Project(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
}

// answer is what came back.
type answer struct {
	*http.Response
	body []byte
}

// req asks with the token, unless headers say otherwise ("Name: value").
func (h *house) req(t *testing.T, method, path, body string, headers ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, h.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+testToken)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Del(name)
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res, b}
}

// problemWith checks an error's form (RFC 9457): the type, the status in the body, a
// sentence.
func (a answer) problemWith(t *testing.T, status int, says string) {
	t.Helper()
	var p struct {
		Title, Detail string
		Status        int
	}
	what := fmt.Sprintf("%s %s", a.Request.Method, a.Request.URL)
	if a.StatusCode != status {
		t.Errorf("%s: %d %.300s; want %d", what, a.StatusCode, a.body, status)
		return
	}
	if err := json.Unmarshal(a.body, &p); err != nil || p.Status != status || p.Title == "" || !strings.Contains(string(a.body), says) || a.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s: %s %.300s (%v); want %q", what, a.Header.Get("Content-Type"), a.body, err, says)
	}
}

func TestNoTokenNoDoor(t *testing.T) {
	if _, err := New(Deps{Metrics: prometheus.NewRegistry()}, "", slog.New(slog.DiscardHandler)); err == nil {
		t.Fatal("a door without a token")
	}
}

// Nothing but the two questions of health is answered without the token, and a wrong
// one tells nothing, not even what exists.
func TestToken(t *testing.T) {
	h := newHouse(t, nil)
	h.call(t, "01A", "a.wav")
	for _, path := range []string{
		"/v1/calls", "/v1/calls/01A", "/v1/calls/01A/audio", "/v1/calls/none", "/v1/agents", "/v1/board", "/metrics", "/openapi.yaml", "/openapi.json",
		"/debug/pprof/", "/debug/pprof/heap", "/v1/verify", "/", "/nothing", "/healthz/", "/readyz/x", "//healthz", "/healthz%2f..%2fv1%2fcalls",
	} {
		for _, auth := range []string{
			"", "Bearer", "Bearer ", "Bearer " + testToken + "x", "Bearer " + testToken[1:], "bearer " + testToken, "Basic " + testToken, testToken, "Bearer  " + testToken, "Bearer " + testToken + ", Bearer x",
		} {
			a := h.req(t, http.MethodGet, path, "", "Authorization: "+auth)
			a.problemWith(t, http.StatusUnauthorized, "api.token")
			if a.Header.Get("WWW-Authenticate") == "" || bytes.Contains(a.body, []byte(testToken)) {
				t.Errorf("%s: %v %s", path, a.Header, a.body)
			}
		}
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		a := h.req(t, http.MethodGet, path, "", "Authorization: ")
		if a.StatusCode != http.StatusOK || !bytes.Contains(a.body, []byte(`"status":"ok"`)) {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
		if a := h.req(t, http.MethodPost, path, "", "Authorization: "); a.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("POST %s: %d", path, a.StatusCode)
		}
	}
	if a := h.req(t, http.MethodGet, "/v1/calls", ""); a.StatusCode != http.StatusOK || a.Header.Get("X-Content-Type-Options") != "nosniff" || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("with the token: %d %v", a.StatusCode, a.Header)
	}
}

// A method that a path does not have is 405 with those it has; a path that is not
// there is 404.
func TestMethods(t *testing.T) {
	h := newHouse(t, nil)
	for _, c := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"DELETE", "/v1/calls", 405, "GET"}, {"POST", "/v1/calls/x", 405, "GET"}, {"PUT", "/v1/calls/x/audio", 405, "GET"},
		{"GET", "/v1/calls/x/hangup", 405, "POST"}, {"GET", "/v1/verify", 405, "POST"}, {"PATCH", "/v1/board", 405, "GET"},
		{"GET", "/v1", 404, ""}, {"GET", "/v1/calls/", 404, ""}, {"GET", "/v2/calls", 404, ""}, {"TRACE", "/v1/nothing", 404, ""},
	} {
		a := h.req(t, c.method, c.path, "")
		if a.StatusCode != c.status || !strings.Contains(a.Header.Get("Allow"), c.allow) {
			t.Errorf("%s %s: %d, Allow %q; want %d %q", c.method, c.path, a.StatusCode, a.Header.Get("Allow"), c.status, c.allow)
		}
	}
}

// What is asked for and is not there, or makes no sense, is told as a problem.
func TestUnknown(t *testing.T) {
	h := newHouse(t, nil)
	for _, c := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"GET", "/v1/calls/nope", "", 404, "nope"},
		{"GET", "/v1/calls/nope/audio", "", 404, "no recording"},
		{"POST", "/v1/calls/nope/hangup", "", 404, "no such call"},
		{"POST", "/v1/calls/nope/transfer", `{"target":"1001"}`, 404, "no such call"},
		{"POST", "/v1/calls/nope/transfer", `{}`, 422, "target"},
		{"POST", "/v1/calls/nope/transfer", `{"target":"1","also":1}`, 422, "also"},
		{"POST", "/v1/calls/nope/transfer", `{"target":`, 400, ""},
		{"POST", "/v1/calls/nope/transfer", `[]`, 422, ""},
		{"POST", "/v1/agents/nobody/state", `{"action":"ready"}`, 404, "no such agent"},
		{"POST", "/v1/agents/nobody/state", `{"action":"fly"}`, 422, "body.action"},
		{"GET", "/v1/calls?limit=-1", "", 422, "query.limit"},
		{"GET", "/v1/calls?limit=1001", "", 422, "query.limit"},
		{"GET", "/v1/calls?limit=x", "", 422, "query.limit"},
		{"GET", "/v1/calls?from=x", "", 422, "query.from"},
		{"GET", "/v1/calls?number=" + strings.Repeat("1", 33), "", 422, "query.number"},
		{"GET", "/v1/calls/" + strings.Repeat("x", 65), "", 422, "path.id"},
		{"GET", "/v1/calls/%00", "", 400, "zero byte"},
		{"GET", "/v1/calls/x%00/audio", "", 400, "zero byte"},
		{"GET", "/v1/calls/%ff", "", 400, "broken UTF-8"},
		{"GET", "/v1/calls?number=%00", "", 400, "zero byte"},
		{"GET", "/v1/calls?number=1&agent=%ed%a0%80", "", 400, "broken UTF-8"},
	} {
		h.req(t, c.method, c.path, c.body).problemWith(t, c.status, c.says)
	}
	// Quotes and wildcards are nothing but characters.
	h.call(t, "01A", "a.wav")
	for _, q := range []string{"'%20OR%201=1--", "%25", "_", "%22"} {
		if a := h.req(t, "GET", "/v1/calls?number="+q, ""); a.StatusCode != 200 || !bytes.Contains(a.body, []byte(`"calls":[]`)) {
			t.Errorf("number=%s: %d %s", q, a.StatusCode, a.body)
		}
	}
}

// A body is read up to a megabyte, whether its length is announced or not.
func TestBodyLimit(t *testing.T) {
	h := newHouse(t, nil)
	long := `{"target":"` + strings.Repeat("1", 2<<20) + `"}`
	if a := h.req(t, "POST", "/v1/calls/nope/transfer", long); a.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("two megabytes: %d %.200s", a.StatusCode, a.body)
	}
	r, err := http.NewRequestWithContext(t.Context(), "POST", h.URL+"/v1/calls/nope/transfer", io.MultiReader(strings.NewReader(long)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+testToken)
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("two megabytes in chunks: %d", res.StatusCode)
	}
	fits := `{"target":"` + strings.Repeat("1", 900<<10) + `"}`
	h.req(t, "POST", "/v1/calls/nope/transfer", fits).problemWith(t, 422, "body.target")
}

// Whatever name stands in the database, only a file inside the folder is sent.
func TestRecordingNames(t *testing.T) {
	h := newHouse(t, nil)
	secret := filepath.Join(filepath.Dir(h.dir), "api.token")
	if err := os.WriteFile(secret, []byte("SECRET"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(
		os.WriteFile(filepath.Join(h.dir, "good.wav"), []byte("RIFFgood"), 0o600),
		os.Mkdir(filepath.Join(h.dir, "sub"), 0o700),
		os.WriteFile(filepath.Join(h.dir, "sub", "deep.wav"), []byte("RIFFdeep"), 0o600),
		os.Symlink(secret, filepath.Join(h.dir, "link.wav")),
		os.Symlink("../api.token", filepath.Join(h.dir, "near.wav")),
		os.Symlink("..", filepath.Join(h.dir, "up")),
		syscall.Mkfifo(filepath.Join(h.dir, "pipe.wav"), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	for i, file := range []string{
		"../api.token", "sub/../../api.token", "/etc/hostname", secret, "link.wav", "near.wav", "up/api.token", "..", ".", "/", "sub", "pipe.wav", "gone.wav", "good.wav/../../api.token",
		"good.wav\x00", "..\\api.token", "%2e%2e/api.token",
	} {
		id := fmt.Sprintf("01B%02d", i)
		h.call(t, id, file)
		for _, method := range []string{"GET", "HEAD"} {
			a := h.req(t, method, "/v1/calls/"+id+"/audio", "")
			if a.StatusCode != 404 || bytes.Contains(a.body, []byte("SECRET")) || method == "GET" && !bytes.Contains(a.body, []byte("not there")) {
				t.Errorf("%s %q: %d %s", method, file, a.StatusCode, a.body)
			}
		}
	}
	for id, c := range map[string][2]string{"01C1": {"good.wav", "RIFFgood"}, "01C2": {"sub/deep.wav", "RIFFdeep"}} {
		h.call(t, id, c[0])
		if a := h.req(t, "GET", "/v1/calls/"+id+"/audio", ""); a.StatusCode != 200 || string(a.body) != c[1] {
			t.Errorf("%s: %d %s", c[0], a.StatusCode, a.body)
		}
	}
	// The path of the request reaches no file either.
	for _, path := range []string{"/v1/calls/..%2f..%2fapi.token/audio", "/v1/calls/%2e%2e/audio", "/v1/calls/good.wav/audio"} {
		if a := h.req(t, "GET", path, ""); a.StatusCode != 404 || bytes.Contains(a.body, []byte("SECRET")) {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
	off := newHouse(t, func(d *Deps) { d.RecordDir = "" })
	off.call(t, "01D", "good.wav")
	off.req(t, "GET", "/v1/calls/01D/audio", "").problemWith(t, 404, "recording is off")
	gone := newHouse(t, func(d *Deps) { d.RecordDir = filepath.Join(d.RecordDir, "unmounted") })
	gone.call(t, "01E", "good.wav")
	gone.req(t, "GET", "/v1/calls/01E/audio", "").problemWith(t, 404, "folder")
}

// A player may ask for a part, for several, for the end, or only for the size.
func TestRanges(t *testing.T) {
	h := newHouse(t, nil)
	if err := os.WriteFile(filepath.Join(h.dir, "a.wav"), []byte("RIFF0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.call(t, "01A", "a.wav")
	for _, c := range []struct {
		method, ask string
		status      int
		body, part  string
		length      int64
	}{
		{"GET", "", 200, "RIFF0123456789", "", 14},
		{"HEAD", "", 200, "", "", 14},
		{"GET", "bytes=0-3", 206, "RIFF", "bytes 0-3/14", 4},
		{"HEAD", "bytes=0-3", 206, "", "bytes 0-3/14", 4},
		{"GET", "bytes=4-", 206, "0123456789", "bytes 4-13/14", 10},
		{"GET", "bytes=-2", 206, "89", "bytes 12-13/14", 2},
		{"GET", "bytes=10-99", 206, "6789", "bytes 10-13/14", 4},
		{"GET", "bytes=14-", 416, "", "bytes */14", -1},
		{"GET", "bytes=3-1", 416, "", "", -1},
		{"GET", "bytes=x", 416, "", "", -1},
		{"GET", "lines=1-2", 416, "", "", -1},
	} {
		headers := []string{}
		if c.ask != "" {
			headers = append(headers, "Range: "+c.ask)
		}
		a := h.req(t, c.method, "/v1/calls/01A/audio", "", headers...)
		if a.StatusCode != c.status || c.part != a.Header.Get("Content-Range") {
			t.Errorf("%s %s: %d %q; want %d %q", c.method, c.ask, a.StatusCode, a.Header.Get("Content-Range"), c.status, c.part)
		}
		if c.status >= 400 {
			continue
		}
		if string(a.body) != c.body || a.ContentLength != c.length || a.Header.Get("Accept-Ranges") != "bytes" || a.Header.Get("Content-Type") != "audio/wav" || a.Header.Get("Content-Disposition") != "attachment; filename=01A.wav" {
			t.Errorf("%s %s: %q, length %d, %v", c.method, c.ask, a.body, a.ContentLength, a.Header)
		}
	}
	if a := h.req(t, "GET", "/v1/calls/01A/audio", "", "Range: bytes=0-1,4-5"); a.StatusCode != 206 || !strings.HasPrefix(a.Header.Get("Content-Type"), "multipart/byteranges") {
		t.Errorf("two parts: %d %v", a.StatusCode, a.Header)
	}
}

// While the database cannot be used, what needs it is refused with the reason and
// nothing of its secrets; what lives now is answered.
func TestDatabaseAway(t *testing.T) {
	h := newHouse(t, nil)
	h.call(t, "01A", "a.wav")
	for kind, c := range map[string]struct {
		err  error
		says string
	}{
		"away":    {fmt.Errorf("%w: dial host=10.1.2.3 user=cagri", store.ErrAway), "the database is away"},
		"refused": {fmt.Errorf("%w: user=cagri", store.ErrRefused), "refuses this server"},
		"newer":   {fmt.Errorf("%w: user=cagri", store.ErrNewer), "newer program"},
		"unfit":   {errors.New("migration 7 of user=cagri"), "cannot be used yet"},
	} {
		h.away.Store(&c.err)
		for _, path := range []string{"/v1/calls", "/v1/calls/01A", "/v1/calls/01A/audio"} {
			a := h.req(t, "GET", path, "")
			a.problemWith(t, 503, c.says)
			if a.Header.Get("Retry-After") == "" || bytes.Contains(a.body, []byte("user=")) {
				t.Errorf("%s: %v %s", path, a.Header, a.body)
			}
		}
		h.req(t, "POST", "/v1/verify", "{}").problemWith(t, 503, c.says)
		if a := h.req(t, "HEAD", "/v1/calls/01A/audio", ""); a.StatusCode != 503 {
			t.Errorf("HEAD: %d", a.StatusCode)
		}
		for path, status := range map[string]int{"/healthz": 200, "/readyz": 503} {
			a := h.req(t, "GET", path, "", "Authorization: ")
			if a.StatusCode != status || !bytes.Contains(a.body, []byte(`"database":"`+kind+`"`)) || !bytes.Contains(a.body, []byte(c.says)) || bytes.Contains(a.body, []byte("user=")) {
				t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
			}
		}
		if a := h.req(t, "GET", "/openapi.yaml", ""); a.StatusCode != 200 {
			t.Errorf("openapi: %d", a.StatusCode)
		}
		h.req(t, "POST", "/v1/calls/none/hangup", "").problemWith(t, 404, "no such call")
	}
	if n := h.looked.Load(); n != 0 {
		t.Errorf("asked to look %d times, though everybody knows", n)
	}
	h.away.Store(nil)
	if a := h.req(t, "GET", "/v1/calls/01A", ""); a.StatusCode != 200 {
		t.Errorf("back: %d %s", a.StatusCode, a.body)
	}
}

// The first reader who meets a database that has gone gets the same answer, and sets
// off a look at it.
func TestDatabaseGoesUnderAReader(t *testing.T) {
	h := newHouse(t, func(d *Deps) {
		var err error
		if d.Store, err = store.OpenLater(store.Config{Driver: "postgres", DSN: "host=/nowhere user=cagri"}); err != nil {
			t.Fatal(err)
		}
		st := d.Store
		t.Cleanup(func() { _ = st.Close() })
		d.Verify = func(ctx context.Context, _ bool) (verify.Report, error) {
			_, err := st.Position(ctx)
			return verify.Report{}, err
		}
	})
	for i, path := range []string{"/v1/calls", "/v1/calls/x", "/v1/calls/x/audio"} {
		a := h.req(t, "GET", path, "")
		a.problemWith(t, 503, "the database is away")
		if bytes.Contains(a.body, []byte("nowhere")) || a.Header.Get("Retry-After") == "" || h.looked.Load() != int32(i+1) {
			t.Errorf("%s: %v %s, looked %d", path, a.Header, a.body, h.looked.Load())
		}
	}
	h.req(t, "POST", "/v1/verify", "{}").problemWith(t, 503, "the database is away")
}
