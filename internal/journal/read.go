package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"cagri/internal/event"
)

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
	cfg := jetstream.OrderedConsumerConfig{FilterSubjects: []string{filter}, DeliverPolicy: jetstream.DeliverAllPolicy}
	if from > 1 {
		cfg.DeliverPolicy, cfg.OptStartSeq = jetstream.DeliverByStartSequencePolicy, from
	}
	c, err := s.OrderedConsumer(ctx, cfg)
	if err != nil {
		return fmt.Errorf("journal: replay: %w", err)
	}
	for {
		batch, err := c.FetchNoWait(2000)
		if err != nil {
			return fmt.Errorf("journal: replay: %w", err)
		}
		got := 0
		for m := range batch.Messages() {
			got++
			st, pending, err := read(m)
			if err != nil {
				return err
			}
			if st.Seq > last {
				return nil
			}
			if err := f(st); err != nil {
				return err
			}
			if pending == 0 {
				return nil
			}
		}
		if err := batch.Error(); err != nil && !errors.Is(err, nats.ErrTimeout) {
			return fmt.Errorf("journal: replay: %w", err)
		}
		if got == 0 {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

func read(m jetstream.Msg) (Stored, uint64, error) {
	meta, err := m.Metadata()
	if err != nil {
		return Stored{}, 0, fmt.Errorf("journal: a message without metadata: %w", err)
	}
	st := Stored{Seq: meta.Sequence.Stream, Raw: m.Data()}
	st.Event, st.Err = event.Decode(st.Raw)
	return st, meta.NumPending, nil
}

// Consume gives events in batches to f for ever, from where the consumer of that
// name left off, and confirms a batch when f returned nil. A batch comes again when
// f failed or the process died before the confirmation, so f must bear doubles.
// Batches hold up to most events and are given after at most wait. It returns when
// ctx is done, or with f's error.
func (j *Journal) Consume(ctx context.Context, name string, most int, wait time.Duration, f func([]Stored) error) error {
	s, err := j.js.Stream(ctx, j.cfg.Stream)
	if err != nil {
		return fmt.Errorf("journal: consume: %w", err)
	}
	c, err := s.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
		Durable: name, AckPolicy: jetstream.AckAllPolicy, AckWait: time.Minute, MaxAckPending: 4 * most, DeliverPolicy: jetstream.DeliverAllPolicy,
	})
	if err != nil {
		return fmt.Errorf("journal: consume: %w", err)
	}
	for ctx.Err() == nil {
		var list []Stored
		var lastMsg jetstream.Msg
		take := func(batch jetstream.MessageBatch, err error) error {
			if err != nil {
				return err
			}
			for m := range batch.Messages() {
				st, _, err := read(m)
				if err != nil {
					return err
				}
				list = append(list, st)
				lastMsg = m
			}
			return nil
		}
		// Wait for one, give others a moment to come, take what there is.
		if err := take(c.Fetch(1, jetstream.FetchMaxWait(5*time.Second))); err != nil {
			if ctx.Err() != nil {
				break
			}
			return fmt.Errorf("journal: consume: %w", err)
		}
		if len(list) > 0 {
			select {
			case <-ctx.Done():
			case <-time.After(wait):
			}
			if err := take(c.FetchNoWait(most - 1)); err != nil {
				return fmt.Errorf("journal: consume: %w", err)
			}
		}
		if len(list) == 0 {
			continue
		}
		if err := f(list); err != nil {
			return err
		}
		if err := lastMsg.Ack(); err != nil && ctx.Err() == nil {
			return fmt.Errorf("journal: confirm: %w", err)
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
