package journal

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	batchMost = 64 // packs, or single events of the waiting file
	spareMost = 4

	reviveAfter = 8 * time.Second // of failures in a row
	leastRoom   = 4 << 20         // bytes that the disk must have left for it
	retryLeast,
	retryMost = 100 * time.Millisecond, 5 * time.Second
)

// write is the only goroutine that sends. It takes what waits in memory, then what
// waits in the file, and sends each batch until it is confirmed.
func (j *Journal) write() {
	defer close(j.done)
	var sent time.Time
	pause := time.NewTimer(0)
	for {
		j.gather(pause, sent)
		sent = time.Now()
		batch, spooled := j.next()
		if len(batch) == 0 {
			select {
			case <-j.wake:
				continue
			case <-j.quit:
				return
			}
		}
		if j.send(batch) {
			j.stored(batch, spooled)
			continue
		}
		// Told to stop with a batch in hand: it must survive in the file, before
		// everything that is there already.
		if spooled == 0 {
			j.rescue(batch)
		}
		return
	}
}

// gather waits until packEvery after the pack before, unless a pack is full or
// somebody flushes. What waits in the file is not gathered.
func (j *Journal) gather(pause *time.Timer, sent time.Time) {
	wait := packEvery - time.Since(sent)
	j.mu.Lock()
	if j.hasty > 0 || len(j.queue) > 1 || j.spool.size() > 0 {
		wait = 0
	}
	j.mu.Unlock()
	if wait <= 0 {
		return
	}
	pause.Reset(wait)
	select {
	case <-pause.C:
	case <-j.hurry:
	case <-j.quit:
	}
}

// next gives the oldest events that wait, and how many bytes of the waiting file
// they are (0: they come from memory).
func (j *Journal) next() (batch []entry, spooled int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.queue) > 0 {
		n := min(len(j.queue), batchMost)
		batch = sealed(append(batch, j.queue[:n]...))
		clear(j.queue[:n])
		j.queue = j.queue[n:]
		for _, e := range batch {
			j.bytes -= len(e.data)
		}
		if len(j.queue) == 0 {
			j.queue = nil
		}
		return batch, 0
	}
	batch, spooled, err := j.spool.first(batchMost)
	if err != nil && len(batch) == 0 && j.spool.size() > 0 {
		j.log.Error("the journal's waiting file cannot be read", "err", err)
	}
	return batch, spooled
}

// send tries until every event of the batch is confirmed; false when told to stop.
func (j *Journal) send(batch []entry) bool {
	wait := retryLeast
	began := time.Now()
	for first := true; ; first = false {
		err := j.publish(batch)
		if err == nil {
			if first {
				j.reuse(batch)
			}
			return true
		}
		if errors.Is(err, errChain) {
			continue
		}
		j.mu.Lock()
		j.stats.Retried++
		j.spill()
		j.mu.Unlock()
		if wait == retryLeast {
			j.log.Warn("the journal does not take events; they wait", "err", err)
			j.cfg.OnAlarm("journal_away", err)
		}
		select {
		case <-j.quit:
			return false
		case <-time.After(wait):
		}
		wait = min(2*wait, retryMost)
		if time.Since(began) >= reviveAfter && j.revive() {
			began, wait = time.Now(), retryLeast
		}
		if errors.Is(err, nats.ErrNoStreamResponse) || errors.Is(err, jetstream.ErrNoStreamResponse) {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			_ = j.ensureStream(ctx)
			cancel()
		}
	}
}

// revive starts the embedded server anew: a store that met a full disk takes nothing
// any more, also when there is room again. Not before there is.
func (j *Journal) revive() bool {
	if j.cfg.URL != "" {
		return false
	}
	if err := roomFor(j.cfg.Dir, leastRoom); err != nil {
		j.log.Error("the journal waits for room on the disk", "err", err)
		j.cfg.OnAlarm("journal_disk_full", err)
		return false
	}
	j.log.Warn("the journal's store has not answered for long and is started anew")
	j.link.Lock()
	defer j.link.Unlock()
	if j.conn != nil {
		j.conn.Close()
	}
	if j.server != nil {
		j.server.Shutdown()
		j.server.WaitForShutdown()
	}
	if err := j.connect(); err != nil {
		j.log.Error("the journal's store does not start", "err", err)
		return false
	}
	return true
}

// reuse keeps the room of packs for later ones. Where something had to be sent
// again, the library may still hold on to it.
func (j *Journal) reuse(batch []entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, e := range batch {
		if len(j.spare) < spareMost {
			j.spare = append(j.spare, e.data)
		}
	}
}

// spill moves what waits in memory into the file, so that a crash of this process
// while the server is away costs no more than the batch in hand. j.mu is held.
func (j *Journal) spill() {
	for _, e := range sealed(j.queue) {
		j.keep(e)
	}
	j.queue, j.bytes = nil, 0
}

// publish sends the batch in order and waits for every confirmation. Each pack
// names the one before it, and the server takes it only behind that one: when one
// cannot be taken, those behind it in the batch are not taken either, and order
// survives the next try.
func (j *Journal) publish(batch []entry) error {
	futures := make([]jetstream.PubAckFuture, 0, len(batch))
	before := j.lastID
	for _, e := range batch {
		opts := []jetstream.PublishOpt{jetstream.WithMsgID(e.id)}
		if before != "" && !j.loose {
			opts = append(opts, jetstream.WithExpectLastMsgID(before))
		}
		f, err := j.client().PublishMsgAsync(&nats.Msg{Subject: subject, Data: e.data}, opts...)
		if err != nil {
			return err
		}
		futures, before = append(futures, f), e.id
	}
	var last uint64
	for _, f := range futures {
		select {
		case ack := <-f.Ok():
			last = max(last, ack.Sequence)
		case err := <-f.Err():
			if api := (*jetstream.APIError)(nil); errors.As(err, &api) && api.ErrorCode == wrongLastID {
				// The one before is there, but so long that the server has forgotten its id;
				// or somebody else has written. All before it are stored: the next try goes
				// without asking.
				j.loose = true
				return errChain
			}
			return err
		case <-time.After(10 * time.Second):
			return errors.New("no confirmation within 10 s")
		}
	}
	j.lastID, j.loose = before, false
	j.mu.Lock()
	j.stats.LastSeq = max(j.stats.LastSeq, last)
	j.mu.Unlock()
	return nil
}

var errChain = errors.New("the pack before is not the last one")

// wrongLastID is the server's error code for a message whose predecessor is not the
// last one.
const wrongLastID = jetstream.ErrorCode(10070)

func (j *Journal) stored(batch []entry, spooled int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, e := range batch {
		j.stats.Stored += uint64(e.n)
	}
	if spooled > 0 {
		j.spool.drop(spooled)
	}
	if len(j.queue) == 0 && j.spool.size() == 0 {
		close(j.idle)
		j.idle = make(chan struct{})
	}
}

// rescue writes batch, and all that waits behind it, into a fresh waiting file.
func (j *Journal) rescue(batch []entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	rest, _, err := j.spool.first(1 << 30)
	if err != nil {
		j.log.Error("the journal's waiting file cannot be read", "err", err)
	}
	j.spool.drop(j.spool.size())
	for _, list := range [][]entry{batch, sealed(j.queue), rest} {
		for _, e := range list {
			j.keep(e)
		}
	}
	j.queue = nil
}
