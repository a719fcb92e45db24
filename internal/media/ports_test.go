package media

import (
	"testing"
	"time"
)

// A pair rests as long as there are others, and a little in any case.
func TestPortsRest(t *testing.T) {
	now := time.Unix(1000, 0)
	p := newPorts(20000, 20003, 30*time.Second)
	first, _ := p.take(now)
	p.give(first, now)
	second, ok := p.take(now)
	if !ok || second == first {
		t.Fatalf("took %d after %d was given back", second, first)
	}
	if port, ok := p.take(now.Add(leastRest - time.Millisecond)); ok {
		t.Fatalf("%d was given out after less than %v", port, leastRest)
	}
	if port, ok := p.take(now.Add(leastRest)); !ok || port != first {
		t.Fatalf("took %d, %v; want %d", port, ok, first)
	}
	if _, ok := p.take(now.Add(time.Hour)); ok {
		t.Fatal("a pair was given out twice")
	}
	p.give(first, now)
	p.give(second, now)
	seen := map[uint16]bool{}
	for range 2 {
		port, ok := p.take(now.Add(30 * time.Second))
		if !ok || seen[port] {
			t.Fatalf("took %d, %v after the rest", port, ok)
		}
		seen[port] = true
	}
}
