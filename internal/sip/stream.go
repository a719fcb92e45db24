package sip

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"cagri/internal/sip/guard"
	"cagri/internal/sip/registrar"
)

// Bounds of stream connections. A peer that is neither carrier nor phone has little time and few connections.
const (
	maxStreams         = 8192
	maxStreamsStrange  = maxStreams / 2 // beyond these only known peers are let in
	maxStreamsStranger = 8              // per address, or per 64 bits of IPv6
	maxStreamsPeer     = 512            // per address of a known peer; a hall may sit behind one
	streamQueue        = 256            // messages waiting to be written; a peer that does not read is cut off
	strangerIdle       = 30 * time.Second
	peerIdle           = 15 * time.Minute
	writeLimit         = 10 * time.Second
	dialLimit          = 5 * time.Second
)

// stream is one TCP or TLS connection. Its reader owns conn's read side, its writer the write side.
type stream struct {
	ua       *UA
	network  string
	remote   netip.AddrPort
	listener *listener // whose port peers shall use for new connections; nil when we do not listen on this transport
	host     string    // name in the certificate, for outgoing TLS
	accepted bool

	out  chan []byte
	gone chan struct{} // closed when the connection is over

	mu      sync.Mutex // guards everything below
	conn    net.Conn   // nil while connecting
	closed  bool
	trusted bool // something authenticated came over it
}

func newStream(u *UA, network string, remote netip.AddrPort, l *listener) *stream {
	return &stream{ua: u, network: network, remote: remote, listener: l, out: make(chan []byte, streamQueue), gone: make(chan struct{})}
}

// send queues b. An error means the connection is over.
func (s *stream) send(b []byte) error {
	select {
	case <-s.gone:
		return errNoRoute
	default:
	}
	select {
	case s.out <- b:
		return nil
	case <-s.gone:
		return errNoRoute
	default:
		go s.close(errors.New("peer does not read")) // not here: the caller may hold locks that close needs
		return errNoRoute
	}
}

// dial connects and then writes. It runs on its own goroutine.
func (s *stream) dial(ctx context.Context) {
	defer s.ua.streamsUp.Done()
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	d := net.Dialer{}
	c, err := d.DialContext(ctx, "tcp", s.remote.String())
	if err == nil && s.network == "tls" {
		cfg := s.ua.clientTLS.Clone()
		if cfg.ServerName == "" {
			cfg.ServerName = s.host
		}
		tc := tls.Client(c, cfg)
		if err = tc.HandshakeContext(ctx); err != nil {
			c.Close()
		}
		c = tc
	}
	cancel()
	if err != nil {
		s.close(err)
		return
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		c.Close()
		return
	}
	s.conn = c
	s.mu.Unlock()
	s.ua.streamsUp.Add(1)
	go s.read()
	s.writeLoop(c)
}

func (s *stream) write() {
	defer s.ua.streamsUp.Done()
	s.writeLoop(s.conn)
}

func (s *stream) writeLoop(c net.Conn) {
	for {
		select {
		case <-s.gone:
			// What was queued before the end still goes out if the peer takes it (a last 400 before we close).
			_ = c.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
			for {
				select {
				case b := <-s.out:
					if _, err := c.Write(b); err != nil {
						c.Close()
						return
					}
				default:
					c.Close()
					return
				}
			}
		case b := <-s.out:
			_ = c.SetWriteDeadline(time.Now().Add(writeLimit))
			if _, err := c.Write(b); err != nil {
				s.close(err)
			}
		}
	}
}

// read parses what comes until the connection is over.
func (s *stream) read() {
	defer s.ua.streamsUp.Done()
	par := s.ua.parser.NewSIPStream()
	defer par.Close()
	buf := make([]byte, 16<<10)
	l := link{stream: s, remote: s.remote}
	crlf, partial := 0, false
	for {
		idle := peerIdle
		s.mu.Lock()
		if s.accepted && !s.trusted && !s.ua.familiar(s.remote.Addr()) {
			idle = strangerIdle
		}
		s.mu.Unlock()
		_ = s.conn.SetReadDeadline(time.Now().Add(idle))
		n, err := s.conn.Read(buf)
		if err != nil {
			s.close(err)
			return
		}
		data := buf[:n]
		// Between messages, CRLF CRLF is a ping and wants one CRLF back (RFC 5626 section 3.5.1). An empty buffer alone does not mean
		// between: the parser takes header lines out as they come.
		if !partial {
			for len(data) > 0 && (data[0] == '\r' || data[0] == '\n') {
				if crlf++; crlf == 4 {
					crlf = 0
					_ = s.send([]byte("\r\n"))
					s.ua.alive(l)
				}
				data = data[1:]
			}
			if len(data) == 0 {
				continue
			}
		}
		crlf = 0
		if _, err := par.Write(data); err != nil {
			s.close(err)
			return
		}
		for par.Buffer().Len() > 0 {
			m, _, err := par.ParseNext()
			if partial = errors.Is(err, io.ErrUnexpectedEOF); partial {
				break
			}
			if err != nil {
				// There is no boundary to go on from.
				s.ua.parsed(m, err, l)
				s.close(err)
				return
			}
			switch s.admit(m) {
			case guard.Pass:
				s.ua.parsed(m, nil, l)
			case guard.Forbid: // too much of a known peer
				s.ua.parsedBusy(m, l)
			default:
				s.close(errors.New("not admitted"))
				return
			}
		}
	}
}

