package digest

import (
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	other "github.com/icholy/digest"
	"pgregory.net/rapid"
)

// clock is a hand-moved clock.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	c.t = c.t.Add(d)
	c.mu.Unlock()
}

const (
	realm = "cagri.example.az"
	uri   = "sip:cagri.example.az"
)

var testKey = []byte("0123456789abcdef0123456789abcdef")

func directory(users map[string]Secret) func(string) (Secret, bool) {
	return func(u string) (Secret, bool) { s, ok := users[u]; return s, ok }
}

var people = directory(map[string]Secret{
	"201": {Password: "həmişə açıq"},
	"202": {HA1MD5: HA1(MD5, "202", realm, "two"), HA1SHA256: HA1(SHA256, "202", realm, "two")},
	"203": {HA1MD5: HA1(MD5, "203", realm, "three")},
	"204": {HA1SHA256: strings.ToUpper(HA1(SHA256, "204", realm, "four"))},
	"205": {},
})

func answer(t testing.TB, challenges []string, method, uri, user, password string, nc uint32) []string {
	t.Helper()
	h, err := Authorize(challenges, method, uri, user, password, nil, nc)
	if err != nil {
		t.Fatal(err)
	}
	return []string{h}
}

func TestChallengesComeStrongestFirstOneValueEach(t *testing.T) {
	s := NewServer(`a "b" \c`, testKey, newClock().now)
	ch := s.Challenge(false)
	if len(ch) != 2 {
		t.Fatalf("%d challenges", len(ch))
	}
	for i, alg := range []string{"SHA-256", "MD5"} {
		p, isDigest, err := Parse(ch[i])
		if err != nil || !isDigest {
			t.Fatal(err)
		}
		if p["algorithm"] != alg || p["qop"] != "auth" || p["realm"] != `a "b" \c` || p["stale"] != "" {
			t.Errorf("challenge %d: %s", i, ch[i])
		}
	}
	if p, _, _ := Parse(s.Challenge(true)[0]); p["stale"] != "true" {
		t.Error("stale is missing")
	}
}

func TestWhoGetsIn(t *testing.T) {
	clk := newClock()
	s := NewServer(realm, testKey, clk.now)
	type offer func([]string) []string
	var (
		both offer = func(ch []string) []string { return ch }
		sha  offer = func(ch []string) []string { return ch[:1] }
		md   offer = func(ch []string) []string { return ch[1:] }
	)
	for name, c := range map[string]struct {
		known          offer
		user, password string
		err            error
	}{
		"password, both offered":               {both, "201", "həmişə açıq", nil},
		"password, old phone":                  {md, "201", "həmişə açıq", nil},
		"stored hash SHA-256":                  {sha, "202", "two", nil},
		"stored hash MD5":                      {md, "202", "two", nil},
		"stored hash in capitals":              {sha, "204", "four", nil},
		"wrong password":                       {both, "201", "hemise aciq", ErrDenied},
		"wrong password against a stored hash": {both, "202", "three", ErrDenied},
		"only MD5 stored, SHA-256 answered":    {sha, "203", "three", ErrDenied},
		"no such user":                         {both, "999", "two", ErrDenied},
		"no such user, empty password":         {both, "999", "", ErrDenied},
		"user without any secret":              {both, "205", "", ErrDenied},
		"empty user":                           {both, "", "", ErrDenied},
	} {
		t.Run(name, func(t *testing.T) {
			user, challenge, stale, err := s.Check("REGISTER", uri, answer(t, c.known(s.Challenge(false)), "REGISTER", uri, c.user, c.password, 1), people)
			if !errors.Is(err, c.err) || stale {
				t.Fatalf("err %v, stale %v", err, stale)
			}
			if c.err == nil && (user != c.user || challenge != nil) {
				t.Errorf("user %q, challenge %v", user, challenge)
			}
			if c.err != nil && (user != "" || len(challenge) != 2) {
				t.Errorf("user %q, challenge %v", user, challenge)
			}
		})
	}
}

