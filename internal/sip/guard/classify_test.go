package guard

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func msg(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n\r\n" }

func TestClassify(t *testing.T) {
	const to = "To: <sip:108@cagri.example.az>"
	for name, c := range map[string]struct {
		in   string
		want Class
	}{
		"INVITE":                      {msg("INVITE sip:108@x SIP/2.0", "Via: x", to), Invite},
		"re-INVITE":                   {msg("INVITE sip:108@x SIP/2.0", "Via: x", to+";tag=1"), InCall},
		"tag before other parameters": {msg("INVITE sip:108@x SIP/2.0", to+" ; tag = a;x=y"), InCall},
		"tag after other parameters":  {msg("INVITE sip:108@x SIP/2.0", to+";x=y;TAG=a"), InCall},
		"compact form":                {msg("INVITE sip:108@x SIP/2.0", "f: <sip:a@b>;tag=9", "t: sip:108@x;tag=1"), InCall},
		"blanks before the colon":     {msg("INVITE sip:108@x SIP/2.0", "TO \t: <sip:108@x>;tag=1"), InCall},
		"folded":                      {msg("INVITE sip:108@x SIP/2.0", "To: <sip:108@x>", " ;", "\ttag=1"), InCall},
		"bare line ends":              {"INVITE sip:108@x SIP/2.0\nTo: <sip:108@x>;tag=1\n\n", InCall},
		"From tag only":               {msg("INVITE sip:108@x SIP/2.0", "From: <sip:a@b>;tag=9", to), Invite},
		"tag in the display name":     {msg("INVITE sip:108@x SIP/2.0", `To: "a;tag=1" <sip:108@x>`), Invite},
		"escaped quote in the name":   {msg("INVITE sip:108@x SIP/2.0", `To: "a\";tag=1" <sip:108@x>`), Invite},
		"tag in the URI":              {msg("INVITE sip:108@x SIP/2.0", "To: <sip:108@x;tag=1>"), Invite},
		"tag without value":           {msg("INVITE sip:108@x SIP/2.0", to+";tag="), Invite},
		"tags":                        {msg("INVITE sip:108@x SIP/2.0", to+";tags=1"), Invite},
		"tag in the body":             {msg("INVITE sip:108@x SIP/2.0", "Via: x") + "To: <sip:108@x>;tag=1", Invite},
		"tag in another header":       {msg("INVITE sip:108@x SIP/2.0", to, "Timestamp: 1;tag=1"), Invite},
		"Topic is not To":             {msg("INVITE sip:108@x SIP/2.0", "Tox: <sip:108@x>;tag=1"), Invite},
		"cut short":                   {"INVITE sip:108@x SIP/2.0\r\nTo: <sip:108@x>;ta", Invite},
		"To far behind":               {msg("INVITE sip:108@x SIP/2.0", "X: "+strings.Repeat("x", scanLimit), to+";tag=1"), Invite},
		"REGISTER":                    {msg("REGISTER sip:x SIP/2.0", to), Register},
		"REGISTER with a To tag":      {msg("REGISTER sip:x SIP/2.0", to+";tag=1"), Register},
		"OPTIONS":                     {msg("OPTIONS sip:x SIP/2.0", to), Options},
		"OPTIONS in a call":           {msg("OPTIONS sip:x SIP/2.0", to+";tag=1"), InCall},
		"ACK":                         {msg("ACK sip:x SIP/2.0"), InCall},
		"BYE":                         {msg("BYE sip:x SIP/2.0"), InCall},
		"CANCEL":                      {msg("CANCEL sip:x SIP/2.0", to), InCall},
		"PRACK":                       {msg("PRACK sip:x SIP/2.0"), InCall},
		"UPDATE":                      {msg("UPDATE sip:x SIP/2.0", to+";tag=1"), InCall},
		"SUBSCRIBE":                   {msg("SUBSCRIBE sip:x SIP/2.0", to), Other},
		"a method of RFC 4475":        {"!interesting-Method0123456789_*+`.%indeed'~ sip:x SIP/2.0\r\n", Other},
		"lower case is another":       {"invite sip:x SIP/2.0\r\n", Other},
		"response":                    {msg("SIP/2.0 200 OK"), InCall},
		"response of another version": {msg("SIP/3.0 200 OK"), Junk},
		"response cut":                {"SIP/2.0", Junk},
		"ping":                        {"\r\n\r\n", KeepAlive},
		"pong":                        {"\r\n", KeepAlive},
		"NUL":                         {"\x00", KeepAlive},
		"four NULs":                   {"\x00\x00\x00\x00", KeepAlive},
		"empty":                       {"", KeepAlive},
		"line ends before a request":  {"\r\n\r\nOPTIONS sip:x SIP/2.0\r\n\r\n", Options},
		"line ends without end":       {strings.Repeat("\r\n", 20), Junk},
		"STUN":                        {"\x00\x01\x00\x00\x21\x12\xa4\x42123456789012", Junk},
		"RTP":                         {"\x80\x08\x00\x01", Junk},
		"TLS hello":                   {"\x16\x03\x01\x02\x00\x01", Junk},
		"HTTP is a request like any":  {"GET / HTTP/1.1\r\n", Other},
		"long word":                   {strings.Repeat("A", 200) + " x", Junk},
		"one word":                    {"INVITE", Junk},
		"binary":                      {"\xff\xfe\xfd", Junk},
	} {
		if got := Classify([]byte(c.in)); got != c.want {
			t.Errorf("%s: %v, expected %v", name, got, c.want)
		}
	}
}

// The scanner against a slower reading of the same grammar: unfold, cut the quotes and brackets out, look at the parameters.
func TestToTagEqualsSlowReading(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.SliceOfN(rapid.SampledFrom([]string{
			"<sip:a@b>", "<sip:a@b;tag=1>", `"x;tag=1"`, `"\""`, ";", "tag", "tag=1", "TAG = z", "x=y", " ", "\t", "\r\n ", "\r\n\t", "=", ",", "lr",
		}), 0, 12).Draw(t, "pieces")
		value := strings.Join(pieces, "")
		in := "INVITE sip:a@b SIP/2.0\r\nFrom: <x>;tag=2\r\nTo: " + value + "\r\nCall-ID: 1\r\n\r\n"
		if got, want := hasToTag([]byte(in)), slowTag(value); got != want {
			t.Fatalf("%q: %v, slowly %v", value, got, want)
		}
	})
}

