package directory

import (
	"errors"
	"fmt"
	"regexp"
	"time"
)

// Directory is everything that answering a call needs, at one moment.
type Directory struct {
	Bodies  []Body
	Numbers []Number
	Queues  []Queue
	Agents  []Agent
	Phones  []Phone
}

var idForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)
var dialForm = regexp.MustCompile(`^\+?[0-9*#]{1,32}$`)

// Check reports everything that is wrong, each problem naming the thing and
// what to do. flows tells whether a call flow of that name exists.
func (d *Directory) Check(flows func(string) bool) error {
	var errs []error
	bad := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }

	bodies := map[string]bool{}
	for _, b := range d.Bodies {
		if !idForm.MatchString(b.ID) {
			bad("body %q: id must be 1-64 letters, digits, - or _", b.ID)
		}
		if bodies[b.ID] {
			bad("body %q: listed twice", b.ID)
		}
		bodies[b.ID] = true
	}
	queues := map[string]bool{}
	for _, q := range d.Queues {
		if !idForm.MatchString(q.ID) {
			bad("queue %q: id must be 1-64 letters, digits, - or _", q.ID)
		}
		if queues[q.ID] {
			bad("queue %q: listed twice", q.ID)
		}
		queues[q.ID] = true
		if !bodies[q.Body] {
			bad("queue %q: body %q does not exist", q.ID, q.Body)
		}
		if q.Ring < time.Second || q.Ring > 5*time.Minute {
			bad("queue %q: ring %v is outside 1s-5m", q.ID, q.Ring)
		}
		for name, v := range map[string]time.Duration{"wrap_up": q.WrapUp, "set_aside": q.SetAside, "max_wait": q.MaxWait, "announce": q.Announce} {
			if v < 0 || v > 24*time.Hour {
				bad("queue %q: %s %v is outside 0-24h", q.ID, name, v)
			}
		}
	}
	numbers := map[string]string{}
	for _, n := range d.Numbers {
		if !dialForm.MatchString(n.Dial) {
			bad("number %q: only digits, * and #, with an optional leading +", n.Dial)
		}
		if other, dup := numbers[n.Dial]; dup {
			bad("number %q: belongs to %q already and cannot also belong to %q", n.Dial, other, n.Body)
		}
		numbers[n.Dial] = n.Body
		if !bodies[n.Body] {
			bad("number %q: body %q does not exist", n.Dial, n.Body)
		}
		if !flows(n.Flow) {
			bad("number %q: flow %q does not exist", n.Dial, n.Flow)
		}
	}
	phones := map[string]bool{}
	for _, p := range d.Phones {
		if !idForm.MatchString(p.User) {
			bad("phone %q: user must be 1-64 letters, digits, - or _", p.User)
		}
		if phones[p.User] {
			bad("phone %q: listed twice", p.User)
		}
		phones[p.User] = true
		if p.Password == "" && p.HA1 == "" && p.HA1MD5 == "" {
			bad("phone %q: needs password or ha1; a phone without a secret would let anybody dial", p.User)
		}
	}
	agents, stations := map[string]bool{}, map[string]string{}
	for _, a := range d.Agents {
		if !idForm.MatchString(a.ID) {
			bad("agent %q: id must be 1-64 letters, digits, - or _", a.ID)
		}
		if agents[a.ID] {
			bad("agent %q: listed twice", a.ID)
		}
		agents[a.ID] = true
		if !bodies[a.Body] {
			bad("agent %q: body %q does not exist", a.ID, a.Body)
		}
		if !phones[a.Phone] {
			bad("agent %q: phone %q does not exist", a.ID, a.Phone)
		}
		if other, dup := stations[a.Phone]; dup {
			bad("agent %q: phone %q is agent %q's", a.ID, a.Phone, other)
		}
		stations[a.Phone] = a.ID
		for _, q := range a.Queues {
			if !queues[q] {
				bad("agent %q: queue %q does not exist", a.ID, q)
			}
		}
	}
	return errors.Join(errs...)
}
