package sip

import (
	"errors"
	"strconv"
	"time"

	"cagri/internal/sip/digest"
	"cagri/internal/sip/guard"
	"cagri/internal/sip/registrar"
	"cagri/internal/sip/trunk"
)

// receive takes one parsed message. It runs on the goroutine that read it, so messages of one peer keep their order.
func (u *UA) receive(in *message) {
	if in.res != nil {
		u.counts.responses.Add(1)
		u.answer(in)
		return
	}
	u.counts.requests.Add(1)
	u.request(in)
}

func (u *UA) answer(in *message) {
	if in.via == nil || in.malformed != "" || in.res.StatusCode < 100 || in.res.StatusCode > 699 {
		u.counts.strays.Add(1)
		return
	}
	branch, _ := in.via.Params.Get("branch")
	u.txMu.Lock()
	tx := u.clientTxs[clientKey(branch, in.method)]
	u.txMu.Unlock()
	if tx == nil || in.viaCount != 1 {
		u.counts.strays.Add(1) // RFC 3261 section 18.1.2; a 2xx after 64*T1 finds the peer's own BYE on its way
		return
	}
	tx.receive(in)
}

func (u *UA) request(in *message) {
	if in.via == nil {
		u.counts.malformed.Add(1)
		u.guard.Fail(in.link.remote.Addr(), guard.Malformed)
		return
	}
	if in.method == "ACK" {
		u.ack(in)
		return
	}
	tx, fresh := u.openServerTx(in)
	if !fresh {
		tx.repeated(in.replyLink())
		return
	}
	switch {
	case in.req.SipVersion != "SIP/2.0":
		_ = tx.reply(505, reasonPhrase(505))
		return
	case in.malformed != "":
		u.guard.Fail(in.link.remote.Addr(), guard.Malformed)
		_ = tx.reply(400, "Bad Request: "+in.malformed)
		return
	case in.method == "CANCEL":
		u.cancelled(tx, in)
		return
	}
	if in.toTag != "" && in.method != "REGISTER" {
		if g := u.findLeg(in.callID, in.toTag, in.fromTag); g != nil {
			if !u.required(tx, in) {
				return
			}
			u.inDialog(g, tx, in)
			return
		}
		u.nobody(tx, in, 481)
		return
	}
	switch scheme := in.req.Recipient.Scheme; scheme {
	case "sip", "sips", "tel":
	default:
		_ = tx.reply(416, reasonPhrase(416))
		return
	}
	if in.maxForwards == 0 && in.method != "OPTIONS" { // section 16.3: OPTIONS may be answered by whom it reaches last
		_ = tx.reply(483, reasonPhrase(483))
		return
	}
	switch in.method {
	case "INVITE":
		if u.required(tx, in) {
			u.invited(tx, in)
		}
	case "REGISTER":
		if u.required(tx, in) {
			u.registering(tx, in)
		}
	case "OPTIONS":
		if !u.acquainted(in) {
			u.nobody(tx, in, 403)
		} else if u.required(tx, in) {
			_ = tx.reply(200, "OK", allowed, accepted, supported, "Contact: "+u.contact(in.link, "")+"\r\n")
		}
	case "BYE", "PRACK", "UPDATE", "INFO", "NOTIFY", "REFER":
		u.nobody(tx, in, 481) // they make sense within a dialog only
	default:
		u.nobody(tx, in, 405, allowed)
	}
}

// required refuses extensions we do not know (RFC 3261 section 8.2.2.3).
func (u *UA) required(tx *serverTx, in *message) bool {
	if len(in.unknown) == 0 {
		return true
	}
	list := ""
	for i, tag := range in.unknown {
		if i > 0 {
			list += ", "
		}
		list += tag
	}
	_ = tx.reply(420, reasonPhrase(420), "Unsupported: "+line(list)+"\r\n")
	return false
}

// nobody refuses a request outside of any dialog. Strangers get that answer only within the guard's budget.
func (u *UA) nobody(tx *serverTx, in *message, code int, extra ...string) {
	if u.acquainted(in) {
		_ = tx.reply(code, reasonPhrase(code), extra...)
		return
	}
	if !u.guard.MayForbid(in.link.remote.Addr()) {
		tx.close()
		return
	}
	_ = tx.reply(403, reasonPhrase(403))
}

