package routing

import "time"

// State is everything the router knows. It has one owner: calls of Apply and of the
// methods must not overlap.
type State struct {
	// Ignored counts events that made no sense when they came: doubled, late, about
	// unknown things. Read only.
	Ignored uint64

	cfg     Config // with defaults; Queues is nil, each queue has its own
	now     int64  // the latest time seen; time never runs backwards in here
	queues  map[QueueID]*queue
	agents  map[AgentID]*agent
	calls   map[CallID]*call
	persons map[string]*person // callers of whom something is kept
	bodies  map[string]*body
	open    map[OfferID]*agent // offers that ring or are being talked on
	timers  alarms
	limits  alarms // of the weekly budgets; looked at before an event

	profiles    map[string]*profile // by key
	profileNums []*profile          // by number, nil where one is free
	blank       *profile            // of agents of whom nothing was said
	leaving     bool                // a removed queue may be there
	sharing     bool                // some body has a share
	shareAt     int64               // when body.over was found; 0 for not

	nextOffer   OfferID
	nextArrival uint64
	nextTicket  uint64
	nextAgent   uint64

	past       [pastOffers]pastOffer // the latest offers that are over, at id % pastOffers
	weighing   []*agent              // whose budget has an alarm that rang in this Apply
	lenders    []*body               // to be asked at the end of Apply whether they can lend again
	looseSpare []*call               // its room, to use again
	loose      []*call               // whose wait for one agent has ended in this Apply
	dirty      []*queue              // queues to be asked at the end of Apply whether somebody is there
	out        []Decision
	spare      []*call // call records to use again

	audit func(*call, *agent) // sees each choice before it is made; set by tests only
}

const pastOffers = 1024

// pastOffer remembers an offer that is over, to tell a late answer from a doubled one.
type pastOffer struct {
	id      OfferID
	agent   AgentID
	call    CallID
	settled bool // was answered, or its late answer has been dealt with
}

// queue is one line of callers and the agents who serve it.
type queue struct {
	id      QueueID
	cfg     QueueConfig
	waiting line[*call]
	ringing line[*call]
	ready   line[*agent]
	talking int
	members [classes]int // agents of the queue, signed in or not, by class
	handle  int64        // mean handling time, ns: exponentially weighted, starts at HandlePrior
	counts  Counts
	errBias int64 // mean of (real − expected wait), ns, exponentially weighted
	errAbs  int64 // mean of its absolute value
	dirty   bool

	body     *body
	speaks   bool // some stage asks for the language
	stages   []stage
	families []*family
	active   []*lane        // where calls wait, in no order
	booked   int            // callbacks whose time has not come
	shared   map[*queue]int // agents who serve another queue as well, by that queue
	late     int            // waiting calls past the target
	level    int64          // answered within the target, exponentially weighted, millionths
	removed  bool           // not in the configuration any more; goes with its last call
}

type class uint8

// How far an agent counts as there; see Presence.
const (
	absent   class = iota // signed out
	away                  // signed in, nobody knows when back
	expected              // away, expected back
	working
	classes
)

type agent struct {
	id      AgentID
	num     uint64 // in the order in which the router heard of them
	wanted  []QueueID
	queues  []*queue // those of wanted that exist
	helps   []*queue // of bodies that the agent's may help
	home    *body
	own     []*call // wait for this agent alone, in no order
	profile *profile

	state   AgentState
	since   int64  // entered the state
	until   int64  // the state ends by itself; 0 when it does not
	reason  Reason // of the state
	back    int64  // Paused: expected back; 0 when not
	idle    int64  // the moment that counts for longest idle
	inReady bool   // stands in the ready lines of its queues
	class   class
	timer   alarm

	budget  *budget // of live time; nil when there is no limit
	limit   alarm   // of the budget
	limited bool    // Paused because the budget is used up

	wish       wish // what comes after the present offer, call or wrap-up
	wishReason Reason
	wishBack   int64

	stationDown bool
	gone        int64 // the station has not been proved since; 0 when it is fine
	retries     int
	misses      int

	offer    OfferID // Offered, and Talking when it came by an offer
	on       CallID  // Offered, Talking
	call     *call   // its record if it is a call of a queue
	served   *queue  // Talking, WrapUp: the queue to which handling is accounted
	answered int64   // when that talk began
	resume   int64   // wrap-up left over, to go on after a taken call, ns
	wrapEnd  int64   // no extension of the wrap-up goes beyond
	asked    bool    // Talking: StillThere is out

	// What the offer or talk that has just ended was; used within one Apply.
	leftCall  CallID
	leftOffer OfferID
	leftQueue QueueID
}

type wish uint8

const (
	noWish wish = iota
	wishPause
	wishOut
	wishOutForced
)

func (a *agent) before(b *agent) bool {
	if a.idle != b.idle {
		return a.idle < b.idle
	}
	return a.num < b.num
}

type callState uint8

const (
	waiting callState = iota
	ringing
	talking
	booked // a callback whose time has not come
)

type call struct {
	id          CallID
	queue       *queue
	priority    int
	head        bool
	since       int64
	arrival     uint64
	entered     int64 // came into this queue
	limit       int64 // MaxWait is over; 0 for none
	check       int64 // StillThere is due, or its answer; 0 when not
	asked       bool
	language    string
	entry       int
	state       callState
	attempts    int
	estimate    int64  // wait that was expected when it came, ns; -1 when unknown
	agent       *agent // ringing, talking
	also        *agent // talking: taken into the call beside agent
	timer       alarm
	fact        alarm // the next stage, or the queue's Target where it protects a lender
	late        bool  // waits past the target
	family      *family
	stage       int
	skills      map[Skill]int // the call asks for
	sign        string        // of skills
	prefer      AgentID
	preferUntil int64 // held for prefer; 0 when not
	relaxFrom   int64 // stages count from here
	caller      string
	preferFor   int64    // booked: how long to wait for prefer then
	reached     bool     // a callback in talk: the person is on the line
	virtual     bool     // a callback: nobody is on the line
	refused     []uint64 // numbers of the agents whom a clause kept from the call
}

// New returns an empty State with the queues of cfg.
func New(cfg Config) *State {
	s := &State{
		cfg:      cfg.withDefaults(),
		queues:   make(map[QueueID]*queue, len(cfg.Queues)),
		agents:   map[AgentID]*agent{},
		calls:    map[CallID]*call{},
		open:     map[OfferID]*agent{},
		bodies:   map[string]*body{},
		persons:  map[string]*person{},
		profiles: map[string]*profile{},
	}
	s.cfg.Queues = nil
	s.blank = s.profileOf(AgentProfile{})
	s.configureBodies()
	for id, q := range cfg.Queues {
		s.addQueue(id, q)
	}
	return s
}

func (s *State) addQueue(id QueueID, cfg QueueConfig) *queue {
	q := &queue{id: id, cfg: cfg.withDefaults()}
	q.handle, q.level = int64(q.cfg.HandlePrior), fullLevel
	s.queues[id] = q
	s.shape(q)
	return q
}

// NextDeadline tells when a Tick is due at the latest; false when nothing is.
// The moment may lie in the past.
func (s *State) NextDeadline() (time.Time, bool) {
	t, l := s.timers.first(), s.limits.first()
	switch {
	case t == nil && l == nil:
		return time.Time{}, false
	case t == nil || l != nil && l.at < t.at:
		t = l
	}
	return moment(t.at), true
}
