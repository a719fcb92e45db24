package sdp

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// b64 of the bytes 1..30, 1..28 and 1..44, which testKeys(1, suite) gives.
const (
	key30 = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0e"
	key28 = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHA=="
	key44 = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkqKyw="
)

func TestParseCrypto(t *testing.T) {
	for _, tc := range []struct {
		in  string
		tag int
		mki string
	}{
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30, 1, ""},
		{"7 AES_CM_128_HMAC_SHA1_32 inline:" + key30, 7, ""},
		{"1 aes_cm_128_hmac_sha1_80 INLINE:" + key30, 1, ""},
		{"999999999 AEAD_AES_128_GCM inline:" + key28, 999999999, ""},
		{"1 AEAD_AES_128_GCM inline:" + strings.TrimRight(key28, "="), 1, ""},
		{"1 AEAD_AES_256_GCM inline:" + key44, 1, ""},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + "|2^20", 1, ""},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + "|1048576", 1, ""},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + "|2^48|1:4", 1, "00000001"},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + "|258:2", 1, "0102"},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + "|1:128", 1, strings.Repeat("00", 127) + "01"},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + " WSH=64", 1, ""},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + " KDR=0 -future=1", 1, ""},
	} {
		c, err := parseCrypto(tc.in)
		if err != nil {
			t.Errorf("%s: %v", tc.in, err)
			continue
		}
		if c.tag != tc.tag || fmt.Sprintf("%x", c.key.MKI) != tc.mki || !c.key.valid() || c.key.Key[0] != 1 {
			t.Errorf("%s: tag %d MKI %x", tc.in, c.tag, c.key.MKI)
		}
	}
	for _, in := range []string{
		"", "1", "1 AES_CM_128_HMAC_SHA1_80", "x AES_CM_128_HMAC_SHA1_80 inline:" + key30, "-1 AES_CM_128_HMAC_SHA1_80 inline:" + key30,
		"1234567890 AES_CM_128_HMAC_SHA1_80 inline:" + key30,
		"1 F8_128_HMAC_SHA1_80 inline:" + key30,
		"1 AES_CM_128_HMAC_SHA1_80 mikey:" + key30,
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key28,
		"1 AES_CM_128_HMAC_SHA1_80 inline:", "1 AES_CM_128_HMAC_SHA1_80 inline:????",
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + "|2^49",
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + "|0",
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + "|",
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + "|1:0", "1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + "|256:1",
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + "|1:129", "1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + "|x:1",
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + "|1:4|2^20", "1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + "|2^20|1:4|1",
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + "|2^20|1:4;inline:" + key30 + "|2^20|2:4",
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + " UNENCRYPTED_SRTP",
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + " UNENCRYPTED_SRTCP",
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + " UNAUTHENTICATED_SRTP",
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + " KDR=10",
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + " FEC_ORDER=FEC_SRTP",
	} {
		_, err := parseCrypto(in)
		if err == nil {
			t.Errorf("%q is taken", in)
		} else if strings.Contains(err.Error(), key30[:12]) {
			t.Errorf("the key stands in the error: %v", err)
		}
	}
}

func TestAnswerWithKeys(t *testing.T) {
	l := withKeys(t, SRTPRequire)
	peer := testKeys(t, 100, AES128SHA1_80, AES256GCM)
	a, s := mustAnswer(t, l, offerOf("m=audio 4000 RTP/SAVP 8",
		"a=crypto:3 F8_128_HMAC_SHA1_80 inline:"+key30,
		"a=crypto:5 AES_CM_128_HMAC_SHA1_80 inline:x",
		"a=crypto:"+peer[0].attribute(7)+"|2^31|1:1",
		"a=crypto:"+peer[1].attribute(8)))
	if s.SRTP == nil || s.SRTP.Tag != 7 || s.SRTP.Suite != AES128SHA1_80 || s.Profile != "RTP/SAVP" {
		t.Fatalf("%+v", s)
	}
	if !bytes.Equal(s.SRTP.Remote.Key, peer[0].Key) || !bytes.Equal(s.SRTP.Remote.Salt, peer[0].Salt) || !bytes.Equal(s.SRTP.Remote.MKI, []byte{1}) {
		t.Error("remote key")
	}
	if !bytes.Equal(s.SRTP.Local.Key, l.Keys[2].Key) || s.SRTP.Local.MKI != nil {
		t.Error("local key")
	}
	has(t, a, "m=audio 20000 RTP/SAVP 8", "a=crypto:"+l.Keys[2].attribute(7))
	if strings.Count(a, "a=crypto") != 1 {
		t.Errorf("more than one key in\n%s", a)
	}
}

