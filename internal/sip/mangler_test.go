package sip

import (
	"bytes"
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"
	"time"
)

var dialer net.Dialer

// newMangler is a bad network between two user agents: what a sends to it goes to b and back, and one message in ten is lost,
// doubled or late. It rewrites the addresses in the messages, so that everything in the dialogs takes the same way.
func newMangler(t testing.TB, a, b *rig, seed uint64) netip.AddrPort {
	t.Helper()
	listen := func() *net.UDPConn {
		c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(carrierIP)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	toB, toA := listen(), listen() // toB is where a sends, toA where b sends
	addr := func(c *net.UDPConn) string { return c.LocalAddr().String() }
	carry := func(in, out *net.UDPConn, to, hide, show string, seed uint64) {
		rnd := rand.New(rand.NewPCG(seed, 9))
		dst := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(to))
		buf := make([]byte, 65536)
		for {
			n, err := in.Read(buf)
			if err != nil {
				return
			}
			b := bytes.ReplaceAll(bytes.Clone(buf[:n]), []byte(hide), []byte(show))
			send := func() { _, _ = out.WriteTo(b, dst) }
			switch rnd.IntN(20) {
			case 0: // lost
			case 1:
				send()
				send()
			case 2, 3:
				time.AfterFunc(time.Duration(rnd.IntN(12))*time.Millisecond, send)
			default:
				send()
			}
		}
	}
	// Ports have five digits on both sides, so Content-Length stays right.
	go carry(toB, toA, b.addr["udp"], a.addr["udp"], addr(toA), seed)
	go carry(toA, toB, a.addr["udp"], b.addr["udp"], addr(toB), seed+1)
	return toB.LocalAddr().(*net.UDPAddr).AddrPort()
}
