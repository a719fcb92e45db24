package ivr

import (
	"os"
	"strings"
	"testing"
	"time"

	"cagri/internal/prompt"
)

func contactFlow(t *testing.T) *Flow {
	t.Helper()
	data, err := os.ReadFile("testdata/contact.yaml")
	if err != nil {
		t.Fatal(err)
	}
	f, err := Load("contact.yaml", data, Limits{Queues: []string{"general"}})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// What a caller hears and what the house is asked, word by word.
func TestContactFlows(t *testing.T) {
	f := contactFlow(t)
	for _, c := range []struct {
		name, script string
		want         []string // each must come, in this order
		reason       string
		queue        string
	}{
		{"closed, booked", "closed 1", []string{"is general open: false", "looks for 4 times", "books a call of general to the caller's number at 10", "booking.promised"}, "bye", ""},
		{"closed, second time, number withheld", "withheld closed 2 0 5 0 1 2 3 4 5 6 7 # 1",
			[]string{"looks for 4 times", "callback.enter_number", "phone(0501234567)", "books a call of general to 0501234567 at 15"}, "bye", ""},
		{"closed, no hash at the end", "withheld closed 1 1 0 3 silence 1", []string{"books a call of general to 103 at 10"}, "bye", ""},
		{"closed, declines, leaves a message", "closed * done", []string{"booking: declined", "records a message of up to 1m0s", "message: kept"}, "bye", ""},
		{"closed, declines, says nothing", "closed * failed", []string{"records a message", "message: failed"}, "bye", ""},
		{"busy, call back", "open timed_out 1", []string{"promises a call from general to the caller's number", "callback.promised"}, "bye", ""},
		{"busy, call back at another number, keyed in twice", "open timed_out 2 9 9 # 0 1 2 4 # 1",
			[]string{"promises a call from general to 0124"}, "bye", ""},
		{"busy, no call back", "open timed_out *", []string{"callback: declined"}, "bye", ""},
		{"busy, silence", "open timed_out", []string{"callback: timeout", "callback: declined"}, "bye", ""},
		{"busy, too short a number", "withheld open timed_out 1 # 2 #", []string{"callback: no number", "callback: no number", "callback: failed"}, "bye", ""},
		{"served, a mark", "open served 5", []string{"survey: mark 5", "mark 5"}, "bye", ""},
		{"served, no mark", "open served silence", []string{"survey: no mark"}, "bye", ""},
		{"nobody, another number", "open no_agents failed", []string{"connects with 0124931122", "elsewhere: failed", "information: heard"}, "bye", ""},
		{"nobody, another number answers", "open no_agents done", []string{"elsewhere: connected"}, "", ""},
		{"waits", "open", []string{"queue general"}, "", "general"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr, err := Simulate(f, c.script, nil)
			if err != nil {
				t.Fatalf("%v\n%s", err, tr)
			}
			var all strings.Builder
			for _, a := range tr.Actions {
				if p, ok := a.(Play); ok {
					for _, part := range p.Parts {
						all.WriteString(part.String() + "\n")
					}
				}
			}
			text := tr.String()
			for at, rest := 0, text; at < len(c.want); at++ {
				i := strings.Index(rest, c.want[at])
				if i < 0 && strings.Contains(all.String(), c.want[at]) {
					continue
				}
				if i < 0 {
					t.Fatalf("no %q in\n%s", c.want[at], text)
				}
				rest = rest[i:]
			}
			if tr.Reason != c.reason || tr.Queue != c.queue {
				t.Fatalf("ends %q, queue %q\n%s", tr.Reason, tr.Queue, text)
			}
		})
	}
}

// No times left, and times that do not exist, lead on.
func TestNoTimesLeft(t *testing.T) {
	for _, list := range [][]Slot{nil, {{Day: 99, Hour: 10}}, {{Day: SlotMonday, Hour: 24}}} {
		m := NewMachine(contactFlow(t))
		run(m, Start{}, Played{}, Hours{Open: false})
		if m.Node() != "booking" {
			t.Fatalf("at %s", m.Node())
		}
		run(m, Slots{List: list})
		if m.Node() != "message" {
			t.Errorf("%v leads to %s", list, m.Node())
		}
	}
}

// A message is as much a recording as a talk: the program says the notice where a flow
// forgot it.
func TestNoMessageWithoutNotice(t *testing.T) {
	f := &Flow{Language: "az", Start: "m", Order: []string{"m", "end"}, Nodes: map[string]*Node{
		"m":   {Name: "m", Kind: KindVoicemail, Parts: []prompt.Part{prompt.Say("voicemail.offer")}, Limit: time.Minute, Next: Way{To: "end"}, OnFailed: Way{To: "end"}},
		"end": {Name: "end", Kind: KindEnd, Parts: []prompt.Part{prompt.Say("goodbye")}},
	}}
	found := false
	for _, p := range f.Check(Limits{}) {
		found = found || strings.Contains(p.What, "without the notice of recording")
	}
	if !found {
		t.Error("the check lets it pass")
	}
	m := NewMachine(f)
	expect(t, "the notice first", run(m, Start{}), Language{"az"}, say("az", false, "notice.recorded"))
	expect(t, "then the offer", run(m, Played{}), NoticePlayed{"az"}, say("az", false, "voicemail.offer"))
	expect(t, "then the message", run(m, Played{}), Voicemail{time.Minute})
}

// Who calls outside hours is not to be told goodbye and nothing else.
func TestADeadLineIsFound(t *testing.T) {
	if f := contactFlow(t).Findings(); len(f) > 0 {
		t.Errorf("found %v", f)
	}
	f := Default()
	if n := f.Nodes["operator"]; n != nil {
		n.OnClosed = Way{To: "busy"}
	}
	got := Problems(f.Findings())
	if len(got) == 0 || !strings.Contains(got.Error(), "callback, booking or voicemail") {
		t.Errorf("found %v", got)
	}
}
