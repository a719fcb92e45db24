//go:build unix

package journal

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// roomFor fails when the file system of dir has less than n bytes left.
func roomFor(dir string, n uint64) error {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return err
	}
	if left := uint64(s.Bavail) * uint64(s.Bsize); left < n {
		return fmt.Errorf("%d kB are left where %d are needed", left>>10, n>>10)
	}
	return nil
}
