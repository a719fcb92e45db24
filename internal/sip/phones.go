package sip

import (
	"context"
	"strconv"
	"strings"
	"time"

	"cagri/internal/sip/registrar"
)

// registering takes a REGISTER (RFC 3261 section 10.3).
func (u *UA) registering(tx *serverTx, in *message) {
	user, ok := u.authenticate(tx, in)
	if !ok {
		return
	}
	if _, login := u.trunks.Login(user); login || !strings.EqualFold(unescape(in.to.Address.User), user) {
		_ = tx.reply(403, reasonPhrase(403)) // nobody registers for somebody else
		return
	}
	acct, _ := u.cfg.Accounts(user)
	req := registrar.Request{
		User: user, CallID: in.callID, CSeq: in.seq, Expires: registrar.NotGiven, Flow: in.link.flow(), UserAgent: line(in.userAgent),
		MaxContacts: acct.MaxContacts,
	}
	if len(req.UserAgent) > 128 {
		req.UserAgent = req.UserAgent[:128]
	}
	if in.expires != "" {
		if n := seconds(in.expires); n >= 0 {
			req.Expires = n
		}
	}
	for _, c := range in.contacts {
		if c.Address.Wildcard {
			req.Star = true
			continue
		}
		f := registrar.ContactField{URI: c.Address.String(), Expires: registrar.NotGiven, Q: registrar.NotGiven}
		for _, p := range c.Params {
			v := strings.Trim(strings.TrimSpace(p.V), `"`)
			switch strings.ToLower(strings.TrimSpace(p.K)) {
			case "expires":
				if n := seconds(v); n >= 0 {
					f.Expires = n
				}
			case "q":
				if q, err := strconv.ParseFloat(v, 64); err == nil && q >= 0 {
					f.Q = int(min(q*1000+0.5, 2000))
				}
			case "+sip.instance":
				f.Instance = strings.Trim(v, "<>")
			case "reg-id":
				f.RegID, _ = strconv.Atoi(v)
			}
		}
		req.Contacts = append(req.Contacts, f)
	}
	res := u.registrar.Register(req)
	if res.Code != 200 {
		extra := ""
		if res.Code == 423 {
			extra = "Min-Expires: " + inSeconds(res.MinExpires) + "\r\n"
		}
		_ = tx.reply(res.Code, res.Reason, extra)
		return
	}
	now := time.Now()
	ttl := time.Minute
	var b strings.Builder
	for _, c := range res.Contacts {
		b.WriteString("Contact: <" + c.URI + ">;expires=" + inSeconds(c.Expires.Sub(now)))
		if c.Instance != "" {
			b.WriteString(`;+sip.instance="<` + c.Instance + `>"`)
		}
		if c.RegID > 0 {
			b.WriteString(";reg-id=" + strconv.Itoa(c.RegID))
		}
		b.WriteString("\r\n")
		ttl = max(ttl, c.Expires.Sub(now)+time.Minute)
	}
	b.WriteString("Date: " + now.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT") + "\r\n")
	u.guard.Learn(in.link.remote.Addr(), ttl)
	_ = tx.reply(200, "OK", b.String())
}

// alive notes a sign of life of a phone.
func (u *UA) alive(l link) { u.registrar.Alive(l.flow()) }

// PhoneTargets returns where a phone user can be called now: one target per registered contact, each reached on the way its
// REGISTER came. It is empty when the user is not registered.
func (u *UA) PhoneTargets(user string) []Target {
	var out []Target
	for _, c := range u.registrar.Contacts(user) {
		flow := c.Flow
		if flow.Stream() && u.streams.find(flow.Transport, unmapped(flow.Remote)) == nil {
			continue
		}
		out = append(out, Target{URI: c.URI, Network: flow.Transport, Addr: flow.Remote, flow: &flow})
	}
	return out
}

// sweep removes registrations that are over and keeps NAT bindings of phones open.
func (u *UA) sweep(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	fails := map[string]int{} // contact URI and flow: keep-alives without answer; owned by this goroutine
	results := make(chan pinged, 64)
	for {
		select {
		case <-ctx.Done():
			return
		case p := <-results:
			key := p.contact.URI + "|" + p.contact.Flow.Remote.String()
			if p.ok {
				delete(fails, key)
				u.registrar.Alive(p.contact.Flow)
				continue
			}
			if fails[key]++; fails[key] >= 3 {
				delete(fails, key)
				u.registrar.Unreachable(p.contact)
			}
		case now := <-tick.C:
			u.registrar.Expire(now)
			for i, c := range u.registrar.DueKeepAlive(now) {
				if i == 200 { // the rest a second later
					break
				}
				u.ping(ctx, c, results)
			}
			if len(fails) > 4096 {
				clear(fails)
			}
		}
	}
}

type pinged struct {
	contact registrar.Contact
	ok      bool
}

// ping sends a keep-alive to a phone: CRLF CRLF on a connection (RFC 5626 section 3.5.1), OPTIONS over UDP.
func (u *UA) ping(ctx context.Context, c registrar.Contact, results chan<- pinged) {
	l, err := u.linkBack(c.Flow)
	if err != nil {
		return
	}
	if l.stream != nil {
		_ = l.send([]byte("\r\n\r\n"))
		return
	}
	host, _ := u.self(l)
	r := request{
		method: "OPTIONS", uri: c.URI, link: l, branch: newBranch(), from: "<sip:" + bracket(host) + ">;tag=" + newTag(), to: "<" + c.URI + ">",
		callID: newCallID(u), seq: 1, contact: u.contact(l, ""), headers: []string{accepted},
	}
	u.start(l, r.branch, r.method, u.write(r), nil, func(in *message, err error) {
		if in != nil && in.res.StatusCode < 200 {
			return
		}
		select { // any answer is a sign of life, also 404 and 405
		case results <- pinged{c, in != nil}:
		case <-ctx.Done():
		}
	})
}
