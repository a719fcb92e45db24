package sip

import "time"

// Event is what a dialog tells its owner. The concrete types are in this file.
type Event interface{ event() }

// By says who or what ended a dialog.
type By uint8

// The values of By.
const (
	Remote       By = iota // the peer sent BYE
	Local                  // we did: End, Reject, or the user agent stopped
	Timeout                // the peer did not answer a request (408, or no answer at all), or lost the dialog (481)
	Transport              // the peer could not be reached any more
	SessionTimer           // no refresh in time (RFC 4028 section 10)
	NoAck                  // our 2xx was not acknowledged within 64*T1 (RFC 3261 section 13.3.1.4)
)

// String names the value for logs and records.
func (b By) String() string {
	return [...]string{"remote", "local", "timeout", "transport", "session-timer", "no-ack", "?"}[min(int(b), 6)]
}

// Provisional is a 1xx other than 100 to our INVITE. SDP is nil when it carried none. A repetition of the same code without new
// SDP from the same target is not told.
type Provisional struct {
	Code int
	SDP  []byte
}

// Answered is the first 2xx to our INVITE. SDP is the peer's answer; when a reliable 1xx carried the answer it is that one, and when
// the peer changed its mind in an UPDATE before it answered, what that UPDATE offered. When the
// INVITE went without SDP, it is the peer's offer, and AnswerOffer must follow (it sends the ACK).
type Answered struct{ SDP []byte }

// Failed ends an outgoing call that nobody answered: the best final response of all targets, 408 when the ring time was over or
// nobody replied, 503 when no target could be reached, 480 when there was none.
type Failed struct {
	Code       int
	Reason     string
	RetryAfter time.Duration // from Retry-After, 0 when absent
}

// Confirmed: the ACK for our 2xx came. SDP is the peer's answer when our 2xx carried the offer (or came in PRACK), else nil.
type Confirmed struct{ SDP []byte }

// Cancelled ends an incoming call that the caller gave up before it was answered. Reason is from the Reason header of the CANCEL.
type Cancelled struct{ Reason Reason }

// Ended ends a dialog in all other ways. Code and Reason come from the Reason header of the BYE, or from the local cause.
type Ended struct {
	By     By
	Code   int
	Reason string
}

// Offered is a re-INVITE or UPDATE with an offer (or, SDP nil, a re-INVITE that asks for ours). Reply with AnswerOffer or RefuseOffer
// within 20*T1 (10 s), else the user agent refuses by itself. A refresh that repeats the peer's last SDP byte for byte is answered
// with our last SDP and not told.
type Offered struct {
	SDP    []byte
	Update bool // it came in an UPDATE (or PRACK): the peer expects the answer at once
}

// Negotiated: the peer's answer to our Reinvite, or (after Offered with SDP nil) its answer to our offer, taken from the ACK.
type Negotiated struct{ SDP []byte }

// NegotiationFailed: our Reinvite was refused; the session goes on unchanged. Code 0 means that no answer came in ACK.
type NegotiationFailed struct{ Code int }

// Info is an INFO request; it has been answered 200 already.
type Info struct {
	ContentType string
	Body        []byte
}

// Refer is a REFER within the dialog. Reply with AcceptRefer or RefuseRefer within 20*T1 (10 s), else it is refused with 603.
type Refer struct {
	To         string // the URI of Refer-To without its headers
	User       string // its user part, unescaped, without parameters
	Replaces   *Replaces
	ReferredBy string // the URI of Referred-By, empty when absent
}

func (Provisional) event()       {}
func (Answered) event()          {}
func (Failed) event()            {}
func (Confirmed) event()         {}
func (Cancelled) event()         {}
func (Ended) event()             {}
func (Offered) event()           {}
func (Negotiated) event()        {}
func (NegotiationFailed) event() {}
func (Info) event()              {}
func (Refer) event()             {}
