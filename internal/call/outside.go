package call

import (
	"fmt"
	"strings"

	"cagri/internal/sip"
)

// Calls by the carriers cost money, and one guessed password of a phone must not be a
// bill of a hundred thousand: what may be called is listed, how many at once is bounded.

// mostDigits is the longest number there is (ITU-T E.164).
const mostDigits = 15

// dialable tells whether s has the form of a number outside.
func dialable(s string) bool {
	n := len(strings.TrimPrefix(s, "+"))
	return n >= 3 && n <= mostDigits && strings.Trim(strings.TrimPrefix(s, "+"), "0123456789") == ""
}

// mayCall tells whether somebody's wish may lead to a number outside.
func (x *Exchange) mayCall(number string) bool {
	if !dialable(number) {
		return false
	}
	for _, begin := range x.cfg.OutsideAllow {
		if begin == "*" || begin != "" && strings.HasPrefix(number, begin) {
			return true
		}
	}
	return false
}

// lineFree tells whether another call out fits in.
func (x *Exchange) lineFree() bool {
	if x.cfg.OutsideCalls <= 0 {
		return true
	}
	n := 0
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, p := range x.parties {
		if p.number != "" { // set before anybody else sees the party
			n++
		}
	}
	if n >= x.cfg.OutsideCalls {
		go x.Alarm("outside_limit", fmt.Errorf("%d calls out at once are as many as outside.calls allows", n))
		return false
	}
	return true
}

// callsOut tells whether the phone that makes this call has another one to a number
// outside already.
func (a *actor) callsOut() bool {
	a.x.mu.Lock()
	defer a.x.mu.Unlock()
	for _, b := range a.x.calls {
		if b != a && b.kind == direct && b.in.Source.Kind == sip.FromPhone && b.in.Source.Name == a.in.Source.Name && dialable(b.in.Called) {
			return true
		}
	}
	return false
}
