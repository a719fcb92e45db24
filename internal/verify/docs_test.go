package verify

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cagri/internal/event"
)

// first gives the first column of a marked table of docs/data.md.
func first(t *testing.T, table string) (out []string) {
	t.Helper()
	b, err := os.ReadFile("../../docs/data.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(b), "<!-- table:"+table+" -->")
	if !ok {
		t.Fatalf("docs/data.md has no table %s", table)
	}
	rest, _, _ = strings.Cut(rest, "<!-- end -->")
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)`").FindAllStringSubmatch(rest, -1) {
		out = append(out, m[1])
	}
	slices.Sort(out)
	return out
}

func TestTheDocsListEveryEvent(t *testing.T) {
	var kinds []string
	for _, k := range event.Kinds() {
		kinds = append(kinds, string(k))
	}
	slices.Sort(kinds)
	if got := first(t, "events"); !slices.Equal(got, kinds) {
		t.Errorf("docs/data.md lists %v,\nthere are %v", got, kinds)
	}
}

func TestTheDocsNameEveryCheck(t *testing.T) {
	b, err := os.ReadFile("../../docs/data.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range newCourt(t).verify().Checks {
		if !strings.Contains(string(b), "| `"+c.Name+"` |") {
			t.Errorf("docs/data.md does not name the check %s", c.Name)
		}
	}
}
