package event

import (
	"errors"
	"reflect"
	"regexp"
	"testing"
	"time"
)

func TestEveryKindSurvivesEncodeAndDecode(t *testing.T) {
	at := time.Date(2026, 4, 21, 9, 0, 0, 123456789, time.UTC)
	for kind, e := range kinds {
		p, err := e.decode(nil)
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		in := Event{ID: "01", At: at, Body: "108", Call: "c1", Agent: "a1", Seq: 7, Data: p}
		b, err := Encode(in)
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		out, err := Decode(b)
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		if out.ID != in.ID || !out.At.Equal(in.At) || out.Seq != in.Seq || out.Body != in.Body {
			t.Fatalf("%s: envelope changed: %+v", kind, out)
		}
		if reflect.TypeOf(out.Data) != reflect.TypeOf(in.Data) {
			t.Fatalf("%s: came back as %T", kind, out.Data)
		}
	}
}

func TestKindsAreFitForASubject(t *testing.T) {
	ok := regexp.MustCompile(`^[a-z_]+\.[a-z_]+$`)
	for _, k := range Kinds() {
		if !ok.MatchString(string(k)) {
			t.Errorf("kind %q cannot stand in a journal subject", k)
		}
	}
}

func TestUnknownKindAndNewerVersionAreRefused(t *testing.T) {
	if _, err := Decode([]byte(`{"id":"1","kind":"call.teleported","v":1}`)); !errors.Is(err, ErrUnknownKind) {
		t.Errorf("unknown kind: %v", err)
	}
	if _, err := Decode([]byte(`{"id":"1","kind":"call.ended","v":9,"data":{}}`)); !errors.Is(err, ErrUnknownVersion) {
		t.Errorf("newer version: %v", err)
	}
	if _, err := Decode([]byte(`not json`)); err == nil {
		t.Error("garbage was accepted")
	}
	if _, err := Encode(Event{}); err == nil {
		t.Error("an event that says nothing was accepted")
	}
}

func FuzzDecode(f *testing.F) {
	b, _ := Encode(Event{ID: "1", At: time.Unix(0, 0), Data: CallEnded{By: "caller"}})
	f.Add(b)
	f.Add([]byte(`{"kind":"router.input","v":1,"data":{"decisions":[null]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := Decode(b)
		if err != nil {
			return
		}
		again, err := Encode(e)
		if err != nil {
			t.Fatalf("decoded but cannot be encoded: %v", err)
		}
		if _, err := Decode(again); err != nil {
			t.Fatalf("own encoding refused: %v", err)
		}
	})
}
