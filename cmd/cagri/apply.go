package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/term"

	"cagri/internal/api/client"
	"cagri/internal/app"
	"cagri/internal/declare"
	"cagri/internal/directory"
)

type applyCmd struct {
	Files  []string `short:"f" name:"file" required:"" help:"File or folder of YAML documents, - for standard input; may be given several times." placeholder:"PATH"`
	DryRun bool     `help:"Only show what would change."`
	Yes    bool     `short:"y" help:"Do not ask."`
	From   string   `help:"Day or moment from which documents hold that do not say; now, if not given." placeholder:"DAY"`
	Reason string   `help:"Why; must be given for what changes the past."`
	Prune  bool     `help:"End what the documents do not name."`
}

// applied is what apply prints as JSON.
type applied struct {
	*declare.Plan
	Applied bool `json:"applied"`
}

// Run shows the difference, asks, and applies. Problems end it with status 2.
func (a applyCmd) Run(e *env) error {
	files, err := a.read()
	if err != nil {
		return err
	}
	q := declare.Request{Files: files, Reason: a.Reason, Prune: a.Prune, By: whoAmI()}
	if a.From != "" {
		if q.From, err = declare.Moment(a.From); err != nil {
			return fmt.Errorf("--from: %w", err)
		}
	}
	return e.desk(func(d desk) error { return a.through(e, d, q) })
}

func (a applyCmd) through(e *env, d desk, q declare.Request) error {
	p, err := d.plan(e.ctx, q)
	if err != nil {
		return err
	}
	if !e.cli.JSON {
		fmt.Print(text(p.Text()))
		tell(os.Stderr, "note", p.Findings)
		tell(os.Stderr, "refused", p.Refused)
	}
	do := p.OK() && !a.DryRun && len(p.Changes) > 0
	if do && !a.Yes {
		if do, err = a.ask(e); err != nil {
			return err
		}
	}
	if do {
		q.Revision = p.Revision
		if p, err = d.apply(e.ctx, q); err != nil {
			return err
		}
	}
	if e.cli.JSON {
		err = printJSON(applied{p, do})
	} else if do {
		fmt.Println("applied")
	}
	if err == nil && !p.OK() {
		return exitStatus(2)
	}
	return err
}

// most problems of one sort that are printed; --json has all.
const mostTold = 50

func tell(w io.Writer, word string, ps directory.Problems) {
	for i, p := range ps {
		if i == mostTold {
			fmt.Fprintf(w, "%s: %d more; --json tells all\n", word, len(ps)-i)
			return
		}
		fmt.Fprintf(w, "%s: %s\n", word, text(p.Error()))
	}
}

func (a applyCmd) ask(e *env) (bool, error) {
	if e.cli.JSON || !term.IsTerminal(int(os.Stdin.Fd())) {
		return false, errors.New("nobody is there to ask: --yes applies, --dry-run only looks")
	}
	fmt.Print("apply? [y/N] ")
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil {
		return false, err
	}
	answer := strings.ToLower(strings.TrimSpace(line))
	return answer == "y" || answer == "yes" || answer == "h" || answer == "hə" || answer == "bəli", nil
}

// read reads files, folders and standard input.
func (a applyCmd) read() ([]declare.File, error) {
	var out []declare.File
	for _, name := range a.Files {
		if name == "-" {
			b, err := io.ReadAll(io.LimitReader(os.Stdin, declare.MaxBytes+1))
			if err != nil {
				return nil, err
			}
			out = append(out, declare.File{Name: "-", Text: string(b)})
			continue
		}
		info, err := os.Stat(name)
		if err != nil {
			return nil, err
		}
		if info.IsDir() {
			list, err := declare.Files(os.DirFS(name), filepath.Clean(name))
			if err != nil {
				return nil, err
			}
			out = append(out, list...)
			continue
		}
		if info.Size() > declare.MaxBytes {
			return nil, fmt.Errorf("%s is larger than %d MiB: apply it in parts", name, declare.MaxBytes>>20)
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		out = append(out, declare.File{Name: name, Text: string(b)})
	}
	return out, nil
}

// whoAmI is the name under which changes are written down.
func whoAmI() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return fmt.Sprintf("uid %d", os.Getuid())
}

// desk is where the directory is kept: a running server, or the database itself.
type desk interface {
	plan(context.Context, declare.Request) (*declare.Plan, error)
	apply(context.Context, declare.Request) (*declare.Plan, error)
	export(context.Context, declare.Selection) ([]declare.File, error)
}

// desk finds the running server, or opens the database when none runs.
func (e *env) desk(use func(desk) error) error {
	c, err := e.server()
	if err == nil {
		// A server that was killed leaves its note behind.
		if err = c.Do(e.ctx, "GET", "/healthz", nil, nil); err == nil {
			return use(far{c})
		}
	}
	if !errors.Is(err, client.ErrNoServer) {
		return err
	}
	cfg, _, err := e.load()
	if err != nil {
		return err
	}
	return app.Directory(e.ctx, cfg, e.log, func(r *declare.Register) error { return use(near{r}) })
}

// near is the database itself.
type near struct{ r *declare.Register }

func (n near) plan(ctx context.Context, q declare.Request) (*declare.Plan, error) {
	return n.r.Plan(ctx, q)
}

func (n near) apply(ctx context.Context, q declare.Request) (*declare.Plan, error) {
	return n.r.Apply(ctx, q)
}

func (n near) export(ctx context.Context, s declare.Selection) ([]declare.File, error) {
	return n.r.Export(ctx, s)
}

// far is a running server.
type far struct{ c *client.Client }

func (f far) send(ctx context.Context, path string, q declare.Request, revision *int64) (*declare.Plan, error) {
	in := map[string]any{"files": q.Files, "reason": q.Reason, "by": q.By, "prune": q.Prune}
	if !q.From.IsZero() {
		in["from"] = q.From.Format(time.RFC3339Nano)
	}
	if revision != nil {
		in["revision"] = *revision
	}
	p := &declare.Plan{}
	return p, f.c.Do(ctx, "POST", path, in, p)
}

func (f far) plan(ctx context.Context, q declare.Request) (*declare.Plan, error) {
	return f.send(ctx, "/v1/directory/plan", q, nil)
}

func (f far) apply(ctx context.Context, q declare.Request) (*declare.Plan, error) {
	return f.send(ctx, "/v1/directory/apply", q, &q.Revision)
}
