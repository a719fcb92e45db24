package event

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// long reads a head with the JSON parser alone.
func long(b []byte) (Head, error) {
	var w wire
	if err := json.Unmarshal(b, &w); err != nil {
		return Head{}, err
	}
	return Head{ID: w.ID, At: w.At.UTC(), Body: w.Body, Call: w.Call, Agent: w.Agent, Seq: w.Seq, Kind: w.Kind, Version: w.V, Data: w.Data}, nil
}

// What Append writes is what the JSON encoder would write, and both ways of
// reading give the same.
func TestAppendIsTheJSONOfTheEvent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String()
		e := Event{
			ID: text.Draw(t, "id"), At: time.Unix(rapid.Int64Range(0, 1<<36).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")),
			Body: text.Draw(t, "body"), Call: text.Draw(t, "call"), Agent: text.Draw(t, "agent"), Seq: rapid.Uint64().Draw(t, "seq"),
			Data: CallArrived{Called: text.Draw(t, "called"), SIPCallID: text.Draw(t, "sip")},
		}
		got, err := Encode(e)
		if err != nil {
			t.Fatal(err)
		}
		data, _ := json.Marshal(e.Data)
		want, err := json.Marshal(wire{ID: e.ID, At: e.At.UTC(), Body: e.Body, Call: e.Call, Agent: e.Agent, Seq: e.Seq, Kind: e.Data.Kind(), V: 1, Data: data})
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
		h, err := DecodeHead(got)
		if err != nil {
			t.Fatal(err)
		}
		l, _ := long(got)
		if !reflect.DeepEqual(h, l) {
			t.Fatalf("%s\nshort %+v\nlong  %+v", got, h, l)
		}
	})
}

func TestTheShortWayIsTaken(t *testing.T) {
	b, err := Encode(Event{ID: "01-7", At: time.Unix(1, 5), Body: "108", Call: "01", Agent: "a", Seq: 7, Data: CallEnded{Reason: "<\"ə"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := plainHead(b); !ok {
		t.Fatalf("%s", b)
	}
}

func FuzzHead(f *testing.F) {
	b, _ := Encode(Event{ID: "1", At: time.Unix(0, 0), Body: "-", Call: "c", Agent: "a", Seq: 3, Data: CallEnded{By: "caller"}})
	f.Add(b)
	f.Add([]byte(`{"id":"1","at":"2026-01-01T00:00:00Z","body":"","kind":"call.ended","v":1,"data":{},"x":{}}`))
	f.Add([]byte(`{"id":"1","at":"2026-01-01T00:00:00+04:00","body":"","seq":01,"kind":"call.ended","v":1,"data":{}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, ok := plainHead(b)
		if !ok {
			return
		}
		l, err := long(b)
		if err != nil {
			t.Fatalf("the long way refuses %s: %v", b, err)
		}
		if !reflect.DeepEqual(h, l) {
			t.Fatalf("%s\nshort %+v\nlong  %+v", b, h, l)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	e := Event{ID: "01KA-7", At: time.Now(), Body: "108", Call: "01KA", Seq: 7, Data: QueueLeft{Queue: "general", Reason: "answered", WaitedMS: 5}}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if buf, err = Append(buf[:0], e); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHead(b *testing.B) {
	buf, _ := Encode(Event{ID: "01KA-7", At: time.Now(), Body: "108", Call: "01KA", Seq: 7, Data: QueueLeft{Queue: "general", Reason: "answered", WaitedMS: 5}})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeHead(buf); err != nil {
			b.Fatal(err)
		}
	}
}
