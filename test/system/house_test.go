package system

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"cagri/internal/call"
	"cagri/internal/media/record"
	"cagri/internal/media/tone"
	"cagri/internal/stage"
	"cagri/internal/store"
)

// The addresses of the play, all on loopback.
const (
	serverIP   = "127.0.0.1"
	phoneIP    = "127.0.0.1"
	carrierIP  = "127.0.0.2"
	strangerIP = "127.0.0.9"
)

// Frequencies in Hz of what the server says in these tests.
const (
	noticeHz  = 620.0
	musicHz   = 380.0
	apologyHz = 880.0
)

// agentHz is the voice of the n-th agent.
func agentHz(n int) float64 { return 1000 + 300*float64(n) }

// plan is how a test's server is set up. The zero value is one agent, recording on
// and a flow of notice and queue whose prompts are short tones.
type plan struct {
	Agents   int
	Spoken   bool          // the real prompts and the shipped flow
	Ring     time.Duration // 20s
	SetAside time.Duration // 30s
	WrapUp   time.Duration
	Calls    int           // admission limit
	T1       time.Duration // 500ms
	Silence  time.Duration // 1m: many callers of these tests send no sound
	StopWait time.Duration // 3s
	TLS      bool          // a TLS listener with a certificate of this test
	SRTP     string
	Record   string // folder of the recordings
	Carrier  string // where citizens call from; carrierIP
	Ports    int    // RTP ports; 240
	Program  string // what is started as the server
}

// house is a running server and what a test knows of it.
type house struct {
	t      *testing.T
	plan   plan
	dir    string
	th     *stage.Theatre
	cert   string // PEM file, if TLS
	closed bool
}

// Ports are handed out in turn, all below the range that the kernel gives out by
// itself: sound from 8000 on, signalling from 20000 on. Two runs at once begin at
// different places.
var (
	nextSound = startAt()
	nextSIP   = startAt()
)

func startAt() *atomic.Int32 {
	n := new(atomic.Int32)
	n.Store(rand.Int32N(11000))
	return n
}

// rtpPorts finds n ports in a row that nobody uses now.
func rtpPorts(t *testing.T, n int) int {
	t.Helper()
	n += n % 2
	for range 200 {
		base := 8000 + (int(nextSound.Add(int32(n)))-n)%11000
		base -= base % 2
		free := base+n < 19990
		for p := base; free && p < base+n; p += max(n/16, 1) {
			free = udpFree(phoneIP, p)
		}
		if free {
			return base
		}
	}
	t.Fatal("no free RTP ports below 20000")
	return 0
}

func udpFree(ip string, port int) bool {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(ip), Port: port})
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

// freePort gives a port on which n in a row are free for UDP and TCP.
func freePort(t *testing.T, ip string, n int) int {
	t.Helper()
	for range 200 {
		port := 20000 + (int(nextSIP.Add(int32(n)))-n)%11000
		free := true
		for p := port; free && p < port+n; p++ {
			ln, err := net.Listen("tcp4", net.JoinHostPort(ip, fmt.Sprint(p)))
			if err == nil {
				_ = ln.Close()
			}
			free = err == nil && udpFree(ip, p)
		}
		if free {
			return port
		}
	}
	t.Fatal("no free port on " + ip)
	return 0
}

// password of every phone.
const password = "a-long-enough-secret"

func user(n int) string    { return fmt.Sprint(1001 + n) }
func agentID(n int) string { return fmt.Sprintf("agent%d", n) }

// open starts a server. It is stopped at the end of the test, and its log is shown
// if the test failed.
func open(t *testing.T, p plan) *house {
	t.Helper()
	h := &house{t: t, plan: p, dir: t.TempDir()}
	if p.Agents == 0 {
		p.Agents = 1
	}
	text := h.config(p)
	var err error
	if p.Program == "" {
		p.Program = program
	}
	h.plan = p
	h.th, err = stage.Launch(context.Background(), p.Program, h.dir, text, slog.New(slog.DiscardHandler))
	t.Cleanup(func() {
		if t.Failed() && !h.closed {
			h.tellAll()
		}
		if !h.closed {
			h.stop()
		}
		if t.Failed() {
			t.Logf("the server's log:\n%s", h.log())
		}
	})
	if err != nil {
		h.closed = true
		t.Fatal(err)
	}
	return h
}

