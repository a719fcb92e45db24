package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"cagri/examples"
)

type initCmd struct {
	Example string `arg:"" enum:"108" help:"Which: 108 (a shared centre that answers for three bodies)."`
	Dir     string `arg:"" optional:"" help:"Folder to write into; the example's name, if not given." type:"path"`
}

// Run writes the example, with passwords of its own; it never writes over a file.
func (i initCmd) Run(e *env) error {
	dir := i.Dir
	if dir == "" {
		dir = i.Example
	}
	from, err := examples.Named(i.Example)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var written []string
	err = fs.WalkDir(from, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		to := filepath.Join(dir, name)
		f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s is there already and is left as it is: choose another folder", to)
		} else if err != nil {
			return err
		}
		written = append(written, to)
		for bytes.Contains(b, []byte("${random}")) {
			b = bytes.Replace(b, []byte("${random}"), []byte(rand.Text()), 1)
		}
		_, err = f.Write(b)
		return errors.Join(err, f.Close())
	})
	if err != nil {
		return err
	}
	if e.cli.JSON {
		return printJSON(written)
	}
	for _, w := range written {
		fmt.Println(w)
	}
	fmt.Printf("look: cagri apply -f %s --dry-run\n", dir)
	return nil
}
