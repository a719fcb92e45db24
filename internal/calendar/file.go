package calendar

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Limits of the form of a data file.
const (
	maxFileBytes = 256 << 10
	maxNesting   = 16
	maxEntries   = 400
	maxRun       = 14  // days of one entry
	maxText      = 500 // bytes of a text
	firstYear    = 1992
	lastYear     = 2999
	// reach is how far from its year a swapped day may lie: 29 December 2024 was
	// worked for 3 January 2025.
	reach = 45
)

var (
	topKeys   = []string{"year", "law", "known", "source", "entries"}
	entryKeys = []string{"id", "kind", "date", "day", "days", "from", "with", "certainty", "uncertainty", "name", "basis", "source", "since", "until"}
	fileKinds = []Kind{KindHoliday, KindMourning, KindElection, KindMoved, KindSwappedOff, KindSwappedWork, KindShort, KindMarked}
)

// ParseFile reads a data file in YAML or JSON; name is for messages. docs of the form
// are the embedded files themselves. The error is Problems: everything that is wrong,
// with line numbers.
//
// A file states either `law: true` (days that return each year, `day: 05-28`) or
// `year: 2027` (days of that year, `date: 2027-03-09`).
func ParseFile(name string, data []byte) (*File, error) {
	r := &reader{file: name}
	f := r.read(data)
	if len(r.problems) > 0 {
		slices.SortStableFunc(r.problems, func(a, b Problem) int { return a.Line - b.Line })
		return nil, r.problems
	}
	return f, nil
}

// reader turns a YAML tree into a File and collects problems on the way.
type reader struct {
	file     string
	problems Problems
}

func (r *reader) wrong(line int, do string, format string, a ...any) {
	r.problems = append(r.problems, Problem{r.file, max(1, line), fmt.Sprintf(format, a...), do})
}

func (r *reader) read(data []byte) *File {
	if len(data) > maxFileBytes {
		r.wrong(1, "a year has some twenty entries; split it", "the file is larger than %d kB", maxFileBytes>>10)
		return nil
	}
	if line, ok := shallow(data); !ok {
		r.wrong(line, fmt.Sprintf("at most %d levels", maxNesting), "brackets or indents are nested too deeply")
		return nil
	}
	tree, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		line, what := 1, err.Error()
		var e yaml.Error
		if errors.As(err, &e) {
			what = e.GetMessage()
			if t := e.GetToken(); t != nil && t.Position != nil {
				line = t.Position.Line
			}
		}
		r.wrong(line, "look at indents (spaces, no tabs), colons and quotes on this line and the one before", "not YAML: %s", what)
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
		r.wrong(1, "begin with year: or law:, then entries:", "the file is empty")
		return nil
	case len(bodies) > 1:
		r.wrong(line(bodies[1]), "write one file per year, without ---", "a second document begins here")
		return nil
	}
	top := r.fields(bodies[0], "a calendar file", topKeys)
	if top == nil {
		return nil
	}
	f := &File{Name: r.file}
	year, isYear := top["year"]
	law, isLaw := top["law"]
	switch {
	case isYear == isLaw:
		r.wrong(line(bodies[0]), "write year: 2027 for the days of one year, or law: true for days of every year", "the file must state a year or the law")
		return nil
	case isYear:
		f.Year = r.number(year, "year", firstYear, lastYear)
	default:
		if s, _ := scalar(law); s != "true" {
			r.wrong(line(law), "write law: true", "law is %q", s)
		}
	}
	if v, ok := top["known"]; ok {
		f.Known = r.date(v, "known")
	}
	if v, ok := top["source"]; ok {
		f.Source = r.text(v, "source")
	}
	if len(r.problems) == 0 {
		r.entries(f, top["entries"], bodies[0])
	}
	return f
}

func (r *reader) entries(f *File, n, parent ast.Node) {
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		r.wrong(line(parent), "write entries: and a list of entries, each beginning with -", "entries are missing")
		return
	}
	if len(list.Values) > maxEntries {
		r.wrong(line(list), fmt.Sprintf("at most %d", maxEntries), "there are %d entries", len(list.Values))
		return
	}
	for _, v := range list.Values {
		had := len(r.problems)
		e := r.entry(f, v)
		if len(r.problems) == had {
			f.Entries = append(f.Entries, e)
		}
	}
	if len(r.problems) == 0 {
		r.together(f)
	}
}

