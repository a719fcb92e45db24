package ivr

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"cagri/internal/prompt"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Limits of the form of a flow file.
const (
	maxFileBytes = 256 << 10
	maxNodes     = 200
	maxNesting   = 32
	maxPhrases   = 20
	minTimeout   = time.Second
	maxTimeout   = 30 * time.Second
	maxRepeat    = 5
	maxPriority  = 100
	minMessage   = 10 * time.Second
	maxMessage   = 10 * time.Minute

	defaultTimeout = 5 * time.Second
	defaultRepeat  = 1
	defaultMessage = 2 * time.Minute
)

// Keys of a flow file by the kind of node they may stand in, besides the kind itself.
var nodeKeys = map[Kind][]string{
	KindNotice:   {"next"},
	KindSay:      {"next"},
	KindLanguage: {"keys", "timeout", "repeat", "again", "wrong", "silence", "otherwise", "next"},
	KindMenu:     {"keys", "timeout", "repeat", "again", "wrong", "silence", "otherwise"},
	KindQueue:    {"say", "priority", "no_agents", "timed_out", "closed", "after"},
	KindEnd:      {"reason"},

	KindHours:       {"open", "closed"},
	KindInformation: {"again", "next"},
	KindTransfer:    {"say", "failed"},
	KindVoicemail:   {"limit", "next", "failed"},
	KindCallback:    {"queue", "next", "declined", "failed"},
	KindBooking:     {"queue", "next", "declined", "failed"},
	KindSurvey:      {"next"},
}

// kinds in the order in which they are looked for: say is also a key of queue and
// transfer, queue one of callback and booking.
var kinds = []Kind{
	KindCallback, KindBooking, KindTransfer, KindQueue, KindNotice, KindLanguage, KindMenu, KindHours, KindInformation, KindVoicemail, KindSurvey,
	KindEnd, KindSay,
}

