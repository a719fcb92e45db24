package sip

import (
	"crypto/tls"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"cagri/internal/sip/digest"
	"cagri/internal/sip/guard"
	"cagri/internal/sip/registrar"
)

// authorized repeats a request with credentials for the challenge in m.
func (p *peer) authorized(m *msg, method, uri, user, password string) string {
	p.t.Helper()
	v, err := digest.Authorize(m.all("WWW-Authenticate"), method, uri, user, password, nil, 1)
	if err != nil {
		p.t.Fatal(err)
	}
	return "Authorization: " + v
}

// register registers user from p; expires in seconds.
func (p *peer) register(user, password string, expires int, head ...string) *msg {
	p.t.Helper()
	p.uri = "sip:" + p.to
	p.local = "<sip:" + user + "@" + p.to + ">;tag=" + p.tag
	p.remote = "<sip:" + user + "@" + p.to + ">"
	head = append(head, "Expires: "+strconv.Itoa(expires))
	p.send(p.text("REGISTER", "", head...))
	m := p.take("401 REGISTER")
	p.send(p.text("REGISTER", "", append(head, p.authorized(m, "REGISTER", p.uri, user, password))...))
	for _, code := range []string{"200 REGISTER", "401 REGISTER", "403 REGISTER", "423 REGISTER"} {
		if m := p.look(code, 300*time.Millisecond); m != nil {
			return m
		}
	}
	return p.take("200 REGISTER")
}

func (r *rig) change() string {
	r.t.Helper()
	select {
	case c := <-r.changes:
		return c
	case <-time.After(patience):
		r.t.Fatal("PhoneChanged was not called")
		return ""
	}
}

func TestPhoneRegistersIsCalledAndUnregisters(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"udp", "tcp", "tls"} {
		t.Run(network, func(t *testing.T) {
			r := start(t, withTLS)
			p := newPeer(r, network, phoneIP)
			m := p.register("101", "pw101", 300)
			if m.code() != 200 || !strings.Contains(m.h("Contact"), "expires=300") {
				t.Fatalf("%v %v", m.start, m.head)
			}
			if c := r.change(); c != "101 true" {
				t.Fatal(c)
			}
			targets := r.ua.PhoneTargets("101")
			if len(targets) != 1 || targets[0].Addr != p.addrPort() {
				t.Fatalf("%+v", targets)
			}
			c := r.dial(DialRequest{Targets: targets, FromNumber: "+994125551234", SDP: []byte(offer)})
			inv := p.take("INVITE") // over the flow of the REGISTER
			if c.Secure() != (network == "tls") {
				t.Fatal("Secure is wrong")
			}
			p.reply(inv, 200, answer, "Contact: <sip:101@10.9.9.9:5060>", "-Contact")
			p.take("ACK") // also over the flow: the Contact cannot be reached
			wait[Answered](t, c)
			_ = c.End(Reason{})
			p.reply(p.take("BYE"), 200, "")
			r.empty()
			p.callID += "2"
			p.register("101", "pw101", 0)
			if c := r.change(); c != "101 false" {
				t.Fatal(c)
			}
			if len(r.ua.PhoneTargets("101")) != 0 {
				t.Fatal("still there")
			}
		})
	}
}

func withTLS(c *Config) {
	c.Listen = append(c.Listen, Listen{"tls", "127.0.0.1:0"})
	c.TLS = &tls.Config{Certificates: []tls.Certificate{certificate()}}
}

func TestWrongPasswordAndForeignAccountAreRefused(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", phoneIP)
	if m := p.register("101", "guess", 300); m.code() != 401 {
		t.Fatal(m.start)
	}
	// 102's password does not register 101.
	p = newPeer(r, "udp", phoneIP)
	p.uri = "sip:" + p.to
	p.remote = "<sip:101@" + p.to + ">"
	p.send(p.text("REGISTER", "", "Expires: 60"))
	m := p.take("401 REGISTER")
	p.send(p.text("REGISTER", "", "Expires: 60", p.authorized(m, "REGISTER", p.uri, "102", "pw102")))
	p.take("403 REGISTER")
	if len(r.ua.PhoneTargets("101")) != 0 {
		t.Fatal("registered all the same")
	}
	if p := newPeer(r, "udp", phoneIP); p.register("101", "pw101", 5).code() != 423 {
		t.Fatal("an interval below the minimum must get 423")
	}
}

