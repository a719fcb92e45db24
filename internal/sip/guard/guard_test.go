package guard

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"pgregory.net/rapid"
)

type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)} }

func (c *clock) at() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	c.t = c.t.Add(d)
	c.mu.Unlock()
}

var (
	carrier  = netip.MustParseAddr("203.0.113.9")
	hall     = netip.MustParseAddr("10.1.0.7")
	outsider = netip.MustParseAddr("198.51.100.77")

	invite   = []byte(msg("INVITE sip:108@x SIP/2.0", "Via: SIP/2.0/UDP x;branch=z9hG4bK1", "From: <sip:a@b>;tag=1", "To: <sip:108@x>"))
	reinvite = []byte(msg("INVITE sip:108@x SIP/2.0", "Via: SIP/2.0/UDP x;branch=z9hG4bK1", "From: <sip:a@b>;tag=1", "To: <sip:108@x>;tag=2"))
	register = []byte(msg("REGISTER sip:x SIP/2.0", "To: <sip:201@x>"))
	options  = []byte(msg("OPTIONS sip:x SIP/2.0", "To: <sip:x>"))
	bye      = []byte(msg("BYE sip:x SIP/2.0", "To: <sip:x>;tag=2"))
	ok200    = []byte(msg("SIP/2.0 200 OK", "To: <sip:x>;tag=2"))
	junk     = []byte("\x80\x08\x00\x01\x00\x00")
	ping     = []byte("\r\n\r\n")
)

func prefixes(s ...string) (out []netip.Prefix) {
	for _, p := range s {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}

func newGuard(change func(*Limits)) (*Guard, *clock) {
	l := Limits{Trunks: prefixes("203.0.113.0/24", "2001:db8:1::/48"), Phones: prefixes("10.0.0.0/8")}
	if change != nil {
		change(&l)
	}
	clk := newClock()
	return New(l, clk.at), clk
}

// passed sends n packets at one instant and counts what got through.
func passed(g *Guard, src netip.Addr, packet []byte, n int) (got int) {
	for range n {
		if g.AdmitPacket(src, packet) == Pass {
			got++
		}
	}
	return got
}

func TestStrangersHaveLittle(t *testing.T) {
	g, clk := newGuard(nil)
	if got := passed(g, outsider, register, 1000); got != 20 {
		t.Errorf("%d of one stranger at once", got)
	}
	clk.pass(5 * time.Second)
	if got := passed(g, outsider, options, 1000); got != 10 {
		t.Errorf("%d after five seconds at two a second", got)
	}
	if s := g.Stats(); s.Strangers.Passed != 30 || s.OverSource != 1970 || s.Strangers.Dropped != 1970 {
		t.Errorf("%+v", s)
	}
	if got := passed(g, outsider, ping, 10); got != 0 {
		t.Errorf("%d keep-alives of a stranger", got)
	}
}

func TestAllStrangersTogether(t *testing.T) {
	g, clk := newGuard(nil)
	got := 0
	for i := range 5000 {
		got += passed(g, spoofed(i), invite, 1)
	}
	if got != 400 {
		t.Errorf("%d of 5,000 strangers at once", got)
	}
	clk.pass(time.Second)
	got = 0
	for i := range 5000 {
		got += passed(g, spoofed(i), invite, 1)
	}
	if got != 200 {
		t.Errorf("%d in the next second", got)
	}
	if s := g.Stats(); s.OverAll == 0 {
		t.Errorf("%+v", s)
	}
}

func spoofed(i int) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], 0x2d000000+uint32(i)) // 45.0.0.0 upwards
	return netip.AddrFrom4(b)
}

func TestStrangerPolicies(t *testing.T) {
	g, clk := newGuard(func(l *Limits) { l.Strangers = Refuse })
	count := func(packet []byte, n int) (v [3]int) {
		for range n {
			v[g.AdmitPacket(outsider, packet)]++
		}
		return v
	}
	if v := count(invite, 100); v != [3]int{98, 0, 2} {
		t.Errorf("refused: %v", v)
	}
	if v := count(bye, 10); v != [3]int{10, 0, 0} { // might be an ACK or a response as well: no answer
		t.Errorf("BYE: %v", v)
	}
	clk.pass(5 * time.Second)
	if v := count(register, 100); v != [3]int{99, 0, 1} {
		t.Errorf("one 403 in five seconds: %v", v)
	}
	forbidden := 0
	for i := range 5000 {
		if g.AdmitPacket(spoofed(i), invite) == Forbid {
			forbidden++
		}
	}
	if forbidden != 39 { // 40 at once, one of which was just used

		t.Errorf("%d answers of 403 to 5,000 sources", forbidden)
	}
	if s := g.Stats(); s.Unanswered == 0 || s.Policy == 0 || s.Strangers.Forbidden != 42 {
		t.Errorf("%+v", s)
	}

	g, _ = newGuard(func(l *Limits) { l.Strangers = Silent })
	if v := count(invite, 100); v != [3]int{100, 0, 0} {
		t.Errorf("silent: %v", v)
	}
	if v := [2]bool{g.MayForbid(outsider), g.MayForbid(outsider)}; v != [2]bool{true, true} {
		t.Errorf("MayForbid: %v", v)
	}
	if g.MayForbid(outsider) {
		t.Error("a third 403 to the same source at once")
	}
}

