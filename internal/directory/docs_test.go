package directory

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var writeDocs = flag.Bool("write-docs", false, "write the tables of docs/directory.md anew")

const docs = "../../docs/directory.md"

// The tables of the documentation are those of the code. Write them anew with
// go test ./internal/directory -run Docs -write-docs
func TestTheDocsNameEveryField(t *testing.T) {
	b, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	want := between(t, string(b), "settings", settingsTable())
	want = between(t, want, "fields", fieldsTable())
	if want == string(b) {
		return
	}
	if !*writeDocs {
		t.Fatal("docs/directory.md is not what the code says: go test ./internal/directory -run Docs -write-docs")
	}
	if err := os.WriteFile(docs, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

func between(t *testing.T, text, name, table string) string {
	t.Helper()
	head, rest, ok := strings.Cut(text, "<!-- "+name+" -->\n")
	_, tail, ok2 := strings.Cut(rest, "<!-- end "+name+" -->")
	if !ok || !ok2 {
		t.Fatalf("docs/directory.md has no place for %s", name)
	}
	return head + "<!-- " + name + " -->\n" + table + "<!-- end " + name + " -->" + tail
}

func settingsTable() string {
	var b strings.Builder
	b.WriteString("| id | default | meaning | clause |\n|---|---|---|---|\n")
	for _, r := range Readings() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", r.ID, r.Default, r.Doc, r.Clause)
	}
	return b.String()
}

func fieldsTable() string {
	var b strings.Builder
	for i, k := range Reference() {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "### %s\n\n| field | form | meaning |\n|---|---|---|\n", k.Kind)
		if k.Kind == KindPhone {
			b.WriteString("| `password` | text | turned into `ha1` (and `ha1_md5` with `md5: true`), not kept |\n")
		}
		for _, f := range k.Fields {
			name, doc := "`"+f.Path+"`", f.Doc
			if f.Must {
				name = "**" + name + "**"
			}
			if f.Default != "" {
				doc += "; default " + f.Default
			}
			fmt.Fprintf(&b, "| %s | %s | %s |\n", name, f.Form, doc)
		}
	}
	return b.String()
}
