package registrar

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Registrar holds the bindings of all users. Safe for concurrent use.
type Registrar struct {
	cfg     Config
	now     func() time.Time
	changed func(user string, registered bool)

	mu      sync.Mutex // guards everything below
	users   map[string][]Contact
	flows   map[flowKey][]string // users with a contact on the flow, once for each contact
	told    map[string]bool      // users whose presence was told
	count   int
	pending []change // told to nobody yet, oldest first
	telling bool     // somebody is emptying pending
}

type change struct {
	user       string
	registered bool
}

// New makes an empty registrar. now is the clock; changed (may be nil) hears when a user's first contact came and when the last
// one went. It is called one at a time and in order, from the goroutine of some call that made a change, never with the mutex
// held: it may call the registrar back.
func New(cfg Config, now func() time.Time, changed func(user string, registered bool)) *Registrar {
	if changed == nil {
		changed = func(string, bool) {}
	}
	return &Registrar{cfg: cfg.withDefaults(), now: now, changed: changed, users: make(map[string][]Contact), flows: make(map[flowKey][]string), told: make(map[string]bool)}
}

// Register judges one REGISTER and carries it out. A request without contacts asks for the current bindings.
func (r *Registrar) Register(req Request) Result {
	now := r.now()
	r.mu.Lock()
	res := r.register(req, now)
	r.mu.Unlock()
	r.tell()
	return res
}

func (r *Registrar) register(req Request, now time.Time) Result {
	switch {
	case req.User == "":
		return Result{Code: 400, Reason: "No user in To"}
	case req.CallID == "":
		return Result{Code: 400, Reason: "No Call-ID"}
	case req.Star:
		return r.clear(req, now)
	}
	list := r.alive(req.User, now)
	limit := req.MaxContacts
	if limit <= 0 {
		limit = r.cfg.MaxContacts
	}
	seen := make(map[string]bool, len(req.Contacts))
	fresh := 0
	for _, f := range req.Contacts {
		c, res := r.read(req, f, now)
		if res.Code != 0 {
			return res
		}
		if seen[c.key] {
			return Result{Code: 400, Reason: "The same contact twice"}
		}
		seen[c.key] = true
		at := slices.IndexFunc(list, func(o Contact) bool { return o.key == c.key })
		if at >= 0 && list[at].callID == req.CallID && req.CSeq <= list[at].cseq {
			return Result{Code: 500, Reason: "CSeq out of order"}
		}
		remove := !c.Expires.After(now)
		switch {
		case remove && at >= 0:
			list = slices.Delete(list, at, at+1)
		case remove:
		case at >= 0:
			list[at] = c
			fresh++
		default:
			list = append(list, c)
			fresh++
		}
	}
	if over := len(list) - limit; over > 0 {
		if r.cfg.RefuseWhenFull || fresh > limit {
			return Result{Code: 403, Reason: fmt.Sprintf("Too many contacts, %d are allowed", limit)}
		}
		list = dropOldest(list, over, seen)
	}
	r.put(req.User, list)
	return Result{Code: 200, Reason: "OK", Contacts: sorted(list)}
}

// dropOldest takes away the n contacts refreshed longest ago (of the same age: the less wanted), never one that the request at
// hand names.
func dropOldest(list []Contact, n int, named map[string]bool) []Contact {
	for ; n > 0; n-- {
		oldest := -1
		for i, c := range list {
			if !named[c.key] && (oldest < 0 || c.older(list[oldest]) < 0) {
				oldest = i
			}
		}
		list = slices.Delete(list, oldest, oldest+1)
	}
	return list
}

func (c Contact) older(o Contact) int {
	return cmp.Or(c.Refreshed.Compare(o.Refreshed), cmp.Compare(c.Q, o.Q), cmp.Compare(c.key, o.key))
}

// clear is Contact: * (RFC 3261 section 10.3 step 6): everything goes, provided it says Expires: 0 and nothing else.
func (r *Registrar) clear(req Request, now time.Time) Result {
	if len(req.Contacts) > 0 {
		return Result{Code: 400, Reason: "Contact * together with other contacts"}
	}
	if req.Expires != 0 {
		return Result{Code: 400, Reason: "Contact * without Expires: 0"}
	}
	for _, c := range r.alive(req.User, now) {
		if c.callID == req.CallID && req.CSeq <= c.cseq {
			return Result{Code: 500, Reason: "CSeq out of order"}
		}
	}
	r.put(req.User, nil)
	return Result{Code: 200, Reason: "OK"}
}

