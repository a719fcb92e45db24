package verify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cagri/internal/event"
	"cagri/internal/journal"
	"cagri/internal/store"
)

// Options says how far the proof goes.
type Options struct {
	// RecordDir is where recordings are; empty when none are kept here.
	RecordDir string
	// Files also reads every recording and compares size and SHA-256.
	Files bool
	// CatchUp is how long the database may take to reach the journal's last place;
	// 0 means 30 s. A database further behind is a finding.
	CatchUp time.Duration
}

const batchEvents = 2000

// errEnough ends a replay at the last place that counts.
var errEnough = errors.New("enough")

// Run verifies everything up to the last place of the journal (or a little beyond:
// the place at which the database stood when it was read). An error means that it
// could not be verified, not that something is wrong.
func Run(ctx context.Context, j *journal.Journal, s *store.Store, o Options) (Report, error) {
	if o.CatchUp == 0 {
		o.CatchUp = 30 * time.Second
	}
	began := time.Now()
	last, err := j.LastSeq(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("verify: %w", err)
	}
	rebuilt, err := store.OpenScratch(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("verify: a place for the rebuilt database: %w", err)
	}
	defer rebuilt.Close()
	p := newPass(rebuilt)
	if err := p.read(ctx, j, last); err != nil {
		return Report{}, err
	}
	if st := j.Stats(); st.Lost > 0 {
		p.journal.breach(Finding{Reason: fmt.Sprintf("%d events of this run were lost: neither the journal nor the waiting file could be written", st.Lost)})
	} else if st.Spooled > 0 {
		p.journal.breach(Finding{Reason: fmt.Sprintf("%d bytes of events wait in the waiting file: the journal does not take them", st.Spooled)})
	}
	projection, err := p.projection(ctx, j, s, o.CatchUp)
	if err != nil {
		return Report{}, err
	}
	p.calls.finish()
	p.router.finish()
	recordings, err := checkRecordings(ctx, rebuilt, o, p.calls.recordings)
	if err != nil {
		return Report{}, err
	}
	r := Report{Passed: true, From: p.first, To: p.last, Events: p.events, Began: began.UTC(), TookMS: time.Since(began).Milliseconds()}
	for _, c := range []*Check{p.journal, p.calls.calls, p.calls.notice, p.calls.bridges, projection, p.router.replay, p.router.order, recordings} {
		r.Checks = append(r.Checks, *c)
		r.Passed = r.Passed && c.OK
	}
	r.Summary = r.Text()
	return r, nil
}

// pass is one reading of the journal in which all checks look at each event.
type pass struct {
	rebuilt *store.Store
	journal *Check
	calls   *callChecks
	router  *routerChecks

	first, last uint64 // places
	events      uint64
	repeats     uint64 // events that came a second time and changed nothing
	batch       []journal.Stored
}

func newPass(rebuilt *store.Store) *pass {
	p := &pass{rebuilt: rebuilt, journal: newCheck(CheckJournal, "places", "every place is there and can be read")}
	p.calls = newCallChecks()
	p.router = newRouterChecks(p.calls.live)
	return p
}

// read goes on from the last place read to place to.
func (p *pass) read(ctx context.Context, j *journal.Journal, to uint64) error {
	err := j.Replay(ctx, p.last+1, func(st journal.Stored) error {
		if st.Seq > to {
			return errEnough
		}
		if st.Part == 0 {
			if p.first == 0 {
				p.first = st.Seq // nothing is ever taken away: the first place is 1
			}
			if st.Seq != p.last+1 {
				p.journal.breach(Finding{Place: st.Seq, Reason: fmt.Sprintf("places %d to %d before it are gone", p.last+1, st.Seq-1)})
			}
			p.last = st.Seq
			// Batches end between places, as those of the database do.
			if len(p.batch) >= batchEvents {
				if err := p.take(ctx); err != nil {
					return err
				}
			}
		}
		p.batch = append(p.batch, st)
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return fmt.Errorf("verify: %w", err)
	}
	if err := p.take(ctx); err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	if p.last < to {
		// Only a removed end can bring this about: places are never given twice.
		p.journal.breach(Finding{Place: to, Reason: fmt.Sprintf("places %d to %d are gone", p.last+1, to)})
		p.last = to
	}
	return nil
}

// take projects the batch into the rebuilt database and shows each event to the
// checks. An event that the journal holds twice under one id counts once, as in
// the database; the second one must be the same.
func (p *pass) take(ctx context.Context) error {
	if len(p.batch) == 0 {
		return nil
	}
	batch := p.batch
	defer func() { clear(batch); p.batch = batch[:0] }()
	var strangers []string // calls that are not open: new, or ended long ago
	for _, st := range batch {
		if c := st.Event.Call; c != "" && !p.calls.live(c) {
			strangers = append(strangers, c)
		}
	}
	ended, err := p.rebuilt.KnownCalls(ctx, strangers)
	if err != nil {
		return err
	}
	list, err := p.rebuilt.ProjectFresh(ctx, batch)
	if err != nil {
		return err
	}
	fresh := make(map[string]bool, len(list))
	for _, id := range list {
		fresh[id] = true
	}
	for _, st := range batch {
		p.events++
		p.journal.Checked++
		if st.Err != nil {
			p.journal.breach(Finding{Place: st.Seq, Reason: "cannot be read: " + st.Err.Error()})
			continue
		}
		e := st.Event
		switch d := e.Data.(type) {
		case event.RouterStarted:
			p.router.started(e, d, st.Seq)
		case event.RouterInput:
			p.router.input(e, d, st.Seq)
		case event.ServerStarted, event.ServerStopped:
			p.calls.marker()
		}
		if e.Call == "" {
			continue
		}
		if !fresh[e.ID] {
			if err := p.repeat(ctx, st); err != nil {
				return err
			}
			continue
		}
		delete(fresh, e.ID) // the next one of this id is a repetition
		if made, ok := e.Data.(event.OfferMade); ok {
			p.router.made(e, made, st.Seq)
		}
		p.calls.take(e, st.Seq, ended)
		if !p.calls.live(e.Call) {
			p.router.gone(e.Call)
		}
	}
	return nil
}

// repeat: the journal holds the id of st twice. Sending again after a broken
// connection can bring this about, later than the server remembers ids.
func (p *pass) repeat(ctx context.Context, st journal.Stored) error {
	e := st.Event
	old, err := p.rebuilt.StepByID(ctx, e.ID)
	if err != nil {
		return err
	}
	if !store.SameStep(old, st.Head) {
		p.calls.calls.breach(Finding{Call: e.Call, Event: e.ID, Place: st.Seq, Reason: fmt.Sprintf("the id stands twice in the journal for different events: %s, and here %s", old.Kind, e.Data.Kind())})
		return nil
	}
	p.repeats++
	return nil
}
