package guard

// Stats are counters since the start and a few gauges, for metrics.
type Stats struct {
	Trunks, Phones, Strangers Verdicts // by what the source was
	OverSource                uint64   // dropped: the source's own budget was used up
	OverAll                   uint64   // dropped: the budget of all strangers, or of all phones, was used up
	Junk                      uint64   // dropped: not SIP
	BannedPackets             uint64   // met a ban (dropped, or slowed down for known sources)
	Policy                    uint64   // strangers met by Refuse or Silent
	Unanswered                uint64   // 403 not sent because of its budget
	Bans                      int64    // bans made
	Learnt                    int      // sources known by authentication now
	Remembered                int      // entries in use in both tables
	Evicted                   uint64   // sources forgotten for others
}

// Verdicts count what was decided.
type Verdicts struct{ Dropped, Passed, Forbidden uint64 }

// Stats returns the counters.
func (g *Guard) Stats() Stats {
	g.mu.Lock()
	defer g.mu.Unlock()
	of := func(k kind) Verdicts {
		v := g.counts.verdicts[k]
		return Verdicts{Dropped: v[Drop], Passed: v[Pass], Forbidden: v[Forbid]}
	}
	c := g.counts
	return Stats{
		Trunks: of(trunk), Phones: of(phone), Strangers: of(stranger), OverSource: c.overSource, OverAll: c.overAll, Junk: c.junk,
		BannedPackets: c.banned, Policy: c.policy, Unanswered: c.refuse, Bans: g.bans, Learnt: len(g.learnt),
		Remembered: g.strangers.used + g.known.used, Evicted: g.strangers.evicted + g.known.evicted,
	}
}
