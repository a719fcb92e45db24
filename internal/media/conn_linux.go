package media

import (
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The Linux way of reading and writing packets: raw sockets without Go's poller,
// a few threads that wait with epoll for all of them. docs/adr/0003 has the figures.

// sockaddr is a socket address as the kernel takes it.
type sockaddr struct {
	raw [unix.SizeofSockaddrInet6]byte
	len uint32
}

func toSockaddr(a netip.AddrPort) (s sockaddr) {
	ip := a.Addr().Unmap()
	port := a.Port()
	if ip.Is4() {
		sa := (*unix.RawSockaddrInet4)(unsafe.Pointer(&s.raw))
		sa.Family = unix.AF_INET
		sa.Port = port<<8 | port>>8
		sa.Addr = ip.As4()
		s.len = unix.SizeofSockaddrInet4
		return s
	}
	sa := (*unix.RawSockaddrInet6)(unsafe.Pointer(&s.raw))
	sa.Family = unix.AF_INET6
	sa.Port = port<<8 | port>>8
	sa.Addr = ip.As16()
	s.len = unix.SizeofSockaddrInet6
	return s
}

func fromSockaddr(raw *[unix.SizeofSockaddrInet6]byte) netip.AddrPort {
	switch (*unix.RawSockaddr)(unsafe.Pointer(raw)).Family {
	case unix.AF_INET:
		sa := (*unix.RawSockaddrInet4)(unsafe.Pointer(raw))
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), sa.Port<<8|sa.Port>>8)
	case unix.AF_INET6:
		sa := (*unix.RawSockaddrInet6)(unsafe.Pointer(raw))
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr).Unmap(), sa.Port<<8|sa.Port>>8)
	}
	return netip.AddrPort{}
}

// receiver takes the packets of a conn, on the thread of its poller.
type receiver interface {
	packet(b []byte, from netip.AddrPort, rtcp bool)
}

// conn is a UDP socket. It is closed by its poller, between two rounds, so that a
// descriptor is never used again while an older packet is being handled.
type conn struct {
	fd   int
	rtcp bool
	to   receiver
	p    *poller
	slot int
}

func listen(p *poller, addr netip.AddrPort, rtcp bool, to receiver) (*conn, error) {
	family := unix.AF_INET
	if addr.Addr().Is6() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("media: socket: %w", err)
	}
	sa := toSockaddr(addr)
	if _, _, errno := unix.Syscall(unix.SYS_BIND, uintptr(fd), uintptr(unsafe.Pointer(&sa.raw)), uintptr(sa.len)); errno != 0 {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("media: bind %s: %w", addr, errno)
	}
	// A second of sound; more would only be played too late.
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 64<<10)
	c := &conn{fd: fd, rtcp: rtcp, to: to, p: p}
	if err := p.add(c); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return c, nil
}

// send sends one packet; what the kernel cannot take now is lost, as on any wire.
func (c *conn) send(b []byte, to *sockaddr) bool {
	_, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(c.fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, uintptr(unsafe.Pointer(&to.raw)), uintptr(to.len))
	return errno == 0
}

// close hands the socket back. No send may come after it.
func (c *conn) close() { c.p.remove(c) }

const (
	pollEvents = 256
	// gather is how long a poller that has just served packets lets new ones come
	// together before it looks again: one wake-up then serves many legs. It adds half
	// of itself to the delay of a packet.
	gather = 250 * time.Microsecond
	// calm is after how many looks in vain a poller goes to sleep in the kernel.
	calm = 80
	// idleWait bounds the wait of a poller without packets, and so how long a closed
	// socket stays open.
	idleWait = 100 // ms
	maxRTP   = 2048
)

// poller is one thread that reads many sockets.
type poller struct {
	ep   int
	quit chan struct{}
	done chan struct{}

	sockets atomic.Int64 // open

	mu    sync.Mutex // guards all below
	runs  bool
	over  bool
	slots []*conn
	free  []int
	dead  []int // descriptors to close before the next round
}