func TestKnownSources(t *testing.T) {
	g, _ := newGuard(nil)
	for name, c := range map[string]struct {
		src    netip.Addr
		packet []byte
		n      int
	}{
		"calls of a carrier":         {carrier, invite, 2000},
		"OPTIONS of a carrier":       {carrier, options, 100},
		"power comes back in a hall": {hall, register, 1000},
		"calls of a hall":            {hall, invite, 200},
	} {
		if got := passed(g, c.src, c.packet, 5000); got != c.n {
			t.Errorf("%s: %d of 5,000 at once, expected %d", name, got, c.n)
		}
	}
	if got := passed(g, carrier, ping, 10); got != 10 {
		t.Errorf("%d keep-alives", got)
	}
	if got := passed(g, carrier, junk, 10); got != 0 {
		t.Errorf("%d pieces of junk", got)
	}
}

// The rule the whole package is for: a flood of new requests, from anywhere, takes nothing from calls that exist.
func TestRunningCallsAreNeverStarved(t *testing.T) {
	g, clk := newGuard(nil)
	learnt := netip.MustParseAddr("85.132.5.5") // a phone at home
	g.Learn(learnt, time.Hour)
	for second := range 20 {
		for _, src := range []netip.Addr{carrier, hall, learnt} {
			for _, p := range [][]byte{invite, register, options} {
				passed(g, src, p, 3000)
			}
			g.Fail(src, Authentication)
			g.Fail(src, Authentication)
			for _, p := range [][]byte{bye, reinvite, ok200} {
				if got := passed(g, src, p, 100); got != 100 {
					t.Fatalf("second %d, %v: %d of 100 got through", second, src, got)
				}
			}
		}
		for i := range 3000 {
			g.AdmitPacket(spoofed(second*3000+i), invite)
		}
		clk.pass(time.Second)
	}
	if g.Banned(carrier) || !g.Banned(hall) || !g.Banned(learnt) {
		t.Error("who is banned")
	}
}

func TestBans(t *testing.T) {
	g, clk := newGuard(func(l *Limits) { l.BanAuth, l.BanMalformed = 3, 4 })
	fail := func(src netip.Addr, f Failure, n int) (bans int) {
		for range n {
			if g.Fail(src, f) {
				bans++
			}
		}
		return bans
	}
	if fail(outsider, Authentication, 2) != 0 || g.Banned(outsider) {
		t.Error("banned too early")
	}
	clk.pass(time.Minute + 1) // the window is over: counting begins anew
	if fail(outsider, Authentication, 2) != 0 || fail(outsider, Malformed, 3) != 0 {
		t.Error("old failures or other failures count")
	}
	if fail(outsider, Authentication, 5) != 1 || !g.Banned(outsider) {
		t.Error("not banned, or told more than once")
	}
	if got := passed(g, outsider, register, 10); got != 0 {
		t.Errorf("%d packets of a banned source", got)
	}
	clk.pass(10*time.Minute + 1)
	if g.Banned(outsider) || passed(g, outsider, register, 1) != 1 {
		t.Error("the ban does not end")
	}
	if got := g.Stats().Bans; got != 1 {
		t.Errorf("%d bans", got)
	}

	// Junk counts by itself.
	other := netip.MustParseAddr("198.51.100.78")
	passed(g, other, junk, 4)
	if !g.Banned(other) {
		t.Error("junk does not ban")
	}
	g.Pardon(other)
	if g.Banned(other) || passed(g, other, register, 1) != 1 {
		t.Error("no pardon")
	}

	// A carrier is never banned: its address can be forged.
	if fail(carrier, Authentication, 100)+fail(carrier, Malformed, 100) != 0 || g.Banned(carrier) || passed(g, carrier, invite, 5) != 5 {
		t.Error("a carrier was banned")
	}

	// A hall is slowed down to a stranger's rate for what is new.
	if fail(hall, Authentication, 3) != 1 || !g.Banned(hall) {
		t.Error("a hall's failures do not count")
	}
	if got := passed(g, hall, register, 500); got != 20 {
		t.Errorf("%d registrations of a hall that guesses passwords", got)
	}
	if got := passed(g, hall, bye, 100); got != 100 {
		t.Errorf("%d BYE of it", got)
	}
	clk.pass(10*time.Minute + 1)
	if got := passed(g, hall, register, 500); got != 500 {
		t.Errorf("%d registrations afterwards", got)
	}
}

