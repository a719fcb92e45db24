package sip

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cagri/internal/sip/digest"
	"cagri/internal/sip/guard"
	"cagri/internal/sip/registrar"
	"cagri/internal/sip/trunk"
)

// In these tests carriers speak from 127.0.0.1, phones from 127.0.0.2 and strangers from 127.0.0.3.
const (
	carrierIP  = "127.0.0.1"
	phoneIP    = "127.0.0.2"
	strangerIP = "127.0.0.3"
	patience   = 10 * time.Second // until a test gives up waiting for something that must come
)

// rig is a user agent under test with a handler that hands out calls.
type rig struct {
	t       testing.TB
	ua      *UA
	addr    map[string]string // network to host:port
	calls   chan *call
	changes chan string
	alarms  chan string
	onCall  atomic.Pointer[func(*call)] // run in Invite, before it returns
}

// call is a dialog with what its sink heard.
type call struct {
	*Dialog
	in     Incoming
	mu     sync.Mutex
	heard  []Event
	more   chan struct{}
	inSink int
	t      testing.TB
}

func newCall(t testing.TB) *call { return &call{more: make(chan struct{}, 1), t: t} }

func (c *call) sink(e Event) {
	c.mu.Lock()
	if c.inSink++; c.inSink > 1 {
		c.t.Errorf("two events at a time: %T", e)
	}
	for _, h := range c.heard {
		if terminal(h) {
			c.t.Errorf("%T after the terminal event %T", e, h)
		}
	}
	c.heard = append(c.heard, e)
	c.inSink--
	c.mu.Unlock()
	select {
	case c.more <- struct{}{}:
	default:
	}
}

func terminal(e Event) bool {
	switch e.(type) {
	case Failed, Cancelled, Ended:
		return true
	}
	return false
}

// wait returns the first event of type E, waiting for it.
func wait[E Event](t testing.TB, c *call) E {
	t.Helper()
	deadline := time.After(patience)
	for {
		c.mu.Lock()
		for i, e := range c.heard {
			if v, ok := e.(E); ok {
				c.heard = append(append([]Event{}, c.heard[:i]...), c.heard[i+1:]...)
				if terminal(e) {
					c.heard = append(c.heard, e)
				}
				c.mu.Unlock()
				return v
			}
		}
		heard := fmt.Sprintf("%T %v", c.heard, c.heard)
		c.mu.Unlock()
		select {
		case <-c.more:
		case <-deadline:
			var want E
			t.Fatalf("no %T came; heard %s", want, heard)
		}
	}
}

// none checks that no event of type E is among those heard so far.
func none[E Event](t testing.TB, c *call) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.heard {
		if v, ok := e.(E); ok {
			t.Errorf("unexpected %T %+v", v, v)
		}
	}
}

func (r *rig) Invite(d *Dialog, in Incoming) {
	c := newCall(r.t)
	c.Dialog, c.in = d, in
	d.SetSink(c.sink)
	if f := r.onCall.Load(); f != nil {
		(*f)(c)
	}
	r.calls <- c
}

func (r *rig) PhoneChanged(user string, registered bool) {
	r.changes <- user + " " + strconv.FormatBool(registered)
}

func (r *rig) Alarm(what string, err error) {
	select {
	case r.alarms <- fmt.Sprint(what, ": ", err):
	default:
	}
}

// base is the configuration of most tests: T1 long enough that nothing is repeated by accident on a busy machine.
func base() Config {
	return Config{
		Listen: []Listen{{"udp", "127.0.0.1:0"}, {"tcp", "127.0.0.1:0"}},
		T1:     200 * time.Millisecond, T2: 800 * time.Millisecond, Realm: "test",
		Trunks: []trunk.Config{{Name: "carrier", Sources: []string{carrierIP}, TrustIdentity: true, Numbers: trunk.Numbers{Format: trunk.FormatAsIs}}},
		Accounts: func(user string) (registrar.Account, bool) {
			switch user {
			case "101", "102", "ali":
				return registrar.Account{User: user, DisplayName: "Phone " + user, Secret: digest.Secret{Password: "pw" + user}}, true
			}
			return registrar.Account{}, false
		},
		Limits: guard.Limits{Stranger: guard.Rate{PerSecond: 100, Burst: 200}},
	}
}

