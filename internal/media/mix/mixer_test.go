package mix

import (
	"testing"

	"cagri/internal/media/g711"
	"pgregory.net/rapid"
)

func frameOf(v int16, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = g711.LinearToALaw(v)
	}
	return b
}

func frames(n, length int) [][]byte {
	f := make([][]byte, n)
	for i := range f {
		f[i] = make([]byte, length)
	}
	return f
}

// exact gives the value that A-law really carries.
func exact(v int16) int32 { return int32(g711.ALawToLinear(g711.LinearToALaw(v))) }

func TestEveryPortHearsTheOthers(t *testing.T) {
	m := New(3)
	in := [][]byte{frameOf(1000, 160), frameOf(2000, 160), frameOf(-500, 160)}
	out := frames(3, 160)
	m.Process(in, out)
	say := []int32{exact(1000), exact(2000), exact(-500)}
	for to := range out {
		want := encode(say[0] + say[1] + say[2] - say[to])
		for k, b := range out[to] {
			if b != want {
				t.Fatalf("port %d sample %d is %d, want %d", to, k, g711.ALawToLinear(b), g711.ALawToLinear(want))
			}
		}
	}
}

func TestTwoPartiesPassUnchanged(t *testing.T) {
	m := New(3) // the third is silent and does not listen
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SliceOfN(rapid.Byte(), 160, 160).Draw(t, "a")
		b := rapid.SliceOfN(rapid.Byte(), 160, 160).Draw(t, "b")
		out := frames(2, 160)
		m.Process([][]byte{a, b, nil}, [][]byte{out[0], out[1], nil})
		if string(out[0]) != string(b) || string(out[1]) != string(a) {
			t.Fatal("a bridge of two through the mixer changed bytes")
		}
	})
}

func TestSilentInputsAndDeafOutputs(t *testing.T) {
	m := New(2)
	out := frames(1, 160)
	m.Process([][]byte{nil, nil}, [][]byte{out[0], nil})
	for _, b := range out[0] {
		if b != g711.ALawSilence {
			t.Fatalf("silence is %#02x", b)
		}
	}
	m.Process([][]byte{nil, nil}, [][]byte{nil, nil}) // nothing at all
}

func TestSumsSaturate(t *testing.T) {
	m := New(4)
	loud := frameOf(30000, 160)
	out := frames(1, 160)
	m.Process([][]byte{nil, loud, loud, loud}, [][]byte{out[0], nil, nil, nil})
	if got := g711.ALawToLinear(out[0][0]); got != 32256 {
		t.Errorf("three loud voices give %d", got)
	}
	low := frameOf(-30000, 160)
	m.Process([][]byte{nil, low, low, low}, [][]byte{out[0], nil, nil, nil})
	if got := g711.ALawToLinear(out[0][0]); got != -32256 {
		t.Errorf("three loud negative voices give %d", got)
	}
	for from := 1; from < 4; from++ {
		m.SetGain(from, 0, MaxGain)
	}
	for range 2 {
		m.Process([][]byte{nil, low, low, low}, [][]byte{out[0], nil, nil, nil})
	}
	if got := g711.ALawToLinear(out[0][159]); got != -32256 {
		t.Errorf("amplified voices give %d", got)
	}
}

// The supervisor's three ways of being there, as gains of ports caller, agent,
// supervisor.
func TestSupervisorModes(t *testing.T) {
	const caller, agent, supervisor = 0, 1, 2
	say := [][]byte{frameOf(1000, 160), frameOf(3000, 160), frameOf(9000, 160)}
	c, a, s := exact(1000), exact(3000), exact(9000)
	for _, mode := range []struct {
		name     string
		toCaller float32
		toAgent  float32
		want     [3]int32
	}{
		{"listen", 0, 0, [3]int32{a, c, c + a}},
		{"whisper", 0, 1, [3]int32{a, c + s, c + a}},
		{"barge", 1, 1, [3]int32{a + s, c + s, c + a}},
	} {
		m := New(3)
		m.SetGain(supervisor, caller, mode.toCaller)
		m.SetGain(supervisor, agent, mode.toAgent)
		out := frames(3, 160)
		m.Process(say, out)
		m.Process(say, out)
		for port, want := range mode.want {
			for _, at := range []int{0, 80, 159} {
				if out[port][at] != encode(want) {
					t.Errorf("%s: port %d hears %d at %d, want %d", mode.name, port, g711.ALawToLinear(out[port][at]), at, want)
				}
			}
		}
	}
}

