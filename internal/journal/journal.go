package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"cagri/internal/event"
)

// Journal is an open journal. Append may be called from any goroutine.
type Journal struct {
	cfg  Config
	log  logger
	lock *os.File

	link   sync.RWMutex   // guards the three below; they change when a store that died is started anew
	server *server.Server // nil when external
	conn   *nats.Conn
	js     jetstream.JetStream

	damaged sync.Once // told

	// Of the writing goroutine alone.
	lastID string // id of the event stored last
	loose  bool   // the next batch does not ask what is before it

	mu       sync.Mutex // guards all below
	queue    []entry    // appended, not yet handed to the writer; the last one is still being filled
	bytes    int        // of queue
	spare    [][]byte   // room for packs, of those that are stored
	hasty    int        // how many wait in Flush
	spool    *spool
	closed   bool
	lossTold bool
	idle     chan struct{} // closed and renewed whenever everything is stored
	stats    Stats

	wake  chan struct{}
	hurry chan struct{} // ends the pause between packs
	quit  chan struct{}
	done  chan struct{}
}

// entry is a pack: events in order, one in a line, ready to be sent.
type entry struct {
	id   string // of its first event, and how many follow
	n    int    // events
	data []byte
}

const (
	subjects = "cagri.>"
	subject  = "cagri.events"
	// A pack is sent at once when the last one is packEvery ago, so a quiet journal
	// does not wait and a busy one sends many events for the price of one message.
	packEvery  = 5 * time.Millisecond
	packEvents = 512
	packBytes  = 128 << 10
	duplicates = 10 * time.Minute // how long the server remembers ids; the projection checks ids for ever
)

// Open opens the journal, starting the embedded server if there is no URL. An
// external server may be away: Open then succeeds and the events wait.
func Open(cfg Config, log logger) (*Journal, error) {
	cfg = cfg.withDefaults()
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	l, err := lock(cfg.Dir)
	if err != nil {
		return nil, err
	}
	j := &Journal{cfg: cfg, log: log, lock: l, idle: make(chan struct{}), wake: make(chan struct{}, 1), hurry: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{})}
	if err := j.open(); err != nil {
		j.shut()
		return nil, err
	}
	go j.write()
	return j, nil
}

func (j *Journal) open() error {
	var err error
	if j.spool, err = openSpool(filepath.Join(j.cfg.Dir, "waiting")); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	if err := j.connect(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := j.ensureStream(ctx); err != nil {
		if j.server != nil {
			return err
		}
		j.cfg.OnAlarm("journal_away", err)
	}
	return nil
}

// connect starts the server, if it is ours, and connects with it. The caller holds
// link, or is alone.
func (j *Journal) connect() (err error) {
	options := []nats.Option{
		nats.Name("cagri"), nats.MaxReconnects(-1), nats.ReconnectWait(500 * time.Millisecond), nats.ReconnectBufSize(-1),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { j.log.Warn("journal connection", "err", err) }),
	}
	url := j.cfg.URL
	if url == "" {
		if err := j.embed(); err != nil {
			return err
		}
		options = append(options, nats.InProcessServer(j.server))
	} else {
		options = append(options, nats.RetryOnFailedConnect(true))
	}
	if j.conn, err = nats.Connect(url, options...); err != nil {
		return fmt.Errorf("journal: connect: %w", err)
	}
	// A small window of unconfirmed messages keeps memory bounded and is far more
	// than the server needs to be busy all the time.
	if j.js, err = jetstream.New(j.conn, jetstream.WithPublishAsyncMaxPending(4096), jetstream.WithPublishAsyncTimeout(5*time.Second)); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

// client is the present connection.
func (j *Journal) client() jetstream.JetStream {
	j.link.RLock()
	defer j.link.RUnlock()
	return j.js
}

// embed starts the server inside this process, without any port.
func (j *Journal) embed() error {
	s, err := server.NewServer(&server.Options{
		ServerName: "cagri", DontListen: true, NoSigs: true, NoLog: true, JetStream: true,
		StoreDir: j.cfg.Dir, SyncInterval: j.cfg.SyncInterval,
		// The journal may fill the disk's free space; the limit of the library (a
		// share of the space at start) would refuse events long before.
		JetStreamMaxStore: 1 << 50, JetStreamMaxMemory: 1 << 30,
	})
	if err != nil {
		return fmt.Errorf("journal: embedded server: %w", err)
	}
	j.server = s
	s.Start()
	if !s.ReadyForConnections(30 * time.Second) {
		return errors.New("journal: the embedded server did not become ready within 30 s")
	}
	return nil
}

func (j *Journal) ensureStream(ctx context.Context) error {
	s, err := j.client().CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: j.cfg.Stream, Description: "Every step of every call", Subjects: []string{subjects},
		Storage: jetstream.FileStorage, Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardNew,
		Duplicates: duplicates, Replicas: j.cfg.Replicas, AllowDirect: true,
	})
	if err != nil {
		return fmt.Errorf("journal: stream %s: %w", j.cfg.Stream, err)
	}
	// Nothing is ever taken out of the journal: what is missing was lost.
	if state := s.CachedInfo().State; state.FirstSeq > 1 || state.NumDeleted > 0 {
		j.damaged.Do(func() {
			err := fmt.Errorf("places are missing: it begins at place %d and ends at %d, with %d gaps between; restore it from a copy, or look with cagri verify at what is gone", state.FirstSeq, state.LastSeq, state.NumDeleted)
			j.log.Error("the journal is damaged", "err", err)
			j.cfg.OnAlarm("journal_damaged", err)
		})
	}
	return nil
}

