package sip

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"cagri/internal/sip/guard"
)

// maxDatagram is the largest UDP payload. Messages above mtuWarn do not fit one Ethernet frame with room for tunnels; RFC 3261
// section 18.1.1 would have them sent over TCP. Peers that speak UDP only cannot be reached that way, so they are sent as they are,
// IP fragments them, and it is logged once per peer network.
const (
	maxDatagram = 65535
	mtuWarn     = 1300
)

// link is one way to one peer: a UDP socket with an address, or a stream connection. The zero link leads nowhere.
type link struct {
	udp    *listener
	stream *stream
	remote netip.AddrPort
}

// reliable says whether the transport repeats lost messages by itself.
func (l link) reliable() bool { return l.stream != nil }

func (l link) network() string {
	if l.stream != nil {
		return l.stream.network
	}
	return "udp"
}

func (l link) via() string {
	switch l.network() {
	case "tcp":
		return "TCP"
	case "tls":
		return "TLS"
	}
	return "UDP"
}

// send hands b to the transport. It never blocks; b must not change afterwards.
func (l link) send(b []byte) error {
	switch {
	case l.stream != nil:
		return l.stream.send(b)
	case l.udp != nil:
		return l.udp.send(b, l.remote)
	}
	return errNoRoute
}

var (
	errNoRoute = errors.New("no way to the peer: no listener of that transport and address family, or its connection is gone")
	errTooLong = errors.New("message is longer than a datagram can be")
)

// listener is one supervised listening address.
type listener struct {
	ua      *UA
	network string
	want    string // as configured, with the port filled in after the first bind
	bound   netip.AddrPort

	udp atomic.Pointer[net.UDPConn] // present socket of a udp listener
	tcp atomic.Pointer[net.TCPListener]
}

// open binds the address. The first time, a port 0 is replaced by the one the system chose, so that a restart keeps it.
func (l *listener) open(ctx context.Context) error {
	lc := net.ListenConfig{}
	if l.network == "udp" {
		pc, err := lc.ListenPacket(ctx, "udp", l.want)
		if err != nil {
			return err
		}
		c := pc.(*net.UDPConn)
		// A burst of calls must fit while the reader is busy; the kernel caps it at net.core.rmem_max.
		_ = c.SetReadBuffer(4 << 20)
		_ = c.SetWriteBuffer(1 << 20)
		l.remember(c.LocalAddr().(*net.UDPAddr).AddrPort())
		l.udp.Store(c)
	} else {
		nl, err := lc.Listen(ctx, "tcp", l.want)
		if err != nil {
			return err
		}
		c := nl.(*net.TCPListener)
		l.remember(c.Addr().(*net.TCPAddr).AddrPort())
		l.tcp.Store(c)
	}
	return nil
}

// remember keeps the first address bound; bound and want never change afterwards.
func (l *listener) remember(a netip.AddrPort) {
	if l.bound.IsValid() {
		return
	}
	l.bound = unmapped(a)
	if host, _, err := net.SplitHostPort(l.want); err == nil {
		l.want = net.JoinHostPort(host, strconv.Itoa(int(a.Port())))
	}
}

func unmapped(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

func (l *listener) close() {
	if c := l.udp.Load(); c != nil {
		c.Close()
	}
	if c := l.tcp.Load(); c != nil {
		c.Close()
	}
}

// run serves the address until ctx ends and opens it again, after a pause and with an alarm, when it dies.
func (l *listener) run(ctx context.Context) {
	pause := 100 * time.Millisecond
	for {
		began := time.Now()
		err := l.serve()
		if ctx.Err() != nil {
			return
		}
		l.close()
		if time.Since(began) > time.Minute {
			pause = 100 * time.Millisecond
		}
		l.ua.alarm("listener "+l.network+" "+l.want+" died, restarting", err)
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
			}
			pause = min(2*pause, 5*time.Second)
			if err = l.open(ctx); err == nil {
				break
			}
			l.ua.alarm("listener "+l.network+" "+l.want+" cannot be restarted yet", err)
		}
		if ctx.Err() != nil { // Stop may have closed the old socket just before we opened the new one
			l.close()
			return
		}
		l.ua.log.Info("listener is back", "network", l.network, "addr", l.want)
	}
}

func (l *listener) serve() error {
	if l.network == "udp" {
		return l.serveUDP(l.udp.Load())
	}
	return l.serveStreams(l.tcp.Load())
}