func TestGainMovesWithoutAStep(t *testing.T) {
	m := New(2)
	say := [][]byte{frameOf(8000, 160), nil}
	out := frames(2, 160)
	m.Process(say, out)
	m.SetGain(0, 1, 0)
	m.Process(say, out)
	before := exact(8000)
	for k, b := range out[1] {
		v := int32(g711.ALawToLinear(b))
		if v > before+8 || before-v > 600 {
			t.Fatalf("sample %d jumps from %d to %d", k, before, v)
		}
		before = v
	}
	if before > 100 {
		t.Errorf("after a frame the voice is still at %d", before)
	}
	m.Process(say, out)
	if out[1][0] != g711.ALawSilence {
		t.Error("a gain of 0 lets something through")
	}
}

func TestGainIsClamped(t *testing.T) {
	m := New(2)
	nan := float32(0)
	nan /= nan
	for set, want := range map[float32]float32{-1: 0, 0.5: 0.5, 100: MaxGain} {
		m.SetGain(0, 1, set)
		if got := m.Gain(0, 1); got != want {
			t.Errorf("gain %v became %v, want %v", set, got, want)
		}
	}
	m.SetGain(0, 1, nan)
	if got := m.Gain(0, 1); got != 0 {
		t.Errorf("NaN became %v", got)
	}
}

func TestMisuseTeaches(t *testing.T) {
	for name, f := range map[string]func(){
		"no ports":       func() { New(0) },
		"port too high":  func() { New(2).SetGain(0, 2, 1) },
		"port too low":   func() { New(2).SetGain(-1, 0, 1) },
		"few inputs":     func() { New(2).Process(frames(1, 160), frames(2, 160)) },
		"uneven frames":  func() { New(2).Process([][]byte{make([]byte, 80), nil}, frames(2, 160)) },
		"frame too long": func() { New(1).Process(frames(1, MaxFrame+1), [][]byte{nil}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

// Whatever the gains and voices, each output is the saturated weighted sum,
// computed here in floating point.
func TestMatrixProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ports := rapid.IntRange(1, 5).Draw(t, "ports")
		length := rapid.SampledFrom([]int{80, 160, 240, 480}).Draw(t, "length")
		m := New(ports)
		for range rapid.IntRange(0, 6).Draw(t, "changes") {
			m.SetGain(rapid.IntRange(0, ports-1).Draw(t, "from"), rapid.IntRange(0, ports-1).Draw(t, "to"),
				rapid.SampledFrom([]float32{0, 0.25, 0.5, 1, 2}).Draw(t, "gain"))
		}
		in := make([][]byte, ports)
		for i := range in {
			if rapid.Bool().Draw(t, "speaks") {
				in[i] = rapid.SliceOfN(rapid.Byte(), length, length).Draw(t, "voice")
			}
		}
		out := frames(ports, length)
		m.Process(in, out) // the gains settle
		m.Process(in, out)
		for to := range out {
			for k, b := range out[to] {
				var sum float64
				for from := range in {
					if in[from] != nil {
						sum += float64(m.Gain(from, to)) * float64(g711.ALawToLinear(in[from][k]))
					}
				}
				sum = max(-32768, min(32767, sum))
				got := float64(g711.ALawToLinear(b))
				if d := got - sum; max(d, -d) > max(16, max(sum, -sum)/31)+float64(ports) {
					t.Fatalf("port %d sample %d: %v, want %v", to, k, got, sum)
				}
			}
		}
	})
}

func TestOutputMayReplaceInput(t *testing.T) {
	m := New(2)
	a, b := frameOf(1000, 160), frameOf(-2000, 160)
	m.Process([][]byte{a, b}, [][]byte{a, b})
	if g711.ALawToLinear(a[0]) != int16(exact(-2000)) || g711.ALawToLinear(b[0]) != int16(exact(1000)) {
		t.Errorf("in place: %d and %d", g711.ALawToLinear(a[0]), g711.ALawToLinear(b[0]))
	}
}

func TestMixerDoesNotAllocate(t *testing.T) {
	m := New(4)
	in := [][]byte{frameOf(1, 160), frameOf(2, 160), frameOf(3, 160), nil}
	out := frames(4, 160)
	i := 0
	if n := testing.AllocsPerRun(200, func() {
		m.SetGain(0, 1, float32(i%3)/2)
		m.Process(in, out)
		i++
	}); n != 0 {
		t.Errorf("%v allocations per frame", n)
	}
}

func BenchmarkThreeParties(b *testing.B) {
	m := New(3)
	in := [][]byte{frameOf(100, 160), frameOf(2000, 160), frameOf(-3000, 160)}
	out := frames(3, 160)
	b.ReportAllocs()
	for b.Loop() {
		m.Process(in, out)
	}
}

func BenchmarkWhisper(b *testing.B) {
	m := New(3)
	m.SetGain(2, 0, 0)
	in := [][]byte{frameOf(100, 160), frameOf(2000, 160), frameOf(-3000, 160)}
	out := frames(3, 160)
	b.ReportAllocs()
	for b.Loop() {
		m.Process(in, out)
	}
}
