package sip

import (
	"strings"
	"testing"
	"time"
)

// Whoever answers is there, whatever the answer is; only a peer that fails twice, and
// the second time at a refresh, has lost the call.
func TestProbe(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		options int // answer to the OPTIONS; 0: none
		refresh int // to what follows; 0: none, -1: nothing follows
		update  bool
		over    bool
		bye     bool
	}{
		{"there", 200, -1, false, false, false},
		{"does not like OPTIONS", 405, -1, false, false, false},
		{"busy", 486, -1, false, false, false},
		{"broken", 500, -1, false, false, false},
		{"OPTIONS is beyond it, the call is not", 481, 200, false, false, false},
		{"the same with UPDATE", 481, 200, true, false, false},
		{"OPTIONS lost on the way", 0, 200, false, false, false},
		{"will not refresh now", 408, 491, false, false, false},
		{"will not refresh at all", 481, 488, false, false, false},
		{"lost the call", 481, 481, false, true, false},
		{"lost the call, UPDATE", 481, 481, true, true, false},
		{"cannot be reached by its proxy", 408, 408, false, true, true},
		{"vanished", 0, 0, false, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := start(t, shortT1(10*time.Millisecond))
			p := newPeer(r, "udp", carrierIP)
			var head []string
			if c.update {
				head = append(head, "Allow: INVITE, UPDATE")
			}
			d := establishOut(r, p, head...)
			if err := d.Probe(); err != nil {
				t.Fatal(err)
			}
			if err := d.Probe(); err != nil { // the first is still open: nothing more is sent
				t.Fatal(err)
			}
			o := p.take("OPTIONS")
			if o.h("CSeq") != "2 OPTIONS" || !strings.Contains(o.h("To"), "tag="+p.tag) {
				t.Errorf("%v", o.head)
			}
			if c.options != 0 {
				p.reply(o, c.options, "")
			}
			if c.refresh >= 0 {
				method, body := "INVITE", answer
				if c.update {
					method, body = "UPDATE", ""
				}
				m := p.take(method)
				if !c.update && m.body != offer {
					t.Error("a refresh changes nothing")
				}
				switch {
				case c.refresh >= 300:
					p.reply(m, c.refresh, "")
				case c.refresh != 0:
					p.reply(m, c.refresh, body)
				}
			}
			if c.bye {
				p.reply(p.take("BYE"), 200, "")
			}
			if c.over {
				if e := wait[Ended](t, d); e.By != Timeout {
					t.Errorf("%+v", e)
				}
				if d.Probe() == nil {
					t.Error("a call that is over can be probed")
				}
				return
			}
			eventually(t, "the probe is over", func() bool {
				d.Dialog.mu.Lock()
				defer d.Dialog.mu.Unlock()
				return !d.Dialog.probing && d.Dialog.mine == nil
			})
			none[Ended](t, d)
			none[Negotiated](t, d)
			if err := d.Probe(); err != nil {
				t.Error(err)
			}
			p.take("OPTIONS")
		})
	}
}

func TestProbeBeforeTheCallIsUp(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := newPeer(r, "udp", carrierIP)
	p.invite(offer)
	c := r.call()
	if c.Probe() == nil {
		t.Error("an unanswered call can be probed")
	}
	_ = c.Reject(486, "", 0)
	p.refuseAck(p.take("486 INVITE"))
}

// Max-Forwards is told to the owner, and what the owner passes on has one less.
func TestMaxForwardsIsCarriedOn(t *testing.T) {
	t.Parallel()
	r := start(t)
	for _, c := range []struct {
		line string
		in   int
		out  string
	}{
		{"Max-Forwards: 70\r\n", 70, "69"},
		{"", 70, "69"},
		{"Max-Forwards: 12\r\n", 12, "11"},
		{"Max-Forwards: 1\r\n", 1, "0"},
		{"Max-Forwards: 255\r\n", 255, "254"},
	} {
		p, q := newPeer(r, "udp", carrierIP), newPeer(r, "udp", carrierIP)
		p.send(strings.Replace(p.text("INVITE", offer), "Max-Forwards: 70\r\n", c.line, 1))
		d := r.call()
		if d.in.MaxForwards != c.in {
			t.Errorf("%q: read as %d", c.line, d.in.MaxForwards)
		}
		on := r.dial(DialRequest{Targets: []Target{q.target()}, SDP: []byte(offer), PassedOn: d.in.MaxForwards})
		m := q.take("INVITE")
		if got := m.h("Max-Forwards"); got != c.out {
			t.Errorf("%q: passed on with %q", c.line, got)
		}
		q.reply(m, 483, "")
		if ack := q.take("ACK"); ack.h("Max-Forwards") != c.out {
			t.Errorf("%q: ACK with %q", c.line, ack.h("Max-Forwards"))
		}
		if f := wait[Failed](t, on); f.Code != 483 {
			t.Errorf("%+v", f)
		}
		_ = d.Reject(483, "", 0)
		p.refuseAck(p.take("483 INVITE"))
	}
	p := newPeer(r, "udp", carrierIP)
	p.send(strings.Replace(p.text("INVITE", offer), "Max-Forwards: 70", "Max-Forwards: 0", 1))
	p.refuseAck(p.take("483 INVITE"))
	r.noCall()
	c := r.dial(DialRequest{Targets: []Target{p.target()}, SDP: []byte(offer)})
	m := p.take("INVITE")
	if m.h("Max-Forwards") != "70" {
		t.Errorf("a call of ours begins with %s", m.h("Max-Forwards"))
	}
	p.reply(m, 486, "")
	wait[Failed](t, c)
}
