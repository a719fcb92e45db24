package media

// Bridge passes what two legs hear on to each other, unchanged where they speak the
// same codec.
type Bridge struct {
	a, b   *Leg
	ab, ba *route
}

// Bridge joins two legs. What plays on them ends; a leg that was in another bridge
// or conference leaves it, and its partner there is left without one.
func (p *Plane) Bridge(a, b *Leg) *Bridge {
	a.StopPlay()
	b.StopPlay()
	p.joins.Lock()
	defer p.joins.Unlock()
	a.leave()
	b.leave()
	br := &Bridge{a: a, b: b, ab: &route{peer: b}, ba: &route{peer: a}}
	b.feed(br.ab)
	a.feed(br.ba)
	a.route.Store(br.ab)
	b.route.Store(br.ba)
	return br
}

// Close parts the two, unless they have left already. It may be called more than
// once.
func (b *Bridge) Close() {
	b.a.plane.joins.Lock()
	defer b.a.plane.joins.Unlock()
	if b.a.route.Load() == b.ab {
		b.a.leave()
	}
}

// feed makes r the only route whose sound l sends, beginning a talkspurt.
func (l *Leg) feed(r *route) {
	l.out.mu.Lock()
	l.out.feed = r
	l.out.relay.on = false
	l.out.mark = true
	l.out.mu.Unlock()
}

// starve undoes feed.
func (l *Leg) starve(r *route) {
	l.out.mu.Lock()
	if l.out.feed == r {
		l.out.feed = nil
	}
	l.out.mu.Unlock()
}

// leave takes l out of its bridge or conference, if it is in one. plane.joins is held.
func (l *Leg) leave() {
	r := l.route.Swap(nil)
	switch {
	case r == nil:
	case r.conf != nil:
		r.conf.drop(l)
		l.starve(r)
	default:
		r.peer.starve(r)
		if back := r.peer.route.Load(); back != nil && back.peer == l {
			r.peer.route.Store(nil)
			l.starve(back)
		}
	}
}
