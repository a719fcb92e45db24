package store

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"cagri/internal/declare"
)

// land is a directory of so many bodies and agents as documents.
func land(bodies, agents int) []declare.File {
	var b, a strings.Builder
	for i := range bodies {
		fmt.Fprintf(&b, "kind: body\nid: b%d\nspec: {name: Qurum %d, class: central_executive}\n---\n", i, i)
		fmt.Fprintf(&b, "kind: service\nid: s%d\nspec: {body: b%d, name: Xidmət, languages: [az, ru, en]}\n---\n", i, i)
		fmt.Fprintf(&b, "kind: queue\nid: q%d\nspec: {body: b%d, service: s%d}\n---\nkind: number\nid: \"7%04d\"\nspec: {body: b%d}\n---\n", i, i, i, i, i)
	}
	for i := range 10 {
		fmt.Fprintf(&b, "kind: skill\nid: k%d\nspec: {name: Bacarıq}\n---\n", i)
	}
	for i := range agents {
		fmt.Fprintf(&a, "kind: phone\nid: p%d\nspec: {password: secret%d}\n---\n", i, i)
		fmt.Fprintf(&a, "kind: agent\nid: a%d\nspec:\n  name: Təmsilçi %d\n  body: b%d\n  phone: p%d\n  queues: [q%d]\n  skills: {k%d: 5, k%d: 8}\n  languages: {az: 10, ru: 6}\n---\n",
			i, i, i%bodies, i, i%bodies, i%10, (i+3)%10)
	}
	return []declare.File{{Name: "bodies.yaml", Text: b.String()}, {Name: "agents.yaml", Text: a.String()}}
}

// Both databases take an apply, and the same one again without a change.
func TestRecordsAreApplied(t *testing.T) {
	for _, e := range engines(t) {
		t.Run(e.name, func(t *testing.T) {
			s := open(t, e.config(t))
			r := declare.NewRegister(s, "cagri", nil, time.Now)
			for _, want := range []declare.Counts{{Created: 4*10 + 10 + 2*300}, {Unchanged: 4*10 + 10 + 2*300}} {
				p, err := r.Apply(t.Context(), declare.Request{Files: land(10, 300), Revision: -1})
				if err != nil || p.Counts != want {
					t.Fatalf("%+v: %v", p.Counts, err)
				}
			}
		})
	}
}

// BenchmarkApply applies 500 bodies and 5,000 agents with phones, services, queues and
// numbers (12,010 records) to an empty database, and again without a change.
func BenchmarkApply(b *testing.B) {
	files := land(500, 5000)
	for _, e := range engines(b) {
		b.Run(e.name+"/new", func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				s := open(b, e.config(b))
				r := declare.NewRegister(s, "cagri", nil, time.Now)
				b.StartTimer()
				p, err := r.Apply(context.Background(), declare.Request{Files: files, Revision: -1})
				if err != nil || p.Counts.Created != 12010 {
					b.Fatal(p.Counts, err)
				}
			}
		})
		b.Run(e.name+"/unchanged", func(b *testing.B) {
			s := open(b, e.config(b))
			r := declare.NewRegister(s, "cagri", nil, time.Now)
			if _, err := r.Apply(context.Background(), declare.Request{Files: files, Revision: -1}); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if p, err := r.Apply(context.Background(), declare.Request{Files: files, Revision: -1}); err != nil || len(p.Changes) > 0 {
					b.Fatal(p.Counts, err)
				}
			}
		})
	}
}
