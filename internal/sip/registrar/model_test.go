package registrar

import (
	"fmt"
	"net/netip"
	"sort"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// model is the registrar as one would tell it: a list of all bindings and a few sentences.
type model struct {
	cfg   Config
	rows  []row
	there map[string]bool
	told  []string
}

type row struct {
	user, uri, callID string
	cseq              uint32
	expires           int // absolute second
	refreshed         int
	flow              Flow
}

func (m *model) of(user string, now int) (out []row) {
	for _, r := range m.rows {
		if r.user == user && r.expires > now {
			out = append(out, r)
		}
	}
	return out
}

func (m *model) replace(user string, rows []row) {
	kept := rows
	for _, r := range m.rows {
		if r.user != user {
			kept = append(kept, r)
		}
	}
	m.rows = kept
	if is := len(rows) > 0; is != m.there[user] {
		m.there[user] = is
		m.told = append(m.told, fmt.Sprintf("%s %v", user, is))
	}
}

func (m *model) register(q Request, now int) int {
	rows := m.of(q.User, now)
	if q.Star {
		for _, r := range rows {
			if r.callID == q.CallID && r.cseq >= q.CSeq {
				return 500
			}
		}
		m.replace(q.User, nil)
		return 200
	}
	named := map[string]bool{}
	added := 0
	for _, f := range q.Contacts {
		secs := f.Expires
		if secs == NotGiven {
			secs = q.Expires
		}
		if secs == NotGiven {
			secs = int64(m.cfg.DefaultExpires / time.Second)
		}
		if secs > 0 && secs < int64(m.cfg.MinExpires/time.Second) {
			return 423
		}
		secs = min(secs, int64(m.cfg.MaxExpires/time.Second))
		if named[f.URI] {
			return 400
		}
		named[f.URI] = true
		var next []row
		for _, r := range rows {
			if r.uri != f.URI {
				next = append(next, r)
			} else if r.callID == q.CallID && r.cseq >= q.CSeq {
				return 500
			}
		}
		if secs > 0 {
			next = append(next, row{q.User, f.URI, q.CallID, q.CSeq, now + int(secs), now, q.Flow})
			added++
		}
		rows = next
	}
	if len(rows) > m.cfg.MaxContacts && added > m.cfg.MaxContacts {
		return 403
	}
	for len(rows) > m.cfg.MaxContacts {
		oldest := -1
		for i, r := range rows {
			if named[r.uri] {
				continue
			}
			if oldest < 0 || r.refreshed < rows[oldest].refreshed || r.refreshed == rows[oldest].refreshed && r.uri < rows[oldest].uri {
				oldest = i
			}
		}
		rows = append(append([]row{}, rows[:oldest]...), rows[oldest+1:]...)
	}
	m.replace(q.User, rows)
	return 200
}

func (m *model) drop(gone func(row) bool) {
	users := map[string]bool{}
	for _, r := range m.rows {
		users[r.user] = true
	}
	for u := range users {
		var kept []row
		had := 0
		for _, r := range m.rows {
			if r.user == u {
				had++
				if !gone(r) {
					kept = append(kept, r)
				}
			}
		}
		if had != len(kept) {
			m.replace(u, kept)
		}
	}
}

func TestRegistrarEqualsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := Config{MinExpires: 10 * time.Second, MaxExpires: 100 * time.Second, DefaultExpires: 50 * time.Second, MaxContacts: 3}
		m := &model{cfg: cfg, there: map[string]bool{}}
		clk := newClock()
		start := clk.at()
		var told []string
		r := New(cfg, clk.at, func(u string, on bool) { told = append(told, fmt.Sprintf("%s %v", u, on)) })
		now := func() int { return int(clk.at().Sub(start) / time.Second) }
		users := []string{"201", "202", "203"}
		flows := []Flow{udp("10.0.0.1:5060"), tcp("10.0.0.1:40000"), tcp("10.0.0.2:40000")}
		draw := func(label string, n int) int { return rapid.IntRange(0, n-1).Draw(t, label) }

		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			clk.pass(time.Duration(1+draw("pause", 30)) * time.Second) // at least 1 s, so that ages differ
			told, m.told = nil, nil
			switch draw("op", 8) {
			case 0:
				r.Expire(clk.at())
				m.drop(func(r row) bool { return r.expires <= now() })
			case 1:
				f := flows[1+draw("flow", 2)]
				r.FlowDown(f)
				m.drop(func(r row) bool { return r.flow == f })
			default:
				q := Request{
					User: users[draw("user", 3)], CallID: []string{"p", "q"}[draw("call", 2)], CSeq: uint32(1 + draw("cseq", 12)),
					Expires: []int64{NotGiven, 0, 5, 60, 500}[draw("header", 5)], Flow: flows[draw("flow", 3)],
				}
				if draw("star", 10) == 0 {
					q.Star, q.Expires = true, 0
				}
				for range draw("contacts", 5) {
					if q.Star {
						break
					}
					// Hosts are no literals, so that a stream contact lives and dies with its flow.
					q.Contacts = append(q.Contacts, field(fmt.Sprintf("sip:x@h%d.example", draw("host", 6)), []int64{NotGiven, 0, 5, 60, 500}[draw("expires", 5)]))
				}
				want := m.register(q, now())
				if got := r.Register(q); got.Code != want {
					t.Fatalf("%+v: %d %s, the model says %d", q, got.Code, got.Reason, want)
				}
			}
			sort.Strings(told)
			sort.Strings(m.told)
			if strings.Join(told, ",") != strings.Join(m.told, ",") {
				t.Fatalf("told %v, the model %v", told, m.told)
			}
			contacts := 0
			for _, u := range users {
				var want, got []string
				for _, w := range m.of(u, now()) {
					want = append(want, fmt.Sprint(w.uri, w.expires, w.flow))
				}
				for _, c := range r.Contacts(u) {
					got = append(got, fmt.Sprint(c.URI, int(c.Expires.Sub(start)/time.Second), c.Flow))
				}
				sort.Strings(want)
				sort.Strings(got)
				if strings.Join(got, ",") != strings.Join(want, ",") {
					t.Fatalf("%s has %v, the model %v", u, got, want)
				}
				if len(got) > cfg.MaxContacts {
					t.Fatalf("%s has %d contacts", u, len(got))
				}
				contacts += len(r.users[u])
			}
			if _, n := r.Size(); n != contacts {
				t.Fatalf("counted %d, are %d", n, contacts)
			}
			mentions := 0
			for _, l := range r.flows {
				mentions += len(l)
			}
			if mentions != contacts {
				t.Fatalf("%d mentions of flows for %d contacts", mentions, contacts)
			}
		}
	})
}

