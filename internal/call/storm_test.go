package call

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cagri/internal/directory"
)

// storm is a drawn scenario: callers, phones and agents who do what they please,
// and a network that does as well.
type storm struct {
	Sky      weather
	Seed     uint64
	Callers  []callerPlan
	Phones   [][]ringPlan // what each phone does when it rings, one after the other, round and round
	Commands []command
}

// callerPlan is one caller: what they do, and when.
type callerPlan struct {
	Start int    // ms after the beginning
	What  string // see callerKinds
	After int    // ms
	Queue int
}

// callerKinds: "gives up" hangs up After the dialling, in whatever state; "notice"
// After the answer; "ringing" After a phone began to ring for somebody; "talk" After
// the first sound of a talk; "stays" until the other side ends it.
var callerKinds = []string{"stays", "stays", "gives up", "notice", "ringing", "crossing", "talk", "talk", "talk", "no ack", "vanishes", "vanishes in talk", "holds"}

// ringPlan is what a phone does with one call.
type ringPlan struct {
	Answer string // see answerKinds
	After  int    // ms of ringing
	Then   string // see thenKinds
	For    int    // ms of talk before
}

var (
	answerKinds = []string{"answers", "answers", "answers", "answers", "answers", "answers", "answers", "answers", "answers", "twice", "late", "never", "486", "603", "500", "480"}
	thenKinds   = []string{"waits", "waits", "hangs up", "hangs up", "at once", "holds", "blind agent", "blind queue", "blind nobody", "attended", "early attended", "vanishes", "board agent", "board queue"}
)

// command is what an agent or a supervisor does, or a report that a phone has gone
// or come back.
type command struct {
	At    int // ms
	Agent int
	Do    string
}

var commandKinds = []string{"pause", "ready", "sign_in", "sign_out", "end_wrap_up", "ready", "sign_in", "phone down", "phone up", "hang up"}

const stormLasts = 6000 // ms in which things begin

func drawStorm(t *rapid.T, sky weather) storm {
	s := storm{Sky: sky, Seed: rapid.Uint64().Draw(t, "seed")}
	ms := func(most int, what string) int { return rapid.IntRange(0, most).Draw(t, what) }
	agents := rapid.IntRange(3, 6).Draw(t, "agents")
	for range rapid.IntRange(10, 40).Draw(t, "callers") {
		s.Callers = append(s.Callers, callerPlan{
			Start: ms(stormLasts/2, "start"), What: rapid.SampledFrom(callerKinds).Draw(t, "caller"), After: ms(1500, "after"), Queue: ms(1, "queue"),
		})
	}
	for range agents {
		var plans []ringPlan
		for range rapid.IntRange(4, 10).Draw(t, "rings") {
			plans = append(plans, ringPlan{
				Answer: rapid.SampledFrom(answerKinds).Draw(t, "answer"), After: ms(250, "after"),
				Then: rapid.SampledFrom(thenKinds).Draw(t, "then"), For: ms(500, "for"),
			})
		}
		s.Phones = append(s.Phones, plans)
	}
	for range rapid.IntRange(5, 25).Draw(t, "commands") {
		s.Commands = append(s.Commands, command{At: ms(stormLasts, "at"), Agent: ms(agents-1, "agent"), Do: rapid.SampledFrom(commandKinds).Draw(t, "command")})
	}
	slices.SortStableFunc(s.Commands, func(a, b command) int { return a.At - b.At })
	return s
}

func TestStormInFairWeather(t *testing.T) { stormTest(t, weather{}) }

func TestStormInRain(t *testing.T) {
	stormTest(t, weather{Lost: 50, Doubled: 70, Late: 150, LateBy: 60 * time.Millisecond})
}

func TestStormInAGale(t *testing.T) {
	stormTest(t, weather{Lost: 150, Doubled: 100, Late: 300, LateBy: 150 * time.Millisecond})
}

