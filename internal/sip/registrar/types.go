package registrar

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"cagri/internal/sip/digest"
)

// Account is one phone user as the directory knows them.
type Account struct {
	User        string
	DisplayName string
	Secret      digest.Secret
	MaxContacts int  // 0: Config.MaxContacts
	Secure      bool // only over TLS or WSS
}

// Config bounds what phones may ask for. Zero values mean the defaults.
type Config struct {
	MinExpires     time.Duration // shorter wishes get 423; default 60 s, at most one hour (RFC 3261 section 10.3 step 7)
	MaxExpires     time.Duration // longer wishes are cut; default 1 h
	DefaultExpires time.Duration // when the phone says nothing; default 10 min
	MaxContacts    int           // per user; default 4
	// RefuseWhenFull answers 403 to a contact over the limit. Default is to drop the contact that was refreshed longest ago: a
	// phone that got a new address by a power cut must not be locked out by its own ghost.
	RefuseWhenFull bool
	KeepAlive      time.Duration // a flow silent for so long is due for a keep-alive; default 25 s (NAT bindings of UDP last 30 s and more)
}

// Validate names the first value that makes no sense. New corrects such values silently to the nearest sensible one.
func (c Config) Validate() error {
	d := c.withDefaults()
	switch {
	case c.MinExpires < 0 || c.MaxExpires < 0 || c.DefaultExpires < 0 || c.KeepAlive < 0 || c.MaxContacts < 0:
		return errors.New("registrar: durations and limits must not be negative")
	case c.MinExpires > time.Hour:
		return fmt.Errorf("registrar: the shortest expiry is %v; RFC 3261 section 10.3 allows at most one hour", c.MinExpires)
	case c.MaxExpires != 0 && c.MaxExpires < d.MinExpires:
		return fmt.Errorf("registrar: the longest expiry %v is below the shortest %v", c.MaxExpires, d.MinExpires)
	case c.DefaultExpires != 0 && (c.DefaultExpires < d.MinExpires || c.DefaultExpires > d.MaxExpires):
		return fmt.Errorf("registrar: the default expiry %v is not between %v and %v", c.DefaultExpires, d.MinExpires, d.MaxExpires)
	}
	return nil
}

func (c Config) withDefaults() Config {
	or := func(v *time.Duration, d time.Duration) {
		if *v <= 0 {
			*v = d
		}
		*v = max(v.Truncate(time.Second), time.Second) // SIP counts in whole seconds
	}
	or(&c.MinExpires, time.Minute)
	c.MinExpires = min(c.MinExpires, time.Hour)
	or(&c.MaxExpires, time.Hour)
	c.MaxExpires = max(c.MaxExpires, c.MinExpires)
	or(&c.DefaultExpires, 10*time.Minute)
	c.DefaultExpires = min(max(c.DefaultExpires, c.MinExpires), c.MaxExpires)
	or(&c.KeepAlive, 25*time.Second)
	if c.MaxContacts <= 0 {
		c.MaxContacts = 4
	}
	return c
}

// Flow is the way a REGISTER came: behind NAT it is the only way back to the phone (RFC 5626 section 3.2). For stream transports
// it names one connection.
type Flow struct {
	Transport string         // "udp", "tcp", "tls", "ws", "wss"
	Remote    netip.AddrPort // source address as received
	Local     netip.AddrPort // our socket; may be zero
}

// Stream says whether the flow is a connection that can go down.
func (f Flow) Stream() bool { return f.Transport != "udp" }

// NotGiven stands for an expires or q value that the phone did not send.
const NotGiven = -1

// ContactField is one Contact value of a REGISTER, already parsed by the caller.
type ContactField struct {
	URI      string // without angle brackets
	Expires  int64  // seconds of the expires parameter, or NotGiven
	Q        int    // q value in thousandths, 0..1000, or NotGiven
	Instance string // +sip.instance without quotes and brackets, empty when absent
	RegID    int    // reg-id, 0 when absent (RFC 5626 section 4.2)
}

// Request is one authenticated REGISTER.
type Request struct {
	User        string // whom the contacts belong to: the user part of To, checked by the caller against the credentials
	CallID      string
	CSeq        uint32
	Expires     int64 // seconds of the Expires header, or NotGiven
	Star        bool  // Contact: *
	Contacts    []ContactField
	Flow        Flow
	UserAgent   string
	MaxContacts int // of the account; 0: Config.MaxContacts
}

// Result is the answer to a Request.
type Result struct {
	Code       int           // 200, 400, 403, 423 or 500
	Reason     string        // why, for the reason phrase and the log; for 200 "OK"
	MinExpires time.Duration // with 423: value of Min-Expires
	Contacts   []Contact     // with 200: all current bindings of the user, for the Contact values of the answer
}

// Contact is one binding: a place where the user's phone can be reached.
type Contact struct {
	User      string
	URI       string // as the phone wrote it; the Request-URI of calls to it
	Transport string // of the flow
	Flow      Flow   // where to send: the flow's address, not the URI's
	NAT       bool   // URI and flow disagree about the address: only the flow reaches the phone
	Lost      bool   // the connection is gone: open a new one to the URI
	Q         int    // thousandths, 1000 when not given
	Expires   time.Time
	Instance  string
	RegID     int
	UserAgent string
	Refreshed time.Time // last REGISTER
	Seen      time.Time // last sign of life on the flow

	key     string
	listens bool      // a stream contact that can be reached by a new connection too
	pinged  time.Time // when DueKeepAlive last returned it
	callID  string
	cseq    uint32
}

// ExpiresIn is the remaining time in whole seconds, at least 0, as it stands in the expires parameter of the answer.
func (c Contact) ExpiresIn(now time.Time) int64 {
	return int64(max(c.Expires.Sub(now), 0) / time.Second)
}