func TestHallIsChallengedEvenWhereStrangersAreRefused(t *testing.T) {
	g, _ := newGuard(func(l *Limits) { l.Strangers, l.BanAuth = Silent, 1 })
	g.Fail(hall, Authentication)
	if got := passed(g, hall, register, 100); got != 20 {
		t.Errorf("%d", got)
	}
}

func TestLearning(t *testing.T) {
	g, clk := newGuard(func(l *Limits) { l.MaxLearnt = 2; l.Strangers = Silent })
	if !g.Learn(outsider, time.Minute) {
		t.Fatal("no room")
	}
	if got := passed(g, outsider, invite, 100); got != 100 {
		t.Errorf("%d of a learnt source", got)
	}
	g.Learn(outsider, time.Second) // a shorter time does not take the longer one away
	clk.pass(59 * time.Second)
	if passed(g, outsider, invite, 1) != 1 {
		t.Error("forgotten too early")
	}
	if !g.Learn(spoofed(1), time.Minute) || g.Learn(spoofed(2), time.Minute) {
		t.Error("the limit of learnt sources")
	}
	if !g.Learn(outsider, time.Minute) {
		t.Error("a refresh needs no room")
	}
	clk.pass(time.Minute + 1)
	if passed(g, outsider, invite, 1) != 0 {
		t.Error("not forgotten")
	}
	if !g.Learn(spoofed(2), time.Minute) {
		t.Error("expired ones take room")
	}
	g.Forget(spoofed(2))
	if passed(g, spoofed(2), invite, 1) != 0 {
		t.Error("not forgotten on demand")
	}
}

func TestAddressForms(t *testing.T) {
	g, _ := newGuard(func(l *Limits) { l.Strangers = Silent })
	known := map[string]bool{
		"203.0.113.1": true, "::ffff:203.0.113.1": true, "203.0.114.1": false, "::ffff:203.0.114.1": false,
		"2001:db8:1:2::3": true, "2001:db8:2::3": false, "10.255.255.255": true, "11.0.0.0": false, "2001:db8:1::1%eth0": true, "::ffff:10.0.0.1": true,
	}
	for s, want := range known {
		if got := g.AdmitPacket(netip.MustParseAddr(s), invite) == Pass; got != want {
			t.Errorf("%s: %v", s, got)
		}
	}
	if g.AdmitPacket(netip.Addr{}, invite) != Drop {
		t.Error("no address")
	}
	// One subscriber's /64 is one source; IPv4 and IPv4-mapped are one source.
	g, _ = newGuard(nil)
	got := 0
	for i := range 100 {
		got += passed(g, netip.MustParseAddr(fmt.Sprintf("2001:db8:9:9::%x", i)), invite, 1)
	}
	if got != 20 {
		t.Errorf("%d of one /64", got)
	}
	if got := passed(g, netip.MustParseAddr("2001:db8:9:a::1"), invite, 1); got != 1 {
		t.Error("the next /64 is another source")
	}
	if got := passed(g, outsider, invite, 20) + passed(g, netip.AddrFrom16(outsider.As16()), invite, 20); got != 20 {
		t.Errorf("%d of both forms of one address", got)
	}
	// The longest network decides, a carrier's wins among equals, networks may be given in mapped form.
	g = New(Limits{Strangers: Silent, Trunks: prefixes("10.1.0.0/16", "::ffff:192.0.2.0/120", "172.16.0.0/12"), Phones: prefixes("10.0.0.0/8", "10.1.2.0/24", "172.16.0.0/12")}, newClock().at)
	for s, want := range map[string]int{"10.1.1.1": 2000, "10.1.2.1": 200, "10.2.0.1": 200, "192.0.2.7": 2000, "192.0.3.7": 0, "172.16.0.1": 2000} {
		if got := passed(g, netip.MustParseAddr(s), invite, 3000); got != want {
			t.Errorf("%s: %d, expected %d", s, got, want)
		}
	}
	g.SetNetworks(prefixes("192.0.3.0/24"), nil)
	if passed(g, netip.MustParseAddr("192.0.3.7"), invite, 1) != 1 || passed(g, netip.MustParseAddr("192.0.2.7"), invite, 1) != 0 {
		t.Error("networks were not replaced")
	}
}

