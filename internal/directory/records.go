package directory

import (
	"time"

	"cagri/internal/calendar"
)

// Kind names a sort of record, as in `kind: body`.
type Kind string

// Kinds, in the order in which they are written down: each names only earlier ones,
// save for trees and queues' helpers.
const (
	KindSetting       Kind = "setting"
	KindBody          Kind = "body"
	KindSkill         Kind = "skill"
	KindService       Kind = "service"
	KindHall          Kind = "hall"
	KindQueue         Kind = "queue"
	KindNumber        Kind = "number"
	KindPhone         Kind = "phone"
	KindAgent         Kind = "agent"
	KindEntitlement   Kind = "entitlement"
	KindAccommodation Kind = "accommodation"
	KindKit           Kind = "kit"
	KindAttestation   Kind = "attestation"
	KindTrunk         Kind = "trunk"
)

// Record is one record of any kind: a pointer to one of the types below.
type Record interface {
	Kind() Kind
	// Key is the record's id within its kind.
	Key() string
	setKey(string)
	// refs are the records that this one names.
	refs(func(path string, kind Kind, id string))
}

// Body is a state body or institution (dövlət orqanı, qurumu).
//
// Tags of this and the other records: key is the name in YAML and JSON, "must" means
// that it may not be left out, default is what counts when it is; doc is for the
// reference in docs/directory.md.
type Body struct {
	ID        string        `key:"-"` // short and stable, part of journal subjects
	Name      string        `key:"name,must" doc:"name in Azerbaijani, as shown"`
	NameEN    string        `key:"name_en" doc:"name in English"`
	NameRU    string        `key:"name_ru" doc:"name in Russian"`
	Class     Class         `key:"class,must" doc:"which of the five classes of 1.4.1; outside: none of them, joined of its own will (R-1.4.1)"`
	Parent    string        `key:"parent" doc:"the body it stands under"`
	Act       Act           `key:"act" doc:"founding act: title, number, date"`
	Founded   calendar.Date `key:"founded" doc:"day of founding"`
	TaxID     string        `key:"tax_id" doc:"VÖEN, ten digits"`
	Centre    string        `key:"centre" doc:"the body whose call centre answers for it, such as 108 (D-4.1); none: its own"`
	Joined    calendar.Date `key:"joined" doc:"day from which that centre answers"`
	Address   string        `key:"address" doc:"legal address"`
	Source    string        `key:"source" doc:"where this is known from"`
	Certainty string        `key:"certainty" doc:"how certain it is: act, seen, known"`
}

// Act is a legal act.
type Act struct {
	Title  string        `key:"title" doc:"what it is called"`
	Number string        `key:"number" doc:"its number"`
	Date   calendar.Date `key:"date" doc:"day of signing"`
	Link   string        `key:"link" doc:"where it can be read"`
}

// Setting is a reading of the law, or another value that a person decided.
type Setting struct {
	ID     string `key:"-"`
	Value  string `key:"value,must" doc:"the value; see the table of settings"`
	Ground string `key:"ground,must" doc:"why it is so"`
	Author string `key:"author,must" doc:"who decided"`
}

// Skill is something an agent can be good at.
type Skill struct {
	ID   string `key:"-"`
	Name string `key:"name,must" doc:"name in Azerbaijani"`
	Body string `key:"body" doc:"whose skill it is; none: of all"`
	Note string `key:"note" doc:"what the levels 1 to 10 mean"`
}

// Service is what a body is called for: a branch of its tree (xidmət).
type Service struct {
	ID           string        `key:"-"`
	Body         string        `key:"body,must" doc:"whose it is"`
	Name         string        `key:"name,must" doc:"name in Azerbaijani"`
	NameEN       string        `key:"name_en" doc:"name in English"`
	NameRU       string        `key:"name_ru" doc:"name in Russian"`
	Parent       string        `key:"parent" doc:"the service it is a branch of"`
	Emergency    bool          `key:"emergency" doc:"used in emergencies or live 24/7 by law (R-2.6-emergency)"`
	Ground       string        `key:"ground" doc:"legal ground of emergency; must be there with it"`
	Confidential bool          `key:"confidential" doc:"callers' matters are confidential: remote agents only by name (reading R19)"`
	Remote       RemoteFit     `key:"remote" doc:"is it fit for remote answering (R-2.6-remote)"`
	Languages    []string      `key:"languages" doc:"az, en, ru …, the first is spoken unless the caller chooses"`
	Target       time.Duration `key:"target" default:"30s" doc:"an answer within this counts for the service level"`
	Hours        Hours         `key:"hours" doc:"opening hours; none: 24/7 for emergencies, else working days 09:00–18:00"`
	Longer       string        `key:"longer" doc:"longer hours considered: decision, reason, date (R-2.6-longer)"`
}

// RemoteFit is whether remote agents may answer, and why.
type RemoteFit struct {
	Fit    bool   `key:"fit" doc:"may remote agents answer; default no"`
	Ground string `key:"ground" doc:"why; must be there with fit: true"`
}

