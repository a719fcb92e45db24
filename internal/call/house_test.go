package call

import (
	"slices"
	"testing"
	"time"

	"cagri/internal/event"
	"cagri/internal/ivr"
)

// everyWay is a flow in which a call can go on without an agent in every way there is.
const everyWay = `
start: notice
nodes:
  notice: {notice: notice.recorded, next: hours}
  hours: {hours: general, open: people, closed: booking}
  people: {queue: general, no_agents: elsewhere, timed_out: callback, closed: booking, after: survey}
  elsewhere: {transfer: "0124931122", say: transfer.wait, failed: information}
  information: {information: closed, next: callback}
  callback: {callback: callback.offer, queue: general, next: bye, declined: message, failed: bye}
  booking: {booking: booking.offer, queue: general, next: bye, declined: message, failed: message}
  message: {voicemail: voicemail.offer, limit: 10s, next: thanks, failed: bye}
  thanks: {say: voicemail.thanks, next: bye}
  survey: {survey: survey.mark, next: survey_thanks}
  survey_thanks: {say: survey.thanks, next: bye}
  bye: {end: goodbye}
`

// office is a house with the same answer at all times.
type office struct {
	open  bool
	slots []time.Time
}

func (o office) Open(string, time.Time) bool { return o.open }
func (o office) Slots(_ string, _ time.Time, most int) []time.Time {
	return o.slots[:min(most, len(o.slots))]
}

// after waits until the call has left a node that way; what comes then takes keys.
func (e *end) after(node, outcome string) {
	e.r.t.Helper()
	comes[event.FlowStep](e.r, e.call(), func(s event.FlowStep) bool { return s.Node == node && s.Outcome == outcome })
}

func (e *end) press(keys string) {
	e.r.t.Helper()
	for i := range len(keys) {
		if err := e.leg.SendDigit(keys[i], 60*time.Millisecond); err != nil {
			e.r.t.Errorf("key %c: %v", keys[i], err)
		}
		time.Sleep(150 * time.Millisecond) // keys are pressed one after the other
	}
}

func TestClosedLineBooksACall(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 11, 24, 0, 0, 0, 0, baku)
	slots := []time.Time{day.Add(10 * time.Hour), day.Add(15 * time.Hour)}
	r := rigFor(t, plan{Agents: 1, Flow: everyWay, House: office{slots: slots}})
	r.signIn(0)
	c := r.dial("1080")
	c.after("hours", "closed")
	c.press("2")
	p, _ := comes[event.CallbackPromised](r, c.call(), nil)
	if p.Manner != "booked" || p.DueMS != slots[1].UnixMilli() || p.Queue != "general" || p.Number == "" || p.KeyedIn || p.Language != "az" {
		t.Errorf("%+v", p)
	}
	if e, _ := comes[event.CallEnded](r, c.call(), nil); e.Outcome != "promised" || e.Reason != "bye" {
		t.Errorf("%+v", e)
	}
}

func TestNobodyThereKeysInANumber(t *testing.T) {
	t.Parallel()
	r := rigFor(t, plan{Flow: everyWay}) // no agents, and no trunk to reach the other number
	c := r.dial("1080")
	if f, _ := comes[event.TransferFailed](r, c.call(), nil); f.Target != "0124931122" || f.Reason != "no_trunk" {
		t.Errorf("%+v", f)
	}
	c.after("information", "heard")
	c.press("2")
	c.press("0501234567#")
	c.press("1")
	p, _ := comes[event.CallbackPromised](r, c.call(), nil)
	if p.Manner != "place" || p.Number != "0501234567" || !p.KeyedIn || p.DueMS != 0 {
		t.Errorf("%+v", p)
	}
	// The place is the one the call had in the queue, not the moment of the key.
	if q, _ := comes[event.QueueEntered](r, c.call(), nil); p.SinceMS != q.SinceMS {
		t.Errorf("place of %d kept as %d", q.SinceMS, p.SinceMS)
	}
	comes[event.CallEnded](r, c.call(), func(e event.CallEnded) bool { return e.Outcome == "promised" })
}

func TestAMessageIsLeft(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"hash", "hangs up", "limit", "silent"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			r := rigFor(t, plan{Flow: everyWay, House: office{}}) // closed, no times
			c := r.dial("1080")
			if way == "silent" {
				r.await("up", c.is(func(e *end) bool { return e.up }))
				c.leg.StopPlay()
			}
			comes[event.RecordingStarted](r, c.call(), func(s event.RecordingStarted) bool { return s.What == "message" })
			switch way {
			case "hash", "silent":
				time.Sleep(1500 * time.Millisecond)
				c.press("#")
			case "hangs up":
				time.Sleep(1500 * time.Millisecond)
				c.hangUp()
			}
			s, _ := comes[event.RecordingClosed](r, c.call(), nil)
			end, _ := comes[event.CallEnded](r, c.call(), nil)
			if way == "silent" {
				if end.Outcome == "message" || s.CallerVoiceMS > 400 {
					t.Errorf("silence is a message: %+v %+v", end, s)
				}
				return
			}
			m, _ := comes[event.MessageLeft](r, c.call(), nil)
			if end.Outcome != "message" || m.VoiceMS < 500 || m.Recording != s.Recording {
				t.Errorf("%+v %+v %+v", end, m, s)
			}
			if way == "limit" && (s.DurationMS < 9500 || s.DurationMS > 12000) {
				t.Errorf("a message of %d ms", s.DurationMS)
			}
		})
	}
}

func TestTheCallerGivesAMark(t *testing.T) {
	t.Parallel()
	r := rigFor(t, plan{Agents: 1, Flow: everyWay})
	r.signIn(0)
	r.phones[0].whenRung(answer)
	c := r.dial("1080")
	comes[event.CallBridged](r, c.call(), nil)
	r.phones[0].last().hangUp()
	c.after("people", "served")
	if a := r.agent(0); a.State == "talking" {
		t.Errorf("the agent is still %s", a.State)
	}
	c.press("4")
	m, _ := comes[event.CallRated](r, c.call(), nil)
	if m.Mark != 4 || m.Agent != "agent101" || m.Queue != "general" {
		t.Errorf("%+v", m)
	}
	end, _ := comes[event.CallEnded](r, c.call(), nil)
	if end.Outcome != "served" {
		t.Errorf("%+v", end)
	}
}

// A caller who hangs up in the survey was served all the same.
func TestHangingUpInTheSurvey(t *testing.T) {
	t.Parallel()
	r := rigFor(t, plan{Agents: 1, Flow: everyWay})
	r.signIn(0)
	r.phones[0].whenRung(answer)
	c := r.dial("1080")
	comes[event.CallBridged](r, c.call(), nil)
	r.phones[0].last().hangUp()
	c.after("people", "served")
	c.hangUp()
	if end, _ := comes[event.CallEnded](r, c.call(), nil); end.Outcome != "served" || end.By != "caller" {
		t.Errorf("%+v", end)
	}
}

func TestSlotsAreSaidAsDays(t *testing.T) {
	now := time.Date(2026, 11, 23, 22, 30, 0, 0, baku) // a Monday
	var got []ivr.Slot
	for _, at := range []time.Time{now.Add(time.Hour), now.Add(11 * time.Hour), now.Add(36 * time.Hour), now.AddDate(0, 0, 6)} {
		got = append(got, slotOf(at.UTC(), now.UTC()))
	}
	want := []ivr.Slot{{Day: ivr.SlotToday, Hour: 23}, {Day: ivr.SlotTomorrow, Hour: 9}, {Day: ivr.SlotWednesday, Hour: 10}, {Day: ivr.SlotSunday, Hour: 22}}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
