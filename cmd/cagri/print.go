package main

import (
	"encoding/json"
	"os"
)

// printJSON writes v to standard output, indented for people.
func printJSON(v any) error {
	enc := json.NewEncoder(os.Stdout)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
