package sdp

import (
	"errors"
	"fmt"
	"net/http"
)

// Kinds of refusal. Every error of this package is an *Error that wraps one of
// them; test with errors.Is.
var (
	// ErrMalformed: the text is not a session description.
	ErrMalformed = errors.New("malformed session description")
	// ErrNoAudio: no audio line with a port other than 0 over plain or secure RTP.
	ErrNoAudio = errors.New("no usable audio line")
	// ErrNoCommonCodec: audio, but none of our codecs.
	ErrNoCommonCodec = errors.New("no common codec")
	// ErrSecureRequired: the peer offers or accepts no keys although our policy requires them.
	ErrSecureRequired = errors.New("secure media required")
	// ErrSecureRefused: the peer insists on keys although our policy forbids them here.
	ErrSecureRefused = errors.New("secure media not accepted on this signalling")
	// ErrNoCommonSuite: secure media, but no crypto attribute we can use.
	ErrNoCommonSuite = errors.New("no common SRTP suite")
	// ErrDTLS: secure media keyed by DTLS only (RFC 5764); that belongs to the browser door.
	ErrDTLS = errors.New("DTLS-SRTP is not supported here")
	// ErrAddress: an address we cannot send to: other family, host name, multicast.
	ErrAddress = errors.New("unusable media address")
	// ErrRejected: the answer has port 0 for our audio line.
	ErrRejected = errors.New("peer rejected the audio line")
	// ErrLocal: the arguments from our own side make no valid description.
	ErrLocal = errors.New("local media description is not valid")
)

// Error is a refusal: its kind, the line of the peer's text it is about
// (counted from 1; 0 when it is about the whole) and an explanation.
type Error struct {
	Kind   error  // one of the Err values above
	Line   int    // line of the input, from 1; 0 = the whole description
	Detail string // what was found and what was expected
}

func (e *Error) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("sdp: line %d: %v: %s", e.Line, e.Kind, e.Detail)
	}
	return fmt.Sprintf("sdp: %v: %s", e.Kind, e.Detail)
}

// Unwrap gives the kind, so that errors.Is works.
func (e *Error) Unwrap() error { return e.Kind }

// SIPCode is the status with which a SIP offer carrying this fault is answered:
// 400 for text that is no session description, 488 Not Acceptable Here
// (RFC 3261 §21.4.26) for one we cannot take, 500 for a fault of our own.
func (e *Error) SIPCode() int {
	switch e.Kind {
	case ErrMalformed:
		return http.StatusBadRequest
	case ErrLocal:
		return http.StatusInternalServerError
	default:
		return 488
	}
}

// Warning is the warn-code and text for a Warning header beside a 488
// (RFC 3261 §20.43); code 0 means no Warning fits.
func (e *Error) Warning() (code int, text string) {
	switch e.Kind {
	case ErrNoAudio, ErrRejected:
		return 304, "Media type not available"
	case ErrNoCommonCodec:
		return 305, "Incompatible media format"
	case ErrAddress:
		return 301, "Incompatible network address formats"
	case ErrDTLS, ErrSecureRequired, ErrSecureRefused, ErrNoCommonSuite:
		return 302, "Incompatible transport protocol"
	default:
		return 0, ""
	}
}

// SIPCode finds the status in any error chain that holds an *Error; an error
// of another origin gives 500.
func SIPCode(err error) int {
	var e *Error
	if errors.As(err, &e) {
		return e.SIPCode()
	}
	return http.StatusInternalServerError
}

func refuse(kind error, line int, format string, args ...any) *Error {
	return &Error{Kind: kind, Line: line, Detail: fmt.Sprintf(format, args...)}
}
