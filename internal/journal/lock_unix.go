//go:build unix

package journal

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// lock takes the folder for this process. The kernel lets go of it when the
// process dies, however it dies.
func lock(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		b, _ := os.ReadFile(f.Name())
		_ = f.Close()
		return nil, fmt.Errorf("journal: %s: %w (process %s): stop that one first, or give this one another data folder", dir, ErrLocked, strings.TrimSpace(string(b)))
	}
	if err := f.Truncate(0); err == nil {
		_, _ = f.WriteAt([]byte(fmt.Sprintln(os.Getpid())), 0)
	}
	return f, nil
}