func TestPhoneMustAuthenticateToCall(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", phoneIP)
	p.uri = "sip:0125551234@" + p.to
	p.local = "<sip:999@" + p.to + ">;tag=" + p.tag // what a phone says of itself does not count
	p.invite(offer)
	m := p.take("401 INVITE")
	p.refuseAck(m)
	if n := len(m.all("WWW-Authenticate")); n != 2 || !strings.Contains(m.h("WWW-Authenticate"), "SHA-256") {
		t.Fatalf("%v", m.head)
	}
	r.noCall()
	p.invite(offer, p.authorized(m, "INVITE", p.uri, "101", "pw101"), "P-Asserted-Identity: <sip:110@x>")
	c := r.call()
	if c.in.Source.Kind != FromPhone || c.in.Source.Name != "101" || c.in.Calling != "101" || c.in.Called != "0125551234" || c.in.CallingName != "Phone 101" {
		t.Fatalf("%+v", c.in)
	}
	_ = c.Answer([]byte(answer))
	p.ack(p.take("200 INVITE"), "")
	wait[Confirmed](t, c)
	p.send(p.text("BYE", "")) // within the call nothing is challenged
	p.take("200 BYE")
}

func TestPhoneOnACarriersAddressIsStillAPhone(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	if p.register("101", "pw101", 300).code() != 200 {
		t.Fatal("not registered")
	}
	p.uri, p.remote = "sip:102@"+p.to, "<sip:102@"+p.to+">"
	p.invite(offer)
	m := p.take("401 INVITE")
	p.refuseAck(m)
	p.invite(offer, p.authorized(m, "INVITE", p.uri, "101", "pw101"))
	if c := r.call(); c.in.Source.Kind != FromPhone || c.in.Calling != "101" {
		t.Fatalf("%+v", c.in)
	}
}

func TestStrangersGetNothingOrALimited403(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *Config) { c.Limits = guard.Limits{Strangers: guard.Refuse} })
	p := newPeer(r, "udp", strangerIP)
	for range 50 {
		p.callID = newTag()
		p.invite(offer)
	}
	p.take("403 INVITE")
	// A known source is served meanwhile, so everything of the stranger has been read.
	q := newPeer(r, "udp", carrierIP)
	q.send(q.text("OPTIONS", ""))
	q.take("200 OPTIONS")
	if n := p.count("403"); n > 5 {
		t.Fatalf("%d answers to a stranger", n)
	}
	r.noCall()
	if s := r.ua.Stats(); s.ServerTransactions > 1 {
		t.Fatalf("strangers cost transactions: %+v", s)
	}
	silent := start(t, func(c *Config) { c.Limits = guard.Limits{Strangers: guard.Silent} })
	s := newPeer(silent, "udp", strangerIP)
	s.invite(offer)
	q = newPeer(silent, "udp", carrierIP)
	q.send(q.text("OPTIONS", ""))
	q.take("200 OPTIONS")
	if s.count("403")+s.count("401") > 0 {
		t.Fatal("a stranger was answered")
	}
}

func TestFloodFromStrangersLeavesCallsUnharmedAndMemoryBounded(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *Config) { c.Limits = guard.Limits{} })
	p := newPeer(r, "udp", carrierIP)
	c := establish(r, p)
	for i := range 20 {
		s := newPeer(r, "udp", "127.0.1."+strconv.Itoa(i+1))
		for _, method := range []string{"INVITE", "REGISTER", "OPTIONS"} {
			for range 100 {
				s.callID = newTag()
				s.send(s.text(method, ""))
			}
		}
		s.udp.Close()
	}
	p.send(p.text("INFO", "x"))
	p.take("200 INFO")
	wait[Info](t, c)
	if s := r.ua.Stats(); s.ServerTransactions > 500 || s.Guard.Strangers.Dropped < 4000 {
		t.Fatalf("%+v", s)
	}
	none[Ended](t, c)
}

func TestPhoneBehindNATOverTCPIsGoneWithItsConnection(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "tcp", phoneIP)
	p.register("101", "pw101", 300)
	r.change()
	p.tcp.Close()
	if c := r.change(); c != "101 false" {
		t.Fatal(c)
	}
}

func TestRegistrationExpires(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *Config) { c.Registrar = registrar.Config{MinExpires: time.Second} })
	p := newPeer(r, "udp", phoneIP)
	p.register("101", "pw101", 1)
	r.change()
	if c := r.change(); c != "101 false" {
		t.Fatal(c)
	}
}

