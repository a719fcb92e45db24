package event

// CallArrived: an INVITE of a known source was accepted for handling.
type CallArrived struct {
	Called    string   `json:"called"`              // number dialled, normalised by the trunk's rules
	Calling   string   `json:"calling,omitempty"`   // number of the caller; empty when withheld
	Anonymous bool     `json:"anonymous,omitempty"` // the caller asked for privacy (RFC 3323)
	Trunk     string   `json:"trunk"`               // which carrier or phone it came by
	SIPCallID string   `json:"sip_call_id"`         // to find the call in a carrier's log
	Diversion []string `json:"diversion,omitempty"` // numbers it was diverted from, last first
	Secure    bool     `json:"secure,omitempty"`    // signalling came by TLS
}

// CallRefused: the call got a final error before it was answered.
type CallRefused struct {
	Status int    `json:"status"` // SIP status sent
	Reason string `json:"reason"` // "overload", "unknown_number", "no_media", "stopping"…
}

// CallAnswered: 200 was sent to the caller; the caller hears us from here.
type CallAnswered struct {
	Codec string `json:"codec"`
	SRTP  bool   `json:"srtp,omitempty"`
}

// FlowStep: the voice menu passed a node.
type FlowStep struct {
	Flow    string `json:"flow"`
	Text    string `json:"text,omitempty"` // hash of the flow's text
	Node    string `json:"node"`
	Step    string `json:"node_kind"` // "notice", "menu", "queue"…
	Outcome string `json:"outcome"`   // "entered", "key:1", "timeout", "wrong_key", "played"…
}

// NoticePlayed: the whole notice that the call is recorded was played out.
// No recording may start before it.
type NoticePlayed struct {
	Language   string `json:"language"`
	DurationMS int64  `json:"duration_ms"`
}

// LanguageChosen: the caller will be spoken to in this language from now on.
type LanguageChosen struct {
	Language string `json:"language"`
}

// QueueEntered: the caller waits. Since is the moment that counts for the order
// of service; it is older than the event when a place was kept.
type QueueEntered struct {
	Queue    string `json:"queue"`
	Priority int    `json:"priority,omitempty"`
	SinceMS  int64  `json:"since_ms"`           // Unix milliseconds
	Returned bool   `json:"returned,omitempty"` // came back after an agent's line was lost
}

// QueueAnnounced: the caller was told position and expected wait.
type QueueAnnounced struct {
	Queue    string `json:"queue"`
	Position int    `json:"position"`
	WaitS    int    `json:"wait_s"` // expected wait told, seconds; -1 when not told
}

// QueueLeft: the caller waits no more.
type QueueLeft struct {
	Queue    string `json:"queue"`
	Reason   string `json:"reason"` // "answered", "abandoned", "timed_out", "no_agents", "ended"
	WaitedMS int64  `json:"waited_ms"`
}

// OfferMade: the router chose an agent for the call.
type OfferMade struct {
	Offer      uint64 `json:"offer"`
	Agent      string `json:"agent"`
	Queue      string `json:"queue"`
	WaitedMS   int64  `json:"waited_ms"`
	AgentIdle  int64  `json:"agent_idle_ms"`
	Waiting    int    `json:"waiting"`    // callers waiting in the queue then
	Candidates int    `json:"candidates"` // agents who could have been offered the call
	RouterSeq  uint64 `json:"router_seq"` // input of the router that led to the decision
}

// OfferAccepted: the agent's line was picked up.
type OfferAccepted struct {
	Offer  uint64 `json:"offer"`
	Agent  string `json:"agent"`
	RingMS int64  `json:"ring_ms"`
}

// OfferFailed: the offer ended without an agent on the line.
type OfferFailed struct {
	Offer  uint64 `json:"offer"`
	Agent  string `json:"agent"`
	Reason string `json:"reason"` // "no_answer", "busy", "declined", "unreachable", "caller_left", "withdrawn"
	Status int    `json:"status,omitempty"`
	RingMS int64  `json:"ring_ms"`
}

// CallBridged: caller and agent hear each other.
type CallBridged struct {
	Agent string `json:"agent"`
	Offer uint64 `json:"offer,omitempty"`
	With  string `json:"with,omitempty"` // what the far side is when it is no agent: "number:<n>"
}

