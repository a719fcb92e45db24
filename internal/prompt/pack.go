package prompt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A pack is all clips of one language in one file:
//
//	"CAGP" 1, language (2 bytes), number of clips (uint32)
//	per clip, by id: length of id (1 byte), id, hash of its words (8), length of audio (uint32)
//	the audio of all clips, in the same order
//
// Numbers are big-endian, audio is A-law at 8,000 Hz.
const packMagic = "CAGP\x01"

// Clip is one recording of a pack.
type Clip struct {
	ID    string
	Hash  [8]byte // Recording.Hash of the words that were recorded
	Audio []byte  // A-law, 8,000 Hz
}

// EncodePack is the pack of clips, sorted by id.
func EncodePack(lang Language, clips []Clip) ([]byte, error) {
	if len(lang) != 2 {
		return nil, fmt.Errorf("language %q: a pack names its language by two letters", lang)
	}
	clips = slices.Clone(clips)
	slices.SortFunc(clips, func(a, b Clip) int { return strings.Compare(a.ID, b.ID) })
	out := append([]byte(packMagic), lang...)
	out = binary.BigEndian.AppendUint32(out, uint32(len(clips)))
	for i, c := range clips {
		if len(c.ID) == 0 || len(c.ID) > 255 {
			return nil, fmt.Errorf("clip id %q: 1 to 255 bytes long", c.ID)
		}
		if i > 0 && clips[i-1].ID == c.ID {
			return nil, fmt.Errorf("clip id %q twice", c.ID)
		}
		out = append(out, byte(len(c.ID)))
		out = append(out, c.ID...)
		out = append(out, c.Hash[:]...)
		out = binary.BigEndian.AppendUint32(out, uint32(len(c.Audio)))
	}
	for _, c := range clips {
		out = append(out, c.Audio...)
	}
	return out, nil
}

var errPackShort = errors.New("the pack ends too early; make it again with make prompts")

// DecodePack reads a pack. The audio of the clips is part of data, not a copy.
func DecodePack(data []byte) (Language, []Clip, error) {
	head, ok := strings.CutPrefix(string(data[:min(len(data), len(packMagic)+6)]), packMagic)
	if !ok {
		return "", nil, errors.New("not a pack of prompts: it does not begin with CAGP 1")
	}
	if len(head) < 6 {
		return "", nil, errPackShort
	}
	lang := Language(head[:2])
	n := int(binary.BigEndian.Uint32([]byte(head[2:])))
	rest := data[len(packMagic)+6:]
	if n > len(rest)/14 {
		return "", nil, errPackShort
	}
	clips := make([]Clip, n)
	sizes := make([]int, n)
	total := 0
	for i := range clips {
		if len(rest) < 1 || len(rest) < 1+int(rest[0])+12 {
			return "", nil, errPackShort
		}
		idLen := int(rest[0])
		clips[i].ID = string(rest[1 : 1+idLen])
		copy(clips[i].Hash[:], rest[1+idLen:])
		sizes[i] = int(binary.BigEndian.Uint32(rest[9+idLen:]))
		total += sizes[i]
		rest = rest[13+idLen:]
	}
	if total != len(rest) {
		return "", nil, errPackShort
	}
	for i := range clips {
		// The capacity is cut too: an append by mistake must not write into the next clip.
		clips[i].Audio, rest = rest[:sizes[i]:sizes[i]], rest[sizes[i]:]
	}
	return lang, clips, nil
}
