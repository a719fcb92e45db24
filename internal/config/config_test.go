package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func write(t *testing.T, text string) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), "cagri.yaml")
	if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestNoConfigurationIsComplete(t *testing.T) {
	c, values, err := Load("", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Directory().Check(func(n string) bool { return n == "default" }); err != nil {
		t.Fatal(err)
	}
	for _, v := range values {
		if v.Source != "default" {
			t.Errorf("%s comes from %s", v.Key, v.Source)
		}
	}
}

func TestVariableBeatsFileBeatsDefaultAndSourcesTellIt(t *testing.T) {
	file := write(t, "log: warn\nsip:\n  realm: fromfile\n  session_expires: 10m\n")
	c, values, err := Load(file, []string{"CAGRI_SIP_REALM=fromenv", "CAGRI_SIP_SESSION_EXPIRES=20m", "CAGRI_TEST_REQUIRE=1", "PATH=/bin", "CAGRI_SIP_LISTEN=udp:127.0.0.1:1,tcp:127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Log != "warn" || c.SIP.Realm != "fromenv" || c.SIP.SessionExpires != 20*time.Minute || len(c.SIP.Listen) != 2 {
		t.Fatalf("%+v", c.SIP)
	}
	src := map[string]string{}
	for _, v := range values {
		src[v.Key] = v.Source
	}
	if src["log"] != "file "+file || src["sip.realm"] != "variable CAGRI_SIP_REALM" || src["sip.min_se"] != "default" {
		t.Fatalf("%v", src)
	}
}

func TestListsReplaceDefaults(t *testing.T) {
	file := write(t, `
bodies: [{id: dost, name: DOST}]
numbers: [{dial: "142", body: dost}]
queues: [{id: q, body: dost, ring: 5s, wrap_up: 3s}]
phones: [{user: "1001", password: s3cret}]
agents: [{id: aysel, body: dost, phone: "1001", queues: [q]}]
trunks: [{name: aztelekom, from: ["10.1.0.0/24"], to: ["10.1.0.5:5060"], password: hush}]
`)
	c, values, err := Load(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	d := c.Directory()
	if err := d.Check(func(n string) bool { return n == "default" }); err != nil {
		t.Fatal(err)
	}
	if len(d.Bodies) != 1 || d.Queues[0].Ring != 5*time.Second || d.Queues[0].Target != 30*time.Second || d.Agents[0].Queues[0] != "q" {
		t.Fatalf("%+v", d)
	}
	for _, v := range values {
		if text := strings.ToLower(sprint(v.Value)); strings.Contains(text, "s3cret") || strings.Contains(text, "hush") {
			t.Errorf("%s shows a secret: %v", v.Key, v.Value)
		}
	}
}

func TestMistakesAreNamed(t *testing.T) {
	cases := map[string]struct{ text, want string }{
		"unknown key":           {"sip:\n  relm: x\n", `unknown key "sip.relm" (did you mean "sip.realm"?)`},
		"unknown key in a list": {"queues: [{id: q, body: b, rin: 5s}]", "rin"},
		"bare number":           {"media:\n  silence: 20\n", "with a unit"},
		"no YAML":               {"sip: [", "not valid YAML"},
		"bad listener":          {"sip:\n  listen: [\"sctp:1.2.3.4:5060\"]\n", "must be udp:host:port"},
		"tls without files":     {"sip:\n  listen: [\"tls:127.0.0.1:5061\"]\n", "sip.tls_cert"},
		"bad port range":        {"media:\n  port_min: 9\n", "at least 4 ports"},
		"postgres without dsn":  {"store:\n  driver: postgres\n", "connection string"},
		"short session":         {"sip:\n  min_se: 10s\n", "RFC 4028"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, _, err := Load(write(t, c.text), nil)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("want %q in the error, got %v", c.want, err)
			}
		})
	}
	if _, _, err := Load("", []string{"CAGRI_SIP_RELM=x"}); err == nil || !strings.Contains(err.Error(), "CAGRI_SIP_RELM") {
		t.Fatalf("unknown variable: %v", err)
	}
}

func sprint(v any) string { return fmt.Sprint(v) }
