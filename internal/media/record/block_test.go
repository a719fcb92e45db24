package record

import "testing"

// The stock grows while many blocks wait for the disk, to a limit, and comes back.
func TestTheReserveFollowsTheDisk(t *testing.T) {
	var s reserve
	const open = 100
	s.resize(open)
	if s.total != 3*open {
		t.Fatalf("%d blocks for %d recordings", s.total, open)
	}
	var out []*block
	for range 2 * open { // as many as are being filled as a rule
		out = append(out, s.take(0))
	}
	s.adapt()
	if s.total != 3*open {
		t.Fatalf("%d blocks while the disk keeps up", s.total)
	}
	for range 10 { // and now nothing comes back
		for range open / 2 {
			if b := s.take(0); b != nil {
				out = append(out, b)
			}
		}
		s.adapt()
	}
	if s.total != 5*open || len(out) != 5*open || s.take(0) != nil {
		t.Fatalf("%d blocks, %d of them taken", s.total, len(out))
	}
	for _, b := range out {
		s.put(b)
	}
	for range 5 {
		s.adapt()
	}
	if s.total != 3*open || len(s.free) != s.total {
		t.Fatalf("%d blocks kept, %d of them free", s.total, len(s.free))
	}
	s.resize(0)
	if s.total != reserveFloor {
		t.Fatalf("%d blocks for nobody", s.total)
	}
}
