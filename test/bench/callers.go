package main

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// callers is a carrier: one UDP socket from which many calls come.
type callers struct {
	conn   *net.UDPConn
	server netip.AddrPort
	local  string
	media  int // port of the probe for the callers' sound
	run    string

	mu    sync.Mutex // guards calls
	calls map[string]*outCall

	answered, failed, retransmitted atomic.Int64
	refused                         atomic.Int64
	onAnswer                        func(c *outCall)
}

// outCall is one call of the carrier.
type outCall struct {
	n       int
	id      string
	placed  time.Time
	to      string // To with the server's tag
	contact string
	port    int // server's RTP port
	state   int // 0 placed, 1 up, 2 over
	done    chan struct{}
}

func newCallers(server netip.AddrPort, media int) (*callers, error) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)})
	if err != nil {
		return nil, err
	}
	_ = conn.SetReadBuffer(8 << 20)
	_ = conn.SetWriteBuffer(8 << 20)
	c := &callers{conn: conn, server: server, local: conn.LocalAddr().String(), media: media, run: fmt.Sprintf("%x", time.Now().UnixNano()), calls: map[string]*outCall{}}
	go c.read()
	return c, nil
}

func (c *callers) close() { _ = c.conn.Close() }

func (c *callers) send(s string) { _, _ = c.conn.WriteToUDPAddrPort([]byte(s), c.server) }

// place sends the INVITE of call n.
func (c *callers) place(n int) *outCall {
	k := &outCall{n: n, id: fmt.Sprintf("c%s-%d", c.run, n), placed: time.Now(), done: make(chan struct{})}
	c.mu.Lock()
	c.calls[k.id] = k
	c.mu.Unlock()
	c.send(c.request(k, "INVITE", "sip:108@"+c.server.String(), 1, offerPCMA(c.media)))
	return k
}

func (c *callers) request(k *outCall, method, uri string, seq int, body string) string {
	to := k.to
	if to == "" {
		to = "<sip:108@" + c.server.String() + ">"
	}
	extra := ""
	if body != "" {
		extra = "Content-Type: application/sdp\r\n"
	}
	return fmt.Sprintf("%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s%s%d;rport\r\nMax-Forwards: 70\r\nFrom: <sip:%07d@%s>;tag=t%d\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\nContact: <sip:carrier@%s>\r\n%sContent-Length: %d\r\n\r\n%s",
		method, uri, c.local, k.id, method[:1], seq, k.n, c.local, k.n, to, k.id, seq, method, c.local, extra, len(body), body)
}

// bye ends a call from the caller's side.
func (c *callers) bye(k *outCall) { c.send(c.request(k, "BYE", k.contact, 2, "")) }

// live counts the calls that are up.
func (c *callers) live() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.calls {
		if k.state == 1 {
			n++
		}
	}
	return n
}

func (c *callers) read() {
	buf := make([]byte, 65536)
	for {
		n, _, err := c.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		m, ok := parse(append([]byte(nil), buf[:n]...))
		if !ok {
			continue
		}
		c.mu.Lock()
		k := c.calls[m.header("Call-ID", "i")]
		c.mu.Unlock()
		if k == nil {
			continue
		}
		if m.method != "" {
			c.asked(k, m)
		} else {
			c.answer(k, m)
		}
	}
}

func (c *callers) answer(k *outCall, m message) {
	if m.status < 200 {
		return
	}
	var seq int
	var method string
	if _, err := fmt.Sscanf(m.header("CSeq", ""), "%d %s", &seq, &method); err != nil {
		return
	}
	switch {
	case method == "BYE":
		c.over(k)
	case method != "INVITE":
	case m.status < 300:
		if k.state != 0 {
			c.retransmitted.Add(1)
		}
		k.to, k.contact, k.port = m.header("To", "t"), uriOf(m.header("Contact", "m")), mediaPort(m.body())
		c.send(c.request(k, "ACK", k.contact, 1, ""))
		if k.state == 0 {
			k.state = 1
			c.answered.Add(1)
			if c.onAnswer != nil {
				c.onAnswer(k)
			}
		}
	default:
		k.to = m.header("To", "t")
		c.send(c.request(k, "ACK", "sip:108@"+c.server.String(), 1, ""))
		if k.state == 0 {
			if m.status == 503 {
				c.refused.Add(1)
			} else {
				c.failed.Add(1)
			}
			c.over(k)
		}
	}
}

// asked answers a request of the server within a call.
func (c *callers) asked(k *outCall, m message) {
	if m.method == "ACK" {
		return
	}
	c.send("SIP/2.0 200 OK\r\n" + m.headers("Via", "v") + m.headers("From", "f") + m.headers("To", "t") + m.headers("Call-ID", "i") + m.headers("CSeq", "") + "Content-Length: 0\r\n\r\n")
	if m.method == "BYE" {
		c.over(k)
	}
}

func (c *callers) over(k *outCall) {
	if k.state != 2 {
		k.state = 2
		close(k.done)
	}
}
