package system

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"cagri/internal/media/g711"
	"cagri/internal/media/tone"
)

// phone is a running baresip: the telephone on an agent's table, or a citizen's. It
// speaks a tone and writes down what it hears.
type phone struct {
	t    *testing.T
	user string
	port int
	dir  string
	cmd  *exec.Cmd
	done chan struct{}
	ctrl net.Conn
	keys string // address of its keypad
	wg   sync.WaitGroup

	mu     sync.Mutex // guards everything below
	events []phoneEvent
	said   []string // answers to commands
	ended  bool
}

// phoneEvent is what baresip tells over its control connection.
type phoneEvent struct {
	Event     bool   `json:"event"`
	Type      string `json:"type"`
	Class     string `json:"class"`
	Peer      string `json:"peeruri"`
	ID        string `json:"id"`
	Param     string `json:"param"`
	Direction string `json:"direction"`
	Data      string `json:"data"`
}

// set is how a phone is set up.
type set struct {
	User     string  // SIP account; empty: none, a citizen without registration
	IP       string  // phoneIP
	Hz       float64 // voice
	Manual   bool    // rings until told to accept
	TLS      bool
	TCP      bool
	MediaEnc string // srtp, srtp-mand
	Password string
}

// phone starts a baresip. An account registers at once.
func (h *house) phone(s set) *phone {
	h.t.Helper()
	needs(h.t, "baresip")
	if s.IP == "" {
		s.IP = phoneIP
	}
	if s.Password == "" {
		s.Password = password
	}
	p := &phone{t: h.t, user: s.User, dir: h.t.TempDir(), done: make(chan struct{})}
	p.port = freePort(h.t, s.IP, 4) // its own TLS listener takes the next one
	p.keys = fmt.Sprintf("127.0.0.1:%d", p.port+3)
	ctrl := p.port + 2
	low := rtpPorts(h.t, 20)
	modules := "/usr/lib/baresip/modules"
	if v := os.Getenv("CAGRI_TEST_BARESIP_MODULES"); v != "" {
		modules = v
	}
	voice := filepath.Join(p.dir, "voice.wav")
	writePCM(h.t, voice, tone.Sine(s.Hz, 90*time.Second, 0.3))
	config := fmt.Sprintf(`sip_listen %s:%d
audio_source aufile,%s
audio_player aubridge,none
audio_alert aubridge,none
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
rtp_ports %d-%d
snd_path %s
module_path %s
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
module srtp.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
module cons.so
cons_listen %s
ctrl_tcp_listen 127.0.0.1:%d
call_max_calls 4
`, s.IP, p.port, voice, low, low+19, p.dir, modules, p.keys, ctrl)
	mode := "auto"
	if s.Manual {
		mode = "manual"
	}
	via := ""
	server := h.sip()
	if s.TLS {
		server = h.at("tls")
		via = ";transport=tls"
		config += "sip_cafile " + h.cert + "\n"
	}
	if s.TCP {
		server = h.at("tcp")
		via = ";transport=tcp"
	}
	// The user part of a citizen without an account is only a name.
	name, register := s.User, "regint=60"
	if s.User == "" {
		name, register = "994501234567", "regint=0"
	}
	account := fmt.Sprintf("<sip:%s@%s%s>;auth_user=%s;auth_pass=%s;answermode=%s;%s", name, server, via, name, s.Password, mode, register)
	if s.MediaEnc != "" {
		account += ";mediaenc=" + s.MediaEnc
	}
	for file, text := range map[string]string{"config": config, "accounts": account + "\n", "contacts": ""} {
		if err := os.WriteFile(filepath.Join(p.dir, file), []byte(text), 0o600); err != nil {
			h.t.Fatal(err)
		}
	}
	out, err := os.Create(filepath.Join(p.dir, "out"))
	if err != nil {
		h.t.Fatal(err)
	}
	p.cmd = exec.Command("baresip", "-f", p.dir, "-s")
	p.cmd.Dir = p.dir
	p.cmd.Stdout, p.cmd.Stderr = out, out
	if err := p.cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait()
		_ = out.Close()
		close(p.done)
	}()
	h.t.Cleanup(func() {
		p.vanish()
		if p.ctrl != nil {
			_ = p.ctrl.Close()
		}
		p.wg.Wait()
		if h.t.Failed() {
			h.t.Logf("baresip %s:\n%s", p.user, clip(p.trace()))
		}
	})
	until(h.t, "baresip's control door is open", func() bool {
		p.ctrl, err = net.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", ctrl))
		return err == nil
	})
	p.wg.Add(1)
	go p.follow()
	if s.User != "" {
		until(h.t, "phone "+s.User+" is registered", func() bool {
			return strings.Contains(p.trace(), "REGISTER") && regexp.MustCompile(`(?s)SIP/2.0 200 OK.*?CSeq: \d+ REGISTER`).MatchString(p.trace())
		})
	}
	return p
}