func TestAdmitByMethod(t *testing.T) {
	g, _ := newGuard(func(l *Limits) { l.Strangers = Silent })
	if g.Admit(outsider, "INVITE", false) != Drop || g.Admit(outsider, "INVITE", true) != Pass {
		t.Error("vouching")
	}
	got := 0
	for range 1000 {
		if g.Admit(carrier, "REGISTER", false) == Pass {
			got++
		}
	}
	if got != 20 {
		t.Errorf("%d REGISTER of a carrier", got)
	}
	if g.AdmitClass(carrier, InCall, false) != Pass || g.AdmitClass(carrier, 200, false) != Pass || g.AdmitClass(carrier, Junk, false) != Drop {
		t.Error("by class")
	}
}

func TestUnlimited(t *testing.T) {
	g, _ := newGuard(func(l *Limits) { l.Trunk.Invite = Unlimited(); l.TableSize = 1 })
	if got := passed(g, carrier, invite, 100_000); got != 100_000 {
		t.Errorf("%d", got)
	}
}

// One million forged sources: memory stays where it was, and those who are known notice nothing.
func TestMemoryIsBounded(t *testing.T) {
	g, clk := newGuard(nil)
	measure := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := measure()
	n := 1_000_000
	if testing.Short() {
		n = 100_000
	}
	lost := 0
	for i := range n {
		src := spoofed(i)
		g.AdmitPacket(src, invite)
		if i%3 == 0 {
			g.AdmitPacket(src, junk)
		}
		if i%100 == 0 {
			g.Fail(src, Authentication)
			clk.pass(time.Millisecond)
			if g.AdmitPacket(hall, bye) != Pass || g.AdmitPacket(carrier, reinvite) != Pass || g.AdmitPacket(carrier, invite) != Pass {
				lost++
			}
		}
	}
	after := measure()
	if grown := int64(after) - int64(before); grown > 1<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	if lost > 0 {
		t.Errorf("%d packets of known sources were lost", lost)
	}
	s := g.Stats()
	size := 2 * len(g.strangers.entries) * int(unsafe.Sizeof(entry{}))
	if size > 4<<20 {
		t.Errorf("the tables take %d bytes", size)
	}
	if s.Remembered > 2*16384 || s.Evicted < uint64(n-2*16384) {
		t.Errorf("%+v", s)
	}
	t.Logf("%d sources: tables %d kB, heap change %d bytes, %d strangers' packets let through", n, size>>10, int64(after)-int64(before), s.Strangers.Passed)
	runtime.KeepAlive(g)
}

// All phones together have a budget for what is new, so that forged addresses of a large phone network do not add up.
func TestAllPhonesTogether(t *testing.T) {
	g, _ := newGuard(func(l *Limits) { l.AllPhones = Rate{PerSecond: 100, Burst: 1000} })
	fresh, inCall := 0, 0
	for i := range 5000 {
		src := netip.AddrFrom4([4]byte{10, 7, byte(i >> 8), byte(i)})
		fresh += passed(g, src, invite, 1)
		inCall += passed(g, src, bye, 1)
	}
	if fresh != 1000 || inCall != 5000 {
		t.Errorf("%d new, %d in calls", fresh, inCall)
	}
	if got := passed(g, carrier, invite, 100); got != 100 {
		t.Errorf("a carrier got %d", got)
	}
	if got := g.Stats().OverAll; got != 4000 {
		t.Errorf("counted %d", got)
	}
}

// A banned source stays banned while others pass by, as long as its set has others to give up.
func TestBanOutlivesEviction(t *testing.T) {
	g, clk := newGuard(func(l *Limits) { l.BanAuth = 1; l.TableSize = 64 })
	g.Fail(outsider, Authentication)
	for i := range 10_000 {
		clk.pass(time.Microsecond)
		g.AdmitPacket(spoofed(i), invite)
	}
	if !g.Banned(outsider) {
		t.Error("the ban was forgotten")
	}
}

