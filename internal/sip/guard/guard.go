package guard

import (
	"net/netip"
	"sync"
	"time"
)

// Verdict is what to do with a packet.
type Verdict uint8

const (
	Drop   Verdict = iota // as if it never came
	Pass                  // parse it and go on
	Forbid                // answer 403 and forget it; the rate of these answers is bounded already
)

// String names the verdict for metrics.
func (v Verdict) String() string { return [...]string{"drop", "pass", "forbid", "?"}[min(int(v), 3)] }

// Failure is something a source did that counts towards a ban.
type Failure uint8

const (
	Authentication Failure = iota // wrong credentials (not: none yet, or stale)
	Malformed                     // a message that could not be parsed
)

// Guard admits packets. Safe for concurrent use; every method is short.
type Guard struct {
	limits Limits
	now    func() time.Time
	start  time.Time // zero of the internal clock; differences use the monotonic reading
	paces  [3][classes]pace
	one    pace // a stranger's
	all    pace // all strangers together
	phones pace // all phones together, for what is new
	forbid pace
	each   pace

	mu        sync.Mutex // guards everything below
	nets      *networks
	learnt    map[source]int64 // until
	strangers *table
	known     *table
	strangest bucket // budget of all strangers
	ringing   bucket // budget of all phones for what is new
	forbids   bucket // budget of 403 answers
	bans      int64  // made so far
	counts    counts
}

type counts struct {
	verdicts                                          [3][3]uint64 // kind, verdict
	banned, overSource, overAll, junk, policy, refuse uint64
}

// New makes a guard. Values of l that make no sense should be found with Validate before; here they become defaults. now is the
// clock, nil means time.Now.
func New(l Limits, now func() time.Time) *Guard {
	if now == nil {
		now = time.Now
	}
	l = l.withDefaults()
	g := &Guard{
		limits: l, now: now, start: now().Add(-time.Second), nets: newNetworks(l.Trunks, l.Phones), learnt: make(map[source]int64),
		strangers: newTable(l.TableSize), known: newTable(l.TableSize),
		one: l.Stranger.pace(), all: l.AllStrangers.pace(), phones: l.AllPhones.pace(), forbid: l.Forbid.pace(), each: l.ForbidEach.pace(),
	}
	for k, r := range map[kind]Rates{trunk: l.Trunk, phone: l.Phone} {
		g.paces[k] = [classes]pace{InCall: r.InCall.pace(), Invite: r.Invite.pace(), Register: r.Register.pace(), Options: r.Options.pace(), Other: r.Other.pace()}
	}
	return g
}

// clock is the time in nanoseconds since a second before the guard was made: always above zero, and deaf to changes of the wall
// clock, which would otherwise fill or empty all buckets.
func (g *Guard) clock() int64 { return int64(g.now().Sub(g.start)) }

// SetNetworks replaces the known networks, for instance after a carrier's name was resolved anew.
func (g *Guard) SetNetworks(trunks, phones []netip.Prefix) {
	n := newNetworks(trunks, phones)
	g.mu.Lock()
	g.nets = n
	g.mu.Unlock()
}

// AdmitPacket judges one datagram, or the first bytes of one message of a stream. It must see whole messages from their first
// byte: pieces of a stream at any other place look like junk.
func (g *Guard) AdmitPacket(src netip.Addr, packet []byte) Verdict {
	return g.decide(src, Classify(packet), false)
}

// Admit judges a message of which only the method is known, such as one read from a connection that was let in before. known
// vouches for the source: it has a phone's budget even if the guard does not know it. Without a look at the To header a
// re-INVITE counts as an INVITE; use AdmitPacket or AdmitClass where that matters.
func (g *Guard) Admit(src netip.Addr, method string, known bool) Verdict {
	return g.decide(src, methodClass(method), known)
}

// AdmitClass is Admit with the class already known.
func (g *Guard) AdmitClass(src netip.Addr, c Class, known bool) Verdict {
	return g.decide(src, min(c, classes-1), known)
}

func (g *Guard) decide(a netip.Addr, c Class, vouched bool) Verdict {
	now, s := g.clock(), sourceOf(a)
	g.mu.Lock()
	defer g.mu.Unlock()
	k := g.kindOf(a, s, now)
	if k == stranger && vouched {
		k = phone
	}
	v := Drop
	if k == stranger {
		v = g.judgeStranger(s, c, now, g.limits.Strangers)
	} else {
		v = g.judgeKnown(k, s, c, now)
	}
	g.counts.verdicts[k][v]++
	return v
}

// kindOf: a configured network first, then what was learnt. The mutex is held.
func (g *Guard) kindOf(a netip.Addr, s source, now int64) kind {
	if k := g.nets.kindOf(a); k != stranger {
		return k
	}
	if g.learnt[s] > now {
		return phone
	}
	return stranger
}

