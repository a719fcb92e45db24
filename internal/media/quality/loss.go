package quality

// gmin is the number of good packets in a row that ends a burst (RFC 3611 §4.7.2,
// recommended value).
const gmin = 16

// clusters sorts losses into bursts and gaps as RFC 3611 §4.7.2 defines them: a
// burst begins and ends with a loss and holds no 16 good packets in a row; a
// single loss with 16 good ones on either side belongs to the gap around it.
// Loss here means lost or too late to be played.
type clusters struct {
	run uint32 // good packets since the last loss

	open bool // a cluster of losses is being built
	span uint32
	lost uint32

	bursts    uint32
	burstSpan uint64 // packets in bursts
	burstLost uint64
	gapLost   uint64
	goodBase  uint64 // good packets outside of clusters, up to run
}

// lose counts n losses in a row.
func (c *clusters) lose(n uint32) {
	if c.open && c.run < gmin {
		c.span += c.run + n
		c.lost += n
	} else {
		c.close()
		c.goodBase += uint64(c.run)
		c.open, c.span, c.lost = true, n, n
	}
	c.run = 0
}

func (c *clusters) close() {
	if !c.open {
		return
	}
	if c.lost == 1 {
		c.gapLost++
	} else {
		c.bursts++
		c.burstSpan += uint64(c.span)
		c.burstLost += uint64(c.lost)
	}
	c.open = false
}

// Bursts tells how losses lie together. Lengths are in packets.
type Bursts struct {
	Count        int     // bursts so far
	BurstDensity float64 // share of packets lost within bursts, 0..1
	GapDensity   float64 // share lost outside of bursts
	MeanBurst    float64 // packets
	MeanGap      float64 // packets
}

func (c clusters) summary() Bursts {
	c.close()
	gap := c.goodBase + uint64(c.run) + c.gapLost
	b := Bursts{Count: int(c.bursts), MeanGap: float64(gap)}
	if c.burstSpan > 0 {
		b.BurstDensity = float64(c.burstLost) / float64(c.burstSpan)
		b.MeanBurst = float64(c.burstSpan) / float64(c.bursts)
		b.MeanGap = float64(gap) / float64(c.bursts+1)
	}
	if gap > 0 {
		b.GapDensity = float64(c.gapLost) / float64(gap)
	}
	return b
}
