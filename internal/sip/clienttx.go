package sip

import (
	"errors"
	"sync"
	"time"
)

var (
	errTimeout   = errors.New("no answer")
	errTransport = errors.New("transport failed")
)

// clientTx is the client side of one transaction (RFC 3261 section 17.1 with RFC 6026). Responses go to on, in the order they were
// read: provisional ones, then the final one; of an INVITE every 2xx, also repeated ones, until 64*T1 after the first. When no final
// response will come, on hears an error once. on is never called from within start or send.
type clientTx struct {
	ua     *UA
	key    string // branch and method
	link   link
	invite bool
	on     func(*message, error)

	mu     sync.Mutex // guards everything below
	raw    []byte     // for retransmission
	ackRaw []byte     // for a final response other than 2xx
	ackOf  func(*message) []byte
	state  txState
	resend *time.Timer // Timer A or E
	wait   time.Duration
	end    *time.Timer   // Timer B, D, F, K or M
	limit  time.Duration // of an INVITE after its last 1xx; 0: the caller has a timer of its own
}

type txState uint8

const (
	txCalling txState = iota
	txProceeding
	txCompleted // refused
	txAccepted  // 2xx of an INVITE
	txOver
)

func clientKey(branch, method string) string {
	if method == "CANCEL" { // shares the branch with its INVITE
		return branch + "/C"
	}
	return branch
}

// start sends raw as a new transaction. ackOf builds the ACK for a refused INVITE (nil for other methods).
func (u *UA) start(l link, branch, method string, raw []byte, ackOf func(*message) []byte, on func(*message, error)) *clientTx {
	tx := &clientTx{ua: u, key: clientKey(branch, method), link: l, invite: method == "INVITE", on: on, raw: raw, ackOf: ackOf}
	u.peers.add(l.remote.Addr(), 1)
	u.txMu.Lock()
	stopped := u.stopped
	if !stopped {
		u.clientTxs[tx.key] = tx
	}
	u.txMu.Unlock()
	tx.mu.Lock()
	defer tx.mu.Unlock()
	err := errTransport
	if !stopped {
		err = l.send(raw)
	}
	if err != nil {
		// A full socket buffer is a lost packet like any other; everything else will not get better.
		if stopped || l.reliable() || errors.Is(err, errNoRoute) || errors.Is(err, errTooLong) {
			tx.end = time.AfterFunc(0, func() { tx.fail(errTransport) })
			return tx
		}
	}
	tx.end = time.AfterFunc(64*u.t1, func() { tx.fail(errTimeout) })
	if !l.reliable() {
		tx.wait = u.t1
		tx.resend = time.AfterFunc(tx.wait, tx.again)
	}
	return tx
}

// again is Timer A or E.
func (tx *clientTx) again() {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if tx.state != txCalling && (tx.invite || tx.state != txProceeding) {
		return
	}
	_ = tx.link.send(tx.raw)
	if tx.wait *= 2; !tx.invite && (tx.wait > tx.ua.t2 || tx.state == txProceeding) {
		tx.wait = tx.ua.t2
	}
	tx.resend.Reset(tx.wait)
}

// receive takes a response of this transaction.
func (tx *clientTx) receive(in *message) {
	code := in.res.StatusCode
	tx.mu.Lock()
	switch {
	case tx.state == txOver:
		tx.mu.Unlock()
		return
	case tx.state == txCompleted:
		// The peer has not seen our ACK.
		if tx.invite && code >= 300 && tx.ackRaw != nil {
			_ = tx.link.send(tx.ackRaw)
		}
		tx.mu.Unlock()
		return
	case tx.state == txAccepted && (code < 200 || code >= 300):
		tx.mu.Unlock()
		return
	case code < 200:
		tx.state = txProceeding
		if tx.invite {
			tx.stopTimers() // from now on the ring timer of the caller counts
			tx.raw = nil
			tx.await()
		}
	case tx.invite && code < 300:
		if tx.state != txAccepted {
			tx.state = txAccepted
			tx.stopTimers()
			tx.raw = nil
			tx.end = time.AfterFunc(64*tx.ua.t1, tx.close) // Timer M
		}
	default:
		tx.state = txCompleted
		tx.stopTimers()
		tx.raw = nil
		wait := 10 * tx.ua.t1 // Timer K, T4
		if tx.invite {
			tx.ackRaw = tx.ackOf(in)
			_ = tx.link.send(tx.ackRaw)
			wait = 64 * tx.ua.t1 // Timer D
		}
		if tx.link.reliable() {
			wait = 0
		}
		tx.end = time.AfterFunc(wait, tx.close)
	}
	tx.mu.Unlock()
	tx.on(in, nil)
}

// bound makes the transaction fail when nothing follows a 1xx for d. A re-INVITE needs that: nobody watches a telephone ring there.
func (tx *clientTx) bound(d time.Duration) {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if tx.limit = d; tx.state == txProceeding {
		tx.await()
	}
}

func (tx *clientTx) await() {
	if tx.limit > 0 {
		tx.end = time.AfterFunc(tx.limit, func() { tx.fail(errTimeout) })
	}
}

func (tx *clientTx) stopTimers() {
	if tx.resend != nil {
		tx.resend.Stop()
	}
	if tx.end != nil {
		tx.end.Stop()
	}
}

// fail ends a transaction that has no final response.
func (tx *clientTx) fail(err error) {
	tx.mu.Lock()
	tell := tx.state == txCalling || tx.state == txProceeding
	if tell {
		tx.state = txCompleted
	}
	tx.mu.Unlock()
	if tell {
		tx.close()
		tx.on(nil, err)
	}
}

// provisional says whether the peer has answered 1xx and nothing else, so that a CANCEL makes sense (RFC 3261 section 9.1).
func (tx *clientTx) provisional() bool {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	return tx.state == txProceeding
}

func (tx *clientTx) close() {
	tx.mu.Lock()
	if tx.state == txOver {
		tx.mu.Unlock()
		return
	}
	tx.state = txOver
	tx.stopTimers()
	tx.raw, tx.ackRaw, tx.ackOf = nil, nil, nil
	tx.mu.Unlock()
	u := tx.ua
	u.txMu.Lock()
	delete(u.clientTxs, tx.key)
	u.txMu.Unlock()
	u.peers.add(tx.link.remote.Addr(), -1)
}

// failStream tells every transaction that waits for an answer over a connection that is gone.
func (u *UA) failStream(s *stream, err error) {
	var hit []*clientTx
	u.txMu.Lock()
	for _, tx := range u.clientTxs {
		if tx.link.stream == s {
			hit = append(hit, tx)
		}
	}
	u.txMu.Unlock()
	for _, tx := range hit {
		tx.fail(errTransport)
	}
}
