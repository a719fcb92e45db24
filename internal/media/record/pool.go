package record

import (
	"context"
	"errors"
	"log/slog"
)

// Pool is the bounded set of writers all recordings share.
type Pool struct{}

// NewPool makes a pool that Start sets to work.
func NewPool(cfg PoolConfig, log *slog.Logger) *Pool { return &Pool{} }

// Start starts the writers.
func (p *Pool) Start(ctx context.Context) error { return nil }

// Stop finishes all open recordings and waits for the writers.
func (p *Pool) Stop() {}

// Stats reports the counters.
func (p *Pool) Stats() PoolStats { return PoolStats{} }

// Create begins a recording.
func (p *Pool) Create(path string, onFail func(error)) (*Recording, error) {
	return nil, errors.ErrUnsupported
}

// Recording is one file being written.
type Recording struct{}

// Write places one packet.
func (r *Recording) Write(ch Channel, ssrc, rtpTime uint32, arrival int64, alaw []byte) {}

// Pause stops keeping audio.
func (r *Recording) Pause(arrival int64) {}

// Resume keeps audio again.
func (r *Recording) Resume(arrival int64) {}

// Close finishes the file.
func (r *Recording) Close(arrival int64) (Summary, error) { return Summary{}, errors.ErrUnsupported }

// Repair sets a file right after a crash.
func Repair(path string) (Summary, error) { return Summary{}, errors.ErrUnsupported }

// ReadFile gives both channels of a recording.
func ReadFile(path string) (caller, agent []byte, err error) {
	return nil, nil, errors.ErrUnsupported
}
