package sip

import (
	"net/netip"
	"strings"

	"cagri/internal/sip/digest"
)

// authState is the answering of challenges within one dialog or fork.
type authState struct {
	session *digest.Session
	sent    bool // the last request carried credentials
}

// header returns the credentials header for the next request, empty before any challenge.
func (a *authState) header(method, uri string, body []byte) string {
	if a == nil || a.session == nil {
		return ""
	}
	name, value := a.session.Authorize(method, uri, body)
	a.sent = name != ""
	if name == "" {
		return ""
	}
	return name + ": " + value + "\r\n"
}

// challenged takes a 401 or 407 and says whether to try again.
func (a *authState) challenged(in *message) bool {
	if a == nil || a.session == nil {
		return false
	}
	return a.session.Challenged(in.challenges, in.proxyChall, a.sent) == nil
}

func (a *authState) accepted() {
	if a != nil && a.session != nil && a.sent {
		a.session.Accepted()
	}
}

// hops returns the Request-URI and the Route values for a request in the dialog (RFC 3261 section 12.2.1.1), and the URI of the
// next hop.
func (g *leg) hops() (uri string, routes []string, next string) {
	if len(g.routes) == 0 {
		return g.target, nil, g.target
	}
	first, ok := parseAddress(g.routes[0])
	if !ok {
		return g.target, nil, g.target
	}
	if _, lr := looseRoute(first.uri); lr {
		return g.target, g.routes, first.uri
	}
	// A strict router wants itself in the Request-URI and the target at the end.
	routes = append(append([]string{}, g.routes[1:]...), "<"+g.target+">")
	return first.uri, routes, first.uri
}

func looseRoute(s string) (uri, bool) {
	u, ok := parseURI(s)
	if !ok {
		return u, true // cannot be judged: today everybody is loose
	}
	_, lr := param(u.params, "lr")
	return u, lr
}

// way finds the link for the next request in the dialog. When a name has to be looked up first, ok is false and host says which.
func (u *UA) way(g *leg, next string) (l link, network, host string, port uint16, ok bool) {
	live := g.link.alive()
	if g.byFlow && live {
		return g.link, "", "", 0, true
	}
	t, valid := parseURI(next)
	network, addr, host, known := t.where()
	if !valid || !known || t.scheme == "tel" {
		return g.link, "", "", 0, true
	}
	if !addr.Addr().IsValid() {
		if a, cached := u.names.get(host); cached && !a.IsValid() {
			return g.link, "", "", 0, true // could not be looked up a moment ago
		} else if cached {
			addr = netip.AddrPortFrom(a, addr.Port())
		} else {
			return g.link, network, host, addr.Port(), false
		}
	}
	return u.towards(g.link, network, addr, host), "", "", 0, true
}

// towards picks the link to addr, given the link over which the peer was last heard.
func (u *UA) towards(last link, network string, addr netip.AddrPort, host string) link {
	a := addr.Addr()
	if last.alive() {
		from := last.remote.Addr()
		switch {
		case last.network() == network && a == from && (last.stream != nil || addr.Port() == last.remote.Port()):
			return last
		case a.IsUnspecified():
			return last
		case private(a) && !private(from):
			// The peer tells an address that exists only behind its NAT.
			return last
		}
	}
	l, err := u.linkTo(network, addr, host)
	if err != nil {
		return last
	}
	return l
}

func private(a netip.Addr) bool {
	return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || sharedNAT.Contains(a)
}

var sharedNAT = netip.MustParsePrefix("100.64.0.0/10") // RFC 6598

func (l link) alive() bool {
	if l.stream != nil {
		select {
		case <-l.stream.gone:
			return false
		default:
			return true
		}
	}
	return l.udp != nil
}

// ask sends a request within the dialog. on hears the final response or an error, without d.mu held; a challenge is answered before
// it hears of it. d.mu is held.
func (d *Dialog) ask(g *leg, method string, headers []string, kind string, body []byte, on func(*message, error)) {
	g.seq++
	d.askAs(g, g.seq, method, headers, kind, body, on)
}

