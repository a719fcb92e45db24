package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
)

// agents is a hall of phones behind one UDP socket. Each answers at once and can
// hang up after a while.
type agents struct {
	conn   *net.UDPConn
	server netip.AddrPort
	local  string
	media  int
	n      int

	// hangUp gives how long an agent talks; 0: the agent never hangs up.
	hangUp func(r *rand.Rand) time.Duration
	// onUp is called when the agent's call is confirmed by ACK.
	onUp func(caller int, port int)

	mu       sync.Mutex // guards all below
	desks    []agentDesk
	calls    map[string]*inCall
	regs     int
	offers   []offerSeen
	idle     []time.Duration
	doubled  int // INVITE for a desk that is in a call
	random   *rand.Rand
	regError string
}

type agentDesk struct {
	registered bool
	busy       bool
	freed      time.Time // BYE sent
}

type inCall struct {
	desk   int
	caller int
	to     string // our tag in it
	peer   string // Contact of the server
	from   string
	port   int
	up     bool
	over   bool
}

// offerSeen is the moment at which a caller was first offered to an agent.
type offerSeen struct {
	caller int
	at     time.Time
}

func newAgents(server netip.AddrPort, n, media int) (*agents, error) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	_ = conn.SetReadBuffer(8 << 20)
	_ = conn.SetWriteBuffer(8 << 20)
	a := &agents{conn: conn, server: server, local: conn.LocalAddr().String(), media: media, n: n, desks: make([]agentDesk, n), calls: map[string]*inCall{}, random: rand.New(rand.NewPCG(1, 2))}
	go a.read()
	return a, nil
}

func (a *agents) close()        { _ = a.conn.Close() }
func (a *agents) send(s string) { _, _ = a.conn.WriteToUDPAddrPort([]byte(s), a.server) }

func agentUser(i int) string     { return "a" + strconv.Itoa(i) }
func agentPassword(i int) string { return "secret-" + strconv.Itoa(i) }

func (a *agents) register(i int, authorization string, seq int) {
	auth := ""
	if authorization != "" {
		auth = "Authorization: " + authorization + "\r\n"
	}
	u := agentUser(i)
	a.send(fmt.Sprintf("REGISTER sip:%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKreg%s-%d;rport\r\nMax-Forwards: 70\r\nFrom: <sip:%s@%s>;tag=r%d\r\nTo: <sip:%s@%s>\r\nCall-ID: reg-%s\r\nCSeq: %d REGISTER\r\nContact: <sip:%s@%s>\r\nExpires: 3600\r\n%sContent-Length: 0\r\n\r\n",
		a.server, a.local, u, seq, u, a.server, i, u, a.server, u, seq, u, a.local, auth))
}