// Whether a user exists must not show in the answer, and the directory is asked exactly once in both cases.
func TestUnknownUserLooksLikeWrongPassword(t *testing.T) {
	s := NewServer(realm, testKey, newClock().now)
	seen := map[string]string{}
	for _, user := range []string{"201", "999"} {
		asked := 0
		_, ch, stale, err := s.Check("REGISTER", uri, answer(t, s.Challenge(false), "REGISTER", uri, user, "guess", 1), func(u string) (Secret, bool) {
			asked++
			return people(u)
		})
		for i := range ch {
			p, _, _ := Parse(ch[i])
			ch[i] = strings.Replace(ch[i], p["nonce"], "N", 1)
		}
		seen[user] = fmt.Sprint(ch, stale, err, asked)
	}
	if seen["201"] != seen["999"] {
		t.Errorf("they differ:\n%s\n%s", seen["201"], seen["999"])
	}
}

// The same number of allocations is the sign of the same path that does not depend on how busy the machine is; BenchmarkCheck
// shows the times.
func TestUnknownUserCostsTheSame(t *testing.T) {
	s := NewServer(realm, testKey, newClock().now)
	cost := map[string]float64{}
	for _, user := range []string{"201", "202", "205", "999"} { // password, stored hash, nothing stored, unknown
		h := answer(t, s.Challenge(false), "REGISTER", uri, user, "wrong", 1)
		cost[user] = testing.AllocsPerRun(100, func() { _, _, _, _ = s.Check("REGISTER", uri, h, people) })
	}
	if cost["201"] != cost["999"] || cost["202"] != cost["999"] || cost["205"] != cost["999"] {
		t.Errorf("allocations: %v", cost)
	}
}

