package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"cagri/internal/event"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func open(t *testing.T, cfg Config) *Journal {
	t.Helper()
	j, err := Open(cfg, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(j.Stop)
	return j
}

func step(call string, seq uint64) event.Event {
	return event.Event{ID: fmt.Sprintf("%s-%d", call, seq), At: time.Unix(int64(seq), 0), Body: "108", Call: call, Seq: seq, Data: event.QueueEntered{Queue: "general"}}
}

func flush(t *testing.T, j *Journal) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := j.Flush(ctx); err != nil {
		t.Fatal(err)
	}
}

func all(t *testing.T, j *Journal) (ids []string) {
	t.Helper()
	if err := j.Replay(context.Background(), 0, func(s Stored) error { ids = append(ids, s.Event.ID); return s.Err }); err != nil {
		t.Fatal(err)
	}
	return ids
}

func TestWhatIsAppendedIsReplayedInOrder(t *testing.T) {
	j := open(t, Config{Dir: t.TempDir()})
	const n = 5000
	for i := range n {
		j.Append(step("c", uint64(i+1)))
	}
	flush(t, j)
	ids := all(t, j)
	if len(ids) != n {
		t.Fatalf("%d of %d events", len(ids), n)
	}
	for i, id := range ids {
		if id != fmt.Sprintf("c-%d", i+1) {
			t.Fatalf("place %d holds %s", i, id)
		}
	}
}

// What was appended within a few milliseconds is one message; a flush does not
// wait for more.
func TestEventsShareAPlace(t *testing.T) {
	j := open(t, Config{Dir: t.TempDir()})
	const n = 5000
	for i := range n {
		j.Append(step("c", uint64(i+1)))
	}
	flush(t, j)
	places, seq, part := 0, uint64(0), 0
	if err := j.Replay(t.Context(), 0, func(s Stored) error {
		switch {
		case s.Seq == seq && s.Part == part+1:
		case s.Seq == seq+1 && s.Part == 0:
			places++
		default:
			t.Fatalf("after place %d part %d comes %d part %d", seq, part, s.Seq, s.Part)
		}
		seq, part = s.Seq, s.Part
		return s.Err
	}); err != nil {
		t.Fatal(err)
	}
	if places > n/10 || places < n/packEvents {
		t.Errorf("%d events at %d places", n, places)
	}
	if st := j.Stats(); st.Stored != n || st.Appended != n || st.LastSeq != seq {
		t.Errorf("%+v", st)
	}
}

func TestALargeEventHasItsOwnPlace(t *testing.T) {
	j := open(t, Config{Dir: t.TempDir()})
	large := step("large", 1)
	large.Data = event.Alarm{What: strings.Repeat("x", 3*packBytes)}
	j.Append(step("c", 1))
	j.Append(large)
	j.Append(step("c", 2))
	flush(t, j)
	if ids := all(t, j); strings.Join(ids, " ") != "c-1 large-1 c-2" {
		t.Fatal(ids)
	}
}

func TestReopenKeepsEverythingAndGoesOn(t *testing.T) {
	dir := t.TempDir()
	j, err := Open(Config{Dir: dir}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	j.Append(step("c", 1))
	j.Stop()
	j.Stop()
	j = open(t, Config{Dir: dir})
	j.Append(step("c", 2))
	flush(t, j)
	if ids := all(t, j); strings.Join(ids, " ") != "c-1 c-2" {
		t.Fatalf("stored %v", ids)
	}
}

// A journal that lost something says so when it is opened.
func TestADamagedJournalIsSaid(t *testing.T) {
	dir := t.TempDir()
	j, err := Open(Config{Dir: dir}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		j.Append(step("c", uint64(i+1)))
		flush(t, j)
	}
	j.Stop()
	var told []string
	alarm := func(what string, _ error) { told = append(told, what) }
	if j, err = Open(Config{Dir: dir, OnAlarm: alarm}, quiet()); err != nil || len(told) > 0 {
		t.Fatalf("%v, alarms %v", err, told)
	}
	s, err := j.js.Stream(t.Context(), "CAGRI")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SecureDeleteMsg(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	j.Stop()
	if j, err = Open(Config{Dir: dir, OnAlarm: alarm}, quiet()); err != nil {
		t.Fatal(err)
	}
	j.Stop()
	if strings.Join(told, " ") != "journal_damaged" {
		t.Errorf("alarms %v", told)
	}
}

func TestASecondProcessIsTurnedAwayByName(t *testing.T) {
	dir := t.TempDir()
	open(t, Config{Dir: dir})
	_, err := Open(Config{Dir: dir}, quiet())
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Fatalf("%v", err)
	}
}

func TestConsumerGoesOnAtThePlaceItIsTold(t *testing.T) {
	j := open(t, Config{Dir: t.TempDir()})
	for i := range 10 {
		j.Append(step("c", uint64(i+1)))
		flush(t, j) // each at its own place
	}
	broken := errors.New("database away")
	err := j.Consume(context.Background(), 0, 4, time.Millisecond, func(b []Stored) error { return broken })
	if !errors.Is(err, broken) {
		t.Fatal(err)
	}
	for _, from := range []uint64{0, 1, 2, 7, 10} {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		next := max(from, 1)
		err = j.Consume(ctx, from, 4, time.Millisecond, func(b []Stored) error {
			if len(b) > 4 {
				t.Errorf("%d events at once", len(b))
			}
			for _, s := range b {
				if s.Seq != next || s.Head.ID != fmt.Sprintf("c-%d", next) {
					t.Errorf("from %d: place %d holds %s, want %d", from, s.Seq, s.Head.ID, next)
				}
				next++
			}
			if next == 11 {
				cancel()
			}
			return nil
		})
		if !errors.Is(err, context.Canceled) || next != 11 {
			t.Fatalf("from %d to %d: %v", from, next, err)
		}
		cancel()
	}
}

// An idle consumer ends at once when told.
func TestAnIdleConsumerEndsAtOnce(t *testing.T) {
	j := open(t, Config{Dir: t.TempDir()})
	j.Append(step("c", 1))
	flush(t, j)
	ctx, cancel := context.WithCancel(context.Background())
	seen, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- j.Consume(ctx, 1, 4, time.Millisecond, func([]Stored) error { close(seen); return nil })
	}()
	<-seen
	cancel()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	case <-time.After(4 * time.Second): // its wait for an event is longer
		t.Fatal("it waits on")
	}
}