func (d *Dialog) askAs(g *leg, seq uint32, method string, headers []string, kind string, body []byte, on func(*message, error)) {
	uri, routes, next := g.hops()
	d.through(g, next, func(l link) {
		lines := append([]string{}, headers...)
		if h := g.auth.header(method, uri, body); h != "" {
			lines = append(lines, h)
		}
		r := request{
			method: method, uri: uri, link: l, branch: newBranch(), from: g.local, to: g.remote, callID: g.callID, seq: seq, routes: routes,
			headers: lines, kind: kind, body: body,
		}
		if method == "INVITE" || method == "UPDATE" || method == "REFER" || method == "NOTIFY" {
			r.contact = d.ua.contact(l, g.user)
		}
		var ackOf func(*message) []byte
		if method == "INVITE" {
			ackOf = d.ua.ackRefusal(r)
		}
		tx := d.ua.start(l, r.branch, method, d.ua.write(r), ackOf, func(in *message, err error) {
			switch {
			case in != nil && in.res.StatusCode < 200:
				return
			case in != nil && (in.res.StatusCode == 401 || in.res.StatusCode == 407):
				d.mu.Lock()
				if g.auth.challenged(in) && !d.retired {
					g.seq++
					d.askAs(g, g.seq, method, headers, kind, body, on)
					d.mu.Unlock()
					return
				}
				d.mu.Unlock()
			case in != nil && in.res.StatusCode < 300:
				g.auth.accepted()
			}
			on(in, err)
		})
		if method == "INVITE" {
			tx.bound(64 * d.ua.t1)
		}
	})
}

// through calls f with the link to next, at once or, when a name has to be looked up, later; with d.mu held in both cases.
func (d *Dialog) through(g *leg, next string, f func(link)) {
	l, network, host, port, ok := d.ua.way(g, next)
	if ok {
		f(l)
		return
	}
	d.ua.lookup(host, func(a netip.Addr, err error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		if err != nil {
			f(g.link) // the way the peer was last heard is better than none
			return
		}
		f(d.ua.towards(g.link, network, netip.AddrPortFrom(a, port), host))
	})
}

// ackRefusal makes the ACK for a final response other than 2xx (RFC 3261 section 17.1.1.3): same branch, To of the response.
func (u *UA) ackRefusal(r request) func(*message) []byte {
	r.method, r.kind, r.body, r.contact, r.headers = "ACK", "", nil, "", nil
	return func(in *message) []byte {
		r.to = in.toValue()
		return u.write(r)
	}
}

// sendAck acknowledges a 2xx (RFC 3261 section 13.2.2.4) and keeps the ACK for repetitions. d.mu is held.
func (d *Dialog) sendAck(g *leg, seq uint32, sdp []byte) {
	uri, routes, next := g.hops()
	g.ackSeq, g.ackRaw = seq, nil
	d.through(g, next, func(l link) {
		raw := d.ua.write(request{
			method: "ACK", uri: uri, link: l, branch: newBranch(), from: g.local, to: g.remote, callID: g.callID, seq: seq, routes: routes,
			contact: d.ua.contact(l, g.user), kind: sdpType, body: sdp,
		})
		if g.ackSeq == seq {
			g.ackRaw = raw
		}
		_ = l.send(raw) // lost or not, the peer repeats its 2xx until it has it
	})
}

// againAck repeats the ACK for a repeated 2xx. d.mu is held.
func (d *Dialog) againAck(g *leg, seq uint32) {
	if g.ackSeq != seq || g.ackRaw == nil {
		return
	}
	_, _, next := g.hops()
	if l, _, _, _, ok := d.ua.way(g, next); ok {
		_ = l.send(g.ackRaw)
	}
}

// refreshTarget takes a new Contact of the peer (RFC 3261 section 12.2). d.mu is held.
func (g *leg) refreshTarget(contact string) {
	if contact != "" {
		g.target = contact
	}
}

// contactURI is the URI of the first Contact, empty when there is none or it is not a SIP URI.
func (in *message) contactURI() string {
	if in.contact == nil || in.contact.Address.Wildcard {
		return ""
	}
	s := in.contact.Address.String()
	if l := strings.ToLower(s); !strings.HasPrefix(l, "sip:") && !strings.HasPrefix(l, "sips:") {
		return ""
	}
	if len(in.contact.Address.Headers) > 0 { // have no place in a Request-URI (RFC 3261 section 19.1.1)
		s = withoutHeaders(s)
	}
	if !cleanURI(s) {
		return ""
	}
	return s
}

// toValue and fromValue are the header values with tags.
func (in *message) toValue() string   { return in.header().To().Value() }
func (in *message) fromValue() string { return in.header().From().Value() }
