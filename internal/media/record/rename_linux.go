package record

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// rename gives a file its final name unless that is taken.
func rename(from, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	switch {
	case errors.Is(err, unix.EEXIST):
		return fmt.Errorf("%w: %s; the recording stays in %s", ErrExists, to, from)
	case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EINVAL): // an old kernel or file system
		return os.Rename(from, to)
	}
	return err
}
