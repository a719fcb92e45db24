package call

import (
	"path/filepath"
	"time"

	"cagri/internal/media/record"
	"cagri/internal/media/tone"
)

// ear keeps what one end of a call hears.
type ear struct {
	e    *end
	rec  *record.Recording
	path string
}

// listen begins to keep what e hears.
func (e *end) listen() *ear {
	e.r.t.Helper()
	h := &ear{e: e, path: filepath.Join(e.r.dir, "heard", e.callID[:12]+time.Now().Format("150405.000000")+".wav")}
	var err error
	if h.rec, err = e.r.folk.Record(h.path, nil); err != nil {
		e.r.t.Fatalf("%v", err)
	}
	e.mu.Lock()
	e.leg.RecordTo(h.rec, record.Caller)
	e.mu.Unlock()
	return h
}

// share ends the listening and says how many tenths of a second of what was heard
// were a tone of that pitch.
func (h *ear) share(pitch float64) int {
	h.e.r.t.Helper()
	if h.rec != nil {
		if _, err := h.rec.Close(h.e.r.folk.Now()); err != nil {
			h.e.r.t.Fatalf("%v", err)
		}
		h.rec = nil
	}
	heard, _, err := record.ReadFile(h.path)
	if err != nil {
		h.e.r.t.Fatalf("%v", err)
	}
	n, step := 0, tone.Samples(100*time.Millisecond)
	for i := 0; i+step <= len(heard); i += step {
		if part := heard[i : i+step]; tone.RMS(part) > 0.05 && tone.Power(part, pitch) > 0.6 {
			n++
		}
	}
	return n
}
