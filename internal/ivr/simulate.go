package ivr

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"cagri/internal/prompt"
)

// Transcript is what happened in a simulated call.
type Transcript struct {
	Lines   []string      // one per action, for people
	Actions []Action      // everything the machine did
	Elapsed time.Duration // until the queue or the end
	Queue   string        // the queue the caller is waiting in, if any
	Reason  string        // the reason of the end, if the call has ended
}

// String is the transcript, line by line.
func (t Transcript) String() string { return strings.Join(t.Lines, "\n") + "\n" }

// Simulate runs flow f with a script of words: a key ("1", "*") pressed when the menu
// has been heard, a key with "!" before it ("!1") pressed while it speaks, "silence";
// for the way out of a queue "no_agents", "timed_out", "closed" or "served"; for what
// the house answers "open" or "closed", and "done" or "failed". When the script is used
// up the caller stays silent, and stays in the queue; the house is open and promises
// are made. A first word "withheld" is a caller without a number. duration says how
// long phrases last (Library.Duration); nil counts nothing for them. The error names a word
// of the script that is none of these, or one that did not fit where it stood.
func Simulate(f *Flow, script string, duration func(prompt.Language, ...prompt.Part) time.Duration) (Transcript, error) {
	words := strings.Fields(script)
	for _, w := range words {
		if !scriptWord(w) {
			return Transcript{}, fmt.Errorf("%q is no word of a script; use keys (1, *, !1), silence, no_agents, timed_out, closed, served, open, done, failed, withheld", w)
		}
	}
	if duration == nil {
		duration = func(prompt.Language, ...prompt.Part) time.Duration { return 0 }
	}
	s := simulation{m: NewMachine(f), words: words, duration: duration}
	start := Start{}
	if len(s.words) > 0 && s.words[0] == "withheld" {
		start.Withheld, s.words = true, s.words[1:]
	}
	var in Input = start
	for in != nil {
		actions := s.m.Handle(in)
		in = s.perform(actions)
	}
	if len(s.words) > 0 && s.err == nil {
		s.err = fmt.Errorf("the call was over before %q", strings.Join(s.words, " "))
	}
	return s.t, s.err
}

func scriptWord(w string) bool {
	switch w {
	case "silence", "no_agents", "timed_out", "closed", "served", "open", "done", "failed", "withheld":
		return true
	}
	k := strings.TrimPrefix(w, "!")
	return len(k) == 1 && strings.Contains("0123456789*#", k)
}

type simulation struct {
	m        *Machine
	words    []string
	duration func(prompt.Language, ...prompt.Part) time.Duration
	t        Transcript
	err      error
}

// perform writes the actions down and decides what happens next; nil is the end.
func (s *simulation) perform(actions []Action) Input {
	var next Input
	for _, a := range actions {
		s.t.Actions = append(s.t.Actions, a)
		switch a := a.(type) {
		case Play:
			mark := "says"
			if a.Interrupt {
				mark = "asks"
			}
			s.line("%s: %s", mark, prompt.Text(a.Language, a.Parts...))
			next = s.hear(a)
		case Await:
			s.line("waits %s for a key of %s", a.Timeout, a.Keys)
			next = s.press(a)
		case NoticePlayed:
			s.line("notice of recording heard in %s", a.Language)
		case Language:
			s.line("language %s", a.Language)
		case Step:
			s.line("  [%s %s: %s]", a.Kind, a.Node, a.Outcome)
		case Enqueue:
			s.line("queue %s, priority %d: %s", a.Queue, a.Priority, prompt.Text(a.Language, a.Parts...))
			s.t.Queue = a.Queue
			next = s.leave()
		case AskHours:
			open := s.answer("open", "closed") == "open"
			s.line("is %s open: %v", a.Queue, open)
			next = Hours{Open: open}
		case Transfer:
			s.line("connects with %s: %s", a.Number, prompt.Text(a.Language, a.Parts...))
			next = s.outcome()
		case Voicemail:
			s.line("records a message of up to %s", a.Limit)
			next = s.outcome()
		case Callback:
			s.line("promises a call from %s to %s", a.Queue, or(a.Number, "the caller's number"))
			next = s.outcome()
		case AskSlots:
			s.line("looks for %d times of %s", a.Most, a.Queue)
			next = Slots{List: []Slot{{Day: SlotTomorrow, Hour: 10}, {Day: SlotTomorrow, Hour: 15}}}
		case Book:
			s.line("books a call of %s to %s at %d o'clock", a.Queue, or(a.Number, "the caller's number"), a.Slot.Hour)
			next = s.outcome()
		case Rate:
			s.line("mark %d", a.Mark)
		case End:
			s.line("says: %s", prompt.Text(a.Language, a.Parts...))
			s.line("ends: %s", a.Reason)
			s.t.Elapsed += s.duration(a.Language, a.Parts...)
			s.t.Reason, s.t.Queue = a.Reason, ""
			next = nil
		}
	}
	return next
}

func (s *simulation) line(format string, args ...any) {
	s.t.Lines = append(s.t.Lines, fmt.Sprintf("%6.1f s  ", s.t.Elapsed.Seconds())+fmt.Sprintf(format, args...))
}

// hear listens to a prompt, or presses a key into it.
func (s *simulation) hear(a Play) Input {
	if len(s.words) > 0 && a.Interrupt && s.words[0][0] == '!' {
		key := s.words[0][1]
		s.words = s.words[1:]
		s.line("caller presses %c meanwhile", key)
		return Key{key}
	}
	s.t.Elapsed += s.duration(a.Language, a.Parts...)
	return Played{}
}

func (s *simulation) press(a Await) Input {
	word := "silence"
	if len(s.words) > 0 {
		word, s.words = s.words[0], s.words[1:]
	}
	key := strings.TrimPrefix(word, "!")
	switch {
	case word == "silence":
		s.t.Elapsed += a.Timeout
		return Timeout{}
	case len(key) == 1:
		s.line("caller presses %s", key)
		return Key{key[0]}
	}
	s.err = fmt.Errorf("%q is for a queue, but the call is at the menu %s", word, s.m.Node())
	return nil
}

func or(s, instead string) string {
	if s == "" {
		return instead
	}
	return s
}

// answer takes the next word if it is one of those the house can say; the first of
// them otherwise.
func (s *simulation) answer(words ...string) string {
	if len(s.words) > 0 && slices.Contains(words, s.words[0]) {
		w := s.words[0]
		s.words = s.words[1:]
		return w
	}
	return words[0]
}

func (s *simulation) outcome() Input { return Done{OK: s.answer("done", "failed") == "done"} }

func (s *simulation) leave() Input {
	if len(s.words) == 0 {
		return nil
	}
	word := s.words[0]
	s.words = s.words[1:]
	queue := s.t.Queue
	s.t.Queue = ""
	if word == "served" {
		return Served{}
	}
	for _, o := range []Outcome{NoAgents, TimedOut, Closed} {
		if word == o.String() {
			return Queue{o}
		}
	}
	s.err = fmt.Errorf("%q is for a menu, but the call is in the queue %s", word, queue)
	return nil
}
