package digest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	other "github.com/icholy/digest"
)

func TestStrongestChallengeIsChosen(t *testing.T) {
	ch := func(alg, qop string) string {
		v := `Digest realm="c", nonce="n` + alg + qop + `"`
		if alg != "" {
			v += ", algorithm=" + alg
		}
		if qop != "" {
			v += `, qop="` + qop + `"`
		}
		return v
	}
	for name, c := range map[string]struct {
		in   []string
		alg  Algorithm
		qop  string
		fail bool
	}{
		"one":                       {in: []string{ch("MD5", "auth")}, alg: MD5, qop: "auth"},
		"no algorithm is MD5":       {in: []string{ch("", "")}, alg: MD5},
		"SHA-256 over MD5":          {in: []string{ch("MD5", "auth"), ch("SHA-256", "auth")}, alg: SHA256, qop: "auth"},
		"SHA-256 plain over MD5":    {in: []string{ch("MD5", "auth"), ch("SHA-256", "")}, alg: SHA256},
		"with qop over without":     {in: []string{ch("MD5", ""), ch("MD5", "auth")}, alg: MD5, qop: "auth"},
		"auth over auth-int":        {in: []string{ch("MD5", "auth-int,auth")}, alg: MD5, qop: "auth"},
		"auth-int if only that":     {in: []string{ch("MD5", "auth-int")}, alg: MD5, qop: "auth-int"},
		"unknown algorithm skipped": {in: []string{ch("SHA3-512", "auth"), ch("md5", "AUTH")}, alg: MD5, qop: "auth"},
		"unknown qop skipped":       {in: []string{ch("SHA-256", "auth-conf"), ch("MD5", "auth")}, alg: MD5, qop: "auth"},
		"SHA-512-256 over SHA-256":  {in: []string{ch("SHA-256", "auth"), ch("SHA-512-256", "auth")}, alg: SHA512256, qop: "auth"},
		"broken one skipped":        {in: []string{`Digest realm="c`, ch("MD5", "auth")}, alg: MD5, qop: "auth"},
		"nothing":                   {fail: true},
		"only basic":                {in: []string{`Basic realm="c"`}, fail: true},
		"only broken":               {in: []string{`Digest realm="c", nonce`}, fail: true},
		"without nonce":             {in: []string{`Digest realm="c"`}, fail: true},
		"only unknown":              {in: []string{ch("SHA3-512", "auth")}, fail: true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ReadChallenges(c.in)
			if c.fail {
				if !errors.Is(err, ErrNoChallenge) {
					t.Fatalf("%v, %+v", err, got)
				}
				return
			}
			if err != nil || got.alg != c.alg || got.QOP != c.qop {
				t.Errorf("%v: %s %q", err, got.alg, got.QOP)
			}
		})
	}
}

func TestFormsOfTheAnswer(t *testing.T) {
	h := func(s string) string { b := sha256.Sum256([]byte(s)); return hex.EncodeToString(b[:]) }
	for name, c := range map[string]struct {
		challenge string
		response  func(cnonce string) string
		has, not  []string
	}{
		"no qop": {
			`Digest realm="r", nonce="n", algorithm=SHA-256`,
			func(string) string { return h(h("u:r:p") + ":n:" + h("REGISTER:sip:r")) },
			[]string{"algorithm=SHA-256"}, []string{"qop", "nc=", "cnonce"},
		},
		"auth-int covers the body": {
			`Digest realm="r", nonce="n", algorithm=SHA-256, qop="auth-int", opaque=""`,
			func(cn string) string {
				return h(h("u:r:p") + ":n:00000007:" + cn + ":auth-int:" + h("REGISTER:sip:r:"+h("body")))
			},
			[]string{"qop=auth-int", "nc=00000007", `opaque=""`}, nil,
		},
		"session variant": {
			`Digest realm="r", nonce="n", algorithm=sha-256-SESS, qop=auth`,
			func(cn string) string {
				return h(h(h("u:r:p")+":n:"+cn) + ":n:00000007:" + cn + ":auth:" + h("REGISTER:sip:r"))
			},
			[]string{"algorithm=SHA-256-sess"}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Authorize([]string{c.challenge}, "REGISTER", "sip:r", "u", "p", []byte("body"), 7)
			if err != nil {
				t.Fatal(err)
			}
			p, _, err := Parse(got)
			if err != nil {
				t.Fatal(err)
			}
			if p["response"] != c.response(p["cnonce"]) {
				t.Errorf("response of %s", got)
			}
			for _, s := range c.has {
				if !strings.Contains(got, s) {
					t.Errorf("%s is missing in %s", s, got)
				}
			}
			for _, s := range c.not {
				if strings.Contains(got, s) {
					t.Errorf("%s stands in %s", s, got)
				}
			}
		})
	}
}

