package declare

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Whatever was let in can be put in force at every moment from now on: no name dangles
// on any day, however the days of the records overlap.
func TestWhatIsLetInHolds(t *testing.T) {
	parts := strings.Split(strings.TrimSpace(town), "---\n")
	accepted, refusals := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		r, m := newRegister()
		for range rapid.IntRange(1, 5).Draw(rt, "applies") {
			var docs []string
			for i, part := range parts {
				if rapid.IntRange(0, 3).Draw(rt, "left out") == 0 && !m.book.Empty() {
					continue
				}
				head, spec, _ := strings.Cut(part, "spec:")
				from := 0
				if rapid.IntRange(0, 5).Draw(rt, "dated") == 0 {
					from = 24 + rapid.IntRange(0, 4).Draw(rt, "from")
					head += fmt.Sprintf("from: 2026-11-%d\n", from)
				}
				if rapid.IntRange(0, 7).Draw(rt, "bounded") == 0 {
					head += fmt.Sprintf("until: 2026-11-%d\n", max(24, from+1)+rapid.IntRange(0, 1).Draw(rt, "until"))
				}
				switch {
				case rapid.IntRange(0, 9).Draw(rt, "ended") == 0 && !m.book.Empty():
					docs = append(docs, head+"ended: true\n")
				case i == len(parts)-1 && rapid.Bool().Draw(rt, "no queue"):
					docs = append(docs, head+"spec:"+strings.Replace(spec, "[general]", "[]", 1))
				default:
					docs = append(docs, head+"spec:"+spec)
				}
			}
			_, err := r.Apply(context.Background(), Request{Files: []File{{"a", strings.Join(docs, "\n---\n")}}, Revision: -1})
			if err != nil {
				refusals++
				continue
			}
			accepted++
			for at := now; !at.IsZero(); at = m.book.Next(at) {
				if err := m.book.At(at).Directory().Check(func(string) bool { return true }); err != nil {
					rt.Fatalf("on %s: %v\n%s", at, err, strings.Join(docs, "\n---\n"))
				}
			}
		}
	})
	if accepted == 0 || refusals == 0 {
		t.Errorf("%d accepted, %d refused: nothing was tried", accepted, refusals)
	}
}
