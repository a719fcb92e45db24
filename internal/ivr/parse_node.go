package ivr

import (
	"fmt"
	"regexp"
	"strings"

	"cagri/internal/prompt"

	"github.com/goccy/go-yaml/ast"
)

func (r *reader) nodes(f *Flow, n ast.Node, top ast.Node) {
	if n == nil {
		r.wrong(position(top), "nodes are missing", "add nodes: with the nodes indented below it")
		return
	}
	r.each(n, "nodes", func(name string, at Position, v ast.Node) {
		r.node = ""
		if !reName.MatchString(name) {
			r.wrong(at, fmt.Sprintf("%q cannot be the name of a node", name), "use small letters a–z, digits and _, beginning with a letter")
			return
		}
		r.node = name
		f.Order = append(f.Order, name)
		f.Nodes[name] = r.readNode(name, at, v, f)
	})
	r.node = ""
	if len(f.Order) > maxNodes {
		r.wrong(position(n), fmt.Sprintf("%d nodes", len(f.Order)), fmt.Sprintf("at most %d in one flow", maxNodes))
	}
}

// readNode reads one node. It always returns one, so that references to it are found.
func (r *reader) readNode(name string, at Position, v ast.Node, f *Flow) *Node {
	n := &Node{Name: name, At: at}
	present := map[string]bool{}
	count := len(r.problems)
	if !r.each(v, "a node", func(key string, _ Position, _ ast.Node) { present[key] = true }) {
		return n
	}
	r.problems = r.problems[:count] // doubled keys are reported by fields below
	for _, k := range kinds {
		if present[string(k)] {
			n.Kind = k
			break
		}
	}
	if n.Kind == "" {
		r.wrong(at, "it does not say what it is", "give it one of notice, say, language, menu, queue, hours, information, transfer, voicemail, callback, booking, survey or end")
		return n
	}
	fields := r.fields(v, "a node", append([]string{string(n.Kind)}, nodeKeys[n.Kind]...))
	switch n.Kind {
	case KindQueue:
		n.Queue = r.queueName(fields["queue"], "queue")
		r.queue(n, fields)
		return n
	case KindHours:
		n.Queue = r.queueName(fields["hours"], "hours")
		n.OnOpen = r.required(n, fields, "open", "within opening hours")
		n.OnClosed = r.required(n, fields, "closed", "outside opening hours")
		return n
	case KindTransfer:
		r.transfer(n, fields)
		return n
	}
	n.Parts = r.phrases(fields[string(n.Kind)], string(n.Kind))
	switch n.Kind {
	case KindNotice, KindSay, KindSurvey:
		n.Next = r.required(n, fields, "next", "where the call goes on")
	case KindLanguage:
		r.choices(n, fields)
		r.languageNode(n, fields, f)
	case KindMenu:
		n.Wrong, n.Silence = []prompt.Part{prompt.Say("menu.wrong")}, []prompt.Part{prompt.Say("menu.timeout")}
		r.choices(n, fields)
		n.Otherwise = r.required(n, fields, "otherwise", "where a caller goes who presses nothing")
	case KindInformation:
		n.Next = r.required(n, fields, "next", "where the call goes on")
		if v, ok := fields["again"]; ok {
			s, _ := scalar(v)
			if key, ok := r.key(s, position(v)); ok {
				n.Again = key
			}
		}
	case KindVoicemail:
		n.Limit = defaultMessage
		if v, ok := fields["limit"]; ok {
			n.Limit = r.duration(v, "limit", minMessage, defaultMessage, maxMessage)
		}
		n.Next = r.required(n, fields, "next", "after the message")
		n.OnFailed = r.required(n, fields, "failed", "when no message was left or it cannot be kept")
	case KindCallback, KindBooking:
		n.Timeout, n.Repeat = defaultTimeout, defaultRepeat
		n.Wrong, n.Silence = []prompt.Part{prompt.Say("menu.wrong")}, []prompt.Part{prompt.Say("menu.timeout")}
		if v, ok := fields["queue"]; ok {
			n.Queue = r.queueName(v, "queue")
		} else {
			r.wrong(n.At, "queue is missing", "add queue: and the name of the queue whose agents call back")
		}
		n.Next = r.required(n, fields, "next", "after the promise")
		n.OnDeclined = r.required(n, fields, "declined", "when the caller does not want to be called")
		n.OnFailed = r.required(n, fields, "failed", "when there is no number to call, or no time left")
	case KindEnd:
		n.Reason = n.Name
		if v, ok := fields["reason"]; ok {
			n.Reason = r.text(v, "reason")
		}
	}
	return n
}

func (r *reader) queueName(v ast.Node, key string) string {
	name := r.text(v, key)
	if name != "" && !reQueue.MatchString(name) {
		r.wrong(position(v), fmt.Sprintf("%q cannot be the name of a queue", name), "use small letters a–z, digits, and . _ -")
	}
	return name
}