// CallUnbridged: they no longer do.
type CallUnbridged struct {
	Agent  string `json:"agent"`
	Reason string `json:"reason"` // "agent_hung_up", "caller_hung_up", "agent_lost", "transfer", "held"
	TalkMS int64  `json:"talk_ms"`
}

// RecordingStarted: from here what is said is kept.
type RecordingStarted struct {
	Recording string `json:"recording"`
	File      string `json:"file"`           // relative to the recordings folder
	What      string `json:"what,omitempty"` // "message" when the caller speaks alone; empty for talks
}

// RecordingMarked: keeping stopped or went on.
type RecordingMarked struct {
	Recording string `json:"recording"`
	Mark      string `json:"mark"` // "pause", "resume"
	Reason    string `json:"reason"`
}

// RecordingClosed: the file is complete and hashed.
type RecordingClosed struct {
	Recording     string `json:"recording"`
	File          string `json:"file"`
	DurationMS    int64  `json:"duration_ms"`
	Bytes         int64  `json:"bytes"`
	SHA256        string `json:"sha256"`
	CallerVoiceMS int64  `json:"caller_voice_ms"`
	AgentVoiceMS  int64  `json:"agent_voice_ms"`
	DroppedBlocks int    `json:"dropped_blocks,omitempty"`
	Repaired      bool   `json:"repaired,omitempty"` // closed by a later start after a crash
}

// RecordingFailed: the call went on, but its sound was not kept.
type RecordingFailed struct {
	Recording string `json:"recording"`
	Reason    string `json:"reason"`
}

// CallHeld: one side put the other on hold.
type CallHeld struct {
	By string `json:"by"` // "agent", "caller"
}

// CallResumed ends CallHeld.
type CallResumed struct {
	By string `json:"by"`
}

// TransferAsked: the agent wants the caller to speak with somebody else.
type TransferAsked struct {
	Agent    string `json:"agent"`
	Manner   string `json:"manner"` // "blind", "attended"
	Target   string `json:"target"`
	TargetIs string `json:"target_is"` // "agent", "queue", "number"
}

// TransferDone: the caller was handed over.
type TransferDone struct {
	From   string `json:"from"`
	Target string `json:"target"`
}

// TransferFailed: nobody took the caller; the first agent keeps or gets the call back.
type TransferFailed struct {
	From   string `json:"from"`
	Target string `json:"target"`
	Reason string `json:"reason"`
	Status int    `json:"status,omitempty"`
}

// CallbackPromised: the caller was told that we call back.
type CallbackPromised struct {
	Queue    string `json:"queue"`
	Number   string `json:"number"`             // whom to call
	Called   string `json:"called,omitempty"`   // the number that was dialled
	KeyedIn  bool   `json:"keyed_in,omitempty"` // by the caller; otherwise the number that called
	Manner   string `json:"manner"`             // "place": in the caller's turn, "booked": at DueMS
	SinceMS  int64  `json:"since_ms"`           // Unix milliseconds; the place that is kept
	DueMS    int64  `json:"due_ms,omitempty"`   // Unix milliseconds; the time that was chosen
	Priority int    `json:"priority,omitempty"`
	Language string `json:"language"`
}

// MessageLeft: the caller left a message; its recording has What "message".
type MessageLeft struct {
	Recording string `json:"recording"`
	VoiceMS   int64  `json:"voice_ms"` // of it somebody spoke
}

// CallRated: the caller's mark for the talk, from 1 (worst) to 5 (best).
type CallRated struct {
	Mark  int    `json:"mark"`
	Agent string `json:"agent,omitempty"` // with whom the caller spoke last
	Queue string `json:"queue,omitempty"`
}

// LegQuality is the closing account of one leg's media.
type LegQuality struct {
	Leg         string  `json:"leg"` // "caller", "agent:<id>"
	Codec       string  `json:"codec"`
	SRTP        bool    `json:"srtp,omitempty"`
	Received    uint64  `json:"received"` // RTP packets
	Sent        uint64  `json:"sent"`
	Lost        int64   `json:"lost"`
	JitterMS    float64 `json:"jitter_ms"`
	RTTMS       float64 `json:"rtt_ms,omitempty"`
	MOSMin      float64 `json:"mos_min,omitempty"` // ITU-T G.107 over 10 s windows; 0 when nothing was received
	MOSAvg      float64 `json:"mos_avg,omitempty"`
	WrongSource uint64  `json:"wrong_source,omitempty"`
}

