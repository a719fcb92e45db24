package stage

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"text/template"
	"time"

	"cagri/internal/api/client"
)

// Theatre starts the real server as its own process on free loopback ports, and
// ends it.
type Theatre struct {
	Dir    string // data folder of the server, removed by Close unless Keep
	Keep   bool
	Where  client.Running
	Client *client.Client
	cmd    *exec.Cmd
	output *os.File
}

// House is how the theatre's server is set up.
type House struct {
	Program string // path of the cagri binary
	Agents  int
	WrapUp  time.Duration
	Ring    time.Duration
	Dir     string // data folder; empty: a temporary one
	Limit   int    // most calls at once; 0: the server's default
}

// Number is what the citizens of the demo dial.
const Number = "108"

var configText = template.Must(template.New("config").Parse(`# Written by cagri demo.
data: {{.Dir}}
log: warn
sip:
  listen: ["udp:127.0.0.1:0", "tcp:127.0.0.1:0"]
media:
  ip: 127.0.0.1
  port_min: 20000
  port_max: 27999
http:
  listen: 127.0.0.1:0
{{- if .Limit}}
limits: {calls: {{.Limit}}}
{{- end}}
bodies:
  - {id: "108", name: "Nümunə dövlət orqanı (qurumu)"}
numbers:
  - {dial: "108", body: "108", flow: default}
queues:
  - {id: general, body: "108", name: "Ümumi", ring: {{.Ring}}, wrap_up: {{.WrapUp}}, set_aside: 5s, announce: 15s, target: 30s}
trunks:
  - {name: carrier, from: ["127.0.0.2/32"], trust_identity: true}
phones:
{{- range .Phones}}
  - {user: "{{.User}}", password: "{{.Password}}"}
{{- end}}
agents:
{{- range $i, $p := .Phones}}
  - {id: agent{{$i}}, name: "Təmsilçi {{$i}}", body: "108", phone: "{{$p.User}}", queues: [general]}
{{- end}}
`))

// Phones are the SIP accounts of n agents. The passwords are of this run only.
func Phones(n int) []Phone {
	out := make([]Phone, n)
	for i := range out {
		out[i] = Phone{User: fmt.Sprint(1001 + i), Password: fmt.Sprintf("demo-%d-%d", os.Getpid(), i)}
	}
	return out
}

// Open starts the server of the demo and waits until it says where it listens.
func Open(ctx context.Context, h House, phones []Phone, log *slog.Logger) (*Theatre, error) {
	return Launch(ctx, h.Program, h.Dir, func(data string) string {
		var text strings.Builder
		if err := configText.Execute(&text, struct {
			House
			Dir    string
			Phones []Phone
		}{h, data, phones}); err != nil {
			panic(err) // the template is ours and writes to memory
		}
		return text.String()
	}, log)
}

// Launch starts the program as a server with the configuration that text gives for
// its data folder. An empty dir means a temporary one, removed by Close.
func Launch(ctx context.Context, program, dir string, text func(data string) string, log *slog.Logger) (*Theatre, error) {
	t := &Theatre{Dir: dir, Keep: dir != ""}
	if t.Dir == "" {
		var err error
		if t.Dir, err = os.MkdirTemp("", "cagri-stage-"); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(t.Dir, 0o700); err != nil {
		return nil, err
	}
	file := filepath.Join(t.Dir, "server.yaml")
	if err := os.WriteFile(file, []byte(text(filepath.Join(t.Dir, "data"))), 0o600); err != nil {
		return nil, err
	}
	return t, t.start(ctx, program, file, log)
}

func (t *Theatre) start(ctx context.Context, program, file string, log *slog.Logger) error {
	var err error
	if t.output, err = os.Create(filepath.Join(t.Dir, "server.log")); err != nil {
		return err
	}
	// The context must not kill the server: it is stopped in order by Close.
	t.cmd = exec.Command(program, "--config", file, "--json", "serve")
	t.cmd.Stderr = t.output
	t.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt at the terminal is ours to handle
	out, err := t.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := t.cmd.Start(); err != nil {
		return fmt.Errorf("the server could not be started: %w", err)
	}
	said := make(chan error, 1)
	go func() {
		err := json.NewDecoder(bufio.NewReader(out)).Decode(&t.Where)
		said <- err
		_, _ = io.Copy(io.Discard, out)
	}()
	select {
	case err = <-said:
	case <-ctx.Done():
		err = ctx.Err()
	case <-time.After(30 * time.Second):
		err = errors.New("it said nothing for 30 s")
	}
	if err == nil {
		t.Client, err = client.Connect(t.Where.Data)
	}
	if err != nil {
		_ = t.cmd.Process.Kill()
		_ = t.cmd.Wait()
		b, _ := os.ReadFile(t.output.Name())
		return fmt.Errorf("the server did not come up: %w\n%s", err, b)
	}
	log.Debug("server is up", "sip", t.Where.SIP, "http", t.Where.HTTP)
	return nil
}

// SIP is the server's UDP address.
func (t *Theatre) SIP() string {
	for _, l := range t.Where.SIP {
		if a, ok := strings.CutPrefix(l, "udp:"); ok {
			return a
		}
	}
	return ""
}

// CPU is the processor time the server has used so far.
func (t *Theatre) CPU() time.Duration {
	u, err := processTime(t.cmd.Process.Pid)
	if err != nil {
		return 0
	}
	return u
}

// PID is the server's process id.
func (t *Theatre) PID() int { return t.cmd.Process.Pid }

// Kill ends the server without any warning, as a power cut would.
func (t *Theatre) Kill() {
	_ = t.cmd.Process.Kill()
	_ = t.cmd.Wait()
}

// Restart starts the server again on the same data.
func (t *Theatre) Restart(ctx context.Context, program string, log *slog.Logger) error {
	_ = t.output.Close()
	return t.start(ctx, program, filepath.Join(t.Dir, "server.yaml"), log)
}

// Close stops the server in order and clears up. The error says when the server
// did not end well.
func (t *Theatre) Close() error {
	defer func() {
		_ = t.output.Close()
		if !t.Keep {
			_ = os.RemoveAll(t.Dir)
		}
	}()
	_ = t.cmd.Process.Signal(syscall.SIGTERM)
	done := make(chan error, 1)
	go func() { done <- t.cmd.Wait() }()
	select {
	case err := <-done:
		return err
	case <-time.After(20 * time.Second):
		_ = t.cmd.Process.Kill()
		<-done
		return errors.New("the server did not stop within 20 s")
	}
}
