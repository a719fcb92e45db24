package media

import (
	"errors"
	"sync"

	"cagri/internal/media/mix"
	"cagri/internal/media/pace"
)

// ErrConferenceFull: a conference holds at most MaxParties.
var ErrConferenceFull = errors.New("media: the conference is full")

// MaxParties of a conference: caller, agent, colleague, supervisor and four more.
const MaxParties = 8

// Conference mixes several legs. Who hears whom, and how loud, is set pair by pair:
// a supervisor who listens, whispers or joins in is three settings of that matrix.
type Conference struct {
	plane *Plane
	seat  *pace.Seat

	mu    sync.Mutex // guards all below
	mixer *mix.Mixer
	legs  [MaxParties]*Leg
	ends  [MaxParties]*mix.Playout
	frame [MaxParties][160]byte
	done  bool
}

// Conference begins an empty conference.
func (p *Plane) Conference() *Conference {
	c := &Conference{plane: p, mixer: mix.New(MaxParties)}
	c.seat = p.wheels.Join(c)
	return c
}

// Add brings l in; it hears everybody and is heard by everybody, at gain 1.
func (c *Conference) Add(l *Leg) error {
	l.StopPlay()
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.legs {
		if c.legs[i] != nil {
			continue
		}
		for j := range c.legs {
			if j != i {
				c.mixer.SetGain(i, j, 1)
				c.mixer.SetGain(j, i, 1)
			}
		}
		c.legs[i], c.ends[i] = l, &mix.Playout{}
		l.join(&route{conf: c, port: i})
		return nil
	}
	return ErrConferenceFull
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
	for i, x := range c.legs {
		if x == l {
			return i
		}
	}
	return -1
}

// Remove takes l out.
func (c *Conference) Remove(l *Leg) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := c.port(l)
	if i < 0 {
		return
	}
	c.legs[i], c.ends[i] = nil, nil
	if r := l.route.Load(); r != nil && r.conf == c {
		l.route.CompareAndSwap(r, nil)
	}
}

// Close takes everybody out and ends the conference. It may be called twice.
func (c *Conference) Close() {
	c.mu.Lock()
	left := c.legs
	c.done = true
	c.mu.Unlock()
	c.seat.Leave()
	for _, l := range left {
		if l != nil {
			c.Remove(l)
		}
	}
}

// put takes what a party says, on the thread of its poller.
func (c *Conference) put(port int, ts, ssrc uint32, alaw []byte) {
	c.mu.Lock()
	e := c.ends[port]
	c.mu.Unlock()
	if e != nil {
		e.Put(ts, ssrc, alaw)
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
	for i, e := range c.ends {
		if e == nil {
			continue
		}
		out[i] = c.frame[i][:]
		if e.Next(c.frame[i][:]) {
			in[i] = c.frame[i][:]
		}
	}
	c.mixer.Process(in[:], out[:])
	for i, l := range c.legs {
		if l == nil {
			continue
		}
		n := l.neg.Load()
		if n == nil || !n.sends {
			continue
		}
		l.out.mu.Lock()
		if l.out.known && l.out.player == nil && l.out.digit == nil {
			l.frame(n, c.frame[i][:], due-1, now)
		}
		l.out.mu.Unlock()
	}
	return true
}
