// Command cagri is the whole call centre: the server, its tools and the demo.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/alecthomas/kong"

	"cagri/internal/config"
)

// version is set by the build.
var version = "dev"

// cli is the command line. Every command that prints can print JSON.
type cli struct {
	Config string `short:"c" help:"Configuration file (YAML)." env:"CAGRI_CONFIG" type:"path" placeholder:"FILE"`
	JSON   bool   `help:"Print JSON."`

	Serve    serveCmd   `cmd:"" help:"Run the server. Works without any configuration, on loopback."`
	Demo     demoCmd    `cmd:"" help:"The product on stage: the real server, real SIP citizens and agents, a live board."`
	Calls    callsCmd   `cmd:"" help:"List calls, show one step by step, fetch its sound."`
	Agents   agentsCmd  `cmd:"" help:"Show agents and their states, or change one."`
	Apply    applyCmd   `cmd:"" help:"Make the directory (bodies, numbers, agents …) what YAML files say, after showing the difference."`
	Export   exportCmd  `cmd:"" help:"Write the directory as YAML files, as it is or was on a day."`
	Init     initCmd    `cmd:"" help:"Write a commented example to begin with."`
	Settings configCmd  `cmd:"" name:"config" help:"Print the effective configuration and where each value comes from."`
	Verify   verifyCmd  `cmd:"" help:"Prove from the journal that the database is right and callers were served in order."`
	Migrate  migrateCmd `cmd:"" help:"Bring the database to a version, up or down."`
	Version  versionCmd `cmd:"" help:"Print the version."`
}

// env is what every command gets.
type env struct {
	ctx context.Context
	cli *cli
	log *slog.Logger
}

// load reads the configuration.
func (e *env) load() (*config.Config, []config.Value, error) {
	return config.Load(e.cli.Config, withoutFile(os.Environ()))
}

// withoutFile leaves out the variable that names the file itself.
func withoutFile(environ []string) []string {
	out := make([]string, 0, len(environ))
	for _, v := range environ {
		if len(v) < 13 || v[:13] != "CAGRI_CONFIG=" {
			out = append(out, v)
		}
	}
	return out
}

func main() {
	var c cli
	parser := kong.Must(&c, kong.Name("cagri"), kong.Description("Çağrı: a call centre for state bodies in one binary."), kong.UsageOnError())
	kctx, err := parser.Parse(os.Args[1:])
	parser.FatalIfErrorf(err)
	err = kctx.Run(&env{ctx: context.Background(), cli: &c, log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	var status exitStatus
	switch {
	case err == nil:
	case errors.As(err, &status):
		os.Exit(int(status))
	default:
		fmt.Fprintln(os.Stderr, "cagri:", text(err.Error()))
		os.Exit(1)
	}
}

// exitStatus ends the program with a status after everything has been said.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

type versionCmd struct{}

func (versionCmd) Run(e *env) error {
	if e.cli.JSON {
		return printJSON(map[string]string{"version": version})
	}
	fmt.Println("cagri", version)
	return nil
}
