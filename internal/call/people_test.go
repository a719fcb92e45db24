package call

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"cagri/internal/media"
	"cagri/internal/media/tone"
	"cagri/internal/sip"
	"cagri/internal/sip/trunk"
)

// end is one person's end of a call: a dialog, a line, and what was seen of both.
type end struct {
	r      *rig
	who    string
	wire   *wire
	callID string
	in     sip.Incoming        // of a call that came in
	offer  func([]byte) []byte // changes the offer of a call that goes out; may be nil
	names  *sip.Replaces       // the call that a call that goes out shall replace
	passed int                 // sip.DialRequest.PassedOn of a call that goes out

	mu     sync.Mutex // guards everything below
	d      *sip.Dialog
	leg    *media.Leg
	up     bool
	over   bool
	deaf   bool // vanished: hears and does nothing any more
	rang   bool
	code   int // final status of a refusal
	retry  time.Duration
	by     sip.By
	heard  uint64 // packets
	since  time.Time
	nagged bool
}

// speech is what people say, without end.
var speech = media.Playlist{Clips: [][]byte{tone.SpeechLike(1, 2*time.Second, 0)}, Loop: true}

func (e *end) sink(ev sip.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.over || e.deaf {
		return
	}
	switch ev := ev.(type) {
	case sip.Provisional:
		e.rang = true
	case sip.Answered:
		if err := e.leg.Accept(ev.SDP); err != nil {
			e.r.tap.wrong("%s does not understand the answer: %v", e.who, err)
			return
		}
		e.leg.Play(speech)
		e.up, e.since = true, time.Now()
	case sip.Offered:
		if ev.SDP == nil {
			if body, err := e.leg.Offer(); err == nil {
				_ = e.d.AnswerOffer(body)
			}
		} else if body, err := e.leg.Answer(ev.SDP); err == nil {
			_ = e.d.AnswerOffer(body)
		} else {
			_ = e.d.RefuseOffer(488, "")
		}
	case sip.Negotiated:
		_ = e.leg.Accept(ev.SDP)
	case sip.Failed:
		e.code, e.retry = ev.Code, ev.RetryAfter
		e.close()
	case sip.Cancelled:
		e.close()
	case sip.Ended:
		e.by = ev.By
		e.close()
	}
}

// close ends the line. mu is held.
func (e *end) close() {
	if e.over {
		return
	}
	e.over = true
	if e.leg != nil {
		e.leg.Close()
	}
}

// hangUp ends the call in whatever state it is: CANCEL, BYE or a refusal.
func (e *end) hangUp() {
	e.mu.Lock()
	d := e.d
	e.mu.Unlock()
	_ = d.End(sip.Reason{})
	e.mu.Lock()
	e.close()
	e.mu.Unlock()
}

// vanish is a broken line: nothing comes or goes any more, and nobody is told.
func (e *end) vanish() {
	e.wire.sever(e.callID)
	e.mu.Lock()
	e.deaf = true
	if e.leg != nil {
		e.leg.Close()
	}
	e.mu.Unlock()
}

// hold asks the server to send nothing, or to go on.
func (e *end) hold(on bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.over || e.deaf || !e.up {
		return
	}
	e.leg.SetHold(on)
	if body, err := e.leg.Offer(); err == nil {
		_ = e.d.Reinvite(body)
	}
}

func (e *end) is(f func(e *end) bool) func() bool {
	return func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		return f(e)
	}
}

func isUp(e *end) bool   { return e.up }
func isOver(e *end) bool { return e.over }

// stats are those of the line.
func (e *end) stats() media.Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.leg.Stats()
}

// call is the server's id of the call, waiting until it has one.
func (e *end) call() string {
	e.r.t.Helper()
	var id string
	e.r.await(e.who+"'s call arrives", func() bool { id = e.r.tap.ofSIP(e.callID); return id != "" })
	return id
}

var callerNumber atomic.Int64

