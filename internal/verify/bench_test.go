package verify

import (
	"runtime"
	"testing"
)

// BenchmarkRun verifies a journal of 10,000 calls, 180,000 events, with the database
// beside it and without the files.
func BenchmarkRun(b *testing.B) {
	c := newCourt(b)
	d := newCentre(b.TempDir())
	d.signIn("aysel", "a")
	for range 10_000 {
		d.served("a")
		if len(d.events) > 20_000 {
			c.write(d.events)
			d.events = d.events[:0]
		}
	}
	c.write(d.events)
	c.project()
	events := uint64(0)
	runtime.GC()
	for b.Loop() {
		r, err := Run(b.Context(), c.j, c.s, Options{})
		if err != nil || !r.OK() {
			b.Fatal(err, r.Text())
		}
		events += r.Events
	}
	b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
}
