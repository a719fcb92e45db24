package app

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"cagri/internal/event"
	"cagri/internal/media/record"
	"cagri/internal/store"
)

// recoverIn bounds how long a start waits for the database to catch up with the
// journal. Beyond it the server takes calls; what a crash left open then waits for
// the next start.
const recoverIn = 30 * time.Second

// recover closes what a crash left open: recordings are repaired, and each call
// that was cut gets its last events, before anything new happens.
func (a *App) recover(ctx context.Context, recordings string) error {
	repaired := map[string]record.Summary{}
	if recordings != "" {
		names, err := record.Leftovers(recordings)
		if err != nil {
			return fmt.Errorf("recording.dir: %w", err)
		}
		for _, name := range names {
			sum, err := record.Repair(name)
			if err != nil {
				a.log.Error("a recording cut by a crash could not be repaired", "file", name, "err", err)
				continue
			}
			repaired[strings.TrimSuffix(filepath.Base(name), ".wav")] = sum
		}
	}
	wait, cancel := context.WithTimeout(ctx, recoverIn)
	defer cancel()
	last, err := a.journal.LastSeq(wait)
	if err == nil {
		err = a.store.CatchUp(wait, last)
	}
	if err != nil {
		a.log.Error("what a crash may have left open cannot be closed now", "err", err)
		return nil
	}
	found := len(repaired)
	open, err := a.store.OpenCalls(ctx)
	if err != nil {
		return err
	}
	for _, c := range open {
		if err := a.closeCut(ctx, c, recordings, repaired); err != nil {
			return err
		}
	}
	for name := range repaired {
		a.exchange.Alarm("recording_without_call", fmt.Errorf("%s was cut by a crash, but the journal knows no open call of it", name))
	}
	if len(open) > 0 {
		a.log.Warn("calls cut by a crash are closed", "calls", len(open), "recordings", found)
	}
	return nil
}

// closeCut writes the last events of a call that a crash left open. What it takes
// out of repaired it has named in the journal.
func (a *App) closeCut(ctx context.Context, c store.Call, recordings string, repaired map[string]record.Summary) error {
	d, err := a.store.GetCall(ctx, store.AllBodies(), c.ID)
	if err != nil {
		return err
	}
	seq := uint64(c.LastSeq)
	write := func(p event.Payload) {
		seq++
		a.journal.Append(event.Event{ID: fmt.Sprintf("%s-%d", c.ID, seq), At: time.Now().UTC(), Body: c.Body, Call: c.ID, Seq: seq, Data: p})
	}
	for _, r := range d.Recordings {
		if !r.ClosedAt.IsZero() || r.Failed != "" || recordings == "" {
			continue
		}
		sum, ok := repaired[r.ID]
		delete(repaired, r.ID)
		if !ok {
			// The file may have been finished without anybody left to say so.
			if sum, err = record.Repair(filepath.Join(recordings, filepath.FromSlash(r.File))); err != nil {
				write(event.RecordingFailed{Recording: r.ID, Reason: "lost in a crash: " + err.Error()})
				continue
			}
		}
		write(event.RecordingClosed{
			Recording: r.ID, File: r.File, DurationMS: sum.Duration.Milliseconds(), Bytes: sum.Bytes, SHA256: sum.SHA256,
			CallerVoiceMS: sum.Voiced[record.Caller].Milliseconds(), AgentVoiceMS: sum.Voiced[record.Agent].Milliseconds(), Repaired: true,
		})
	}
	write(event.CallEnded{By: "system", Reason: "crash", Outcome: "failed", TotalMS: c.TotalMS, QueueMS: c.WaitMS, TalkMS: c.TalkMS})
	return nil
}