// acquainted says whether a message comes from a carrier, from a registered phone or from the peer of a call.
func (u *UA) acquainted(in *message) bool {
	a := in.link.remote.Addr()
	if _, ok := u.trunks.Match(a, ""); ok || u.peers.has(a) {
		return true
	}
	_, ok := u.registrar.UserAt(in.link.flow())
	return ok
}

func (u *UA) ack(in *message) {
	if in.malformed != "" {
		return
	}
	if tx := u.findServerTx(in.txKey("INVITE")); tx != nil && tx.ack() {
		return
	}
	g := u.findLeg(in.callID, in.toTag, in.fromTag)
	if g == nil {
		return
	}
	g.d.mu.Lock()
	g.d.onAck(g, in)
	g.d.mu.Unlock()
}

// cancelled answers CANCEL (RFC 3261 section 9.2): 200 whenever the INVITE is known, even if it is too late for it.
func (u *UA) cancelled(tx *serverTx, in *message) {
	invite := u.findServerTx(in.txKey("INVITE"))
	if invite == nil {
		u.nobody(tx, in, 481)
		return
	}
	tx.toTag = invite.toTag
	_ = tx.reply(200, "OK")
	if d := invite.owner(); d != nil {
		d.onCancel(in)
	} else {
		_ = invite.reply(487, reasonPhrase(487))
	}
}

// invited takes an INVITE that begins a call.
func (u *UA) invited(tx *serverTx, in *message) {
	merge := in.callID + "\x00" + in.fromTag + "\x00" + strconv.FormatUint(uint64(in.seq), 10)
	u.txMu.Lock()
	if first := u.merged[merge]; first != nil && first != tx {
		u.txMu.Unlock()
		_ = tx.reply(482, reasonPhrase(482))
		return
	}
	u.merged[merge] = tx
	u.txMu.Unlock()
	tx.mu.Lock()
	tx.merge = merge
	tx.mu.Unlock()

	src, carrier, user, ok := u.admit(tx, in)
	if !ok {
		return
	}
	sdp, readable := in.sdp()
	switch {
	case in.contact == nil || in.contactURI() == "":
		_ = tx.reply(400, "Bad Request: Contact")
		return
	case !readable:
		_ = tx.reply(415, reasonPhrase(415), accepted, "Accept-Encoding: identity\r\n")
		return
	case u.tooShort(in):
		_ = tx.reply(422, reasonPhrase(422), u.minSEHeader())
		return
	}
	desc := Incoming{Source: src, CallID: in.callID, SDP: sdp, Secure: src.Transport == "tls", Diversion: diverted(in), MaxForwards: in.maxForwards}
	if desc.MaxForwards < 0 {
		desc.MaxForwards = hops
	}
	if in.replaces != "" && in.join { // RFC 3911 section 4
		_ = tx.reply(400, "Bad Request: Join and Replaces")
		return
	}
	if in.replaces != "" {
		r, ok := readReplaces(in.replaces)
		if !ok {
			_ = tx.reply(400, "Bad Request: Replaces")
			return
		}
		if code := u.replaceable(r); code != 0 {
			_ = tx.reply(code, reasonPhrase(code))
			return
		}
		desc.Replaces = &r
	}
	var auth *authState
	var release func()
	if carrier != nil {
		end, err := carrier.Begin()
		if err != nil {
			_ = tx.reply(503, "Service Unavailable", "Retry-After: 5\r\n")
			return
		}
		release = end
		cfg := carrier.Config()
		contact := ""
		if cfg.Registration != nil {
			contact = cfg.Registration.Contact
		}
		desc.Called = carrier.ReadNumber(called(in, contact))
		desc.Calling, desc.CallingName, desc.Anonymous = caller(in, cfg.TrustIdentity)
		desc.Calling = carrier.ReadNumber(desc.Calling)
		for i, n := range desc.Diversion {
			desc.Diversion[i] = carrier.ReadNumber(n)
		}
		auth = &authState{session: u.accounts[carrier.Name()]}
	} else {
		desc.Called = called(in, "")
		desc.Calling, desc.Anonymous = user, private3323(in.privacy)
		if acct, ok := u.cfg.Accounts(user); ok {
			desc.CallingName = acct.DisplayName
		}
		if desc.CallingName == "" {
			desc.CallingName = shown(unpair(in.from.DisplayName))
		}
	}
	u.newIncoming(in, tx, src, desc, auth, release)
}

