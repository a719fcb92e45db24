package call

import (
	"testing"

	"cagri/internal/event"
)

func TestCallIsAnsweredBridgedRecordedAndEnded(t *testing.T) {
	t.Parallel()
	r := rigFor(t, plan{Agents: 1})
	r.signIn(0)
	r.phones[0].whenRung(answer)
	c := r.dial("1080")
	id := c.call()
	_, bridged := comes[event.CallBridged](r, id, nil)
	_, noticed := comes[event.NoticePlayed](r, id, nil)
	_, recorded := comes[event.RecordingStarted](r, id, nil)
	if noticed > bridged || noticed > recorded {
		t.Errorf("notice is event %d, bridge %d, recording %d", noticed, bridged, recorded)
	}
	c.hangUp()
	end, _ := comes[event.CallEnded](r, id, nil)
	if end.By != "caller" || end.Reason != "hung_up" || end.Outcome != "served" {
		t.Errorf("%+v", end)
	}
}
