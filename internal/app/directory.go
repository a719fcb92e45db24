package app

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"cagri/internal/config"
	"cagri/internal/declare"
	"cagri/internal/store"
)

// directory is the register of bodies, numbers, agents and the rest, kept in the
// database. What is applied to it is told by Register.OnApplied.
func (a *App) directory(flow func(string) bool) *declare.Register {
	return declare.NewRegister(a.store, a.cfg.SIP.Realm, flow, time.Now)
}

// Directory gives the register of a server that does not run to use.
func Directory(ctx context.Context, cfg *config.Config, _ *slog.Logger, use func(*declare.Register) error) (err error) {
	s, err := store.Open(ctx, storeConfig(cfg))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return use(declare.NewRegister(s, cfg.SIP.Realm, nil, time.Now))
}