func (h *house) config(p plan) func(string) string {
	def := func(d, usual time.Duration) time.Duration {
		if d == 0 {
			return usual
		}
		return d
	}
	var b strings.Builder
	line := func(format string, a ...any) { fmt.Fprintf(&b, format+"\n", a...) }
	listen := []string{`"udp:127.0.0.1:0"`, `"tcp:127.0.0.1:0"`}
	if p.TLS {
		cert, key := selfSigned(h.t, h.dir)
		h.cert = cert
		listen = append(listen, `"tls:127.0.0.1:0"`)
		line("sip: {listen: [%s], digest: [MD5], t1: %s, tls_cert: %s, tls_key: %s}", strings.Join(listen, ", "), def(p.T1, 500*time.Millisecond), cert, key)
	} else {
		line("sip: {listen: [%s], digest: [MD5], t1: %s}", strings.Join(listen, ", "), def(p.T1, 500*time.Millisecond))
	}
	ports := p.Ports
	if ports == 0 {
		ports = 240
	}
	low := rtpPorts(h.t, ports)
	srtp := "offer"
	if p.SRTP != "" {
		srtp = p.SRTP
	}
	line("media: {ip: 127.0.0.1, port_min: %d, port_max: %d, silence: %s, srtp: %s}", low, low+ports-1, def(p.Silence, time.Minute), srtp)
	line("http: {listen: 127.0.0.1:0}")
	line("log: info")
	line("stop: {wait: %s}", def(p.StopWait, 3*time.Second))
	if p.Calls > 0 {
		line("limits: {calls: %d, retry_after: 7s}", p.Calls)
	}
	if p.Record != "" {
		line("recording: {dir: %s}", p.Record)
	}
	line(`bodies: [{id: "b", name: "Test body"}]`)
	flow := "default"
	if !p.Spoken {
		flow = "short"
		h.prompts()
		line("flows: {dir: %s}", filepath.Join(h.dir, "flows"))
		line("prompts: {dir: %s}", filepath.Join(h.dir, "prompts"))
	}
	line(`numbers: [{dial: "108", body: b, flow: %s}]`, flow)
	line("queues: [{id: general, body: b, name: General, ring: %s, wrap_up: %s, set_aside: %s, max_wait: 10m, announce: 5m, target: 30s}]",
		def(p.Ring, 20*time.Second), def(p.WrapUp, 0), def(p.SetAside, 30*time.Second))
	carrier := carrierIP
	if p.Carrier != "" {
		carrier = p.Carrier
	}
	line(`trunks: [{name: carrier, from: ["%s/32"], trust_identity: true}]`, carrier)
	line("phones:")
	for i := range p.Agents {
		line(`  - {user: "%s", password: "%s"}`, user(i), password)
	}
	line("agents:")
	for i := range p.Agents {
		line(`  - {id: %s, name: "Agent %d", body: b, phone: "%s", queues: [general]}`, agentID(i), i, user(i))
	}
	return func(data string) string { return "data: " + data + "\n" + b.String() }
}

// prompts writes a flow of notice and queue, and tones in place of speech.
func (h *house) prompts() {
	h.t.Helper()
	flow := `start: notice
nodes:
  notice: {notice: notice.recorded, next: people}
  people: {queue: general, no_agents: sorry, timed_out: sorry, closed: sorry}
  sorry: {end: goodbye}
`
	write := func(name string, b []byte) {
		file := filepath.Join(h.dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			h.t.Fatal(err)
		}
		if err := os.WriteFile(file, b, 0o600); err != nil {
			h.t.Fatal(err)
		}
	}
	write("flows/short.yaml", []byte(flow))
	write("prompts/music.al", tone.Sine(musicHz, time.Second, 0.3))
	write("prompts/az/notice.recorded.al", tone.Sine(noticeHz, 500*time.Millisecond, 0.3))
	write("prompts/az/queue.apology.al", tone.Sine(apologyHz, time.Second, 0.3))
	write("prompts/az/goodbye.al", tone.Sine(500, 300*time.Millisecond, 0.3))
}

// sip is the server's UDP address.
func (h *house) sip() string { return h.th.SIP() }

// at is the server's address on a network: "udp", "tcp" or "tls".
func (h *house) at(network string) string {
	for _, l := range h.th.Where.SIP {
		if a, ok := strings.CutPrefix(l, network+":"); ok {
			return a
		}
	}
	h.t.Fatalf("the server does not listen on %s: %v", network, h.th.Where.SIP)
	return ""
}

func (h *house) log() string {
	b, _ := os.ReadFile(filepath.Join(h.dir, "server.log"))
	return string(b)
}

// stop ends the server in order.
func (h *house) stop() {
	h.closed = true
	if err := h.th.Close(); err != nil {
		h.t.Errorf("the server did not end in order: %v", err)
	}
	if log := h.log(); strings.Contains(log, "DATA RACE") || strings.Contains(log, "panic") {
		h.t.Errorf("the server's log shows a fault of the program:\n%s", log)
	}
}

