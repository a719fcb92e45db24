package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cagri/internal/app"
	"cagri/internal/declare"
	"cagri/internal/directory"
)

// at is the command line of a server that does not run, with its data in a new folder.
func at(t *testing.T) *env {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "cagri.yaml")
	if err := os.WriteFile(file, []byte(fmt.Sprintf("data: %q\n", filepath.Join(dir, "data"))), 0o600); err != nil {
		t.Fatal(err)
	}
	quiet(t)
	return &env{ctx: t.Context(), cli: &cli{Config: file}, log: slog.New(slog.DiscardHandler)}
}

// quiet sends what the commands print away; it is given back at the end of the test.
func quiet(t *testing.T) {
	t.Helper()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	out, errs := os.Stdout, os.Stderr
	os.Stdout, os.Stderr = null, null
	t.Cleanup(func() { os.Stdout, os.Stderr = out, errs; _ = null.Close() })
}

func (e *env) agents(t *testing.T) (ids []string) {
	t.Helper()
	cfg, _, err := e.load()
	if err != nil {
		t.Fatal(err)
	}
	err = app.Directory(e.ctx, cfg, e.log, func(r *declare.Register) error {
		s, err := r.Snapshot(e.ctx, time.Time{})
		if err == nil {
			for _, a := range directory.List[*directory.Agent](s) {
				ids = append(ids, a.ID)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// The example is written, looked at, applied, exported and put back in.
func TestInitApplyExport(t *testing.T) {
	e := at(t)
	dir := filepath.Join(t.TempDir(), "108")
	if err := (initCmd{Example: "108", Dir: dir}).Run(e); err != nil {
		t.Fatal(err)
	}
	if err := (initCmd{Example: "108", Dir: dir}).Run(e); err == nil {
		t.Error("files that were there are written over")
	}
	text, err := os.ReadFile(filepath.Join(dir, "04-temsilciler-agents.yaml"))
	if err != nil || strings.Contains(string(text), "${random}") || strings.Count(string(text), "password: ") < 4 {
		t.Errorf("the example has no passwords of its own: %v", err)
	}
	if err := (applyCmd{Files: []string{dir}, DryRun: true}).Run(e); err != nil || len(e.agents(t)) != 0 {
		t.Fatalf("only looking: %v, %v", err, e.agents(t))
	}
	if err := (applyCmd{Files: []string{dir}, Yes: true}).Run(e); err != nil || len(e.agents(t)) != 4 {
		t.Fatalf("applying: %v, %v", err, e.agents(t))
	}
	out := filepath.Join(t.TempDir(), "out")
	if err := (exportCmd{Out: out}).Run(e); err != nil {
		t.Fatal(err)
	}
	// Nobody is asked when nothing changes.
	if err := (applyCmd{Files: []string{out}}).Run(e); err != nil {
		t.Error(err)
	}
	// All but the private record is in the export, so pruning ends nothing.
	if err := (applyCmd{Files: []string{out}, Prune: true}).Run(e); err != nil {
		t.Error(err)
	}
}

func TestApplySaysNo(t *testing.T) {
	e := at(t)
	file := filepath.Join(t.TempDir(), "a.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("kind: agent\nid: a\nspec: {name: A, body: nobody}")
	var status exitStatus
	if err := (applyCmd{Files: []string{file}, Yes: true}).Run(e); !errors.As(err, &status) || status != 2 {
		t.Errorf("a mistake ends with %v", err)
	}
	write("kind: skill\nid: s\nspec: {name: A}")
	if err := (applyCmd{Files: []string{file}, From: "soon", Yes: true}).Run(e); err == nil || !strings.Contains(err.Error(), "--from") {
		t.Errorf("--from soon: %v", err)
	}
	if err := (applyCmd{Files: []string{filepath.Join(t.TempDir(), "none")}}).Run(e); err == nil {
		t.Error("a file that is not there is applied")
	}
	if err := (exportCmd{Kind: []string{"ghost"}}).Run(e); err == nil {
		t.Error("records of no kind are exported")
	}
}
