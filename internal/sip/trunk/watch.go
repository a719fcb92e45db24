package trunk

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Start begins to resolve names, to watch targets and to register. It waits at most 3 s for the first look-ups, so that calls find
// targets; carriers whose names cannot be resolved then come later. A set that was started cannot be started again.
func (s *Set) Start(ctx context.Context) error {
	s.mu.Lock()
	if s.cancel != nil {
		s.mu.Unlock()
		return errors.New("trunk: the set was already started")
	}
	ctx, s.cancel = context.WithCancel(ctx)
	var first sync.WaitGroup
	for _, t := range s.list {
		resolved := make(chan struct{})
		first.Add(1)
		s.done.Go(func() { s.watch(ctx, t, func() { close(resolved); first.Done() }) })
		if t.cfg.Registration != nil && s.opt.Requester != nil {
			s.done.Go(func() {
				select {
				case <-resolved:
					s.keepRegistered(ctx, t)
				case <-ctx.Done():
				}
			})
		}
	}
	all := make(chan struct{})
	s.done.Go(func() { first.Wait(); close(all) })
	s.mu.Unlock()

	timer := time.NewTimer(3 * time.Second)
	defer timer.Stop()
	select {
	case <-all:
	case <-timer.C:
	case <-ctx.Done():
	}
	return nil
}

// Stop ends all loops, takes our registrations back (waiting at most 2 s for the answers) and returns when nothing runs any more.
// It may be called twice, and without Start.
func (s *Set) Stop() {
	s.mu.Lock()
	if s.cancel == nil {
		s.cancel = func() {} // never started: it shall not be started any more
	}
	s.cancel()
	s.mu.Unlock()
	s.done.Wait()
}

// jitter returns d changed by up to the given share in both directions, so that many servers do not ask in step.
func (s *Set) jitter(d time.Duration, share float64) time.Duration {
	return time.Duration(float64(d) * (1 + share*(2*s.opt.Random()-1)))
}

// sleep waits and reports false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// watch is the loop of one trunk: names, then OPTIONS to every target, then a pause. first is called after the first look-ups.
func (s *Set) watch(ctx context.Context, t *Trunk, first func()) {
	s.resolveAll(ctx, t)
	first()
	next := s.opt.Now().Add(s.opt.ResolveEvery)
	checks := !t.cfg.Health.Off && s.opt.Requester != nil && len(t.lines) > 0
	names := false
	for _, l := range t.lines {
		names = names || !l.addr.IsValid()
	}
	if !checks && !names {
		return
	}
	for ctx.Err() == nil {
		pause := s.opt.ResolveEvery
		if checks {
			s.checkAll(ctx, t)
			pause = t.cfg.Health.Interval
		}
		if !sleep(ctx, s.jitter(pause, 0.2)) {
			return
		}
		if names && !s.opt.Now().Before(next) {
			s.resolveAll(ctx, t)
			next = s.opt.Now().Add(s.opt.ResolveEvery)
		}
	}
}

// resolveAll looks all names of a trunk up. What cannot be resolved keeps the addresses known before.
func (s *Set) resolveAll(ctx context.Context, t *Trunk) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	changed := false
	for i, l := range t.lines {
		if l.addr.IsValid() {
			continue
		}
		hosts, err := resolve(ctx, s.opt.Resolver, t.cfg.Name, l)
		if err != nil {
			if ctx.Err() == nil || errors.Is(ctx.Err(), context.DeadlineExceeded) {
				err = fmt.Errorf("trunk %q: targets[%d]: %w", t.cfg.Name, i, err)
				s.opt.Log.Warn("trunk name could not be resolved", "trunk", t.cfg.Name, "err", err)
				s.opt.Observe(Event{Kind: ResolveFailed, Trunk: t.cfg.Name, Err: err})
			}
			continue
		}
		changed = t.setHosts(i, hosts) || changed
	}
	if changed {
		s.opt.Observe(Event{Kind: NetworksChanged, Trunk: t.cfg.Name})
	}
}

// checkAll sends one OPTIONS to every target at once and waits for all.
func (s *Set) checkAll(ctx context.Context, t *Trunk) {
	t.mu.Lock()
	var targets []Target
	for _, e := range t.ends {
		targets = append(targets, e.target)
	}
	t.mu.Unlock()
	var wait sync.WaitGroup
	for _, target := range targets {
		wait.Go(func() { s.check(ctx, t, target) })
	}
	wait.Wait()
}

func (s *Set) check(ctx context.Context, t *Trunk, target Target) {
	ctx, cancel := context.WithTimeout(ctx, t.cfg.Health.Timeout)
	defer cancel()
	uri := target.URI("")
	reply, err := s.opt.Requester.Do(ctx, Message{
		Method: "OPTIONS", Target: target, RequestURI: uri, From: uri, To: uri, CallID: s.callID(), CSeq: 1, Expires: NoExpires,
	})
	switch {
	case err != nil && context.Cause(ctx) == context.Canceled:
		return // we are being stopped: that says nothing about the carrier
	case err != nil:
		s.note(target, false, false, 0, "OPTIONS: "+err.Error())
	case !alive(reply.Code):
		s.note(target, false, false, min(reply.RetryAfter, time.Hour), fmt.Sprintf("OPTIONS: %d %s", reply.Code, reply.Reason))
	default:
		s.note(target, true, false, 0, "")
	}
}

// alive says whether an answer to OPTIONS shows a carrier that can take calls. Also refusals do (403, 404, 405, 481 …): many
// carriers answer OPTIONS so. Not 408 and 503, nor the gateway errors 502 and 504, which speak of something behind that is dead.
func alive(code int) bool {
	switch code {
	case 408, 502, 503, 504:
		return false
	}
	return code >= 200
}
