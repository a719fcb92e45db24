package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Kind names what happened, as "<thing>.<step>". It is part of the journal's
// subject, so it holds only lower-case letters, digits, dots and underscores.
type Kind string

// Payload is the part of an event that differs by kind.
type Payload interface {
	// Kind is constant for the type.
	Kind() Kind
	// Version is the version of the payload's meaning, from 1 upwards.
	Version() int
}

// Event is one step, as the journal keeps it.
type Event struct {
	// ID is unique for ever and doubles as the journal's duplicate key.
	ID string
	// At is when it happened, UTC.
	At time.Time
	// Body is the state body (tenant) it belongs to; "-" for the machine itself.
	Body string
	// Call is the call's id; empty when no call is concerned.
	Call string
	// Agent is the person concerned; empty when none is.
	Agent string
	// Seq counts the events of one call from 1 without a gap, so that a reader
	// can prove that nothing of a call is missing. 0 when Call is empty.
	Seq uint64
	// Data is what happened.
	Data Payload
}

// wire is the JSON form of an Event.
type wire struct {
	ID    string          `json:"id"`
	At    time.Time       `json:"at"`
	Body  string          `json:"body"`
	Call  string          `json:"call,omitempty"`
	Agent string          `json:"agent,omitempty"`
	Seq   uint64          `json:"seq,omitempty"`
	Kind  Kind            `json:"kind"`
	V     int             `json:"v"`
	Data  json.RawMessage `json:"data,omitempty"`
}

// Errors of Decode. Both are permanent: trying again will not help.
var (
	ErrUnknownKind    = errors.New("event: unknown kind")
	ErrUnknownVersion = errors.New("event: version is newer than this program knows")
)

// Encode writes e as JSON.
func Encode(e Event) ([]byte, error) { return Append(nil, e) }

// Append is Encode behind what is in dst. The text holds no line break.
func Append(dst []byte, e Event) ([]byte, error) {
	if e.Data == nil {
		return dst, errors.New("event: no data: an event must say what happened")
	}
	kind := e.Data.Kind()
	data, err := json.Marshal(e.Data)
	if err != nil {
		return dst, fmt.Errorf("event: encode %s: %w", kind, err)
	}
	if y := e.At.UTC().Year(); y < 0 || y > 9999 {
		return dst, fmt.Errorf("event: encode %s: the year %d cannot be written", kind, y)
	}
	dst = appendString(append(dst, `{"id":`...), e.ID)
	dst = append(dst, `,"at":"`...)
	dst = e.At.UTC().AppendFormat(dst, time.RFC3339Nano)
	dst = appendString(append(dst, `","body":`...), e.Body)
	if e.Call != "" {
		dst = appendString(append(dst, `,"call":`...), e.Call)
	}
	if e.Agent != "" {
		dst = appendString(append(dst, `,"agent":`...), e.Agent)
	}
	if e.Seq != 0 {
		dst = strconv.AppendUint(append(dst, `,"seq":`...), e.Seq, 10)
	}
	dst = append(append(append(dst, `,"kind":"`...), kind...), `","v":`...)
	dst = strconv.AppendInt(dst, int64(e.Data.Version()), 10)
	dst = append(append(dst, `,"data":`...), data...)
	return append(dst, '}'), nil
}

// Decode reads what Encode wrote, also what an older program wrote. An unknown
// kind or a version above ours is an error and never a guess.
func Decode(b []byte) (Event, error) {
	h, err := DecodeHead(b)
	if err != nil {
		return Event{}, err
	}
	return h.Event()
}

// Head is an event whose payload was not read yet.
type Head struct {
	ID      string
	At      time.Time
	Body    string
	Call    string
	Agent   string
	Seq     uint64
	Kind    Kind
	Version int
	Data    json.RawMessage // part of what was decoded, not a copy
}

// DecodeHead reads all but the payload, of which it says whether its kind and
// version are known; for a reader who needs few of the payloads. The payload may
// prove unreadable later.
func DecodeHead(b []byte) (Head, error) {
	h, ok := plainHead(b)
	if !ok {
		var w wire
		if err := json.Unmarshal(b, &w); err != nil {
			return Head{}, fmt.Errorf("event: not an event: %w", err)
		}
		h = Head{ID: w.ID, At: w.At.UTC(), Body: w.Body, Call: w.Call, Agent: w.Agent, Seq: w.Seq, Kind: w.Kind, Version: w.V, Data: w.Data}
	}
	_, err := known(h.Kind, h.Version)
	return h, err
}

// Event reads the payload.
func (h Head) Event() (Event, error) {
	p, err := DecodePayload(h.Kind, h.Version, h.Data)
	if err != nil {
		return Event{}, err
	}
	return Event{ID: h.ID, At: h.At, Body: h.Body, Call: h.Call, Agent: h.Agent, Seq: h.Seq, Data: p}, nil
}

// DecodePayload reads the part of an event that differs by kind.
func DecodePayload(kind Kind, version int, data json.RawMessage) (Payload, error) {
	entry, err := known(kind, version)
	if err != nil {
		return nil, err
	}
	p, err := entry.decode(data)
	if err != nil {
		return nil, fmt.Errorf("event: %s v%d: %w", kind, version, err)
	}
	return p, nil
}

func known(kind Kind, version int) (kindEntry, error) {
	entry, ok := kinds[kind]
	if !ok {
		return entry, fmt.Errorf("%w %q", ErrUnknownKind, kind)
	}
	if version < 1 || version > entry.version {
		return entry, fmt.Errorf("%w: %s v%d, known up to v%d", ErrUnknownVersion, kind, version, entry.version)
	}
	return entry, nil
}

type kindEntry struct {
	version int
	decode  func(json.RawMessage) (Payload, error)
}

// entry builds the table row of payload type T.
func entry[T Payload]() (Kind, kindEntry) {
	var zero T
	return zero.Kind(), kindEntry{
		version: zero.Version(),
		decode: func(raw json.RawMessage) (Payload, error) {
			var v T
			if len(raw) == 0 {
				return v, nil
			}
			if err := json.Unmarshal(raw, &v); err != nil {
				return nil, err
			}
			return v, nil
		},
	}
}

// Kinds lists every kind there is, in no particular order.
func Kinds() []Kind {
	out := make([]Kind, 0, len(kinds))
	for k := range kinds {
		out = append(out, k)
	}
	return out
}
