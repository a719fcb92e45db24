package registrar

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"
)

type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)} }

func (c *clock) at() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) pass(d time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
	return c.t
}

// desk is a registrar with a hand-moved clock and a record of what it told.
type desk struct {
	*Registrar
	*clock
	told []string
	cseq uint32
}

func newDesk(cfg Config) *desk {
	d := &desk{clock: newClock()}
	d.Registrar = New(cfg, d.at, func(user string, registered bool) { d.told = append(d.told, fmt.Sprintf("%s %v", user, registered)) })
	return d
}

func udp(addr string) Flow { return Flow{Transport: "udp", Remote: netip.MustParseAddrPort(addr)} }

func field(uri string, expires int64) ContactField {
	return ContactField{URI: uri, Expires: expires, Q: NotGiven}
}

// put registers contacts of one user from 10.0.0.7:5060 over UDP with rising CSeq of one Call-ID.
func (d *desk) put(user string, contacts ...ContactField) Result {
	d.cseq++
	return d.Register(Request{User: user, CallID: "call-" + user, CSeq: d.cseq, Expires: NotGiven, Contacts: contacts, Flow: udp("10.0.0.7:5060")})
}

func (d *desk) expect(t *testing.T, told ...string) {
	t.Helper()
	if fmt.Sprint(d.told) != fmt.Sprint(told) {
		t.Errorf("told %v, expected %v", d.told, told)
	}
	d.told = nil
}

func uris(list []Contact) string {
	var out []string
	for _, c := range list {
		out = append(out, c.URI)
	}
	return strings.Join(out, " ")
}

const a, b, c, e = "sip:201@10.0.0.7", "sip:201@10.0.0.8", "sip:201@10.0.0.9", "sip:201@10.0.0.10"

func TestFirstAndLastContactAreTold(t *testing.T) {
	d := newDesk(Config{})
	if r := d.put("201", field(a, 60)); r.Code != 200 || len(r.Contacts) != 1 {
		t.Fatalf("%+v", r)
	}
	d.expect(t, "201 true")
	d.put("201", field(b, 120))
	d.put("201", field(a, 60))
	d.expect(t)
	d.put("201", field(a, 0))
	d.expect(t)
	if got := uris(d.Contacts("201")); got != b {
		t.Errorf("left: %s", got)
	}
	d.put("201", field(b, 0))
	d.expect(t, "201 false")
	d.put("201", field(b, 0)) // nothing to remove: no second word
	d.expect(t)
	if u, n := d.Size(); u != 0 || n != 0 {
		t.Errorf("%d users, %d contacts", u, n)
	}
}

func TestExpiry(t *testing.T) {
	d := newDesk(Config{})
	d.put("201", field(a, 60), field(b, 120))
	d.told = nil
	d.pass(60*time.Second - 1)
	if got := len(d.Contacts("201")); got != 2 {
		t.Errorf("%d contacts just before", got)
	}
	now := d.pass(1)
	if got := uris(d.Contacts("201")); got != b {
		t.Errorf("at the second: %s", got)
	}
	if n := d.Expire(now); n != 1 {
		t.Errorf("swept %d", n)
	}
	d.expect(t)
	if n := d.Expire(d.pass(time.Minute)); n != 1 {
		t.Errorf("swept %d", n)
	}
	d.expect(t, "201 false")
	if n := d.Expire(d.at()); n != 0 {
		t.Errorf("swept %d again", n)
	}
	d.expect(t)
}

// A phone whose time ran out between two sweeps and which registers again never was away for those who listen.
func TestReturnBeforeTheSweep(t *testing.T) {
	d := newDesk(Config{})
	d.put("201", field(a, 60))
	d.told = nil
	d.pass(2 * time.Minute)
	d.put("201", field(a, 60))
	d.Expire(d.at())
	d.expect(t)
}

