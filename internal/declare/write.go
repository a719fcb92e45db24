package declare

import (
	"bytes"
	"fmt"
	"time"

	"go.yaml.in/yaml/v3"

	"cagri/internal/directory"
)

// Selection says what to export.
type Selection struct {
	At             time.Time // as it was at this moment
	History        bool      // every version with its dates, in place of one moment
	Kinds          []directory.Kind
	Body           string // only records of this body
	Secrets        bool   // with the hashes of phones' passwords
	Accommodations bool   // with what is private
}

func (s Selection) takes(k directory.Kind) bool {
	if k.Private() && !s.Accommodations {
		return false
	}
	for _, want := range s.Kinds {
		if want == k {
			return true
		}
	}
	return len(s.Kinds) == 0
}

// Export writes the book as documents that apply to no change, one file for each kind.
// Files without documents are left out.
func Export(b *directory.Book, s Selection) ([]File, error) {
	var out []File
	for _, k := range directory.Kinds() {
		if !s.takes(k) {
			continue
		}
		var text bytes.Buffer
		enc := yaml.NewEncoder(&text)
		enc.SetIndent(2)
		n := 0
		for _, ref := range b.Refs(k) {
			line := b.Timeline(ref)
			for i, seg := range line {
				if s.Body != "" && seg.Version.Body != s.Body || !s.History && !seg.Has(s.At) {
					continue
				}
				// An end that the next version does not explain must be said.
				ends := !seg.Until.IsZero() && (i+1 == len(line) || line[i+1].From.After(seg.Until))
				if err := enc.Encode(documentOf(ref, seg, s, ends)); err != nil {
					return nil, fmt.Errorf("declare: %s: %w", ref, err)
				}
				n++
			}
		}
		if n == 0 {
			continue
		}
		if err := enc.Close(); err != nil {
			return nil, fmt.Errorf("declare: %w", err)
		}
		out = append(out, File{Name: string(k) + ".yaml", Text: text.String()})
	}
	return out, nil
}

func documentOf(ref directory.Ref, seg directory.Segment, s Selection, ends bool) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	put := func(key string, v *yaml.Node) { n.Content = append(n.Content, scalar(key), v) }
	put("kind", scalar(string(ref.Kind)))
	put("id", scalar(ref.ID))
	if s.History {
		put("from", plain(moment(seg.From)))
	}
	if ends {
		put("until", plain(moment(seg.Until)))
	}
	if s.History && seg.Version.Reason != "" {
		put("reason", scalar(seg.Version.Reason))
	}
	put("spec", yamlOf(directory.Encode(seg.Version.Record, s.Secrets)))
	return n
}

func scalar(s string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
}

func plain(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: s} }

func yamlOf(n *directory.Node) *yaml.Node {
	switch n.Shape {
	case directory.Scalar:
		if n.Bare {
			return plain(n.Text)
		}
		return scalar(n.Text)
	case directory.Sequence:
		out := &yaml.Node{Kind: yaml.SequenceNode}
		flat := true
		for _, it := range n.Items {
			flat = flat && it.Shape == directory.Scalar
			out.Content = append(out.Content, yamlOf(it))
		}
		if flat {
			out.Style = yaml.FlowStyle
		}
		return out
	case directory.Mapping:
		out := &yaml.Node{Kind: yaml.MappingNode}
		for i, k := range n.Keys {
			out.Content = append(out.Content, scalar(k), yamlOf(n.Items[i]))
		}
		return out
	}
	return plain("null")
}

// Text joins files into one stream.
func Text(files []File) string {
	var b bytes.Buffer
	for i, f := range files {
		if i > 0 {
			b.WriteString("---\n")
		}
		b.WriteString(f.Text)
	}
	return b.String()
}
