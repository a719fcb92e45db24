// Package examples holds directories to begin with, as `cagri init` writes them. Names
// of people, addresses and secrets in them are made up; those of bodies and numbers are
// to be confirmed from acts before use.
package examples

import (
	"embed"
	"fmt"
	"io/fs"
)

//go:embed 108
var all embed.FS

// Named is the example of a name.
func Named(name string) (fs.FS, error) {
	if _, err := all.ReadDir(name); err != nil {
		return nil, fmt.Errorf("there is no example %q; there is: 108", name)
	}
	return fs.Sub(all, name)
}
