package config

import (
	"net/netip"
	"time"

	"cagri/internal/directory"
)

// Config is the whole configuration. Field tags name the keys of the YAML file;
// the variable of a key is CAGRI_ and the path in capitals, e.g. CAGRI_SIP_REALM.
type Config struct {
	// Data is the folder of everything that must outlive the process.
	Data string `koanf:"data"`
	// Log is "debug", "info", "warn" or "error".
	Log string `koanf:"log"`

	SIP     SIP     `koanf:"sip"`
	Media   Media   `koanf:"media"`
	HTTP    HTTP    `koanf:"http"`
	Journal Journal `koanf:"journal"`
	Store   Store   `koanf:"store"`
	Limits  Limits  `koanf:"limits"`
	Outside Outside `koanf:"outside"`
	Stop    Stop    `koanf:"stop"`
	Flows   Flows   `koanf:"flows"`
	Prompts Prompts `koanf:"prompts"`
	Record  Record  `koanf:"recording"`

	Bodies  []Body   `koanf:"bodies"`
	Numbers []Number `koanf:"numbers"`
	Queues  []Queue  `koanf:"queues"`
	Agents  []Agent  `koanf:"agents"`
	Phones  []Phone  `koanf:"phones"`
	Trunks  []Trunk  `koanf:"trunks"`
}

// SIP is where and how we speak SIP.
type SIP struct {
	// Listen holds "udp:host:port", "tcp:host:port" or "tls:host:port".
	Listen []string `koanf:"listen"`
	// Advertise is the host put into Via and Contact; empty: the address of the
	// interface a request came in by.
	Advertise string `koanf:"advertise"`
	// Realm is the digest realm of the phones.
	Realm string `koanf:"realm"`
	// Digest lists the hashes offered to phones, strongest first: "SHA-256", "MD5".
	// Old phones that give up at SHA-256 need ["MD5"].
	Digest []string `koanf:"digest"`
	// TLSCert and TLSKey are PEM files; needed for a tls listener.
	TLSCert string `koanf:"tls_cert"`
	TLSKey  string `koanf:"tls_key"`
	// PhoneNetworks are where phones of the halls call from: a fault there is slowed
	// down, one of a stranger's address leads to a ban. They still need their password.
	PhoneNetworks []string `koanf:"phone_networks"`
	// SessionExpires and MinSE are the session timers of RFC 4028.
	SessionExpires time.Duration `koanf:"session_expires"`
	MinSE          time.Duration `koanf:"min_se"`
	// T1 is the round-trip estimate of RFC 3261; 500 ms unless a lab says otherwise.
	T1 time.Duration `koanf:"t1"`
}

// Media is where the sound goes.
type Media struct {
	// IP is the address RTP is bound to; empty: 127.0.0.1 when every SIP
	// listener is on loopback, else the address of the default route.
	IP string `koanf:"ip"`
	// Advertise is the address written into SDP; empty: IP.
	Advertise string `koanf:"advertise"`
	// PortMin and PortMax bound the RTP/RTCP ports, both included.
	PortMin uint16 `koanf:"port_min"`
	PortMax uint16 `koanf:"port_max"`
	// Silence without RTP ends a call after this long.
	Silence time.Duration `koanf:"silence"`
	// SRTP is "off", "offer" or "require", for legs on TLS signalling.
	SRTP string `koanf:"srtp"`
}

// HTTP is the door for programs and, later, the console.
type HTTP struct {
	Listen string `koanf:"listen"`
	// Token authorises calls of the API; empty: one is made and kept in Data.
	Token string `koanf:"token" secret:"true"`
}

// Journal is the event log.
type Journal struct {
	// URL of an external NATS with JetStream; empty: embedded.
	URL string `koanf:"url" secret:"true"`
	// Replicas of the stream on an external cluster.
	Replicas int `koanf:"replicas"`
}

// Store is the SQL projection.
type Store struct {
	// Driver is "sqlite" or "postgres".
	Driver string `koanf:"driver"`
	// DSN is the PostgreSQL connection string, or the SQLite file; empty: a file
	// in Data.
	DSN string `koanf:"dsn" secret:"true"`
}

// Limits guard running calls against too many new ones.
type Limits struct {
	// Calls is the most calls at once; 0: 400 for each core, the measured figure.
	Calls int `koanf:"calls"`
	// RetryAfter is told to whoever is refused.
	RetryAfter time.Duration `koanf:"retry_after"`
}

// Outside is which numbers may be called by the carriers. Calls of citizens never
// depend on it.
type Outside struct {
	// Allow are beginnings of numbers that agents' phones, transfers and numbers keyed in
	// for a call back may lead to: "+994", "0", "102"; "*" is every number. None: nobody.
	Allow []string `koanf:"allow"`
	// Calls is the most calls out at once.
	Calls int `koanf:"calls"`
}

// Stop is how the server goes down.
type Stop struct {
	// Wait is how long running calls may go on after a first stop signal.
	Wait time.Duration `koanf:"wait"`
}

// Flows are the call flows.
type Flows struct {
	// Dir holds <name>.yaml; "default" is built in unless a file replaces it.
	Dir string `koanf:"dir"`
}

// Prompts are the spoken phrases.
type Prompts struct {
	// Dir holds <language>/<phrase>.wav that replace built-in phrases.
	Dir string `koanf:"dir"`
}

// Record is the recording of talks.
type Record struct {
	// Off turns recording off; the law wants it on.
	Off bool `koanf:"off"`
	// Dir is where recordings go; empty: Data/recordings.
	Dir string `koanf:"dir"`
}