func slowTag(v string) bool {
	v = strings.NewReplacer("\r\n ", "  ", "\r\n\t", "  ").Replace(v)
	var flat strings.Builder
	quoted, bracket := false, false
	for i := 0; i < len(v); i++ {
		switch {
		case quoted && v[i] == '\\':
			i++
		case v[i] == '"':
			quoted = !quoted
		case quoted:
		case v[i] == '<':
			bracket = true
		case v[i] == '>':
			bracket = false
		case !bracket:
			flat.WriteByte(v[i])
			continue
		}
		if !quoted && !bracket || v[i] != '"' {
			flat.WriteByte('Q') // something stood here
		}
	}
	parts := strings.Split(flat.String(), ";")
	for _, p := range parts[1:] {
		name, val, ok := strings.Cut(p, "=")
		val = strings.TrimLeft(val, " \t")
		if ok && strings.EqualFold(strings.Trim(name, " \t"), "tag") && val != "" && val[0] != ',' {
			return true
		}
	}
	return false
}

func FuzzClassify(f *testing.F) {
	f.Add([]byte("INVITE sip:108@x SIP/2.0\r\nTo: \"a\\\"\" <sip:x>;tag=1\r\n\r\n"))
	f.Add([]byte("SIP/2.0 200 OK\r\n"))
	f.Add([]byte("\r\n\r\nINVITE x\nt:x;tag=\n 1"))
	f.Fuzz(func(t *testing.T, p []byte) {
		before := bytes.Clone(p)
		c := Classify(p)
		if c >= classes {
			t.Fatalf("class %d", c)
		}
		if !bytes.Equal(p, before) {
			t.Fatal("the packet was changed")
		}
		if len(p) > scanLimit && Classify(p[:scanLimit]) != c && c != Junk {
			t.Fatal("bytes behind the limit were looked at")
		}
		if (c == Invite || c == Options || c == Register) && !bytes.Contains(p, []byte(strings.ToUpper(c.String()))) {
			t.Fatalf("%v out of nothing", c)
		}
	})
}
