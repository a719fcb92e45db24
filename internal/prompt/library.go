package prompt

import (
	"errors"
	"io/fs"
	"time"
)

// Library is the clips of all languages. Load it with Embedded, give it an
// operator's files with Override, and from then on only read it: every other
// method is safe for concurrent use and hands out shared slices that nobody may
// write to.
type Library struct{}

// Embedded is the library shipped in the program.
func Embedded() (*Library, error) { return &Library{}, nil }

// Override replaces single phrases by the operator's recordings.
func (l *Library) Override(fsys fs.FS) error { return nil }

// Composed is what Compose returns.
type Composed struct {
	Clips    [][]byte      // A-law 8 kHz, in order; shared, read only
	Duration time.Duration // of all clips together
	FellBack bool          // something was not there in the language asked for and is in Azerbaijani
}

var errNotYet = errors.New("prompt: no clips yet")

// Compose finds the clips of parts in language lang.
func (l *Library) Compose(lang Language, parts ...Part) (Composed, error) {
	return Composed{}, errNotYet
}

// Clips is Compose for callers that only play: the clips of parts in language lang.
func (l *Library) Clips(lang Language, parts ...Part) ([][]byte, error) {
	c, err := l.Compose(lang, parts...)
	return c.Clips, err
}

// Duration is how long parts last in language lang; a part the library does not
// know lasts nothing.
func (l *Library) Duration(lang Language, parts ...Part) time.Duration {
	return 0
}

// Has tells whether id is a phrase of the library.
func (l *Library) Has(id string) bool { return false }

// IDs lists the phrases a flow may say, sorted.
func (l *Library) IDs() []string { return nil }

// Music is the music on hold: one loop without a seam, A-law 8 kHz.
func (l *Library) Music() []byte { return nil }

// Text is what parts say, as text for people.
func Text(lang Language, parts ...Part) string { return "" }
