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

const (
	// recoverIn bounds how long a start waits for the database to catch up with the
	// journal. Beyond it the server takes calls, and what a crash left open is closed
	// beside them.
	recoverIn = 10 * time.Second
	// recoverAgain is the pause after an attempt that failed.
	recoverAgain = time.Second
)

// recover closes what a crash left open: recordings are repaired, before anything
// new is recorded, and each call that was cut gets its last events. The calls are
// found in the database; while that is away nobody waits for it.
func (a *App) recover(ctx context.Context, recordings string) error {
	repaired, err := a.repair(recordings)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.closeAllCut(ctx, recordings, repaired)
	}()
	a.later(func() {
		cancel()
		<-done
	})
	if a.database.Err() != nil {
		return nil
	}
	select {
	case <-done:
	case <-time.After(recoverIn):
		a.log.Warn("the database has much to catch up on; what a crash may have left open is closed beside new calls")
	}
	return nil
}

// repair finishes the recordings that a crash left unfinished.
func (a *App) repair(recordings string) (map[string]record.Summary, error) {
	repaired := map[string]record.Summary{}
	if recordings == "" {
		return repaired, nil
	}
	names, err := record.Leftovers(recordings)
	if err != nil {
		return nil, fmt.Errorf("recording.dir: %w", err)
	}
	for _, name := range names {
		sum, err := record.Repair(name)
		if err != nil {
			a.log.Error("a recording cut by a crash could not be repaired", "file", name, "err", err)
			continue
		}
		repaired[strings.TrimSuffix(filepath.Base(name), ".wav")] = sum
	}
	return repaired, nil
}

// closeAllCut tries until every call cut by a crash is closed, or ctx is over.
func (a *App) closeAllCut(ctx context.Context, recordings string, repaired map[string]record.Summary) {
	select {
	case <-ctx.Done():
		return
	case <-a.database.usable:
	}
	began, found, told := time.Now(), len(repaired), false
	for {
		cut, err := a.cutCalls(ctx)
		for i := 0; i < len(cut) && err == nil; i++ {
			err = a.closeCut(ctx, cut[i], recordings, repaired)
		}
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			for name := range repaired {
				a.exchange.Alarm("recording_without_call", fmt.Errorf("%s was cut by a crash, but the journal knows no open call of it", name))
			}
			if len(cut) > 0 {
				a.log.Warn("calls cut by a crash are closed", "calls", len(cut), "recordings", found, "took", time.Since(began).Round(time.Millisecond))
			}
			return
		}
		if !told {
			told = true
			a.log.Warn("what a crash may have left open cannot be closed now, tried again and again", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(recoverAgain):
		}
	}
}

// cutCalls gives the calls that are open in the journal and that nobody leads any
// more. Calls may live meanwhile: one that is open, then does not live, and whose end
// is still not in the journal after that, cannot be one of them.
func (a *App) cutCalls(ctx context.Context) ([]store.Call, error) {
	open, err := a.openCalls(ctx)
	if err != nil || len(open) == 0 || !a.open.Load() {
		return open, err
	}
	skip := map[string]bool{}
	for _, c := range a.exchange.Board().Calls {
		skip[c.ID] = true
	}
	again, err := a.openCalls(ctx)
	if err != nil {
		return nil, err
	}
	still := map[string]store.Call{}
	for _, c := range again {
		still[c.ID] = c
	}
	var cut []store.Call
	for _, c := range open {
		if c, ok := still[c.ID]; ok && !skip[c.ID] && c.ArrivedAt.Before(a.began) {
			cut = append(cut, c)
		}
	}
	return cut, nil
}

// openCalls gives the calls without an end, of everything appended until now.
func (a *App) openCalls(ctx context.Context) ([]store.Call, error) {
	if err := a.journal.Flush(ctx); err != nil {
		return nil, err
	}
	last, err := a.journal.LastSeq(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.store.CatchUp(ctx, last); err != nil {
		return nil, err
	}
	return a.store.OpenCalls(ctx)
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
