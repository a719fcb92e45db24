package sip

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"cagri/internal/sip/trunk"
)

// TrunkTargets returns where a call to number through a carrier may be sent, best first; the number is written the carrier's way.
// It is empty for an unknown carrier.
func (u *UA) TrunkTargets(name, number string) []Target {
	t, ok := u.trunks.Trunk(name)
	if !ok {
		return nil
	}
	from := ""
	if r := t.Config().Registration; r != nil {
		from = r.Domain
	}
	var out []Target
	for _, p := range u.trunks.Targets(name) {
		out = append(out, Target{
			URI: p.URI(escapeUser(t.WriteNumber(number))), Network: p.Transport, Addr: p.Addr, Host: p.Host,
			trunk: name, auth: u.accounts[name], from: from,
		})
	}
	return out
}

// carrier is the trunk package's name for a target, to report its health.
func (t Target) carrier() *trunk.Target {
	if t.trunk == "" {
		return nil
	}
	return &trunk.Target{Trunk: t.trunk, Host: t.Host, Addr: t.Addr, Transport: t.Network}
}

// observe passes on what the trunks report about themselves.
func (u *UA) observe(e trunk.Event) {
	switch e.Kind {
	case trunk.TargetDown:
		u.alarm(fmt.Sprintf("trunk %s: %s %s does not answer", e.Trunk, e.Target.Transport, e.Target.Addr), e.Err)
	case trunk.TargetUp:
		u.log.Info("trunk target answers", "trunk", e.Trunk, "addr", e.Target.Addr)
	case trunk.Registered:
		u.log.Info("registered with carrier", "trunk", e.Trunk)
	case trunk.RegistrationFailed:
		u.alarm("trunk "+e.Trunk+": registration failed", e.Err)
	case trunk.ResolveFailed:
		u.alarm("trunk "+e.Trunk+": its names cannot be looked up", e.Err)
	case trunk.NetworksChanged:
		u.guard.SetNetworks(append(u.trunks.Networks(), u.cfg.Limits.Trunks...), u.cfg.Limits.Phones)
	}
}

// requester sends OPTIONS and REGISTER for the trunks.
type requester struct{ u *UA }

// Do implements trunk.Requester.
func (r requester) Do(ctx context.Context, m trunk.Message) (trunk.Reply, error) {
	u := r.u
	l, err := u.linkTo(m.Target.Transport, m.Target.Addr, m.Target.Host)
	if err != nil {
		return trunk.Reply{}, err
	}
	req := request{
		method: m.Method, uri: m.RequestURI, link: l, branch: newBranch(), from: "<" + m.From + ">;tag=" + newTag(), to: "<" + m.To + ">",
		callID: m.CallID, seq: m.CSeq, contact: u.contact(l, m.Contact), headers: []string{allowed},
	}
	if m.Method == "OPTIONS" {
		req.headers = append(req.headers, accepted)
	}
	if m.Expires != trunk.NoExpires {
		req.headers = append(req.headers, fmt.Sprintf("Expires: %d\r\n", m.Expires))
	}
	if m.AuthName != "" {
		req.headers = append(req.headers, m.AuthName+": "+line(m.AuthValue)+"\r\n")
	}
	type outcome struct {
		in  *message
		err error
	}
	got := make(chan outcome, 1)
	tx := u.start(l, req.branch, req.method, u.write(req), nil, func(in *message, err error) {
		if in == nil || in.res.StatusCode >= 200 {
			select {
			case got <- outcome{in, err}:
			default:
			}
		}
	})
	select {
	case <-ctx.Done():
		tx.close()
		return trunk.Reply{}, fmt.Errorf("%s to %s: %w", m.Method, m.Target.Addr, errors.Join(errTimeout, ctx.Err()))
	case o := <-got:
		if o.err != nil {
			return trunk.Reply{}, fmt.Errorf("%s to %s: %w", m.Method, m.Target.Addr, o.err)
		}
		return o.in.trunkReply(req.contact), nil
	}
}

// trunkReply is what the trunks want to know of a response. own is our Contact value.
func (in *message) trunkReply(own string) trunk.Reply {
	rep := trunk.Reply{
		Code: in.res.StatusCode, Reason: in.res.Reason, WWWAuthenticate: in.challenges, ProxyAuthenticate: in.proxyChall,
		Expires: trunk.NoExpires, RetryAfter: time.Duration(max(seconds(in.retryAfter), 0)) * time.Second,
	}
	if n := seconds(in.expires); n >= 0 {
		rep.Expires = int(n)
	}
	me, _ := parseAddress(own)
	mine, _ := parseURI(me.uri)
	for _, c := range in.contacts {
		if !strings.EqualFold(c.Address.User, escapeUser(mine.user)) || len(in.contacts) > 1 && !strings.EqualFold(strings.Trim(c.Address.Host, "[]"), mine.host) {
			continue
		}
		for _, p := range c.Params {
			if n := seconds(strings.Trim(p.V, `" `)); strings.EqualFold(strings.TrimSpace(p.K), "expires") && n >= 0 {
				rep.Expires = int(n)
			}
		}
	}
	if n := seconds(in.minExpires); n > 0 {
		rep.MinExpires = int(n)
	}
	return rep
}
