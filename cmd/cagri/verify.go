package main

import (
	"errors"
	"fmt"
	"os"

	"cagri/internal/api/client"
	"cagri/internal/app"
	"cagri/internal/verify"
)

type verifyCmd struct {
	Files bool `help:"Also read every recording and compare its hash." default:"true" negatable:""`
}

// Run asks the running server, or opens the data itself when none runs.
func (v verifyCmd) Run(e *env) error {
	var rep verify.Report
	c, err := e.server()
	if err == nil {
		err = c.Do(e.ctx, "POST", "/v1/verify", map[string]bool{"files": v.Files}, &rep)
	}
	if errors.Is(err, client.ErrNoServer) {
		cfg, _, lerr := e.load()
		if lerr != nil {
			return lerr
		}
		rep, err = app.Verify(e.ctx, cfg, v.Files, e.log)
	}
	if err != nil {
		return err
	}
	if e.cli.JSON {
		err = printJSON(rep)
	} else {
		_, err = fmt.Fprint(os.Stdout, text(rep.Text()))
	}
	if err == nil && !rep.OK() {
		return exitStatus(2)
	}
	return err
}
