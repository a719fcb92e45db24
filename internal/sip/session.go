package sip

import (
	"strconv"
	"strings"
	"time"
)

// session is the session timer of one call (RFC 4028). Guarded by the Dialog's mutex.
type session struct {
	interval time.Duration // 0: none agreed
	refresh  bool          // we refresh
	minSE    time.Duration // learnt from 422 or Min-SE
	timer    *time.Timer
	expiry   *time.Timer
	peer     bool // the peer supports the extension
}

func (s *session) stop() {
	if s.timer != nil {
		s.timer.Stop()
	}
	if s.expiry != nil {
		s.expiry.Stop()
	}
}

// sessionExpires reads a Session-Expires value.
func sessionExpires(v string) (interval time.Duration, refresher string) {
	n := seconds(v)
	if n < 0 {
		return 0, ""
	}
	_, params, _ := strings.Cut(v, ";")
	refresher, _ = param(params, "refresher")
	return time.Duration(min(n, 1<<31)) * time.Second, strings.ToLower(refresher)
}

func inSeconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}

// tooShort says whether a request asks for an interval below our minimum from a peer that can be told so (422).
func (u *UA) tooShort(in *message) bool {
	se, _ := sessionExpires(in.sessionExpires)
	return in.sessionExpires != "" && se < u.minSE && in.supported&optTimer != 0
}

func (u *UA) minSEHeader() string { return "Min-SE: " + inSeconds(u.minSE) + "\r\n" }

// respond agrees on a timer for a request of the peer (INVITE or UPDATE) and returns the header lines of the 2xx.
func (s *session) respond(d *Dialog, in *message) string {
	u := d.ua
	se, refresher := sessionExpires(in.sessionExpires)
	s.peer = in.supported&optTimer != 0
	if m := seconds(in.minSE); m > 0 {
		s.minSE = max(s.minSE, time.Duration(m)*time.Second)
	}
	switch {
	case se == 0 && (u.sessionExpires <= 0 || !s.peer):
		s.interval = 0
		return ""
	case se == 0:
		se = max(u.sessionExpires, s.minSE)
	case u.sessionExpires > 0:
		// We may lower the peer's wish, not below its Min-SE nor ours (section 9).
		se = min(se, max(u.sessionExpires, s.minSE, u.minSE))
	}
	se = max(se, u.leastSession())
	switch {
	case !s.peer:
		refresher = "uas" // it was a proxy that asked; only we can do it
	case refresher != "uas":
		refresher = "uac"
	}
	s.interval, s.refresh = se, refresher == "uas"
	h := "Session-Expires: " + inSeconds(se) + ";refresher=" + refresher + "\r\n"
	if refresher == "uac" {
		h += "Require: timer\r\n"
	}
	return h
}

// leastSession is the shortest interval that is carried out, whatever a message says: section 4 allows nothing below 90 s, and a few
// seconds would turn the refreshes into a flood.
func (u *UA) leastSession() time.Duration { return min(u.minSE, 90*time.Second) }

// wish is the interval our INVITE or UPDATE asks for; 0: none.
func (s *session) wish(u *UA, within bool) time.Duration {
	se := u.sessionExpires
	if within && s.interval > 0 {
		se = s.interval
	}
	if se <= 0 {
		return 0
	}
	return max(se, s.minSE, u.minSE)
}

// offer is the header lines of our INVITE or UPDATE.
func (s *session) offer(d *Dialog, within bool) string {
	u, se := d.ua, s.wish(d.ua, within)
	if se <= 0 {
		return ""
	}
	h := "Session-Expires: " + inSeconds(se)
	if within && s.interval > 0 { // keep the roles; "uac" is whoever sends this request
		h += ";refresher=" + map[bool]string{true: "uac", false: "uas"}[s.refresh]
	}
	h += "\r\n"
	if m := max(s.minSE, u.minSE); m > 90*time.Second || m != 90*time.Second {
		h += "Min-SE: " + inSeconds(m) + "\r\n"
	}
	return h
}

// agreed takes the peer's 2xx to our INVITE or UPDATE.
func (s *session) agreed(u *UA, in *message) {
	se, refresher := sessionExpires(in.sessionExpires)
	if se > 0 {
		se = max(se, u.leastSession())
	}
	s.interval = se
	s.refresh = refresher != "uas"
	s.peer = in.require&optTimer != 0 || in.supported&optTimer != 0 || se > 0
}

// tooSmall takes a 422 to a request that asked for an interval and says whether to try again with a longer one. What counts is what
// that request asked for: another target of the call may have taught us the same minimum already.
func (s *session) tooSmall(in *message, asked time.Duration, tries int) bool {
	m := time.Duration(seconds(in.minSE)) * time.Second
	if m <= asked || tries > 3 {
		return false
	}
	s.minSE = max(s.minSE, m)
	s.interval = max(s.interval, m)
	return true
}

// begin starts the timers anew after a 2xx in either direction. An UPDATE may agree on an interval while the call still rings; it runs
// from the answer to the INVITE on (section 4), which begins it again. d.mu is held.
func (s *session) begin(d *Dialog) {
	s.stop()
	if s.interval <= 0 || d.state == early {
		return
	}
	if s.refresh {
		s.timer = time.AfterFunc(s.interval/2, d.refreshSession)
	}
	// Section 10: BYE a little before the end, so that it still finds the dialog alive everywhere.
	left := s.interval - min(32*time.Second, s.interval/3)
	s.expiry = time.AfterFunc(left, d.sessionOver)
}

func (d *Dialog) sessionOver() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.state == over || d.byeDue != nil {
		return
	}
	r := Reason{Protocol: "SIP", Code: 408, Text: "Session timer expired"}
	if d.state == answered {
		return // the wait for the ACK ends it
	}
	d.bye(r)
	d.tell(Ended{By: SessionTimer, Code: 408, Reason: "no session refresh in time"})
}

// refreshSession sends a refresh: UPDATE without SDP when the peer allows it, else a re-INVITE with our last SDP unchanged.
func (d *Dialog) refreshSession() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.state != confirmed {
		return
	}
	if d.busy() {
		d.session.timer = time.AfterFunc(2*d.ua.t1, d.refreshSession)
		return
	}
	d.refresh()
}

// refresh sends the refresh. d.mu is held.
func (d *Dialog) refresh() {
	switch {
	case d.leg.update:
		d.negotiate(&negotiation{method: "UPDATE", refresh: true})
	case len(d.localSDP) > 0:
		d.negotiate(&negotiation{method: "INVITE", refresh: true, sdp: d.localSDP})
	}
}
