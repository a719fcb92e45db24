package registrar

import (
	"net/netip"
	"slices"
	"time"
)

func unmap(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

// flowKey is what makes two flows the same: our own end does not count, since a phone speaks to one socket of ours only.
type flowKey struct {
	transport string
	remote    netip.AddrPort
}

func (f Flow) key() flowKey { return flowKey{f.Transport, unmap(f.Remote)} }

// unindex takes one mention of user off a flow. The mutex is held.
func (r *Registrar) unindex(k flowKey, user string) {
	list := r.flows[k]
	if i := slices.Index(list, user); i >= 0 {
		list = slices.Delete(list, i, i+1)
	}
	if len(list) == 0 {
		delete(r.flows, k)
		return
	}
	r.flows[k] = list
}

// Alive notes a sign of life on a flow: a CRLF ping, an answer to OPTIONS, any request. It reports whether the flow belongs to a
// registered phone, so that the caller can tell phones from strangers.
func (r *Registrar) Alive(f Flow) bool {
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	known := false
	k := f.key()
	for _, user := range r.flows[k] {
		list := r.users[user]
		for i := range list {
			if list[i].Flow.key() == k && list[i].Expires.After(now) {
				list[i].Seen, known = now, true
			}
		}
	}
	return known
}

// FlowDown takes note that a connection was closed. Contacts that could only be reached over it are removed (RFC 5626 section
// 4.2.1): behind NAT, from a browser, outbound registrations, contacts that name the connection's own port. Phones that listen at
// another port of the same address stay, marked Lost: they can be called over a new connection. It does nothing for UDP, where
// there is nothing to go down. It returns how many contacts were removed.
func (r *Registrar) FlowDown(f Flow) int {
	if !f.Stream() {
		return 0
	}
	k := f.key()
	r.mu.Lock()
	n := 0
	for _, user := range slices.Compact(slices.Sorted(slices.Values(r.flows[k]))) {
		kept := make([]Contact, 0, len(r.users[user]))
		for _, c := range r.users[user] {
			if c.Flow.key() == k {
				if !c.listens {
					n++
					continue
				}
				c.Lost = true
			}
			kept = append(kept, c)
		}
		r.put(user, kept)
	}
	r.mu.Unlock()
	r.tell()
	return n
}

// Unreachable removes one contact that does not answer any more, as returned by Contacts or DueKeepAlive. A contact that was
// refreshed since then stays.
func (r *Registrar) Unreachable(c Contact) bool {
	return r.remove(func(o Contact) bool { return o.User == c.User && o.key == c.key && !o.Refreshed.After(c.Refreshed) }) > 0
}

// UserAt returns the user registered over a flow; if there are several (phones with two lines), the one whose name sorts first.
func (r *Registrar) UserAt(f Flow) (user string, ok bool) {
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	k := f.key()
	for _, u := range r.flows[k] {
		if (!ok || u < user) && slices.ContainsFunc(r.users[u], func(c Contact) bool { return c.Flow.key() == k && c.Expires.After(now) }) {
			user, ok = u, true
		}
	}
	return user, ok
}

// keepAliveBatch is how many contacts DueKeepAlive returns at most: those over it stay due, so that a thousand phones which
// registered at once are not pinged at once for ever.
const keepAliveBatch = 200

// DueKeepAlive returns one contact per flow that has been silent for the keep-alive time, at most 200 of them (call it every second): send it a CRLF (streams) or an OPTIONS
// (UDP), call Alive when it answers and Unreachable when it repeatedly does not. The same contact comes again only after another
// interval. Contacts whose connection is gone are left out.
func (r *Registrar) DueKeepAlive(now time.Time) []Contact {
	r.mu.Lock()
	defer r.mu.Unlock()
	due := make(map[flowKey]bool)
	var out []Contact
	for _, list := range r.users {
		for i := range list {
			c := &list[i]
			if c.Lost || !c.Expires.After(now) || now.Sub(c.Seen) < r.cfg.KeepAlive || now.Sub(c.pinged) < r.cfg.KeepAlive {
				continue
			}
			k := c.Flow.key()
			if !due[k] {
				if len(out) == keepAliveBatch {
					continue
				}
				due[k] = true
				out = append(out, *c)
			}
			c.pinged = now
		}
	}
	return out
}
