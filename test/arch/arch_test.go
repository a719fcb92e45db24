// Package arch holds the test that keeps the house's arrows right: which room
// may import which, and what a pure room must not touch.
package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// pure rooms: no clock, no randomness, no I/O, no goroutine.
var pure = []string{"directory", "calendar", "event", "routing", "ivr", "prompt", "workforce"}

// mayImport says for each room which other rooms of ours it may use. A sub-room
// counts as its room. A room that is not listed fails the test: whoever adds a
// room says here where it stands.
var mayImport = map[string][]string{
	"directory": {"calendar"},
	"calendar":  {},
	"event":     {},
	"prompt":    {},
	"routing":   {"directory"},
	"workforce": {"routing", "calendar", "directory"},
	"ivr":       {"directory", "prompt"},
	"sip":       {},
	"media":     {},
	"journal":   {"event"},
	"store":     {"event", "journal", "directory"},
	"verify":    {"event", "journal", "store", "routing", "media"},
	"call":      {"sip", "media", "ivr", "prompt", "routing", "workforce", "calendar", "directory", "event", "journal"},
	"config":    {"directory"},
	"declare":   {"directory", "calendar"},
	"api":       {"call", "declare", "calendar", "store", "journal", "verify", "routing", "directory", "event", "config"},
	"stage":     {"sip", "media", "api"},
	"app":       {"*"},
}

// forbidden names in pure rooms, as "import path" or "import path.Name".
var forbidden = []string{
	"time.Now", "time.Since", "time.Until", "time.Sleep", "time.After", "time.AfterFunc", "time.NewTimer", "time.NewTicker", "time.Tick",
	"math/rand", "math/rand/v2", "crypto/rand", "os", "net", "net/http", "os/exec", "database/sql", "sync", "log", "log/slog",
}

type file struct {
	path string // relative to the module root
	room string // "" outside internal
	ast  *ast.File
}

func sources(t *testing.T) []file {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	var out []file
	fset := token.NewFileSet()
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); strings.HasPrefix(name, ".") && path != root || name == "node_modules" || name == "testdata" {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(fset, path, nil, 0)
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		parts := strings.Split(filepath.ToSlash(rel), "/")
		room := ""
		if parts[0] == "internal" && len(parts) > 2 {
			room = parts[1]
		}
		out = append(out, file{rel, room, f})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 10 {
		t.Fatalf("found only %d source files below %s", len(out), root)
	}
	return out
}

func TestArrowsPointInward(t *testing.T) {
	for _, f := range sources(t) {
		if f.room == "" {
			continue
		}
		allowed, known := mayImport[f.room]
		if !known {
			t.Errorf("%s: room %q is not in the table of rooms", f.path, f.room)
			continue
		}
		for _, spec := range f.ast.Imports {
			path, _ := strconv.Unquote(spec.Path.Value)
			rest, ours := strings.CutPrefix(path, "cagri/internal/")
			if !ours {
				if strings.HasPrefix(path, "cagri/") {
					t.Errorf("%s: imports %s: rooms never import commands or tests", f.path, path)
				}
				continue
			}
			target := strings.Split(rest, "/")[0]
			if target == f.room || slices.Contains(allowed, "*") || slices.Contains(allowed, target) {
				continue
			}
			t.Errorf("%s: %s must not import %s; allowed: %s", f.path, f.room, target, strings.Join(allowed, ", "))
		}
	}
}

func TestPureRoomsTouchNothing(t *testing.T) {
	for _, f := range sources(t) {
		if !slices.Contains(pure, f.room) {
			continue
		}
		names := map[string]string{} // local name -> import path
		for _, spec := range f.ast.Imports {
			path, _ := strconv.Unquote(spec.Path.Value)
			local := path[strings.LastIndex(path, "/")+1:]
			if spec.Name != nil {
				local = spec.Name.Name
			}
			names[local] = path
			if slices.Contains(forbidden, path) {
				t.Errorf("%s: a pure room imports %s", f.path, path)
			}
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s: a pure room starts a goroutine", f.path)
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && slices.Contains(forbidden, names[x.Name]+"."+n.Sel.Name) {
					t.Errorf("%s: a pure room uses %s.%s; time comes in as an argument", f.path, names[x.Name], n.Sel.Name)
				}
			}
			return true
		})
	}
}

func TestEveryRoomSaysWhatItIsFor(t *testing.T) {
	rooms := map[string]bool{}
	for _, f := range sources(t) {
		if strings.HasPrefix(f.path, "internal"+string(filepath.Separator)) {
			rooms[filepath.Dir(f.path)] = true
		}
	}
	for dir := range rooms {
		if _, err := os.Stat(filepath.Join("../..", dir, "doc.go")); err != nil {
			t.Errorf("%s has no doc.go", dir)
		}
	}
}

func TestTheCheckItselfSeesAWrongArrow(t *testing.T) {
	// The table must forbid what the house forbids; otherwise the tests above
	// would pass on anything.
	for room, targets := range map[string][]string{"routing": {"sip", "store", "call"}, "sip": {"media", "call"}, "journal": {"store"}, "ivr": {"media"}} {
		for _, target := range targets {
			if slices.Contains(mayImport[room], target) || slices.Contains(mayImport[room], "*") {
				t.Errorf("%s may import %s", room, target)
			}
		}
	}
}
