package ivr

import (
	"strings"

	"cagri/internal/prompt"
)

// dialogue is what a callback or booking node is asking at present.
type dialogue uint8

const (
	askWish    dialogue = iota // shall we call you back at this number
	askNumber                  // key in the number
	askConfirm                 // the number as it was keyed in
	askSlot                    // which of the times
	askNothing                 // the promise is being made, or has been said
)

const (
	leastDigits, mostDigits = 3, 15
	mostSlots               = 4
)

// contact is the state of a callback or booking node.
type contact struct {
	asks     dialogue
	number   string // keyed in; empty: the caller's own
	slots    []Slot
	slot     Slot
	promised bool
}

// promise begins a callback or booking node.
func (m *Machine) promise() {
	m.contact = contact{}
	if m.node.Kind == KindBooking {
		m.contact.asks = askSlot
		m.do(AskSlots{Queue: m.node.Queue, Most: mostSlots})
		m.wait = forAnswer
		return
	}
	m.ask(askWish)
}

// ask says what d asks for.
func (m *Machine) ask(d dialogue) {
	m.contact.asks, m.tries = d, 0
	if d == askWish && m.withheld {
		m.contact.asks = askNumber
	}
	m.play(true, m.question()...)
}

func (m *Machine) question() []prompt.Part {
	c := &m.contact
	switch c.asks {
	case askWish:
		return append(append([]prompt.Part{}, m.node.Parts...), prompt.Say("callback.keys"))
	case askNumber:
		return []prompt.Part{prompt.Say("callback.enter_number")}
	case askConfirm:
		return []prompt.Part{prompt.Say("callback.number_is"), prompt.Phone(c.number), prompt.Say("callback.confirm")}
	}
	parts := append([]prompt.Part{}, m.node.Parts...)
	for i, s := range c.slots {
		parts = append(parts, prompt.Say("booking.option"), prompt.Number(i+1), prompt.Say(slotPhrases[s.Day]), prompt.Say("slot.hour"), prompt.Number(s.Hour))
	}
	return append(parts, prompt.Say("booking.press"))
}

var slotPhrases = [...]string{
	SlotToday: "slot.today", SlotTomorrow: "slot.tomorrow", SlotMonday: "slot.monday", SlotTuesday: "slot.tuesday", SlotWednesday: "slot.wednesday",
	SlotThursday: "slot.thursday", SlotFriday: "slot.friday", SlotSaturday: "slot.saturday", SlotSunday: "slot.sunday",
}

// contactKeys are the keys that mean something now.
func (m *Machine) contactKeys() string {
	switch m.contact.asks {
	case askWish, askConfirm:
		return "12*"
	case askNumber:
		return "0123456789*#"
	case askSlot:
		return "1234"[:len(m.contact.slots)] + "*"
	}
	return ""
}

// contactKey takes a key within the node. A star always means no.
func (m *Machine) contactKey(digit byte) {
	c := &m.contact
	if c.asks == askNothing {
		return
	}
	m.steps = 0
	switch {
	case c.asks == askNumber:
		m.numberKey(digit)
	case digit == '*':
		m.step("declined")
		m.enter(m.node.OnDeclined.To)
	case c.asks == askWish && digit == '1':
		m.settle()
	case c.asks == askWish && digit == '2', c.asks == askConfirm && digit == '2':
		c.number = ""
		m.ask(askNumber)
	case c.asks == askConfirm && digit == '1':
		m.settle()
	case c.asks == askSlot && digit >= '1' && int(digit-'0') <= len(c.slots):
		c.slot = c.slots[digit-'1']
		if m.withheld {
			m.ask(askNumber)
		} else {
			m.settle()
		}
	default:
		m.contactAgain("wrong key "+string(digit), m.node.Wrong)
	}
}

// numberKey collects a number: # ends it, a star begins it anew.
func (m *Machine) numberKey(digit byte) {
	c := &m.contact
	switch {
	case digit == '*':
		c.number = ""
	case digit == '#':
		m.numberComplete()
		return
	case len(c.number) < mostDigits:
		c.number += string(digit)
	}
	// A key stops the question; from now on each has its own time.
	m.do(Await{Keys: m.contactKeys(), Timeout: m.node.Timeout})
	m.wait = forKey
}

func (m *Machine) numberComplete() {
	if len(m.contact.number) < leastDigits {
		m.contact.number = ""
		m.contactAgain("no number", m.node.Wrong)
		return
	}
	m.ask(askConfirm)
}

// contactSilence is the time of an Await that has run out.
func (m *Machine) contactSilence() {
	if m.contact.asks == askNumber && m.contact.number != "" {
		m.numberComplete() // a caller who does not know the hash key
		return
	}
	m.contactAgain("timeout", m.node.Silence)
}

// contactAgain asks once more, or goes the way of those who do not answer.
func (m *Machine) contactAgain(outcome string, hint []prompt.Part) {
	m.step(outcome)
	if m.tries++; m.tries <= m.node.Repeat {
		m.play(true, append(append([]prompt.Part{}, hint...), m.question()...)...)
		return
	}
	if m.contact.asks == askWish || m.contact.asks == askSlot {
		m.step("declined")
		m.enter(m.node.OnDeclined.To)
		return
	}
	m.step("failed")
	m.enter(m.node.OnFailed.To)
}

// settle asks the call to make the promise.
func (m *Machine) settle() {
	c := &m.contact
	c.asks = askNothing
	if m.node.Kind == KindBooking {
		m.do(Book{Queue: m.node.Queue, Number: c.number, Slot: c.slot})
	} else {
		m.do(Callback{Queue: m.node.Queue, Number: c.number})
	}
	m.wait = forAnswer
}

// offered takes the times that there are.
func (m *Machine) offered(list []Slot) {
	for _, s := range list {
		if int(s.Day) < len(slotPhrases) && s.Hour >= 0 && s.Hour < 24 && len(m.contact.slots) < mostSlots {
			m.contact.slots = append(m.contact.slots, s)
		}
	}
	if len(m.contact.slots) == 0 {
		m.step("no times")
		m.enter(m.node.OnFailed.To)
		return
	}
	m.ask(askSlot)
}

// done follows the outcome of a transfer, a message or a promise.
func (m *Machine) done(in Done) {
	n := m.node
	outcome := strings.TrimSpace(in.Reason)
	switch {
	case !in.OK:
		if outcome == "" {
			outcome = "failed"
		}
		m.step(outcome)
		m.enter(n.OnFailed.To)
	case n.Kind == KindTransfer:
		m.step("connected")
		m.wait = nothing
	case n.Kind == KindVoicemail:
		m.step("kept")
		m.enter(n.Next.To)
	default:
		m.step("promised")
		m.contact.promised = true
		phrase := "callback.promised"
		if n.Kind == KindBooking {
			phrase = "booking.promised"
		}
		m.play(false, prompt.Say(phrase))
	}
}
