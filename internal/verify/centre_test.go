package verify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"cagri/internal/event"
	"cagri/internal/journal"
	"cagri/internal/routing"
	"cagri/internal/store"
)

// centre writes the events of a call centre that keeps all its promises, with the
// real router choosing. Whoever tests plants a breach by alter.
type centre struct {
	dir    string // of recordings
	now    time.Time
	events []event.Event
	run    string
	runs   int
	n      uint64
	state  *routing.State
	seq    uint64 // of the router's inputs
	calls  map[string]*testCall
	ids    int
}

type testCall struct {
	id      string
	seq     uint64
	entry   int
	queue   string
	offer   routing.Decision
	agent   string // bridged with
	rec     bool
	waiting bool
}

var testQueues = routing.Config{Queues: map[routing.QueueID]routing.QueueConfig{
	"a": {There: routing.Always, WrapUp: 2 * time.Second}, "b": {There: routing.Always}, "c": {MaxWait: 25 * time.Second},
}}

func newCentre(dir string) *centre {
	c := &centre{dir: dir, now: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC), calls: map[string]*testCall{}}
	c.start()
	return c
}

// start begins a run: of the server and of its router.
func (c *centre) start() {
	c.runs++
	c.run, c.n, c.seq = fmt.Sprintf("RUN%d", c.runs), 0, 0
	c.own("", event.ServerStarted{Program: "test"})
	cfg, err := json.Marshal(testQueues)
	if err != nil {
		panic(err)
	}
	c.state = routing.New(testQueues)
	c.own("", event.RouterStarted{Config: cfg})
}

// own writes an event of no call.
func (c *centre) own(agent string, p event.Payload) {
	c.n++
	c.events = append(c.events, event.Event{ID: fmt.Sprintf("%s-%d", c.run, c.n), At: c.now, Body: "-", Agent: agent, Data: p})
}

func (c *centre) emit(k *testCall, agent string, p event.Payload) {
	k.seq++
	c.events = append(c.events, event.Event{ID: fmt.Sprintf("%s-%d", k.id, k.seq), At: c.now, Body: "108", Call: k.id, Agent: agent, Seq: k.seq, Data: p})
}

func (c *centre) pass(d time.Duration) { c.now = c.now.Add(d) }

// tell gives the router an input, records it, and follows the decisions.
func (c *centre) tell(ev routing.Event) {
	decisions := append([]routing.Decision(nil), routing.Apply(c.state, ev, c.now)...)
	if _, tick := ev.(routing.Tick); tick && len(decisions) == 0 {
		return
	}
	c.seq++
	in, err := routing.EncodeEvent(ev)
	if err != nil {
		panic(err)
	}
	rec := event.RouterInput{Seq: c.seq, NowNS: c.now.UnixNano(), Input: in}
	for _, d := range decisions {
		b, err := routing.EncodeDecision(d)
		if err != nil {
			panic(err)
		}
		rec.Decisions = append(rec.Decisions, b)
	}
	c.own("", rec)
	for _, d := range decisions {
		k := c.calls[string(d.Call)]
		switch {
		case d.Kind == routing.AgentMoved:
			c.own(string(d.Agent), event.AgentMoved{From: d.From.String(), To: d.To.String(), Reason: string(d.Reason), Call: string(d.Call)})
		case k == nil:
		case d.Kind == routing.Offer:
			k.offer = d
			c.emit(k, string(d.Agent), event.OfferMade{Offer: uint64(d.Offer), Agent: string(d.Agent), Queue: string(d.Queue), WaitedMS: d.Why.Waited.Milliseconds(), RouterSeq: c.seq})
		case d.Kind == routing.CallTimedOut, d.Kind == routing.NobodyThere:
			c.emit(k, "", event.QueueLeft{Queue: k.queue, Reason: string(d.Reason), WaitedMS: 1})
			k.waiting = false
		case d.Kind == routing.Withdraw:
			c.emit(k, string(d.Agent), event.OfferFailed{Offer: uint64(d.Offer), Agent: string(d.Agent), Reason: string(d.Reason)})
			k.offer = routing.Decision{}
		}
	}
}

func (c *centre) signIn(agent string, queues ...routing.QueueID) {
	c.tell(routing.AgentSignedIn{Agent: routing.AgentID(agent), Queues: queues, Ready: true})
}

