package call

import (
	"path/filepath"

	"cagri/internal/event"
	"cagri/internal/media/record"
)

// recordState is the recording of the call: one file from the first talk to the
// end, in which what is said while nobody is connected is left out.
type recordState struct {
	r      *record.Recording
	file   string
	paused bool
	failed bool
}

type (
	recordClosedMsg struct {
		sum record.Summary
		err error
	}
	recordFailedMsg struct{ err error }
)

// startRecording begins the recording. Never before the notice was heard to its
// end; a call without notice (an agent's own) is not recorded.
func (a *actor) startRecording() {
	if a.rec.r != nil || a.rec.failed || !a.notice || a.x.cfg.RecordDir == "" || a.stranger() {
		return
	}
	day := a.arrived.UTC()
	a.rec.file = filepath.Join(day.Format("2006"), day.Format("01"), day.Format("02"), a.id+".wav")
	r, err := a.x.plane.Record(filepath.Join(a.x.cfg.RecordDir, a.rec.file), func(err error) { a.box.post(recordFailedMsg{err}) })
	if err != nil {
		a.onRecordFailed(recordFailedMsg{err})
		return
	}
	a.rec.r = r
	a.emit(event.RecordingStarted{Recording: a.id, File: filepath.ToSlash(a.rec.file)})
}

// stranger tells whether the caller is connected with somebody outside, who has heard
// no notice: what those two say is not recorded.
func (a *actor) stranger() bool { return a.agent != nil && a.agent.role == roleOutside }

func (a *actor) pauseRecording(reason string) {
	if a.rec.r == nil || a.rec.paused {
		return
	}
	a.rec.paused = true
	a.rec.r.Pause(a.x.plane.Now())
	a.emit(event.RecordingMarked{Recording: a.id, Mark: "pause", Reason: reason})
}

func (a *actor) resumeRecording() {
	if a.rec.r == nil || !a.rec.paused {
		return
	}
	a.rec.paused = false
	a.rec.r.Resume(a.x.plane.Now())
	a.emit(event.RecordingMarked{Recording: a.id, Mark: "resume", Reason: "connected"})
}

// closeRecording ends it; the account comes back as a message. False when there
// is none to wait for.
func (a *actor) closeRecording() bool {
	r := a.rec.r
	if r == nil {
		return false
	}
	at := a.x.plane.Now()
	go func() {
		sum, err := r.Close(at)
		a.box.post(recordClosedMsg{sum, err})
	}()
	return true
}

func (a *actor) onRecordClosed(m recordClosedMsg) {
	a.rec.r = nil
	switch {
	case m.err != nil:
		a.onRecordFailed(recordFailedMsg{m.err})
	case !a.rec.failed:
		a.emit(event.RecordingClosed{
			Recording: a.id, File: filepath.ToSlash(a.rec.file), DurationMS: ms(m.sum.Duration), Bytes: m.sum.Bytes, SHA256: m.sum.SHA256,
			CallerVoiceMS: ms(m.sum.Voiced[record.Caller]), AgentVoiceMS: ms(m.sum.Voiced[record.Agent]), DroppedBlocks: m.sum.DroppedBlocks,
		})
	}
	a.buryIfClosed()
}

// onRecordFailed notes once that the sound is not kept. The call goes on.
func (a *actor) onRecordFailed(m recordFailedMsg) {
	if a.rec.failed {
		return
	}
	a.rec.failed = true
	a.emit(event.RecordingFailed{Recording: a.id, Reason: m.err.Error()})
	a.x.Alarm("recording_failed", m.err)
}