// Hall is a service hall (xidmət zalı) with its agents' places.
type Hall struct {
	ID      string `key:"-"`
	Body    string `key:"body,must" doc:"whose hall it is"`
	Name    string `key:"name,must" doc:"name in Azerbaijani"`
	Address string `key:"address" doc:"where it is"`
	Seats   int    `key:"seats,must" doc:"agents' places at one time (reading R3); a new count is a new version"`
}

// Number is what citizens dial.
type Number struct {
	Dial     string     `key:"-"` // digits as they arrive from the trunk after its rewriting rules
	Body     string     `key:"body,must" doc:"whose number it is: this body and those under it"`
	Flow     string     `key:"flow" default:"default" doc:"call flow that answers"`
	Service  string     `key:"service" doc:"service it leads to; none: the flow decides"`
	State    LiveState  `key:"state" default:"live" doc:"live, porting (answers, moves between operators), planned, retired"`
	Internal bool       `key:"internal" doc:"not told to citizens; does not count as a public number"`
	Ground   string     `key:"ground" doc:"why it stands beside the tree's other number (reading R15: own centre or contract under 3.2)"`
	Arrives  []string   `key:"arrives" doc:"other forms in which trunks deliver it"`
	Networks []Network  `key:"networks" doc:"how it is dialled and what it costs, network by network (R-2.11-1)"`
	Porting  *PortingOf `key:"porting" doc:"the move under way"`
}

// Network is a number as seen from one network.
type Network struct {
	Name    string        `key:"name,must" doc:"btrib, aztelekom, azercell, bakcell, nar …"`
	Fixed   bool          `key:"fixed" doc:"a wired network: there the call must be free (R-2.11-1)"`
	Dial    string        `key:"dial" doc:"what is dialled there, such as 012-16-58"`
	Tariff  Tariff        `key:"tariff" default:"unknown" doc:"free, charged or unknown"`
	Proof   string        `key:"proof" doc:"test call, operator's statement"`
	Checked calendar.Date `key:"checked" doc:"day of the proof"`
}

// PortingOf is a number's move between operators.
type PortingOf struct {
	From string        `key:"from,must" doc:"operator that gives it"`
	To   string        `key:"to,must" doc:"operator that takes it"`
	Day  calendar.Date `key:"day" doc:"planned day"`
}

// Queue is a line in which callers wait for agents.
type Queue struct {
	ID       string        `key:"-"`
	Body     string        `key:"body,must" doc:"whose callers wait here"`
	Name     string        `key:"name" doc:"name in Azerbaijani"`
	Ring     time.Duration `key:"ring" default:"20s" doc:"how long an agent's phone rings before the next agent is tried"`
	WrapUp   time.Duration `key:"wrap_up" default:"0s" doc:"time after a call to finish notes; 0s for none"`
	SetAside time.Duration `key:"set_aside" default:"30s" doc:"rest of an agent who did not answer"`
	MaxWait  time.Duration `key:"max_wait" default:"0s" doc:"after this the flow goes on; 0s for no limit"`
	Announce time.Duration `key:"announce" default:"45s" doc:"how often position and expected wait are told; 0s for never"`
	Target   time.Duration `key:"target" default:"30s" doc:"an answer within this counts for the service level"`
	Service  string        `key:"service" doc:"service it serves: takes over emergency, confidential, remote and hours"`
	Needs    []Need        `key:"needs" doc:"what an agent must bring, less the longer the caller waits"`
	Overflow []Overflow    `key:"overflow" doc:"other bodies' agents that help, and after how long"`
}

// Need is what a queue asks of an agent from a moment of the wait on.
type Need struct {
	After    time.Duration  `key:"after" doc:"from this time in the queue on; the first is 0s"`
	Skills   map[string]int `key:"skills" doc:"least level of each skill, 1 to 10"`
	Language int            `key:"language" doc:"least level in the caller's language, 1 to 10"`
}

// Overflow lets the agents of another body help after a while.
type Overflow struct {
	Body  string        `key:"body,must" doc:"whose agents help"`
	After time.Duration `key:"after" doc:"after this time in the queue"`
}

// Phone is a SIP account of a hall or remote phone.
type Phone struct {
	User     string `key:"-"`
	Password string `key:"-"` // plain or empty when HA1 is given; never kept in a Book
	HA1      string `key:"ha1,secret" doc:"hex of SHA-256(user:realm:password), in place of password"`
	HA1MD5   string `key:"ha1_md5,secret" doc:"the same with MD5, for phones that know nothing better"`
	MD5      bool   `key:"md5" doc:"make ha1_md5 too when a password is given"`
	Body     string `key:"body" doc:"whose it is"`
	Hall     string `key:"hall" doc:"the hall it stands in; none: not in a hall"`
}

