package routing

import (
	"encoding/json"
	"errors"
	"fmt"
)

// ErrUnknownKind: the kind tag of an event or decision is not known to this program.
var ErrUnknownKind = errors.New("routing: unknown kind")

// decoders has one entry per event type.
var decoders = map[string]func([]byte) (Event, error){
	AgentSignedIn{}.Kind():   decodeAs[AgentSignedIn],
	AgentReady{}.Kind():      decodeAs[AgentReady],
	AgentPaused{}.Kind():     decodeAs[AgentPaused],
	AgentSignedOut{}.Kind():  decodeAs[AgentSignedOut],
	StationUp{}.Kind():       decodeAs[StationUp],
	StationDown{}.Kind():     decodeAs[StationDown],
	CallQueued{}.Kind():      decodeAs[CallQueued],
	CallLeft{}.Kind():        decodeAs[CallLeft],
	OfferAnswered{}.Kind():   decodeAs[OfferAnswered],
	OfferFailed{}.Kind():     decodeAs[OfferFailed],
	TalkEnded{}.Kind():       decodeAs[TalkEnded],
	WrapUpExtended{}.Kind():  decodeAs[WrapUpExtended],
	WrapUpDone{}.Kind():      decodeAs[WrapUpDone],
	AgentTaken{}.Kind():      decodeAs[AgentTaken],
	StillHere{}.Kind():       decodeAs[StillHere],
	Tick{}.Kind():            decodeAs[Tick],
	AgentProfile{}.Kind():    decodeAs[AgentProfile],
	AgentBudget{}.Kind():     decodeAs[AgentBudget],
	Configured{}.Kind():      decodeAs[Configured],
	CallbackWanted{}.Kind():  decodeAs[CallbackWanted],
	CallbackBooked{}.Kind():  decodeAs[CallbackBooked],
	CallbackReached{}.Kind(): decodeAs[CallbackReached],
	AttemptLost{}.Kind():     decodeAs[AttemptLost],
	TaskDone{}.Kind():        decodeAs[TaskDone],
	QueueChanged{}.Kind():    decodeAs[QueueChanged],
}

func decodeAs[T Event](b []byte) (Event, error) {
	var v T
	if err := json.Unmarshal(b, &v); err != nil {
		return nil, err
	}
	return v, nil
}

// EncodeEvent writes ev as one JSON object whose first member is "kind". The form
// is stable: members are only ever added.
func EncodeEvent(ev Event) ([]byte, error) {
	if ev == nil {
		return nil, errors.New("routing: encode: no event")
	}
	body, err := json.Marshal(ev)
	if err != nil {
		return nil, fmt.Errorf("routing: encode %s: %w", ev.Kind(), err)
	}
	out := make([]byte, 0, len(body)+len(ev.Kind())+12)
	out = append(out, `{"kind":"`...)
	out = append(out, ev.Kind()...)
	out = append(out, '"')
	if len(body) > 2 {
		out = append(out, ',')
	}
	return append(out, body[1:]...), nil
}

// DecodeEvent reads what EncodeEvent wrote. An unknown kind is an error that wraps
// ErrUnknownKind and never a guess.
func DecodeEvent(b []byte) (Event, error) {
	var tag struct {
		Kind string `json:"kind"`
	}
	if err := json.Unmarshal(b, &tag); err != nil {
		return nil, fmt.Errorf("routing: not an event: %w", err)
	}
	decode, ok := decoders[tag.Kind]
	if !ok {
		return nil, fmt.Errorf("%w of event %q", ErrUnknownKind, tag.Kind)
	}
	ev, err := decode(b)
	if err != nil {
		return nil, fmt.Errorf("routing: event %s: %w", tag.Kind, err)
	}
	return ev, nil
}

// EncodeDecision writes d as one JSON object with a "kind" member.
func EncodeDecision(d Decision) ([]byte, error) {
	b, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("routing: encode decision: %w", err)
	}
	return b, nil
}

// DecodeDecision reads what EncodeDecision wrote.
func DecodeDecision(b []byte) (Decision, error) {
	var d Decision
	if err := json.Unmarshal(b, &d); err != nil {
		return Decision{}, fmt.Errorf("routing: not a decision: %w", err)
	}
	if d.Kind == 0 {
		return Decision{}, fmt.Errorf("%w of decision: the kind member is missing", ErrUnknownKind)
	}
	if !d.Until.IsZero() {
		d.Until = d.Until.UTC()
	}
	if !d.Since.IsZero() {
		d.Since = d.Since.UTC()
	}
	return d, nil
}
