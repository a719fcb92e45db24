package main

import (
	"fmt"

	"cagri/internal/app"
)

type migrateCmd struct {
	To int64 `help:"Version to go to, up or down; -1 for the newest." default:"-1"`
}

// Run migrates the database of the configuration. The server does this by itself
// at its start; going down is for operators who return to an older program.
func (m migrateCmd) Run(e *env) error {
	cfg, _, err := e.load()
	if err != nil {
		return err
	}
	from, to, err := app.Migrate(e.ctx, cfg, m.To, e.log)
	if err != nil {
		return err
	}
	if e.cli.JSON {
		return printJSON(map[string]int64{"from": from, "to": to})
	}
	fmt.Printf("database was at version %d and is now at %d\n", from, to)
	return nil
}