// admit finds out who sends an INVITE: a carrier by its address, or whoever proves to be an account of ours. When it returns false
// the request has been answered.
func (u *UA) admit(tx *serverTx, in *message) (src Source, carrier *trunk.Trunk, user string, ok bool) {
	l := in.link
	src = Source{Addr: l.remote, Transport: l.network()}
	requestUser := in.req.Recipient.User
	carrier, matched := u.trunks.Match(l.remote.Addr(), requestUser)
	if matched && !carrier.NeedsLogin() && !u.phoneAt(in) {
		src.Kind, src.Name = FromTrunk, carrier.Name()
		return src, carrier, "", true
	}
	user, ok = u.authenticate(tx, in)
	if !ok {
		return src, nil, "", false
	}
	if t, may := u.trunks.MatchLogin(user, l.remote.Addr()); t != nil {
		if !may {
			_ = tx.reply(403, reasonPhrase(403))
			return src, nil, "", false
		}
		src.Kind, src.Name = FromTrunk, t.Name()
		return src, t, "", true
	}
	src.Kind, src.Name = FromPhone, user
	return src, nil, user, true
}

// phoneAt says whether a message from a carrier's address is a phone's: an account calls from the very socket it registered from. That
// happens where both are on one machine, as in a demonstration.
func (u *UA) phoneAt(in *message) bool {
	name := unescape(in.from.Address.User)
	if u.cfg.Accounts == nil {
		return false
	}
	if _, ok := u.cfg.Accounts(name); !ok {
		return false
	}
	for _, c := range u.registrar.Contacts(name) {
		if unmapped(c.Flow.Remote) == in.link.remote && c.Flow.Transport == in.link.network() {
			return true
		}
	}
	return false
}

// authenticate checks the digest credentials of a request. When it returns false the request has been answered.
func (u *UA) authenticate(tx *serverTx, in *message) (user string, ok bool) {
	src := in.link.remote.Addr()
	creds := in.authorization
	if len(creds) == 0 {
		creds = in.proxyAuthorization
	}
	user, challenge, _, err := u.digest.Check(in.method, in.req.Recipient.String(), creds, u.secret)
	switch {
	case err == nil:
	case errors.Is(err, digest.ErrMalformed):
		u.guard.Fail(src, guard.Malformed)
		_ = tx.reply(400, "Bad Request: Authorization")
		return "", false
	default:
		if errors.Is(err, digest.ErrDenied) && u.guard.Fail(src, guard.Authentication) {
			u.log.Warn("too many wrong passwords, source is banned for a while", "source", src)
		}
		lines := make([]string, 0, len(challenge))
		for _, c := range challenge {
			lines = append(lines, "WWW-Authenticate: "+c+"\r\n")
		}
		_ = tx.reply(401, reasonPhrase(401), lines...)
		return "", false
	}
	if u.cfg.Accounts != nil {
		if acct, has := u.cfg.Accounts(user); has && acct.Secure && in.link.network() != "tls" {
			_ = tx.reply(403, "Only over TLS")
			return "", false
		}
	}
	u.guard.Learn(src, 10*time.Minute)
	if in.link.stream != nil {
		in.link.stream.trust()
	}
	return user, true
}

// secret finds the password of a phone user or of a carrier's login.
func (u *UA) secret(user string) (digest.Secret, bool) {
	var acct registrar.Account
	ok := false
	if u.cfg.Accounts != nil {
		acct, ok = u.cfg.Accounts(user)
	}
	if ok {
		return acct.Secret, true
	}
	return u.trunks.Login(user)
}
