package app

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"cagri/examples"
	"cagri/internal/declare"
	"cagri/internal/directory"
	"cagri/internal/sip"
	"cagri/internal/store/pgtest"
)

// applyExample makes the directory that of the example.
func applyExample(t *testing.T, a *App) {
	t.Helper()
	from, err := examples.Named("108")
	if err != nil {
		t.Fatal(err)
	}
	files, err := declare.Files(from, ".")
	if err != nil {
		t.Fatal(err)
	}
	for i := range files {
		files[i].Text = strings.ReplaceAll(files[i].Text, "${random}", "a-password-for-a-test")
	}
	files = append(files, declare.File{Name: "more.yaml", Text: "kind: skill\nid: late\nfrom: 2199-01-01\nspec: {name: Gec}\n---\nkind: skill\nid: brief\nfrom: 2020-01-01\nuntil: 2021-01-01\nspec: {name: Qısa}\n"})
	plan, err := a.present.register.Apply(t.Context(), declare.Request{Files: files, By: "test", Reason: "test", Revision: -1})
	if err != nil || !plan.OK() {
		t.Fatalf("%v\n%s", err, plan.Text())
	}
}

// A start without the database answers for the bodies and phones of the last run, and
// takes up the directory itself when it can.
func TestStartByTheCopyOfTheDirectory(t *testing.T) {
	t.Parallel()
	pg := pgtest.Start(t)
	c := onPostgres(t, pg.Base(t))
	a, _ := startWith(t, c)
	applyExample(t, a)
	until(t, "the directory is in force", func() bool { return a.present.revision.Load() == 1 && a.present.kept.Load() == 1 })
	agents := len(a.exchange.Agents())
	book, err := a.present.register.Book(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stop(t, a)

	name := filepath.Join(c.Data, copyFile)
	info, err := os.Stat(name)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the copy: %v %v", info, err)
	}
	copied, err := readCopy(c.Data)
	if err != nil || copied.Revision() != book.Revision() || !reflect.DeepEqual(copied.All(), book.All()) {
		t.Fatalf("the copy is not the book: %v", err)
	}
	for _, ref := range book.All() {
		was, is := book.Versions(ref), copied.Versions(ref)
		if len(was) != len(is) {
			t.Fatalf("%v: %d versions of %d", ref, len(is), len(was))
		}
		for i := range was {
			if !reflect.DeepEqual(was[i], is[i]) {
				t.Errorf("%v: %+v, was %+v", ref, is[i], was[i])
			}
		}
	}

	pg.Kill()
	b, log := startWith(t, c)
	log.says(t, "the copy of the last run is in force")
	if got := b.exchange.Agents(); len(got) != agents || agents < 2 {
		t.Errorf("%d agents of %d: %+v", len(got), agents, got)
	}
	if p := directory.List[*directory.Phone](copied.At(time.Now())); len(p) == 0 {
		t.Error("the example has no phones")
	} else if _, ok := (*b.present.accounts.Load())[p[0].User]; !ok {
		t.Errorf("phone %s is not known", p[0].User)
	}
	if err := newCitizens(t).call(t, b, "+994125550108").End(sip.Reason{}); err != nil {
		t.Fatal(err)
	}
	pg.Restart(t)
	until(t, "the directory itself is not read", func() bool { return b.present.kept.Load() == 1 })
	stop(t, b)

	// A copy that is not whole is told and not followed.
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, text[:len(text)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	pg.Kill()
	d, log := startWith(t, c)
	log.says(t, "what=directory_copy")
	if got := d.exchange.Agents(); len(got) != 1 || got[0].ID != "aysel" {
		t.Errorf("half a copy is in force: %+v", got)
	}
}

func TestCopiesThatAreNoUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if b, err := readCopy(dir); b != nil || err != nil {
		t.Errorf("no copy: %v %v", b, err)
	}
	for text, says := range map[string]string{
		"":   "copy of the directory",
		"[]": "copy of the directory",
		`{"versions":[{"kind":"dragon","id":"x"}]}`:                            "dragon",
		`{"versions":[{"kind":"skill","id":"x","document":{"colour":"red"}}]}`: "skill x",
		`{"versions":[{"kind":"skill","id":"x","document":[1]}]}`:              "skill x",
	} {
		if err := os.WriteFile(filepath.Join(dir, copyFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if b, err := readCopy(dir); b != nil || err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v %v", text, b, err)
		}
	}
	if err := keepCopy(filepath.Join(dir, "gone"), directory.NewBook(1, nil)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
}
