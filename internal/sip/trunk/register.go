package trunk

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"cagri/internal/sip/digest"
)

// callID makes an identifier that nobody else makes.
func (s *Set) callID() string { return rand.Text() }

// binding is the client side of one registration: one Call-ID with rising CSeq for its whole life (RFC 3261 section 10.2).
type binding struct {
	set     *Set
	trunk   *Trunk
	cfg     Registration
	session *digest.Session
	callID  string
	cseq    uint32
	expires time.Duration // wished for; raised by 423
	fine    bool          // Registered was told and no failure since
	unsure  *Target       // the last REGISTER went here and no answer came: it may have been carried out
}

// keepRegistered is the loop of one registration: register, wait half of what was granted, again; after a failure wait longer
// and longer. When ctx ends it takes the registration back.
func (s *Set) keepRegistered(ctx context.Context, t *Trunk) {
	r := *t.cfg.Registration
	b := &binding{set: s, trunk: t, cfg: r, session: digest.NewSession(r.AuthUser, r.Password), callID: s.callID(), expires: r.Expires}
	fails := 0
	for ctx.Err() == nil {
		granted, target, err := b.register(ctx)
		var pause time.Duration
		if err == nil {
			fails = 0
			b.succeeded(target, granted)
			pause = granted / 2
		} else {
			if ctx.Err() != nil {
				break
			}
			fails++
			b.failed(err, fails)
			pause = b.backOff(fails, err)
		}
		if !sleep(ctx, pause) {
			break
		}
	}
	b.leave(ctx)
}

// refusal is a final response that is not success.
type refusal struct {
	code       int
	reason     string
	retryAfter time.Duration
}

func (r *refusal) Error() string { return fmt.Sprintf("%d %s", r.code, r.reason) }

// backOff doubles the pause with each failure and takes a random part between half and all of it (RFC 5626 section 4.5). A wrong
// password waits the longest pause at once: carriers lock accounts. A Retry-After is the least to wait.
func (b *binding) backOff(fails int, err error) time.Duration {
	d := b.cfg.RetryMax
	if !errors.Is(err, digest.ErrRefused) {
		d = b.cfg.Retry
		for i := 1; i < fails && d < b.cfg.RetryMax; i++ {
			d *= 2
		}
		d = min(d, b.cfg.RetryMax)
	}
	d = time.Duration(float64(d) * (0.5 + b.set.opt.Random()/2))
	if r := (*refusal)(nil); errors.As(err, &r) {
		d = max(d, min(r.retryAfter, 24*time.Hour))
	}
	return d
}

// register tries the trunk's targets in turn until one answers for the carrier.
func (b *binding) register(ctx context.Context) (granted time.Duration, at Target, err error) {
	targets := b.trunk.targets(b.set.opt.Random)
	if len(targets) == 0 {
		return 0, Target{}, errors.New("no target: the carrier's name could not be resolved yet")
	}
	var errs []error
	for _, target := range targets {
		granted, err = b.at(ctx, target, b.expires)
		if err == nil {
			return granted, target, nil
		}
		errs = append(errs, fmt.Errorf("%s;%s: %w", target.Addr, target.Transport, err))
		r := (*refusal)(nil)
		if ctx.Err() != nil || errors.Is(err, digest.ErrRefused) || errors.As(err, &r) && r.code < 500 && r.code != 408 {
			break // the carrier itself said no: its other machines would say the same
		}
	}
	return 0, Target{}, errors.Join(errs...)
}

// attemptTime bounds one REGISTER: Timer F of RFC 3261 is 32 s.
const attemptTime = 32 * time.Second

// at registers at one target: it answers challenges and raises the expiry when told that it is too brief, each within reason.
func (b *binding) at(ctx context.Context, target Target, expires time.Duration) (granted time.Duration, err error) {
	domain := b.cfg.Domain
	uri := Target{Host: domain, Transport: "udp"}.URI("")
	if target.Transport != "udp" {
		uri += ";transport=" + target.Transport
	}
	aor := Target{Host: domain, Transport: "udp"}.URI(b.cfg.User)
	sent := false
	for range 5 { // challenge, stale, too brief, challenge again, and one to spare
		b.cseq++
		m := Message{
			Method: "REGISTER", Target: target, RequestURI: uri, From: aor, To: aor, CallID: b.callID, CSeq: b.cseq,
			Contact: b.cfg.Contact, Expires: int(expires / time.Second),
		}
		m.AuthName, m.AuthValue = b.session.Authorize(m.Method, m.RequestURI, nil)
		sent = m.AuthName != ""
		b.unsure = &target
		reply, err := b.ask(ctx, m)
		if err != nil {
			return 0, err
		}
		b.unsure = nil
		switch {
		case reply.Code/100 == 2:
			b.session.Accepted()
			granted = expires
			if reply.Expires > 0 {
				granted = min(time.Duration(reply.Expires)*time.Second, 24*time.Hour)
			}
			return granted, nil
		case reply.Code == 401 || reply.Code == 407:
			if err := b.session.Challenged(reply.WWWAuthenticate, reply.ProxyAuthenticate, sent); err != nil {
				return 0, err
			}
		case reply.Code == 423 && reply.MinExpires > 0 && expires > 0:
			wish := time.Duration(reply.MinExpires) * time.Second
			if wish <= expires || wish > 24*time.Hour {
				return 0, fmt.Errorf("the carrier calls %v too brief and names %v as the least", expires, wish)
			}
			expires, b.expires = wish, wish
		default:
			return 0, &refusal{reply.Code, reply.Reason, reply.RetryAfter}
		}
	}
	return 0, errors.New("the carrier keeps asking for other credentials or another expiry")
}

func (b *binding) ask(ctx context.Context, m Message) (Reply, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	return b.set.opt.Requester.Do(ctx, m)
}

func (b *binding) succeeded(target Target, granted time.Duration) {
	t := b.trunk
	t.mu.Lock()
	t.registered, t.lastError = &registered{until: b.set.opt.Now().Add(granted), at: target}, nil
	t.mu.Unlock()
	if !b.fine {
		b.fine = true
		b.set.opt.Log.Info("registered with carrier", "trunk", t.cfg.Name, "target", target.Addr, "expires", granted)
		b.set.opt.Observe(Event{Kind: Registered, Trunk: t.cfg.Name, Target: target})
	}
}

// failed keeps what is still valid: a refresh that fails does not end the registration before its time.
func (b *binding) failed(err error, fails int) {
	t := b.trunk
	b.fine = false
	now := b.set.opt.Now()
	t.mu.Lock()
	t.lastError = err
	if t.registered != nil && !t.registered.until.After(now) {
		t.registered = nil
	}
	t.mu.Unlock()
	b.set.opt.Log.Warn("registration with carrier failed", "trunk", t.cfg.Name, "attempt", fails, "err", err)
	if fails == 1 || errors.Is(err, digest.ErrRefused) {
		b.set.opt.Observe(Event{Kind: RegistrationFailed, Trunk: t.cfg.Name, Err: err})
	}
}

// leave takes the registration back, so that the carrier sends no calls to a server that is gone.
func (b *binding) leave(ctx context.Context) {
	t := b.trunk
	t.mu.Lock()
	var at *Target
	if t.registered != nil {
		at = &t.registered.at
	} else {
		at = b.unsure
	}
	t.registered = nil
	t.mu.Unlock()
	if at == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if _, err := b.at(ctx, *at, 0); err != nil {
		b.set.opt.Log.Warn("registration with carrier could not be taken back", "trunk", t.cfg.Name, "err", err)
	}
}
