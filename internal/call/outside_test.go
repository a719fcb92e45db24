package call

import (
	"errors"
	"strings"
	"testing"

	"cagri/internal/event"
)

// A phone's password is no key to all the telephones of the world.
func TestOnlyListedNumbersOutsideCanBeCalled(t *testing.T) {
	t.Parallel()
	r := rigFor(t, plan{Agents: 2, Home: freeAddr(t)})
	h := newHome(t, r, answer)
	for number, want := range map[string]int{
		"+15551234567": 403, "0015551234567": 0, "8821612345678": 403, "112": 403, "0" + strings.Repeat("5", 15): 404, "0" + strings.Repeat("5", 3000): 404,
	} {
		if want == 0 {
			continue // begins with 0: listed in this house
		}
		c := r.phones[0].dial(number)
		r.await(number[:3]+" is refused", c.is(isOver))
		if c.code != want {
			t.Errorf("%.20s…: %d, want %d", number, c.code, want)
		}
	}
	first := r.phones[0].dial("0501234567")
	r.await("a listed one is rung", func() bool { return h.last() != nil })
	r.await("and answered", first.is(func(e *end) bool { return e.up }))
	second := r.phones[0].dial("0502222222")
	r.await("a second one from the same phone is refused", second.is(isOver))
	if second.code != 486 {
		t.Errorf("second: %d", second.code)
	}
	other := r.phones[1].dial("0503333333")
	r.await("another phone may", other.is(func(e *end) bool { return e.up }))

	// Nor does a talk with a citizen lead there.
	first.hangUp()
	other.hangUp()
	r.await("both are over", func() bool { n, _, _ := r.x.Counts(); return n == 0 })
	r.signIn(0)
	r.phones[0].whenRung(answer)
	c := r.dial("1080")
	comes[event.CallBridged](r, c.call(), nil)
	if err := r.x.Transfer(c.call(), "+15551234567"); !errors.Is(err, ErrOutside) {
		t.Errorf("transfer: %v", err)
	}
	if code := r.phones[0].last().refer("sip:+15551234567@any.host"); code != 403 {
		t.Errorf("REFER: %d", code)
	}
	c.hangUp()
}

func TestNumbersThatCanBeDialled(t *testing.T) {
	for s, want := range map[string]bool{"102": true, "+994125550000": true, "12": false, "": false, "+": false, "1234567890123456": false, "12a": false, "1+2": false} {
		if dialable(s) != want {
			t.Errorf("%q: %v", s, !want)
		}
	}
}