// kill ends the server as a power cut would.
func (h *house) kill() {
	h.closed = true
	h.th.Kill()
}

// again starts the server on the same data.
func (h *house) again() {
	h.t.Helper()
	if err := h.th.Restart(context.Background(), h.plan.Program, slog.New(slog.DiscardHandler)); err != nil {
		h.t.Fatal(err)
	}
	h.closed = false
}

// tellAll logs every step of the newest calls.
func (h *house) tellAll() {
	var out struct {
		Calls []store.Call `json:"calls"`
	}
	if h.do("GET", "/v1/calls?limit=5", nil, &out) != nil {
		return
	}
	for _, c := range out.Calls {
		var d store.CallDetail
		if h.do("GET", "/v1/calls/"+c.ID, nil, &d) != nil {
			return
		}
		var b strings.Builder
		for _, s := range d.Steps {
			fmt.Fprintf(&b, "%s  %-18s %s\n", s.At.Format("15:04:05.000"), s.Kind, s.Data)
		}
		h.t.Logf("call %s (%s):\n%s", c.ID, c.SIPCallID, b.String())
	}
	h.t.Logf("agents: %+v", h.agents())
}

func (h *house) signal(s syscall.Signal) {
	h.t.Helper()
	if err := syscall.Kill(h.th.PID(), s); err != nil {
		h.t.Fatal(err)
	}
}

// do asks the server's HTTP door.
func (h *house) do(method, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return h.th.Client.Do(ctx, method, path, in, out)
}

func (h *house) mustDo(method, path string, in, out any) {
	h.t.Helper()
	if err := h.do(method, path, in, out); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) board() call.Board {
	h.t.Helper()
	var b struct {
		Calls   []call.View `json:"calls"`
		Arrived uint64      `json:"arrived"`
		Refused uint64      `json:"refused"`
		Limit   int         `json:"limit"`
	}
	h.mustDo("GET", "/v1/board", nil, &b)
	return call.Board{Calls: b.Calls, Arrived: b.Arrived, Refused: b.Refused, Limit: b.Limit}
}

func (h *house) agents() map[string]call.AgentView {
	h.t.Helper()
	var out struct {
		Agents []call.AgentView `json:"agents"`
	}
	h.mustDo("GET", "/v1/agents", nil, &out)
	m := map[string]call.AgentView{}
	for _, a := range out.Agents {
		m[a.ID] = a
	}
	return m
}

func (h *house) agentDo(n int, action string) {
	h.t.Helper()
	h.mustDo("POST", "/v1/agents/"+agentID(n)+"/state", map[string]string{"action": action}, nil)
}

// agentIs waits for an agent's state.
func (h *house) agentIs(n int, state string) {
	h.t.Helper()
	until(h.t, fmt.Sprintf("agent %d is %s", n, state), func() bool { return h.agents()[agentID(n)].State == state })
}

// ready signs agents in and waits until calls can reach them.
func (h *house) ready(agents ...int) {
	h.t.Helper()
	for _, n := range agents {
		h.agentDo(n, "sign_in")
	}
	for _, n := range agents {
		h.agentIs(n, "ready")
	}
}

// calls lists all calls of the journal's projection, newest first.
func (h *house) calls() []store.Call {
	h.t.Helper()
	var out struct {
		Calls []store.Call `json:"calls"`
	}
	h.mustDo("GET", "/v1/calls?limit=1000", nil, &out)
	return out.Calls
}

// callOf waits for the call with that SIP Call-ID.
func (h *house) callOf(sipID string) store.Call {
	h.t.Helper()
	var found store.Call
	until(h.t, "the call "+sipID+" is in the journal", func() bool {
		for _, c := range h.calls() {
			if c.SIPCallID == sipID {
				found = c
				return true
			}
		}
		return false
	})
	return found
}

// cli runs the program's command line against the server.
func (h *house) cli(args ...string) ([]byte, error) {
	cmd := exec.Command(program, append([]string{"--config", filepath.Join(h.dir, "server.yaml")}, args...)...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("cagri %s: %w: %s%s", strings.Join(args, " "), err, out, errs.Bytes())
	}
	return out, err
}

// show reads a call as `cagri calls show --json` prints it.
func (h *house) show(id string) store.CallDetail {
	h.t.Helper()
	out, err := h.cli("--json", "calls", "show", id)
	if err != nil {
		h.t.Fatal(err)
	}
	var d store.CallDetail
	if err := json.Unmarshal(out, &d); err != nil {
		h.t.Fatalf("cagri calls show: %v\n%s", err, out)
	}
	return d
}

