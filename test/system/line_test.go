package system

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"cagri/internal/media/tone"
)

// line is the sound of one telephone whose signalling is done by sipp: it speaks a
// tone, presses keys by RFC 4733, and keeps everything it hears. It learns where the
// server's sound comes from by its first packet.
type line struct {
	t    *testing.T
	conn *net.UDPConn
	done chan struct{}
	wg   sync.WaitGroup
	// voice is what is said, in a loop; nil: nothing.
	voice []byte

	mu      sync.Mutex // guards everything below
	to      netip.AddrPort
	heard   []byte // A-law in order of arrival
	packets int
	lost    int // holes in the sequence numbers of one source
	back    int // packets whose time is not after that of the one before
	late    time.Duration
	last    time.Time
	ssrc    uint32
	seq     uint16
	ts      uint32
	keys    []byte // waiting to be pressed
}

// newLine opens a telephone line at ip that says a tone of freq (0: silent).
func newLine(t *testing.T, ip string, freq float64) *line {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(ip), Port: rtpPorts(t, 2)})
	if err != nil {
		t.Fatal(err)
	}
	l := &line{t: t, conn: conn, done: make(chan struct{})}
	if freq > 0 {
		l.voice = tone.Sine(freq, time.Second, 0.3)
	}
	l.wg.Add(2)
	go l.listen()
	go l.talk()
	t.Cleanup(l.close)
	return l
}

func (l *line) close() {
	select {
	case <-l.done:
		return
	default:
	}
	close(l.done)
	_ = l.conn.Close()
	l.wg.Wait()
}

func (l *line) port() int { return l.conn.LocalAddr().(*net.UDPAddr).Port }

func (l *line) listen() {
	defer l.wg.Done()
	buf := make([]byte, 2048)
	for {
		n, from, err := l.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		if n < 12 || buf[0]>>6 != 2 {
			continue
		}
		l.mu.Lock()
		seq, ssrc := binary.BigEndian.Uint16(buf[2:]), binary.BigEndian.Uint32(buf[8:])
		now := time.Now()
		if l.packets > 0 && ssrc == l.ssrc {
			if gap := int16(seq - l.seq - 1); gap > 0 {
				l.lost += int(gap)
			}
			if int32(binary.BigEndian.Uint32(buf[4:])-l.ts) <= 0 {
				l.back++
			}
			l.late = max(l.late, now.Sub(l.last))
		}
		l.to, l.ssrc, l.seq, l.last = netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), ssrc, seq, now
		l.ts = binary.BigEndian.Uint32(buf[4:])
		l.packets++
		if buf[1]&0x7f == 8 {
			l.heard = append(l.heard, buf[12:n]...)
		}
		l.mu.Unlock()
	}
}

func (l *line) talk() {
	defer l.wg.Done()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	const frame = 160
	packet := make([]byte, 12, 12+frame)
	packet[0] = 0x80
	binary.BigEndian.PutUint32(packet[8:], uint32(l.port())<<8|7)
	seq, ts, pos := uint16(0), uint32(0), 0
	pressing, step := byte(0), 0 // a key and how many of its packets are sent
	var keyTS uint32
	for {
		select {
		case <-l.done:
			return
		case <-tick.C:
		}
		l.mu.Lock()
		to := l.to
		if pressing == 0 && len(l.keys) > 0 && to.IsValid() {
			pressing, step, keyTS = l.keys[0], 0, ts
			l.keys = l.keys[1:]
		}
		l.mu.Unlock()
		ts += frame
		if !to.IsValid() {
			continue
		}
		p := packet[:12]
		switch {
		case pressing == ' ': // the pause after a key
			if step++; step == 5 {
				pressing = 0
			}
			continue
		case pressing != 0:
			// RFC 4733: one event of 100 ms; the end is said three times.
			event := map[byte]byte{'*': 10, '#': 11}[pressing]
			if pressing >= '0' && pressing <= '9' {
				event = pressing - '0'
			}
			end := byte(0)
			if step >= 5 {
				end = 0x80
			}
			p[1] = 101
			if step == 0 {
				p[1] |= 0x80
			}
			binary.BigEndian.PutUint32(p[4:], keyTS)
			d := uint16(min(step+1, 5) * frame)
			p = append(p, event, end|10, byte(d>>8), byte(d))
			if step++; step == 8 {
				pressing, step = ' ', 0
			}
		case l.voice != nil:
			p[1] = 8
			binary.BigEndian.PutUint32(p[4:], ts)
			p = append(p, l.voice[pos:pos+frame]...)
			pos = (pos + frame) % len(l.voice)
		default:
			continue
		}
		binary.BigEndian.PutUint16(p[2:], seq)
		seq++
		_, _ = l.conn.WriteToUDPAddrPort(p, to)
	}
}

// press presses keys one after the other, by RFC 4733.
func (l *line) press(keys string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keys = append(l.keys, keys...)
}

// count is how many packets came, and how many are missing between them.
func (l *line) count() (packets, lost int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.packets, l.lost
}

// longestGap is the longest time between two packets of one source.
func (l *line) longestGap() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.late
}

// wentBack is how often a packet bore a time not after that of the one before.
func (l *line) wentBack() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.back
}

// tail is the newest sound of length d, or nil.
func (l *line) tail(d time.Duration) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := tone.Samples(d)
	if len(l.heard) < n {
		return nil
	}
	return append([]byte(nil), l.heard[len(l.heard)-n:]...)
}

// hears waits until the line hears freq, at this moment.
func (l *line) hears(freq float64) {
	l.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		if b := l.tail(200 * time.Millisecond); b != nil && tone.RMS(b) > 0.01 && tone.Power(b, freq) > 0.7 {
			return
		}
		if time.Now().After(deadline) {
			n, lost := l.count()
			l.t.Fatalf("the line did not hear %g Hz within %s (%d packets, %d lost; last 200 ms: %s)", freq, patience, n, lost, spectrum(l.tail(200*time.Millisecond)))
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// spectrum names the loudest of the frequencies that these tests use, for messages.
func spectrum(alaw []byte) string {
	if len(alaw) == 0 {
		return "nothing"
	}
	out := fmt.Sprintf("level %.3f", tone.RMS(alaw))
	for hz := 300.0; hz < 3400; hz += 20 {
		if p := tone.Power(alaw, hz); p > 0.3 {
			out += fmt.Sprintf(", %.0f Hz %.2f", hz, p)
		}
	}
	return out
}
