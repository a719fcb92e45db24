package journal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"cagri/internal/event"
)

// routerSubjects is what the router writes about itself.
const routerSubjects = "cagri.router."

// Replay gives every event from place from (0 and 1: the first) up to the last one
// stored when Replay was called, in order.
func (j *Journal) Replay(ctx context.Context, from uint64, f func(Stored) error) error {
	return j.replay(ctx, subjects, from, f)
}

// ReplaySubject is Replay for one subject, such as "cagri.router.>".
func (j *Journal) ReplaySubject(ctx context.Context, subject string, f func(Stored) error) error {
	return j.replay(ctx, subject, 0, f)
}

func (j *Journal) replay(ctx context.Context, filter string, from uint64, f func(Stored) error) error {
	s, err := j.js.Stream(ctx, j.cfg.Stream)
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
	// The end is a message that must come, not an answer of "nothing now": a server
	// under load gives that as well.
	end := last
	if filter != subjects {
		m, err := s.GetLastMsgForSubject(ctx, filter)
		switch {
		case errors.Is(err, jetstream.ErrMsgNotFound):
			return nil
		case err != nil:
			return fmt.Errorf("journal: replay: %w", err)
		}
		end = min(end, m.Sequence)
	}
	next := max(from, 1)
	for empty := 0; next <= end; {
		before := next
		if next, err = replayFrom(ctx, s, filter, next, end, last, f); err != nil {
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
func replayFrom(ctx context.Context, s jetstream.Stream, filter string, next, end, last uint64, f func(Stored) error) (uint64, error) {
	cfg := jetstream.OrderedConsumerConfig{FilterSubjects: []string{filter}, DeliverPolicy: jetstream.DeliverAllPolicy}
	if next > 1 {
		cfg.DeliverPolicy, cfg.OptStartSeq = jetstream.DeliverByStartSequencePolicy, next
	}
	c, err := s.OrderedConsumer(ctx, cfg)
	if err != nil {
		return next, fmt.Errorf("journal: replay: %w", err)
	}
	for next <= end {
		batch, err := c.FetchNoWait(2000)
		if err != nil {
			return next, fmt.Errorf("journal: replay: %w", err)
		}
		got := 0
		for m := range batch.Messages() {
			st, err := read(m, false)
			if err != nil {
				return next, err
			}
			if st.Seq > last {
				return st.Seq, nil
			}
			if st.Seq < next { // again, after a stop on the way
				continue
			}
			if err := f(st.Stored); err != nil {
				return next, err
			}
			got++
			next = st.Seq + 1
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

// delivered is an event as it came from the server.
type delivered struct {
	Stored
	delivery uint64 // counts what the server gave to this consumer
}

// read takes a message apart; of one that is only to be counted, just its place.
func read(m jetstream.Msg, count bool) (delivered, error) {
	meta, err := m.Metadata()
	if err != nil {
		return delivered{}, fmt.Errorf("journal: a message without metadata: %w", err)
	}
	d := delivered{Stored: Stored{Seq: meta.Sequence.Stream, Raw: m.Data()}, delivery: meta.Sequence.Consumer}
	if !count {
		d.Event, d.Err = event.Decode(d.Raw)
	}
	return d, nil
}

// Consume gives events in batches to f for ever, from place from (0 and 1: the
// first). Whoever consumes keeps the place it has reached, best in one transaction
// with what it made of the events: then nothing is lost and nothing counts twice,
// however either side ends. A confirmation kept by the server could not do that: it
// hands out what is new before it repeats a batch that nobody confirmed.
//
// The router's inputs, a fifth of all, come without content: they are there for
// Replay, and nobody who follows the calls needs them.
//
// Batches hold up to most events and are given after at most wait. It returns when
// ctx is done, with f's error, or with that of the connection; begin again then.
func (j *Journal) Consume(ctx context.Context, from uint64, most int, wait time.Duration, f func([]Stored) error) error {
	s, err := j.js.Stream(ctx, j.cfg.Stream)
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
	given := uint64(0) // messages that came, as the server counts them
	for ctx.Err() == nil {
		var list []Stored
		take := func(batch jetstream.MessageBatch, err error) error {
			if err != nil {
				return err
			}
			for m := range batch.Messages() {
				st, err := read(m, strings.HasPrefix(m.Subject(), routerSubjects))
				if err != nil {
					return err
				}
				if st.delivery != given+1 {
					return fmt.Errorf("delivery %d follows on %d: some were lost on the way", st.delivery, given)
				}
				given = st.delivery
				list = append(list, st.Stored)
			}
			if err := batch.Error(); err != nil && !errors.Is(err, nats.ErrTimeout) && !errors.Is(err, context.DeadlineExceeded) {
				return err
			}
			return nil
		}
		// Wait for one, give others a moment to come, take what there is.
		short, cancel := context.WithTimeout(ctx, 5*time.Second)
		err := take(c.Fetch(1, jetstream.FetchContext(short)))
		cancel()
		if err == nil && len(list) > 0 {
			select {
			case <-ctx.Done():
			case <-time.After(wait):
			}
			err = take(c.FetchNoWait(most - 1))
		}
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			return fmt.Errorf("journal: consume: %w", err)
		}
		if len(list) == 0 {
			continue
		}
		if err := f(list); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// LastSeq is the place of the newest event; 0 when there is none.
func (j *Journal) LastSeq(ctx context.Context) (uint64, error) {
	s, err := j.js.Stream(ctx, j.cfg.Stream)
	if err != nil {
		return 0, fmt.Errorf("journal: %w", err)
	}
	info, err := s.Info(ctx)
	if err != nil {
		return 0, fmt.Errorf("journal: %w", err)
	}
	return info.State.LastSeq, nil
}
