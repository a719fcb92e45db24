package media

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"cagri/internal/media/dtmf"
	"cagri/internal/media/mix"
	"cagri/internal/media/pace"
	"cagri/internal/media/quality"
	"cagri/internal/media/record"
	"cagri/internal/media/sdp"
)

// LegOptions say what a leg is for.
type LegOptions struct {
	Name string      // for logs
	Sink func(Event) // called from media threads; must not block
	// SRTP is the policy for keys in session descriptions. Keep it off unless the
	// signalling is encrypted.
	SRTP sdp.SRTPPolicy
	// NAT takes sound from any address until the first valid packet; otherwise it
	// must come from the address in the session description or from Signalling.
	NAT        bool
	Signalling netip.Addr
	// Near is a leg this one will be bridged with, or nil. One thread then reads both,
	// and what they share stays in one processor's cache.
	Near   *Leg
	Codecs []string // names in order of preference; default PCMA, PCMU, events, comfort noise
}

// Leg is one side's sound: a pair of sockets and one RTP stream in each direction.
// Its methods may be called from any goroutine.
type Leg struct {
	plane *Plane
	opt   LegOptions
	port  uint16
	rtp   *conn
	rtcp  *conn

	closed atomic.Bool
	neg    atomic.Pointer[negotiated] // nil until both sides agreed
	route  atomic.Pointer[route]      // where received sound goes
	tap    atomic.Pointer[tap]        // recording of received sound

	mu      sync.Mutex // guards local, last, pending, session, hold: the negotiation
	local   sdp.Local
	last    []byte // description sent last
	pending sdp.Local
	session *sdp.Session
	hold    bool

	in  inbound
	out outbound
}

// negotiated is what the packet path needs of a session; never changed once shared.
type negotiated struct {
	remote     netip.AddrPort
	remoteRTCP netip.AddrPort
	mux        bool
	ulaw       bool
	sendPT     uint8
	recvPT     uint8
	dtmf       sdp.Format
	cn         sdp.Format
	ptime      int
	codec      string
	secure     bool
	receives   bool // we should hear the peer
	sends      bool // we may send
}

// route is where the speech of a leg goes: to another leg, or into a conference,
// where end waits for it.
type route struct {
	peer *Leg
	conf *Conference
	end  *mix.Playout
}

// tap is a recording of what a leg hears.
type tap struct {
	r  *record.Recording
	ch record.Channel
}

// inbound is the receiving side. Only the leg's poller writes, but the sweep and
// Stats look as well, hence the mutex.
type inbound struct {
	mu      sync.Mutex // guards all below
	quality quality.Receiver
	far     quality.Far
	digits  dtmf.Receiver
	source  netip.AddrPort // where packets must come from
	open    bool           // source is only what the description says
	claim   claim
	stream  streamID
	srtp    *srtp.Context
	srtcp   *srtp.Context
	key     sdp.Key
	lastAt  int64 // last valid packet, plane time
	silent  bool  // reported
	wrong   uint64
	invalid uint64
	header  rtp.Header   // scratch of the decryption
	plain   [maxRTP]byte // decrypted
	alaw    [maxRTP]byte // converted for the recording or conference
}

// outbound is the sending side: one stream, whoever produces it.
type outbound struct {
	mu        sync.Mutex // guards all below
	stats     quality.Sender
	ssrc      uint32
	seq       uint16 // of the last packet
	ts        uint32 // of the next frame if sound goes on without a break
	at        int64  // plane time of the last packet
	last      uint32 // its samples that ts goes beyond at
	begun     bool
	shut      bool // the sockets are closed, and their descriptors may be another's by now
	mark      bool // the next packet begins a talkspurt
	to        sockaddr
	toRTCP    sockaddr
	known     bool // to is set
	knownRTCP bool
	srtp      *srtp.Context
	srtcp     *srtp.Context
	key       sdp.Key
	feed      *route // the bridge or conference whose sound is sent; no other's
	relay     relay
	player    *player
	digit     *dtmf.Sender
	seat      *pace.Seat // of digit
	nextRep   int64      // plane time of the next RTCP report
	buf       [maxRTP]byte
	header    rtp.Header // scratch of the encryption
	sealed    []byte
}

// relay maps the numbers of a received stream onto ours, so that losses and order
// stay visible to the far end.
type relay struct {
	on      bool
	ssrc    uint32
	seqDiff uint16
	tsDiff  uint32
}

// NewLeg binds the sockets of a leg.
func (p *Plane) NewLeg(o LegOptions) (*Leg, error) {
	if o.Sink == nil {
		o.Sink = func(Event) {}
	}
	l := &Leg{plane: p, opt: o}
	if err := l.prepare(); err != nil {
		return nil, err
	}
	if err := p.open(l); err != nil {
		return nil, err
	}
	l.local.RTPPort = l.port
	p.mu.Lock()
	over := p.over
	if !over {
		p.legs[l] = struct{}{}
	}
	p.mu.Unlock()
	if over {
		l.Close()
		return nil, errOver
	}
	return l, nil
}

// RecordTo directs what the peer says into channel ch of r; nil ends it.
func (l *Leg) RecordTo(r *record.Recording, ch record.Channel) {
	if r == nil {
		l.tap.Store(nil)
		return
	}
	l.tap.Store(&tap{r, ch})
}

// Stats is the account of a leg.
type Stats struct {
	Codec       string
	SRTP        bool
	Received    uint64 // RTP packets
	Sent        uint64
	Lost        int64
	Jitter      time.Duration
	RTT         time.Duration
	MOSMin      float64 // over windows of 10 s, ITU-T G.107; 0: nothing received
	MOSAvg      float64
	WrongSource uint64 // packets from elsewhere, dropped
	Invalid     uint64 // packets that are no RTP of this session, dropped
}

// Stats gives the account so far.
func (l *Leg) Stats() Stats {
	var s Stats
	if n := l.neg.Load(); n != nil {
		s.Codec, s.SRTP = n.codec, n.secure
	}
	l.in.mu.Lock()
	q := l.in.quality.Snapshot()
	s.Received, s.Lost, s.Jitter, s.MOSMin, s.MOSAvg = q.Received, int64(q.Lost), q.MaxJitter, q.MOSMin, q.MOSAvg
	s.RTT, s.WrongSource, s.Invalid = l.in.far.RTTAvg, l.in.wrong, l.in.invalid
	l.in.mu.Unlock()
	l.out.mu.Lock()
	s.Sent = uint64(l.out.stats.Packets())
	l.out.mu.Unlock()
	return s
}

// Close ends the leg: what plays stops, the far end is told by RTCP, the ports rest.
// Further calls only give the account.
func (l *Leg) Close() Stats {
	if l.closed.Swap(true) {
		return l.Stats()
	}
	l.StopPlay()
	l.tap.Store(nil)
	l.plane.joins.Lock()
	l.leave()
	l.plane.joins.Unlock()
	l.report(l.plane.Now(), true)
	l.out.mu.Lock()
	seat := l.out.seat
	l.out.seat, l.out.digit = nil, nil
	l.out.shut = true
	l.out.mu.Unlock()
	if seat != nil {
		seat.Leave()
	}
	l.rtp.close()
	l.rtcp.close()
	l.plane.mu.Lock()
	delete(l.plane.legs, l)
	l.plane.mu.Unlock()
	l.plane.ports.give(l.port, time.Now())
	return l.Stats()
}