// The external server is started, taken away and brought back on the same port.
func TestExternalServerAwayLosesNothing(t *testing.T) {
	storeDir := t.TempDir()
	start := func(port int) *server.Server {
		s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, JetStream: true, StoreDir: storeDir, NoLog: true, NoSigs: true})
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		if !s.ReadyForConnections(20 * time.Second) {
			t.Fatal("server not ready")
		}
		return s
	}
	s := start(-1)
	url, port := s.ClientURL(), s.Addr().(*net.TCPAddr).Port
	dir := t.TempDir()
	j, err := Open(Config{Dir: dir, URL: url}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		j.Append(step("a", uint64(i+1)))
	}
	flush(t, j)
	s.Shutdown()
	s.WaitForShutdown()
	for i := range 3000 {
		j.Append(step("b", uint64(i+1)))
	}
	j.Stop() // while the server is away
	if st := j.Stats(); st.Spooled == 0 || st.Lost != 0 {
		t.Fatalf("nothing waits in the file: %+v", st)
	}
	s = start(port)
	defer s.Shutdown()
	j = open(t, Config{Dir: dir, URL: url})
	j.Append(step("z", 1))
	deadline := time.Now().Add(30 * time.Second)
	for len(all(t, j)) < 3101 && time.Now().Before(deadline) {
		time.Sleep(20 * time.Millisecond)
	}
	ids := all(t, j)
	if len(ids) != 3101 || ids[3100] != "z-1" {
		t.Fatalf("%d events", len(ids))
	}
	for i := range 3000 {
		if ids[100+i] != fmt.Sprintf("b-%d", i+1) {
			t.Fatalf("place %d holds %s", 100+i, ids[100+i])
		}
	}
}

func TestACutWaitingFileKeepsWhatIsWhole(t *testing.T) {
	path := t.TempDir() + "/waiting"
	s, err := openSpool(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := s.add(entry{id: fmt.Sprint(i), n: 2, data: []byte("da\nta")}); err != nil {
			t.Fatal(err)
		}
	}
	s.close()
	if err := os.Truncate(path, s.end-2); err != nil {
		t.Fatal(err)
	}
	if s, err = openSpool(path); err != nil {
		t.Fatal(err)
	}
	defer s.close()
	got, _, err := s.first(10)
	if err != nil || len(got) != 2 || got[1].id != "1" || got[1].n != 2 || string(got[1].data) != "da\nta" {
		t.Fatalf("%v %v", got, err)
	}
}

// A child process appends, says that it has flushed, and is killed.
func TestKilledProcessLosesNothingThatWasFlushed(t *testing.T) {
	if dir := os.Getenv("JOURNAL_KILL_DIR"); dir != "" {
		j, err := Open(Config{Dir: dir}, quiet())
		if err != nil {
			t.Fatal(err)
		}
		for i := range 500 {
			j.Append(step("k", uint64(i+1)))
		}
		if err := j.Flush(context.Background()); err != nil {
			t.Fatal(err)
		}
		fmt.Println("FLUSHED")
		for i := 500; ; i++ {
			j.Append(step("k", uint64(i+1)))
			time.Sleep(time.Millisecond)
		}
	}
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run", "^TestKilledProcessLosesNothingThatWasFlushed$")
	cmd.Env = append(os.Environ(), "JOURNAL_KILL_DIR="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 64)
	if n, err := out.Read(buf); err != nil || !strings.Contains(string(buf[:n]), "FLUSHED") {
		t.Fatalf("child said %q, %v", buf[:n], err)
	}
	_ = cmd.Process.Signal(syscall.SIGKILL)
	_ = cmd.Wait()
	j := open(t, Config{Dir: dir})
	ids := all(t, j)
	if len(ids) < 500 {
		t.Fatalf("%d events of at least 500", len(ids))
	}
	for i, id := range ids {
		if id != fmt.Sprintf("k-%d", i+1) {
			t.Fatalf("place %d holds %s", i, id)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	j, err := Open(Config{Dir: b.TempDir()}, quiet())
	if err != nil {
		b.Fatal(err)
	}
	defer j.Stop()
	b.ReportAllocs()
	for i := range b.N {
		j.Append(step("c", uint64(i+1)))
	}
	if err := j.Flush(context.Background()); err != nil {
		b.Fatal(err)
	}
}
