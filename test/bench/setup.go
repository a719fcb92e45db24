package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sort"
	"sync"
	"time"
)

// benchSetup: calls through the queue at a steady rate, no RTP from either end,
// caller hangs up a second after the agent's line is up, or earlier where the agents
// would run out.
func benchSetup(ctx context.Context, o options) error {
	for _, record := range []bool{false, true} {
		fmt.Printf("recording %v, %d agents\nCPS   calls  failed  refused  CPU%%core  CPU-ms/call  talk ms  INVITE to agent's ACK p50/p95/p99 ms  RSS MB  resent 200\n", record, o.agents)
		for _, cps := range o.cps {
			if err := setupRow(ctx, o, cps, record); err != nil {
				return err
			}
		}
	}
	return nil
}

func setupRow(ctx context.Context, o options, cps int, record bool) error {
	t, err := server(ctx, o, o.agents, 100*time.Millisecond, record, 0)
	if err != nil {
		return err
	}
	defer func() { _ = t.Close(); cleanUp(o, t.Dir) }()
	addr := netip.MustParseAddrPort(t.SIP())
	// Nobody listens to the sound of this bench: the discard ports are bound so
	// that the kernel does not answer each packet with an error.
	var sinks [2]*port
	for i := range sinks {
		if sinks[i], err = openPort(); err != nil {
			return err
		}
		defer sinks[i].close()
	}
	ag, err := newAgents(addr, o.agents, int(sinks[1].local))
	if err != nil {
		return err
	}
	defer ag.close()
	if err := hall(ctx, t, ag); err != nil {
		return err
	}
	cl, err := newCallers(addr, int(sinks[0].local))
	if err != nil {
		return err
	}
	defer cl.close()
	// Three fifths of the agents are busy at most: with fewer free ones callers would
	// wait for people, which is not what this bench measures.
	talk := min(time.Second, time.Duration(0.6*float64(o.agents)/float64(cps)*float64(time.Second)))
	var mu sync.Mutex
	var took []time.Duration
	placed := map[int]*outCall{}
	ag.onUp = func(caller, _ int) {
		now := time.Now()
		mu.Lock()
		k := placed[caller]
		if k != nil {
			took = append(took, now.Sub(k.placed))
		}
		mu.Unlock()
		if k != nil {
			time.AfterFunc(talk, func() { cl.bye(k) })
		}
	}
	n := cps * int(o.window.Seconds())
	cpu := t.CPU()
	begin := time.Now()
	for i := range n {
		due := begin.Add(time.Duration(i) * time.Second / time.Duration(cps))
		if wait := time.Until(due); wait > 0 {
			time.Sleep(wait)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		mu.Lock()
		placed[i] = cl.place(i)
		mu.Unlock()
	}
	lastly := until(ctx, 15*time.Second, func() bool { mu.Lock(); defer mu.Unlock(); return len(took) >= n })
	_ = until(ctx, 5*time.Second, func() bool { return cl.live() == 0 })
	used, wall := t.CPU()-cpu, time.Since(begin)
	mu.Lock()
	defer mu.Unlock()
	sort.Slice(took, func(i, j int) bool { return took[i] < took[j] })
	q := func(p float64) float64 {
		if len(took) == 0 {
			return 0
		}
		return float64(took[min(int(p*float64(len(took))), len(took)-1)].Microseconds()) / 1000
	}
	fmt.Printf("%4d  %6d  %6d  %7d  %8.1f  %11.2f  %7d  %.1f / %.1f / %.1f  %6.0f  %d\n", cps, n, n-len(took)-int(cl.refused.Load()), cl.refused.Load(),
		100*used.Seconds()/wall.Seconds(), used.Seconds()*1000/float64(n), talk.Milliseconds(), q(0.5), q(0.95), q(0.99), float64(rss(t.PID()))/1e6, cl.retransmitted.Load())
	if lastly != nil {
		fmt.Printf("      only %d of %d calls reached an agent\n", len(took), n)
	}
	return nil
}

// benchBacklog: 200 callers wait while all agents are busy; agents hang up after
// 8–12 s. How long is a freed agent idle, and is anybody served out of order?
func benchBacklog(ctx context.Context, o options) error {
	fmt.Println("agents  routed  idle mean/p50/p90/p99/max ms   server CPU%  out of order: any / >50 ms / >1 s  doubled")
	for _, n := range o.backlog {
		if err := backlogRow(ctx, o, n); err != nil {
			return err
		}
	}
	return nil
}

func backlogRow(ctx context.Context, o options, n int) error {
	t, err := server(ctx, o, n, 100*time.Millisecond, false, 0)
	if err != nil {
		return err
	}
	defer func() { _ = t.Close(); cleanUp(o, t.Dir) }()
	addr := netip.MustParseAddrPort(t.SIP())
	var sinks [2]*port
	for i := range sinks {
		if sinks[i], err = openPort(); err != nil {
			return err
		}
		defer sinks[i].close()
	}
	ag, err := newAgents(addr, n, int(sinks[1].local))
	if err != nil {
		return err
	}
	defer ag.close()
	ag.hangUp = func(r *rand.Rand) time.Duration { return 8*time.Second + time.Duration(r.Int64N(int64(4*time.Second))) }
	if err := hall(ctx, t, ag); err != nil {
		return err
	}
	cl, err := newCallers(addr, int(sinks[0].local))
	if err != nil {
		return err
	}
	defer cl.close()

	const waiting = 200
	var mu sync.Mutex
	answered := map[int]time.Time{} // when each caller was connected to the server: the order in which they stand
	cl.onAnswer = func(k *outCall) { mu.Lock(); answered[k.n] = k.placed; mu.Unlock() }
	next := 0
	place := func() { cl.place(next); next++ }
	for next < n+waiting {
		place()
		time.Sleep(4 * time.Millisecond)
	}
	_ = until(ctx, 30*time.Second, func() bool { return ag.upCount() == n })
	ag.mu.Lock()
	ag.idle = ag.idle[:0]
	ag.mu.Unlock()
	cpu, begin := t.CPU(), time.Now()
	// Keep 200 waiting: a new caller for each one that an agent takes.
	for time.Since(begin) < 25*time.Second {
		ag.mu.Lock()
		offered := len(ag.offers)
		ag.mu.Unlock()
		for next < offered+waiting {
			place()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
	used, wall := t.CPU()-cpu, time.Since(begin)
	ag.mu.Lock()
	defer ag.mu.Unlock()
	idle := append([]time.Duration(nil), ag.idle...)
	sort.Slice(idle, func(i, j int) bool { return idle[i] < idle[j] })
	if len(idle) == 0 {
		return fmt.Errorf("no agent was freed and rung again")
	}
	var sum time.Duration
	for _, d := range idle {
		sum += d
	}
	q := func(p float64) float64 {
		return float64(idle[min(int(p*float64(len(idle))), len(idle)-1)].Microseconds()) / 1000
	}
	// A caller was served out of order when somebody who came later was offered
	// to an agent first.
	mu.Lock()
	defer mu.Unlock()
	worst := make([]time.Duration, len(ag.offers))
	var latest time.Time
	for i, f := range ag.offers {
		came := answered[f.caller]
		if came.Before(latest) {
			worst[i] = latest.Sub(came)
		} else {
			latest = came
		}
	}
	anyOf, over50, over1000 := 0, 0, 0
	for _, d := range worst {
		if d > 0 {
			anyOf++
		}
		if d > 50*time.Millisecond {
			over50++
		}
		if d > time.Second {
			over1000++
		}
	}
	fmt.Printf("%6d  %6d  %.1f / %.1f / %.1f / %.1f / %.1f  %10.0f  %d / %d / %d of %d  %d\n", n, len(idle), float64(sum.Microseconds())/1000/float64(len(idle)), q(0.5), q(0.9), q(0.99), q(1),
		100*used.Seconds()/wall.Seconds(), anyOf, over50, over1000, len(ag.offers), ag.doubled)
	return nil
}
