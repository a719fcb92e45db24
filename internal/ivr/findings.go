package ivr

import (
	"fmt"
	"slices"
	"strings"
)

// Findings says what may be used and ought to be better: callers outside opening
// hours, or whom nobody can serve, who hear a goodbye and no way to be served later.
// Their attempts become tasks to call back all the same; they do not know it.
func (f *Flow) Findings() []Problem {
	var out []Problem
	for _, name := range f.Order {
		n := f.Nodes[name]
		var ways []Way
		var when []string
		switch n.Kind {
		case KindQueue:
			ways, when = []Way{n.OnClosed, n.OnNobody, n.OnTimeout}, []string{"closed", "no_agents", "timed_out"}
		case KindHours:
			ways, when = []Way{n.OnClosed}, []string{"closed"}
		}
		for i, w := range ways {
			if path := f.dead(w.To, nil); path != nil {
				out = append(out, Problem{
					File: f.File, At: w.At, Node: name,
					What: fmt.Sprintf("%s leads callers to the end of the line: %s", when[i], strings.Join(path, " → ")),
					Do:   "offer a callback, booking or voicemail on that way",
				})
			}
		}
	}
	return out
}

// dead is a way from a node to an end on which nothing is offered and nothing can be
// chosen; nil if there is none.
func (f *Flow) dead(name string, path []string) []string {
	n := f.Nodes[name]
	if n == nil || slices.Contains(path, name) {
		return nil
	}
	path = append(slices.Clone(path), name)
	switch n.Kind {
	case KindEnd:
		return path
	case KindSay, KindNotice, KindLanguage, KindInformation, KindSurvey, KindHours:
		for _, e := range f.edges(n) {
			if found := f.dead(e.to, path); found != nil {
				return found
			}
		}
	}
	return nil
}
