package record

import (
	"errors"
	"time"
)

// SampleRate of all recordings, per channel.
const SampleRate = 8000

// Channel says on which side of the stereo file a voice is kept.
type Channel int

const (
	Caller Channel = 0 // left
	Agent  Channel = 1 // right
)

const channels = 2

var (
	// ErrNotRunning means the pool has not been started or has been stopped.
	ErrNotRunning = errors.New("record: the writer pool is not running")
	// ErrTooMany means that PoolConfig.MaxOpen recordings are open.
	ErrTooMany = errors.New("record: too many open recordings")
	// ErrExists means that a recording of that name is on disk already.
	ErrExists = errors.New("record: the file exists already")
	// ErrOverload means that the disk was too slow and audio was dropped.
	ErrOverload = errors.New("record: the disk is too slow, audio was dropped")
	// ErrTooLong means that a packet's arrival is outside the 74 hours from the
	// start that a WAV file can hold: a very long call, or another epoch.
	ErrTooLong = errors.New("record: an arrival time is outside what a WAV file can hold (74 hours)")
	// ErrNotRecording means that a file is not a stereo A-law WAV file.
	ErrNotRecording = errors.New("record: not a stereo A-law recording")
)

// PoolConfig sizes the writer pool. Zero values mean the defaults.
type PoolConfig struct {
	Writers   int           // goroutines that write blocks; default 2
	Finishers int           // goroutines that fsync, hash and rename; default 8
	MaxOpen   int           // recordings open at once; default 4096
	SyncEvery time.Duration // fsync cadence per open recording; default 15 s, negative: only at close
}

// PoolStats counts what the pool has done since it was started.
type PoolStats struct {
	Open          int    // recordings open now
	Waiting       int    // recordings with blocks or orders for the disk, being served or not
	Created       uint64 // recordings begun
	Closed        uint64 // recordings finished, failed ones included
	Failed        uint64 // recordings that lost audio or could not be finished
	BlocksWritten uint64 // half-second blocks
	BlocksDropped uint64 // half-second blocks the disk did not take
	BytesWritten  uint64 // audio and silence, without headers
	Syncs         uint64 // fsync calls
}

// Pause is a stretch that was not kept on purpose, from the recording's start.
type Pause struct {
	From, To time.Duration
}

// Summary describes a finished recording.
type Summary struct {
	Path          string           // final name
	Duration      time.Duration    // of the audio in the file
	Bytes         int64            // size of the file
	SHA256        string           // of the file, lower-case hex
	DroppedBlocks int              // half-second blocks lost to a slow or full disk
	LatePackets   int              // packets that came when their place was on disk already
	Reanchors     int              // how often a stream had to be placed anew
	Pauses        []Pause          // stretches not kept on purpose
	Voiced        [2]time.Duration // time with energy, per channel
	Err           string           // why audio is missing; empty for a sound recording
}