// dial calls a number of the server from outside.
func (r *rig) dial(number string) *end {
	r.t.Helper()
	e, err := r.tryDial(number)
	if err != nil {
		r.t.Fatalf("a caller cannot dial: %v", err)
	}
	return e
}

func (r *rig) tryDial(number string) (*end, error) {
	n := 10000 + callerNumber.Add(1)
	e := &end{r: r, who: fmt.Sprintf("caller %d", n), wire: r.line}
	return e, e.dial(r.callers, "server", number, fmt.Sprintf("01249%05d", n))
}

// dial begins the call of e. It fails only when the machine does.
func (e *end) dial(ua *sip.UA, trunk, number, from string) (err error) {
	if e.leg, err = e.r.folk.NewLeg(media.LegOptions{Name: e.who, Sink: func(media.Event) {}}); err != nil {
		return err
	}
	offer, err := e.leg.Offer()
	if err != nil {
		return err
	}
	if e.offer != nil {
		offer = e.offer(offer)
	}
	e.mu.Lock() // the sink waits until the dialog is known
	defer e.mu.Unlock()
	e.d, err = ua.Dial(sip.DialRequest{
		Targets: ua.TrunkTargets(trunk, number), Trunk: trunk, ToUser: number, FromNumber: from, SDP: offer, RingTimeout: time.Minute,
		Replaces: e.names, PassedOn: e.passed,
	}, e.sink)
	if err != nil {
		return err
	}
	e.callID, _, _ = strings.Cut(e.d.ID(), ";local=")
	return nil
}

// phone is an agent's phone: a user agent of its own behind a wire of its own.
type phone struct {
	r    *rig
	user string
	ua   *sip.UA
	wire *wire
	wg   sync.WaitGroup

	mu      sync.Mutex // guards the two below
	onRing  func(*end) // what it does when it rings, on a goroutine of its own; nil: it rings on
	ends    []*end
	stopped bool
}

func newPhone(r *rig, user string, seed uint64) (*phone, error) {
	p := &phone{r: r, user: user}
	var err error
	if p.wire, err = newWire(phoneIP, r.server(), r.plan.Sky, seed); err != nil {
		return nil, err
	}
	if p.ua, err = sip.New(sip.Config{
		Listen: []sip.Listen{{Network: "udp", Addr: phoneIP + ":0"}}, T1: r.plan.T1, T2: 8 * r.plan.T1,
		Trunks: []trunk.Config{{
			Name: user, Targets: []string{p.wire.addr()}, AcceptFromTargets: true, Health: trunk.Health{Off: true}, Numbers: asIs,
			Registration: &trunk.Registration{User: user, Password: "pw" + user, Retry: time.Second, RetryMax: time.Second},
		}},
	}, p, r.log); err != nil {
		p.wire.near.Close()
		p.wire.far.Close()
		return nil, err
	}
	// What the phone has sent by now waits in the wire's socket.
	if err = p.ua.Start(context.Background()); err != nil {
		return nil, err
	}
	p.wire.start(p.ua.Addrs()[0].Addr)
	return p, nil
}

func (p *phone) stop() {
	p.mu.Lock()
	stopped := p.stopped
	p.stopped = true
	p.mu.Unlock()
	if stopped {
		return
	}
	p.ua.Stop()
	p.hangUpAll()
	p.wg.Wait()
	p.wire.stop()
}

// Invite implements sip.Handler.
func (p *phone) Invite(d *sip.Dialog, in sip.Incoming) {
	e := &end{r: p.r, who: "phone " + p.user, wire: p.wire, d: d, in: in, callID: in.CallID}
	p.wire.forge(in.CallID)
	d.SetSink(e.sink)
	p.mu.Lock()
	f := p.onRing
	p.ends = append(p.ends, e)
	p.mu.Unlock()
	_ = d.Ring()
	if f != nil {
		p.wg.Go(func() { f(e) })
	}
}