// registerAll registers every phone, a few at a time, and waits.
func (a *agents) registerAll() error {
	deadline := time.Now().Add(60 * time.Second)
	seq, resend := 1, time.Now().Add(time.Second)
	for next := 0; ; {
		a.mu.Lock()
		done, problem := a.regs, a.regError
		var missing []int
		if time.Now().After(resend) {
			for i := range next {
				if !a.desks[i].registered {
					missing = append(missing, i)
				}
			}
			seq, resend = seq+2, time.Now().Add(time.Second)
		}
		a.mu.Unlock()
		for _, i := range missing { // what went over the server's limit got no answer
			a.register(i, "", seq)
		}
		switch {
		case problem != "":
			return fmt.Errorf("REGISTER: %s", problem)
		case done == a.n:
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("only %d of %d phones registered within a minute", done, a.n)
		}
		for ; next < a.n && next < done+20; next++ {
			a.register(next, "", seq)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func (a *agents) read() {
	buf := make([]byte, 65536)
	for {
		n, _, err := a.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		m, ok := parse(append([]byte(nil), buf[:n]...))
		if !ok {
			continue
		}
		if m.method == "" {
			a.answered(m)
		} else {
			a.asked(m)
		}
	}
}

func (a *agents) answered(m message) {
	cseq := m.header("CSeq", "")
	if !strings.HasSuffix(cseq, "REGISTER") {
		return
	}
	var seq int
	_, _ = fmt.Sscanf(cseq, "%d", &seq)
	i, err := strconv.Atoi(strings.TrimPrefix(userOf(m.header("To", "t")), "a"))
	if err != nil || i < 0 || i >= a.n {
		return
	}
	switch {
	case m.status == 401 && seq%2 == 1:
		a.register(i, authorize(md5Challenge(m), "REGISTER", "sip:"+a.server.String(), agentUser(i), agentPassword(i)), seq+1)
	case m.status == 200:
		a.mu.Lock()
		if !a.desks[i].registered {
			a.desks[i].registered = true
			a.regs++
		}
		a.mu.Unlock()
	case m.status >= 300:
		a.mu.Lock()
		a.regError = strconv.Itoa(m.status)
		a.mu.Unlock()
	}
}

func (a *agents) reply(m message, status, tag, extra, body string) {
	to := m.header("To", "t")
	if tag != "" && !strings.Contains(to, "tag=") {
		to += ";tag=" + tag
	}
	a.send("SIP/2.0 " + status + "\r\n" + m.headers("Via", "v") + m.headers("Record-Route", "") + m.headers("From", "f") + "To: " + to + "\r\n" +
		m.headers("Call-ID", "i") + m.headers("CSeq", "") + "Contact: <sip:hall@" + a.local + ">\r\n" + extra + "Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body)
}

func (a *agents) asked(m message) {
	id := m.header("Call-ID", "i")
	switch m.method {
	case "INVITE":
		a.invited(id, m)
	case "ACK":
		a.mu.Lock()
		k := a.calls[id]
		first := k != nil && !k.up
		if first {
			k.up = true
		}
		a.mu.Unlock()
		if first {
			if a.onUp != nil {
				a.onUp(k.caller, k.port)
			}
			if a.hangUp != nil {
				a.mu.Lock()
				d := a.hangUp(a.random)
				a.mu.Unlock()
				time.AfterFunc(d, func() { a.bye(id) })
			}
		}
	case "BYE":
		a.reply(m, "200 OK", "", "", "")
		a.mu.Lock()
		if k := a.calls[id]; k != nil && !k.over {
			k.over = true
			a.desks[k.desk].busy = false
			delete(a.calls, id)
		}
		a.mu.Unlock()
	case "CANCEL":
		a.reply(m, "200 OK", "", "", "")
	default:
		a.reply(m, "200 OK", "", "", "")
	}
}

func (a *agents) invited(id string, m message) {
	now := time.Now()
	i, err := strconv.Atoi(strings.TrimPrefix(userOf(m.uri), "a"))
	if err != nil || i < 0 || i >= a.n {
		a.reply(m, "404 Not Found", "x", "", "")
		return
	}
	caller, _ := strconv.Atoi(userOf(m.header("From", "f")))
	tag := "d" + strconv.Itoa(i)
	a.mu.Lock()
	k := a.calls[id]
	if k == nil {
		d := &a.desks[i]
		if d.busy {
			a.doubled++
		}
		if !d.freed.IsZero() {
			a.idle = append(a.idle, now.Sub(d.freed))
			d.freed = time.Time{}
		}
		d.busy = true
		a.offers = append(a.offers, offerSeen{caller, now})
		k = &inCall{desk: i, caller: caller, peer: uriOf(m.header("Contact", "m")), from: m.header("From", "f"), to: m.header("To", "t") + ";tag=" + tag, port: mediaPort(m.body())}
		a.calls[id] = k
	}
	a.mu.Unlock()
	a.reply(m, "180 Ringing", tag, "", "")
	a.reply(m, "200 OK", tag, "Content-Type: application/sdp\r\n", offerPCMA(a.media))
}

// bye hangs up a call from the agent's side.
func (a *agents) bye(id string) {
	a.mu.Lock()
	k := a.calls[id]
	if k == nil || k.over {
		a.mu.Unlock()
		return
	}
	k.over = true
	delete(a.calls, id)
	a.desks[k.desk].busy = false
	a.desks[k.desk].freed = time.Now()
	a.mu.Unlock()
	a.send(fmt.Sprintf("BYE %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKbye%s;rport\r\nMax-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n",
		k.peer, a.local, id, k.to, k.from, id))
}

// byeAll hangs up everything.
func (a *agents) byeAll() {
	a.mu.Lock()
	ids := make([]string, 0, len(a.calls))
	for id := range a.calls {
		ids = append(ids, id)
	}
	a.mu.Unlock()
	for _, id := range ids {
		a.bye(id)
	}
}
