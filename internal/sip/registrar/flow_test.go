package registrar

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"
)

func tcp(addr string) Flow { return Flow{Transport: "tcp", Remote: netip.MustParseAddrPort(addr)} }

func TestNATIsSeen(t *testing.T) {
	d := newDesk(Config{MaxContacts: 50})
	for i, s := range []struct {
		uri  string
		flow Flow
		nat  bool
	}{
		{"sip:201@10.0.0.7", udp("10.0.0.7:5060"), false},
		{"sip:201@10.0.0.7:5062", udp("10.0.0.7:5062"), false},
		{"sip:201@192.168.1.5:5060", udp("85.132.1.1:31337"), true},
		{"sip:201@10.0.0.7:5060", udp("10.0.0.7:1024"), true},
		{"sip:201@10.0.0.7:5060", udp("[::ffff:10.0.0.7]:5060"), false},
		{"sip:201@[2001:db8::7]", udp("[2001:db8::7]:5060"), false},
		{"sip:201@10.0.0.7;transport=tcp", tcp("10.0.0.7:40000"), false},
		{"sip:201@192.168.1.5;transport=tcp", tcp("85.132.1.1:40000"), true},
		{"sip:201@phone.invalid;transport=ws", Flow{Transport: "ws", Remote: netip.MustParseAddrPort("10.0.0.7:40000")}, true},
	} {
		r := d.Register(Request{User: fmt.Sprint(i), CallID: "x", CSeq: 1, Expires: 60, Contacts: []ContactField{field(s.uri, 60)}, Flow: s.flow})
		if r.Code != 200 || r.Contacts[0].NAT != s.nat || r.Contacts[0].Flow != s.flow || r.Contacts[0].Transport != s.flow.Transport {
			t.Errorf("%s over %v: %+v", s.uri, s.flow, r)
		}
	}
}

func TestFlowGoesDown(t *testing.T) {
	d := newDesk(Config{})
	reg := func(uri string, f Flow, regID int) {
		d.cseq++
		c := field(uri, 60)
		if c.RegID = regID; regID > 0 {
			c.Instance = "urn:uuid:1"
		}
		d.Register(Request{User: "201", CallID: "x", CSeq: d.cseq, Expires: 60, Contacts: []ContactField{c}, Flow: f})
	}
	conn := tcp("10.0.0.7:40000")
	reg("sip:201@192.168.1.5;transport=tcp", conn, 0)    // behind NAT: goes
	reg("sip:201@10.0.0.7:40000;transport=tcp", conn, 0) // names the connection: goes
	reg("sip:201@10.0.0.7:5060;transport=tcp", conn, 7)  // outbound: goes
	reg("sip:201@10.0.0.7:5061;transport=tcp", conn, 0)  // listens: stays
	d.told = nil
	if n := d.FlowDown(udp("10.0.0.7:40000")); n != 0 {
		t.Errorf("UDP took %d", n)
	}
	if n := d.FlowDown(tcp("10.0.0.7:40001")); n != 0 {
		t.Errorf("another connection took %d", n)
	}
	if n := d.FlowDown(conn); n != 3 {
		t.Errorf("took %d", n)
	}
	list := d.Contacts("201")
	if len(list) != 1 || list[0].URI != "sip:201@10.0.0.7:5061;transport=tcp" || !list[0].Lost {
		t.Errorf("left %+v", list)
	}
	d.expect(t)
	reg("sip:201@10.0.0.7:5061;transport=tcp", tcp("10.0.0.7:40002"), 0)
	if list := d.Contacts("201"); list[0].Lost {
		t.Error("still lost after a new REGISTER")
	}
	reg("sip:201@10.0.0.7:5061;transport=tcp", Flow{Transport: "wss", Remote: conn.Remote}, 1)
	d.FlowDown(Flow{Transport: "wss", Remote: conn.Remote})
	d.expect(t)
	if len(d.flows) != 1 {
		t.Errorf("index of flows: %v", d.flows)
	}
}

