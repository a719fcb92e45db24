package media

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// ErrNoPorts: every port of the range is in use or in quarantine.
var ErrNoPorts = errors.New("media: no free RTP ports: widen media.port_min to media.port_max, or lower limits.calls")

// ports hands out even/odd pairs at random, so that nobody can guess where the next
// call's sound will go, and lets a pair rest before it is used again, so that late
// packets of an old call do not reach a new one.
type ports struct {
	mu      sync.Mutex // guards all below
	free    []uint16   // even ports
	resting []resting  // oldest first
	rest    time.Duration
}

type resting struct {
	port  uint16
	until time.Time
}

// leastRest is what a pair rests even when all others are in use: packets of a
// call that has ended are on their way for less.
const leastRest = 2 * time.Second

func newPorts(low, high uint16, rest time.Duration) *ports {
	p := &ports{rest: rest}
	for n := int(low) + int(low)%2; n+1 <= int(high); n += 2 {
		p.free = append(p.free, uint16(n))
	}
	return p
}

// take gives an even port.
func (p *ports) take(now time.Time) (uint16, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.resting) > 0 && !now.Before(p.resting[0].until) {
		p.free = append(p.free, p.resting[0].port)
		p.resting = p.resting[1:]
	}
	if len(p.free) == 0 {
		// Better a pair that rested too little than a caller turned away.
		if len(p.resting) == 0 || now.Before(p.resting[0].until.Add(min(p.rest, leastRest)-p.rest)) {
			return 0, false
		}
		port := p.resting[0].port
		p.resting = p.resting[1:]
		return port, true
	}
	i := rand.IntN(len(p.free))
	port := p.free[i]
	p.free[i] = p.free[len(p.free)-1]
	p.free = p.free[:len(p.free)-1]
	return port, true
}

// give takes a port back, to rest.
func (p *ports) give(port uint16, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.resting = append(p.resting, resting{port, now.Add(p.rest)})
}

// untake takes back a port that was not used.
func (p *ports) untake(port uint16) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, port)
}

// foreign is how many pairs of our range may in a row belong to other programs.
const foreign = 16

// open binds a pair for the leg.
func (p *Plane) open(l *Leg) error {
	pl := p.poller(l.opt.Near)
	var last error
	for range foreign {
		port, ok := p.ports.take(time.Now())
		if !ok {
			return errors.Join(ErrNoPorts, last)
		}
		rtp, err := listen(pl, netip.AddrPortFrom(p.cfg.BindIP, port), false, l)
		if err == nil {
			var rtcp *conn
			if rtcp, err = listen(pl, netip.AddrPortFrom(p.cfg.BindIP, port+1), true, l); err == nil {
				l.port, l.rtp, l.rtcp = port, rtp, rtcp
				return nil
			}
			rtp.close()
		}
		if !errors.Is(err, syscall.EADDRINUSE) { // another port would not help
			p.ports.untake(port)
			return fmt.Errorf("%w (media.ip must be an address of this machine, and the limit of open files five for each call)", err)
		}
		last = err
		p.ports.give(port, time.Now())
	}
	return errors.Join(ErrNoPorts, last)
}

// fullReader is how many sockets one thread reads before a further one is put to
// work: a thread that has enough to do sleeps less often, and a call costs less.
const fullReader = 1200

// poller gives the thread that reads near; without one, the first that is not full,
// or else the one with the fewest sockets.
func (p *Plane) poller(near *Leg) *poller {
	if near != nil {
		return near.rtp.p
	}
	best := p.pollers[0]
	for _, pl := range p.pollers {
		n := pl.sockets.Load()
		if n < fullReader {
			return pl
		}
		if n < best.sockets.Load() {
			best = pl
		}
	}
	return best
}
