package main

import (
	"fmt"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"cagri/internal/call"
)

type agentsCmd struct {
	List agentsListCmd `cmd:"" default:"1" help:"Agents and what they are doing now."`
	Set  agentsSetCmd  `cmd:"" help:"Sign an agent in or out, pause, make ready, end wrap-up."`
}

type agentsListCmd struct{}

func (agentsListCmd) Run(e *env) error {
	c, err := e.server()
	if err != nil {
		return err
	}
	var out struct {
		Agents []call.AgentView `json:"agents"`
	}
	if err := c.Do(e.ctx, "GET", "/v1/agents", nil, &out); err != nil {
		return err
	}
	if e.cli.JSON {
		return printJSON(out.Agents)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "AGENT\tNAME\tPHONE\tSTATE\tFOR\tREASON\tCALL\tQUEUES")
	for _, a := range out.Agents {
		since := ""
		if !a.Since.IsZero() {
			since = time.Since(a.Since).Round(time.Second).String()
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", cell(a.ID), cell(a.Name), cell(a.Phone), cell(a.State), since, cell(a.Reason), cell(a.Call), cell(strings.Join(a.Queues, ",")))
	}
	return w.Flush()
}

type agentsSetCmd struct {
	Agent  string `arg:"" help:"Agent's id."`
	Action string `arg:"" enum:"sign_in,ready,pause,end_wrap_up,sign_out" help:"sign_in, ready, pause, end_wrap_up or sign_out."`
	Reason string `help:"Why, for a pause."`
}

func (a agentsSetCmd) Run(e *env) error {
	c, err := e.server()
	if err != nil {
		return err
	}
	return c.Do(e.ctx, "POST", "/v1/agents/"+url.PathEscape(a.Agent)+"/state", map[string]string{"action": a.Action, "reason": a.Reason}, nil)
}
