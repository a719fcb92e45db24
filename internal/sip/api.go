package sip

import (
	"crypto/tls"
	"errors"
	"net/netip"
	"time"

	"cagri/internal/sip/digest"
	"cagri/internal/sip/guard"
	"cagri/internal/sip/registrar"
	"cagri/internal/sip/trunk"
)

// Errors of the API. They are about misuse or bad luck in time, never about the peer: what the peer does comes as an event.
var (
	// ErrState: the dialog is not in a state where the call makes sense (answering twice, a digit after the end). Often only a
	// race with the peer; the terminal event is on its way.
	ErrState = errors.New("not possible in the present state of the dialog")
	// ErrStopped: the user agent was stopped or never started.
	ErrStopped = errors.New("the SIP user agent is not running")
)

// Listen is one address to listen on.
type Listen struct {
	Network string // "udp", "tcp" or "tls"
	Addr    string // host:port; port 0 lets the system choose (see Addrs)
}

// Config of a user agent. Zero values mean the defaults given.
type Config struct {
	Listen []Listen
	// AdvertiseHost is the name or address that peers shall use for us (Via, Contact, From). Empty: the address of the interface
	// towards the peer.
	AdvertiseHost string
	TLS           *tls.Config // certificates of the tls listeners; also used, as a client, towards TLS peers
	UserAgent     string      // User-Agent and Server header; default "Cagri"
	// T1 and T2 are the timers of RFC 3261 section 17 (500 ms, 4 s). Waits that the RFCs give in seconds (glare back-off, 32 s) are
	// scaled by T1/500 ms, so that a test may shorten everything with one value.
	T1, T2 time.Duration
	// SessionExpires is the session interval we ask for (default 30 min; negative: we ask for none); MinSE the shortest we accept
	// (default 90 s). RFC 4028.
	SessionExpires, MinSE time.Duration
	Trunks                []trunk.Config
	// Accounts finds a phone user. It is called from listener goroutines and must not block.
	Accounts func(user string) (registrar.Account, bool)
	Realm    string // of the digest challenge; default AdvertiseHost, else "cagri"
	// Digest algorithms offered to phones, strongest first; default SHA-256, MD5. Some phones give up at one they do not know
	// instead of taking the next.
	Digest    []digest.Algorithm
	Limits    guard.Limits
	Registrar registrar.Config
}

// Handler is told of what begins outside a dialog. Its methods must not block.
type Handler interface {
	// Invite is a new call from a known carrier or an authenticated phone. The handler sets d's sink before it returns and then
	// answers or rejects, then or later. A dialog that has no sink when Invite returns is refused with 480.
	Invite(d *Dialog, in Incoming)
	// PhoneChanged: the user's first contact came, or the last one is gone or has expired.
	PhoneChanged(user string, registered bool)
	// Alarm: something an operator must know and that heals by itself or not (a listener died, a carrier is down).
	Alarm(what string, err error)
}

// SourceKind says why a source is trusted.
type SourceKind uint8

// The kinds of sources that may call.
const (
	FromTrunk SourceKind = iota + 1 // a carrier, by address or credentials
	FromPhone                       // a phone that authenticated as one of our accounts
)

// Source is who sent an INVITE.
type Source struct {
	Kind      SourceKind
	Name      string // of the trunk, or the user of the phone
	Addr      netip.AddrPort
	Transport string // "udp", "tcp" or "tls"
}

// Incoming describes a new call.
type Incoming struct {
	Source      Source
	Called      string // number from the Request-URI, or from To when the gateway puts its own name there
	Calling     string // from P-Asserted-Identity (carriers only), else From; for phones the authenticated user. Empty if anonymous to us too
	CallingName string
	Anonymous   bool     // the caller asked that the number be hidden (Privacy: id, or an anonymous From)
	Diversion   []string // numbers the call was diverted from, latest first (Diversion, else History-Info)
	CallID      string
	SDP         []byte // nil: late offer, our 200 carries the offer
	Replaces    *Replaces
	Secure      bool // came over TLS
	// MaxForwards is how far the INVITE may still go (RFC 3261 section 20.22): at least 1, 70 when it did not say. DialRequest.PassedOn
	// carries it on.
	MaxForwards int
}

// Replaces names a dialog as its peer sees it (RFC 3891): ToTag is our tag, FromTag the peer's.
type Replaces struct {
	CallID, ToTag, FromTag string
	EarlyOnly              bool
}

// Reason is a cause for the Reason header (RFC 3326).
type Reason struct {
	Code     int    // Q.850 cause or SIP status
	Protocol string // "Q.850" or "SIP"; empty with Code 0 means none
	Text     string
}

// Target is one place to send an INVITE to. PhoneTargets and TrunkTargets make them; a bare URI will do too.
type Target struct {
	URI     string         // Request-URI
	Network string         // "udp", "tcp" or "tls"; empty: from the URI, else udp
	Addr    netip.AddrPort // where to send; invalid: resolve the URI's host (A and AAAA)
	Host    string         // name to check in the peer's TLS certificate; empty: the URI's host

	flow  *registrar.Flow // back on the way the REGISTER came
	trunk string
	auth  *digest.Session // answers 401 and 407
	from  string          // host for From and P-Asserted-Identity, empty: ours
}

// DialRequest is an outgoing call.
type DialRequest struct {
	Targets []Target
	// Sequential tries the targets one after the other instead of all at once: the next one when one cannot be reached, stays
	// silent for 8*T1 (4 s), or replies 408, 5xx. It is always so when Trunk is set.
	Sequential  bool
	FromNumber  string // our identity: user part of From
	FromName    string
	ToUser      string // user part of To; empty: from the target's URI
	SDP         []byte // nil: the peer makes the offer, see Answered
	Headers     map[string]string
	Replaces    *Replaces
	RingTimeout time.Duration // until a final answer; 0: 3 minutes
	Trunk       string        // name of the carrier, when the targets are its
	// Anonymous hides FromNumber from the called party: From is anonymous, P-Asserted-Identity and Privacy: id tell the carrier.
	Anonymous bool
	// Identity is the number asserted to the carrier when it differs from FromNumber.
	Identity string
	// PassedOn is the Max-Forwards of the INVITE that made us send this one; ours says one less, so that a loop through several
	// servers comes to an end (RFC 7332). 0: the call begins here, with 70.
	PassedOn int
}