var (
	reName   = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
	reQueue  = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]{0,63}$`)
	rePhrase = regexp.MustCompile(`^([a-z0-9_]+(?:\.[a-z0-9_]+)*)(?:@([a-z]{2}))?$`)
)

// Parse reads a flow file; name is for messages. The error is Problems: everything that
// is wrong with the form of the file and its references, in one go. What the flow means
// is held against the rules by Validate or Check.
func Parse(name string, data []byte) (*Flow, error) {
	r := &reader{file: name}
	f := r.flow(data)
	if len(r.problems) > 0 {
		slices.SortStableFunc(r.problems, func(a, b Problem) int {
			if a.At.Line != b.At.Line {
				return a.At.Line - b.At.Line
			}
			return a.At.Column - b.At.Column
		})
		return nil, r.problems
	}
	return f, nil
}

// reader turns the YAML tree into a Flow and collects problems on the way.
type reader struct {
	file     string
	node     string // the node being read, for messages
	problems Problems
}

func (r *reader) wrong(at Position, what, do string) {
	r.problems = append(r.problems, Problem{File: r.file, At: at, Node: r.node, What: what, Do: do})
}

func position(n ast.Node) Position {
	if n == nil {
		return Position{1, 1}
	}
	t := n.GetToken()
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 && !m.IsFlowStyle {
		t = m.Values[0].Key.GetToken() // a block mapping's own token is its first colon
	}
	if t == nil || t.Position == nil {
		return Position{1, 1}
	}
	return Position{max(1, t.Position.Line), max(1, t.Position.Column)}
}

func (r *reader) flow(data []byte) *Flow {
	if len(data) > maxFileBytes {
		r.wrong(Position{1, 1}, fmt.Sprintf("the file is larger than %d kB", maxFileBytes>>10), "a flow is a page or two; split it")
		return nil
	}
	if line, ok := nesting(data); !ok {
		r.wrong(Position{line, 1}, "brackets or indents are nested too deeply", fmt.Sprintf("at most %d levels", maxNesting))
		return nil
	}
	tree, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		at, what := Position{1, 1}, err.Error()
		var e yaml.Error
		if errors.As(err, &e) {
			what = e.GetMessage()
			if t := e.GetToken(); t != nil && t.Position != nil {
				at = Position{max(1, t.Position.Line), max(1, t.Position.Column)}
			}
		}
		r.wrong(at, "not YAML: "+what, "look at indents (spaces, no tabs), colons and quotes on this line and the one before")
		return nil
	}
	var bodies []ast.Node
	for _, d := range tree.Docs {
		if d != nil && d.Body != nil {
			bodies = append(bodies, d.Body)
		}
	}
	switch {
	case len(bodies) == 0:
		r.wrong(Position{1, 1}, "the file is empty", "begin with start: and nodes:, as docs/flows.md shows")
		return nil
	case len(bodies) > 1:
		r.wrong(position(bodies[1]), "a second document begins here", "write one flow per file, without ---")
		return nil
	}
	if r.plain(bodies[0]); len(r.problems) > 0 {
		return nil
	}
	top := r.fields(bodies[0], "a flow", []string{"flow", "language", "start", "operator", "nodes"})
	if top == nil {
		return nil
	}
	name := r.file
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		name = name[i+1:]
	}
	f := &Flow{Name: strings.TrimSuffix(name, ".yaml"), File: r.file, Language: prompt.Azerbaijani, Nodes: map[string]*Node{}}
	if v, ok := top["flow"]; ok {
		f.Name = r.text(v, "flow")
	}
	if v, ok := top["language"]; ok {
		f.Language = r.language(v)
	}
	r.nodes(f, top["nodes"], bodies[0])
	if v, ok := top["start"]; ok {
		w := r.way(v, "start")
		f.Start, f.startAt = w.To, w.At
	} else {
		r.wrong(position(bodies[0]), "start is missing", "add start: and the name of the first node")
	}
	if v, ok := top["operator"]; ok {
		w := r.way(v, "operator")
		f.Operator, f.operatorAt = w.To, w.At
	}
	r.references(f)
	return f
}

// plain reports what YAML has and flows do not: anchors, aliases, merges and tags. Each
// node stands where it is read, written out.
func (r *reader) plain(root ast.Node) {
	ast.Walk(visitor(func(n ast.Node) {
		switch n.(type) {
		case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode, *ast.TagNode:
			r.wrong(position(n), "anchors (&), aliases (*), << and tags (!) are not used in flows", "write the value out, or put it in quotes if it is text")
		}
	}), root)
}

// visitor calls itself for every node of a tree.
type visitor func(ast.Node)

func (v visitor) Visit(n ast.Node) ast.Visitor {
	v(n)
	return v
}

// nesting guards the YAML parser, which calls itself for each level: it tells whether
// data stays below maxNesting levels of brackets and of indents, roughly counted.
func nesting(data []byte) (line int, ok bool) {
	depth, indent, start := 0, 0, true
	line = 1
	for _, c := range data {
		switch c {
		case '\n':
			line, indent, start = line+1, 0, true
			continue
		case ' ', '-', '?', '\t':
			if start {
				indent++
			}
		case '[', '{':
			depth++
			start = false
		case ']', '}':
			depth = max(0, depth-1)
			start = false
		default:
			start = false
		}
		if depth > maxNesting || indent > 4*maxNesting {
			return line, false
		}
	}
	return line, true
}

// fields is a mapping's values by key, with unknown, doubled and odd keys reported.
func (r *reader) fields(n ast.Node, what string, known []string) map[string]ast.Node {
	out := map[string]ast.Node{}
	ok := r.each(n, what, func(key string, at Position, v ast.Node) {
		if !slices.Contains(known, key) {
			do := "known here: " + strings.Join(known, ", ")
			if s := nearest(key, known); s != "" {
				do = fmt.Sprintf("did you mean %q? %s", s, do)
			}
			r.wrong(at, fmt.Sprintf("unknown key %q", key), do)
			return
		}
		out[key] = v
	})
	if !ok {
		return nil
	}
	return out
}

// each walks a mapping in the order of the file; a key that comes twice is reported and
// passed over. It tells whether n is a mapping.
func (r *reader) each(n ast.Node, what string, do func(key string, at Position, v ast.Node)) bool {
	var values []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		r.wrong(position(n), what+" must be a list of key: value lines", "indent them below it")
		return false
	}
	seen := map[string]Position{}
	for _, v := range values {
		at := position(v.Key)
		key, ok := scalar(v.Key)
		if !ok {
			r.wrong(at, "this cannot be a key", "write a plain word before the colon")
			continue
		}
		if first, twice := seen[key]; twice {
			r.wrong(at, fmt.Sprintf("%q stands here a second time", key), fmt.Sprintf("the first is on line %d; keep one", first.Line))
			continue
		}
		seen[key] = at
		do(key, at, v.Value)
	}
	return true
}

// scalar is the text of a plain value as it was written.
func scalar(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	}
	return "", false
}

func (r *reader) text(n ast.Node, key string) string {
	s, ok := scalar(n)
	if !ok || strings.TrimSpace(s) == "" {
		r.wrong(position(n), key+" needs a word", "write it after the colon")
		return ""
	}
	if len(s) > 200 || strings.ContainsAny(s, "\n\r\x00") {
		r.wrong(position(n), key+" is too long or goes over several lines", "keep it on one line, below 200 characters")
		return ""
	}
	return s
}

func (r *reader) language(n ast.Node) prompt.Language {
	s, _ := scalar(n)
	l := prompt.Language(s)
	if !l.Valid() {
		r.wrong(position(n), fmt.Sprintf("%q is not a language", s), "use az, ru or en")
		return ""
	}
	return l
}

func (r *reader) way(n ast.Node, key string) Way {
	return Way{To: r.text(n, key), At: position(n)}
}

func (r *reader) number(n ast.Node, key string, lo, hi int) int {
	s, _ := scalar(n)
	v, err := strconv.Atoi(s)
	if err != nil || v < lo || v > hi {
		r.wrong(position(n), fmt.Sprintf("%s is %q", key, s), fmt.Sprintf("use a whole number from %d to %d", lo, hi))
		return lo
	}
	return v
}

func (r *reader) duration(n ast.Node, key string, lo, def, hi time.Duration) time.Duration {
	s, _ := scalar(n)
	d, err := time.ParseDuration(s)
	if err != nil || d < lo || d > hi {
		r.wrong(position(n), fmt.Sprintf("%s is %q", key, s), fmt.Sprintf("use a time from %s to %s, such as %s", lo, hi, def))
		return def
	}
	return d
}

// phrases is one phrase or a list of them: "menu.main", "menu.language@ru".
func (r *reader) phrases(n ast.Node, key string) []prompt.Part {
	items := []ast.Node{n}
	if s, ok := n.(*ast.SequenceNode); ok {
		items = s.Values
	}
	if len(items) == 0 || len(items) > maxPhrases {
		r.wrong(position(n), fmt.Sprintf("%s has %d phrases", key, len(items)), fmt.Sprintf("name 1 to %d", maxPhrases))
		return nil
	}
	var out []prompt.Part
	for _, item := range items {
		s, _ := scalar(item)
		m := rePhrase.FindStringSubmatch(s)
		if m == nil {
			r.wrong(position(item), fmt.Sprintf("%s: %q is not the name of a phrase", key, s), "names look like menu.main, or menu.main@ru for one language; docs/prompts.md lists them")
			continue
		}
		p := prompt.Say(m[1])
		if m[2] != "" {
			l := prompt.Language(m[2])
			if !l.Valid() {
				r.wrong(position(item), fmt.Sprintf("%s: %q is not a language", key, m[2]), "use @az, @ru or @en")
				continue
			}
			p = p.In(l)
		}
		out = append(out, p)
	}
	return out
}

// key is one key of the telephone.
func (r *reader) key(s string, at Position) (byte, bool) {
	if len(s) == 1 && strings.Contains("0123456789*#", s) {
		return s[0], true
	}
	r.wrong(at, fmt.Sprintf("%q is not a key of the telephone", s), `use 0 to 9, "*" or "#"`)
	return 0, false
}

// references reports every way that leads to a node that does not exist.
func (r *reader) references(f *Flow) {
	check := func(node, key string, w Way) {
		if w.To == "" {
			return // already reported
		}
		if _, ok := f.Nodes[w.To]; ok {
			return
		}
		r.node = node
		do := "nodes of this flow: " + strings.Join(f.Order, ", ")
		if s := nearest(w.To, f.Order); s != "" {
			do = fmt.Sprintf("did you mean %q? %s", s, do)
		}
		r.wrong(w.At, fmt.Sprintf("%s leads to %q, which does not exist", key, w.To), do)
	}
	check("", "start", Way{f.Start, f.startAt})
	check("", "operator", Way{f.Operator, f.operatorAt})
	for _, name := range f.Order {
		n := f.Nodes[name]
		check(name, "next", n.Next)
		for _, l := range slices.Sorted(maps.Keys(n.NextIn)) {
			check(name, "next", n.NextIn[l])
		}
		for _, c := range n.Keys {
			check(name, fmt.Sprintf("key %c", c.Key), c.To)
		}
		check(name, "otherwise", n.Otherwise)
		check(name, "no_agents", n.OnNobody)
		check(name, "timed_out", n.OnTimeout)
		check(name, "closed", n.OnClosed)
	}
	r.node = ""
}

// nearest is the known word at most two typing errors away from s (one in a short word),
// if any.
func nearest(s string, known []string) string {
	best, at := 3, ""
	if len(s) < 5 {
		best = 2
	}
	for _, k := range known {
		if d := distance(s, k); d < best {
			best, at = d, k
		}
	}
	return at
}

// distance is the Levenshtein distance of two words; long words are far from all.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
