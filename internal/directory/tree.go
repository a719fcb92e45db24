package directory

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Pos is a place in a file; lines and columns count from 1, 0 is unknown.
type Pos struct {
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
}

// String is file:line:column, as far as it is known.
func (p Pos) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.File == "":
		return fmt.Sprintf("%d:%d", p.Line, p.Column)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Shape is what a Node is.
type Shape uint8

// Shapes.
const (
	Null Shape = iota
	Scalar
	Sequence
	Mapping
)

// Node is a piece of a document, the same whether it was YAML or JSON: what records
// are read from and written to.
type Node struct {
	At    Pos
	Shape Shape
	Text  string   // of a scalar
	Bare  bool     // a number or truth rather than a text; for writing
	Keys  []string // of a map, in order
	KeyAt []Pos    // where the keys stand; may be empty
	Items []*Node  // of a list; of a map, one for each key
}

// Get is the value of a key of a map, nil if there is none.
func (n *Node) Get(key string) *Node {
	if n == nil || n.Shape != Mapping {
		return nil
	}
	for i, k := range n.Keys {
		if k == key {
			return n.Items[i]
		}
	}
	return nil
}

// Find is the place of a path such as needs[0].skills.tax: of the value, or of the
// deepest part of the path that is there.
func (n *Node) Find(path string) Pos {
	at := n.At
	for _, step := range steps(path) {
		next, pos := n.step(step)
		if next == nil {
			break
		}
		n, at = next, pos
	}
	return at
}

func (n *Node) step(name string) (*Node, Pos) {
	if n.Shape == Sequence {
		if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(n.Items) {
			return n.Items[i], n.Items[i].At
		}
		return nil, Pos{}
	}
	for i, k := range n.Keys {
		if k != name {
			continue
		}
		at := n.Items[i].At
		if n.Items[i].Shape != Scalar && i < len(n.KeyAt) {
			at = n.KeyAt[i]
		}
		return n.Items[i], at
	}
	return nil, Pos{}
}

// steps cuts a path into names and indexes.
func steps(path string) []string {
	path = strings.NewReplacer("[", ".", "]", "").Replace(path)
	return strings.FieldsFunc(path, func(r rune) bool { return r == '.' })
}

// text makes a scalar of a text, bare one of a number or truth.
func text(s string) *Node { return &Node{Shape: Scalar, Text: s} }
func bare(s string) *Node { return &Node{Shape: Scalar, Text: s, Bare: true} }

// put adds a key to a map.
func (n *Node) put(key string, v *Node) {
	n.Keys = append(n.Keys, key)
	n.Items = append(n.Items, v)
}

// JSON is the node as JSON: keys in their order, no spaces.
func (n *Node) JSON() []byte { return n.appendJSON(nil) }

// MarshalJSON is JSON.
func (n *Node) MarshalJSON() ([]byte, error) { return n.JSON(), nil }

func (n *Node) appendJSON(b []byte) []byte {
	if n == nil {
		return append(b, "null"...)
	}
	switch n.Shape {
	case Scalar:
		if n.Bare {
			return append(b, n.Text...)
		}
		return appendText(b, n.Text)
	case Sequence:
		b = append(b, '[')
		for i, it := range n.Items {
			if i > 0 {
				b = append(b, ',')
			}
			b = it.appendJSON(b)
		}
		return append(b, ']')
	case Mapping:
		b = append(b, '{')
		for i, it := range n.Items {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendText(b, n.Keys[i]), ':')
			b = it.appendJSON(b)
		}
		return append(b, '}')
	}
	return append(b, "null"...)
}

func appendText(b []byte, s string) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a text always can
	return append(b, bytes.TrimSuffix(buf.Bytes(), []byte{'\n'})...)
}

// maxDepth bounds how deep a document may nest.
const maxDepth = 32

// ParseJSON reads one JSON value, keeping the order of keys.
func ParseJSON(data []byte) (*Node, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	n, err := parseJSON(dec, 0)
	if err != nil {
		return nil, fmt.Errorf("directory: document: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("directory: document: there is more after its end")
	}
	return n, nil
}

func parseJSON(dec *json.Decoder, depth int) (*Node, error) {
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	if depth > maxDepth {
		return nil, fmt.Errorf("nested deeper than %d", maxDepth)
	}
	switch v := tok.(type) {
	case nil:
		return &Node{}, nil
	case string:
		return text(v), nil
	case bool:
		return bare(strconv.FormatBool(v)), nil
	case json.Number:
		return bare(v.String()), nil
	case json.Delim:
		n := &Node{Shape: Sequence}
		if v == '{' {
			n.Shape = Mapping
		}
		for dec.More() {
			if n.Shape == Mapping {
				key, err := dec.Token()
				if err != nil {
					return nil, err
				}
				n.Keys = append(n.Keys, key.(string))
			}
			it, err := parseJSON(dec, depth+1)
			if err != nil {
				return nil, err
			}
			n.Items = append(n.Items, it)
		}
		_, err := dec.Token()
		return n, err
	}
	return nil, fmt.Errorf("unexpected %v", tok)
}
