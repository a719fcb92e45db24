package quality

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func near(a, b, eps float64) bool { return math.Abs(a-b) <= eps }

// The default values of G.107 must give R = 93.2 and MOS = 4.41, as clause 7.7
// (and the reference implementation of the ITU) states.
func TestFlawlessCall(t *testing.T) {
	r := R(0, 1, 0, G711PLC)
	if !near(r, 93.2, 0.05) {
		t.Errorf("R = %.3f, want 93.2", r)
	}
	if m := FromR(r); !near(m, 4.41, 0.005) {
		t.Errorf("MOS = %.3f, want 4.41", m)
	}
	// Intermediate values, worked out by hand from the formulas with the defaults.
	if !near(signalToNoise, 94.77, 0.01) || !near(simultaneous, 1.41, 0.01) || !near(noise, -61.18, 0.01) {
		t.Errorf("Ro %.3f Is %.3f No %.3f", signalToNoise, simultaneous, noise)
	}
}

// R and MOS at the limits of user satisfaction, ITU-T G.107 Annex B, table B.1
// (two decimals; for R = 80 the table has 4.03 and the polynomial 4.024).
func TestMOSFromR(t *testing.T) {
	for _, tc := range []struct{ r, mos float64 }{
		{90, 4.34}, {80, 4.03}, {70, 3.60}, {60, 3.10}, {50, 2.58},
		{100, 4.5}, {120, 4.5}, {0, 1}, {-5, 1}, {3, 1}, {math.NaN(), 1},
	} {
		if got := FromR(tc.r); !near(got, tc.mos, 0.0075) {
			t.Errorf("R %.0f: MOS %.3f, want %.2f", tc.r, got, tc.mos)
		}
	}
}

// Ie,eff = Ie + (95-Ie)·Ppl/(Ppl/BurstR + Bpl), computed by hand.
func TestLossImpairment(t *testing.T) {
	for _, tc := range []struct {
		loss, burst float64
		e           Equipment
		want        float64
	}{
		{0, 1, G711PLC, 0},
		{0.01, 1, G711PLC, 95 * 1 / (1 + 25.1)},   // 3.64
		{0.05, 1, G711PLC, 95 * 5 / (5 + 25.1)},   // 15.78
		{0.05, 2, G711PLC, 95 * 5 / (2.5 + 25.1)}, // 17.21
		{0.01, 1, G711NoPLC, 95 * 1 / (1 + 4.3)},  // 17.92
		{1, 1, G711PLC, 95 * 100 / (100 + 25.1)},
		{2, 0, G711PLC, 95 * 100 / (100 + 25.1)}, // out of range is cut
		{-1, 1, G711PLC, 0},
		{0.02, 1, Equipment{Ie: 11, Bpl: 19}, 11 + 84*2/(2+19.0)}, // G.729A+VAD figures: 19.0
	} {
		if got := LossImpairment(tc.loss, tc.burst, tc.e); !near(got, tc.want, 1e-9) {
			t.Errorf("%+v: %.3f", tc, got)
		}
	}
}

// Idd alone is 0 up to 100 ms and, from the formula of 7.4 worked out apart:
// Ta 200 ms: X = 1,   25·(2^(1/6) - 3·(1+3^-6)^(1/6) + 2)         = 3.04
// Ta 400 ms: X = 2,   25·(65^(1/6) - 3·(1+(2/3)^6)^(1/6) + 2)     = 24.08
// What remains of Id is echo, which for TELR 65 dB stays small.
func TestDelayImpairment(t *testing.T) {
	id0 := DelayImpairment(0)
	if id0 < 0 || id0 > 0.2 {
		t.Errorf("Id(0) = %.3f", id0)
	}
	idd := func(x float64) float64 {
		return 25 * (math.Pow(1+math.Pow(x, 6), 1.0/6) - 3*math.Pow(1+math.Pow(x/3, 6), 1.0/6) + 2)
	}
	for _, tc := range []struct {
		ms  int
		idd float64
	}{{50, 0}, {100, 0}, {200, 3.04}, {400, 24.08}} {
		got := DelayImpairment(time.Duration(tc.ms) * time.Millisecond)
		if tc.ms > 100 && !near(idd(math.Log2(float64(tc.ms)/100)), tc.idd, 0.05) {
			t.Errorf("the test's own Idd(%d) = %.3f", tc.ms, idd(math.Log2(float64(tc.ms)/100)))
		}
		if echo := got - tc.idd; echo < 0 || echo > 12 {
			t.Errorf("Id(%d ms) = %.2f, of which echo %.2f", tc.ms, got, echo)
		}
	}
}

// Worse never sounds better; the score stays in its range.
func TestMOSIsMonotonic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		loss := rapid.Float64Range(0, 1).Draw(t, "loss")
		burst := rapid.Float64Range(1, 10).Draw(t, "burst")
		delay := time.Duration(rapid.Int64Range(0, int64(2*time.Second)).Draw(t, "delay"))
		m := MOS(loss, burst, delay)
		if !(m >= 1 && m <= 4.5) {
			t.Fatalf("MOS %v", m)
		}
		if m2 := MOS(min(1, loss+rapid.Float64Range(0, 1).Draw(t, "more loss")), burst, delay); m2 > m+1e-9 {
			t.Fatalf("more loss, %v > %v", m2, m)
		}
		if m2 := MOS(loss, burst+rapid.Float64Range(0, 10).Draw(t, "more bursts"), delay); m2 > m+1e-9 {
			t.Fatalf("more bursts, %v > %v", m2, m)
		}
		longer := delay + time.Duration(rapid.Int64Range(int64(10*time.Millisecond), int64(time.Second)).Draw(t, "more delay"))
		if m2 := MOS(loss, burst, longer); m2 > m+0.01 {
			t.Fatalf("more delay, %v > %v", m2, m)
		}
	})
}