func start(t testing.TB, change ...func(*Config)) *rig {
	t.Helper()
	cfg := base()
	for _, f := range change {
		f(&cfg)
	}
	r := &rig{t: t, calls: make(chan *call, 4096), changes: make(chan string, 256), alarms: make(chan string, 256), addr: map[string]string{}}
	log := slog.New(slog.DiscardHandler)
	if testing.Verbose() && testing.Short() {
		log = slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	ua, err := New(cfg, r, log)
	if err != nil {
		t.Fatal(err)
	}
	if err := ua.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ua.Stop)
	r.ua = ua
	for _, a := range ua.Addrs() {
		if r.addr[a.Network] == "" {
			r.addr[a.Network] = a.Addr
		}
	}
	return r
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(b []byte) (int, error) { w.t.Log(string(b)); return len(b), nil }

func shortT1(d time.Duration) func(*Config) {
	return func(c *Config) { c.T1, c.T2 = d, 8*d }
}

// whenCalled sets what is done within Invite.
func (r *rig) whenCalled(f func(*call)) { r.onCall.Store(&f) }

func (r *rig) call() *call {
	r.t.Helper()
	select {
	case c := <-r.calls:
		return c
	case <-time.After(patience):
		r.t.Fatal("no call came")
		return nil
	}
}

func (r *rig) noCall() {
	r.t.Helper()
	select {
	case c := <-r.calls:
		r.t.Fatalf("unexpected call %+v", c.in)
	default:
	}
}

// dial is UA.Dial with a recording sink.
func (r *rig) dial(req DialRequest) *call {
	r.t.Helper()
	c := newCall(r.t)
	d, err := r.ua.Dial(req, c.sink)
	if err != nil {
		r.t.Fatal(err)
	}
	c.Dialog = d
	return c
}

// eventually waits until f is true.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !f(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// msg is a SIP message read by the hand-made peer, without sipgo.
type msg struct {
	start string
	head  []string // "Name: value"
	body  string
	from  net.Addr
	at    time.Time
}

func (m *msg) code() int {
	if !strings.HasPrefix(m.start, "SIP/2.0 ") {
		return 0
	}
	n, _ := strconv.Atoi(strings.Fields(m.start)[1])
	return n
}

func (m *msg) method() string {
	if m.code() != 0 {
		return ""
	}
	return strings.Fields(m.start)[0]
}

func (m *msg) uri() string { return strings.Fields(m.start)[1] }

func (m *msg) all(name string) (out []string) {
	for _, h := range m.head {
		if k, v, _ := strings.Cut(h, ":"); strings.EqualFold(strings.TrimSpace(k), name) {
			out = append(out, strings.TrimSpace(v))
		}
	}
	return out
}

func (m *msg) h(name string) string {
	if all := m.all(name); len(all) > 0 {
		return all[0]
	}
	return ""
}

func (m *msg) tag(name string) string {
	_, tag, _ := strings.Cut(m.h(name), ";tag=")
	tag, _, _ = strings.Cut(tag, ";")
	return tag
}

func (m *msg) contact() string {
	c := m.h("Contact")
	_, c, _ = strings.Cut(c, "<")
	c, _, _ = strings.Cut(c, ">")
	return c
}

// is matches "INVITE", "200", "200 BYE".
func (m *msg) is(what string) bool {
	f := strings.Fields(what)
	if n, err := strconv.Atoi(f[0]); err == nil {
		return m.code() == n && (len(f) == 1 || strings.HasSuffix(m.h("CSeq"), " "+f[1]))
	}
	return m.method() == f[0]
}

func parseMsg(b []byte) *msg {
	head, body, _ := strings.Cut(string(b), "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	return &msg{start: lines[0], head: lines[1:], body: body, at: time.Now()}
}

// peer speaks hand-written SIP over one socket.
type peer struct {
	t       testing.TB
	network string
	udp     *net.UDPConn
	tcp     net.Conn
	to      string // the user agent
	tag     string
	callID  string
	seq     int
	uri     string // remote target
	remote  string // To value with tag
	local   string // From value with tag
	branch  string // of the last request
	routes  []string
	pings   chan string

	mu   sync.Mutex
	in   []*msg
	more chan struct{}
	seen []*msg // everything, also what was taken
}

func newPeer(r *rig, network, ip string) *peer {
	r.t.Helper()
	p := &peer{t: r.t, network: network, to: r.addr[network], tag: "p" + newTag(), callID: newTag() + "@peer", more: make(chan struct{}, 1), pings: make(chan string, 16)}
	local := &net.UDPAddr{IP: net.ParseIP(ip)}
	switch network {
	case "udp":
		c, err := net.ListenUDP("udp", local)
		if err != nil {
			r.t.Fatal(err)
		}
		p.udp = c
		r.t.Cleanup(func() { c.Close() })
		go p.readUDP()
	default:
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: local.IP}, Timeout: patience}
		c, err := d.Dial("tcp", p.to)
		if err != nil {
			r.t.Fatal(err)
		}
		if network == "tls" {
			c = tls.Client(c, &tls.Config{InsecureSkipVerify: true})
		}
		p.tcp = c
		r.t.Cleanup(func() { c.Close() })
		go p.readTCP(c)
	}
	p.seq = 0
	p.local = "<sip:caller@" + p.addr() + ">;tag=" + p.tag
	p.remote = "<sip:102@" + p.to + ">"
	p.uri = "sip:102@" + p.to
	return p
}

