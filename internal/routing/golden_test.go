package routing

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// plainDecisions is the fingerprint of what the first program decided in these runs,
// before it knew skills, scores, bodies, budgets and callbacks. Journals of that time
// must replay the same for ever.
const plainDecisions = "fa6b0fe432bfae1c07fe1404f89431b92443e53250b54cd2a6d4ead064757abe"

func TestWithoutNewSettingsTheRouterDecidesAsItAlwaysDid(t *testing.T) {
	h := sha256.New()
	for seed := uint64(1); seed <= 60; seed++ {
		r := rand.New(rand.NewPCG(seed, 7))
		nc := Config{Queues: map[QueueID]QueueConfig{}}
		if r.IntN(2) == 0 {
			nc.CheckEvery = 20 * time.Second
		}
		sec := func(n int) time.Duration { return time.Duration(r.IntN(n)) * time.Second }
		theres := []string{"", "signed_in", "working", "always"}
		qs := []string{"q1", "q2", "q3", "later", "nowhere"}
		for _, q := range qs[:3] {
			ring, wrap, aside, wait, there := sec(20), sec(20), sec(20), sec(90), theres[r.IntN(4)]
			nc.Queues[QueueID(q)] = QueueConfig{RingTimeout: ring, WrapUp: wrap, SetAside: aside, MaxWait: wait, There: Presence(there)}
		}
		s := New(nc)
		now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
		offers := uint64(0)
		on := map[string]string{}
		for range 200 {
			switch r.IntN(20) {
			case 0:
				now = now.Add(-sec(7200))
			case 1:
				now = now.Add(sec(7200))
			case 2, 3, 4:
			default:
				now = now.Add(time.Duration(r.IntN(8000)) * time.Millisecond)
			}
			a := AgentID(fmt.Sprint("a", r.IntN(5)))
			c := CallID(fmt.Sprint("c", r.IntN(8)))
			o := OfferID(0)
			if offers > 0 {
				o = OfferID(offers + 1 - uint64(r.IntN(int(min(offers, 6)))))
			}
			var ev Event
			switch r.IntN(22) {
			case 0, 1, 2:
				var l []QueueID
				for range r.IntN(4) {
					l = append(l, QueueID(qs[r.IntN(4)]))
				}
				ev = AgentSignedIn{Agent: a, Queues: l, Ready: r.IntN(2) == 0}
			case 3, 4:
				ev = AgentReady{Agent: a}
			case 5:
				ev = AgentPaused{Agent: a, Reason: []string{"", "lunch"}[r.IntN(2)], Return: now.Add(sec(60))}
			case 6:
				ev = AgentSignedOut{Agent: a, Forced: r.IntN(2) == 0}
			case 7:
				ev = StationUp{Agent: a}
			case 8:
				ev = StationDown{Agent: a}
			case 9, 10, 11, 12, 13:
				e := CallQueued{Call: c, Queue: QueueID(qs[r.IntN(5)]), Priority: r.IntN(2), Head: r.IntN(5) == 0, Entry: []int{0, 0, 0, 1, 2}[r.IntN(5)], Language: []string{"", "az", "ru"}[r.IntN(3)]}
				if r.IntN(2) == 0 {
					e.Since = now.Add(-sec(100))
				}
				ev = e
			case 14:
				ev = CallLeft{Call: c}
			case 15, 16, 17:
				ev = OfferAnswered{Offer: o}
			case 18:
				ev = OfferFailed{Offer: o, Reason: []Failure{"no_answer", "busy", "declined", "unreachable"}[r.IntN(4)]}
			case 19:
				ev = TalkEnded{Agent: a, Call: CallID(on[string(a)]), Lost: r.IntN(4) == 0}
			case 20:
				ev = AgentTaken{Agent: a, Call: c}
			default:
				switch r.IntN(4) {
				case 0:
					ev = QueueChanged{Queue: QueueID(qs[r.IntN(4)]), Config: QueueConfig{There: Presence(theres[r.IntN(4)])}}
				case 1:
					ev = WrapUpDone{Agent: a}
				case 2:
					ev = StillHere{Call: c}
				default:
					ev = Tick{}
				}
			}
			for _, d := range Apply(s, ev, now) {
				b, err := EncodeDecision(d)
				if err != nil {
					t.Fatal(err)
				}
				h.Write(b)
				if d.Kind == Offer {
					offers = uint64(d.Offer)
				}
				if d.Kind == AgentMoved && d.To == Talking {
					on[string(d.Agent)] = string(d.Call)
				}
			}
		}
	}
	if got := fmt.Sprintf("%x", h.Sum(nil)); got != plainDecisions {
		t.Errorf("decisions have the fingerprint %s, recorded was %s", got, plainDecisions)
	}
}