func TestKeepAliveOverTCPAndUDP(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *Config) { c.Registrar = registrar.Config{KeepAlive: time.Second} })
	p := newPeer(r, "tcp", phoneIP)
	p.send("\r\n\r\n")
	select {
	case <-p.pings:
	case <-time.After(patience):
		t.Fatal("CRLF CRLF was not answered (RFC 5626 section 3.5.1)")
	}
	p.send("\r\n" + p.text("REGISTER", ""))
	p.take("401 REGISTER")
	q := newPeer(r, "udp", phoneIP)
	q.register("102", "pw102", 300)
	ping := q.take("OPTIONS")
	q.reply(ping, 404, "") // any answer is a sign of life
	ping = q.take("OPTIONS")
	q.reply(ping, 200, "")
	if len(r.ua.PhoneTargets("102")) != 1 {
		t.Fatal("dropped although alive")
	}
}

func TestSecureAccountOnlyOverTLS(t *testing.T) {
	t.Parallel()
	r := start(t, withTLS, func(c *Config) {
		c.Accounts = func(user string) (registrar.Account, bool) {
			return registrar.Account{User: user, Secret: digest.Secret{Password: "pw"}, Secure: true}, user == "101"
		}
	})
	if m := newPeer(r, "udp", phoneIP).register("101", "pw", 300); m.code() != 403 {
		t.Fatal(m.start)
	}
	if m := newPeer(r, "tls", phoneIP).register("101", "pw", 300); m.code() != 200 {
		t.Fatal(m.start)
	}
}

func TestIncomingIdentity(t *testing.T) {
	t.Parallel()
	r := start(t)
	for _, c := range []struct {
		name, uri, from, to string
		head                []string
		want                Incoming
	}{
		{name: "plain", uri: "sip:102@h", from: `"A B" <sip:0551112233@h>`, want: Incoming{Called: "102", Calling: "0551112233", CallingName: "A B"}},
		{name: "tel and parameters", uri: "tel:+994-12-555.12.34;phone-context=x", from: "<tel:+994(55)1112233>", want: Incoming{Called: "+994125551234", Calling: "+994551112233"}},
		{name: "user parameters", uri: "sip:+994125551234;npdi;rn=5@h;user=phone", from: "<sip:1@h>", want: Incoming{Called: "+994125551234", Calling: "1"}},
		{name: "number in To", uri: "sip:gateway@h", to: "<sip:102@h>", from: "<sip:1@h>", want: Incoming{Called: "102", Calling: "1"}},
		{name: "asserted", uri: "sip:102@h", from: "<sip:anonymous@anonymous.invalid>", head: []string{`P-Asserted-Identity: "X" <sip:0551112233@h>, <tel:+994551112233>`, "Privacy: id"},
			want: Incoming{Called: "102", Calling: "0551112233", CallingName: "X", Anonymous: true}},
		{name: "anonymous", uri: "sip:102@h", from: `"Anonymous" <sip:anonymous@anonymous.invalid>`, want: Incoming{Called: "102", CallingName: "Anonymous", Anonymous: true}},
		{name: "diversion", uri: "sip:102@h", from: "<sip:1@h>", head: []string{"Diversion: <sip:7@h>;reason=no-answer, <sip:8@h>", "Diversion: <tel:9>"},
			want: Incoming{Called: "102", Calling: "1", Diversion: []string{"7", "8", "9"}}},
		{name: "history", uri: "sip:102@h", from: "<sip:1@h>", head: []string{"History-Info: <sip:5@h>;index=1, <sip:6@h?Reason=SIP%3Bcause%3D302>;index=1.1, <sip:102@h>;index=1.2"},
			want: Incoming{Called: "102", Calling: "1", Diversion: []string{"6", "5"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPeer(r, "udp", carrierIP)
			p.uri = c.uri
			p.local = c.from + ";tag=" + p.tag
			if c.to != "" {
				p.remote = c.to
			}
			p.invite(offer, c.head...)
			in := r.call().in
			if in.Called != c.want.Called || in.Calling != c.want.Calling || in.CallingName != c.want.CallingName || in.Anonymous != c.want.Anonymous ||
				strings.Join(in.Diversion, ",") != strings.Join(c.want.Diversion, ",") {
				t.Fatalf("%+v", in)
			}
		})
	}
}

func TestTooManyConnectionsOfAStranger(t *testing.T) {
	t.Parallel()
	r := start(t)
	var open []net.Conn
	closed := 0
	for range 2 * maxStreamsStranger {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(strangerIP)}}
		c, err := d.Dial("tcp", r.addr["tcp"])
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
	}
	for _, c := range open {
		_ = c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		if _, err := c.Read(make([]byte, 1)); err != nil && !strings.Contains(err.Error(), "timeout") {
			closed++
		}
		defer c.Close()
	}
	if closed != maxStreamsStranger {
		t.Fatalf("%d of %d connections closed", closed, len(open))
	}
}
