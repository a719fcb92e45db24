package sound

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// WAV is a mono recording read from a RIFF file.
type WAV struct {
	Rate    int       // Hz
	Samples []float64 // -1..1
	ALaw    []byte    // the bytes as they stand in the file when it is A-law, else nil
}

// WAVE format tags (RFC 2361 appendix A).
const (
	tagPCM        = 1
	tagALaw       = 6
	tagExtensible = 0xFFFE
)

// ReadWAV reads a WAV file: mono, 16-bit PCM or A-law. Sizes that a pipe left open
// (0xFFFFFFFF or beyond the end) mean "to the end of the file".
func ReadWAV(data []byte) (WAV, error) {
	if len(data) < 12 || string(data[:4]) != "RIFF" || string(data[8:12]) != "WAVE" {
		return WAV{}, errors.New("not a WAV file: it does not begin with RIFF…WAVE")
	}
	var w WAV
	tag, bits := 0, 0
	for rest := data[12:]; len(rest) >= 8; {
		id, size := string(rest[:4]), uint64(binary.LittleEndian.Uint32(rest[4:]))
		body := rest[8:]
		if size > uint64(len(body)) {
			size = uint64(len(body))
		}
		body = body[:size]
		switch id {
		case "fmt ":
			if len(body) < 16 {
				return WAV{}, errors.New("WAV file with a short format chunk")
			}
			tag = int(binary.LittleEndian.Uint16(body))
			if tag == tagExtensible && len(body) >= 26 {
				tag = int(binary.LittleEndian.Uint16(body[24:]))
			}
			if ch := binary.LittleEndian.Uint16(body[2:]); ch != 1 {
				return WAV{}, fmt.Errorf("WAV file with %d channels; save it as mono", ch)
			}
			w.Rate = int(int32(binary.LittleEndian.Uint32(body[4:])))
			bits = int(binary.LittleEndian.Uint16(body[14:]))
			if tag != tagALaw && (tag != tagPCM || bits != 16) {
				return WAV{}, fmt.Errorf("WAV file with format %d and %d bits; save it as 16-bit PCM or A-law", tag, bits)
			}
		case "data":
			switch {
			case tag == tagALaw:
				w.ALaw = body
				w.Samples = FromALaw(body)
			case tag == tagPCM:
				w.Samples = make([]float64, len(body)/2)
				for i := range w.Samples {
					w.Samples[i] = float64(int16(binary.LittleEndian.Uint16(body[2*i:]))) / 32768
				}
			default:
				return WAV{}, errors.New("WAV file whose data stands before its format")
			}
			if len(w.Samples) == 0 {
				return WAV{}, errors.New("WAV file without sound")
			}
			return w, nil
		}
		next := 8 + size + size&1
		if next > uint64(len(rest)) {
			break
		}
		rest = rest[next:]
	}
	return WAV{}, errors.New("WAV file without a data chunk")
}