func TestAnswerPolicies(t *testing.T) {
	theirs := testKeys(t, 100)
	ok := "a=crypto:" + theirs[2].attribute(1)
	bad := "a=crypto:1 NULL_HMAC_SHA1_80 inline:" + key30
	own := "a=crypto:" + testKeys(t, 1)[2].attribute(1) // the very key we would use
	for _, tc := range []struct {
		name   string
		policy SRTPPolicy
		lines  []string
		kind   error // nil = accepted
		keys   bool
	}{
		{"off, plain", SRTPOff, []string{"m=audio 4 RTP/AVP 8"}, nil, false},
		{"off, best effort", SRTPOff, []string{"m=audio 4 RTP/AVP 8", ok}, nil, false},
		{"off, secure", SRTPOff, []string{"m=audio 4 RTP/SAVP 8", ok}, ErrSecureRefused, false},
		{"off, secure with feedback", SRTPOff, []string{"m=audio 4 RTP/SAVPF 8", ok}, ErrSecureRefused, false},
		{"offer, plain", SRTPOffer, []string{"m=audio 4 RTP/AVP 8"}, nil, false},
		{"offer, best effort", SRTPOffer, []string{"m=audio 4 RTP/AVP 8", ok}, nil, true},
		{"offer, best effort unusable", SRTPOffer, []string{"m=audio 4 RTP/AVP 8", bad}, nil, false},
		{"offer, secure", SRTPOffer, []string{"m=audio 4 RTP/SAVP 8", ok}, nil, true},
		{"offer, secure feedback", SRTPOffer, []string{"m=audio 4 RTP/SAVPF 8", ok}, nil, true},
		{"offer, secure unusable", SRTPOffer, []string{"m=audio 4 RTP/SAVP 8", bad}, ErrNoCommonSuite, false},
		{"offer, secure without keys", SRTPOffer, []string{"m=audio 4 RTP/SAVP 8"}, ErrNoCommonSuite, false},
		{"require, plain", SRTPRequire, []string{"m=audio 4 RTP/AVP 8"}, ErrSecureRequired, false},
		{"require, best effort", SRTPRequire, []string{"m=audio 4 RTP/AVP 8", ok}, nil, true},
		{"require, unusable", SRTPRequire, []string{"m=audio 4 RTP/AVP 8", bad}, ErrNoCommonSuite, false},
		{"require, secure", SRTPRequire, []string{"m=audio 4 RTP/SAVP 8", ok}, nil, true},
		{"require takes the second line", SRTPRequire, []string{"m=audio 4 RTP/AVP 8", "m=audio 6 RTP/SAVP 8", ok}, nil, true},
		{"off takes the second line", SRTPOff, []string{"m=audio 4 RTP/SAVP 8", ok, "m=audio 6 RTP/AVP 8"}, nil, false},
		{"our own key reflected", SRTPRequire, []string{"m=audio 4 RTP/SAVP 8", own}, ErrNoCommonSuite, false},
		{"keys in the session part do not count", SRTPRequire, []string{ok, "m=audio 4 RTP/AVP 8"}, ErrSecureRequired, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a, s, err := Answer(withKeys(t, tc.policy), offerOf(tc.lines...))
			if tc.kind != nil {
				if err == nil {
					t.Fatalf("accepted:\n%s", a)
				}
				wantKind(t, err, tc.kind, err.(*Error).Line)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if (s.SRTP != nil) != tc.keys || strings.Contains(string(a), "crypto") != tc.keys {
				t.Errorf("keys %v in\n%s", s.SRTP, a)
			}
		})
	}
}

