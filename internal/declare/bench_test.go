package declare

import (
	"context"
	"testing"
)

// BenchmarkPlan reads and plans 500 bodies and 5,000 agents with their phones.
func BenchmarkPlan(b *testing.B) {
	files := big(500, 5000)
	b.ReportAllocs()
	for b.Loop() {
		r, _ := newRegister()
		p, err := r.Plan(context.Background(), Request{Files: files})
		if err != nil || !p.OK() {
			b.Fatal(err, p.Refused)
		}
	}
}

// BenchmarkRead only reads them.
func BenchmarkRead(b *testing.B) {
	files := big(500, 5000)
	for b.Loop() {
		if _, problems := Read(files); len(problems) > 0 {
			b.Fatal(problems)
		}
	}
}
