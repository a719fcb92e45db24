package verify

import (
	"encoding/json"
	"strings"
	"testing"

	"cagri/internal/event"
)

func TestAGoodDayHoldsInEveryCheck(t *testing.T) {
	c := newCourt(t)
	d := day(c.dir)
	r := c.hold(d.events)
	if !r.OK() {
		t.Fatalf("a good day is called wrong:\n%s", r.Text())
	}
	if r.Events != uint64(len(d.events)) || r.To != r.Events {
		t.Errorf("%d events read up to place %d, %d written", r.Events, r.To, len(d.events))
	}
	for name, least := range map[string]uint64{CheckJournal: 100, CheckCalls: 7, CheckNotice: 6, CheckBridges: 7, CheckProjection: 100, CheckRouter: 20, CheckOrder: 8, CheckRecordings: 6} {
		if k := r.Check(name); k.Checked < least || k.Skipped != "" {
			t.Errorf("check %s looked at %d (%s), at least %d are there", name, k.Checked, k.Skipped, least)
		}
	}
}

func TestTheReportSurvivesJSON(t *testing.T) {
	c := newCourt(t)
	d := day(c.dir)
	d.served("nowhere")
	r := c.hold(d.events)
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if back.OK() != r.OK() || back.Text() != r.Text() || back.Summary != r.Text() {
		t.Errorf("the report reads otherwise after JSON:\n%s\n%s", r.Text(), back.Text())
	}
	var loose struct {
		OK   *bool   `json:"ok"`
		Text *string `json:"text"`
	}
	if err := json.Unmarshal(b, &loose); err != nil || loose.OK == nil || loose.Text == nil {
		t.Errorf("ok or text is missing: %s", b)
	}
}

func TestAnEmptyJournalHolds(t *testing.T) {
	c := newCourt(t)
	if r := c.verify(); !r.OK() {
		t.Fatalf("an empty journal is called wrong:\n%s", r.Text())
	}
}

func TestLiveCallsAreNoFinding(t *testing.T) {
	c := newCourt(t)
	d := day(c.dir)
	k := d.arrive()
	d.enqueue(k, "a", 0, false)
	r := c.hold(d.events)
	if !r.OK() {
		t.Fatalf("a call that lives is called wrong:\n%s", r.Text())
	}
	if !strings.Contains(strings.Join(r.Check(CheckCalls).Notes, " "), "1 of them") {
		t.Errorf("the live call is not mentioned: %v", r.Check(CheckCalls).Notes)
	}
}

func TestACrashThatWasClosedHolds(t *testing.T) {
	c := newCourt(t)
	d := day(c.dir)
	k := d.arrive()
	d.enqueue(k, "a", 0, false)
	d.answer(k)
	// What a start after a crash writes: the recording, the end, and then itself.
	d.close(k)
	d.emit(k, "", event.CallEnded{By: "system", Reason: "crash", Outcome: "failed"})
	d.start()
	d.signIn(k.agent, "a")
	delete(d.calls, k.id)
	d.served("a")
	if r := c.hold(d.events); !r.OK() {
		t.Fatalf("a crash that was closed is called wrong:\n%s", r.Text())
	}
}

// An agent whose call was cut by a crash is free after it, closed or not.
func TestACrashThatIsClosedLateIsOnlyLate(t *testing.T) {
	c := newCourt(t)
	d := day(c.dir)
	k := d.arrive()
	d.enqueue(k, "a", 0, false)
	d.answer(k)
	d.start()
	d.signIn(k.agent, "a")
	delete(d.calls, k.id)
	d.served("a")
	d.close(k)
	d.emit(k, "", event.CallEnded{By: "system", Reason: "crash", Outcome: "failed"})
	d.start()
	if r := c.hold(d.events); !r.OK() {
		t.Fatalf("a crash that was closed by the second start is called wrong:\n%s", r.Text())
	}
}

func TestWhatStandsTwiceUnderOneIDCountsOnce(t *testing.T) {
	c := newCourt(t)
	d := day(c.dir)
	// Twice under one id is what a connection that broke for longer than the server
	// remembers ids can bring about; here the second copy has another message id.
	c.write(d.events)
	c.again(d.events[len(d.events)/2:])
	c.project()
	r := c.verify()
	if !r.OK() {
		t.Fatalf("events that came twice are called wrong:\n%s", r.Text())
	}
	if len(r.Check(CheckProjection).Notes) == 0 {
		t.Error("the repeated events are not mentioned")
	}
}

func TestFilesAreNotReadWhenNotAskedFor(t *testing.T) {
	c := newCourt(t)
	c.write(day(c.dir).events)
	c.project()
	r, err := Run(t.Context(), c.j, c.s, Options{RecordDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if k := r.Check(CheckRecordings); !r.OK() || k.Skipped == "" || k.Checked != 0 {
		t.Errorf("recordings were looked for:\n%s", r.Text())
	}
}