func TestWhatIsNotOffered(t *testing.T) {
	s := NewServer(realm, testKey, newClock().now)
	ch, err := ReadChallenges(s.Challenge(false))
	if err != nil {
		t.Fatal(err)
	}
	check := func(name string, c Challenge, user string) {
		h := c.answer("INVITE", "sip:108@cagri.example.az", user, "həmişə açıq", nil, 1, "c")
		if _, ch, _, err := s.Check("INVITE", "sip:108@cagri.example.az", []string{h}, people); !errors.Is(err, ErrDenied) || len(ch) == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := ch
	c.session, c.Algorithm = true, "SHA-256-sess"
	check("session variant", c, "201")
	c = ch
	c.alg, c.Algorithm = SHA512256, "SHA-512-256"
	check("other algorithm", c, "201")
	c = ch
	c.QOP = "auth-int"
	check("auth-int", c, "201")
	c = ch
	c.UserHash = true
	check("userhash", c, "201")

	only := NewServer(realm, testKey, newClock().now, WithAlgorithms(SHA256))
	h := answer(t, s.Challenge(false)[1:], "REGISTER", uri, "201", "həmişə açıq", 1)
	if _, ch, _, err := only.Check("REGISTER", uri, h, people); !errors.Is(err, ErrDenied) || len(ch) != 1 {
		t.Errorf("MD5 although switched off: %v %v", err, ch)
	}
}

func TestMissingCredentials(t *testing.T) {
	s := NewServer(realm, testKey, newClock().now)
	elsewhere := NewServer("elsewhere", testKey, newClock().now)
	for name, auth := range map[string][]string{
		"none":          nil,
		"another realm": answer(t, elsewhere.Challenge(false), "REGISTER", uri, "201", "x", 1),
		"basic":         {"Basic MjAxOng="},
		"empty value":   {""},
	} {
		user, ch, stale, err := s.Check("REGISTER", uri, auth, people)
		if !errors.Is(err, ErrMissing) || stale || user != "" || len(ch) != 2 {
			t.Errorf("%s: %q %v %v %v", name, user, ch, stale, err)
		}
	}
	// Credentials for another hop beside ours (RFC 3261 section 22.3) do not disturb.
	h := append(answer(t, elsewhere.Challenge(false), "REGISTER", uri, "201", "x", 1), answer(t, s.Challenge(false), "REGISTER", uri, "201", "həmişə açıq", 1)...)
	if user, _, _, err := s.Check("REGISTER", uri, h, people); err != nil || user != "201" {
		t.Errorf("two realms: %v", err)
	}
}

func TestMalformedGetsNoChallenge(t *testing.T) {
	s := NewServer(realm, testKey, newClock().now)
	good := answer(t, s.Challenge(false), "REGISTER", uri, "201", "həmişə açıq", 1)[0]
	for name, h := range map[string]string{
		"no response":      strings.Replace(good, "response=", "reply=", 1),
		"nc zero":          strings.Replace(good, "nc=00000001", "nc=00000000", 1),
		"nc not hex":       strings.Replace(good, "nc=00000001", "nc=xyz", 1),
		"nc too long":      strings.Replace(good, "nc=00000001", "nc=100000001", 1),
		"no cnonce":        strings.Replace(good, "cnonce=", "conce=", 1),
		"unknown qop":      strings.Replace(good, "qop=auth", "qop=auth-conf", 1),
		"open quote":       good + `, x="`,
		"twice":            good + `, realm="x"`,
		"no comma":         strings.Replace(good, ", nonce", " nonce", 1),
		"response not hex": strings.Replace(good, `response="`, `response="zz`, 1),
		"too long":         good + `, x="` + strings.Repeat("x", maxHeader) + `"`,
		"control byte":     good + ", x=\"\x00\"",
		"two usernames":    good + `, username*=UTF-8''201`,
	} {
		user, ch, stale, err := s.Check("REGISTER", uri, []string{h}, people)
		if !errors.Is(err, ErrMalformed) || len(ch) != 0 || stale || user != "" {
			t.Errorf("%s: %q %v %v", name, user, ch, err)
		}
	}
	many := make([]string, maxValues+1)
	for i := range many {
		many[i] = good
	}
	if _, _, _, err := s.Check("REGISTER", uri, many, people); !errors.Is(err, ErrMalformed) {
		t.Errorf("too many values: %v", err)
	}
}

func TestStaleNonces(t *testing.T) {
	clk := newClock()
	s := NewServer(realm, testKey, clk.now, WithLifetime(time.Minute))
	try := func(ch []string, password string, nc uint32) (bool, error) {
		_, _, stale, err := s.Check("REGISTER", uri, answer(t, ch, "REGISTER", uri, "201", password, nc), people)
		return stale, err
	}
	old := s.Challenge(false)
	clk.pass(time.Minute)
	if stale, err := try(old, "həmişə açıq", 1); stale || err != nil {
		t.Errorf("at the end of its life: %v", err)
	}
	clk.pass(time.Nanosecond)
	if stale, err := try(old, "həmişə açıq", 2); !stale || !errors.Is(err, ErrStale) {
		t.Errorf("expired: stale %v, %v", stale, err)
	}
	// stale=true says "your password is right" and must not be said to others (RFC 7616 section 3.3).
	if stale, err := try(old, "wrong", 3); stale || !errors.Is(err, ErrDenied) {
		t.Errorf("expired and wrong: stale %v, %v", stale, err)
	}
	restarted := NewServer(realm, []byte("another key after a restart....."), clk.now)
	if stale, err := try(restarted.Challenge(false), "həmişə açıq", 1); !stale || !errors.Is(err, ErrStale) {
		t.Errorf("nonce of another server: stale %v, %v", stale, err)
	}
	for name, nonce := range map[string]string{"short": "abc", "empty": "x", "forged": strings.Repeat("0", nonceHex), "not hex": strings.Repeat("g", nonceHex)} {
		ch := []string{`Digest realm="` + realm + `", nonce="` + nonce + `", qop="auth", algorithm=SHA-256`}
		if stale, err := try(ch, "həmişə açıq", 1); !stale || !errors.Is(err, ErrStale) {
			t.Errorf("%s nonce: stale %v, %v", name, stale, err)
		}
	}
	// Another realm's nonce under the same key is not ours.
	twin := NewServer("twin", testKey, clk.now)
	p, _, _ := Parse(twin.Challenge(false)[0])
	if stale, err := try([]string{`Digest realm="` + realm + `", nonce="` + p["nonce"] + `", qop="auth", algorithm=SHA-256`}, "həmişə açıq", 1); !stale || err == nil {
		t.Errorf("nonce of another realm: %v", err)
	}
}

func TestCountIsAcceptedOnce(t *testing.T) {
	s := NewServer(realm, testKey, newClock().now)
	ch := s.Challenge(false)
	for i, c := range []struct {
		nc uint32
		ok bool
	}{{1, true}, {1, false}, {2, true}, {4, true}, {3, true}, {3, false}, {100, true}, {36, true}, {35, false}, {36, false}, {0xffffffff, true}, {0xffffffff, false}, {101, false}} {
		_, _, stale, err := s.Check("OPTIONS", uri, answer(t, ch, "OPTIONS", uri, "201", "həmişə açıq", c.nc), people)
		if (err == nil) != c.ok || !c.ok && !stale {
			t.Errorf("step %d, nc %d: %v", i, c.nc, err)
		}
	}
	// Another user's counts are their own.
	if _, _, _, err := s.Check("OPTIONS", uri, answer(t, ch, "OPTIONS", uri, "202", "two", 1), people); err != nil {
		t.Error(err)
	}
	// MD5 and SHA-256 challenges share the nonce, so they share the counts.
	if _, _, stale, _ := s.Check("OPTIONS", uri, answer(t, ch[1:], "OPTIONS", uri, "202", "two", 1), people); !stale {
		t.Error("the same count with the other algorithm was accepted")
	}
}

// Phones that know only RFC 2069 send no qop: their nonce is good for one request.
func TestWithoutQOPEachNonceServesOnce(t *testing.T) {
	s := NewServer(realm, testKey, newClock().now)
	for range 2 {
		p, _, _ := Parse(s.Challenge(false)[1])
		plain := []string{`Digest realm="` + realm + `", nonce="` + p["nonce"] + `"`}
		h := answer(t, plain, "REGISTER", uri, "201", "həmişə açıq", 1)
		if strings.Contains(h[0], "qop") || strings.Contains(h[0], "nc=") || strings.Contains(h[0], "cnonce") {
			t.Fatalf("not the old form: %s", h[0])
		}
		if _, _, _, err := s.Check("REGISTER", uri, h, people); err != nil {
			t.Fatal(err)
		}
		if _, _, stale, err := s.Check("REGISTER", uri, h, people); !stale || !errors.Is(err, ErrStale) {
			t.Errorf("replay: %v", err)
		}
		again := answer(t, counted(p["nonce"]), "REGISTER", uri, "201", "həmişə açıq", 7)
		if _, _, stale, _ := s.Check("REGISTER", uri, again, people); !stale {
			t.Error("after a use without count the nonce must be closed")
		}
	}
}

func counted(nonce string) []string {
	return []string{`Digest realm="` + realm + `", nonce="` + nonce + `", qop="auth", algorithm=SHA-256`}
}

func TestNonceCountIsHashedAsSent(t *testing.T) {
	s := NewServer(realm, testKey, newClock().now)
	p, _, _ := Parse(s.Challenge(false)[1])
	h := func(s string) string { b := md5.Sum([]byte(s)); return hex.EncodeToString(b[:]) }
	// A phone that writes nc=A, and its hash in capitals.
	resp := h(h("202:"+realm+":two") + ":" + p["nonce"] + ":A:cn:auth:" + h("REGISTER:"+uri))
	auth := fmt.Sprintf(`digest USERNAME="202",Realm="%s",NONCE="%s",uri="%s",qop="auth",nc=A,cnonce=cn,algorithm="MD5",response="%s"`, realm, p["nonce"], uri, strings.ToUpper(resp))
	if user, _, _, err := s.Check("REGISTER", uri, []string{auth}, people); err != nil || user != "202" {
		t.Errorf("%q %v", user, err)
	}
}

func TestReplayMemoryIsBounded(t *testing.T) {
	clk := newClock()
	s := NewServer(realm, testKey, clk.now, WithMemory(50))
	var first []string
	for i := range 500 {
		clk.pass(time.Millisecond)
		h := answer(t, s.Challenge(false), "REGISTER", uri, "201", "həmişə açıq", 1)
		if i == 0 {
			first = h
		}
		if _, _, _, err := s.Check("REGISTER", uri, h, people); err != nil {
			t.Fatal(err)
		}
		if n := s.Remembered(); n > 50 {
			t.Fatalf("%d pairs remembered", n)
		}
	}
	// Forgetting must not open the door to a replay.
	if _, _, stale, err := s.Check("REGISTER", uri, first, people); !stale || !errors.Is(err, ErrStale) {
		t.Errorf("replay of a forgotten nonce: %v", err)
	}
	clk.pass(time.Hour)
	if _, _, _, err := s.Check("REGISTER", uri, answer(t, s.Challenge(false), "REGISTER", uri, "201", "həmişə açıq", 1), people); err != nil {
		t.Fatal(err)
	}
	if n := s.Remembered(); n != 1 {
		t.Errorf("%d pairs after everything expired", n)
	}
	// Failures never make it grow.
	for range 100 {
		_, _, _, _ = s.Check("REGISTER", uri, answer(t, s.Challenge(false), "REGISTER", uri, "201", "wrong", 1), people)
	}
	if n := s.Remembered(); n != 1 {
		t.Errorf("%d pairs after failures", n)
	}
}

// The window against the simplest model: a set of all accepted pairs, plus the rule that counts more than 64 behind are refused.
func TestReplayWindowEqualsSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(1_800_000_000, 0)
		r := newReplay(1000, time.Hour)
		m := minter{key: testKey, realm: realm}
		var keys []useKey
		for i := range 3 {
			id, ok := m.open(m.mint(now.Add(time.Duration(i) * time.Second)))
			if !ok {
				t.Fatal("own nonce not recognised")
			}
			keys = append(keys, useKey{id, "201"})
		}
		used := map[useKey]map[uint32]bool{}
		highest := map[useKey]uint32{}
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			k := keys[rapid.IntRange(0, 2).Draw(t, "nonce")]
			nc := rapid.Uint32Range(1, 150).Draw(t, "nc")
			want := !used[k][nc] && (nc > highest[k] || highest[k]-nc <= 64)
			if got := r.accept(k, nc, now); got != want {
				t.Fatalf("nc %d: accepted %v, highest %d, used %v", nc, got, highest[k], used[k][nc])
			}
			if want {
				if used[k] == nil {
					used[k] = map[uint32]bool{}
				}
				used[k][nc] = true
				highest[k] = max(highest[k], nc)
			}
		}
	})
}

