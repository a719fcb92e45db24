package quality

import (
	"math"
	"time"
)

// Equipment is what ITU-T G.113 Appendix I says of a codec in the E-model.
type Equipment struct {
	Ie  float64 // equipment impairment without loss
	Bpl float64 // packet-loss robustness
}

// G.711 with the concealment that every current phone has, and without it
// (ITU-T G.113 Appendix I, provisional planning values).
var (
	G711PLC   = Equipment{Ie: 0, Bpl: 25.1}
	G711NoPLC = Equipment{Ie: 0, Bpl: 4.3}
)

// The default parameter values of ITU-T G.107, table 3: loudness and sidetone
// ratings, echo losses, room and circuit noise of an ordinary handset call.
const (
	slr, rlr   = 8.0, 2.0
	stmr, lstr = 15.0, 18.0
	ds         = 3.0
	telr, wepl = 65.0, 110.0
	qdu        = 1.0
	nc, nfor   = -70.0, -64.0
	ps, pr     = 35.0, 35.0
)

// signalToNoise is Ro and simultaneous is Is of G.107 clauses 7.2 and 7.3 for
// the default values; neither depends on the network. noise is No.
var signalToNoise, simultaneous, noise = transmission()

func transmission() (ro, is, no float64) {
	olr := slr + rlr
	db := func(x float64) float64 { return math.Pow(10, x/10) }
	// 7.2: noise of the circuit, of the room at either end, and the floor.
	nos := ps - slr - ds - 100 + 0.004*sq(ps-olr-ds-14)
	pre := pr + 10*math.Log10(1+math.Pow(10, (10-lstr)/10))
	nor := rlr - 121 + pre + 0.008*sq(pre-35)
	nfo := nfor + rlr
	no = 10 * math.Log10(db(nc)+db(nos)+db(nor)+db(nfo))
	ro = 15 - 1.5*(slr+no)
	// 7.3: too loud, sidetone, quantisation.
	xolr := olr + 0.2*(64+no-rlr)
	iolr := 20 * (root(1+math.Pow(xolr/8, 8), 8) - xolr/8)
	stmro := -10 * math.Log10(db(-stmr)+db(-telr)) // one-way delay 0: sidetone proper
	ist := 12*root(1+math.Pow((stmro-13)/6, 8), 8) -
		28*root(1+math.Pow((stmro+1)/19.4, 35), 35) -
		13*root(1+math.Pow((stmro-3)/33, 13), 13) + 29
	q := 37 - 15*math.Log10(qdu)
	g := 1.07 + 0.258*q + 0.0602*q*q
	y := (ro-100)/15 + 46/8.4 - g/9
	z := 46.0/30 - g/40
	iq := 15 * math.Log10(1+math.Pow(10, y)+math.Pow(10, z))
	return ro, iolr + ist + iq, no
}

func sq(x float64) float64      { return x * x }
func root(x, n float64) float64 { return math.Pow(x, 1/n) }

// DelayImpairment is Id of G.107 clause 7.4: talker echo, listener echo and
// absolute delay, for the mouth-to-ear delay oneWay and default echo losses.
func DelayImpairment(oneWay time.Duration) float64 {
	t := max(0, oneWay.Seconds()*1000) // ms; T = Ta, Tr = 2·Ta
	terv := telr - 40*math.Log10((1+t/10)/(1+t/150)) + 6*math.Exp(-0.3*t*t)
	re := 80 + 2.5*(terv-14)
	roe := -1.5 * (noise - rlr)
	half := (roe - re) / 2
	idte := (half + math.Sqrt(half*half+100) - 1) * (1 - math.Exp(-t))

	rle := 10.5 * (wepl + 7) * math.Pow(2*t+1, -0.25)
	half = (signalToNoise - rle) / 2
	idle := half + math.Sqrt(half*half+169)

	var idd float64
	if t > 100 {
		x := math.Log2(t / 100)
		idd = 25 * (root(1+math.Pow(x, 6), 6) - 3*root(1+math.Pow(x/3, 6), 6) + 2)
	}
	return idte + idle + idd
}

// LossImpairment is Ie,eff of G.107 clause 7.5 for a share of lost packets
// (0..1) and the burst ratio: 1 when losses are random, more when they come
// together.
func LossImpairment(loss, burst float64, e Equipment) float64 {
	ppl := 100 * min(1, max(0, loss))
	return e.Ie + (95-e.Ie)*ppl/(ppl/max(1, burst)+e.Bpl)
}

// R is the transmission rating of G.107, 0..100; 93.2 for a flawless call.
func R(loss, burst float64, oneWay time.Duration, e Equipment) float64 {
	r := signalToNoise - simultaneous - DelayImpairment(oneWay) - LossImpairment(loss, burst, e)
	return min(100, max(0, r))
}

// FromR is the mean opinion score for a rating (G.107 Annex B), 1..4.5.
func FromR(r float64) float64 {
	switch {
	case !(r > 0):
		return 1
	case r >= 100:
		return 4.5
	}
	return max(1, 1+0.035*r+7e-6*r*(r-60)*(100-r)) // the polynomial dips below 1 near 0
}

// MOS is the mean opinion score (1..4.5) of a G.711 call with concealment:
// loss 0..1, burst ratio (1 = random), mouth-to-ear delay.
func MOS(loss float64, burst float64, oneWay time.Duration) float64 {
	return FromR(R(loss, burst, oneWay, G711PLC))
}

// add gives a window its verdict; one with hardly any packet has none, because a
// single loss would decide it.
func (v *verdicts) add(w windowState, oneWay time.Duration) {
	if w.expected < leastCall || v.n > 0 && w.expected < leastWindow {
		return
	}
	loss := float64(w.lost) / float64(w.expected)
	burst := 1.0
	if w.runs > 0 {
		// BurstR of G.107: mean length of a run of losses over 1/(1-loss), the
		// mean length if losses were random.
		burst = float64(w.lost) / float64(w.runs) * (1 - loss)
	}
	m := MOS(loss, burst, oneWay)
	if v.n == 0 || m < v.lowest {
		v.lowest = m
	}
	v.n++
	v.last = m
	v.sum += m * float64(w.expected)
	v.weight += float64(w.expected)
}