// serveUDP reads datagrams. Whatever the guard does not admit costs one classification of raw bytes and nothing else.
func (l *listener) serveUDP(c *net.UDPConn) error {
	buf := make([]byte, maxDatagram)
	soft := 0
	for {
		n, from, err := c.ReadFromUDPAddrPort(buf)
		if err != nil {
			// Linux reports ICMP errors of earlier sends here; they concern one peer, not the socket.
			if soft++; errors.Is(err, net.ErrClosed) || soft > 100 {
				return err
			}
			continue
		}
		soft = 0
		if n > 0 {
			l.ua.datagram(link{udp: l, remote: unmapped(from)}, buf[:n])
		}
	}
}

func (l *listener) send(b []byte, to netip.AddrPort) error {
	if len(b) > maxDatagram-28 {
		return errTooLong
	}
	if len(b) > mtuWarn {
		l.ua.largeMessage(to.Addr(), len(b))
	}
	c := l.udp.Load()
	if c == nil {
		return errNoRoute
	}
	_, err := c.WriteToUDPAddrPort(b, to)
	return err
}

// datagram takes one UDP packet through the guard and the parser.
func (u *UA) datagram(l link, b []byte) {
	class := guard.Classify(b)
	src := l.remote.Addr()
	switch u.guard.AdmitClass(src, class, class == guard.InCall && u.peers.has(src)) {
	case guard.Drop:
		return
	case guard.Forbid:
		if m, _ := u.parser.ParseSIP(b); m != nil {
			if req, ok := m.(*gosip.Request); ok {
				if in := read(req, l); in.via != nil && in.method != "ACK" {
					u.stateless(in, 403, "Forbidden")
				}
			}
		}
		return
	}
	if class == guard.KeepAlive {
		return // RFC 5626: over UDP nothing is answered to CRLF; a phone that wants an answer uses STUN
	}
	for len(b) > 0 && (b[0] == '\r' || b[0] == '\n') {
		b = b[1:]
	}
	m, err := u.parser.ParseSIP(b)
	u.parsed(m, err, l)
}

// parsed passes on what the parser made of one message.
func (u *UA) parsed(m gosip.Message, err error, l link) {
	if err != nil || m == nil {
		u.counts.malformed.Add(1)
		u.guard.Fail(l.remote.Addr(), guard.Malformed)
		// A request whose Via could be read is told; with anything less we cannot know whom to tell.
		if req, ok := m.(*gosip.Request); ok && req.Method != gosip.ACK {
			if in := read(req, l); in.via != nil {
				u.stateless(in, 400, "Bad Request")
			}
		}
		return
	}
	u.receive(read(m, l))
}

// serveStreams accepts TCP and TLS connections.
func (l *listener) serveStreams(tl *net.TCPListener) error {
	var told time.Time
	for {
		c, err := tl.AcceptTCP()
		if err != nil {
			var ne net.Error
			if errors.As(err, &ne) && ne.Timeout() || isTooManyFiles(err) {
				if time.Since(told) > 10*time.Second {
					told = time.Now()
					l.ua.alarm("listener "+l.network+" "+l.want+" cannot accept", err)
				}
				time.Sleep(50 * time.Millisecond)
				continue
			}
			return err
		}
		l.ua.accept(l, c)
	}
}

// accept lets a connection in if there is room for it.
func (u *UA) accept(l *listener, c *net.TCPConn) {
	remote := unmapped(c.RemoteAddr().(*net.TCPAddr).AddrPort())
	known := u.familiar(remote.Addr())
	// The guard slows known sources down where it bans others: one phone with a wrong password must not keep a whole hall from
	// connecting.
	if !known && u.guard.Banned(remote.Addr()) || !u.streams.admit(remote.Addr(), known) {
		c.Close()
		return
	}
	var conn net.Conn = c
	if l.network == "tls" {
		conn = tls.Server(c, u.serverTLS)
	}
	s := newStream(u, l.network, remote, l)
	s.accepted = true
	s.conn = conn
	if !u.streams.add(s) {
		c.Close()
		return
	}
	u.streamsUp.Add(2)
	go s.write()
	go s.read()
}

// familiar says whether an address is a carrier's, a phone's (from a network of phones, or authenticated lately), or the peer of a call.
func (u *UA) familiar(a netip.Addr) bool {
	if _, ok := u.trunks.Match(a, ""); ok {
		return true
	}
	return u.peers.has(a) || u.guard.Known(a)
}

// peerSet counts, per address, the dialogs and transactions that expect to hear from it.
type peerSet struct {
	mu sync.RWMutex // guards n
	n  map[netip.Addr]int
}

func (p *peerSet) has(a netip.Addr) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.n[a] > 0
}

func (p *peerSet) add(a netip.Addr, by int) {
	p.mu.Lock()
	if p.n[a] += by; p.n[a] <= 0 {
		delete(p.n, a)
	}
	p.mu.Unlock()
}
