package registrar

import (
	"net/netip"
	"slices"
	"time"
)

func unmap(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

func (f Flow) same(o Flow) bool {
	return f.Transport == o.Transport && unmap(f.Remote) == unmap(o.Remote)
}

// Alive notes a sign of life on a flow: a CRLF ping, an answer to OPTIONS, any request. It reports whether the flow belongs to a
// registered phone, so that the caller can tell phones from strangers.
func (r *Registrar) Alive(f Flow) bool {
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	known := false
	for _, list := range r.users {
		for i := range list {
			if list[i].Flow.same(f) && list[i].Expires.After(now) {
				list[i].Seen, known = now, true
			}
		}
	}
	return known
}

// FlowDown removes the contacts behind a connection that was closed: they cannot be reached any more (RFC 5626 section 4.2.1).
// It does nothing for UDP, where there is nothing to go down. It returns how many contacts went.
func (r *Registrar) FlowDown(f Flow) int {
	if !f.Stream() {
		return 0
	}
	return r.remove(func(c Contact) bool { return c.Flow.same(f) })
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
	for u, list := range r.users {
		if slices.ContainsFunc(list, func(c Contact) bool { return c.Flow.same(f) && c.Expires.After(now) }) && (!ok || u < user) {
			user, ok = u, true
		}
	}
	return user, ok
}

// DueKeepAlive returns one contact per flow that has been silent for the keep-alive time: send it a CRLF (streams) or an OPTIONS
// (UDP), call Alive when it answers and Unreachable when it repeatedly does not. The same contact comes again only after another
// interval.
func (r *Registrar) DueKeepAlive(now time.Time) []Contact {
	r.mu.Lock()
	defer r.mu.Unlock()
	type id struct {
		transport string
		remote    netip.AddrPort
	}
	due := make(map[id]bool)
	var out []Contact
	for _, list := range r.users {
		for i := range list {
			c := &list[i]
			if !c.Expires.After(now) || now.Sub(c.Seen) < r.cfg.KeepAlive || now.Sub(c.pinged) < r.cfg.KeepAlive {
				continue
			}
			k := id{c.Flow.Transport, unmap(c.Flow.Remote)}
			if !due[k] {
				due[k] = true
				out = append(out, *c)
			}
			c.pinged = now
		}
	}
	return out
}
