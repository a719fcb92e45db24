package call

import (
	"encoding/json"
	"time"

	"cagri/internal/event"
	"cagri/internal/routing"
	"cagri/internal/workforce"
)

// router owns the routing state: one goroutine, one mailbox. It passes each
// input to the pure engine, journals input and decisions so that the order of
// service can be proved by replay, and hands the decisions out.
type router struct {
	x         *Exchange
	box       *mailbox
	cfg       routing.Config
	state     *routing.State                       // router goroutine only
	seq       uint64                               // router goroutine only
	last      time.Time                            // router goroutine only: never goes backwards
	in        map[routing.AgentID][]routing.CallID // router goroutine only: the calls agents are in, the latest last
	promises  map[routing.CallID]Promise           // router goroutine only: not being kept yet
	returning map[string]Returning                 // router goroutine only: not yet in the directory
	homeless  []Promise                            // router goroutine only: of queues that are not there
	live      *livetime                            // router goroutine only; nil: no ledger is kept
	quit      chan struct{}
	done      chan struct{}
}

// askMsg runs f on the router goroutine with the state, for questions.
type askMsg struct {
	f func(s *routing.State, now time.Time)
}

func newRouter(x *Exchange) *router {
	cfg := routingConfig(x.known().dir, x.known().snap)
	r := &router{x: x, box: newMailbox(), cfg: cfg, state: routing.New(cfg), in: map[routing.AgentID][]routing.CallID{}, promises: map[routing.CallID]Promise{}, returning: map[string]Returning{}, quit: make(chan struct{}), done: make(chan struct{})}
	if x.cfg.Live != nil {
		r.live = newLivetime(r, x.cfg.Live)
	}
	return r
}

func (r *router) start() { go r.run() }

// stop ends the goroutine; false when it was never started or stopped before.
func (r *router) stop() bool {
	select {
	case <-r.quit:
		return false
	default:
	}
	if r.x.ua == nil {
		return false
	}
	close(r.quit)
	<-r.done
	return true
}

func (r *router) run() {
	defer close(r.done)
	r.begin()
	var batch []any
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		wait := time.Hour
		if at, ok := r.state.NextDeadline(); ok {
			wait = max(time.Until(at), 0)
		}
		if r.live != nil {
			wait = min(wait, max(time.Until(r.live.next()), 0))
		}
		timer.Reset(wait)
		select {
		case <-r.quit:
			r.box.close()
			return
		case <-timer.C:
			r.apply(routing.Tick{})
			if r.live != nil {
				r.live.pass(r.now())
			}
		case <-r.box.wake:
			batch = r.box.take(batch)
			for _, m := range batch {
				switch m := m.(type) {
				case askMsg:
					m.f(r.state, r.now())
				case changeMsg:
					r.change(m)
				case promiseMsg:
					r.promise(m.Promise)
				case budgetMsg:
					r.apply(r.live.ledger.Budget(m.agent, r.now()))
				case routing.Event:
					r.hear(m)
				}
			}
		}
	}
}

// now is the wall clock made monotonic for the router: a clock that is set back
// must not give a waiting caller a negative wait.
func (r *router) now() time.Time {
	if n := time.Now(); n.After(r.last) {
		r.last = n
	}
	return r.last
}

func (r *router) apply(ev routing.Event) {
	now := r.now()
	decisions := routing.Apply(r.state, ev, now)
	if _, tick := ev.(routing.Tick); tick && len(decisions) == 0 {
		return
	}
	r.seq++
	r.record(ev, now, decisions)
	for _, d := range decisions {
		r.hand(d)
	}
}

func (r *router) record(ev routing.Event, now time.Time, decisions []routing.Decision) {
	in, err := routing.EncodeEvent(ev)
	if err != nil {
		r.x.Alarm("router_journal", err)
		return
	}
	rec := event.RouterInput{Seq: r.seq, NowNS: now.UnixNano(), Input: in}
	for _, d := range decisions {
		b, err := routing.EncodeDecision(d)
		if err != nil {
			r.x.Alarm("router_journal", err)
			return
		}
		rec.Decisions = append(rec.Decisions, json.RawMessage(b))
	}
	r.x.scribe.write("-", "", rec)
}

// begin opens a run in the journal. No phone counts as reachable before it has
// registered in this run.
func (r *router) begin() {
	cfg, err := json.Marshal(r.cfg)
	if err != nil {
		r.x.Alarm("router_journal", err)
	}
	r.x.scribe.write("-", "", event.RouterStarted{Config: cfg})
	for _, a := range r.x.known().dir.Agents {
		r.apply(routing.StationDown{Agent: routing.AgentID(a.ID)})
	}
	for _, a := range r.x.known().dir.Agents {
		if p, ok := agentProfile(r.x.known().snap, a.ID); ok {
			r.apply(p)
		}
	}
	if r.live != nil {
		r.live.begin()
	}
	for _, a := range r.x.cfg.Returning {
		r.returning[a.Agent] = a
	}
	r.comeBack(r.x.known())
	for _, p := range r.x.cfg.Promises {
		r.promise(p)
	}
}

// hand passes a decision to whoever must act on it.
func (r *router) hand(d routing.Decision) {
	if r.callback(d) {
		return
	}
	switch d.Kind {
	case routing.AgentMoved:
		id := r.x.scribe.id()
		move := event.AgentMoved{From: d.From.String(), To: d.To.String(), Reason: string(d.Reason), Call: string(d.Call), Queue: string(d.Queue)}
		if r.live != nil {
			at := r.live.moved(d, id, r.last)
			move.Hall, move.Remote = at.Hall, at.Place == workforce.AtHome().Place
		}
		r.x.scribe.writeAs(id, r.x.known().agents[string(d.Agent)].Body, string(d.Agent), move)
		if d.To == routing.Talking && d.Offer != 0 {
			r.enters(d.Agent, d.Call)
			r.post(d)
		}
	case routing.StillThere:
		// A call is there as long as its actor lives; a talk, as long as the actor
		// says that this agent is in it.
		if d.Agent == "" {
			if _, promised := r.promises[d.Call]; promised || r.x.call(string(d.Call)) != nil {
				r.box.post(routing.StillHere{Call: d.Call})
			}
			return
		}
		r.post(d)
	case routing.DropLeg:
		if d.Reason == routing.ReasonUnconfirmed {
			r.leaves(d.Agent, d.Call)
		}
		r.post(d)
	default:
		r.post(d)
	}
}

// decided is a decision with the place of the input that led to it.
type decided struct {
	routing.Decision
	seq uint64
}

// post hands d to its call. A call that is gone has left the queue, whatever the
// router still thinks.
func (r *router) post(d routing.Decision) {
	if a := r.x.call(string(d.Call)); a != nil && a.box.post(decided{d, r.seq}) {
		return
	}
	switch d.Kind {
	case routing.Offer:
		r.box.post(routing.CallLeft{Call: d.Call, Reason: "gone"})
	case routing.AgentMoved:
		r.box.post(routing.TalkEnded{Agent: d.Agent, Call: d.Call})
	}
}

// tell gives the router an event; it never blocks.
func (r *router) tell(ev routing.Event) { r.box.post(ev) }

// ask runs f on the router's goroutine.
func (r *router) ask(f func(*routing.State, time.Time)) bool { return r.box.post(askMsg{f}) }

// station tells that an agent's phone can or cannot be rung.
func (r *router) station(agent string, reachable bool) {
	if reachable {
		r.tell(routing.StationUp{Agent: routing.AgentID(agent)})
	} else {
		r.tell(routing.StationDown{Agent: routing.AgentID(agent)})
	}
}
