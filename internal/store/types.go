package store

import (
	"bytes"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// Time is a moment as both databases keep it: microseconds since 1970 UTC, 0 for
// "not yet". In JSON it is RFC 3339, or null.
type Time struct{ time.Time }

// At is t as the database keeps it.
func At(t time.Time) Time {
	if t.IsZero() {
		return Time{}
	}
	return Time{time.UnixMicro(t.UnixMicro()).UTC()}
}

// Value implements driver.Valuer.
func (t Time) Value() (driver.Value, error) { return micro(t), nil }

func micro(t Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Scan implements sql.Scanner.
func (t *Time) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("store: a time is kept as a whole number, not as %T", v)
	}
	*t = Time{}
	if n != 0 {
		t.Time = time.UnixMicro(n).UTC()
	}
	return nil
}

// MarshalJSON writes null for "not yet".
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return json.Marshal(t.Time)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (t *Time) UnmarshalJSON(b []byte) error {
	*t = Time{}
	if bytes.Equal(b, []byte("null")) {
		return nil
	}
	return json.Unmarshal(b, &t.Time)
}

// Call is a call in one row.
type Call struct {
	bun.BaseModel `bun:"table:calls" json:"-"`

	ID         string `bun:"id,pk" json:"id"`
	Body       string `bun:"body" json:"body"`
	Called     string `bun:"called" json:"called"`
	Calling    string `bun:"calling" json:"calling"`
	Anonymous  bool   `bun:"anonymous" json:"anonymous"`
	Trunk      string `bun:"trunk" json:"trunk"`
	SIPCallID  string `bun:"sip_call_id" json:"sip_call_id"`
	Language   string `bun:"language" json:"language"`
	Queue      string `bun:"queue" json:"queue"` // the last one
	Agent      string `bun:"agent" json:"agent"` // the last one who spoke with the caller
	ArrivedAt  Time   `bun:"arrived_at" json:"arrived_at"`
	AnsweredAt Time   `bun:"answered_at" json:"answered_at"` // by the server
	BridgedAt  Time   `bun:"bridged_at" json:"bridged_at"`   // first with an agent
	EndedAt    Time   `bun:"ended_at" json:"ended_at"`
	WaitMS     int64  `bun:"wait_ms" json:"wait_ms"` // in queues, all stays
	TalkMS     int64  `bun:"talk_ms" json:"talk_ms"`
	TotalMS    int64  `bun:"total_ms" json:"total_ms"`
	Outcome    string `bun:"outcome" json:"outcome"`
	EndedBy    string `bun:"ended_by" json:"ended_by"`
	Reason     string `bun:"reason" json:"reason"`
	Status     int    `bun:"status" json:"status"`
	LastSeq    int64  `bun:"last_seq" json:"last_seq"`
}

// Step is one event of a call.
type Step struct {
	bun.BaseModel `bun:"table:call_steps" json:"-"`

	EventID string          `bun:"event_id,pk" json:"event_id"`
	Call    string          `bun:"call" json:"-"`
	Seq     int64           `bun:"seq" json:"seq"`
	At      Time            `bun:"at" json:"at"`
	Body    string          `bun:"body" json:"-"`
	Agent   string          `bun:"agent" json:"agent,omitempty"`
	Kind    string          `bun:"kind" json:"kind"`
	Version int             `bun:"version" json:"version"`
	Data    json.RawMessage `bun:"data,type:text" json:"data"`
}

// Recording is the recording of a call, read from its steps.
type Recording struct {
	ID            string `json:"id"`
	File          string `json:"file"`
	StartedAt     Time   `json:"started_at"`
	ClosedAt      Time   `json:"closed_at"`
	DurationMS    int64  `json:"duration_ms"`
	Bytes         int64  `json:"bytes"`
	SHA256        string `json:"sha256"`
	CallerVoiceMS int64  `json:"caller_voice_ms"`
	AgentVoiceMS  int64  `json:"agent_voice_ms"`
	Failed        string `json:"failed,omitempty"`
}

// CallDetail is a call with everything that happened in it.
type CallDetail struct {
	Call
	Steps      []Step      `json:"steps"`
	Recordings []Recording `json:"recordings"`
}

// AgentMove is a change of an agent's state.
type AgentMove struct {
	bun.BaseModel `bun:"table:agent_moves" json:"-"`

	EventID string `bun:"event_id,pk" json:"-"`
	Agent   string `bun:"agent" json:"agent"`
	Body    string `bun:"body" json:"body"`
	At      Time   `bun:"at" json:"at"`
	From    string `bun:"from_state" json:"from"`
	To      string `bun:"to_state" json:"to"`
	Reason  string `bun:"reason" json:"reason"`
	Call    string `bun:"call" json:"call,omitempty"`
}

// AlarmRow is an alarm.
type AlarmRow struct {
	bun.BaseModel `bun:"table:alarms" json:"-"`

	EventID string `bun:"event_id,pk" json:"-"`
	At      Time   `bun:"at" json:"at"`
	What    string `bun:"what" json:"what"`
	Detail  string `bun:"detail" json:"detail"`
}

type skippedRow struct {
	bun.BaseModel `bun:"table:skipped"`

	Seq    int64  `bun:"seq,pk"`
	Reason string `bun:"reason"`
}

type projectionRow struct {
	bun.BaseModel `bun:"table:projection"`

	Name string `bun:"name,pk"`
	Seq  int64  `bun:"seq"`
}

// Scope is the bodies a question may see.
type Scope struct {
	all    bool
	bodies []string
}

// AllBodies is for the machine's own operator.
func AllBodies() Scope { return Scope{all: true} }

// Bodies is a scope of certain bodies; without any it sees nothing.
func Bodies(ids ...string) Scope { return Scope{bodies: ids} }
