package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/term"

	"cagri/internal/stage"
)

type demoCmd struct {
	For      time.Duration `default:"60s" help:"How long citizens keep calling."`
	Rate     float64       `default:"0.7" help:"Calls a second, at random moments (Poisson)."`
	Agents   int           `default:"6" help:"Agents with phones, at most 12."`
	Talk     time.Duration `default:"6s" help:"Mean talk."`
	Patience time.Duration `default:"8s" help:"Mean patience of those who lose it."`
	Seed     uint64        `help:"Seed of everything random; 0 takes the clock's."`
	Data     string        `help:"Keep the server's data in this folder." type:"path"`
	Plain    bool          `help:"A line now and then instead of the live board."`
}

// Run plays the demo; the status is not 0 when anything was lost, silent or
// counted wrong.
func (d demoCmd) Run(e *env) error {
	if d.Agents < 1 || d.Agents > stage.CitizenPilots {
		return fmt.Errorf("--agents %d: between 1 and %d, so that each voice can be told apart", d.Agents, stage.CitizenPilots)
	}
	if d.Rate <= 0 || d.Rate > 50 || d.For < time.Second {
		return fmt.Errorf("--rate %g --for %s: a rate above 0 and at most 50 calls a second, for a second or more", d.Rate, d.For)
	}
	if d.Seed == 0 {
		d.Seed = uint64(time.Now().UnixNano())
	}
	ctx, stop := signal.NotifyContext(e.ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	program, err := os.Executable()
	if err != nil {
		return err
	}
	quiet := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))

	phones := stage.Phones(d.Agents)
	house, err := stage.Open(ctx, stage.House{Program: program, Agents: d.Agents, WrapUp: 2 * time.Second, Ring: 6 * time.Second, Dir: d.Data}, phones, quiet)
	if err != nil {
		return err
	}
	sum, err := d.play(ctx, e, house, phones, quiet)
	if cerr := house.Close(); err == nil && cerr != nil {
		sum.Faults = append(sum.Faults, "the server did not stop in order: "+cerr.Error())
	}
	if err != nil {
		return err
	}
	if e.cli.JSON {
		if err := printJSON(sum); err != nil {
			return err
		}
	} else {
		fmt.Printf("\n%s", sum.Text())
	}
	if len(sum.Faults) > 0 {
		fmt.Fprintf(os.Stderr, "seed %d\n", d.Seed)
		return exitStatus(1)
	}
	return nil
}

func (d demoCmd) play(ctx context.Context, e *env, house *stage.Theatre, phones []stage.Phone, log *slog.Logger) (stage.Summary, error) {
	s, err := stage.New(stage.Config{
		Server: house.SIP(), Number: stage.Number, Rate: d.Rate, For: d.For, Phones: phones, Talk: d.Talk, Patience: d.Patience, Seed: d.Seed,
		PortMin: 28000, PortMax: 31999,
	}, log)
	if err != nil {
		return stage.Summary{}, err
	}
	defer s.Stop()
	shown := make(chan struct{})
	watch, done := context.WithCancel(ctx)
	go func() {
		defer close(shown)
		d.show(watch, e, house, s)
	}()
	err = s.Run(ctx)
	done()
	<-shown
	if err != nil {
		return stage.Summary{}, err
	}
	return stage.Check(ctx, house, s.Tally())
}

// show keeps the board up to date until ctx is done.
func (d demoCmd) show(ctx context.Context, e *env, house *stage.Theatre, s *stage.Stage) {
	var out io.Writer = os.Stdout
	ansi := term.IsTerminal(int(os.Stdout.Fd())) && !d.Plain
	every := 500 * time.Millisecond
	if !ansi {
		every = 5 * time.Second
	}
	if e.cli.JSON {
		out = os.Stderr
	}
	began, lastAt, lastCPU := time.Now(), time.Now(), house.CPU()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		var b stage.LiveBoard
		if err := house.Client.Do(ctx, "GET", "/v1/board", nil, &b); err != nil {
			continue
		}
		if !ansi {
			b.Line(out, s.Tally())
			continue
		}
		var sl stage.ServiceLevel
		if calls, err := stage.FetchCalls(ctx, house.Client); err == nil {
			for _, c := range calls {
				if c.Outcome == "served" || c.Outcome == "abandoned" {
					sl.Ended++
					if c.Outcome == "served" && c.WaitMS <= 30_000 {
						sl.Within++
					}
				}
			}
		}
		now, cpu := time.Now(), house.CPU()
		b.Draw(out, true, d.For-time.Since(began), s.Tally(), sl, float64(cpu-lastCPU)/float64(now.Sub(lastAt)))
		lastAt, lastCPU = now, cpu
	}
}