func TestExpiryBounds(t *testing.T) {
	cfg := Config{MinExpires: 2 * time.Minute, MaxExpires: 30 * time.Minute, DefaultExpires: 10 * time.Minute}
	for name, c := range map[string]struct {
		header, param int64
		code          int
		granted       time.Duration
	}{
		"nothing said":                 {NotGiven, NotGiven, 200, 10 * time.Minute},
		"header":                       {300, NotGiven, 200, 5 * time.Minute},
		"parameter over header":        {300, 600, 200, 10 * time.Minute},
		"cut":                          {NotGiven, 3600, 200, 30 * time.Minute},
		"cut, absurd":                  {NotGiven, 1<<63 - 1, 200, 30 * time.Minute},
		"least":                        {NotGiven, 120, 200, 2 * time.Minute},
		"too brief":                    {NotGiven, 119, 423, 0},
		"too brief by header":          {1, NotGiven, 423, 0},
		"zero is removal, not brief":   {NotGiven, 0, 200, 0},
		"zero by header":               {0, NotGiven, 200, 0},
		"parameter over zero header":   {0, 300, 200, 5 * time.Minute},
		"zero parameter over a header": {300, 0, 200, 0},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(cfg)
			r := d.Register(Request{User: "201", CallID: "x", CSeq: 1, Expires: c.header, Contacts: []ContactField{field(a, c.param)}, Flow: udp("10.0.0.7:5060")})
			if r.Code != c.code {
				t.Fatalf("%+v", r)
			}
			if c.code == 423 {
				if r.MinExpires != 2*time.Minute || len(d.Contacts("201")) != 0 {
					t.Errorf("%+v", r)
				}
				return
			}
			if c.granted == 0 {
				if len(r.Contacts) != 0 {
					t.Errorf("%+v", r.Contacts)
				}
				return
			}
			if got := r.Contacts[0].ExpiresIn(d.at()); time.Duration(got)*time.Second != c.granted {
				t.Errorf("granted %d s", got)
			}
		})
	}
}

func TestStar(t *testing.T) {
	star := func(expires int64, callID string, cseq uint32, more ...ContactField) Request {
		return Request{User: "201", CallID: callID, CSeq: cseq, Expires: expires, Star: true, Contacts: more, Flow: udp("10.0.0.7:5060")}
	}
	for name, c := range map[string]struct {
		req  Request
		code int
		left int
	}{
		"all go":                        {star(0, "call-201", 9), 200, 0},
		"another Call-ID may, any CSeq": {star(0, "reboot", 1), 200, 0},
		"old CSeq":                      {star(0, "call-201", 2), 500, 2},
		"without Expires":               {star(NotGiven, "call-201", 9), 400, 2},
		"with another Expires":          {star(60, "call-201", 9), 400, 2},
		"with another contact":          {star(0, "call-201", 9, field(e, 0)), 400, 2},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(Config{})
			d.put("201", field(a, 60))
			d.put("201", field(b, 60))
			d.told = nil
			if r := d.Register(c.req); r.Code != c.code {
				t.Fatalf("%+v", r)
			}
			if got := len(d.Contacts("201")); got != c.left {
				t.Errorf("%d left", got)
			}
			if c.left == 0 {
				d.expect(t, "201 false")
			} else {
				d.expect(t)
			}
		})
	}
	d := newDesk(Config{})
	if r := d.Register(star(0, "x", 1)); r.Code != 200 {
		t.Errorf("of nothing: %+v", r)
	}
	d.expect(t)
}

// RFC 3261 section 10.3 step 7: within one Call-ID the CSeq must rise; another Call-ID (a rebooted phone) may begin anew.
func TestCallIDAndCSeq(t *testing.T) {
	d := newDesk(Config{})
	reg := func(callID string, cseq uint32, uri string, expires int64) int {
		return d.Register(Request{User: "201", CallID: callID, CSeq: cseq, Expires: NotGiven, Contacts: []ContactField{field(uri, expires)}, Flow: udp("10.0.0.7:5060")}).Code
	}
	for i, s := range []struct {
		callID  string
		cseq    uint32
		uri     string
		expires int64
		code    int
	}{
		{"x", 5, a, 600, 200}, {"x", 5, a, 60, 500}, {"x", 4, a, 0, 500}, {"x", 5, b, 60, 200}, {"x", 6, a, 60, 200},
		{"y", 1, a, 60, 200}, {"x", 2, a, 60, 200}, {"y", 2, a, 0, 200},
	} {
		if got := reg(s.callID, s.cseq, s.uri, s.expires); got != s.code {
			t.Errorf("step %d: %d", i, got)
		}
	}
	if got := uris(d.Contacts("201")); got != b {
		t.Errorf("left: %s", got)
	}
}

