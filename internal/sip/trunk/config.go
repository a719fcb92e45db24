package trunk

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"cagri/internal/sip/digest"
)

// SRTP says whether media with a carrier is encrypted (RFC 4568).
type SRTP string

// The policies. Anything but SRTPOff needs TLS signalling, because the keys travel in it.
const (
	SRTPOff     SRTP = "off"
	SRTPOffer   SRTP = "offer"   // encrypted if the carrier can
	SRTPRequire SRTP = "require" // or no call
)

// DTMF says how key presses travel.
type DTMF string

// The kinds of DTMF.
const (
	DTMFEvents DTMF = "rfc4733"
	DTMFInfo   DTMF = "info"
	DTMFInBand DTMF = "inband"
)

// Config is one carrier. Zero values mean the defaults named at the fields.
type Config struct {
	Name string // letters, digits, '-', '_', '.'

	// Who may call in. At least one of the three, or the trunk is for calls out only.
	Sources           []string // addresses or CIDRs
	Login             *Login   // credentials the carrier has to present (besides Sources, if those are given too)
	AcceptFromTargets bool     // the addresses of Targets may call in as well (usual where we register)

	// Where calls out go, first to last: "host", "host:port", "[v6]:port", each with ";udp", ";tcp", ";tls" or
	// ";transport=…". A name without port is looked up by SRV. Own fail-over: the order of the list; within one name the order of
	// its SRV records.
	Targets []string

	Health       Health
	Registration *Registration

	MaxCalls          int     // at once in both directions; 0: no limit
	MaxCallsPerSecond float64 // new ones in both directions; 0: no limit

	Numbers Numbers

	TrustIdentity bool // believe P-Asserted-Identity of this carrier (RFC 3325)
	SendIdentity  bool // send P-Asserted-Identity, also for anonymous calls

	SRTP   SRTP     // default off
	DTMF   DTMF     // default rfc4733
	Codecs []string // of "PCMA", "PCMU", in order of preference; default PCMA, PCMU
}

// Login is what a carrier has to present when it calls in.
type Login struct {
	User   string
	Secret digest.Secret
}

// Health is how targets are watched by OPTIONS.
type Health struct {
	Off       bool
	Interval  time.Duration // default 30 s, ±20 % at random
	Timeout   time.Duration // of one OPTIONS; default 5 s
	DownAfter int           // failures in a row until a target is down; default 3
	UpAfter   int           // answers in a row until it is up again; default 2
}

// Registration is our account with a carrier.
type Registration struct {
	Domain   string        // host of the Request-URI and of the address of record; default: host of the first target
	User     string        // user of the address of record
	AuthUser string        // default User
	Password string        //
	Contact  string        // user part of our Contact; default User
	Expires  time.Duration // wished for; default 1 h. Refreshed at half of what is granted.
	Retry    time.Duration // first pause after a failure, doubling; default 5 s
	RetryMax time.Duration // longest pause; default 5 min
}

func (c Config) withDefaults() Config {
	dur := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	dur(&c.Health.Interval, 30*time.Second)
	dur(&c.Health.Timeout, 5*time.Second)
	if c.Health.DownAfter == 0 {
		c.Health.DownAfter = 3
	}
	if c.Health.UpAfter == 0 {
		c.Health.UpAfter = 2
	}
	if c.SRTP == "" {
		c.SRTP = SRTPOff
	}
	if c.DTMF == "" {
		c.DTMF = DTMFEvents
	}
	if len(c.Codecs) == 0 {
		c.Codecs = []string{"PCMA", "PCMU"}
	}
	if c.Registration != nil {
		r := *c.Registration
		if r.AuthUser == "" {
			r.AuthUser = r.User
		}
		if r.Contact == "" {
			r.Contact = r.User
		}
		if r.Domain == "" && len(c.Targets) > 0 {
			if t, err := parseTarget(c.Targets[0]); err == nil {
				r.Domain = t.host
			}
		}
		dur(&r.Expires, time.Hour)
		dur(&r.Retry, 5*time.Second)
		dur(&r.RetryMax, 5*time.Minute)
		c.Registration = &r
	}
	c.Numbers = c.Numbers.withDefaults()
	return c
}

// problem names trunk and field.
func (c Config) problem(field, format string, args ...any) error {
	return fmt.Errorf("trunk %q: %s: %w", c.Name, field, fmt.Errorf(format, args...))
}

