package sip

// Probe asks the peer whether it is still in the call, for an owner that has heard nothing from it for a while and does not want to
// wait for the session timer. The question is an OPTIONS within the dialog: whatever the peer says to it but 481 and 408 is a sign
// of life, and an answer of 200 costs nobody anything. A peer that does not know the dialog (481), or says nothing, is asked a second
// time by a session refresh, because some take an OPTIONS within a dialog for one they never heard of; what RFC 3261 section 12.2.1.2
// says of the answer to that one ends the call: Ended by Timeout or Transport. While another request that would tell the same is
// under way Probe does nothing.
func (d *Dialog) Probe() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.state != confirmed:
		return ErrState
	case d.probing || d.mine != nil:
		return nil
	}
	d.probing = true
	d.ask(d.leg, "OPTIONS", []string{accepted}, "", nil, func(in *message, err error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.probing = false
		gone := err != nil || in.res.StatusCode == 481 || in.res.StatusCode == 408
		// When something else is open, its outcome will tell, or the next Probe.
		if gone && d.state == confirmed && !d.busy() {
			d.refresh()
		}
	})
	return nil
}
