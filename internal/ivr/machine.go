package ivr

import (
	"slices"
	"strings"

	"cagri/internal/prompt"
)

const (
	// maxSteps is how many nodes a call may pass between two choices of the caller. In a
	// checked flow no way leads back by itself, so a call passes each node at most once;
	// more is a call that goes round and round.
	maxSteps = maxNodes
	// maxKeys is how many keys a caller may press in one call before it is taken for
	// a stuck key or a machine.
	maxKeys = 500
	// maxNoticeTries is how often a notice is begun when it cannot be played to its end.
	maxNoticeTries = 2
)

// waiting is what a machine waits for.
type waiting uint8

const (
	forStart waiting = iota
	forPlayed
	forKey
	forQueue
	forAnswer // of the call, which gives it at once
	forDone   // the end of a transfer that fails, or of a message
	nothing   // ended
)

// Machine interprets a flow for one call. It has one owner and is not safe for
// concurrent use. Between two inputs it always waits for exactly one bounded thing: the
// end of what plays, a key with a time limit, the queue; or it has ended.
type Machine struct {
	flow     *Flow
	lang     prompt.Language
	node     *Node
	wait     waiting
	tries    int  // how often the present menu has been asked again, or the notice begun
	steps    int  // nodes passed since the caller last chose
	keys     int  // keys pressed
	noticed  bool // a notice has been played to its end
	forced   bool // a notice is being played that the flow forgot, before the queue at node
	withheld bool // the caller's number is not known
	contact  contact
	actions  []Action
}

// NewMachine is a machine at the beginning of f, waiting for Start.
func NewMachine(f *Flow) *Machine {
	m := &Machine{flow: f, lang: prompt.Azerbaijani}
	if f != nil && f.Language.Valid() {
		m.lang = f.Language
	}
	return m
}

// Language is the language the caller hears now.
func (m *Machine) Language() prompt.Language { return m.lang }

// Noticed tells whether the notice of recording has been played to its end.
func (m *Machine) Noticed() bool { return m.noticed }

// Ended tells whether the flow has come to an End.
func (m *Machine) Ended() bool { return m.wait == nothing }

// Node is the name of the node the call is at; empty before Start.
func (m *Machine) Node() string {
	if m.node == nil {
		return ""
	}
	return m.node.Name
}

// Handle takes one input and says what to do. It never panics, whatever comes in
// whatever order; an input that means nothing now gives no actions.
func (m *Machine) Handle(in Input) []Action {
	m.actions = nil
	switch in := in.(type) {
	case Start:
		if m.wait == forStart {
			m.withheld = in.Withheld
			m.do(Language{m.lang})
			if m.flow == nil {
				m.giveUp("no flow")
			} else {
				m.enter(m.flow.Start)
			}
		}
	case Played:
		if m.wait == forPlayed {
			m.played()
		}
	case Key:
		m.key(in.Digit)
	case Timeout:
		m.timeout()
	case Queue:
		if m.wait == forQueue {
			m.leaveQueue(in.Outcome)
		}
	case Served:
		if m.wait == forQueue && m.node.OnServed.To != "" {
			m.step("served")
			m.enter(m.node.OnServed.To)
		}
	case Hours:
		if m.wait == forAnswer && m.node.Kind == KindHours {
			m.hours(in.Open)
		}
	case Slots:
		if m.wait == forAnswer && m.contact.asks == askSlot && m.node.Kind == KindBooking {
			m.offered(in.List)
		}
	case Done:
		if m.wait == forDone || m.wait == forAnswer && m.contact.asks == askNothing && m.promises() {
			m.done(in)
		}
	}
	out := m.actions
	m.actions = nil
	return out
}

func (m *Machine) do(a Action) { m.actions = append(m.actions, a) }

func (m *Machine) step(outcome string) {
	m.do(Step{Node: m.node.Name, Kind: m.node.Kind, Outcome: outcome})
}

func (m *Machine) play(interrupt bool, parts ...prompt.Part) {
	m.do(Play{Parts: parts, Language: m.lang, Interrupt: interrupt})
	m.wait = forPlayed
}

