package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// benchFloor: what one forward costs at the least on this machine: a batched send
// plus a batched receive of a 172-byte packet over loopback, in processor time of
// one thread that does nothing else.
func benchFloor(_ context.Context, o options) error {
	a, err := openPort()
	if err != nil {
		return err
	}
	defer a.close()
	b, err := openPort()
	if err != nil {
		return err
	}
	defer b.close()
	var best float64
	for range 5 {
		var got uint64
		begin := threadTime()
		for end := time.Now().Add(o.window / 12); time.Now().Before(end); {
			for range batch {
				a.next(int(b.local), packetLen)[0] = 0x80
			}
			a.flush()
			b.drain(func(int, int64, []byte) { got++ })
		}
		us := float64((threadTime() - begin).Nanoseconds()) / 1000 / float64(got)
		if best == 0 || us < best {
			best = us
		}
	}
	fmt.Printf("one forward (sendmmsg + recvmmsg, batches of %d): %.2f us of processor time, %.0f forwards/s, %.0f calls for each core\n", batch, best, 1e6/best, 1e6/best/100)
	return nil
}

// threadTime is the processor time of this process so far.
func threadTime() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
