package call

import (
	"strings"
	"testing"
)

func TestFeatureCodes(t *testing.T) {
	cases := []struct {
		dialled string
		want    Code
		ok      bool
	}{
		{"*10", Code{Action: SignIn}, true},
		{"*11", Code{Action: Ready}, true},
		{"*12", Code{Action: Pause}, true},
		{"*127", Code{Action: Pause, Reason: "code:7"}, true},
		{"*1207", Code{Action: Pause, Reason: "code:7"}, true},
		{"*13", Code{Action: EndWrapUp}, true},
		{"*19", Code{Action: SignOut}, true},
		{"*", Code{}, true},
		{"*1", Code{}, true},
		{"*99", Code{}, true},
		{"*101", Code{}, true},
		{"*12abc", Code{}, true},
		{"*12+1", Code{}, true},
		{"1001", Code{}, false},
		{"", Code{}, false},
	}
	for _, c := range cases {
		got, ok := ParseCode(c.dialled)
		if got != c.want || ok != c.ok {
			t.Errorf("ParseCode(%q) = %+v, %v; want %+v, %v", c.dialled, got, ok, c.want, c.ok)
		}
	}
}

func FuzzParseCode(f *testing.F) {
	for _, s := range []string{"*10", "*12", "*1299", "*", "108", "*12-1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, ok := ParseCode(s)
		if ok != strings.HasPrefix(s, "*") {
			t.Fatalf("ParseCode(%q): ok %v", s, ok)
		}
		if c.Reason != "" && c.Action != Pause {
			t.Fatalf("ParseCode(%q): a reason without a pause: %+v", s, c)
		}
	})
}
