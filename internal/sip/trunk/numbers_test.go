package trunk

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestReadNumbers(t *testing.T) {
	plain := Numbers{}.withDefaults()
	baku := Numbers{Area: "12", Format: FormatNational}.withDefaults()
	coded := Numbers{Format: FormatPlain}.withDefaults()
	asIs := Numbers{Format: FormatAsIs}.withDefaults()
	prefixed := Numbers{In: []Rule{{Prefix: "7777", Strip: 4}, {Prefix: "", Min: 4, Max: 4, Add: "00"}}}.withDefaults()
	for _, c := range []struct {
		n        Numbers
		in, want string
	}{
		{plain, "+994125551234", "+994125551234"},
		{plain, "994125551234", "+994125551234"},
		{plain, "00994125551234", "+994125551234"},
		{plain, "0125551234", "+994125551234"},
		{plain, "125551234", "+994125551234"},
		{plain, "0505551234", "+994505551234"},
		{plain, "0881234567", "+994881234567"}, // toll free
		{plain, "+90 212 555-12-34", "+902125551234"},
		{plain, "00902125551234", "+902125551234"},
		{plain, "(012) 555.12.34", "+994125551234"},
		{plain, "102", "102"}, {plain, "112", "112"}, {plain, "1542", "1542"}, {plain, "195-1", "1951"},
		{plain, "0121658", "0121658"}, // a short number with area code, as regions dial it: nothing we know how to write in E.164
		{plain, "5551234", "5551234"}, // local, and we are not told where
		{plain, "902125551234", "902125551234"},
		{plain, "anonymous", "anonymous"}, {plain, "", ""}, {plain, "*70", "*70"}, {plain, "#", "#"}, {plain, "alice.w", "alice.w"},
		{baku, "5551234", "+994125551234"},
		{baku, "0551234", "0551234"}, // begins with the trunk prefix: not local
		{baku, "555123", "555123"},
		{coded, "902125551234", "+902125551234"},
		{coded, "994125551234", "+994125551234"},
		{coded, "1542", "1542"},
		{asIs, "0125551234", "0125551234"}, {asIs, "+994 12 555 12 34", "+994125551234"},
		{prefixed, "77770125551234", "+994125551234"},
		{prefixed, "1542", "001542"},
		{prefixed, "0125551234", "+994125551234"},
	} {
		if got := c.n.Read(c.in); got != c.want {
			t.Errorf("%q read as %q, expected %q (%+v)", c.in, got, c.want, c.n.Format)
		}
	}
}

func TestWriteNumbers(t *testing.T) {
	e164 := Numbers{}.withDefaults()
	plain := Numbers{Format: FormatPlain}.withDefaults()
	national := Numbers{Format: FormatNational}.withDefaults()
	prefixed := Numbers{Format: FormatNational, Out: []Rule{{Prefix: "0", Min: 10, Max: 10, Add: "9"}, {Prefix: "00", Strip: 2, Add: "810"}}}.withDefaults()
	for _, c := range []struct {
		n        Numbers
		in, want string
	}{
		{e164, "+994125551234", "+994125551234"},
		{plain, "+994125551234", "994125551234"},
		{plain, "+902125551234", "902125551234"},
		{national, "+994125551234", "0125551234"},
		{national, "+902125551234", "00902125551234"},
		{national, "+99412555123", "0099412555123"}, // not of this length at home: say the whole of it
		{national, "102", "102"}, {plain, "1542", "1542"}, {e164, "anonymous", "anonymous"}, {national, "+", "+"},
		{prefixed, "+994125551234", "90125551234"},
		{prefixed, "+902125551234", "810902125551234"},
		{prefixed, "102", "102"},
	} {
		if got := c.n.Write(c.in); got != c.want {
			t.Errorf("%q written as %q, expected %q (%s)", c.in, got, c.want, c.n.Format)
		}
	}
}

// What is written to a carrier and comes back is the same number.
func TestNumbersRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := Numbers{Format: rapid.SampledFrom([]Format{FormatE164, FormatPlain, FormatNational, FormatAsIs}).Draw(t, "format"), Area: rapid.SampledFrom([]string{"", "12", "22"}).Draw(t, "area")}.withDefaults()
		home := rapid.StringMatching(`\+994[1-9][0-9]{8}`)
		abroad := rapid.StringMatching(`\+(7|90|98|995|49)[1-9][0-9]{7,9}`)
		short := rapid.StringMatching(`[1-9][0-9]{2,3}`)
		s := rapid.OneOf(home, short, abroad).Draw(t, "number")
		if n.Format == FormatPlain && strings.HasPrefix(s, "+") && !strings.HasPrefix(s, "+994") && len(s) < 11 {
			t.Skip("a short number abroad looks like a national one without its prefix: ambiguous on such a trunk")
		}
		if got := n.Read(n.Write(s)); got != s {
			t.Fatalf("%s became %s through %s", s, got, n.Write(s))
		}
	})
}

func FuzzNumbers(f *testing.F) {
	for _, s := range []string{"+994125551234", "0125551234", "102", "anonymous", "00", "+", "(012) 555-12-34"} {
		f.Add(s)
	}
	sets := []Numbers{{}, {Format: FormatPlain}, {Format: FormatNational, Area: "12"}, {Format: FormatAsIs}, {In: []Rule{{Min: 3, Strip: 3}}, Out: []Rule{{Prefix: "1", Strip: 1, Add: "+"}}}}
	f.Fuzz(func(t *testing.T, s string) {
		for _, n := range sets {
			n = n.withDefaults()
			if len(n.Read(s)) > len(s)+6 || len(n.Write(s)) > len(s)+3 {
				t.Fatalf("%q grew to %q, %q", s, n.Read(s), n.Write(s))
			}
			if len(n.In) == 0 && n.Read(n.Read(s)) != n.Read(s) {
				t.Fatalf("%q: reading twice differs", s)
			}
		}
	})
}
