package sdp

import "errors"

// Answer answers an offer: the first audio line we can use is accepted, every
// other line gets port 0. Of the offered speech codecs the one that stands
// first in Local.Codecs is taken, alone, with the offer's payload type. The
// errors are *Error of any kind but ErrRejected; with several audio lines the
// error is about the first that was tried.
func Answer(l Local, offer []byte) ([]byte, Session, error) {
	c, err := check(l)
	if err != nil {
		return nil, Session{}, err
	}
	d, err := parse(offer)
	if err != nil {
		return nil, Session{}, err
	}
	var first error
	for i, s := range d.media {
		out, sess, err := c.answerLine(d, i, s)
		if err == nil {
			return out, sess, nil
		}
		// A refusal about security or codecs tells more than "no audio".
		if first == nil || errors.Is(first, ErrNoAudio) && !errors.Is(err, ErrNoAudio) {
			first = err
		}
	}
	if first == nil {
		first = refuse(ErrNoAudio, 0, "no media line at all")
	}
	return nil, Session{}, first
}

func (l local) answerLine(d *description, index int, s *section) ([]byte, Session, error) {
	fail := func(err error) ([]byte, Session, error) { return nil, Session{}, err }
	if s.head.Media != "audio" {
		return fail(refuse(ErrNoAudio, s.line, "only audio is spoken here, %.20q is offered", s.head.Media))
	}
	if s.port == 0 {
		return fail(refuse(ErrNoAudio, s.line, "audio is offered with port 0"))
	}
	prof, ok := profile(s.head.Proto)
	if !ok {
		if dtls(s.head.Proto) {
			return fail(refuse(ErrDTLS, s.line, "%.30s needs a DTLS handshake; offer RTP/SAVP with a=crypto, or RTP/AVP", s.head.Proto))
		}
		return fail(refuse(ErrNoAudio, s.line, "protocol %.30q is not plain or secure RTP over UDP", s.head.Proto))
	}
	a, err := d.readAudio(s, prof)
	if err != nil {
		return fail(err)
	}
	if err := l.reach(a); err != nil {
		return fail(err)
	}
	sess := Session{Profile: prof}
	chosen, err := l.chooseFormats(&sess, a)
	if err != nil {
		return fail(err)
	}
	if err := l.chooseKeys(&sess, a); err != nil {
		return fail(err)
	}
	l.flows(&sess, d, a)
	if sess.Mux = a.mux && l.Mux && muxable(chosen...); sess.Mux {
		sess.RemoteRTCP = sess.Remote
	}
	out := line{profile: prof, codecs: chosen, direction: sess.LocalDirection, ptime: sess.Ptime, mux: sess.Mux}
	if sess.SRTP != nil {
		out.crypto = []string{sess.SRTP.Local.attribute(sess.SRTP.Tag)}
	}
	text := l.envelope()
	sess.Layout.Audio = index
	for i, m := range d.media {
		sess.Layout.Lines = append(sess.Layout.Lines, m.head)
		if i == index {
			text.MediaDescriptions = append(text.MediaDescriptions, l.audioSection(out))
		} else {
			text.MediaDescriptions = append(text.MediaDescriptions, refused(m.head))
		}
	}
	b, err := text.Marshal()
	if err != nil {
		return fail(refuse(ErrLocal, 0, "answer cannot be written: %v", err))
	}
	return b, sess, nil
}

// chooseFormats picks speech and its companions; the list is what the answer
// states, with the payload types of the offer.
func (l local) chooseFormats(s *Session, a *audio) ([]Codec, error) {
	var out []Codec
	for _, ours := range l.codecs {
		if !ours.voice() {
			continue
		}
		if theirs, ok := a.pick(ours.Name); ok {
			theirs.Fmtp = ""
			s.Codec, s.RecvPT = theirs, theirs.PT
			out = append(out, theirs)
			break
		}
	}
	if len(out) == 0 {
		return nil, refuse(ErrNoCommonCodec, a.line, "offered are formats %.60q, we speak %s", a.head.Formats, l.speech())
	}
	for _, ours := range l.codecs {
		if ours.voice() {
			continue
		}
		theirs, ok := a.pick(ours.Name)
		if !ok {
			continue
		}
		theirs.Fmtp = ours.Fmtp
		out = append(out, theirs)
		f := Format{PT: theirs.PT, RecvPT: theirs.PT, OK: true}
		if ours.Name == TelephoneEvent {
			s.DTMF = f
		} else {
			s.CN = f
		}
	}
	return out, nil
}

func (l local) speech() string {
	var names string
	for _, c := range l.codecs {
		if c.voice() {
			if names != "" {
				names += ", "
			}
			names += c.Name
		}
	}
	return names
}

// chooseKeys applies the policy to an offered line.
func (l local) chooseKeys(s *Session, a *audio) error {
	if l.SRTP == SRTPOff {
		if secure(a.profile) {
			return refuse(ErrSecureRefused, a.line, "%s is offered, but keys are accepted only where the signalling is encrypted (policy %s)", a.profile, l.SRTP)
		}
		return nil // keys beside RTP/AVP are an offer, not a demand (RFC 8643)
	}
	if s.SRTP = match(a.crypto, l.Keys); s.SRTP != nil {
		return nil
	}
	switch {
	case len(a.crypto) > 0 || a.badCrypto != "":
		if l.SRTP == SRTPOffer && !secure(a.profile) {
			return nil
		}
		return refuse(ErrNoCommonSuite, a.line, "no a=crypto line is usable%s", because(a.badCrypto))
	case secure(a.profile) && a.dtls:
		return refuse(ErrDTLS, a.line, "%s with a=fingerprint and no a=crypto", a.profile)
	case secure(a.profile):
		return refuse(ErrNoCommonSuite, a.line, "%s without a=crypto", a.profile)
	case l.SRTP == SRTPRequire:
		return refuse(ErrSecureRequired, a.line, "%s without a=crypto, our policy is %s", a.profile, l.SRTP)
	}
	return nil
}

func dtls(proto string) bool {
	switch proto {
	case "UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF", "TCP/TLS/RTP/SAVP", "TCP/TLS/RTP/SAVPF", "TCP/DTLS/RTP/SAVP", "TCP/DTLS/RTP/SAVPF":
		return true
	}
	return false
}
