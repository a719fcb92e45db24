package trunk

import (
	"strings"
	"testing"
	"time"

	"cagri/internal/sip/digest"
)

// good is a configuration that uses every field.
func good() Config {
	return Config{
		Name: "aztelekom-1", Sources: []string{"203.0.113.0/24", "2001:db8::1"}, Login: &Login{User: "carrier", Secret: digest.Secret{Password: "x"}},
		AcceptFromTargets: true, Targets: []string{"203.0.113.5:5061;tls", "sip.example.az;transport=tls"},
		Health:       Health{Interval: time.Minute, Timeout: time.Second, DownAfter: 2, UpAfter: 1},
		Registration: &Registration{Domain: "example.az", User: "994125551234", Password: "p", Expires: 10 * time.Minute, Retry: time.Second, RetryMax: time.Minute},
		MaxCalls:     100, MaxCallsPerSecond: 20, TrustIdentity: true, SendIdentity: true, SRTP: SRTPRequire, DTMF: DTMFInfo, Codecs: []string{"PCMU"},
		Numbers: Numbers{Format: FormatNational, Area: "12", In: []Rule{{Prefix: "77", Strip: 2}}, Out: []Rule{{Prefix: "0", Add: "9"}}},
	}
}

func TestGoodConfigurations(t *testing.T) {
	for name, c := range map[string]Config{
		"everything":     good(),
		"by address":     {Name: "a", Sources: []string{"192.0.2.1"}},
		"by login":       {Name: "a", Login: &Login{User: "u", Secret: digest.Secret{HA1MD5: "x"}}},
		"calls out only": {Name: "a", Targets: []string{"sip.example.az"}},
		"health is off":  {Name: "a", Targets: []string{"192.0.2.1"}, Health: Health{Off: true, Interval: -1}},
	} {
		if err := c.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	d := Config{Name: "a", Targets: []string{"sip.example.az"}, Registration: &Registration{User: "7"}}.withDefaults()
	if r := d.Registration; r.Domain != "sip.example.az" || r.AuthUser != "7" || r.Contact != "7" || r.Expires != time.Hour || d.DTMF != DTMFEvents || d.SRTP != SRTPOff ||
		strings.Join(d.Codecs, " ") != "PCMA PCMU" || d.Health.Interval != 30*time.Second || d.Numbers.Country.Code != "994" {
		t.Errorf("%+v %+v", d, r)
	}
}

// Every field has its check, and the error names trunk and field.
func TestBadConfigurations(t *testing.T) {
	for field, change := range map[string]func(*Config){
		"name":                          func(c *Config) { c.Name = "a b" },
		"sources[1]: \"nonsense\"":      func(c *Config) { c.Sources[1] = "nonsense" },
		"sources[0]: 0.0.0.0/0":         func(c *Config) { c.Sources[0] = "0.0.0.0/0" },
		"sources[0]: \"::ffff:0:0/90\"": func(c *Config) { c.Sources[0] = "::ffff:0:0/90" },
		"login.user":                    func(c *Config) { c.Login.User = "" },
		"login.secret":                  func(c *Config) { c.Login.Secret = digest.Secret{} },
		"targets[0]":                    func(c *Config) { c.Targets[0] = "host:99999" },
		"targets[1]":                    func(c *Config) { c.Targets[1] = c.Targets[0] },
		"targets: neither":              func(c *Config) { c.Targets, c.Sources, c.Login = nil, nil, nil },
		"accept_from_targets":           func(c *Config) { c.Targets = nil },
		"registration: there":           func(c *Config) { c.Targets = nil },
		"health.interval":               func(c *Config) { c.Health.Interval = time.Millisecond },
		"health.timeout":                func(c *Config) { c.Health.Timeout = time.Hour },
		"health.down_after":             func(c *Config) { c.Health.DownAfter = -1 },
		"health.up_after":               func(c *Config) { c.Health.UpAfter = 1000 },
		"registration.user: is empty":   func(c *Config) { c.Registration.User = "" },
		"registration.user: only":       func(c *Config) { c.Registration.User = "a@b" },
		"registration.domain":           func(c *Config) { c.Registration.Domain = "a;b" },
		"registration.expires":          func(c *Config) { c.Registration.Expires = time.Second },
		"registration.retry:":           func(c *Config) { c.Registration.Retry = time.Millisecond },
		"registration.retry_max":        func(c *Config) { c.Registration.RetryMax = time.Millisecond },
		"max_calls:":                    func(c *Config) { c.MaxCalls = -1 },
		"max_calls_per_second":          func(c *Config) { c.MaxCallsPerSecond = -0.5 },
		"srtp: \"yes\"":                 func(c *Config) { c.SRTP = "yes" },
		"srtp: require needs TLS":       func(c *Config) { c.Targets[0] = "203.0.113.5;udp" },
		"dtmf":                          func(c *Config) { c.DTMF = "sms" },
		"codecs[0]: \"G729\"":           func(c *Config) { c.Codecs = []string{"G729"} },
		"codecs[1]":                     func(c *Config) { c.Codecs = []string{"PCMA", "PCMA"} },
		"numbers.country.code":          func(c *Config) { c.Numbers.Country = Country{"0", "0", "00", 9} },
		"numbers.country.trunk":         func(c *Config) { c.Numbers.Country = Country{"994", "0", "0", 9} },
		"numbers.country.national":      func(c *Config) { c.Numbers.Country = Country{"994", "0", "00", 13} },
		"numbers.format":                func(c *Config) { c.Numbers.Format = "x" },
		"numbers.area":                  func(c *Config) { c.Numbers.Area = "1234567" },
		"numbers.in[0]: prefix":         func(c *Config) { c.Numbers.In[0].Prefix = "x" },
		"numbers.out[0]: add":           func(c *Config) { c.Numbers.Out[0].Add = "a" },
		"numbers.in[0]: strip":          func(c *Config) { c.Numbers.In[0].Strip = 3 },
		"numbers.out[0]: lengths":       func(c *Config) { c.Numbers.Out[0] = Rule{Min: 5, Max: 4} },
	} {
		c := good()
		change(&c)
		err := c.Validate()
		if err == nil || !strings.Contains(err.Error(), field) || !strings.Contains(err.Error(), "trunk \""+c.Name+"\"") {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestSetReportsEverythingAtOnce(t *testing.T) {
	_, err := NewSet([]Config{
		{Name: "a", Sources: []string{"192.0.2.0/24"}, Login: &Login{User: "u", Secret: digest.Secret{Password: "x"}}},
		{Name: "a", Sources: []string{"198.51.100.1"}},
		{Name: "b", Sources: []string{"192.0.2.7/24"}, Login: &Login{User: "u", Secret: digest.Secret{Password: "x"}}},
		{Name: "c", MaxCalls: -1, Sources: []string{"x"}},
	}, Options{})
	for _, say := range []string{
		`trunk "a": name: another`, `trunk "b": sources: 192.0.2.0/24 also belongs to trunk "a"`, `trunk "b": login.user: "u" is also`,
		`trunk "c": max_calls`, `trunk "c": sources[0]`,
	} {
		if err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%q is missing in: %v", say, err)
		}
	}
}

func TestParseTarget(t *testing.T) {
	for in, want := range map[string]line{
		"203.0.113.5":                      {host: "203.0.113.5", transport: "udp"},
		"203.0.113.5:5080":                 {host: "203.0.113.5", port: 5080, transport: "udp"},
		"203.0.113.5;tls":                  {host: "203.0.113.5", transport: "tls"},
		"2001:db8::1":                      {host: "2001:db8::1", transport: "udp"},
		"[2001:db8::1]:5080;transport=tcp": {host: "2001:db8::1", port: 5080, transport: "tcp"},
		"sip:Carrier.Example.az.":          {host: "carrier.example.az"},
		"carrier.example.az;TLS":           {host: "carrier.example.az", transport: "tls"},
		"carrier.example.az:5060":          {host: "carrier.example.az", port: 5060, transport: "udp"},
		" carrier_1 ; transport=UDP ":      {host: "carrier_1", transport: "udp"},
	} {
		got, err := parseTarget(in)
		got.addr = line{}.addr
		if err != nil || got != want {
			t.Errorf("%q: %+v %v", in, got, err)
		}
	}
	for _, in := range []string{"", ";udp", "host:0", "host:x", "host:70000", "a b", "-a", "a..b", "host;sctp", "host;udp;tcp", "0.0.0.0", "224.0.0.1", "[::1", "a:b:c", "http://x", strings.Repeat("a", 64)} {
		if got, err := parseTarget(in); err == nil {
			t.Errorf("%q passed: %+v", in, got)
		}
	}
}

func FuzzParseTarget(f *testing.F) {
	for _, s := range []string{"203.0.113.5:5080;tls", "[2001:db8::1]:5080;transport=tcp", "sip:carrier.example.az;udp"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		l, err := parseTarget(s)
		if err != nil {
			return
		}
		if l.host == "" || strings.ContainsAny(l.host, " \r\n;<>@\"") {
			t.Fatalf("%q: %+v", s, l)
		}
		if l.addr.IsValid() {
			hosts, err := resolve(t.Context(), nil, "t", l)
			if err != nil || len(hosts) != 1 || hosts[0].targets[0].Addr.Port() == 0 {
				t.Fatalf("%q: %v %v", s, hosts, err)
			}
			if u := hosts[0].targets[0].URI("108"); strings.ContainsAny(u, " \r\n<>\"") {
				t.Fatalf("%q: %q", s, u)
			}
		}
	})
}

func TestTargetURI(t *testing.T) {
	for in, want := range map[string]string{
		"203.0.113.5":            "sip:108@203.0.113.5",
		"203.0.113.5:5080":       "sip:108@203.0.113.5:5080",
		"203.0.113.5;tls":        "sip:108@203.0.113.5;transport=tls",
		"[2001:db8::1]:5060;tcp": "sip:108@[2001:db8::1]:5060;transport=tcp",
	} {
		l, err := parseTarget(in)
		if err != nil {
			t.Fatal(err)
		}
		hosts, err := resolve(t.Context(), nil, "t", l)
		if err != nil {
			t.Fatal(err)
		}
		if got := hosts[0].targets[0].URI("108"); got != want {
			t.Errorf("%s: %s", in, got)
		}
	}
	if got := (Target{Host: "example.az", Transport: "udp"}).URI(""); got != "sip:example.az" {
		t.Error(got)
	}
}