// PhoneChanged implements sip.Handler.
func (p *phone) PhoneChanged(string, bool) {}

// Alarm implements sip.Handler.
func (p *phone) Alarm(string, error) {}

// whenRung says what the phone does from now on.
func (p *phone) whenRung(f func(*end)) {
	p.mu.Lock()
	p.onRing = f
	p.mu.Unlock()
}

// rings is how often it has rung, and the last end of those.
func (p *phone) rings() (int, *end) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.ends) == 0 {
		return 0, nil
	}
	return len(p.ends), p.ends[len(p.ends)-1]
}

// last is the latest call that the phone was rung for.
func (p *phone) last() *end {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := len(p.ends) - 1; i >= 0; i-- {
		if p.ends[i].in.CallID != "" {
			return p.ends[i]
		}
	}
	return nil
}

// rung waits until it has rung n times.
func (p *phone) rung(n int) *end {
	p.r.t.Helper()
	var e *end
	p.r.await(fmt.Sprintf("phone %s rings for the %d. time", p.user, n), func() bool {
		var got int
		got, e = p.rings()
		return got >= n
	})
	return e
}

func (p *phone) hangUpAll() {
	p.mu.Lock()
	ends := append([]*end(nil), p.ends...)
	p.mu.Unlock()
	for _, e := range ends {
		e.mu.Lock()
		quiet := e.over || e.deaf
		e.mu.Unlock()
		if !quiet {
			e.hangUp()
		}
	}
}

// dial makes the phone call somebody: a feature code, a colleague, a number.
func (p *phone) dial(number string) *end {
	p.r.t.Helper()
	return p.place(number, &end{})
}

// replace makes the phone take the place that the far side of that has in its call.
func (p *phone) replace(that *end, how ...func(*sip.Replaces)) *end {
	p.r.t.Helper()
	return p.place("replace", &end{names: that.name(how...)})
}

// name is how the server knows the dialog of e.
func (e *end) name(how ...func(*sip.Replaces)) *sip.Replaces {
	e.mu.Lock()
	id := e.d.ID()
	e.mu.Unlock()
	callID, rest, _ := strings.Cut(id, ";local=")
	local, remote, _ := strings.Cut(rest, ";remote=")
	n := &sip.Replaces{CallID: callID, ToTag: remote, FromTag: local}
	for _, f := range how {
		f(n)
	}
	return n
}

// place begins the call e of the phone.
func (p *phone) place(number string, e *end) *end {
	p.r.t.Helper()
	e.r, e.who, e.wire = p.r, "phone "+p.user+" out", p.wire
	if err := e.dial(p.ua, p.user, number, p.user); err != nil {
		p.r.t.Fatalf("phone %s cannot dial: %v", p.user, err)
	}
	p.mu.Lock()
	p.ends = append(p.ends, e)
	p.mu.Unlock()
	return e
}

// pickUp answers; false when it is too late.
func (e *end) pickUp() bool {
	leg, err := e.r.folk.NewLeg(media.LegOptions{Name: e.who, Sink: func(media.Event) {}})
	if err != nil {
		e.r.tap.wrong("%s has no line: %v", e.who, err)
		return false
	}
	body, err := leg.Answer(e.in.SDP)
	if err != nil {
		leg.Close()
		e.r.tap.wrong("%s does not understand the offer: %v", e.who, err)
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.over || e.deaf || e.d.Answer(body) != nil {
		leg.Close()
		return false
	}
	e.leg, e.up, e.since = leg, true, time.Now()
	leg.Play(speech)
	return true
}

// answer is what a good agent does.
func answer(e *end) { e.pickUp() }

// refuse is what a phone does that sends a final status.
func refuse(status int) func(*end) {
	return func(e *end) {
		_ = e.d.Reject(status, "", 0)
		e.mu.Lock()
		e.close()
		e.mu.Unlock()
	}
}
