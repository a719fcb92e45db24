package guard

import (
	"fmt"
	"net/netip"
	"time"
)

// Rate is a token bucket: PerSecond on average, Burst at once. A zero Rate means "the default" in Limits.
type Rate struct {
	PerSecond float64
	Burst     int
}

// Unlimited is the Rate that lets everything through.
func Unlimited() Rate { return Rate{PerSecond: -1, Burst: 1} }

// Rates are the budgets of one source for what starts something new, by kind, and for what belongs to existing calls.
type Rates struct {
	Invite, Register, Options, Other, InCall Rate
}

// StrangerPolicy says how a source that is not known is met while it keeps within its budget.
type StrangerPolicy uint8

const (
	// Challenge (default) lets it through to be asked for credentials: phones may be anywhere. The user agent must challenge every
	// request of such a source.
	Challenge StrangerPolicy = iota
	// Refuse answers Forbid, rate-limited, else nothing.
	Refuse
	// Silent never lets it through and never answers.
	Silent
)

// Limits configure a Guard. Zero values mean the defaults.
type Limits struct {
	Trunks []netip.Prefix // carriers' networks: never banned
	Phones []netip.Prefix // networks of the halls: slowed instead of banned

	Strangers StrangerPolicy
	// Budgets per source.
	Trunk    Rates
	Phone    Rates // also of sources learnt by authentication
	Stranger Rate  // one budget for all kinds
	// AllStrangers is the budget of all strangers together, AllPhones that of all phones for what starts something new: addresses
	// of datagrams can be forged, also those of a large phone network.
	AllStrangers, AllPhones Rate
	// Forbid bounds 403 answers, all sources together; ForbidEach per source.
	Forbid, ForbidEach Rate

	TableSize int // sources remembered of each kind (strangers, known); default 16,384; 88 bytes each
	MaxLearnt int // authenticated sources outside the networks; default 65,536

	BanAuth      int           // failed authentications within BanWindow until the ban; default 10
	BanMalformed int           // malformed messages within BanWindow until the ban; default 20
	BanWindow    time.Duration // default 1 min
	BanFor       time.Duration // default 10 min
}

// Validate names the first field that makes no sense.
func (l Limits) Validate() error {
	for name, r := range map[string]Rate{
		"Trunk.Invite": l.Trunk.Invite, "Trunk.Register": l.Trunk.Register, "Trunk.Options": l.Trunk.Options, "Trunk.Other": l.Trunk.Other,
		"Trunk.InCall": l.Trunk.InCall, "Phone.Invite": l.Phone.Invite, "Phone.Register": l.Phone.Register, "Phone.Options": l.Phone.Options,
		"Phone.Other": l.Phone.Other, "Phone.InCall": l.Phone.InCall, "Stranger": l.Stranger, "AllStrangers": l.AllStrangers, "AllPhones": l.AllPhones,
		"Forbid": l.Forbid, "ForbidEach": l.ForbidEach,
	} {
		if r == Unlimited() || r == (Rate{}) {
			continue
		}
		if !(r.PerSecond > 0 && r.PerSecond <= 1e6) || r.Burst < 1 || r.Burst > 1e6 {
			return fmt.Errorf("guard: %s: %g per second with a burst of %d; both must lie between a little and a million", name, r.PerSecond, r.Burst)
		}
	}
	for _, p := range append(append([]netip.Prefix{}, l.Trunks...), l.Phones...) {
		if !p.IsValid() {
			return fmt.Errorf("guard: a network is not valid: %v", p)
		}
	}
	switch {
	case l.Strangers > Silent:
		return fmt.Errorf("guard: Strangers: unknown policy %d", l.Strangers)
	case l.TableSize < 0 || l.TableSize > 1<<22:
		return fmt.Errorf("guard: TableSize: %d is not between 0 and 4,194,304", l.TableSize)
	case l.MaxLearnt < 0 || l.BanAuth < 0 || l.BanMalformed < 0 || l.BanWindow < 0 || l.BanFor < 0:
		return fmt.Errorf("guard: MaxLearnt, BanAuth, BanMalformed, BanWindow and BanFor must not be negative")
	}
	return nil
}

func (l Limits) withDefaults() Limits {
	rate := func(r *Rate, perSecond float64, burst int) {
		if *r == (Rate{}) {
			*r = Rate{perSecond, burst}
		}
	}
	// A carrier brings the calls of a whole country through one address; the targets of the product are 500 set-ups a second.
	rate(&l.Trunk.Invite, 1000, 2000)
	rate(&l.Trunk.Register, 10, 20)
	rate(&l.Trunk.Options, 50, 100)
	rate(&l.Trunk.Other, 100, 200)
	rate(&l.Trunk.InCall, 20_000, 40_000)
	// A hall of several hundred phones behind one address registers at once when power comes back.
	rate(&l.Phone.Invite, 50, 200)
	rate(&l.Phone.Register, 200, 1000)
	rate(&l.Phone.Options, 100, 500)
	rate(&l.Phone.Other, 100, 500)
	rate(&l.Phone.InCall, 5000, 10_000)
	rate(&l.Stranger, 2, 20)
	rate(&l.AllStrangers, 200, 400)
	rate(&l.AllPhones, 2000, 10_000)
	rate(&l.Forbid, 20, 40)
	rate(&l.ForbidEach, 0.2, 2)
	if l.TableSize <= 0 {
		l.TableSize = 1 << 14
	}
	if l.MaxLearnt <= 0 {
		l.MaxLearnt = 1 << 16
	}
	if l.BanAuth <= 0 {
		l.BanAuth = 10
	}
	if l.BanMalformed <= 0 {
		l.BanMalformed = 20
	}
	if l.BanWindow <= 0 {
		l.BanWindow = time.Minute
	}
	if l.BanFor <= 0 {
		l.BanFor = 10 * time.Minute
	}
	return l
}
