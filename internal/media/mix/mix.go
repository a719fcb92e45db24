package mix

// Mixer mixes ports.
type Mixer struct{}

// New makes a mixer.
func New(ports int) *Mixer { return &Mixer{} }

// SetGain sets how loud from is heard at to.
func (m *Mixer) SetGain(from, to int, gain float32) {}

// Process mixes one frame.
func (m *Mixer) Process(in, out [][]byte) {}

// Playout is an adaptive jitter buffer; its zero value is ready.
type Playout struct{}

// Put takes one packet.
func (p *Playout) Put(rtpTime, ssrc uint32, alaw []byte) {}

// Next gives one frame.
func (p *Playout) Next(frame []byte) (voiced bool) { return false }