// writePCM writes a mono WAV file of 16 bits at 8 kHz.
func writePCM(t *testing.T, name string, alaw []byte) {
	t.Helper()
	n := uint32(2 * len(alaw))
	b := []byte("RIFF")
	b = binary.LittleEndian.AppendUint32(b, 36+n)
	b = append(b, "WAVEfmt "...)
	b = binary.LittleEndian.AppendUint32(b, 16)
	for _, v := range []uint16{1, 1, 8000, 0, 16000, 0, 2, 16} {
		b = binary.LittleEndian.AppendUint16(b, v)
	}
	b = append(b, "data"...)
	b = binary.LittleEndian.AppendUint32(b, n)
	for _, a := range alaw {
		b = binary.LittleEndian.AppendUint16(b, uint16(g711.ALawToLinear(a)))
	}
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// follow reads netstrings of JSON from the control connection.
func (p *phone) follow() {
	defer p.wg.Done()
	r := bufio.NewReader(p.ctrl)
	for {
		head, err := r.ReadString(':')
		if err != nil {
			return
		}
		n, err := strconv.Atoi(strings.TrimLeft(strings.TrimSuffix(head, ":"), ", "))
		if err != nil || n < 0 || n > 1<<20 {
			return
		}
		b := make([]byte, n+1) // and the comma behind it
		if _, err := io.ReadFull(r, b); err != nil {
			return
		}
		var ev phoneEvent
		if json.Unmarshal(b[:n], &ev) != nil {
			continue
		}
		p.mu.Lock()
		if ev.Event {
			p.events = append(p.events, ev)
		} else {
			p.said = append(p.said, ev.Data)
		}
		p.mu.Unlock()
	}
}

// send gives the phone a command of its menu.
func (p *phone) send(command, params string) {
	b, _ := json.Marshal(map[string]string{"command": command, "params": params, "token": "t"})
	if _, err := fmt.Fprintf(p.ctrl, "%d:%s,", len(b), b); err != nil {
		p.t.Errorf("phone %s: %v", p.user, err)
	}
}

// tell gives a command and waits until the phone has taken it.
func (p *phone) tell(command, params string) {
	p.t.Helper()
	p.mu.Lock()
	before := len(p.said)
	p.mu.Unlock()
	p.send(command, params)
	until(p.t, "the phone takes the command "+command, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return len(p.said) > before
	})
}

// press presses a key of the telephone, in a call.
func (p *phone) press(key string) {
	p.t.Helper()
	c, err := net.Dial("udp4", p.keys)
	if err != nil {
		p.t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte(key)); err != nil {
		p.t.Fatal(err)
	}
}

// count is how often an event has come.
func (p *phone) count(kind string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, e := range p.events {
		if e.Type == kind {
			n++
		}
	}
	return n
}

// comes waits for the n-th event of a kind, such as CALL_ESTABLISHED.
func (p *phone) comes(kind string, n int) {
	p.t.Helper()
	until(p.t, fmt.Sprintf("phone %s: %s (%d)", p.user, kind, n), func() bool { return p.count(kind) >= n })
}

// trace is everything baresip wrote, its SIP messages among it.
func (p *phone) trace() string {
	b, _ := os.ReadFile(filepath.Join(p.dir, "out"))
	return meter.ReplaceAllString(string(b), "")
}

// meter is the line that baresip writes many times a second during a call.
var meter = regexp.MustCompile(`\[\d+:\d\d:\d\d\] audio=\d+/\d+ \(bit/s\) *\r?`)

// vanish ends the phone without any goodbye.
func (p *phone) vanish() {
	p.mu.Lock()
	ended := p.ended
	p.ended = true
	p.mu.Unlock()
	if !ended {
		_ = p.cmd.Process.Kill()
	}
	<-p.done
}

// heard is what the phone has decoded so far, the newest call last, as A-law.
func (p *phone) heard() []byte {
	files, _ := filepath.Glob(filepath.Join(p.dir, "dump-*-dec.wav"))
	if len(files) == 0 {
		return nil
	}
	var out []byte
	for _, f := range files {
		b, _ := os.ReadFile(f)
		if len(b) < 44 {
			continue
		}
		for i := 44; i+1 < len(b); i += 2 {
			out = append(out, g711.LinearToALaw(int16(binary.LittleEndian.Uint16(b[i:]))))
		}
	}
	return out
}

// hears waits until the phone hears freq at this moment.
func (p *phone) hears(freq float64) {
	p.t.Helper()
	n := tone.Samples(200 * time.Millisecond)
	deadline := time.Now().Add(patience)
	for {
		b := p.heard()
		if len(b) > n {
			b = b[len(b)-n:]
			if tone.RMS(b) > 0.01 && tone.Power(b, freq) > 0.7 {
				return
			}
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("phone %s did not hear %g Hz within %s: %s", p.user, freq, patience, spectrum(b))
		}
		time.Sleep(50 * time.Millisecond)
	}
}