// admit asks the guard about one parsed message. Drop closes the connection. A known peer's is not closed, since calls hang on it;
// over its budget it hears Forbid, while responses and ACK, which nobody can repeat over a connection, always pass.
func (s *stream) admit(m gosip.Message) guard.Verdict {
	src := s.remote.Addr()
	class := guard.InCall
	if req, ok := m.(*gosip.Request); ok {
		switch req.Method {
		case gosip.ACK, gosip.BYE, gosip.CANCEL, gosip.PRACK:
		case gosip.REGISTER:
			class = guard.Register
		default:
			if to := req.To(); to != nil && tagOf(to.Params) != "" {
				break
			}
			switch class = guard.Other; req.Method {
			case gosip.INVITE:
				class = guard.Invite
			case gosip.OPTIONS:
				class = guard.Options
			}
		}
	}
	s.mu.Lock()
	trusted := s.trusted || !s.accepted
	s.mu.Unlock()
	if s.ua.guard.AdmitClass(src, class, trusted || class == guard.InCall && s.ua.peers.has(src)) == guard.Pass {
		return guard.Pass
	}
	if !trusted && !s.ua.familiar(src) {
		return guard.Drop
	}
	if req, ok := m.(*gosip.Request); ok && req.Method != gosip.ACK {
		return guard.Forbid
	}
	return guard.Pass
}

// parsedBusy tells a known peer that it is over its budget.
func (u *UA) parsedBusy(m gosip.Message, l link) {
	if in := read(m, l); in.via != nil {
		u.stateless(in, 503, reasonPhrase(503), "Retry-After: 2\r\n")
	}
}

// trust notes that the peer at the other end has authenticated.
func (s *stream) trust() {
	s.mu.Lock()
	s.trusted = true
	s.mu.Unlock()
}

// close ends the connection once and tells whoever waited for something from it.
func (s *stream) close(err error) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.closed = true
	c := s.conn
	s.mu.Unlock()
	s.ua.streams.drop(s)
	close(s.gone)
	if c != nil {
		_ = c.SetReadDeadline(time.Now()) // wakes the reader; the writer empties its queue and closes
	}
	s.ua.log.Debug("connection over", "network", s.network, "peer", s.remote, "err", err)
	s.ua.failStream(s, err)
	s.ua.registrar.FlowDown(registrar.Flow{Transport: s.network, Remote: s.remote})
}

type streamKey struct {
	network string
	remote  netip.AddrPort
}

// streamTable holds all connections.
type streamTable struct {
	mu     sync.Mutex // guards everything below
	byPeer map[streamKey]*stream
	perIP  map[netip.Addr]int // by address; of IPv6 by the first 64 bits, which is what one subscriber has
	closed bool
}

func subscriber(a netip.Addr) netip.Addr {
	if a.Is4() || a.Is4In6() {
		return a.Unmap()
	}
	p, _ := a.WithZone("").Prefix(64) // fails for no IPv6 address
	return p.Addr()
}

// admit says whether one more connection from a may be accepted.
func (t *streamTable) admit(a netip.Addr, known bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	limit, all := maxStreamsStranger, maxStreamsStrange
	if known {
		limit, all = maxStreamsPeer, maxStreams
	}
	return !t.closed && len(t.byPeer) < all && t.perIP[subscriber(a)] < limit
}

func (t *streamTable) add(s *stream) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := streamKey{s.network, s.remote}
	if t.closed || t.byPeer[k] != nil {
		return false
	}
	t.byPeer[k] = s
	t.perIP[subscriber(s.remote.Addr())]++
	return true
}

func (t *streamTable) drop(s *stream) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := streamKey{s.network, s.remote}
	if t.byPeer[k] != s {
		return
	}
	delete(t.byPeer, k)
	a := subscriber(s.remote.Addr())
	if t.perIP[a]--; t.perIP[a] <= 0 {
		delete(t.perIP, a)
	}
}

func (t *streamTable) find(network string, remote netip.AddrPort) *stream {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.byPeer[streamKey{network, remote}]
}

func (t *streamTable) shut() []*stream {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	var all []*stream
	for _, s := range t.byPeer {
		all = append(all, s)
	}
	return all
}

func isTooManyFiles(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}