// Body, Number, Queue, Agent and Phone are the directory in the file.
type Body struct {
	ID   string `koanf:"id"`
	Name string `koanf:"name"`
}

type Number struct {
	Dial string `koanf:"dial"`
	Body string `koanf:"body"`
	Flow string `koanf:"flow"`
}

type Queue struct {
	ID       string        `koanf:"id"`
	Body     string        `koanf:"body"`
	Name     string        `koanf:"name"`
	Ring     time.Duration `koanf:"ring"`
	WrapUp   time.Duration `koanf:"wrap_up"`
	SetAside time.Duration `koanf:"set_aside"`
	MaxWait  time.Duration `koanf:"max_wait"`
	Announce time.Duration `koanf:"announce"`
	Target   time.Duration `koanf:"target"`
}

type Agent struct {
	ID     string   `koanf:"id"`
	Name   string   `koanf:"name"`
	Body   string   `koanf:"body"`
	Phone  string   `koanf:"phone"`
	Queues []string `koanf:"queues"`
}

type Phone struct {
	User     string `koanf:"user"`
	Password string `koanf:"password" secret:"true"`
	HA1      string `koanf:"ha1" secret:"true"`
}

// Trunk is a carrier.
type Trunk struct {
	Name string `koanf:"name"`
	// From lists addresses or networks (CIDR) the carrier calls from.
	From []string `koanf:"from"`
	// To lists where calls go out: "host[:port][;transport=tcp]".
	To []string `koanf:"to"`
	// User and Password are our account at the carrier: we register there and
	// answer its challenges. Empty: the carrier knows us by address.
	User     string `koanf:"user"`
	Password string `koanf:"password" secret:"true"`
	// Health is the interval of OPTIONS checks; 0: none.
	Health time.Duration `koanf:"health"`
	// MaxCalls bounds calls at once over this trunk; 0: no own bound.
	MaxCalls int `koanf:"max_calls"`
	// TrustIdentity accepts P-Asserted-Identity from the carrier (RFC 3325).
	TrustIdentity bool `koanf:"trust_identity"`
}

// Directory returns the directory part in domain types.
func (c *Config) Directory() *directory.Directory {
	d := &directory.Directory{}
	for _, b := range c.Bodies {
		d.Bodies = append(d.Bodies, directory.Body{ID: b.ID, Name: b.Name})
	}
	for _, n := range c.Numbers {
		if n.Flow == "" {
			n.Flow = "default"
		}
		d.Numbers = append(d.Numbers, directory.Number{Dial: n.Dial, Body: n.Body, Flow: n.Flow})
	}
	for _, q := range c.Queues {
		d.Queues = append(d.Queues, directory.Queue{
			ID: q.ID, Body: q.Body, Name: q.Name, Ring: orDefault(q.Ring, 20*time.Second), WrapUp: q.WrapUp,
			SetAside: orDefault(q.SetAside, 30*time.Second), MaxWait: q.MaxWait,
			Announce: orDefault(q.Announce, 45*time.Second), Target: orDefault(q.Target, 30*time.Second),
		})
	}
	for _, a := range c.Agents {
		d.Agents = append(d.Agents, directory.Agent{ID: a.ID, Name: a.Name, Body: a.Body, Phone: a.Phone, Queues: a.Queues})
	}
	for _, p := range c.Phones {
		d.Phones = append(d.Phones, directory.Phone{User: p.User, Password: p.Password, HA1: p.HA1})
	}
	return d
}

func orDefault(v, def time.Duration) time.Duration {
	if v == 0 {
		return def
	}
	return v
}

// Defaults is the configuration of a machine nobody has configured: loopback
// only, one body, one number, one queue, callers from this machine.
func Defaults() Config {
	return Config{
		Data: "cagri-data",
		Log:  "info",
		SIP: SIP{
			Listen: []string{"udp:127.0.0.1:5060", "tcp:127.0.0.1:5060"}, Realm: "cagri", Digest: []string{"SHA-256", "MD5"},
			PhoneNetworks:  []string{"127.0.0.1/32", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"},
			SessionExpires: 30 * time.Minute, MinSE: 90 * time.Second, T1: 500 * time.Millisecond,
		},
		Media:   Media{PortMin: 20000, PortMax: 27999, Silence: 20 * time.Second, SRTP: "offer"},
		HTTP:    HTTP{Listen: "127.0.0.1:8108"},
		Journal: Journal{Replicas: 1},
		Store:   Store{Driver: "sqlite"},
		Limits:  Limits{RetryAfter: 10 * time.Second},
		Outside: Outside{Allow: []string{}, Calls: 30},
		Stop:    Stop{Wait: 2 * time.Minute},
		Bodies:  []Body{{ID: "108", Name: "Nümunə dövlət orqanı (qurumu)"}},
		Numbers: []Number{{Dial: "108", Body: "108", Flow: "default"}},
		Queues:  []Queue{{ID: "general", Body: "108", Name: "Ümumi", Ring: 20 * time.Second, WrapUp: 10 * time.Second, SetAside: 30 * time.Second, Announce: 45 * time.Second, Target: 30 * time.Second}},
		Trunks:  []Trunk{{Name: "local", From: []string{"127.0.0.1/32"}, TrustIdentity: true}},
	}
}

// MediaIP parses Media.IP; the zero Addr when empty.
func (m Media) MediaIP() (netip.Addr, error) {
	if m.IP == "" {
		return netip.Addr{}, nil
	}
	return netip.ParseAddr(m.IP)
}
