//go:build !linux

package media

import (
	"net"
	"net/netip"
	"sync/atomic"
)

// Elsewhere than on Linux each socket has a goroutine that reads it. Slower, and
// right: for work on the program, not for service.

type sockaddr struct{ to netip.AddrPort }

func toSockaddr(a netip.AddrPort) sockaddr { return sockaddr{a} }

type receiver interface {
	packet(b []byte, from netip.AddrPort, rtcp bool)
}

type conn struct {
	udp  *net.UDPConn
	rtcp bool
	to   receiver
	p    *poller
}

const maxRTP = 2048

func listen(p *poller, addr netip.AddrPort, rtcp bool, to receiver) (*conn, error) {
	udp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(addr))
	if err != nil {
		return nil, err
	}
	c := &conn{udp: udp, rtcp: rtcp, to: to, p: p}
	p.sockets.Add(1)
	go c.run()
	return c, nil
}

func (c *conn) run() {
	buf := make([]byte, maxRTP)
	for {
		n, from, err := c.udp.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		c.to.packet(buf[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), c.rtcp)
	}
}

func (c *conn) send(b []byte, to *sockaddr) bool {
	_, err := c.udp.WriteToUDPAddrPort(b, to.to)
	return err == nil
}

func (c *conn) close() {
	c.p.sockets.Add(-1)
	_ = c.udp.Close()
}

type poller struct{ sockets atomic.Int64 }

func newPoller() (*poller, error) { return &poller{}, nil }
func (*poller) start()            {}
func (*poller) stop()             {}
