package ivr

import (
	"fmt"
	"strings"
	"time"

	"cagri/internal/prompt"
)

// Kind is the kind of a node.
type Kind string

// The kinds of node; in a flow file each is the key that carries what the node says.
const (
	KindNotice   Kind = "notice"   // the notice of recording; cannot be interrupted
	KindSay      Kind = "say"      // says something
	KindLanguage Kind = "language" // lets the caller choose a language
	KindMenu     Kind = "menu"     // lets the caller choose where to go
	KindQueue    Kind = "queue"    // waits for an agent
	KindEnd      Kind = "end"      // says goodbye and hangs up

	KindHours       Kind = "hours"       // asks whether a queue is open now
	KindInformation Kind = "information" // says something that settles the caller's matter
	KindTransfer    Kind = "transfer"    // connects with a number outside
	KindVoicemail   Kind = "voicemail"   // takes a message
	KindCallback    Kind = "callback"    // promises to call back in the caller's turn
	KindBooking     Kind = "booking"     // promises to call back at a time the caller chooses
	KindSurvey      Kind = "survey"      // asks for a mark of 1 to 5 after the talk
)

// Position is a place in a flow file; line and column count from 1.
type Position struct{ Line, Column int }

// Flow is a call flow: nodes and the ways between them. Made by Parse, read-only
// afterwards, shared by all calls.
type Flow struct {
	Name     string // from the file, else the file's name
	File     string
	Language prompt.Language // the language a call starts in
	Start    string          // node
	Operator string          // queue node that key 0 leads to in every menu that gives 0 no other meaning; may be empty
	Nodes    map[string]*Node
	Order    []string // node names as in the file

	startAt, operatorAt Position
}

// Node is one node of a flow. Which fields count depends on Kind.
type Node struct {
	Name string
	Kind Kind
	At   Position

	Parts []prompt.Part // what it says; for a queue what is said on the way in

	// notice, say, language (for every language without its own way)
	Next Way
	// language: the way on after a choice of this language, when it differs from Next
	NextIn map[prompt.Language]Way

	// language and menu
	Keys      []Choice // in the order of the file
	Timeout   time.Duration
	Repeat    int  // how often the menu is asked again after silence or a wrong key
	Again     byte // key that repeats the menu; 0 is none
	Wrong     []prompt.Part
	Silence   []prompt.Part
	Otherwise Way             // menu: the way on when no key helped
	Default   prompt.Language // language: the language when no key helped

	// queue
	Queue     string
	Priority  int
	OnNobody  Way // no_agents
	OnTimeout Way // timed_out
	OnClosed  Way // closed; of hours too
	OnServed  Way // after: the agent has hung up and the caller is still there; may be empty

	// hours
	OnOpen Way // open

	// transfer, voicemail, callback, booking
	Number   string        // transfer: whom to call
	Limit    time.Duration // voicemail: the longest message
	OnFailed Way           // failed: nobody answered there, no message was left, no number was given
	// callback, booking
	OnDeclined Way // declined: the caller does not want to be called

	// end
	Reason string
}

// Way is a reference to another node.
type Way struct {
	To string
	At Position
}

// Choice is one key of a menu or language node.
type Choice struct {
	Key      byte
	To       Way             // menu
	Language prompt.Language // language
	At       Position
}

// Problem is one thing wrong with a flow: where, what, and what to do about it.
type Problem struct {
	File string
	At   Position
	Node string // empty when the whole file is meant
	What string
	Do   string
}

// String is the problem on one line: file:line:column: what; what to do.
func (p Problem) String() string {
	s := fmt.Sprintf("%s:%d:%d: ", p.File, p.At.Line, p.At.Column)
	if p.Node != "" {
		s += "node " + p.Node + ": "
	}
	s += p.What
	if p.Do != "" {
		s += "; " + p.Do
	}
	return s
}

// Problems is all that is wrong with a flow, as an error.
type Problems []Problem

// Error lists every problem on its own line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}