func TestNothingIsAcceptedTwiceUnderLoad(t *testing.T) {
	s := NewServer(realm, testKey, newClock().now)
	ch := s.Challenge(false)
	headers := make([][]string, 40)
	for i := range headers {
		headers[i] = answer(t, ch, "OPTIONS", uri, "202", "two", uint32(i+1))
	}
	var mu sync.Mutex
	accepted := map[int]int{}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i, h := range headers {
				if _, _, _, err := s.Check("OPTIONS", uri, h, people); err == nil {
					mu.Lock()
					accepted[i]++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	for i := range headers {
		if accepted[i] != 1 {
			t.Errorf("count %d accepted %d times", i+1, accepted[i])
		}
	}
}

func TestDigestURI(t *testing.T) {
	s := NewServer(realm, testKey, newClock().now, WithHosts("10.0.0.5"))
	for _, c := range []struct {
		method, request, digest string
		ok                      bool
	}{
		{"INVITE", "sip:108@cagri.example.az", "sip:108@cagri.example.az", true},
		{"INVITE", "sip:108@cagri.example.az;transport=tcp", "sip:108@cagri.example.az", true},
		{"INVITE", "sip:108@cagri.example.az", "sip:108@cagri.example.az:5060;user=phone", true},
		{"INVITE", "sip:108@CAGRI.example.az:5060", "sips:108@cagri.example.az.", true},
		{"INVITE", "sip:108@192.0.2.1", "sip:108@cagri.example.az", true},
		{"INVITE", "sip:108@192.0.2.1:5080", "sip:108@10.0.0.5", true},
		{"INVITE", "sip:108@192.0.2.1", "108@192.0.2.1", true},
		{"INVITE", "sip:108@192.0.2.1", "<sip:108@192.0.2.1>", true},
		{"INVITE", "sip:%2B994125551234@192.0.2.1", "sip:+994125551234@192.0.2.1", true},
		{"INVITE", "sip:108:pw@192.0.2.1?Subject=x", "sip:108@192.0.2.1", true},
		{"INVITE", "sip:108@[2001:db8::1]:5060", "sip:108@[2001:DB8::1]", true},
		{"INVITE", "tel:+994-12-555-12-34", "tel:+994125551234;phone-context=x", true},
		{"INVITE", "sip:00905551234567@cagri.example.az", "sip:108@cagri.example.az", false},
		{"INVITE", "sip:108@cagri.example.az", "sip:cagri.example.az", false},
		{"INVITE", "sip:108@192.0.2.1", "sip:108@evil.example", false},
		{"INVITE", "tel:108", "sip:108@cagri.example.az", false},
		{"INVITE", "tel:108", "tel:109", false},
		{"INVITE", "sip:108@192.0.2.1", "", false},
		{"REGISTER", "sip:cagri.example.az", "sip:201@cagri.example.az", true},
		{"REGISTER", "sip:cagri.example.az", "cagri.example.az", true},
		{"REGISTER", "sip:201@cagri.example.az", "sip:202@cagri.example.az", false},
		{"REGISTER", "sip:192.0.2.1", "sip:192.0.2.2", false},
	} {
		h := answer(t, s.Challenge(false), c.method, c.digest, "202", "two", 1)
		if _, _, _, err := s.Check(c.method, c.request, h, people); (err == nil) != c.ok {
			t.Errorf("%s %s with uri %q: %v", c.method, c.request, c.digest, err)
		}
	}
}

// An independent client must get in.
func TestAnotherClientGetsIn(t *testing.T) {
	s := NewServer(realm, testKey, newClock().now)
	for i, v := range s.Challenge(false) {
		ch, err := other.ParseChallenge(v)
		if err != nil {
			t.Fatal(err)
		}
		for nc := 1; nc < 4; nc++ {
			cred, err := other.Digest(ch, other.Options{Method: "INVITE", URI: "sip:108@cagri.example.az", Username: "201", Password: "həmişə açıq", Count: 10*i + nc})
			if err != nil {
				t.Fatal(err)
			}
			if user, _, _, err := s.Check("INVITE", "sip:108@cagri.example.az", []string{cred.String()}, people); err != nil || user != "201" {
				t.Errorf("%s: %q %v", ch.Algorithm, user, err)
			}
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	for name, user := range map[string]string{"known user": "201", "unknown user": "999"} {
		b.Run(name, func(b *testing.B) {
			s := NewServer(realm, testKey, time.Now, WithLifetime(time.Hour))
			h := answer(b, s.Challenge(false), "REGISTER", uri, user, "wrong", 1)
			b.ReportAllocs()
			for b.Loop() {
				_, _, _, _ = s.Check("REGISTER", uri, h, people)
			}
		})
	}
	b.Run("accepted", func(b *testing.B) {
		s := NewServer(realm, testKey, time.Now, WithLifetime(time.Hour))
		ch := s.Challenge(false)
		var c Challenge
		var err error
		if c, err = ReadChallenges(ch); err != nil {
			b.Fatal(err)
		}
		var nc uint32
		b.ReportAllocs()
		for b.Loop() {
			nc++
			b.StopTimer()
			h := c.answer("REGISTER", uri, "201", "həmişə açıq", nil, nc, "c")
			b.StartTimer()
			if _, _, _, err := s.Check("REGISTER", uri, []string{h}, people); err != nil {
				b.Fatal(err)
			}
		}
	})
}