func TestNoAllocationPerPacket(t *testing.T) {
	g, _ := newGuard(nil)
	i := 0
	v6 := netip.MustParseAddr("2001:db8:1::5")
	if n := testing.AllocsPerRun(1000, func() {
		i++
		for _, p := range [][]byte{invite, reinvite, register, bye, ok200, junk, ping} {
			g.AdmitPacket(carrier, p)
			g.AdmitPacket(hall, p)
			g.AdmitPacket(v6, p)
			g.AdmitPacket(spoofed(i), p)
		}
		g.Admit(outsider, "INVITE", false)
		g.MayForbid(outsider)
		g.Fail(outsider, Authentication)
	}); n != 0 {
		t.Errorf("%g allocations", n)
	}
}

// The bucket against a plain reading of "at most Burst at once and PerSecond on average".
func TestBucketEqualsTokens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		step := int64(rapid.SampledFrom([]int{1, 7, 1000, 1_000_000}).Draw(t, "step"))
		burst := rapid.Int64Range(1, 20).Draw(t, "burst")
		p := pace{step: step, slack: step * (burst - 1)}
		var b bucket
		now := int64(1_000_000_000)
		parts := burst * step // tokens in nanoseconds, so that no fraction is lost
		for range rapid.IntRange(1, 100).Draw(t, "packets") {
			d := rapid.Int64Range(0, 3*step).Draw(t, "pause")
			now += d
			parts = min(parts+d, burst*step)
			want := parts >= step
			if want {
				parts -= step
			}
			if got := b.try(p, now); got != want {
				t.Fatalf("at %d: %v, expected %v", now, got, want)
			}
		}
	})
}

func TestLimitsValidate(t *testing.T) {
	if err := (Limits{}).Validate(); err != nil {
		t.Error(err)
	}
	if err := (Limits{Stranger: Unlimited()}).Validate(); err != nil {
		t.Error(err)
	}
	for say, l := range map[string]Limits{
		"Trunk.Invite": {Trunk: Rates{Invite: Rate{PerSecond: -5, Burst: 1}}},
		"AllPhones":    {AllPhones: Rate{Burst: 3}},
		"Stranger":     {Stranger: Rate{PerSecond: 1}},
		"network":      {Phones: []netip.Prefix{{}}},
		"policy":       {Strangers: 9},
		"TableSize":    {TableSize: -1},
		"BanFor":       {BanFor: -1},
	} {
		if err := l.Validate(); err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%s: %v", say, err)
		}
	}
}

func TestManyAtOnce(t *testing.T) {
	g := New(Limits{Trunks: prefixes("203.0.113.0/24")}, nil)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 2000 {
				src := spoofed(w*2000 + i)
				g.AdmitPacket(src, invite)
				g.AdmitPacket(carrier, bye)
				g.Fail(src, Malformed)
				g.Learn(src, time.Second)
				g.Forget(src)
				if i%500 == 0 {
					g.Stats()
					g.SetNetworks(prefixes("203.0.113.0/24"), nil)
				}
			}
		})
	}
	wg.Wait()
	if s := g.Stats(); s.Trunks.Passed != 8000 || s.Learnt != 0 {
		t.Errorf("%+v", s)
	}
}

func BenchmarkAdmit(b *testing.B) {
	for name, c := range map[string]struct {
		src    netip.Addr
		packet []byte
	}{"carrier re-INVITE": {carrier, reinvite}, "carrier BYE": {carrier, bye}, "hall REGISTER": {hall, register}, "stranger INVITE": {outsider, invite}} {
		b.Run(name, func(b *testing.B) {
			g := New(Limits{Trunks: prefixes("203.0.113.0/24"), Phones: prefixes("10.0.0.0/8")}, nil)
			b.ReportAllocs()
			for b.Loop() {
				g.AdmitPacket(c.src, c.packet)
			}
		})
	}
	b.Run("forged sources", func(b *testing.B) {
		g := New(Limits{}, nil)
		i := 0
		b.ReportAllocs()
		for b.Loop() {
			i++
			g.AdmitPacket(spoofed(i), invite)
		}
	})
}

func TestKnown(t *testing.T) {
	g, c := newGuard(func(l *Limits) { l.BanAuth = 1 })
	if !g.Known(carrier) || !g.Known(hall) || g.Known(outsider) {
		t.Fatal(g.Known(carrier), g.Known(hall), g.Known(outsider))
	}
	if g.Fail(hall, Authentication); !g.Banned(hall) || !g.Known(hall) {
		t.Error("a hall that is slowed down is known all the same")
	}
	g.Learn(outsider, time.Minute)
	if !g.Known(outsider) {
		t.Error("it has authenticated")
	}
	if c.pass(2 * time.Minute); g.Known(outsider) {
		t.Error("that was long ago")
	}
}
