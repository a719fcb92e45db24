//go:build !linux

package record

import "errors"

// syncAll is not there: each file is synced by itself.
func syncAll(file) error { return errors.ErrUnsupported }
