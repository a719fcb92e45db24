package journal

import (
	"fmt"
	"testing"
	"time"

	"cagri/internal/event"
)

// However often and in whatever part a batch is sent again, and whoever else
// writes in between, the order stays and nothing gets stuck.
func TestOrderSurvivesRepeats(t *testing.T) {
	j, err := Open(Config{Dir: t.TempDir()}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer j.Stop()
	var list []entry
	for i := range 12 {
		ev := event.Event{ID: fmt.Sprintf("e-%d", i), At: time.Now(), Call: "c", Body: "b", Seq: uint64(i + 1), Data: event.CallAnswered{Codec: "PCMA"}}
		b, err := event.Encode(ev)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, entry{ev.ID, 1, b})
	}
	for _, part := range [][2]int{{0, 4}, {0, 4}, {2, 7}, {5, 6}, {6, 9}, {0, 12}} {
		if !j.send(list[part[0]:part[1]]) {
			t.Fatalf("%v was not taken", part)
		}
	}
	if _, err := j.js.Publish(t.Context(), "cagri.else", []byte(`{"id":"other"}`)); err != nil {
		t.Fatal(err)
	}
	ev := event.Event{ID: "after", At: time.Now(), Call: "c", Body: "b", Seq: 13, Data: event.CallAnswered{Codec: "PCMA"}}
	b, err := event.Encode(ev)
	if err != nil {
		t.Fatal(err)
	}
	if !j.send([]entry{{ev.ID, 1, b}}) {
		t.Fatal("nothing is taken after somebody else's message")
	}
	var got []string
	if err := j.Replay(t.Context(), 0, func(st Stored) error {
		if st.Err == nil {
			got = append(got, st.Event.ID)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	want := "[e-0 e-1 e-2 e-3 e-4 e-5 e-6 e-7 e-8 e-9 e-10 e-11 after]"
	if fmt.Sprint(got) != want {
		t.Errorf("stored %v, want %s", got, want)
	}
}

// When one event of a batch cannot be taken, none behind it is: the next try finds
// the order whole.
func TestNothingOvertakesARefusedEvent(t *testing.T) {
	j, err := Open(Config{Dir: t.TempDir()}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer j.Stop()
	good := func(id string) entry { return entry{id, 1, []byte(`{}`)} }
	tooLarge := entry{"large", 1, make([]byte, 9<<20)}
	if err := j.publish([]entry{good("first")}); err != nil {
		t.Fatal(err)
	}
	j.lastID = "somebody"
	if err := j.publish([]entry{good("a"), good("b"), good("c")}); err == nil {
		t.Fatal("an event was taken whose predecessor is missing")
	}
	if err := j.publish([]entry{good("a"), tooLarge, good("c")}); err == nil {
		t.Fatal("an event larger than the server takes was taken")
	}
	n := 0
	if err := j.Replay(t.Context(), 0, func(Stored) error { n++; return nil }); err != nil || n > 2 {
		t.Errorf("%d stored, %v: c went before what was refused", n, err)
	}
}

// A pack has the same name however often it is sent, so it is stored once.
func TestAPackSentTwiceIsStoredOnce(t *testing.T) {
	j, err := Open(Config{Dir: t.TempDir()}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer j.Stop()
	list := []entry{{id: "a-1", n: 2, data: []byte("{}\n{}")}, {id: "b-1", n: 1, data: []byte("{}")}}
	sealed(list)
	for range 3 {
		if !j.send(list) {
			t.Fatal("not taken")
		}
	}
	var at []string
	if err := j.Replay(t.Context(), 0, func(st Stored) error { at = append(at, fmt.Sprint(st.Seq, ".", st.Part)); return nil }); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(at) != "[1.0 1.1 2.0]" {
		t.Errorf("%v", at)
	}
}
