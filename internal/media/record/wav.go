package record

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"time"
)

// The header fills exactly one page, so that audio starts on a page boundary
// and the header can be replaced in one write at any time. What the fields do
// not fill is a JUNK chunk. docs/recording.md describes the file.
const (
	headerSize = 4096
	formatALaw = 6  // WAVE_FORMAT_ALAW
	maxMarks   = 76 // pauses that fit the header

	// maxSamples is where the 32-bit lengths of RIFF end: 74 hours.
	maxSamples = (1<<32 - 1 - headerSize) / channels
)

// sampleCount converts a time into samples, rounded down.
func sampleCount(d time.Duration) int64 { return int64(d / time.Microsecond * SampleRate / 1e6) }

// sampleTime converts samples into time.
func sampleTime(n int64) time.Duration { return time.Duration(n) * time.Second / SampleRate }

// putHeader writes the header of a file with n samples per channel into page.
func putHeader(page *[headerSize]byte, n int64, pauses []Pause) {
	if len(pauses) > maxMarks {
		pauses = pauses[:maxMarks]
	}
	size := uint32(n * channels)
	b := page[:0]
	le := binary.LittleEndian
	chunk := func(id string, length int) {
		b = append(b, id...)
		b = le.AppendUint32(b, uint32(length))
	}
	b = append(b, "RIFF"...)
	b = le.AppendUint32(b, headerSize-8+size)
	b = append(b, "WAVE"...)
	chunk("fmt ", 18)
	b = le.AppendUint16(b, formatALaw)
	b = le.AppendUint16(b, channels)
	b = le.AppendUint32(b, SampleRate)
	b = le.AppendUint32(b, SampleRate*channels) // bytes per second
	b = le.AppendUint16(b, channels)            // bytes per sample of all channels
	b = le.AppendUint16(b, 8)                   // bits per sample
	b = le.AppendUint16(b, 0)                   // no extension
	chunk("fact", 4)
	b = le.AppendUint32(b, uint32(n))
	if len(pauses) > 0 {
		chunk("cue ", 4+24*len(pauses))
		b = le.AppendUint32(b, uint32(len(pauses)))
		for i, p := range pauses {
			at := uint32(sampleCount(p.From))
			b = le.AppendUint32(b, uint32(i+1))
			b = le.AppendUint32(b, at)
			b = append(b, "data"...)
			b = le.AppendUint32(b, 0)
			b = le.AppendUint32(b, 0)
			b = le.AppendUint32(b, at)
		}
		chunk("LIST", 4+28*len(pauses))
		b = append(b, "adtl"...)
		for i, p := range pauses {
			chunk("ltxt", 20)
			b = le.AppendUint32(b, uint32(i+1))
			b = le.AppendUint32(b, uint32(sampleCount(max(0, p.To-p.From)))) // 0: not over yet
			b = append(b, "rgn "...)
			b = le.AppendUint64(b, 0) // country, language, dialect, code page
		}
	}
	chunk("JUNK", headerSize-len(b)-8-8)
	clear(page[len(b) : headerSize-8])
	b = page[:headerSize-8]
	chunk("data", int(size))
}

// layout is what a file's header says.
type layout struct {
	dataAt  int64 // offset of the first audio byte
	dataLen int64 // audio bytes according to the header
	pauses  []Pause
}

// readLayout walks the chunks of a stereo A-law WAV file up to its audio.
func readLayout(f io.ReaderAt, size int64) (l layout, err error) {
	var head [12]byte
	if _, err := f.ReadAt(head[:], 0); err != nil {
		return l, fmt.Errorf("%w: no RIFF header: %w", ErrNotRecording, err)
	}
	if string(head[:4]) != "RIFF" || string(head[8:]) != "WAVE" {
		return l, fmt.Errorf("%w: it starts with %q", ErrNotRecording, head[:4])
	}
	formatSeen := false
	starts, lengths := map[uint32]int64{}, map[uint32]int64{}
	for at := int64(12); ; {
		var c [8]byte
		if _, err := f.ReadAt(c[:], at); err != nil {
			return l, fmt.Errorf("%w: no data chunk up to byte %d", ErrNotRecording, at)
		}
		id, length := string(c[:4]), int64(binary.LittleEndian.Uint32(c[4:]))
		at += 8
		switch id {
		case "data":
			if !formatSeen {
				return l, fmt.Errorf("%w: data before fmt", ErrNotRecording)
			}
			l.dataAt, l.dataLen = at, length
			l.pauses = joinMarks(starts, lengths)
			return l, nil
		case "fmt ", "cue ", "LIST":
			if length > headerSize || at+length > size {
				return l, fmt.Errorf("%w: chunk %q of %d bytes at byte %d", ErrNotRecording, id, length, at)
			}
			body := make([]byte, length)
			if _, err := f.ReadAt(body, at); err != nil {
				return l, fmt.Errorf("%w: chunk %q: %w", ErrNotRecording, id, err)
			}
			switch id {
			case "fmt ":
				if err := checkFormat(body); err != nil {
					return l, err
				}
				formatSeen = true
			case "cue ":
				readCues(body, starts)
			case "LIST":
				readLengths(body, lengths)
			}
		}
		at += length + length&1
	}
}

func checkFormat(body []byte) error {
	if len(body) < 16 {
		return fmt.Errorf("%w: fmt chunk of %d bytes", ErrNotRecording, len(body))
	}
	le := binary.LittleEndian
	tag, count, rate := le.Uint16(body), le.Uint16(body[2:]), le.Uint32(body[4:])
	if tag != formatALaw || count != channels || rate != SampleRate {
		return fmt.Errorf("%w: format tag %d, %d channels, %d Hz; want tag %d, %d channels, %d Hz",
			ErrNotRecording, tag, count, rate, formatALaw, channels, SampleRate)
	}
	return nil
}

func readCues(body []byte, starts map[uint32]int64) {
	le := binary.LittleEndian
	for body = body[min(4, len(body)):]; len(body) >= 24; body = body[24:] {
		starts[le.Uint32(body)] = int64(le.Uint32(body[20:]))
	}
}

func readLengths(body []byte, lengths map[uint32]int64) {
	le := binary.LittleEndian
	if !bytes.HasPrefix(body, []byte("adtl")) {
		return
	}
	for body = body[4:]; len(body) >= 8; {
		id, length := string(body[:4]), int(le.Uint32(body[4:]))
		body = body[8:]
		if length < 0 || length > len(body) {
			return
		}
		if id == "ltxt" && length >= 8 {
			lengths[le.Uint32(body)] = int64(le.Uint32(body[4:]))
		}
		body = body[min(len(body), length+length&1):]
	}
}

// joinMarks puts cue points and their lengths together, in the order of ids,
// which we count from 1.
func joinMarks(starts, lengths map[uint32]int64) []Pause {
	var pauses []Pause
	for id := uint32(1); int(id) <= len(starts); id++ {
		from, ok := starts[id]
		if !ok {
			continue
		}
		p := Pause{From: sampleTime(from)}
		if n := lengths[id]; n > 0 {
			p.To = sampleTime(from + n)
		}
		pauses = append(pauses, p)
	}
	return pauses
}
