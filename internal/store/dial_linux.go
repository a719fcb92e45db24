package store

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// deadIn is how long sent bytes may stay unconfirmed before a connection counts as
// dead; the kernel's own patience is a quarter of an hour.
const deadIn = 20 * time.Second

// notForEver lets a TCP connection to a machine that has vanished fail.
func notForEver(network, _ string, c syscall.RawConn) error {
	if network == "unix" {
		return nil
	}
	var err error
	if cerr := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(deadIn.Milliseconds()))
	}); cerr != nil {
		return cerr
	}
	return err
}
