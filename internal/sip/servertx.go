package sip

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
)

// serverTx is the server side of one transaction (RFC 3261 section 17.2 with RFC 6026). What was sent is kept as bytes, so that a
// repeated request costs no more than one write; the parsed request is let go with the final response.
type serverTx struct {
	ua     *UA
	key    string
	invite bool
	toTag  string // our tag in every response above 100

	mu     sync.Mutex // guards everything below
	link   link       // where responses go
	back   back       // where to connect to when that connection is gone
	in     *message   // nil once answered
	code   int        // last one sent, 0: none
	last   []byte
	acked  bool // ACK for a final response other than 2xx
	closed bool
	resend *time.Timer // Timer G
	end    *time.Timer // Timer H, I, J or L
	dialog *Dialog     // whom a CANCEL concerns
	merge  string      // key in the table of merged requests
}

var errAnswered = errors.New("the request has its final response already")

// txKey is the matching key of RFC 3261 section 17.2.3. Branches without the magic cookie (RFC 2543) are completed with what makes
// the request unique.
func (in *message) txKey(method string) string {
	branch, _ := in.via.Params.Get("branch")
	sentBy := in.via.Host + ":" + strconv.Itoa(in.via.Port)
	if rest, ok := strings.CutPrefix(branch, magicCookie); ok && rest != "" {
		return branch + "|" + sentBy + "|" + method
	}
	return strings.Join([]string{branch, sentBy, method, in.callID, strconv.Itoa(int(in.seq)), in.fromTag, in.link.remote.String()}, "|")
}

const magicCookie = "z9hG4bK"

// openServerTx finds the transaction of a request or makes a new one.
func (u *UA) openServerTx(in *message) (tx *serverTx, fresh bool) {
	key := in.txKey(in.method)
	u.txMu.Lock()
	defer u.txMu.Unlock()
	if tx = u.serverTxs[key]; tx != nil {
		return tx, false
	}
	tx = &serverTx{ua: u, key: key, link: in.replyLink(), back: in.back(), invite: in.method == "INVITE", toTag: in.toTag, in: in}
	if tx.toTag == "" {
		tx.toTag = newTag()
	}
	u.serverTxs[key] = tx
	return tx, true
}

func (u *UA) findServerTx(key string) *serverTx {
	u.txMu.Lock()
	defer u.txMu.Unlock()
	return u.serverTxs[key]
}

// respond sends a response: any number of 1xx, then one final. The 2xx of an INVITE is repeated by the dialog, not here.
func (tx *serverTx) respond(code int, raw []byte) error {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if tx.closed || tx.code >= 200 {
		return errAnswered
	}
	tx.code = code
	tx.reconnect()
	if code < 200 {
		tx.last = raw
		return tx.link.send(raw)
	}
	tx.in = nil
	tx.dialog = nil
	t1 := tx.ua.t1
	switch {
	case tx.invite && code < 300: // Accepted, RFC 6026 section 7.1: repeated INVITEs are swallowed
		tx.last = nil
		tx.end = time.AfterFunc(64*t1, tx.close)
	case tx.invite: // Completed
		tx.last = raw
		if !tx.link.reliable() {
			wait := t1
			tx.resend = time.AfterFunc(wait, func() { tx.again(wait) })
		}
		tx.end = time.AfterFunc(64*t1, tx.close)
	case tx.link.reliable():
		tx.end = time.AfterFunc(0, tx.close)
	default:
		tx.last = raw
		tx.end = time.AfterFunc(64*t1, tx.close)
	}
	return tx.link.send(raw)
}

// back is where RFC 3261 section 18.2.2 has responses sent when the connection a request came over is gone: the source address, the port
// in Via.
type back struct {
	addr netip.AddrPort
	host string // in Via, for the certificate
}

func (in *message) back() back {
	port := uint16(5060)
	switch {
	case in.via.Port > 0 && in.via.Port < 65536:
		port = uint16(in.via.Port)
	case in.link.network() == "tls":
		port = 5061
	}
	return back{netip.AddrPortFrom(in.link.remote.Addr(), port), strings.Trim(in.via.Host, "[]")}
}

// reconnect opens a connection to the sender of an INVITE whose own is gone. Only calls that were let in are worth that. tx.mu is held.
func (tx *serverTx) reconnect() {
	if tx.dialog == nil || tx.link.alive() {
		return
	}
	if l, err := tx.ua.linkTo(tx.link.network(), tx.back.addr, tx.back.host); err == nil {
		tx.link = l
	}
}

// way is where responses go.
func (tx *serverTx) way() link {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	return tx.link
}

// again is Timer G.
func (tx *serverTx) again(waited time.Duration) {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if tx.closed || tx.acked {
		return
	}
	_ = tx.link.send(tx.last) // the next one may get through, and Timer H ends it all
	wait := min(2*waited, tx.ua.t2)
	tx.resend = time.AfterFunc(wait, func() { tx.again(wait) })
}

// repeated is a retransmission of the request.
func (tx *serverTx) repeated(l link) {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if tx.last != nil && !tx.acked {
		_ = l.send(tx.last)
	}
}

// ack takes an ACK that matches the transaction. It reports whether it belonged to it, that is, acknowledged a refusal.
func (tx *serverTx) ack() bool {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if tx.code < 300 {
		return false
	}
	if !tx.acked {
		tx.acked = true
		tx.last = nil
		if tx.resend != nil {
			tx.resend.Stop()
		}
		tx.end.Stop()
		wait := 10 * tx.ua.t1 // Timer I, T4
		if tx.link.reliable() {
			wait = 0
		}
		tx.end = time.AfterFunc(wait, tx.close)
	}
	return true
}

func (tx *serverTx) close() {
	tx.mu.Lock()
	if tx.closed {
		tx.mu.Unlock()
		return
	}
	tx.closed = true
	if tx.resend != nil {
		tx.resend.Stop()
	}
	if tx.end != nil {
		tx.end.Stop()
	}
	tx.in, tx.last, tx.dialog = nil, nil, nil
	merge := tx.merge
	tx.mu.Unlock()
	u := tx.ua
	u.txMu.Lock()
	delete(u.serverTxs, tx.key)
	if merge != "" && u.merged[merge] == tx {
		delete(u.merged, merge)
	}
	u.txMu.Unlock()
}

// answered says whether a final response was sent.
func (tx *serverTx) answered() bool {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	return tx.closed || tx.code >= 200
}

func (tx *serverTx) owner() *Dialog {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	return tx.dialog
}

// reply builds and sends a response without a body. Extra is complete header lines.
func (tx *serverTx) reply(code int, reason string, extra ...string) error {
	tx.mu.Lock()
	in := tx.in
	tx.mu.Unlock()
	if in == nil {
		return errAnswered
	}
	return tx.respond(code, tx.ua.response(in, code, reason, tx.toTag, "", nil, extra...))
}
