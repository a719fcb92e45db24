package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"cagri/internal/declare"
	"cagri/internal/directory"
)

type exportCmd struct {
	At             string   `help:"As it was on this day or at this moment; now, if not given." placeholder:"DAY"`
	History        bool     `help:"Every version with its dates."`
	Kind           []string `help:"Only records of this kind; may be given several times."`
	Body           string   `help:"Only records of this body."`
	Secrets        bool     `help:"With the hashes of phones' passwords: who has them can sign in."`
	Accommodations bool     `help:"With what persons with disabilities need."`
	Out            string   `short:"o" help:"Folder to write a file of each kind into; standard output, if not given." type:"path"`
}

// Run writes documents that apply to no change.
func (x exportCmd) Run(e *env) error {
	s := declare.Selection{History: x.History, Body: x.Body, Secrets: x.Secrets, Accommodations: x.Accommodations}
	var err error
	if x.At != "" {
		if s.At, err = declare.Moment(x.At); err != nil {
			return fmt.Errorf("--at: %w", err)
		}
	}
	for _, k := range x.Kind {
		if directory.New(directory.Kind(k), "") == nil {
			return fmt.Errorf("--kind: there is no kind %q; known: %v", k, directory.Kinds())
		}
		s.Kinds = append(s.Kinds, directory.Kind(k))
	}
	return e.desk(func(d desk) error {
		files, err := d.export(e.ctx, s)
		switch {
		case err != nil:
			return err
		case e.cli.JSON:
			return printJSON(files)
		case x.Out == "":
			_, err = fmt.Print(declare.Text(files))
			return err
		}
		if err := os.MkdirAll(x.Out, 0o700); err != nil {
			return err
		}
		for _, f := range files {
			if err := os.WriteFile(filepath.Join(x.Out, f.Name), []byte(f.Text), 0o600); err != nil {
				return err
			}
		}
		fmt.Printf("%d files in %s\n", len(files), x.Out)
		return nil
	})
}

func (f far) export(ctx context.Context, s declare.Selection) ([]declare.File, error) {
	q := url.Values{}
	for name, on := range map[string]bool{"history": s.History, "secrets": s.Secrets, "accommodations": s.Accommodations} {
		if on {
			q.Set(name, "true")
		}
	}
	if !s.At.IsZero() {
		q.Set("at", s.At.Format(time.RFC3339Nano))
	}
	if s.Body != "" {
		q.Set("body", s.Body)
	}
	for i, k := range s.Kinds {
		if i == 0 {
			q.Set("kinds", string(k))
		} else {
			q.Set("kinds", q.Get("kinds")+","+string(k)) // a list in one value, as the API wants it
		}
	}
	var out struct {
		Files []declare.File `json:"files"`
	}
	err := f.c.Do(ctx, "GET", "/v1/directory/export?"+q.Encode(), nil, &out)
	return out.Files, err
}
