package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// sleep waits on the thread itself; Go's timers would wake another one first.
func sleep(d time.Duration) {
	ts := unix.NsecToTimespec(d.Nanoseconds())
	for unix.Nanosleep(&ts, &ts) == unix.EINTR {
	}
}