// CallEnded is the last event of every call that arrived.
type CallEnded struct {
	By      string `json:"by"`     // "caller", "agent", "system"
	Reason  string `json:"reason"` // "hung_up", "no_agents", "media_lost", "no_ack", "stopping", "crash"…
	Status  int    `json:"status,omitempty"`
	TotalMS int64  `json:"total_ms"`
	QueueMS int64  `json:"queue_ms"`
	TalkMS  int64  `json:"talk_ms"`
	// Outcome is "served", "abandoned", "unserved" (nobody could answer), "promised" (we
	// call back), "message" (one was left), "self_served", "refused" or "failed".
	Outcome string `json:"outcome"`
}

func (CallArrived) Kind() Kind      { return "call.arrived" }
func (CallRefused) Kind() Kind      { return "call.refused" }
func (CallAnswered) Kind() Kind     { return "call.answered" }
func (FlowStep) Kind() Kind         { return "flow.step" }
func (NoticePlayed) Kind() Kind     { return "notice.played" }
func (LanguageChosen) Kind() Kind   { return "language.chosen" }
func (QueueEntered) Kind() Kind     { return "queue.entered" }
func (QueueAnnounced) Kind() Kind   { return "queue.announced" }
func (QueueLeft) Kind() Kind        { return "queue.left" }
func (OfferMade) Kind() Kind        { return "offer.made" }
func (OfferAccepted) Kind() Kind    { return "offer.accepted" }
func (OfferFailed) Kind() Kind      { return "offer.failed" }
func (CallBridged) Kind() Kind      { return "call.bridged" }
func (CallUnbridged) Kind() Kind    { return "call.unbridged" }
func (RecordingStarted) Kind() Kind { return "recording.started" }
func (RecordingMarked) Kind() Kind  { return "recording.marked" }
func (RecordingClosed) Kind() Kind  { return "recording.closed" }
func (RecordingFailed) Kind() Kind  { return "recording.failed" }
func (CallHeld) Kind() Kind         { return "call.held" }
func (CallResumed) Kind() Kind      { return "call.resumed" }
func (TransferAsked) Kind() Kind    { return "transfer.asked" }
func (TransferDone) Kind() Kind     { return "transfer.done" }
func (TransferFailed) Kind() Kind   { return "transfer.failed" }
func (CallbackPromised) Kind() Kind { return "callback.promised" }
func (MessageLeft) Kind() Kind      { return "message.left" }
func (CallRated) Kind() Kind        { return "call.rated" }
func (LegQuality) Kind() Kind       { return "leg.quality" }
func (CallEnded) Kind() Kind        { return "call.ended" }

func (CallArrived) Version() int      { return 1 }
func (CallRefused) Version() int      { return 1 }
func (CallAnswered) Version() int     { return 1 }
func (FlowStep) Version() int         { return 1 }
func (NoticePlayed) Version() int     { return 1 }
func (LanguageChosen) Version() int   { return 1 }
func (QueueEntered) Version() int     { return 1 }
func (QueueAnnounced) Version() int   { return 1 }
func (QueueLeft) Version() int        { return 1 }
func (OfferMade) Version() int        { return 1 }
func (OfferAccepted) Version() int    { return 1 }
func (OfferFailed) Version() int      { return 1 }
func (CallBridged) Version() int      { return 1 }
func (CallUnbridged) Version() int    { return 1 }
func (RecordingStarted) Version() int { return 1 }
func (RecordingMarked) Version() int  { return 1 }
func (RecordingClosed) Version() int  { return 1 }
func (RecordingFailed) Version() int  { return 1 }
func (CallHeld) Version() int         { return 1 }
func (CallResumed) Version() int      { return 1 }
func (TransferAsked) Version() int    { return 1 }
func (TransferDone) Version() int     { return 1 }
func (TransferFailed) Version() int   { return 1 }
func (CallbackPromised) Version() int { return 1 }
func (MessageLeft) Version() int      { return 1 }
func (CallRated) Version() int        { return 1 }
func (LegQuality) Version() int       { return 1 }
func (CallEnded) Version() int        { return 1 }