// Agent is a person who answers (təmsilçi).
type Agent struct {
	ID        string         `key:"-"` // one key per person over all bodies
	Name      string         `key:"name,must" doc:"name of the person"`
	Body      string         `key:"body,must" doc:"employer"`
	Phone     string         `key:"phone" doc:"SIP account of the person's phone; none: a browser"`
	Queues    []string       `key:"queues" doc:"queues the person serves"`
	Skills    map[string]int `key:"skills" doc:"skills with level, 1 to 10"`
	Languages map[string]int `key:"languages" doc:"az, en, ru … with level, 1 to 10"`
	Hall      string         `key:"hall" doc:"usual hall; none with remote: true"`
	Remote    bool           `key:"remote" doc:"usually outside a hall: needs an entitlement and a kit"`
	Serves    []string       `key:"serves" doc:"other bodies the person serves"`
}

// Entitlement lets a person answer from outside the hall (R-2.6-remote). It holds while
// the record is valid.
type Entitlement struct {
	ID            string        `key:"-"`
	Agent         string        `key:"agent,must" doc:"the person"`
	Body          string        `key:"body,must" doc:"the body that decided"`
	Seats         string        `key:"seats,must" doc:"ground: agents' seats"`
	Secrecy       string        `key:"secrecy,must" doc:"ground: secrecy of the information"`
	Appeals       string        `key:"appeals,must" doc:"ground: confidentiality and number of appeals"`
	Accommodation bool          `key:"accommodation" doc:"staff with disabilities were weighed: a record of kind accommodation says how"`
	Author        string        `key:"author,must" doc:"who decided"`
	Act           string        `key:"act,must" doc:"order and number"`
	Decided       calendar.Date `key:"decided,must" doc:"day of the decision"`
	Review        calendar.Date `key:"review" doc:"day on which it is looked at again"`
	Queues        []string      `key:"queues" doc:"queues it is good for; none: every one that is fit"`
	Confidential  []string      `key:"confidential" doc:"confidential services the person may serve at home, by name (reading R19)"`
}

// Accommodation is what a person with a disability needs. It is kept apart from the
// agent, and is left out of lists and exports unless asked for by name.
type Accommodation struct {
	ID      string        `key:"-"`
	Agent   string        `key:"agent,must" doc:"the person"`
	Body    string        `key:"body,must" doc:"employer"`
	Needs   string        `key:"needs,must" doc:"what is provided; no diagnosis"`
	Author  string        `key:"author,must" doc:"who agreed to it"`
	Decided calendar.Date `key:"decided,must" doc:"day of the agreement"`
}

// Kit is the equipment of a remote agent.
type Kit struct {
	ID         string `key:"-"`
	Agent      string `key:"agent,must" doc:"who has it"`
	Body       string `key:"body,must" doc:"whose property it is"`
	Computer   string `key:"computer,must" doc:"make and inventory number (R-12.1-computer)"`
	Headset    string `key:"headset,must" doc:"make of the headset with noise cancelling (R-12.1-headset)"`
	Microphone string `key:"microphone,must" doc:"make of the microphone (R-12.1-headset)"`
	Software   string `key:"software" doc:"system and browser (R-12.1-software)"`
	Network    string `key:"network" doc:"line of the home and its speed"`
}

// Attestation is the word of a person that a kit is in order. It holds while the
// record is valid.
type Attestation struct {
	ID          string        `key:"-"`
	Kit         string        `key:"kit,must" doc:"which kit"`
	Author      string        `key:"author,must" doc:"who looked"`
	Day         calendar.Date `key:"day,must" doc:"when"`
	Computer    bool          `key:"computer" doc:"R-12.1-computer"`
	Software    bool          `key:"software" doc:"R-12.1-software"`
	Legislation bool          `key:"legislation" doc:"R-12.1-legislation"`
	CallerDB    bool          `key:"callerdb" doc:"R-12.1-callerdb"`
	Headset     bool          `key:"headset" doc:"R-12.1-headset"`
	Reference   bool          `key:"reference" doc:"R-12.1-reference"`
	Item113     []string      `key:"item_11_3" doc:"points of item 11.3 that hold, from the body's own list (R-12.2)"`
}

// Trunk is a carrier's line.
type Trunk struct {
	ID            string        `key:"-"`
	Body          string        `key:"body" doc:"who contracted it"`
	Operator      string        `key:"operator" doc:"the carrier"`
	From          []string      `key:"from" doc:"addresses or networks the carrier calls from"`
	To            []string      `key:"to" doc:"where calls go out: host[:port][;transport=tcp]"`
	User          string        `key:"user" doc:"our account at the carrier; none: it knows us by address"`
	Secret        string        `key:"secret" doc:"where its password is: env:NAME or file:/path, never the password"`
	Health        time.Duration `key:"health" default:"0s" doc:"interval of OPTIONS checks; 0s: none"`
	MaxCalls      int           `key:"max_calls" doc:"calls at once over this trunk; 0: no own bound"`
	Channels      int           `key:"channels" doc:"channels in the contract with the carrier (R-2.6-multichannel)"`
	TrustIdentity bool          `key:"trust_identity" doc:"accept P-Asserted-Identity from the carrier"`
}