// required is a way that must be there.
func (r *reader) required(n *Node, fields map[string]ast.Node, key, why string) Way {
	v, ok := fields[key]
	if !ok {
		r.wrong(n.At, key+" is missing", fmt.Sprintf("add %s: and the name of a node (%s)", key, why))
		return Way{}
	}
	return r.way(v, key)
}

func (r *reader) queue(n *Node, fields map[string]ast.Node) {
	if v, ok := fields["say"]; ok {
		n.Parts = r.phrases(v, "say")
	}
	if v, ok := fields["priority"]; ok {
		n.Priority = r.number(v, "priority", 0, maxPriority)
	}
	n.OnNobody = r.required(n, fields, "no_agents", "when nobody is signed in")
	n.OnTimeout = r.required(n, fields, "timed_out", "when the longest wait is over")
	n.OnClosed = r.required(n, fields, "closed", "outside opening hours")
	if v, ok := fields["after"]; ok {
		n.OnServed = r.way(v, "after")
	}
}

var reDial = regexp.MustCompile(`^\+?[0-9]{2,15}$`)

func (r *reader) transfer(n *Node, fields map[string]ast.Node) {
	n.Number = r.text(fields["transfer"], "transfer")
	if n.Number != "" && !reDial.MatchString(n.Number) {
		r.wrong(position(fields["transfer"]), fmt.Sprintf("%q cannot be dialled", n.Number), "write the number in digits, with + before a country code, and in quotes")
	}
	if v, ok := fields["say"]; ok {
		n.Parts = r.phrases(v, "say")
	}
	n.OnFailed = r.required(n, fields, "failed", "when nobody answers there")
}

// choices reads what menus and language nodes have in common.
func (r *reader) choices(n *Node, fields map[string]ast.Node) {
	n.Timeout, n.Repeat = defaultTimeout, defaultRepeat
	if v, ok := fields["timeout"]; ok {
		n.Timeout = r.duration(v, "timeout", minTimeout, defaultTimeout, maxTimeout)
	}
	if v, ok := fields["repeat"]; ok {
		n.Repeat = r.number(v, "repeat", 0, maxRepeat)
	}
	if v, ok := fields["wrong"]; ok {
		n.Wrong = r.phrases(v, "wrong")
	}
	if v, ok := fields["silence"]; ok {
		n.Silence = r.phrases(v, "silence")
	}
	if v, ok := fields["keys"]; !ok {
		r.wrong(n.At, "keys are missing", "add keys: with lines such as 1: name_of_a_node")
	} else if r.each(v, "keys", func(key string, at Position, v ast.Node) { r.choice(n, key, at, v) }) && len(n.Keys) == 0 {
		r.wrong(position(v), "there is no key to press", "add at least one")
	}
	if v, ok := fields["again"]; ok {
		s, _ := scalar(v)
		if key, ok := r.key(s, position(v)); ok {
			n.Again = key
			for _, c := range n.Keys {
				if c.Key == key {
					r.wrong(position(v), fmt.Sprintf("key %c repeats the menu and leads to a node too", key), "choose another key for one of them")
				}
			}
		}
	}
}

func (r *reader) choice(n *Node, key string, at Position, v ast.Node) {
	k, ok := r.key(strings.TrimSpace(key), at)
	if !ok {
		return
	}
	c := Choice{Key: k, At: at}
	if n.Kind == KindLanguage {
		c.Language = r.language(v)
	} else {
		c.To = r.way(v, "key "+key)
	}
	n.Keys = append(n.Keys, c)
}

// languageNode reads the ways on: one for all, or one per language.
func (r *reader) languageNode(n *Node, fields map[string]ast.Node, f *Flow) {
	n.Default = f.Language
	if v, ok := fields["otherwise"]; ok {
		n.Default = r.language(v)
	}
	v, ok := fields["next"]
	if !ok {
		r.required(n, fields, "next", "where the call goes on")
		return
	}
	if _, ok := scalar(v); ok {
		n.Next = r.way(v, "next")
		return
	}
	n.NextIn = map[prompt.Language]Way{}
	r.each(v, "next", func(key string, at Position, v ast.Node) {
		l := prompt.Language(key)
		if !l.Valid() {
			r.wrong(at, fmt.Sprintf("%q is not a language", key), "use az, ru or en")
			return
		}
		n.NextIn[l] = r.way(v, "next")
	})
	wanted := []prompt.Language{n.Default}
	for _, c := range n.Keys {
		wanted = append(wanted, c.Language)
	}
	for _, l := range wanted {
		if _, ok := n.NextIn[l]; !ok && l != "" {
			r.wrong(position(v), fmt.Sprintf("next says nothing about %s, which can be chosen", l), fmt.Sprintf("add %s: and the name of a node", l))
			n.NextIn[l] = Way{}
		}
	}
}
