package sdp

// Offer writes an offer with our audio line; after a first negotiation give it
// Local.After(session), so that the lines of the dialog are repeated. With
// policy SRTPOffer the line is RTP/AVP with a=crypto (RFC 8643), with
// SRTPRequire it is RTP/SAVP. The error is always an ErrLocal.
func Offer(l Local) ([]byte, error) {
	c, err := check(l)
	if err != nil {
		return nil, err
	}
	a := line{
		profile:   c.offeredProfile(),
		codecs:    c.codecs,
		direction: c.Direction,
		ptime:     c.Ptime,
		mux:       c.Mux && muxable(c.codecs...),
		crypto:    c.offeredKeys(),
	}
	if a.ptime == 0 {
		a.ptime = defaultPtime
	}
	d := c.envelope()
	if len(c.Layout.Lines) == 0 {
		d.MediaDescriptions = append(d.MediaDescriptions, c.audioSection(a))
	}
	for i, m := range c.Layout.Lines {
		if i == c.Layout.Audio {
			d.MediaDescriptions = append(d.MediaDescriptions, c.audioSection(a))
		} else {
			d.MediaDescriptions = append(d.MediaDescriptions, refused(m))
		}
	}
	out, err := d.Marshal()
	if err != nil {
		return nil, refuse(ErrLocal, 0, "cannot be written: %v", err)
	}
	return out, nil
}

// offeredProfile keeps feedback (AVPF) when the dialog already has it.
func (l local) offeredProfile() string {
	was := avp
	if len(l.Layout.Lines) > 0 {
		if p, ok := profile(l.Layout.Lines[l.Layout.Audio].Proto); ok {
			was = p
		}
	}
	feedback := was == avpf || was == savpf
	// A line that was agreed as RTP/SAVP stays so as long as keys are allowed.
	if l.SRTP == SRTPRequire || l.SRTP == SRTPOffer && secure(was) {
		if feedback {
			return savpf
		}
		return savp
	}
	if feedback {
		return avpf
	}
	return avp
}

func (l local) offeredKeys() []string {
	if l.SRTP == SRTPOff {
		return nil
	}
	out := make([]string, len(l.Keys))
	for i, k := range l.Keys {
		out[i] = k.attribute(i + 1)
	}
	return out
}

// ReadAnswer reads the peer's answer to Offer(l), with the same l; the answer
// comes in a 2xx or, when we offered late, in the ACK. Errors: ErrMalformed,
// ErrRejected, ErrNoCommonCodec, ErrAddress and the ones of secure media.
func ReadAnswer(l Local, answer []byte) (Session, error) {
	c, err := check(l)
	if err != nil {
		return Session{}, err
	}
	d, err := parse(answer)
	if err != nil {
		return Session{}, err
	}
	at, lines := c.Layout.Audio, max(1, len(c.Layout.Lines))
	if len(d.media) <= at {
		return Session{}, refuse(ErrMalformed, 0, "answer has %d media lines, the offer had %d", len(d.media), lines)
	}
	if len(d.media) != lines {
		d.odd("answer has %d media lines, the offer had %d", len(d.media), lines)
	}
	s := d.media[at]
	if s.head.Media != "audio" {
		return Session{}, refuse(ErrMalformed, s.line, "media line %d of the answer is %.20q, we offered audio there", at+1, s.head.Media)
	}
	if s.port == 0 {
		return Session{}, refuse(ErrRejected, s.line, "port 0")
	}
	prof, ok := profile(s.head.Proto)
	if !ok {
		return Session{}, refuse(ErrMalformed, s.line, "protocol %.30q, we offered %s", s.head.Proto, c.offeredProfile())
	}
	a, err := d.readAudio(s, prof)
	if err != nil {
		return Session{}, err
	}
	if err := c.reach(a); err != nil {
		return Session{}, err
	}
	out := Session{Profile: prof, Mux: a.mux && c.Mux && muxable(c.codecs...)}
	if err := c.answeredFormats(&out, a); err != nil {
		return Session{}, err
	}
	if err := c.answeredKeys(&out, a); err != nil {
		return Session{}, err
	}
	c.flows(&out, d, a)
	if out.Mux {
		out.RemoteRTCP = out.Remote
	}
	out.Layout = c.Layout
	if len(out.Layout.Lines) == 0 {
		out.Layout = Layout{Lines: []MediaLine{{Media: "audio"}}}
	} else {
		out.Layout.Lines = append([]MediaLine(nil), out.Layout.Lines...)
	}
	out.Layout.Lines[out.Layout.Audio] = MediaLine{Media: "audio", Proto: prof, Formats: s.head.Formats}
	return out, nil
}

// answeredFormats matches the answer with our offer. The payload types of the
// answer are the ones to send, those of our offer the ones to expect
// (RFC 3264 §6.1). An answer that lists one of our dynamic types without
// explaining it means ours.
func (l local) answeredFormats(s *Session, a *audio) error {
	for _, pt := range a.unnamed {
		for _, c := range l.codecs {
			if c.PT == pt {
				a.formats = append(a.formats, c)
			}
		}
	}
	found := false
	for _, f := range a.formats {
		if ours, ok := l.codec(f.Name); ok && f.voice() {
			s.Codec, s.RecvPT, found = f, ours.PT, true
			break
		}
	}
	if !found {
		return refuse(ErrNoCommonCodec, a.line, "answer accepts formats %.60q, none of those we offered", a.head.Formats)
	}
	s.DTMF = l.companion(TelephoneEvent, a)
	s.CN = l.companion(ComfortNoise, a)
	return nil
}

func (l local) companion(name string, a *audio) Format {
	ours, ok := l.codec(name)
	if !ok {
		return Format{}
	}
	theirs, ok := a.pick(name)
	if !ok {
		return Format{}
	}
	return Format{PT: theirs.PT, RecvPT: ours.PT, OK: true}
}

// answeredKeys finds the accepted crypto line: it must carry the tag and the
// suite of one we offered (RFC 4568 §5.1.3).
func (l local) answeredKeys(s *Session, a *audio) error {
	if l.SRTP == SRTPOff {
		if secure(a.profile) {
			return refuse(ErrSecureRefused, a.line, "answer is %s, we offered %s", a.profile, l.offeredProfile())
		}
		return nil
	}
	for _, k := range a.crypto {
		if k.tag < 1 || k.tag > len(l.Keys) || l.Keys[k.tag-1].Suite != k.key.Suite {
			continue
		}
		if s.SRTP = match([]crypto{k}, l.Keys[k.tag-1:k.tag]); s.SRTP != nil {
			return nil
		}
	}
	switch {
	case len(a.crypto) > 0 || a.badCrypto != "":
		return refuse(ErrNoCommonSuite, a.line, "answer accepts none of the keys we offered%s", because(a.badCrypto))
	case l.SRTP == SRTPRequire || secure(a.profile) || secure(l.offeredProfile()):
		return refuse(ErrSecureRequired, a.line, "answer has no a=crypto")
	}
	return nil
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return ": " + why
}
