package routing

import "time"

// Presence says which agents count as "there" for a queue. When nobody is
// there, waiting callers are given back at once by [NobodyThere].
type Presence string

// What counts as there. The zero value is Expected.
const (
	// Expected: agents who work, and those who will be back: a pause whose return
	// time is not over, a station that vanished less than StationGrace ago. Not: a
	// pause that is overdue or followed missed calls, a station long gone, an agent
	// who will sign out or pause for good after the present call.
	Expected Presence = "expected"
	// SignedIn: every agent who has not signed out, in whatever state.
	SignedIn Presence = "signed_in"
	// Working: only Ready, Offered, Talking, WrapUp and SetAside, without a wish to
	// leave afterwards.
	Working Presence = "working"
	// Always: callers wait even when there is no agent at all, up to MaxWait.
	Always Presence = "always"
)

// QueueConfig is how one queue works. The zero value is usable. Durations above
// 30 days count as 30 days.
type QueueConfig struct {
	// RingTimeout is how long a phone rings before the next agent is tried.
	// 0 means 20 s; at least 1 s.
	RingTimeout time.Duration `json:"ring_timeout_ns,omitempty"`
	// WrapUp is the time after a talk to finish notes; 0 means none.
	WrapUp time.Duration `json:"wrap_up_ns,omitempty"`
	// WrapUpMax bounds a wrap-up with all its extensions. 0 means 3 × WrapUp.
	WrapUpMax time.Duration `json:"wrap_up_max_ns,omitempty"`
	// SetAside is the rest after an offer that rang out; at least 1 s, so that one
	// call cannot ring one agent in an endless loop.
	SetAside time.Duration `json:"set_aside_ns,omitempty"`
	// MaxWait bounds the time from entering the queue; 0 means no limit. A call that
	// rings at an agent is not cut off; if nobody answers it, the limit holds then.
	MaxWait time.Duration `json:"max_wait_ns,omitempty"`
	// There says which agents count as there. Empty means Expected.
	There Presence `json:"there,omitempty"`
	// HandlePrior is the handling time (talk and wrap-up) assumed before calls have
	// been measured. 0 means 3 minutes.
	HandlePrior time.Duration `json:"handle_prior_ns,omitempty"`

	// Body is the state body that the queue belongs to; Service names its service.
	Body    string `json:"body,omitempty"`
	Service string `json:"service,omitempty"`
	// Emergency calls come before all others and are not asked for a lender's
	// protection or a body's share.
	Emergency bool `json:"emergency,omitempty"`
	// Preempt: when nobody is ready for an emergency call, it takes an agent of the queue
	// whose phone still rings for another call; that one goes back to its place.
	Preempt bool `json:"preempt,omitempty"`
	// RemoteFit: may be answered outside the hall (clause R-2.6-remote). Confidential:
	// then only by agents named for it.
	RemoteFit    bool `json:"remote_fit,omitempty"`
	Confidential bool `json:"confidential,omitempty"`
	// Needs is what is asked of an agent, relaxed over the time in the queue.
	Needs []Need `json:"needs,omitempty"`
	// Score orders by one figure of priority and waiting time.
	Score Score `json:"score,omitzero"`
	// Target is the wait within which calls are to be answered, TargetShare how many of
	// a thousand. 0 means none, and 800. A body whose callers miss it lends nobody.
	Target      time.Duration `json:"target_ns,omitempty"`
	TargetShare int           `json:"target_share,omitempty"`
	// Overflow is the bodies whose agents may help, and after how long.
	Overflow []Overflow `json:"overflow,omitempty"`
	// KeepPlace is how long the place of a caller who dropped is kept for the next call
	// of the same Caller. 0 means not.
	KeepPlace time.Duration `json:"keep_place_ns,omitempty"`
	// TaskWithin makes each caller who leaves unserved a CallbackTask that is due after
	// this. 0 means no tasks.
	TaskWithin time.Duration `json:"task_within_ns,omitempty"`
}

