package main

import (
	"encoding/binary"
	"math"
	"runtime"
	"sort"
	"sync"
	"time"
)

// probe sends and receives the sound of all calls: 50 packets a second and leg in
// both directions, each carrying who sent it, its number and the time. It runs on
// one thread of its own with a tick of a millisecond and 20 phases.
type probe struct {
	ports [2]*port // callers' and agents' side

	mu      sync.Mutex // guards incoming
	pending []stream

	quit, done chan struct{}
	realtime   bool

	// The window in which is counted; owned by the thread, read after pause.
	ask    chan func()
	counts window
}

// stream is one direction of one call.
type stream struct {
	side int // which of ports sends
	to   int // server's RTP port of that leg
	seq  uint16
	id   uint32
}

// window is what was seen since the last reset.
type window struct {
	sent, received, stray uint64
	delays                []int32 // µs
	lateTicks             int
}

const packetLen = 172

func newProbe() (*probe, error) {
	p := &probe{quit: make(chan struct{}), done: make(chan struct{}), ask: make(chan func())}
	for i := range p.ports {
		var err error
		if p.ports[i], err = openPort(); err != nil {
			return nil, err
		}
	}
	go p.run()
	return p, nil
}

func (p *probe) close() {
	close(p.quit)
	<-p.done
	for _, q := range p.ports {
		q.close()
	}
}

// add begins to send towards a leg of the server.
func (p *probe) add(side, to int) {
	p.mu.Lock()
	p.pending = append(p.pending, stream{side: side, to: to, seq: 1})
	p.mu.Unlock()
}

// do runs f on the probe's thread.
func (p *probe) do(f func()) {
	done := make(chan struct{})
	p.ask <- func() { f(); close(done) }
	<-done
}

func (p *probe) run() {
	runtime.LockOSThread()
	defer close(p.done)
	p.realtime = urgent()
	var phases [20][]*stream
	var ids uint32
	begin := time.Now()
	for tick := int64(0); ; tick++ {
		due := begin.Add(time.Duration(tick) * time.Millisecond)
		if wait := time.Until(due); wait > 0 {
			sleep(wait)
		} else if wait < -20*time.Millisecond {
			// Too late by a whole packet: go on from now, never in a burst.
			p.counts.lateTicks++
			begin = begin.Add(-wait)
		}
		select {
		case <-p.quit:
			return
		case f := <-p.ask:
			f()
		default:
		}
		if p.mu.TryLock() {
			for _, s := range p.pending {
				s.id = ids
				phases[ids%20] = append(phases[ids%20], &s)
				ids++
			}
			p.pending = p.pending[:0]
			p.mu.Unlock()
		}
		now := time.Now().UnixNano()
		for _, s := range phases[tick%20] {
			b := p.ports[s.side].next(s.to, packetLen)
			b[0], b[1] = 0x80, 8
			binary.BigEndian.PutUint16(b[2:], s.seq)
			binary.BigEndian.PutUint32(b[4:], uint32(s.seq)*160)
			binary.BigEndian.PutUint32(b[8:], 0x10000+s.id)
			binary.BigEndian.PutUint32(b[12:], 0xCA620000|s.id&0xffff)
			binary.BigEndian.PutUint64(b[16:], uint64(now))
			s.seq++
			p.counts.sent++
		}
		for _, q := range p.ports {
			q.flush()
			q.drain(p.take)
		}
	}
}

func (p *probe) take(_ int, at int64, b []byte) {
	if len(b) != packetLen || binary.BigEndian.Uint32(b[12:])>>16 != 0xCA62 {
		p.counts.stray++ // prompts and music
		return
	}
	p.counts.received++
	p.counts.delays = append(p.counts.delays, int32(min((at-int64(binary.BigEndian.Uint64(b[16:])))/1000, math.MaxInt32)))
}

// measure counts for d and gives what was seen.
func (p *probe) measure(d time.Duration, expect int) window {
	p.do(func() { p.counts = window{delays: make([]int32, 0, expect)} })
	time.Sleep(d)
	var w window
	p.do(func() { w = p.counts; p.counts = window{} })
	// What was sent in the last moment is still on its way.
	sort.Slice(w.delays, func(i, j int) bool { return w.delays[i] < w.delays[j] })
	return w
}

// quantile of the delays, in ms.
func (w window) quantile(q float64) float64 {
	if len(w.delays) == 0 {
		return 0
	}
	return float64(w.delays[min(int(q*float64(len(w.delays))), len(w.delays)-1)]) / 1000
}

// late is the share of packets later than d.
func (w window) late(d time.Duration) float64 {
	if len(w.delays) == 0 {
		return 0
	}
	i := sort.Search(len(w.delays), func(i int) bool { return w.delays[i] > int32(d.Microseconds()) })
	return float64(len(w.delays)-i) / float64(len(w.delays))
}
