package store

import (
	"cagri/internal/event"
)

// apply adds one event to the row of its call. Applying the events of a call in
// the order of their seq gives the row; nothing else goes into it.
func (c *Call) apply(e event.Event) {
	c.ID, c.LastSeq = e.Call, max(c.LastSeq, int64(e.Seq))
	if c.Body == "" || c.Body == "-" {
		c.Body = e.Body
	}
	switch d := e.Data.(type) {
	case event.CallArrived:
		c.Called, c.Calling, c.Anonymous, c.Trunk, c.SIPCallID = d.Called, d.Calling, d.Anonymous, d.Trunk, d.SIPCallID
		c.ArrivedAt = At(e.At)
	case event.CallAnswered:
		c.AnsweredAt = At(e.At)
	case event.LanguageChosen:
		c.Language = d.Language
	case event.QueueEntered:
		c.Queue = d.Queue
	case event.QueueLeft:
		c.WaitMS += d.WaitedMS
	case event.CallBridged:
		if c.BridgedAt.IsZero() {
			c.BridgedAt = At(e.At)
		}
		if d.Agent != "" {
			c.Agent = d.Agent
		}
	case event.CallUnbridged:
		c.TalkMS += d.TalkMS
	case event.CallEnded:
		c.EndedAt = At(e.At)
		c.TotalMS, c.Outcome, c.EndedBy, c.Reason, c.Status = d.TotalMS, d.Outcome, d.By, d.Reason, d.Status
	}
}

// counts tells whether apply reads the payload of this kind. The others need not be
// decoded: most of a journal.
func counts(kind event.Kind) bool {
	switch kind {
	case event.CallArrived{}.Kind(), event.CallAnswered{}.Kind(), event.LanguageChosen{}.Kind(), event.QueueEntered{}.Kind(), event.QueueLeft{}.Kind(),
		event.CallBridged{}.Kind(), event.CallUnbridged{}.Kind(), event.CallEnded{}.Kind():
		return true
	}
	return false
}

// fold builds the row of a call from all its events in order.
func fold(events []event.Event) Call {
	var c Call
	for _, e := range events {
		c.apply(e)
	}
	return c
}

// records tells whether recordings reads the payload of this kind.
func records(kind event.Kind) bool {
	switch kind {
	case event.RecordingStarted{}.Kind(), event.RecordingClosed{}.Kind(), event.RecordingFailed{}.Kind():
		return true
	}
	return false
}

// recordings reads the recordings of a call from its events.
func recordings(events []event.Event) []Recording {
	var out []Recording
	find := func(id string) *Recording {
		for i := range out {
			if out[i].ID == id {
				return &out[i]
			}
		}
		out = append(out, Recording{ID: id})
		return &out[len(out)-1]
	}
	for _, e := range events {
		switch d := e.Data.(type) {
		case event.RecordingStarted:
			r := find(d.Recording)
			r.File, r.StartedAt = d.File, At(e.At)
		case event.RecordingClosed:
			r := find(d.Recording)
			r.File, r.ClosedAt, r.DurationMS, r.Bytes, r.SHA256 = d.File, At(e.At), d.DurationMS, d.Bytes, d.SHA256
			r.CallerVoiceMS, r.AgentVoiceMS = d.CallerVoiceMS, d.AgentVoiceMS
		case event.RecordingFailed:
			find(d.Recording).Failed = d.Reason
		}
	}
	return out
}
