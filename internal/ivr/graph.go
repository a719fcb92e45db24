package ivr

import (
	"slices"

	"cagri/internal/prompt"
)

// edge is one way from a node: taken by a key, or by itself.
type edge struct {
	to       string
	key      byte            // 0: by itself
	language prompt.Language // the language it changes to, if any
	silent   bool            // taken by a caller who presses nothing (not the ways out of a queue)
}

// edges are all ways from n, in a fixed order.
func (f *Flow) edges(n *Node) []edge {
	switch n.Kind {
	case KindNotice, KindSay:
		return []edge{{to: n.Next.To, silent: true}}
	case KindLanguage:
		var out []edge
		for _, c := range n.Keys {
			out = append(out, edge{to: n.after(c.Language).To, key: c.Key, language: c.Language})
		}
		out = append(out, edge{to: n.after(n.Default).To, language: n.Default, silent: true})
		return append(out, f.operatorEdge(n)...)
	case KindMenu:
		var out []edge
		for _, c := range n.Keys {
			out = append(out, edge{to: c.To.To, key: c.Key})
		}
		out = append(out, edge{to: n.Otherwise.To, silent: true})
		return append(out, f.operatorEdge(n)...)
	case KindQueue:
		out := []edge{{to: n.OnNobody.To}, {to: n.OnTimeout.To}, {to: n.OnClosed.To}}
		if n.OnServed.To != "" {
			out = append(out, edge{to: n.OnServed.To})
		}
		return out
	case KindHours:
		return []edge{{to: n.OnOpen.To, silent: true}, {to: n.OnClosed.To}}
	case KindInformation:
		return append([]edge{{to: n.Next.To, silent: true}}, f.operatorEdge(n)...)
	case KindSurvey:
		return []edge{{to: n.Next.To, silent: true}}
	case KindTransfer:
		return []edge{{to: n.OnFailed.To, silent: true}}
	case KindVoicemail:
		return []edge{{to: n.Next.To}, {to: n.OnFailed.To, silent: true}}
	case KindCallback, KindBooking:
		return []edge{{to: n.Next.To, key: '1'}, {to: n.OnDeclined.To, silent: true}, {to: n.OnFailed.To}}
	}
	return nil
}

// operatorEdge is the way that key 0 takes where the node gives it no meaning of its own.
func (f *Flow) operatorEdge(n *Node) []edge {
	if f.Operator == "" || n.Again == '0' || slices.ContainsFunc(n.Keys, func(c Choice) bool { return c.Key == '0' }) {
		return nil
	}
	return []edge{{to: f.Operator, key: '0'}}
}

// after is the way on from a language node for a caller who speaks l.
func (n *Node) after(l prompt.Language) Way {
	if w, ok := n.NextIn[l]; ok {
		return w
	}
	return n.Next
}

// reachable are the nodes a call can come to.
func (f *Flow) reachable() map[string]bool {
	seen := map[string]bool{}
	todo := []string{f.Start}
	for len(todo) > 0 {
		name := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		n := f.Nodes[name]
		if n == nil || seen[name] {
			continue
		}
		seen[name] = true
		for _, e := range f.edges(n) {
			todo = append(todo, e.to)
		}
	}
	return seen
}

// unnoticed are the queues that can be come to without a notice, each with a way there.
func (f *Flow) unnoticed() map[string][]string {
	out := map[string][]string{}
	from := map[string]string{}
	todo := []string{f.Start}
	from[f.Start] = ""
	for len(todo) > 0 {
		name := todo[0]
		todo = todo[1:]
		n := f.Nodes[name]
		if n == nil || n.Kind == KindNotice {
			continue
		}
		if n.Kind == KindQueue || n.Kind == KindVoicemail {
			var path []string
			for at := name; at != ""; at = from[at] {
				path = append(path, at)
			}
			slices.Reverse(path)
			out[name] = path
		}
		for _, e := range f.edges(n) {
			if _, seen := from[e.to]; !seen {
				from[e.to] = name
				todo = append(todo, e.to)
			}
		}
	}
	return out
}

// loop is a circle of ways that are all taken by themselves, beginning with its first
// node in the order of the file; nil if there is none.
func (f *Flow) loop() []string {
	const (
		open = 1
		done = 2
	)
	state := map[string]int{}
	var path []string
	var visit func(name string) []string
	visit = func(name string) []string {
		n := f.Nodes[name]
		if n == nil || state[name] == done {
			return nil
		}
		if state[name] == open {
			return slices.Clone(path[slices.Index(path, name):])
		}
		state[name] = open
		path = append(path, name)
		for _, e := range f.edges(n) {
			if e.key != 0 {
				continue
			}
			if found := visit(e.to); found != nil {
				return found
			}
		}
		path = path[:len(path)-1]
		state[name] = done
		return nil
	}
	for _, name := range f.Order {
		if found := visit(name); found != nil {
			return found
		}
	}
	return nil
}

// keysToHuman is the fewest keys from a node to a queue; false if no way leads to one.
func (f *Flow) keysToHuman(from string) (int, bool) {
	best := map[string]int{from: 0}
	// Ways without a key are put in front, so that nodes come up in order of keys.
	todo := []string{from}
	done := map[string]bool{}
	for len(todo) > 0 {
		name := todo[0]
		todo = todo[1:]
		n := f.Nodes[name]
		if n == nil || done[name] {
			continue
		}
		done[name] = true
		if n.Kind == KindQueue {
			return best[name], true
		}
		for _, e := range f.edges(n) {
			cost := best[name]
			if e.key != 0 {
				cost++
			}
			if old, seen := best[e.to]; seen && old <= cost {
				continue
			}
			best[e.to] = cost
			if e.key == 0 {
				todo = append([]string{e.to}, todo...)
			} else {
				todo = append(todo, e.to)
			}
		}
	}
	return 0, false
}

// depths is for each menu how many menus (itself included) a caller has come through on
// the shortest way.
func (f *Flow) depths() map[string]int {
	out := map[string]int{}
	type at struct {
		name  string
		depth int
	}
	todo := []at{{f.Start, 0}}
	for len(todo) > 0 {
		a := todo[0]
		todo = todo[1:]
		n := f.Nodes[a.name]
		if n == nil {
			continue
		}
		if n.Kind == KindMenu {
			a.depth++
		}
		if old, seen := out[a.name]; seen && old <= a.depth {
			continue
		}
		out[a.name] = a.depth
		for _, e := range f.edges(n) {
			todo = append(todo, at{e.to, a.depth})
		}
	}
	return out
}
