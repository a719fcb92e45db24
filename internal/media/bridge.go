package media

import "sync"

// Bridge passes what two legs hear on to each other, unchanged where they speak the
// same codec.
type Bridge struct {
	once sync.Once
	a, b *Leg
}

// Bridge joins two legs. What plays on them ends; a leg that was in another bridge
// or conference leaves it.
func (p *Plane) Bridge(a, b *Leg) *Bridge {
	a.StopPlay()
	b.StopPlay()
	a.join(&route{peer: b})
	b.join(&route{peer: a})
	return &Bridge{a: a, b: b}
}

// Close parts the two. It may be called more than once.
func (b *Bridge) Close() {
	b.once.Do(func() {
		for _, pair := range [][2]*Leg{{b.a, b.b}, {b.b, b.a}} {
			if r := pair[0].route.Load(); r != nil && r.peer == pair[1] {
				pair[0].route.CompareAndSwap(r, nil)
			}
		}
	})
}

// join sets where the speech of l goes, and makes what comes back begin anew.
func (l *Leg) join(r *route) {
	l.out.mu.Lock()
	l.out.relay.on = false
	l.out.mark = true
	l.out.mu.Unlock()
	l.route.Store(r)
}
