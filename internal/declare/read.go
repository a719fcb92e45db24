package declare

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"cagri/internal/calendar"
	"cagri/internal/directory"
)

// Limits of what is read at once.
const (
	MaxBytes = 32 << 20 // of all files together
	maxDepth = 32
)

// File is a file of documents; Name is for messages.
type File struct {
	Name string `json:"name" maxLength:"500" doc:"for messages"`
	Text string `json:"text" doc:"YAML; JSON is YAML too"`
}

// Document is one document as it was written.
type Document struct {
	directory.Ref
	At          directory.Pos
	From, Until time.Time // zero: not said
	Reason      string
	Ended       bool
	Spec        *directory.Node // nil if it ends
	Record      directory.Record
	password    string
}

// Files reads every .yaml and .yml file of a folder and its subfolders, in order of
// their names. name is put before their names in messages.
func Files(dir fs.FS, name string) ([]File, error) {
	var out []File
	total := int64(0)
	err := fs.WalkDir(dir, ".", func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if strings.HasPrefix(e.Name(), ".") && p != "." {
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if e.IsDir() || path.Ext(p) != ".yaml" && path.Ext(p) != ".yml" {
			return nil
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if total += info.Size(); total > MaxBytes {
			return fmt.Errorf("%s: the files are larger than %d MiB in all: apply them in parts", path.Join(name, p), MaxBytes>>20)
		}
		b, err := fs.ReadFile(dir, p)
		if err != nil {
			return err
		}
		out = append(out, File{Name: path.Join(name, p), Text: string(b)})
		return nil
	})
	if err == nil && len(out) == 0 {
		err = fmt.Errorf("%s: there is no .yaml or .yml file in it", name)
	}
	return out, err
}

// Read reads documents. Problems are about their form; what they mean together is held
// against the book by Make.
func Read(files []File) ([]Document, directory.Problems) {
	r := &reader{}
	total := 0
	for _, f := range files {
		if total += len(f.Text); total > MaxBytes {
			r.wrong(directory.Pos{File: f.Name, Line: 1, Column: 1}, "form.too-large", "what", "all files together", "limit", strconv.Itoa(MaxBytes>>20)+" MiB")
			break
		}
		r.file(f)
	}
	r.twice()
	return r.docs, r.problems
}

type reader struct {
	docs     []Document
	problems directory.Problems
}

func (r *reader) wrong(at directory.Pos, key string, pairs ...string) {
	p := &directory.Problem{Key: key, At: at, Params: map[string]string{}}
	for i := 0; i+1 < len(pairs); i += 2 {
		p.Params[pairs[i]] = pairs[i+1]
	}
	r.problems = append(r.problems, p)
}

var errorLine = regexp.MustCompile(`line ([0-9]+)`)

func (r *reader) file(f File) {
	dec := yaml.NewDecoder(bytes.NewReader([]byte(f.Text)))
	for {
		var n yaml.Node
		err := decode(dec, &n)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			at := directory.Pos{File: f.Name, Line: 1, Column: 1}
			if m := errorLine.FindStringSubmatch(err.Error()); m != nil {
				at.Line, _ = strconv.Atoi(m[1])
			}
			r.wrong(at, "form.yaml", "error", strings.TrimPrefix(err.Error(), "yaml: "))
			return
		}
		tree := r.tree(f.Name, &n, 0)
		switch {
		case tree == nil || tree.Shape == directory.Null:
		case tree.Shape == directory.Sequence:
			for _, it := range tree.Items {
				r.document(it)
			}
		default:
			r.document(tree)
		}
	}
}

// decode reads the next document. The YAML library may panic at what it did not expect.
func decode(dec *yaml.Decoder, n *yaml.Node) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("it cannot be read: %v", p)
		}
	}()
	return dec.Decode(n)
}

