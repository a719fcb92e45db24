package sip

import (
	"context"
	"log/slog"
	"net/netip"
	"time"
)

// UA is the user agent.
type UA struct{}

// Dialog is one call leg.
type Dialog struct{}

func New(cfg Config, h Handler, log *slog.Logger) (*UA, error)                   { return &UA{}, nil }
func (u *UA) Start(ctx context.Context) error                                    { return nil }
func (u *UA) Stop()                                                              {}
func (u *UA) Addrs() []Listen                                                    { return nil }
func (u *UA) Dial(req DialRequest, sink func(Event)) (*Dialog, error)            { return nil, ErrStopped }
func (u *UA) PhoneTargets(user string) []Target                                  { return nil }
func (u *UA) TrunkTargets(name, number string) []Target                          { return nil }
func (u *UA) FindReplaces(r Replaces) *Dialog                                    { return nil }
func (d *Dialog) ID() string                                                     { return "" }
func (d *Dialog) SetSink(func(Event))                                            {}
func (d *Dialog) Ring() error                                                    { return ErrState }
func (d *Dialog) Progress(sdp []byte) error                                      { return ErrState }
func (d *Dialog) Answer(sdp []byte) error                                        { return ErrState }
func (d *Dialog) Reject(code int, reason string, retryAfter time.Duration) error { return ErrState }
func (d *Dialog) End(r Reason) error                                             { return nil }
func (d *Dialog) Reinvite(sdp []byte) error                                      { return ErrState }
func (d *Dialog) AnswerOffer(sdp []byte) error                                   { return ErrState }
func (d *Dialog) RefuseOffer(code int, reason string) error                      { return ErrState }
func (d *Dialog) AcceptRefer() error                                             { return ErrState }
func (d *Dialog) RefuseRefer(code int) error                                     { return ErrState }
func (d *Dialog) NotifyRefer(code int, reason string, final bool) error          { return ErrState }
func (d *Dialog) Peer() netip.AddrPort                                           { return netip.AddrPort{} }
func (d *Dialog) Secure() bool                                                   { return false }

type link struct{}