// arrive brings a caller who has heard the notice.
func (c *centre) arrive() *testCall {
	c.ids++
	k := &testCall{id: fmt.Sprintf("CALL%05d", c.ids)}
	c.calls[k.id] = k
	c.emit(k, "", event.CallArrived{Called: "108", Calling: "+994501234567", Trunk: "carrier", SIPCallID: k.id})
	c.emit(k, "", event.CallAnswered{Codec: "PCMA"})
	c.emit(k, "", event.NoticePlayed{Language: "az", DurationMS: 4000})
	return k
}

func (c *centre) enqueue(k *testCall, queue string, priority int, head bool) {
	k.queue, k.waiting = queue, true
	k.entry++
	c.emit(k, "", event.QueueEntered{Queue: queue, Priority: priority, SinceMS: c.now.UnixMilli(), Returned: head})
	c.tell(routing.CallQueued{Call: routing.CallID(k.id), Queue: routing.QueueID(queue), Priority: priority, Since: c.now, Entry: k.entry, Head: head})
}

// answer: the agent who is rung for k picks up.
func (c *centre) answer(k *testCall) {
	d := k.offer
	c.tell(routing.OfferAnswered{Offer: d.Offer})
	c.emit(k, string(d.Agent), event.OfferAccepted{Offer: uint64(d.Offer), Agent: string(d.Agent)})
	c.emit(k, "", event.QueueLeft{Queue: k.queue, Reason: "answered", WaitedMS: 1})
	k.offer, k.waiting = routing.Decision{}, false
	c.bridge(k, string(d.Agent))
	if !k.rec {
		k.rec = true
		c.emit(k, "", event.RecordingStarted{Recording: k.id, File: k.id + ".wav"})
	}
}

func (c *centre) bridge(k *testCall, agent string) {
	k.agent = agent
	c.emit(k, agent, event.CallBridged{Agent: agent})
}

func (c *centre) unbridge(k *testCall, reason string) {
	agent := k.agent
	k.agent = ""
	c.emit(k, agent, event.CallUnbridged{Agent: agent, Reason: reason, TalkMS: 5})
	c.tell(routing.TalkEnded{Agent: routing.AgentID(agent), Call: routing.CallID(k.id)})
}

// lose: the agent's line is lost, the caller comes back to the head of the queue.
func (c *centre) lose(k *testCall) {
	c.unbridge(k, "agent_lost")
	c.enqueue(k, k.queue, 0, true)
}

func (c *centre) end(k *testCall) {
	outcome := "served"
	switch {
	case k.waiting:
		if k.offer.Offer != 0 {
			c.emit(k, string(k.offer.Agent), event.OfferFailed{Offer: uint64(k.offer.Offer), Agent: string(k.offer.Agent), Reason: "caller_left"})
			k.offer = routing.Decision{}
		}
		outcome = "abandoned"
		c.emit(k, "", event.QueueLeft{Queue: k.queue, Reason: "abandoned", WaitedMS: 1})
		delete(c.calls, k.id)
		c.tell(routing.CallLeft{Call: routing.CallID(k.id), Reason: "hung_up"})
	case k.agent != "":
		c.unbridge(k, "caller_hung_up")
	}
	if k.rec {
		c.close(k)
	}
	c.emit(k, "", event.CallEnded{By: "caller", Reason: "hung_up", Outcome: outcome, TotalMS: 10})
	delete(c.calls, k.id)
}

// close writes the recording to disk and into the journal.
func (c *centre) close(k *testCall) {
	audio := []byte("sound of " + k.id)
	if err := os.WriteFile(filepath.Join(c.dir, k.id+".wav"), audio, 0o600); err != nil {
		panic(err)
	}
	h := sha256.Sum256(audio)
	c.emit(k, "", event.RecordingClosed{Recording: k.id, File: k.id + ".wav", Bytes: int64(len(audio)), SHA256: hex.EncodeToString(h[:]), DurationMS: 5})
}

// served is one whole call.
func (c *centre) served(queue string) *testCall {
	k := c.arrive()
	c.enqueue(k, queue, 0, false)
	c.pass(time.Second)
	c.answer(k)
	c.pass(time.Second)
	c.end(k)
	c.pass(10 * time.Second)
	c.tell(routing.Tick{})
	return k
}

