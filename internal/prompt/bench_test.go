package prompt

import "testing"

// Loading is part of every start, composing of every announcement.
func BenchmarkEmbedded(b *testing.B) {
	for b.Loop() {
		if _, err := Embedded(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkComposeAnnouncement(b *testing.B) {
	l := embedded(b)
	for b.Loop() {
		if _, err := l.Compose(Azerbaijani, Position(7), Say("queue.wait.before"), Minutes(5), Say("queue.wait.after")); err != nil {
			b.Fatal(err)
		}
	}
}