func newPoller() (*poller, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("media: epoll: %w", err)
	}
	return &poller{ep: ep, quit: make(chan struct{}), done: make(chan struct{})}, nil
}

func (p *poller) start() {
	p.mu.Lock()
	p.runs = true
	p.mu.Unlock()
	go p.run()
}

// stop ends the thread, if it was started. Sockets may be closed later still, but
// none opened.
func (p *poller) stop() {
	p.mu.Lock()
	runs := p.runs
	p.mu.Unlock()
	if runs {
		close(p.quit)
		<-p.done
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	for _, fd := range p.dead {
		_ = unix.Close(fd)
	}
	p.dead = nil
	_ = unix.Close(p.ep)
}

func (p *poller) add(c *conn) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return errOver
	}
	if n := len(p.free); n > 0 {
		c.slot = p.free[n-1]
		p.free = p.free[:n-1]
		p.slots[c.slot] = c
	} else {
		c.slot = len(p.slots)
		p.slots = append(p.slots, c)
	}
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(c.slot)}
	if err := unix.EpollCtl(p.ep, unix.EPOLL_CTL_ADD, c.fd, &ev); err != nil {
		p.slots[c.slot] = nil
		p.free = append(p.free, c.slot)
		return fmt.Errorf("media: epoll: %w", err)
	}
	p.sockets.Add(1)
	return nil
}

func (p *poller) remove(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.slots[c.slot] != c {
		return
	}
	p.sockets.Add(-1)
	p.slots[c.slot] = nil
	p.free = append(p.free, c.slot)
	if p.over {
		_ = unix.Close(c.fd)
		return
	}
	_ = unix.EpollCtl(p.ep, unix.EPOLL_CTL_DEL, c.fd, nil)
	p.dead = append(p.dead, c.fd)
}

func (p *poller) run() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(p.done)
	// The kernel rounds sleeps up by 50 µs unless told otherwise (prctl(2)).
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1000, 0, 0, 0)
	var events [pollEvents]unix.EpollEvent
	var ready [pollEvents]*conn
	buf := make([]byte, maxRTP)
	busy := 0
	pause := unix.NsecToTimespec(gather.Nanoseconds())
	for {
		select {
		case <-p.quit:
			return
		default:
		}
		n, err := p.wait(events[:], busy)
		if err != 0 && err != unix.EINTR {
			return // the descriptor is gone: only stop does that
		}
		p.mu.Lock()
		for _, fd := range p.dead {
			_ = unix.Close(fd)
		}
		p.dead = p.dead[:0]
		for i := range max(n, 0) {
			ready[i] = p.slots[events[i].Fd]
		}
		p.mu.Unlock()
		for _, c := range ready[:max(n, 0)] {
			if c != nil {
				read(c, buf)
			}
		}
		switch {
		case n > 0:
			busy = calm
		case busy > 0:
			busy--
		}
		if busy > 0 && n < pollEvents {
			_, _, _ = unix.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&pause)), 0, 0)
		}
	}
}

// wait asks which sockets have packets. While there is traffic it only looks, and
// does so, like the pause between two looks, without telling the Go scheduler:
// a thread that the scheduler knows to wait loses its place to run at once and has
// to be given it back, at a cost of several packets.
func (p *poller) wait(events []unix.EpollEvent, busy int) (int, unix.Errno) {
	if busy == 0 {
		n, err := unix.EpollWait(p.ep, events, idleWait)
		errno, _ := err.(unix.Errno)
		return n, errno
	}
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.ep), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// read takes one packet; epoll tells again if there are more.
func read(c *conn, buf []byte) {
	var from [unix.SizeofSockaddrInet6]byte
	size := uint32(len(from))
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(c.fd), uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)),
		unix.MSG_DONTWAIT, uintptr(unsafe.Pointer(&from)), uintptr(unsafe.Pointer(&size)))
	if errno != 0 || n == 0 {
		return
	}
	c.to.packet(buf[:n], fromSockaddr(&from), c.rtcp)
}