// read turns one Contact value into a binding, or says why it cannot be one (Result.Code != 0). Expires == now means: remove.
func (r *Registrar) read(req Request, f ContactField, now time.Time) (Contact, Result) {
	u, err := parseURI(f.URI)
	if err != nil {
		return Contact{}, Result{Code: 400, Reason: err.Error()}
	}
	if len(f.Instance) > maxInstance || strings.ContainsFunc(f.Instance, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '"' || r == '<' || r == '>' || r == '\\' }) {
		return Contact{}, Result{Code: 400, Reason: "Not a +sip.instance"}
	}
	wish := f.Expires
	if wish < 0 {
		wish = req.Expires
	}
	expires := r.cfg.DefaultExpires
	if wish >= 0 {
		expires = min(time.Duration(min(wish, int64(r.cfg.MaxExpires/time.Second)))*time.Second, r.cfg.MaxExpires)
	}
	if expires > 0 && expires < r.cfg.MinExpires {
		return Contact{}, Result{Code: 423, Reason: "Interval Too Brief", MinExpires: r.cfg.MinExpires}
	}
	q := f.Q
	if q < 0 {
		q = 1000
	}
	if q > 1000 {
		return Contact{}, Result{Code: 400, Reason: "q is above 1"}
	}
	key := u.key
	if f.Instance != "" && f.RegID > 0 { // RFC 5626 section 6: the same instance and reg-id is the same binding at a new address
		key = fmt.Sprintf("instance:%s;%d", f.Instance, f.RegID)
	}
	written, literal := u.addr()
	from := unmap(req.Flow.Remote)
	here := literal && written.Addr() == from.Addr()
	// The source port of a connection says nothing about NAT; that of a datagram does.
	nat := !here || !req.Flow.Stream() && written.Port() != from.Port()
	listens := here && req.Flow.Stream() && written.Port() != from.Port() && u.transport != "ws" && u.transport != "wss" && f.RegID == 0
	return Contact{
		User: req.User, URI: f.URI, Transport: req.Flow.Transport, Flow: req.Flow, NAT: nat, Q: q, Expires: now.Add(expires),
		Instance: f.Instance, RegID: f.RegID, UserAgent: req.UserAgent[:min(len(req.UserAgent), maxUserAgent)], Refreshed: now, Seen: now,
		key: key, listens: listens, callID: req.CallID, cseq: req.CSeq,
	}, Result{}
}

// alive returns a copy of the user's bindings without those whose time is over. The mutex is held.
func (r *Registrar) alive(user string, now time.Time) []Contact {
	old := r.users[user]
	list := make([]Contact, 0, len(old)+1)
	for _, c := range old {
		if c.Expires.After(now) {
			list = append(list, c)
		}
	}
	return list
}

// put stores the user's bindings and notes what is to be told. The mutex is held.
func (r *Registrar) put(user string, list []Contact) {
	r.count += len(list) - len(r.users[user])
	for _, c := range r.users[user] {
		r.unindex(c.Flow.key(), user)
	}
	for _, c := range list {
		r.flows[c.Flow.key()] = append(r.flows[c.Flow.key()], user)
	}
	if len(list) == 0 {
		delete(r.users, user)
	} else {
		r.users[user] = list
	}
	if is := len(list) > 0; is != r.told[user] {
		if is {
			r.told[user] = true
		} else {
			delete(r.told, user)
		}
		r.pending = append(r.pending, change{user, is})
	}
}

// tell empties pending. One goroutine does it at a time, so that changes arrive in the order they happened.
func (r *Registrar) tell() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.telling {
		return
	}
	r.telling = true
	for len(r.pending) > 0 {
		list := r.pending
		r.pending = nil
		r.mu.Unlock()
		for _, c := range list {
			r.changed(c.user, c.registered)
		}
		r.mu.Lock()
	}
	r.telling = false
}

// Contacts returns the user's bindings that have not expired, best first: q downwards, then the one refreshed last.
func (r *Registrar) Contacts(user string) []Contact {
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	return sorted(r.alive(user, now))
}

func sorted(list []Contact) []Contact {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b Contact) int {
		return cmp.Or(cmp.Compare(b.Q, a.Q), b.Refreshed.Compare(a.Refreshed), cmp.Compare(a.key, b.key))
	})
	return list
}

// Size returns how many users have contacts and how many contacts there are, expired ones included until Expire swept them.
func (r *Registrar) Size() (users, contacts int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.users), r.count
}

// Expire removes what is over at now; call it about once a second. It returns how many contacts went.
func (r *Registrar) Expire(now time.Time) int {
	return r.remove(func(c Contact) bool { return !c.Expires.After(now) })
}

// remove takes away all contacts for which gone is true.
func (r *Registrar) remove(gone func(Contact) bool) (n int) {
	r.mu.Lock()
	for user, list := range r.users {
		if !slices.ContainsFunc(list, gone) {
			continue
		}
		kept := slices.DeleteFunc(slices.Clone(list), gone)
		n += len(list) - len(kept)
		r.put(user, kept)
	}
	r.mu.Unlock()
	r.tell()
	return n
}
