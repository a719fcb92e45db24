package ivr

// Machine interprets a flow for one call. It has one owner and is not safe for
// concurrent use.
type Machine struct{ flow *Flow }

// NewMachine is a machine at the beginning of f, waiting for Start.
func NewMachine(f *Flow) *Machine { return &Machine{flow: f} }

// Handle takes one input and says what to do. It never panics, whatever comes in
// whatever order; an input that means nothing now gives no actions.
func (m *Machine) Handle(in Input) []Action { return nil }

// Ended tells whether the flow has come to an End.
func (m *Machine) Ended() bool { return false }
