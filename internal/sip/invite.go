package sip

import (
	"sort"
	"strconv"
	"strings"
	"time"
)

// begin writes identities and sends the first INVITE. d.mu is held.
func (f *fork) begin() {
	d, u, req := f.d, f.d.ua, &f.d.dial
	f.started = true
	host, _ := u.self(f.link)
	fromHost := host
	if f.target.from != "" {
		fromHost = f.target.from
	}
	fromUser := req.FromNumber
	if t, ok := u.trunks.Trunk(f.target.trunk); ok {
		fromUser = t.WriteNumber(fromUser)
	}
	from := ""
	if req.FromName != "" {
		from = quoted(req.FromName) + " "
	}
	from += "<sip:" + at(escapeUser(fromUser)) + bracket(fromHost) + ">"
	if req.Anonymous {
		from = `"Anonymous" <sip:anonymous@anonymous.invalid>`
	}
	f.from = from + ";tag=" + f.localTag
	to := f.uri
	if p, ok := parseURI(f.uri); ok && p.scheme != "tel" {
		user := p.user
		if req.ToUser != "" {
			user = req.ToUser
		}
		to = p.scheme + ":" + at(escapeUser(user)) + bracket(p.host)
		if p.port != 0 {
			to += ":" + strconv.Itoa(int(p.port))
		}
	}
	f.to = "<" + to + ">"
	if d.dial.Sequential && d.next < len(req.Targets) {
		f.silent = time.AfterFunc(8*u.t1, f.giveUp)
	}
	f.invite()
}

func at(user string) string {
	if user == "" {
		return ""
	}
	return user + "@"
}

func bracket(host string) string {
	if strings.IndexByte(host, ':') >= 0 && !strings.HasPrefix(host, "[") {
		return "[" + host + "]"
	}
	return host
}

// invite sends an INVITE: the first, or again with credentials or a longer session interval. d.mu is held.
func (f *fork) invite() {
	d, u, req := f.d, f.d.ua, &f.d.dial
	f.seq++
	f.tries++
	headers := []string{allowed, d.inviteOptions(), d.session.offer(d, false)}
	names := make([]string, 0, len(req.Headers))
	for name := range req.Headers {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		headers = append(headers, name+": "+line(req.Headers[name])+"\r\n")
	}
	headers = append(headers, f.identity()...)
	if req.Replaces != nil {
		headers = append(headers, req.Replaces.header())
	}
	if h := f.auth.header("INVITE", f.uri, req.SDP); h != "" {
		headers = append(headers, h)
	}
	r := request{
		method: "INVITE", uri: f.uri, link: f.link, branch: newBranch(), from: f.from, to: f.to, callID: f.callID, seq: f.seq,
		contact: u.contact(f.link, req.contactUser()), headers: headers, kind: sdpType, body: req.SDP, passedOn: req.PassedOn,
	}
	f.branch = r.branch
	f.asked = d.session.wish(u, false)
	f.cancelSent = false
	seq := f.seq
	f.tx = u.start(f.link, r.branch, "INVITE", u.write(r), u.ackRefusal(r), func(in *message, err error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		f.on(seq, in, err)
	})
}

// contactUser is the user part of our Contact: the number, or nothing for an anonymous call.
func (r *DialRequest) contactUser() string {
	if r.Anonymous {
		return ""
	}
	return r.FromNumber
}

// inviteOptions leaves 100rel out when we have no offer: an offer in a reliable 1xx would have to be answered in PRACK, before the
// call is answered.
func (d *Dialog) inviteOptions() string {
	if len(d.dial.SDP) == 0 {
		return "Supported: timer, replaces\r\n"
	}
	return supported
}

// identity are P-Asserted-Identity (RFC 3325) and Privacy (RFC 3323), for carriers that are told.
func (f *fork) identity() (lines []string) {
	req := &f.d.dial
	t, ok := f.d.ua.trunks.Trunk(f.target.trunk)
	if req.Anonymous {
		lines = append(lines, "Privacy: id\r\n")
	}
	if !ok || !t.Config().SendIdentity {
		return lines
	}
	id := req.Identity
	if id == "" {
		id = req.FromNumber
	}
	if id == "" {
		return lines
	}
	id = t.WriteNumber(id)
	host, _ := f.d.ua.self(f.link)
	if f.target.from != "" {
		host = f.target.from
	}
	return append(lines, "P-Asserted-Identity: <sip:"+escapeUser(id)+"@"+bracket(host)+">\r\n")
}