// giveUp ends a call that the flow has lost.
func (m *Machine) giveUp(reason string) {
	m.do(End{Reason: reason, Parts: []prompt.Part{prompt.Say("error"), prompt.Say("goodbye")}, Language: m.lang})
	m.wait = nothing
}

// enter goes to a node and does what it does first.
func (m *Machine) enter(name string) {
	n := m.flow.Nodes[name]
	m.steps++
	switch {
	case n == nil:
		m.giveUp("flow leads nowhere")
		return
	case m.steps > maxSteps:
		m.giveUp("flow goes in a circle")
		return
	}
	m.node, m.tries, m.forced = n, 0, false
	switch n.Kind {
	case KindNotice, KindSay:
		m.play(false, n.Parts...)
	case KindLanguage, KindMenu, KindInformation, KindSurvey:
		m.play(true, n.Parts...)
	case KindHours:
		m.do(AskHours{Queue: n.Queue})
		m.wait = forAnswer
	case KindTransfer:
		m.step("dial " + n.Number)
		m.do(Transfer{Number: n.Number, Parts: n.Parts, Language: m.lang})
		m.wait = forDone
	case KindCallback, KindBooking:
		m.promise()
	case KindQueue, KindVoicemail:
		if !m.noticed {
			// Checked flows have their notice; this holds the law even if one has not.
			m.forced = true
			m.play(false, prompt.Say("notice.recorded"))
			return
		}
		m.settleDown()
	case KindEnd:
		m.step("end")
		m.do(End{Reason: n.Reason, Parts: n.Parts, Language: m.lang})
		m.wait = nothing
	default:
		m.giveUp("flow has a node of no kind")
	}
}

// settleDown goes on at a node that needed the notice.
func (m *Machine) settleDown() {
	if m.node.Kind == KindVoicemail {
		m.play(false, m.node.Parts...)
		return
	}
	m.enqueue()
}

// promises tells whether the node makes the caller a promise.
func (m *Machine) promises() bool {
	return m.node != nil && (m.node.Kind == KindCallback || m.node.Kind == KindBooking)
}

func (m *Machine) hours(open bool) {
	if open {
		m.step("open")
		m.enter(m.node.OnOpen.To)
		return
	}
	m.step("closed")
	m.enter(m.node.OnClosed.To)
}

func (m *Machine) enqueue() {
	m.step("enter " + m.node.Queue)
	m.do(Enqueue{Queue: m.node.Queue, Priority: m.node.Priority, Parts: m.node.Parts, Language: m.lang, Stay: m.node.OnServed.To != ""})
	m.wait = forQueue
}

// played goes on after a prompt has come to its end.
func (m *Machine) played() {
	switch n := m.node; {
	case m.forced:
		m.told(nil)
		m.forced = false
		m.settleDown()
	case n.Kind == KindNotice:
		m.told(n.Parts)
		m.step("next")
		m.enter(n.Next.To)
	case n.Kind == KindSay, m.promises() && m.contact.promised:
		m.step("next")
		m.enter(n.Next.To)
	case n.Kind == KindInformation:
		m.step("heard")
		m.enter(n.Next.To)
	case n.Kind == KindVoicemail:
		m.do(Voicemail{Limit: n.Limit})
		m.wait = forDone
	case m.promises():
		m.do(Await{Keys: m.contactKeys(), Timeout: n.Timeout})
		m.wait = forKey
	case n.Kind == KindSurvey:
		m.do(Await{Keys: "12345", Timeout: defaultTimeout})
		m.wait = forKey
	default:
		m.do(Await{Keys: m.validKeys(), Timeout: n.Timeout})
		m.wait = forKey
	}
}

// told reports a notice played in full, once for each language it was in.
func (m *Machine) told(parts []prompt.Part) {
	m.noticed = true
	langs := []prompt.Language{}
	for _, p := range parts {
		l := p.Language
		if l == "" {
			l = m.lang
		}
		if !slices.Contains(langs, l) {
			langs = append(langs, l)
		}
	}
	if len(langs) == 0 {
		langs = append(langs, m.lang)
	}
	for _, l := range langs {
		m.do(NoticePlayed{l})
	}
}

