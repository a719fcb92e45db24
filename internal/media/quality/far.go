package quality

import "time"

// Far is what the peer reports about the stream we send. The zero value is
// ready; it belongs to one goroutine.
type Far struct {
	Reports     int           // report blocks about us
	Loss        float64       // share lost in the last interval, 0..1
	LossMax     float64       // worst interval
	Lost        int32         // packets lost since the beginning; negative with duplicates
	HighestSeq  uint32        // extended, as the peer saw it
	Jitter      uint32        // timestamp units
	RTT         time.Duration // last
	RTTMin      time.Duration
	RTTMax      time.Duration
	RTTAvg      time.Duration
	CNAME       string
	Bye         bool
	VoIP        *VoIPMetrics // last block about us; nil = none
	measurement int
	sum         time.Duration
}

// Take notes a compound packet that arrived at the short NTP time now (see
// Short). ours is our SSRC: blocks about others are passed over. It tells
// whether a new round-trip time was measured.
func (f *Far) Take(in Incoming, ours uint32, now uint32) (measured bool) {
	if in.CNAME != "" {
		f.CNAME = in.CNAME
	}
	f.Bye = f.Bye || in.Bye
	for i := range in.VoIP {
		if in.VoIP[i].SSRC == ours {
			v := in.VoIP[i]
			f.VoIP = &v
		}
	}
	for _, r := range in.Reports {
		if r.SSRC != ours {
			continue
		}
		f.Reports++
		f.Loss = float64(r.FractionLost) / 256
		f.LossMax = max(f.LossMax, f.Loss)
		f.Lost = int32(r.TotalLost<<8) >> 8
		f.HighestSeq, f.Jitter = r.LastSequenceNumber, r.Jitter
		rtt, ok := RTT(now, r.LastSenderReport, r.Delay)
		if !ok {
			continue
		}
		measured = true
		f.RTT = rtt
		if f.measurement == 0 || rtt < f.RTTMin {
			f.RTTMin = rtt
		}
		f.RTTMax = max(f.RTTMax, rtt)
		f.measurement++
		f.sum += rtt
		f.RTTAvg = f.sum / time.Duration(f.measurement)
	}
	return measured
}
