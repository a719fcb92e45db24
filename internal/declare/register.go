package declare

import (
	"context"
	"fmt"
	"sync"
	"time"

	"cagri/internal/calendar"
	"cagri/internal/directory"
)

// Keeper holds the book. AppendRecords writes all versions in one transaction, provided that
// the book still stands at the revision; else it gives directory.ErrStale and writes nothing.
type Keeper interface {
	Book(ctx context.Context) (*directory.Book, error)
	AppendRecords(ctx context.Context, revision int64, versions []directory.Version) error
}

// Register applies documents to a keeper's book and tells who wants to hear of it.
type Register struct {
	keeper Keeper
	realm  string
	flow   func(string) bool
	now    func() time.Time
	state  func() (*calendar.Calendar, error) // read once

	mu    sync.Mutex // one apply of this process at a time; guards hooks
	hooks []func(*directory.Snapshot)
}

// NewRegister makes a Register. realm is that of phones' passwords; flow tells which
// call flows there are (nil: all); now is the clock.
func NewRegister(k Keeper, realm string, flow func(string) bool, now func() time.Time) *Register {
	return &Register{keeper: k, realm: realm, flow: flow, now: now, state: sync.OnceValues(calendar.State)}
}

// OnApplied calls f after every apply that changed something, with the book as it is at
// that moment, one call after the other, before Apply returns. What begins later is not
// in it: Book.Next says when the picture changes by itself.
func (r *Register) OnApplied(f func(*directory.Snapshot)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hooks = append(r.hooks, f)
}

// Request is an apply.
type Request struct {
	Files    []File
	From     time.Time // zero: now
	Reason   string
	By       string
	Prune    bool
	Revision int64 // the book must stand here; below 0: anywhere
}

// Plan shows what an apply would do.
func (r *Register) Plan(ctx context.Context, q Request) (*Plan, error) {
	book, err := r.keeper.Book(ctx)
	if err != nil {
		return nil, err
	}
	rules, err := r.rules()
	if err != nil {
		return nil, err
	}
	docs, problems := Read(q.Files)
	return Make(book, docs, problems, Options{Now: r.now(), From: q.From, Reason: q.Reason, By: q.By, Prune: q.Prune, Realm: r.realm, Rules: rules}), nil
}

func (r *Register) rules() (directory.Rules, error) {
	c, err := r.state()
	return directory.Rules{Calendar: c, Flow: r.flow}, err
}

// Apply applies documents in one transaction. When the plan is refused, its problems
// are the error, and the plan is given all the same.
func (r *Register) Apply(ctx context.Context, q Request) (*Plan, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, err := r.Plan(ctx, q)
	switch {
	case err != nil:
		return nil, err
	case !p.OK():
		return p, p.Refused
	case q.Revision >= 0 && q.Revision != p.Revision:
		return p, fmt.Errorf("declare: %w (it stands at revision %d, not %d)", directory.ErrStale, p.Revision, q.Revision)
	case len(p.versions) == 0:
		return p, nil
	}
	if err := r.keeper.AppendRecords(ctx, p.Revision, p.versions); err != nil {
		return p, err
	}
	s := p.next.At(r.now())
	for _, f := range r.hooks {
		f(s)
	}
	return p, nil
}

// Book is the book as it stands.
func (r *Register) Book(ctx context.Context) (*directory.Book, error) { return r.keeper.Book(ctx) }

// Snapshot is the book at a moment; zero is now.
func (r *Register) Snapshot(ctx context.Context, at time.Time) (*directory.Snapshot, error) {
	b, err := r.keeper.Book(ctx)
	if err != nil {
		return nil, err
	}
	if at.IsZero() {
		at = r.now()
	}
	return b.At(at), nil
}

// Check holds the whole book against the rules from now on.
func (r *Register) Check(ctx context.Context) (directory.Problems, error) {
	b, err := r.keeper.Book(ctx)
	if err != nil {
		return nil, err
	}
	rules, err := r.rules()
	if err != nil {
		return nil, err
	}
	return b.Check(r.now(), rules), nil
}

// Export writes the book as documents.
func (r *Register) Export(ctx context.Context, s Selection) ([]File, error) {
	b, err := r.keeper.Book(ctx)
	if err != nil {
		return nil, err
	}
	if s.At.IsZero() {
		s.At = r.now()
	}
	return Export(b, s)
}
