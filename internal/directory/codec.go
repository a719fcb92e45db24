package directory

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// field is how one field of a record is written down.
type field struct {
	index    int
	key      string
	must     bool
	secret   bool
	fallback *Node // what counts when the key is left out; always written
	doc      string
}

// plan is how a type is written down.
type plan struct {
	fields []field
	keys   []string
}

// plans of all types that occur in records; never changed after the start.
var plans = func() map[reflect.Type]*plan {
	m := map[reflect.Type]*plan{}
	for _, k := range kinds {
		addPlan(m, reflect.TypeOf(k.make()).Elem())
	}
	return m
}()

func addPlan(m map[reflect.Type]*plan, t reflect.Type) {
	if m[t] != nil {
		return
	}
	p := &plan{}
	m[t] = p
	for i := range t.NumField() {
		f := t.Field(i)
		parts := strings.Split(f.Tag.Get("key"), ",")
		if parts[0] == "-" || parts[0] == "" {
			continue
		}
		out := field{index: i, key: parts[0], doc: f.Tag.Get("doc")}
		for _, o := range parts[1:] {
			out.must = out.must || o == "must"
			out.secret = out.secret || o == "secret"
		}
		if d, ok := f.Tag.Lookup("default"); ok {
			out.fallback = text(d)
		}
		p.fields = append(p.fields, out)
		p.keys = append(p.keys, out.key)
		e := f.Type
		for e.Kind() == reflect.Pointer || e.Kind() == reflect.Slice {
			e = e.Elem()
		}
		if e.Kind() == reflect.Struct && !isText(e) {
			addPlan(m, e)
		}
	}
}

var (
	textIn   = reflect.TypeFor[encoding.TextUnmarshaler]()
	textOut  = reflect.TypeFor[encoding.TextMarshaler]()
	duration = reflect.TypeFor[time.Duration]()
	oneOf    = reflect.TypeFor[interface{ choices() []string }]()
	period   = reflect.TypeFor[Period]()
)

func isText(t reflect.Type) bool { return reflect.PointerTo(t).Implements(textIn) }

// Encode writes a record as a document: fields in their order, those at zero left out
// unless they must be there or have another default. Secrets (hashes of passwords) are written only when
// asked for.
func Encode(r Record, secrets bool) *Node {
	return encodeStruct(reflect.ValueOf(r).Elem(), secrets)
}

func encodeStruct(v reflect.Value, secrets bool) *Node {
	n := &Node{Shape: Mapping}
	for _, f := range plans[v.Type()].fields {
		fv := v.Field(f.index)
		if f.secret && !secrets || !f.must && f.fallback == nil && empty(fv) {
			continue
		}
		n.put(f.key, encode(fv, secrets))
	}
	return n
}

// empty tells whether the value says nothing.
func empty(v reflect.Value) bool {
	if v.Kind() == reflect.Slice || v.Kind() == reflect.Map {
		return v.Len() == 0
	}
	return v.IsZero()
}

func encode(v reflect.Value, secrets bool) *Node {
	switch {
	case v.Kind() == reflect.Pointer:
		return encode(v.Elem(), secrets)
	case v.Type() == duration:
		return text(durationText(time.Duration(v.Int())))
	case v.Type().Implements(textOut):
		b, err := v.Interface().(encoding.TextMarshaler).MarshalText()
		if err != nil {
			panic("directory: " + err.Error()) // none of our types can fail
		}
		return text(string(b))
	}
	switch v.Kind() {
	case reflect.String:
		return text(v.String())
	case reflect.Bool:
		return bare(strconv.FormatBool(v.Bool()))
	case reflect.Int:
		return bare(strconv.FormatInt(v.Int(), 10))
	case reflect.Slice:
		n := &Node{Shape: Sequence}
		for i := range v.Len() {
			n.Items = append(n.Items, encode(v.Index(i), secrets))
		}
		return n
	case reflect.Map:
		n := &Node{Shape: Mapping}
		m := v.Interface().(map[string]int)
		for _, k := range sortedKeys(m) {
			n.put(k, bare(strconv.Itoa(m[k])))
		}
		return n
	case reflect.Struct:
		return encodeStruct(v, secrets)
	}
	panic("directory: a record cannot hold " + v.Type().String())
}

