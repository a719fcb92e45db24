package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"cagri/internal/event"
)

// Replay gives every event from place from (0 and 1: the first) up to the last one
// stored when Replay was called, in order.
func (j *Journal) Replay(ctx context.Context, from uint64, f func(Stored) error) error {
	return j.replay(ctx, from, func(st Stored) error {
		if st.Err == nil {
			st.Event, st.Err = st.Head.Event()
		}
		return f(st)
	})
}

// ReplaySince gives the events stored at t or later, up to the last one stored when
// it was called, in order. Payloads come unread, as those of Consume.
func (j *Journal) ReplaySince(ctx context.Context, t time.Time, f func(Stored) error) error {
	s, err := j.client().Stream(ctx, j.cfg.Stream)
	if err != nil {
		return fmt.Errorf("journal: replay: %w", err)
	}
	info, err := s.Info(ctx)
	if err != nil {
		return fmt.Errorf("journal: replay: %w", err)
	}
	// The times of the messages rise with their places: the first one is halved in on.
	from, to := max(info.State.FirstSeq, 1), info.State.LastSeq+1
	for from < to {
		mid := from + (to-from)/2
		m, err := s.GetMsg(ctx, mid)
		switch {
		case errors.Is(err, jetstream.ErrMsgNotFound): // removed: the next one tells
			from = mid + 1
		case err != nil:
			return fmt.Errorf("journal: replay: %w", err)
		case m.Time.Before(t):
			from = mid + 1
		default:
			to = mid
		}
	}
	return j.replay(ctx, from, f)
}

func (j *Journal) replay(ctx context.Context, from uint64, f func(Stored) error) error {
	s, err := j.client().Stream(ctx, j.cfg.Stream)
	if err != nil {
		return fmt.Errorf("journal: replay: %w", err)
	}
	info, err := s.Info(ctx)
	if err != nil {
		return fmt.Errorf("journal: replay: %w", err)
	}
	last := info.State.LastSeq
	if info.State.Msgs == 0 || from > last {
		return nil
	}
	// The end is a place that must come, not an answer of "nothing now": a server
	// under load gives that as well.
	next := max(from, 1)
	for empty := 0; next <= last; {
		before := next
		if next, err = replayFrom(ctx, s, next, last, f); err != nil {
			return err
		}
		if next > before {
			empty = 0
			continue
		}
		if empty++; empty == replayTries {
			return nil // they are gone; whoever counts places will see it
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(empty) * 100 * time.Millisecond):
		}
	}
	return nil
}

// replayTries is how often in a row a replay may come back with nothing.
const replayTries = 5

// replayFrom replays as far as the server gives without a stop, and says where to
// go on.
func replayFrom(ctx context.Context, s jetstream.Stream, next, last uint64, f func(Stored) error) (uint64, error) {
	cfg := jetstream.OrderedConsumerConfig{FilterSubjects: []string{subjects}, DeliverPolicy: jetstream.DeliverAllPolicy}
	if next > 1 {
		cfg.DeliverPolicy, cfg.OptStartSeq = jetstream.DeliverByStartSequencePolicy, next
	}
	c, err := s.OrderedConsumer(ctx, cfg)
	if err != nil {
		return next, fmt.Errorf("journal: replay: %w", err)
	}
	for next <= last {
		batch, err := c.FetchNoWait(fetchMost)
		if err != nil {
			return next, fmt.Errorf("journal: replay: %w", err)
		}
		got := 0
		for m := range batch.Messages() {
			d, err := read(m)
			if err != nil {
				return next, err
			}
			if d.place > last {
				return d.place, nil
			}
			if d.place < next { // again, after a stop on the way
				continue
			}
			for st := range d.events() {
				if err := f(st); err != nil {
					return next, err
				}
			}
			got++
			next = d.place + 1
		}
		if err := batch.Error(); err != nil && !errors.Is(err, nats.ErrTimeout) {
			return next, fmt.Errorf("journal: replay: %w", err)
		}
		if err := ctx.Err(); err != nil {
			return next, err
		}
		if got == 0 {
			break
		}
	}
	return next, nil
}

// fetchMost is how many packs are asked for at a time.
const fetchMost = 256

// delivered is a pack as it came from the server.
type delivered struct {
	place    uint64
	delivery uint64 // counts what the server gave to this consumer
	data     []byte
}

func read(m jetstream.Msg) (delivered, error) {
	meta, err := m.Metadata()
	if err != nil {
		return delivered{}, fmt.Errorf("journal: a message without metadata: %w", err)
	}
	return delivered{place: meta.Sequence.Stream, delivery: meta.Sequence.Consumer, data: m.Data()}, nil
}

