package sip

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// reserved are headers a DialRequest must not set: they are ours to keep right.
var reserved = map[string]bool{
	"via": true, "v": true, "from": true, "f": true, "to": true, "t": true, "call-id": true, "i": true, "cseq": true, "contact": true, "m": true,
	"content-length": true, "l": true, "content-type": true, "c": true, "max-forwards": true, "route": true, "record-route": true,
	"authorization": true, "proxy-authorization": true, "session-expires": true, "x": true, "min-se": true, "supported": true, "k": true,
	"require": true, "replaces": true, "rseq": true, "rack": true,
}

// Dial calls the targets: all at once, or one after the other (DialRequest.Sequential). The first 2xx wins; the other targets get
// CANCEL, and whatever of them still answers gets ACK and BYE. sink hears the events; Failed with 480 when there are no targets. The
// error is about the request itself or a stopped user agent, never about the peer.
func (u *UA) Dial(req DialRequest, sink func(Event)) (*Dialog, error) {
	for name := range req.Headers {
		if reserved[strings.ToLower(name)] || name == "" || strings.Trim(name, tokenChars) != "" {
			return nil, fmt.Errorf("dial: header %q cannot be set by the caller", name)
		}
	}
	if len(req.Targets) > maxTargets {
		return nil, fmt.Errorf("dial: %d targets, at most %d", len(req.Targets), maxTargets)
	}
	d := &Dialog{ua: u, uac: true, dial: req, sink: sink, localSDP: req.SDP}
	d.id = newCallID(u)
	u.legMu.Lock()
	if !u.running {
		u.legMu.Unlock()
		return nil, ErrStopped
	}
	u.dialogs[d] = struct{}{}
	u.legMu.Unlock()

	d.mu.Lock()
	defer d.mu.Unlock()
	if req.Trunk != "" {
		d.dial.Sequential = true
		if t, ok := u.trunks.Trunk(req.Trunk); ok {
			end, err := t.Begin()
			if err != nil {
				d.fail(503, err.Error(), 0)
				return d, nil
			}
			d.release = end
		}
	}
	ring := req.RingTimeout
	if ring <= 0 {
		ring = 3 * time.Minute // Timer C of RFC 3261 section 16.6
	}
	d.ring = time.AfterFunc(ring, d.rungOut)
	if len(req.Targets) == 0 {
		d.fail(480, "No target", 0)
		return d, nil
	}
	if d.dial.Sequential {
		d.nextFork()
		return d, nil
	}
	for d.next < len(req.Targets) {
		d.nextFork()
	}
	return d, nil
}

// maxTargets bounds one call: targets tried, and dialogs a forking proxy may make of one of them. tokenChars are those of a header name
// that callers may set.
const (
	maxTargets = 32
	tokenChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
)

func newCallID(u *UA) string { return token(12) + "@" + u.idHost }

// nextFork starts the next target. d.mu is held.
func (d *Dialog) nextFork() {
	t := d.dial.Targets[d.next]
	d.next++
	f := &fork{
		d: d, target: t, callID: d.id, localTag: newTag(), early: map[string]*leg{}, acked: map[string]*leg{},
		lastSDP: map[string][]byte{}, uri: t.URI, auth: &authState{session: t.auth}, carr: t.carrier(),
	}
	if len(d.forks) > 0 {
		f.callID = newCallID(d.ua)
	}
	d.forks = append(d.forks, f)
	d.ua.reach(t, func(l link, err error, later bool) {
		if later {
			d.mu.Lock()
			defer d.mu.Unlock()
		}
		f.link = l
		switch {
		case d.state != early || f.cancelled:
			f.finish(487, "", 0)
		case err != nil:
			d.ua.log.Debug("target cannot be reached", "network", t.Network, "addr", t.Addr, "err", err)
			f.failed(errTransport)
		default:
			f.begin()
		}
	})
}

// reach finds the link to a target: at once, or later on another goroutine when a name has to be looked up.
func (u *UA) reach(t Target, f func(l link, err error, later bool)) {
	if t.flow != nil {
		l, err := u.linkBack(*t.flow)
		f(l, err, false)
		return
	}
	p, ok := parseURI(t.URI)
	network, addr, host, known := p.where()
	if !ok || !cleanURI(t.URI) || t.Network == "" && !known {
		f(link{}, fmt.Errorf("target %q: not a SIP URI with a transport we know", t.URI), false)
		return
	}
	if t.Network != "" {
		network = t.Network
	}
	if t.Host != "" {
		host = t.Host
	}
	if t.Addr.IsValid() {
		addr = t.Addr
	}
	if !addr.Addr().IsValid() {
		if a, cached := u.names.get(p.host); cached && !a.IsValid() {
			f(link{}, fmt.Errorf("target %q: its name could not be looked up a moment ago", t.URI), false)
			return
		} else if cached {
			addr = netip.AddrPortFrom(a, addr.Port())
		} else {
			u.lookup(p.host, func(a netip.Addr, err error) {
				if err != nil {
					f(link{}, err, true)
					return
				}
				l, err := u.linkTo(network, netip.AddrPortFrom(a, addr.Port()), host)
				f(l, err, true)
			})
			return
		}
	}
	l, err := u.linkTo(network, unmapped(addr), host)
	f(l, err, false)
}

// forksOpen says whether an INVITE is still without its final response, or a hang-up in progress.
func (d *Dialog) forksOpen() bool {
	return slices.ContainsFunc(d.forks, func(f *fork) bool { return !f.done })
}

// best chooses the final response the caller shall see (RFC 3261 section 16.7 step 6, with what tells a caller most first).
func (d *Dialog) best() *fork {
	rank := func(code int) int {
		switch {
		case code >= 600:
			return 0
		case code == 486:
			return 1
		case code >= 300 && code < 500 && code != 408 && code != 487 && code != 481:
			return 2
		case code >= 500 && code != 503:
			return 3
		case code == 408:
			return 4
		}
		return 5
	}
	best := d.forks[0]
	for _, f := range d.forks[1:] {
		if rank(f.code) < rank(best.code) {
			best = f
		}
	}
	return best
}

// fail ends a call that nobody answered. d.mu is held.
func (d *Dialog) fail(code int, phrase string, retryAfter time.Duration) {
	if d.state == over {
		return
	}
	if phrase == "" {
		phrase = reasonPhrase(code)
	}
	d.state = over
	if d.ring != nil {
		d.ring.Stop()
	}
	d.tell(Failed{Code: code, Reason: phrase, RetryAfter: retryAfter})
	if !d.forksOpen() {
		d.retire()
	}
}

// rungOut is the end of the ring time.
func (d *Dialog) rungOut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.state != early {
		return
	}
	d.next = len(d.dial.Targets)
	for _, f := range d.forks {
		f.cancel(Reason{Protocol: "Q.850", Code: 19, Text: "No answer"})
	}
	d.fail(408, "No answer in time", 0)
}