// day is a centre with a bit of everything: calls served and lost, a queue that
// builds up, a caller who comes back.
func day(dir string) *centre {
	c := newCentre(dir)
	c.signIn("aysel", "a", "b")
	c.served("a")
	c.served("b")
	first := c.arrive()
	c.enqueue(first, "a", 0, false)
	c.answer(first)
	var waiting []*testCall
	for i := range 4 {
		k := c.arrive()
		c.pass(time.Second)
		c.enqueue(k, "a", i%2, false)
		waiting = append(waiting, k)
	}
	c.end(waiting[0])
	c.signIn("murad", "a")
	c.lose(first)
	c.pass(30 * time.Second)
	c.tell(routing.Tick{}) // the phones rang out
	c.pass(30 * time.Second)
	c.tell(routing.Tick{})
	for range 12 {
		for _, k := range append([]*testCall{first}, waiting[1:]...) {
			if k.offer.Offer != 0 {
				c.answer(k)
				c.pass(time.Second)
				c.end(k)
			}
		}
		c.pass(3 * time.Second)
		c.tell(routing.Tick{})
	}
	return c
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// court is a journal, on a server of its own that tests can tamper with, and a
// database beside it.
type court struct {
	t      testing.TB
	server *server.Server
	js     jetstream.JetStream
	j      *journal.Journal
	s      *store.Store
	dir    string
}

func newCourt(t testing.TB) *court {
	t.Helper()
	c := &court{t: t, dir: t.TempDir()}
	srv, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	c.server = srv
	srv.Start()
	t.Cleanup(func() { srv.Shutdown(); srv.WaitForShutdown() })
	if !srv.ReadyForConnections(20 * time.Second) {
		t.Fatal("the server is not ready")
	}
	conn, err := nats.Connect(srv.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	if c.js, err = jetstream.New(conn); err != nil {
		t.Fatal(err)
	}
	c.fresh()
	return c
}

// fresh begins an empty journal and an empty database.
func (c *court) fresh() {
	c.t.Helper()
	if c.j != nil {
		c.j.Stop()
		_ = c.s.Close()
		if err := c.js.DeleteStream(context.Background(), "CAGRI"); err != nil {
			c.t.Fatal(err)
		}
	}
	var err error
	if c.j, err = journal.Open(journal.Config{Dir: c.t.TempDir(), URL: c.server.ClientURL()}, quiet()); err != nil {
		c.t.Fatal(err)
	}
	j := c.j
	c.t.Cleanup(j.Stop)
	if c.s, err = store.OpenScratch(context.Background()); err != nil {
		c.t.Fatal(err)
	}
	s := c.s
	c.t.Cleanup(func() { _ = s.Close() })
}

// at is e as the journal has it.
func at(t testing.TB, place uint64, e event.Event) journal.Stored {
	t.Helper()
	raw, err := event.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	return journal.At(place, 0, raw)
}

// again stores events as they are, also under ids that are there already.
func (c *court) again(events []event.Event) {
	c.t.Helper()
	for _, e := range events {
		b, err := event.Encode(e)
		if err != nil {
			c.t.Fatal(err)
		}
		c.raw(b)
	}
}

// raw stores bytes at the next place.
func (c *court) raw(b []byte) {
	c.t.Helper()
	if _, err := c.js.Publish(context.Background(), "cagri.again", b); err != nil {
		c.t.Fatal(err)
	}
}

// remove takes the event at a place out of the journal.
func (c *court) remove(place uint64) {
	c.t.Helper()
	s, err := c.js.Stream(context.Background(), "CAGRI")
	if err != nil {
		c.t.Fatal(err)
	}
	if err := s.SecureDeleteMsg(context.Background(), place); err != nil {
		c.t.Fatal(err)
	}
}

func (c *court) write(events []event.Event) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for _, e := range events {
		c.j.Append(e)
		if err := c.j.Flush(ctx); err != nil { // each at its own place
			c.t.Fatal(err)
		}
	}
}

// project brings the database up to the journal.
func (c *court) project() {
	c.t.Helper()
	var batch []journal.Stored
	if err := c.j.Replay(context.Background(), 0, func(st journal.Stored) error { batch = append(batch, st); return nil }); err != nil {
		c.t.Fatal(err)
	}
	if err := c.s.Project(context.Background(), batch); err != nil {
		c.t.Fatal(err)
	}
}

func (c *court) verify() Report {
	c.t.Helper()
	r, err := Run(context.Background(), c.j, c.s, Options{RecordDir: c.dir, Files: true, CatchUp: 100 * time.Millisecond})
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

func (c *court) hold(events []event.Event) Report {
	c.t.Helper()
	c.write(events)
	c.project()
	return c.verify()
}
