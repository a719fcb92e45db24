package call

import (
	"time"

	"cagri/internal/event"
	"cagri/internal/ivr"
	"cagri/internal/media"
	"cagri/internal/prompt"
)

// playSlack is how much longer than its length a prompt may take before the flow
// goes on without its end.
const playSlack = 5 * time.Second

// step gives the flow an input and does what it says.
func (a *actor) step(in ivr.Input) {
	if a.machine == nil || a.phase != inFlow {
		return
	}
	for _, act := range a.machine.Handle(in) {
		if a.phase != inFlow {
			return // an action ended the call or put it into a queue
		}
		a.act(act)
	}
}

func (a *actor) act(act ivr.Action) {
	switch act := act.(type) {
	case ivr.Step:
		a.emit(event.FlowStep{Flow: a.number.Flow, Node: act.Node, Step: string(act.Kind), Outcome: act.Outcome})
	case ivr.Language:
		if act.Language != a.lang {
			a.emit(event.LanguageChosen{Language: string(act.Language)})
		}
		a.lang = act.Language
	case ivr.NoticePlayed:
		a.notice = true
		a.emit(event.NoticePlayed{
			Language:   string(act.Language),
			DurationMS: ms(a.x.cfg.Prompts.Duration(act.Language, prompt.Say("notice.recorded"))),
		})
	case ivr.Play:
		a.disarm(timerFlow)
		a.say(act.Language, act.Parts...)
	case ivr.Await:
		a.hush()
		a.after(timerFlow, act.Timeout)
	case ivr.Enqueue:
		a.disarm(timerFlow)
		a.hush()
		a.enqueue(act)
	case ivr.AskHours:
		a.step(ivr.Hours{Open: a.x.open(act.Queue)})
	case ivr.AskSlots:
		a.step(a.offerSlots(act))
	case ivr.Callback:
		a.step(a.promise(act.Queue, act.Number, time.Time{}))
	case ivr.Book:
		a.step(a.book(act))
	case ivr.Voicemail:
		a.disarm(timerFlow)
		a.hush()
		a.takeMessage(act.Limit)
	case ivr.Transfer:
		a.disarm(timerFlow)
		a.hush()
		a.flowTransfer(act)
	case ivr.Rate:
		a.emitFor(a.lastAgent, event.CallRated{Mark: act.Mark, Agent: a.lastAgent, Queue: a.wait.queue.ID})
	case ivr.End:
		a.disarm(timerFlow)
		outcome := act.Reason
		if len(act.Parts) == 0 {
			a.finish("system", outcome, 0)
			return
		}
		a.farewell(outcome, act.Language, act.Parts...)
	}
}

// say plays parts to the caller. Its end comes back as a PlayDone, or by the
// clock should the media plane ever lose it.
func (a *actor) say(lang prompt.Language, parts ...prompt.Part) {
	c, err := a.x.cfg.Prompts.Compose(lang, parts...)
	if err != nil {
		a.x.Alarm("prompt_missing", err)
		a.hush()
		a.after(timerPlay, 0) // not heard: the flow decides what that means
		return
	}
	a.playing = a.caller.leg.Play(media.Playlist{Clips: c.Clips})
	a.after(timerPlay, c.Duration+playSlack)
}

// music plays the waiting music until something else is played.
func (a *actor) music(p *party) {
	a.disarm(timerPlay)
	a.playing = 0
	p.leg.Play(media.Playlist{Clips: [][]byte{a.x.cfg.Prompts.Music()}, Loop: true})
}

// hush stops what plays to the caller.
func (a *actor) hush() {
	a.disarm(timerPlay)
	if a.playing != 0 {
		a.playing = 0
		a.caller.leg.StopPlay()
	}
}

// onPlayed follows the end of a prompt.
func (a *actor) onPlayed(id media.PlayID) {
	if id == 0 || id != a.playing {
		return
	}
	a.playing = 0
	a.disarm(timerPlay)
	a.said(ivr.Played{})
}

// notPlayed follows a prompt that could not be played to its end. A notice of
// recording then does not count as heard.
func (a *actor) notPlayed() {
	a.playing = 0
	a.said(ivr.Timeout{})
}

func (a *actor) said(in ivr.Input) {
	if a.message != nil {
		a.messageTone()
		return
	}
	switch a.phase {
	case inFlow:
		a.step(in)
	case waiting:
		a.music(a.caller)
	case transferring:
		if a.kind == callback && a.caller.state == up {
			_, heard := in.(ivr.Played)
			a.personNoticed(heard)
			return
		}
		if p := a.target; p == nil || p.state != up {
			a.music(a.caller)
		}
	case ending:
		a.hangUpNow()
	}
}

// onDigit follows a key the caller pressed. The flow knows whether it counts now:
// keys never cut the notice short.
func (a *actor) onDigit(d byte) {
	switch {
	case a.kind != citizen:
	case a.message != nil:
		if d == '#' {
			a.endMessage()
		}
	default:
		a.step(ivr.Key{Digit: d})
	}
}

// farewell says parts and then hangs up.
func (a *actor) farewell(reason string, lang prompt.Language, parts ...prompt.Part) {
	a.phase = ending
	a.closing.by, a.closing.reason = "system", reason
	a.say(lang, parts...)
}