// validKeys are the keys that mean something at the present node, as Await lists them.
func (m *Machine) validKeys() string {
	var b strings.Builder
	for _, e := range m.flow.edges(m.node) {
		if e.key != 0 {
			b.WriteByte(e.key)
		}
	}
	if m.node.Again != 0 {
		b.WriteByte(m.node.Again)
	}
	return b.String()
}

// key takes a key where keys count: while a menu speaks and while it waits.
func (m *Machine) key(digit byte) {
	n := m.node
	if n == nil || m.wait != forPlayed && m.wait != forKey || m.forced {
		return
	}
	switch n.Kind {
	case KindMenu, KindLanguage, KindInformation, KindSurvey:
	case KindCallback, KindBooking:
		if m.contact.asks == askNothing {
			return
		}
	default:
		return
	}
	if !strings.ContainsRune("0123456789*#ABCD", rune(digit)) {
		return
	}
	if m.keys++; m.keys > maxKeys {
		m.giveUp("too many keys")
		return
	}
	switch {
	case m.promises():
		m.contactKey(digit)
		return
	case n.Kind == KindSurvey:
		m.mark(digit)
		return
	case n.Kind == KindInformation && digit == n.Again:
		m.step("again")
		m.play(true, n.Parts...)
		return
	case digit == n.Again:
		m.again("again", nil)
		return
	}
	for _, e := range m.flow.edges(n) {
		if e.key != digit {
			continue
		}
		m.steps = 0
		m.step("key " + string(digit))
		m.speak(e.language)
		m.enter(e.to)
		return
	}
	if n.Kind == KindInformation {
		return // it speaks on
	}
	m.again("wrong key "+string(digit), n.Wrong)
}

// mark takes the caller's answer to a survey; a key that is none is silence.
func (m *Machine) mark(digit byte) {
	if digit >= '1' && digit <= '5' {
		m.step("mark " + string(digit))
		m.do(Rate{Mark: int(digit - '0')})
	} else {
		m.step("no mark")
	}
	m.enter(m.node.Next.To)
}

// speak changes the caller's language; an empty one changes nothing.
func (m *Machine) speak(l prompt.Language) {
	if l != "" {
		m.lang = l
		m.do(Language{l})
	}
}

// again asks a menu once more after saying hint, or goes the way for callers whom no
// key has helped.
func (m *Machine) again(outcome string, hint []prompt.Part) {
	n := m.node
	m.step(outcome)
	if m.tries++; m.tries <= n.Repeat {
		m.play(true, slices.Concat(hint, n.Parts)...)
		return
	}
	m.step("otherwise")
	if n.Kind == KindLanguage {
		m.speak(n.Default)
		m.enter(n.after(n.Default).To)
		return
	}
	m.enter(n.Otherwise.To)
}

// timeout is silence after a menu, or a prompt that could not be played to its end.
func (m *Machine) timeout() {
	switch {
	case m.wait == forKey && m.promises():
		m.contactSilence()
	case m.wait == forKey && m.node.Kind == KindSurvey:
		m.mark(0)
	case m.wait == forKey:
		m.again("timeout", m.node.Silence)
	case m.wait != forPlayed:
	case m.forced || m.node.Kind == KindNotice:
		// A notice that was not heard has not been given.
		if m.tries++; m.tries >= maxNoticeTries {
			m.step("not played")
			m.giveUp("notice could not be played")
			return
		}
		m.step("not played")
		if m.forced {
			m.play(false, prompt.Say("notice.recorded"))
		} else {
			m.play(false, m.node.Parts...)
		}
	default:
		m.step("not played")
		m.played()
	}
}

func (m *Machine) leaveQueue(o Outcome) {
	m.step(o.String())
	switch o {
	case TimedOut:
		m.enter(m.node.OnTimeout.To)
	case Closed:
		m.enter(m.node.OnClosed.To)
	default:
		m.enter(m.node.OnNobody.To)
	}
}
