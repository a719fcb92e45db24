package declare

import (
	"fmt"
	"strings"

	"cagri/internal/directory"
)

// FieldChange is one value that differs; From or To is empty if it is not there.
type FieldChange struct {
	Path string `json:"path"`
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
}

const hidden = "(hidden)"

// fields are the differences between two documents, in the order of the second.
func fields(was, is *directory.Node) []FieldChange {
	var out []FieldChange
	if was == nil {
		was = &directory.Node{Shape: directory.Mapping}
	}
	differ("", was, is, &out)
	return out
}

func differ(path string, was, is *directory.Node, out *[]FieldChange) {
	switch {
	case was == nil && is == nil:
	case was != nil && is != nil && was.Shape == directory.Mapping && is.Shape == directory.Mapping:
		for i, k := range is.Keys {
			differ(join(path, k), was.Get(k), is.Items[i], out)
		}
		for i, k := range was.Keys {
			if is.Get(k) == nil {
				differ(join(path, k), was.Items[i], nil, out)
			}
		}
	case was != nil && is != nil && maps(was) && maps(is):
		for i := range max(len(was.Items), len(is.Items)) {
			var a, b *directory.Node
			if i < len(was.Items) {
				a = was.Items[i]
			}
			if i < len(is.Items) {
				b = is.Items[i]
			}
			differ(fmt.Sprintf("%s[%d]", path, i), a, b, out)
		}
	default:
		if a, b := flow(was), flow(is); a != b {
			*out = append(*out, FieldChange{path, a, b})
		}
	}
}

// maps tells whether the node is a list of maps.
func maps(n *directory.Node) bool {
	return n.Shape == directory.Sequence && len(n.Items) > 0 && n.Items[0].Shape == directory.Mapping
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// flow is a node in one line.
func flow(n *directory.Node) string {
	if n == nil {
		return ""
	}
	switch n.Shape {
	case directory.Scalar:
		return n.Text
	case directory.Sequence:
		var parts []string
		for _, it := range n.Items {
			parts = append(parts, flow(it))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case directory.Mapping:
		var parts []string
		for i, k := range n.Keys {
			parts = append(parts, k+": "+flow(n.Items[i]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return ""
}