func TestOfferWithKeys(t *testing.T) {
	for _, tc := range []struct {
		policy  SRTPPolicy
		profile string
		keys    int
	}{{SRTPOff, "RTP/AVP", 0}, {SRTPOffer, "RTP/AVP", 4}, {SRTPRequire, "RTP/SAVP", 4}} {
		l := withKeys(t, tc.policy)
		o := mustOffer(t, l)
		if n := strings.Count(o, "a=crypto:"); n != tc.keys || !strings.Contains(o, tc.profile+" 8") {
			t.Errorf("%v: %d keys in\n%s", tc.policy, n, o)
		}
		for i := range tc.keys {
			has(t, o, "a=crypto:"+l.Keys[i].attribute(i+1))
		}
	}
}

func TestReadAnswerKeys(t *testing.T) {
	l := withKeys(t, SRTPOffer)
	theirs := testKeys(t, 100)
	read := func(profile, crypto string) (Session, error) {
		lines := []string{"m=audio 4000 " + profile + " 8"}
		if crypto != "" {
			lines = append(lines, "a=crypto:"+crypto)
		}
		return ReadAnswer(l, offerOf(lines...))
	}
	s, err := read("RTP/AVP", theirs[2].attribute(3))
	if err != nil || s.SRTP == nil || s.SRTP.Suite != AES128SHA1_80 || !bytes.Equal(s.SRTP.Local.Key, l.Keys[2].Key) || !bytes.Equal(s.SRTP.Remote.Key, theirs[2].Key) {
		t.Fatalf("%+v %v", s.SRTP, err)
	}
	if s, err = read("RTP/AVP", ""); err != nil || s.SRTP != nil {
		t.Errorf("plain answer to a best-effort offer: %+v %v", s, err)
	}
	for name, crypto := range map[string]string{
		"tag we did not offer":  theirs[2].attribute(9),
		"suite of another tag":  theirs[2].attribute(1),
		"our own key reflected": l.Keys[2].attribute(3),
		"broken":                "3 AES_CM_128_HMAC_SHA1_80 inline:xx",
	} {
		if _, err := read("RTP/AVP", crypto); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	// A line agreed as RTP/SAVP stays RTP/SAVP in the next offer.
	_, s2 := mustAnswer(t, l, offerOf("m=audio 4000 RTP/SAVP 8", "a=crypto:"+theirs[0].attribute(1)))
	if o := mustOffer(t, l.After(s2)); !strings.Contains(o, "RTP/SAVP 8") {
		t.Errorf("downgraded:\n%s", o)
	}
}

func TestKeysDoNotPrint(t *testing.T) {
	k := testKeys(t, 1, AES128SHA1_80)[0]
	s := Session{SRTP: &SRTPKeys{Suite: k.Suite, Local: k, Remote: k}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
		for _, v := range []any{k, *s.SRTP, &k} {
			out := fmt.Sprintf(verb, v)
			if strings.Contains(out, "0102030405") || strings.Contains(out, "1 2 3 4") || strings.Contains(out, "0x1, 0x2") {
				t.Errorf("%s shows the key: %s", verb, out)
			}
		}
	}
}

func TestNewKeys(t *testing.T) {
	k, err := NewKeys(counter(0))
	if err != nil || len(k) != 4 {
		t.Fatal(k, err)
	}
	for i, a := range k {
		if !a.valid() {
			t.Errorf("%v not valid", a)
		}
		for _, b := range k[i+1:] {
			if bytes.Equal(a.Key[:16], b.Key[:16]) {
				t.Error("two suites with one key")
			}
		}
	}
	if _, err := NewKeys(strings.NewReader("short")); err == nil {
		t.Error("a dry random source")
	}
	if _, err := NewKeys(counter(0), "X"); err == nil {
		t.Error("unknown suite")
	}
}