// tree turns the YAML library's nodes into ours.
func (r *reader) tree(file string, n *yaml.Node, depth int) *directory.Node {
	at := directory.Pos{File: file, Line: n.Line, Column: n.Column}
	out := &directory.Node{At: at}
	if depth > maxDepth {
		r.wrong(at, "form.depth")
		return out
	}
	switch n.Kind {
	case yaml.DocumentNode:
		if len(n.Content) == 0 {
			return out
		}
		return r.tree(file, n.Content[0], depth)
	case yaml.ScalarNode:
		if n.Tag == "!!null" && n.Style == 0 {
			return out
		}
		out.Shape, out.Text = directory.Scalar, n.Value
		out.Bare = n.Style == 0 && (n.Tag == "!!int" || n.Tag == "!!bool" || n.Tag == "!!float")
	case yaml.SequenceNode:
		out.Shape = directory.Sequence
		for _, c := range n.Content {
			out.Items = append(out.Items, r.tree(file, c, depth+1))
		}
	case yaml.MappingNode:
		out.Shape = directory.Mapping
		for i := 0; i+1 < len(n.Content); i += 2 {
			k := n.Content[i]
			if k.Kind != yaml.ScalarNode || k.Tag == "!!merge" {
				r.wrong(directory.Pos{File: file, Line: k.Line, Column: k.Column}, "form.alias")
				continue
			}
			out.Keys = append(out.Keys, k.Value)
			out.KeyAt = append(out.KeyAt, directory.Pos{File: file, Line: k.Line, Column: k.Column})
			out.Items = append(out.Items, r.tree(file, n.Content[i+1], depth+1))
		}
	default:
		r.wrong(at, "form.alias")
	}
	if n.Anchor != "" {
		r.wrong(at, "form.alias")
	}
	return out
}

// keys of a document, besides spec.
var keys = []string{"kind", "id", "from", "until", "reason", "ended", "spec"}

func (r *reader) document(n *directory.Node) {
	if n.Shape != directory.Mapping {
		r.wrong(n.At, "form.not-map", "what", "a document")
		return
	}
	before := len(r.problems)
	d := Document{At: n.At}
	seen := map[string]bool{}
	for i, k := range n.Keys {
		at := n.At
		if i < len(n.KeyAt) {
			at = n.KeyAt[i]
		}
		if seen[k] {
			r.wrong(at, "form.key-twice", "key", k)
		}
		seen[k] = true
		r.part(&d, k, at, n.Items[i])
	}
	r.kind(&d, n)
	if d.Record == nil && len(r.problems) > before {
		r.name(before, &d)
		return
	}
	if !d.From.IsZero() && !d.Until.IsZero() && !d.From.Before(d.Until) {
		r.wrong(n.Find("until"), "dates.order", "from", moment(d.From), "until", moment(d.Until))
	}
	if d.Ended {
		if d.Spec != nil && d.Spec.Shape != directory.Null {
			r.wrong(n.Find("spec"), "form.ended-spec")
		}
		d.Spec, d.Record = nil, nil
	} else {
		r.spec(&d, n)
	}
	r.name(before, &d)
	r.docs = append(r.docs, d)
}

// name puts the record's name to the problems of its document.
func (r *reader) name(from int, d *Document) {
	for _, p := range r.problems[from:] {
		if p.Kind == "" {
			p.Kind, p.ID = d.Kind, d.ID
		}
	}
}

func (r *reader) part(d *Document, key string, at directory.Pos, v *directory.Node) {
	text := v.Text
	if key != "spec" && v.Shape != directory.Scalar {
		if v.Shape != directory.Null {
			r.wrong(at, "form.not-scalar", "what", key)
		}
		return
	}
	var err error
	switch key {
	case "kind":
		d.Kind = directory.Kind(text)
	case "id":
		d.ID = text
	case "from":
		d.From, err = Moment(text)
	case "until":
		d.Until, err = Moment(text)
	case "reason":
		d.Reason = text
	case "ended":
		if d.Ended = text == "true"; text != "true" && text != "false" {
			err = fmt.Errorf("%q is neither true nor false", text)
		}
	case "spec":
		d.Spec = v
	default:
		list := strings.Join(keys, ", ")
		if near := directory.Nearest(key, keys); near != "" {
			r.wrong(at, "form.unknown-key-near", "key", key, "near", near, "known", list)
			return
		}
		r.wrong(at, "form.unknown-key", "key", key, "known", list)
	}
	if err != nil {
		r.wrong(v.At, "form.bad-value", "error", err.Error())
	}
}