func TestKeepAlive(t *testing.T) {
	d := newDesk(Config{KeepAlive: 20 * time.Second})
	d.put("201", field(a, 600))
	d.put("202", field("sip:202@10.0.0.7", 600)) // a second line of the same phone: one flow
	if due := d.DueKeepAlive(d.at()); len(due) != 0 {
		t.Errorf("due at once: %v", due)
	}
	if due := d.DueKeepAlive(d.pass(20 * time.Second)); len(due) != 1 {
		t.Errorf("%d due", len(due))
	}
	if due := d.DueKeepAlive(d.pass(10 * time.Second)); len(due) != 0 {
		t.Errorf("%d due again too soon", len(due))
	}
	if !d.Alive(udp("10.0.0.7:5060")) || d.Alive(udp("10.0.0.7:5061")) || d.Alive(tcp("10.0.0.7:5060")) {
		t.Error("which flow is a phone's")
	}
	for _, u := range []string{"201", "202"} {
		if c := d.Contacts(u)[0]; !c.Seen.Equal(d.at()) {
			t.Errorf("%s seen at %v", u, c.Seen)
		}
	}
	if due := d.DueKeepAlive(d.pass(19 * time.Second)); len(due) != 0 {
		t.Errorf("%d due although alive", len(due))
	}
	due := d.DueKeepAlive(d.pass(time.Second))
	if len(due) != 1 {
		t.Fatalf("%d due", len(due))
	}
	d.told = nil
	other := map[string]string{"201": "202", "202": "201"}[due[0].User]
	if !d.Unreachable(due[0]) || d.Unreachable(due[0]) {
		t.Error("the silent contact goes once")
	}
	d.expect(t, due[0].User+" false")
	if len(d.Contacts(other)) != 1 {
		t.Error("the other line went too")
	}
	// A contact refreshed after it was found silent stays.
	old := d.Contacts(other)[0]
	d.pass(time.Second)
	d.put(other, field(old.URI, 600))
	if d.Unreachable(old) {
		t.Error("a refreshed contact was removed")
	}
	if d.Alive(udp("10.0.0.7:5060")) != true {
		t.Error("flow forgotten")
	}
	d.pass(time.Hour)
	if d.Alive(udp("10.0.0.7:5060")) {
		t.Error("an expired contact is no phone")
	}
}

// A thousand phones that registered in one second are pinged in portions, each once per interval.
func TestKeepAliveComesInPortions(t *testing.T) {
	d := newDesk(Config{KeepAlive: 20 * time.Second})
	for i := range 1000 {
		d.Register(Request{User: fmt.Sprint(i), CallID: "x", CSeq: 1, Expires: 600, UserAgent: string(make([]byte, 500)),
			Contacts: []ContactField{field(fmt.Sprintf("sip:x@10.1.%d.%d", i/250, i%250), NotGiven)}, Flow: udp(fmt.Sprintf("10.1.%d.%d:5060", i/250, i%250))})
	}
	if got := len(d.Contacts("7")[0].UserAgent); got != maxUserAgent {
		t.Errorf("a User-Agent of %d bytes is kept", got)
	}
	d.pass(20 * time.Second)
	pinged := map[string]int{}
	for second := range 20 {
		due := d.DueKeepAlive(d.at())
		if want := map[bool]int{true: 200, false: 0}[second < 5]; len(due) != want {
			t.Errorf("second %d: %d due, expected %d", second, len(due), want)
		}
		for _, c := range due {
			pinged[c.User]++
		}
		d.pass(time.Second)
	}
	if len(pinged) != 1000 {
		t.Errorf("%d phones pinged", len(pinged))
	}
}

func TestUserAt(t *testing.T) {
	d := newDesk(Config{})
	d.put("202", field("sip:202@10.0.0.7", 600))
	d.put("201", field(a, 60))
	if u, ok := d.UserAt(udp("[::ffff:10.0.0.7]:5060")); !ok || u != "201" {
		t.Errorf("%q %v", u, ok)
	}
	d.pass(time.Minute)
	if u, ok := d.UserAt(udp("10.0.0.7:5060")); !ok || u != "202" {
		t.Errorf("after the first expired: %q %v", u, ok)
	}
	if _, ok := d.UserAt(udp("10.0.0.8:5060")); ok {
		t.Error("a stranger is a user")
	}
}

// The callback may call the registrar, and hears changes of one user in the order in which they happened, whoever makes them.
func TestChangesArriveInOrder(t *testing.T) {
	clk := newClock()
	var r *Registrar
	state := map[string]bool{}
	wrong, calls := 0, 0
	r = New(Config{}, clk.at, func(user string, registered bool) { // one call at a time: no lock needed, the race detector watches
		if state[user] == registered {
			wrong++
		}
		state[user] = registered
		calls++
		r.Contacts(user)
	})
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 500 {
				user := fmt.Sprint(200 + i%3)
				expires := int64(60 * (i % 2))
				r.Register(Request{User: user, CallID: fmt.Sprintf("w%d-%d", w, i), CSeq: 1, Expires: expires,
					Contacts: []ContactField{field(fmt.Sprintf("sip:%s@10.0.%d.1", user, w), NotGiven)}, Flow: udp("10.0.0.1:5060")})
			}
		})
	}
	wg.Wait()
	if wrong != 0 || calls == 0 {
		t.Errorf("%d of %d changes out of order", wrong, calls)
	}
	for user, registered := range state {
		if registered != (len(r.Contacts(user)) > 0) {
			t.Errorf("%s: told %v, has %v", user, registered, r.Contacts(user))
		}
	}
}
