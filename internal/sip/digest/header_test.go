package digest

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParse(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want Params
	}{
		"plain":             {`Digest realm="x", nonce="y"`, Params{"realm": "x", "nonce": "y"}},
		"no blanks":         {`Digest realm="x",nonce="y"`, Params{"realm": "x", "nonce": "y"}},
		"blanks everywhere": {"  digest\t realm = \"x\" ,\r\n nonce=\"y\"  ", Params{"realm": "x", "nonce": "y"}},
		"empty elements":    {`Digest ,realm="x",,nonce="y",`, Params{"realm": "x", "nonce": "y"}},
		"capital names":     {`DIGEST Realm="x", NONCE="y"`, Params{"realm": "x", "nonce": "y"}},
		"bare base64":       {`Digest opaque=a+b/c==, realm=x`, Params{"opaque": "a+b/c==", "realm": "x"}},
		"bare uri":          {`Digest uri=sip:1@x;transport=tcp`, Params{"uri": "sip:1@x;transport=tcp"}},
		"escapes":           {`Digest realm="a\"b\\c"`, Params{"realm": `a"b\c`}},
		"quoted comma":      {`Digest qop="auth,auth-int", a="b"`, Params{"qop": "auth,auth-int", "a": "b"}},
		"utf-8":             {`Digest username="Çağrı"`, Params{"username": "Çağrı"}},
		"nothing":           {`Digest`, Params{}},
		"empty value":       {`Digest opaque=""`, Params{"opaque": ""}},
	} {
		got, isDigest, err := Parse(c.in)
		if err != nil || !isDigest || !maps.Equal(got, c.want) {
			t.Errorf("%s: %v %v %v", name, got, isDigest, err)
		}
	}
	for _, in := range []string{"", "Basic abc", "Digestrealm=x", "Digest,realm=x"} {
		if _, isDigest, err := Parse(in); isDigest || err != nil {
			t.Errorf("%q: %v %v", in, isDigest, err)
		}
	}
}

// Errors name the parameter.
func TestParseErrorsTeach(t *testing.T) {
	for in, say := range map[string]string{
		`Digest realm`:                             "realm has no value",
		`Digest realm=`:                            "realm has an empty value",
		`Digest realm=,x=1`:                        "realm has an empty value",
		`Digest realm="x`:                          "realm is not closed",
		`Digest realm="x\"`:                        "realm is not closed",
		`Digest realm="x\`:                         "realm is not closed",
		`Digest realm="x" nonce="y"`:               "comma is missing after parameter realm",
		`Digest realm="x"y`:                        "comma is missing after parameter realm",
		`Digest realm="x", REALM="y"`:              "realm occurs twice",
		`Digest ="x"`:                              "expected a parameter name",
		"Digest realm=\"a\nb\"":                    "realm holds a control character",
		"Digest realm=\"a\\\nb\"":                  "realm holds a control character",
		"Digest " + strings.Repeat("a", maxHeader): "at most",
		"Digest " + strings.Repeat(",", 10) + manyParams(maxParams+1):               "more than 32 parameters",
		`Digest username*=latin1''x,realm=r,nonce=n,uri=u,response=aa`:              "UTF-8''",
		`Digest username*=UTF-8''%zz,realm=r,nonce=n,uri=u,response=aa`:             "username*",
		`Digest username*=UTF-8''a,userhash=true,realm=r,nonce=n,uri=u,response=aa`: "userhash",
		`Digest realm=r,nonce=n,uri=u,response=aa`:                                  "username is missing",
	} {
		_, _, err := ParseCredentials(in)
		if !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), say) {
			t.Errorf("%.60q: %v, expected %q", in, err, say)
		}
	}
	c, _, err := ParseCredentials(`Digest username*=UTF-8'az'%C3%87a%C4%9Fr%C4%B1,realm=r,nonce=n,uri=u,response=AA`)
	if err != nil || c.Username != "Çağrı" || c.Response != "aa" {
		t.Errorf("%+v %v", c, err)
	}
}

func manyParams(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("a" + strings.Repeat("x", i) + "=1,")
	}
	return b.String()
}

// What quote writes, Parse reads back, except control characters.
func TestQuoteRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		clean := strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f {
				return -1
			}
			return r
		}, s)
		p, ok, err := Parse("Digest realm=" + quote(s))
		if err != nil || !ok || p["realm"] != clean {
			t.Fatalf("%q became %q: %v", s, p["realm"], err)
		}
	})
}

func FuzzParseCredentials(f *testing.F) {
	f.Add(`Digest username="201", realm="r", nonce="n", uri="sip:r", qop=auth, nc=00000001, cnonce="c", response="ab", algorithm=MD5`)
	f.Add(`digest username*=UTF-8''a%20b,realm=r,nonce=n,uri=u,response=aa,userhash=false`)
	f.Add("Digest realm=\"a\\\"b\",\r\n\tnonce=x==,,")
	f.Add(`Basic x`)
	f.Fuzz(func(t *testing.T, in string) {
		c, isDigest, err := ParseCredentials(in)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("error of another kind: %v", err)
			}
			return
		}
		if !isDigest {
			return
		}
		if c.QOP != "" && (c.Count == 0 || c.CNonce == "") {
			t.Fatalf("incomplete: %+v", c)
		}
		if strings.ContainsAny(c.Realm+c.URI+c.Nonce, "\r\n\x00") {
			t.Fatalf("control characters got through: %+v", c)
		}
		s := NewServer(c.Realm, testKey, newClock().now)
		if user, _, _, err := s.Check("INVITE", c.URI, []string{in}, people); err == nil {
			t.Fatalf("let in as %q", user)
		}
	})
}

func FuzzReadChallenges(f *testing.F) {
	f.Add(`Digest realm="r", nonce="n", algorithm=SHA-256, qop="auth,auth-int", stale=true`)
	f.Add(`Digest realm="r", nonce="n", userhash=true, algorithm=MD5-sess, opaque="\\"`)
	f.Fuzz(func(t *testing.T, in string) {
		h, err := Authorize([]string{in}, "REGISTER", "sip:r", "u\"\\", "p", nil, 1)
		if err != nil {
			return
		}
		c, isDigest, err := ParseCredentials(h)
		if err != nil || !isDigest {
			t.Fatalf("our answer is unreadable: %v: %q", err, h)
		}
		ch, _ := ReadChallenges([]string{in})
		if c.Realm != ch.Realm || c.Nonce != ch.Nonce || !ch.UserHash && c.Username != "u\"\\" {
			t.Fatalf("echo differs: %+v, %+v", c, ch)
		}
	})
}
