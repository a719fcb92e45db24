package sip

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"cagri/internal/sip/registrar"
)

// self is our host and port as the peer behind the link shall see them.
func (u *UA) self(l link) (host string, port uint16) {
	lis := l.udp
	if l.stream != nil {
		lis = l.stream.listener
	}
	if lis != nil {
		port = lis.bound.Port()
	} else if l.stream != nil { // no listener of that kind: only this connection reaches us
		l.stream.mu.Lock()
		if c := l.stream.conn; c != nil {
			port = c.LocalAddr().(*net.TCPAddr).AddrPort().Port()
		}
		l.stream.mu.Unlock()
		if port == 0 {
			port = 5060
		}
	}
	switch {
	case u.cfg.AdvertiseHost != "":
		host = strings.Trim(u.cfg.AdvertiseHost, "[]")
	case lis != nil && !lis.bound.Addr().IsUnspecified():
		host = lis.bound.Addr().WithZone("").String()
	default:
		host = u.localTowards(l.remote.Addr()).String()
	}
	return host, port
}

// localTowards asks the kernel which of our addresses a packet to a would carry. No packet is sent.
func (u *UA) localTowards(a netip.Addr) netip.Addr {
	u.localMu.Lock()
	defer u.localMu.Unlock()
	if own, ok := u.locals[a]; ok {
		return own
	}
	own := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	if c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, 9))); err == nil {
		own = c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap().WithZone("")
		c.Close()
	}
	if len(u.locals) >= 4096 {
		clear(u.locals) // addresses of the machine may change; forgetting now and then is right anyway
	}
	u.locals[a] = own
	return own
}

// linkTo finds or makes the way to an address. For streams a connection is begun; it need not succeed.
func (u *UA) linkTo(network string, addr netip.AddrPort, host string) (link, error) {
	addr = unmapped(addr)
	if !addr.IsValid() || addr.Port() == 0 || addr.Addr().IsUnspecified() || addr.Addr().IsMulticast() {
		return link{}, fmt.Errorf("%w: %s %v", errNoRoute, network, addr)
	}
	if network == "udp" {
		if l := u.udpFor(addr.Addr()); l != nil {
			return link{udp: l, remote: addr}, nil
		}
		return link{}, fmt.Errorf("%w: udp %v", errNoRoute, addr)
	}
	for {
		if s := u.streams.find(network, addr); s != nil {
			return link{stream: s, remote: addr}, nil
		}
		s := newStream(u, network, addr, u.listenerFor(network, addr.Addr()))
		s.host = host
		u.legMu.RLock()
		running := u.running
		if running {
			u.streamsUp.Add(1)
		}
		u.legMu.RUnlock()
		if !running {
			return link{}, ErrStopped
		}
		if !u.streams.add(s) {
			u.streamsUp.Done()
			u.streams.mu.Lock()
			closed := u.streams.closed
			u.streams.mu.Unlock()
			if closed {
				return link{}, ErrStopped
			}
			continue // somebody else was faster
		}
		go s.dial(u.ctx)
		return link{stream: s, remote: addr}, nil
	}
}

// udpFor is the first UDP listener that can reach a: same address family, and loopback only from loopback.
func (u *UA) udpFor(a netip.Addr) *listener { return u.listenerFor("udp", a) }

func (u *UA) listenerFor(network string, a netip.Addr) *listener {
	var second *listener
	for _, l := range u.listeners {
		b := l.bound.Addr()
		if l.network != network || !b.IsUnspecified() && b.Is4() != a.Is4() || b.IsUnspecified() && b.Is4() && !a.Is4() {
			continue
		}
		if !b.IsUnspecified() && b.IsLoopback() != a.IsLoopback() {
			second = l
			continue
		}
		return l
	}
	return second
}

// linkBack is the way a REGISTER came, if it still exists.
func (u *UA) linkBack(f registrar.Flow) (link, error) {
	remote := unmapped(f.Remote)
	if f.Stream() {
		if s := u.streams.find(f.Transport, remote); s != nil {
			return link{stream: s, remote: remote}, nil
		}
		return link{}, fmt.Errorf("%w: the connection of the registration is gone", errNoRoute)
	}
	for _, l := range u.listeners {
		if l.network == "udp" && l.bound == f.Local {
			return link{udp: l, remote: remote}, nil
		}
	}
	return u.linkTo("udp", remote, "")
}

// flow describes the way a message came for the registrar.
func (l link) flow() registrar.Flow {
	f := registrar.Flow{Transport: l.network(), Remote: l.remote}
	if l.udp != nil {
		f.Local = l.udp.bound
	}
	return f
}

// largeMessage tells once per peer that messages to it are longer than a frame.
func (u *UA) largeMessage(a netip.Addr, n int) {
	u.localMu.Lock()
	told := u.large[a] || len(u.large) >= 1024
	if !told {
		u.large[a] = true
	}
	u.localMu.Unlock()
	if !told {
		u.log.Info("SIP messages over UDP are longer than one frame and will be fragmented; TCP or TLS would be better for this peer", "peer", a, "bytes", n)
	}
}

// names remembers looked-up addresses for a minute, and names without an address (the zero Addr) for ten seconds: a phone that writes
// a name nobody knows into its Contact must not cost a look-up with every request to it.
type names struct {
	mu sync.Mutex // guards m
	m  map[string]name
}

type name struct {
	addr  netip.Addr
	until time.Time
}

func (n *names) get(host string) (netip.Addr, bool) {
	if a, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return a.Unmap(), true
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	e, ok := n.m[strings.ToLower(host)]
	return e.addr, ok && time.Now().Before(e.until)
}

func (n *names) put(host string, a netip.Addr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.m == nil || len(n.m) >= 1024 {
		n.m = map[string]name{}
	}
	ttl := time.Minute
	if !a.IsValid() {
		ttl = 10 * time.Second
	}
	n.m[strings.ToLower(host)] = name{a, time.Now().Add(ttl)}
}

// lookup resolves a host name (A before AAAA; SRV is the business of trunks) on another goroutine and calls f there.
func (u *UA) lookup(host string, f func(netip.Addr, error)) {
	u.legMu.RLock()
	running := u.running
	if running {
		u.tasks.Add(1)
	}
	u.legMu.RUnlock()
	if !running {
		u.sinks.Go(func() { f(netip.Addr{}, ErrStopped) })
		return
	}
	go func() {
		defer u.tasks.Done()
		ctx, cancel := context.WithTimeout(u.ctx, dialLimit)
		defer cancel()
		addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		if err == nil && len(addrs) == 0 {
			err = fmt.Errorf("%s has no address", host)
		}
		if err != nil {
			if u.ctx.Err() == nil {
				u.names.put(host, netip.Addr{})
			}
			f(netip.Addr{}, err)
			return
		}
		best := addrs[0].Unmap()
		for _, a := range addrs {
			if a = a.Unmap(); a.Is4() && u.udpFor(a) != nil {
				best = a
				break
			}
		}
		u.names.put(host, best)
		f(best, nil)
	}()
}