// Validate reports everything that is wrong, each with trunk and field. Defaults are applied before.
func (c Config) Validate() error {
	c = c.withDefaults()
	var errs []error
	bad := func(field, format string, args ...any) { errs = append(errs, c.problem(field, format, args...)) }

	if c.Name == "" || strings.Trim(c.Name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != "" {
		bad("name", "must be letters, digits, '-', '_' or '.', and not empty")
	}
	for i, s := range c.Sources {
		if p, err := parseSource(s); err != nil {
			bad(fmt.Sprintf("sources[%d]", i), "%w", err)
		} else if p.Bits() == 0 {
			bad(fmt.Sprintf("sources[%d]", i), "%s lets everybody call in as this carrier", s)
		}
	}
	if c.Login != nil {
		if c.Login.User == "" {
			bad("login.user", "is empty")
		}
		if c.Login.Secret == (digest.Secret{}) {
			bad("login.secret", "is empty: give a password or an HA1 value")
		}
	}
	secure := true
	for i, s := range c.Targets {
		t, err := parseTarget(s)
		if err != nil {
			bad(fmt.Sprintf("targets[%d]", i), "%w", err)
			continue
		}
		secure = secure && t.transport == "tls"
		if slices.Contains(c.Targets[:i], s) {
			bad(fmt.Sprintf("targets[%d]", i), "%s stands there twice", s)
		}
	}
	if len(c.Targets) == 0 {
		if len(c.Sources) == 0 && c.Login == nil {
			bad("targets", "neither targets, sources nor a login: no call could come or go")
		}
		if c.AcceptFromTargets {
			bad("accept_from_targets", "there are no targets")
		}
		if c.Registration != nil {
			bad("registration", "there are no targets to register with")
		}
	}
	c.validateRest(bad, secure)
	return errors.Join(errs...)
}

func (c Config) validateRest(bad func(field, format string, args ...any), secure bool) {
	h := c.Health
	if !h.Off {
		if h.Interval < time.Second || h.Interval > time.Hour {
			bad("health.interval", "%v is not between 1 s and 1 h", h.Interval)
		}
		if h.Timeout < 100*time.Millisecond || h.Timeout > 32*time.Second {
			bad("health.timeout", "%v is not between 100 ms and 32 s", h.Timeout)
		}
		if h.DownAfter < 1 || h.DownAfter > 100 {
			bad("health.down_after", "%d is not between 1 and 100", h.DownAfter)
		}
		if h.UpAfter < 1 || h.UpAfter > 100 {
			bad("health.up_after", "%d is not between 1 and 100", h.UpAfter)
		}
	}
	if r := c.Registration; r != nil {
		if r.User == "" {
			bad("registration.user", "is empty")
		}
		if strings.ContainsAny(r.User+r.Contact, " @<>\"\r\n") {
			bad("registration.user", "only the user part, without blanks, quotes or @")
		}
		if strings.ContainsAny(r.Domain, " @<>\";\r\n") {
			bad("registration.domain", "%q is not a host", r.Domain)
		}
		if r.Expires < time.Minute || r.Expires > 24*time.Hour {
			bad("registration.expires", "%v is not between 1 min and 24 h", r.Expires)
		}
		if r.Retry < time.Second || r.Retry > time.Hour {
			bad("registration.retry", "%v is not between 1 s and 1 h", r.Retry)
		}
		if r.RetryMax < r.Retry || r.RetryMax > 24*time.Hour {
			bad("registration.retry_max", "%v is not between retry (%v) and 24 h", r.RetryMax, r.Retry)
		}
	}
	if c.MaxCalls < 0 {
		bad("max_calls", "%d is negative", c.MaxCalls)
	}
	if !(c.MaxCallsPerSecond >= 0 && c.MaxCallsPerSecond <= 1e5) {
		bad("max_calls_per_second", "%g is not between 0 and 100,000", c.MaxCallsPerSecond)
	}
	switch c.SRTP {
	case SRTPOff:
	case SRTPOffer, SRTPRequire:
		if !secure {
			bad("srtp", "%s needs TLS on every target, because the keys travel in the signalling (RFC 4568 section 8.3)", c.SRTP)
		}
	default:
		bad("srtp", "%q is not off, offer or require", c.SRTP)
	}
	switch c.DTMF {
	case DTMFEvents, DTMFInfo, DTMFInBand:
	default:
		bad("dtmf", "%q is not rfc4733, info or inband", c.DTMF)
	}
	for i, name := range c.Codecs {
		if name != "PCMA" && name != "PCMU" {
			bad(fmt.Sprintf("codecs[%d]", i), "%q is not PCMA or PCMU", name)
		} else if slices.Contains(c.Codecs[:i], name) {
			bad(fmt.Sprintf("codecs[%d]", i), "%s stands there twice", name)
		}
	}
	for _, err := range c.Numbers.problems() {
		bad("numbers."+err.field, "%s", err.what)
	}
}

// parseSource reads an address or a CIDR; IPv4-mapped IPv6 becomes IPv4, host bits are cleared.
func parseSource(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		a = a.Unmap().WithZone("")
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return p, fmt.Errorf("%q is neither an address nor a network like 203.0.113.0/24", s)
	}
	if p.Addr().Is4In6() {
		if p.Bits() < 96 {
			return p, fmt.Errorf("%q reaches beyond the IPv4 addresses", s)
		}
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked(), nil
}
