package ivr

import (
	"slices"
	"time"

	"cagri/internal/prompt"
)

// Reach is the quickest way to a queue for callers of one kind.
type Reach struct {
	Language prompt.Language
	Silent   bool          // the caller presses nothing; otherwise listens to each menu and then presses
	Keys     string        // keys pressed
	Path     []string      // nodes, the last is the queue
	Time     time.Duration // from the start of the call to the queue
}

// ToHuman says how soon callers come to a queue: one entry for each language in which
// one can be reached by keys, and one for the caller who presses nothing, if that one
// comes to a queue at all. A caller who presses a key is taken to have listened to the
// whole prompt first.
func (f *Flow) ToHuman(duration func(lang prompt.Language, parts ...prompt.Part) time.Duration) []Reach {
	var out []Reach
	for _, silent := range []bool{false, true} {
		found := f.search(duration, silent)
		for _, l := range prompt.Languages() {
			if r, ok := found[l]; ok {
				out = append(out, r)
			}
		}
	}
	return out
}

// search is Dijkstra's algorithm over nodes and the language spoken at them.
func (f *Flow) search(duration func(prompt.Language, ...prompt.Part) time.Duration, silent bool) map[prompt.Language]Reach {
	type place struct {
		node string
		lang prompt.Language
	}
	best := map[place]Reach{{f.Start, f.Language}: {Language: f.Language, Silent: silent, Path: []string{f.Start}}}
	done := map[place]bool{}
	out := map[prompt.Language]Reach{}
	for {
		// Flows are small: the next place is looked for in the open.
		var at place
		found := false
		for p, r := range best {
			if done[p] {
				continue
			}
			// Equal times are decided by name, so that the answer is always the same.
			if !found || r.Time < best[at].Time || r.Time == best[at].Time && (p.node < at.node || p.node == at.node && p.lang < at.lang) {
				at, found = p, true
			}
		}
		if !found {
			return out
		}
		done[at] = true
		n, here := f.Nodes[at.node], best[at]
		if n == nil {
			continue
		}
		if n.Kind == KindQueue {
			if _, earlier := out[at.lang]; !earlier {
				out[at.lang] = here
			}
			continue
		}
		for _, e := range f.edges(n) {
			if silent && !e.silent {
				continue
			}
			r := here
			r.Time += n.stay(at.lang, e, duration)
			to := place{e.to, at.lang}
			if e.language != "" {
				to.lang, r.Language = e.language, e.language
			}
			r.Path = append(slices.Clone(here.Path), e.to)
			if e.key != 0 {
				r.Keys += string(e.key)
			}
			if old, seen := best[to]; !seen || r.Time < old.Time {
				best[to] = r
			}
		}
	}
}

// stay is how long a caller is at a node before the way e is taken.
func (n *Node) stay(lang prompt.Language, e edge, duration func(prompt.Language, ...prompt.Part) time.Duration) time.Duration {
	d := duration(lang, n.Parts...)
	if n.Kind != KindMenu && n.Kind != KindLanguage || e.key != 0 {
		return d
	}
	return time.Duration(n.Repeat+1)*(d+n.Timeout) + time.Duration(n.Repeat)*duration(lang, n.Silence...)
}
