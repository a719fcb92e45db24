package media

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkReaders compares the two ways of reading many sockets, docs/adr/0003: a
// few threads with epoll, or a goroutine for each socket. Each socket gets a packet
// every 20 ms, evenly spread as calls are, and sends it on at once. One operation is
// 20 ms of this. Reported are the processor time of everything but the generator for
// each packet, and how long after its sending a packet is in the program's hands.
func BenchmarkReaders(b *testing.B) {
	for _, n := range []int{100, 500, 1400} {
		for _, way := range []string{"epoll", "goroutines"} {
			b.Run(fmt.Sprintf("%s/%d", way, n), func(b *testing.B) { benchReaders(b, way, n) })
		}
	}
}

// hop takes packets and sends them on.
type hop struct {
	send  func(b []byte)
	delay []int64 // ns, of each packet; written by the reader of the socket only
}

func (h *hop) packet(b []byte, _ netip.AddrPort, _ bool) {
	h.delay = append(h.delay, monotonic()-int64(binary.NativeEndian.Uint64(b[12:])))
	h.send(b)
}

func benchReaders(b *testing.B, way string, n int) {
	// One more than usual: the generator sleeps in system calls and holds one.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(runtime.NumCPU() + 1))
	sink := udp(b, here.String()) // nobody reads it: the far end's cost is not ours
	hops := make([]*hop, n)
	ports := make([]sockaddr, n)
	var end func() // when it returns nobody reads any more
	switch way {
	case "epoll":
		pl, err := newPoller()
		if err != nil {
			b.Fatal(err)
		}
		end = pl.stop
		to := toSockaddr(addrOf(sink))
		for i := range hops {
			hops[i] = &hop{delay: make([]int64, 0, 2*b.N)}
			c, err := listen(pl, netip.AddrPortFrom(here, uint16(12000+i)), false, hops[i])
			if err != nil {
				b.Fatal(err)
			}
			hops[i].send = func(b []byte) { c.send(b, &to) }
			ports[i] = toSockaddr(netip.AddrPortFrom(here, uint16(12000+i)))
			b.Cleanup(c.close)
		}
		pl.start()
	case "goroutines":
		to := addrOf(sink)
		var readers sync.WaitGroup
		var sockets []io.Closer
		end = func() {
			for _, c := range sockets {
				_ = c.Close()
			}
			readers.Wait()
		}
		for i := range hops {
			c := udp(b, here.String())
			hops[i] = &hop{delay: make([]int64, 0, b.N), send: func(b []byte) { _, _ = c.WriteToUDPAddrPort(b, to) }}
			ports[i] = toSockaddr(addrOf(c))
			readers.Go(func() {
				buf := make([]byte, maxRTP)
				for {
					k, from, err := c.ReadFromUDPAddrPort(buf)
					if err != nil {
						return
					}
					hops[i].packet(buf[:k], from, false)
				}
			})
			sockets = append(sockets, c)
		}
	}

	runtime.LockOSThread() // the generator is this thread, so that its time can be told apart
	defer runtime.UnlockOSThread()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = unix.Close(fd) }()
	source := &conn{fd: fd}
	x := raw(8, false, 0, 0, 1, numbered(0, 160))
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1000, 0, 0, 0)
	const slots = 100
	all, own := used(b, unix.RUSAGE_SELF), used(b, unix.RUSAGE_THREAD)
	b.ResetTimer()
	next := monotonic()
	for range b.N {
		for slot := range slots {
			next += int64(20*time.Millisecond) / slots
			if wait := next - monotonic(); wait > 0 {
				pause := unix.NsecToTimespec(wait)
				_ = unix.Nanosleep(&pause, nil)
			}
			for i := slot; i < n; i += slots {
				binary.NativeEndian.PutUint64(x[12:], uint64(monotonic()))
				source.send(x, &ports[i])
			}
		}
	}
	b.StopTimer()
	pause := unix.NsecToTimespec(int64(20 * time.Millisecond)) // what is still under way
	_ = unix.Nanosleep(&pause, nil)
	cost := used(b, unix.RUSAGE_SELF) - all - (used(b, unix.RUSAGE_THREAD) - own)
	end()
	var delays []int64
	for _, h := range hops {
		delays = append(delays, h.delay...)
	}
	if len(delays) == 0 {
		b.Fatal("no packet came")
	}
	slices.Sort(delays)
	b.ReportMetric(float64(cost.Nanoseconds())/1000/float64(len(delays)), "us-cpu/packet")
	b.ReportMetric(float64(delays[len(delays)/2])/1000, "us-p50")
	b.ReportMetric(float64(delays[len(delays)*99/100])/1000, "us-p99")
	b.ReportMetric(100*(1-float64(len(delays))/float64(n*b.N)), "%lost")
	b.ReportMetric(0, "ns/op")
}

func monotonic() int64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	return ts.Nano()
}

// used is the processor time of the process or this thread.
func used(b *testing.B, who int) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(who, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