func (g *Guard) judgeKnown(k kind, s source, c Class, now int64) Verdict {
	switch c {
	case KeepAlive:
		return Pass
	case Junk:
		g.fail(k, s, Malformed, now)
		g.counts.junk++
		return Drop
	}
	e := g.known.get(s, now)
	if e.banned > now && c != InCall {
		// A hall behind one address must not lose its phones because one of them has a wrong password: it is only slowed down to
		// what a stranger may do, which is too slow for guessing.
		g.counts.banned++
		return g.judgeStranger(s, c, now, Challenge)
	}
	own, p := &e.buckets[c-InCall], g.paces[k][c]
	switch {
	case !own.has(p, now):
		g.counts.overSource++
		return Drop
	case k == phone && c != InCall && !g.ringing.try(g.phones, now):
		g.counts.overAll++
		return Drop
	}
	own.take(p, now)
	return Pass
}

func (g *Guard) judgeStranger(s source, c Class, now int64, p StrangerPolicy) Verdict {
	if c == KeepAlive {
		return Drop
	}
	e := g.strangers.get(s, now)
	switch {
	case e.banned > now:
		g.counts.banned++
		return Drop
	case c == Junk:
		g.fail(stranger, s, Malformed, now)
		g.counts.junk++
		return Drop
	case p == Silent:
		g.counts.policy++
		return Drop
	case p == Refuse:
		g.counts.policy++
		if c == InCall || !g.takeForbid(e, now) { // ACK and responses must never be answered
			return Drop
		}
		return Forbid
	case !e.buckets[0].has(g.one, now):
		g.counts.overSource++
		return Drop
	case !g.strangest.try(g.all, now):
		g.counts.overAll++
		return Drop
	}
	e.buckets[0].take(g.one, now)
	return Pass
}

// Known says whether src is a carrier's or a phone's: in a configured network, or authenticated lately.
func (g *Guard) Known(src netip.Addr) bool {
	now := g.clock()
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.kindOf(src, sourceOf(src), now) != stranger
}

// MayForbid says whether a 403 may be sent to src now, for requests that were let through and then found to have no right (a
// stranger's INVITE that no trunk and no account fits). When it is false, say nothing.
func (g *Guard) MayForbid(src netip.Addr) bool {
	now := g.clock()
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.takeForbid(g.strangers.get(sourceOf(src), now), now)
}

func (g *Guard) takeForbid(e *entry, now int64) bool {
	if !e.forbid.has(g.each, now) || !g.forbids.try(g.forbid, now) {
		g.counts.refuse++
		return false
	}
	e.forbid.take(g.each, now)
	return true
}

// Learn makes src known for ttl, with a phone's budget: call it after a request of that source was authenticated, again at each
// refresh. It reports false when there is no room, in which case the source stays a stranger.
func (g *Guard) Learn(src netip.Addr, ttl time.Duration) bool {
	now, s := g.clock(), sourceOf(src)
	until := now + int64(ttl)
	g.mu.Lock()
	defer g.mu.Unlock()
	old, has := g.learnt[s]
	if !has && len(g.learnt) >= g.limits.MaxLearnt {
		for k, u := range g.learnt {
			if u <= now {
				delete(g.learnt, k)
			}
		}
		if len(g.learnt) >= g.limits.MaxLearnt {
			return false
		}
	}
	g.learnt[s] = max(old, until)
	return true
}

// Forget takes back what Learn gave.
func (g *Guard) Forget(src netip.Addr) {
	g.mu.Lock()
	delete(g.learnt, sourceOf(src))
	g.mu.Unlock()
}

// Fail counts a failure against src and reports whether that brought a ban just now, so that it can be told once. Carriers'
// networks are never banned, because addresses of datagrams can be forged and a ban would cut off a country; known phone
// networks are slowed down (see Limits).
func (g *Guard) Fail(src netip.Addr, f Failure) (banned bool) {
	now, s := g.clock(), sourceOf(src)
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.fail(g.kindOf(src, s, now), s, f, now)
}

func (g *Guard) fail(k kind, s source, f Failure, now int64) bool {
	if k == trunk {
		return false
	}
	t := g.strangers
	if k == phone {
		t = g.known
	}
	e := t.get(s, now)
	if e.auth == 0 && e.junk == 0 || now-e.window > int64(g.limits.BanWindow) {
		e.window, e.auth, e.junk = now, 0, 0
	}
	n, limit := &e.auth, g.limits.BanAuth
	if f == Malformed {
		n, limit = &e.junk, g.limits.BanMalformed
	}
	if *n++; int(*n) < min(limit, 1<<16-1) || e.banned > now {
		*n = min(*n, 1<<16-2)
		return false
	}
	e.banned, e.auth, e.junk = now+int64(g.limits.BanFor), 0, 0
	g.bans++
	return true
}

// Pardon ends the ban of src and forgets its failures.
func (g *Guard) Pardon(src netip.Addr) {
	s := sourceOf(src)
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, t := range []*table{g.strangers, g.known} {
		if e := t.find(s); e != nil {
			e.banned, e.auth, e.junk = 0, 0, 0
		}
	}
}

// Banned says whether src is banned (or slowed down, if it is known) now.
func (g *Guard) Banned(src netip.Addr) bool {
	now, s := g.clock(), sourceOf(src)
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, t := range []*table{g.strangers, g.known} {
		if e := t.find(s); e != nil && e.banned > now {
			return true
		}
	}
	return false
}
