package call

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// weather is what a network does to datagrams, in thousandths.
type weather struct {
	Lost, Doubled, Late int
	LateBy              time.Duration // at most; what is late is overtaken
}

// wire is a bad network between one user agent of ours, the far end, and the
// server. It rewrites the addresses in the messages, so that everything in the
// dialogs takes the same way, and it can forge what a phone's stack of ours cannot
// send itself: REFER.
type wire struct {
	near, far *net.UDPConn // near faces the person, far the server
	server    netip.AddrPort

	mu      sync.Mutex // guards everything below
	person  netip.AddrPort
	rnd     *rand.Rand
	sky     weather
	cut     map[string]bool     // what contains one of these is lost, in both directions
	deaf    map[string]string   // what contains the key and begins with the value is lost on the way to the server
	scaled  map[string]*forged  // by Call-ID
	status  map[string]chan int // answers to REFERs by branch
	outcome map[string]string   // last NOTIFY of a REFER by Call-ID, its first line
	wg      sync.WaitGroup
}

// forged is a dialog in which REFERs are forged: the CSeq of the person's own
// requests is spread so that ours fit in between.
type forged struct{ last int }

const spread = 1000

var (
	reCSeq   = regexp.MustCompile(`(?m)^CSeq: (\d+) ([A-Z]+)`)
	reCallID = regexp.MustCompile(`(?m)^Call-ID: ([^\r\n]+)`)
	reBranch = regexp.MustCompile(`branch=(z9hG4bKforged[0-9a-z]+)`)
)

func newWire(ip string, server netip.AddrPort, sky weather, seed uint64) (*wire, error) {
	w := &wire{
		server: server, rnd: rand.New(rand.NewPCG(seed, 77)), sky: sky,
		cut: map[string]bool{}, deaf: map[string]string{}, scaled: map[string]*forged{}, status: map[string]chan int{}, outcome: map[string]string{},
	}
	for _, c := range []**net.UDPConn{&w.near, &w.far} {
		conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(ip)})
		if err != nil {
			return nil, err
		}
		_ = conn.SetReadBuffer(1 << 20)
		*c = conn
	}
	return w, nil
}

// addr is where the person finds the server.
func (w *wire) addr() string { return w.near.LocalAddr().String() }

// start carries for the person whose user agent listens at addr.
func (w *wire) start(addr string) {
	w.mu.Lock()
	w.person = netip.MustParseAddrPort(addr)
	w.mu.Unlock()
	w.wg.Go(func() { w.carry(true) })
	w.wg.Go(func() { w.carry(false) })
}

func (w *wire) stop() {
	w.near.Close()
	w.far.Close()
	w.wg.Wait()
}

func (w *wire) carry(up bool) {
	in, out := w.near, w.far
	if !up {
		in, out = w.far, w.near
	}
	buf := make([]byte, 65536)
	for {
		n, err := in.Read(buf)
		if err != nil {
			return
		}
		b, to, times, late := w.judge(up, bytes.Clone(buf[:n]))
		for range times {
			send := func() { _, _ = out.WriteToUDPAddrPort(b, to) }
			if late > 0 {
				time.AfterFunc(late, send)
			} else {
				send()
			}
		}
	}
}

// judge says what becomes of a datagram.
func (w *wire) judge(up bool, b []byte) (out []byte, to netip.AddrPort, times int, late time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for key := range w.cut {
		if bytes.Contains(b, []byte(key)) {
			return nil, to, 0, 0
		}
	}
	if up {
		for key, method := range w.deaf {
			if bytes.HasPrefix(b, []byte(method)) && bytes.Contains(b, []byte(key)) {
				return nil, to, 0, 0
			}
		}
		to = w.server
		b = bytes.ReplaceAll(b, []byte(w.person.String()), []byte(w.far.LocalAddr().String()))
	} else {
		if w.answered(b) {
			return nil, to, 0, 0
		}
		to = w.person
		b = bytes.ReplaceAll(b, []byte(w.server.String()), []byte(w.near.LocalAddr().String()))
	}
	b = w.respell(up, b)
	times = 1
	switch n := w.rnd.IntN(1000); {
	case n < w.sky.Lost:
		times = 0
	case n < w.sky.Lost+w.sky.Doubled:
		times = 2
	case n < w.sky.Lost+w.sky.Doubled+w.sky.Late:
		late = time.Duration(w.rnd.Int64N(int64(w.sky.LateBy) + 1))
	}
	return b, to, times, late
}

