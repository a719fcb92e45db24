package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"cagri/internal/media/tone"
	"cagri/internal/stage"
)

// options are the flags.
type options struct {
	program string
	calls   []int
	window  time.Duration
	settle  time.Duration
	cps     []int
	agents  int
	backlog []int
	keep    string
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	var o options
	only := flag.String("only", "floor,media,setup,backlog,memory", "which benches, comma-separated")
	calls := flag.String("calls", "250,700", "calls of the media bench")
	cps := flag.String("cps", "100,300,500", "set-ups per second of the setup bench")
	backlog := flag.String("backlog", "100,500", "agents of the backlog bench")
	flag.DurationVar(&o.window, "window", 12*time.Second, "how long each row measures")
	flag.DurationVar(&o.settle, "settle", 3*time.Second, "how long to wait before")
	flag.IntVar(&o.agents, "agents", 500, "agents signed in during the setup bench")
	flag.StringVar(&o.program, "program", "bin/cagri", "the server")
	flag.StringVar(&o.keep, "keep", "", "keep the server's data here")
	flag.Parse()
	o.calls, o.cps, o.backlog = numbers(*calls), numbers(*cps), numbers(*backlog)

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	defer func() {
		for _, dir := range left {
			_ = os.RemoveAll(dir)
		}
	}()
	describe()
	benches := map[string]func(context.Context, options) error{
		"floor": benchFloor, "media": benchMedia, "setup": benchSetup, "backlog": benchBacklog, "memory": benchMemory,
	}
	for _, name := range strings.Split(*only, ",") {
		b, ok := benches[name]
		if !ok {
			return fmt.Errorf("there is no bench %q", name)
		}
		fmt.Printf("\n## %s\n", name)
		if err := b(ctx, o); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func numbers(s string) (out []int) {
	for _, f := range strings.Split(s, ",") {
		if n, err := strconv.Atoi(strings.TrimSpace(f)); err == nil {
			out = append(out, n)
		}
	}
	return out
}

func describe() {
	model := "unknown processor"
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, rest, ok := strings.Cut(string(b), "model name"); ok {
			line, _, _ := strings.Cut(rest, "\n")
			model = strings.TrimLeft(line, "\t :")
		}
	}
	kernel, _ := exec.Command("uname", "-r").Output()
	fmt.Printf("machine: %d cores, %s, Linux %s, %s\n", runtime.NumCPU(), model, strings.TrimSpace(string(kernel)), runtime.Version())
}

// flow is the scenario: a notice, then the queue.
const flow = `
flow: bench
language: az
start: notice
nodes:
  notice: {notice: [notice.recorded], next: queue}
  queue: {queue: general, no_agents: bye, timed_out: bye, closed: bye}
  bye: {end: goodbye}
`

// server starts the program for a bench: a trunk from loopback, n phones whose
// agents are signed in, a notice of the given length.
func server(ctx context.Context, o options, n int, notice time.Duration, record bool, wrapUp time.Duration) (*stage.Theatre, error) {
	program, err := filepath.Abs(o.program)
	if err != nil {
		return nil, err
	}
	dir := o.keep
	if dir == "" {
		if dir, err = os.MkdirTemp("", "cagri-bench-"); err != nil {
			return nil, err
		}
	}
	for name, data := range map[string][]byte{
		"flows/bench.yaml":              []byte(flow),
		"prompts/az/notice.recorded.al": tone.Sine(440, notice, 0.2),
	} {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			return nil, err
		}
		if err := os.WriteFile(p, data, 0o600); err != nil {
			return nil, err
		}
	}
	return stage.Launch(ctx, program, dir, func(data string) string {
		var s strings.Builder
		fmt.Fprintf(&s, `data: %q
log: warn
sip: {listen: ["udp:127.0.0.1:0"], session_expires: 2h}
media: {ip: 127.0.0.1, port_min: 10000, port_max: 29999, silence: 1h}
http: {listen: "127.0.0.1:0"}
limits: {calls: 5000}
flows: {dir: %q}
prompts: {dir: %q}
recording: {off: %v}
bodies: [{id: b, name: Bench}]
numbers: [{dial: "108", body: b, flow: bench}]
queues: [{id: general, body: b, name: Bench, ring: 15s, wrap_up: %s, announce: 0s}]
trunks: [{name: carrier, from: ["127.0.0.2/32"]}]
phones:
`, data, filepath.Join(dir, "flows"), filepath.Join(dir, "prompts"), !record, wrapUp)
		for i := range n {
			fmt.Fprintf(&s, "  - {user: %s, password: %s}\n", agentUser(i), agentPassword(i))
		}
		s.WriteString("agents:\n")
		for i := range n {
			fmt.Fprintf(&s, "  - {id: %s, name: %s, body: b, phone: %s, queues: [general]}\n", agentUser(i), agentUser(i), agentUser(i))
		}
		return s.String()
	}, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
}

// hall registers n phones and signs their agents in.
func hall(ctx context.Context, t *stage.Theatre, a *agents) error {
	if err := a.registerAll(); err != nil {
		return err
	}
	for i := range a.n {
		if err := t.Client.Do(ctx, "POST", "/v1/agents/"+agentUser(i)+"/state", map[string]string{"action": "sign_in"}, nil); err != nil {
			return err
		}
	}
	return nil
}
