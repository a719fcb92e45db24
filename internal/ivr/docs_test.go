package ivr

import (
	"os"
	"strings"
	"testing"

	"cagri/internal/prompt"
)

// The page docs/flows.md shows the shipped flow, the small example and a transcript of a
// call as they are. UPDATE=1 writes the transcript anew.
func TestThePageShowsFlowsAsTheyAre(t *testing.T) {
	const path, script, mark = "../../docs/flows.md", "2 9 1", "(press 2 for Russian, a key that leads nowhere, then 1):\n\n```\n"
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	for name, text := range map[string]string{"the shipped flow": DefaultYAML(), "small.yaml": string(read(t, "small.yaml"))} {
		if !strings.Contains(page, "```yaml\n"+text+"```") {
			t.Errorf("docs/flows.md does not show %s as it is", name)
		}
	}
	lib, err := prompt.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	tr, err := Simulate(Default(), script, lib.Duration)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(page, mark)
	shown, tail, closed := strings.Cut(rest, "```")
	if !ok || !closed {
		t.Fatal("docs/flows.md has no transcript")
	}
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(path, []byte(head+mark+tr.String()+"```"+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if shown != tr.String() {
		t.Errorf("docs/flows.md shows another call; run this test with UPDATE=1\n%s", tr)
	}
}
