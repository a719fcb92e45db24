package digest

import (
	"strings"
	"testing"
)

// Numbers printed in RFCs. The client side must produce them, and the server side must accept them as computed.

func TestResponseOfRFC2617Section35(t *testing.T) {
	c, err := ReadChallenges([]string{`Digest
                 realm="testrealm@host.com",
                 qop="auth,auth-int",
                 nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093",
                 opaque="5ccc069c403ebaf9f0171e9517f40e41"`})
	if err != nil {
		t.Fatal(err)
	}
	got := c.answer("GET", "/dir/index.html", "Mufasa", "Circle Of Life", nil, 1, "0a4f113b")
	want(t, got, "6629fae49393a05397450978507c4ef1")
	if p, _, _ := Parse(got); p["opaque"] != "5ccc069c403ebaf9f0171e9517f40e41" || p["nc"] != "00000001" || p["qop"] != "auth" {
		t.Errorf("parameters not as in the RFC: %s", got)
	}
	if strings.Contains(got, "algorithm") {
		t.Errorf("algorithm is only echoed when the server sent it: %s", got)
	}
}

func TestResponsesOfRFC7616Section391(t *testing.T) {
	const (
		common = `realm="http-auth@example.org", qop="auth, auth-int", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`
		sha    = `Digest algorithm=SHA-256, ` + common
		md     = `Digest algorithm=MD5, ` + common
		cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
	)
	for name, c := range map[string]struct {
		challenges []string
		response   string
	}{
		"SHA-256":             {[]string{sha}, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
		"MD5":                 {[]string{md}, "8ca523f5e9506fed4657c9700eebdbec"},
		"both, strong first":  {[]string{sha, md}, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
		"both, weak on top":   {[]string{md, sha}, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
		"with another scheme": {[]string{`Basic realm="x"`, md}, "8ca523f5e9506fed4657c9700eebdbec"},
	} {
		t.Run(name, func(t *testing.T) {
			ch, err := ReadChallenges(c.challenges)
			if err != nil {
				t.Fatal(err)
			}
			want(t, ch.answer("GET", "/dir/index.html", "Mufasa", "Circle of Life", nil, 1, cnonce), c.response)
		})
	}
}

// RFC 7616 section 3.9.2 shows SHA-512-256 with a hashed user name. The user hash and response printed there were made with the
// wrong function (RFC errata 4897: SHA-512 cut short instead of SHA-512/256); the values here are the corrected ones, as the
// erratum gives them.
func TestUserHashOfRFC7616Section392(t *testing.T) {
	ch, err := ReadChallenges([]string{`Digest realm="api@example.org", qop="auth", algorithm=SHA-512-256,
       nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", opaque="HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS", charset=UTF-8, userhash=true`})
	if err != nil {
		t.Fatal(err)
	}
	got := ch.answer("GET", "/doe.json", "Jäsøn Doe", "Secret, or not?", nil, 1, "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v")
	p, _, err := Parse(got)
	if err != nil {
		t.Fatal(err)
	}
	if p["username"] != "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b" {
		t.Errorf("user hash %s", p["username"])
	}
	if p["response"] != "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5" {
		t.Errorf("response %s", p["response"])
	}
}

func want(t *testing.T, header, response string) {
	t.Helper()
	p, isDigest, err := Parse(header)
	if err != nil || !isDigest {
		t.Fatalf("own header unreadable: %v: %s", err, header)
	}
	if p["response"] != response {
		t.Errorf("response %s, the RFC has %s", p["response"], response)
	}
}
