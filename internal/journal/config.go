package journal

import (
	"errors"
	"log/slog"
	"time"

	"cagri/internal/event"
)

// Config says where the journal lives.
type Config struct {
	// Dir holds the embedded store, the waiting file and the lock.
	Dir string
	// URL of an external NATS server with JetStream; empty means embedded.
	URL string
	// Stream is the stream's name; default CAGRI.
	Stream string
	// Replicas of the stream on an external cluster; default 1.
	Replicas int
	// SyncInterval is how often the embedded store is forced to disk (default 1 s).
	// A killed process loses nothing: what was written is in the kernel. A power cut
	// can cost what came since the last sync.
	SyncInterval time.Duration
	// Pending bounds the bytes that wait in memory while the server does not answer;
	// beyond it they go to the waiting file. Default 8 MiB.
	Pending int
	// OnAlarm is told, now and then, what an operator must know. May be nil.
	OnAlarm func(what string, err error)
}

func (c Config) withDefaults() Config {
	if c.Stream == "" {
		c.Stream = "CAGRI"
	}
	if c.Replicas == 0 {
		c.Replicas = 1
	}
	if c.SyncInterval == 0 {
		c.SyncInterval = time.Second
	}
	if c.Pending == 0 {
		c.Pending = 8 << 20
	}
	if c.OnAlarm == nil {
		c.OnAlarm = func(string, error) {}
	}
	return c
}

// Errors of the journal.
var (
	// ErrLocked: another process has this folder.
	ErrLocked = errors.New("the journal folder is in use by another process")
	// ErrClosed: the journal was closed.
	ErrClosed = errors.New("the journal is closed")
)

// Stored is an event as the stream has it.
type Stored struct {
	Seq   uint64      // place in the stream, from 1; events appended close together share one
	Part  int         // which of the events at the place, from 0
	Head  event.Head  // zero when it could not be read
	Event event.Event // given by Replay; zero when Err is set
	Raw   []byte      // the JSON as stored
	Err   error       // why Raw could not be read: an unknown kind, a newer version
}

// Stats counts what the journal has done.
type Stats struct {
	Appended uint64 `json:"appended"`
	Stored   uint64 `json:"stored"`
	Retried  uint64 `json:"retried"`
	Waiting  int    `json:"waiting"` // in memory, not confirmed
	Spooled  int64  `json:"spooled"` // bytes in the waiting file
	Lost     uint64 `json:"lost"`    // neither stored nor kept: the disk was full as well
	LastSeq  uint64 `json:"last_seq"`
}

type logger = *slog.Logger