func (p *peer) addr() string {
	if p.udp != nil {
		return p.udp.LocalAddr().String()
	}
	return p.tcp.LocalAddr().String()
}

func (p *peer) addrPort() netip.AddrPort { return netip.MustParseAddrPort(p.addr()) }

func (p *peer) push(m *msg) {
	p.mu.Lock()
	p.in = append(p.in, m)
	p.seen = append(p.seen, m)
	p.mu.Unlock()
	select {
	case p.more <- struct{}{}:
	default:
	}
}

func (p *peer) readUDP() {
	buf := make([]byte, 65536)
	for {
		n, from, err := p.udp.ReadFrom(buf)
		if err != nil {
			return
		}
		m := parseMsg(bytes.Clone(buf[:n]))
		m.from = from
		p.push(m)
	}
}

func (p *peer) readTCP(c net.Conn) {
	r := bufio.NewReader(c)
	for {
		var head []byte
		for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
			l, err := r.ReadBytes('\n')
			if err != nil {
				return
			}
			if len(head) == 0 && string(l) == "\r\n" {
				select {
				case p.pings <- "\r\n":
				default:
				}
				continue
			}
			head = append(head, l...)
		}
		m := parseMsg(head)
		n, _ := strconv.Atoi(m.h("Content-Length"))
		body := make([]byte, n)
		if _, err := io.ReadFull(r, body); err != nil {
			return
		}
		m.body = string(body)
		p.push(m)
	}
}

// take waits for a message that matches and removes it and everything before it.
func (p *peer) take(what string) *msg {
	p.t.Helper()
	m := p.look(what, patience)
	if m == nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		var got []string
		for _, m := range p.seen {
			got = append(got, m.start+" ["+m.h("CSeq")+"]")
		}
		p.t.Fatalf("no %s came; got %q", what, got)
	}
	return m
}

func (p *peer) look(what string, limit time.Duration) *msg {
	deadline := time.After(limit)
	for {
		p.mu.Lock()
		for i, m := range p.in {
			if m.is(what) {
				p.in = append([]*msg{}, p.in[i+1:]...)
				p.mu.Unlock()
				return m
			}
		}
		p.mu.Unlock()
		select {
		case <-p.more:
		case <-deadline:
			return nil
		}
	}
}

// count is how many messages of that kind came so far.
func (p *peer) count(what string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.seen {
		if m.is(what) {
			n++
		}
	}
	return n
}

