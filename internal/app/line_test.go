package app

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"cagri/internal/config"
	"cagri/internal/sip"
	"cagri/internal/store/pgtest"
)

// written is a log that a test reads while it is written.
type written struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

func (w *written) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}

func (w *written) logger() *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

func (w *written) says(t *testing.T, text string) {
	t.Helper()
	until(t, "the log does not say "+text, func() bool { return strings.Contains(w.String(), text) })
}

// startWith starts a server that writes its log down.
func startWith(t *testing.T, c *config.Config) (*App, *written) {
	t.Helper()
	w := &written{}
	a, err := New(c, "test", w.logger())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the log:\n%s", w)
		}
	})
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, a) })
	return a, w
}

// onPostgres is testConfig on a PostgreSQL.
func onPostgres(t *testing.T, dsn string) *config.Config {
	c := testConfig(t.TempDir())
	c.Store = config.Store{Driver: "postgres", DSN: dsn}
	return c
}

// citizens call a server.
type citizens struct{ ua *sip.UA }

func newCitizens(t *testing.T) *citizens {
	t.Helper()
	ua, err := sip.New(sip.Config{Listen: []sip.Listen{{Network: "udp", Addr: "127.0.0.1:0"}}}, deaf{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := ua.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ua.Stop)
	return &citizens{ua}
}

// deaf takes no calls.
type deaf struct{}

func (deaf) Invite(d *sip.Dialog, _ sip.Incoming) { _ = d.Reject(486, "Busy Here", 0) }
func (deaf) PhoneChanged(string, bool)            {}
func (deaf) Alarm(string, error)                  {}

// call is an answered call to number 108.
func (c *citizens) call(t *testing.T, a *App, from string) *sip.Dialog {
	t.Helper()
	var server string
	for _, l := range a.Running().SIP {
		if addr, ok := strings.CutPrefix(l, "udp:"); ok {
			server = addr
		}
	}
	sound, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sound.Close() })
	_, port, _ := net.SplitHostPort(sound.LocalAddr().String())
	offer := "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio " + port + " RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
	said := make(chan sip.Event, 32)
	d, err := c.ua.Dial(sip.DialRequest{Targets: []sip.Target{{URI: "sip:108@" + server}}, FromNumber: from, ToUser: "108", SDP: []byte(offer)}, func(e sip.Event) {
		select {
		case said <- e:
		default:
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.After(20 * time.Second)
	for {
		select {
		case e := <-said:
			switch e := e.(type) {
			case sip.Answered:
				return d
			case sip.Failed:
				t.Fatalf("the call was refused: %d %s", e.Code, e.Reason)
			}
		case <-deadline:
			t.Fatal("the call is not answered")
		}
	}
}

// wall stands between the server and its PostgreSQL. Frozen, it takes everything and
// lets nothing through, as a network does that was cut.
type wall struct {
	ln     net.Listener
	mu     sync.Mutex // guards frozen and open
	frozen bool
	thaw   chan struct{}
	open   map[net.Conn]bool
	wg     sync.WaitGroup
}

func newWall(t *testing.T, pg *pgtest.Server) *wall {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wall{ln: ln, thaw: make(chan struct{}), open: map[net.Conn]bool{}}
	w.wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			back, err := pg.Dial()
			if err != nil {
				_ = c.Close()
				continue
			}
			w.mu.Lock()
			w.open[c], w.open[back] = true, true
			w.mu.Unlock()
			w.wg.Go(func() { w.carry(c, back) })
			w.wg.Go(func() { w.carry(back, c) })
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		w.freeze(false)
		w.mu.Lock()
		for c := range w.open {
			_ = c.Close()
		}
		w.mu.Unlock()
		w.wg.Wait()
	})
	return w
}

func (w *wall) carry(from, to net.Conn) {
	defer to.Close()
	defer from.Close()
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		w.mu.Lock()
		frozen, thaw := w.frozen, w.thaw
		w.mu.Unlock()
		if frozen {
			<-thaw
		}
		if n > 0 {
			if _, err := to.Write(b[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (w *wall) freeze(yes bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.frozen && !yes {
		close(w.thaw)
		w.thaw = make(chan struct{})
	}
	w.frozen = yes
}

// dsn is the connection string of a database behind the wall.
func (w *wall) dsn(dsn string) string {
	host, port, _ := net.SplitHostPort(w.ln.Addr().String())
	fields := strings.Fields(dsn)
	for i, f := range fields {
		switch {
		case strings.HasPrefix(f, "host="):
			fields[i] = "host=" + host
		case strings.HasPrefix(f, "port="):
			fields[i] = "port=" + port
		}
	}
	return strings.Join(fields, " ")
}

// within bounds what must not hang.
func within(t *testing.T, d time.Duration, what string, f func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-ctx.Done():
		t.Fatalf("%s took longer than %s", what, d)
	}
}