func FuzzParseURI(f *testing.F) {
	for _, s := range []string{a, "sips:x@[::1]:5061;transport=tcp?Subject=a", "sip:a%40b:c@h;ob;line=1", "sip:@h", "SIP:h:1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := parseURI(s)
		if err != nil {
			return
		}
		if u.host == "" || u.key == "" || strings.ContainsAny(s, "\r\n <>\"") {
			t.Fatalf("%q: %+v", s, u)
		}
		if addr, ok := u.addr(); ok && (!addr.IsValid() || addr.Port() == 0) {
			t.Fatalf("%q: %v", s, addr)
		}
		if again, err := parseURI(s); err != nil || again != u {
			t.Fatalf("%q: not the same twice", s)
		}
		r := New(Config{}, newClock().at, nil)
		q := Request{User: "1", CallID: "c", CSeq: 1, Expires: 60, Contacts: []ContactField{field(s, 60)}, Flow: Flow{"udp", netip.MustParseAddrPort("10.0.0.1:5060"), netip.AddrPort{}}}
		if res := r.Register(q); res.Code != 200 || len(r.Contacts("1")) != 1 {
			t.Fatalf("%q: %+v", s, res)
		}
		q.CSeq, q.Contacts[0].Expires = 2, 0
		if res := r.Register(q); res.Code != 200 || len(r.Contacts("1")) != 0 {
			t.Fatalf("%q cannot be removed again: %+v", s, res)
		}
	})
}

func BenchmarkRefresh(b *testing.B) {
	r := New(Config{}, time.Now, nil)
	q := Request{CallID: "x", Expires: 60, Contacts: []ContactField{field("sip:201@10.0.0.7:5060;line=abc", 600)}, Flow: udp("10.0.0.7:5060")}
	users := make([]string, 1000)
	for i := range users {
		users[i] = fmt.Sprint(1000 + i)
	}
	b.ReportAllocs()
	for b.Loop() {
		q.CSeq++
		q.User = users[q.CSeq%1000]
		if res := r.Register(q); res.Code != 200 {
			b.Fatal(res)
		}
	}
}
