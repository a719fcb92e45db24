package record

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// syncAll syncs the file system that f is on (syncfs(2)).
func syncAll(f file) error {
	c, ok := f.(syscall.Conn)
	if !ok {
		return errors.ErrUnsupported
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	if e := raw.Control(func(fd uintptr) { err = unix.Syncfs(int(fd)) }); e != nil {
		return e
	}
	return err
}
