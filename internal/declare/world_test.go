package declare

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"cagri/internal/calendar"
	"cagri/internal/directory"
)

var now = time.Date(2026, 11, 23, 10, 0, 0, 0, calendar.Baku())

var days = sync.OnceValues(calendar.State)

// memory keeps a book; the goroutine of the test owns it.
type memory struct{ book *directory.Book }

func (m *memory) Book(context.Context) (*directory.Book, error) { return m.book, nil }

func (m *memory) AppendRecords(_ context.Context, revision int64, vs []directory.Version) error {
	if revision != m.book.Revision() {
		return directory.ErrStale
	}
	// As a database would: through the documents.
	for i := range vs {
		if vs[i].Record == nil {
			continue
		}
		n, err := directory.ParseJSON(directory.Encode(vs[i].Record, true).JSON())
		if err != nil {
			return err
		}
		r, problems := directory.Decode(vs[i].Kind, vs[i].ID, n)
		if len(problems) > 0 {
			return problems
		}
		vs[i].Record = r
	}
	m.book = m.book.With(vs)
	return nil
}

func newRegister() (*Register, *memory) {
	m := &memory{directory.NewBook(0, nil)}
	r := NewRegister(m, "cagri", func(f string) bool { return f == "default" || f == "asan" }, func() time.Time { return now })
	r.state = days // reading it takes longer than anything else here
	return r, m
}

func apply(t testing.TB, r *Register, text string) *Plan {
	t.Helper()
	p, err := r.Apply(context.Background(), Request{Files: []File{{"a.yaml", text}}, Revision: -1, By: "test"})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return p
}

func refused(t testing.TB, r *Register, text string) *Plan {
	t.Helper()
	p, err := r.Apply(context.Background(), Request{Files: []File{{"a.yaml", text}}, Revision: -1})
	if err == nil {
		t.Fatalf("applied:\n%s\n%s", text, p.Text())
	}
	return p
}

// town is a small whole directory.
const town = `
kind: body
id: asan
spec: {name: Agentlik, class: central_executive}
---
kind: body
id: dost
spec: {name: DOST, class: public_entity, parent: asan}
---
kind: skill
id: tax
spec: {name: Vergi}
---
kind: service
id: help
spec:
  body: asan
  name: Yardım
  languages: [az, en]
  remote: {fit: true, ground: no secrets}
---
kind: service
id: fire
spec: {body: asan, name: Yanğın, emergency: true, ground: Qanun}
---
kind: hall
id: hall1
spec: {body: asan, name: Zal, seats: 12}
---
kind: queue
id: general
spec: {body: asan, service: help, needs: [{skills: {tax: 3}}, {after: 2m, skills: {tax: 1}}]}
---
kind: number
id: 108
spec: {body: asan, arrives: ["+99412108"]}
---
kind: phone
id: 1001
spec: {password: geheim, hall: hall1}
---
kind: agent
id: aysel
spec: {name: Aysel, body: asan, phone: 1001, queues: [general], skills: {tax: 7}, languages: {az: 10}, hall: hall1}
`

// big is n bodies with ten agents each.
func big(bodies, agents int) []File {
	var b, a strings.Builder
	for i := range bodies {
		fmt.Fprintf(&b, "kind: body\nid: b%d\nspec:\n  name: Qurum %d\n  class: central_executive\n---\n", i, i)
		fmt.Fprintf(&b, "kind: service\nid: s%d\nspec:\n  body: b%d\n  name: Xidmət\n  languages: [az, ru, en]\n---\n", i, i)
		fmt.Fprintf(&b, "kind: queue\nid: q%d\nspec:\n  body: b%d\n  service: s%d\n---\nkind: number\nid: \"7%04d\"\nspec:\n  body: b%d\n---\n", i, i, i, i, i)
	}
	for i := range 10 {
		fmt.Fprintf(&b, "kind: skill\nid: k%d\nspec:\n  name: Bacarıq\n---\n", i)
	}
	for i := range agents {
		fmt.Fprintf(&a, "kind: phone\nid: p%d\nspec:\n  password: secret%d\n---\n", i, i)
		fmt.Fprintf(&a, "kind: agent\nid: a%d\nspec:\n  name: Təmsilçi %d\n  body: b%d\n  phone: p%d\n  queues: [q%d]\n  skills:\n    k%d: 5\n    k%d: 8\n  languages:\n    az: 10\n    ru: 6\n---\n",
			i, i, i%bodies, i, i%bodies, i%10, (i+3)%10)
	}
	return []File{{"bodies.yaml", b.String()}, {"agents.yaml", a.String()}}
}
