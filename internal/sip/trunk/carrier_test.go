package trunk

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"cagri/internal/sip/digest"
)

// carrier is a small real registrar and OPTIONS responder behind the Requester interface: it checks credentials with the server
// side of digest, insists on rising CSeq, grants and refuses. Its machines can be switched off one by one.
type carrier struct {
	auth *digest.Server

	mu       sync.Mutex // guards everything below
	dead     map[netip.Addr]bool
	codes    map[netip.Addr]Reply // answers given instead of the right one
	password string
	least    int // seconds, 423 below
	grant    int // seconds, 0: as wished
	proxy    bool
	cseq     map[string]uint32
	bound    time.Time // until when our contact is registered
	log      []entry
	options  map[netip.Addr]int
}

type entry struct {
	at      time.Time
	machine netip.Addr
	code    int
	m       Message
}

func newCarrier() *carrier {
	return &carrier{
		auth: digest.NewServer("carrier.az", []byte("0123456789abcdef"), time.Now, digest.WithLifetime(time.Hour)),
		dead: map[netip.Addr]bool{}, codes: map[netip.Addr]Reply{}, password: "right", cseq: map[string]uint32{}, options: map[netip.Addr]int{},
	}
}

var errNoAnswer = errors.New("no answer")

func (c *carrier) Do(ctx context.Context, m Message) (Reply, error) {
	machine := m.Target.Addr.Addr()
	c.mu.Lock()
	dead := c.dead[machine]
	c.mu.Unlock()
	if dead { // a dead machine is only noticed by the end of patience
		<-ctx.Done()
		c.mu.Lock()
		c.log = append(c.log, entry{time.Now(), machine, 0, m})
		c.mu.Unlock()
		return Reply{}, errors.Join(errNoAnswer, ctx.Err())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r, given := c.codes[machine]
	if !given {
		r = c.answer(m)
	}
	if m.Method == "OPTIONS" {
		c.options[machine]++
	}
	c.log = append(c.log, entry{time.Now(), machine, r.Code, m})
	return r, nil
}

func (c *carrier) answer(m Message) Reply {
	if m.Method == "OPTIONS" {
		return Reply{Code: 200, Reason: "OK", Expires: NoExpires}
	}
	if m.CSeq <= c.cseq[m.CallID] {
		return Reply{Code: 500, Reason: "CSeq did not rise"}
	}
	c.cseq[m.CallID] = m.CSeq
	var given []string
	want := "Authorization"
	if c.proxy {
		want = "Proxy-Authorization"
	}
	if m.AuthName == want {
		given = []string{m.AuthValue}
	}
	user, challenge, _, err := c.auth.Check(m.Method, m.RequestURI, given, func(string) (digest.Secret, bool) { return digest.Secret{Password: c.password}, true })
	switch {
	case errors.Is(err, digest.ErrMalformed):
		return Reply{Code: 400, Reason: err.Error()}
	case err != nil && c.proxy:
		return Reply{Code: 407, ProxyAuthenticate: challenge, Expires: NoExpires}
	case err != nil:
		return Reply{Code: 401, WWWAuthenticate: challenge, Expires: NoExpires}
	case user != "auth-user" || m.To != "sip:994125551234@carrier.az" || m.From != m.To || m.Contact != "line" || !strings.HasPrefix(m.RequestURI, "sip:carrier.az"):
		return Reply{Code: 403, Reason: fmt.Sprintf("%s %+v", user, m)}
	case m.Expires > 0 && m.Expires < c.least:
		return Reply{Code: 423, MinExpires: c.least, Expires: NoExpires}
	}
	granted := m.Expires
	if c.grant > 0 && granted > 0 {
		granted = min(granted, c.grant)
	}
	c.bound = time.Now().Add(time.Duration(granted) * time.Second)
	return Reply{Code: 200, Expires: granted}
}

func (c *carrier) set(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

func (c *carrier) isBound() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bound.After(time.Now())
}

// take returns the log and empties it.
func (c *carrier) take() []entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.log
	c.log = nil
	return l
}

func codes(l []entry) string {
	var out []string
	for _, e := range l {
		if e.m.Method == "REGISTER" {
			out = append(out, fmt.Sprint(e.code))
		}
	}
	return strings.Join(out, " ")
}