// together holds the entries of a file against each other.
func (r *reader) together(f *File) {
	type key struct {
		date Date
		day  int
		what string
	}
	seen := map[key]int{}
	for i := range f.Entries {
		e := &f.Entries[i]
		what := string(e.Kind)
		switch e.Kind {
		case KindHoliday, KindMourning, KindElection, KindMarked:
			what = e.ID
		case KindSwappedOff, KindSwappedWork:
			what = "swap"
		}
		for n := range e.Days {
			k := key{what: what}
			if f.Year == 0 {
				k.day = e.Month*100 + e.Dom + n
			} else {
				k.date = e.Date.Add(n)
			}
			if first, twice := seen[k]; twice {
				r.wrong(e.Line, fmt.Sprintf("the first is on line %d; keep one", first), "%s is stated a second time for the same day", what)
				break
			}
			seen[k] = e.Line
		}
	}
	for i := range f.Entries {
		e := &f.Entries[i]
		if e.Kind != KindSwappedOff && e.Kind != KindSwappedWork {
			continue
		}
		want := KindSwappedOff
		if e.Kind == KindSwappedOff {
			want = KindSwappedWork
		}
		if !slices.ContainsFunc(f.Entries, func(o Entry) bool { return o.Kind == want && o.Date == e.Other && o.Other == e.Date }) {
			r.wrong(e.Line, fmt.Sprintf("add an entry %s on %s with: %s", want, e.Other, e.Date), "the swap of %s has no second half", e.Date)
		}
	}
}

// line is where a node begins in its file.
func line(n ast.Node) int {
	if n == nil {
		return 1
	}
	t := n.GetToken()
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 && !m.IsFlowStyle {
		t = m.Values[0].Key.GetToken() // a block mapping's own token is its first colon
	}
	if m, ok := n.(*ast.MappingValueNode); ok {
		t = m.Key.GetToken()
	}
	if t == nil || t.Position == nil {
		return 1
	}
	return max(1, t.Position.Line)
}

// shallow guards the YAML parser, which calls itself for each level of brackets and
// indents: it tells whether data stays below maxNesting, roughly counted.
func shallow(data []byte) (atLine int, ok bool) {
	depth, indent, start := 0, 0, true
	atLine = 1
	for _, c := range data {
		switch c {
		case '\n':
			atLine, indent, start = atLine+1, 0, true
		case ' ', '\t', '-', '?', ':':
			if start {
				indent++
			}
		case '[', '{':
			depth, start = depth+1, false
		case ']', '}':
			depth, start = max(0, depth-1), false
		default:
			start = false
		}
		if depth > maxNesting || indent > 4*maxNesting {
			return atLine, false
		}
	}
	return atLine, true
}

// fields is a mapping's values by key; unknown and doubled keys are reported.
func (r *reader) fields(n ast.Node, what string, known []string) map[string]ast.Node {
	var values []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		r.wrong(line(n), "indent them below it", "%s must be a list of key: value lines", what)
		return nil
	}
	out := map[string]ast.Node{}
	for _, v := range values {
		key, ok := scalar(v.Key)
		switch _, twice := out[key]; {
		case !ok || !slices.Contains(known, key):
			r.wrong(line(v.Key), "known here: "+strings.Join(known, ", "), "%q is not a key of %s", key, what)
		case twice:
			r.wrong(line(v.Key), "keep one", "%q stands here a second time", key)
		default:
			out[key] = v.Value
		}
	}
	return out
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
	if !ok || strings.TrimSpace(s) == "" || len(s) > maxText || strings.ContainsAny(s, "\n\r\x00") {
		r.wrong(line(n), fmt.Sprintf("write one line below %d bytes after the colon, in quotes if it has a colon or #", maxText), "%s needs a text", key)
		return ""
	}
	return s
}

func (r *reader) number(n ast.Node, key string, lo, hi int) int {
	s, _ := scalar(n)
	v, err := strconv.Atoi(s)
	if err != nil || v < lo || v > hi {
		r.wrong(line(n), fmt.Sprintf("use a whole number from %d to %d", lo, hi), "%s is %q", key, s)
		return lo
	}
	return v
}

func (r *reader) date(n ast.Node, key string) Date {
	s, _ := scalar(n)
	d, err := ParseDate(s)
	if err == nil && (d.Year() < firstYear-1 || d.Year() > lastYear+1) {
		err = fmt.Errorf("%q is too far away", s)
	}
	if err != nil {
		r.wrong(line(n), "write a day that exists, such as 2027-03-09", "%s: %v", key, err)
	}
	return d
}
