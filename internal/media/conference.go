package media

import (
	"errors"
	"sync"

	"cagri/internal/media/mix"
	"cagri/internal/media/pace"
)

var (
	// ErrConferenceFull: a conference holds at most MaxParties.
	ErrConferenceFull = errors.New("media: the conference is full")
	// ErrConferenceOver: the conference has been closed.
	ErrConferenceOver = errors.New("media: the conference is over")
)

// MaxParties of a conference: caller, agent, colleague, supervisor and four more.
const MaxParties = 8

// Conference mixes several legs. Who hears whom, and how loud, is set pair by pair:
// a supervisor who listens, whispers or joins in is three settings of that matrix.
type Conference struct {
	plane *Plane
	place *pace.Seat // on a wheel

	mu    sync.Mutex // guards all below
	mixer *mix.Mixer
	seats [MaxParties]party
	frame [MaxParties][160]byte
	done  bool
}

// party is one of those who talk; the zero value is a free place.
type party struct {
	leg *Leg
	in  *route // on which it speaks
}

// Conference begins an empty conference.
func (p *Plane) Conference() *Conference {
	c := &Conference{plane: p, mixer: mix.New(MaxParties)}
	c.place = p.wheels.Join(c)
	return c
}

// Add brings l in; it hears everybody and is heard by everybody, at gain 1. A leg
// that was in a bridge or another conference leaves it.
func (c *Conference) Add(l *Leg) error {
	l.StopPlay()
	c.plane.joins.Lock()
	defer c.plane.joins.Unlock()
	if r := l.route.Load(); r != nil && r.conf == c {
		return nil
	}
	r, err := c.seat(l)
	if err != nil {
		return err
	}
	l.leave()
	l.feed(r)
	l.route.Store(r)
	return nil
}

// seat gives l a place. Until l is fed from it nothing is sent to it.
func (c *Conference) seat(l *Leg) (*route, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done {
		return nil, ErrConferenceOver
	}
	for i := range c.seats {
		if c.seats[i].leg != nil {
			continue
		}
		for j := range c.seats {
			if j != i {
				c.mixer.SetGain(i, j, 1)
				c.mixer.SetGain(j, i, 1)
			}
		}
		r := &route{conf: c, end: &mix.Playout{}}
		c.seats[i] = party{l, r}
		return r, nil
	}
	return nil, ErrConferenceFull
}

// SetGain sets how loud from is heard by to: 0 not at all, 1 as spoken.
func (c *Conference) SetGain(from, to *Leg, gain float32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i, j := c.port(from), c.port(to)
	if i >= 0 && j >= 0 && i != j {
		c.mixer.SetGain(i, j, gain)
	}
}

func (c *Conference) port(l *Leg) int {
	for i, x := range c.seats {
		if x.leg == l {
			return i
		}
	}
	return -1
}

// Remove takes l out.
func (c *Conference) Remove(l *Leg) {
	c.plane.joins.Lock()
	defer c.plane.joins.Unlock()
	if r := l.route.Load(); r != nil && r.conf == c {
		l.leave()
	}
}

// drop frees the place of l.
func (c *Conference) drop(l *Leg) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := c.port(l); i >= 0 {
		c.seats[i] = party{}
	}
}

// Close takes everybody out and ends the conference. It may be called twice.
func (c *Conference) Close() {
	c.mu.Lock()
	left := c.seats
	c.done = true
	c.mu.Unlock()
	c.place.Leave()
	for _, x := range left {
		if x.leg != nil {
			c.Remove(x.leg)
		}
	}
}

// Tick implements pace.Task: one frame for everybody.
func (c *Conference) Tick(due int) bool {
	now := c.plane.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done {
		return false
	}
	var in, out [MaxParties][]byte
	for i, x := range c.seats {
		if x.leg == nil {
			continue
		}
		out[i] = c.frame[i][:]
		if x.in.end.Next(c.frame[i][:]) {
			in[i] = c.frame[i][:]
		}
	}
	c.mixer.Process(in[:], out[:])
	for i, x := range c.seats {
		l := x.leg
		if l == nil {
			continue
		}
		n := l.neg.Load()
		if n == nil || !n.sends {
			continue
		}
		l.out.mu.Lock()
		if l.out.feed == x.in && l.out.known && l.out.player == nil && l.out.digit == nil {
			l.frame(n, c.frame[i][:], due-1, now)
		}
		l.out.mu.Unlock()
	}
	return true
}
