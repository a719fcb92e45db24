package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"time"
)

// benchMedia: bridged and recorded calls through the queue, 50 packets a second
// and leg both ways. The scenario of docs/benchmarks.md.
func benchMedia(ctx context.Context, o options) error {
	most := 0
	for _, n := range o.calls {
		most = max(most, n)
	}
	t, err := server(ctx, o, most+50, time.Second, true, 0)
	if err != nil {
		return err
	}
	defer func() { _ = t.Close(); cleanUp(o, t.Dir) }()
	pr, err := newProbe()
	if err != nil {
		return err
	}
	defer pr.close()
	addr := netip.MustParseAddrPort(t.SIP())
	ag, err := newAgents(addr, most+50, int(pr.ports[1].local))
	if err != nil {
		return err
	}
	defer ag.close()
	ag.onUp = func(_ int, port int) { pr.add(1, port) }
	if err := hall(ctx, t, ag); err != nil {
		return err
	}
	cl, err := newCallers(addr, int(pr.ports[0].local))
	if err != nil {
		return err
	}
	defer cl.close()
	cl.onAnswer = func(k *outCall) { pr.add(0, k.port) }

	least, err := floor(ctx, time.Second)
	if err != nil {
		return err
	}
	fmt.Printf("floor of a forward %.2f us; probe on real-time scheduling: %v\n", least, pr.realtime)
	fmt.Print("calls  CPU-pct  CPU-ms/call-s  us/forward  of-floor  p50ms   p99ms  p99.9ms   maxms  >20ms   sent     lost   RSS MB  kB/call  late ticks\n")
	// The first calls bring in the pages of the program itself; what a call holds is
	// counted from there.
	placed := 0
	if err := fill(ctx, cl, ag, &placed, warmCalls); err != nil {
		return err
	}
	time.Sleep(o.settle)
	base := rss(t.PID())
	for _, n := range o.calls {
		if err := fill(ctx, cl, ag, &placed, n); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(o.settle):
		}
		cpu, at := t.CPU(), time.Now()
		w := pr.measure(o.window, n*100*int(o.window.Seconds()+2))
		used, took := t.CPU()-cpu, time.Since(at)
		perCall := used.Seconds() * 1000 / took.Seconds() / float64(n)
		lost := int64(w.sent) - int64(w.received)
		if slack := int64(n) * 2; lost > -slack && lost < slack {
			lost = 0 // packets under way at the window's edges
		}
		mem := rss(t.PID())
		perForward := used.Seconds() * 1e6 / float64(w.received)
		fmt.Printf("%5d  %8.1f  %13.2f  %10.1f  %8.2f  %5.2f  %6.2f  %7.2f  %6.1f  %5.3f%%  %7d  %5d  %6.0f  %7.0f  %d\n", n, 100*used.Seconds()/took.Seconds(), perCall,
			perForward, least/perForward, w.quantile(0.5), w.quantile(0.99), w.quantile(0.999), w.quantile(1), 100*w.late(20*time.Millisecond), w.sent, lost,
			float64(mem)/1e6, float64(mem-base)/1e3/float64(n-warmCalls), w.lateTicks)
	}
	ag.byeAll()
	return until(ctx, 20*time.Second, func() bool { return cl.live() == 0 })
}

// warmCalls are not counted as calls that hold memory.
const warmCalls = 25

// fill places calls, 25 a second, until n are bridged.
func fill(ctx context.Context, cl *callers, ag *agents, placed *int, n int) error {
	for ; *placed < n; *placed++ {
		cl.place(*placed)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second / 25):
		}
	}
	if err := until(ctx, 20*time.Second, func() bool { return ag.upCount() >= n }); err != nil {
		return fmt.Errorf("only %d of %d calls are bridged: %w", ag.upCount(), n, err)
	}
	return nil
}

// benchMemory: what a bridged and recorded call holds, from the server's resident
// set before and with the calls.
func benchMemory(ctx context.Context, o options) error {
	o.calls, o.window, o.settle = []int{200}, 2*time.Second, time.Second
	return benchMedia(ctx, o)
}

// rss is the resident set of a process, in bytes (proc(5) statm).
func rss(pid int) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(b), &size, &resident); err != nil {
		return 0
	}
	return resident * int64(os.Getpagesize())
}

// until waits for cond.
func until(ctx context.Context, limit time.Duration, cond func() bool) error {
	deadline := time.Now().Add(limit)
	for !cond() {
		if time.Now().After(deadline) {
			return fmt.Errorf("not within %s", limit)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}

// left are the folders to remove. Not before the end: for minutes after thousands of
// files were removed, ext4 without a journal makes new ones slowly.
var left []string

func cleanUp(o options, dir string) {
	if o.keep == "" {
		left = append(left, dir)
	}
}

// upCount is the number of calls agents are in.
func (a *agents) upCount() (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, k := range a.calls {
		if k.up {
			n++
		}
	}
	return n
}
