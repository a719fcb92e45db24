package quality

import (
	"encoding/binary"
	"time"
)

// VoIPMetrics is the VoIP metrics block of RFC 3611 §4.7, as a peer measured
// our stream.
type VoIPMetrics struct {
	SSRC         uint32        // the source it is about: ours
	Loss         float64       // share lost in the network since the beginning, 0..1
	Discard      float64       // share discarded by the peer's buffer
	BurstDensity float64       // share lost or discarded within bursts
	GapDensity   float64       // and outside
	Burst        time.Duration // mean length
	Gap          time.Duration
	RoundTrip    time.Duration
	EndSystem    time.Duration // delay within the peer
	SignalLevel  int8          // dBm; 127 = not known
	NoiseLevel   int8          // dBm; 127 = not known
	RERL         uint8         // residual echo return loss, dB; 127 = not known
	Gmin         uint8
	R            uint8   // rating 0..100; 127 = not known
	ExtR         uint8   // of the network beyond; 127 = not known
	MOSLQ        float64 // listening quality 1..5; 0 = not known
	MOSCQ        float64 // conversational quality; 0 = not known
	RXConfig     uint8
	JBNominal    time.Duration
	JBMaximum    time.Duration
	JBAbsMax     time.Duration
}

const (
	blockVoIP = 7
	lenVoIP   = 36 // bytes of the block with its header
)

// takeXR reads the extended report p and keeps its VoIP metrics; other blocks
// are passed over.
func (in *Incoming) takeXR(p []byte) bool {
	for p = p[8:]; len(p) > 0; {
		if len(p) < 4 {
			return false
		}
		size := 4 * (int(binary.BigEndian.Uint16(p[2:])) + 1)
		if size > len(p) {
			return false
		}
		if p[0] == blockVoIP {
			if size != lenVoIP {
				return false // RFC 3611 §4.7: the length is always 8 words
			}
			if len(in.VoIP) < 8 {
				in.VoIP = append(in.VoIP, parseVoIP(p))
			}
		}
		p = p[size:]
	}
	return true
}

func parseVoIP(b []byte) VoIPMetrics {
	ms := func(i int) time.Duration {
		return time.Duration(binary.BigEndian.Uint16(b[i:])) * time.Millisecond
	}
	share := func(i int) float64 { return float64(b[i]) / 256 }
	mos := func(i int) float64 {
		if b[i] < 10 || b[i] > 50 {
			return 0
		}
		return float64(b[i]) / 10
	}
	return VoIPMetrics{
		SSRC: binary.BigEndian.Uint32(b[4:]),
		Loss: share(8), Discard: share(9), BurstDensity: share(10), GapDensity: share(11),
		Burst: ms(12), Gap: ms(14), RoundTrip: ms(16), EndSystem: ms(18),
		SignalLevel: int8(b[20]), NoiseLevel: int8(b[21]), RERL: b[22], Gmin: b[23],
		R: b[24], ExtR: b[25], MOSLQ: mos(26), MOSCQ: mos(27),
		RXConfig: b[28], JBNominal: ms(30), JBMaximum: ms(32), JBAbsMax: ms(34),
	}
}
