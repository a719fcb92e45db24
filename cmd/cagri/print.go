package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// printJSON writes v to standard output, indented for people. What a terminal might
// obey is written as JSON escapes, which mean the same to programs.
func printJSON(v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := os.Stdout.Write(tameJSON(b.Bytes()))
	return err
}

// tameJSON escapes what does not print. Outside of strings JSON is ASCII that prints,
// apart from line feeds.
func tameJSON(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		switch {
		case r == '\n', strconv.IsPrint(r) && !(r == utf8.RuneError && n == 1):
			out = append(out, b[:n]...)
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, hi, lo)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		b = b[n:]
	}
	return out
}

// cell makes a value fit for a table on a terminal. Numbers and names come from
// whoever calls: what could move the cursor, change the order of letters or break the
// line is written out instead of obeyed.
func cell(s string) string { return tame(s, "") }

// text is cell for text of several lines.
func text(s string) string { return tame(s, "\n\t") }

func tame(s, keep string) string {
	clean := true
	for _, r := range s {
		clean = clean && r != utf8.RuneError && (strconv.IsPrint(r) || strings.ContainsRune(keep, r))
	}
	if clean {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1, r < 0x80 && !strconv.IsPrint(r) && !strings.ContainsRune(keep, r):
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case strconv.IsPrint(r), strings.ContainsRune(keep, r):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		s = s[n:]
	}
	return b.String()
}
