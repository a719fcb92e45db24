package main

import (
	"encoding/binary"
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mmsghdr is struct mmsghdr of recvmmsg(2) and sendmmsg(2).
type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
	_   [4]byte
}

const (
	batch      = 64
	packetRoom = 256
)

// port is a UDP socket that sends and receives in batches; receive times are the
// kernel's (SO_TIMESTAMPNS, socket(7)).
type port struct {
	fd    int
	local uint16

	out      [batch]mmsghdr
	outIov   [batch]unix.Iovec
	outAddr  [batch]unix.RawSockaddrInet4
	outBuf   [batch][packetRoom]byte
	outCount int

	in     [batch]mmsghdr
	inIov  [batch]unix.Iovec
	inAddr [batch]unix.RawSockaddrInet4
	inBuf  [batch][packetRoom]byte
	inOOB  [batch][64]byte

	sent, failed uint64
}

func openPort() (*port, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	p := &port{fd: fd}
	for _, o := range []struct{ level, name, value int }{
		{unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 32 << 20}, {unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 8 << 20}, {unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1},
	} {
		if err := unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil && o.name == unix.SO_TIMESTAMPNS {
			_ = unix.Close(fd)
			return nil, fmt.Errorf("kernel time stamps: %w", err)
		}
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	p.local = uint16(sa.(*unix.SockaddrInet4).Port)
	for i := range batch {
		p.outIov[i].Base = &p.outBuf[i][0]
		p.out[i].hdr.Iov = &p.outIov[i]
		p.out[i].hdr.Iovlen = 1
		p.out[i].hdr.Name = (*byte)(unsafe.Pointer(&p.outAddr[i]))
		p.out[i].hdr.Namelen = unix.SizeofSockaddrInet4
		p.outAddr[i] = unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: [4]byte{127, 0, 0, 1}}
		p.inIov[i].Base = &p.inBuf[i][0]
		p.inIov[i].Len = packetRoom
		p.in[i].hdr.Iov = &p.inIov[i]
		p.in[i].hdr.Iovlen = 1
		p.in[i].hdr.Name = (*byte)(unsafe.Pointer(&p.inAddr[i]))
		p.in[i].hdr.Control = &p.inOOB[i][0]
	}
	return p, nil
}

func (p *port) close() { _ = unix.Close(p.fd) }

// next gives room for one packet to 127.0.0.1:to; the caller fills n bytes.
func (p *port) next(to int, n int) []byte {
	if p.outCount == batch {
		p.flush()
	}
	i := p.outCount
	p.outCount++
	p.outAddr[i].Port = swap(uint16(to))
	p.outIov[i].Len = uint64(n)
	return p.outBuf[i][:n]
}

// flush sends what next has gathered.
func (p *port) flush() {
	for at := 0; at < p.outCount; {
		n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(p.fd), uintptr(unsafe.Pointer(&p.out[at])), uintptr(p.outCount-at), 0, 0, 0)
		if errno == unix.EINTR {
			continue
		}
		if errno != 0 { // one packet could not be sent (its port is closed): go on after it
			p.failed++
			at++
			continue
		}
		at += int(n)
		p.sent += uint64(n)
	}
	p.outCount = 0
}

// drain gives every packet that has arrived to f: source port, kernel time, bytes.
func (p *port) drain(f func(from int, at int64, b []byte)) {
	for {
		for i := range batch {
			p.in[i].hdr.Namelen = unix.SizeofSockaddrInet4
			p.in[i].hdr.SetControllen(len(p.inOOB[i]))
		}
		n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, uintptr(p.fd), uintptr(unsafe.Pointer(&p.in[0])), batch, unix.MSG_DONTWAIT, 0, 0)
		if errno == unix.ECONNREFUSED || errno == unix.EINTR {
			continue
		}
		if errno != 0 {
			return
		}
		for i := range int(n) {
			f(int(swap(p.inAddr[i].Port)), stamp(p.inOOB[i][:p.in[i].hdr.Controllen]), p.inBuf[i][:p.in[i].n])
		}
		if int(n) < batch {
			return
		}
	}
}

// stamp reads the SCM_TIMESTAMPNS control message; ns since 1970.
func stamp(oob []byte) int64 {
	if len(oob) < unix.SizeofCmsghdr+16 {
		return time.Now().UnixNano()
	}
	ts := oob[unix.SizeofCmsghdr:]
	return int64(binary.NativeEndian.Uint64(ts))*1e9 + int64(binary.NativeEndian.Uint64(ts[8:]))
}

func swap(v uint16) uint16 { return v<<8 | v>>8 }

// urgent asks for real-time scheduling of this thread, so that the probe's own
// delays do not count as the server's; without the right it goes on as usual.
func urgent() bool {
	attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 20}
	return unix.SchedSetAttr(0, &attr, 0) == nil
}
