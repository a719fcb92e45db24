package media

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"sync"
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
		return 0, false
	}
	i := rand.IntN(len(p.free))
	port := p.free[i]
	p.free[i] = p.free[len(p.free)-1]
	p.free = p.free[:len(p.free)-1]
	return port, true
}

// give takes a port back.
func (p *ports) give(port uint16, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.resting = append(p.resting, resting{port, now.Add(p.rest)})
}

// open binds a pair for the leg.
func (p *Plane) open(l *Leg) error {
	pl := p.pollers[int(p.next.Add(1))%len(p.pollers)]
	if l.opt.Near != nil {
		pl = l.opt.Near.rtp.p
	}
	var last error
	for range 16 { // another program may sit on a port of our range
		port, ok := p.ports.take(time.Now())
		if !ok {
			break
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
		last = err
		p.ports.give(port, time.Now())
	}
	return errors.Join(ErrNoPorts, last)
}
