package ivr

import (
	_ "embed"
	"fmt"
)

//go:embed default.yaml
var defaultYAML []byte

// Default is the flow shipped with the program: greeting, notice of recording, choice of
// language, menu, queue "general", polite ends.
func Default() *Flow {
	f, err := Parse("default.yaml", defaultYAML)
	if err != nil {
		panic(fmt.Sprintf("ivr: the embedded flow is broken: %v", err)) // a test keeps it whole
	}
	return f
}

// DefaultYAML is the text of the shipped flow, to begin one's own from.
func DefaultYAML() string { return string(defaultYAML) }
