package trunk

import (
	"context"
	"time"
)

// Requester sends one OPTIONS or REGISTER and waits for its final response. The user agent provides it. It adds Via, Max-Forwards,
// User-Agent, Contact (our address for the target, user part Message.Contact) and Content-Length, and must give up when ctx ends.
// An error means that no final response came (transport failure, timeout); a Reply of any code is not an error.
type Requester interface {
	Do(ctx context.Context, m Message) (Reply, error)
}

// Message describes a request outside of a dialog in plain data.
type Message struct {
	Method     string // "OPTIONS" or "REGISTER"
	Target     Target // where to send
	RequestURI string
	From, To   string // URIs without angle brackets; the Requester adds a From tag
	CallID     string
	CSeq       uint32
	Contact    string // user part of the Contact header; empty for OPTIONS
	Expires    int    // seconds, for REGISTER; 0 unregisters; NoExpires for OPTIONS
	// Credentials: the name and value of the header, both empty when there are none.
	AuthName, AuthValue string
}

// NoExpires means: no Expires header, or none in the answer.
const NoExpires = -1

// Reply is the final response to a Message.
type Reply struct {
	Code              int
	Reason            string
	WWWAuthenticate   []string // values, one per header field
	ProxyAuthenticate []string
	// Expires is what was granted to our own contact, in seconds: its expires parameter, else the Expires header, else NoExpires.
	Expires    int
	MinExpires int           // Min-Expires of a 423, in seconds; 0 when absent
	RetryAfter time.Duration // 0 when absent
}
