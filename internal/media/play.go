package media

import (
	"fmt"
	"sync/atomic"
	"time"

	"cagri/internal/media/dtmf"
	"cagri/internal/media/g711"
	"cagri/internal/media/pace"
)

// PlayID names one Play; 0 names none.
type PlayID uint64

var playIDs atomic.Uint64

// Playlist is what a leg plays to its peer.
type Playlist struct {
	Clips [][]byte // A-law 8 kHz; shared and only read
	Loop  bool     // from the beginning again, without a gap
	Gap   time.Duration
}

// player is a playlist under way. Its wheel calls Tick; the leg's out.mu guards it.
type player struct {
	l     *Leg
	id    PlayID
	list  Playlist
	clip  int
	at    int
	gap   int // samples of silence still to come
	owed  int // ms of sound due but not sent, when the packets are not 20 ms long
	seat  *pace.Seat
	frame [480]byte
}

// Play plays p instead of whatever played before. PlayDone tells its end; a looped
// list has none, and neither has one that was replaced or stopped. An empty list
// ends at once.
func (l *Leg) Play(list Playlist) PlayID {
	p := &player{l: l, id: PlayID(playIDs.Add(1)), list: list}
	l.out.mu.Lock()
	old := l.out.player
	if l.closed.Load() {
		l.out.mu.Unlock()
		return p.id
	}
	l.out.player = p
	l.out.mark = true
	l.out.mu.Unlock()
	if old != nil {
		old.leave()
	}
	seat := l.plane.wheels.Join(p)
	l.out.mu.Lock()
	p.seat = seat
	gone := l.out.player != p
	l.out.mu.Unlock()
	if gone {
		seat.Leave()
	}
	return p.id
}

// StopPlay ends what plays, if anything does.
func (l *Leg) StopPlay() {
	l.out.mu.Lock()
	p := l.out.player
	l.out.player = nil
	l.out.mu.Unlock()
	if p != nil {
		p.leave()
	}
}

func (p *player) leave() {
	p.l.out.mu.Lock()
	seat := p.seat
	p.l.out.mu.Unlock()
	if seat != nil {
		seat.Leave()
	}
}

// Tick implements pace.Task.
func (p *player) Tick(due int) bool {
	l := p.l
	now := l.plane.Now()
	l.out.mu.Lock()
	if l.out.player != p {
		l.out.mu.Unlock()
		return false
	}
	n := l.neg.Load()
	done := false
	if n != nil && l.out.known && n.sends {
		for p.owed += 20; p.owed >= n.ptime && !done; p.owed -= n.ptime {
			frame := p.frame[:n.ptime*8]
			done = p.fill(frame)
			if l.out.digit == nil {
				l.frame(n, frame, due-1, now)
				due = 1
			}
		}
	} else if n == nil || !n.sends { // nobody to play to now: the time passes all the same
		done = p.fill(p.frame[:160])
	}
	if done {
		l.out.player = nil
	}
	l.out.mu.Unlock()
	if done {
		l.opt.Sink(PlayDone{l, p.id})
	}
	return !done
}

// fill takes the next samples; true when the list has ended (the rest is silence).
func (p *player) fill(frame []byte) bool {
	empty := 0
	for len(frame) > 0 {
		switch {
		case p.gap > 0:
			n := min(p.gap, len(frame))
			silence(frame[:n])
			p.gap -= n
			frame = frame[n:]
		case p.clip < len(p.list.Clips):
			c := p.list.Clips[p.clip]
			n := copy(frame, c[p.at:])
			frame = frame[n:]
			if p.at += n; p.at == len(c) {
				p.clip, p.at = p.clip+1, 0
				if p.clip < len(p.list.Clips) {
					p.gap = int(p.list.Gap * 8 / time.Millisecond)
				}
				if n == 0 {
					empty++
				}
			}
		case p.list.Loop && len(p.list.Clips) > 0 && empty <= len(p.list.Clips):
			p.clip = 0
			p.gap = int(p.list.Gap * 8 / time.Millisecond)
		default:
			silence(frame)
			return true
		}
	}
	return p.clip >= len(p.list.Clips) && !p.list.Loop
}

func silence(b []byte) {
	for i := range b {
		b[i] = g711.ALawSilence
	}
}

// SendDigit presses a key towards the peer (RFC 4733). Other sound is left
// out meanwhile.
func (l *Leg) SendDigit(digit byte, d time.Duration) error {
	n := l.neg.Load()
	if n == nil || !n.dtmf.OK {
		return fmt.Errorf("media: the peer does not take telephone events")
	}
	if !n.sends {
		return fmt.Errorf("media: the peer holds the line and hears no keys")
	}
	l.out.mu.Lock()
	if l.out.digit != nil {
		l.out.mu.Unlock()
		return fmt.Errorf("media: a key is being pressed already")
	}
	l.out.relay.on = false
	l.out.resume(l.plane.Now())
	s, err := dtmf.NewSender(digit, d, l.out.ts, 20)
	if err != nil {
		l.out.mu.Unlock()
		return err
	}
	l.out.digit = s
	l.out.mu.Unlock()
	seat := l.plane.wheels.Join(presser{l, s})
	l.out.mu.Lock()
	if l.out.digit == s {
		l.out.seat = seat
	}
	l.out.mu.Unlock()
	return nil
}

// presser is the task of one key press.
type presser struct {
	l *Leg
	s *dtmf.Sender
}

// Tick implements pace.Task.
func (p presser) Tick(int) bool {
	l := p.l
	now := l.plane.Now()
	l.out.mu.Lock()
	defer l.out.mu.Unlock()
	if l.out.digit != p.s {
		return false
	}
	n := l.neg.Load()
	e, more := p.s.Next()
	if !more || n == nil || !n.dtmf.OK || !n.sends || !l.out.known {
		l.out.digit = nil
		l.out.ts, l.out.at, l.out.last = p.s.Resume(), now, 0
		l.out.mark = true
		return false
	}
	l.out.seq++
	b := l.out.head(n.dtmf.PT, e.Marker, l.out.seq, e.Timestamp, len(e.Payload))
	copy(b[12:], e.Payload[:])
	l.out.at = now
	l.emit(b, e.Timestamp, now)
	return true
}