// All or nothing: one bad contact and none is changed.
func TestRequestIsAtomic(t *testing.T) {
	for name, bad := range map[string]ContactField{
		"too brief": field(c, 5), "no scheme": field("201@10.0.0.9", 60), "q above one": {URI: c, Expires: 60, Q: 1001}, "twice": field(b, 60),
		"other scheme": field("tel:201", 60), "no host": field("sip:201@", 60), "unknown transport": field(c+";transport=sctp2", 60),
		"too long": field("sip:"+strings.Repeat("2", 600)+"@x", 60), "bad port": field("sip:201@x:0", 60), "blank": field("sip:2 1@x", 60),
		"header injection": field("sip:201@x\r\nVia: y", 60), "bracket": field("sip:201@[::1", 60), "not v6": field("sip:201@[1.2.3.4]", 60),
		"after bracket": field("sip:201@[::1]x", 60), "angle": field("<sip:201@x>", 60),
		"instance with a line end": {URI: c, Expires: 60, Instance: "urn:a\r\nVia: x"}, "instance with a quote": {URI: c, Expires: 60, Instance: `a"b`},
		"instance too long": {URI: c, Expires: 60, Instance: strings.Repeat("u", 256)},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(Config{})
			d.put("201", field(a, 600))
			r := d.put("201", field(b, 60), field(a, 0), bad)
			if r.Code == 200 || r.Reason == "" || len(r.Contacts) != 0 {
				t.Fatalf("%+v", r)
			}
			if got := uris(d.Contacts("201")); got != a {
				t.Errorf("now: %s", got)
			}
		})
	}
	d := newDesk(Config{})
	if r := d.Register(Request{CallID: "x", CSeq: 1}); r.Code != 400 {
		t.Errorf("no user: %+v", r)
	}
	if r := d.Register(Request{User: "201", CSeq: 1}); r.Code != 400 {
		t.Errorf("no Call-ID: %+v", r)
	}
}

func TestQueryChangesNothing(t *testing.T) {
	d := newDesk(Config{})
	d.put("201", field(a, 60))
	d.told = nil
	r := d.Register(Request{User: "201", CallID: "other", CSeq: 1, Expires: NotGiven, Flow: udp("10.0.0.99:5060")})
	if r.Code != 200 || uris(r.Contacts) != a {
		t.Errorf("%+v", r)
	}
	d.expect(t)
}

// URIs that RFC 3261 section 19.1.4 holds equal are one binding.
func TestEqualURIs(t *testing.T) {
	d := newDesk(Config{MaxContacts: 20})
	for _, u := range []string{"sip:201@Phone.Example.az", "SIP:201@phone.example.AZ", "sip:%32%30%31@phone.example.az"} {
		d.put("201", field(u, 60))
	}
	if got := len(d.Contacts("201")); got != 1 {
		t.Errorf("%d bindings of one URI", got)
	}
	for _, u := range []string{"sip:201@phone.example.az:5060", "sips:201@phone.example.az", "sip:201@phone.example.az;transport=tcp", "sip:20A@phone.example.az", "sip:20a@phone.example.az"} {
		d.put("201", field(u, 60))
	}
	if got := len(d.Contacts("201")); got != 6 {
		t.Errorf("%d bindings: %s", got, uris(d.Contacts("201")))
	}
	d.put("201", field("sip:201@[2001:DB8:0::1]", 60))
	d.put("201", field("sip:201@[2001:db8::1];ob", 60))
	d.put("201", field("sip:201@[2001:db8::1]", 60))
	if got := len(d.Contacts("201")); got != 8 {
		t.Errorf("%d bindings: %s", got, uris(d.Contacts("201")))
	}
}