func (p *peer) send(s string) {
	p.t.Helper()
	var err error
	if p.udp != nil {
		a, _ := net.ResolveUDPAddr("udp", p.to)
		_, err = p.udp.WriteTo([]byte(s), a)
	} else {
		_, err = p.tcp.Write([]byte(s))
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *peer) via() string {
	return "SIP/2.0/" + strings.ToUpper(p.network) + " " + p.addr() + ";branch=" + p.branch + ";rport"
}

// text builds a request. head are extra lines; body may be empty.
func (p *peer) text(method string, body string, head ...string) string {
	if method != "ACK" && method != "CANCEL" {
		p.seq++
	}
	if method != "CANCEL" {
		p.branch = "z9hG4bK" + newTag()
	}
	return p.textAs(method, p.seq, body, head...)
}

func (p *peer) textAs(method string, seq int, body string, head ...string) string {
	s := method + " " + p.uri + " SIP/2.0\r\nVia: " + p.via() + "\r\nMax-Forwards: 70\r\n"
	for _, r := range p.routes {
		s += "Route: " + r + "\r\n"
	}
	s += "From: " + p.local + "\r\nTo: " + p.remote + "\r\nCall-ID: " + p.callID + "\r\nCSeq: " + strconv.Itoa(seq) + " " + method + "\r\n"
	contact := true
	for _, h := range head {
		if h == "-Contact" {
			contact = false
			continue
		}
		s += h + "\r\n"
	}
	if contact {
		s += "Contact: <sip:caller@" + p.addr() + ";transport=" + p.network + ">\r\n"
	}
	if body != "" {
		s += "Content-Type: application/sdp\r\n"
	}
	return s + "Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
}

// invite sends an INVITE and leaves the dialog identifiers of the peer ready.
func (p *peer) invite(body string, head ...string) string {
	p.t.Helper()
	s := p.text("INVITE", body, head...)
	p.send(s)
	return s
}

// learn takes tag and target from a response.
func (p *peer) learn(m *msg) {
	p.remote = m.h("To")
	if c := m.contact(); c != "" {
		p.uri = c
	}
}

// ack acknowledges a 2xx.
func (p *peer) ack(m *msg, body string) {
	p.t.Helper()
	p.learn(m)
	p.branch = "z9hG4bK" + newTag()
	seq, _ := strconv.Atoi(strings.Fields(m.h("CSeq"))[0])
	p.send(p.textAs("ACK", seq, body))
}

// refuseAck acknowledges a final response other than 2xx: same branch.
func (p *peer) refuseAck(m *msg) {
	p.t.Helper()
	seq, _ := strconv.Atoi(strings.Fields(m.h("CSeq"))[0])
	remote := p.remote
	p.remote = m.h("To")
	via := m.h("Via")
	s := p.textAs("ACK", seq, "")
	p.remote = remote
	s = strings.Replace(s, "Via: "+p.via(), "Via: "+via, 1)
	p.send(s)
}

// reply answers a request the user agent sent.
func (p *peer) reply(req *msg, code int, body string, head ...string) {
	p.t.Helper()
	p.send(p.response(req, code, body, head...))
}

func (p *peer) response(req *msg, code int, body string, head ...string) string {
	s := "SIP/2.0 " + strconv.Itoa(code) + " " + reasonPhrase(code) + "\r\n"
	for _, v := range req.all("Via") {
		s += "Via: " + v + "\r\n"
	}
	to := req.h("To")
	if code > 100 && !strings.Contains(to, ";tag=") {
		to += ";tag=" + p.tag
	}
	s += "From: " + req.h("From") + "\r\nTo: " + to + "\r\nCall-ID: " + req.h("Call-ID") + "\r\nCSeq: " + req.h("CSeq") + "\r\n"
	contact := true
	for _, h := range head {
		if h == "-Contact" {
			contact = false
			continue
		}
		s += h + "\r\n"
	}
	if contact && code > 100 && code < 300 {
		s += "Contact: <sip:callee@" + p.addr() + ";transport=" + p.network + ">\r\n"
	}
	if body != "" {
		s += "Content-Type: application/sdp\r\n"
	}
	// From now on the peer can send requests within this dialog.
	if strings.HasSuffix(req.h("CSeq"), " INVITE") && code > 100 {
		p.local, p.remote, p.callID = to, req.h("From"), req.h("Call-ID")
		if c := req.contact(); c != "" {
			p.uri = c
		}
	}
	return s + "Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
}

// target is the peer as a place to call.
func (p *peer) target() Target {
	return Target{URI: "sip:callee@" + p.addr() + ";transport=" + p.network}
}

// sdpOf is a small session description that differs by n.
func sdpOf(n int) string {
	return fmt.Sprintf("v=0\r\no=- 1 %d IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n", n, 20000+2*n)
}

var (
	offer  = sdpOf(1)
	answer = sdpOf(2)
)

// establish makes an answered incoming call.
func establish(r *rig, p *peer, head ...string) *call {
	r.t.Helper()
	p.invite(offer, head...)
	c := r.call()
	if err := c.Answer([]byte(answer)); err != nil {
		r.t.Fatal(err)
	}
	p.ack(p.take("200 INVITE"), "")
	wait[Confirmed](r.t, c)
	return c
}

// establishOut makes an answered outgoing call.
func establishOut(r *rig, p *peer, head ...string) *call {
	r.t.Helper()
	c := r.dial(DialRequest{Targets: []Target{p.target()}, FromNumber: "500", SDP: []byte(offer)})
	p.reply(p.take("INVITE"), 200, answer, head...)
	p.take("ACK")
	wait[Answered](r.t, c)
	return c
}

// empty waits until the user agent has forgotten all dialogs.
func (r *rig) empty() {
	r.t.Helper()
	eventually(r.t, "no dialogs left", func() bool {
		r.ua.legMu.RLock()
		defer r.ua.legMu.RUnlock()
		return len(r.ua.dialogs) == 0 && len(r.ua.legs) == 0
	})
}

var certificate = sync.OnceValue(func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.ParseIP("127.0.0.1")}}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
})
