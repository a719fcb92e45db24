package trunk

import (
	"fmt"
	"strings"
)

// Format is how a carrier writes numbers that are not short.
type Format string

// The formats, shown for Baku 012 555 12 34 and a number abroad.
const (
	FormatE164     Format = "e164"     // +994125551234, +902125551234
	FormatPlain    Format = "plain"    // 994125551234, 902125551234
	FormatNational Format = "national" // 0125551234, 00902125551234
	FormatAsIs     Format = "as-is"    // untouched in both directions
)

// Country is the numbering plan of the country we stand in.
type Country struct {
	Code     string // country calling code
	Trunk    string // what is dialled before a national number
	Abroad   string // what is dialled before a country calling code
	National int    // digits of a national number
}

// Azerbaijan: +994, national numbers of 9 digits, trunk prefix 0, international 00.
func Azerbaijan() Country { return Country{Code: "994", Trunk: "0", Abroad: "00", National: 9} }

// Numbers are the rules by which numbers are rewritten between a carrier and us. Inside, a number is E.164 with '+' (+994125551234)
// or, if it is short (102, 1542) or not a number at all (anonymous), as it came. In: rules, then reading by the plan.
// Out: writing by Format, then rules.
type Numbers struct {
	Country Country // default Azerbaijan
	Format  Format  // default e164
	// Area is the area code, like "12" for Baku, that local numbers lack on this trunk; empty: they are left as they are.
	Area string
	In   []Rule // the first that fits is used
	Out  []Rule
}

// Rule replaces the beginning of a number. It fits if the number begins with Prefix and its length is between Min and Max
// characters (0: any).
type Rule struct {
	Prefix   string
	Min, Max int
	Strip    int    // characters taken away
	Add      string // put in front afterwards
}

type problem struct{ field, what string }

func (n Numbers) withDefaults() Numbers {
	if n.Country == (Country{}) {
		n.Country = Azerbaijan()
	}
	if n.Format == "" {
		n.Format = FormatE164
	}
	return n
}

func (n Numbers) problems() (out []problem) {
	bad := func(field, format string, args ...any) {
		out = append(out, problem{field, fmt.Sprintf(format, args...)})
	}
	c := n.Country
	if !digits(c.Code) || len(c.Code) > 3 || c.Code[0] == '0' {
		bad("country.code", "%q is not a country calling code", c.Code)
	}
	if !digits(c.Trunk) || !digits(c.Abroad) || c.Trunk == c.Abroad {
		bad("country.trunk", "%q and %q (abroad) must be digits and differ", c.Trunk, c.Abroad)
	}
	if c.National < 5 || c.National+len(c.Code) > 15 {
		bad("country.national", "%d digits; E.164 allows 15 with the country code", c.National)
	}
	switch n.Format {
	case FormatE164, FormatPlain, FormatNational, FormatAsIs:
	default:
		bad("format", "%q is not e164, plain, national or as-is", n.Format)
	}
	if n.Area != "" && (!digits(n.Area) || len(n.Area) >= c.National-3) {
		bad("area", "%q is not an area code", n.Area)
	}
	for dir, rules := range map[string][]Rule{"in": n.In, "out": n.Out} {
		for i, r := range rules {
			field := fmt.Sprintf("%s[%d]", dir, i)
			switch {
			case !dialable(r.Prefix):
				bad(field, "prefix %q may hold digits, '+', '*' and '#' only", r.Prefix)
			case !dialable(r.Add):
				bad(field, "add %q may hold digits, '+', '*' and '#' only", r.Add)
			case r.Strip < 0 || r.Strip > max(len(r.Prefix), r.Min):
				bad(field, "strip %d takes away more than prefix or min make sure is there", r.Strip)
			case r.Min < 0 || r.Max < 0 || r.Max != 0 && r.Max < r.Min:
				bad(field, "lengths from %d to %d", r.Min, r.Max)
			}
		}
	}
	return out
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

func dialable(s string) bool { return strings.Trim(s, "0123456789+*#") == "" }

// Read turns a number as the carrier writes it into ours.
func (n Numbers) Read(s string) string {
	s = clean(s)
	s = apply(n.In, s)
	if n.Format == FormatAsIs {
		return s
	}
	c := n.Country
	switch {
	case strings.HasPrefix(s, "+"), !digits(s):
		return s
	case strings.HasPrefix(s, c.Abroad) && len(s) >= len(c.Abroad)+8:
		return "+" + s[len(c.Abroad):]
	case strings.HasPrefix(s, c.Trunk) && len(s) == len(c.Trunk)+c.National:
		return "+" + c.Code + s[len(c.Trunk):]
	case strings.HasPrefix(s, c.Code) && len(s) == len(c.Code)+c.National:
		return "+" + s
	case len(s) == c.National:
		return "+" + c.Code + s
	case n.Area != "" && len(s) == c.National-len(n.Area) && s[0] != '0':
		return "+" + c.Code + n.Area + s
	case n.Format == FormatPlain && len(s) > c.National && s[0] != '0' && len(s) <= 15:
		return "+" + s // this carrier writes every number with its country code
	}
	return s
}

// Write turns one of our numbers into the carrier's way.
func (n Numbers) Write(s string) string {
	s = clean(s)
	if rest, ok := strings.CutPrefix(s, "+"); ok && digits(rest) {
		c := n.Country
		switch n.Format {
		case FormatPlain:
			s = rest
		case FormatNational:
			if national, home := strings.CutPrefix(rest, c.Code); home && len(national) == c.National {
				s = c.Trunk + national
			} else {
				s = c.Abroad + rest
			}
		}
	}
	return apply(n.Out, s)
}

func apply(rules []Rule, s string) string {
	for _, r := range rules {
		if strings.HasPrefix(s, r.Prefix) && len(s) >= r.Min && (r.Max == 0 || len(s) <= r.Max) && len(s) >= r.Strip {
			return r.Add + s[r.Strip:]
		}
	}
	return s
}

// clean takes the visual separators of RFC 3966 section 5.1.1 out of something that is otherwise a number.
func clean(s string) string {
	if strings.Trim(s, "0123456789+*#-.() ") != "" {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch r {
		case '-', '.', '(', ')', ' ':
			return -1
		}
		return r
	}, s)
}
