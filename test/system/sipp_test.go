package system

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// sipp is one running sipp with a scenario of testdata. A scenario that must wait
// for the test waits for a MESSAGE with its Call-ID, the cue; the server never sees
// it.
type sipp struct {
	t    *testing.T
	name string
	ip   string
	port int
	id   string // Call-ID of the first call
	dir  string
	cmd  *exec.Cmd
	out  bytes.Buffer
	done chan struct{} // closed when the process has ended
	err  error         // set before done is closed
	cues int
}

// play is how a scenario is played.
type play struct {
	Scenario string   // name of the file in testdata, without .xml
	IP       string   // where the calls come from; the carrier's address
	Port     int      // own SIP port; 0: any free
	Line     *line    // where its sound goes; nil: port 9, which hears nothing
	Server   string   // host:port; the house's UDP address
	Calls    int      // how many; 1
	AtOnce   int      // how many calls at the same time
	Rate     int      // calls per second
	Keys     []string // name, value, name, value…: [name] in the scenario
	Args     []string
	Quiet    bool   // writes no messages down
	Service  string // what is dialled; 108
}

var sippRuns atomic.Int32

// sipp starts a scenario.
func (h *house) sipp(p play) *sipp {
	h.t.Helper()
	needs(h.t, "sipp")
	s := &sipp{t: h.t, name: p.Scenario, ip: p.IP, port: p.Port, dir: h.t.TempDir(), done: make(chan struct{})}
	if s.ip == "" {
		s.ip = carrierIP
	}
	if s.port == 0 {
		s.port = freePort(h.t, s.ip, 1)
	}
	server := p.Server
	if server == "" {
		server = h.sip()
	}
	service := p.Service
	if service == "" {
		service = "108"
	}
	calls := max(p.Calls, 1)
	run := fmt.Sprintf("%d-%d", os.Getpid(), sippRuns.Add(1))
	s.id = "1-" + run + "@test"
	sound := 9
	if p.Line != nil {
		sound = p.Line.port()
	}
	file, err := filepath.Abs(filepath.Join("testdata", p.Scenario+".xml"))
	if err != nil {
		h.t.Fatal(err)
	}
	args := []string{server, "-sf", file, "-i", s.ip, "-p", fmt.Sprint(s.port), "-s", service, "-m", fmt.Sprint(calls), "-nostdin",
		"-cid_str", "%u-" + run + "@test", "-key", "sound", fmt.Sprint(sound), "-key", "ear", s.ip,
		"-trace_err", "-error_file", filepath.Join(s.dir, "errors")}
	if !p.Quiet {
		args = append(args, "-trace_msg", "-message_file", filepath.Join(s.dir, "messages"))
	}
	if p.Rate > 0 {
		args = append(args, "-r", fmt.Sprint(p.Rate))
	}
	if p.AtOnce > 0 {
		args = append(args, "-l", fmt.Sprint(p.AtOnce))
	}
	for i := 0; i+1 < len(p.Keys); i += 2 {
		args = append(args, "-key", p.Keys[i], p.Keys[i+1])
	}
	s.cmd = exec.Command("sipp", append(args, p.Args...)...)
	s.cmd.Dir = s.dir
	s.cmd.Env = append(os.Environ(), "TERM=dumb")
	s.cmd.Stdout, s.cmd.Stderr = &s.out, &s.out
	if err := s.cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	go func() {
		s.err = s.cmd.Wait()
		close(s.done)
	}()
	h.t.Cleanup(func() {
		select {
		case <-s.done:
		default:
			_ = s.cmd.Process.Kill()
			<-s.done
		}
		if h.t.Failed() {
			h.t.Logf("sipp %s:\n%s\n%s\n%s", s.name, clip(s.messages()), clip(s.errors()), clip(s.out.String()))
		}
	})
	return s
}

func clip(s string) string {
	const most = 40000
	if len(s) > most {
		return s[:most/2] + "\n…\n" + s[len(s)-most/2:]
	}
	return s
}

// messages are all SIP messages of the run, both ways, as sipp wrote them down.
func (s *sipp) messages() string {
	b, _ := os.ReadFile(filepath.Join(s.dir, "messages"))
	return string(b)
}

func (s *sipp) errors() string {
	b, _ := os.ReadFile(filepath.Join(s.dir, "errors"))
	return string(b)
}

// callID of the n-th call, from 1.
func (s *sipp) callID(n int) string {
	return fmt.Sprintf("%d-%s", n, strings.TrimPrefix(s.id, "1-"))
}

// cue lets the scenario of the first call go on.
func (s *sipp) cue() { s.cueTo(s.id) }

func (s *sipp) cueTo(id string) {
	s.t.Helper()
	s.cues++
	c, err := net.Dial("udp4", net.JoinHostPort(s.ip, fmt.Sprint(s.port)))
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close()
	_, err = fmt.Fprintf(c, "MESSAGE sip:cue@%[1]s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKcue%[2]d\r\nFrom: <sip:test@127.0.0.1>;tag=cue\r\n"+
		"To: <sip:cue@%[1]s>\r\nCall-ID: %[3]s\r\nCSeq: %[2]d MESSAGE\r\nMax-Forwards: 1\r\nContent-Length: 0\r\n\r\n", s.ip, s.cues, id)
	if err != nil {
		s.t.Fatal(err)
	}
}

// ends waits for the end of the run, which must be a success.
func (s *sipp) ends() { s.endsIn(patience) }

func (s *sipp) endsIn(d time.Duration) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	select {
	case <-s.done:
	case <-ctx.Done():
		s.t.Fatalf("sipp %s did not end within %s", s.name, d)
	}
	var exit *exec.ExitError
	if errors.As(s.err, &exit) || s.err != nil {
		s.t.Fatalf("sipp %s: %v\n%s", s.name, s.err, clip(s.errors()))
	}
}

// leave ends sipp in the middle of its calls.
func (s *sipp) leave() {
	_ = s.cmd.Process.Kill()
	<-s.done
}

// running tells whether the scenario still goes on.
func (s *sipp) running() bool {
	select {
	case <-s.done:
		return false
	default:
		return true
	}
}
