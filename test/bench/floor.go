package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// benchFloor: what one forward costs at the least on this machine: a packet of 172
// bytes sent over loopback in batches to a thread that waits for it and takes it in
// batches; the processor time of both, for each packet that arrived. A media server
// does both for each packet it forwards, and cannot batch: every leg has its socket.
func benchFloor(ctx context.Context, o options) error {
	us, err := floor(ctx, o.window/6)
	if err != nil {
		return err
	}
	fmt.Printf("one forward (sendmmsg to a waiting recvmmsg, batches of %d): %.2f us of processor time, %.0f calls for each core\n", batch, us, 1e6/us/100)
	return nil
}

// floor measures for d and gives µs of processor time for each forward.
func floor(ctx context.Context, d time.Duration) (float64, error) {
	a, err := openPort()
	if err != nil {
		return 0, err
	}
	defer a.close()
	b, err := openPort()
	if err != nil {
		return 0, err
	}
	defer b.close()
	var got atomic.Uint64
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		wait := []unix.PollFd{{Fd: int32(b.fd), Events: unix.POLLIN}}
		for {
			_, _ = unix.Poll(wait, 50)
			b.drain(func(int, int64, []byte) { got.Add(1) })
			select {
			case <-quit:
				return
			default:
			}
		}
	}()
	begin, sent := processTime(), uint64(0)
	for end := time.Now().Add(d); time.Now().Before(end) && ctx.Err() == nil; {
		for sent-got.Load() > 16*batch { // let the reader keep up: a packet lost is no forward
			time.Sleep(20 * time.Microsecond)
		}
		for range batch {
			a.next(int(b.local), packetLen)[0] = 0x80
		}
		a.flush()
		sent += batch
	}
	used := processTime() - begin
	close(quit)
	<-done
	if got.Load() == 0 {
		return 0, errors.New("nothing arrived")
	}
	return float64(used.Nanoseconds()) / 1000 / float64(got.Load()), nil
}

// processTime is the processor time of this process so far.
func processTime() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