func TestBestContactFirst(t *testing.T) {
	d := newDesk(Config{})
	d.put("201", ContactField{URI: a, Expires: 60, Q: 500})
	d.pass(time.Second)
	d.put("201", field(b, 60))
	d.pass(time.Second)
	d.put("201", field(c, 60))
	d.put("201", ContactField{URI: e, Expires: 60, Q: 0})
	if got, want := uris(d.Contacts("201")), strings.Join([]string{c, b, a, e}, " "); got != want {
		t.Errorf("%s, expected %s", got, want)
	}
	list := d.Contacts("201")
	list[0].URI = "changed"
	if uris(d.Contacts("201")) == uris(list) {
		t.Error("the caller got the registrar's own list")
	}
}

func TestLimitOfContacts(t *testing.T) {
	d := newDesk(Config{MaxContacts: 2})
	d.put("201", field(a, 60))
	d.pass(time.Second)
	d.put("201", field(b, 60))
	d.pass(time.Second)
	d.put("201", field(a, 60))
	d.pass(time.Second)
	d.put("201", field(c, 60)) // b was refreshed longest ago
	if got := uris(d.Contacts("201")); got != c+" "+a {
		t.Errorf("%s", got)
	}
	if r := d.put("201", field(a, 60), field(b, 60), field(e, 60)); r.Code != 403 {
		t.Errorf("three at once: %+v", r)
	}
	if r := d.put("201", field(a, 0), field(c, 0), field(b, 60), field(e, 60)); r.Code != 200 || len(r.Contacts) != 2 {
		t.Errorf("an exchange: %+v", r)
	}
	d.expect(t, "201 true")

	d = newDesk(Config{MaxContacts: 2, RefuseWhenFull: true})
	d.put("201", field(a, 60), field(b, 60))
	if r := d.put("201", field(c, 60)); r.Code != 403 {
		t.Errorf("%+v", r)
	}
	if r := d.put("201", field(a, 60)); r.Code != 200 {
		t.Errorf("a refresh: %+v", r)
	}
	if r := d.Register(Request{User: "201", CallID: "z", CSeq: 1, Expires: 60, MaxContacts: 3, Contacts: []ContactField{field(c, 60)}, Flow: udp("10.0.0.7:5060")}); r.Code != 200 {
		t.Errorf("the account's own limit: %+v", r)
	}
}

// RFC 5626 section 6: a device that says who it is replaces its own binding when its address changes.
func TestInstanceReplacesItsOwnBinding(t *testing.T) {
	d := newDesk(Config{})
	with := func(uri string, reg int) ContactField {
		return ContactField{URI: uri, Expires: 60, Q: NotGiven, Instance: "urn:uuid:1", RegID: reg}
	}
	d.put("201", with(a, 1))
	d.put("201", with(b, 1))
	if got := uris(d.Contacts("201")); got != b {
		t.Errorf("%s", got)
	}
	d.put("201", with(b, 2)) // a second flow of the same device
	d.put("201", with(c, 0)) // without reg-id the URI counts
	if got := len(d.Contacts("201")); got != 3 {
		t.Errorf("%d bindings", got)
	}
}

func TestConfig(t *testing.T) {
	for name, c := range map[string]Config{
		"negative": {MinExpires: -1}, "min above an hour": {MinExpires: 2 * time.Hour}, "max below min": {MaxExpires: time.Second},
		"default outside": {DefaultExpires: 2 * time.Hour}, "negative contacts": {MaxContacts: -1},
	} {
		if err := c.Validate(); err == nil {
			t.Errorf("%s passed", name)
		}
		d := c.withDefaults()
		if d.MinExpires < time.Second || d.MaxExpires < d.MinExpires || d.DefaultExpires < d.MinExpires || d.DefaultExpires > d.MaxExpires || d.MaxContacts < 1 {
			t.Errorf("%s corrected to %+v", name, d)
		}
	}
	if err := (Config{}).Validate(); err != nil {
		t.Error(err)
	}
}
