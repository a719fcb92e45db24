package stage

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"cagri/internal/media"
	"cagri/internal/media/tone"
	"cagri/internal/sip"
	"cagri/internal/sip/trunk"
)

// Config is the play.
type Config struct {
	Server   string        // SIP address of the server, "127.0.0.1:5060"
	Number   string        // what citizens dial
	Rate     float64       // calls per second, Poisson
	For      time.Duration // how long citizens keep calling
	Phones   []Phone       // agents' phones
	Talk     time.Duration // mean talk
	Patience time.Duration // mean patience in the queue
	Seed     uint64
	PortMin  uint16 // RTP ports of the players
	PortMax  uint16
}

// Phone is an agent's SIP account.
type Phone struct{ User, Password string }

// Tally is what the players have seen with their own ears.
type Tally struct {
	Placed    int            // calls citizens made
	Connected int            // of them answered by the server
	Refused   map[int]int    // by SIP status
	Abandoned int            // hung up before an agent came
	EndedByUs int            // ended by the server's side (agent hung up, or goodbye)
	Answered  int            // offers that agents picked up
	Missed    int            // offers that agents let ring
	Registers int            // phones that are registered
	MOS       []float64      // one for each citizen who heard enough to tell
	Calls     []PlacedCall   // each call
	Pilots    map[string]int // agent phone -> number of its pilot tone
}

// PlacedCall is one citizen's call.
type PlacedCall struct {
	CallID    string // SIP Call-ID, to find it at the server
	Pilot     int    // number of the citizen's pilot tone
	Connected bool
	GaveUp    bool // hung up by own impatience
}

// CarrierIP is where citizens call from; phones are on 127.0.0.1. A server tells
// a carrier by its address, so the two must differ.
const CarrierIP = "127.0.0.2"

// asIs keeps numbers as they are dialled: this is one machine, not a network.
var asIs = trunk.Numbers{Format: trunk.FormatAsIs}

// Stage runs the play. One goroutine for each citizen; the agents live in the
// handler of their user agent.
type Stage struct {
	cfg      Config
	log      *slog.Logger
	plane    *media.Plane
	callers  *sip.UA
	phones   *sip.UA
	random   *rand.Rand // guarded by mu
	mu       sync.Mutex // guards random, tally, desks
	tally    Tally
	desks    map[string]*desk
	wg       sync.WaitGroup
	stopping chan struct{}
	stopOnce sync.Once
}

// New sets the stage up.
func New(cfg Config, log *slog.Logger) (*Stage, error) {
	local := netip.MustParseAddr("127.0.0.1")
	plane, err := media.New(media.Config{BindIP: local, AdvertiseIP: local, PortMin: cfg.PortMin, PortMax: cfg.PortMax, Silence: time.Hour}, log)
	if err != nil {
		return nil, err
	}
	s := &Stage{
		cfg: cfg, log: log, plane: plane, desks: map[string]*desk{}, stopping: make(chan struct{}),
		random: rand.New(rand.NewPCG(cfg.Seed, 1)),
		tally:  Tally{Refused: map[int]int{}, Pilots: map[string]int{}},
	}
	s.callers, err = sip.New(sip.Config{
		Listen: []sip.Listen{{Network: "udp", Addr: CarrierIP + ":0"}}, UserAgent: "cagri-stage-citizens",
		Trunks: []trunk.Config{{Name: "server", Targets: []string{cfg.Server}, Health: trunk.Health{Off: true}, Numbers: asIs}},
	}, audience{}, log)
	if err != nil {
		return nil, fmt.Errorf("stage: citizens: %w", err)
	}
	var lines []trunk.Config
	for i, p := range cfg.Phones {
		s.desks[p.User] = &desk{stage: s, user: p.User, pilot: i}
		s.tally.Pilots[p.User] = i
		lines = append(lines, trunk.Config{
			Name: p.User, Targets: []string{cfg.Server}, AcceptFromTargets: true, Health: trunk.Health{Off: true}, Numbers: asIs,
			Registration: &trunk.Registration{User: p.User, Password: p.Password},
		})
	}
	s.phones, err = sip.New(sip.Config{
		Listen: []sip.Listen{{Network: "udp", Addr: "127.0.0.1:0"}}, UserAgent: "cagri-stage-phones", Trunks: lines,
	}, office{s}, log)
	if err != nil {
		return nil, fmt.Errorf("stage: phones: %w", err)
	}
	return s, nil
}

// Run plays until the citizens have stopped calling and every call is over, or
// ctx is done.
func (s *Stage) Run(ctx context.Context) error {
	for _, start := range []func(context.Context) error{s.plane.Start, s.callers.Start, s.phones.Start} {
		if err := start(ctx); err != nil {
			return fmt.Errorf("stage: %w", err)
		}
	}
	if err := s.signIn(ctx); err != nil {
		return err
	}
	end := time.After(s.cfg.For)
	for n := 0; ; n++ {
		s.mu.Lock()
		gap := time.Duration(s.random.ExpFloat64() / s.cfg.Rate * float64(time.Second))
		s.mu.Unlock()
		select {
		case <-ctx.Done():
			s.wg.Wait()
			return ctx.Err()
		case <-end:
			s.wg.Wait()
			return nil
		case <-time.After(gap):
			s.wg.Add(1)
			go func() {
				defer s.wg.Done()
				s.citizen(ctx, n)
			}()
		}
	}
}

// Stop ends the user agents.
func (s *Stage) Stop() {
	s.stopOnce.Do(func() {
		close(s.stopping)
		s.phones.Stop()
		s.callers.Stop()
		s.plane.Stop()
	})
}

// Tally is what has been seen so far.
func (s *Stage) Tally() Tally {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tally
	t.MOS = append([]float64(nil), t.MOS...)
	t.Calls = append([]PlacedCall(nil), t.Calls...)
	return t
}

func (s *Stage) note(f func(t *Tally)) {
	s.mu.Lock()
	f(&s.tally)
	s.mu.Unlock()
}

// draw gives an exponential time around mean, between a fifth and three times it.
func (s *Stage) draw(mean time.Duration) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := time.Duration(s.random.ExpFloat64() * float64(mean))
	return min(max(d, mean/5), 3*mean)
}

func (s *Stage) chance(p float64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.random.Float64() < p
}

// CitizenPilots is the number of pilot tones that belong to agents; citizens use
// those from here on, so that no two voices of one call share a tone.
const CitizenPilots = 12

// voice is somebody speaking: speech-like sound with an own pilot tone.
func voice(seed uint64, pilot int) media.Playlist {
	return media.Playlist{Clips: [][]byte{tone.SpeechLike(seed, 6*time.Second, tone.Pilot(pilot))}, Loop: true}
}

// audience is the handler of the citizens' user agent: nobody calls citizens.
type audience struct{}

func (audience) Invite(d *sip.Dialog, _ sip.Incoming) {
	d.SetSink(func(sip.Event) {})
	_ = d.Reject(486, "Busy Here", 0)
}
func (audience) PhoneChanged(string, bool) {}
func (audience) Alarm(string, error)       {}
