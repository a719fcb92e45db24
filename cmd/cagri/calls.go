package main

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"cagri/internal/api/client"
	"cagri/internal/store"
)

type callsCmd struct {
	List  callsListCmd  `cmd:"" default:"withargs" help:"Calls, newest first."`
	Show  callsShowCmd  `cmd:"" help:"A call, step by step."`
	Audio callsAudioCmd `cmd:"" help:"Fetch the recording of a call."`
}

type callsListCmd struct {
	Limit   int    `default:"50" help:"At most this many."`
	Number  string `help:"Called or calling number."`
	Agent   string `help:"Agent's id."`
	Queue   string `help:"Queue's id."`
	Outcome string `help:"served, abandoned, unserved, self_served, refused or failed."`
	After   string `help:"Id of the last call of the former page."`
}

func (l callsListCmd) Run(e *env) error {
	c, err := e.server()
	if err != nil {
		return err
	}
	q := url.Values{"limit": {strconv.Itoa(l.Limit)}}
	for k, v := range map[string]string{"number": l.Number, "agent": l.Agent, "queue": l.Queue, "outcome": l.Outcome, "after": l.After} {
		if v != "" {
			q.Set(k, v)
		}
	}
	var out struct {
		Calls []store.Call `json:"calls"`
	}
	if err := c.Do(e.ctx, "GET", "/v1/calls?"+q.Encode(), nil, &out); err != nil {
		return err
	}
	if e.cli.JSON {
		return printJSON(out.Calls)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "CALL\tARRIVED\tFROM\tTO\tQUEUE\tAGENT\tWAIT\tTALK\tOUTCOME\tREASON")
	for _, k := range out.Calls {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", cell(k.ID), k.ArrivedAt.Local().Format("2006-01-02 15:04:05"), cell(k.Calling), cell(k.Called),
			cell(k.Queue), cell(k.Agent), short(k.WaitMS), short(k.TalkMS), cell(k.Outcome), cell(k.Reason))
	}
	return w.Flush()
}

func short(ms int64) string {
	return (time.Duration(ms) * time.Millisecond).Round(100 * time.Millisecond).String()
}

type callsShowCmd struct {
	ID string `arg:"" help:"Call's id."`
}

func (s callsShowCmd) Run(e *env) error {
	c, err := e.server()
	if err != nil {
		return err
	}
	var d store.CallDetail
	if err := c.Do(e.ctx, "GET", "/v1/calls/"+url.PathEscape(s.ID), nil, &d); err != nil {
		return err
	}
	if e.cli.JSON {
		return printJSON(d)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	for _, st := range d.Steps {
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\n", st.Seq, st.At.Local().Format("15:04:05.000"), cell(st.Kind), cell(string(st.Data)))
	}
	return w.Flush()
}

type callsAudioCmd struct {
	ID  string `arg:"" help:"Call's id."`
	Out string `short:"o" help:"File to write; - for standard output." default:"-"`
}

func (a callsAudioCmd) Run(e *env) error {
	if a.Out == "-" && term.IsTerminal(int(os.Stdout.Fd())) {
		return errors.New("sound is nothing for a terminal: name a file with --out, or send it on with a pipe")
	}
	c, err := e.server()
	if err != nil {
		return err
	}
	path := "/v1/calls/" + url.PathEscape(a.ID) + "/audio"
	if a.Out == "-" {
		return c.Do(e.ctx, "GET", path, nil, os.Stdout)
	}
	f := &lateFile{name: a.Out}
	return errors.Join(c.Do(e.ctx, "GET", path, nil, f), f.close())
}

// lateFile is made when the first byte comes: a refusal leaves what was there.
type lateFile struct {
	name string
	f    *os.File
}

func (l *lateFile) Write(p []byte) (n int, err error) {
	if l.f == nil {
		if l.f, err = os.OpenFile(l.name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600); err != nil {
			return 0, err
		}
	}
	return l.f.Write(p)
}

func (l *lateFile) close() error {
	if l.f == nil {
		return nil
	}
	return l.f.Close()
}

// server connects to the running server of the configuration.
func (e *env) server() (*client.Client, error) {
	cfg, _, err := e.load()
	if err != nil {
		return nil, err
	}
	return client.Connect(cfg.Data)
}
