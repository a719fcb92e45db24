package routing

import "time"

// Shares: agents who serve several bodies give each its part. Handling time is counted
// by the body of the queue, in a window that slides in two halves; a body above its
// part stands behind those below it. Nobody waits for it: when only a body above its
// part has callers, they are served.

// spend counts the handling time expected of a call for its body.
func (s *State) spend(q *queue) {
	if b := q.body; s.sharing && b != nil && b.cfg.Share > 0 {
		s.roll(b)
		b.spentNow += q.handle / int64(time.Millisecond)
		s.shareAt = 0
	}
}

// roll brings the window of b up to now.
func (s *State) roll(b *body) {
	n := s.now / int64(s.cfg.ShareWindow)
	switch n - b.bucket {
	case 0:
	case 1:
		b.spentBefore, b.spentNow = b.spentNow, 0
	default:
		b.spentBefore, b.spentNow = 0, 0
	}
	b.bucket = n
}

// used is the handling time of b in the window that ends now, in ms.
func (s *State) used(b *body) int64 {
	s.roll(b)
	window := int64(s.cfg.ShareWindow)
	permille := (window - s.now%window) / (window / 1000)
	return b.spentNow + b.spentBefore*min(permille, 1000)/1000
}

// over says whether b has had more than its share.
func (s *State) over(b *body) bool {
	if b == nil || b.cfg.Share == 0 {
		return false
	}
	if s.shareAt != s.now {
		s.shareAt = s.now
		all, weights := int64(0), int64(0)
		// The order does not matter: sums.
		for _, x := range s.bodies {
			if x.cfg.Share > 0 {
				all += s.used(x)
				weights += int64(x.cfg.Share)
			}
		}
		for _, x := range s.bodies {
			x.over = x.cfg.Share > 0 && float64(s.used(x))*float64(weights) > float64(all)*float64(x.cfg.Share)
		}
	}
	return b.over
}

// configureBodies takes new figures of the bodies over.
func (s *State) configureBodies() {
	s.sharing, s.shareAt = false, 0
	for id := range s.cfg.Bodies {
		s.body(id)
	}
	for id, b := range s.bodies {
		b.cfg = s.cfg.Bodies[id].withDefaults()
		s.sharing = s.sharing || b.cfg.Share > 0
	}
}