// durationText is 1h30m, 90s: without zero parts at the end.
func durationText(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

// Decode reads a record from a document. It always gives a record, as far as the
// document can be read; problems carry places.
func Decode(k Kind, id string, n *Node) (Record, Problems) {
	r := New(k, id)
	d := &decoder{kind: k, id: id}
	d.structure(n, reflect.ValueOf(r).Elem(), "", "spec")
	return r, d.problems
}

type decoder struct {
	kind     Kind
	id       string
	problems Problems
}

func (d *decoder) wrong(at Pos, path, key string, pairs ...string) {
	p := &Problem{Key: key, Kind: d.kind, ID: d.id, Path: path, At: at, Params: params(pairs...)}
	if key == "form.must" && d.kind == KindBody && path == "class" {
		p.Clause = ClauseClass
	}
	if key == "form.must" && d.kind == KindEntitlement {
		p.Clause = ClauseRemote
	}
	d.problems = append(d.problems, p)
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func (d *decoder) structure(n *Node, v reflect.Value, path, what string) {
	p := plans[v.Type()]
	if n == nil || n.Shape == Null {
		n = &Node{Shape: Mapping, At: posOf(n)}
	}
	if n.Shape != Mapping {
		d.wrong(n.At, path, "form.not-map", "what", what)
		return
	}
	seen := map[string]bool{}
	for i, key := range n.Keys {
		at := n.At
		if i < len(n.KeyAt) {
			at = n.KeyAt[i]
		}
		f := p.find(key)
		switch {
		case f == nil:
			d.unknown(at, path, key, p.keys)
		case seen[key]:
			d.wrong(at, join(path, key), "form.key-twice", "key", key)
		default:
			d.value(n.Items[i], v.Field(f.index), join(path, key), key)
		}
		seen[key] = true
	}
	for _, f := range p.fields {
		switch {
		case seen[f.key] && n.Get(f.key).Shape != Null:
			// Nothing between quotes is not there either; a number may well be zero.
			if it := n.Get(f.key); f.must && it.Shape == Scalar && strings.TrimSpace(it.Text) == "" {
				d.wrong(it.At, join(path, f.key), "form.must", "key", f.key, "doc", f.doc)
			}
		case f.must:
			d.wrong(n.At, join(path, f.key), "form.must", "key", f.key, "doc", f.doc)
		case f.fallback != nil:
			d.value(f.fallback, v.Field(f.index), join(path, f.key), f.key)
		}
	}
}

func posOf(n *Node) Pos {
	if n == nil {
		return Pos{}
	}
	return n.At
}

func (p *plan) find(key string) *field {
	for i := range p.fields {
		if p.fields[i].key == key {
			return &p.fields[i]
		}
	}
	return nil
}

func (d *decoder) unknown(at Pos, path, key string, known []string) {
	list := strings.Join(known, ", ")
	if near := Nearest(key, known); near != "" {
		d.wrong(at, join(path, key), "form.unknown-key-near", "key", key, "near", near, "known", list)
		return
	}
	d.wrong(at, join(path, key), "form.unknown-key", "key", key, "known", list)
}

func (d *decoder) value(n *Node, v reflect.Value, path, what string) {
	t := v.Type()
	switch {
	case n.Shape == Null:
		return // "key:" with nothing after it is the same as no key
	case t.Kind() == reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		d.value(n, v.Elem(), path, what)
	case t.Kind() == reflect.Slice:
		d.list(n, v, path, what)
	case t.Kind() == reflect.Map:
		d.levels(n, v, path, what)
	case t.Kind() == reflect.Struct && !isText(t):
		d.structure(n, v, path, what)
	case n.Shape != Scalar:
		d.wrong(n.At, path, "form.not-scalar", "what", what)
	case !utf8.ValidString(n.Text) || strings.ContainsRune(n.Text, 0):
		d.wrong(n.At, path, "form.bad-text")
	default:
		if err := d.scalar(n, v, path); err != nil {
			d.wrong(n.At, path, "form.bad-value", "error", err.Error())
		}
	}
}

func (d *decoder) list(n *Node, v reflect.Value, path, what string) {
	items := n.Items
	switch n.Shape {
	case Scalar: // one value may stand without a list around it
		items = []*Node{n}
	case Mapping:
		d.wrong(n.At, path, "form.not-list", "what", what)
		return
	}
	if len(items) == 0 {
		if v.Type().Elem() == period {
			d.wrong(n.At, path, "form.no-hours")
		}
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
	for i, it := range items {
		if it.Shape == Null {
			d.wrong(it.At, path, "form.not-scalar", "what", what)
			continue
		}
		d.value(it, v.Index(i), fmt.Sprintf("%s[%d]", path, i), what)
	}
}

func (d *decoder) levels(n *Node, v reflect.Value, path, what string) {
	if n.Shape != Mapping {
		d.wrong(n.At, path, "form.not-map", "what", what)
		return
	}
	if len(n.Keys) == 0 {
		return
	}
	m := make(map[string]int, len(n.Keys))
	for i, k := range n.Keys {
		it := n.Items[i]
		if _, twice := m[k]; twice {
			d.wrong(it.At, join(path, k), "form.key-twice", "key", k)
		}
		level, err := strconv.Atoi(it.Text)
		if it.Shape != Scalar || err != nil {
			d.wrong(it.At, join(path, k), "form.bad-value", "error", fmt.Sprintf("%q is no level: a whole number from 1 to 10", it.Text))
			continue
		}
		m[k] = level
	}
	v.Set(reflect.ValueOf(m))
}

func (d *decoder) scalar(n *Node, v reflect.Value, path string) error {
	t := v.Type()
	switch {
	case t == duration:
		x, err := time.ParseDuration(n.Text)
		if err != nil {
			return fmt.Errorf("%q is no duration: write it with a unit, such as 30s or 2m", n.Text)
		}
		v.SetInt(int64(x))
		return nil
	case isText(t):
		return v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(n.Text))
	case t.Implements(oneOf):
		v.SetString(n.Text)
		known := v.Interface().(interface{ choices() []string }).choices()
		for _, c := range known {
			if c == n.Text {
				return nil
			}
		}
		key, near := "form.choice", Nearest(n.Text, known)
		if near != "" {
			key = "form.choice-near"
		}
		d.wrong(n.At, path, key, "value", n.Text, "near", near, "known", strings.Join(known, ", "))
		return nil
	}
	switch t.Kind() {
	case reflect.String:
		v.SetString(n.Text)
	case reflect.Bool:
		if n.Text != "true" && n.Text != "false" {
			return fmt.Errorf("%q is neither true nor false", n.Text)
		}
		v.SetBool(n.Text == "true")
	case reflect.Int:
		x, err := strconv.ParseInt(n.Text, 10, 32)
		if err != nil {
			return fmt.Errorf("%q is no whole number", n.Text)
		}
		v.SetInt(x)
	default:
		panic("directory: a record cannot hold " + t.String())
	}
	return nil
}
