package call

import (
	"path/filepath"
	"time"

	"cagri/internal/event"
	"cagri/internal/ivr"
	"cagri/internal/media"
	"cagri/internal/media/g711"
	"cagri/internal/media/record"
	"cagri/internal/media/tone"
)

const (
	// leastMessage is how much voice makes a message; less is a breath.
	leastMessage = 400 * time.Millisecond
	messageBeep  = 300 * time.Millisecond
)

// messageState is a message that the caller is leaving.
type messageState struct {
	r      *record.Recording // nil until the tone is over
	id     string
	file   string
	limit  time.Duration
	closed bool // no more is recorded; the file is being completed
}

type (
	messageClosedMsg struct {
		sum record.Summary
		err error
	}
	messageFailedMsg struct{ err error }
)

// beep is the tone after which the caller speaks; stillness is what we send meanwhile,
// so that the line is not taken for dead.
var (
	beep      = tone.Sine(1000, messageBeep, 0.3)
	stillness = func() []byte {
		b := make([]byte, record.SampleRate)
		for i := range b {
			b[i] = g711.ALawSilence
		}
		return b
	}()
)

// takeMessage records what the caller says. The notice was played: the flow sees to it.
func (a *actor) takeMessage(limit time.Duration) {
	if a.x.cfg.RecordDir == "" || !a.notice {
		a.step(ivr.Done{Reason: "not_kept"})
		return
	}
	a.message = &messageState{limit: limit}
	a.playing = a.caller.leg.Play(media.Playlist{Clips: [][]byte{beep}})
	a.after(timerPlay, messageBeep+playSlack)
}

// messageTone begins the recording when the tone is over.
func (a *actor) messageTone() {
	m := a.message
	if m.r != nil || m.closed {
		return
	}
	day := a.arrived.UTC()
	m.id = a.id + "-message"
	m.file = filepath.Join(day.Format("2006"), day.Format("01"), day.Format("02"), m.id+".wav")
	r, err := a.x.plane.Record(filepath.Join(a.x.cfg.RecordDir, m.file), func(err error) { a.box.post(messageFailedMsg{err}) })
	if err != nil {
		a.onMessageFailed(err)
		return
	}
	m.r = r
	a.emit(event.RecordingStarted{Recording: m.id, File: filepath.ToSlash(m.file), What: "message"})
	a.caller.leg.Play(media.Playlist{Clips: [][]byte{stillness}, Loop: true})
	a.caller.leg.RecordTo(r, record.Caller)
	a.after(timerFlow, m.limit)
}

// endMessage completes the file; the outcome comes as a message.
func (a *actor) endMessage() {
	m := a.message
	if m.closed {
		return
	}
	m.closed = true
	a.disarm(timerFlow)
	a.disarm(timerPlay)
	if m.r == nil {
		a.onMessageClosed(messageClosedMsg{})
		return
	}
	if a.caller.leg != nil {
		a.caller.leg.RecordTo(nil, record.Caller)
		a.caller.leg.StopPlay()
	}
	r, at := m.r, a.x.plane.Now()
	go func() {
		sum, err := r.Close(at)
		a.box.post(messageClosedMsg{sum, err})
	}()
}

// dropMessage ends a message with its call; true when its file is being completed.
func (a *actor) dropMessage() bool {
	if a.message == nil {
		return false
	}
	if a.message.r == nil {
		a.message = nil
		return false
	}
	a.endMessage()
	return true
}

// onMessageFailed: what was said is lost. The caller is not told that it was kept.
func (a *actor) onMessageFailed(err error) {
	m := a.message
	if m == nil {
		return
	}
	a.x.Alarm("recording_failed", err)
	if m.r != nil {
		a.emit(event.RecordingFailed{Recording: m.id, Reason: err.Error()})
		if !m.closed {
			a.caller.leg.RecordTo(nil, record.Caller)
			go func(r *record.Recording, at int64) { _, _ = r.Close(at) }(m.r, a.x.plane.Now())
		}
	}
	a.disarm(timerFlow)
	a.message = nil
	if a.phase == inFlow {
		a.hush()
		a.step(ivr.Done{Reason: "not_kept"})
	}
	a.buryIfClosed()
}

func (a *actor) onMessageClosed(c messageClosedMsg) {
	m := a.message
	if m == nil {
		return
	}
	if c.err != nil {
		a.onMessageFailed(c.err)
		return
	}
	voice := c.sum.Voiced[record.Caller]
	if m.r != nil {
		a.emit(event.RecordingClosed{
			Recording: m.id, File: filepath.ToSlash(m.file), DurationMS: ms(c.sum.Duration), Bytes: c.sum.Bytes, SHA256: c.sum.SHA256,
			CallerVoiceMS: ms(voice), DroppedBlocks: c.sum.DroppedBlocks,
		})
	}
	a.message = nil
	left := voice >= leastMessage
	if left {
		a.outcome = "message"
		a.emit(event.MessageLeft{Recording: m.id, VoiceMS: ms(voice)})
	}
	if a.phase == inFlow {
		done := ivr.Done{OK: left}
		if !left {
			done.Reason = "empty"
		}
		a.step(done)
	}
	a.buryIfClosed()
}
