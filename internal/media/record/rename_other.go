//go:build !linux

package record

import (
	"errors"
	"fmt"
	"os"
)

// rename gives a file its final name unless that is taken.
func rename(from, to string) error {
	err := os.Link(from, to)
	switch {
	case errors.Is(err, os.ErrExist):
		return fmt.Errorf("%w: %s; the recording stays in %s", ErrExists, to, from)
	case err != nil: // a file system without hard links
		return os.Rename(from, to)
	}
	return os.Remove(from)
}
