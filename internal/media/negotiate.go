package media

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"fmt"

	"github.com/pion/srtp/v3"

	"cagri/internal/media/sdp"
)

// prepare makes our side of every negotiation of the leg.
func (l *Leg) prepare() error {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		return fmt.Errorf("media: %w", err)
	}
	l.out.ssrc = binary.BigEndian.Uint32(b[0:])
	l.out.seq = binary.BigEndian.Uint16(b[4:]) & 0x7fff // room before the first wrap, RFC 3711 3.3.1
	l.out.ts = binary.BigEndian.Uint32(b[6:])
	l.out.mark = true
	l.local = sdp.Local{
		Addr: l.plane.cfg.AdvertiseIP, SessionID: uint64(binary.BigEndian.Uint32(b[10:])), Version: 1, Ptime: 20, Mux: true, SRTP: l.opt.SRTP,
	}
	if l.opt.Codecs != nil {
		c, err := sdp.Codecs(l.opt.Codecs...)
		if err != nil {
			return fmt.Errorf("media: %w", err)
		}
		l.local.Codecs = c
	}
	if l.opt.SRTP != sdp.SRTPOff {
		keys, err := sdp.NewKeys(rand.Reader)
		if err != nil {
			return fmt.Errorf("media: keys: %w", err)
		}
		l.local.Keys = keys
	}
	return nil
}

// next gives our side for the next description. l.mu is held.
func (l *Leg) next() sdp.Local {
	n := l.local
	if l.session != nil {
		n = n.After(*l.session)
	}
	n.Direction = sdp.SendRecv
	if l.hold {
		n.Direction = sdp.SendOnly
	}
	return n
}

// Offer makes an offer. The same state gives the same bytes, as a session refresh
// demands; a change raises the version by one.
func (l *Leg) Offer() ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.next()
	body, err := l.version(&n, func(x sdp.Local) ([]byte, error) { return sdp.Offer(x) })
	if err != nil {
		return nil, err
	}
	l.pending = n
	return body, nil
}

// Answer answers the peer's offer, the first one or a later one.
func (l *Leg) Answer(offer []byte) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.next()
	var s sdp.Session
	body, err := l.version(&n, func(x sdp.Local) ([]byte, error) {
		b, got, err := sdp.Answer(x, offer)
		s = got
		return b, err
	})
	if err != nil {
		return nil, err
	}
	return body, l.agree(s)
}

// Accept takes the peer's answer to the last Offer.
func (l *Leg) Accept(answer []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, err := sdp.ReadAnswer(l.pending, answer)
	if err != nil {
		return err
	}
	return l.agree(s)
}

// version gives the description the version that RFC 3264 section 8 wants: that of
// the last one if nothing changed, else one more.
func (l *Leg) version(n *sdp.Local, write func(sdp.Local) ([]byte, error)) ([]byte, error) {
	n.Version = l.local.Version
	body, err := write(*n)
	if err != nil {
		return nil, err
	}
	if l.last != nil {
		if sdp.Unchanged(l.last, body) {
			return l.last, nil
		}
		n.Version++
		if body, err = write(*n); err != nil {
			return nil, err
		}
		l.local.Version = n.Version
	}
	l.last = body
	return body, nil
}