// Config is how a router works. The zero value is usable and has no queue.
type Config struct {
	Queues map[QueueID]QueueConfig `json:"queues,omitempty"`
	// Bodies says how bodies lend and share agents.
	Bodies map[string]BodyConfig `json:"bodies,omitempty"`
	// ShareWindow is the time over which shares are held. 0 means 1 hour; at least 1 s.
	ShareWindow time.Duration `json:"share_window_ns,omitempty"`

	// MaxMisses offers in a row that rang out pause the agent. 0 means 3, negative never.
	MaxMisses int `json:"max_misses,omitempty"`
	// BusyRest is the rest of an agent whose phone was busy. 0 means 10 s; at least 1 s.
	BusyRest time.Duration `json:"busy_rest_ns,omitempty"`
	// DeclinedRest is the rest of an agent who refused a call. 0 means 5 s; at least 1 s.
	DeclinedRest time.Duration `json:"declined_rest_ns,omitempty"`
	// StationRetry is the first pause before a station that could not be rung is
	// tried again; it doubles up to StationRetryMax. 0 means 15 s; at least 1 s.
	StationRetry time.Duration `json:"station_retry_ns,omitempty"`
	// StationRetryMax is also how long a station reported down is left alone without
	// a word of its return: a lost StationUp costs this and no more. 0 means 5 min.
	StationRetryMax time.Duration `json:"station_retry_max_ns,omitempty"`
	// StationGrace: a station gone for less than this is expected back (see
	// Expected). 0 means 1 min.
	StationGrace time.Duration `json:"station_grace_ns,omitempty"`
	// PauseReturn is assumed for a pause without a return time. 0 means 15 min.
	PauseReturn time.Duration `json:"pause_return_ns,omitempty"`
	// CheckEvery asks by StillThere whether a waiting or talking call still exists.
	// Without a StillHere within CheckGrace the call counts as ended, so that even a
	// lost TalkEnded cannot hold an agent. 0 means never: switch it on only where
	// StillThere is answered, at least 1 s.
	CheckEvery time.Duration `json:"check_every_ns,omitempty"`
	// CheckGrace is the time for the answer. 0 means 30 s; at least 1 s.
	CheckGrace time.Duration `json:"check_grace_ns,omitempty"`
}

func orDefault(d, def, least time.Duration) time.Duration {
	if d == 0 {
		d = def
	}
	return bounded(d, least)
}

// withDefaults fills in what was left out and bounds the rest; idempotent.
func (q QueueConfig) withDefaults() QueueConfig {
	q.RingTimeout = orDefault(q.RingTimeout, 20*time.Second, time.Second)
	q.WrapUp = bounded(q.WrapUp, 0)
	q.WrapUpMax = max(orDefault(q.WrapUpMax, bounded(3*q.WrapUp, 0), 0), q.WrapUp)
	q.SetAside = bounded(q.SetAside, time.Second)
	q.MaxWait = bounded(q.MaxWait, 0)
	q.HandlePrior = orDefault(q.HandlePrior, 3*time.Minute, time.Second)
	switch q.There {
	case SignedIn, Working, Always:
	default:
		q.There = Expected
	}
	q.KeepPlace, q.TaskWithin = bounded(q.KeepPlace, 0), bounded(q.TaskWithin, 0)
	q.Needs = boundedNeeds(q.Needs)
	q.Score = q.Score.withDefaults()
	q.Preempt = q.Preempt && q.Emergency
	q.Target = bounded(q.Target, 0)
	if q.TargetShare = min(max(q.TargetShare, 0), 1000); q.TargetShare == 0 && q.Target > 0 {
		q.TargetShare = 800
	}
	q.Overflow = boundedOverflow(q.Overflow, q.Body)
	return q
}

// withDefaults fills in what was left out of everything but the queues; idempotent.
func (c Config) withDefaults() Config {
	if c.MaxMisses == 0 {
		c.MaxMisses = 3
	}
	c.BusyRest = orDefault(c.BusyRest, 10*time.Second, time.Second)
	c.DeclinedRest = orDefault(c.DeclinedRest, 5*time.Second, time.Second)
	c.StationRetry = orDefault(c.StationRetry, 15*time.Second, time.Second)
	c.StationRetryMax = max(orDefault(c.StationRetryMax, 5*time.Minute, time.Second), c.StationRetry)
	c.StationGrace = orDefault(c.StationGrace, time.Minute, time.Second)
	c.PauseReturn = orDefault(c.PauseReturn, 15*time.Minute, time.Second)
	if c.CheckEvery != 0 {
		c.CheckEvery = bounded(c.CheckEvery, time.Second)
	}
	c.CheckGrace = orDefault(c.CheckGrace, 30*time.Second, time.Second)
	if len(c.Bodies) > 0 {
		c.ShareWindow = orDefault(c.ShareWindow, time.Hour, time.Second)
	}
	return c
}