// line is room to write one event down.
var line = sync.Pool{New: func() any { return new([]byte) }}

// Append takes ev for storing. It never blocks on the server or the network. The
// order of what one goroutine appends is kept.
func (j *Journal) Append(ev event.Event) {
	room := line.Get().(*[]byte)
	defer line.Put(room)
	data, err := event.Append((*room)[:0], ev)
	if err != nil {
		// Only a fault of the program can bring this about; it must not stop calls.
		j.log.Error("an event could not be written down", "err", err)
		j.cfg.OnAlarm("journal_encode", err)
		return
	}
	*room = data
	full := false
	j.mu.Lock()
	j.stats.Appended++
	switch {
	case j.closed:
		j.stats.Lost++
	case j.spool.size() > 0 || j.bytes > j.cfg.Pending:
		j.keep(entry{id: ev.ID, n: 1, data: data})
	default:
		full = j.pack(ev.ID, data)
	}
	j.mu.Unlock()
	signal(j.wake)
	if full {
		signal(j.hurry)
	}
}

// pack puts an event into the pack that is being filled, or begins another; true
// when one is full. j.mu is held.
func (j *Journal) pack(id string, data []byte) bool {
	j.bytes += len(data)
	if last := len(j.queue) - 1; last >= 0 {
		if e := &j.queue[last]; e.n < packEvents && len(e.data)+len(data) < packBytes {
			e.data = append(append(e.data, '\n'), data...)
			e.n++
			j.bytes++
			return false
		}
	}
	var room []byte
	if n := len(j.spare); n > 0 {
		room, j.spare = j.spare[n-1][:0], j.spare[:n-1]
	}
	j.queue = append(j.queue, entry{id: id, n: 1, data: append(room, data...)})
	return len(j.queue) > 1
}

// sealed names the packs of a list that nothing is added to any more. The name is
// the same however often a pack is sent.
func sealed(list []entry) []entry {
	for i := range list {
		if e := &list[i]; e.n > 1 {
			e.id += "+" + strconv.Itoa(e.n-1)
		}
	}
	return list
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// keep puts e into the waiting file, behind everything that is there. j.mu is held.
func (j *Journal) keep(e entry) {
	if err := j.spool.add(e); err != nil {
		j.stats.Lost += uint64(e.n)
		if !j.lossTold {
			j.lossTold = true
			j.log.Error("events are lost: the journal does not answer and the waiting file cannot be written", "err", err)
			go j.cfg.OnAlarm("journal_lost", err)
		}
	}
}

// Flush waits until everything appended before is stored.
func (j *Journal) Flush(ctx context.Context) error {
	j.mu.Lock()
	j.hasty++
	j.mu.Unlock()
	signal(j.hurry)
	defer func() {
		j.mu.Lock()
		j.hasty--
		j.mu.Unlock()
	}()
	for {
		j.mu.Lock()
		empty := j.stats.Stored+j.stats.Lost >= j.stats.Appended && j.spool.size() == 0
		idle := j.idle
		j.mu.Unlock()
		if empty {
			return nil
		}
		select {
		case <-idle:
		case <-j.done:
			return ErrClosed
		case <-ctx.Done():
			return fmt.Errorf("journal: flush: %w", ctx.Err())
		}
	}
}

// Stats gives the counters.
func (j *Journal) Stats() Stats {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := j.stats
	for _, e := range j.queue {
		s.Waiting += e.n
	}
	s.Spooled = j.spool.size()
	return s
}

// Stop stores what waits, at most five seconds long, keeps the rest in the waiting
// file for the next start, and closes. Safe to call twice.
func (j *Journal) Stop() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = j.Flush(ctx)
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return
	}
	j.closed = true
	j.mu.Unlock()
	close(j.quit)
	<-j.done
	j.shut()
}

func (j *Journal) shut() {
	if j.conn != nil {
		j.conn.Close()
	}
	if j.server != nil {
		j.server.Shutdown()
		j.server.WaitForShutdown()
	}
	if j.spool != nil {
		j.spool.close()
	}
	_ = j.lock.Close()
}