// agree puts a session into force. l.mu is held.
func (l *Leg) agree(s sdp.Session) error {
	n := &negotiated{
		remote: s.Remote, remoteRTCP: s.RemoteRTCP, mux: s.Mux, ulaw: s.Codec.Name == sdp.PCMU, sendPT: s.Codec.PT, recvPT: s.RecvPT,
		dtmf: s.DTMF, cn: s.CN, ptime: s.Ptime, codec: s.Codec.Name, secure: s.SRTP != nil,
		receives: s.RemoteDirection.Sends() && s.LocalDirection.Receives() && !s.Hold, sends: s.LocalDirection.Sends() && !s.Hold,
	}
	if n.ptime < 10 || n.ptime > 60 {
		n.ptime = 20
	}
	now := l.plane.Now()
	l.in.mu.Lock()
	defer l.in.mu.Unlock()
	l.out.mu.Lock()
	defer l.out.mu.Unlock()
	if err := l.keys(s.SRTP); err != nil {
		return err
	}
	old := l.neg.Load()
	if old == nil || old.remote != n.remote {
		l.in.source = n.remote // what the description says is right until packets say otherwise
		l.in.open, l.in.stream = true, streamID{}
		l.in.digits.Reset()
		l.out.known = n.remote.IsValid()
		if l.out.known {
			l.out.to = toSockaddr(n.remote)
		}
	}
	if old == nil || old.remoteRTCP != n.remoteRTCP {
		if l.out.knownRTCP = n.remoteRTCP.IsValid(); l.out.knownRTCP {
			l.out.toRTCP = toSockaddr(n.remoteRTCP)
		}
	}
	if l.in.open || !old.receives {
		l.in.lastAt = now // silence counts from the agreement
		l.in.silent = false
	}
	if l.out.nextRep == 0 {
		l.out.nextRep = now + int64(reportEvery)
	}
	l.out.relay.on = false
	l.session = &s
	l.neg.Store(n)
	return nil
}

// keys sets the contexts of SRTP. Keys that have not changed keep theirs, and with
// them the roll-over counter.
func (l *Leg) keys(k *sdp.SRTPKeys) error {
	if k == nil {
		l.in.srtp, l.in.srtcp, l.out.srtp, l.out.srtcp = nil, nil, nil, nil
		l.in.key, l.out.key = sdp.Key{}, sdp.Key{}
		return nil
	}
	same := func(a, b sdp.Key) bool {
		return a.Suite == b.Suite && bytes.Equal(a.Key, b.Key) && bytes.Equal(a.Salt, b.Salt)
	}
	profile, ok := profiles[k.Suite]
	if !ok {
		return fmt.Errorf("media: SRTP suite %s is not supported", k.Suite)
	}
	var err error
	if l.in.srtp == nil || !same(l.in.key, k.Remote) {
		opts := []srtp.ContextOption{srtp.SRTPReplayProtection(128), srtp.SRTCPReplayProtection(64)}
		if l.in.srtp, err = srtp.CreateContext(k.Remote.Key, k.Remote.Salt, profile, opts...); err != nil {
			return fmt.Errorf("media: SRTP: %w", err)
		}
		if l.in.srtcp, err = srtp.CreateContext(k.Remote.Key, k.Remote.Salt, profile, opts...); err != nil {
			return fmt.Errorf("media: SRTP: %w", err)
		}
		l.in.key = k.Remote
	}
	if l.out.srtp == nil || !same(l.out.key, k.Local) {
		if l.out.srtp, err = srtp.CreateContext(k.Local.Key, k.Local.Salt, profile); err != nil {
			return fmt.Errorf("media: SRTP: %w", err)
		}
		if l.out.srtcp, err = srtp.CreateContext(k.Local.Key, k.Local.Salt, profile); err != nil {
			return fmt.Errorf("media: SRTP: %w", err)
		}
		l.out.key = k.Local
	}
	return nil
}

var profiles = map[sdp.Suite]srtp.ProtectionProfile{
	sdp.AES128SHA1_80: srtp.ProtectionProfileAes128CmHmacSha1_80,
	sdp.AES128SHA1_32: srtp.ProtectionProfileAes128CmHmacSha1_32,
	sdp.AES128GCM:     srtp.ProtectionProfileAeadAes128Gcm,
	sdp.AES256GCM:     srtp.ProtectionProfileAeadAes256Gcm,
}

// SetHold makes the next Offer hold the peer (sendonly), or end that.
func (l *Leg) SetHold(hold bool) {
	l.mu.Lock()
	l.hold = hold
	l.mu.Unlock()
}

// RemoteHeld tells whether the peer has put us on hold: it does not want our sound.
func (l *Leg) RemoteHeld() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.session != nil && l.session.Hold
}