// respell spreads the CSeq of the person's requests in a forged dialog, and makes
// the answers to them fit again. mu is held.
func (w *wire) respell(up bool, b []byte) []byte {
	id := reCallID.FindSubmatch(b)
	if id == nil {
		return b
	}
	f := w.scaled[string(id[1])]
	response := bytes.HasPrefix(b, []byte("SIP/2.0 "))
	if !up && !response && bytes.HasPrefix(b, []byte("NOTIFY ")) {
		if _, body, ok := bytes.Cut(b, []byte("\r\n\r\n")); ok {
			text, _, _ := strings.Cut(string(body), "\r\n")
			w.outcome[string(id[1])] = text
		}
	}
	if f == nil || up == response {
		return b
	}
	return reCSeq.ReplaceAllFunc(b, func(m []byte) []byte {
		part := reCSeq.FindSubmatch(m)
		n, _ := strconv.Atoi(string(part[1]))
		if up {
			n *= spread
			f.last = max(f.last, n)
		} else {
			n /= spread
		}
		return fmt.Appendf(nil, "CSeq: %d %s", n, part[2])
	})
}

// answered takes the answers to forged requests. mu is held.
func (w *wire) answered(b []byte) bool {
	m := reBranch.FindSubmatch(b)
	if m == nil {
		return false
	}
	ch := w.status[string(m[1])]
	if fields := strings.Fields(string(b[:min(len(b), 20)])); ch != nil && len(fields) > 1 {
		if code, err := strconv.Atoi(fields[1]); err == nil && code >= 200 {
			select {
			case ch <- code:
			default:
			}
		}
	}
	return true
}

// forge makes the dialogs of callID fit for REFER. The person must be the one who
// was called in it.
func (w *wire) forge(callID string) {
	w.mu.Lock()
	w.scaled[callID] = &forged{last: 1}
	w.mu.Unlock()
}

// sever loses everything that contains key from now on.
func (w *wire) sever(key string) {
	w.mu.Lock()
	w.cut[key] = true
	w.mu.Unlock()
}

// muffle loses what begins with method and contains key on its way to the server.
func (w *wire) muffle(key, method string) {
	w.mu.Lock()
	w.deaf[key] = method
	w.mu.Unlock()
}

// result is what the last NOTIFY in callID said, "SIP/2.0 200 OK".
func (w *wire) result(callID string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.outcome[callID]
}

// refer sends a REFER in the person's dialog id (as sip.Dialog.ID gives it) and
// returns the answer's status; 0 when none came.
func (w *wire) refer(id, to string) int {
	callID, rest, _ := strings.Cut(id, ";local=")
	local, remote, _ := strings.Cut(rest, ";remote=")
	w.mu.Lock()
	f := w.scaled[callID]
	f.last++
	branch := fmt.Sprintf("z9hG4bKforged%x%d", w.rnd.Uint64(), f.last)
	answer := make(chan int, 1)
	w.status[branch] = answer
	me := w.far.LocalAddr().String()
	msg := fmt.Sprintf("REFER sip:%[1]s SIP/2.0\r\nVia: SIP/2.0/UDP %[2]s;rport;branch=%[3]s\r\nMax-Forwards: 70\r\n"+
		"From: <sip:phone@%[2]s>;tag=%[4]s\r\nTo: <sip:server@%[1]s>;tag=%[5]s\r\nCall-ID: %[6]s\r\nCSeq: %[7]d REFER\r\n"+
		"Contact: <sip:phone@%[2]s>\r\nRefer-To: <%[8]s>\r\nContent-Length: 0\r\n\r\n",
		w.server, me, branch, local, remote, callID, f.last, to)
	w.mu.Unlock()
	for range 60 {
		if _, err := w.far.WriteToUDPAddrPort([]byte(msg), w.server); err != nil {
			return 0
		}
		select {
		case code := <-answer:
			return code
		case <-time.After(100 * time.Millisecond):
		}
	}
	return 0
}