// At is the event raw as it stands at a place of the journal, its payload unread.
func At(place uint64, part int, raw []byte) Stored {
	st := Stored{Seq: place, Part: part, Raw: raw}
	st.Head, st.Err = event.DecodeHead(raw)
	return st
}

// events gives the events of the pack, their payloads unread.
func (d delivered) events() iter.Seq[Stored] {
	return func(yield func(Stored) bool) {
		part := 0
		for raw := range bytes.SplitSeq(d.data, []byte{'\n'}) {
			if !yield(At(d.place, part, raw)) {
				return
			}
			part++
		}
	}
}

// Consume gives events in batches to f for ever, from place from (0 and 1: the
// first). Whoever consumes keeps the place it has reached, best in one transaction
// with what it made of the events: then nothing is lost and nothing counts twice,
// however either side ends. A confirmation kept by the server could not do that: it
// hands out what is new before it repeats a batch that nobody confirmed.
//
// Payloads come unread: Event is empty, Head has the rest, and Err tells of a head
// that cannot be read or is of no known kind.
//
// The slice belongs to f until it returns.
//
// A batch ends with the first place at which it has most events or more, and is
// given after at most wait; after twice that when the one before was half full, as
// large batches cost less. It returns when ctx is done, with f's error, or with
// that of the connection; begin again then.
func (j *Journal) Consume(ctx context.Context, from uint64, most int, wait time.Duration, f func([]Stored) error) error {
	s, err := j.client().Stream(ctx, j.cfg.Stream)
	if err != nil {
		return fmt.Errorf("journal: consume: %w", err)
	}
	cfg := jetstream.ConsumerConfig{
		AckPolicy: jetstream.AckNonePolicy, DeliverPolicy: jetstream.DeliverAllPolicy, MemoryStorage: true, Replicas: 1, InactiveThreshold: 5 * time.Minute,
	}
	if from > 1 {
		cfg.DeliverPolicy, cfg.OptStartSeq = jetstream.DeliverByStartSequencePolicy, from
	}
	c, err := s.CreateConsumer(ctx, cfg)
	if err != nil {
		return fmt.Errorf("journal: consume: %w", err)
	}
	defer func() {
		bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = s.DeleteConsumer(bye, c.CachedInfo().Name) // or the server does, in a while
	}()
	r := reader{most: most, f: f}
	for full := false; ctx.Err() == nil; {
		// Wait for one, give others a moment to come unless there is more already,
		// take what there is.
		short, cancel := context.WithTimeout(ctx, 5*time.Second)
		got, err := r.take(c.Fetch(1, jetstream.FetchContext(short)))
		cancel()
		if err == nil && got > 0 {
			if !full {
				pause := wait
				if r.last >= most/2 {
					pause *= 2
				}
				select {
				case <-ctx.Done():
				case <-time.After(pause):
				}
			}
			got, err = r.take(c.FetchNoWait(fetchMost))
			full = got == fetchMost
		}
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			return fmt.Errorf("journal: consume: %w", err)
		}
		if r.err == nil {
			r.give()
		}
		if r.err != nil {
			return r.err
		}
	}
	return ctx.Err()
}

// reader collects events until they are a batch.
type reader struct {
	most  int
	f     func([]Stored) error
	given uint64 // messages that came, as the server counts them
	list  []Stored
	last  int   // events of the batch before
	err   error // of f
}

// take reads a fetch and says how many packs it held.
func (r *reader) take(batch jetstream.MessageBatch, err error) (int, error) {
	if err != nil {
		return 0, err
	}
	got := 0
	for m := range batch.Messages() {
		d, err := read(m)
		if err != nil {
			return got, err
		}
		if d.delivery != r.given+1 {
			return got, fmt.Errorf("delivery %d follows on %d: some were lost on the way", d.delivery, r.given)
		}
		r.given = d.delivery
		got++
		for st := range d.events() {
			r.list = append(r.list, st)
		}
		if len(r.list) >= r.most && r.err == nil {
			r.give()
		}
	}
	if err := batch.Error(); err != nil && !errors.Is(err, nats.ErrTimeout) && !errors.Is(err, context.DeadlineExceeded) {
		return got, err
	}
	return got, nil
}

// give hands the batch over. After an error nothing is given any more.
func (r *reader) give() {
	if r.last = len(r.list); r.last > 0 {
		r.err = r.f(r.list)
	}
	clear(r.list)
	r.list = r.list[:0]
}

// LastSeq is the place of the newest event; 0 when there is none.
func (j *Journal) LastSeq(ctx context.Context) (uint64, error) {
	s, err := j.client().Stream(ctx, j.cfg.Stream)
	if err != nil {
		return 0, fmt.Errorf("journal: %w", err)
	}
	info, err := s.Info(ctx)
	if err != nil {
		return 0, fmt.Errorf("journal: %w", err)
	}
	return info.State.LastSeq, nil
}