func stormTest(t *testing.T, sky weather) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) { drawStorm(t, sky).rage(t) })
}

// weatherman runs one storm.
type weatherman struct {
	*rig
	s       storm
	wg      sync.WaitGroup
	stop    chan struct{} // closed when everybody goes home
	mu      sync.Mutex    // guards callers
	callers []*end
	wishes  []wishes // by agent; of the goroutine that gives commands
}

func (s storm) rage(t *rapid.T) {
	queue := func(id string) directory.Queue {
		return directory.Queue{ID: id, Ring: time.Second, WrapUp: 100 * time.Millisecond, SetAside: time.Second, MaxWait: 4 * time.Second, Announce: time.Second}
	}
	w := &weatherman{s: s, stop: make(chan struct{})}
	w.rig = newRig(t, plan{
		Agents: len(s.Phones), Queues: []directory.Queue{queue("general"), queue("second")}, Silence: 2 * time.Second,
		T1: 30 * time.Millisecond, Sky: s.Sky, Seed: s.Seed,
	})
	defer w.rig.close()
	for i, p := range w.phones {
		w.wishes = append(w.wishes, wishes{out: true})
		w.command(command{Agent: i, Do: "sign_in"})
		p.whenRung(w.atPhone(i))
	}
	began := time.Now()
	at := func(ms int) bool { return w.pause(time.Until(began.Add(time.Duration(ms) * time.Millisecond))) }
	for i := range s.Callers {
		w.wg.Go(func() {
			if at(s.Callers[i].Start) {
				w.caller(s.Callers[i])
			}
		})
	}
	w.wg.Go(w.listenForDeadAir)
	rest := s.Commands
	for now := 0; now < stormLasts; now += 100 {
		at(now)
		for len(rest) > 0 && rest[0].At <= now {
			w.command(rest[0])
			rest = rest[1:]
		}
		if now%300 == 0 {
			w.rouse()
		}
	}
	close(w.stop)
	for _, p := range w.phones {
		p.whenRung(refuse(486))
	}
	w.wg.Wait()
	for _, e := range w.callers {
		if e.is(func(e *end) bool { return !e.over && !e.deaf })() {
			e.hangUp()
		}
	}
	for _, p := range w.phones {
		p.hangUpAll()
	}
	w.rig.quiet()
	w.asWished()
	w.rig.prove()
	if wrong := w.tap.wrongs(); len(wrong) > 0 {
		t.Errorf("%s", strings.Join(wrong, "\n"))
	}
	if left := w.x.Board().Routing.Calls; len(left) > 0 {
		t.Errorf("the router still has %+v", left)
	}
	t.Logf("%d callers, %d phones: %v", len(s.Callers), len(s.Phones), w.tap.tally())
}

// pause waits for d; false when everybody goes home first.
func (w *weatherman) pause(d time.Duration) bool {
	select {
	case <-w.stop:
		return false
	case <-time.After(d):
		return true
	}
}

// until waits for f; false when everybody goes home first.
func (w *weatherman) until(f func() bool) bool {
	for !f() {
		if !w.pause(5 * time.Millisecond) {
			return false
		}
	}
	return true
}

