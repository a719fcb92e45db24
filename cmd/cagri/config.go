package main

import (
	"encoding/json"
	"fmt"
	"os"
	"text/tabwriter"
)

type configCmd struct{}

// Run prints each effective value with its source.
func (configCmd) Run(e *env) error {
	_, values, err := e.load()
	if err != nil {
		return err
	}
	if e.cli.JSON {
		return printJSON(values)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "KEY\tSOURCE\tVALUE")
	for _, v := range values {
		b, err := json.Marshal(v.Value)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", cell(v.Key), cell(v.Source), cell(string(b)))
	}
	return w.Flush()
}
