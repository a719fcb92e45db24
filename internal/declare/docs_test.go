package declare

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

var block = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// What the documentation shows is applied as it stands, beside the centre it names.
func TestTheDocsApply(t *testing.T) {
	for _, file := range []string{"../../docs/directory.md", "../../README.md"} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, m := range block.FindAllStringSubmatch(string(b), -1) {
			if !strings.HasPrefix(m[1], "kind:") {
				continue
			}
			found++
			r, _ := newRegister()
			apply(t, r, "kind: body\nid: asan\nspec: {name: A, class: central_executive}")
			if p := apply(t, r, m[1]); p.Counts.Created != 4 || len(p.Findings) > 0 {
				t.Errorf("%s: %+v %v", file, p.Counts, p.Findings)
			}
			if p := apply(t, r, m[1]); len(p.Changes) > 0 {
				t.Errorf("%s, again:\n%s", file, p.Text())
			}
		}
		if found == 0 {
			t.Errorf("%s shows no documents", file)
		}
	}
}