// caller does what one caller does.
func (w *weatherman) caller(p callerPlan) {
	e := &end{r: w.rig, wire: w.line}
	n := 10000 + callerNumber.Add(1)
	e.who = fmt.Sprintf("caller %d", n)
	number := fmt.Sprintf("01249%05d", n)
	if p.What == "no ack" {
		w.line.muffle("sip:"+number, "ACK")
	}
	if err := e.dial(w.rig.callers, "server", w.number(p.Queue), number); err != nil {
		w.tap.wrong("%s cannot dial: %v", e.who, err)
		return
	}
	w.mu.Lock()
	w.callers = append(w.callers, e)
	w.mu.Unlock()

	after := time.Duration(p.After) * time.Millisecond
	over := e.is(isOver)
	state := func(want string) func() bool {
		return func() bool {
			if over() {
				return true
			}
			a := w.x.call(w.tap.ofSIP(e.callID))
			if a == nil {
				return false
			}
			v := a.view.Load()
			return v != nil && (v.State == want || want == "ringing" && v.State == "waiting" && v.Agent != "")
		}
	}
	switch p.What {
	case "stays", "no ack":
		w.until(over)
		return
	case "gives up", "vanishes":
		w.pause(after)
	case "notice":
		w.until(func() bool { return over() || e.is(isUp)() })
		w.pause(after / 10)
	case "ringing":
		w.until(state("ringing"))
		w.pause(after / 10)
	case "crossing": // the moment in which most phones answer
		w.until(state("ringing"))
		w.pause(after / 6)
	case "talk", "vanishes in talk":
		w.until(state("talking"))
		w.pause(after / 3)
	case "holds":
		w.until(state("talking"))
		e.hold(true)
		w.pause(after)
		e.hold(false)
		w.pause(after)
	}
	if over() {
		return
	}
	if p.What == "vanishes" || p.What == "vanishes in talk" {
		e.vanish()
	} else {
		e.hangUp()
	}
}

// atPhone is what the i-th phone does when it rings.
func (w *weatherman) atPhone(i int) func(*end) {
	var mu sync.Mutex
	n := 0
	return func(e *end) {
		mu.Lock()
		p := w.s.Phones[i][n%len(w.s.Phones[i])]
		n++
		mu.Unlock()
		after := time.Duration(p.After) * time.Millisecond
		switch p.Answer {
		case "never":
			return
		case "486", "603", "500", "480":
			w.pause(after)
			var status int
			_, _ = fmt.Sscan(p.Answer, &status)
			refuse(status)(e)
			return
		case "late": // about when the ring time is over
			w.pause(850*time.Millisecond + after)
		default:
			w.pause(after)
		}
		if !e.pickUp() {
			return
		}
		if p.Answer == "twice" {
			_ = e.d.Answer([]byte("v=0\r\n"))
		}
		w.then(i, p, e)
	}
}

// then is what the agent does in the talk.
func (w *weatherman) then(i int, p ringPlan, e *end) {
	if p.Then != "at once" {
		w.pause(time.Duration(p.For) * time.Millisecond)
	}
	colleague := w.phones[(i+1)%len(w.phones)]
	switch p.Then {
	case "waits":
		end := time.Now().Add(1500 * time.Millisecond)
		w.until(func() bool { return e.is(isOver)() || time.Now().After(end) })
	case "holds":
		e.hold(true)
		w.pause(300 * time.Millisecond)
		e.hold(false)
		w.pause(300 * time.Millisecond)
	case "blind agent":
		e.refer("sip:" + colleague.user + "@host")
		w.pause(time.Second)
	case "blind queue":
		e.refer("sip:second@host")
		w.pause(time.Second)
	case "blind nobody":
		e.refer("sip:nobody@host")
	case "attended", "early attended":
		e.hold(true)
		out := &end{r: w.rig, who: "phone " + agentName(i) + " out", wire: w.phones[i].wire}
		if err := out.dial(w.phones[i].ua, agentName(i), colleague.user, agentName(i)); err != nil {
			return
		}
		w.until(out.is(func(out *end) bool { return out.up || out.over || out.rang && p.Then == "early attended" }))
		e.refer(replaces(out, colleague.user))
		w.pause(time.Second)
		out.hangUp()
	case "vanishes":
		e.vanish()
		return
	case "board agent", "board queue":
		target := map[string]string{"board agent": "agent" + colleague.user, "board queue": "queue:second"}[p.Then]
		for _, v := range w.x.Board().Calls {
			if v.Agent == "agent"+agentName(i) {
				_ = w.x.Transfer(v.ID, target)
			}
		}
		w.pause(time.Second)
	}
	e.hangUp()
}

