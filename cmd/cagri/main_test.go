package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"cagri/internal/api/client"
	"cagri/internal/store/pgtest"
)

// asProgram makes the test's own program behave as cagri.
const asProgram = "RUN_AS_CAGRI"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) == "1" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// ran is what a command left behind.
type ran struct {
	status   int
	out, err string
}

func command(ctx context.Context, t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Dir = dir
	cmd.Env = []string{asProgram + "=1", "PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TZ=UTC"}
	return cmd
}

// run runs a command to its end.
func run(t *testing.T, dir string, args ...string) ran {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := command(ctx, t, dir, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		t.Fatalf("cagri %v: %v\n%s", args, err, errs.String())
	}
	return ran{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// folder is a configuration on free ports; more is added to it.
func folder(t *testing.T, more string) string {
	t.Helper()
	dir := t.TempDir()
	text := "data: " + filepath.Join(dir, "data") + "\n" + more
	for key, line := range map[string]string{"sip:": "sip: {listen: [\"udp:127.0.0.1:0\"]}\n", "http:": "http: {listen: \"127.0.0.1:0\"}\n", "stop:": "stop: {wait: 1s}\n"} {
		if !strings.Contains(more, key) {
			text += line
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "c.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Wrong words end with status 80 and the usage, everything else that fails with 1
// and a sentence.
func TestExitStatus(t *testing.T) {
	t.Parallel()
	dir := folder(t, "phones: [{user: \"1001\", password: \"hush-hush\"}]\n")
	bad := folder(t, "colour: red\n")
	meaningless := folder(t, "log: loud\n")
	for _, c := range []struct {
		dir    string
		args   []string
		status int
		says   string // on standard error
	}{
		{dir, []string{}, 80, "Usage: cagri"},
		{dir, []string{"fly"}, 80, "fly"},
		{dir, []string{"calls", "--colour"}, 80, "--colour"},
		{dir, []string{"calls", "list", "--limit", "many"}, 80, "limit"},
		{dir, []string{"calls", "show"}, 80, "<id>"},
		{dir, []string{"agents", "set", "aysel", "fly"}, 80, "sign_in"},
		{dir, []string{"migrate", "--to", "up"}, 80, "to"},
		{dir, []string{"-c", "missing.yaml", "config"}, 1, "missing.yaml"},
		{bad, []string{"-c", "c.yaml", "config"}, 1, "colour"},
		{bad, []string{"-c", "c.yaml", "serve"}, 1, "colour"},
		{meaningless, []string{"-c", "c.yaml", "serve"}, 1, "loud"},
		{dir, []string{"-c", "c.yaml", "calls"}, 1, "no server is running here"},
		{dir, []string{"-c", "c.yaml", "calls", "show", "x"}, 1, "no server is running here"},
		{dir, []string{"-c", "c.yaml", "calls", "audio", "x"}, 1, "no server is running here"},
		{dir, []string{"-c", "c.yaml", "agents"}, 1, "no server is running here"},
		{dir, []string{"-c", "c.yaml", "agents", "set", "aysel", "ready"}, 1, "no server is running here"},
		{dir, []string{"-c", "c.yaml", "verify"}, 1, "there is no journal"},
		{dir, []string{"-c", "c.yaml", "migrate", "--to", "9000"}, 1, "knows versions up to"},
		{dir, []string{"demo", "--agents", "0"}, 1, "--agents 0"},
		{dir, []string{"demo", "--rate", "0"}, 1, "--rate 0"},
		{dir, []string{"version"}, 0, ""},
		{dir, []string{"--help"}, 0, ""},
		{dir, []string{"-c", "c.yaml", "config"}, 0, ""},
		{dir, []string{"-c", "c.yaml", "migrate"}, 0, ""},
	} {
		r := run(t, c.dir, c.args...)
		if r.status != c.status || !strings.Contains(r.err+map[bool]string{true: r.out}[c.status == 80], c.says) || c.status == 0 && r.err != "" {
			t.Errorf("cagri %q: status %d, want %d with %q\nout: %.300s\nerr: %.500s", c.args, r.status, c.status, c.says, r.out, r.err)
		}
		if c.status == 1 && (r.out != "" || !strings.HasPrefix(r.err, "cagri: ")) {
			t.Errorf("cagri %q: out %q, err %q", c.args, r.out, r.err)
		}
	}
	if r := run(t, dir, "-c", "c.yaml", "config"); strings.Contains(r.out, "hush-hush") {
		t.Error("config prints a password")
	}
}

// With --json there is JSON on standard output and nothing else.
func TestJSON(t *testing.T) {
	t.Parallel()
	dir := folder(t, "phones: [{user: \"1001\", password: \"hush-hush\"}]\n")
	decode := func(into any, args ...string) {
		t.Helper()
		r := run(t, dir, append([]string{"--json", "-c", "c.yaml"}, args...)...)
		dec := json.NewDecoder(strings.NewReader(r.out))
		dec.DisallowUnknownFields()
		if err := dec.Decode(into); err != nil || dec.More() || r.status != 0 || r.err != "" {
			t.Errorf("%q: %v, status %d\n%s%s", args, err, r.status, r.out, r.err)
		}
		if strings.Contains(r.out, "hush-hush") {
			t.Errorf("%q prints a password", args)
		}
	}
	var v struct {
		Version string `json:"version"`
	}
	decode(&v, "version")
	if v.Version == "" {
		t.Error("no version")
	}
	var values []struct {
		Key, Source string
		Value       any
	}
	decode(&values, "config")
	if len(values) < 20 || values[0].Key == "" || values[0].Source == "" {
		t.Errorf("config: %+v", values)
	}
	var m struct {
		From int64 `json:"from"`
		To   int64 `json:"to"`
	}
	decode(&m, "migrate")
	if m.From != 0 || m.To < 1 {
		t.Errorf("migrate: %+v", m)
	}
}

// hostile is a name that would clear the screen, set the title, turn letters around
// and begin a new line, with the eight-bit and the Unicode ways to do so.
const hostile = "Ay\x1b[2J\x1b]0;owned\x07sel\u009b31m\u202eabc\u2028\r\nROOT\t\x7f\x00"

// fake answers as a server whose callers are hostile.
func fake(t *testing.T) string {
	t.Helper()
	dir := folder(t, "")
	call := map[string]any{"id": "01C" + hostile, "calling": hostile, "called": hostile, "queue": hostile, "agent": hostile, "outcome": hostile, "reason": hostile,
		"arrived_at": "2026-01-02T03:04:05Z", "answered_at": nil, "bridged_at": nil, "ended_at": nil}
	detail := map[string]any{"steps": []any{map[string]any{"seq": 1, "at": "2026-01-02T03:04:05Z", "kind": hostile, "data": map[string]any{"name": hostile}}}}
	for k, v := range call {
		detail[k] = v
	}
	mux := http.NewServeMux()
	say := func(v any) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(v) }
	}
	mux.HandleFunc("GET /v1/calls", say(map[string]any{"calls": []any{call}}))
	mux.HandleFunc("GET /v1/calls/{id}", func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("id") != "x" {
			w.WriteHeader(http.StatusNotFound)
			say(map[string]any{"detail": hostile})(w, r)
			return
		}
		say(detail)(w, r)
	})
	mux.HandleFunc("GET /v1/calls/{id}/audio", func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("id") != "x" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("RIFF\x1b"))
	})
	mux.HandleFunc("GET /v1/agents", say(map[string]any{"agents": []any{map[string]any{"id": hostile, "name": hostile, "phone": hostile, "state": hostile, "reason": hostile, "call": hostile, "queues": []string{hostile}}}}))
	mux.HandleFunc("POST /v1/agents/{id}/state", func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("id") != "a/b" {
			w.WriteHeader(http.StatusNotFound)
		}
	})
	mux.HandleFunc("POST /v1/verify", say(map[string]any{"passed": false, "summary": hostile, "checks": []any{map[string]any{
		"name": hostile, "ok": false, "findings": []any{map[string]any{"call": hostile, "reason": hostile}}}}}))
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	note, err := json.Marshal(client.Running{PID: 1, HTTP: strings.TrimPrefix(srv.URL, "http://"), Data: "data"})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{client.RunFile: note, client.TokenFile: []byte("t\n")} {
		if err := os.WriteFile(filepath.Join(dir, "data", name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// tameText fails when s could steer a terminal.
func tameText(t *testing.T, what, s string) {
	t.Helper()
	if !utf8.ValidString(s) {
		t.Errorf("%s: broken UTF-8 in %q", what, s)
	}
	for _, r := range s {
		if r != '\n' && r != '\t' && !unicode.IsPrint(r) {
			t.Errorf("%s: %U reaches the terminal in %q", what, r, s)
			return
		}
	}
}

// Whatever a caller's name holds, a terminal is not steered by it: not by a table, not
// by JSON, not by an error.
func TestNamesDoNotSteerTheTerminal(t *testing.T) {
	t.Parallel()
	dir := fake(t)
	for _, c := range []struct {
		args   []string
		status int
		lines  int // of the table; 0: not counted
	}{
		{[]string{"calls"}, 0, 2}, {[]string{"calls", "show", "x"}, 0, 1}, {[]string{"agents"}, 0, 2}, {[]string{"verify"}, 2, 0},
		{[]string{"calls", "show", "y"}, 1, 0}, {[]string{"calls", "show", hostile[:6]}, 1, 0},
	} {
		r := run(t, dir, append([]string{"-c", "c.yaml"}, c.args...)...)
		what := fmt.Sprintf("%q", c.args)
		if r.status != c.status {
			t.Errorf("%s: status %d, want %d: %s%s", what, r.status, c.status, r.out, r.err)
		}
		tameText(t, what, r.out)
		tameText(t, what, r.err)
		if n := strings.Count(r.out, "\n"); c.lines > 0 && n != c.lines {
			t.Errorf("%s: %d lines: %q", what, n, r.out)
		}
		if c.status == 0 && !strings.Contains(r.out, `\x1b[2J`) && !strings.Contains(r.out, `\u001b[2J`) {
			t.Errorf("%s does not show what was there: %q", what, r.out)
		}
		r = run(t, dir, append([]string{"--json", "-c", "c.yaml"}, c.args...)...)
		tameText(t, "--json "+what, r.out)
		if c.status == 1 {
			continue
		}
		var v any
		if err := json.Unmarshal([]byte(r.out), &v); err != nil {
			t.Errorf("--json %s: %v", what, err)
		} else if whole := fmt.Sprint(v); !strings.Contains(whole, hostile) {
			t.Errorf("--json %s: the name came out otherwise: %q", what, whole)
		}
	}
}

// An agent's id is one part of the path, whatever it holds; sound is written to a file
// only when there is some.
func TestIdsAndFiles(t *testing.T) {
	t.Parallel()
	dir := fake(t)
	if r := run(t, dir, "-c", "c.yaml", "agents", "set", "a/b", "ready"); r.status != 0 {
		t.Errorf("an agent's id with a slash: %d %s", r.status, r.err)
	}
	kept := filepath.Join(dir, "kept.wav")
	if err := os.WriteFile(kept, []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := run(t, dir, "-c", "c.yaml", "calls", "audio", "y", "-o", kept); r.status != 1 {
		t.Errorf("a refused recording: %d %s", r.status, r.err)
	}
	if b, _ := os.ReadFile(kept); string(b) != "before" {
		t.Errorf("a refusal has written over a file: %q", b)
	}
	if r := run(t, dir, "-c", "c.yaml", "calls", "audio", "x", "-o", kept); r.status != 0 {
		t.Errorf("a recording: %d %s", r.status, r.err)
	}
	if b, _ := os.ReadFile(kept); string(b) != "RIFF\x1b" {
		t.Errorf("the recording: %q", b)
	}
	if r := run(t, dir, "-c", "c.yaml", "calls", "audio", "x"); r.out != "RIFF\x1b" {
		t.Errorf("through a pipe: %q", r.out)
	}
}

func TestTame(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Aysel Məmmədova": "Aysel Məmmədova", "": "", "Əli 🙂": "Əli 🙂", "a\tb\n": `a\x09b\x0a`, "\x1b[31m": `\x1b[31m`, "\u009b": `\u009b`, "\xff": `\xff`, "\ufffd": "\ufffd",
		"\U000e0041": `\U000e0041`,
	} {
		if got := cell(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := text("a\tb\n\r"); got != "a\tb\n\\x0d" {
		t.Errorf("text: %q", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		s := string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) + rapid.String().Draw(t, "text")
		for _, r := range cell(s) {
			if !unicode.IsPrint(r) {
				t.Fatalf("%U in %q", r, cell(s))
			}
		}
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var before, after string
		tame := tameJSON(b)
		if err := errors.Join(json.Unmarshal(b, &before), json.Unmarshal(tame, &after)); err != nil || before != after {
			t.Fatalf("%q became %q (%v)", before, after, err)
		}
		for _, r := range string(tame) {
			if !unicode.IsPrint(r) {
				t.Fatalf("%U in %q", r, tame)
			}
		}
	})
}

// serving is a server in a process of its own.
type serving struct {
	cmd  *exec.Cmd
	errs bytes.Buffer
	run  client.Running
	done chan error
}

func serve(t *testing.T, dir string) *serving {
	t.Helper()
	s := &serving{done: make(chan error, 1)}
	s.cmd = command(context.Background(), t, dir, "--json", "-c", "c.yaml", "serve")
	s.cmd.Stderr = &s.errs
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		<-s.done
	})
	err = json.NewDecoder(out).Decode(&s.run)
	go func() {
		s.done <- s.cmd.Wait()
		close(s.done)
	}()
	if err != nil {
		_ = s.cmd.Process.Kill()
		<-s.done
		t.Fatalf("serve: %v\n%s", err, s.errs.String())
	}
	return s
}

// stop ends it by SIGTERM.
func (s *serving) stop(t *testing.T, in time.Duration) {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-s.done:
		if err != nil {
			t.Errorf("the server ended with %v\n%s", err, s.errs.String())
		}
	case <-time.After(in):
		t.Errorf("the server does not end within %s", in)
	}
}

// A second server over the same data, or on ports that are taken, ends with a sentence
// that says whose they are and which key sets them.
func TestServeRefuses(t *testing.T) {
	t.Parallel()
	dir := folder(t, "")
	s := serve(t, dir)
	r := run(t, dir, "-c", "c.yaml", "serve")
	for _, want := range []string{"data:", filepath.Join(dir, "data"), "a server that runs already", fmt.Sprintf("process %d", s.run.PID), "another data folder"} {
		if r.status != 1 || !strings.Contains(r.err, want) {
			t.Errorf("the same data: status %d, want 1 with %q: %s", r.status, want, r.err)
		}
	}
	sip, web := strings.TrimPrefix(s.run.SIP[0], "udp:"), s.run.HTTP
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for more, want := range map[string][]string{
		"sip: {listen: [\"udp:" + sip + "\"]}\n":                                               {"sip.listen", "udp " + sip, "another program has this port"},
		"sip: {listen: [\"udp:127.0.0.1:0\", \"tcp:" + taken.Addr().String() + "\"]}\n":        {"sip.listen", "tcp " + taken.Addr().String(), "another program has this port"},
		"http: {listen: \"" + web + "\"}\n":                                                    {"http.listen", web, "another program has this port"},
		"http: {listen: \"192.0.2.1:8108\"}\n":                                                 {"http.listen", "192.0.2.1:8108", "no such address"},
		"sip: {listen: [\"udp:192.0.2.1:5060\"]}\nmedia: {ip: 127.0.0.1}\n":                    {"sip.listen", "192.0.2.1:5060", "no such address"},
		"store: {driver: postgres, dsn: \"postgres://u:hush-hush@[::1\"}\n":                    {"store.dsn"},
		"store: {driver: postgres, dsn: \"host=/nowhere\"}\nhttp: {listen: \"" + web + "\"}\n": {"http.listen", web},
	} {
		r := run(t, folder(t, more), "-c", "c.yaml", "serve")
		for _, w := range want {
			if r.status != 1 || !strings.Contains(r.err, w) {
				t.Errorf("%s: status %d, want 1 with %q: %s", more, r.status, w, r.err)
			}
		}
		if r.out != "" || strings.Contains(r.err, "hush-hush") {
			t.Errorf("%s: %s%s", more, r.out, r.err)
		}
	}
	if r := run(t, dir, "-c", "c.yaml", "agents"); r.status != 0 {
		t.Errorf("the first server was harmed: %s", r.err)
	}
	s.stop(t, 20*time.Second)
}

// Without its database the server comes up, says so to whoever asks, and ends at a
// signal.
func TestServeWithoutTheDatabase(t *testing.T) {
	t.Parallel()
	dir := folder(t, "store: {driver: postgres, dsn: \"host=/nowhere dbname=cagri\"}\n")
	s := serve(t, dir)
	for _, args := range [][]string{{"calls"}, {"calls", "show", "x"}, {"calls", "audio", "x"}, {"verify"}, {"export"}} {
		r := run(t, dir, append([]string{"-c", "c.yaml"}, args...)...)
		if r.status != 1 || !strings.Contains(r.err, "503") || !strings.Contains(r.err, "the database is away") {
			t.Errorf("%q: status %d: %s", args, r.status, r.err)
		}
	}
	if r := run(t, dir, "-c", "c.yaml", "agents"); r.status != 0 {
		t.Errorf("agents: %s", r.err)
	}
	if r := run(t, dir, "-c", "c.yaml", "migrate"); r.status != 1 || !strings.Contains(r.err, "the database does not answer") {
		t.Errorf("migrate: %d %s", r.status, r.err)
	}
	s.stop(t, 20*time.Second)
	if !strings.Contains(s.errs.String(), "the database is away") {
		t.Errorf("the log: %s", s.errs.String())
	}
}

// A database that turns out to be of a newer program ends the server with status 1.
func TestServeEndsBeforeANewerDatabase(t *testing.T) {
	t.Parallel()
	pg := pgtest.Start(t)
	dsn := pg.Base(t)
	pg.Exec(t, dsn, "CREATE TABLE goose_db_version (id serial PRIMARY KEY, version_id bigint NOT NULL, is_applied boolean NOT NULL, tstamp timestamp DEFAULT now())",
		"INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, true), (9000, true)")
	more := fmt.Sprintf("store: {driver: postgres, dsn: %q}\n", dsn)
	if r := run(t, folder(t, more), "-c", "c.yaml", "serve"); r.status != 1 || r.out != "" || !strings.Contains(r.err, "cagri: the database is of a newer program: it stands at version 9000") {
		t.Errorf("at the start: %d %s%s", r.status, r.out, r.err)
	}
	pg.Kill()
	s := serve(t, folder(t, more))
	pg.Restart(t)
	select {
	case err := <-s.done:
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(s.errs.String(), "cagri: the database is of a newer program") {
			t.Errorf("later: %v %s", err, s.errs.String())
		}
	case <-time.After(30 * time.Second):
		t.Error("the server goes on")
	}
}