func (r *reader) kind(d *Document, n *directory.Node) {
	if d.Kind == "" {
		r.wrong(n.At, "form.must", "key", "kind", "doc", "what the document is about: "+kindNames())
		return
	}
	if d.Record = directory.New(d.Kind, d.ID); d.Record == nil {
		r.wrong(n.Find("kind"), "form.kind", "value", string(d.Kind), "known", kindNames())
		return
	}
	if err := directory.CheckID(d.Kind, d.ID); err != nil {
		r.wrong(n.Find("id"), "form.id", "error", "id: "+err.Error())
	}
}

func kindNames() string {
	var out []string
	for _, k := range directory.Kinds() {
		out = append(out, string(k))
	}
	return strings.Join(out, ", ")
}

// spec reads the record, taking the password of a phone out of it.
func (r *reader) spec(d *Document, n *directory.Node) {
	spec := d.Spec
	if spec == nil {
		spec = &directory.Node{At: n.At}
	}
	if d.Kind == directory.KindPhone && spec.Shape == directory.Mapping {
		rest := *spec
		rest.Keys, rest.KeyAt, rest.Items = nil, nil, nil
		for i, k := range spec.Keys {
			if k != "password" {
				rest.Keys, rest.KeyAt, rest.Items = append(rest.Keys, k), append(rest.KeyAt, spec.KeyAt[i]), append(rest.Items, spec.Items[i])
				continue
			}
			if d.password = spec.Items[i].Text; d.password == "" {
				r.wrong(spec.KeyAt[i], "form.not-scalar", "what", "password")
			}
		}
		spec = &rest
	}
	record, problems := directory.Decode(d.Kind, d.ID, spec)
	d.Spec, d.Record = spec, record
	r.problems = append(r.problems, problems...)
}

// Moment reads a day (its beginning in Baku) or a moment of RFC 3339.
func Moment(s string) (time.Time, error) {
	if d, err := calendar.ParseDate(s); err == nil {
		if y := d.Year(); y < 1900 || y > 2200 {
			return time.Time{}, fmt.Errorf("%q is outside the years 1900 to 2200", s)
		}
		return d.Time().UTC(), nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || t.Year() < 1900 || t.Year() > 2200 {
		return time.Time{}, fmt.Errorf("%q is neither a day such as 2026-12-01 nor a moment such as 2026-12-01T09:00:00+04:00", s)
	}
	return t.Truncate(time.Microsecond).UTC(), nil
}

// moment writes what Moment reads: a day if it begins in it.
func moment(t time.Time) string {
	if d := calendar.DateAt(t); d.Time().Equal(t) {
		return d.String()
	}
	return t.In(calendar.Baku()).Format(time.RFC3339Nano)
}

// twice finds documents that say two things about one record from one moment on.
func (r *reader) twice() {
	sort.SliceStable(r.docs, func(i, j int) bool {
		a, b := r.docs[i], r.docs[j]
		if a.Ref != b.Ref {
			if a.Kind != b.Kind {
				return a.Kind < b.Kind
			}
			return a.ID < b.ID
		}
		return a.From.Before(b.From)
	})
	for i := 1; i < len(r.docs); i++ {
		a, b := r.docs[i-1], r.docs[i]
		if a.Ref == b.Ref && a.From.Equal(b.From) {
			r.problems = append(r.problems, &directory.Problem{Key: "form.twice", Kind: b.Kind, ID: b.ID, At: b.At,
				Params: map[string]string{"kind": string(b.Kind), "id": b.ID, "other": a.At.String()}})
		}
	}
}