func (w *weatherman) command(c command) {
	switch c.Do {
	case "phone down", "phone up":
		w.x.PhoneChanged(agentName(c.Agent), c.Do == "phone up")
	case "hang up":
		if calls := w.x.Board().Calls; len(calls) > 0 {
			_ = w.x.Hangup(calls[rand.New(rand.NewPCG(w.s.Seed, uint64(c.At))).IntN(len(calls))].ID)
		}
	default:
		if err := w.x.AgentDo("agent"+agentName(c.Agent), AgentAction(c.Do), ""); err != nil {
			w.tap.wrong("%v", err)
		}
		w.wishes[c.Agent].hear(AgentAction(c.Do))
	}
}

// rouse has agents who rest by the rules say that they are there: else most of a
// storm would find nobody to talk to.
func (w *weatherman) rouse() {
	for i := range w.phones {
		if v := w.agent(i); v.State == "set_aside" || v.State == "unreachable" || v.Reason == "missed_calls" {
			w.command(command{Agent: i, Do: "ready"})
		}
	}
}

// listenForDeadAir checks that who is connected hears something, always.
func (w *weatherman) listenForDeadAir() {
	const most = 6 * time.Second // three times what it takes to notice a dead line
	last := time.Now()
	for w.pause(100 * time.Millisecond) {
		now := time.Now()
		if now.Sub(last) > time.Second { // this machine was elsewhere: nobody is to blame
			last = now
			w.mu.Lock()
			for _, e := range w.callers {
				e.mu.Lock()
				e.since = now
				e.mu.Unlock()
			}
			w.mu.Unlock()
			continue
		}
		last = now
		w.mu.Lock()
		for _, e := range w.callers {
			e.mu.Lock()
			if e.up && !e.over && !e.deaf && !e.nagged {
				if n := e.leg.Stats().Received; n != e.heard {
					e.heard, e.since = n, now
				} else if now.Sub(e.since) > most {
					e.nagged = true
					id := w.tap.ofSIP(e.callID)
					w.tap.wrong("call %s: %s has heard nothing for %v", id, e.who, now.Sub(e.since))
				}
			}
			e.mu.Unlock()
		}
		w.mu.Unlock()
	}
}

// wishes is what an agent may be, judged by the commands alone: an agent who talks
// leaves only afterwards, so that a wish and what becomes of it are both possible.
type wishes struct{ out, outWish, paused, pauseWish, in bool }

func (s *wishes) hear(c AgentAction) {
	// A wish may have come true by now, and a paused agent who is called by a
	// colleague is in a talk again with the wish to pause.
	s.out = s.out || s.outWish
	s.paused = s.paused || s.pauseWish
	s.pauseWish = s.paused
	var n wishes
	switch c {
	case SignIn:
		n.in = s.out || s.outWish || s.in || s.paused
		n.pauseWish = s.pauseWish
	case Ready:
		n.in = s.in || s.outWish || s.paused || s.pauseWish
		n.out = s.out
	case Pause:
		n.out = s.out
		n.paused = s.in || s.paused || s.outWish
		n.pauseWish = n.paused
	case SignOut:
		n.out = true
		n.outWish = s.in || s.paused || s.pauseWish
	default:
		return
	}
	*s = n
}

// asWished checks that nobody is stuck: each agent is what the last command says,
// or rests by the rules and will be back.
func (w *weatherman) asWished() {
	for i := range w.phones {
		v, s := w.agent(i), w.wishes[i]
		ok := false
		switch v.State {
		case "signed_out":
			ok = s.out || s.outWish
		case "paused":
			ok = s.paused || s.pauseWish || s.in && v.Reason == "missed_calls"
		case "ready", "set_aside", "unreachable":
			ok = s.in
		}
		if !ok {
			w.t.Errorf("%s is %s (%s) after wishes %+v", v.ID, v.State, v.Reason, s)
		}
	}
}
