package quality

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// walk feeds a pattern: "." good, "x" lost.
func walk(pattern string) Bursts {
	var c clusters
	for _, p := range pattern {
		if p == '.' {
			c.run++
		} else {
			c.lose(1)
		}
	}
	return c.summary()
}

// Patterns judged by the words of RFC 3611 §4.7.2.
func TestBurstsAndGaps(t *testing.T) {
	good := func(n int) string { return strings.Repeat(".", n) }
	for _, tc := range []struct {
		name    string
		pattern string
		want    Bursts
	}{
		{"nothing", "", Bursts{}},
		{"no loss", good(100), Bursts{MeanGap: 100}},
		{"one loss alone belongs to the gap", good(50) + "x" + good(49), Bursts{GapDensity: 0.01, MeanGap: 100}},
		{"two losses 16 good apart are two gap losses", good(40) + "x" + good(16) + "x" + good(42), Bursts{GapDensity: 0.02, MeanGap: 100}},
		{"two losses 15 good apart are a burst", good(40) + "x" + good(15) + "x" + good(43), Bursts{Count: 1, BurstDensity: 2.0 / 17, MeanBurst: 17, MeanGap: 83.0 / 2}},
		{"a run is a burst", good(40) + "xxxx" + good(40), Bursts{Count: 1, BurstDensity: 1, MeanBurst: 4, MeanGap: 40}},
		{"a burst at the very start and end", "xx" + good(20) + "xx", Bursts{Count: 2, BurstDensity: 1, MeanBurst: 2, MeanGap: 20.0 / 3}},
		{"burst, then a lone loss", "x.x" + good(30) + "x" + good(30), Bursts{Count: 1, BurstDensity: 2.0 / 3, MeanBurst: 3, GapDensity: 1.0 / 61, MeanGap: 61.0 / 2}},
	} {
		if got := walk(tc.pattern); got != tc.want {
			t.Errorf("%s: got %+v, want %+v", tc.name, got, tc.want)
		}
	}
}

// All packets are either in bursts or in gaps, and so are all losses.
func TestBurstsAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := []byte(strings.Repeat(".", rapid.IntRange(1, 400).Draw(t, "length")))
		lost := 0
		odds := rapid.IntRange(1, 40).Draw(t, "one in")
		for i := range p {
			if rapid.IntRange(1, odds).Draw(t, "lose") == 1 {
				p[i] = 'x'
				lost++
			}
		}
		b := walk(string(p))
		inBursts := b.MeanBurst * float64(b.Count)
		gap := b.MeanGap
		if b.Count > 0 {
			gap *= float64(b.Count + 1)
		}
		if !near(inBursts+gap, float64(len(p)), 1e-6) {
			t.Fatalf("%s: %v in bursts, %v in gaps of %d", p, inBursts, gap, len(p))
		}
		if !near(inBursts*b.BurstDensity+gap*b.GapDensity, float64(lost), 1e-6) {
			t.Fatalf("%s: %+v do not make %d losses", p, b, lost)
		}
	})
}

// Equal loss sounds worse when it comes in bursts, and the windows know.
func TestBurstLossIsWorseThanRandom(t *testing.T) {
	random, bursty := newStream(1, 1), newStream(1, 1)
	for range 100 {
		for range 4 {
			random.send(24)
			random.skip(1)
		}
		bursty.send(96)
		bursty.skip(4)
	}
	r, b := random.r.Snapshot(), bursty.r.Snapshot()
	if d := int64(r.Lost) - int64(b.Lost); d < -4 || d > 4 || b.MOSAvg >= r.MOSAvg-0.05 {
		t.Errorf("random: %d lost, MOS %.3f; bursts: %d lost, MOS %.3f", r.Lost, r.MOSAvg, b.Lost, b.MOSAvg)
	}
}
