package config

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	yaml3 "go.yaml.in/yaml/v3"
)

// Numbers as people write them. YAML knows more: 0125550000 is octal and becomes
// 22466560, 1e3 and 1_000 are a thousand. In a file of telephone numbers and passwords
// that is never meant.
var (
	plainInt   = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)
	plainFloat = regexp.MustCompile(`^-?(0|[1-9][0-9]*)\.[0-9]+$`)
)

// ambiguous refuses what YAML would read as another number than it looks, and what
// the parser would pass over: a second document, and nothing at all.
func ambiguous(file string, text []byte) error {
	d := yaml3.NewDecoder(strings.NewReader(string(text)))
	var first yaml3.Node
	switch err := d.Decode(&first); {
	case errors.Is(err, io.EOF):
		return fmt.Errorf("%s is empty: a server needs its configuration, and an empty file is mostly one that was cut; to start with the defaults, name no file", file)
	case err != nil:
		return fmt.Errorf("%s is not valid YAML: %w", file, err)
	}
	var second yaml3.Node
	if err := d.Decode(&second); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s:%d: a second document begins after ---; only one is read, so put everything into it", file, max(second.Line, 1))
	}
	var errs []error
	var walk func(n *yaml3.Node)
	walk = func(n *yaml3.Node) {
		if n.Kind == yaml3.ScalarNode && n.Style&(yaml3.SingleQuotedStyle|yaml3.DoubleQuotedStyle) == 0 {
			tag := n.ShortTag()
			if tag == "!!int" && !plainInt.MatchString(n.Value) || tag == "!!float" && !plainFloat.MatchString(n.Value) {
				errs = append(errs, fmt.Errorf("%s:%d:%d: %s would be read as another number; write it in quotes: \"%s\"", file, n.Line, n.Column, n.Value, n.Value))
			}
		}
		for _, c := range n.Content {
			walk(c)
		}
	}
	walk(&first)
	return errors.Join(errs...)
}
