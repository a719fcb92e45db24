package mix

import (
	"fmt"

	"cagri/internal/media/g711"
)

const (
	// MaxFrame is the longest frame in samples: 60 ms at 8 kHz.
	MaxFrame = 480
	// MaxGain bounds a gain; more would only clip.
	MaxGain = 4

	gainBits = 12 // gains are fixed-point numbers with this many binary places
	unity    = 1 << gainBits
)

// Mixer makes, for each of its ports, the sum of what the other ports say, each
// at its own gain. A gain that changes moves evenly over one frame, so that
// switching a voice on or off does not click. Sums saturate.
//
// One goroutine, or one mutex of the owner's, guards a Mixer.
type Mixer struct {
	ports int
	gain  []int32 // gain[from*ports+to]: applied at the end of the last frame
	want  []int32 // the same: to be reached at the end of the next frame
	plain []bool  // per to: all others at unity and itself at 0, nothing moving
	moved bool    // some plain may be out of date

	pcm  [][MaxFrame]int16 // decoded inputs of this frame
	sum  [MaxFrame]int32   // all inputs together
	part [MaxFrame]int32   // one output with its own gains
}

// New makes a mixer in which every port hears all others at gain 1 and not
// itself. It allocates about 1 kB per port, and nothing later.
func New(ports int) *Mixer {
	if ports < 1 {
		panic(fmt.Sprintf("mix: a mixer needs at least one port, not %d", ports))
	}
	m := &Mixer{
		ports: ports,
		gain:  make([]int32, ports*ports),
		want:  make([]int32, ports*ports),
		plain: make([]bool, ports),
		pcm:   make([][MaxFrame]int16, ports),
		moved: true,
	}
	for from := range ports {
		for to := range ports {
			if from != to {
				m.gain[from*ports+to] = unity
			}
		}
	}
	copy(m.want, m.gain)
	return m
}

// Ports gives the number of ports.
func (m *Mixer) Ports() int { return m.ports }

// SetGain sets how loud the port from is heard at the port to: 0 not at all, 1
// as it is, at most MaxGain. Values outside are clamped, NaN is 0. Ports out of
// range are a programmer's error and panic. It takes effect within the next
// frame.
func (m *Mixer) SetGain(from, to int, gain float32) {
	if from < 0 || from >= m.ports || to < 0 || to >= m.ports {
		panic(fmt.Sprintf("mix: no way from port %d to port %d in a mixer of %d", from, to, m.ports))
	}
	if !(gain > 0) { // NaN as well
		gain = 0
	}
	m.want[from*m.ports+to] = int32(min(gain, MaxGain)*unity + 0.5)
	m.moved = true
}

// Gain reports the gain last set, or the default.
func (m *Mixer) Gain(from, to int) float32 {
	return float32(m.want[from*m.ports+to]) / unity
}

// Process mixes one frame. in[i] is what port i says in A-law, nil if it is
// silent; out[i] receives what port i hears, nil if nobody listens there. All
// slices that are not nil have the same length, at most MaxFrame; in and out
// hold one entry per port, and out[i] may be the same memory as in[i].
func (m *Mixer) Process(in, out [][]byte) {
	m.decode(in, out)
	if m.moved {
		m.settle()
	}
	for to, frame := range out {
		if frame == nil {
			continue
		}
		if m.plain[to] {
			m.withoutSelf(frame, in[to] != nil, to)
		} else {
			m.weighted(frame, in, to)
		}
	}
	if m.moved {
		copy(m.gain, m.want)
	}
}

// decode fills pcm and sum.
func (m *Mixer) decode(in, out [][]byte) {
	if len(in) != m.ports || len(out) != m.ports {
		panic(fmt.Sprintf("mix: %d inputs and %d outputs for %d ports", len(in), len(out), m.ports))
	}
	n := -1
	for i := range m.ports {
		for _, frame := range [2][]byte{in[i], out[i]} {
			if frame == nil {
				continue
			}
			if n < 0 {
				n = len(frame)
			}
			if len(frame) != n || n > MaxFrame {
				panic(fmt.Sprintf("mix: port %d has a frame of %d samples, want %d and at most %d", i, len(frame), n, MaxFrame))
			}
		}
	}
	if n < 0 {
		return
	}
	clear(m.sum[:n])
	for i, frame := range in {
		if frame == nil {
			continue
		}
		pcm, sum := m.pcm[i][:len(frame)], m.sum[:len(frame)] // lets the compiler drop bound checks
		for k, b := range frame {
			s := g711.ALawToLinear(b)
			pcm[k] = s
			sum[k] += int32(s)
		}
	}
}

// settle finds the outputs that need no multiplication. moved stays set for one
// more frame while a gain is on its way.
func (m *Mixer) settle() {
	m.moved = false
	for to := range m.ports {
		m.plain[to] = true
		for from := range m.ports {
			i := from*m.ports + to
			if m.gain[i] != m.want[i] {
				m.moved = true
			}
			normal := int32(unity)
			if from == to {
				normal = 0
			}
			if m.gain[i] != normal || m.want[i] != normal {
				m.plain[to] = false
			}
		}
	}
}

// withoutSelf writes the sum of all inputs minus the port's own.
func (m *Mixer) withoutSelf(frame []byte, speaks bool, self int) {
	sum := m.sum[:len(frame)]
	if !speaks {
		for k := range frame {
			frame[k] = encode(sum[k])
		}
		return
	}
	own := m.pcm[self][:len(frame)]
	for k := range frame {
		frame[k] = encode(sum[k] - int32(own[k]))
	}
}

// weighted writes the inputs at their gains.
func (m *Mixer) weighted(frame []byte, in [][]byte, to int) {
	n := len(frame)
	part := m.part[:n]
	clear(part)
	for from := range m.ports {
		g, want := m.gain[from*m.ports+to], m.want[from*m.ports+to]
		if in[from] == nil || g|want == 0 {
			continue
		}
		pcm := m.pcm[from][:n]
		if g == want {
			for k := range part {
				part[k] += int32(pcm[k]) * g >> gainBits
			}
			continue
		}
		for k := range part {
			now := g + (want-g)*int32(k+1)/int32(n)
			part[k] += int32(pcm[k]) * now >> gainBits
		}
	}
	for k := range frame {
		frame[k] = encode(part[k])
	}
}

// encode saturates and gives the A-law byte.
func encode(v int32) byte {
	return g711.LinearToALaw(int16(max(-32768, min(32767, v))))
}
