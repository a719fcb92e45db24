package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"cagri/internal/app"
	"cagri/internal/media"
)

type serveCmd struct{}

// Run serves until a signal: the first lets running calls finish, the second ends
// at once.
func (serveCmd) Run(e *env) error {
	cfg, _, err := e.load()
	if err != nil {
		return err
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(strings.ToUpper(cfg.Log))); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))

	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	signal.Ignore(syscall.SIGHUP) // a closed terminal or a habit must not cut calls
	defer signal.Stop(signals)

	a, err := app.New(cfg, version, log)
	if err != nil {
		return err
	}
	if err := a.Start(e.ctx); err != nil {
		return err
	}
	// Threads that read sound keep a place of the scheduler while there is traffic
	// (docs/adr/0003); everything else gets places of its own.
	if cores := runtime.GOMAXPROCS(0); os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(cores + min(cores, media.MaxPollers))
	}
	run := a.Running()
	if e.cli.JSON {
		if err := printJSON(run); err != nil {
			return err
		}
	} else {
		fmt.Printf("çağrı %s is up\n  SIP   %s\n  HTTP  http://%s (token in %s)\n  data  %s\n", version, strings.Join(run.SIP, "  "), run.HTTP, run.Token, run.Data)
	}

	var failed error
	select {
	case <-signals:
	case failed = <-a.Fatal():
	}
	log.Info("stopping: no new calls; running calls may finish", "wait", cfg.Stop.Wait)
	ctx, cancel := context.WithTimeout(e.ctx, cfg.Stop.Wait)
	go func() {
		<-signals
		log.Info("stopping at once")
		cancel()
	}()
	defer cancel()
	return errors.Join(failed, a.Stop(ctx))
}