// An independent implementation must agree on the response.
func TestAnotherServerAgrees(t *testing.T) {
	for _, alg := range []string{"MD5", "SHA-256", "SHA-512-256"} {
		for _, qop := range []string{"auth", "auth-int", ""} {
			v := fmt.Sprintf(`Digest realm="r", nonce="abc", algorithm=%s`, alg)
			if qop != "" {
				v += `, qop="` + qop + `"`
			}
			got, err := Authorize([]string{v}, "INVITE", "sip:1@r", "ü", "p", nil, 3)
			if err != nil {
				t.Fatal(err)
			}
			cred, err := other.ParseCredentials(got)
			if err != nil {
				t.Fatal(err)
			}
			ch, err := other.ParseChallenge(v)
			if err != nil {
				t.Fatal(err)
			}
			theirs, err := other.Digest(ch, other.Options{Method: "INVITE", URI: "sip:1@r", Username: "ü", Password: "p", Count: 3, Cnonce: cred.Cnonce})
			if err != nil {
				t.Fatal(err)
			}
			if theirs.Response != cred.Response {
				t.Errorf("%s %q: %s, they say %s", alg, qop, cred.Response, theirs.Response)
			}
		}
	}
}

func TestSessionCountsAndGivesUp(t *testing.T) {
	s := NewSession("201", "həmişə açıq")
	if name, v := s.Authorize("REGISTER", uri, nil); name != "" || v != "" {
		t.Fatal("credentials before a challenge")
	}
	srv := NewServer(realm, testKey, newClock().now)
	if err := s.Challenged(srv.Challenge(false), nil, false); err != nil {
		t.Fatal(err)
	}
	for i := 1; i <= 3; i++ {
		name, v := s.Authorize("REGISTER", uri, nil)
		if name != "Authorization" || !strings.Contains(v, fmt.Sprintf("nc=%08x", i)) {
			t.Fatalf("request %d: %s %s", i, name, v)
		}
		if _, _, _, err := srv.Check("REGISTER", uri, []string{v}, people); err != nil {
			t.Fatal(err)
		}
	}
	s.Accepted()
	// The nonce expires: one more round, with and without the word stale.
	for _, stale := range []bool{true, false} {
		if err := s.Challenged(srv.Challenge(stale), nil, true); err != nil {
			t.Fatalf("stale=%v: %v", stale, err)
		}
		_, v := s.Authorize("REGISTER", uri, nil)
		if !strings.Contains(v, "nc=00000001") {
			t.Errorf("a new nonce starts at 1: %s", v)
		}
		if _, _, _, err := srv.Check("REGISTER", uri, []string{v}, people); err != nil {
			t.Fatal(err)
		}
		s.Accepted()
	}

	bad := NewSession("201", "wrong")
	if err := bad.Challenged(nil, srv.Challenge(false), false); err != nil {
		t.Fatal(err)
	}
	if name, _ := bad.Authorize("REGISTER", uri, nil); name != "Proxy-Authorization" {
		t.Errorf("after 407: %s", name)
	}
	if err := bad.Challenged(nil, srv.Challenge(false), true); !errors.Is(err, ErrRefused) {
		t.Errorf("second 407: %v", err)
	}
	if name, _ := bad.Authorize("REGISTER", uri, nil); name != "" {
		t.Error("refused credentials are sent again")
	}
	if err := bad.Challenged(nil, nil, false); !errors.Is(err, ErrNoChallenge) {
		t.Errorf("401 without challenge: %v", err)
	}
}