// detail reads a call over HTTP.
func (h *house) detail(id string) store.CallDetail {
	h.t.Helper()
	var d store.CallDetail
	h.mustDo("GET", "/v1/calls/"+id, nil, &d)
	return d
}

// steps are the data of every event of a kind in a call, in order.
func steps(d store.CallDetail, kind string) (out []map[string]any) {
	for _, s := range d.Steps {
		if s.Kind == kind {
			m := map[string]any{}
			_ = json.Unmarshal(s.Data, &m)
			out = append(out, m)
		}
	}
	return out
}

// comes waits for the n-th event of a kind in a call and gives its data.
func (h *house) comes(id, kind string, n int) map[string]any {
	h.t.Helper()
	var got []map[string]any
	until(h.t, fmt.Sprintf("%s (%d) of call %s", kind, n, id), func() bool {
		got = steps(h.detail(id), kind)
		return len(got) >= n
	})
	return got[n-1]
}

// ended waits for the end of a call and proves that its events have no gap.
func (h *house) ended(id string) store.CallDetail {
	h.t.Helper()
	h.comes(id, "call.ended", 1)
	d := h.show(id)
	if n := len(steps(d, "call.ended")); n != 1 {
		h.t.Errorf("call %s has %d ends", id, n)
	}
	for i, s := range d.Steps {
		if s.Seq != int64(i+1) {
			h.t.Errorf("call %s: step %d has number %d: the journal has a gap", id, i+1, s.Seq)
			break
		}
	}
	return d
}

// atRest waits until no call lives, and the agents that are named are ready.
func (h *house) atRest(agents ...int) {
	h.t.Helper()
	until(h.t, "the board shows no call", func() bool { return len(h.board().Calls) == 0 })
	for _, n := range agents {
		h.agentIs(n, "ready")
	}
}

// proven runs `cagri verify`, which must exit with 0.
func (h *house) proven() {
	h.t.Helper()
	if out, err := h.cli("verify"); err != nil {
		h.t.Errorf("%v\n%s", err, out)
	}
}

// recording fetches the sound of a call: the caller's side and the agent's.
func (h *house) recording(id string) (caller, agent []byte) {
	h.t.Helper()
	file := filepath.Join(h.t.TempDir(), "call.wav")
	if _, err := h.cli("calls", "audio", id, "-o", file); err != nil {
		h.t.Fatal(err)
	}
	head := make([]byte, 44)
	f, err := os.Open(file)
	if err != nil {
		h.t.Fatal(err)
	}
	_, err = io.ReadFull(f, head)
	_ = f.Close()
	if err != nil || string(head[:4]) != "RIFF" || binary.LittleEndian.Uint16(head[20:]) != 6 || binary.LittleEndian.Uint16(head[22:]) != 2 {
		h.t.Errorf("the recording is no stereo A-law WAV: % x", head)
	}
	caller, agent, err = record.ReadFile(file)
	if err != nil {
		h.t.Fatal(err)
	}
	return caller, agent
}

// share is the part of the 100 ms stretches of sound in which freq stands out.
func share(alaw []byte, freq float64) float64 {
	block := tone.Samples(100 * time.Millisecond)
	n, with := 0, 0
	for b := range slices.Chunk(alaw, block) {
		if len(b) < block {
			break
		}
		n++
		if tone.RMS(b) > 0.01 && tone.Power(b, freq) > 0.5 {
			with++
		}
	}
	return float64(with) / float64(max(n, 1))
}

// heardBoth checks a recording: the caller left, the agent right, nobody on the
// wrong side.
func (h *house) heardBoth(id string, callerHz float64, agentsHz ...float64) {
	h.t.Helper()
	left, right := h.recording(id)
	if s := share(left, callerHz); s < 0.5 {
		h.t.Errorf("recording of %s: the caller's %g Hz fill %.0f %% of the left", id, callerHz, s*100)
	}
	for _, hz := range agentsHz {
		if s := share(right, hz); s < 0.5/float64(len(agentsHz)) && s*float64(len(right)) < 0.4*tone.SampleRate {
			h.t.Errorf("recording of %s: the agent's %g Hz fill %.0f %% of the right", id, hz, s*100)
		}
		if s := share(left, hz); s > 0.05 {
			h.t.Errorf("recording of %s: the agent's %g Hz are on the left in %.0f %%", id, hz, s*100)
		}
	}
	if s := share(right, callerHz); s > 0.05 {
		h.t.Errorf("recording of %s: the caller's %g Hz are on the right in %.0f %%", id, callerHz, s*100)
	}
}
